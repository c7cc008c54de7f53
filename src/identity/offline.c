#include "identity/offline.h"

#include "identity/credential.h"
#include "identity/trust.h"

/* Behind those that lead to an authority. */
static enum sl_status check_rest(const struct sl_trust *trust, const struct sl_bytes *chain, size_t count,
                                 struct sl_error *error) {
    for (size_t i = 0; i < count; i++) {
        gnutls_x509_crt_t certificate;
        enum sl_status status = sl_certificate_import(&certificate, chain[i], error);
        if (status != SL_OK)
            return status;
        bool known = sl_trust_has_authority(trust, certificate);
        gnutls_x509_crt_deinit(certificate);
        if (!known)
            return sl_error_set(error, SL_UNTRUSTED, "a certificate that the chain has no use for");
    }
    return SL_OK;
}

enum sl_status sl_offline_check(struct sl_credential **out, const char *authorities, const char *flock,
                                enum sl_name_from name_from, const struct sl_bytes *chain, size_t count,
                                struct sl_error *error) {
    /* What the trust does not look at may be absent; it does not write. */
    const struct sl_settings settings = {.flock = {.name = (char *)(uintptr_t)flock},
                                         .identity = {.ca = (char *)(uintptr_t)authorities,
                                                      .name_from = name_from,
                                                      .crl = SL_IF_PRESENT,
                                                      .purpose = SL_IF_PRESENT}};
    const struct sl_revocations none = {.count = 0};
    struct sl_trusted_chain trusted = {0};
    struct sl_trust *trust = NULL;
    *out = NULL;
    if (count == 0)
        return sl_error_set(error, SL_UNTRUSTED, "no certificate");
    enum sl_status status = sl_trust_create(&trust, &settings, error);
    if (status != SL_OK)
        return status;
    sl_trust_ignore_dates(trust);
    size_t used = 0;
    do
        status = sl_trust_check(trust, &trusted, &none, SL_PURPOSE_CLIENT, chain, ++used, 0, error);
    while (status != SL_OK && used < count);
    if (status == SL_OK)
        status = check_rest(trust, chain + used, count - used, error);
    sl_trust_unref(trust);
    if (status == SL_OK)
        *out = trusted.credential;
    else
        sl_credential_unref(trusted.credential);
    return status;
}
