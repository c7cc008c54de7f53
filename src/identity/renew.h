/* Renewing authorities that are below another. */
#ifndef SL_IDENTITY_RENEW_H
#define SL_IDENTITY_RENEW_H

#include "identity/authority.h"

/* The folder of an authority, not of a kit. */
bool sl_folder_is_authority(const char *folder);

/* Puts a new certificate of this parent, which is open, with the same key, name and limits into the folder's ca.pem.
 * The parent may be another one of the flock than before. The rest of the file stays. SL_UNTRUSTED: what it has is
 * revoked, or not by an authority in the parent's ca.pem; SL_MISMATCH: of another flock. */
SL_MUST_USE enum sl_status sl_authority_renew_folder(struct sl_authority *parent, const char *folder, unsigned days,
                                                     struct sl_error *error);
/* The same for one that is elsewhere: `answer` becomes what its ca.pem is to be. SL_NOT_FOUND: the parent's database
 * has no good one of that name. */
SL_MUST_USE enum sl_status sl_authority_renew_named(struct sl_authority *parent, const char *name, const char *answer,
                                                    unsigned days, struct sl_error *error);

#endif
