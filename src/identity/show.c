/* Authorities, certificates, lists and requests in words. Nothing here decides anything. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "crypto/random.h"
#include "identity/authority.h"
#include "identity/kit.h"
#include "identity/request.h"

enum { DAY_SECONDS = 86400, KEY_FILE_MAX = 1 << 16 };

static void put_validity(FILE *out, const char *label, int64_t from, int64_t until) {
    char first[SL_DAY_TEXT_SIZE], last[SL_DAY_TEXT_SIZE];
    int64_t now = time(NULL), left = until - now;
    sl_day_text(first, from);
    sl_day_text(last, until);
    if (from > 0)
        fprintf(out, "%s%s to %s, ", label, first, last);
    else
        fprintf(out, "%suntil %s, ", label, last);
    if (left <= 0)
        fprintf(out, "over\n");
    else
        fprintf(out, "%" PRId64 " days left%s\n", left / DAY_SECONDS, from > now ? ", not begun" : "");
}

static void put_key(FILE *out, const char *label, gnutls_x509_crt_t certificate) {
    gnutls_pubkey_t key = NULL;
    char text[64] = "cannot be read";
    if (sl_certificate_key(&key, certificate, NULL) == SL_OK) {
        sl_public_key_text(text, key);
        gnutls_pubkey_deinit(key);
    }
    fprintf(out, "%s%s", label, text);
    uint8_t id[64];
    size_t length = sizeof id;
    if (gnutls_x509_crt_get_subject_key_id(certificate, id, &length, NULL) >= 0 && length >= 4)
        fprintf(out, " (key %02x%02x%02x%02x)", id[0], id[1], id[2], id[3]);
}

static void put_fingerprint(FILE *out, const char *label, gnutls_x509_crt_t certificate) {
    char text[SL_FINGERPRINT_SIZE];
    sl_certificate_fingerprint(text, certificate);
    fprintf(out, "%s%s\n", label, text);
}

static void put_issuer(FILE *out, const char *label, gnutls_x509_crt_t certificate) {
    char text[SL_CERTIFICATE_TEXT_SIZE];
    sl_certificate_issuer_text(text, certificate);
    fprintf(out, "%s%s\n", label, gnutls_x509_crt_check_issuer(certificate, certificate) != 0 ? "itself" : text);
}

/* What the key in the authority's folder looks like; it is not opened. */
static const char *key_state(const char *folder) {
    struct sl_buffer file = {0};
    char *path = sl_path_join(folder, SL_AUTHORITY_KEY);
    const char *state = "its key is not here";
    if (path != NULL && sl_file_read(&file, path, KEY_FILE_MAX, NULL) == SL_OK)
        state = strstr((const char *)file.data, "ENCRYPTED") != NULL ? "encrypted" : "not encrypted";
    sl_wipe(file.data, file.length);
    sl_buffer_finish(&file);
    free(path);
    return state;
}

static const char *state_of(const struct sl_entry *entry, int64_t now) {
    return entry->revoked != 0 ? "revoked" : entry->until <= now ? "over" : "good";
}

static void put_issued(FILE *out, const struct sl_database *database) {
    size_t good = 0, revoked = 0, over = 0;
    const struct sl_entry *next = NULL;
    int64_t now = time(NULL);
    for (size_t i = 0; i < database->count; i++) {
        const struct sl_entry *entry = &database->entries[i];
        if (entry->revoked != 0) {
            revoked++;
        } else if (entry->until <= now) {
            over++;
        } else {
            good++;
            next = next == NULL || entry->until < next->until ? entry : next;
        }
    }
    if (database->fresh)
        fprintf(out, "issued       unknown: it has no database yet; the next command that signs begins one\n");
    else
        fprintf(out, "issued       %zu good, %zu revoked, %zu over\n", good, revoked, over);
    if (next != NULL)
        fprintf(out, "ends first   %s (%s), %" PRId64 " days left\n", next->name, sl_certificate_kind_text(next->kind),
                (next->until - now) / DAY_SECONDS);
}

static void put_list(FILE *out, const char *label, const struct sl_revocation_list *list) {
    fprintf(out, "%snumber %" PRIu64 ", %zu revoked, ", label, sl_revocation_list_number(list),
            sl_revocation_list_count(list));
    put_validity(out, "", 0, sl_revocation_list_next_update(list));
}

enum sl_status sl_authority_show(const char *folder, FILE *out, struct sl_error *error) {
    struct sl_authority authority;
    char text[SL_CERTIFICATE_TEXT_SIZE];
    int below = -1;
    enum sl_status status = sl_authority_read(&authority, folder, error);
    if (status != SL_OK)
        return status;
    gnutls_x509_crt_t own = authority.issuer.certificate;
    sl_certificate_text(text, own);
    fprintf(out, "flock        %s\nauthority    %s\n", authority.flock, text);
    put_issuer(out, "signed by    ", own);
    put_key(out, "key          ", own);
    fprintf(out, ", %s\n", key_state(folder));
    put_fingerprint(out, "fingerprint  ", own);
    put_validity(out, "valid        ", gnutls_x509_crt_get_activation_time(own),
                 gnutls_x509_crt_get_expiration_time(own));
    (void)gnutls_x509_crt_get_basic_constraints(own, NULL, NULL, &below);
    fprintf(out,
            below < 0 ? "below        any number of authorities in a row\n"
                      : "below        up to %d authorities in a row\n",
            below);
    put_issued(out, &authority.database);
    const struct sl_revocation_list *list = sl_authority_own_list(&authority);
    if (list != NULL)
        put_list(out, "list         ", list);
    else
        fprintf(out, "list         none: make one with \"starling ca crl\"\n");
    sl_authority_finish(&authority);
    return SL_OK;
}

static enum sl_status put_row(FILE *out, const struct sl_entry *entry, bool json, struct sl_error *error) {
    int64_t now = time(NULL), left = entry->until > now ? (entry->until - now) / DAY_SECONDS : 0;
    char day[SL_DAY_TEXT_SIZE];
    sl_day_text(day, entry->until);
    if (json) /* all of these are tame: nothing to escape */
        fprintf(out,
                "{\"name\":\"%s\",\"kind\":\"%s\",\"serial\":\"%s\",\"state\":\"%s\",\"issued\":%" PRId64
                ",\"from\":%" PRId64 ",\"until\":%" PRId64 ",\"days_left\":%" PRId64,
                entry->name, sl_certificate_kind_text(entry->kind), entry->serial, state_of(entry, now), entry->issued,
                entry->from, entry->until, left);
    else
        fprintf(out, "%-16s %-9s %-40s %-7s %-20s %6" PRId64, entry->name, sl_certificate_kind_text(entry->kind),
                entry->serial, state_of(entry, now), day, left);
    if (json && entry->revoked != 0)
        fprintf(out, ",\"revoked\":%" PRId64 ",\"reason\":\"%s\"", entry->revoked,
                sl_revocation_reason_text(entry->reason));
    else if (!json && entry->revoked != 0)
        fprintf(out, "  %s", sl_revocation_reason_text(entry->reason));
    if (fprintf(out, json ? "}\n" : "\n") < 0)
        return sl_error_set(error, SL_IO, "writing failed");
    return SL_OK;
}

enum sl_status sl_authority_list(const char *folder, bool json, FILE *out, struct sl_error *error) {
    struct sl_authority authority;
    enum sl_status status = sl_authority_read(&authority, folder, error);
    if (status != SL_OK)
        return status;
    if (authority.database.fresh && !json)
        fprintf(out,
                "no database yet: what was issued until now is not known; the next command that signs begins one\n");
    else if (!json)
        fprintf(out, "%-16s %-9s %-40s %-7s %-20s %6s\n", "NAME", "KIND", "SERIAL", "STATE", "ENDS", "DAYS");
    for (size_t i = 0; status == SL_OK && i < authority.database.count; i++)
        status = put_row(out, &authority.database.entries[i], json, error);
    sl_authority_finish(&authority);
    return status;
}

static const char *purpose_text(gnutls_x509_crt_t certificate) {
    if (sl_certificate_is_authority(certificate))
        return "signing certificates";
    enum sl_purpose_answer server = sl_certificate_purpose(certificate, SL_PURPOSE_SERVER);
    enum sl_purpose_answer client = sl_certificate_purpose(certificate, SL_PURPOSE_CLIENT);
    if (server == SL_PURPOSES_ABSENT)
        return "not said (no extended key usage): refused unless identity.purpose is if-present";
    if (server == SL_PURPOSE_LISTED)
        return client == SL_PURPOSE_LISTED ? "server and client" : "server";
    return client == SL_PURPOSE_LISTED ? "client" : "neither server nor client (extended key usage)";
}

/* Node and hosts where the certificate has names as starling writes them. */
static void put_names(FILE *out, gnutls_x509_crt_t certificate) {
    struct sl_names names;
    struct sl_error error = {0};
    fprintf(out, "  for          %s\n", purpose_text(certificate));
    if (sl_certificate_is_authority(certificate))
        return;
    if (sl_names_of_certificate(&names, certificate, &error) != SL_OK) {
        fprintf(out, "  names        %s\n", error.text);
        return;
    }
    fprintf(out, "  node         %s of %s\n  addresses   ", names.node, names.flock);
    for (size_t i = 0; i < names.host_count; i++)
        fprintf(out, " %s", names.hosts[i]);
    fprintf(out, "\n");
}

static void put_certificate(FILE *out, gnutls_x509_crt_t certificate) {
    char text[SL_CERTIFICATE_TEXT_SIZE];
    sl_certificate_text(text, certificate);
    fprintf(out, "certificate    %s\n", text);
    put_issuer(out, "  signed by    ", certificate);
    put_names(out, certificate);
    put_key(out, "  key          ", certificate);
    put_validity(out, "\n  valid        ", gnutls_x509_crt_get_activation_time(certificate),
                 gnutls_x509_crt_get_expiration_time(certificate));
    put_fingerprint(out, "  fingerprint  ", certificate);
}

static void put_crl(FILE *out, const struct sl_revocation_list *list) {
    fprintf(out, "list           of %s\n", sl_revocation_list_issuer(list));
    put_list(out, "  state        ", list);
}

/* Certificates and lists; a file of requests has neither. *count says how many. */
static enum sl_status show_file(const char *path, FILE *out, size_t *count, struct sl_error *error) {
    struct sl_certificates certificates = {0};
    struct sl_revocations lists = {0};
    struct sl_buffer text = {0};
    struct sl_request *request = NULL;
    enum sl_status status = sl_file_read(&text, path, SL_CERTIFICATE_FILE_MAX, error);
    const char *data = (const char *)text.data;
    if (status == SL_OK && memmem(data, text.length, "BEGIN CERTIFICATE-", 18) != NULL)
        status = sl_certificates_read(&certificates, path, false, error);
    if (status == SL_OK && memmem(data, text.length, "CERTIFICATE REQUEST", 19) != NULL)
        status = sl_request_read(&request, path, error);
    if (status == SL_OK)
        status = sl_revocations_read_some(&lists, path, error);
    if (status == SL_OK) {
        for (unsigned i = 0; i < certificates.count; i++)
            put_certificate(out, certificates.items[i]);
        if (request != NULL)
            sl_request_show(request, out);
        for (size_t i = 0; i < lists.count; i++)
            put_crl(out, lists.lists[i]);
        *count += certificates.count + lists.count + (request != NULL);
    }
    sl_request_destroy(request);
    sl_revocations_finish(&lists);
    sl_certificates_finish(&certificates);
    sl_buffer_finish(&text);
    return status;
}

static enum sl_status show_kit(const char *folder, FILE *out, size_t *count, struct sl_error *error) {
    static const char *const files[] = {SL_KIT_SERVER_CERTIFICATE, SL_KIT_CLIENT_CERTIFICATE, SL_KIT_CA, SL_KIT_LISTS,
                                        SL_KIT_REQUEST};
    enum sl_status status = SL_OK;
    for (size_t i = 0; status == SL_OK && i < sizeof files / sizeof *files; i++) {
        char *path = sl_path_join(folder, files[i]);
        if (path == NULL)
            return sl_error_set(error, SL_NO_MEMORY, "%s: no memory", folder);
        if (access(path, F_OK) == 0 && (strcmp(files[i], SL_KIT_REQUEST) != 0 || *count == 0))
            status = show_file(path, out, count, error);
        free(path);
    }
    return status;
}

enum sl_status sl_certificate_show(const char *path, FILE *out, struct sl_error *error) {
    struct stat about;
    size_t count = 0;
    enum sl_status status = sl_crypto_start(error);
    if (status == SL_OK)
        status = stat(path, &about) == 0 && S_ISDIR(about.st_mode) ? show_kit(path, out, &count, error)
                                                                   : show_file(path, out, &count, error);
    if (status == SL_OK && count == 0)
        status = sl_error_set(error, SL_FORMAT, "%s: no certificate, request or revocation list in it", path);
    return status;
}

enum sl_status sl_answer_show(const char *answer, FILE *out, struct sl_error *error) {
    struct sl_certificates certificates = {0};
    enum sl_status status = sl_certificates_read(&certificates, answer, false, error);
    for (unsigned i = 0; status == SL_OK && i < certificates.count; i++) {
        char text[SL_CERTIFICATE_TEXT_SIZE], fingerprint[SL_FINGERPRINT_SIZE];
        if (!sl_certificate_is_authority(certificates.items[i]) || !sl_certificates_is_root(&certificates, i))
            continue;
        sl_certificate_text(text, certificates.items[i]);
        sl_certificate_fingerprint(fingerprint, certificates.items[i]);
        fprintf(out, "authority    %s %s\n", fingerprint, text);
    }
    sl_certificates_finish(&certificates);
    return status;
}
