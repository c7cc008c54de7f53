/* Every call of a scripted run fails once: the process dies there, or the power is cut, or the disk is full or broken
 * at that call or from it on. Whatever happened, the next start finds the last state that anybody heard of, or a later
 * one, whole with all its payloads; or it says that it is a new lineage, and only where that is allowed. */
#include <criterion/criterion.h>
#include <errno.h>

#include "script.h"

enum { ROUNDS = 3, SEEDS = 3 };

struct fault {
    enum sl_journal_mode mode;
    int number; /* errno; 0: the process dies */
    bool on;
    bool power; /* is cut at the end */
    bool renews;
};

static unsigned long calls_of(const struct fault *fault, uint64_t seed) {
    struct script script;
    script_init(&script, fault->mode, seed);
    script.renews = fault->renews;
    cr_assert(script_live(&script, ROUNDS));
    const unsigned long calls = script.disk.calls;
    script_finish(&script);
    return calls;
}

static void arm(struct test_disk *disk, const struct fault *fault, unsigned long call) {
    disk->calls = 0;
    disk->die_at = fault->number == 0 ? call : 0;
    disk->fail_at = fault->number != 0 ? call : 0;
    disk->fail_errno = fault->number;
    disk->fail_on = fault->on;
}

/* Whether the next start has to go on. */
static bool must_go_on(const struct script *script, bool power) {
    return script->said > 0 && !script->withdrawn && !script->renewing && (!power || script->mode == SL_JOURNAL_POWER);
}

/* A life with a fault at `call`, the end, a second one that has the fault somewhere too, the end, a third one that has
 * none, and a last look. */
static void run(const struct fault *fault, uint64_t seed, unsigned long call, unsigned long calls) {
    struct script script;
    script_init(&script, fault->mode, seed * 1000003 + call);
    script.renews = fault->renews;
    for (unsigned life = 0; life < 4; life++) {
        const uint64_t before = script.continued;
        const bool expected = life > 0 && must_go_on(&script, fault->power);
        const uint64_t lineage = script.lineage;
        if (life == 0)
            arm(&script.disk, fault, call);
        else if (life == 1)
            arm(&script.disk, fault, 1 + (call * 7919 + seed * 31) % calls);
        const bool well = script_live(&script, life == 3 ? 0 : ROUNDS);
        if (life >= 2)
            cr_assert(well);
        if (expected && (well || script.lineage != lineage))
            cr_assert_eq(script.continued, before + 1, "life %u after call %lu, seed %lu: does not go on", life, call,
                         (unsigned long)seed);
        script_restart(&script, fault->power);
    }
    script_finish(&script);
}

static void run_all(const struct fault *fault) {
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        const unsigned long calls = calls_of(fault, seed);
        cr_assert_gt(calls, 40);
        for (unsigned long call = 1; call <= calls + 3; call++)
            run(fault, seed, call, calls);
    }
}

Test(faults, killed_at_each_call) {
    run_all(&(struct fault){.mode = SL_JOURNAL_PROCESS});
}

Test(faults, killed_at_each_call_where_power_counts) {
    run_all(&(struct fault){.mode = SL_JOURNAL_POWER});
}

Test(faults, power_cut_at_each_call) {
    run_all(&(struct fault){.mode = SL_JOURNAL_POWER, .power = true});
}

Test(faults, power_cut_at_each_call_without_that_promise) {
    run_all(&(struct fault){.mode = SL_JOURNAL_PROCESS, .power = true});
}

Test(faults, killed_at_each_call_while_a_lineage_is_renewed) {
    run_all(&(struct fault){.mode = SL_JOURNAL_PROCESS, .renews = true});
}

Test(faults, power_cut_at_each_call_while_a_lineage_is_renewed) {
    run_all(&(struct fault){.mode = SL_JOURNAL_POWER, .power = true, .renews = true});
}

Test(faults, disk_broken_at_each_call_while_a_lineage_is_renewed) {
    run_all(&(struct fault){.mode = SL_JOURNAL_PROCESS, .number = EIO, .renews = true});
    run_all(&(struct fault){.mode = SL_JOURNAL_POWER, .number = EIO, .power = true, .renews = true});
}

Test(faults, disk_full_at_each_call) {
    run_all(&(struct fault){.mode = SL_JOURNAL_PROCESS, .number = ENOSPC});
    run_all(&(struct fault){.mode = SL_JOURNAL_POWER, .number = ENOSPC, .power = true});
}

Test(faults, disk_full_from_each_call_on) {
    run_all(&(struct fault){.mode = SL_JOURNAL_PROCESS, .number = ENOSPC, .on = true});
    run_all(&(struct fault){.mode = SL_JOURNAL_POWER, .number = ENOSPC, .on = true, .power = true});
}

Test(faults, disk_broken_at_each_call) {
    run_all(&(struct fault){.mode = SL_JOURNAL_PROCESS, .number = EIO});
    run_all(&(struct fault){.mode = SL_JOURNAL_POWER, .number = EIO});
}

Test(faults, disk_broken_at_each_call_then_power_cut) {
    run_all(&(struct fault){.mode = SL_JOURNAL_POWER, .number = EIO, .power = true});
}

Test(faults, disk_broken_from_each_call_on) {
    run_all(&(struct fault){.mode = SL_JOURNAL_PROCESS, .number = EIO, .on = true});
    run_all(&(struct fault){.mode = SL_JOURNAL_POWER, .number = EIO, .on = true, .power = true});
}

/* What was kept for a process only is made safe when the next one promises more. */
Test(faults, power_cut_after_the_mode_was_raised) {
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct script script;
        script_init(&script, SL_JOURNAL_PROCESS, seed);
        cr_assert(script_live(&script, ROUNDS));
        script_restart(&script, false);
        script.mode = SL_JOURNAL_POWER;
        cr_assert(script_live(&script, 0));
        script_restart(&script, true);
        cr_assert(script_live(&script, ROUNDS));
        cr_assert_eq(script.continued, 2);
        script_finish(&script);
    }
}

/* A sync that failed, then a kill before the lineage was withdrawn, then a start that finds all in the kernel's memory,
 * then a power cut: the kernel takes pages whose sync failed for clean, so the start must write them again. */
Test(faults, power_cut_after_a_kill_after_a_sync_that_failed) {
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct script script;
        script_init(&script, SL_JOURNAL_POWER, seed);
        cr_assert(script_live(&script, 1));
        script_restart(&script, false);
        for (unsigned long call = 1; call <= 30; call++) {
            script.disk.calls = 0;
            script.disk.fail_at = call;
            script.disk.fail_errno = EIO;
            script.disk.die_at = call + 1;
            (void)script_live(&script, 1);
            script_restart(&script, false);
            const uint64_t before = script.continued;
            cr_assert(script_live(&script, 0));
            script_restart(&script, true);
            cr_assert(script_live(&script, 0));
            cr_assert_eq(script.continued, before + 2, "call %lu, seed %lu", call, (unsigned long)seed);
            script_restart(&script, false);
        }
        script_finish(&script);
    }
}
