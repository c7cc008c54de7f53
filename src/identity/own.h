/* One of the two certificates of this node, with its key. */
#ifndef SL_IDENTITY_OWN_H
#define SL_IDENTITY_OWN_H

#include <stdatomic.h>

#include "identity/key.h"
#include "identity/trust.h"

/* Immutable, reference-counted: generations that differ in revocation lists alone share it. */
struct sl_own_certificate {
    atomic_size_t references;
    gnutls_certificate_credentials_t credentials;
    struct sl_key key; /* the credentials' */
    struct sl_bytes chain[SL_CHAIN_MAX];
    size_t count;
    gnutls_sign_algorithm_t algorithm;
    uint8_t key_digest[SL_KEY_DIGEST_SIZE];
    gnutls_x509_crt_t authority; /* that it leads to; the trust's */
};

/* Where to look. All borrowed. */
struct sl_own_places {
    const char *node;        /* whose it must be */
    const char *certificate; /* file */
    const char *key;         /* file or PKCS#11 URI */
    struct sl_passphrase_source passphrase;
};

/* Reads both, and checks them as a peer would and that the certificate names the node. The error names the file.
 * `previous` (may be NULL) is the one of an older generation, see sl_key_load. *out is one reference, the caller's. */
SL_MUST_USE enum sl_status sl_own_load(struct sl_own_certificate **out, struct sl_trust *trust,
                                       const struct sl_revocations *lists, enum sl_purpose purpose,
                                       const struct sl_own_places *places, const struct sl_own_certificate *previous,
                                       struct sl_error *error);
struct sl_own_certificate *sl_own_ref(struct sl_own_certificate *own);
void sl_own_unref(struct sl_own_certificate *own); /* accepts NULL */

#endif
