#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "identity/authority.h"
#include "identity/kit.h"
#include "identity/name.h"

/* Serial numbers are typed as people read them elsewhere, too: upper case, and colons. */
static bool read_serial(char out[2 * SL_SERIAL_MAX + 1], const char *text) {
    size_t length = 0;
    for (; *text != '\0' && length < 2 * SL_SERIAL_MAX; text++) {
        if (*text == ':')
            continue;
        if (strchr("0123456789abcdefABCDEF", *text) == NULL)
            return false;
        out[length++] = *text >= 'A' && *text <= 'F' ? (char)(*text - 'A' + 'a') : *text;
    }
    out[length] = '\0';
    return *text == '\0' && length > 0 && length % 2 == 0;
}

static enum sl_status revoke_entry(struct sl_authority *authority, struct sl_entry *entry,
                                   enum sl_revocation_reason reason, size_t *count, struct sl_error *error) {
    if (entry->revoked != 0 && !sl_entry_is_worse(entry, reason))
        return SL_OK;
    (*count)++;
    return sl_database_revoke(&authority->database, entry, reason, error);
}

/* One that an authority's certificate, but maybe not its database, knows. */
static enum sl_status revoke_certificate(struct sl_authority *authority, gnutls_x509_crt_t certificate,
                                         enum sl_revocation_reason reason, size_t *count, bool *named,
                                         struct sl_error *error) {
    char serial[2 * SL_SERIAL_MAX + 1], name[SL_NAME_SIZE] = "unknown";
    if (!sl_certificate_is_signed_by(certificate, authority->issuer.certificate))
        return SL_OK;
    *named = true;
    sl_serial_text(serial, certificate);
    enum sl_status status = SL_OK;
    if (sl_database_find(&authority->database, serial) == NULL) {
        bool server = sl_certificate_purpose(certificate, SL_PURPOSE_SERVER) == SL_PURPOSE_LISTED;
        (void)!sl_certificate_name(name, certificate, SL_NAME_FROM_URI, authority->flock, NULL);
        status = sl_database_issue(&authority->database, certificate,
                                   sl_certificate_is_authority(certificate) ? SL_CERTIFICATE_AUTHORITY
                                   : server                                 ? SL_CERTIFICATE_SERVER
                                                                            : SL_CERTIFICATE_CLIENT,
                                   name, error);
    }
    if (status != SL_OK)
        return status;
    return revoke_entry(authority, sl_database_find(&authority->database, serial), reason, count, error);
}

static enum sl_status revoke_file(struct sl_authority *authority, const char *path, enum sl_revocation_reason reason,
                                  size_t *count, bool *named, struct sl_error *error) {
    struct sl_certificates certificates;
    enum sl_status status = sl_certificates_read(&certificates, path, false, error);
    for (unsigned i = 0; status == SL_OK && i < certificates.count; i++)
        status = revoke_certificate(authority, certificates.items[i], reason, count, named, error);
    sl_certificates_finish(&certificates);
    return status;
}

static enum sl_status revoke_kit(struct sl_authority *authority, const char *folder, enum sl_revocation_reason reason,
                                 size_t *count, bool *named, struct sl_error *error) {
    enum sl_status status = SL_OK;
    for (int purpose = SL_PURPOSE_SERVER; status == SL_OK && purpose <= SL_PURPOSE_CLIENT; purpose++) {
        char *path = sl_path_join(folder, sl_kit_certificate_file((enum sl_purpose)purpose));
        status = path != NULL ? revoke_file(authority, path, reason, count, named, error)
                              : sl_error_set(error, SL_NO_MEMORY, "%s: no memory", folder);
        free(path);
    }
    return status;
}

/* The good ones, or where there are none those that are revoked already, of which the reason may change. */
static enum sl_status revoke_entries_of(struct sl_authority *authority, const char *name,
                                        enum sl_revocation_reason reason, size_t *count, bool *named,
                                        struct sl_error *error) {
    struct sl_database *database = &authority->database;
    int64_t now = time(NULL);
    bool live = false;
    for (size_t i = 0; i < database->count; i++)
        if (strcmp(database->entries[i].name, name) == 0) {
            *named = true;
            live = live || sl_entry_is_live(&database->entries[i], now);
        }
    enum sl_status status = SL_OK;
    for (size_t i = 0; status == SL_OK && i < database->count; i++) {
        struct sl_entry *entry = &database->entries[i];
        if (strcmp(entry->name, name) == 0 && (live ? sl_entry_is_live(entry, now) : entry->revoked != 0))
            status = revoke_entry(authority, entry, reason, count, error);
    }
    return status;
}

static enum sl_status revoke_named(struct sl_authority *authority, const char *what, enum sl_revocation_reason reason,
                                   size_t *count, struct sl_error *error) {
    struct sl_database *database = &authority->database;
    char serial[2 * SL_SERIAL_MAX + 1];
    struct stat about;
    bool named = false;
    enum sl_status status = revoke_entries_of(authority, what, reason, count, &named, error);
    if (!named && read_serial(serial, what) && sl_database_find(database, serial) != NULL) {
        named = true;
        status = revoke_entry(authority, sl_database_find(database, serial), reason, count, error);
    }
    if (!named && stat(what, &about) == 0)
        status = S_ISDIR(about.st_mode) ? revoke_kit(authority, what, reason, count, &named, error)
                                        : revoke_file(authority, what, reason, count, &named, error);
    if (status == SL_OK && !named)
        status = sl_error_set(error, SL_NOT_FOUND,
                              "%s: no node, no serial number, and no file with a certificate of this authority; "
                              "\"starling ca list\" tells what it issued",
                              what);
    return status;
}

enum sl_status sl_authority_revoke(const struct sl_authority_access *access, const char *what,
                                   enum sl_revocation_reason reason, size_t *count, struct sl_error *error) {
    struct sl_authority authority;
    *count = 0;
    enum sl_status status = sl_authority_open(&authority, access, 0, error);
    if (status != SL_OK)
        return status;
    status = revoke_named(&authority, what, reason, count, error);
    if (status == SL_OK)
        status = sl_authority_relist(&authority, 0, error);
    sl_authority_finish(&authority);
    return status;
}

static enum sl_status add_lists(struct sl_authority *authority, const char *path, struct sl_error *error) {
    return sl_revocations_read(&authority->lists, path, &authority->certificates, error);
}

enum sl_status sl_authority_make_list(const struct sl_authority_access *access, unsigned days, const char *add,
                                      struct sl_error *error) {
    struct sl_authority authority;
    if (days > SL_VALIDITY_DAYS_MAX)
        return sl_error_set(error, SL_USAGE, "a validity of %u days: 1 to %d", days, SL_VALIDITY_DAYS_MAX);
    enum sl_status status = sl_authority_open(&authority, access, 0, error);
    if (status != SL_OK)
        return status;
    if (add != NULL)
        status = add_lists(&authority, add, error);
    if (status == SL_OK)
        status = sl_authority_relist(&authority, days, error);
    sl_authority_finish(&authority);
    return status;
}
