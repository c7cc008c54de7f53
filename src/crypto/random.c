#include "crypto/random.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>

/* Refused by a system-wide policy or an old library, TLS would fail later and in less plain words. */
static enum sl_status check_offers(struct sl_error *error) {
    if (gnutls_check_version("3.7.0") == NULL)
        return sl_error_set(error, SL_UNSUPPORTED, "GnuTLS %s is older than 3.7.0", gnutls_check_version(NULL));
    gnutls_priority_t priority;
    int code = gnutls_priority_init(&priority, "NORMAL:-VERS-ALL:+VERS-TLS1.3", NULL);
    if (code != GNUTLS_E_SUCCESS)
        return sl_error_set(error, SL_UNSUPPORTED, "GnuTLS does not offer TLS 1.3: %s", gnutls_strerror(code));
    const unsigned *versions;
    int count = gnutls_priority_protocol_list(priority, &versions);
    enum sl_status status = SL_OK;
    if (count != 1 || versions[0] != GNUTLS_TLS1_3)
        status = sl_error_set(error, SL_UNSUPPORTED, "TLS 1.3 is disabled by the system's GnuTLS policy");
    gnutls_priority_deinit(priority);
    return status;
}

enum sl_status sl_crypto_start(struct sl_error *error) {
    /* GnuTLS would write every session's keys to that file. */
    if (unsetenv("SSLKEYLOGFILE") != 0)
        return sl_error_set(error, SL_INTERNAL, "cannot unset SSLKEYLOGFILE");
    int code = gnutls_global_init();
    if (code != GNUTLS_E_SUCCESS)
        return sl_error_set(error, SL_CRYPTO, "cannot set GnuTLS up: %s", gnutls_strerror(code));
    return check_offers(error);
}

enum sl_status sl_random_bytes(void *out, size_t length, struct sl_error *error) {
    int code = gnutls_rnd(GNUTLS_RND_KEY, out, length);
    if (code != GNUTLS_E_SUCCESS)
        return sl_error_set(error, SL_CRYPTO, "no random bytes: %s", gnutls_strerror(code));
    return SL_OK;
}

enum sl_status sl_random_nonce(uint64_t *out, struct sl_error *error) {
    uint64_t nonce;
    do {
        enum sl_status status = sl_random_bytes(&nonce, sizeof nonce, error);
        if (status != SL_OK)
            return status;
    } while (nonce == 0);
    *out = nonce;
    return SL_OK;
}

void sl_wipe(void *data, size_t length) {
    if (length > 0)
        explicit_bzero(data, length);
}
