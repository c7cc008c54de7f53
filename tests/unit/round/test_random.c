/* Whatever comes in whatever order: no assertion, no leak, no action for nobody, and the timer is never in the past. */
#include "base/random.h"
#include "machine.h"

static const char *const names[] = {"a", "b", "c", "d", "e", "x"};

static uint64_t draw(struct sl_random *random, uint64_t bound) {
    return sl_random_below(random, bound);
}

static void feed_random_message(struct machine *machine, struct sl_random *random, const char *peer, uint64_t round) {
    switch (draw(random, 6)) {
    case 0: {
        struct sl_manifest manifest = manifest_of(machine, peer, round);
        manifest.lineage += draw(random, 20) == 0;
        manifest.degree = draw(random, 10) == 0 ? (uint32_t)draw(random, 6) : manifest.degree;
        feed_this_manifest(machine, &manifest);
        break;
    }
    case 1: {
        struct sl_ready ready = ready_of(machine, peer, round);
        ready.lineage_receiver += draw(random, 20) == 0;
        feed_this_ready(machine, peer, &ready);
        break;
    }
    case 2:
        feed_verdict(machine, peer, round, (enum sl_verdict_value)(1 + draw(random, 3)));
        break;
    case 3:
        feed_pass(machine, peer, round, (enum sl_pass_reason)(1 + draw(random, 5)));
        break;
    case 4:
        feed_progress(machine, peer, round);
        break;
    default:
        feed_of(machine, draw(random, 4) == 0 ? SL_ROUND_LOST : SL_ROUND_HELD, peer, round);
        break;
    }
}

static void feed_random_own(struct machine *machine, struct sl_random *random, uint64_t round) {
    switch (draw(random, 8)) {
    case 0:
        machine->members[draw(random, 5)].live ^= true;
        feed_members(machine);
        break;
    case 1:
        machine->members[draw(random, 5)].connected ^= true;
        feed_members(machine);
        break;
    case 2:
        machine->members[draw(random, 5)].until_round = draw(random, 12);
        machine->members[draw(random, 5)].from_round = draw(random, 4);
        feed_members(machine);
        break;
    case 3:
        feed_timer(machine, (sl_time)draw(random, 40 * SL_SECOND));
        break;
    case 4:
        feed_of(machine, SL_ROUND_TRAINED, NULL, round);
        break;
    case 5:
        feed_published(machine, round);
        break;
    case 6:
        feed_of(machine, SL_ROUND_MIXED, NULL, round);
        break;
    default:
        feed_of(machine, draw(random, 2) == 0 ? SL_ROUND_MODEL_LOADED : SL_ROUND_MODEL_FAILED, "a", round);
        break;
    }
}

static void check_actions(const struct machine *machine) {
    for (size_t i = 0; i < machine->actions.count; i++) {
        const struct sl_round_action *action = &machine->actions.items[i];
        if (action->type == SL_ROUND_SEND_VERDICT || action->type == SL_ROUND_SEND_READY ||
            action->type == SL_ROUND_OFFER)
            cr_assert(action->peer[0] != '\0' && action->peer[0] != machine->options.self[0]);
        if (action->type == SL_ROUND_WAKE && machine->now > 0)
            cr_assert_gt(action->at, 0);
        if (action->type == SL_ROUND_MIX) {
            double sum = 0;
            for (size_t k = 0; k < action->plan_count; k++)
                sum += action->plan[k].coefficient;
            cr_assert_float_eq(sum, action->divisor, 1e-9);
        }
    }
}

static void run_random(uint64_t seed, uint64_t *finished) {
    struct machine machine;
    struct sl_random random;
    sl_random_init(&random, seed, 1);
    machine_init(&machine, names[draw(&random, 5)], 5);
    machine.topology.kind = draw(&random, 2) == 0 ? SL_TOPOLOGY_FULL : SL_TOPOLOGY_RING;
    machine.options.stream = draw(&random, 4) == 0;
    machine.options.rounds = 6;
    machine.options.averaging_rounds = draw(&random, 3);
    machine.options.start_nodes = 1 + draw(&random, 5);
    machine.options.min_peers_to_start = 0;
    machine.options.min_peers_per_round = draw(&random, 3);
    machine.options.below = (enum sl_round_below)draw(&random, 3);
    feed_members(&machine);
    for (int i = 0; i < 600; i++) {
        uint64_t current = sl_round_current(machine.round);
        uint64_t round = draw(&random, 3) == 0 ? draw(&random, 8) : current + draw(&random, 2);
        if (draw(&random, 3) == 0)
            feed_random_own(&machine, &random, draw(&random, 4) == 0 ? round : current);
        else
            feed_random_message(&machine, &random, names[draw(&random, 6)], round);
        check_actions(&machine);
        if (seed % 2 == 0 && draw(&random, 100) == 0)
            feed_of(&machine, SL_ROUND_FORGOT, NULL, current);
        check_actions(&machine);
    }
    feed(&machine, (struct sl_round_event){.type = SL_ROUND_STOP});
    feed_of(&machine, SL_ROUND_MIXED, NULL, sl_round_current(machine.round));
    feed_timer(&machine, machine.options.linger_max);
    *finished += sl_round_phase(machine.round) == SL_PHASE_LEFT;
    machine_finish(&machine);
}

Test(random, anything_may_come, .timeout = 120) {
    uint64_t finished = 0;
    for (uint64_t seed = 1; seed <= 500; seed++)
        run_random(seed, &finished);
    cr_expect_eq(finished, 500, "%d left", (int)finished);
}
