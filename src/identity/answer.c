#include "identity/answer.h"

#include <string.h>

#include "base/file.h"
#include "identity/request.h"

static enum sl_status read_key(gnutls_pubkey_t *out, const char *path, struct sl_error *error) {
    struct sl_certificates certificates;
    enum sl_status status = sl_certificates_read(&certificates, path, false, error);
    if (status == SL_OK)
        status = sl_certificate_key(out, certificates.items[0], error);
    sl_certificates_finish(&certificates);
    return status;
}

enum sl_status sl_node_keys_read(struct sl_node_keys *keys, const char *server, const char *client,
                                 struct sl_error *error) {
    *keys = (struct sl_node_keys){0};
    enum sl_status status = read_key(&keys->server, server, error);
    if (status == SL_OK)
        status = read_key(&keys->client, client, error);
    if (status != SL_OK)
        sl_node_keys_finish(keys);
    return status;
}

void sl_node_keys_finish(struct sl_node_keys *keys) {
    if (keys->server != NULL)
        gnutls_pubkey_deinit(keys->server);
    if (keys->client != NULL)
        gnutls_pubkey_deinit(keys->client);
    *keys = (struct sl_node_keys){0};
}

enum sl_status sl_entry_certificate(gnutls_x509_crt_t *out, const struct sl_entry *entry, struct sl_error *error) {
    *out = NULL;
    int code = gnutls_x509_crt_init(out);
    if (code >= 0)
        code = gnutls_x509_crt_import(*out, &entry->der, GNUTLS_X509_FMT_DER);
    if (code >= 0)
        return SL_OK;
    if (*out != NULL)
        gnutls_x509_crt_deinit(*out);
    *out = NULL;
    return sl_gnutls_error(error, SL_FORMAT, code, "a certificate in the database");
}

/* What was superseded, or never left after all, says nothing against its key. */
static bool condemns_key(const struct sl_entry *entry) {
    return entry->revoked != 0 && entry->kind != SL_CERTIFICATE_AUTHORITY && entry->reason != SL_REVOKED_SUPERSEDED &&
           entry->reason != SL_REVOKED_CESSATION;
}

static enum sl_status check_keys(const struct sl_authority *authority, const struct sl_node_keys *keys,
                                 const char *node, struct sl_error *error) {
    for (size_t i = 0; i < authority->database.count; i++) {
        const struct sl_entry *entry = &authority->database.entries[i];
        gnutls_x509_crt_t certificate;
        if (!condemns_key(entry))
            continue;
        enum sl_status status = sl_entry_certificate(&certificate, entry, error);
        if (status != SL_OK)
            return status;
        bool same = sl_public_key_is_of(keys->server, certificate) || sl_public_key_is_of(keys->client, certificate);
        gnutls_x509_crt_deinit(certificate);
        if (same)
            return sl_error_set(
                error, SL_UNTRUSTED,
                "%s: a certificate of this key is revoked (serial %s); make a new kit, or a new request", node,
                entry->serial);
    }
    return SL_OK;
}

enum sl_status sl_node_certify(struct sl_authority *authority, struct sl_node_certificates *out,
                               const struct sl_node_keys *keys, const struct sl_node_subject *subject,
                               struct sl_error *error) {
    struct sl_node_subject one = *subject;
    *out = (struct sl_node_certificates){0};
    one.purpose = SL_PURPOSE_SERVER;
    enum sl_status status = check_keys(authority, keys, subject->node, error);
    if (status == SL_OK)
        status = sl_authority_certify(authority, &out->server, keys->server, &one, error);
    one.purpose = SL_PURPOSE_CLIENT;
    if (status == SL_OK)
        status = sl_authority_certify(authority, &out->client, keys->client, &one, error);
    return status;
}

void sl_node_certificates_finish(struct sl_node_certificates *certificates) {
    if (certificates->server != NULL)
        gnutls_x509_crt_deinit(certificates->server);
    if (certificates->client != NULL)
        gnutls_x509_crt_deinit(certificates->client);
    *certificates = (struct sl_node_certificates){0};
}

enum sl_status sl_answer_write(const struct sl_authority *authority, const struct sl_node_certificates *certificates,
                               const char *path, struct sl_error *error) {
    struct sl_buffer text = {0};
    enum sl_status status = sl_certificate_append(&text, certificates->server, error);
    if (status == SL_OK)
        status = sl_authority_append_chain(authority, &text, certificates->client, error);
    if (status == SL_OK)
        status = sl_authority_append_trust(authority, &text, error);
    if (status == SL_OK)
        status = sl_revocations_append(&authority->lists, &text, error);
    if (status == SL_OK)
        status = sl_file_replace(path, text.data, text.length, 0644, error);
    sl_buffer_finish(&text);
    return status;
}

static enum sl_status approve(struct sl_authority *authority, const struct sl_request *request, unsigned days,
                              bool replace, const char *answer, struct sl_error *error) {
    const char *hosts[SL_REQUEST_HOSTS_MAX];
    const struct sl_node_keys keys = {request->server, request->client};
    struct sl_node_certificates certificates = {0};
    const struct sl_node_subject subject = {.flock = authority->flock,
                                            .node = request->node,
                                            .hosts = hosts,
                                            .host_count = request->host_count,
                                            .days = days};
    size_t before = authority->database.count;
    sl_request_hosts(request, hosts);
    enum sl_status status = sl_authority_claim_name(authority, request->node, replace, error);
    if (status == SL_OK)
        status = sl_node_certify(authority, &certificates, &keys, &subject, error);
    if (status == SL_OK)
        status = sl_authority_commit(authority, error);
    if (status == SL_OK) {
        status = sl_answer_write(authority, &certificates, answer, error);
        if (status != SL_OK)
            sl_authority_withdraw(authority, before);
    }
    sl_node_certificates_finish(&certificates);
    return status;
}

enum sl_status sl_request_approve(const struct sl_request *request, const struct sl_authority_access *access,
                                  unsigned days, bool replace, const char *answer, struct sl_error *error) {
    struct sl_authority authority;
    if (days == 0 || days > SL_VALIDITY_DAYS_MAX)
        return sl_error_set(error, SL_USAGE, "a validity of %u days: 1 to %d", days, SL_VALIDITY_DAYS_MAX);
    enum sl_status status = sl_authority_open(&authority, access, 0, error);
    if (status != SL_OK)
        return status;
    if (strcmp(authority.flock, request->flock) != 0)
        status = sl_error_set(error, SL_MISMATCH, "%s asks to be of the flock %s; this is the authority of %s",
                              request->node, request->flock, authority.flock);
    if (status == SL_OK)
        status = approve(&authority, request, days, replace, answer, error);
    sl_authority_finish(&authority);
    return status;
}
