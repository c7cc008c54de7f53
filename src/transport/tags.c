#include "transport/tags.h"

#include <gnutls/gnutls.h>

#include "base/bytes.h"

enum { NONCE_SIZE = 12 };

enum sl_status sl_tags_init(struct sl_tags *tags, const uint8_t key[SL_TAG_KEY_SIZE], struct sl_error *error) {
    *tags = (struct sl_tags){0};
    /* GnuTLS copies the key and does not write through this. */
    gnutls_datum_t copied = {(unsigned char *)(uintptr_t)key, SL_TAG_KEY_SIZE};
    int code = gnutls_aead_cipher_init(&tags->cipher, GNUTLS_CIPHER_AES_256_GCM, &copied);
    if (code >= 0)
        return SL_OK;
    tags->cipher = NULL;
    return sl_error_set(error, code == GNUTLS_E_MEMORY_ERROR ? SL_NO_MEMORY : SL_CRYPTO, "the key of the tags: %s",
                        gnutls_strerror(code));
}

void sl_tags_finish(struct sl_tags *tags) {
    if (tags->cipher != NULL)
        gnutls_aead_cipher_deinit(tags->cipher);
    *tags = (struct sl_tags){0};
}

static void put_nonce(uint8_t nonce[NONCE_SIZE], const struct sl_tags *tags) {
    sl_put_u32(nonce, 0);
    sl_put_u64(nonce + 4, tags->count);
}

/* The two parts as associated data; how many of them hold anything. */
static int put_parts(giovec_t parts[2], const uint8_t *header, size_t header_length, const uint8_t *payload,
                     size_t payload_length) {
    parts[0] = (giovec_t){.iov_base = (void *)(uintptr_t)header, .iov_len = header_length};
    parts[1] = (giovec_t){.iov_base = (void *)(uintptr_t)payload, .iov_len = payload_length};
    return payload_length == 0 ? 1 : 2;
}

enum sl_status sl_tags_make(struct sl_tags *tags, uint8_t out[SL_TAG_SIZE], const uint8_t *header, size_t header_length,
                            const uint8_t *payload, size_t payload_length) {
    uint8_t nonce[NONCE_SIZE];
    giovec_t parts[2];
    size_t size = SL_TAG_SIZE;
    int count = put_parts(parts, header, header_length, payload, payload_length);
    put_nonce(nonce, tags);
    if (tags->count == SL_TAGS_MAX ||
        gnutls_aead_cipher_encryptv2(tags->cipher, nonce, sizeof nonce, parts, count, NULL, 0, out, &size) < 0)
        return SL_CRYPTO;
    tags->count++;
    return SL_OK;
}

bool sl_tags_check(struct sl_tags *tags, const uint8_t tag[SL_TAG_SIZE], const uint8_t *header, size_t header_length,
                   const uint8_t *payload, size_t payload_length) {
    uint8_t nonce[NONCE_SIZE];
    giovec_t parts[2];
    int count = put_parts(parts, header, header_length, payload, payload_length);
    put_nonce(nonce, tags);
    if (tags->count == SL_TAGS_MAX || gnutls_aead_cipher_decryptv2(tags->cipher, nonce, sizeof nonce, parts, count,
                                                                   NULL, 0, (void *)(uintptr_t)tag, SL_TAG_SIZE) < 0)
        return false;
    tags->count++;
    return true;
}
