#include "identity/authority.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "crypto/random.h"
#include "identity/own.h"
#include "identity/stage.h"

static const char certificate_file[] = "ca.pem";
static const char key_file[] = "ca.key";

static enum sl_status check_options(const struct sl_authority_options *options, const char *flock,
                                    struct sl_error *error) {
    if (!sl_name_is_valid(flock))
        return sl_error_set(error, SL_USAGE, "%s: not a flock's name: 1 to 63 of a-z, 0-9 and -, not - in front",
                            flock);
    if (options->days == 0 || options->days > SL_VALIDITY_DAYS_MAX)
        return sl_error_set(error, SL_USAGE, "a validity of %u days: 1 to %d", options->days, SL_VALIDITY_DAYS_MAX);
    if (options->passphrase != NULL && options->passphrase[0] == '\0')
        return sl_error_set(error, SL_USAGE, "the passphrase is empty");
    return SL_OK;
}

static enum sl_status write_authority(const char *folder, const struct sl_authority_options *options, const char *flock,
                                      struct sl_error *error) {
    gnutls_x509_privkey_t key = NULL;
    gnutls_x509_crt_t certificate = NULL;
    char *certificate_path = sl_path_join(folder, certificate_file);
    char *key_path = sl_path_join(folder, key_file);
    enum sl_status status = SL_OK;
    if (certificate_path == NULL || key_path == NULL)
        status = sl_error_set(error, SL_NO_MEMORY, "%s: no memory", folder);
    if (status == SL_OK)
        status = sl_key_generate(&key, options->key, error);
    if (status == SL_OK)
        status = sl_issue_authority(&certificate, key, flock, options->days, error);
    if (status == SL_OK)
        status = sl_key_write(key, key_path, options->passphrase, error);
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

enum sl_status sl_authority_create(const struct sl_authority_options *options, struct sl_error *error) {
    struct sl_stage stage = {0};
    enum sl_status status = sl_crypto_start(error);
    if (status == SL_OK)
        status = sl_stage_open(&stage, options->folder, error);
    if (status != SL_OK)
        return status;
    const char *flock = options->flock != NULL ? options->flock : sl_path_last(stage.target);
    status = check_options(options, flock, error);
    if (status == SL_OK)
        status = write_authority(stage.folder, options, flock, error);
    if (status == SL_OK)
        status = sl_stage_commit(&stage, error);
    sl_stage_finish(&stage);
    return status;
}

/* The flock that the authority was made for. */
static enum sl_status read_flock(struct sl_authority *authority, const char *path, struct sl_error *error) {
    size_t length = sizeof authority->flock;
    int code = gnutls_x509_crt_get_dn_by_oid(authority->issuer.certificate, GNUTLS_OID_X520_ORGANIZATION_NAME, 0, 0,
                                             authority->flock, &length);
    if (code < 0 || length != strlen(authority->flock) || !sl_name_is_valid(authority->flock))
        return sl_error_set(error, SL_FORMAT, "%s: its subject's organisation (O) is not a flock's name", path);
    return SL_OK;
}

static enum sl_status check_authority(struct sl_authority *authority, const char *path, struct sl_error *error) {
    gnutls_x509_crt_t certificate = authority->issuer.certificate;
    if (!sl_certificate_is_authority(certificate) ||
        !sl_certificate_allows_usage(certificate, GNUTLS_KEY_KEY_CERT_SIGN))
        return sl_error_set(error, SL_UNTRUSTED, "%s: not an authority that may sign certificates", path);
    if (gnutls_x509_crt_get_expiration_time(certificate) <= time(NULL))
        return sl_error_set(error, SL_UNTRUSTED, "%s: the authority has expired", path);
    return read_flock(authority, path, error);
}

enum sl_status sl_authority_open(struct sl_authority *authority, const char *folder, const char *passphrase,
                                 struct sl_error *error) {
    *authority = (struct sl_authority){0};
    char *certificate_path = sl_path_join(folder, certificate_file);
    char *key_path = sl_path_join(folder, key_file);
    enum sl_status status = SL_OK;
    if (certificate_path == NULL || key_path == NULL)
        status = sl_error_set(error, SL_NO_MEMORY, "%s: no memory", folder);
    if (status == SL_OK)
        status = sl_certificates_read(&authority->certificates, certificate_path, false, error);
    if (status == SL_OK) {
        authority->issuer.certificate = authority->certificates.items[0];
        status = check_authority(authority, certificate_path, error);
    }
    if (status == SL_OK)
        status = sl_key_read(&authority->issuer.key, key_path, passphrase, error);
    if (status == SL_OK && !sl_key_is_of(authority->issuer.key, authority->issuer.certificate))
        status = sl_error_set(error, SL_MISMATCH, "%s: not the key of the certificate %s", key_path, certificate_path);
    free(key_path);
    free(certificate_path);
    if (status != SL_OK)
        sl_authority_finish(authority);
    return status;
}

void sl_authority_finish(struct sl_authority *authority) {
    if (authority->issuer.key != NULL)
        gnutls_privkey_deinit(authority->issuer.key);
    sl_certificates_finish(&authority->certificates);
    *authority = (struct sl_authority){0};
}
