#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "crypto/random.h"
#include "identity/authority.h"
#include "identity/stage.h"

static enum sl_status check_options(const struct sl_authority_options *options, const char *flock,
                                    struct sl_error *error) {
    if (!sl_name_is_valid(flock))
        return sl_error_set(error, SL_USAGE, "%s: not a flock's name: 1 to 63 of a-z, 0-9 and -, not - in front",
                            flock);
    if (options->days == 0 || options->days > SL_VALIDITY_DAYS_MAX || options->crl_days > SL_VALIDITY_DAYS_MAX)
        return sl_error_set(error, SL_USAGE, "a validity of %u days: 1 to %d",
                            options->crl_days > SL_VALIDITY_DAYS_MAX ? options->crl_days : options->days,
                            SL_VALIDITY_DAYS_MAX);
    if (options->passphrase != NULL && options->passphrase[0] == '\0')
        return sl_error_set(error, SL_USAGE, "the passphrase is empty");
    return SL_OK;
}

/* Whether the parent may have authorities below it, and one with `length` more. */
static enum sl_status check_parent(const struct sl_authority *parent, const struct sl_authority_options *options,
                                   const char *name, struct sl_error *error) {
    int allowed = -1;
    if (!sl_name_is_valid(name))
        return sl_error_set(error, SL_USAGE,
                            "%s: an authority below another is named by its folder: 1 to 63 of a-z, "
                            "0-9 and -, not - in front",
                            name);
    (void)gnutls_x509_crt_get_basic_constraints(parent->issuer.certificate, NULL, NULL, &allowed);
    if (allowed >= 0 && (unsigned)allowed <= options->path_length)
        return sl_error_set(error, SL_UNTRUSTED,
                            "%s: its certificate allows for %d authorities in a row below it, not for %u (path length)",
                            options->parent->folder, allowed, options->path_length + 1);
    return SL_OK;
}

/* The two keys of one pair. */
struct keys {
    gnutls_x509_privkey_t key;
    gnutls_privkey_t signer;
    gnutls_pubkey_t public_key;
};

static enum sl_status keys_generate(struct keys *keys, enum sl_key_kind kind, struct sl_error *error) {
    enum sl_status status = sl_key_generate(&keys->key, kind, error);
    if (status == SL_OK)
        status = sl_key_signer(&keys->signer, keys->key, error);
    if (status == SL_OK)
        status = sl_key_public(&keys->public_key, keys->signer, error);
    return status;
}

static void keys_finish(struct keys *keys) {
    if (keys->public_key != NULL)
        gnutls_pubkey_deinit(keys->public_key);
    if (keys->signer != NULL)
        gnutls_privkey_deinit(keys->signer);
    if (keys->key != NULL)
        gnutls_x509_privkey_deinit(keys->key);
}

/* ca.pem, and crl.pem with what the kits need from above; its own list joins them when it is opened. */
static enum sl_status write_files(const char *folder, gnutls_x509_crt_t certificate, const struct sl_authority *parent,
                                  struct sl_error *error) {
    struct sl_buffer text = {0};
    char *path = sl_path_join(folder, SL_AUTHORITY_CERTIFICATE), *lists = sl_path_join(folder, SL_AUTHORITY_LISTS);
    enum sl_status status = SL_OK;
    if (path == NULL || lists == NULL)
        status = sl_error_set(error, SL_NO_MEMORY, "%s: no memory", folder);
    if (status == SL_OK)
        status = sl_certificate_append(&text, certificate, error);
    for (unsigned i = 0; parent != NULL && status == SL_OK && i < parent->certificates.count; i++)
        status = sl_certificate_append(&text, parent->certificates.items[i], error);
    if (status == SL_OK)
        status = sl_file_replace(path, text.data, text.length, 0644, error);
    if (status == SL_OK && parent != NULL)
        status = sl_revocations_write(&parent->lists, lists, error);
    sl_buffer_finish(&text);
    free(lists);
    free(path);
    return status;
}

/* Signs it, by the parent or by itself, and writes all files of the folder but database and list. */
static enum sl_status make_certificate(const char *folder, const struct sl_authority_options *options,
                                       const struct sl_authority_subject *subject, struct sl_authority *parent,
                                       struct sl_error *error) {
    struct keys keys = {0};
    gnutls_x509_crt_t certificate = NULL;
    char *key_path = sl_path_join(folder, SL_AUTHORITY_KEY);
    enum sl_status status =
        key_path != NULL ? SL_OK : sl_error_set(error, SL_NO_MEMORY, "%s: no memory", options->folder);
    if (status == SL_OK)
        status = keys_generate(&keys, options->key, error);
    if (status == SL_OK && parent != NULL)
        status = sl_authority_certify_authority(parent, &certificate, keys.public_key, subject, error);
    else if (status == SL_OK)
        status =
            sl_issue_authority(&certificate, keys.public_key, subject, &(struct sl_issuer){.key = keys.signer}, error);
    if (status == SL_OK)
        status = sl_key_write(keys.key, key_path, options->passphrase, error);
    if (status == SL_OK)
        status = write_files(folder, certificate, parent, error);
    if (certificate != NULL)
        gnutls_x509_crt_deinit(certificate);
    keys_finish(&keys);
    free(key_path);
    return status;
}

/* Opening it makes database and list. */
static enum sl_status begin(const char *folder, const struct sl_authority_options *options, struct sl_error *error) {
    const struct sl_authority_access access = {.folder = folder, .passphrase = options->passphrase};
    struct sl_authority authority;
    enum sl_status status = sl_authority_open(&authority, &access, options->crl_days, error);
    if (status != SL_OK)
        return status;
    sl_authority_finish(&authority);
    return SL_OK;
}

static enum sl_status create(struct sl_stage *stage, const struct sl_authority_options *options,
                             struct sl_authority *parent, struct sl_error *error) {
    const char *name = sl_path_last(stage->target);
    const char *flock = options->flock != NULL ? options->flock : parent != NULL ? parent->flock : name;
    const struct sl_authority_subject subject = {.flock = flock,
                                                 .name = name,
                                                 .days = options->days,
                                                 .path_length = (int)options->path_length,
                                                 .constrained = parent != NULL && !options->unconstrained};
    size_t before = parent != NULL ? parent->database.count : 0;
    enum sl_status status = check_options(options, flock, error);
    if (status == SL_OK && parent != NULL)
        status = check_parent(parent, options, name, error);
    if (status == SL_OK && parent != NULL)
        status = sl_authority_claim_name(parent, name, options->replace, error);
    if (status == SL_OK)
        status = make_certificate(stage->folder, options, &subject, parent, error);
    if (status == SL_OK)
        status = begin(stage->folder, options, error);
    if (status == SL_OK && parent != NULL)
        status = sl_authority_commit(parent, error);
    if (status != SL_OK)
        return status;
    status = sl_stage_commit(stage, error);
    if (status != SL_OK && parent != NULL)
        sl_authority_withdraw(parent, before);
    return status;
}

enum sl_status sl_authority_create(const struct sl_authority_options *options, struct sl_error *error) {
    struct sl_stage stage = {0};
    struct sl_authority parent = {.database = {.fd = -1}};
    enum sl_status status = sl_crypto_start(error);
    if (status == SL_OK && options->parent != NULL)
        status = sl_authority_open(&parent, options->parent, 0, error);
    if (status == SL_OK)
        status = sl_stage_open(&stage, options->folder, error);
    if (status == SL_OK)
        status = create(&stage, options, options->parent != NULL ? &parent : NULL, error);
    sl_stage_finish(&stage);
    sl_authority_finish(&parent);
    return status;
}
