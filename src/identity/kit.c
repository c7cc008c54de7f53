#include "identity/kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "crypto/random.h"
#include "identity/authority.h"
#include "identity/stage.h"

enum { PORT_MAX = 65535 };

const char *sl_kit_certificate_file(enum sl_purpose purpose) {
    return purpose == SL_PURPOSE_SERVER ? SL_KIT_SERVER_CERTIFICATE : SL_KIT_CLIENT_CERTIFICATE;
}

const char *sl_kit_key_file(enum sl_purpose purpose) {
    return purpose == SL_PURPOSE_SERVER ? SL_KIT_SERVER_KEY : SL_KIT_CLIENT_KEY;
}

enum sl_status sl_kit_check_options(const struct sl_kit_options *options, struct sl_error *error) {
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
    if (options->key_passphrase != NULL && options->key_passphrase[0] == '\0')
        return sl_error_set(error, SL_USAGE, "the keys' passphrase is empty");
    return SL_OK;
}

enum sl_status sl_kit_write(const char *folder, const char *name, const struct sl_buffer *text,
                            struct sl_error *error) {
    char *path = sl_path_join(folder, name);
    if (path == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "%s: no memory", folder);
    enum sl_status status = sl_file_replace(path, text->data, text->length, 0644, error);
    free(path);
    return status;
}

enum sl_status sl_kit_write_settings(const char *folder, const struct sl_kit_options *options, const char *flock,
                                     struct sl_error *error) {
    struct sl_buffer text = {0};
    enum sl_status status = sl_kit_settings_write(&text, options, flock, error);
    if (status == SL_OK)
        status = sl_kit_write(folder, SL_KIT_SETTINGS, &text, error);
    sl_buffer_finish(&text);
    return status;
}

static enum sl_status sign_and_write(const char *folder, struct sl_authority *authority, gnutls_privkey_t signer,
                                     const struct sl_node_subject *subject, struct sl_error *error) {
    gnutls_pubkey_t public_key = NULL;
    gnutls_x509_crt_t certificate = NULL;
    struct sl_buffer text = {0};
    enum sl_status status = sl_key_public(&public_key, signer, error);
    if (status == SL_OK)
        status = sl_authority_certify(authority, &certificate, public_key, subject, error);
    if (status == SL_OK)
        status = sl_authority_append_chain(authority, &text, certificate, error);
    if (status == SL_OK)
        status = sl_kit_write(folder, sl_kit_certificate_file(subject->purpose), &text, error);
    sl_buffer_finish(&text);
    if (certificate != NULL)
        gnutls_x509_crt_deinit(certificate);
    if (public_key != NULL)
        gnutls_pubkey_deinit(public_key);
    return status;
}

/* One key and its certificate, with those that lead to the root. */
static enum sl_status write_pair(const char *folder, const struct sl_kit_options *options,
                                 struct sl_authority *authority, enum sl_purpose purpose, struct sl_error *error) {
    char *key_path = sl_path_join(folder, sl_kit_key_file(purpose));
    const struct sl_node_subject subject = {authority->flock,    options->node, options->hosts,
                                            options->host_count, purpose,       options->days};
    gnutls_x509_privkey_t key = NULL;
    gnutls_privkey_t signer = NULL;
    enum sl_status status = key_path != NULL ? SL_OK : sl_error_set(error, SL_NO_MEMORY, "%s: no memory", folder);
    if (status == SL_OK)
        status = sl_key_generate(&key, options->key, error);
    if (status == SL_OK)
        status = sl_key_signer(&signer, key, error);
    if (status == SL_OK)
        status = sl_key_write(key, key_path, options->key_passphrase, error);
    if (status == SL_OK)
        status = sign_and_write(folder, authority, signer, &subject, error);
    if (signer != NULL)
        gnutls_privkey_deinit(signer);
    if (key != NULL)
        gnutls_x509_privkey_deinit(key);
    free(key_path);
    return status;
}

/* The authority's certificates and lists are written anew, not copied: whatever else is in its files stays there. */
static enum sl_status write_trust(const char *folder, const struct sl_authority *authority, struct sl_error *error) {
    struct sl_buffer text = {0};
    enum sl_status status = sl_authority_append_trust(authority, &text, error);
    if (status == SL_OK)
        status = sl_kit_write(folder, SL_KIT_CA, &text, error);
    sl_buffer_clear(&text);
    if (status == SL_OK)
        status = sl_revocations_append(&authority->lists, &text, error);
    if (status == SL_OK)
        status = sl_kit_write(folder, SL_KIT_LISTS, &text, error);
    sl_buffer_finish(&text);
    return status;
}

/* Answers with the passphrase that is known. */
static enum sl_status answer(void *context, char *out, size_t size, const char *what, struct sl_error *error) {
    int length = snprintf(out, size, "%s", (const char *)context);
    return length >= 0 && (size_t)length < size ? SL_OK : sl_error_set(error, SL_LIMIT, "%s: too long", what);
}

enum sl_status sl_kit_try(const struct sl_settings *settings, const char *key_passphrase,
                          const struct sl_prompt *prompt, struct sl_error *error) {
    const struct sl_prompt known = {.context = (char *)(uintptr_t)key_passphrase, .ask = answer};
    struct sl_identity *identity = NULL;
    enum sl_status status = sl_identity_load(&identity, settings, key_passphrase != NULL ? &known : prompt, error);
    sl_identity_unref(identity);
    return status;
}

enum sl_status sl_kit_check(const char *folder, const char *shown, const char *key_passphrase,
                            const struct sl_prompt *prompt, struct sl_error *error) {
    /* What GnuTLS holds of a certificate that it just made is not what a reader sees, so this reads the files. */
    char *path = sl_path_join(folder, SL_KIT_SETTINGS);
    struct sl_settings *settings = NULL;
    if (path == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "%s: no memory", folder);
    enum sl_status status = sl_settings_load(&settings, path, NULL, 0, error);
    if (status == SL_OK)
        status = sl_kit_try(settings, key_passphrase, prompt, error);
    if (status != SL_OK)
        (void)sl_error_wrap(error, status, "%s: its node would not start", shown);
    sl_settings_destroy(settings);
    free(path);
    return status;
}

static enum sl_status create(struct sl_stage *stage, const struct sl_kit_options *options,
                             struct sl_authority *authority, struct sl_error *error) {
    size_t before = authority->database.count;
    enum sl_status status = sl_authority_claim_name(authority, options->node, options->replace, error);
    if (status == SL_OK)
        status = write_pair(stage->folder, options, authority, SL_PURPOSE_SERVER, error);
    if (status == SL_OK)
        status = write_pair(stage->folder, options, authority, SL_PURPOSE_CLIENT, error);
    if (status == SL_OK)
        status = sl_kit_write_settings(stage->folder, options, authority->flock, error);
    if (status == SL_OK) /* none is handed out that cannot start */
        status = write_trust(stage->folder, authority, error);
    if (status == SL_OK)
        status = sl_kit_check(stage->folder, options->folder, options->key_passphrase, NULL, error);
    if (status == SL_OK)
        status = sl_authority_commit(authority, error);
    if (status != SL_OK)
        return status;
    if (options->replace) /* the list of those that were replaced */
        status = write_trust(stage->folder, authority, error);
    if (status == SL_OK)
        status = sl_stage_commit(stage, error);
    if (status != SL_OK)
        sl_authority_withdraw(authority, before);
    return status;
}

enum sl_status sl_kit_create(const struct sl_kit_options *options, struct sl_error *error) {
    const struct sl_authority_access access = {options->authority, options->passphrase, options->prompt};
    struct sl_authority authority = {.database = {.fd = -1}};
    struct sl_stage stage = {0};
    enum sl_status status = sl_kit_check_options(options, error);
    if (status == SL_OK)
        status = sl_authority_open(&authority, &access, 0, error);
    if (status == SL_OK)
        status = sl_stage_open(&stage, options->folder, error);
    if (status == SL_OK)
        status = create(&stage, options, &authority, error);
    sl_stage_finish(&stage);
    sl_authority_finish(&authority);
    return status;
}
