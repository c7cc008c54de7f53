#include "identity/authority.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "crypto/random.h"
#include "identity/key.h"

enum { KEEP_REVOKED_SECONDS = 30 * 86400 };

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
    return read_flock(authority, path, error);
}

static enum sl_status read_certificates(struct sl_authority *authority, const char *folder, struct sl_error *error) {
    char *path = sl_path_join(folder, SL_AUTHORITY_CERTIFICATE);
    if (path == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "%s: no memory", folder);
    enum sl_status status = sl_certificates_read(&authority->certificates, path, false, error);
    if (status == SL_OK) {
        authority->issuer.certificate = authority->certificates.items[0];
        status = check_authority(authority, path, error);
    }
    free(path);
    return status;
}

static enum sl_status read_lists(struct sl_authority *authority, const char *folder, struct sl_error *error) {
    authority->lists_path = sl_path_join(folder, SL_AUTHORITY_LISTS);
    if (authority->lists_path == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "%s: no memory", folder);
    return sl_revocations_read_some(&authority->lists, authority->lists_path, error);
}

enum sl_status sl_authority_read(struct sl_authority *authority, const char *folder, struct sl_error *error) {
    *authority = (struct sl_authority){.database = {.fd = -1}};
    enum sl_status status = sl_crypto_start(error);
    if (status == SL_OK)
        status = read_certificates(authority, folder, error);
    if (status == SL_OK)
        status = sl_database_open(&authority->database, folder, false, error);
    if (status == SL_OK)
        status = read_lists(authority, folder, error);
    if (status != SL_OK)
        sl_authority_finish(authority);
    return status;
}

/* Tries without a passphrase first: only the key knows whether it needs one. */
static enum sl_status read_key(struct sl_authority *authority, const struct sl_authority_access *access,
                               const char *path, struct sl_error *error) {
    const struct sl_passphrase_source source = {.prompt = access->prompt};
    char passphrase[SL_PASSPHRASE_SIZE], what[512];
    bool encrypted = false;
    enum sl_status status = sl_secret_check_mode(path, error);
    if (status == SL_OK)
        status = sl_key_read(&authority->issuer.key, &encrypted, path, access->passphrase, error);
    if (!encrypted || access->passphrase != NULL || access->prompt == NULL)
        return status;
    snprintf(what, sizeof what, "passphrase of %s", path);
    status = sl_passphrase_get(&source, passphrase, what, error);
    if (status == SL_OK)
        status = sl_key_read(&authority->issuer.key, &encrypted, path, passphrase, error);
    sl_wipe(passphrase, sizeof passphrase);
    return status;
}

static enum sl_status open_key(struct sl_authority *authority, const struct sl_authority_access *access,
                               struct sl_error *error) {
    char *path = sl_path_join(access->folder, SL_AUTHORITY_KEY);
    if (path == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "%s: no memory", access->folder);
    enum sl_status status = SL_OK;
    if (gnutls_x509_crt_get_expiration_time(authority->issuer.certificate) <= time(NULL))
        status = sl_error_set(error, SL_UNTRUSTED, "%s: the authority has expired", access->folder);
    if (status == SL_OK)
        status = read_key(authority, access, path, error);
    if (status == SL_OK && !sl_key_is_of(authority->issuer.key, authority->issuer.certificate))
        status = sl_error_set(error, SL_MISMATCH, "%s: not the key of the certificate %s/%s", path, access->folder,
                              SL_AUTHORITY_CERTIFICATE);
    free(path);
    return status;
}

struct sl_revocation_list *sl_authority_own_list(const struct sl_authority *authority) {
    return sl_revocations_find(&authority->lists, authority->issuer.certificate);
}

/* The database's number is in force, and its list on the disk. */
static bool list_is_right(const struct sl_authority *authority) {
    const struct sl_revocation_list *own = sl_authority_own_list(authority);
    return own != NULL && !authority->database.crl_due && authority->database.crl_number > 0 &&
           sl_revocation_list_number(own) == authority->database.crl_number;
}

enum sl_status sl_authority_open(struct sl_authority *authority, const struct sl_authority_access *access,
                                 unsigned crl_days, struct sl_error *error) {
    *authority = (struct sl_authority){.database = {.fd = -1}};
    enum sl_status status = sl_crypto_start(error);
    if (status == SL_OK)
        status = read_certificates(authority, access->folder, error);
    if (status == SL_OK) /* before the lock: a person who is asked may take long */
        status = open_key(authority, access, error);
    if (status == SL_OK)
        status = sl_database_open(&authority->database, access->folder, true, error);
    if (status == SL_OK)
        status = read_lists(authority, access->folder, error);
    if (status == SL_OK && !list_is_right(authority))
        status = sl_authority_relist(authority, crl_days, error);
    if (status != SL_OK)
        sl_authority_finish(authority);
    return status;
}

void sl_authority_finish(struct sl_authority *authority) {
    if (authority->issuer.key != NULL)
        gnutls_privkey_deinit(authority->issuer.key);
    sl_certificates_finish(&authority->certificates);
    sl_database_finish(&authority->database);
    sl_revocations_finish(&authority->lists);
    free(authority->lists_path);
    *authority = (struct sl_authority){.database = {.fd = -1}};
}

/* Serial numbers in hexadecimal come from the database alone, which checked them. */
static void parse_serial(struct sl_revoked *out, const char *text) {
    out->length = strlen(text) / 2;
    for (size_t i = 0; i < out->length; i++) {
        char byte[3] = {text[2 * i], text[2 * i + 1], '\0'};
        out->serial[i] = (uint8_t)strtoul(byte, NULL, 16);
    }
}

static bool is_listed(const struct sl_revoked *list, size_t count, const struct sl_revoked *wanted) {
    for (size_t i = 0; i < count; i++)
        if (list[i].length == wanted->length && memcmp(list[i].serial, wanted->serial, wanted->length) == 0)
            return true;
    return false;
}

/* What the present list says beyond the database: an authority that was kept by other means until now. */
static void add_listed(struct sl_revoked *list, size_t *count, const struct sl_database *database,
                       const struct sl_revocation_list *own) {
    const gnutls_datum_t der = sl_datum(sl_revocation_list_der(own));
    gnutls_x509_crl_t crl = NULL;
    gnutls_x509_crl_iter_t at = NULL;
    int code = gnutls_x509_crl_init(&crl);
    if (code >= 0)
        code = gnutls_x509_crl_import(crl, &der, GNUTLS_X509_FMT_DER);
    for (size_t left = sl_revocation_list_count(own); code >= 0 && left > 0; left--) {
        struct sl_revoked *next = &list[*count];
        char text[2 * SL_SERIAL_MAX + 1] = "";
        time_t when = 0;
        next->length = sizeof next->serial;
        code = gnutls_x509_crl_iter_crt_serial(crl, &at, next->serial, &next->length, &when);
        if (code < 0)
            break;
        next->at = when;
        sl_hex_text(text, next->serial, next->length);
        if (sl_database_find(database, text) == NULL && !is_listed(list, *count, next))
            (*count)++;
    }
    if (at != NULL)
        gnutls_x509_crl_iter_deinit(at);
    if (crl != NULL)
        gnutls_x509_crl_deinit(crl);
}

/* All that is revoked; what ended long ago is left out. The caller frees. */
static struct sl_revoked *collect_revoked(const struct sl_authority *authority, size_t *count) {
    const struct sl_database *database = &authority->database;
    const struct sl_revocation_list *own = sl_authority_own_list(authority);
    size_t listed = own != NULL ? sl_revocation_list_count(own) : 0;
    struct sl_revoked *list = calloc(database->count + listed + 1, sizeof *list);
    int64_t now = time(NULL);
    *count = 0;
    if (list == NULL)
        return NULL;
    for (size_t i = 0; i < database->count; i++) {
        const struct sl_entry *entry = &database->entries[i];
        if (entry->revoked == 0 || entry->until + KEEP_REVOKED_SECONDS < now)
            continue;
        list[*count].at = entry->revoked;
        parse_serial(&list[(*count)++], entry->serial);
    }
    if (own != NULL)
        add_listed(list, count, database, own);
    return list;
}

enum sl_status sl_authority_relist(struct sl_authority *authority, unsigned days, struct sl_error *error) {
    struct sl_database *database = &authority->database;
    struct sl_revocation_list *list = NULL, *own = sl_authority_own_list(authority);
    uint64_t present = own != NULL ? sl_revocation_list_number(own) : 0, number = database->crl_number;
    number = (present > number ? present : number) + 1;
    if (days == 0)
        days = database->crl_days > 0 ? database->crl_days : SL_CRL_DAYS;
    size_t count = 0;
    struct sl_revoked *revoked = collect_revoked(authority, &count);
    if (revoked == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "no memory for a revocation list");
    /* Signed first, since that may fail; but no number is on a list before the database has it. */
    enum sl_status status = sl_crl_issue(&list, revoked, count, number, days, &authority->issuer, error);
    free(revoked);
    if (status == SL_OK)
        status = sl_database_list(database, number, days, error);
    if (status == SL_OK)
        status = sl_database_commit(database, error);
    if (status == SL_OK && !sl_revocation_list_is_of(list, authority->issuer.certificate))
        status = sl_error_set(error, SL_CRYPTO, "the revocation list just made is not by this authority");
    if (status == SL_OK)
        status = sl_revocations_add(&authority->lists, list, error);
    if (status == SL_OK)
        status = sl_revocations_write(&authority->lists, authority->lists_path, error);
    sl_revocation_list_unref(list);
    return status;
}
