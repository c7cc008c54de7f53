/* What the journal's files share. Private to journal. */
#ifndef SL_JOURNAL_STATE_H
#define SL_JOURNAL_STATE_H

#include <pthread.h>

#include "journal/format.h"

struct sl_slot {
    struct sl_journal *journal;
    uint32_t number;
    unsigned references; /* of callers */
    unsigned pins;       /* of records that a restart may find */
    uint64_t length;
    uint64_t capacity; /* what its file takes of bytes_max; 0: no file */
    int fd;            /* −1: not made yet */
    bool fresh;        /* its name may not be on the disk */
    bool failed, sealed;
    struct sl_digest digest;
};

/* A record in memory, and the pins on its slots. */
struct journal_entry {
    uint64_t sequence; /* 0: none */
    uint64_t lineage;
    struct sl_buffer bytes;
    struct sl_slot **slots;
    size_t count;
};

/* Locks are taken in the order of their lines. */
struct sl_journal {
    const struct sl_disk *disk;
    enum sl_journal_mode mode;
    char *folder, *marker, *record_paths[2];
    uint64_t bytes_max;
    int lock_fd, folder_fd;

    pthread_mutex_t flushing; /* who has it writes records */
    int record_fds[2];
    unsigned place;               /* which of the two holds the last record that was flushed */
    struct journal_marker marked; /* as on the disk */

    pthread_mutex_t making; /* who has it makes a slot's file */

    pthread_mutex_t mutex; /* all that follows, and the slots */
    uint64_t lineage;      /* of the next record */
    uint64_t appended;     /* the last sequence */
    struct journal_entry pending, flushed;
    bool broken, withdrawn, retired;
    struct sl_slot *slots[SL_JOURNAL_SLOTS_MAX];
    uint32_t slot_count;
    struct sl_journal_counts counts;
};

/* errno as an error about that file. */
enum sl_status journal_refused(const char *path, const char *what, struct sl_error *error);

/* record.c */
void journal_entry_release(struct journal_entry *entry); /* the mutex is held, or nobody else knows the journal */
SL_MUST_USE enum sl_status journal_write_record(struct sl_journal *journal, unsigned place,
                                                const struct sl_buffer *bytes, struct sl_error *error);
/* No later start goes on from here, when it returns true. */
bool journal_withdraw(struct sl_journal *journal);

/* journal.c */
/* The marker, and journal->marked, is that one now. */
SL_MUST_USE enum sl_status journal_mark(struct sl_journal *journal, const struct journal_marker *marker,
                                        struct sl_error *error);

/* slot.c */
char *journal_slot_path(const struct sl_journal *journal, uint32_t number);
/* Number and file of a slot's name in the folder; false for any other name. */
bool journal_slot_number(const char *name, uint32_t *number);
/* A new entry of the table; its references are 0, its file not made. NULL: out of memory. */
struct sl_slot *journal_slot_add(struct sl_journal *journal, uint32_t number);
void journal_slot_discard(struct sl_slot *slot); /* its file is gone; the mutex is held, or as above */
/* All that nobody has. Alike. */
void journal_slots_discard(struct sl_journal *journal);

/* found.c */

/* Fills `found` and pins what it names, or sets found->reason. Not SL_OK: the disk refused, or no memory. */
SL_MUST_USE enum sl_status journal_find(struct sl_journal *journal, struct sl_journal_found *found,
                                        struct journal_marker *marker, const struct sl_journal_options *options,
                                        struct sl_error *error);

#endif
