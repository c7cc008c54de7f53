/* Certificates for the limit, made in memory: an authority, and a mutual pair a process. All return GnuTLS's code. */
#ifndef LIMIT_CERTIFICATES_H
#define LIMIT_CERTIFICATES_H

#include <gnutls/x509.h>

struct limit_pair {
    gnutls_x509_privkey_t key;
    gnutls_datum_t der;
};

/* ECDSA P-256. issuer NULL: an authority; `purpose`: the OID of the extended key usage. */
int limit_issue(struct limit_pair *out, const struct limit_pair *issuer, const char *purpose);
/* A fresh certificate for one side, trusting the authority alone. */
int limit_credentials(gnutls_certificate_credentials_t *out, const struct limit_pair *authority, const char *purpose);

#endif
