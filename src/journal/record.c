/* Appending and flushing. Only the newest record is ever written: it implies all earlier ones. */
#include "journal/state.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

void journal_entry_release(struct journal_entry *entry) {
    for (size_t i = 0; i < entry->count; i++)
        entry->slots[i]->pins--;
    free(entry->slots);
    sl_buffer_finish(&entry->bytes);
    *entry = (struct journal_entry){.sequence = 0};
}

static enum sl_status make_entry(struct journal_entry *out, const struct sl_journal *journal, struct sl_bytes state,
                                 struct sl_slot *const *slots, size_t count) {
    enum sl_status status = SL_NO_MEMORY;
    *out = (struct journal_entry){.sequence = journal->appended + 1, .lineage = journal->lineage};
    struct journal_named *named = calloc(count + 1, sizeof *named);
    out->slots = calloc(count + 1, sizeof(struct sl_slot *));
    if (named == NULL || out->slots == NULL)
        goto out;
    for (size_t i = 0; i < count; i++) {
        assert(slots[i]->sealed && slots[i]->journal == journal);
        out->slots[i] = slots[i];
        named[i] =
            (struct journal_named){.number = slots[i]->number, .length = slots[i]->length, .digest = slots[i]->digest};
    }
    status = journal_record_encode(&out->bytes, out->lineage, out->sequence, state, named, (uint32_t)count);
out:
    free(named);
    return status;
}

enum sl_status sl_journal_append(struct sl_journal *journal, uint64_t *sequence, struct sl_bytes state,
                                 struct sl_slot *const *slots, size_t count, struct sl_error *error) {
    struct journal_entry entry;
    if (count > SL_JOURNAL_SLOTS_MAX)
        return sl_error_set(error, SL_LIMIT, "a record of %zu slots", count);
    pthread_mutex_lock(&journal->mutex);
    const bool idle = journal->mode == SL_JOURNAL_NONE || journal->withdrawn;
    if (idle)
        *sequence = ++journal->appended;
    pthread_mutex_unlock(&journal->mutex);
    if (idle)
        return SL_OK;
    enum sl_status status = make_entry(&entry, journal, state, slots, count);
    if (status != SL_OK) {
        journal_entry_release(&entry);
        return sl_error_set(error, status, "a record of %zu bytes: %s", state.length, sl_status_text(status));
    }
    pthread_mutex_lock(&journal->mutex);
    for (size_t i = 0; i < count; i++)
        slots[i]->pins++;
    entry.count = count;
    journal_entry_release(&journal->pending); /* it was never on the disk */
    journal->pending = entry;
    *sequence = ++journal->appended;
    pthread_mutex_unlock(&journal->mutex);
    return SL_OK;
}

void sl_journal_renew(struct sl_journal *journal, uint64_t lineage) {
    pthread_mutex_lock(&journal->mutex);
    journal->lineage = lineage;
    pthread_mutex_unlock(&journal->mutex);
}

enum sl_status journal_write_record(struct sl_journal *journal, unsigned place, const struct sl_buffer *bytes,
                                    struct sl_error *error) {
    const struct sl_disk *disk = journal->disk;
    const int fd = journal->record_fds[place];
    const char *path = journal->record_paths[place];
    if (sl_disk_write_all(disk, fd, bytes->data, bytes->length, 0) != 0)
        return journal_refused(path, "write", error);
    if (journal->mode == SL_JOURNAL_POWER && disk->interface->sync_data(disk, fd) != 0)
        return journal_refused(path, "sync", error);
    return SL_OK;
}

bool journal_withdraw(struct sl_journal *journal) {
    const struct sl_disk *disk = journal->disk;
    const bool gone = disk->interface->unlink(disk, journal->marker) == 0 || errno == ENOENT;
    if (gone && (journal->mode != SL_JOURNAL_POWER || sl_disk_sync_folder(disk, journal->folder_fd) == 0))
        return true;
    /* An empty one says as much. */
    const int fd = disk->interface->open(disk, journal->marker, O_WRONLY, 0);
    if (fd < 0)
        return false;
    const bool emptied = disk->interface->truncate(disk, fd, 0) == 0 && disk->interface->sync(disk, fd) == 0;
    disk->interface->close(disk, fd);
    return emptied;
}

/* `written` is the last record now, and what the former one alone named is free. */
static void settle(struct sl_journal *journal, struct journal_entry *written) {
    pthread_mutex_lock(&journal->mutex);
    journal_entry_release(&journal->flushed);
    journal->counts.flushes++;
    journal->counts.flushed_bytes += written->bytes.length;
    journal->flushed = *written;
    sl_buffer_finish(&journal->flushed.bytes);
    journal->place = 1 - journal->place;
    pthread_mutex_unlock(&journal->mutex);
}

static void give_up(struct sl_journal *journal, struct journal_entry *written) {
    const bool withdrawn = journal_withdraw(journal);
    pthread_mutex_lock(&journal->mutex);
    journal->broken = true;
    journal->withdrawn = withdrawn;
    journal_entry_release(written);
    journal_entry_release(&journal->pending);
    journal_entry_release(&journal->flushed);
    pthread_mutex_unlock(&journal->mutex);
}

/* Where the record begins another lineage, the former's marker goes first: its records are none then. */
static enum sl_status write_entry(struct sl_journal *journal, const struct journal_entry *entry,
                                  struct sl_error *error) {
    enum sl_status status = SL_OK;
    if (entry->lineage != journal->marked.lineage) {
        struct journal_marker marker = journal->marked;
        marker.lineage = entry->lineage;
        marker.openings = 1;
        status = journal_mark(journal, &marker, error);
    }
    return status == SL_OK ? journal_write_record(journal, 1 - journal->place, &entry->bytes, error) : status;
}

enum sl_status sl_journal_flush(struct sl_journal *journal, uint64_t sequence, struct sl_error *error) {
    enum sl_status status = SL_OK;
    struct journal_entry entry = {.sequence = 0};
    pthread_mutex_lock(&journal->flushing);
    pthread_mutex_lock(&journal->mutex);
    assert(sequence <= journal->appended);
    const bool done = journal->mode == SL_JOURNAL_NONE || journal->withdrawn || journal->flushed.sequence >= sequence;
    const bool broken = journal->broken;
    if (!done && !broken) {
        entry = journal->pending;
        journal->pending = (struct journal_entry){.sequence = 0};
    }
    pthread_mutex_unlock(&journal->mutex);
    if (done)
        goto out;
    if (broken) {
        status = sl_error_set(error, SL_IO, "%s: an earlier write failed, and cannot be taken back", journal->folder);
        goto out;
    }
    status = write_entry(journal, &entry, error);
    if (status == SL_OK)
        settle(journal, &entry);
    else
        give_up(journal, &entry);
out:
    pthread_mutex_unlock(&journal->flushing);
    return status;
}

void sl_journal_retire(struct sl_journal *journal) {
    pthread_mutex_lock(&journal->mutex);
    journal->retired = true;
    journal_slots_discard(journal);
    pthread_mutex_unlock(&journal->mutex);
}

bool sl_journal_is_withdrawn(struct sl_journal *journal) {
    pthread_mutex_lock(&journal->mutex);
    const bool withdrawn = journal->withdrawn;
    pthread_mutex_unlock(&journal->mutex);
    return withdrawn;
}

void sl_journal_count(struct sl_journal *journal, struct sl_journal_counts *out) {
    pthread_mutex_lock(&journal->mutex);
    *out = journal->counts;
    pthread_mutex_unlock(&journal->mutex);
}
