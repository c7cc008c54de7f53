/* Opening and closing.
 *
 * What happens at a start, in this order: the lock; what is there (found.c); the marker of the lineage that goes on, or
 * of a new one, replaced at once. Until that is done nothing of an earlier process is overwritten; from then on whoever
 * starts later finds this one's lineage or none. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "crypto/random.h"
#include "journal/state.h"

enum sl_status journal_refused(const char *path, const char *what, struct sl_error *error) {
    int number = errno;
    return sl_error_set(error, sl_status_from_errno(number), "%s: cannot %s: %s", path, what, strerror(number));
}

enum sl_status sl_journal_boot(char out[SL_JOURNAL_BOOT_SIZE], struct sl_error *error) {
    static const char path[] = "/proc/sys/kernel/random/boot_id";
    struct sl_buffer text = {0};
    enum sl_status status = sl_file_read(&text, path, SL_JOURNAL_BOOT_SIZE - 1, error);
    size_t length = status == SL_OK ? strcspn((const char *)text.data, "\n") : 0;
    if (status != SL_OK || length == 0)
        status = sl_error_set(error, SL_UNSUPPORTED, "%s does not say which boot this is", path);
    else
        memcpy(out, text.data, length);
    out[length] = '\0';
    sl_buffer_finish(&text);
    return status;
}

/* ---- open ---- */

static struct sl_journal *create(const struct sl_journal_options *options) {
    struct sl_journal *journal = calloc(1, sizeof *journal);
    if (journal == NULL)
        return NULL;
    journal->disk = options->disk != NULL ? options->disk : sl_disk_real();
    journal->mode = options->mode;
    journal->bytes_max = options->bytes_max;
    journal->lock_fd = journal->folder_fd = journal->record_fds[0] = journal->record_fds[1] = -1;
    journal->folder = strdup(options->folder);
    journal->marker = sl_path_join(options->folder, "lineage");
    journal->record_paths[0] = sl_path_join(options->folder, "record-0");
    journal->record_paths[1] = sl_path_join(options->folder, "record-1");
    (void)pthread_mutex_init(&journal->flushing, NULL);
    (void)pthread_mutex_init(&journal->making, NULL);
    (void)pthread_mutex_init(&journal->mutex, NULL);
    if (journal->folder != NULL && journal->marker != NULL && journal->record_paths[0] != NULL &&
        journal->record_paths[1] != NULL)
        return journal;
    sl_journal_close(journal);
    return NULL;
}

static enum sl_status say_who_has_it(const struct sl_journal *journal, struct sl_error *error) {
    char who[24] = "";
    const ssize_t got = journal->disk->interface->read(journal->disk, journal->lock_fd, who, sizeof who - 1, 0);
    who[got > 0 ? strspn(who, "0123456789") : 0] = '\0';
    return sl_error_set(error, SL_IN_USE, "%s: in use by %s%s; every node needs a state folder of its own",
                        journal->folder, who[0] != '\0' ? "process " : "another process", who);
}

static enum sl_status lock(struct sl_journal *journal, struct sl_error *error) {
    const struct sl_disk *disk = journal->disk;
    char *path = sl_path_join(journal->folder, "lock");
    enum sl_status status = SL_OK;
    char who[24];
    if (path == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "%s: out of memory", journal->folder);
    journal->lock_fd = disk->interface->open(disk, path, O_RDWR | O_CREAT, 0600);
    const int length = snprintf(who, sizeof who, "%jd\n", (intmax_t)getpid());
    if (journal->lock_fd < 0)
        status = journal_refused(path, "open", error);
    else if (disk->interface->lock(disk, journal->lock_fd) != 0)
        status = errno == EWOULDBLOCK ? say_who_has_it(journal, error) : journal_refused(path, "lock", error);
    else if (disk->interface->truncate(disk, journal->lock_fd, 0) != 0 ||
             sl_disk_write_all(disk, journal->lock_fd, who, (size_t)length, 0) != 0)
        status = journal_refused(path, "write", error);
    free(path);
    return status;
}

static enum sl_status open_files(struct sl_journal *journal, struct sl_error *error) {
    const struct sl_disk *disk = journal->disk;
    journal->folder_fd = disk->interface->open(disk, journal->folder, O_RDONLY | O_DIRECTORY, 0);
    if (journal->folder_fd < 0)
        return journal_refused(journal->folder, "open", error);
    enum sl_status status = lock(journal, error);
    for (unsigned i = 0; i < 2 && status == SL_OK && journal->mode != SL_JOURNAL_NONE; i++) {
        journal->record_fds[i] = disk->interface->open(disk, journal->record_paths[i], O_RDWR | O_CREAT, 0600);
        if (journal->record_fds[i] < 0)
            status = journal_refused(journal->record_paths[i], "open", error);
    }
    return status;
}

enum sl_status journal_mark(struct sl_journal *journal, const struct journal_marker *marker, struct sl_error *error) {
    uint8_t bytes[JOURNAL_MARKER_SIZE];
    journal_marker_encode(bytes, marker);
    journal->marked = *marker;
    return sl_file_replace_on(journal->disk, journal->marker, bytes, sizeof bytes, 0600, error);
}

/* Which lineage this is, on the disk before anybody hears of it. Without a journal no one may go on from an earlier
 * process's. */
static enum sl_status begin(struct sl_journal *journal, struct sl_journal_found *found, struct journal_marker *marker,
                            const struct sl_journal_options *options, struct sl_error *error) {
    enum sl_status status = SL_OK;
    const bool useless = marker->lineage == 0 || memcmp(marker->scope.bytes, options->scope.bytes, SL_DIGEST_SIZE) != 0;
    if (!found->continued) {
        *marker = (struct journal_marker){.openings = 0};
        status = sl_random_nonce(&marker->lineage, error);
    }
    if (status != SL_OK)
        return status;
    marker->openings++;
    marker->mode = options->mode;
    marker->scope = options->scope;
    (void)snprintf(marker->boot, sizeof marker->boot, "%s", options->boot);
    found->lineage = journal->lineage = marker->lineage;
    found->openings = marker->openings;
    if (journal->mode == SL_JOURNAL_NONE)
        return journal_withdraw(journal) ? SL_OK : journal_refused(journal->marker, "remove", error);
    status = journal_mark(journal, marker, error);
    if (status == SL_OK && useless)
        journal_slots_discard(journal); /* files of other sizes than this run's would never be used */
    return status;
}

enum sl_status sl_journal_open(struct sl_journal **out, struct sl_journal_found *found,
                               const struct sl_journal_options *options, struct sl_error *error) {
    struct journal_marker marker = {.lineage = 0};
    *found = (struct sl_journal_found){.continued = false};
    *out = NULL;
    struct sl_journal *journal = create(options);
    if (journal == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "%s: out of memory", options->folder);
    enum sl_status status = open_files(journal, error);
    if (status == SL_OK)
        status = journal_find(journal, found, &marker, options, error);
    if (status == SL_OK)
        status = begin(journal, found, &marker, options, error);
    if (status == SL_OK) {
        *out = journal;
    } else {
        sl_journal_found_finish(found);
        sl_journal_close(journal);
    }
    return status;
}

void sl_journal_found_finish(struct sl_journal_found *found) {
    for (size_t i = 0; i < found->slot_count; i++)
        sl_slot_unref(found->slots[i]);
    free(found->slots);
    sl_buffer_finish(&found->record);
    *found = (struct sl_journal_found){.continued = false};
}

/* ---- close ---- */

static void close_fd(const struct sl_journal *journal, int fd) {
    if (fd >= 0)
        journal->disk->interface->close(journal->disk, fd);
}

void sl_journal_close(struct sl_journal *journal) {
    if (journal == NULL)
        return;
    journal_entry_release(&journal->pending);
    journal_entry_release(&journal->flushed);
    for (uint32_t i = 0; i < journal->slot_count; i++)
        if (journal->slots[i] != NULL) {
            close_fd(journal, journal->slots[i]->fd);
            free(journal->slots[i]);
        }
    close_fd(journal, journal->record_fds[0]);
    close_fd(journal, journal->record_fds[1]);
    close_fd(journal, journal->folder_fd);
    close_fd(journal, journal->lock_fd); /* and the lock, last */
    pthread_mutex_destroy(&journal->flushing);
    pthread_mutex_destroy(&journal->making);
    pthread_mutex_destroy(&journal->mutex);
    free(journal->folder);
    free(journal->marker);
    free(journal->record_paths[0]);
    free(journal->record_paths[1]);
    free(journal);
}
