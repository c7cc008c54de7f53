#include "identity/request.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "crypto/digest.h"
#include "crypto/random.h"
#include "identity/database.h"
#include "identity/strength.h"

enum { REQUESTS = 2, NAME_MAX_LENGTH = 1024 };

static int add_name(gnutls_x509_crq_t request, const char *host) {
    uint8_t address[16];
    if (inet_pton(AF_INET, host, address) == 1)
        return gnutls_x509_crq_set_subject_alt_name(request, GNUTLS_SAN_IPADDRESS, address, 4, GNUTLS_FSAN_APPEND);
    if (inet_pton(AF_INET6, host, address) == 1)
        return gnutls_x509_crq_set_subject_alt_name(request, GNUTLS_SAN_IPADDRESS, address, 16, GNUTLS_FSAN_APPEND);
    return gnutls_x509_crq_set_subject_alt_name(request, GNUTLS_SAN_DNSNAME, host, (unsigned)strlen(host),
                                                GNUTLS_FSAN_APPEND);
}

static int build(gnutls_x509_crq_t request, gnutls_x509_privkey_t key, gnutls_privkey_t signer,
                 const struct sl_node_subject *subject) {
    char uri[sizeof "starling:///" + 2 * SL_NAME_MAX];
    int length = snprintf(uri, sizeof uri, "starling://%s/%s", subject->flock, subject->node);
    int code = gnutls_x509_crq_set_version(request, 1);
    if (code >= 0)
        code = gnutls_x509_crq_set_dn_by_oid(request, GNUTLS_OID_X520_ORGANIZATION_NAME, 0, subject->flock,
                                             (unsigned)strlen(subject->flock));
    if (code >= 0)
        code = gnutls_x509_crq_set_dn_by_oid(request, GNUTLS_OID_X520_COMMON_NAME, 0, subject->node,
                                             (unsigned)strlen(subject->node));
    if (code >= 0)
        code = gnutls_x509_crq_set_key(request, key);
    if (code >= 0)
        code = gnutls_x509_crq_set_subject_alt_name(request, GNUTLS_SAN_URI, uri, (unsigned)length, GNUTLS_FSAN_SET);
    for (size_t i = 0; code >= 0 && i < subject->host_count; i++)
        code = add_name(request, subject->hosts[i]);
    if (code >= 0)
        code = gnutls_x509_crq_set_key_purpose_oid(request, sl_purpose_oid(subject->purpose), 0);
    return code < 0 ? code : gnutls_x509_crq_privkey_sign(request, signer, GNUTLS_DIG_UNKNOWN, 0);
}

enum sl_status sl_request_append(struct sl_buffer *out, gnutls_x509_privkey_t key, gnutls_privkey_t signer,
                                 const struct sl_node_subject *subject, struct sl_error *error) {
    gnutls_x509_crq_t request = NULL;
    gnutls_datum_t pem = {NULL, 0};
    enum sl_status status = SL_OK;
    int code = gnutls_x509_crq_init(&request);
    if (code >= 0)
        code = build(request, key, signer, subject);
    if (code >= 0)
        code = gnutls_x509_crq_export2(request, GNUTLS_X509_FMT_PEM, &pem);
    if (code < 0)
        status = sl_gnutls_error(error, SL_CRYPTO, code, "making a certificate request");
    else if (sl_buffer_append(out, pem.data, pem.size) != SL_OK)
        status = sl_error_set(error, SL_NO_MEMORY, "no memory for a certificate request");
    gnutls_free(pem.data);
    if (request != NULL)
        gnutls_x509_crq_deinit(request);
    return status;
}

static enum sl_status check_key(gnutls_pubkey_t key, struct sl_error *error) {
    char why[SL_KEY_FAULT_SIZE];
    return sl_public_key_is_good(key, why) ? SL_OK : sl_error_set(error, SL_UNTRUSTED, "its key %s", why);
}

void sl_public_key_text(char out[64], gnutls_pubkey_t key) {
    unsigned bits = 0;
    int algorithm = gnutls_pubkey_get_pk_algorithm(key, &bits);
    const char *name = algorithm > 0 ? gnutls_pk_get_name((gnutls_pk_algorithm_t)algorithm) : NULL;
    snprintf(out, 64, "%s, %u bits", name != NULL ? name : "unknown", bits);
}

static enum sl_status read_names(struct sl_names *names, gnutls_x509_crq_t request, struct sl_error *error) {
    uint8_t data[NAME_MAX_LENGTH];
    *names = (struct sl_names){0};
    for (unsigned i = 0;; i++) {
        size_t length = sizeof data;
        unsigned type = 0;
        int code = gnutls_x509_crq_get_subject_alt_name(request, i, data, &length, &type, NULL);
        if (code == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
            break;
        if (code < 0)
            return sl_gnutls_error(error, SL_FORMAT, code, "its alternative names");
        enum sl_status status = sl_names_add(names, type, data, length, error);
        if (status != SL_OK)
            return status;
    }
    if (names->uris == 0 || names->host_count == 0)
        return sl_error_set(error, SL_FORMAT, "it has no %s", names->uris == 0 ? "URI" : "host");
    return SL_OK;
}

static enum sl_status read_purpose(enum sl_purpose *out, gnutls_x509_crq_t request, struct sl_error *error) {
    char oid[128], second[128];
    size_t length = sizeof oid, second_length = sizeof second;
    if (gnutls_x509_crq_get_key_purpose_oid(request, 0, oid, &length, NULL) >= 0 &&
        gnutls_x509_crq_get_key_purpose_oid(request, 1, second, &second_length, NULL) ==
            GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
        for (int purpose = SL_PURPOSE_SERVER; purpose <= SL_PURPOSE_CLIENT; purpose++) {
            *out = (enum sl_purpose)purpose;
            if (strcmp(oid, sl_purpose_oid(*out)) == 0)
                return SL_OK;
        }
    return sl_error_set(error, SL_FORMAT, "it is not for one purpose, server or client");
}

/* Its key, by which it must be signed. */
static enum sl_status read_key(gnutls_pubkey_t *out, gnutls_x509_crq_t request, struct sl_error *error) {
    gnutls_pubkey_t key = NULL;
    int code = gnutls_pubkey_init(&key);
    if (code >= 0)
        code = gnutls_pubkey_import_x509_crq(key, request, 0);
    enum sl_status status = code < 0 ? sl_gnutls_error(error, SL_FORMAT, code, "its key") : SL_OK;
    if (status == SL_OK)
        status = check_key(key, error);
    if (status == SL_OK &&
        !gnutls_sign_is_secure((gnutls_sign_algorithm_t)gnutls_x509_crq_get_signature_algorithm(request)))
        status = sl_error_set(error, SL_UNTRUSTED, "its signature is of a kind that is too weak");
    if (status == SL_OK && gnutls_x509_crq_verify(request, 0) < 0)
        status = sl_error_set(error, SL_UNTRUSTED, "its signature is not by its key: somebody changed it");
    if (status != SL_OK) {
        if (key != NULL)
            gnutls_pubkey_deinit(key);
        return status;
    }
    *out = key;
    return SL_OK;
}

/* One of the two. */
static enum sl_status take(struct sl_request *request, struct sl_names *names, const gnutls_datum_t *der,
                           struct sl_error *error) {
    gnutls_x509_crq_t asked = NULL;
    enum sl_purpose purpose = SL_PURPOSE_SERVER;
    int code = gnutls_x509_crq_init(&asked);
    if (code >= 0)
        code = gnutls_x509_crq_import(asked, der, GNUTLS_X509_FMT_DER);
    enum sl_status status = code < 0 ? sl_gnutls_error(error, SL_FORMAT, code, "it cannot be read") : SL_OK;
    if (status == SL_OK)
        status = read_names(names, asked, error);
    if (status == SL_OK)
        status = read_purpose(&purpose, asked, error);
    gnutls_pubkey_t *key = purpose == SL_PURPOSE_SERVER ? &request->server : &request->client;
    if (status == SL_OK && *key != NULL)
        status = sl_error_set(error, SL_FORMAT, "it is a second one for a %s", sl_purpose_text(purpose));
    if (status == SL_OK)
        status = read_key(key, asked, error);
    if (asked != NULL)
        gnutls_x509_crq_deinit(asked);
    return status;
}

static bool names_are_same(const struct sl_names *a, const struct sl_names *b) {
    bool same = strcmp(a->flock, b->flock) == 0 && strcmp(a->node, b->node) == 0 && a->host_count == b->host_count;
    for (size_t i = 0; same && i < a->host_count; i++)
        same = strcmp(a->hosts[i], b->hosts[i]) == 0;
    return same;
}

/* The next request at *text, decoded; SL_NOT_FOUND behind the last. */
static enum sl_status next(gnutls_datum_t *out, const char **text, struct sl_error *error) {
    static const char begin[] = "-----BEGIN ", end[] = "-----END ";
    const char *from = strstr(*text, begin), *to = from != NULL ? strstr(from, end) : NULL;
    if (from == NULL)
        return SL_NOT_FOUND;
    if (to == NULL)
        return sl_error_set(error, SL_FORMAT, "it is cut short");
    to += strcspn(to, "\n");
    gnutls_datum_t pem = {(unsigned char *)(uintptr_t)from, (unsigned)(to - from)};
    int code = gnutls_pem_base64_decode2("NEW CERTIFICATE REQUEST", &pem, out);
    if (code < 0)
        code = gnutls_pem_base64_decode2("CERTIFICATE REQUEST", &pem, out);
    if (code < 0)
        return sl_error_set(error, SL_FORMAT, "holds something else than certificate requests");
    *text = to;
    return SL_OK;
}

static enum sl_status read_all(struct sl_request *request, const char *text, struct sl_error *error) {
    struct sl_names names[REQUESTS];
    struct sl_buffer all = {0};
    enum sl_status status = SL_OK;
    size_t count = 0;
    for (; status == SL_OK; count++) {
        gnutls_datum_t der = {NULL, 0};
        status = next(&der, &text, error);
        if (status == SL_OK && count == REQUESTS)
            status = sl_error_set(error, SL_FORMAT, "more than two certificate requests");
        if (status == SL_OK)
            status = take(request, &names[count], &der, error);
        if (status == SL_OK && sl_buffer_append(&all, der.data, der.size) != SL_OK)
            status = sl_error_set(error, SL_NO_MEMORY, "no memory");
        gnutls_free(der.data);
        if (status != SL_OK)
            break;
    }
    if (status == SL_NOT_FOUND)
        status = count == REQUESTS ? SL_OK
                                   : sl_error_set(error, SL_FORMAT,
                                                  "%zu certificate requests, not two: one for a "
                                                  "server, one for a client",
                                                  count);
    if (status == SL_OK && !names_are_same(&names[0], &names[1]))
        status = sl_error_set(error, SL_MISMATCH, "its two requests are for different names");
    if (status == SL_OK) {
        struct sl_digest digest;
        memcpy(request->flock, names[0].flock, sizeof request->flock);
        memcpy(request->node, names[0].node, sizeof request->node);
        memcpy(request->hosts, names[0].hosts, sizeof request->hosts);
        request->host_count = names[0].host_count;
        sl_digest_of(&digest, all.data, all.length);
        sl_digest_text(request->fingerprint, &digest);
    }
    sl_buffer_finish(&all);
    return status;
}

enum sl_status sl_request_parse(struct sl_request **out, const char *text, size_t length, struct sl_error *error) {
    *out = NULL;
    enum sl_status status = sl_crypto_start(error);
    if (status != SL_OK)
        return status;
    struct sl_request *request = calloc(1, sizeof *request);
    char *copy = length <= SL_REQUEST_FILE_MAX ? malloc(length + 1) : NULL;
    if (length > SL_REQUEST_FILE_MAX)
        status = sl_error_set(error, SL_LIMIT, "longer than %d bytes", SL_REQUEST_FILE_MAX);
    else if (request == NULL || copy == NULL)
        status = sl_error_set(error, SL_NO_MEMORY, "no memory");
    else if (memchr(text, '\0', length) != NULL)
        status = sl_error_set(error, SL_FORMAT, "not a text");
    if (status == SL_OK) {
        memcpy(copy, text, length);
        copy[length] = '\0';
        status = read_all(request, copy, error);
    }
    free(copy);
    if (status == SL_OK)
        *out = request;
    else
        sl_request_destroy(request);
    return status;
}

enum sl_status sl_request_read(struct sl_request **out, const char *path, struct sl_error *error) {
    struct sl_buffer file = {0};
    *out = NULL;
    enum sl_status status = sl_file_read(&file, path, SL_REQUEST_FILE_MAX, error);
    if (status == SL_OK) {
        status = sl_request_parse(out, (const char *)file.data, file.length, error);
        if (status != SL_OK)
            status = sl_error_wrap(error, status, "%s", path);
    }
    sl_buffer_finish(&file);
    return status;
}

void sl_request_destroy(struct sl_request *request) {
    if (request == NULL)
        return;
    if (request->server != NULL)
        gnutls_pubkey_deinit(request->server);
    if (request->client != NULL)
        gnutls_pubkey_deinit(request->client);
    free(request);
}

const char *sl_request_node(const struct sl_request *request) {
    return request->node;
}

const char *sl_request_fingerprint(const struct sl_request *request) {
    return request->fingerprint;
}

void sl_request_hosts(const struct sl_request *request, const char *out[SL_REQUEST_HOSTS_MAX]) {
    for (size_t i = 0; i < request->host_count; i++)
        out[i] = request->hosts[i];
}

void sl_request_show(const struct sl_request *request, FILE *out) {
    char server[64], client[64];
    sl_public_key_text(server, request->server);
    sl_public_key_text(client, request->client);
    fprintf(out, "node         %s\nflock        %s\naddresses   ", request->node, request->flock);
    for (size_t i = 0; i < request->host_count; i++)
        fprintf(out, " %s", request->hosts[i]);
    fprintf(out, "\nserver key   %s\nclient key   %s\nfingerprint  %s\n", server, client, request->fingerprint);
}
