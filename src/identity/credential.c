#include "identity/credential.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/digest.h"

static_assert(sizeof(struct sl_digest) == SL_KEY_DIGEST_SIZE, "a key's digest is SHA-256");

/* What GnuTLS holds of a parsed certificate is some 30 times its DER, and there is a credential for every connection:
 * only the public key stays parsed. */
struct sl_credential {
    atomic_size_t references;
    gnutls_pubkey_t key;
    gnutls_sign_algorithm_t algorithm;
    struct sl_digest key_digest;
    char node[SL_NAME_SIZE];
    char text[SL_CERTIFICATE_TEXT_SIZE];
    struct sl_bytes chain[SL_CHAIN_MAX]; /* in der */
    size_t count;
    uint8_t der[];
};

static struct sl_credential *allocate(const struct sl_bytes *chain, size_t count) {
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += chain[i].length;
    struct sl_credential *credential = calloc(1, sizeof *credential + size);
    if (credential == NULL)
        return NULL;
    atomic_init(&credential->references, 1);
    uint8_t *to = credential->der;
    for (size_t i = 0; i < count; i++) {
        memcpy(to, chain[i].data, chain[i].length);
        credential->chain[i] = (struct sl_bytes){to, chain[i].length};
        to += chain[i].length;
    }
    credential->count = count;
    return credential;
}

enum sl_status sl_credential_create(struct sl_credential **out, gnutls_x509_crt_t leaf, const struct sl_bytes *chain,
                                    size_t count, const char *node, struct sl_error *error) {
    *out = NULL;
    struct sl_credential *credential = allocate(chain, count);
    if (credential == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "no memory for a credential");
    size_t length = sizeof credential->key_digest.bytes;
    int code = gnutls_pubkey_init(&credential->key);
    if (code >= 0)
        code = gnutls_pubkey_import_x509(credential->key, leaf, 0);
    if (code >= 0)
        code =
            gnutls_pubkey_get_key_id(credential->key, GNUTLS_KEYID_USE_SHA256, credential->key_digest.bytes, &length);
    if (code >= 0)
        credential->algorithm = sl_signature_algorithm((unsigned)gnutls_pubkey_get_pk_algorithm(credential->key, NULL));
    enum sl_status status = SL_OK;
    if (code < 0)
        status = sl_gnutls_error(error, SL_UNTRUSTED, code, "its public key cannot be read");
    else if (credential->algorithm == GNUTLS_SIGN_UNKNOWN)
        status = sl_error_set(error, SL_UNTRUSTED, "its key is neither ECDSA, Ed25519, Ed448 nor RSA");
    if (status != SL_OK) {
        sl_credential_unref(credential);
        return status;
    }
    (void)snprintf(credential->node, sizeof credential->node, "%s", node);
    sl_certificate_text(credential->text, leaf);
    *out = credential;
    return SL_OK;
}

struct sl_credential *sl_credential_ref(struct sl_credential *credential) {
    atomic_fetch_add_explicit(&credential->references, 1, memory_order_relaxed);
    return credential;
}

void sl_credential_unref(struct sl_credential *credential) {
    if (credential == NULL || atomic_fetch_sub_explicit(&credential->references, 1, memory_order_acq_rel) != 1)
        return;
    if (credential->key != NULL)
        gnutls_pubkey_deinit(credential->key);
    free(credential);
}

const char *sl_credential_node(const struct sl_credential *credential) {
    return credential->node;
}

const char *sl_credential_text(const struct sl_credential *credential) {
    return credential->text;
}

void sl_credential_key_digest(const struct sl_credential *credential, uint8_t out[SL_KEY_DIGEST_SIZE]) {
    memcpy(out, credential->key_digest.bytes, SL_KEY_DIGEST_SIZE);
}

size_t sl_credential_chain(const struct sl_credential *credential, struct sl_bytes out[SL_CHAIN_MAX]) {
    memcpy(out, credential->chain, credential->count * sizeof *out);
    return credential->count;
}

bool sl_credential_serves_host(const struct sl_credential *credential, const char *host) {
    gnutls_x509_crt_t leaf = NULL;
    bool serves =
        sl_certificate_import(&leaf, credential->chain[0], NULL) == SL_OK && sl_certificate_serves_host(leaf, host);
    if (leaf != NULL)
        gnutls_x509_crt_deinit(leaf);
    return serves;
}

enum sl_status sl_credential_verify(const struct sl_credential *credential, struct sl_bytes message,
                                    struct sl_bytes signature, struct sl_error *error) {
    if (message.length > UINT32_MAX || signature.length == 0 || signature.length > SL_SIGNATURE_MAX)
        return sl_error_set(error, SL_UNTRUSTED, "a signature of %zu bytes", signature.length);
    gnutls_datum_t data = sl_datum(message), value = sl_datum(signature);
    int code = gnutls_pubkey_verify_data2(credential->key, credential->algorithm, 0, &data, &value);
    if (code < 0)
        return sl_error_set(error, SL_UNTRUSTED, "the signature is not by the key of %s", credential->text);
    return SL_OK;
}
