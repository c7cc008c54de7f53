/* Files of payloads: used again, never too early, never more than allowed. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "script.h"

static struct script script;
static struct sl_journal_options options;
static char boot[SL_JOURNAL_BOOT_SIZE];
static struct sl_journal *journal;
static struct sl_journal_found found;
static uint64_t sequence;

static void open_it(void) {
    cr_assert_eq(sl_journal_open(&journal, &found, &options, NULL), SL_OK);
}

static void close_it(void) {
    sl_journal_found_finish(&found);
    sl_journal_close(journal);
}

static void set_up(void) {
    script_init(&script, SL_JOURNAL_PROCESS, 5);
    options = script_options(&script, boot);
    options.bytes_max = 3 * 8192;
    open_it();
}

static void tear_down(void) {
    close_it();
    script_finish(&script);
}

TestSuite(slots, .init = set_up, .fini = tear_down);

static struct sl_slot *make(uint8_t pattern) {
    uint8_t bytes[SCRIPT_PAYLOAD];
    struct sl_slot *slot;
    const struct sl_digest digest = {{pattern}};
    script_pattern(bytes, sizeof bytes, pattern);
    cr_assert_eq(sl_slot_take(&slot, journal, sizeof bytes, NULL), SL_OK);
    cr_assert_eq(sl_slot_write(slot, bytes, sizeof bytes, 0, NULL), SL_OK);
    cr_assert_eq(sl_slot_seal(slot, &digest, NULL), SL_OK);
    return slot;
}

static void name(struct sl_slot *slot) {
    cr_assert_eq(sl_journal_append(journal, &sequence, (struct sl_bytes){NULL, 0}, &slot, slot != NULL ? 1 : 0, NULL),
                 SL_OK);
}

static void expect_pattern(struct sl_slot *slot, uint8_t pattern) {
    uint8_t expected[SCRIPT_PAYLOAD], got[SCRIPT_PAYLOAD];
    script_pattern(expected, sizeof expected, pattern);
    cr_assert_eq(sl_slot_read(slot, got, sizeof got, 0, NULL), SL_OK);
    cr_expect_arr_eq(got, expected, sizeof got);
}

Test(slots, one_that_was_let_go_is_used_again) {
    struct sl_journal_counts counts;
    for (uint8_t i = 1; i < 20; i++)
        sl_slot_unref(make(i));
    sl_journal_count(journal, &counts);
    cr_expect_eq(counts.slots, 1);
    cr_expect_eq(counts.slot_bytes, 8192);
    cr_expect_eq(counts.slot_bytes_written, 19 * SCRIPT_PAYLOAD);
}

Test(slots, one_that_a_record_names_is_not_used_before_a_later_one_is_flushed) {
    struct sl_slot *first = make(1), *second;
    name(first);
    cr_assert_eq(sl_journal_flush(journal, sequence, NULL), SL_OK);
    sl_slot_unref(first);
    name(NULL); /* appended, not flushed: a crash finds the one before */
    second = make(2);
    cr_expect_neq(second, first);
    sl_slot_unref(second);
    cr_assert_eq(sl_journal_flush(journal, sequence, NULL), SL_OK);
    second = make(3);
    cr_expect_eq(second, first);
    sl_slot_unref(second);
}

Test(slots, one_that_an_unflushed_record_names_is_not_used_either) {
    struct sl_slot *first = make(1), *second;
    name(first);
    sl_slot_unref(first);
    second = make(2);
    cr_expect_neq(second, first);
    sl_slot_unref(second);
    name(NULL); /* takes the place of the record that nobody wrote */
    second = make(3);
    cr_expect_eq(second, first);
    sl_slot_unref(second);
}

Test(slots, no_more_than_allowed) {
    struct sl_slot *slots[3], *more;
    struct sl_error error = {.status = SL_OK, .text = ""};
    for (uint8_t i = 0; i < 3; i++)
        slots[i] = make(i);
    cr_expect_eq(sl_slot_take(&more, journal, SCRIPT_PAYLOAD, &error), SL_LIMIT);
    cr_expect_null(more);
    cr_expect_str_eq(error.text, "state: no place for another 8192 bytes beside 24576");
    cr_expect_eq(sl_slot_take(&more, journal, 0, NULL), SL_LIMIT);
    cr_expect_eq(sl_slot_take(&more, journal, UINT64_MAX, NULL), SL_LIMIT);
    for (uint8_t i = 0; i < 3; i++) {
        expect_pattern(slots[i], i);
        sl_slot_unref(slots[i]);
    }
    sl_slot_unref(make(9));
}

Test(slots, files_of_another_size_go_when_their_room_is_needed) {
    struct sl_slot *big;
    for (uint8_t i = 0; i < 3; i++)
        sl_slot_unref(make(i)); /* one file */
    struct sl_slot *kept = make(7);
    cr_assert_eq(sl_slot_take(&big, journal, 16384, NULL), SL_OK);
    cr_assert_eq(sl_slot_write(big, "end", 3, 16381, NULL), SL_OK);
    cr_expect_eq(sl_slot_take(&(struct sl_slot *){NULL}, journal, 1, NULL), SL_LIMIT);
    expect_pattern(kept, 7);
    sl_slot_unref(big);
    sl_slot_unref(kept);
    kept = make(8); /* its own file again, beside the big one */
    struct sl_slot *other = make(9);
    expect_pattern(kept, 8);
    sl_slot_unref(kept);
    sl_slot_unref(other);
}

Test(slots, bounds) {
    uint8_t bytes[8];
    struct sl_slot *slot;
    cr_assert_eq(sl_slot_take(&slot, journal, 10, NULL), SL_OK);
    cr_expect_eq(sl_slot_length(slot), 10);
    cr_expect_eq(sl_slot_read(slot, bytes, 1, 0, NULL), SL_STATE);
    cr_expect_eq(sl_slot_write(slot, bytes, 8, 3, NULL), SL_STATE);
    cr_expect_eq(sl_slot_write(slot, bytes, 1, 11, NULL), SL_STATE);
    cr_expect_eq(sl_slot_write(slot, bytes, 2, UINT64_MAX, NULL), SL_STATE);
    cr_expect_eq(sl_slot_write(slot, "x", 1, 9, NULL), SL_OK);
    cr_assert_eq(sl_slot_seal(slot, &(struct sl_digest){{0}}, NULL), SL_OK);
    cr_expect_eq(sl_slot_write(slot, bytes, 1, 0, NULL), SL_STATE);
    cr_expect_eq(sl_slot_read(slot, bytes, 2, 9, NULL), SL_STATE);
    cr_expect_eq(sl_slot_read(slot, bytes, 1, 9, NULL), SL_OK);
    cr_expect_eq(bytes[0], 'x');
    sl_slot_unref(slot);
}

Test(slots, a_full_disk_spoils_one_slot_and_no_more) {
    struct sl_slot *slot;
    struct sl_error error = {.status = SL_OK, .text = ""};
    cr_assert_eq(sl_slot_take(&slot, journal, SCRIPT_PAYLOAD, NULL), SL_OK);
    script.disk.calls = 0;
    script.disk.fail_at = 2; /* the file is made, its blocks are not there */
    script.disk.fail_errno = ENOSPC;
    cr_expect_eq(sl_slot_write(slot, "x", 1, 0, &error), SL_DISK_FULL);
    cr_expect_str_eq(error.text, "state/slot-0000: cannot make: No space left on device");
    cr_expect_null(test_disk_find(&script.disk, "state/slot-0000"));
    cr_expect_eq(sl_slot_write(slot, "x", 1, 0, NULL), SL_STATE);
    cr_expect_eq(sl_slot_seal(slot, &(struct sl_digest){{0}}, NULL), SL_STATE);
    sl_slot_unref(slot);
    slot = make(1);
    expect_pattern(slot, 1);
    name(slot);
    cr_expect_eq(sl_journal_flush(journal, sequence, NULL), SL_OK);
    sl_slot_unref(slot);
}

Test(slots, one_whose_write_failed_is_made_anew) {
    struct sl_slot *slot;
    cr_assert_eq(sl_slot_take(&slot, journal, SCRIPT_PAYLOAD, NULL), SL_OK);
    cr_assert_eq(sl_slot_write(slot, "x", 1, 0, NULL), SL_OK);
    const struct test_disk_file *file = test_disk_find(&script.disk, "state/slot-0000");
    script.disk.calls = 0;
    script.disk.fail_at = 1;
    script.disk.fail_errno = EIO;
    cr_expect_eq(sl_slot_write(slot, "x", 1, 1, NULL), SL_IO);
    sl_slot_unref(slot);
    cr_expect_null(test_disk_find(&script.disk, "state/slot-0000"));
    slot = make(1);
    cr_expect_neq(test_disk_find(&script.disk, "state/slot-0000"), file);
    sl_slot_unref(slot);
}

Test(slots, come_back_in_the_records_order_and_may_come_twice) {
    struct sl_slot *slots[3] = {make(1), make(2)};
    slots[2] = slots[0];
    cr_assert_eq(sl_journal_append(journal, &sequence, (struct sl_bytes){NULL, 0}, slots, 3, NULL), SL_OK);
    cr_assert_eq(sl_journal_flush(journal, sequence, NULL), SL_OK);
    sl_slot_unref(slots[0]);
    sl_slot_unref(slots[1]);
    close_it();
    open_it();
    cr_assert(found.continued);
    cr_assert_eq(found.slot_count, 3);
    expect_pattern(found.slots[0], 1);
    expect_pattern(found.slots[1], 2);
    cr_expect_eq(found.slots[2], found.slots[0]);
    cr_expect_eq(sl_slot_digest(found.slots[1])->bytes[0], 2);
    sl_journal_found_finish(&found);
    struct sl_slot *third = make(3), *fourth;
    cr_expect_eq(sl_slot_take(&fourth, journal, SCRIPT_PAYLOAD, NULL), SL_LIMIT); /* the record still names two */
    sl_slot_unref(third);
}

static void write_one_and_end(void) {
    struct sl_slot *slot = make(1);
    name(slot);
    cr_assert_eq(sl_journal_flush(journal, sequence, NULL), SL_OK);
    sl_slot_unref(slot);
    close_it();
}

static void expect_anew(void) {
    open_it();
    cr_expect_not(found.continued);
    cr_expect_str_eq(found.reason, "files that the journal names are missing, so this node begins anew");
}

Test(slots, a_file_that_the_record_names_is_missing) {
    write_one_and_end();
    cr_assert_eq(script.disk.disk.interface->unlink(&script.disk.disk, "state/slot-0000"), 0);
    expect_anew();
}

Test(slots, a_file_that_the_record_names_is_cut) {
    write_one_and_end();
    test_disk_find(&script.disk, "state/slot-0000")->length = SCRIPT_PAYLOAD - 1;
    expect_anew();
}

Test(slots, foreign_files_are_left_alone_and_ones_that_were_never_made_whole_go) {
    static const char *const foreign[] = {"state/slot-12", "state/slot-00001", "state/slot-9999",
                                          "state/slot-0001.txt"};
    close_it();
    for (size_t i = 0; i < 4; i++)
        test_disk_put(&script.disk, foreign[i], "mine", 4);
    test_disk_put(&script.disk, "state/slot-0003", NULL, 0);
    test_disk_put(&script.disk, "state/slot-0004", "1234", 4);
    open_it();
    for (size_t i = 0; i < 4; i++)
        cr_expect_not_null(test_disk_find(&script.disk, foreign[i]));
    cr_expect_null(test_disk_find(&script.disk, "state/slot-0003"));
    struct sl_slot *slots[3] = {make(1), make(2), make(3)};
    cr_expect_eq(test_disk_find(&script.disk, "state/slot-0004")->length, 8192, "its room was needed");
    for (uint8_t i = 0; i < 3; i++) {
        expect_pattern(slots[i], (uint8_t)(i + 1));
        sl_slot_unref(slots[i]);
    }
}

/* The process that made the file died before it was sealed, and nobody synced its name. */
Test(slots, a_file_that_is_used_again_outlives_a_power_cut) {
    struct sl_slot *slot;
    close_it();
    options.mode = SL_JOURNAL_POWER;
    open_it();
    cr_assert_eq(sl_slot_take(&slot, journal, SCRIPT_PAYLOAD, NULL), SL_OK);
    cr_assert_eq(sl_slot_write(slot, "left", 4, 0, NULL), SL_OK);
    sl_slot_unref(slot);
    close_it();
    test_disk_restart(&script.disk, false);
    open_it();
    write_one_and_end();
    test_disk_restart(&script.disk, true);
    open_it();
    cr_expect(found.continued, "%s", found.reason);
    cr_assert_eq(found.slot_count, 1);
    expect_pattern(found.slots[0], 1);
}

Test(slots, without_a_journal_no_file_keeps_its_name) {
    sl_slot_unref(make(1));
    close_it();
    options.mode = SL_JOURNAL_NONE;
    open_it();
    struct sl_slot *slot = make(2);
    name(slot);
    cr_assert_eq(sl_journal_flush(journal, sequence, NULL), SL_OK);
    expect_pattern(slot, 2);
    sl_slot_unref(slot);
    slot = make(3);
    expect_pattern(slot, 3);
    sl_slot_unref(slot);
    cr_expect_null(test_disk_find(&script.disk, "state/slot-0000"));
    cr_expect_eq(test_disk_count(&script.disk), 3); /* the lock, and two records that nobody reads */
}

/* ---- while a record is being written ---- */

static const struct sl_disk_interface *plain;
static struct sl_slot *taken;
static enum sl_status third;

/* Another thread takes slots just now: neither the record on the disk nor the one that is being written has let its own
 * go, so one file is left of the three. */
static ssize_t take_meanwhile(const struct sl_disk *disk, int fd, const void *data, size_t length, off_t offset) {
    struct sl_slot *none;
    if (taken == NULL && sl_slot_take(&taken, journal, SCRIPT_PAYLOAD, NULL) == SL_OK)
        third = sl_slot_take(&none, journal, SCRIPT_PAYLOAD, NULL);
    return plain->write(disk, fd, data, length, offset);
}

Test(slots, both_records_keep_theirs_while_one_is_written) {
    struct sl_slot *first = make(1), *second = make(2);
    name(first);
    cr_assert_eq(sl_journal_flush(journal, sequence, NULL), SL_OK);
    name(second);
    sl_slot_unref(first);
    sl_slot_unref(second);
    plain = script.disk.disk.interface;
    struct sl_disk_interface spying = *plain;
    spying.write = take_meanwhile;
    script.disk.disk.interface = &spying;
    cr_expect_eq(sl_journal_flush(journal, sequence, NULL), SL_OK);
    script.disk.disk.interface = plain;
    cr_assert_not_null(taken);
    cr_expect(taken != first && taken != second);
    cr_expect_eq(third, SL_LIMIT);
    sl_slot_unref(taken);
}

/* ---- files that are of no use any more ---- */

static bool has_file(const char *path) {
    return test_disk_find(&script.disk, path) != NULL;
}

Test(slots, those_of_another_run_go) {
    write_one_and_end();
    options.scope.bytes[0] ^= 1;
    open_it();
    cr_expect_not(found.continued);
    cr_expect_not(has_file("state/slot-0000"));
}

Test(slots, those_of_a_lineage_that_was_withdrawn_go) {
    write_one_and_end();
    cr_assert_eq(script.disk.disk.interface->unlink(&script.disk.disk, "state/lineage"), 0);
    open_it();
    cr_expect_not(has_file("state/slot-0000"));
}

Test(slots, a_retired_journal_keeps_what_somebody_has) {
    struct sl_slot *kept = make(1), *named = make(2), *let_go = make(3);
    sl_slot_unref(let_go);
    name(named);
    cr_assert_eq(sl_journal_flush(journal, sequence, NULL), SL_OK);
    sl_slot_unref(named);
    sl_journal_retire(journal);
    cr_expect_not(has_file("state/slot-0002"));
    cr_expect(has_file("state/slot-0001"), "a restart goes on from it");
    expect_pattern(kept, 1);
    sl_slot_unref(kept);
    cr_expect_not(has_file("state/slot-0000"));
}
