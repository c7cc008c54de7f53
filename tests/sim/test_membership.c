/* The rounds over the real membership: nobody is given a roster. */
#include <string.h>

#include "flock.h"

static void init(struct flock *flock, uint32_t nodes, uint64_t rounds, uint64_t seed) {
    flock_init(flock, "full", nodes, rounds, seed);
    flock->options.membership = true;
    flock->options.audit = true;
    flock->options.averaging_rounds = 3;
    flock->options.training_time = 300 * SL_MILLISECOND;
}

static void check_audit(const struct flock *flock) {
    cr_expect_null(sl_world_audit_error(flock->world), "%s", sl_world_audit_error(flock->world));
}

Test(membership, a_flock_finds_itself_and_averages) {
    struct flock flock;
    init(&flock, 8, 12, 1);
    flock_run_out(&flock);
    for (uint32_t i = 0; i < 8; i++) {
        enum sl_status status;
        cr_expect(sl_world_is_finished(flock.world, i, &status), "node %u", i);
        cr_expect_eq(status, SL_OK);
        cr_expect_eq(memcmp(sl_world_model(flock.world, i), sl_world_model(flock.world, 0), 8 * sizeof(float)), 0);
    }
    for (uint64_t t = 1; t <= 12; t++)
        cr_expect_eq(sl_world_round(flock.world, t)->clean, 8, "round %d", (int)t);
    check_audit(&flock);
    flock_finish(&flock);
}

Test(membership, is_the_same_to_the_bit) {
    float models[2][8];
    for (int run = 0; run < 2; run++) {
        struct flock flock;
        init(&flock, 6, 15, 3);
        flock.options.loss = 0.1;
        flock_run_out(&flock);
        memcpy(models[run], sl_world_model(flock.world, 2), sizeof models[run]);
        check_audit(&flock);
        flock_finish(&flock);
    }
    cr_expect_eq(memcmp(models[0], models[1], sizeof models[0]), 0);
}

Test(membership, who_crashed_is_dropped_from_the_plan_and_gets_in_again) {
    struct flock flock;
    init(&flock, 6, 60, 5);
    flock_create(&flock);
    flock_run(&flock, 3 * SL_SECOND);
    sl_world_crash(flock.world, 4);
    flock_run(&flock, 8 * SL_SECOND);
    uint64_t without = sl_round_current(sl_world_machine(flock.world, 0)) - 1;
    const struct sl_world_round *row = sl_world_round(flock.world, without);
    cr_expect_eq(row->closed, 5, "round %d", (int)without);
    cr_expect_eq(row->planned, 20, "it is in no plan any more");
    cr_expect_eq(row->clean, 5);
    sl_world_start(flock.world, 4);
    flock_run(&flock, SL_NEVER);
    row = sl_world_round(flock.world, 60);
    cr_expect_eq(row->clean, 6);
    cr_expect_eq(memcmp(sl_world_model(flock.world, 4), sl_world_model(flock.world, 0), 8 * sizeof(float)), 0);
    check_audit(&flock);
    flock_finish(&flock);
}

Test(membership, a_late_joiner_is_in_the_graph_soon) {
    struct flock flock;
    init(&flock, 6, 40, 7);
    flock.options.founders = 5;
    flock_create(&flock);
    flock_run(&flock, 3 * SL_SECOND);
    uint64_t before = sl_round_current(sl_world_machine(flock.world, 0));
    sl_world_start(flock.world, 5);
    flock_run(&flock, SL_NEVER);
    uint64_t first = 0;
    for (uint64_t t = 40; t > before; t--)
        if (sl_world_round(flock.world, t)->clean == 6)
            first = t;
    cr_expect(first != 0 && first <= before + 6, "joined in round %d, clean in %d", (int)before, (int)first);
    check_audit(&flock);
    flock_finish(&flock);
}
