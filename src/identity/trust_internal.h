/* What trust.c keeps and chain_check.c asks. */
#ifndef SL_IDENTITY_TRUST_INTERNAL_H
#define SL_IDENTITY_TRUST_INTERNAL_H

#include <stdatomic.h>

#include "identity/issuers.h"
#include "identity/trust.h"

struct sl_trust {
    atomic_size_t references;
    struct sl_certificates authorities;
    gnutls_x509_trust_list_t *lists; /* for each authority one that trusts it alone; only read once they are filled */
    struct sl_issuers intermediates; /* seen below them */
    bool with_intermediates;         /* the line above has been set up */
    enum sl_name_from name_from;
    enum sl_requirement crl, purpose;
    bool any_time; /* dates are not looked at */
    char **allowed;
    size_t allowed_count;
    char flock[SL_NAME_SIZE];
};

#endif
