/* What a node promised and must know after a crash: a log of states, and the payloads that they name.
 *
 * A *record* is the caller's whole durable state as it is at one moment, so the last whole one tells all. Two files
 * hold records in turn: while one is overwritten the other is untouched, so nothing has to be compacted, a record that
 * is cut short never hides the one before, and a flush goes to blocks that the disk has already. A record names
 * *slots*: files of a payload's size, made once and used again (fresh blocks cost many times as much). A slot that a
 * record names is not given to anybody else before a later record, which does not name it, is flushed.
 *
 * Happy path:  take → write (any worker, any order) → seal → append → flush (a worker) → what was promised is said.
 *
 * What a flush survives:  none: nothing;  process: the end of the process, as long as the kernel lives;  power: a power
 * cut, as every byte was synced. The file `lineage` says whether the records can be relied on; where they cannot be
 * (see sl_journal_open), this node is a new lineage.
 *
 * When a flush fails the lineage is *withdrawn*: its file is removed before the flush returns, so that no later start
 * goes on from a state that has not everything that was promised since. The process itself may go on as with `none`.
 * A slot whose write or sync failed is never used again, and spoils nothing else. */
#ifndef SL_JOURNAL_JOURNAL_H
#define SL_JOURNAL_JOURNAL_H

#include "base/disk.h"
#include "crypto/digest.h"

enum sl_journal_mode { SL_JOURNAL_NONE, SL_JOURNAL_PROCESS, SL_JOURNAL_POWER };

enum {
    SL_JOURNAL_BOOT_SIZE = 64,        /* with the NUL */
    SL_JOURNAL_RECORD_MAX = 64 << 20, /* bytes of a record, its slots included */
    SL_JOURNAL_SLOTS_MAX = 4096,      /* files of payloads */
    SL_JOURNAL_REASON_SIZE = 160
};

struct sl_journal;
struct sl_slot;

struct sl_journal_options {
    const char *folder; /* exists */
    enum sl_journal_mode mode;
    const struct sl_disk *disk; /* NULL: the real one; outlives the journal */
    const char *boot;           /* of the kernel that runs: sl_journal_boot */
    struct sl_digest scope;     /* of all that a state makes sense in only: flock, run, epoch, name, layout … */
    uint64_t bytes_max;         /* of all slots together; 0: as many as the disk has */
};

/* What was there. All zero is nothing. */
struct sl_journal_found {
    bool continued;    /* the lineage goes on where `record` ends; else it is a new one, and there is no record */
    uint64_t lineage;  /* of this node from now on; never 0 */
    uint64_t openings; /* of this lineage, this one included: two nodes that show the same one are clones */
    uint64_t sequence; /* of the record */
    struct sl_buffer record;
    struct sl_slot **slots; /* that the record names, in its order; a reference to each */
    size_t slot_count;
    char reason[SL_JOURNAL_REASON_SIZE]; /* why it does not go on: "…, so this node begins anew"; else empty */
};

/* Locks the folder until the journal is closed: SL_IN_USE, naming the process that has it. A lineage goes on if its
 * file is there, of the same scope, the mode that it was written in keeps its promise (`power`: always, `process`:
 * under the same boot, `none`: never), and a record of it is whole with all the slots that it names. Anything that was
 * spoilt, torn or made by somebody else begins a new lineage and says why; only what the disk refuses is an error.
 * Files of payloads that another scope left, or a lineage that was withdrawn, are removed. */
SL_MUST_USE enum sl_status sl_journal_open(struct sl_journal **out, struct sl_journal_found *found,
                                           const struct sl_journal_options *options, struct sl_error *error);
void sl_journal_found_finish(struct sl_journal_found *found); /* its references too */
/* What is appended and not flushed is lost. All slots must have been let go. Accepts NULL. */
void sl_journal_close(struct sl_journal *journal);

/* The kernel's name for its present life. SL_UNSUPPORTED where it tells none. */
SL_MUST_USE enum sl_status sl_journal_boot(char out[SL_JOURNAL_BOOT_SIZE], struct sl_error *error);

/* Takes note of the caller's state, copied; writes nothing. *sequence grows by one. The slots are sealed and the
 * caller's; they stay as they are until a later record without them is flushed, whatever the caller lets go. Any
 * thread, one at a time. SL_NO_MEMORY, SL_LIMIT: nothing changed. */
SL_MUST_USE enum sl_status sl_journal_append(struct sl_journal *journal, uint64_t *sequence, struct sl_bytes state,
                                             struct sl_slot *const *slots, size_t count, struct sl_error *error);
/* Returns when the record `sequence` or a later one is as safe as the mode says; waits for the disk, so not on the
 * loop. Any number of threads: one writes, the newest record; the others find theirs done. On failure see
 * sl_journal_is_withdrawn; a journal that was withdrawn has nothing more to write and every later flush is SL_OK. */
SL_MUST_USE enum sl_status sl_journal_flush(struct sl_journal *journal, uint64_t sequence, struct sl_error *error);
/* After a flush that failed: true, the lineage ends with this process, which may go on; false, not even that could be
 * written down: say nothing more that binds, end. */
bool sl_journal_is_withdrawn(struct sl_journal *journal);

/* From now on records are of that lineage (not 0), which has no promise of the former one: the first flush of one ends
 * the former for good. Until then a restart finds the former as it was; in the midst of that flush, neither. */
void sl_journal_renew(struct sl_journal *journal, uint64_t lineage);

/* No more is appended: files that neither a caller nor the last record has go, at once and as they are let go. */
void sl_journal_retire(struct sl_journal *journal);

struct sl_journal_counts {
    uint64_t flushes, flushed_bytes; /* of records */
    uint64_t slot_bytes_written;
    uint64_t slots, slot_bytes; /* files on the disk */
};
void sl_journal_count(struct sl_journal *journal, struct sl_journal_counts *out);

/* A slot for `bytes` bytes (at least 1) and the caller's reference to it. No file is touched yet: the first write makes
 * it where none is left to be used again. SL_LIMIT: bytes_max. Any thread. */
SL_MUST_USE enum sl_status sl_slot_take(struct sl_slot **out, struct sl_journal *journal, uint64_t bytes,
                                        struct sl_error *error);
struct sl_slot *sl_slot_ref(struct sl_slot *slot);
void sl_slot_unref(struct sl_slot *slot); /* accepts NULL */

/* Any thread, disjoint ranges at the same time. SL_DISK_FULL where no blocks are left: before any byte is written.
 * After a failure no call on the slot succeeds. */
SL_MUST_USE enum sl_status sl_slot_write(struct sl_slot *slot, const void *data, size_t length, uint64_t offset,
                                         struct sl_error *error);
/* When all writes have returned: from now on it can be named, and is read only. `digest` comes back with it after a
 * restart, and says to the caller what it holds. Waits for the disk in the mode `power`. */
SL_MUST_USE enum sl_status sl_slot_seal(struct sl_slot *slot, const struct sl_digest *digest, struct sl_error *error);
SL_MUST_USE enum sl_status sl_slot_read(struct sl_slot *slot, void *out, size_t length, uint64_t offset,
                                        struct sl_error *error);
uint64_t sl_slot_length(const struct sl_slot *slot);
const struct sl_digest *sl_slot_digest(const struct sl_slot *slot); /* of a sealed one */

#endif
