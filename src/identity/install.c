/* New certificates into a kit:
 *
 *   take    sort what the answer holds: by the kit's keys (as its request or its certificates tell), roots, lists
 *   try     the new files are beside the old ones under other names, and loaded as the node will load them
 *   commit  lists, then roots, then certificates are renamed: at every moment the kit is one that starts
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "crypto/random.h"
#include "identity/answer.h"
#include "identity/kit.h"
#include "identity/request.h"

enum { LISTS, TRUST, SERVER, CLIENT, FILES };

struct install {
    struct sl_settings *settings;
    struct sl_certificates answer, trust; /* trust: what the kit has */
    struct sl_revocations lists;          /* the kit's, and the answer's where they are newer */
    bool is_new;                          /* the kit has no certificates yet, but a request */
    struct sl_request *request;           /* of a new kit */
    struct sl_node_keys keys;
    char **places[FILES]; /* in the settings: where the files belong */
    char *temporary[FILES];
    struct sl_buffer texts[FILES];
};

static enum sl_status no_memory(struct sl_error *error) {
    return sl_error_set(error, SL_NO_MEMORY, "no memory for the certificates");
}

/* The keys of a new kit are those of its request, of any other those of its certificates. */
static enum sl_status read_keys(struct install *install, const char *folder, struct sl_error *error) {
    const struct sl_settings *settings = install->settings;
    install->is_new = access(settings->identity.server_certificate, F_OK) != 0;
    if (!install->is_new)
        return sl_node_keys_read(&install->keys, settings->identity.server_certificate,
                                 settings->identity.client_certificate, error);
    char *path = sl_path_join(folder, SL_KIT_REQUEST);
    enum sl_status status = path != NULL ? sl_request_read(&install->request, path, error) : no_memory(error);
    free(path);
    if (status == SL_OK) {
        install->keys = (struct sl_node_keys){install->request->server, install->request->client};
        install->request->server = install->request->client = NULL;
    }
    return status;
}

/* The kit's settings, what it trusts already, and its lists. */
static enum sl_status open_kit(struct install *install, const char *folder, struct sl_error *error) {
    char *path = sl_path_join(folder, SL_KIT_SETTINGS);
    enum sl_status status =
        path != NULL ? sl_settings_load(&install->settings, path, NULL, 0, error) : no_memory(error);
    free(path);
    if (status != SL_OK)
        return status;
    struct sl_settings *settings = install->settings;
    install->places[LISTS] = &settings->identity.crl_file;
    install->places[TRUST] = &settings->identity.ca;
    install->places[SERVER] = &settings->identity.server_certificate;
    install->places[CLIENT] = &settings->identity.client_certificate;
    if (access(settings->identity.ca, F_OK) == 0)
        status = sl_certificates_read(&install->trust, settings->identity.ca, false, error);
    if (status == SL_OK)
        status = sl_revocations_read_some(&install->lists, settings->identity.crl_file, error);
    if (status == SL_OK)
        status = read_keys(install, folder, error);
    return status;
}

static enum sl_status read_answer(struct install *install, const char *path, struct sl_error *error) {
    enum sl_status status = sl_certificates_read(&install->answer, path, false, error);
    return status == SL_OK ? sl_revocations_read_some(&install->lists, path, error) : status;
}

static bool is_trusted(const struct install *install, gnutls_x509_crt_t certificate) {
    for (unsigned i = 0; i < install->trust.count; i++)
        if (gnutls_x509_crt_equals(install->trust.items[i], certificate))
            return true;
    return false;
}

/* The roots that the kit has, and behind them new ones where that is allowed. */
static enum sl_status take_trust(struct install *install, const struct sl_install_options *options,
                                 struct sl_error *error) {
    const struct sl_certificates *answer = &install->answer;
    enum sl_status status = SL_OK;
    for (unsigned i = 0; status == SL_OK && i < install->trust.count; i++)
        status = sl_certificate_append(&install->texts[TRUST], install->trust.items[i], error);
    for (unsigned i = 0; status == SL_OK && i < answer->count; i++) {
        char text[SL_CERTIFICATE_TEXT_SIZE], fingerprint[SL_FINGERPRINT_SIZE];
        if (!sl_certificate_is_authority(answer->items[i]) || !sl_certificates_is_root(answer, i) ||
            is_trusted(install, answer->items[i]))
            continue;
        sl_certificate_text(text, answer->items[i]);
        if (install->trust.count > 0 && !options->new_authority)
            return sl_error_set(error, SL_UNTRUSTED,
                                "the answer comes from %s, which is not in the kit's %s; if it is the flock's new "
                                "authority, give --new-authority",
                                text, *install->places[TRUST]);
        sl_certificate_fingerprint(fingerprint, answer->items[i]);
        if (options->trust != NULL)
            status = options->trust(options->context, text, fingerprint, error);
        if (status == SL_OK)
            status = sl_certificate_append(&install->texts[TRUST], answer->items[i], error);
    }
    return status;
}

/* The certificate for this purpose and key, then the authorities that are no roots. */
static enum sl_status take_chain(struct install *install, enum sl_purpose purpose, const char *path,
                                 struct sl_error *error) {
    const struct sl_certificates *answer = &install->answer;
    bool server = purpose == SL_PURPOSE_SERVER;
    struct sl_buffer *out = &install->texts[server ? SERVER : CLIENT];
    gnutls_x509_crt_t found = NULL;
    for (unsigned i = 0; i < answer->count; i++)
        if (!sl_certificate_is_authority(answer->items[i]) &&
            sl_public_key_is_of(server ? install->keys.server : install->keys.client, answer->items[i]) &&
            sl_certificate_purpose(answer->items[i], purpose) != SL_PURPOSE_NOT_LISTED)
            found = answer->items[i];
    if (found == NULL)
        return sl_error_set(error, SL_MISMATCH, "%s: has no %s certificate for this kit's key: it is for another one",
                            path, sl_purpose_text(purpose));
    enum sl_status status = sl_certificate_append(out, found, error);
    for (unsigned i = 0; status == SL_OK && i < answer->count; i++)
        if (sl_certificate_is_authority(answer->items[i]) && !sl_certificates_is_root(answer, i))
            status = sl_certificate_append(out, answer->items[i], error);
    return status;
}

/* Of a new kit: the addresses that were asked for have to be in the certificates. */
static enum sl_status check_hosts(const struct install *install, gnutls_x509_crt_t certificate,
                                  struct sl_error *error) {
    struct sl_names names;
    enum sl_status status = sl_names_of_certificate(&names, certificate, error);
    for (size_t k = 0; status == SL_OK && k < install->request->host_count; k++) {
        bool found = false;
        for (size_t n = 0; !found && n < names.host_count; n++)
            found = strcmp(names.hosts[n], install->request->hosts[k]) == 0;
        if (!found)
            status = sl_error_set(error, SL_MISMATCH, "the certificate is not for %s, which the request asks for",
                                  install->request->hosts[k]);
    }
    return status;
}

static enum sl_status check_names(const struct install *install, struct sl_error *error) {
    enum sl_status status = SL_OK;
    if (!install->is_new)
        return SL_OK;
    for (unsigned i = 0; status == SL_OK && i < install->answer.count; i++)
        if (!sl_certificate_is_authority(install->answer.items[i]))
            status = check_hosts(install, install->answer.items[i], error);
    return status;
}

/* Loads them as the node will. */
static enum sl_status try(struct install *install, const struct sl_install_options *options, struct sl_error *error) {
    enum sl_status status = SL_OK;
    for (int i = 0; status == SL_OK && i < FILES; i++) {
        if (asprintf(&install->temporary[i], "%s.new", *install->places[i]) < 0) {
            install->temporary[i] = NULL;
            return no_memory(error);
        }
        status = sl_file_replace(install->temporary[i], install->texts[i].data, install->texts[i].length, 0644, error);
    }
    if (status != SL_OK)
        return status;
    for (int i = 0; i < FILES; i++) {
        char *place = *install->places[i];
        *install->places[i] = install->temporary[i];
        install->temporary[i] = place;
    }
    status = sl_kit_try(install->settings, options->key_passphrase, options->prompt, error);
    for (int i = 0; i < FILES; i++) {
        char *place = install->temporary[i];
        install->temporary[i] = *install->places[i];
        *install->places[i] = place;
    }
    return status;
}

/* The same bytes once more, so that each file is replaced whole, synced and with its usual mode. */
static enum sl_status commit(struct install *install, struct sl_error *error) {
    enum sl_status status = SL_OK;
    for (int i = 0; status == SL_OK && i < FILES; i++)
        status = sl_file_replace(*install->places[i], install->texts[i].data, install->texts[i].length, 0644, error);
    return status;
}

static void finish(struct install *install) {
    for (int i = 0; i < FILES; i++) {
        if (install->temporary[i] != NULL)
            unlink(install->temporary[i]);
        free(install->temporary[i]);
        sl_buffer_finish(&install->texts[i]);
    }
    sl_certificates_finish(&install->answer);
    sl_certificates_finish(&install->trust);
    sl_revocations_finish(&install->lists);
    sl_node_keys_finish(&install->keys);
    sl_request_destroy(install->request);
    sl_settings_destroy(install->settings);
}

enum sl_status sl_kit_install(const struct sl_install_options *options, struct sl_error *error) {
    struct install install = {0};
    enum sl_status status = sl_crypto_start(error);
    if (status == SL_OK)
        status = open_kit(&install, options->folder, error);
    if (status == SL_OK)
        status = read_answer(&install, options->answer, error);
    if (status == SL_OK)
        status = take_trust(&install, options, error);
    if (status == SL_OK)
        status = take_chain(&install, SL_PURPOSE_SERVER, options->answer, error);
    if (status == SL_OK)
        status = take_chain(&install, SL_PURPOSE_CLIENT, options->answer, error);
    if (status == SL_OK)
        status = check_names(&install, error);
    if (status == SL_OK)
        status = sl_revocations_append(&install.lists, &install.texts[LISTS], error);
    if (status == SL_OK)
        status = try(&install, options, error);
    if (status == SL_OK)
        status = commit(&install, error);
    finish(&install);
    return status;
}
