/* Making revocation lists. */
#ifndef SL_IDENTITY_CRL_ISSUE_H
#define SL_IDENTITY_CRL_ISSUE_H

#include <stdint.h>

#include "identity/issue.h"
#include "identity/revocation_list.h"

enum { SL_SERIAL_MAX = 20 }; /* bytes: RFC 5280, 4.1.2.2 */

struct sl_revoked {
    uint8_t serial[SL_SERIAL_MAX];
    size_t length;
    int64_t at; /* seconds since 1970 */
};

/* A version 2 list with number, next update in `days` and the issuer's key identifier. *out is one reference, the
 * caller's. SL_UNTRUSTED where the issuer's key usage does not let it sign lists. */
SL_MUST_USE enum sl_status sl_crl_issue(struct sl_revocation_list **out, const struct sl_revoked *revoked, size_t count,
                                        uint64_t number, unsigned days, const struct sl_issuer *issuer,
                                        struct sl_error *error);

#endif
