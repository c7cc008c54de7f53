#include "script.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

void script_init(struct script *script, enum sl_journal_mode mode, uint64_t seed) {
    memset(script, 0, sizeof *script);
    test_disk_init(&script->disk, seed);
    script->mode = mode;
    script->next_pattern = 1;
}

void script_finish(struct script *script) {
    test_disk_finish(&script->disk);
}

void script_restart(struct script *script, bool power) {
    script->boot += power;
    test_disk_restart(&script->disk, power);
}

void script_pattern(uint8_t *out, size_t length, uint8_t pattern) {
    for (size_t i = 0; i < length; i++)
        out[i] = (uint8_t)(pattern * 7 + i / 256 + (i % 2 == 0 ? pattern : 0));
}

struct sl_journal_options script_options(const struct script *script, char boot[SL_JOURNAL_BOOT_SIZE]) {
    (void)snprintf(boot, SL_JOURNAL_BOOT_SIZE, "boot %u", script->boot);
    return (struct sl_journal_options){.folder = "state",
                                       .mode = script->mode,
                                       .disk = &script->disk.disk,
                                       .boot = boot,
                                       .bytes_max = (uint64_t)SCRIPT_SLOTS * 8192};
}

/* ---- what a start finds ---- */

static void check_slot(const struct script *script, struct sl_slot *slot, uint8_t pattern) {
    uint8_t expected[SCRIPT_PAYLOAD], got[SCRIPT_PAYLOAD];
    script_pattern(expected, sizeof expected, pattern);
    cr_assert_eq(sl_slot_length(slot), sizeof expected);
    cr_assert_eq(sl_slot_digest(slot)->bytes[0], pattern);
    const unsigned long failed = script->disk.failed;
    if (sl_slot_read(slot, got, sizeof got, 0, NULL) != SL_OK) {
        cr_assert(script->disk.dead || script->disk.failed > failed);
        return;
    }
    cr_assert_arr_eq(got, expected, sizeof got, "a slot holds a mix");
}

/* A record says its sequence and the patterns of its slots. */
static void check_found(struct script *script, const struct sl_journal_found *found) {
    cr_assert_neq(found->lineage, 0);
    if (!found->continued) {
        cr_assert_neq(found->lineage, script->lineage);
        cr_assert_neq(found->lineage, script->lineage + 1);
        cr_assert_eq(found->record.length + found->slot_count, 0);
        cr_assert_neq(found->reason[0], '\0');
        return;
    }
    script->continued++;
    cr_assert_not(script->withdrawn, "goes on, though more was said than it knows");
    cr_assert(found->lineage == script->lineage || (script->renewing && found->lineage == script->lineage + 1));
    cr_assert_geq(found->sequence, script->said, "a promise was forgotten");
    cr_assert_leq(found->sequence, script->appended);
    cr_assert_eq(found->record.length, 8 + found->slot_count);
    cr_assert_eq(sl_get_u64(found->record.data), found->sequence);
    for (size_t i = 0; i < found->slot_count; i++)
        check_slot(script, found->slots[i], found->record.data[8 + i]);
}

/* ---- a round ---- */

struct holding {
    struct sl_slot *slot;
    uint8_t pattern;
};

static void let_go(struct holding *holding) {
    sl_slot_unref(holding->slot);
    *holding = (struct holding){.slot = NULL};
}

/* A payload comes, its end before its beginning. A disk that refuses leaves nothing held. */
static void receive(struct script *script, struct sl_journal *journal, struct holding *out) {
    uint8_t bytes[SCRIPT_PAYLOAD];
    const size_t half = SCRIPT_PAYLOAD / 2;
    let_go(out);
    const uint8_t pattern = script->next_pattern++;
    const struct sl_digest digest = {{pattern}};
    script_pattern(bytes, sizeof bytes, pattern);
    if (sl_slot_take(&out->slot, journal, SCRIPT_PAYLOAD, NULL) != SL_OK)
        return;
    out->pattern = pattern;
    if (sl_slot_write(out->slot, bytes + half, SCRIPT_PAYLOAD - half, half, NULL) != SL_OK ||
        sl_slot_write(out->slot, bytes, half, 0, NULL) != SL_OK || sl_slot_seal(out->slot, &digest, NULL) != SL_OK)
        let_go(out);
}

/* Appends what is held, as far as `count`. */
static void append(struct script *script, struct sl_journal *journal, const struct holding *holdings, size_t count) {
    uint8_t state[8 + 8];
    struct sl_slot *slots[8];
    size_t named = 0;
    for (size_t i = 0; i < count; i++)
        if (holdings[i].slot != NULL) {
            slots[named] = holdings[i].slot;
            state[8 + named++] = holdings[i].pattern;
        }
    uint64_t sequence = 0;
    sl_put_u64(state, script->appended + 1);
    cr_assert_eq(sl_journal_append(journal, &sequence, (struct sl_bytes){state, 8 + named}, slots, named, NULL), SL_OK);
    cr_assert_eq(sequence, script->appended + 1);
    script->appended = sequence;
}

/* False: nothing that binds may be said any more. */
static bool flush(struct script *script, struct sl_journal *journal) {
    const enum sl_status status = sl_journal_flush(journal, script->appended, NULL);
    if (script->disk.dead)
        return false;
    if (status != SL_OK && !sl_journal_is_withdrawn(journal))
        return false;
    script->withdrawn = sl_journal_is_withdrawn(journal);
    script->said = script->appended;
    script->lineage += script->renewing;
    script->renewing = false;
    return true;
}

/* The own update and two peers' come; one of theirs is kept for a round more. Every second record is never flushed by
 * itself. */
static bool do_round(struct script *script, struct sl_journal *journal, struct holding holdings[4]) {
    receive(script, journal, &holdings[0]);
    append(script, journal, holdings, 4);
    if (!flush(script, journal))
        return false;
    receive(script, journal, &holdings[1]);
    append(script, journal, holdings, 4);
    receive(script, journal, &holdings[2]);
    append(script, journal, holdings, 4);
    if (!flush(script, journal))
        return false;
    let_go(&holdings[3]);
    holdings[3] = holdings[2];
    holdings[2].slot = NULL;
    let_go(&holdings[1]);
    append(script, journal, holdings, 4);
    return flush(script, journal);
}

bool script_live(struct script *script, unsigned rounds) {
    char boot[SL_JOURNAL_BOOT_SIZE];
    struct sl_journal *journal;
    struct sl_journal_found found;
    struct holding holdings[4] = {{.slot = NULL}};
    const struct sl_journal_options options = script_options(script, boot);
    if (sl_journal_open(&journal, &found, &options, NULL) != SL_OK)
        return false;
    check_found(script, &found);
    if (!found.continued) {
        script->said = script->appended = 0;
        script->withdrawn = false;
    }
    script->lineage = found.lineage;
    script->renewing = false;
    script->appended = found.continued ? found.sequence : 0;
    for (size_t i = 0; i < found.slot_count && i < 4; i++)
        holdings[i] = (struct holding){sl_slot_ref(found.slots[i]), found.record.data[8 + i]};
    sl_journal_found_finish(&found);
    bool well = !script->disk.dead;
    for (unsigned i = 0; i < rounds && well; i++) {
        if (script->renews && i == 1) {
            script->renewing = true;
            sl_journal_renew(journal, script->lineage + 1);
        }
        well = do_round(script, journal, holdings);
    }
    for (size_t i = 0; i < 4; i++)
        let_go(&holdings[i]);
    sl_journal_close(journal);
    return well;
}
