/* Opening an authority to issue with it. */
#ifndef SL_IDENTITY_AUTHORITY_H
#define SL_IDENTITY_AUTHORITY_H

#include "identity/issue.h"

struct sl_authority {
    struct sl_certificates certificates; /* of ca.pem */
    struct sl_issuer issuer;             /* the first of them, and ca.key */
    char flock[SL_NAME_SIZE];            /* its subject's organisation */
};

/* Checks that the key is the certificate's and that the authority is valid now. On failure nothing is held. */
SL_MUST_USE enum sl_status sl_authority_open(struct sl_authority *authority, const char *folder, const char *passphrase,
                                             struct sl_error *error);
void sl_authority_finish(struct sl_authority *authority);

#endif
