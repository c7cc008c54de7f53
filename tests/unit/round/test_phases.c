/* When rounds begin and end: gathering, pace, stragglers, joiners, streams, the end. */
#include "machine.h"

/* ---- start ---- */

Test(phases, starts_when_all_have_told_where_they_are) {
    struct machine machine;
    machine_init(&machine, "b", 3);
    feed_members(&machine);
    cr_expect(has(&machine, SL_ROUND_SEND_PROGRESS, "a") && has(&machine, SL_ROUND_SEND_PROGRESS, "c"));
    feed_progress(&machine, "a", 0);
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_GATHER);
    feed_progress(&machine, "c", 0);
    cr_expect_eq(get(&machine, SL_ROUND_SCHEDULE, NULL)->round, 1);
    cr_expect_eq(get(&machine, SL_ROUND_TRAIN, NULL)->round, 1);
    cr_expect(!get(&machine, SL_ROUND_TRAIN, NULL)->averaging);
    machine_finish(&machine);
}

Test(phases, waits_for_start_nodes_however_long) {
    struct machine machine;
    machine_init(&machine, "b", 3);
    machine.members[2].connected = false;
    feed_members(&machine);
    feed_progress(&machine, "a", 0);
    for (int i = 0; i < 5; i++) {
        feed_timer(&machine, 100 * SL_SECOND);
        cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_GATHER);
        cr_expect(has(&machine, SL_ROUND_SEND_PROGRESS, NULL)); /* repeated: it may have been lost */
        cr_expect_gt(get(&machine, SL_ROUND_WAKE, NULL)->at, machine.now);
    }
    machine_finish(&machine);
}

Test(phases, those_who_announced_a_later_round_are_not_in_the_first) {
    struct machine machine;
    machine_init(&machine, "a", 3);
    machine.options.start_nodes = 2;
    machine.options.min_peers_to_start = 1;
    machine.members[2].from_round = 5;
    feed_members(&machine);
    feed_progress(&machine, "b", 0);
    feed_of(&machine, SL_ROUND_TRAINED, NULL, 1);
    const struct sl_round_action *publish = get(&machine, SL_ROUND_PUBLISH, NULL);
    cr_expect_eq(publish->plan_count, 2);
    cr_expect_eq(publish->total_samples, 2);
    cr_expect_eq(publish->degree, 1);
    machine_finish(&machine);
}

Test(phases, resumed_nodes_start_where_they_stopped) {
    struct machine machine;
    machine_init(&machine, "a", 2);
    machine.options.done_rounds = 4;
    feed_members(&machine);
    cr_expect_eq(get(&machine, SL_ROUND_SEND_PROGRESS, "b")->message.progress.round, 4);
    feed_progress(&machine, "b", 4);
    cr_expect_eq(get(&machine, SL_ROUND_SCHEDULE, NULL)->round, 5);
    cr_expect_eq(get(&machine, SL_ROUND_TRAIN, NULL)->round, 5);
    machine_finish(&machine);
}

Test(phases, a_start_waits_for_what_each_weighs) {
    struct machine machine;
    machine_init(&machine, "a", 3);
    machine.members[2].samples = 0;
    feed_members(&machine);
    feed_progress(&machine, "b", 0);
    feed_progress(&machine, "c", 0);
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_GATHER);
    machine.members[2].samples = 5;
    feed_members(&machine);
    cr_expect_eq(get(&machine, SL_ROUND_TRAIN, NULL)->round, 1);
    machine_finish(&machine);
}

/* ---- joining ---- */

Test(phases, a_late_joiner_announces_itself_and_takes_a_model) {
    struct machine machine;
    machine_init(&machine, "d", 4);
    for (size_t i = 0; i < 3; i++)
        machine.members[i].from_round = 1;
    machine.options.start_nodes = 1;
    machine.options.min_peers_to_start = 3;
    feed_members(&machine);
    feed_progress(&machine, "b", 5);
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_JOIN);
    cr_expect_eq(get(&machine, SL_ROUND_SCHEDULE, NULL)->round, 7);
    feed_manifest(&machine, "a", 5);
    cr_expect_eq(get(&machine, SL_ROUND_SEND_PASS, "a")->message.pass.reason, SL_PASS_BEHIND);
    cr_expect(!has(&machine, SL_ROUND_FETCH, NULL));
    feed_progress(&machine, "c", 5);
    feed_progress(&machine, "a", 7);
    cr_expect(!has(&machine, SL_ROUND_REQUEST_MODEL, NULL)); /* half of the flock is in round 5 */
    feed_progress(&machine, "c", 6);
    cr_expect(has(&machine, SL_ROUND_REQUEST_MODEL, "c")); /* in round 6, whose model is the one to begin with */
    feed_of(&machine, SL_ROUND_MODEL_FAILED, "b", 0);      /* not the one that was asked */
    cr_expect(!has(&machine, SL_ROUND_REQUEST_MODEL, NULL));
    feed_of(&machine, SL_ROUND_MODEL_FAILED, "c", 0);
    cr_expect(has(&machine, SL_ROUND_REQUEST_MODEL, "a")); /* else the furthest */
    feed_timer(&machine, 60 * SL_SECOND);                  /* no answer */
    cr_expect(has(&machine, SL_ROUND_REQUEST_MODEL, "b"));
    feed_of(&machine, SL_ROUND_MODEL_LOADED, NULL, 6);
    cr_expect_eq(get(&machine, SL_ROUND_TRAIN, NULL)->round, 7); /* before half of them are there */
    machine_finish(&machine);
}

Test(phases, a_joiner_takes_part_in_no_round_before_the_one_that_it_told) {
    struct machine machine;
    machine_init(&machine, "d", 4);
    for (size_t i = 0; i < 3; i++)
        machine.members[i].from_round = 1;
    machine.options.start_nodes = 1;
    feed_members(&machine);
    feed_progress(&machine, "b", 5);
    cr_expect_eq(get(&machine, SL_ROUND_SCHEDULE, NULL)->round, 7);
    feed_progress(&machine, "a", 6);
    cr_expect(has(&machine, SL_ROUND_REQUEST_MODEL, "a"));
    feed_of(&machine, SL_ROUND_MODEL_LOADED, NULL, 5); /* of one that was behind */
    cr_expect_eq(get(&machine, SL_ROUND_TRAIN, NULL)->round, 7);
    machine_finish(&machine);
}

Test(phases, a_joiner_for_whom_no_round_is_left_takes_the_last_model) {
    struct machine machine;
    machine_init(&machine, "d", 4);
    for (size_t i = 0; i < 3; i++)
        machine.members[i].from_round = 1;
    machine.options.start_nodes = 1;
    machine.options.rounds = 6;
    feed_members(&machine);
    feed_progress(&machine, "b", 5); /* round 7 there is none */
    feed_progress(&machine, "a", 6);
    cr_expect(has(&machine, SL_ROUND_REQUEST_MODEL, "a"));
    feed_of(&machine, SL_ROUND_MODEL_LOADED, NULL, 6);
    cr_expect(!has(&machine, SL_ROUND_TRAIN, NULL));
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_LINGER);
    machine_finish(&machine);
}

/* ---- pace ---- */

/* "a" of three has done round 1 without anybody. */
static void mix_alone(struct machine *machine) {
    machine_init(machine, "a", 3);
    machine_start(machine);
    machine_publish(machine, 1);
    feed_timer(machine, 60 * SL_SECOND);
    feed_of(machine, SL_ROUND_MIXED, NULL, 1);
}

Test(phases, goes_on_only_when_half_of_the_flock_is_as_far) {
    struct machine machine;
    mix_alone(&machine);
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_GATHER);
    feed_progress(&machine, "b", 1);
    cr_expect_eq(get(&machine, SL_ROUND_TRAIN, NULL)->round, 2);
    machine_finish(&machine);
}

Test(phases, one_that_runs_ahead_or_lies_drags_nobody) {
    struct machine machine;
    mix_alone(&machine);
    feed_progress(&machine, "c", UINT64_MAX); /* R½ of (1, 0, far) is 1 */
    cr_expect_eq(get(&machine, SL_ROUND_TRAIN, NULL)->round, 2);
    machine_finish(&machine);
}

Test(phases, half_of_the_flock_two_rounds_ahead_closes_the_round) {
    struct machine machine;
    machine_init(&machine, "a", 3);
    machine_start(&machine);
    machine_publish(&machine, 1);
    feed_progress(&machine, "b", 2);
    feed_progress(&machine, "c", 2);
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_EXCHANGE); /* one ahead may still count with this node */
    feed_progress(&machine, "b", 3);
    feed_progress(&machine, "c", 3);
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_MIX);
    feed_of(&machine, SL_ROUND_MIXED, NULL, 1);
    cr_expect_eq(sl_round_current(machine.round), 3); /* where they are, not 2 */
    machine_finish(&machine);
}

Test(phases, a_stragglers_update_enters_the_current_round) {
    struct machine machine;
    machine_init(&machine, "a", 3);
    machine_start(&machine);
    feed_manifest(&machine, "b", 2);
    cr_expect(!has(&machine, SL_ROUND_FETCH, NULL) && !has(&machine, SL_ROUND_SEND_PASS, NULL)); /* held */
    feed_manifest(&machine, "b", 4);
    cr_expect_eq(get(&machine, SL_ROUND_RELEASE, "b")->round, 2);
    cr_expect_eq(get(&machine, SL_ROUND_SEND_PASS, "b")->message.pass.reason, SL_PASS_BEHIND);
    feed_manifest(&machine, "c", 4);
    feed_of(&machine, SL_ROUND_TRAINED, NULL, 1);
    cr_expect(!has(&machine, SL_ROUND_TRAIN, NULL)); /* it is not thrown away for another training */
    cr_expect_eq(get(&machine, SL_ROUND_PUBLISH, NULL)->round, 4);
    cr_expect(has(&machine, SL_ROUND_FETCH, "b") && has(&machine, SL_ROUND_FETCH, "c"));
    machine_finish(&machine);
}

Test(phases, manifests_of_closed_rounds_are_turned_away) {
    struct machine machine;
    mix_alone(&machine);
    feed_manifest(&machine, "b", 1);
    cr_expect_eq(get(&machine, SL_ROUND_SEND_PASS, "b")->message.pass.reason, SL_PASS_CLOSED);
    cr_expect(has(&machine, SL_ROUND_RELEASE, "b"));
    machine_finish(&machine);
}

/* ---- close ---- */

Test(phases, nobody_waits_for_the_dead_and_the_passing) {
    struct machine machine;
    machine_exchange(&machine);
    feed_payload(&machine, "a", 1);
    feed_pass(&machine, "c", 1, SL_PASS_BEHIND);
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_EXCHANGE);
    machine.members[0].live = false;
    feed_members(&machine);
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_MIX);
    cr_expect_eq(get(&machine, SL_ROUND_EDGE, "a")->outcome, SL_EDGE_PENDING);
    machine_finish(&machine);
}

Test(phases, a_lost_payload_is_waited_for_only_while_its_sender_may_come_back) {
    struct machine machine;
    machine_exchange(&machine);
    feed_pass(&machine, "a", 1, SL_PASS_BEHIND);
    feed_manifest(&machine, "c", 1);
    machine.members[2].connected = false;
    feed_members(&machine);
    feed_of(&machine, SL_ROUND_LOST, "c", 1);
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_EXCHANGE);
    machine.members[2].connected = true;
    feed_members(&machine);
    cr_expect(has(&machine, SL_ROUND_OFFER, "c"));
    feed_manifest(&machine, "c", 1);
    cr_expect(has(&machine, SL_ROUND_FETCH, "c"));
    feed_of(&machine, SL_ROUND_LOST, "c", 1); /* cancelled, on a connection that stands */
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_MIX);
    machine_finish(&machine);
}

Test(phases, the_deadline_follows_the_arrivals) {
    struct machine machine;
    machine_init(&machine, "a", 5);
    machine.options.deadline_min = SL_SECOND;
    machine_start(&machine);
    cr_expect_eq(sl_round_deadline(machine.round), 60 * SL_SECOND); /* nothing is known */
    machine_publish(&machine, 1);
    const char *peers[] = {"b", "c", "d", "e"};
    for (int i = 0; i < 4; i++) { /* decided 2, 4, 6, 8 s after own training */
        machine.now += 2 * SL_SECOND;
        feed_payload(&machine, peers[i], 1);
        feed_ready(&machine, peers[i], 1);
        cr_expect_eq(get(&machine, SL_ROUND_EDGE, peers[i])->after, (i + 1) * 2 * SL_SECOND);
    }
    /* The lower median of 2, 4, 6, 8 is 4; deviations 2, 0, 2, 4: 2. */
    cr_expect_eq(sl_round_deadline(machine.round), 12 * SL_SECOND);
    const struct sl_round_action *closed = get(&machine, SL_ROUND_CLOSED, NULL);
    cr_expect(closed->clean && closed->counted == 4 && closed->planned == 4);
    cr_expect_eq(closed->waited, 8 * SL_SECOND);
    machine_finish(&machine);
}

Test(phases, who_tells_an_old_manifest_again_and_again_makes_no_round_longer) {
    struct machine machine;
    machine_init(&machine, "a", 5);
    machine.options.deadline_min = SL_SECOND;
    machine_start(&machine);
    machine_publish(&machine, 1);
    machine.now += 2 * SL_SECOND;
    for (const char *const *peer = (const char *const[]){"b", "c", "d", NULL}; *peer != NULL; peer++) {
        feed_payload(&machine, *peer, 1);
        feed_ready(&machine, *peer, 1);
    }
    feed_timer(&machine, 60 * SL_SECOND);
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_MIX);
    for (int i = 0; i < 20; i++)
        feed_manifest(&machine, "e", 1);
    cr_expect_eq(sl_round_deadline(machine.round), 2 * SL_SECOND);
    machine_finish(&machine);
}

Test(phases, a_stream_passes_over_the_silent_first_and_has_nothing_pending) {
    struct machine machine;
    machine_init(&machine, "c", 4);
    machine.options.stream = true;
    machine_start(&machine);
    machine_publish(&machine, 1);
    feed_payload(&machine, "a", 1); /* bound, folded */
    feed_manifest(&machine, "b", 1);
    feed_timer(&machine, 60 * SL_SECOND);
    cr_expect(has(&machine, SL_ROUND_RELEASE, "d"));
    cr_expect(!has(&machine, SL_ROUND_RELEASE, "a") && !has(&machine, SL_ROUND_RELEASE, "b"));
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_EXCHANGE);
    feed_timer(&machine, 60 * SL_SECOND);
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_MIX);
    cr_expect(!has(&machine, SL_ROUND_HOLD, NULL));
    cr_expect_eq(get(&machine, SL_ROUND_EDGE, "a")->outcome, SL_EDGE_COUNTED);
    cr_expect_eq(get(&machine, SL_ROUND_EDGE, "b")->outcome, SL_EDGE_VOID);
    machine_finish(&machine);
}

Test(phases, too_few_counted_edges_wait_for_peers) {
    struct machine machine;
    machine_init(&machine, "a", 3);
    machine.options.min_peers_per_round = 1;
    machine_start(&machine);
    machine_publish(&machine, 1);
    feed_progress(&machine, "b", 1);
    machine.members[1].live = machine.members[2].live = false;
    feed_members(&machine);
    feed_of(&machine, SL_ROUND_MIXED, NULL, 1);
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_GATHER);
    machine.members[1].live = true;
    feed_members(&machine);
    cr_expect_eq(get(&machine, SL_ROUND_TRAIN, NULL)->round, 2);
    machine_finish(&machine);
}

/* ---- coefficients ---- */

Test(phases, by_samples_the_plan_is_fedavg) {
    struct machine machine;
    machine_init(&machine, "b", 3);
    machine.options.by_samples = true;
    for (size_t i = 0; i < 3; i++)
        machine.members[i].samples = 100 * (i + 1);
    machine_start(&machine);
    feed_of(&machine, SL_ROUND_TRAINED, NULL, 1);
    const struct sl_round_action *publish = get(&machine, SL_ROUND_PUBLISH, NULL);
    cr_expect_eq(publish->total_samples, 600);
    cr_expect_eq(publish->divisor, 600);
    for (size_t i = 0; i < 3; i++)
        cr_expect_eq(publish->plan[i].coefficient, 100.0 * (double)(i + 1));
    feed_published(&machine, 1);
    struct sl_manifest manifest = manifest_of(&machine, "c", 1);
    manifest.total_samples = 600;
    manifest.samples = 300;
    feed_this_manifest(&machine, &manifest);
    feed_of(&machine, SL_ROUND_HELD, "c", 1);
    feed_ready(&machine, "c", 1);
    cr_expect_eq(get(&machine, SL_ROUND_EDGE, "c")->weight, 0.5);
    feed_timer(&machine, 60 * SL_SECOND);
    const struct sl_round_action *mix = get(&machine, SL_ROUND_MIX, NULL);
    cr_expect(!mix->clean);
    cr_expect_eq(mix->plan[1].coefficient, 300); /* its own 200 and the missing 100 */
    cr_expect_eq(mix->plan[2].coefficient, 300);
    machine_finish(&machine);
}

Test(phases, in_other_graphs_the_weights_are_of_metropolis_and_hastings) {
    struct machine machine;
    machine_init(&machine, "b", 5); /* ring: a and c */
    machine.topology.kind = SL_TOPOLOGY_RING;
    machine_start(&machine);
    machine_publish(&machine, 1);
    cr_expect(has(&machine, SL_ROUND_OFFER, "a") && has(&machine, SL_ROUND_OFFER, "c"));
    cr_expect(!has(&machine, SL_ROUND_OFFER, "d"));
    struct sl_manifest manifest = manifest_of(&machine, "c", 1);
    manifest.degree = 3; /* its view is another: the edge is as good */
    feed_this_manifest(&machine, &manifest);
    feed_of(&machine, SL_ROUND_HELD, "c", 1);
    feed_ready(&machine, "c", 1);
    cr_expect_eq(get(&machine, SL_ROUND_EDGE, "c")->weight, 0.25);
    feed_manifest(&machine, "d", 1);
    cr_expect_eq(get(&machine, SL_ROUND_SEND_PASS, "d")->message.pass.reason, SL_PASS_NOT_LISTED);
    feed_timer(&machine, 60 * SL_SECOND);
    const struct sl_round_action *mix = get(&machine, SL_ROUND_MIX, NULL);
    cr_assert_eq(mix->plan_count, 3);
    cr_expect_eq(mix->divisor, 1);
    cr_expect_eq(mix->plan[1].coefficient, 0.75);
    machine_finish(&machine);
}

/* ---- the end ---- */

static void finish_peer(struct machine *machine, const char *peer, uint32_t pending) {
    const struct sl_progress progress = {
        .epoch = EPOCH, .round = 1, .lineage = lineage_of(peer), .finished = true, .pending = pending};
    feed(machine, (struct sl_round_event){.type = SL_ROUND_PROGRESS, .peer = peer, .progress = &progress});
}

Test(phases, lingers_until_all_are_finished_with_none_pending) {
    struct machine machine;
    machine_init(&machine, "a", 3);
    machine.options.rounds = 1;
    machine_start(&machine);
    machine_publish(&machine, 1);
    feed_payload(&machine, "b", 1);
    feed_ready(&machine, "b", 1);
    feed_timer(&machine, 60 * SL_SECOND);
    feed_of(&machine, SL_ROUND_MIXED, NULL, 1);
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_LINGER);
    cr_expect(get(&machine, SL_ROUND_SEND_PROGRESS, NULL)->message.progress.finished);
    feed_ready(&machine, "b", 1);
    cr_expect_eq(get(&machine, SL_ROUND_SEND_VERDICT, "b")->message.verdict.verdict, SL_VERDICT_COUNT);
    feed_ready(&machine, "c", 1);
    cr_expect_eq(get(&machine, SL_ROUND_SEND_VERDICT, "c")->message.verdict.verdict, SL_VERDICT_VOID);
    finish_peer(&machine, "b", 1);
    finish_peer(&machine, "c", 0);
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_LINGER);
    finish_peer(&machine, "b", 0);
    cr_expect_eq(get(&machine, SL_ROUND_FINISHED, NULL)->status, SL_OK);
    feed_ready(&machine, "b", 1);
    cr_expect_eq(machine.actions.count, 0);
    machine_finish(&machine);
}

Test(phases, lingers_no_longer_than_it_may_and_tells_who_was_left_out) {
    struct machine machine;
    machine_init(&machine, "a", 3);
    machine.options.rounds = machine.options.averaging_rounds = 1;
    machine_start(&machine);
    cr_expect(get(&machine, SL_ROUND_TRAIN, NULL)->averaging);
    machine_publish(&machine, 1);
    feed_timer(&machine, 60 * SL_SECOND);
    feed_of(&machine, SL_ROUND_MIXED, NULL, 1);
    feed_timer(&machine, 119 * SL_SECOND);
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_LINGER);
    feed_timer(&machine, SL_SECOND);
    cr_expect_eq(get(&machine, SL_ROUND_FINISHED, NULL)->status, SL_LEFT_OUT);
    machine_finish(&machine);
}

Test(phases, a_node_alone_does_its_rounds) {
    struct machine machine;
    machine_init(&machine, "a", 1);
    machine.options.rounds = 2;
    machine.options.averaging_rounds = 1;
    feed_members(&machine);
    for (uint64_t t = 1; t <= 2; t++) {
        feed_of(&machine, SL_ROUND_TRAINED, NULL, t);
        cr_expect_eq(get(&machine, SL_ROUND_PUBLISH, NULL)->degree, 0);
        feed_published(&machine, t);
        const struct sl_round_action *mix = get(&machine, SL_ROUND_MIX, NULL);
        cr_assert_eq(mix->plan_count, 1);
        cr_expect(mix->plan[0].self && mix->plan[0].coefficient / mix->divisor == 1);
        feed_of(&machine, SL_ROUND_MIXED, NULL, t);
    }
    cr_expect_eq(get(&machine, SL_ROUND_FINISHED, NULL)->status, SL_OK);
    machine_finish(&machine);
}

Test(phases, a_stop_keeps_promises) {
    struct machine machine;
    machine_exchange(&machine);
    feed_payload(&machine, "a", 1);
    feed(&machine, (struct sl_round_event){.type = SL_ROUND_STOP});
    cr_expect(has(&machine, SL_ROUND_MIX, NULL));
    feed_of(&machine, SL_ROUND_MIXED, NULL, 1);
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_LINGER);
    cr_expect(!get(&machine, SL_ROUND_SEND_PROGRESS, NULL)->message.progress.finished);
    feed_verdict(&machine, "a", 1, SL_VERDICT_COUNT);
    cr_expect(has(&machine, SL_ROUND_APPLY_LATE, "a"));
    cr_expect_eq(get(&machine, SL_ROUND_FINISHED, NULL)->status, SL_CANCELLED);
    machine_finish(&machine);
}

Test(phases, a_stop_ends_at_once_where_nothing_is_promised) {
    struct machine machine;
    machine_init(&machine, "a", 3);
    feed_members(&machine);
    feed(&machine, (struct sl_round_event){.type = SL_ROUND_STOP});
    cr_expect_eq(get(&machine, SL_ROUND_FINISHED, NULL)->status, SL_CANCELLED);
    machine_finish(&machine);
    machine_init(&machine, "a", 3);
    machine_start(&machine);
    feed(&machine, (struct sl_round_event){.type = SL_ROUND_STOP});
    cr_expect_eq(get(&machine, SL_ROUND_FINISHED, NULL)->status, SL_CANCELLED);
    machine_finish(&machine);
}
