/* The file: read, locked, appended to. */
#include "identity/database.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "identity/database_line.h"

enum { FILE_MAX = 1 << 29 };

static enum sl_status fail_by_errno(struct sl_error *error, const struct sl_database *database, const char *what) {
    int number = errno;
    return sl_error_set(error, sl_status_from_errno(number), "%s: cannot %s: %s", database->path, what,
                        strerror(number));
}

static enum sl_status apply(struct sl_database *database, struct sl_database_line *line, struct sl_error *error) {
    struct sl_entry *entry = NULL;
    switch (line->event) {
    case SL_EVENT_BEGIN:
        return SL_OK;
    case SL_EVENT_ISSUE:
        return sl_database_add(database, &line->entry, error);
    case SL_EVENT_REVOKE:
        entry = sl_database_find(database, line->entry.serial);
        if (entry == NULL)
            return sl_error_set(error, SL_FORMAT, "revokes %s, which was not issued", line->entry.serial);
        if (entry->revoked == 0) {
            entry->revoked = line->entry.revoked;
            entry->reason = line->entry.reason;
            database->crl_due = true;
        } else if (sl_entry_is_worse(entry, line->entry.reason)) {
            entry->reason = line->entry.reason;
        }
        return SL_OK;
    case SL_EVENT_LIST:
        if (line->number <= database->crl_number)
            return sl_error_set(error, SL_FORMAT, "the numbers of lists do not rise");
        database->crl_number = line->number;
        database->crl_days = line->days;
        database->crl_until = line->entry.until;
        database->crl_due = false;
        return SL_OK;
    }
    return SL_OK;
}

/* Of the lines up to the last newline; without one that lost its bytes. */
static size_t good_length(const struct sl_buffer *text) {
    const uint8_t *end = text->length > 0 ? memrchr(text->data, '\n', text->length) : NULL;
    if (end == NULL)
        return 0;
    const uint8_t *before = end > text->data ? memrchr(text->data, '\n', (size_t)(end - text->data)) : NULL;
    const uint8_t *last = before != NULL ? before + 1 : text->data;
    if (memchr(last, '\0', (size_t)(end - last)) != NULL)
        return (size_t)(last - text->data);
    return (size_t)(end - text->data) + 1;
}

static enum sl_status parse(struct sl_database *database, const struct sl_buffer *text, struct sl_error *error) {
    enum sl_status status = SL_OK;
    size_t length = good_length(text), number = 0;
    database->length = length;
    database->fresh = length == 0;
    for (size_t at = 0; status == SL_OK && at < length;) {
        const char *line = (const char *)text->data + at;
        size_t size = (size_t)((const char *)memchr(line, '\n', length - at) - line);
        struct sl_database_line read;
        number++;
        status = sl_database_line_parse(&read, line, size, error);
        if (status == SL_OK && (number == 1) != (read.event == SL_EVENT_BEGIN)) {
            gnutls_free(read.entry.der.data);
            status = sl_error_set(error, SL_FORMAT, "it does not begin as a database does, once");
        }
        if (status == SL_OK)
            status = apply(database, &read, error);
        at += size + 1;
    }
    if (status != SL_OK)
        return sl_error_wrap(error, status, "%s: line %zu", database->path, number);
    return SL_OK;
}

/* Opens for writing, waits for its turn, and cuts off what a crash left. */
static enum sl_status lock(struct sl_database *database, struct sl_error *error) {
    database->fd = open(database->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (database->fd < 0)
        return fail_by_errno(error, database, "open");
    while (flock(database->fd, LOCK_EX) != 0)
        if (errno != EINTR)
            return fail_by_errno(error, database, "lock");
    return SL_OK;
}

static enum sl_status load(struct sl_database *database, struct sl_error *error) {
    struct sl_buffer text = {0};
    enum sl_status status = SL_OK;
    database->fresh = true;
    if (database->fd >= 0 || access(database->path, F_OK) == 0)
        status = sl_file_read(&text, database->path, FILE_MAX, error);
    if (status == SL_OK)
        status = parse(database, &text, error);
    if (status == SL_OK && database->fd >= 0 && text.length > database->length &&
        ftruncate(database->fd, (off_t)database->length) != 0)
        status = fail_by_errno(error, database, "cut off what a crash left");
    sl_buffer_finish(&text);
    if (status == SL_OK && database->fd >= 0 && database->fresh)
        status = sl_database_line_begin(&database->pending, error);
    return status;
}

enum sl_status sl_database_open(struct sl_database *database, const char *folder, bool writing,
                                struct sl_error *error) {
    *database = (struct sl_database){.fd = -1, .path = sl_path_join(folder, SL_DATABASE_FILE)};
    if (database->path == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "%s: no memory", folder);
    enum sl_status status = writing ? lock(database, error) : SL_OK;
    if (status == SL_OK)
        status = load(database, error);
    if (status != SL_OK)
        sl_database_finish(database);
    return status;
}

void sl_database_finish(struct sl_database *database) {
    for (size_t i = 0; i < database->count; i++)
        gnutls_free(database->entries[i].der.data);
    free(database->entries);
    free(database->index);
    sl_buffer_finish(&database->pending);
    if (database->fd >= 0)
        close(database->fd); /* and the lock */
    free(database->path);
    *database = (struct sl_database){.fd = -1};
}

enum sl_status sl_database_issue(struct sl_database *database, gnutls_x509_crt_t certificate,
                                 enum sl_certificate_kind kind, const char *name, struct sl_error *error) {
    struct sl_entry entry = {.kind = kind,
                             .issued = time(NULL),
                             .from = gnutls_x509_crt_get_activation_time(certificate),
                             .until = gnutls_x509_crt_get_expiration_time(certificate)};
    strncpy(entry.name, name, SL_NAME_MAX);
    sl_serial_text(entry.serial, certificate);
    if (entry.serial[0] == '\0')
        return sl_error_set(error, SL_FORMAT, "a certificate without a serial number of 1 to %d bytes", SL_SERIAL_MAX);
    int code = gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_DER, &entry.der);
    if (code < 0)
        return sl_gnutls_error(error, SL_CRYPTO, code, "a certificate");
    enum sl_status status = sl_database_line_issue(&database->pending, &entry, error);
    if (status != SL_OK) {
        gnutls_free(entry.der.data);
        return status;
    }
    return sl_database_add(database, &entry, error);
}

enum sl_status sl_database_revoke(struct sl_database *database, struct sl_entry *entry,
                                  enum sl_revocation_reason reason, struct sl_error *error) {
    if (entry->revoked == 0) {
        entry->revoked = time(NULL);
        database->crl_due = true;
    }
    entry->reason = reason;
    return sl_database_line_revoke(&database->pending, entry, error);
}

enum sl_status sl_database_list(struct sl_database *database, uint64_t number, unsigned days, struct sl_error *error) {
    database->crl_number = number;
    database->crl_days = days;
    database->crl_until = (int64_t)time(NULL) + (int64_t)days * 86400;
    database->crl_due = false;
    return sl_database_line_list(&database->pending, number, days, database->crl_until, error);
}

static enum sl_status append(struct sl_database *database, struct sl_error *error) {
    const struct sl_buffer *lines = &database->pending;
    for (size_t done = 0; done < lines->length;) {
        ssize_t put = pwrite(database->fd, lines->data + done, lines->length - done, (off_t)(database->length + done));
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return fail_by_errno(error, database, "write");
        done += (size_t)put;
    }
    return fsync(database->fd) == 0 ? SL_OK : fail_by_errno(error, database, "write");
}

/* A file that was just made is in its folder only once that is on the disk. */
static enum sl_status sync_folder(struct sl_database *database, struct sl_error *error) {
    char *folder = sl_path_parent(database->path);
    if (folder == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "%s: no memory", database->path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum sl_status status = SL_OK;
    if (fd < 0 || (fsync(fd) != 0 && errno != EINVAL))
        status = fail_by_errno(error, database, "write");
    if (fd >= 0)
        close(fd);
    free(folder);
    return status;
}

enum sl_status sl_database_commit(struct sl_database *database, struct sl_error *error) {
    if (database->failed)
        return sl_error_set(error, SL_IO, "%s: cannot write: an earlier write failed", database->path);
    enum sl_status status = append(database, error);
    if (status == SL_OK && database->fresh)
        status = sync_folder(database, error);
    if (status != SL_OK) {
        database->failed = true;
        (void)!ftruncate(database->fd, (off_t)database->length);
        return status;
    }
    database->length += database->pending.length;
    database->fresh = false;
    sl_buffer_clear(&database->pending);
    return SL_OK;
}
