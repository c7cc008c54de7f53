#include "limit_certificates.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

enum { HOUR_SECONDS = 3600 };

static int describe(gnutls_x509_crt_t certificate, const struct limit_pair *own, bool authority, const char *purpose) {
    /* The last digit of the purpose tells the server's certificate from the client's. */
    const unsigned char serial[] = {1, (unsigned char)(purpose == NULL ? 0 : purpose[strlen(purpose) - 1])};
    unsigned usage = authority ? GNUTLS_KEY_KEY_CERT_SIGN : GNUTLS_KEY_DIGITAL_SIGNATURE;
    time_t now = time(NULL);
    int code = gnutls_x509_crt_set_version(certificate, 3);
    if (code >= 0)
        code = gnutls_x509_crt_set_serial(certificate, serial, sizeof serial);
    if (code >= 0)
        code = gnutls_x509_crt_set_dn(certificate, authority ? "CN=limit authority" : "CN=limit node", NULL);
    if (code >= 0)
        code = gnutls_x509_crt_set_activation_time(certificate, now - HOUR_SECONDS);
    if (code >= 0)
        code = gnutls_x509_crt_set_expiration_time(certificate, now + 24 * HOUR_SECONDS);
    if (code >= 0)
        code = gnutls_x509_crt_set_key(certificate, own->key);
    if (code >= 0)
        code = gnutls_x509_crt_set_basic_constraints(certificate, authority, -1);
    if (code >= 0)
        code = gnutls_x509_crt_set_key_usage(certificate, usage);
    if (code >= 0 && purpose != NULL)
        code = gnutls_x509_crt_set_key_purpose_oid(certificate, purpose, 0);
    return code;
}

static int sign(gnutls_x509_crt_t certificate, const struct limit_pair *own, const struct limit_pair *issuer) {
    gnutls_x509_crt_t signer = NULL;
    if (issuer == NULL)
        return gnutls_x509_crt_sign2(certificate, certificate, own->key, GNUTLS_DIG_SHA256, 0);
    int code = gnutls_x509_crt_init(&signer);
    if (code < 0)
        return code;
    code = gnutls_x509_crt_import(signer, &issuer->der, GNUTLS_X509_FMT_DER);
    if (code >= 0)
        code = gnutls_x509_crt_sign2(certificate, signer, issuer->key, GNUTLS_DIG_SHA256, 0);
    gnutls_x509_crt_deinit(signer);
    return code;
}

int limit_issue(struct limit_pair *out, const struct limit_pair *issuer, const char *purpose) {
    gnutls_x509_crt_t certificate = NULL;
    const unsigned bits = GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1);
    int code = gnutls_x509_privkey_init(&out->key);
    if (code >= 0)
        code = gnutls_x509_privkey_generate(out->key, GNUTLS_PK_ECDSA, bits, 0);
    if (code >= 0)
        code = gnutls_x509_crt_init(&certificate);
    if (code >= 0)
        code = describe(certificate, out, issuer == NULL, purpose);
    if (code >= 0)
        code = sign(certificate, out, issuer);
    if (code >= 0)
        code = gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_DER, &out->der);
    if (certificate != NULL)
        gnutls_x509_crt_deinit(certificate);
    return code;
}

int limit_credentials(gnutls_certificate_credentials_t *out, const struct limit_pair *authority, const char *purpose) {
    struct limit_pair own = {0};
    gnutls_x509_crt_t certificate = NULL;
    int code = limit_issue(&own, authority, purpose);
    if (code >= 0)
        code = gnutls_x509_crt_init(&certificate);
    if (code >= 0)
        code = gnutls_x509_crt_import(certificate, &own.der, GNUTLS_X509_FMT_DER);
    if (code >= 0)
        code = gnutls_certificate_allocate_credentials(out);
    if (code >= 0)
        code = gnutls_certificate_set_x509_key(*out, &certificate, 1, own.key);
    if (code >= 0)
        code = gnutls_certificate_set_x509_trust_mem(*out, &authority->der, GNUTLS_X509_FMT_DER);
    if (certificate != NULL)
        gnutls_x509_crt_deinit(certificate);
    gnutls_x509_privkey_deinit(own.key);
    gnutls_free(own.der.data);
    return code;
}
