/* A node dies and comes back, over the real membership, again and again: soon it is in the mix again, all edges count
 * soon after, and nobody waits for longer than a round may. STARLING_SEEDS makes it longer. */
#include <stdlib.h>

#include "base/random.h"
#include "flock.h"

enum { FAULTS = 8, NODES_MAX = 8 };

struct churn {
    struct flock flock;
    struct sl_random random;
    uint32_t node;    /* that was away */
    uint64_t back;    /* the others' round when it came back */
    uint64_t counted; /* its first round with an edge since; 0: none yet */
    uint64_t whole;   /* the first one in which all edges counted */
    sl_time longest;
};

static bool watch(void *context, struct sl_world *world, uint32_t node, const struct sl_round_action *action) {
    struct churn *churn = context;
    const uint64_t all = (uint64_t)churn->flock.options.nodes * (churn->flock.options.nodes - 1);
    if (action->type != SL_ROUND_CLOSED)
        return false;
    churn->longest = action->waited > churn->longest ? action->waited : churn->longest;
    if (churn->back == 0 || action->round < churn->back)
        return false;
    if (churn->counted == 0 && node == churn->node && action->counted > 0)
        churn->counted = action->round;
    if (churn->whole == 0 && sl_world_round(world, action->round)->counted + action->counted == all)
        churn->whole = action->round;
    return false;
}

static uint64_t foremost(const struct churn *churn) {
    uint64_t round = 0;
    for (uint32_t i = 0; i < churn->flock.options.nodes; i++) {
        const struct sl_round *machine = sl_world_machine(churn->flock.world, i);
        if (machine != NULL && sl_round_current(machine) > round)
            round = sl_round_current(machine);
    }
    return round;
}

static void run_for(struct churn *churn, sl_time time) {
    flock_run(&churn->flock, sl_world_now(churn->flock.world) + time);
    cr_assert_null(sl_world_audit_error(churn->flock.world), "seed %d: %s", (int)churn->flock.options.seed,
                   sl_world_audit_error(churn->flock.world));
}

static void init(struct churn *churn, uint64_t seed) {
    *churn = (struct churn){.node = 0};
    sl_random_init(&churn->random, seed, 9);
    flock_init(&churn->flock, "full", (uint32_t)(2 + sl_random_below(&churn->random, NODES_MAX - 1)), 2000, seed);
    churn->flock.options.membership = true;
    churn->flock.options.disks = true;
    churn->flock.options.audit = true;
    churn->flock.options.averaging_rounds = 1;
    churn->flock.options.training_time = 300 * SL_MILLISECOND;
    churn->flock.options.flush_time = 5 * SL_MILLISECOND;
    churn->flock.options.hooks = (struct sl_world_hooks){.context = churn, .intercept = watch};
    flock_create(&churn->flock);
}

/* Killed, or told to stop and started again some time later. */
static void strike(struct churn *churn) {
    struct sl_world *world = churn->flock.world;
    const uint64_t what = sl_random_below(&churn->random, 4);
    const sl_time away = (sl_time)sl_random_below(&churn->random, 8 * SL_SECOND);
    churn->node = (uint32_t)sl_random_below(&churn->random, churn->flock.options.nodes);
    churn->back = churn->counted = churn->whole = 0;
    if (what == 3) {
        sl_world_stop(world, churn->node);
        run_for(churn, SL_SECOND);
    }
    sl_world_kill(world, churn->node, what == 3 ? SL_DISK_KEPT : (enum sl_world_disk)what);
    run_for(churn, away);
    churn->back = foremost(churn);
    sl_world_start(world, churn->node);
    run_for(churn, 6 * SL_SECOND);
    cr_assert(churn->counted != 0 && churn->counted <= churn->back + 3,
              "seed %d: node %u of %u, killed by %d, away for %.2f s in round %d: an edge counts in %d",
              (int)churn->flock.options.seed, churn->node, churn->flock.options.nodes, (int)what,
              sl_time_to_seconds(away), (int)churn->back, (int)churn->counted);
    cr_assert(churn->whole != 0 && churn->whole <= churn->back + 5,
              "seed %d: node %u of %u, killed by %d, away for %.2f s in round %d: all edges count in %d",
              (int)churn->flock.options.seed, churn->node, churn->flock.options.nodes, (int)what,
              sl_time_to_seconds(away), (int)churn->back, (int)churn->whole);
}

Test(churn, who_comes_back_is_in_the_mix_within_three_rounds, .timeout = 0) {
    const char *text = getenv("STARLING_SEEDS");
    const uint64_t seeds = text != NULL ? strtoull(text, NULL, 10) : 15;
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        struct churn churn;
        init(&churn, seed);
        run_for(&churn, 3 * SL_SECOND);
        for (int i = 0; i < FAULTS; i++)
            strike(&churn);
        cr_expect_leq(churn.longest, churn.flock.options.deadline_max, "seed %d: %.2f s", (int)seed,
                      sl_time_to_seconds(churn.longest));
        flock_finish(&churn.flock);
    }
}
