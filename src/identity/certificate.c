#include "identity/certificate.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <gnutls/crypto.h>

#include "base/file.h"
#include "crypto/digest.h"

enum { SUBJECT_MAX = 160 };

static const char subject_alternative_name[] = "2.5.29.17";

enum sl_status sl_gnutls_error(struct sl_error *error, enum sl_status status, int code, const char *what) {
    return sl_error_set(error, code == GNUTLS_E_MEMORY_ERROR ? SL_NO_MEMORY : status, "%s: %s", what,
                        gnutls_strerror(code));
}

enum sl_status sl_certificates_read(struct sl_certificates *out, const char *path, bool ordered,
                                    struct sl_error *error) {
    *out = (struct sl_certificates){0};
    struct sl_buffer file = {0};
    enum sl_status status = sl_file_read(&file, path, SL_CERTIFICATE_FILE_MAX, error);
    if (status == SL_OK) {
        gnutls_datum_t pem = {file.data, (unsigned)file.length};
        int code = gnutls_x509_crt_list_import2(&out->items, &out->count, &pem, GNUTLS_X509_FMT_PEM,
                                                ordered ? GNUTLS_X509_CRT_LIST_FAIL_IF_UNSORTED : 0);
        if (code == GNUTLS_E_CERTIFICATE_LIST_UNSORTED)
            status = sl_error_set(error, SL_FORMAT, "%s: the certificates are not in order, the node's first", path);
        else if (code < 0)
            status = sl_gnutls_error(error, SL_FORMAT, code, path);
        if (code < 0)
            *out = (struct sl_certificates){0};
    }
    sl_buffer_finish(&file);
    return status;
}

void sl_certificates_finish(struct sl_certificates *certificates) {
    for (unsigned i = 0; i < certificates->count; i++)
        gnutls_x509_crt_deinit(certificates->items[i]);
    gnutls_free(certificates->items);
    *certificates = (struct sl_certificates){0};
}

enum sl_status sl_certificate_import(gnutls_x509_crt_t *out, struct sl_bytes der, struct sl_error *error) {
    *out = NULL;
    if (der.length == 0 || der.length > SL_CERTIFICATE_SIZE_MAX)
        return sl_error_set(error, SL_UNTRUSTED, "a certificate of %zu bytes", der.length);
    const gnutls_datum_t data = sl_datum(der);
    int code = gnutls_x509_crt_init(out);
    if (code >= 0)
        code = gnutls_x509_crt_import(*out, &data, GNUTLS_X509_FMT_DER);
    if (code >= 0)
        return SL_OK;
    if (*out != NULL)
        gnutls_x509_crt_deinit(*out);
    *out = NULL;
    return sl_gnutls_error(error, SL_UNTRUSTED, code, "a certificate that cannot be read");
}

enum sl_status sl_key_digest(uint8_t out[SL_KEY_DIGEST_SIZE], gnutls_x509_crt_t certificate, struct sl_error *error) {
    size_t length = SL_KEY_DIGEST_SIZE;
    int code = gnutls_x509_crt_get_key_id(certificate, GNUTLS_KEYID_USE_SHA256, out, &length);
    if (code >= 0 && length == SL_KEY_DIGEST_SIZE)
        return SL_OK;
    return sl_gnutls_error(error, SL_UNTRUSTED, code < 0 ? code : GNUTLS_E_INTERNAL_ERROR,
                           "its public key cannot be read");
}

void sl_printable(char *out, size_t size, struct sl_bytes text) {
    size_t length = text.length < size - 1 ? text.length : size - 1;
    for (size_t i = 0; i < length; i++)
        out[i] = (char)(text.data[i] >= ' ' && text.data[i] <= '~' ? text.data[i] : '?');
    out[length] = '\0';
}

void sl_day_text(char out[SL_DAY_TEXT_SIZE], int64_t when) {
    struct tm day;
    time_t seconds = (time_t)when;
    if (gmtime_r(&seconds, &day) == NULL || strftime(out, SL_DAY_TEXT_SIZE, "%Y-%m-%d %H:%M UTC", &day) == 0)
        (void)snprintf(out, SL_DAY_TEXT_SIZE, "an odd date");
}

void sl_certificate_text(char out[SL_CERTIFICATE_TEXT_SIZE], gnutls_x509_crt_t certificate) {
    enum { SERIAL_MAX = 20 };
    uint8_t serial[64];
    size_t serial_length = sizeof serial;
    if (gnutls_x509_crt_get_serial(certificate, serial, &serial_length) < 0)
        serial_length = 0;
    if (serial_length > SERIAL_MAX) /* RFC 5280, 4.1.2.2 */
        serial_length = SERIAL_MAX;
    char hex[2 * SERIAL_MAX + 1] = "", subject[SUBJECT_MAX + 1] = "no subject";
    for (size_t i = 0; i < serial_length; i++)
        snprintf(hex + 2 * i, 3, "%02x", serial[i]);

    gnutls_datum_t name = {NULL, 0};
    if (gnutls_x509_crt_get_dn3(certificate, &name, 0) >= 0 && name.size > 0)
        sl_printable(subject, sizeof subject, (struct sl_bytes){name.data, name.size});
    gnutls_free(name.data);
    snprintf(out, SL_CERTIFICATE_TEXT_SIZE, "%s (serial %s)", subject, hex);
}

void sl_issuer_text(char out[SL_CERTIFICATE_TEXT_SIZE], struct sl_bytes name, struct sl_bytes key) {
    enum { SHOWN = 4 };
    char text[SUBJECT_MAX + 1] = "nobody";
    if (name.length > 0)
        sl_printable(text, sizeof text, name);
    int length = snprintf(out, SL_CERTIFICATE_TEXT_SIZE, "%s", text);
    if (key.length >= SHOWN)
        snprintf(out + length, SL_CERTIFICATE_TEXT_SIZE - (size_t)length, " (key %02x%02x%02x%02x)", key.data[0],
                 key.data[1], key.data[2], key.data[3]);
}

void sl_certificate_issuer_text(char out[SL_CERTIFICATE_TEXT_SIZE], gnutls_x509_crt_t certificate) {
    uint8_t key[64];
    size_t key_length = sizeof key;
    gnutls_datum_t name = {NULL, 0};
    (void)gnutls_x509_crt_get_issuer_dn3(certificate, &name, 0);
    if (gnutls_x509_crt_get_authority_key_id(certificate, key, &key_length, NULL) < 0)
        key_length = 0;
    sl_issuer_text(out, (struct sl_bytes){name.data, name.size}, (struct sl_bytes){key, key_length});
    gnutls_free(name.data);
}

void sl_certificate_fingerprint(char out[SL_FINGERPRINT_SIZE], gnutls_x509_crt_t certificate) {
    struct sl_digest digest;
    size_t length = sizeof digest.bytes;
    out[0] = '\0';
    if (gnutls_x509_crt_get_fingerprint(certificate, GNUTLS_DIG_SHA256, digest.bytes, &length) >= 0)
        sl_digest_text(out, &digest);
}

const char *sl_purpose_oid(enum sl_purpose purpose) {
    return purpose == SL_PURPOSE_SERVER ? GNUTLS_KP_TLS_WWW_SERVER : GNUTLS_KP_TLS_WWW_CLIENT;
}

const char *sl_purpose_text(enum sl_purpose purpose) {
    return purpose == SL_PURPOSE_SERVER ? "server" : "client";
}

enum sl_purpose_answer sl_certificate_purpose(gnutls_x509_crt_t certificate, enum sl_purpose purpose) {
    const char *wanted = sl_purpose_oid(purpose);
    for (unsigned i = 0;; i++) {
        char oid[128];
        size_t length = sizeof oid;
        int code = gnutls_x509_crt_get_key_purpose_oid(certificate, i, oid, &length, NULL);
        if (code == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE && i == 0)
            return SL_PURPOSES_ABSENT;
        if (code == GNUTLS_E_SHORT_MEMORY_BUFFER)
            continue; /* a longer identifier is not ours */
        if (code < 0)
            return SL_PURPOSE_NOT_LISTED;
        if (strcmp(oid, wanted) == 0)
            return SL_PURPOSE_LISTED;
    }
}

bool sl_certificate_is_authority(gnutls_x509_crt_t certificate) {
    return gnutls_x509_crt_get_ca_status(certificate, NULL) > 0;
}

bool sl_certificate_allows_usage(gnutls_x509_crt_t certificate, unsigned usage) {
    unsigned present = 0;
    int code = gnutls_x509_crt_get_key_usage(certificate, &present, NULL);
    return code == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE || (code >= 0 && (present & usage) != 0);
}

int sl_certificate_alternative_names(gnutls_subject_alt_names_t *out, gnutls_x509_crt_t certificate) {
    gnutls_datum_t extension = {NULL, 0};
    int code = gnutls_subject_alt_names_init(out);
    if (code < 0)
        return code;
    code = gnutls_x509_crt_get_extension_by_oid2(certificate, subject_alternative_name, 0, &extension, NULL);
    if (code >= 0)
        code = gnutls_x509_ext_import_subject_alt_names(&extension, *out, 0);
    else if (code == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
        code = 0;
    gnutls_free(extension.data);
    if (code < 0) {
        gnutls_subject_alt_names_deinit(*out);
        *out = NULL;
    }
    return code;
}

bool sl_signature_is_strong(gnutls_sign_algorithm_t algorithm) {
    enum { DIGEST_BITS_MIN = 256, BITS = 8 };
    if (algorithm == GNUTLS_SIGN_EDDSA_ED25519 || algorithm == GNUTLS_SIGN_EDDSA_ED448)
        return true;
    return gnutls_sign_is_secure2(algorithm, GNUTLS_SIGN_FLAG_SECURE_FOR_CERTS) != 0 &&
           gnutls_hash_get_len(gnutls_sign_get_hash_algorithm(algorithm)) * BITS >= DIGEST_BITS_MIN;
}

gnutls_sign_algorithm_t sl_signature_algorithm(unsigned key_algorithm) {
    switch (key_algorithm) {
    case GNUTLS_PK_ECDSA:
        return GNUTLS_SIGN_ECDSA_SHA256;
    case GNUTLS_PK_EDDSA_ED25519:
        return GNUTLS_SIGN_EDDSA_ED25519;
    case GNUTLS_PK_EDDSA_ED448:
        return GNUTLS_SIGN_EDDSA_ED448;
    case GNUTLS_PK_RSA:
        return GNUTLS_SIGN_RSA_PSS_RSAE_SHA256;
    case GNUTLS_PK_RSA_PSS:
        return GNUTLS_SIGN_RSA_PSS_SHA256;
    }
    return GNUTLS_SIGN_UNKNOWN;
}
