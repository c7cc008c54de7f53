#include "identity/name.h"

#include <string.h>
#include <strings.h>

static const char scheme[] = "starling:";
static const char prefix[] = "starling://";

bool sl_name_take(char out[SL_NAME_SIZE], const uint8_t *data, size_t length) {
    if (length > SL_NAME_MAX || memchr(data, '\0', length) != NULL)
        return false;
    memcpy(out, data, length);
    out[length] = '\0';
    return sl_name_is_valid(out);
}

static bool is_starling_uri(unsigned type, const gnutls_datum_t *name) {
    size_t length = sizeof scheme - 1;
    return type == GNUTLS_SAN_URI && name->size >= length && strncasecmp((const char *)name->data, scheme, length) == 0;
}

static enum sl_status read_uri(char out[SL_NAME_SIZE], const gnutls_datum_t *uri, const char *flock,
                               struct sl_error *error) {
    size_t skip = sizeof prefix - 1;
    const uint8_t *text = uri->data, *slash = NULL;
    char named_flock[SL_NAME_SIZE];
    if (uri->size > skip && memcmp(text, prefix, skip) == 0)
        slash = memchr(text + skip, '/', uri->size - skip);
    if (slash == NULL || !sl_name_take(named_flock, text + skip, (size_t)(slash - text) - skip) ||
        !sl_name_take(out, slash + 1, uri->size - (size_t)(slash - text) - 1))
        return sl_error_set(error, SL_UNTRUSTED, "its URI is not of the form starling://FLOCK/NODE");
    if (strcmp(named_flock, flock) != 0)
        return sl_error_set(error, SL_UNTRUSTED, "it is of the flock %s, not %s", named_flock, flock);
    return SL_OK;
}

static enum sl_status read_common_name(char out[SL_NAME_SIZE], gnutls_x509_crt_t certificate, struct sl_error *error) {
    char text[256], second[256];
    size_t length = sizeof text, second_length = sizeof second;
    int code = gnutls_x509_crt_get_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, 0, text, &length);
    if (code == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
        return sl_error_set(error, SL_UNTRUSTED, "it has no common name");
    if (gnutls_x509_crt_get_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 1, 0, second, &second_length) !=
        GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
        return sl_error_set(error, SL_UNTRUSTED, "it has several common names");
    if (code < 0 || !sl_name_take(out, (const uint8_t *)text, length))
        return sl_error_set(error, SL_UNTRUSTED, "its common name is no node's name");
    return SL_OK;
}

static enum sl_status read_dns_name(char out[SL_NAME_SIZE], const gnutls_datum_t *dns, struct sl_error *error) {
    if (dns->data == NULL)
        return sl_error_set(error, SL_UNTRUSTED, "it has no DNS name");
    if (!sl_name_take(out, dns->data, dns->size))
        return sl_error_set(error, SL_UNTRUSTED, "its first DNS name is no node's name");
    return SL_OK;
}

enum sl_status sl_certificate_name(char out[SL_NAME_SIZE], gnutls_x509_crt_t certificate, enum sl_name_from from,
                                   const char *flock, struct sl_error *error) {
    gnutls_subject_alt_names_t names;
    int code = sl_certificate_alternative_names(&names, certificate);
    if (code < 0)
        return sl_gnutls_error(error, SL_UNTRUSTED, code, "its subject alternative names cannot be read");

    gnutls_datum_t name, uri = {NULL, 0}, first_dns = {NULL, 0};
    unsigned type, uris = 0;
    for (unsigned i = 0; gnutls_subject_alt_names_get(names, i, &type, &name, NULL) >= 0; i++) {
        if (is_starling_uri(type, &name)) {
            uri = name;
            uris++;
        }
        if (type == GNUTLS_SAN_DNSNAME && first_dns.data == NULL)
            first_dns = name;
    }

    enum sl_status status = SL_OK;
    if (uris > 1)
        status = sl_error_set(error, SL_UNTRUSTED, "it has %u starling:// URIs, not one", uris);
    else if (uris == 1)
        status = read_uri(out, &uri, flock, error);
    else if (from == SL_NAME_FROM_CN)
        status = read_common_name(out, certificate, error);
    else if (from == SL_NAME_FROM_DNS)
        status = read_dns_name(out, &first_dns, error);
    else
        status = sl_error_set(error, SL_UNTRUSTED, "it has no URI starling://%s/NODE", flock);
    gnutls_subject_alt_names_deinit(names);
    return status;
}
