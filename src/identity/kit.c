#include <starling/identity.h>

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "crypto/random.h"
#include "identity/authority.h"
#include "identity/kit_settings.h"
#include "identity/stage.h"

enum { PORT_MAX = 65535 };

static enum sl_status check_options(const struct sl_kit_options *options, struct sl_error *error) {
    if (!sl_name_is_valid(options->node))
        return sl_error_set(error, SL_USAGE, "%s: not a node's name: 1 to 63 of a-z, 0-9 and -, not - in front",
                            options->node);
    if (options->host_count == 0)
        return sl_error_set(error, SL_USAGE, "%s: no host that it is reached by", options->node);
    for (size_t i = 0; i < options->host_count; i++)
        if (!sl_kit_host_is_valid(options->hosts[i]))
            return sl_error_set(error, SL_USAGE, "%s: not a DNS name or an IP address", options->hosts[i]);
    if (options->port == 0 || options->port > PORT_MAX)
        return sl_error_set(error, SL_USAGE, "port %u: 1 to %d", options->port, PORT_MAX);
    if (options->days == 0 || options->days > SL_VALIDITY_DAYS_MAX)
        return sl_error_set(error, SL_USAGE, "a validity of %u days: 1 to %d", options->days, SL_VALIDITY_DAYS_MAX);
    if (options->parts > 0 && options->part >= options->parts)
        return sl_error_set(error, SL_USAGE, "part %u of %u: parts count from 0", options->part, options->parts);
    return SL_OK;
}

/* One key and its certificate. */
static enum sl_status write_pair(const char *folder, const struct sl_kit_options *options,
                                 const struct sl_authority *authority, enum sl_purpose purpose,
                                 struct sl_error *error) {
    bool server = purpose == SL_PURPOSE_SERVER;
    char *certificate_path = sl_path_join(folder, server ? SL_KIT_SERVER_CERTIFICATE : SL_KIT_CLIENT_CERTIFICATE);
    char *key_path = sl_path_join(folder, server ? SL_KIT_SERVER_KEY : SL_KIT_CLIENT_KEY);
    const struct sl_node_subject subject = {authority->flock,    options->node, options->hosts,
                                            options->host_count, purpose,       options->days};
    gnutls_x509_privkey_t key = NULL;
    gnutls_x509_crt_t certificate = NULL;
    enum sl_status status = SL_OK;
    if (certificate_path == NULL || key_path == NULL)
        status = sl_error_set(error, SL_NO_MEMORY, "%s: no memory", folder);
    if (status == SL_OK)
        status = sl_key_generate(&key, options->key, error);
    if (status == SL_OK)
        status = sl_issue_node(&certificate, key, &subject, &authority->issuer, error);
    if (status == SL_OK)
        status = sl_key_write(key, key_path, NULL, error);
    if (status == SL_OK)
        status = sl_certificates_write(&certificate, 1, certificate_path, error);
    if (certificate != NULL)
        gnutls_x509_crt_deinit(certificate);
    if (key != NULL)
        gnutls_x509_privkey_deinit(key);
    free(key_path);
    free(certificate_path);
    return status;
}

/* The authority's certificates are written anew, not copied: whatever else is in its file stays there. */
static enum sl_status write_rest(const char *folder, const struct sl_kit_options *options,
                                 const struct sl_authority *authority, struct sl_error *error) {
    char *ca_path = sl_path_join(folder, SL_KIT_CA);
    char *settings_path = sl_path_join(folder, SL_KIT_SETTINGS);
    struct sl_buffer text = {0};
    enum sl_status status = SL_OK;
    if (ca_path == NULL || settings_path == NULL)
        status = sl_error_set(error, SL_NO_MEMORY, "%s: no memory", folder);
    if (status == SL_OK)
        status = sl_certificates_write(authority->certificates.items, authority->certificates.count, ca_path, error);
    if (status == SL_OK)
        status = sl_kit_settings_write(&text, options, authority->flock, error);
    if (status == SL_OK)
        status = sl_file_replace(settings_path, text.data, text.length, 0644, error);
    sl_buffer_finish(&text);
    free(settings_path);
    free(ca_path);
    return status;
}

/* Loads the kit as its node will: none is handed out that cannot start. What GnuTLS holds of a certificate that it just
 * made is not what a reader sees, so this reads the files. */
static enum sl_status check_kit(const char *folder, const struct sl_kit_options *options, struct sl_error *error) {
    char *path = sl_path_join(folder, SL_KIT_SETTINGS);
    struct sl_settings *settings = NULL;
    struct sl_identity *identity = NULL;
    if (path == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "%s: no memory", folder);
    enum sl_status status = sl_settings_load(&settings, path, NULL, 0, error);
    if (status == SL_OK)
        status = sl_identity_load(&identity, settings, error);
    if (status != SL_OK)
        (void)sl_error_wrap(error, status, "%s: its node would not start", options->folder);
    sl_identity_destroy(identity);
    sl_settings_destroy(settings);
    free(path);
    return status;
}

enum sl_status sl_kit_create(const struct sl_kit_options *options, struct sl_error *error) {
    struct sl_authority authority = {0};
    struct sl_stage stage = {0};
    enum sl_status status = check_options(options, error);
    if (status == SL_OK)
        status = sl_crypto_start(error);
    if (status == SL_OK)
        status = sl_authority_open(&authority, options->authority, options->passphrase, error);
    if (status == SL_OK)
        status = sl_stage_open(&stage, options->folder, error);
    if (status == SL_OK)
        status = write_pair(stage.folder, options, &authority, SL_PURPOSE_SERVER, error);
    if (status == SL_OK)
        status = write_pair(stage.folder, options, &authority, SL_PURPOSE_CLIENT, error);
    if (status == SL_OK)
        status = write_rest(stage.folder, options, &authority, error);
    if (status == SL_OK)
        status = check_kit(stage.folder, options, error);
    if (status == SL_OK)
        status = sl_stage_commit(&stage, error);
    sl_stage_finish(&stage);
    sl_authority_finish(&authority);
    return status;
}
