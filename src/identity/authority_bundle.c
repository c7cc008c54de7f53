/* What an authority gives along with certificates: those that lead to its root, and the roots. */
#include "identity/authority.h"

enum sl_status sl_certificate_append(struct sl_buffer *out, gnutls_x509_crt_t certificate, struct sl_error *error) {
    gnutls_datum_t pem = {NULL, 0};
    int code = gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_PEM, &pem);
    if (code < 0)
        return sl_gnutls_error(error, SL_CRYPTO, code, "a certificate");
    enum sl_status status = sl_buffer_append(out, pem.data, pem.size);
    gnutls_free(pem.data);
    return status == SL_OK ? SL_OK : sl_error_set(error, SL_NO_MEMORY, "no memory for certificates");
}

bool sl_certificate_is_signed_by(gnutls_x509_crt_t certificate, gnutls_x509_crt_t issuer) {
    unsigned faults = 0;
    return gnutls_x509_crt_check_issuer(certificate, issuer) != 0 &&
           gnutls_x509_crt_verify(certificate, &issuer, 1,
                                  GNUTLS_VERIFY_DISABLE_TIME_CHECKS | GNUTLS_VERIFY_ALLOW_BROKEN, &faults) >= 0 &&
           (faults & GNUTLS_CERT_SIGNATURE_FAILURE) == 0;
}

/* Whether nothing in the file issued it: what nodes have to trust. */
bool sl_certificates_is_root(const struct sl_certificates *certificates, unsigned index) {
    for (unsigned i = 0; i < certificates->count; i++)
        if (i != index && gnutls_x509_crt_check_issuer(certificates->items[index], certificates->items[i]) != 0 &&
            !gnutls_x509_crt_equals(certificates->items[index], certificates->items[i]) &&
            gnutls_x509_crt_check_issuer(certificates->items[index], certificates->items[index]) == 0)
            return false;
    return true;
}

static enum sl_status append_where(const struct sl_certificates *certificates, struct sl_buffer *out, bool root,
                                   struct sl_error *error) {
    enum sl_status status = SL_OK;
    for (unsigned i = 0; status == SL_OK && i < certificates->count; i++)
        if (sl_certificates_is_root(certificates, i) == root)
            status = sl_certificate_append(out, certificates->items[i], error);
    return status;
}

enum sl_status sl_authority_append_chain(const struct sl_authority *authority, struct sl_buffer *out,
                                         gnutls_x509_crt_t certificate, struct sl_error *error) {
    enum sl_status status = sl_certificate_append(out, certificate, error);
    if (status == SL_OK)
        status = append_where(&authority->certificates, out, false, error);
    return status;
}

enum sl_status sl_authority_append_trust(const struct sl_authority *authority, struct sl_buffer *out,
                                         struct sl_error *error) {
    return append_where(&authority->certificates, out, true, error);
}
