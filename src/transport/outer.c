#include "transport/outer.h"

#include <arpa/inet.h>
#include <string.h>

#include "identity/certificate.h"

bool sl_outer_is_dns_name(const char *host) {
    uint8_t address[16];
    return strchr(host, ':') == NULL && inet_pton(AF_INET, host, address) != 1;
}

enum sl_status sl_outer_trust_read(gnutls_x509_trust_list_t *out, const char *path, struct sl_error *error) {
    *out = NULL;
    struct sl_certificates authorities;
    enum sl_status status = sl_certificates_read(&authorities, path, false, error);
    if (status != SL_OK)
        return status;
    int code = gnutls_x509_trust_list_init(out, 0);
    if (code >= 0)
        code = gnutls_x509_trust_list_add_cas(*out, authorities.items, authorities.count, 0);
    if (code < 0) {
        if (*out != NULL)
            gnutls_x509_trust_list_deinit(*out, 0);
        *out = NULL;
        sl_certificates_finish(&authorities);
        return sl_gnutls_error(error, SL_CRYPTO, code, path);
    }
    gnutls_free(authorities.items); /* the certificates are the list's now */
    return SL_OK;
}

/* ---- the server's chain ---- */

static enum sl_status explain(unsigned faults, struct sl_error *error) {
    gnutls_datum_t text = {NULL, 0};
    int code = gnutls_certificate_verification_status_print(faults, GNUTLS_CRT_X509, &text, 0);
    while (code >= 0 && text.size > 0 && text.data[text.size - 1] == ' ') /* GnuTLS ends each sentence with one */
        text.data[--text.size] = '\0';
    enum sl_status status = sl_error_set(error, SL_UNTRUSTED, "%s", code < 0 ? "it is not trusted" : (char *)text.data);
    gnutls_free(text.data);
    return status;
}

static enum sl_status verify(gnutls_x509_trust_list_t trust, gnutls_x509_crt_t *chain, unsigned count,
                             struct sl_error *error) {
    const unsigned flags = GNUTLS_VERIFY_DO_NOT_ALLOW_X509_V1_CA_CRT | GNUTLS_PROFILE_TO_VFLAGS(GNUTLS_PROFILE_MEDIUM);
    /* A proxy's certificate may be without any extended key usage, as those of many own authorities are. */
    gnutls_typed_vdata_st purpose = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
                                     .data = (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_SERVER};
    unsigned faults = 0;
    int code = gnutls_x509_trust_list_verify_crt2(trust, chain, count, &purpose, 1, flags, &faults, NULL);
    if (code < 0)
        return sl_gnutls_error(error, SL_UNTRUSTED, code, "it cannot be checked");
    return faults == 0 ? SL_OK : explain(faults, error);
}

/* Of our own authority we know who is revoked; what else a node's certificate must have is no matter here. Where a list
 * is missing or stale, the inner session says so. */
static enum sl_status check_revoked(const struct sl_identity *identity, gnutls_x509_crt_t *chain, unsigned count,
                                    struct sl_error *error) {
    struct sl_bytes lists[SL_CRLS_MAX];
    size_t list_count = sl_identity_crls(identity, lists, SL_CRLS_MAX);
    enum sl_status status = SL_OK;
    for (size_t i = 0; status == SL_OK && i < list_count; i++) {
        gnutls_x509_crl_t list = NULL;
        const gnutls_datum_t der = {(unsigned char *)(uintptr_t)lists[i].data, (unsigned)lists[i].length};
        int code = gnutls_x509_crl_init(&list);
        if (code >= 0)
            code = gnutls_x509_crl_import(list, &der, GNUTLS_X509_FMT_DER);
        for (unsigned k = 0; code == 0 && k < count; k++)
            code = gnutls_x509_crt_check_revocation(chain[k], &list, 1);
        if (code > 0)
            status = sl_error_set(error, SL_UNTRUSTED, "it is revoked, or an issuer of it");
        else if (code < 0)
            status = sl_gnutls_error(error, SL_UNTRUSTED, code, "it cannot be checked");
        if (list != NULL)
            gnutls_x509_crl_deinit(list);
    }
    return status;
}

static enum sl_status judge(const struct sl_tls_outer *outer, const struct sl_identity *identity,
                            gnutls_x509_crt_t *chain, unsigned count, struct sl_error *error) {
    gnutls_x509_trust_list_t trust = outer->trust == NULL ? NULL : *outer->trust;
    bool is_ours = trust == NULL;
    if (is_ours)
        gnutls_certificate_get_trust_list(sl_identity_credentials(identity, SL_PURPOSE_CLIENT), &trust);
    enum sl_status status = verify(trust, chain, count, error);
    if (status == SL_OK && is_ours)
        status = check_revoked(identity, chain, count, error);
    if (status == SL_OK && !sl_certificate_serves_host(chain[0], outer->host))
        status = sl_error_set(error, SL_UNTRUSTED, "it does not serve the host %s", outer->host);
    if (status != SL_OK) {
        char text[SL_CERTIFICATE_TEXT_SIZE];
        sl_certificate_text(text, chain[0]);
        status = sl_error_wrap(error, status, "outer TLS: certificate %s", text);
    }
    return status;
}

enum sl_status sl_outer_check(const struct sl_tls_outer *outer, const struct sl_identity *identity,
                              const struct sl_bytes *chain, size_t count, struct sl_error *error) {
    gnutls_x509_crt_t certificates[SL_CHAIN_MAX];
    unsigned imported = 0;
    enum sl_status status = SL_OK;
    while (status == SL_OK && imported < count) {
        status = sl_certificate_import(&certificates[imported], chain[imported], error);
        imported += status == SL_OK;
    }
    if (status == SL_OK)
        status = judge(outer, identity, certificates, imported, error);
    for (unsigned i = 0; i < imported; i++)
        gnutls_x509_crt_deinit(certificates[i]);
    return status;
}
