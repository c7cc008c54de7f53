/* A node that runs on an older copy of its journal is told so, in each phase. */
#include "machine.h"

static void feed_forgot(struct machine *machine, uint64_t round) {
    feed_progress(machine, "a", 2);
    feed_progress(machine, "c", 2);
    feed_of(machine, SL_ROUND_FORGOT, NULL, round);
}

static void assert_began_anew(struct machine *machine) {
    const struct sl_round_action *lineage = get(machine, SL_ROUND_LINEAGE, NULL);
    cr_expect_not(has(machine, SL_ROUND_OFFER, NULL));
    cr_expect(lineage->durable && machine->actions.save);
    cr_expect_neq(lineage->lineage, lineage_of("b"));
    cr_expect_eq(sl_round_lineage(machine->round), lineage->lineage);
    cr_expect_eq(sl_round_phase(machine->round), SL_PHASE_JOIN);
    feed_ready(machine, "c", 1); /* named with the former lineage */
    cr_expect_eq(get(machine, SL_ROUND_SEND_VERDICT, "c")->message.verdict.verdict, SL_VERDICT_GONE);
    machine_finish(machine);
}

Test(forgot, while_it_trains_the_update_is_thrown_away) {
    struct machine machine;
    machine_init(&machine, "b", 3);
    machine_start(&machine);
    feed_forgot(&machine, 4);
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_TRAIN, "the training cannot be taken back");
    feed_of(&machine, SL_ROUND_TRAINED, NULL, 1);
    cr_expect_not(has(&machine, SL_ROUND_PUBLISH, NULL));
    assert_began_anew(&machine);
}

Test(forgot, an_update_that_is_being_made_is_never_offered) {
    struct machine machine;
    machine_init(&machine, "b", 3);
    machine_start(&machine);
    feed_of(&machine, SL_ROUND_TRAINED, NULL, 1);
    feed_forgot(&machine, 1);
    feed_published(&machine, 1);
    cr_expect_not(has(&machine, SL_ROUND_OFFER, NULL));
    feed_of(&machine, SL_ROUND_MIXED, NULL, 1);
    assert_began_anew(&machine);
}

Test(forgot, an_exchange_is_closed_and_promises_are_written_off) {
    struct machine machine;
    machine_exchange(&machine);
    feed_payload(&machine, "a", 1);
    cr_assert_eq(sl_round_edge(machine.round, "a", 1), SL_EDGE_STATE_BOUND);
    feed_forgot(&machine, 4);
    cr_expect(has(&machine, SL_ROUND_MIX, NULL));
    feed_payload(&machine, "c", 1);
    feed_ready(&machine, "c", 1);
    cr_expect_eq(get(&machine, SL_ROUND_SEND_VERDICT, "c")->message.verdict.verdict, SL_VERDICT_VOID);
    feed_of(&machine, SL_ROUND_MIXED, NULL, 1);
    cr_expect_eq(get(&machine, SL_ROUND_EDGE, "a")->outcome, SL_EDGE_STALE);
    assert_began_anew(&machine);
}

/* Too few edges counted, and nobody is connected. */
static void wait_for_peers(struct machine *machine) {
    machine_init(machine, "b", 3);
    machine->options.min_peers_per_round = 2;
    machine->options.below = SL_ROUND_BELOW_WAIT;
    machine_start(machine);
    machine_publish(machine, 1);
    feed_timer(machine, 60 * SL_SECOND);
    machine->members[0].connected = machine->members[2].connected = false;
    feed_members(machine);
    feed_of(machine, SL_ROUND_MIXED, NULL, 1);
    cr_assert_eq(sl_round_phase(machine->round), SL_PHASE_GATHER);
}

Test(forgot, while_it_waits_for_others_at_once) {
    struct machine machine;
    wait_for_peers(&machine);
    feed_forgot(&machine, 4);
    assert_began_anew(&machine);
}

/* Others leave then: whoever comes back to a round before has nobody to ask for a verdict. */
Test(forgot, that_it_is_finished_is_said_when_that_is_on_the_disk) {
    struct machine machine;
    machine_init(&machine, "b", 3);
    machine.options.rounds = 1;
    machine_start(&machine);
    machine_publish(&machine, 1);
    feed_timer(&machine, 60 * SL_SECOND);
    feed_of(&machine, SL_ROUND_MIXED, NULL, 1);
    const struct sl_round_action *progress = get(&machine, SL_ROUND_SEND_PROGRESS, NULL);
    cr_expect(progress->message.progress.finished);
    cr_expect(progress->durable && machine.actions.save);
    machine_finish(&machine);
}

Test(forgot, what_it_knows_of_is_nothing_new) {
    struct machine machine;
    wait_for_peers(&machine);
    feed_forgot(&machine, 0);
    cr_expect_eq(sl_round_lineage(machine.round), lineage_of("b"));
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_GATHER);
    machine_finish(&machine);
}
