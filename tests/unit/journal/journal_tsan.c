/* Payloads written by several workers, records appended by one thread and flushed by others, as a node does it. Run
 * under ThreadSanitizer; checks the outcome as well. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal/journal.h"

enum { WRITERS = 4, ROUNDS = 40, PIECE = 8192 };

struct part {
    struct sl_slot *slot;
    unsigned number;
};

struct flusher {
    struct sl_journal *journal;
    atomic_ulong wanted; /* the sequence to flush; 0: not yet another; ULONG_MAX: end */
};

static void must(int condition, const char *what) {
    if (!condition) {
        fprintf(stderr, "journal_threads: %s\n", what);
        exit(1);
    }
}

static void *write_part(void *context) {
    const struct part *part = context;
    uint8_t bytes[PIECE];
    memset(bytes, (int)part->number, sizeof bytes);
    must(sl_slot_write(part->slot, bytes, sizeof bytes, (uint64_t)part->number * PIECE, NULL) == SL_OK, "write");
    return NULL;
}

static void *keep_flushing(void *context) {
    struct flusher *flusher = context;
    for (unsigned long wanted; (wanted = atomic_load(&flusher->wanted)) != (unsigned long)-1;)
        must(sl_journal_flush(flusher->journal, wanted, NULL) == SL_OK, "flush");
    return NULL;
}

static struct sl_slot *receive(struct sl_journal *journal) {
    struct sl_slot *slot;
    pthread_t threads[WRITERS];
    struct part parts[WRITERS];
    must(sl_slot_take(&slot, journal, (uint64_t)WRITERS * PIECE, NULL) == SL_OK, "take");
    for (unsigned i = 0; i < WRITERS; i++) {
        parts[i] = (struct part){slot, i};
        must(pthread_create(&threads[i], NULL, write_part, &parts[i]) == 0, "thread");
    }
    for (unsigned i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    must(sl_slot_seal(slot, &(struct sl_digest){{1}}, NULL) == SL_OK, "seal");
    return slot;
}

static void run(const struct sl_journal_options *options) {
    struct flusher flusher;
    struct sl_journal_found found;
    pthread_t flushers[2];
    struct sl_slot *slot = NULL;
    must(sl_journal_open(&flusher.journal, &found, options, NULL) == SL_OK, "open");
    must(!found.continued, "nothing was there");
    sl_journal_found_finish(&found);
    atomic_init(&flusher.wanted, 0);
    for (int i = 0; i < 2; i++)
        must(pthread_create(&flushers[i], NULL, keep_flushing, &flusher) == 0, "thread");
    for (unsigned long i = 1; i <= ROUNDS; i++) {
        uint64_t sequence;
        sl_slot_unref(slot);
        slot = receive(flusher.journal);
        must(sl_journal_append(flusher.journal, &sequence, (struct sl_bytes){(const uint8_t *)&i, sizeof i}, &slot, 1,
                               NULL) == SL_OK,
             "append");
        atomic_store(&flusher.wanted, (unsigned long)sequence);
    }
    must(sl_journal_flush(flusher.journal, ROUNDS, NULL) == SL_OK, "last flush");
    atomic_store(&flusher.wanted, (unsigned long)-1);
    for (int i = 0; i < 2; i++)
        pthread_join(flushers[i], NULL);
    sl_slot_unref(slot);
    sl_journal_close(flusher.journal);
}

static void check(const struct sl_journal_options *options) {
    struct sl_journal *journal;
    struct sl_journal_found found;
    uint8_t bytes[WRITERS * PIECE];
    must(sl_journal_open(&journal, &found, options, NULL) == SL_OK, "open again");
    must(found.continued && found.sequence == ROUNDS && found.slot_count == 1, "the last record");
    must(sl_slot_read(found.slots[0], bytes, sizeof bytes, 0, NULL) == SL_OK, "read");
    for (size_t i = 0; i < sizeof bytes; i++)
        must(bytes[i] == i / PIECE, "bytes");
    sl_journal_found_finish(&found);
    sl_journal_close(journal);
}

int main(void) {
    static const char *const names[] = {"lock",      "lineage",   "record-0",  "record-1",
                                        "slot-0000", "slot-0001", "slot-0002", "slot-0003"};
    char folder[] = "/tmp/starling-journal-XXXXXX", path[64];
    must(mkdtemp(folder) != NULL, "a folder");
    const struct sl_journal_options options = {.folder = folder, .mode = SL_JOURNAL_PROCESS, .boot = "this"};
    run(&options);
    check(&options);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    must(rmdir(folder) == 0, "a file that nobody knows");
    return 0;
}
