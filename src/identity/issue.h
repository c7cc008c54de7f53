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

/* The same key to sign with, and its public half; each the caller's. */
SL_MUST_USE enum sl_status sl_key_signer(gnutls_privkey_t *out, gnutls_x509_privkey_t key, struct sl_error *error);
SL_MUST_USE enum sl_status sl_key_public(gnutls_pubkey_t *out, gnutls_privkey_t key, struct sl_error *error);

/* The key that a certificate is for, the caller's; and whether it is this one. */
SL_MUST_USE enum sl_status sl_certificate_key(gnutls_pubkey_t *out, gnutls_x509_crt_t certificate,
                                              struct sl_error *error);
bool sl_public_key_is_of(gnutls_pubkey_t key, gnutls_x509_crt_t certificate);

/* What an authority signs with. */
struct sl_issuer {
    gnutls_x509_crt_t certificate; /* NULL: what it signs becomes its certificate */
    gnutls_privkey_t key;
};

struct sl_authority_subject {
    const char *flock;
    const char *name; /* what tells an intermediate authority from others; unused where it is self-signed */
    unsigned days;
    int path_length;  /* how many authorities may follow below it */
    bool constrained; /* it may name nodes of this flock alone (a name constraint on URIs, critical) */
};

/* An authority for one flock: it may sign certificates and revocation lists. It ends with its issuer at the latest.
 * *out is the caller's. */
SL_MUST_USE enum sl_status sl_issue_authority(gnutls_x509_crt_t *out, gnutls_pubkey_t key,
                                              const struct sl_authority_subject *subject,
                                              const struct sl_issuer *issuer, struct sl_error *error);

/* What `former` says (key, names, limits, all of it), signed anew: with another serial number and other dates. *out is
 * the caller's. */
SL_MUST_USE enum sl_status sl_issue_again(gnutls_x509_crt_t *out, gnutls_x509_crt_t former, unsigned days,
                                          const struct sl_issuer *issuer, struct sl_error *error);

struct sl_node_subject {
    const char *flock, *node;
    const char *const *hosts; /* DNS names and IP literals, already checked */
    size_t host_count;
    enum sl_purpose purpose;
    unsigned days;
};

/* A node's certificate for one purpose; it ends with the issuer's at the latest. *out is the caller's. */
SL_MUST_USE enum sl_status sl_issue_node(gnutls_x509_crt_t *out, gnutls_pubkey_t key,
                                         const struct sl_node_subject *subject, const struct sl_issuer *issuer,
                                         struct sl_error *error);

#endif
