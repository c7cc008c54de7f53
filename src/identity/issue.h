/* Making keys and certificates. */
#ifndef SL_IDENTITY_ISSUE_H
#define SL_IDENTITY_ISSUE_H

#include <starling/identity.h>

#include "identity/certificate.h"

/* A new private key; the caller's, freed with gnutls_x509_privkey_deinit. */
SL_MUST_USE enum sl_status sl_key_generate(gnutls_x509_privkey_t *out, enum sl_key_kind kind, struct sl_error *error);

/* Writes it as PKCS#8, mode 0600; with a passphrase encrypted by PBES2 with AES-256. */
SL_MUST_USE enum sl_status sl_key_write(gnutls_x509_privkey_t key, const char *path, const char *passphrase,
                                        struct sl_error *error);

/* What an authority signs with. */
struct sl_issuer {
    gnutls_x509_crt_t certificate;
    gnutls_privkey_t key;
};

/* A self-signed authority for one flock: it may sign nodes' certificates and revocation lists, and no further
 * authority. *out is the caller's. */
SL_MUST_USE enum sl_status sl_issue_authority(gnutls_x509_crt_t *out, gnutls_x509_privkey_t key, const char *flock,
                                              unsigned days, struct sl_error *error);

struct sl_node_subject {
    const char *flock, *node;
    const char *const *hosts; /* DNS names and IP literals, already checked */
    size_t host_count;
    enum sl_purpose purpose;
    unsigned days;
};

/* A node's certificate for one purpose; it ends with the issuer's at the latest. *out is the caller's. */
SL_MUST_USE enum sl_status sl_issue_node(gnutls_x509_crt_t *out, gnutls_x509_privkey_t key,
                                         const struct sl_node_subject *subject, const struct sl_issuer *issuer,
                                         struct sl_error *error);

/* Writes certificates as PEM, mode 0644. */
SL_MUST_USE enum sl_status sl_certificates_write(const gnutls_x509_crt_t *certificates, unsigned count,
                                                 const char *path, struct sl_error *error);

#endif
