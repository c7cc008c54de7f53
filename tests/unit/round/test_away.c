/* Nodes that were away for long, peers in other epochs, links that are too slow, promises that nobody answers. */
#include "machine.h"

/* To round `number` together with the others, without an edge counted in between. */
static void pass_rounds(struct machine *machine, uint64_t from, uint64_t number) {
    for (uint64_t round = from; round < number; round++) {
        feed_of(machine, SL_ROUND_TRAINED, NULL, round);
        feed_published(machine, round);
        feed_timer(machine, 60 * SL_SECOND);
        for (size_t i = 0; i < machine->count; i++)
            if (machine->members[i].name[0] != machine->options.self[0])
                feed_progress(machine, machine->members[i].name, round);
        feed_of(machine, SL_ROUND_MIXED, NULL, round);
        for (size_t i = 0; i < machine->count; i++)
            if (machine->members[i].name[0] != machine->options.self[0])
                feed_progress(machine, machine->members[i].name, round + 1);
        if (sl_round_phase(machine->round) == SL_PHASE_EXCHANGE) /* carried over */
            feed_published(machine, round + 1);
        cr_assert_eq(sl_round_current(machine->round), round + 1);
    }
}

/* ---- too far behind ---- */

static void stay_away(struct machine *machine, uint64_t half) {
    machine_init(machine, "b", 3);
    machine->options.rounds = 1000;
    machine->options.stale_rounds = 100;
    machine_start(machine);
    machine_publish(machine, 1);
    feed_payload(machine, "a", 1);
    feed_payload(machine, "c", 1);
    feed_ready(machine, "c", 1);
    feed_timer(machine, 60 * SL_SECOND); /* a is pending, c counted */
    feed_progress(machine, "a", half);
    feed_progress(machine, "c", half);
    feed_of(machine, SL_ROUND_MIXED, NULL, 1);
}

Test(away, who_is_not_too_far_behind_catches_up) {
    struct machine machine;
    stay_away(&machine, 101);
    cr_expect_eq(sl_round_current(machine.round), 101);
    cr_expect_eq(sl_round_lineage(machine.round), lineage_of("b"));
    machine_finish(&machine);
}

Test(away, who_is_begins_again_as_another_lineage) {
    struct machine machine;
    stay_away(&machine, 102);
    const struct sl_round_action *lineage = get(&machine, SL_ROUND_LINEAGE, NULL);
    cr_expect(lineage->durable && machine.actions.save);
    cr_expect_neq(lineage->lineage, lineage_of("b"));
    cr_expect_neq(lineage->lineage, 0);
    cr_expect_eq(sl_round_lineage(machine.round), lineage->lineage);
    cr_expect_eq(get(&machine, SL_ROUND_EDGE, "a")->outcome, SL_EDGE_STALE);
    cr_expect(has(&machine, SL_ROUND_DROP_LATE, "a"));
    cr_expect_eq(get(&machine, SL_ROUND_SCHEDULE, NULL)->round, 104);
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_JOIN);
    feed_ready(&machine, "c", 1); /* what the former lineage counted, this one does not answer for */
    cr_expect_eq(get(&machine, SL_ROUND_SEND_VERDICT, "c")->message.verdict.verdict, SL_VERDICT_GONE);
    feed_progress(&machine, "a", 103);
    cr_expect(has(&machine, SL_ROUND_REQUEST_MODEL, "a"));
    feed_of(&machine, SL_ROUND_MODEL_LOADED, NULL, 103);
    cr_expect_eq(get(&machine, SL_ROUND_TRAIN, NULL)->round, 104);
    machine_finish(&machine);
}

/* ---- places for promises ---- */

Test(away, promises_of_the_round_count_for_pending_max) {
    struct machine machine;
    machine_init(&machine, "d", 4);
    machine.options.pending_max = 2;
    machine_start(&machine);
    machine_publish(&machine, 1);
    feed_payload(&machine, "a", 1);
    feed_payload(&machine, "b", 1);
    cr_expect(has(&machine, SL_ROUND_SEND_READY, "b"));
    feed_payload(&machine, "c", 1);
    cr_expect(!has(&machine, SL_ROUND_SEND_READY, "c"));
    cr_expect_eq(get(&machine, SL_ROUND_SEND_PASS, "c")->message.pass.reason, SL_PASS_FULL);
    feed_verdict(&machine, "a", 1, SL_VERDICT_COUNT); /* COUNTED takes no place */
    feed_of(&machine, SL_ROUND_HELD, "c", 1);
    cr_expect(has(&machine, SL_ROUND_SEND_READY, "c"));
    machine_finish(&machine);
}

Test(away, a_stale_promise_gives_its_place_up) {
    for (uint64_t rounds = 3; rounds <= 4; rounds++) {
        struct machine machine;
        machine_init(&machine, "c", 3);
        machine.options.rounds = 20;
        machine.options.pending_max = 1;
        machine.options.stale_rounds = 2;
        machine_start(&machine);
        machine_publish(&machine, 1);
        feed_payload(&machine, "a", 1);
        feed_timer(&machine, 60 * SL_SECOND);
        cr_assert_eq(sl_round_edge(machine.round, "a", 1), SL_EDGE_STATE_PENDING);
        feed_of(&machine, SL_ROUND_MIXED, NULL, 1);
        feed_progress(&machine, "a", 1);
        feed_progress(&machine, "b", 1);
        if (sl_round_phase(machine.round) == SL_PHASE_EXCHANGE)
            feed_published(&machine, 2);
        pass_rounds(&machine, 2, rounds);
        if (sl_round_phase(machine.round) != SL_PHASE_EXCHANGE)
            machine_publish(&machine, rounds);
        feed_manifest(&machine, "b", rounds);
        feed_of(&machine, SL_ROUND_HELD, "b", rounds);
        bool stale = rounds == 4; /* more than two rounds old */
        cr_expect_eq(has(&machine, SL_ROUND_SEND_READY, "b"), stale, "round %d", (int)rounds);
        cr_expect_eq(has(&machine, SL_ROUND_DROP_LATE, "a"), stale, "round %d", (int)rounds);
        if (stale)
            cr_expect_eq(get(&machine, SL_ROUND_EDGE, "a")->outcome, SL_EDGE_STALE);
        machine_finish(&machine);
    }
}

/* ---- one peer at a time ---- */

static size_t count_actions(const struct machine *machine, enum sl_round_action_type type) {
    size_t count = 0;
    for (size_t i = 0; i < machine->actions.count; i++)
        count += machine->actions.items[i].type == type;
    return count;
}

static size_t count_held(const struct machine *machine) {
    size_t count = 0;
    for (size_t i = 0; i < machine->actions.count; i++)
        count += machine->actions.items[i].type == SL_ROUND_OFFER && machine->actions.items[i].held;
    return count;
}

Test(away, after_three_rounds_without_an_edge_the_peers_have_their_turn) {
    struct machine machine;
    machine_init(&machine, "b", 4);
    machine.options.rounds = 20;
    machine_start(&machine);
    pass_rounds(&machine, 1, 4);
    feed_manifest(&machine, "a", 4);
    feed_of(&machine, SL_ROUND_TRAINED, NULL, 4);
    cr_expect(!has(&machine, SL_ROUND_FETCH, NULL)); /* not before the own update is offered */
    feed_published(&machine, 4);
    /* Of 0 to 3 in the roster those two have their turn in round 4 whose sum is 1, modulo 3. */
    cr_expect_eq(count_held(&machine), 3);
    cr_expect_eq(count_actions(&machine, SL_ROUND_TURN), 1);
    cr_expect(has(&machine, SL_ROUND_TURN, "a") && has(&machine, SL_ROUND_FETCH, "a"));
    cr_expect_gt(find(&machine, SL_ROUND_FETCH, "a"), find(&machine, SL_ROUND_OFFER, "a"));
    cr_expect(get(&machine, SL_ROUND_FETCH, "a")->durable && machine.actions.save);
    feed_manifest(&machine, "c", 4);
    cr_expect(!has(&machine, SL_ROUND_FETCH, NULL));
    feed_of(&machine, SL_ROUND_HELD, "a", 4);
    cr_expect(has(&machine, SL_ROUND_SEND_READY, "a"));
    feed_timer(&machine, SL_SECOND);
    cr_expect(!has(&machine, SL_ROUND_TURN, NULL)); /* a has not said that it has all */
    feed_manifest(&machine, "d", 4);
    feed_verdict(&machine, "a", 4, SL_VERDICT_COUNT);
    cr_expect(has(&machine, SL_ROUND_TURN, "d") && has(&machine, SL_ROUND_FETCH, "d")); /* the next one */
    cr_expect_eq(count_actions(&machine, SL_ROUND_TURN), 1);
    feed_pass(&machine, "d", 4, SL_PASS_CLOSED);
    cr_expect(has(&machine, SL_ROUND_TURN, "c"));

    /* One of three counted: the link is still narrow. In round 5 it is the turn of d, who is in a later one. */
    feed_timer(&machine, 60 * SL_SECOND);
    feed_of(&machine, SL_ROUND_MIXED, NULL, 4);
    feed_progress(&machine, "d", 6);
    feed_progress(&machine, "c", 5);
    feed_progress(&machine, "a", 4);
    cr_assert_eq(sl_round_current(machine.round), 5);
    machine_publish(&machine, 5);
    cr_expect_eq(count_held(&machine), 3);
    cr_expect_eq(count_actions(&machine, SL_ROUND_TURN), 1);
    cr_expect(has(&machine, SL_ROUND_TURN, "c"));
    machine_finish(&machine);
}

/* Who begins a turn when the others close soon has both in vain, and the next round's first one waits for what is still
 * in the wires. */
Test(away, no_turn_begins_that_cannot_end_in_time) {
    for (int case_ = 0; case_ < 3; case_++) {
        struct machine machine;
        machine_init(&machine, "b", 4); /* others wait for 10 s at the least */
        machine.options.rounds = 20;
        machine_start(&machine);
        pass_rounds(&machine, 1, 4);
        machine_publish(&machine, 4);
        feed_payload(&machine, "a", 4);
        feed_manifest(&machine, "d", 4);
        feed_timer(&machine, (case_ == 1 ? 6 : 4) * SL_SECOND);
        if (case_ == 2) {
            feed_progress(&machine, "c", 5);
            feed_progress(&machine, "d", 5);
        }
        feed_verdict(&machine, "a", 4, SL_VERDICT_COUNT); /* which took as long */
        cr_expect_eq(has(&machine, SL_ROUND_TURN, "d"), case_ == 0, "case %d", case_);
        cr_expect_eq(sl_round_phase(machine.round), case_ == 2 ? SL_PHASE_MIX : SL_PHASE_EXCHANGE, "case %d", case_);
        machine_finish(&machine);
    }
}

Test(away, transfers_in_each_others_way_make_a_link_narrow_at_once) {
    for (int begun = 1; begun <= 2; begun++) {
        struct machine machine;
        machine_init(&machine, "b", 4);
        machine.options.rounds = 20;
        machine_start(&machine);
        machine_publish(&machine, 1);
        cr_expect_eq(count_held(&machine), 0);
        feed_manifest(&machine, "a", 1);
        if (begun == 2)
            feed_manifest(&machine, "c", 1);
        pass_rounds(&machine, 1, 2);
        machine_publish(&machine, 2);
        cr_expect_eq(count_held(&machine), begun == 2 ? 3 : 0, "%d begun", begun);
        cr_expect_eq(has(&machine, SL_ROUND_TURN, "d"), begun == 2, "%d begun", begun);
        machine_finish(&machine);
    }
}

/* Who has the first turn in that round; self: it is one with all at once. */
static size_t first_turn(size_t self, size_t count, uint64_t round) {
    struct machine machine;
    machine_init(&machine, (const char[]){(char)('a' + self), '\0'}, count);
    machine.options.rounds = 40;
    machine_start(&machine);
    pass_rounds(&machine, 1, round);
    machine_publish(&machine, round);
    bool turns = has(&machine, SL_ROUND_TURN, NULL);
    size_t other = turns ? (size_t)(get(&machine, SL_ROUND_TURN, NULL)->peer[0] - 'a') : self;
    machine_finish(&machine);
    return other;
}

Test(away, each_pair_has_its_turn_once_in_a_cycle) {
    for (size_t count = 4; count <= 7; count++) {
        unsigned met[8] = {0};
        for (uint64_t round = 4; round < 4 + 2 * count; round++) {
            size_t partner[8], pairs = 0;
            for (size_t self = 0; self < count; self++)
                partner[self] = first_turn(self, count, round);
            if (partner[0] == 0)
                continue;
            for (size_t self = 0; self < count; self++) {
                if (partner[partner[self]] != self)
                    continue; /* of an odd number one is left over */
                pairs++;
                met[self] |= 1u << partner[self];
            }
            cr_expect_geq(pairs, count - count % 2, "%zu nodes, round %d", count, (int)round);
        }
        for (size_t self = 0; self < count; self++)
            cr_expect_eq(met[self], ((1u << count) - 1) & ~(1u << self), "%zu nodes, node %zu", count, self);
    }
}

/* A link that only loses things is better with all at once: where turns come to nothing, that is tried again. */
Test(away, turns_in_vain_end) {
    for (uint64_t round = 4; round <= 13; round++) {
        bool all = first_turn(1, 4, round) == 1;
        cr_expect_eq(all, round == 7 || round == 13, "round %d", (int)round);
    }
}

/* d counts nothing in rounds 1 to 4, the others do. */
static void miss_rounds(struct machine *machine, const char *self) {
    machine_init(machine, self, 4);
    machine->options.rounds = 20;
    machine->options.deadline_min = SL_SECOND;
    machine->options.deadline_max = 60 * SL_SECOND;
    machine_start(machine);
    for (uint64_t round = 1; round <= 5; round++) {
        machine_publish(machine, round);
        for (const char *peer = "abc"; *peer != '\0'; peer++) {
            const char name[2] = {*peer, '\0'};
            if (*peer == self[0])
                continue;
            feed_payload(machine, name, round);
            feed_ready(machine, name, round);
            feed_verdict(machine, name, round, SL_VERDICT_COUNT);
        }
        if (round == 5)
            return;
        feed_timer(machine, 60 * SL_SECOND);
        feed_of(machine, SL_ROUND_MIXED, NULL, round);
        for (const char *peer = "abcd"; *peer != '\0'; peer++)
            if (*peer != self[0])
                feed_progress(machine, (const char[]){*peer, '\0'}, round + 1);
        cr_assert_eq(sl_round_current(machine->round), round + 1);
    }
}

Test(away, a_round_lasts_longer_for_one_that_missed_many_and_has_its_turn) {
    struct machine machine;
    miss_rounds(&machine, "b"); /* with d it has its turn in round 5 */
    feed_manifest(&machine, "d", 5);
    feed_timer(&machine, SL_SECOND + 1);
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_EXCHANGE);
    feed_of(&machine, SL_ROUND_HELD, "d", 5);
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_EXCHANGE);
    feed_ready(&machine, "d", 5);
    cr_expect(has(&machine, SL_ROUND_SEND_VERDICT, "d"));
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_MIX);
    machine_finish(&machine);
}

/* The others wait for it in the next round. */
Test(away, and_no_longer_than_the_flock_can_wait) {
    struct machine machine;
    miss_rounds(&machine, "b");
    feed_manifest(&machine, "d", 5);
    feed_progress(&machine, "a", 6);
    feed_progress(&machine, "c", 6);
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_EXCHANGE);
    feed_timer(&machine, SL_SECOND / 2);
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_EXCHANGE);
    feed_timer(&machine, SL_SECOND / 4);
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_MIX);
    machine_finish(&machine);
}

Test(away, it_lasts_no_longer_than_its_maximum) {
    struct machine machine;
    miss_rounds(&machine, "b");
    feed_manifest(&machine, "d", 5);
    feed_timer(&machine, SL_SECOND + 1);
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_EXCHANGE);
    feed_timer(&machine, 59 * SL_SECOND);
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_MIX);
    machine_finish(&machine);
}

Test(away, without_its_manifest_or_its_turn_it_does_not) {
    struct machine machine;
    miss_rounds(&machine, "b");
    feed_timer(&machine, SL_SECOND + 1);
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_MIX);
    machine_finish(&machine);
    miss_rounds(&machine, "c");
    feed_manifest(&machine, "d", 5);
    feed_timer(&machine, SL_SECOND + 1);
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_MIX);
    machine_finish(&machine);
}

/* ---- epochs ---- */

static void feed_epoch(struct machine *machine, const char *peer, uint64_t epoch) {
    const struct sl_progress progress = {.epoch = epoch, .round = 9, .lineage = lineage_of(peer)};
    feed(machine, (struct sl_round_event){.type = SL_ROUND_PROGRESS, .peer = peer, .progress = &progress});
}

Test(away, a_peer_of_an_earlier_epoch_is_told_and_has_no_effect) {
    struct machine machine;
    machine_init(&machine, "b", 3);
    feed_members(&machine);
    feed_epoch(&machine, "a", EPOCH - 1);
    cr_expect_eq(get(&machine, SL_ROUND_SEND_PROGRESS, "a")->message.progress.epoch, EPOCH);
    feed_progress(&machine, "c", 0);
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_GATHER); /* a has not told where it is */
    machine_finish(&machine);
}

Test(away, most_of_the_flock_in_a_later_epoch_stops_a_node_if_so_set) {
    for (int stop = 0; stop < 2; stop++) {
        struct machine machine;
        machine_init(&machine, "b", 3);
        machine.options.stop_outdated = stop == 1;
        machine_start(&machine);
        feed_epoch(&machine, "a", EPOCH + 1);
        const struct sl_round_action *told = get(&machine, SL_ROUND_OUTDATED, "a");
        cr_expect_eq(told->epoch, EPOCH + 1);
        cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_TRAIN); /* one peer's word */
        feed_epoch(&machine, "a", EPOCH + 1);
        cr_expect(!has(&machine, SL_ROUND_OUTDATED, NULL)); /* once */
        feed_epoch(&machine, "c", EPOCH + 2);
        cr_expect(has(&machine, SL_ROUND_OUTDATED, "c"));
        cr_expect_eq(has(&machine, SL_ROUND_FINISHED, NULL), stop == 1);
        if (stop == 1)
            cr_expect_eq(get(&machine, SL_ROUND_FINISHED, NULL)->status, SL_LEFT_OUT);
        machine_finish(&machine);
    }
}

/* ---- donors ---- */

Test(away, in_a_full_mesh_several_donors_of_one_round_are_asked) {
    struct machine machine;
    machine_init(&machine, "e", 5);
    for (size_t i = 0; i < 4; i++)
        machine.members[i].from_round = 1;
    machine.options.start_nodes = 1;
    machine.options.min_peers_to_start = 4;
    machine.options.donors = 3;
    feed_members(&machine);
    for (size_t i = 0; i < 4; i++)
        feed_progress(&machine, machine.members[i].name, 5);
    cr_assert_eq(sl_round_phase(machine.round), SL_PHASE_JOIN);
    feed_progress(&machine, "a", 6);
    feed_progress(&machine, "c", 6);
    cr_expect(has(&machine, SL_ROUND_REQUEST_MODEL, "a") && has(&machine, SL_ROUND_REQUEST_MODEL, "c"));
    cr_expect_eq(count_actions(&machine, SL_ROUND_REQUEST_MODEL), 2); /* the others are elsewhere */
    feed_of(&machine, SL_ROUND_MODEL_FAILED, "a", 0);
    cr_expect_eq(count_actions(&machine, SL_ROUND_REQUEST_MODEL), 0); /* c may still answer */
    feed_progress(&machine, "b", 6);
    feed_of(&machine, SL_ROUND_MODEL_FAILED, "c", 0);
    cr_expect(has(&machine, SL_ROUND_REQUEST_MODEL, "b"));
    cr_expect_eq(count_actions(&machine, SL_ROUND_REQUEST_MODEL), 1);
    machine_finish(&machine);
}
