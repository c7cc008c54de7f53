/* The check of a chain long after it was used: for what was signed and kept. */
#ifndef SL_IDENTITY_OFFLINE_H
#define SL_IDENTITY_OFFLINE_H

#include "identity/identity.h"

/* As sl_identity_check_chain for a client of that flock, but against a file of authorities alone: no dates, no
 * revocation lists, an extended key usage need not be there. And the chain has no certificate that is of no use, unless
 * it is one of the authorities: none of its bytes may be another. */
SL_MUST_USE enum sl_status sl_offline_check(struct sl_credential **out, const char *authorities, const char *flock,
                                            enum sl_name_from name_from, const struct sl_bytes *chain, size_t count,
                                            struct sl_error *error);

#endif
