/* What an earlier process left: its marker, the newer of the two records, the slots that it names. */
#include "journal/state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

/* One of the two record files, read. */
struct candidate {
    struct sl_buffer bytes;
    struct journal_record record; /* points into the bytes */
    bool whole;
};

static enum sl_status anew(struct sl_journal_found *found, const char *why) {
    (void)snprintf(found->reason, sizeof found->reason, "%s, so this node begins anew", why);
    return SL_OK;
}

/* Whether what was written under the marker is there still; says why not. */
static bool is_kept(const struct journal_marker *marker, const struct sl_journal_options *options,
                    struct sl_journal_found *found) {
    if (memcmp(marker->scope.bytes, options->scope.bytes, SL_DIGEST_SIZE) != 0)
        (void)anew(found, "the journal is of another run, epoch or model");
    else if (options->mode == SL_JOURNAL_NONE || marker->mode == SL_JOURNAL_NONE)
        (void)anew(found, "no journal is kept");
    else if (marker->mode == SL_JOURNAL_PROCESS && strcmp(marker->boot, options->boot) != 0)
        (void)anew(found, "the machine was started again since, and the journal was not kept for that");
    else
        return true;
    return false;
}

static enum sl_status read_marker(const struct sl_journal *journal, struct journal_marker *marker,
                                  struct sl_journal_found *found, struct sl_error *error) {
    const struct sl_disk *disk = journal->disk;
    uint8_t bytes[JOURNAL_MARKER_SIZE + 1];
    off_t size = 0;
    marker->lineage = 0;
    const int fd = disk->interface->open(disk, journal->marker, O_RDONLY, 0);
    if (fd < 0)
        return errno == ENOENT ? anew(found, "there is no journal") : journal_refused(journal->marker, "open", error);
    enum sl_status status = SL_OK;
    if (disk->interface->size(disk, fd, &size) != 0)
        status = journal_refused(journal->marker, "read", error);
    else if (size != JOURNAL_MARKER_SIZE)
        status = anew(found, "the journal's lineage was withdrawn or is damaged");
    else if (sl_disk_read_all(disk, fd, bytes, JOURNAL_MARKER_SIZE, 0) != 0)
        status = journal_refused(journal->marker, "read", error);
    else if (journal_marker_decode(marker, bytes, JOURNAL_MARKER_SIZE) != SL_OK) {
        marker->lineage = 0;
        status = anew(found, "the journal's lineage is damaged");
    }
    disk->interface->close(disk, fd);
    return status;
}

static enum sl_status read_candidate(struct candidate *out, const struct sl_journal *journal, unsigned place,
                                     uint64_t lineage, struct sl_error *error) {
    const struct sl_disk *disk = journal->disk;
    const int fd = journal->record_fds[place];
    const char *path = journal->record_paths[place];
    uint8_t head[JOURNAL_HEAD_SIZE];
    off_t size;
    if (disk->interface->size(disk, fd, &size) != 0)
        return journal_refused(path, "read", error);
    if (size < JOURNAL_HEAD_SIZE)
        return SL_OK;
    if (sl_disk_read_all(disk, fd, head, sizeof head, 0) != 0)
        return journal_refused(path, "read", error);
    const size_t length = journal_record_length(head);
    if (length == 0 || (uint64_t)size < length)
        return SL_OK;
    if (sl_buffer_reserve(&out->bytes, length) != SL_OK)
        return sl_error_set(error, SL_NO_MEMORY, "%s: out of memory", path);
    if (sl_disk_read_all(disk, fd, out->bytes.data, length, 0) != 0)
        return journal_refused(path, "read", error);
    out->bytes.length = length;
    out->whole =
        journal_record_decode(&out->record, out->bytes.data, length) == SL_OK && out->record.lineage == lineage;
    return SL_OK;
}

/* ---- slots ---- */

struct adoption {
    struct sl_journal *journal;
    enum sl_status status;
    struct sl_error *error;
};

/* A file that was made whole can be used again, whatever is in it; any other one goes. */
static void adopt(void *context, const char *name) {
    struct adoption *adoption = context;
    struct sl_journal *journal = adoption->journal;
    const struct sl_disk *disk = journal->disk;
    uint32_t number;
    off_t size = 0;
    if (adoption->status != SL_OK || !journal_slot_number(name, &number))
        return;
    char *path = journal_slot_path(journal, number);
    struct sl_slot *slot = path != NULL ? journal_slot_add(journal, number) : NULL;
    if (slot == NULL) {
        adoption->status = sl_error_set(adoption->error, SL_NO_MEMORY, "%s: out of memory", journal->folder);
    } else if (journal->mode == SL_JOURNAL_NONE) {
        disk->interface->unlink(disk, path);
    } else if ((slot->fd = disk->interface->open(disk, path, O_RDWR, 0)) < 0 ||
               disk->interface->size(disk, slot->fd, &size) != 0) {
        adoption->status = journal_refused(path, "open", adoption->error);
    } else {
        journal->counts.slots++;
        slot->capacity = (uint64_t)size;
        slot->fresh = false; /* the marker is written before anybody gets it, and syncs the folder */
        journal->counts.slot_bytes += slot->capacity;
        if (size == 0)
            journal_slot_discard(slot);
    }
    free(path);
}

static enum sl_status adopt_all(struct sl_journal *journal, struct sl_error *error) {
    const struct sl_disk *disk = journal->disk;
    struct adoption adoption = {.journal = journal, .status = SL_OK, .error = error};
    if (disk->interface->list(disk, journal->folder, adopt, &adoption) != 0)
        return journal_refused(journal->folder, "read", error);
    return adoption.status;
}

/* Whether the files that the record names are there, and long enough. */
static bool has_slots(const struct sl_journal *journal, const struct journal_record *record) {
    for (uint32_t i = 0; i < record->slots; i++) {
        const struct journal_named named = journal_record_named(record, i);
        const struct sl_slot *slot = journal->slots[named.number];
        if (slot == NULL || slot->fd < 0 || slot->capacity < named.length)
            return false;
    }
    return true;
}

/* The record becomes the journal's last one and the caller's find. */
static enum sl_status take_over(struct sl_journal *journal, struct sl_journal_found *found,
                                const struct journal_record *record, struct sl_error *error) {
    struct journal_entry *flushed = &journal->flushed;
    flushed->slots = calloc(record->slots + (size_t)1, sizeof(struct sl_slot *));
    found->slots = calloc(record->slots + (size_t)1, sizeof(struct sl_slot *));
    if (flushed->slots == NULL || found->slots == NULL ||
        sl_buffer_append(&found->record, record->state.data, record->state.length) != SL_OK)
        return sl_error_set(error, SL_NO_MEMORY, "%s: out of memory", journal->folder);
    for (uint32_t i = 0; i < record->slots; i++) {
        const struct journal_named named = journal_record_named(record, i);
        struct sl_slot *slot = journal->slots[named.number];
        slot->length = named.length;
        slot->digest = named.digest;
        slot->sealed = true;
        slot->pins++;
        slot->references++;
        found->slots[i] = flushed->slots[i] = slot;
    }
    found->slot_count = flushed->count = record->slots;
    flushed->sequence = found->sequence = journal->appended = record->sequence;
    found->continued = true;
    found->lineage = journal->lineage = record->lineage;
    return SL_OK;
}

/* What was written under the promise of a process's life, or was being flushed when the power failed to come, may be in
 * the kernel's memory only. The record is written again, the same bytes to the same place: where a sync failed before
 * somebody was killed, only that makes the kernel try once more. */
static enum sl_status make_safe(struct sl_journal *journal, const struct journal_marker *marker,
                                const struct sl_buffer *bytes, struct sl_error *error) {
    const struct sl_disk *disk = journal->disk;
    if (journal->mode != SL_JOURNAL_POWER)
        return SL_OK;
    for (size_t i = 0; marker->mode != SL_JOURNAL_POWER && i < journal->flushed.count; i++)
        if (disk->interface->sync_data(disk, journal->flushed.slots[i]->fd) != 0)
            return journal_refused(journal->folder, "sync", error);
    if (sl_disk_sync_folder(disk, journal->folder_fd) != 0)
        return journal_refused(journal->folder, "sync", error);
    return journal_write_record(journal, journal->place, bytes, error);
}

static enum sl_status find_record(struct sl_journal *journal, struct sl_journal_found *found,
                                  const struct journal_marker *marker, struct sl_error *error) {
    struct candidate candidates[2] = {{.whole = false}, {.whole = false}};
    enum sl_status status = SL_OK;
    for (unsigned i = 0; i < 2 && status == SL_OK; i++)
        status = read_candidate(&candidates[i], journal, i, marker->lineage, error);
    if (status != SL_OK)
        goto out;
    journal->place =
        candidates[1].whole && (!candidates[0].whole || candidates[1].record.sequence > candidates[0].record.sequence);
    const struct candidate *newest = &candidates[journal->place];
    if (!newest->whole)
        status = anew(found, "the journal has no whole record");
    else if (!has_slots(journal, &newest->record))
        status = anew(found, "files that the journal names are missing");
    else
        status = take_over(journal, found, &newest->record, error);
    if (status == SL_OK && found->continued)
        status = make_safe(journal, marker, &newest->bytes, error);
out:
    sl_buffer_finish(&candidates[0].bytes);
    sl_buffer_finish(&candidates[1].bytes);
    return status;
}

enum sl_status journal_find(struct sl_journal *journal, struct sl_journal_found *found, struct journal_marker *marker,
                            const struct sl_journal_options *options, struct sl_error *error) {
    enum sl_status status = adopt_all(journal, error);
    if (status == SL_OK)
        status = read_marker(journal, marker, found, error);
    if (status == SL_OK && marker->lineage != 0 && is_kept(marker, options, found))
        status = find_record(journal, found, marker, error);
    return status;
}
