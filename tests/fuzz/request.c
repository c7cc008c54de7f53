/* A certificate request from anybody: refused in one printable line, or with names as starling has them. The input: two
 * bytes of length and a request in DER, repeated, which goes into PEM; or, where the first byte is '-', the file as it
 * is. Keys are fresh a process. */
#include <string.h>

#include "crypto/random.h"
#include "identity/kit_settings.h"
#include "identity/request.h"
#include "support/certificates.h"
#include "target.h"

static const char header[] = "NEW CERTIFICATE REQUEST";
static const char *const hosts[] = {"node.example", "10.1.2.3", "fd00::7"};

/* Both requests, as PEM. */
static void make(struct sl_buffer *text) {
    FUZZ_CHECK(sl_crypto_start(NULL) == SL_OK);
    for (int purpose = SL_PURPOSE_SERVER; purpose <= SL_PURPOSE_CLIENT; purpose++) {
        gnutls_x509_privkey_t key;
        gnutls_privkey_t signer;
        const struct sl_node_subject subject = {
            .flock = "demo", .node = "alice", .hosts = hosts, .host_count = 3, .purpose = (enum sl_purpose)purpose};
        FUZZ_CHECK(sl_key_generate(&key, SL_KEY_ECDSA_P256, NULL) == SL_OK);
        FUZZ_CHECK(sl_key_signer(&signer, key, NULL) == SL_OK);
        FUZZ_CHECK(sl_request_append(text, key, signer, &subject, NULL) == SL_OK);
        gnutls_privkey_deinit(signer);
        gnutls_x509_privkey_deinit(key);
    }
}

size_t fuzz_corpus(size_t index, uint8_t out[FUZZ_INPUT_MAX]) {
    struct sl_buffer text = {0};
    size_t length = 0;
    if (index > 1)
        return 0;
    make(&text);
    FUZZ_CHECK(sl_buffer_append(&text, "", 1) == SL_OK);
    if (index == 1) {
        length = text.length - 1;
        memcpy(out, text.data, length);
    }
    const char *at = (const char *)text.data;
    for (int i = 0; index == 0 && i < 2; i++) {
        gnutls_datum_t pem = {(unsigned char *)(uintptr_t)at, (unsigned)strlen(at)}, der;
        FUZZ_CHECK(gnutls_pem_base64_decode2(header, &pem, &der) == 0);
        out[length++] = (uint8_t)(der.size >> 8);
        out[length++] = (uint8_t)der.size;
        memcpy(out + length, der.data, der.size);
        length += der.size;
        gnutls_free(der.data);
        at = i == 0 ? strstr(at + 1, "-----BEGIN") : at;
    }
    sl_buffer_finish(&text);
    return length;
}

static void wrap(struct sl_buffer *text, const uint8_t *data, size_t length) {
    while (length >= 2) {
        size_t part = (size_t)data[0] << 8 | data[1];
        gnutls_datum_t der = {(unsigned char *)(uintptr_t)data + 2, 0}, pem;
        if (part > length - 2)
            part = length - 2;
        der.size = (unsigned)part;
        if (part > 0 && gnutls_pem_base64_encode2(header, &der, &pem) == 0) {
            FUZZ_CHECK(sl_buffer_append(text, pem.data, pem.size) == SL_OK);
            gnutls_free(pem.data);
        }
        data += 2 + part;
        length -= 2 + part;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length) {
    struct sl_request *request = NULL;
    struct sl_error error = {.status = SL_OK};
    struct sl_buffer text = {0};
    if (length > 0 && data[0] == '-')
        FUZZ_CHECK(sl_buffer_append(&text, data, length) == SL_OK);
    else
        wrap(&text, data, length);
    enum sl_status status =
        sl_request_parse(&request, text.data != NULL ? (const char *)text.data : "", text.length, &error);
    if (status == SL_OK) {
        FUZZ_CHECK(sl_name_is_valid(request->node) && sl_name_is_valid(request->flock));
        FUZZ_CHECK(request->host_count > 0 && request->host_count <= SL_REQUEST_HOSTS_MAX);
        for (size_t i = 0; i < request->host_count; i++)
            FUZZ_CHECK(sl_kit_host_is_valid(request->hosts[i]));
        FUZZ_CHECK(strlen(request->fingerprint) == 64);
    } else {
        FUZZ_CHECK(request == NULL && error.text[0] != '\0' && strpbrk(error.text, "\n\r\033") == NULL);
    }
    sl_request_destroy(request);
    sl_buffer_finish(&text);
    return 0;
}
