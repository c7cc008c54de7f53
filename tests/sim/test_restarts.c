/* Crashes that keep the disk, lose it, or lose what was not flushed: nothing that was promised is forgotten, nothing is
 * counted on one side, whatever dies when. And the wrong protocols, which must be seen to be wrong. */
#include <string.h>

#include "base/random.h"
#include "flock.h"

/* ---- crashes by chance: a share of nodes in each round, at any event of it ---- */

enum { NODES_MAX = 128, EVENTS_A_ROUND = 40 };

struct crashes {
    struct sl_random random;
    double share;     /* of nodes a round */
    double lost;      /* of crashes: the disk, too */
    double flushed;   /* of crashes: what was not flushed */
    uint64_t last;    /* no faults behind this round */
    uint32_t stepped; /* the node that did something */
    bool any;
    uint64_t seen[NODES_MAX];   /* round */
    int countdown[NODES_MAX];   /* events until it dies; −1: not in this round */
    sl_time returns[NODES_MAX]; /* 0: it is up */
    uint64_t crashed, disks_lost;
};

static void note_step(void *context, struct sl_world *world, uint32_t node) {
    struct crashes *crashes = context;
    (void)world;
    crashes->stepped = node;
    crashes->any = true;
}

static enum sl_world_disk draw_disk(struct crashes *crashes) {
    double what = sl_random_unit(&crashes->random);
    if (what < crashes->lost)
        return SL_DISK_LOST;
    return what < crashes->lost + crashes->flushed ? SL_DISK_FLUSHED : SL_DISK_KEPT;
}

static void strike(struct crashes *crashes, struct sl_world *world, uint32_t node) {
    const struct sl_round *machine = sl_world_machine(world, node);
    if (machine == NULL || sl_world_is_finished(world, node, NULL))
        return;
    uint64_t round = sl_round_current(machine);
    if (round > crashes->seen[node]) {
        crashes->seen[node] = round;
        bool hit = round > 1 && round < crashes->last && sl_random_unit(&crashes->random) < crashes->share;
        crashes->countdown[node] = hit ? (int)sl_random_below(&crashes->random, EVENTS_A_ROUND) : -1;
    }
    if (crashes->countdown[node] < 0 || crashes->countdown[node]-- > 0)
        return;
    enum sl_world_disk disk = draw_disk(crashes);
    crashes->disks_lost += disk == SL_DISK_LOST;
    crashes->crashed++;
    sl_world_kill(world, node, disk);
    crashes->returns[node] = sl_world_now(world) + (sl_time)sl_random_below(&crashes->random, 2 * SL_SECOND);
}

static void bring_back(struct crashes *crashes, struct sl_world *world, uint32_t nodes) {
    for (uint32_t i = 0; i < nodes; i++) {
        if (crashes->returns[i] == 0 || crashes->returns[i] > sl_world_now(world))
            continue;
        crashes->returns[i] = 0;
        sl_world_start(world, i);
    }
}

/* Nothing else is to happen. */
static bool bring_all_back(struct crashes *crashes, struct sl_world *world, uint32_t nodes) {
    bool any = false;
    for (uint32_t i = 0; i < nodes && sl_world_status(world) == SL_OK; i++) {
        if (crashes->returns[i] == 0)
            continue;
        crashes->returns[i] = 0;
        any = true;
        sl_world_start(world, i);
    }
    return any;
}

/* Lossless again when nearly all is done, so that everything is settled in the end. */
static void run_crashes(struct flock *flock, struct crashes *crashes) {
    bool healed = false;
    while (sl_world_step(flock->world) || bring_all_back(crashes, flock->world, flock->options.nodes)) {
        if (crashes->any)
            strike(crashes, flock->world, crashes->stepped);
        crashes->any = false;
        bring_back(crashes, flock->world, flock->options.nodes);
        if (!healed && sl_world_round(flock->world, crashes->last)->closed > 0) {
            healed = true;
            sl_world_set_loss(flock->world, 0);
        }
        if (sl_world_audit_error(flock->world) != NULL)
            return;
    }
    cr_assert_eq(sl_world_status(flock->world), SL_OK, "%s", sl_status_text(sl_world_status(flock->world)));
}

/* Test 1 of the design: 16 nodes, 4 peers each, 8 bits, a third of the messages lost, 2 % crashes a node and round. */
static void init_crashes(struct flock *flock, struct crashes *crashes, uint64_t rounds, uint64_t seed) {
    flock_init(flock, "regular:4", 16, rounds, seed);
    flock->options.disks = true;
    flock->options.quantised = true;
    flock->options.loss = 0.3;
    flock->options.linger_max = 20 * SL_SECOND;
    flock->options.hooks.after = note_step;
    flock->options.hooks.context = crashes;
    *crashes = (struct crashes){.share = 0.02, .last = rounds - 10};
    memset(crashes->countdown, 0xff, sizeof crashes->countdown);
    sl_random_init(&crashes->random, seed, 5);
}

static double distance_from_ledger(const struct flock *flock) {
    double mass[64], ledger[64];
    flock_mass(flock, mass);
    sl_world_ledger(flock->world, ledger);
    return flock_distance(mass, ledger, flock->options.elements);
}

static void expect_no_breach(const struct flock *flock) {
    cr_assert_null(sl_world_audit_error(flock->world), "seed %d: %s", (int)flock->options.seed,
                   sl_world_audit_error(flock->world));
}

Test(restarts, the_mean_is_kept_through_crashes_that_keep_the_disk) {
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct flock flock;
        struct crashes crashes;
        double start[64], end[64];
        init_crashes(&flock, &crashes, 300, seed);
        flock.options.audit = true;
        flock_create(&flock);
        flock_mass(&flock, start);
        run_crashes(&flock, &crashes);
        expect_no_breach(&flock);
        flock_mass(&flock, end);
        double drift = flock_distance(end, start, flock.options.elements);
        cr_expect_leq(drift, 1e-5, "seed %d: drift %.3e", (int)seed, drift);
        cr_expect_gt(crashes.crashed, 50);
        cr_expect_eq(sl_world_counts(flock.world)->refused, 0);
        cr_expect_eq(sl_world_counts(flock.world)->resumed, crashes.crashed, "%d of %d",
                     (int)sl_world_counts(flock.world)->resumed, (int)crashes.crashed);
        flock_finish(&flock);
    }
}

Test(restarts, what_is_lost_with_a_disk_stands_in_the_ledger) {
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct flock flock;
        struct crashes crashes;
        init_crashes(&flock, &crashes, 300, seed);
        flock.options.audit = true;
        crashes.lost = 0.2;
        flock_create(&flock);
        run_crashes(&flock, &crashes);
        expect_no_breach(&flock);
        double distance = distance_from_ledger(&flock);
        cr_expect_leq(distance, 1e-5, "seed %d: %.3e", (int)seed, distance);
        cr_expect_gt(crashes.disks_lost, 5);
        flock_finish(&flock);
    }
}

Test(restarts, a_power_cut_takes_back_only_what_nobody_was_told) {
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct flock flock;
        struct crashes crashes;
        init_crashes(&flock, &crashes, 200, seed);
        flock.options.audit = true;
        flock.options.flush_time = 30 * SL_MILLISECOND;
        crashes.share = 0.1;
        crashes.flushed = 0.7;
        flock_create(&flock);
        run_crashes(&flock, &crashes);
        expect_no_breach(&flock);
        double distance = distance_from_ledger(&flock);
        cr_expect_leq(distance, 1e-5, "seed %d: %.3e", (int)seed, distance);
        cr_expect_eq(sl_world_counts(flock.world)->refused, 0);
        flock_finish(&flock);
    }
}

/* ---- all at once ---- */

/* Local steps that depend on the node, the round and the model. */
static void train(void *context, uint32_t node, uint64_t round, float *values) {
    (void)context;
    for (uint32_t e = 0; e < 8; e++)
        values[e] = 0.9f * values[e] + 0.1f * (float)((node * 7 + round * 3 + e) % 11);
}

static void init_training(struct flock *flock, const char *topology, uint32_t nodes, uint64_t rounds) {
    flock_init(flock, topology, nodes, rounds, 11);
    flock->options.averaging_rounds = 1;
    flock->options.training_time = 100 * SL_MILLISECOND;
    flock->options.disks = true;
    flock->options.audit = true;
    flock->options.hooks.train = train;
}

static uint64_t count_edges(const struct flock *flock) {
    uint64_t counted = 0;
    for (uint64_t t = 1; t <= flock->options.rounds; t++)
        counted += sl_world_round(flock->world, t)->counted + sl_world_round(flock->world, t)->late;
    return counted;
}

/* Kills all after so many events; they are away for W. False: the run was over before. */
static bool run_killed(struct flock *flock, uint64_t events, enum sl_world_disk left) {
    flock_create(flock);
    for (uint64_t i = 0; i < events; i++)
        if (!sl_world_step(flock->world))
            return false;
    for (uint32_t i = 0; i < flock->options.nodes; i++)
        if (!sl_world_is_finished(flock->world, i, NULL))
            sl_world_kill(flock->world, i, left);
    sl_world_run(flock->world, sl_world_now(flock->world) + flock->options.deadline_max);
    for (uint32_t i = 0; i < flock->options.nodes; i++)
        sl_world_start(flock->world, i);
    flock_run(flock, SL_NEVER);
    return true;
}

static void check_as_undisturbed(const struct flock *flock, const struct flock *undisturbed, uint64_t events) {
    expect_no_breach(flock);
    for (uint32_t i = 0; i < flock->options.nodes; i++) {
        cr_assert(sl_world_is_finished(flock->world, i, NULL), "killed at event %d: node %u never ends, %s of round %d",
                  (int)events, i, sl_round_phase_text(sl_round_phase(sl_world_machine(flock->world, i))),
                  (int)sl_round_current(sl_world_machine(flock->world, i)));
        cr_assert_eq(memcmp(sl_world_model(flock->world, i), sl_world_model(undisturbed->world, i), 8 * sizeof(float)),
                     0, "killed at event %d: node %u has another model", (int)events, i);
    }
    cr_assert_eq(sl_world_counts(flock->world)->refused, 0);
}

static void kill_all_at_each_event(const char *topology, uint32_t nodes, uint64_t rounds, enum sl_world_disk left) {
    struct flock undisturbed;
    init_training(&undisturbed, topology, nodes, rounds);
    flock_run_out(&undisturbed);
    uint64_t events = 0, resumed = 0;
    for (bool more = true; more; events++) {
        struct flock flock;
        init_training(&flock, topology, nodes, rounds);
        flock.options.flush_time = left == SL_DISK_FLUSHED ? 3 * SL_MILLISECOND : 0;
        more = run_killed(&flock, events, left);
        check_as_undisturbed(&flock, &undisturbed, events);
        cr_assert_geq(count_edges(&flock), count_edges(&undisturbed), "killed at event %d: an edge is lost",
                      (int)events);
        resumed += sl_world_counts(flock.world)->resumed;
        flock_finish(&flock);
    }
    cr_expect_gt(events, 100);
    cr_expect_gt(resumed, events);
    flock_finish(&undisturbed);
}

Test(restarts, all_killed_at_any_event_end_with_the_bits_of_the_undisturbed_run) {
    kill_all_at_each_event("full", 4, 4, SL_DISK_KEPT);
}

Test(restarts, and_so_after_a_power_cut) {
    kill_all_at_each_event("full", 4, 4, SL_DISK_FLUSHED);
}

Test(restarts, and_so_where_nobody_knows_all) {
    kill_all_at_each_event("regular:2", 6, 4, SL_DISK_KEPT);
}

/* ---- with the real membership ---- */

/* Rounds until all edges of a full mesh count again, after one node was away for a while. */
static uint64_t rounds_until_whole(enum sl_world_disk left, sl_time away) {
    struct flock flock;
    init_training(&flock, "full", 6, 200);
    flock.options.membership = true;
    flock_create(&flock);
    flock_run(&flock, 4 * SL_SECOND);
    sl_world_kill(flock.world, 2, left);
    flock_run(&flock, sl_world_now(flock.world) + away);
    uint64_t back = sl_round_current(sl_world_machine(flock.world, 0)), whole = 0;
    sl_world_start(flock.world, 2);
    flock_run(&flock, 200 * SL_SECOND); /* pings go on for ever */
    expect_no_breach(&flock);
    for (uint64_t t = 200; t >= back; t--)
        if (sl_world_round(flock.world, t)->counted == 30)
            whole = t;
    cr_expect(sl_world_is_finished(flock.world, 2, NULL));
    cr_expect_eq(sl_world_counts(flock.world)->resumed, left != SL_DISK_LOST);
    cr_expect_neq(whole, 0);
    flock_finish(&flock);
    return whole - back;
}

Test(restarts, who_comes_back_is_in_the_mix_again_within_a_few_rounds) {
    uint64_t soon = rounds_until_whole(SL_DISK_KEPT, SL_SECOND / 2),
             later = rounds_until_whole(SL_DISK_KEPT, 6 * SL_SECOND);
    uint64_t new = rounds_until_whole(SL_DISK_LOST, SL_SECOND / 2);
    cr_expect_leq(soon, 3, "%d rounds", (int)soon);
    cr_expect_leq(later, 6, "%d rounds", (int)later);
    cr_expect_leq(new, 6, "%d rounds", (int)new);
}

/* ---- wrong protocols ---- */

/* True when some seed shows it. */
static bool is_seen(void (*change)(struct flock *flock, struct crashes *crashes)) {
    bool seen = false;
    for (uint64_t seed = 1; seed <= 20 && !seen; seed++) {
        struct flock flock;
        struct crashes crashes;
        init_crashes(&flock, &crashes, 100, seed);
        flock.options.audit = true;
        flock.options.flush_time = 30 * SL_MILLISECOND;
        crashes.share = 0.1;
        crashes.flushed = 1;
        change(&flock, &crashes);
        flock_create(&flock);
        run_crashes(&flock, &crashes);
        seen = sl_world_audit_error(flock.world) != NULL;
        flock_finish(&flock);
    }
    return seen;
}

static void change_nothing(struct flock *flock, struct crashes *crashes) {
    (void)flock;
    (void)crashes;
}

static void forget_promises(struct flock *flock, struct crashes *crashes) {
    flock->options.forgetful = true;
    crashes->flushed = 0;
}

static void count_before_flush(struct flock *flock, struct crashes *crashes) {
    (void)crashes;
    flock->options.eager = 1u << SL_ROUND_SEND_VERDICT;
}

static void ready_before_flush(struct flock *flock, struct crashes *crashes) {
    (void)crashes;
    flock->options.eager = 1u << SL_ROUND_SEND_READY;
}

/* A new lineage answers for its predecessor, of which it knows nothing. */
static bool answer_for_predecessor(void *context, struct sl_world *world, uint32_t node,
                                   const struct sl_round_action *action) {
    (void)context;
    if (action->type != SL_ROUND_SEND_VERDICT || action->message.verdict.verdict != SL_VERDICT_GONE)
        return false;
    struct sl_round_action answer = *action;
    answer.message.verdict.verdict = SL_VERDICT_VOID;
    sl_world_carry_out(world, node, &answer);
    return true;
}

static void void_for_gone(struct flock *flock, struct crashes *crashes) {
    flock->options.hooks.intercept = answer_for_predecessor;
    crashes->lost = 1;
}

/* PASS frees a follower that promised. */
static void obey_pass(void *context, struct sl_world *world, uint32_t node, const struct sl_round_event *event) {
    (void)context;
    if (event->type != SL_ROUND_PASS ||
        sl_round_edge(sl_world_machine(world, node), event->peer, event->pass->round) != SL_EDGE_STATE_BOUND)
        return;
    const struct sl_round *peer = sl_world_machine(world, (uint32_t)strtoul(event->peer + 1, NULL, 10));
    if (peer == NULL)
        return;
    const struct sl_verdict verdict = {.epoch = event->pass->epoch,
                                       .round = event->pass->round,
                                       .lineage_sender = sl_round_lineage(peer),
                                       .lineage_receiver = sl_round_lineage(sl_world_machine(world, node)),
                                       .verdict = SL_VERDICT_VOID};
    sl_world_feed(world, node,
                  &(struct sl_round_event){.type = SL_ROUND_VERDICT, .peer = event->peer, .verdict = &verdict});
}

static void free_by_pass(struct flock *flock, struct crashes *crashes) {
    (void)crashes;
    flock->options.hooks.before = obey_pass;
}

/* ---- wrong protocols that the sum shows ---- */

/* READY is said once. */
static bool ask_once(void *context, struct sl_world *world, uint32_t node, const struct sl_round_action *action) {
    (void)context;
    return action->type == SL_ROUND_SEND_READY && action->round != sl_round_current(sl_world_machine(world, node));
}

/* Weights by the edges that counted here, instead of those that were planned at both ends. */
static bool weigh_by_confirmed(void *context, struct sl_world *world, uint32_t node,
                               const struct sl_round_action *action) {
    (void)context;
    if (action->type != SL_ROUND_MIX)
        return false;
    struct sl_round_action changed = *action;
    struct sl_round_source plan[16];
    uint32_t degree = 0, self = 0;
    memcpy(plan, action->plan, action->plan_count * sizeof *plan);
    for (uint32_t i = 0; i < action->plan_count; i++)
        degree += !plan[i].self && plan[i].counted;
    for (uint32_t i = 0; i < action->plan_count; i++) {
        self = plan[i].self ? i : self;
        plan[i].coefficient = plan[i].counted ? 1.0 / (1 + degree) : 0;
    }
    plan[self].coefficient = 1.0 / (1 + degree);
    changed.plan = plan;
    sl_world_carry_out(world, node, &changed);
    return true;
}

static double drift_of(bool (*intercept)(void *, struct sl_world *, uint32_t, const struct sl_round_action *)) {
    struct flock flock;
    struct crashes crashes;
    double start[64], end[64];
    init_crashes(&flock, &crashes, 300, 1);
    flock.options.hooks.intercept = intercept;
    flock_create(&flock);
    flock_mass(&flock, start);
    run_crashes(&flock, &crashes);
    flock_mass(&flock, end);
    double drift = flock_distance(end, start, flock.options.elements);
    flock_finish(&flock);
    return drift;
}

Test(restarts, a_promise_that_is_not_repeated_loses_mass) {
    double drift = drift_of(ask_once);
    cr_expect_geq(drift, 0.1, "%.3e", drift);
}

Test(restarts, weights_by_confirmed_degrees_lose_mass) {
    double drift = drift_of(weigh_by_confirmed);
    cr_expect_geq(drift, 0.1, "%.3e", drift);
}

Test(restarts, the_protocol_as_it_is_shows_nothing) {
    cr_expect(!is_seen(change_nothing));
}

Test(restarts, a_node_that_forgets_its_promises_is_seen) {
    cr_expect(is_seen(forget_promises));
}

Test(restarts, a_verdict_before_its_flush_is_seen) {
    cr_expect(is_seen(count_before_flush));
}

Test(restarts, a_promise_before_its_flush_is_seen) {
    cr_expect(is_seen(ready_before_flush));
}

Test(restarts, an_answer_for_the_lineage_before_is_seen) {
    cr_expect(is_seen(void_for_gone));
}

Test(restarts, a_pass_that_frees_who_promised_is_seen) {
    cr_expect(is_seen(free_by_pass));
}
