/* A thousand faults of all kinds, by chance: crashes that keep the disk, lose what was not flushed, or lose it all;
 * disks that break; cuts; clocks that run fast or slow; nodes that are stopped for a while; messages that are lost,
 * doubled, late and overtaken. After every event the two invariants hold, every round ends, and in the end all is
 * settled.
 *
 * STARLING_SEEDS, STARLING_FIRST_SEED and STARLING_NODES make it longer: see tests/sim/run. */
#include <stdlib.h>

#include "base/random.h"
#include "flock.h"

enum { FAULTS = 1000 };

struct chaos {
    struct sl_random random;
    struct flock flock;
    uint32_t nodes, cuts_open;
    uint64_t kinds[10];
};

static uint64_t number_of(const char *variable, uint64_t standard) {
    const char *text = getenv(variable);
    return text != NULL ? strtoull(text, NULL, 10) : standard;
}

static uint32_t draw(struct chaos *chaos, uint64_t bound) {
    return (uint32_t)sl_random_below(&chaos->random, bound);
}

static bool is_running(const struct chaos *chaos, uint32_t node) {
    return sl_world_machine(chaos->flock.world, node) != NULL && !sl_world_is_finished(chaos->flock.world, node, NULL);
}

/* At most a quarter of the nodes are down. */
static bool may_fall(const struct chaos *chaos) {
    uint32_t down = 0;
    for (uint32_t i = 0; i < chaos->nodes; i++)
        down += sl_world_machine(chaos->flock.world, i) == NULL;
    return 4 * (down + 1) <= chaos->nodes;
}

static void raise_one(struct chaos *chaos) {
    uint32_t first = draw(chaos, chaos->nodes);
    for (uint32_t i = 0; i < chaos->nodes; i++) {
        uint32_t node = (first + i) % chaos->nodes;
        if (sl_world_machine(chaos->flock.world, node) == NULL) {
            sl_world_start(chaos->flock.world, node);
            return;
        }
    }
}

static void strike(struct chaos *chaos) {
    struct sl_world *world = chaos->flock.world;
    uint32_t a = draw(chaos, chaos->nodes), b = draw(chaos, chaos->nodes), kind = draw(chaos, 10);
    chaos->kinds[kind]++;
    if (kind < 4 && (!is_running(chaos, a) || !may_fall(chaos)))
        kind = 4;
    if (kind < 2)
        sl_world_kill(world, a, kind == 0 ? SL_DISK_KEPT : SL_DISK_FLUSHED);
    else if (kind == 2)
        sl_world_kill(world, a, draw(chaos, 2) == 0 ? SL_DISK_LOST : SL_DISK_KEPT);
    else if (kind == 3)
        sl_world_break_disk(world, a);
    else if (kind < 7)
        raise_one(chaos);
    else if (kind == 7 && a != b)
        sl_world_cut(world, a, b, draw(chaos, 3) == 0);
    else if (kind == 8)
        sl_world_skew(world, a, 0.8 + 0.4 * sl_random_unit(&chaos->random));
    else if (kind == 9)
        sl_world_pause(world, a, (sl_time)draw(chaos, 3 * SL_SECOND));
}

static void heal(struct chaos *chaos) {
    for (uint32_t a = 0; a < chaos->nodes; a++)
        for (uint32_t b = 0; b < a; b++)
            sl_world_cut(chaos->flock.world, a, b, false);
    sl_world_set_loss(chaos->flock.world, 0);
    for (uint32_t i = 0; i < chaos->nodes; i++)
        sl_world_start(chaos->flock.world, i);
}

static void init(struct chaos *chaos, uint64_t seed) {
    struct flock *flock = &chaos->flock;
    flock_init(flock, "regular:4", chaos->nodes, 1000, seed);
    flock->options.elements = 2;
    flock->options.averaging_rounds = 5;
    flock->options.training_time = 50 * SL_MILLISECOND;
    flock->options.loss = 0.05;
    flock->options.duplicates = 0.05;
    flock->options.jitter = 50 * SL_MILLISECOND;
    flock->options.disks = true;
    flock->options.flush_time = 5 * SL_MILLISECOND;
    flock->options.stale_rounds = 30;
    flock->options.audit = true;
    sl_random_init(&chaos->random, seed, 78);
}

/* Faults come all the time, and no node may stay in a round for longer than its training and the longest deadline. */
static void expect_progress(const struct chaos *chaos, uint64_t *rounds, sl_time *since, uint64_t seed) {
    sl_time now = sl_world_now(chaos->flock.world);
    for (uint32_t i = 0; i < chaos->nodes; i++) {
        const struct sl_round *machine = sl_world_machine(chaos->flock.world, i);
        uint64_t round = machine != NULL && is_running(chaos, i) ? sl_round_current(machine) : UINT64_MAX;
        bool waits = machine == NULL || sl_round_phase(machine) == SL_PHASE_GATHER ||
                     sl_round_phase(machine) == SL_PHASE_JOIN || sl_round_phase(machine) == SL_PHASE_LINGER;
        if (round != rounds[i] || waits || round == UINT64_MAX) {
            rounds[i] = round;
            since[i] = now;
        }
        /* Its clock may be 20 % slow, and it may have been stopped for 3 s twice. */
        cr_assert_leq(now - since[i], 15 * SL_SECOND, "seed %d: node %u stays in round %d, %s", (int)seed, i,
                      (int)round, sl_round_phase_text(sl_round_phase(machine)));
    }
}

static void run_faults(struct chaos *chaos, uint64_t seed) {
    static uint64_t rounds[1000];
    static sl_time since[1000];
    struct sl_world *world = chaos->flock.world;
    sl_time next = SL_SECOND, look = SL_SECOND;
    for (uint64_t faults = 0; faults < FAULTS && sl_world_step(world);) {
        if (sl_world_now(world) >= next) {
            strike(chaos);
            faults++;
            next = sl_world_now(world) + (sl_time)draw(chaos, 60 * SL_MILLISECOND);
        }
        if (sl_world_now(world) >= look) {
            expect_progress(chaos, rounds, since, seed);
            look = sl_world_now(world) + SL_SECOND;
        }
        const char *error = sl_world_audit_error(world);
        cr_assert_null(error, "seed %d: %s", (int)seed, error);
    }
}

static void expect_end(struct chaos *chaos, uint64_t seed) {
    struct sl_world *world = chaos->flock.world;
    double mass[64], ledger[64];
    for (uint32_t i = 0; i < chaos->nodes; i++)
        sl_world_stop(world, i);
    flock_run(&chaos->flock, sl_world_now(world) + 100 * SL_SECOND);
    cr_assert_null(sl_world_audit_error(world), "seed %d: %s", (int)seed, sl_world_audit_error(world));
    for (uint32_t i = 0; i < chaos->nodes; i++)
        cr_assert(sl_world_is_finished(world, i, NULL), "seed %d: node %u never ends: %s", (int)seed, i,
                  sl_round_phase_text(sl_round_phase(sl_world_machine(world, i))));
    sl_world_ledger(world, ledger);
    flock_present_mass(&chaos->flock, mass);
    double distance = flock_distance(mass, ledger, chaos->flock.options.elements);
    cr_assert_leq(distance, 1e-5, "seed %d: %.3e from the ledger", (int)seed, distance);
}

Test(chaos, a_thousand_faults, .timeout = 0) {
    struct chaos chaos = {.nodes = (uint32_t)number_of("STARLING_NODES", 30)};
    uint64_t first = number_of("STARLING_FIRST_SEED", 1), seeds = number_of("STARLING_SEEDS", 2);
    uint64_t resumed = 0, refused = 0, lineages = 0;
    cr_assert_leq(chaos.nodes, 1000);
    for (uint64_t seed = first; seed < first + seeds; seed++) {
        init(&chaos, seed);
        flock_create(&chaos.flock);
        run_faults(&chaos, seed);
        heal(&chaos);
        flock_run(&chaos.flock, sl_world_now(chaos.flock.world) + 20 * SL_SECOND);
        heal(&chaos); /* disks that were to break have broken by now */
        expect_end(&chaos, seed);
        resumed += sl_world_counts(chaos.flock.world)->resumed;
        refused += sl_world_counts(chaos.flock.world)->refused;
        lineages += sl_world_counts(chaos.flock.world)->lineages;
        flock_finish(&chaos.flock);
    }
    cr_expect_gt(resumed, 50 * seeds);
    cr_expect_eq(refused, 0);
    cr_log_info("%d lives resumed, %d lineages ended too far behind", (int)resumed, (int)lineages);
}
