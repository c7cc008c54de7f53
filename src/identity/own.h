/* One of the two certificates of this node, with its key. */
#ifndef SL_IDENTITY_OWN_H
#define SL_IDENTITY_OWN_H

#include "identity/trust.h"

struct sl_own_certificate {
    gnutls_certificate_credentials_t credentials;
    gnutls_privkey_t key; /* the credentials' */
    gnutls_datum_t chain[SL_CHAIN_MAX];
    unsigned count;
    gnutls_sign_algorithm_t algorithm;
};

/* Reads both files, checks them as a peer would and that the certificate names `node`. The error names the file.
 * On failure `own` is as sl_own_finish leaves it. */
SL_MUST_USE enum sl_status sl_own_load(struct sl_own_certificate *own, const struct sl_trust *trust,
                                       enum sl_purpose purpose, const char *node, const char *certificate_file,
                                       const char *key_file, struct sl_error *error);
void sl_own_finish(struct sl_own_certificate *own);

/* Reads a PEM private key, PKCS#8 or traditional. `passphrase` NULL: it must not be encrypted. The bytes of the file
 * are wiped. *out is the caller's. */
SL_MUST_USE enum sl_status sl_key_read(gnutls_privkey_t *out, const char *path, const char *passphrase,
                                       struct sl_error *error);

/* Whether this is the certificate's private key. */
bool sl_key_is_of(gnutls_privkey_t key, gnutls_x509_crt_t certificate);

#endif
