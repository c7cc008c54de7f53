/* The journal: a start that finds something, a payload, a record. */
#include <criterion/criterion.h>

#include "failing.h"
#include "folder.h"
#include "journal/journal.h"

static enum sl_status use(void *context, struct sl_error *error) {
    const struct sl_journal_options options = {.folder = context, .mode = SL_JOURNAL_PROCESS, .boot = "this"};
    const struct sl_bytes state = {(const uint8_t *)"state", 5};
    struct sl_journal *journal;
    struct sl_journal_found found;
    struct sl_slot *slot = NULL;
    uint64_t sequence = 0;
    enum sl_status status = sl_journal_open(&journal, &found, &options, error);
    if (status != SL_OK)
        return status;
    sl_journal_found_finish(&found);
    status = sl_slot_take(&slot, journal, 5000, error);
    if (status == SL_OK)
        status = sl_slot_write(slot, "bytes", 5, 0, error);
    if (status == SL_OK)
        status = sl_slot_seal(slot, &(struct sl_digest){{1}}, error);
    if (status == SL_OK)
        status = sl_journal_append(journal, &sequence, state, &slot, 1, error);
    if (status == SL_OK)
        status = sl_journal_flush(journal, sequence, error);
    sl_slot_unref(slot);
    sl_journal_close(journal);
    return status;
}

Test(allocations, journal) {
    struct test_folder folder;
    test_folder_make(&folder);
    cr_assert_geq(failing_run(use, folder.path, FAILING_NONE), 15); /* nothing is there at first */
    cr_assert_geq(failing_run(use, folder.path, FAILING_NONE), 20); /* a record and its slot are */
    test_folder_remove(&folder);
}
