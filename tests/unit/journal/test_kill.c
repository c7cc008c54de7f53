/* A real process, killed by a real SIGKILL while it writes as fast as it can, on a real disk. */
#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../base/folder.h"
#include "journal/journal.h"

enum { KILLS = 12, BYTES = 300000 };

static void fill(uint8_t *out, uint64_t sequence) {
    for (size_t i = 0; i < BYTES; i++)
        out[i] = (uint8_t)(sequence + i / 1000);
}

static struct sl_journal_options options_for(const char *folder, enum sl_journal_mode mode) {
    return (struct sl_journal_options){.folder = folder, .mode = mode, .boot = "this"};
}

/* Writes for ever; after each flush its sequence goes into the pipe. */
static void be_killed(const char *folder, enum sl_journal_mode mode, int to) {
    static uint8_t bytes[BYTES];
    struct sl_journal *journal;
    struct sl_journal_found found;
    const struct sl_journal_options options = options_for(folder, mode);
    if (sl_journal_open(&journal, &found, &options, NULL) != SL_OK)
        _exit(2);
    uint64_t sequence = found.sequence;
    sl_journal_found_finish(&found);
    for (;;) {
        struct sl_slot *slot;
        fill(bytes, sequence + 1);
        if (sl_slot_take(&slot, journal, BYTES, NULL) != SL_OK || sl_slot_write(slot, bytes, BYTES, 0, NULL) != SL_OK ||
            sl_slot_seal(slot, &(struct sl_digest){{0}}, NULL) != SL_OK ||
            sl_journal_append(journal, &sequence, (struct sl_bytes){bytes, 5000}, &slot, 1, NULL) != SL_OK ||
            sl_journal_flush(journal, sequence, NULL) != SL_OK)
            _exit(3);
        sl_slot_unref(slot);
        if (write(to, &sequence, sizeof sequence) != (ssize_t)sizeof sequence)
            _exit(4);
    }
}

/* The last sequence that the process told, once it has told `count` of them and was killed. */
static uint64_t kill_after(const char *folder, enum sl_journal_mode mode, unsigned count) {
    int pipes[2];
    uint64_t told = 0, last = 0;
    cr_assert_eq(pipe(pipes), 0);
    const pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        close(pipes[0]);
        be_killed(folder, mode, pipes[1]);
    }
    close(pipes[1]);
    for (unsigned i = 0; i < count; i++) {
        cr_assert_eq(read(pipes[0], &told, sizeof told), (ssize_t)sizeof told, "the writer failed");
        last = told;
    }
    cr_assert_eq(kill(child, SIGKILL), 0);
    while (read(pipes[0], &told, sizeof told) == (ssize_t)sizeof told)
        last = told;
    cr_assert_eq(waitpid(child, NULL, 0), child);
    close(pipes[0]);
    return last;
}

static void kill_again_and_again(enum sl_journal_mode mode) {
    static uint8_t expected[BYTES], got[BYTES];
    struct test_folder folder;
    uint64_t lineage = 0;
    test_folder_make(&folder);
    const struct sl_journal_options options = options_for(folder.path, mode);
    for (unsigned i = 0; i < KILLS; i++) {
        struct sl_journal *journal;
        struct sl_journal_found found;
        const uint64_t last = kill_after(folder.path, mode, 1 + i % 5);
        cr_assert_eq(sl_journal_open(&journal, &found, &options, NULL), SL_OK);
        cr_assert(found.continued, "%s", found.reason);
        cr_expect(lineage == 0 || found.lineage == lineage);
        lineage = found.lineage;
        cr_expect_eq(found.openings, 2 * i + 2);
        cr_expect(found.sequence == last || found.sequence == last + 1);
        cr_assert_eq(found.slot_count, 1);
        cr_assert_eq(found.record.length, 5000);
        fill(expected, found.sequence);
        cr_expect_arr_eq(found.record.data, expected, 5000);
        cr_assert_eq(sl_slot_read(found.slots[0], got, BYTES, 0, NULL), SL_OK);
        cr_expect_arr_eq(got, expected, BYTES);
        sl_journal_found_finish(&found);
        sl_journal_close(journal);
    }
    test_folder_remove(&folder);
}

Test(kill, nothing_that_was_told_is_forgotten) {
    kill_again_and_again(SL_JOURNAL_PROCESS);
}

Test(kill, nor_where_power_counts) {
    kill_again_and_again(SL_JOURNAL_POWER);
}
