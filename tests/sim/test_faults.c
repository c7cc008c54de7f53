/* Faults, each by itself: what the protocol promises must be seen, and what was found wrong must fail. */
#include <math.h>
#include <string.h>

#include "flock.h"

/* ---- conservation under lost messages ---- */

static double drift_under_loss(struct flock *flock) {
    double start[64], end[64];
    flock->options.loss = 0.3;
    flock_create(flock);
    flock_mass(flock, start);
    flock_run(flock, SL_NEVER);
    flock_mass(flock, end);
    return flock_distance(end, start, flock->options.elements);
}

Test(faults, the_mean_is_kept_when_a_third_of_the_messages_is_lost) {
    struct flock flock;
    flock_init(&flock, "regular:4", 16, 300, 1);
    flock.options.audit = true;
    double drift = drift_under_loss(&flock);
    cr_expect_leq(drift, 1e-5, "drift %.3e", drift);
    cr_expect_null(sl_world_audit_error(flock.world), "%s", sl_world_audit_error(flock.world));
    uint64_t counted = 0, late = 0;
    for (uint64_t t = 1; t <= 300; t++) {
        counted += sl_world_round(flock.world, t)->counted;
        late += sl_world_round(flock.world, t)->late;
    }
    cr_expect_gt(counted, 300 * 4, "%d", (int)counted); /* it is no silence that keeps the mean */
    cr_expect_gt(late, 100);                            /* and late verdicts do happen */
    flock_finish(&flock);
}

/* However coarse what is sent: the differences of it add to 0. In a graph, and in a full mesh by samples. */
Test(faults, and_the_updates_are_in_int8) {
    const uint64_t samples[16] = {10, 20, 30, 40, 50, 1000, 7, 1, 10, 20, 30, 40, 50, 100, 7, 1};
    for (uint64_t seed = 1; seed <= 3; seed++)
        for (int full = 0; full < 2; full++) {
            struct flock flock;
            flock_init(&flock, full == 1 ? "full" : "regular:4", 16, 100, seed);
            flock.options.elements = 64;
            flock.options.quantised = true;
            flock.options.samples = full == 1 ? samples : NULL;
            flock.options.audit = true;
            double drift = drift_under_loss(&flock);
            cr_expect_leq(drift, 1e-5, "%s, seed %d: drift %.3e", full == 1 ? "full" : "regular", (int)seed, drift);
            cr_expect_null(sl_world_audit_error(flock.world), "%s", sl_world_audit_error(flock.world));
            flock_finish(&flock);
        }
}

/* Where nobody trains the models come as near to each other as what is sent is to them, and no nearer. */
Test(faults, int8_ends_at_its_steps) {
    struct flock flock;
    double spread;
    flock_init(&flock, "regular:4", 16, 60, 1);
    flock.options.quantised = true;
    flock_run_out(&flock);
    spread = sqrt(flock_variance(&flock, sl_world_round(flock.world, 60)->values));
    cr_expect_lt(spread, 0.02);
    cr_expect_gt(spread, 1e-6);
    flock_finish(&flock);
}

/* Silence counts: at close a bound follower takes the edge for counted. */
static bool count_on_silence(void *context, struct sl_world *world, uint32_t node,
                             const struct sl_round_action *action) {
    (void)context;
    if (action->type == SL_ROUND_HOLD) {
        struct sl_round_action apply = *action;
        apply.type = SL_ROUND_APPLY_LATE;
        sl_world_carry_out(world, node, action);
        sl_world_carry_out(world, node, &apply);
        return true;
    }
    return action->type == SL_ROUND_APPLY_LATE || action->type == SL_ROUND_DROP_LATE;
}

/* Silence is void: at close a bound follower forgets the edge. */
static bool void_on_silence(void *context, struct sl_world *world, uint32_t node,
                            const struct sl_round_action *action) {
    (void)context;
    (void)world;
    (void)node;
    return action->type == SL_ROUND_HOLD || action->type == SL_ROUND_APPLY_LATE || action->type == SL_ROUND_DROP_LATE;
}

static void check_naive(bool (*intercept)(void *, struct sl_world *, uint32_t, const struct sl_round_action *)) {
    for (int int8 = 0; int8 < 2; int8++) {
        struct flock flock;
        flock_init(&flock, "regular:4", 16, 300, 1);
        flock.options.quantised = int8 == 1;
        flock.options.hooks.intercept = intercept;
        double drift = drift_under_loss(&flock);
        cr_expect_geq(drift, 0.1, "the naive protocol drifts by %.3e only", drift);
        flock_finish(&flock);
    }
}

Test(faults, counting_on_silence_does_not_keep_the_mean) {
    check_naive(count_on_silence);
}

Test(faults, voiding_on_silence_does_not_keep_the_mean) {
    check_naive(void_on_silence);
}

Test(faults, the_audit_sees_a_naive_protocol) {
    struct flock flock;
    flock_init(&flock, "regular:4", 16, 50, 1);
    flock.options.hooks.intercept = void_on_silence;
    flock.options.audit = true;
    (void)drift_under_loss(&flock);
    cr_expect_not_null(sl_world_audit_error(flock.world));
    flock_finish(&flock);
}

Test(faults, by_samples_the_weighted_mean_is_kept) {
    uint64_t samples[6] = {10, 20, 30, 40, 50, 1000};
    struct flock flock;
    flock_init(&flock, "full", 6, 200, 3);
    flock.options.samples = samples;
    flock.options.audit = true;
    double drift = drift_under_loss(&flock);
    cr_expect_leq(drift, 1e-5, "drift %.3e", drift);
    cr_expect_null(sl_world_audit_error(flock.world), "%s", sl_world_audit_error(flock.world));
    flock_finish(&flock);
}

Test(faults, a_full_mesh_is_identical_after_each_clean_round) {
    struct flock flock;
    flock_init(&flock, "full", 8, 200, 7);
    flock.options.loss = 0.02;
    flock_run_out(&flock);
    uint64_t clean = 0, unclean = 0;
    for (uint64_t t = 1; t <= 200; t++) {
        const struct sl_world_round *row = sl_world_round(flock.world, t);
        if (row->clean < 8 || row->closed < 8) {
            unclean++;
            continue;
        }
        clean++;
        for (uint32_t i = 1; i < 8; i++)
            cr_expect_eq(memcmp(row->values + 8 * i, row->values, 8 * sizeof(float)), 0, "node %u in round %d", i,
                         (int)t);
    }
    cr_expect_geq(clean, 2);
    cr_expect_geq(unclean, 20);
    flock_finish(&flock);
}

/* ---- slow and dead nodes ---- */

static void add_one(void *context, uint32_t node, uint64_t round, float *values) {
    (void)round;
    uint64_t *trained = context;
    trained[node]++;
    values[0] += 1;
}

Test(faults, a_node_ten_times_slower_holds_nobody_up_and_still_counts) {
    double slowness[8] = {1, 1, 1, 10, 1, 1, 1, 1};
    uint64_t trained[8] = {0};
    struct flock flock;
    flock_init(&flock, "full", 8, 60, 2);
    flock.options.averaging_rounds = 1;
    flock.options.training_time = 500 * SL_MILLISECOND;
    flock.options.slowness = slowness;
    flock.options.audit = true;
    flock.options.hooks.train = add_one;
    flock.options.hooks.context = trained;
    flock_create(&flock);
    flock_run(&flock, SL_NEVER);
    cr_expect_null(sl_world_audit_error(flock.world), "%s", sl_world_audit_error(flock.world));
    uint64_t with_all = 0;
    for (uint64_t t = 1; t <= 59; t++) {
        const struct sl_world_round *row = sl_world_round(flock.world, t);
        cr_expect_leq(row->longest, flock.options.deadline_max + SL_MILLISECOND, "round %d", (int)t);
        with_all += row->counted == 56;
    }
    /* One training of its own takes about ten rounds; each but those that the first, long deadlines held up counts. */
    cr_expect_geq(trained[3], 4);
    cr_expect_geq(with_all + 1, trained[3], "counted in %d rounds, trained %d times", (int)with_all, (int)trained[3]);
    /* 59 trainings of 0.5 s; had everybody waited for it each round, 295 s. */
    cr_expect_leq(sl_world_now(flock.world), 60 * SL_SECOND, "%f s", sl_time_to_seconds(sl_world_now(flock.world)));
    flock_finish(&flock);
}

enum { SLOW = 3 };

static bool note_counted(void *context, struct sl_world *world, uint32_t node, const struct sl_round_action *action) {
    bool *counted = context;
    (void)world;
    bool counts = action->outcome == SL_EDGE_COUNTED || action->outcome == SL_EDGE_LATE;
    if (node == SLOW && action->type == SL_ROUND_EDGE && counts)
        counted[action->round] = true;
    return false;
}

/* The longest stretch of rounds, of 60, in which the slow one's update moved nobody. */
static uint64_t longest_gap(uint64_t seed, double transfer, double loss, bool *first) {
    double uplink[8] = {0};
    bool counted[64] = {false};
    struct flock flock;
    flock_init(&flock, "full", 8, 60, seed);
    uplink[SLOW] = transfer;
    flock.options.averaging_rounds = 1;
    flock.options.training_time = 50 * SL_MILLISECOND;
    flock.options.deadline_min = SL_SECOND;
    flock.options.loss = loss;
    flock.options.uplink = uplink;
    flock.options.audit = true;
    flock.options.hooks.intercept = note_counted;
    flock.options.hooks.context = counted;
    flock_run_out(&flock);
    cr_expect_null(sl_world_audit_error(flock.world), "%s", sl_world_audit_error(flock.world));
    flock_finish(&flock);
    uint64_t last = 0, longest = 0;
    for (uint64_t t = 1; t <= 60; t++) {
        last = counted[t] ? t : last;
        longest = t - last > longest ? t - last : longest;
    }
    *first = counted[1];
    return longest;
}

/* The others wait 1 s. A transfer over its link takes up to 0.4 s alone, both of an edge twice that: those of all
 * peers, which share the link in the first round, come to nothing. */
Test(faults, a_slow_link_counts_an_edge_in_five_rounds) {
    bool first;
    for (uint64_t seed = 1; seed <= 10; seed++)
        for (int tenths = 2; tenths <= 4; tenths++) {
            cr_expect_leq(longest_gap(seed, 0.1 * tenths, 0, &first), 2, "seed %d, %d tenths", (int)seed, tenths);
            cr_expect(!first, "the link is not slow");
        }
    for (uint64_t seed = 1; seed <= 10; seed++)
        cr_expect_leq(longest_gap(seed, 0.3, 0.01, &first), 5, "seed %d, with loss", (int)seed);
}

static void crash_third(void *context, struct sl_world *world, uint32_t node) {
    bool *done = context;
    (void)node;
    if (*done || sl_round_current(sl_world_machine(world, 0)) < 5)
        return;
    if (sl_round_phase(sl_world_machine(world, 0)) != SL_PHASE_EXCHANGE)
        return;
    *done = true;
    for (uint32_t i = 7; i < 10; i++)
        sl_world_crash(world, i);
}

Test(faults, a_round_in_which_a_third_crashes_ends_by_its_deadline) {
    bool done = false;
    struct flock flock;
    flock_init(&flock, "full", 10, 20, 4);
    flock.options.audit = true;
    flock_create(&flock);
    while (sl_world_step(flock.world))
        crash_third(&done, flock.world, 0);
    cr_expect(done);
    cr_expect_null(sl_world_audit_error(flock.world), "%s", sl_world_audit_error(flock.world));
    for (uint64_t t = 1; t <= 20; t++)
        cr_expect_leq(sl_world_round(flock.world, t)->longest, flock.options.deadline_max, "round %d", (int)t);
    for (uint32_t i = 0; i < 7; i++) {
        enum sl_status status;
        cr_expect(sl_world_is_finished(flock.world, i, &status), "node %u", i);
        cr_expect_eq(status, SL_OK);
        cr_expect_eq(sl_world_done(flock.world, i), 20);
    }
    flock_finish(&flock);
}

Test(faults, a_late_joiner_gets_in) {
    struct flock flock;
    flock_init(&flock, "full", 6, 40, 6);
    flock.options.founders = 5;
    flock.options.averaging_rounds = 5;
    flock.options.training_time = 300 * SL_MILLISECOND;
    flock.options.audit = true;
    flock_create(&flock);
    flock_run(&flock, 2 * SL_SECOND);
    uint64_t before = sl_round_current(sl_world_machine(flock.world, 0));
    cr_assert_gt(before, 1);
    sl_world_start(flock.world, 5);
    uint64_t first = 0;
    flock_run(&flock, SL_NEVER);
    for (uint64_t t = 40; t > before; t--)
        if (sl_world_round(flock.world, t)->counted == 30)
            first = t;
    cr_expect_neq(first, 0);
    cr_expect_leq(first, before + 6, "joined in round %d, clean in round %d", (int)before, (int)first);
    cr_expect_eq(sl_world_round(flock.world, 40)->clean, 6);
    cr_expect_eq(memcmp(sl_world_model(flock.world, 5), sl_world_model(flock.world, 0), 8 * sizeof(float)), 0);
    cr_expect_null(sl_world_audit_error(flock.world), "%s", sl_world_audit_error(flock.world));
    flock_finish(&flock);
}

Test(faults, halves_that_are_cut_apart_go_on_and_meet_again) {
    struct flock flock;
    flock_init(&flock, "full", 8, 60, 9);
    flock.options.averaging_rounds = 5;
    flock.options.training_time = 300 * SL_MILLISECOND;
    flock.options.audit = true;
    flock_create(&flock);
    flock_run(&flock, 2 * SL_SECOND);
    for (uint32_t a = 0; a < 4; a++)
        for (uint32_t b = 4; b < 8; b++)
            sl_world_cut(flock.world, a, b, true);
    uint64_t cut = sl_round_current(sl_world_machine(flock.world, 0));
    flock_run(&flock, 8 * SL_SECOND);
    for (uint32_t i = 0; i < 8; i++)
        cr_expect_gt(sl_round_current(sl_world_machine(flock.world, i)), cut + 4, "node %u stands still", i);
    for (uint32_t a = 0; a < 4; a++)
        for (uint32_t b = 4; b < 8; b++)
            sl_world_cut(flock.world, a, b, false);
    flock_run(&flock, SL_NEVER);
    cr_expect_eq(sl_world_round(flock.world, 60)->clean, 8);
    cr_expect_null(sl_world_audit_error(flock.world), "%s", sl_world_audit_error(flock.world));
    flock_finish(&flock);
}

Test(faults, a_node_alone_finishes) {
    struct flock flock;
    flock_init(&flock, "full", 1, 5, 1);
    flock_run_out(&flock);
    enum sl_status status;
    cr_expect(sl_world_is_finished(flock.world, 0, &status));
    cr_expect_eq(status, SL_OK);
    cr_expect_eq(sl_world_done(flock.world, 0), 5);
    flock_finish(&flock);
}

Test(faults, a_node_that_is_stopped_leaves_and_the_others_go_on) {
    struct flock flock;
    flock_init(&flock, "full", 4, 30, 8);
    flock.options.averaging_rounds = 3;
    flock.options.training_time = 200 * SL_MILLISECOND;
    flock.options.audit = true;
    flock_create(&flock);
    flock_run(&flock, 2 * SL_SECOND);
    sl_world_stop(flock.world, 2);
    flock_run(&flock, 4 * SL_SECOND);
    enum sl_status status;
    cr_expect(sl_world_is_finished(flock.world, 2, &status));
    cr_expect_eq(status, SL_CANCELLED);
    flock_run(&flock, SL_NEVER);
    for (uint32_t i = 0; i < 4; i++)
        cr_expect(i == 2 || sl_world_done(flock.world, i) == 30, "node %u", i);
    cr_expect_null(sl_world_audit_error(flock.world), "%s", sl_world_audit_error(flock.world));
    flock_finish(&flock);
}
