/* Random fault schedules: crashes (back as a new lineage, or never), cuts, doubled, delayed and overtaken messages,
 * with the protocol's invariants 1 and 2 checked after every event. And the end: nobody waits for ever. */
#include "base/random.h"
#include "flock.h"

struct schedule {
    struct sl_random random;
    uint32_t nodes;
    uint32_t crashes, restarts, cuts;
};

static void strike(struct schedule *schedule, struct sl_world *world) {
    uint32_t a = (uint32_t)sl_random_below(&schedule->random, schedule->nodes);
    uint32_t b = (uint32_t)sl_random_below(&schedule->random, schedule->nodes);
    switch (sl_random_below(&schedule->random, 5)) {
    case 0:
        if (sl_world_machine(world, a) != NULL && !sl_world_is_finished(world, a, NULL)) {
            sl_world_crash(world, a);
            schedule->crashes++;
        }
        break;
    case 1:
    case 2:
        if (sl_world_machine(world, a) == NULL) {
            sl_world_start(world, a);
            schedule->restarts++;
        }
        break;
    case 3:
        if (a != b) {
            sl_world_cut(world, a, b, true);
            schedule->cuts++;
        }
        break;
    default:
        if (a != b)
            sl_world_cut(world, a, b, false);
        break;
    }
}

static void heal(struct schedule *schedule, struct sl_world *world) {
    for (uint32_t a = 0; a < schedule->nodes; a++)
        for (uint32_t b = 0; b < a; b++)
            sl_world_cut(world, a, b, false);
    sl_world_set_loss(world, 0);
}

/* Everybody who is up has left, but for nodes that came back when nobody was in a round any more: they wait for
 * company. */
static void check_ended(const struct flock *flock, uint64_t seed) {
    uint32_t waiting = 0;
    for (uint32_t i = 0; i < flock->options.nodes; i++) {
        const struct sl_round *machine = sl_world_machine(flock->world, i);
        if (machine == NULL || sl_world_is_finished(flock->world, i, NULL))
            continue;
        cr_assert_eq(sl_round_current(machine), 0, "%u nodes, seed %d: node %u is in phase %s of round %d for ever",
                     flock->options.nodes, (int)seed, i, sl_round_phase_text(sl_round_phase(machine)),
                     (int)sl_round_current(machine));
        waiting++;
    }
    cr_assert_lt(waiting, flock->options.nodes, "seed %d: all are here and none begins", (int)seed);
}

static void run_schedule(const char *topology, uint32_t nodes, uint64_t seed, struct schedule *schedule) {
    struct flock flock;
    flock_init(&flock, topology, nodes, 25, seed);
    flock.options.elements = 2;
    flock.options.averaging_rounds = 5;
    flock.options.training_time = 50 * SL_MILLISECOND;
    flock.options.loss = 0.1;
    flock.options.duplicates = 0.1;
    flock.options.jitter = 150 * SL_MILLISECOND;
    flock.options.audit = true;
    flock_create(&flock);
    sl_random_init(&schedule->random, seed, 77);
    sl_time next = SL_SECOND;
    while (sl_world_now(flock.world) < 8 * SL_SECOND && sl_world_step(flock.world)) {
        if (sl_world_now(flock.world) >= next) {
            strike(schedule, flock.world);
            next = sl_world_now(flock.world) + (sl_time)sl_random_below(&schedule->random, 300 * SL_MILLISECOND);
        }
    }
    heal(schedule, flock.world);
    flock_run(&flock, 1000 * SL_SECOND);
    const char *error = sl_world_audit_error(flock.world);
    cr_assert_null(error, "%s of %u, seed %d: %s", topology, nodes, (int)seed, error);
    check_ended(&flock, seed);
    flock_finish(&flock);
}

static void run_many(const char *topology, uint32_t nodes, uint64_t seeds) {
    struct schedule schedule = {.nodes = nodes};
    for (uint64_t seed = 1; seed <= seeds; seed++)
        run_schedule(topology, nodes, seed, &schedule);
    cr_expect_gt(schedule.crashes, seeds);
    cr_expect_gt(schedule.restarts, seeds / 2);
    cr_expect_gt(schedule.cuts, seeds);
}

Test(schedules, pairs) {
    run_many("full", 2, 100);
}

Test(schedules, full_meshes_of_5) {
    run_many("full", 5, 100);
}

Test(schedules, regular_graphs_of_9) {
    run_many("regular:4", 9, 100);
}

Test(schedules, rings_of_12) {
    run_many("ring", 12, 50);
}
