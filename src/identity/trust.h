/* The authority that this flock trusts, and the one check of a chain against it. */
#ifndef SL_IDENTITY_TRUST_H
#define SL_IDENTITY_TRUST_H

#include "identity/certificate.h"

struct sl_trust {
    struct sl_certificates authorities;
    gnutls_x509_trust_list_t list; /* borrows the authorities; only read once it is filled */
    enum sl_name_from name_from;
    char flock[SL_NAME_SIZE];
};

/* How GnuTLS judges signatures and keys here. */
enum {
    SL_TRUST_FLAGS = GNUTLS_VERIFY_DO_NOT_ALLOW_SAME | GNUTLS_VERIFY_DO_NOT_ALLOW_X509_V1_CA_CRT |
                     GNUTLS_PROFILE_TO_VFLAGS(GNUTLS_PROFILE_MEDIUM)
};

/* Reads the authorities' PEM file. On failure nothing is kept. The error names the file. */
SL_MUST_USE enum sl_status sl_trust_init(struct sl_trust *trust, const char *file, const char *flock,
                                         enum sl_name_from name_from, struct sl_error *error);
void sl_trust_finish(struct sl_trust *trust);

/* As sl_identity_check_chain. */
SL_MUST_USE enum sl_status sl_trust_check(const struct sl_trust *trust, struct sl_credential **out,
                                          enum sl_purpose purpose, const struct sl_bytes *chain, size_t count,
                                          struct sl_error *error);

#endif
