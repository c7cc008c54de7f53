/* The names that a request asks for, or that a certificate has. They come from anybody. */
#include <arpa/inet.h>
#include <string.h>

#include "identity/kit_settings.h"
#include "identity/name.h"
#include "identity/request.h"

static const char prefix[] = "starling://";

static enum sl_status add_uri(struct sl_names *names, const uint8_t *data, size_t length, struct sl_error *error) {
    size_t skip = sizeof prefix - 1;
    const uint8_t *slash = NULL;
    if (length > skip && memcmp(data, prefix, skip) == 0)
        slash = memchr(data + skip, '/', length - skip);
    if (slash == NULL || !sl_name_take(names->flock, data + skip, (size_t)(slash - data) - skip) ||
        !sl_name_take(names->node, slash + 1, length - (size_t)(slash - data) - 1))
        return sl_error_set(error, SL_FORMAT, "its URI is not of the form starling://FLOCK/NODE");
    if (++names->uris > 1)
        return sl_error_set(error, SL_FORMAT, "it has several URIs");
    return SL_OK;
}

static enum sl_status add_host(struct sl_names *names, const char *host, size_t length, struct sl_error *error) {
    if (names->host_count == SL_REQUEST_HOSTS_MAX)
        return sl_error_set(error, SL_LIMIT, "it has more than %d addresses", SL_REQUEST_HOSTS_MAX);
    char *out = names->hosts[names->host_count];
    if (length >= SL_REQUEST_HOST_SIZE || memchr(host, '\0', length) != NULL)
        return sl_error_set(error, SL_FORMAT, "one of its hosts is not a DNS name");
    memcpy(out, host, length);
    out[length] = '\0';
    if (!sl_kit_host_is_valid(out))
        return sl_error_set(error, SL_FORMAT, "one of its hosts is not a DNS name");
    names->host_count++;
    return SL_OK;
}

enum sl_status sl_names_add(struct sl_names *names, unsigned type, const uint8_t *data, size_t length,
                            struct sl_error *error) {
    char text[INET6_ADDRSTRLEN];
    switch (type) {
    case GNUTLS_SAN_URI:
        return add_uri(names, data, length, error);
    case GNUTLS_SAN_DNSNAME:
        return add_host(names, (const char *)data, length, error);
    case GNUTLS_SAN_IPADDRESS:
        if ((length != 4 && length != 16) ||
            inet_ntop(length == 4 ? AF_INET : AF_INET6, data, text, sizeof text) == NULL)
            return sl_error_set(error, SL_FORMAT, "one of its IP addresses has %zu bytes", length);
        return add_host(names, text, strlen(text), error);
    }
    return sl_error_set(error, SL_FORMAT, "it has a name that is neither a URI nor a host");
}

enum sl_status sl_names_of_certificate(struct sl_names *names, gnutls_x509_crt_t certificate, struct sl_error *error) {
    gnutls_subject_alt_names_t list;
    gnutls_datum_t name;
    unsigned type;
    *names = (struct sl_names){0};
    int code = sl_certificate_alternative_names(&list, certificate);
    if (code < 0)
        return sl_gnutls_error(error, SL_FORMAT, code, "its alternative names");
    enum sl_status status = SL_OK;
    for (unsigned i = 0; status == SL_OK && gnutls_subject_alt_names_get(list, i, &type, &name, NULL) >= 0; i++)
        status = sl_names_add(names, type, name.data, name.size, error);
    gnutls_subject_alt_names_deinit(list);
    if (status == SL_OK && (names->uris == 0 || names->host_count == 0))
        status = sl_error_set(error, SL_FORMAT, "it has no %s", names->uris == 0 ? "URI" : "host");
    return status;
}
