/* New certificates for keys that are certified already. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "identity/answer.h"
#include "identity/kit.h"
#include "identity/renew.h"
#include "identity/request.h"

/* What is renewed. */
struct renewal {
    struct sl_node_keys keys;
    struct sl_names names;
    char *answer; /* of a kit: a file in it, for a moment */
};

/* One of the node's certificates as the database has it; the server's tells the names. */
static enum sl_status read_entry(struct renewal *renewal, const struct sl_authority *authority, const char *node,
                                 enum sl_certificate_kind kind, struct sl_error *error) {
    bool server = kind == SL_CERTIFICATE_SERVER;
    gnutls_x509_crt_t certificate = NULL;
    const struct sl_entry *entry = sl_database_live(&authority->database, node, kind, (int64_t)time(NULL));
    if (entry == NULL)
        return sl_error_set(
            error, SL_NOT_FOUND,
            "%s: has no good %s certificate of this authority; ask it for a new request, or issue a kit", node,
            sl_certificate_kind_text(kind));
    enum sl_status status = sl_entry_certificate(&certificate, entry, error);
    if (status == SL_OK)
        status = sl_certificate_key(server ? &renewal->keys.server : &renewal->keys.client, certificate, error);
    if (status == SL_OK && server)
        status = sl_names_of_certificate(&renewal->names, certificate, error);
    if (certificate != NULL)
        gnutls_x509_crt_deinit(certificate);
    return status;
}

static enum sl_status read_node(struct renewal *renewal, const struct sl_authority *authority,
                                const struct sl_renew_options *options, struct sl_error *error) {
    renewal->answer = strdup(options->answer);
    enum sl_status status = renewal->answer != NULL ? SL_OK : sl_error_set(error, SL_NO_MEMORY, "no memory for a name");
    if (status == SL_OK)
        status = read_entry(renewal, authority, options->node, SL_CERTIFICATE_SERVER, error);
    if (status == SL_OK)
        status = read_entry(renewal, authority, options->node, SL_CERTIFICATE_CLIENT, error);
    return status;
}

static enum sl_status read_kit(struct renewal *renewal, const char *folder, struct sl_error *error) {
    char *path = sl_path_join(folder, SL_KIT_SETTINGS);
    struct sl_settings *settings = NULL;
    struct sl_certificates server = {0};
    renewal->answer = sl_path_join(folder, "answer.pem");
    enum sl_status status = path != NULL && renewal->answer != NULL
                                ? sl_settings_load(&settings, path, NULL, 0, error)
                                : sl_error_set(error, SL_NO_MEMORY, "%s: no memory", folder);
    if (status == SL_OK)
        status = sl_node_keys_read(&renewal->keys, settings->identity.server_certificate,
                                   settings->identity.client_certificate, error);
    if (status == SL_OK)
        status = sl_certificates_read(&server, settings->identity.server_certificate, false, error);
    if (status == SL_OK) {
        status = sl_names_of_certificate(&renewal->names, server.items[0], error);
        if (status != SL_OK)
            status = sl_error_wrap(error, status, "%s", settings->identity.server_certificate);
    }
    sl_certificates_finish(&server);
    sl_settings_destroy(settings);
    free(path);
    return status;
}

static enum sl_status check_flock(const struct renewal *renewal, const struct sl_authority *authority,
                                  struct sl_error *error) {
    if (strcmp(renewal->names.flock, authority->flock) == 0)
        return SL_OK;
    return sl_error_set(error, SL_MISMATCH, "%s is of the flock %s; this is the authority of %s", renewal->names.node,
                        renewal->names.flock, authority->flock);
}

static enum sl_status sign(struct sl_authority *authority, struct renewal *renewal,
                           const struct sl_renew_options *options, struct sl_error *error) {
    struct sl_node_certificates certificates = {0};
    const char *hosts[SL_REQUEST_HOSTS_MAX];
    for (size_t i = 0; i < renewal->names.host_count; i++)
        hosts[i] = renewal->names.hosts[i];
    const struct sl_node_subject subject = {.flock = authority->flock,
                                            .node = renewal->names.node,
                                            .hosts = options->host_count > 0 ? options->hosts : hosts,
                                            .host_count = options->host_count > 0 ? options->host_count
                                                                                  : renewal->names.host_count,
                                            .days = options->days > 0 ? options->days : SL_NODE_DAYS};
    size_t before = authority->database.count;
    enum sl_status status = sl_node_certify(authority, &certificates, &renewal->keys, &subject, error);
    if (status == SL_OK)
        status = sl_authority_commit(authority, error);
    if (status == SL_OK) {
        status = sl_answer_write(authority, &certificates, renewal->answer, error);
        if (status != SL_OK)
            sl_authority_withdraw(authority, before);
    }
    sl_node_certificates_finish(&certificates);
    return status;
}

static enum sl_status check_options(const struct sl_renew_options *options, struct sl_error *error) {
    if (options->days > SL_VALIDITY_DAYS_MAX)
        return sl_error_set(error, SL_USAGE, "a validity of %u days: 1 to %d", options->days, SL_VALIDITY_DAYS_MAX);
    if (options->host_count > SL_REQUEST_HOSTS_MAX)
        return sl_error_set(error, SL_USAGE, "more than %d hosts", SL_REQUEST_HOSTS_MAX);
    for (size_t i = 0; i < options->host_count; i++)
        if (!sl_kit_host_is_valid(options->hosts[i]))
            return sl_error_set(error, SL_USAGE, "%s: not a DNS name or an IP address", options->hosts[i]);
    return SL_OK;
}

static enum sl_status renew_node(struct sl_authority *authority, const struct sl_renew_options *options,
                                 struct sl_error *error) {
    struct renewal renewal = {0};
    enum sl_status status =
        options->kit != NULL ? read_kit(&renewal, options->kit, error) : read_node(&renewal, authority, options, error);
    if (status == SL_OK)
        status = check_flock(&renewal, authority, error);
    if (status == SL_OK)
        status = sign(authority, &renewal, options, error);
    sl_authority_finish(authority); /* its lock: the kit may have to ask for passphrases */
    if (status == SL_OK && options->kit != NULL) {
        const struct sl_install_options install = {
            .folder = options->kit, .answer = renewal.answer, .prompt = options->access.prompt, .new_authority = true};
        status = sl_kit_install(&install, error);
    }
    if (options->kit != NULL && renewal.answer != NULL)
        unlink(renewal.answer);
    sl_node_keys_finish(&renewal.keys);
    free(renewal.answer);
    return status;
}

static bool is_authority(const struct sl_authority *authority, const struct sl_renew_options *options) {
    if (options->kit != NULL)
        return sl_folder_is_authority(options->kit);
    return sl_database_live(&authority->database, options->node, SL_CERTIFICATE_AUTHORITY, (int64_t)time(NULL)) != NULL;
}

static enum sl_status renew_authority(struct sl_authority *authority, const struct sl_renew_options *options,
                                      struct sl_error *error) {
    unsigned days = options->days > 0 ? options->days : SL_AUTHORITY_DAYS;
    if (options->host_count > 0)
        return sl_error_set(error, SL_USAGE, "%s: an authority has no addresses",
                            options->kit != NULL ? options->kit : options->node);
    return options->kit != NULL ? sl_authority_renew_folder(authority, options->kit, days, error)
                                : sl_authority_renew_named(authority, options->node, options->answer, days, error);
}

enum sl_status sl_authority_renew(const struct sl_renew_options *options, struct sl_error *error) {
    struct sl_authority authority = {.database = {.fd = -1}};
    enum sl_status status = check_options(options, error);
    if (status == SL_OK)
        status = sl_authority_open(&authority, &options->access, 0, error);
    if (status == SL_OK)
        status = is_authority(&authority, options) ? renew_authority(&authority, options, error)
                                                   : renew_node(&authority, options, error);
    sl_authority_finish(&authority);
    return status;
}
