/* The edge table of docs/protocol.md, row by row, and what must not move it. */
#include "machine.h"

static enum sl_edge_state state(const struct machine *machine, const char *peer, uint64_t round) {
    return sl_round_edge(machine->round, peer, round);
}

/* ---- D ---- */

Test(edge, decider_counts_when_payload_and_ready_are_here) {
    struct machine machine;
    machine_exchange(&machine);
    feed_payload(&machine, "c", 1);
    cr_expect(!has(&machine, SL_ROUND_SEND_VERDICT, NULL));
    cr_expect_eq(state(&machine, "c", 1), SL_EDGE_STATE_OPEN);
    feed_ready(&machine, "c", 1);
    cr_expect_eq(state(&machine, "c", 1), SL_EDGE_STATE_COUNTED);
    const struct sl_verdict *verdict = &get(&machine, SL_ROUND_SEND_VERDICT, "c")->message.verdict;
    cr_expect_eq(verdict->verdict, SL_VERDICT_COUNT);
    cr_expect_eq(verdict->round, 1);
    cr_expect_eq(verdict->epoch, EPOCH);
    cr_expect_eq(verdict->lineage_sender, lineage_of("b"));
    cr_expect_eq(verdict->lineage_receiver, lineage_of("c"));
    /* The state changes before it is told. */
    cr_expect_lt(find(&machine, SL_ROUND_EDGE, "c"), find(&machine, SL_ROUND_SEND_VERDICT, "c"));
    machine_finish(&machine);
}

Test(edge, decider_takes_a_ready_that_overtook_everything) {
    struct machine machine;
    machine_exchange(&machine);
    feed_ready(&machine, "c", 1);
    feed_manifest(&machine, "c", 1);
    cr_expect(!has(&machine, SL_ROUND_SEND_VERDICT, NULL));
    feed_of(&machine, SL_ROUND_HELD, "c", 1);
    cr_expect(has(&machine, SL_ROUND_SEND_VERDICT, "c"));
    machine_finish(&machine);
}

Test(edge, decider_wants_both_digests_and_lineages) {
    for (int wrong = 0; wrong < 4; wrong++) {
        struct machine machine;
        machine_exchange(&machine);
        feed_payload(&machine, "c", 1);
        struct sl_ready ready = ready_of(&machine, "c", 1);
        ready.manifest_sender[5] ^= wrong == 0;
        ready.manifest_receiver[5] ^= wrong == 1;
        ready.lineage_sender += wrong == 2;
        ready.epoch += wrong == 3;
        feed_this_ready(&machine, "c", &ready);
        cr_expect_eq(state(&machine, "c", 1), SL_EDGE_STATE_OPEN, "case %d", wrong);
        cr_expect(!has(&machine, SL_ROUND_SEND_VERDICT, NULL), "case %d", wrong);
        machine_finish(&machine);
    }
}

Test(edge, decider_repeats_count_and_counts_once) {
    struct machine machine;
    machine_exchange(&machine);
    feed_payload(&machine, "c", 1);
    feed_ready(&machine, "c", 1);
    for (int i = 0; i < 2; i++) {
        feed_ready(&machine, "c", 1);
        cr_expect_eq(get(&machine, SL_ROUND_SEND_VERDICT, "c")->message.verdict.verdict, SL_VERDICT_COUNT);
        cr_expect(!has(&machine, SL_ROUND_EDGE, NULL));
        feed_timer(&machine, 100 * SL_SECOND); /* the second time: after the close */
    }
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_MIX);
    machine_finish(&machine);
}

Test(edge, who_waits_is_told_when_the_round_closes) {
    struct machine machine;
    machine_exchange(&machine);
    feed_manifest(&machine, "a", 1);
    feed_manifest(&machine, "c", 1);
    feed_timer(&machine, 60 * SL_SECOND);
    for (int i = 0; i < 2; i++)
        cr_expect_eq(get(&machine, SL_ROUND_SEND_PASS, i == 0 ? "a" : "c")->message.pass.reason, SL_PASS_CLOSED);
    machine_finish(&machine);
    machine_exchange(&machine); /* nobody waits */
    feed_timer(&machine, 60 * SL_SECOND);
    cr_expect(!has(&machine, SL_ROUND_SEND_PASS, NULL) && !has(&machine, SL_ROUND_SEND_VERDICT, NULL));
    machine_finish(&machine);
}

Test(edge, decider_waits_while_open_and_voids_when_closed) {
    struct machine machine;
    machine_exchange(&machine);
    feed_ready(&machine, "c", 1);
    cr_expect(!has(&machine, SL_ROUND_SEND_VERDICT, NULL));
    feed_timer(&machine, 60 * SL_SECOND);
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_MIX);
    cr_expect_eq(get(&machine, SL_ROUND_EDGE, "c")->outcome, SL_EDGE_VOID);
    for (int i = 0; i < 2; i++) { /* to the READY that waited, and to each later one */
        const struct sl_round_action *answer = get(&machine, SL_ROUND_SEND_VERDICT, "c");
        cr_expect_eq(answer->message.verdict.verdict, SL_VERDICT_VOID);
        cr_expect(answer->durable && machine.actions.save);
        feed_ready(&machine, "c", 1);
    }
    machine_finish(&machine);
}

Test(edge, decider_voids_for_whom_it_does_not_list) {
    struct machine machine;
    machine_exchange(&machine);
    feed_ready(&machine, "x", 1);
    cr_expect_eq(get(&machine, SL_ROUND_SEND_VERDICT, "x")->message.verdict.verdict, SL_VERDICT_VOID);
    machine_finish(&machine);
}

Test(edge, decider_does_not_answer_for_its_predecessor) {
    struct machine machine;
    machine_exchange(&machine);
    struct sl_ready ready = ready_of(&machine, "c", 1);
    ready.lineage_receiver = 77;
    feed_payload(&machine, "c", 1);
    feed_this_ready(&machine, "c", &ready);
    const struct sl_verdict *verdict = &get(&machine, SL_ROUND_SEND_VERDICT, "c")->message.verdict;
    cr_expect_eq(verdict->verdict, SL_VERDICT_GONE);
    cr_expect_eq(verdict->lineage_sender, 77); /* names the edge that was asked for */
    cr_expect_eq(state(&machine, "c", 1), SL_EDGE_STATE_OPEN);
    machine_finish(&machine);
}

Test(edge, a_new_lineage_of_the_follower_was_not_counted) {
    struct machine machine;
    machine_exchange(&machine);
    feed_payload(&machine, "c", 1);
    feed_ready(&machine, "c", 1);
    struct sl_ready ready = ready_of(&machine, "c", 1);
    ready.lineage_sender = 78;
    feed_this_ready(&machine, "c", &ready);
    cr_expect_eq(get(&machine, SL_ROUND_SEND_VERDICT, "c")->message.verdict.verdict, SL_VERDICT_VOID);
    machine_finish(&machine);
}

Test(edge, nobody_is_asked_by_the_one_that_decides) {
    struct machine machine;
    machine_exchange(&machine);
    feed_payload(&machine, "a", 1);
    feed_ready(&machine, "a", 1);
    cr_expect_eq(machine.actions.count, 0);
    machine_finish(&machine);
}

/* ---- F ---- */

Test(edge, follower_promises_when_the_payload_is_whole) {
    struct machine machine;
    machine_exchange(&machine);
    feed_manifest(&machine, "a", 1);
    cr_expect(has(&machine, SL_ROUND_FETCH, "a"));
    cr_expect(!has(&machine, SL_ROUND_SEND_READY, NULL));
    feed_of(&machine, SL_ROUND_HELD, "a", 1);
    cr_expect_eq(state(&machine, "a", 1), SL_EDGE_STATE_BOUND);
    const struct sl_ready *ready = &get(&machine, SL_ROUND_SEND_READY, "a")->message.ready;
    uint8_t digest[SL_WIRE_DIGEST_SIZE];
    fill_digest(digest, "b", 1);
    cr_expect_eq(memcmp(ready->manifest_sender, digest, sizeof digest), 0);
    fill_digest(digest, "a", 1);
    cr_expect_eq(memcmp(ready->manifest_receiver, digest, sizeof digest), 0);
    cr_expect_eq(ready->lineage_sender, lineage_of("b"));
    cr_expect_eq(ready->lineage_receiver, lineage_of("a"));
    cr_expect_eq(ready->round, 1);
    machine_finish(&machine);
}

Test(edge, follower_promises_nothing_before_its_own_manifest_is_out) {
    struct machine machine;
    machine_init(&machine, "b", 3);
    machine_start(&machine);
    feed_payload(&machine, "a", 1);
    cr_expect(!has(&machine, SL_ROUND_SEND_READY, NULL));
    machine_publish(&machine, 1);
    cr_expect(has(&machine, SL_ROUND_SEND_READY, "a"));
    machine_finish(&machine);
}

Test(edge, follower_obeys_each_verdict_once) {
    const enum sl_edge_outcome outcomes[] = {SL_EDGE_COUNTED, SL_EDGE_VOID, SL_EDGE_GONE};
    for (int value = SL_VERDICT_COUNT; value <= SL_VERDICT_GONE; value++) {
        struct machine machine;
        machine_exchange(&machine);
        feed_payload(&machine, "a", 1);
        feed_verdict(&machine, "a", 1, (enum sl_verdict_value)value);
        cr_expect_eq(get(&machine, SL_ROUND_EDGE, "a")->outcome, outcomes[value - SL_VERDICT_COUNT]);
        cr_expect_eq(has(&machine, SL_ROUND_RELEASE, "a"), value != SL_VERDICT_COUNT);
        feed_verdict(&machine, "a", 1, (enum sl_verdict_value)value);
        cr_expect_eq(machine.actions.count, 0);
        machine_finish(&machine);
    }
}

Test(edge, follower_ignores_verdicts_that_are_not_about_its_promise) {
    struct machine machine;
    machine_exchange(&machine);
    feed_verdict(&machine, "a", 1, SL_VERDICT_COUNT); /* nothing promised yet */
    cr_expect_eq(state(&machine, "a", 1), SL_EDGE_STATE_OPEN);
    feed_payload(&machine, "a", 1);
    for (int wrong = 0; wrong < 4; wrong++) {
        const struct sl_verdict verdict = {.epoch = EPOCH + (wrong == 0),
                                           .round = 1 + (wrong == 1),
                                           .lineage_sender = lineage_of("a") + (wrong == 2),
                                           .lineage_receiver = lineage_of("b") + (wrong == 3),
                                           .verdict = SL_VERDICT_VOID};
        feed(&machine, (struct sl_round_event){.type = SL_ROUND_VERDICT, .peer = "a", .verdict = &verdict});
        cr_expect_eq(state(&machine, "a", 1), SL_EDGE_STATE_BOUND, "case %d", wrong);
    }
    feed_verdict(&machine, "c", 1, SL_VERDICT_VOID);
    feed_verdict(&machine, "zz", 1, SL_VERDICT_VOID);
    cr_expect_eq(state(&machine, "a", 1), SL_EDGE_STATE_BOUND);
    machine_finish(&machine);
}

Test(edge, pass_frees_nobody_who_promised) {
    struct machine machine;
    machine_exchange(&machine);
    feed_manifest(&machine, "a", 1);
    feed_pass(&machine, "a", 1, SL_PASS_CLOSED); /* before the promise */
    feed_of(&machine, SL_ROUND_HELD, "a", 1);
    feed_pass(&machine, "c", 1, SL_PASS_BEHIND);
    feed_pass(&machine, "a", 1, SL_PASS_CLOSED); /* and after it */
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_EXCHANGE);
    cr_expect_eq(state(&machine, "a", 1), SL_EDGE_STATE_BOUND);
    feed_verdict(&machine, "a", 1, SL_VERDICT_COUNT);
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_MIX); /* and c is not waited for */
    machine_finish(&machine);
}

/* Bound to a, closed by the deadline. */
static void make_pending(struct machine *machine) {
    machine_exchange(machine);
    feed_payload(machine, "a", 1);
    feed_timer(machine, 60 * SL_SECOND);
    cr_assert_eq(state(machine, "a", 1), SL_EDGE_STATE_PENDING);
}

static void enter_round_2(struct machine *machine) {
    feed_progress(machine, "a", 2);
    feed_progress(machine, "c", 2);
    feed_of(machine, SL_ROUND_MIXED, NULL, 1);
    cr_assert_eq(sl_round_current(machine->round), 2);
}

Test(edge, a_bound_edge_is_pending_after_the_close) {
    struct machine machine;
    make_pending(&machine);
    cr_expect_eq(get(&machine, SL_ROUND_EDGE, "a")->outcome, SL_EDGE_PENDING);
    cr_expect(has(&machine, SL_ROUND_HOLD, "a"));
    cr_expect(!has(&machine, SL_ROUND_RELEASE, "a"));
    cr_expect(has(&machine, SL_ROUND_SEND_READY, "a")); /* at once */
    cr_expect_eq(get(&machine, SL_ROUND_SEND_PROGRESS, NULL)->message.progress.pending, 1);
    const struct sl_round_action *mix = get(&machine, SL_ROUND_MIX, NULL);
    cr_assert_eq(mix->plan_count, 3);
    cr_expect(!mix->plan[0].counted && mix->plan[1].counted && mix->plan[1].self && !mix->plan[2].counted);
    cr_expect_eq(mix->plan[1].coefficient, 3); /* what is missing stays at home */
    cr_expect_eq(mix->divisor, 3);
    machine_finish(&machine);
}

Test(edge, pending_asks_every_round_and_on_reconnection) {
    struct machine machine;
    make_pending(&machine);
    enter_round_2(&machine);
    const struct sl_round_action *ready = get(&machine, SL_ROUND_SEND_READY, "a");
    cr_expect_eq(ready->message.ready.round, 1);
    cr_expect_eq(ready->message.ready.manifest_sender[1], 1); /* the digests of that round */
    machine.members[0].connected = false;
    feed_members(&machine);
    cr_expect(!has(&machine, SL_ROUND_SEND_READY, NULL));
    machine.members[0].connected = true;
    feed_members(&machine);
    cr_expect_eq(get(&machine, SL_ROUND_SEND_READY, "a")->message.ready.round, 1);
    machine_finish(&machine);
}

Test(edge, a_pending_edge_is_settled_late) {
    const enum sl_edge_outcome outcomes[] = {SL_EDGE_LATE, SL_EDGE_VOID, SL_EDGE_GONE};
    for (int value = SL_VERDICT_COUNT; value <= SL_VERDICT_GONE; value++) {
        struct machine machine;
        make_pending(&machine);
        if (value == SL_VERDICT_VOID)
            enter_round_2(&machine); /* at any time */
        feed_verdict(&machine, "a", 1, (enum sl_verdict_value)value);
        cr_expect_eq(get(&machine, SL_ROUND_EDGE, "a")->outcome, outcomes[value - SL_VERDICT_COUNT]);
        cr_expect_eq(has(&machine, SL_ROUND_DROP_LATE, "a"), value != SL_VERDICT_COUNT);
        cr_expect_eq(has(&machine, SL_ROUND_APPLY_LATE, "a"), value == SL_VERDICT_COUNT);
        if (value == SL_VERDICT_COUNT)
            cr_expect_float_eq(get(&machine, SL_ROUND_APPLY_LATE, "a")->weight, 1.0 / 3, 1e-15);
        cr_expect_eq(get(&machine, SL_ROUND_SEND_PROGRESS, NULL)->message.progress.pending, 0);
        cr_expect_eq(state(&machine, "a", 1), SL_EDGE_STATE_NONE);
        feed_verdict(&machine, "a", 1, (enum sl_verdict_value)value);
        cr_expect_eq(machine.actions.count, 0, "doubled");
        machine_finish(&machine);
    }
}

Test(edge, a_pair_has_one_undecided_edge_at_most) {
    struct machine machine;
    make_pending(&machine);
    enter_round_2(&machine);
    machine_publish(&machine, 2);
    feed_payload(&machine, "a", 2);
    cr_expect(!has(&machine, SL_ROUND_SEND_READY, NULL));
    cr_expect_eq(state(&machine, "a", 2), SL_EDGE_STATE_OPEN);
    feed_verdict(&machine, "a", 1, SL_VERDICT_VOID);
    cr_expect_eq(get(&machine, SL_ROUND_SEND_READY, "a")->message.ready.round, 2);
    cr_expect_eq(state(&machine, "a", 2), SL_EDGE_STATE_BOUND);
    machine_finish(&machine);
}

/* ---- what does not belong here ---- */

Test(edge, foreign_events_change_nothing) {
    struct machine machine;
    machine_exchange(&machine);
    struct sl_manifest manifest = manifest_of(&machine, "c", 1);
    manifest.epoch++;
    feed_this_manifest(&machine, &manifest);
    cr_expect_eq(machine.actions.count, 0);
    manifest = manifest_of(&machine, "c", 1);
    manifest.round = 11; /* beyond the last one */
    feed_this_manifest(&machine, &manifest);
    cr_expect_eq(machine.actions.count, 0);
    feed_of(&machine, SL_ROUND_HELD, "c", 1); /* never announced */
    feed_of(&machine, SL_ROUND_HELD, "nobody", 1);
    feed_of(&machine, SL_ROUND_LOST, "c", 7);
    feed_of(&machine, SL_ROUND_MIXED, NULL, 1);
    feed_of(&machine, SL_ROUND_TRAINED, NULL, 1);
    feed_of(&machine, SL_ROUND_MODEL_LOADED, NULL, 5);
    feed_pass(&machine, "c", 9, SL_PASS_CLOSED);
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_EXCHANGE);
    cr_expect_eq(state(&machine, "c", 1), SL_EDGE_STATE_OPEN);
    machine_finish(&machine);
}

Test(edge, a_doubled_manifest_is_one_and_a_second_one_does_not_replace_it) {
    struct machine machine;
    machine_exchange(&machine);
    feed_payload(&machine, "c", 1);
    feed_manifest(&machine, "c", 1);
    cr_expect(!has(&machine, SL_ROUND_FETCH, NULL));
    struct sl_manifest other = manifest_of(&machine, "c", 1);
    uint8_t digest[SL_WIRE_DIGEST_SIZE] = {99};
    feed(&machine,
         (struct sl_round_event){.type = SL_ROUND_MANIFEST, .peer = "c", .manifest = &other, .digest = digest});
    cr_expect(!has(&machine, SL_ROUND_FETCH, NULL));
    feed_ready(&machine, "c", 1);
    cr_expect_eq(state(&machine, "c", 1), SL_EDGE_STATE_COUNTED);
    machine_finish(&machine);
}

Test(edge, another_total_is_no_edge_in_a_full_mesh) {
    for (int wrong = 0; wrong < 2; wrong++) {
        struct machine machine;
        machine_exchange(&machine);
        struct sl_manifest manifest = manifest_of(&machine, "c", 1);
        manifest.total_samples += wrong == 0;
        manifest.degree += wrong == 1;
        feed_this_manifest(&machine, &manifest);
        cr_expect_eq(get(&machine, SL_ROUND_SEND_PASS, "c")->message.pass.reason, SL_PASS_NOT_LISTED);
        cr_expect(has(&machine, SL_ROUND_RELEASE, "c"));
        cr_expect(!has(&machine, SL_ROUND_FETCH, NULL));
        feed_ready(&machine, "c", 1);
        cr_expect_eq(get(&machine, SL_ROUND_SEND_VERDICT, "c")->message.verdict.verdict, SL_VERDICT_VOID);
        machine_finish(&machine);
    }
}

Test(edge, another_view_is_no_edge_when_views_are_given) {
    struct machine machine;
    machine_init(&machine, "b", 3);
    machine_start(&machine);
    struct sl_manifest manifest = manifest_of(&machine, "c", 1);
    manifest.view[0] = 1;
    feed_this_manifest(&machine, &manifest);
    cr_expect(has(&machine, SL_ROUND_FETCH, "c")); /* the own view is not known yet */
    feed_of(&machine, SL_ROUND_TRAINED, NULL, 1);
    uint8_t digest[SL_WIRE_DIGEST_SIZE] = {0}, view[SL_WIRE_DIGEST_SIZE] = {0};
    feed(&machine, (struct sl_round_event){.type = SL_ROUND_PUBLISHED, .round = 1, .digest = digest, .view = view});
    cr_expect_eq(get(&machine, SL_ROUND_SEND_PASS, "c")->message.pass.reason, SL_PASS_NOT_LISTED);
    cr_expect(!has(&machine, SL_ROUND_OFFER, "c"));
    cr_expect(has(&machine, SL_ROUND_OFFER, "a"));
    machine_finish(&machine);
}

Test(edge, no_promise_beyond_pending_max) {
    /* e follows a, b, c, d: with a degree of 4, eight pending edges are the most. Only four peers can be pending at
     * once here (one a pair), so a shrunken roster makes the bound: two peers, pending_max 2 · 1. */
    struct machine machine;
    machine_init(&machine, "e", 5);
    machine_start(&machine);
    machine_publish(&machine, 1);
    for (size_t i = 0; i < 3; i++)
        feed_payload(&machine, machine.members[i].name, 1);
    feed_timer(&machine, 60 * SL_SECOND);
    for (size_t i = 0; i < 3; i++)
        machine.members[i].until_round = 2;
    feed_members(&machine);
    for (size_t i = 0; i < 4; i++)
        feed_progress(&machine, machine.members[i].name, 2);
    feed_of(&machine, SL_ROUND_MIXED, NULL, 1);
    machine_publish(&machine, 2);
    struct sl_manifest manifest = manifest_of(&machine, "d", 2);
    manifest.degree = 1;
    manifest.total_samples = 2;
    feed_this_manifest(&machine, &manifest);
    feed_of(&machine, SL_ROUND_HELD, "d", 2);
    cr_expect(!has(&machine, SL_ROUND_SEND_READY, "d"));
    cr_expect_eq(get(&machine, SL_ROUND_SEND_PASS, "d")->message.pass.reason, SL_PASS_FULL);
    machine_finish(&machine);
}
