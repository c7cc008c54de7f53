#include "identity/constraints.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { URI_TEXT_MAX = 200 };

/* "scheme://user@host:port/…" (RFC 3986, 3.2); empty where there is no authority, or its host is an IP literal. */
static struct sl_bytes host_of(struct sl_bytes uri) {
    const struct sl_bytes none = {NULL, 0};
    const uint8_t *end = uri.data + uri.length, *colon = memchr(uri.data, ':', uri.length);
    if (colon == NULL || end - colon < 3 || colon[1] != '/' || colon[2] != '/')
        return none;
    const uint8_t *host = colon + 3, *stop = host;
    while (stop < end && *stop != '/' && *stop != '?' && *stop != '#')
        stop++;
    for (const uint8_t *at; (at = memchr(host, '@', (size_t)(stop - host))) != NULL;)
        host = at + 1;
    if (host < stop && *host == '[')
        return none;
    const uint8_t *port = memchr(host, ':', (size_t)(stop - host));
    return (struct sl_bytes){host, (size_t)((port != NULL ? port : stop) - host)};
}

static bool is_address(struct sl_bytes host) {
    char text[INET_ADDRSTRLEN];
    uint8_t address[4];
    if (host.length >= sizeof text)
        return false;
    memcpy(text, host.data, host.length);
    text[host.length] = '\0';
    return inet_pton(AF_INET, text, address) == 1;
}

bool sl_constraint_holds_uri(struct sl_bytes constraint, struct sl_bytes uri) {
    if (uri.length == 0 || constraint.length == 0)
        return false;
    struct sl_bytes host = host_of(uri);
    if (host.length == 0 || is_address(host))
        return false;
    const uint8_t *tail = host.data;
    if (constraint.data[0] == '.') {
        if (host.length <= constraint.length)
            return false;
        tail += host.length - constraint.length;
    } else if (host.length != constraint.length) {
        return false;
    }
    return strncasecmp((const char *)tail, (const char *)constraint.data, constraint.length) == 0;
}

static enum sl_status refuse(gnutls_x509_crt_t issuer, struct sl_bytes uri, bool excluded, struct sl_error *error) {
    char text[SL_CERTIFICATE_TEXT_SIZE], name[URI_TEXT_MAX + 1];
    sl_certificate_text(text, issuer);
    size_t length = uri.length < URI_TEXT_MAX ? uri.length : URI_TEXT_MAX;
    for (size_t i = 0; i < length; i++)
        name[i] = (char)(uri.data[i] >= ' ' && uri.data[i] <= '~' ? uri.data[i] : '?');
    name[length] = '\0';
    return sl_error_set(error, SL_UNTRUSTED, "the name constraints of its issuer %s %s %s", text,
                        excluded ? "exclude" : "do not permit", name);
}

/* One URI against one issuer. */
static enum sl_status check_uri(gnutls_x509_name_constraints_t constraints, gnutls_x509_crt_t issuer,
                                struct sl_bytes uri, struct sl_error *error) {
    gnutls_datum_t name;
    unsigned type;
    bool limited = false, permitted = false;
    for (unsigned i = 0; gnutls_x509_name_constraints_get_permitted(constraints, i, &type, &name) >= 0; i++) {
        if (type != GNUTLS_SAN_URI)
            continue;
        limited = true;
        permitted |= sl_constraint_holds_uri((struct sl_bytes){name.data, name.size}, uri);
    }
    if (limited && !permitted)
        return refuse(issuer, uri, false, error);
    for (unsigned i = 0; gnutls_x509_name_constraints_get_excluded(constraints, i, &type, &name) >= 0; i++)
        if (type == GNUTLS_SAN_URI && sl_constraint_holds_uri((struct sl_bytes){name.data, name.size}, uri))
            return refuse(issuer, uri, true, error);
    return SL_OK;
}

static bool is_applied(unsigned type) {
    return type == GNUTLS_SAN_URI || type == GNUTLS_SAN_DNSNAME || type == GNUTLS_SAN_IPADDRESS ||
           type == GNUTLS_SAN_RFC822NAME;
}

/* RFC 5280, 4.2.1.10: a constraint that is not processed is a reason to reject. */
static enum sl_status check_kinds(gnutls_x509_name_constraints_t constraints, gnutls_x509_crt_t issuer,
                                  struct sl_error *error) {
    gnutls_datum_t name;
    unsigned type;
    bool known = true;
    for (unsigned i = 0; gnutls_x509_name_constraints_get_permitted(constraints, i, &type, &name) >= 0; i++)
        known &= is_applied(type);
    for (unsigned i = 0; gnutls_x509_name_constraints_get_excluded(constraints, i, &type, &name) >= 0; i++)
        known &= is_applied(type);
    if (known)
        return SL_OK;
    char text[SL_CERTIFICATE_TEXT_SIZE];
    sl_certificate_text(text, issuer);
    return sl_error_set(error, SL_UNTRUSTED,
                        "its issuer %s has name constraints of a kind that is not checked here (URI, DNS, IP and mail "
                        "are)",
                        text);
}

static enum sl_status check_below(gnutls_x509_name_constraints_t constraints, gnutls_x509_crt_t issuer,
                                  gnutls_x509_crt_t certificate, struct sl_error *error) {
    gnutls_subject_alt_names_t names;
    int code = sl_certificate_alternative_names(&names, certificate);
    if (code < 0)
        return sl_gnutls_error(error, SL_UNTRUSTED, code, "its subject alternative names cannot be read");
    gnutls_datum_t name;
    unsigned type;
    enum sl_status status = SL_OK;
    for (unsigned i = 0; status == SL_OK && gnutls_subject_alt_names_get(names, i, &type, &name, NULL) >= 0; i++)
        if (type == GNUTLS_SAN_URI)
            status = check_uri(constraints, issuer, (struct sl_bytes){name.data, name.size}, error);
    gnutls_subject_alt_names_deinit(names);
    return status;
}

static enum sl_status check_issuer(const gnutls_x509_crt_t *path, unsigned issuer, struct sl_bytes meant,
                                   struct sl_error *error) {
    gnutls_x509_name_constraints_t constraints = NULL;
    unsigned critical;
    enum sl_status status = SL_OK;
    int code = gnutls_x509_name_constraints_init(&constraints);
    if (code >= 0)
        code = gnutls_x509_crt_get_name_constraints(path[issuer], constraints, 0, &critical);
    if (code >= 0)
        status = check_kinds(constraints, path[issuer], error);
    else if (code != GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
        status = sl_gnutls_error(error, SL_UNTRUSTED, code, "the name constraints of an issuer cannot be read");
    if (code >= 0 && status == SL_OK)
        status = check_uri(constraints, path[issuer], meant, error);
    for (unsigned i = 0; code >= 0 && status == SL_OK && i < issuer; i++)
        status = check_below(constraints, path[issuer], path[i], error);
    if (constraints != NULL)
        gnutls_x509_name_constraints_deinit(constraints);
    return status;
}

enum sl_status sl_constraints_check(const gnutls_x509_crt_t *path, unsigned count, struct sl_bytes meant,
                                    struct sl_error *error) {
    enum sl_status status = SL_OK;
    for (unsigned i = 1; i < count && status == SL_OK; i++)
        status = check_issuer(path, i, meant, error);
    return status;
}
