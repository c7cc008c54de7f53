#include "identity/delegate.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const char context[] = "starling delegation 1"; /* its NUL is signed, too */

struct sl_delegate {
    atomic_size_t references;
    gnutls_privkey_t key;
    uint8_t public_key[SL_DELEGATE_KEY_SIZE];
    uint64_t not_after;       /* Unix seconds */
    gnutls_datum_t signature; /* the client key's */
};

static_assert(sizeof context == 22, "as SL_DELEGATION_MESSAGE_MAX counts it");

/* ---- what is signed ---- */

size_t sl_delegation_message(uint8_t out[SL_DELEGATION_MESSAGE_MAX], const char *flock, const char *node,
                             const uint8_t key[SL_DELEGATE_KEY_SIZE], const uint8_t client_key[SL_KEY_DIGEST_SIZE],
                             uint64_t not_after) {
    uint8_t when[8], *to = out;
    sl_put_u64(when, not_after);
    const struct sl_bytes parts[] = {
        {(const uint8_t *)context, sizeof context}, {(const uint8_t *)flock, strlen(flock) + 1},
        {(const uint8_t *)node, strlen(node) + 1},  {key, SL_DELEGATE_KEY_SIZE},
        {client_key, SL_KEY_DIGEST_SIZE},           {when, sizeof when}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        memcpy(to, parts[i].data, parts[i].length);
        to += parts[i].length;
    }
    return (size_t)(to - out);
}

/* ---- ours ---- */

static int generate(struct sl_delegate *delegate) {
    gnutls_datum_t x = {NULL, 0};
    int code = gnutls_privkey_init(&delegate->key);
    if (code >= 0)
        code = gnutls_privkey_generate(delegate->key, GNUTLS_PK_EDDSA_ED25519, 0, 0);
    gnutls_pubkey_t half = NULL;
    if (code >= 0)
        code = gnutls_pubkey_init(&half);
    if (code >= 0)
        code = gnutls_pubkey_import_privkey(half, delegate->key, 0, 0);
    if (code >= 0)
        code = gnutls_pubkey_export_ecc_raw2(half, NULL, &x, NULL, 0);
    if (code >= 0 && x.size != SL_DELEGATE_KEY_SIZE)
        code = GNUTLS_E_INTERNAL_ERROR;
    if (code >= 0)
        memcpy(delegate->public_key, x.data, SL_DELEGATE_KEY_SIZE);
    gnutls_free(x.data);
    if (half != NULL)
        gnutls_pubkey_deinit(half);
    return code;
}

static int sign(struct sl_delegate *delegate, const struct sl_own_certificate *client, const char *flock,
                const char *node) {
    uint8_t message[SL_DELEGATION_MESSAGE_MAX];
    size_t length =
        sl_delegation_message(message, flock, node, delegate->public_key, client->key_digest, delegate->not_after);
    const gnutls_datum_t data = {message, (unsigned)length};
    return gnutls_privkey_sign_data2(client->key.key, client->algorithm, 0, &data, &delegate->signature);
}

enum sl_status sl_delegate_create(struct sl_delegate **out, const struct sl_own_certificate *client, const char *flock,
                                  const char *node, int64_t now, struct sl_error *error) {
    *out = NULL;
    struct sl_delegate *delegate = calloc(1, sizeof *delegate);
    if (delegate == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "no memory for a key");
    atomic_init(&delegate->references, 1);
    delegate->not_after = (uint64_t)(now + SL_DELEGATION_LIFE);
    int code = generate(delegate);
    enum sl_status status = SL_OK;
    if (code < 0)
        status = sl_gnutls_error(error, SL_CRYPTO, code, "making a key");
    else if ((code = sign(delegate, client, flock, node)) < 0)
        status = sl_gnutls_error(error, SL_CRYPTO, code, "signing with the client key");
    else if (delegate->signature.size > SL_SIGNATURE_MAX)
        status = sl_error_set(error, SL_LIMIT, "a signature of %u bytes", delegate->signature.size);
    if (status == SL_OK)
        *out = delegate;
    else
        sl_delegate_unref(delegate);
    return status;
}

struct sl_delegate *sl_delegate_ref(struct sl_delegate *delegate) {
    atomic_fetch_add_explicit(&delegate->references, 1, memory_order_relaxed);
    return delegate;
}

void sl_delegate_unref(struct sl_delegate *delegate) {
    if (delegate == NULL || atomic_fetch_sub_explicit(&delegate->references, 1, memory_order_acq_rel) != 1)
        return;
    if (delegate->key != NULL)
        gnutls_privkey_deinit(delegate->key); /* GnuTLS wipes it */
    gnutls_free(delegate->signature.data);
    free(delegate);
}

struct sl_delegation sl_delegate_delegation(const struct sl_delegate *delegate) {
    return (struct sl_delegation){.key = {delegate->public_key, sizeof delegate->public_key},
                                  .not_after = delegate->not_after,
                                  .signature = {delegate->signature.data, delegate->signature.size}};
}

enum sl_status sl_delegate_sign(const struct sl_delegate *delegate, uint8_t out[SL_PROOF_SIZE], struct sl_bytes message,
                                struct sl_error *error) {
    const gnutls_datum_t data = sl_datum(message);
    gnutls_datum_t signature = {NULL, 0};
    int code = gnutls_privkey_sign_data2(delegate->key, GNUTLS_SIGN_EDDSA_ED25519, 0, &data, &signature);
    if (code >= 0 && signature.size == SL_PROOF_SIZE)
        memcpy(out, signature.data, SL_PROOF_SIZE);
    else if (code >= 0)
        code = GNUTLS_E_INTERNAL_ERROR;
    gnutls_free(signature.data);
    return code >= 0 ? SL_OK : sl_gnutls_error(error, SL_CRYPTO, code, "signing with the process's key");
}

bool sl_delegate_is_due(const struct sl_delegate *delegate, int64_t now) {
    int64_t left = (int64_t)delegate->not_after - now;
    return left <= SL_DELEGATION_LIFE / 2 || left > SL_DELEGATION_LIFE;
}

/* ---- a peer's ---- */

static size_t message_of(uint8_t out[SL_DELEGATION_MESSAGE_MAX], const char *flock,
                         const struct sl_credential *credential, const struct sl_delegation *delegation) {
    uint8_t client_key[SL_KEY_DIGEST_SIZE];
    sl_credential_key_digest(credential, client_key);
    return sl_delegation_message(out, flock, sl_credential_node(credential), delegation->key.data, client_key,
                                 delegation->not_after);
}

void sl_delegation_digest(struct sl_digest *out, const char *flock, const struct sl_credential *credential,
                          const struct sl_delegation *delegation) {
    static const uint8_t kind = 2; /* no purpose of a chain has this value: see sl_chain_cache_key */
    uint8_t message[SL_DELEGATION_MESSAGE_MAX];
    size_t length = message_of(message, flock, credential, delegation);
    const struct sl_bytes parts[] = {{&kind, 1}, {message, length}, delegation->signature};
    sl_digest_of_parts(out, parts, sizeof parts / sizeof *parts);
}

enum sl_status sl_delegation_check(const char *flock, const struct sl_credential *credential,
                                   const struct sl_delegation *delegation, struct sl_error *error) {
    uint8_t message[SL_DELEGATION_MESSAGE_MAX];
    size_t length = message_of(message, flock, credential, delegation);
    return sl_credential_verify(credential, (struct sl_bytes){message, length}, delegation->signature, error);
}

enum sl_status sl_delegation_verify(const struct sl_delegation *delegation, struct sl_bytes message,
                                    struct sl_bytes signature, struct sl_error *error) {
    const gnutls_datum_t x = sl_datum(delegation->key), data = sl_datum(message), value = sl_datum(signature);
    gnutls_pubkey_t key = NULL;
    if (signature.length != SL_PROOF_SIZE)
        return sl_error_set(error, SL_UNTRUSTED, "a signature of %zu bytes", signature.length);
    int code = gnutls_pubkey_init(&key);
    if (code >= 0)
        code = gnutls_pubkey_import_ecc_raw(key, GNUTLS_ECC_CURVE_ED25519, &x, NULL);
    if (code >= 0)
        code = gnutls_pubkey_verify_data2(key, GNUTLS_SIGN_EDDSA_ED25519, 0, &data, &value);
    if (key != NULL)
        gnutls_pubkey_deinit(key);
    if (code == GNUTLS_E_MEMORY_ERROR)
        return sl_gnutls_error(error, SL_NO_MEMORY, code, "checking a signature");
    return code >= 0 ? SL_OK : sl_error_set(error, SL_UNTRUSTED, "the signature is not by the delegated key");
}
