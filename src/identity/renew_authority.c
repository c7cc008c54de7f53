/* A new certificate for an authority below this one: the same key, name and limits, so that all that it signed stays as
 * good as it was. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "identity/answer.h"
#include "identity/kit_settings.h"
#include "identity/renew.h"
#include "identity/stage.h"

bool sl_folder_is_authority(const char *folder) {
    char *settings = sl_path_join(folder, SL_KIT_SETTINGS),
         *certificate = sl_path_join(folder, SL_AUTHORITY_CERTIFICATE);
    bool is = settings != NULL && certificate != NULL && access(settings, F_OK) != 0 && access(certificate, F_OK) == 0;
    free(certificate);
    free(settings);
    return is;
}

static bool same_key_and_name(gnutls_x509_crt_t a, gnutls_x509_crt_t b) {
    gnutls_datum_t of_a = {NULL, 0}, of_b = {NULL, 0};
    uint8_t key_a[SL_KEY_DIGEST_SIZE], key_b[SL_KEY_DIGEST_SIZE];
    bool same = gnutls_x509_crt_get_raw_dn(a, &of_a) >= 0 && gnutls_x509_crt_get_raw_dn(b, &of_b) >= 0 &&
                of_a.size == of_b.size && memcmp(of_a.data, of_b.data, of_a.size) == 0 &&
                sl_key_digest(key_a, a, NULL) == SL_OK && sl_key_digest(key_b, b, NULL) == SL_OK &&
                memcmp(key_a, key_b, sizeof key_a) == 0;
    gnutls_free(of_a.data);
    gnutls_free(of_b.data);
    return same;
}

static bool is_among(const struct sl_certificates *certificates, gnutls_x509_crt_t wanted) {
    for (unsigned i = 0; i < certificates->count; i++)
        if (same_key_and_name(certificates->items[i], wanted))
            return true;
    return false;
}

/* Its own first, then the parent's, then what else was in the file before (other roots that its nodes trust). */
static enum sl_status write_certificates(const struct sl_authority *parent, gnutls_x509_crt_t certificate,
                                         const struct sl_certificates *before, const char *path,
                                         struct sl_error *error) {
    struct sl_buffer text = {0};
    enum sl_status status = sl_certificate_append(&text, certificate, error);
    for (unsigned i = 0; status == SL_OK && i < parent->certificates.count; i++)
        status = sl_certificate_append(&text, parent->certificates.items[i], error);
    for (unsigned i = 0; status == SL_OK && i < before->count; i++)
        if (!same_key_and_name(before->items[i], certificate) && !is_among(&parent->certificates, before->items[i]))
            status = sl_certificate_append(&text, before->items[i], error);
    if (status == SL_OK)
        status = sl_file_replace(path, text.data, text.length, 0644, error);
    sl_buffer_finish(&text);
    return status;
}

/* By the parent, or by one whose certificate was appended to its own, as of the flock's former root: else a folder of
 * somebody else's making would say what the parent signs. */
static bool is_known(const struct sl_authority *parent, gnutls_x509_crt_t former) {
    for (unsigned i = 0; i < parent->certificates.count; i++)
        if (sl_certificate_is_signed_by(former, parent->certificates.items[i]))
            return true;
    return false;
}

/* Whether this parent may have such an authority below it. */
static enum sl_status check(const struct sl_authority *parent, gnutls_x509_crt_t former, const char *name,
                            struct sl_error *error) {
    int allowed = -1, own = -1;
    char serial[2 * SL_SERIAL_MAX + 1];
    if (gnutls_x509_crt_check_issuer(former, former) != 0)
        return sl_error_set(error, SL_USAGE, "%s: a root is not renewed: make a new one, and move to that", name);
    if (!is_known(parent, former))
        return sl_error_set(error, SL_UNTRUSTED,
                            "%s: neither this authority nor one that was appended to its ca.pem has signed it", name);
    sl_serial_text(serial, former);
    const struct sl_entry *entry = sl_database_find(&parent->database, serial);
    if (entry != NULL && entry->revoked != 0)
        return sl_error_set(error, SL_UNTRUSTED, "%s: its certificate (serial %s) is revoked", name, serial);
    (void)gnutls_x509_crt_get_basic_constraints(parent->issuer.certificate, NULL, NULL, &allowed);
    (void)gnutls_x509_crt_get_basic_constraints(former, NULL, NULL, &own);
    if (allowed >= 0 && allowed <= (own < 0 ? 0 : own))
        return sl_error_set(error, SL_UNTRUSTED,
                            "%s: the parent's certificate allows for too few authorities below it (path length)", name);
    return SL_OK;
}

static enum sl_status renew(struct sl_authority *parent, gnutls_x509_crt_t former, const char *name,
                            const struct sl_certificates *before, const char *path, unsigned days,
                            struct sl_error *error) {
    gnutls_x509_crt_t certificate = NULL;
    size_t count = parent->database.count;
    enum sl_status status = check(parent, former, name, error);
    if (status == SL_OK)
        status = sl_authority_certify_again(parent, &certificate, former, name, days, error);
    if (status == SL_OK)
        status = sl_authority_commit(parent, error);
    if (status == SL_OK) {
        status = write_certificates(parent, certificate, before, path, error);
        if (status != SL_OK)
            sl_authority_withdraw(parent, count);
    }
    if (certificate != NULL)
        gnutls_x509_crt_deinit(certificate);
    return status;
}

/* As the parent's database knows it; another parent did not name it yet. */
static const char *name_of(const struct sl_authority *parent, const struct sl_authority *below, const char *folder) {
    char serial[2 * SL_SERIAL_MAX + 1];
    sl_serial_text(serial, below->issuer.certificate);
    const struct sl_entry *entry = sl_database_find(&parent->database, serial);
    return entry != NULL ? entry->name : sl_path_last(folder);
}

enum sl_status sl_authority_renew_folder(struct sl_authority *parent, const char *folder, unsigned days,
                                         struct sl_error *error) {
    struct sl_authority below;
    char name[SL_NAME_SIZE] = "";
    char *path = sl_path_join(folder, SL_AUTHORITY_CERTIFICATE);
    if (path == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "%s: no memory", folder);
    enum sl_status status = sl_authority_read(&below, folder, error);
    if (status != SL_OK)
        goto out;
    const char *told = name_of(parent, &below, folder);
    if (!sl_name_is_valid(told))
        status = sl_error_set(error, SL_USAGE, "%s: an authority below another is named by its folder", folder);
    else if (strcmp(below.flock, parent->flock) != 0)
        status = sl_error_set(error, SL_MISMATCH, "%s is an authority of the flock %s; this is the authority of %s",
                              folder, below.flock, parent->flock);
    if (status == SL_OK) {
        memcpy(name, told, strlen(told) + 1);
        status = renew(parent, below.issuer.certificate, name, &below.certificates, path, days, error);
    }
    sl_authority_finish(&below);
out:
    free(path);
    return status;
}

enum sl_status sl_authority_renew_named(struct sl_authority *parent, const char *name, const char *answer,
                                        unsigned days, struct sl_error *error) {
    const struct sl_certificates none = {NULL, 0};
    gnutls_x509_crt_t former = NULL;
    const struct sl_entry *entry =
        sl_database_live(&parent->database, name, SL_CERTIFICATE_AUTHORITY, (int64_t)time(NULL));
    if (entry == NULL)
        return sl_error_set(error, SL_NOT_FOUND, "%s: no good authority of that name is below this one", name);
    enum sl_status status = sl_entry_certificate(&former, entry, error);
    if (status == SL_OK)
        status = renew(parent, former, name, &none, answer, days, error);
    if (former != NULL)
        gnutls_x509_crt_deinit(former);
    return status;
}
