/* Who is away and comes back: which rounds the others have it in, and which one it begins with. */
#include <stdlib.h>

#include "machine.h"

/* "b" of a, b, c, d, training in round 1; all have said that they take part from it on. */
static void start(struct machine *machine) {
    machine_init(machine, "b", 4);
    machine->options.rounds = 20;
    machine_start(machine);
    for (size_t i = 0; i < machine->count; i++)
        machine->members[i].from_round = 1;
    feed_members(machine);
}

/* From training in one round to training in the next, without any of the others. */
static void pass_round(struct machine *machine) {
    uint64_t round = sl_round_current(machine->round);
    machine_publish(machine, round);
    feed_timer(machine, 60 * SL_SECOND);
    feed_of(machine, SL_ROUND_MIXED, NULL, round);
    feed_progress(machine, "a", round);
    feed_progress(machine, "c", round);
    cr_assert_eq(sl_round_current(machine->round), round + 1);
}

/* How many peers it plans to exchange with in the round that it is in. */
static uint32_t planned(struct machine *machine) {
    feed_of(machine, SL_ROUND_TRAINED, NULL, sl_round_current(machine->round));
    return get(machine, SL_ROUND_PUBLISH, NULL)->degree;
}

/* "d" says that of itself. */
static void say(struct machine *machine, uint64_t from_round, uint64_t until_round) {
    machine->members[3].from_round = from_round;
    machine->members[3].until_round = until_round;
    feed_members(machine);
}

/* In each of the rounds 2 … 6, each time played anew: how many peers it has when "d" said this in round 1. */
static void expect_planned(const uint32_t expected[5], const uint64_t said[][2], size_t count) {
    for (uint64_t round = 2; round <= 6; round++) {
        struct machine machine;
        start(&machine);
        for (size_t i = 0; i < count; i++)
            say(&machine, said[i][0], said[i][1]);
        while (sl_round_current(machine.round) < round)
            pass_round(&machine);
        uint32_t found = planned(&machine);
        cr_expect_eq(found, expected[round - 2], "round %d: %u peers", (int)round, found);
        machine_finish(&machine);
    }
}

Test(return, who_begins_anew_was_never_gone_for_those_who_did_not_drop_it) {
    expect_planned((const uint32_t[5]){3, 3, 3, 3, 3}, (const uint64_t[][2]){{0, 0}, {4, 0}}, 2);
    expect_planned((const uint32_t[5]){3, 3, 3, 3, 3}, (const uint64_t[][2]){{4, 0}}, 1); /* who missed a word */
    expect_planned((const uint32_t[5]){3, 3, 3, 3, 3}, (const uint64_t[][2]){{0, 0}}, 1); /* that is all it said */
}

Test(return, who_was_dropped_is_gone_until_its_first_round) {
    expect_planned((const uint32_t[5]){3, 2, 2, 3, 3}, (const uint64_t[][2]){{1, 3}, {0, 0}, {5, 0}}, 3);
    expect_planned((const uint32_t[5]){3, 2, 2, 3, 3}, (const uint64_t[][2]){{1, 3}, {5, 0}}, 2);
    expect_planned((const uint32_t[5]){3, 2, 2, 2, 2}, (const uint64_t[][2]){{1, 3}, {0, 0}}, 2);
}

Test(return, a_first_round_that_never_came_is_not_what_held_before) {
    expect_planned((const uint32_t[5]){3, 2, 2, 2, 3}, (const uint64_t[][2]){{1, 3}, {5, 0}, {6, 0}}, 3);
}

Test(return, a_stranger_is_not_in_rounds_before_its_first_one) {
    struct machine machine;
    machine_init(&machine, "b", 4);
    machine.members[3].live = machine.members[3].connected = false;
    machine.members[3].samples = 0; /* only its name is known */
    machine.options.start_nodes = 3;
    machine.options.min_peers_to_start = 2;
    machine.options.rounds = 20;
    feed_members(&machine);
    feed_progress(&machine, "a", 0);
    feed_progress(&machine, "c", 0);
    machine.members[3] =
        (struct sl_round_member){.name = "d", .tag = 4, .samples = 1, .from_round = 3, .live = true, .connected = true};
    feed_members(&machine);
    pass_round(&machine);
    pass_round(&machine);
    cr_expect_eq(planned(&machine), 3);
    machine_finish(&machine);
}

/* A graph that one member more or less changes: connections are made for the one that the rounds have. */
Test(return, who_is_still_in_the_next_rounds_is_wanted) {
    struct machine machine;
    const char **names;
    size_t count, found = 0;
    machine_init(&machine, "c", 4);
    machine.topology.kind = SL_TOPOLOGY_RING;
    machine_start(&machine);
    for (size_t i = 0; i < machine.count; i++)
        machine.members[i].from_round = 1;
    feed_members(&machine);
    say(&machine, 9, 0);
    cr_assert_eq(sl_round_wanted(machine.round, &names, &count), SL_OK);
    for (size_t i = 0; i < count; i++)
        found += strcmp(names[i], "d") == 0;
    cr_expect_eq(found, 2); /* in this round and the next */
    free(names);
    machine_finish(&machine);
}

static void restart(struct machine *machine, struct sl_buffer *record) {
    cr_assert_eq(sl_round_save(machine->round, record), SL_OK);
    machine->options.restored = (struct sl_bytes){record->data, record->length};
    machine->options.model_round = sl_round_done(machine->round);
    sl_round_destroy(machine->round);
    cr_assert_eq(sl_round_create(&machine->round, &machine->options, NULL), SL_OK);
    feed_members(machine);
}

Test(return, what_holds_until_a_new_word_does_is_known_after_a_restart) {
    for (uint64_t from = 0; from <= 8; from += 8) { /* it has not said yet; it has */
        struct machine machine;
        struct sl_buffer record = {0};
        start(&machine);
        say(&machine, from, 0);
        restart(&machine, &record);
        pass_round(&machine);
        cr_expect_eq(planned(&machine), 3);
        machine_finish(&machine);
        sl_buffer_finish(&record);
    }
}

/* ---- told to stop ---- */

/* It was stopped in round 2, and is there again, alone as yet. */
static void stop_and_return(struct machine *machine, struct sl_buffer *record) {
    start(machine);
    pass_round(machine);
    feed(machine, (struct sl_round_event){.type = SL_ROUND_STOP});
    cr_assert_eq(sl_round_phase(machine->round), SL_PHASE_LEFT);
    cr_expect(machine->actions.save);
    cr_expect(sl_round_goes_on(machine->round));
    cr_expect_eq(sl_round_until(machine->round), 6); /* a restart of three rounds changes no roster */
    cr_assert_eq(sl_round_save(machine->round, record), SL_OK);
    sl_round_destroy(machine->round);
    machine->options.restored = (struct sl_bytes){record->data, record->length};
    machine->options.model_round = 1;
    machine->now += SL_SECOND;
    cr_assert_eq(sl_round_create(&machine->round, &machine->options, NULL), SL_OK);
    machine->members[3].from_round = 0; /* it is back as well, and has not said more yet */
    feed_members(machine);
    cr_expect(!has(machine, SL_ROUND_SCHEDULE, NULL)); /* it does not know where the flock is */
    cr_expect_eq(sl_round_phase(machine->round), SL_PHASE_GATHER);
}

Test(return, from_a_stop_it_takes_part_at_once_in_the_rounds_that_it_is_still_in) {
    struct machine machine;
    struct sl_buffer record = {0};
    stop_and_return(&machine, &record);
    feed_progress(&machine, "a", 4);
    feed_progress(&machine, "c", 4);
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_GATHER); /* not all have told */
    feed_progress(&machine, "d", 2);
    cr_expect_eq(get(&machine, SL_ROUND_SCHEDULE, NULL)->round, 6);
    cr_expect_eq(get(&machine, SL_ROUND_TRAIN, NULL)->round, 4);
    cr_expect_eq(planned(&machine), 3); /* those who are back as well, too */
    machine_finish(&machine);
    sl_buffer_finish(&record);
}

Test(return, from_a_longer_one_with_the_round_that_it_says) {
    struct machine machine;
    struct sl_buffer record = {0};
    stop_and_return(&machine, &record);
    feed_progress(&machine, "a", 6);
    feed_progress(&machine, "c", 6);
    feed_progress(&machine, "d", 6);
    cr_expect_eq(get(&machine, SL_ROUND_SCHEDULE, NULL)->round, 8);
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_GATHER);
    feed_progress(&machine, "a", 7);
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_GATHER);
    feed_progress(&machine, "c", 7);
    cr_expect_eq(sl_round_current(machine.round), 8);
    machine_finish(&machine);
    sl_buffer_finish(&record);
}

Test(return, alone_it_waits_no_longer_than_a_round_lasts) {
    struct machine machine;
    struct sl_buffer record = {0};
    stop_and_return(&machine, &record);
    for (size_t i = 0; i < machine.count; i++)
        machine.members[i].live = machine.members[i].connected = i == 1;
    feed_members(&machine);
    feed_timer(&machine, 60 * SL_SECOND);
    cr_expect_eq(get(&machine, SL_ROUND_TRAIN, NULL)->round, 3);
    machine_finish(&machine);
    sl_buffer_finish(&record);
}

Test(return, behind_the_last_round_nothing_is_gone_on_from) {
    struct machine machine;
    machine_init(&machine, "b", 3);
    machine.options.rounds = 1;
    machine_start(&machine);
    machine_publish(&machine, 1);
    feed_timer(&machine, 60 * SL_SECOND);
    feed_of(&machine, SL_ROUND_MIXED, NULL, 1);
    cr_expect(!sl_round_goes_on(machine.round));
    cr_expect_eq(sl_round_until(machine.round), 3);
    machine_finish(&machine);
}

Test(return, who_has_forgotten_while_it_was_away_joins_without_a_second_word) {
    struct machine machine;
    struct sl_buffer record = {0};
    stop_and_return(&machine, &record);
    feed_progress(&machine, "a", 4);
    feed_progress(&machine, "c", 4);
    feed_of(&machine, SL_ROUND_FORGOT, NULL, 5);
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_JOIN);
    feed_progress(&machine, "a", 5);
    feed_progress(&machine, "c", 5);
    feed_of(&machine, SL_ROUND_MODEL_LOADED, "a", 5);
    cr_expect_eq(get(&machine, SL_ROUND_TRAIN, NULL)->round, 6);
    machine_finish(&machine);
    sl_buffer_finish(&record);
}

/* ---- who is known to be gone ---- */

Test(return, after_a_restart_who_left_is_not_waited_for) {
    struct machine machine;
    struct sl_buffer record = {0};
    start(&machine);
    machine_publish(&machine, 1);
    cr_assert_eq(sl_round_save(machine.round, &record), SL_OK);
    sl_round_destroy(machine.round);
    uint8_t held[1][SL_WIRE_DIGEST_SIZE];
    fill_digest(held[0], "b", 1);
    machine.options.restored = (struct sl_bytes){record.data, record.length};
    machine.options.held = (const uint8_t(*)[SL_WIRE_DIGEST_SIZE])held;
    machine.options.held_count = 1;
    cr_assert_eq(sl_round_create(&machine.round, &machine.options, NULL), SL_OK);
    for (size_t i = 0; i < machine.count; i++)
        machine.members[i].live = machine.members[i].connected = i == 1;
    feed_members(&machine);
    cr_expect(!has(&machine, SL_ROUND_MIX, NULL)); /* they may not have been found again */
    machine.members[0].until_round = machine.members[2].until_round = machine.members[3].until_round = 3;
    feed_members(&machine);
    cr_expect(has(&machine, SL_ROUND_MIX, NULL));
    machine_finish(&machine);
    sl_buffer_finish(&record);
}
