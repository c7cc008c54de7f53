/* Which starts go on, and which are a new lineage. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/folder.h"
#include "journal/format.h"
#include "support/disk.h"

static struct test_disk disk;
static struct sl_journal_options options;
static struct sl_journal *journal;
static struct sl_journal_found found;
static uint64_t sequence, lineage;

static void open_it(void) {
    struct sl_error error = {.status = SL_OK, .text = ""};
    cr_assert_eq(sl_journal_open(&journal, &found, &options, &error), SL_OK, "%s", error.text);
}

static void close_it(void) {
    sl_journal_found_finish(&found);
    sl_journal_close(journal);
    journal = NULL;
}

static void say(const char *state) {
    const struct sl_bytes bytes = {(const uint8_t *)state, strlen(state)};
    cr_assert_eq(sl_journal_append(journal, &sequence, bytes, NULL, 0, NULL), SL_OK);
    cr_assert_eq(sl_journal_flush(journal, sequence, NULL), SL_OK);
}

static void set_up(void) {
    test_disk_init(&disk, 1);
    options = (struct sl_journal_options){
        .folder = "state", .mode = SL_JOURNAL_PROCESS, .disk = &disk.disk, .boot = "one", .scope = {{9}}};
    open_it();
    cr_assert_not(found.continued);
    cr_assert_eq(found.openings, 1);
    cr_assert_str_eq(found.reason, "there is no journal, so this node begins anew");
    lineage = found.lineage;
    say("first");
    say("last");
    close_it();
}

static void tear_down(void) {
    if (journal != NULL)
        close_it();
    test_disk_finish(&disk);
}

TestSuite(journal, .init = set_up, .fini = tear_down);

static void expect_last(const char *state) {
    cr_assert(found.continued, "%s", found.reason);
    cr_expect_str_empty(found.reason);
    cr_expect_eq(found.lineage, lineage);
    cr_assert_eq(found.record.length, strlen(state));
    cr_expect(state[0] == '\0' || memcmp(found.record.data, state, strlen(state)) == 0);
}

static void expect_anew(const char *reason) {
    char whole[SL_JOURNAL_REASON_SIZE];
    (void)snprintf(whole, sizeof whole, "%s, so this node begins anew", reason);
    cr_expect_not(found.continued);
    cr_expect_neq(found.lineage, lineage);
    cr_expect_neq(found.lineage, 0);
    cr_expect_eq(found.openings, 1);
    cr_expect_str_eq(found.reason, whole);
}

Test(journal, goes_on_with_the_last_record_and_counts_its_openings) {
    for (unsigned i = 2; i < 6; i++) {
        open_it();
        expect_last(i == 2 ? "last" : "later");
        cr_expect_eq(found.openings, i);
        cr_expect_eq(found.sequence, i);
        say("later");
        cr_expect_eq(sequence, i + 1);
        close_it();
    }
}

Test(journal, an_opening_that_says_nothing_changes_nothing) {
    open_it();
    close_it();
    open_it();
    expect_last("last");
    cr_expect_eq(found.sequence, 2);
    cr_expect_eq(found.openings, 3);
}

Test(journal, only_the_newest_record_is_written) {
    struct sl_journal_counts counts;
    open_it();
    for (int i = 0; i < 10; i++)
        cr_assert_eq(
            sl_journal_append(journal, &sequence, (struct sl_bytes){(const uint8_t *)"many", 4}, NULL, 0, NULL), SL_OK);
    for (uint64_t i = 3; i <= sequence; i++)
        cr_assert_eq(sl_journal_flush(journal, i, NULL), SL_OK);
    sl_journal_count(journal, &counts);
    cr_expect_eq(counts.flushes, 1);
    cr_expect_eq(counts.flushed_bytes, JOURNAL_HEAD_SIZE + 4 + SL_DIGEST_SIZE);
    close_it();
    open_it();
    expect_last("many");
    cr_expect_eq(found.sequence, 12);
}

Test(journal, a_shorter_record_over_a_longer_one) {
    char text[3000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    open_it();
    say(text);
    say(text);
    say("short");
    close_it();
    open_it();
    expect_last("short");
}

Test(journal, an_empty_state_is_a_state) {
    open_it();
    say("");
    close_it();
    open_it();
    expect_last("");
    cr_expect_eq(found.sequence, 3);
}

Test(journal, a_lineage_that_begins_in_the_midst) {
    open_it();
    sl_journal_renew(journal, 4711);
    close_it();
    open_it();
    expect_last("last"); /* nothing was said in it */
    sl_journal_renew(journal, 4711);
    say("other");
    say("other, later");
    close_it();
    lineage = 4711;
    open_it();
    expect_last("other, later");
    cr_expect_eq(found.openings, 2);
}

/* ---- modes ---- */

Test(journal, another_boot_ends_what_was_kept_for_a_process) {
    options.boot = "two";
    open_it();
    expect_anew("the machine was started again since, and the journal was not kept for that");
    lineage = found.lineage;
    close_it();
    options.boot = "one"; /* as if that boot came back: it is another lineage's now */
    open_it();
    expect_anew("the machine was started again since, and the journal was not kept for that");
}

Test(journal, another_boot_goes_on_with_what_was_kept_for_a_power_cut) {
    options.mode = SL_JOURNAL_POWER;
    open_it();
    expect_last("last");
    close_it();
    test_disk_restart(&disk, true);
    options.boot = "two";
    open_it();
    expect_last("last");
}

Test(journal, a_promise_to_outlive_the_process_holds_only_so_far) {
    options.mode = SL_JOURNAL_POWER;
    open_it();
    close_it();
    options.mode = SL_JOURNAL_PROCESS;
    open_it();
    expect_last("last");
    close_it();
    options.boot = "two";
    options.mode = SL_JOURNAL_POWER;
    open_it();
    expect_anew("the machine was started again since, and the journal was not kept for that");
}

Test(journal, without_a_journal_nobody_goes_on_afterwards) {
    options.mode = SL_JOURNAL_NONE;
    open_it();
    expect_anew("no journal is kept");
    cr_expect_null(test_disk_find(&disk, "state/lineage"));
    say("nothing of this is written");
    close_it();
    open_it();
    expect_anew("there is no journal");
    close_it();
    options.mode = SL_JOURNAL_PROCESS;
    open_it();
    expect_anew("there is no journal");
}

Test(journal, another_scope_is_another_lineage) {
    options.scope.bytes[31] = 1;
    open_it();
    expect_anew("the journal is of another run, epoch or model");
}

/* ---- damage ---- */

static struct test_disk_file *file(const char *path) {
    struct test_disk_file *found_file = test_disk_find(&disk, path);
    cr_assert_not_null(found_file);
    return found_file;
}

Test(journal, every_bit_of_the_marker_counts) {
    struct test_disk_file *marker = file("state/lineage");
    cr_assert_eq(marker->length, JOURNAL_MARKER_SIZE);
    for (size_t bit = 0; bit < 8 * marker->length; bit += 7) {
        struct journal_marker decoded;
        marker->bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        cr_expect_eq(journal_marker_decode(&decoded, marker->bytes, marker->length), SL_FORMAT);
        marker->bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    marker->bytes[JOURNAL_MARKER_SIZE - 1] ^= 1;
    open_it();
    expect_anew("the journal's lineage is damaged");
}

Test(journal, a_marker_of_another_length) {
    file("state/lineage")->length--;
    open_it();
    expect_anew("the journal's lineage was withdrawn or is damaged");
}

/* The record that says "last" is in one of the two; which, is nobody's business. */
static struct test_disk_file *holder(const char *state) {
    static const char *const paths[] = {"state/record-0", "state/record-1"};
    for (int i = 0; i < 2; i++) {
        struct test_disk_file *candidate = file(paths[i]);
        if (memcmp(candidate->bytes + JOURNAL_HEAD_SIZE, state, strlen(state)) == 0)
            return candidate;
    }
    cr_assert_fail("no file holds it");
    return NULL;
}

Test(journal, a_torn_record_leaves_the_one_before) {
    struct test_disk_file *torn = holder("last");
    for (size_t bit = 0; bit < 8 * torn->length; bit += 5) {
        struct journal_record decoded;
        torn->bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        cr_expect_eq(journal_record_decode(&decoded, torn->bytes, torn->length), SL_FORMAT, "bit %zu", bit);
        torn->bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    torn->length--;
    open_it();
    expect_last("first");
}

Test(journal, no_whole_record_at_all) {
    holder("last")->bytes[3] ^= 1;
    holder("first")->length = 3;
    open_it();
    expect_anew("the journal has no whole record");
}

Test(journal, a_record_that_says_it_is_huge_is_not_read) {
    struct test_disk_file *torn = holder("last");
    sl_put_u32(torn->bytes + 28, UINT32_MAX);
    open_it();
    expect_last("first");
}

Test(journal, a_record_of_another_lineage_is_none) {
    struct sl_buffer bytes = {0};
    cr_assert_eq(journal_record_encode(&bytes, lineage + 1, 99, (struct sl_bytes){(const uint8_t *)"evil", 4}, NULL, 0),
                 SL_OK);
    struct test_disk_file *other = holder("first");
    cr_assert_leq(bytes.length, other->length);
    memcpy(other->bytes, bytes.data, bytes.length);
    sl_buffer_finish(&bytes);
    open_it();
    expect_last("last");
}

Test(journal, a_state_too_long_is_refused_and_changes_nothing) {
    uint8_t *state = calloc(1, SL_JOURNAL_RECORD_MAX);
    cr_assert_not_null(state);
    open_it();
    cr_expect_eq(sl_journal_append(journal, &sequence, (struct sl_bytes){state, SL_JOURNAL_RECORD_MAX}, NULL, 0, NULL),
                 SL_LIMIT);
    say("still well");
    free(state);
    close_it();
    open_it();
    expect_last("still well");
}

/* ---- what the disk refuses ---- */

Test(journal, a_flush_that_fails_ends_the_lineage_with_the_process) {
    struct sl_error error = {.status = SL_OK, .text = ""};
    open_it();
    disk.calls = 0;
    disk.fail_at = 1;
    disk.fail_errno = ENOSPC;
    cr_assert_eq(sl_journal_append(journal, &sequence, (struct sl_bytes){(const uint8_t *)"more", 4}, NULL, 0, NULL),
                 SL_OK);
    cr_expect_eq(sl_journal_flush(journal, sequence, &error), SL_DISK_FULL);
    cr_expect_str_eq(error.text, "state/record-1: cannot write: No space left on device");
    cr_expect(sl_journal_is_withdrawn(journal));
    say("now as without a journal");
    close_it();
    open_it();
    expect_anew("there is no journal");
}

Test(journal, a_flush_that_cannot_be_taken_back_is_told_again_and_again) {
    open_it();
    disk.calls = 0;
    disk.fail_at = 1;
    disk.fail_on = true;
    disk.fail_errno = EIO;
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(
            sl_journal_append(journal, &sequence, (struct sl_bytes){(const uint8_t *)"more", 4}, NULL, 0, NULL), SL_OK);
        cr_expect_eq(sl_journal_flush(journal, sequence, NULL), SL_IO);
        cr_expect_not(sl_journal_is_withdrawn(journal));
    }
    close_it();
    test_disk_restart(&disk, false);
    open_it();
    expect_last("last");
}

Test(journal, a_disk_that_does_not_read_is_an_error_and_not_a_new_lineage) {
    open_it();
    close_it();
    unsigned long failed = 0;
    for (unsigned long call = 1; call < 40; call++) {
        disk.calls = 0;
        disk.fail_at = call;
        disk.fail_errno = EIO;
        if (sl_journal_open(&journal, &found, &options, NULL) == SL_OK) {
            expect_last("last");
            close_it();
        } else {
            failed++;
            cr_expect_null(journal);
        }
    }
    cr_expect_gt(failed, 10);
    disk.fail_at = 0;
    open_it();
    expect_last("last");
}

/* ---- a real folder ---- */

Test(journal, a_second_process_is_told_who_has_the_folder) {
    struct test_folder folder;
    struct sl_journal *second;
    struct sl_journal_found other;
    struct sl_error error = {.status = SL_OK, .text = ""};
    char boot[SL_JOURNAL_BOOT_SIZE], expected[256];
    test_folder_make(&folder);
    cr_assert_eq(sl_journal_boot(boot, NULL), SL_OK);
    cr_expect_geq(strlen(boot), 16);
    options.folder = folder.path;
    options.disk = NULL;
    options.boot = boot;
    open_it();
    cr_expect_eq(sl_journal_open(&second, &other, &options, &error), SL_IN_USE);
    (void)snprintf(expected, sizeof expected, "%s: in use by process %ld; every node needs a state folder of its own",
                   folder.path, (long)getpid());
    cr_expect_str_eq(error.text, expected);
    close_it();
    open_it(); /* and is free again */
    close_it();
    test_folder_remove(&folder);
}

Test(journal, a_folder_that_is_not_there) {
    struct sl_error error = {.status = SL_OK, .text = ""};
    options.folder = "/nonexistent/state";
    options.disk = NULL;
    cr_expect_eq(sl_journal_open(&journal, &found, &options, &error), SL_NOT_FOUND);
    cr_expect_str_eq(error.text, "/nonexistent/state: cannot open: No such file or directory");
}
