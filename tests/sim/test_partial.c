/* Rounds of a flock in which not everybody is connected with everybody: the real membership makes the connections that
 * a round's graph wants. */
#include "flock.h"
#include "sim/membership_rounds.h"

enum { FOUNDERS = 24, NODES = 60, DEGREE = 4, ROUNDS = 30 };

static void init(struct flock *flock) {
    flock_init(flock, "regular:4", NODES, ROUNDS, 1);
    flock->options.membership = true;
    flock->options.full_mesh = FOUNDERS;
    flock->options.founders = FOUNDERS;
    flock->options.audit = true;
    flock->options.averaging_rounds = 5;
    flock->options.training_time = SL_SECOND;
}

/* Without the connections that the rounds ask for, some twelve of the others could be reached. */
Test(partial, every_edge_of_the_graph_counts_wherever_it_is) {
    struct flock flock;
    init(&flock);
    flock_create(&flock);
    flock_run(&flock, 3 * SL_SECOND);
    for (uint32_t i = FOUNDERS; i < NODES; i++)
        sl_world_start(flock.world, i);
    flock_run(&flock, SL_NEVER);
    for (uint64_t t = 15; t <= ROUNDS; t++) {
        const struct sl_world_round *row = sl_world_round(flock.world, t);
        cr_expect_eq(row->closed, NODES, "round %d", (int)t);
        cr_expect_eq(row->planned, NODES * DEGREE, "round %d", (int)t);
        cr_expect_geq((double)row->counted, 0.99 * NODES * DEGREE, "round %d: %d", (int)t, (int)row->counted);
    }
    cr_expect_null(sl_world_audit_error(flock.world), "%s", sl_world_audit_error(flock.world));
    flock_finish(&flock);
}

static void expect(uint32_t nodes, uint64_t seed) {
    const struct sl_sim_rounds_options options = {.nodes = nodes,
                                                  .seed = seed,
                                                  .degree = DEGREE,
                                                  .probe_period = SL_SECOND,
                                                  .delay = 10 * SL_MILLISECOND,
                                                  .jitter = 5 * SL_MILLISECOND};
    struct sl_sim_rounds_outcome outcome;
    cr_assert_eq(sl_sim_measure_rounds(&outcome, &options), SL_OK);
    cr_expect(outcome.models > 0.98 * DEGREE && outcome.models <= DEGREE, "%f", outcome.models);
    cr_expect(outcome.join_rounds >= 0 && outcome.join_rounds <= 2, "%g", outcome.join_rounds);
    cr_expect(outcome.join_rounds_in_all >= 2 && outcome.join_rounds_in_all <= 3, "%g", outcome.join_rounds_in_all);
}

Test(partial, a_round_costs_as_many_models_as_neighbours_and_who_joins_is_in_it_two_later) {
    for (uint64_t seed = 1; seed <= 5; seed++)
        expect(16, seed);
    expect(50, 1);
}

/* Above the 128 of a full mesh. */
Test(partial, the_same_of_more_than_a_full_mesh) {
    expect(140, 1);
}
