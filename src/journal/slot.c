/* Files of payloads, made once and used again. */
#include "journal/state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

enum { BLOCK = 4096 };

char *journal_slot_path(const struct sl_journal *journal, uint32_t number) {
    char name[32];
    (void)snprintf(name, sizeof name, "slot-%04" PRIu32, number);
    return sl_path_join(journal->folder, name);
}

bool journal_slot_number(const char *name, uint32_t *number) {
    char again[32];
    if (sscanf(name, "slot-%" SCNu32, number) != 1 || *number >= SL_JOURNAL_SLOTS_MAX)
        return false;
    (void)snprintf(again, sizeof again, "slot-%04" PRIu32, *number);
    return strcmp(name, again) == 0;
}

struct sl_slot *journal_slot_add(struct sl_journal *journal, uint32_t number) {
    struct sl_slot *slot = calloc(1, sizeof *slot);
    if (slot == NULL)
        return NULL;
    *slot = (struct sl_slot){.journal = journal, .number = number, .fd = -1};
    journal->slots[number] = slot;
    if (number >= journal->slot_count)
        journal->slot_count = number + 1;
    return slot;
}

void journal_slot_discard(struct sl_slot *slot) {
    struct sl_journal *journal = slot->journal;
    char *path = slot->fd >= 0 ? journal_slot_path(journal, slot->number) : NULL;
    if (slot->fd >= 0) {
        journal->disk->interface->close(journal->disk, slot->fd);
        journal->counts.slots--;
    }
    if (path != NULL && journal->mode != SL_JOURNAL_NONE)
        journal->disk->interface->unlink(journal->disk, path); /* one that stays is overwritten when it is made again */
    free(path);
    journal->counts.slot_bytes -= slot->capacity;
    slot->fd = -1;
    slot->capacity = 0;
    slot->failed = false;
}

static bool is_free(const struct sl_slot *slot) {
    return slot->references == 0 && slot->pins == 0;
}

void journal_slots_discard(struct sl_journal *journal) {
    for (uint32_t i = 0; i < journal->slot_count; i++)
        if (journal->slots[i] != NULL && is_free(journal->slots[i]))
            journal_slot_discard(journal->slots[i]);
}

static bool has_room(const struct sl_journal *journal, uint64_t capacity) {
    return journal->bytes_max == 0 ||
           (capacity <= journal->bytes_max && journal->counts.slot_bytes <= journal->bytes_max - capacity);
}

/* A free one of just that capacity (0: without a file), whose blocks the disk has already. */
static struct sl_slot *find_free(const struct sl_journal *journal, uint64_t capacity) {
    for (uint32_t i = 0; i < journal->slot_count; i++)
        if (journal->slots[i] != NULL && is_free(journal->slots[i]) && journal->slots[i]->capacity == capacity)
            return journal->slots[i];
    return NULL;
}

/* Files of other sizes, left from other payloads, go when their room is needed. */
static bool make_room(struct sl_journal *journal, uint64_t capacity) {
    for (uint32_t i = 0; i < journal->slot_count && !has_room(journal, capacity); i++)
        if (journal->slots[i] != NULL && is_free(journal->slots[i]))
            journal_slot_discard(journal->slots[i]);
    return has_room(journal, capacity);
}

static struct sl_slot *add(struct sl_journal *journal) {
    for (uint32_t i = 0; i < SL_JOURNAL_SLOTS_MAX; i++)
        if (journal->slots[i] == NULL)
            return journal_slot_add(journal, i);
    return NULL;
}

static enum sl_status choose(struct sl_slot **out, struct sl_journal *journal, uint64_t capacity,
                             struct sl_error *error) {
    *out = find_free(journal, capacity);
    if (*out != NULL)
        return SL_OK;
    if (!make_room(journal, capacity))
        return sl_error_set(error, SL_LIMIT, "%s: no place for another %" PRIu64 " bytes beside %" PRIu64,
                            journal->folder, capacity, journal->counts.slot_bytes);
    *out = find_free(journal, 0);
    if (*out == NULL)
        *out = add(journal);
    if (*out == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "%s: no place for another slot", journal->folder);
    (*out)->capacity = capacity;
    journal->counts.slot_bytes += capacity;
    return SL_OK;
}

enum sl_status sl_slot_take(struct sl_slot **out, struct sl_journal *journal, uint64_t bytes, struct sl_error *error) {
    *out = NULL;
    if (bytes == 0 || bytes > INT64_MAX - BLOCK)
        return sl_error_set(error, SL_LIMIT, "a slot of %" PRIu64 " bytes", bytes);
    pthread_mutex_lock(&journal->mutex);
    enum sl_status status = choose(out, journal, (bytes + BLOCK - 1) / BLOCK * BLOCK, error);
    if (status == SL_OK) {
        (*out)->references = 1;
        (*out)->length = bytes;
        (*out)->sealed = false;
    }
    pthread_mutex_unlock(&journal->mutex);
    return status;
}

struct sl_slot *sl_slot_ref(struct sl_slot *slot) {
    pthread_mutex_lock(&slot->journal->mutex);
    slot->references++;
    pthread_mutex_unlock(&slot->journal->mutex);
    return slot;
}

void sl_slot_unref(struct sl_slot *slot) {
    if (slot == NULL)
        return;
    struct sl_journal *journal = slot->journal;
    pthread_mutex_lock(&journal->mutex);
    slot->references--;
    if (is_free(slot) && (slot->failed || journal->retired))
        journal_slot_discard(slot);
    pthread_mutex_unlock(&journal->mutex);
}

static enum sl_status fail(struct sl_slot *slot, const char *what, struct sl_error *error) {
    int number = errno;
    pthread_mutex_lock(&slot->journal->mutex);
    slot->failed = true;
    pthread_mutex_unlock(&slot->journal->mutex);
    return sl_error_set(error, sl_status_from_errno(number), "%s/slot-%04" PRIu32 ": cannot %s: %s",
                        slot->journal->folder, slot->number, what, strerror(number));
}

/* Where its blocks cannot all be had, the file does not stay. */
static int make_file(struct sl_slot *slot) {
    const struct sl_journal *journal = slot->journal;
    const struct sl_disk *disk = journal->disk;
    char *path = journal_slot_path(journal, slot->number);
    int fd = -1, number = ENOMEM;
    if (path == NULL)
        goto out;
    fd = disk->interface->open(disk, path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    number = errno;
    if (fd < 0)
        goto out;
    const bool allocated = disk->interface->allocate(disk, fd, (off_t)slot->capacity) == 0;
    number = errno;
    if (!allocated || journal->mode == SL_JOURNAL_NONE)
        disk->interface->unlink(disk, path);
    if (!allocated) {
        disk->interface->close(disk, fd);
        fd = -1;
    }
out:
    free(path);
    errno = number;
    return fd;
}

static enum sl_status prepare(struct sl_slot *slot, struct sl_error *error) {
    struct sl_journal *journal = slot->journal;
    pthread_mutex_lock(&journal->making);
    pthread_mutex_lock(&journal->mutex);
    const bool failed = slot->failed, made = slot->fd >= 0;
    pthread_mutex_unlock(&journal->mutex);
    enum sl_status status = SL_OK;
    if (failed) {
        status = sl_error_set(error, SL_STATE, "%s/slot-%04" PRIu32 ": an earlier write failed", journal->folder,
                              slot->number);
    } else if (!made) {
        int fd = make_file(slot);
        if (fd < 0) {
            status = fail(slot, "make", error);
        } else {
            pthread_mutex_lock(&journal->mutex);
            slot->fd = fd;
            slot->fresh = true;
            journal->counts.slots++;
            pthread_mutex_unlock(&journal->mutex);
        }
    }
    pthread_mutex_unlock(&journal->making);
    return status;
}

enum sl_status sl_slot_write(struct sl_slot *slot, const void *data, size_t length, uint64_t offset,
                             struct sl_error *error) {
    struct sl_journal *journal = slot->journal;
    if (offset > slot->length || length > slot->length - offset || slot->sealed)
        return sl_error_set(error, SL_STATE, "%s/slot-%04" PRIu32 ": a write beyond its end, or after its seal",
                            journal->folder, slot->number);
    enum sl_status status = prepare(slot, error);
    if (status != SL_OK)
        return status;
    if (sl_disk_write_all(journal->disk, slot->fd, data, length, (off_t)offset) != 0)
        return fail(slot, "write", error);
    pthread_mutex_lock(&journal->mutex);
    journal->counts.slot_bytes_written += length;
    pthread_mutex_unlock(&journal->mutex);
    return SL_OK;
}

enum sl_status sl_slot_seal(struct sl_slot *slot, const struct sl_digest *digest, struct sl_error *error) {
    struct sl_journal *journal = slot->journal;
    const struct sl_disk *disk = journal->disk;
    enum sl_status status = prepare(slot, error);
    if (status != SL_OK)
        return status;
    if (journal->mode == SL_JOURNAL_POWER) {
        if (disk->interface->sync_data(disk, slot->fd) != 0 ||
            (slot->fresh && sl_disk_sync_folder(disk, journal->folder_fd) != 0))
            return fail(slot, "sync", error);
        slot->fresh = false;
    }
    slot->digest = *digest;
    slot->sealed = true;
    return SL_OK;
}

enum sl_status sl_slot_read(struct sl_slot *slot, void *out, size_t length, uint64_t offset, struct sl_error *error) {
    const struct sl_journal *journal = slot->journal;
    if (offset > slot->length || length > slot->length - offset || slot->fd < 0)
        return sl_error_set(error, SL_STATE, "%s/slot-%04" PRIu32 ": a read beyond what was written", journal->folder,
                            slot->number);
    if (sl_disk_read_all(journal->disk, slot->fd, out, length, (off_t)offset) != 0)
        return fail(slot, "read", error);
    return SL_OK;
}

uint64_t sl_slot_length(const struct sl_slot *slot) {
    return slot->length;
}

const struct sl_digest *sl_slot_digest(const struct sl_slot *slot) {
    return &slot->digest;
}
