/* What survives a crash: the record, what it needs, and what is done again. */
#include <stdlib.h>

#include "base/random.h"
#include "machine.h"

enum { HELD_MAX = 64 };

/* A journal: the last record, and all payloads that were ever whole. */
struct journal {
    struct sl_buffer record;
    uint8_t held[HELD_MAX][SL_WIRE_DIGEST_SIZE];
    size_t held_count;
    uint64_t model_round;
};

static void store(struct journal *journal, const char *name, uint64_t round) {
    fill_digest(journal->held[journal->held_count++], name, round);
}

static void save(struct journal *journal, const struct machine *machine) {
    sl_buffer_clear(&journal->record);
    cr_assert_eq(sl_round_save(machine->round, &journal->record), SL_OK);
    journal->model_round = sl_round_done(machine->round);
}

static enum sl_status try_restore(struct machine *machine, const struct journal *journal) {
    struct sl_round_options options = machine->options;
    options.topology = &machine->topology;
    options.restored = (struct sl_bytes){journal->record.data, journal->record.length};
    options.held = journal->held;
    options.held_count = journal->held_count;
    options.model_round = journal->model_round;
    return sl_round_create(&machine->round, &options, NULL);
}

/* The process dies; a new one has the record. Nobody is connected yet. */
static void restart(struct machine *machine, struct journal *journal) {
    save(journal, machine);
    sl_round_destroy(machine->round);
    machine->round = NULL;
    cr_assert_eq(try_restore(machine, journal), SL_OK);
    machine->now += SL_SECOND;
    feed(machine, (struct sl_round_event){.type = SL_ROUND_TIMER});
}

static void finish(struct machine *machine, struct journal *journal) {
    sl_buffer_finish(&journal->record);
    machine_finish(machine);
}

/* "b" of a, b, c in round 1, waiting: a bound it, c counted or neither did. */
static void exchange(struct machine *machine, struct journal *journal) {
    *journal = (struct journal){.held_count = 0};
    machine_exchange(machine);
    store(journal, "b", 1);
}

static void bind(struct machine *machine, struct journal *journal) {
    store(journal, "a", 1);
    feed_payload(machine, "a", 1);
}

static void count(struct machine *machine, struct journal *journal) {
    store(journal, "c", 1);
    feed_payload(machine, "c", 1);
    feed_ready(machine, "c", 1);
}

/* ---- what is durable ---- */

Test(restart, what_promises_waits_for_the_record) {
    struct machine machine;
    machine_init(&machine, "b", 3);
    machine_start(&machine);
    cr_expect(machine.actions.save);
    feed_of(&machine, SL_ROUND_TRAINED, NULL, 1);
    cr_expect(!machine.actions.save);
    cr_expect(!get(&machine, SL_ROUND_PUBLISH, NULL)->durable);
    feed_published(&machine, 1);
    cr_expect(machine.actions.save && get(&machine, SL_ROUND_OFFER, "a")->durable);
    feed_manifest(&machine, "a", 1);
    cr_expect(!machine.actions.save && !get(&machine, SL_ROUND_FETCH, "a")->durable);
    feed_of(&machine, SL_ROUND_HELD, "a", 1);
    cr_expect(machine.actions.save && get(&machine, SL_ROUND_SEND_READY, "a")->durable);
    feed_payload(&machine, "c", 1);
    cr_expect(!machine.actions.save);
    feed_ready(&machine, "c", 1);
    cr_expect(machine.actions.save && get(&machine, SL_ROUND_SEND_VERDICT, "c")->durable);
    feed_verdict(&machine, "a", 1, SL_VERDICT_COUNT);
    cr_expect(!get(&machine, SL_ROUND_MIX, NULL)->durable);
    feed_of(&machine, SL_ROUND_MIXED, NULL, 1);
    cr_expect(machine.actions.save);
    machine_finish(&machine);
}

Test(restart, a_stream_saves_nothing) {
    struct machine machine;
    machine_init(&machine, "b", 3);
    machine.options.stream = true;
    machine_start(&machine);
    cr_expect(!machine.actions.save);
    machine_publish(&machine, 1);
    cr_expect(!machine.actions.save && !get(&machine, SL_ROUND_OFFER, "a")->durable);
    machine_finish(&machine);
}

/* ---- each phase ---- */

static void expect_same_record(struct machine *machine, struct journal *journal) {
    struct sl_buffer again = {0};
    cr_assert_eq(sl_round_save(machine->round, &again), SL_OK);
    cr_expect_eq(again.length, journal->record.length);
    cr_expect(again.length == journal->record.length && memcmp(again.data, journal->record.data, again.length) == 0);
    sl_buffer_finish(&again);
}

Test(restart, in_training_it_trains_again_in_the_same_graph) {
    struct machine machine;
    struct journal journal = {.held_count = 0};
    machine_init(&machine, "b", 3);
    machine_start(&machine);
    restart(&machine, &journal);
    cr_expect_eq(get(&machine, SL_ROUND_TRAIN, NULL)->round, 1);
    cr_expect_eq(get(&machine, SL_ROUND_SCHEDULE, NULL)->round, 1);
    expect_same_record(&machine, &journal);
    feed_of(&machine, SL_ROUND_TRAINED, NULL, 1);
    cr_expect_eq(get(&machine, SL_ROUND_PUBLISH, NULL)->degree, 2); /* though nobody is known to be there */
    cr_expect_eq(get(&machine, SL_ROUND_PUBLISH, NULL)->total_samples, 3);
    finish(&machine, &journal);
}

Test(restart, in_an_exchange_it_offers_the_same_manifest_and_promises_again) {
    struct machine machine;
    struct journal journal;
    exchange(&machine, &journal);
    bind(&machine, &journal);
    restart(&machine, &journal);
    cr_expect(!has(&machine, SL_ROUND_PUBLISH, NULL) && !has(&machine, SL_ROUND_TRAIN, NULL));
    cr_expect_eq(sl_round_edge(machine.round, "a", 1), SL_EDGE_STATE_BOUND);
    cr_expect_eq(sl_round_edge(machine.round, "c", 1), SL_EDGE_STATE_OPEN);
    expect_same_record(&machine, &journal);
    feed_members(&machine); /* connected again */
    cr_expect(has(&machine, SL_ROUND_OFFER, "a") && has(&machine, SL_ROUND_OFFER, "c"));
    const struct sl_ready *ready = &get(&machine, SL_ROUND_SEND_READY, "a")->message.ready;
    uint8_t digest[SL_WIRE_DIGEST_SIZE];
    fill_digest(digest, "b", 1);
    cr_expect_eq(memcmp(ready->manifest_sender, digest, sizeof digest), 0);
    cr_expect_eq(ready->lineage_sender, lineage_of("b"));
    feed_verdict(&machine, "a", 1, SL_VERDICT_COUNT);
    cr_expect_eq(sl_round_edge(machine.round, "a", 1), SL_EDGE_STATE_COUNTED);
    finish(&machine, &journal);
}

Test(restart, a_decider_remembers_what_it_counted) {
    struct machine machine;
    struct journal journal;
    exchange(&machine, &journal);
    count(&machine, &journal);
    restart(&machine, &journal);
    feed_members(&machine);
    feed_ready(&machine, "c", 1);
    cr_expect_eq(get(&machine, SL_ROUND_SEND_VERDICT, "c")->message.verdict.verdict, SL_VERDICT_COUNT);
    cr_expect(!has(&machine, SL_ROUND_EDGE, NULL)); /* once */
    finish(&machine, &journal);
}

Test(restart, what_became_whole_behind_the_record_is_not_fetched_again) {
    struct machine machine;
    struct journal journal;
    exchange(&machine, &journal);
    feed_manifest(&machine, "a", 1);
    store(&journal, "a", 1);
    restart(&machine, &journal);
    cr_expect_eq(sl_round_edge(machine.round, "a", 1), SL_EDGE_STATE_BOUND);
    cr_expect(has(&machine, SL_ROUND_SEND_READY, "a"));
    finish(&machine, &journal);
}

Test(restart, what_was_not_whole_is_fetched_again) {
    struct machine machine;
    struct journal journal;
    exchange(&machine, &journal);
    feed_manifest(&machine, "a", 1);
    restart(&machine, &journal);
    feed_manifest(&machine, "a", 1);
    cr_expect(has(&machine, SL_ROUND_FETCH, "a"));
    finish(&machine, &journal);
}

Test(restart, in_mixing_it_mixes_what_counted) {
    struct machine machine;
    struct journal journal;
    exchange(&machine, &journal);
    count(&machine, &journal);
    feed_timer(&machine, 60 * SL_SECOND);
    cr_assert(has(&machine, SL_ROUND_MIX, NULL));
    restart(&machine, &journal);
    const struct sl_round_action *mix = get(&machine, SL_ROUND_MIX, NULL);
    cr_assert_eq(mix->plan_count, 3);
    cr_expect(!mix->plan[0].counted && mix->plan[1].self && mix->plan[2].counted);
    cr_expect_eq(mix->plan[1].coefficient, 2);
    cr_expect_eq(mix->plan[2].coefficient, 1);
    cr_expect_eq(mix->divisor, 3);
    expect_same_record(&machine, &journal);
    feed_of(&machine, SL_ROUND_MIXED, NULL, 1);
    cr_expect_eq(sl_round_done(machine.round), 1);
    finish(&machine, &journal);
}

Test(restart, pending_and_late_ones_are_held_and_applied_again) {
    struct machine machine;
    struct journal journal;
    exchange(&machine, &journal);
    bind(&machine, &journal);
    feed_timer(&machine, 60 * SL_SECOND);
    cr_assert(has(&machine, SL_ROUND_HOLD, "a"));
    restart(&machine, &journal);
    const struct sl_round_action *hold = get(&machine, SL_ROUND_HOLD, "a");
    uint8_t digest[SL_WIRE_DIGEST_SIZE];
    fill_digest(digest, "b", 1);
    cr_expect_eq(memcmp(hold->own_digest, digest, sizeof digest), 0);
    fill_digest(digest, "a", 1);
    cr_expect_eq(memcmp(hold->peer_digest, digest, sizeof digest), 0);
    feed_of(&machine, SL_ROUND_MIXED, NULL, 1);
    feed_verdict(&machine, "a", 1, SL_VERDICT_COUNT);
    cr_expect_float_eq(get(&machine, SL_ROUND_APPLY_LATE, "a")->weight, 1.0 / 3, 1e-12);
    restart(&machine, &journal);
    cr_expect(!has(&machine, SL_ROUND_HOLD, "a"));
    const struct sl_round_action *late = get(&machine, SL_ROUND_APPLY_LATE, "a");
    cr_expect_float_eq(late->weight, 1.0 / 3, 1e-12);
    cr_expect_eq(memcmp(late->peer_digest, digest, sizeof digest), 0);
    finish(&machine, &journal);
}

Test(restart, a_late_difference_is_owed_until_an_update_has_it) {
    struct machine machine;
    struct journal journal;
    struct sl_round_need *needs = NULL;
    size_t counts[2];
    exchange(&machine, &journal);
    bind(&machine, &journal);
    feed_timer(&machine, 60 * SL_SECOND);
    feed_of(&machine, SL_ROUND_MIXED, NULL, 1);
    feed_progress(&machine, "c", 1);
    feed_progress(&machine, "a", 1);
    cr_assert_eq(sl_round_current(machine.round), 2);
    feed_verdict(&machine, "a", 1, SL_VERDICT_COUNT);
    feed_of(&machine, SL_ROUND_TRAINED, NULL, 2);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(sl_round_needs(machine.round, &needs, &counts[i]), SL_OK);
        free(needs);
        feed_published(&machine, 2);
    }
    cr_expect_eq(counts[0], 3); /* the model, and both payloads */
    cr_expect_eq(counts[1], 1); /* the update, which has it */
    finish(&machine, &journal);
}

Test(restart, at_the_end_it_lingers) {
    struct machine machine;
    struct journal journal = {.held_count = 0};
    machine_init(&machine, "b", 3);
    machine.options.rounds = 1;
    machine_start(&machine);
    machine_publish(&machine, 1);
    store(&journal, "b", 1);
    feed_timer(&machine, 60 * SL_SECOND);
    feed_of(&machine, SL_ROUND_MIXED, NULL, 1);
    cr_assert_eq(sl_round_phase(machine.round), SL_PHASE_LINGER);
    restart(&machine, &journal);
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_LINGER);
    finish(&machine, &journal);
}

Test(restart, after_a_stop_it_goes_on_behind_the_round_that_it_left) {
    struct machine machine;
    struct journal journal = {.held_count = 0};
    machine_init(&machine, "b", 3);
    machine_start(&machine);
    feed(&machine, (struct sl_round_event){.type = SL_ROUND_STOP});
    cr_assert_eq(sl_round_phase(machine.round), SL_PHASE_LEFT);
    restart(&machine, &journal);
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_GATHER);
    feed_members(&machine);
    feed_progress(&machine, "c", 1);
    feed_progress(&machine, "a", 1);
    cr_expect_eq(get(&machine, SL_ROUND_TRAIN, NULL)->round, 2);
    feed_ready(&machine, "c", 1);
    cr_expect_eq(get(&machine, SL_ROUND_SEND_VERDICT, "c")->message.verdict.verdict, SL_VERDICT_VOID);
    finish(&machine, &journal);
}

Test(restart, twice_in_a_row_is_as_once) {
    struct machine machine;
    struct journal journal;
    exchange(&machine, &journal);
    bind(&machine, &journal);
    restart(&machine, &journal);
    restart(&machine, &journal);
    expect_same_record(&machine, &journal);
    cr_expect_eq(sl_round_edge(machine.round, "a", 1), SL_EDGE_STATE_BOUND);
    finish(&machine, &journal);
}

/* Before it knows who is there it would train alone, or in a graph that nobody else has. */
Test(restart, no_round_begins_before_the_roster_is_known_again) {
    struct machine machine;
    struct journal journal;
    exchange(&machine, &journal);
    feed_timer(&machine, 60 * SL_SECOND);
    restart(&machine, &journal);
    machine.count = 2; /* the members have not come to c */
    feed_members(&machine);
    feed_progress(&machine, "a", 2);
    feed_of(&machine, SL_ROUND_MIXED, NULL, 1);
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_GATHER);
    machine.count = 3;
    feed_members(&machine);
    cr_expect_eq(get(&machine, SL_ROUND_TRAIN, NULL)->round, 2);
    finish(&machine, &journal);
}

Test(restart, a_roster_that_nobody_names_is_not_waited_for_longer_than_a_round) {
    struct machine machine;
    struct journal journal;
    exchange(&machine, &journal);
    feed_timer(&machine, 60 * SL_SECOND);
    restart(&machine, &journal);
    feed_of(&machine, SL_ROUND_MIXED, NULL, 1);
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_GATHER);
    feed_timer(&machine, 60 * SL_SECOND);
    cr_expect_eq(get(&machine, SL_ROUND_TRAIN, NULL)->round, 2);
    finish(&machine, &journal);
}

/* ---- time ---- */

Test(restart, a_clock_that_jumps_ends_a_round_or_does_nothing) {
    struct machine machine;
    struct journal journal;
    exchange(&machine, &journal);
    machine.now += 3 * 86400 * SL_SECOND;
    restart(&machine, &journal); /* its deadline begins anew */
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_EXCHANGE);
    machine.now = 5 * SL_SECOND; /* the machine was booted again */
    restart(&machine, &journal);
    cr_expect_eq(get(&machine, SL_ROUND_WAKE, NULL)->at, machine.now + 60 * SL_SECOND);
    feed_timer(&machine, 86400 * SL_SECOND);
    cr_expect(has(&machine, SL_ROUND_MIX, NULL));
    finish(&machine, &journal);
}

Test(restart, nobody_is_dead_before_the_longest_deadline) {
    struct machine machine;
    struct journal journal;
    exchange(&machine, &journal);
    restart(&machine, &journal);
    for (size_t i = 0; i < 3; i++)
        machine.members[i].live = machine.members[i].connected = i == 1;
    feed_members(&machine);
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_EXCHANGE);
    feed_timer(&machine, 59 * SL_SECOND);
    cr_expect_eq(sl_round_phase(machine.round), SL_PHASE_EXCHANGE);
    feed_timer(&machine, SL_SECOND);
    cr_expect(has(&machine, SL_ROUND_MIX, NULL));
    finish(&machine, &journal);
}

/* ---- the same update again ---- */

static void lose_own_update(struct machine *machine, struct journal *journal) {
    exchange(machine, journal);
    journal->held_count = 0;
    restart(machine, journal);
    cr_expect_eq(get(machine, SL_ROUND_TRAIN, NULL)->round, 1);
    restart(machine, journal); /* once more: what was signed is not forgotten */
    feed_of(machine, SL_ROUND_TRAINED, NULL, 1);
    cr_expect(get(machine, SL_ROUND_PUBLISH, NULL)->is_signed);
    feed_members(machine);
    cr_expect(!has(machine, SL_ROUND_OFFER, NULL));
}

Test(restart, an_update_that_comes_out_the_same_is_offered) {
    struct machine machine;
    struct journal journal;
    lose_own_update(&machine, &journal);
    feed_published(&machine, 1);
    cr_expect(has(&machine, SL_ROUND_OFFER, "a") && has(&machine, SL_ROUND_OFFER, "c"));
    finish(&machine, &journal);
}

Test(restart, one_that_comes_out_otherwise_sits_the_round_out) {
    struct machine machine;
    struct journal journal;
    uint8_t other[SL_WIRE_DIGEST_SIZE] = {200};
    lose_own_update(&machine, &journal);
    feed(&machine, (struct sl_round_event){.type = SL_ROUND_PUBLISHED, .round = 1, .digest = other});
    cr_expect(!has(&machine, SL_ROUND_OFFER, NULL));
    cr_expect(has(&machine, SL_ROUND_MIX, NULL));
    feed_ready(&machine, "c", 1);
    cr_expect_eq(get(&machine, SL_ROUND_SEND_VERDICT, "c")->message.verdict.verdict, SL_VERDICT_VOID);
    feed_of(&machine, SL_ROUND_MIXED, NULL, 1);
    feed_progress(&machine, "c", 1);
    feed_progress(&machine, "a", 1);
    cr_expect_eq(sl_round_current(machine.round), 2);
    finish(&machine, &journal);
}

/* ---- what is refused ---- */

Test(restart, whatever_the_state_needs_must_be_there) {
    struct machine machine;
    struct journal journal;
    exchange(&machine, &journal);
    bind(&machine, &journal);
    count(&machine, &journal);
    save(&journal, &machine);
    sl_round_destroy(machine.round);
    for (size_t missing = 0; missing < 3; missing++) {
        struct journal less = journal;
        memset(less.held[missing], 0, sizeof less.held[missing]);
        machine.round = NULL;
        cr_expect_eq(try_restore(&machine, &less), SL_MISMATCH, "%d", (int)missing);
    }
    sl_buffer_finish(&journal.record);
    sl_round_actions_finish(&machine.actions);
}

Test(restart, another_node_epoch_lineage_or_model_is_refused) {
    for (int wrong = 0; wrong < 5; wrong++) {
        struct machine machine;
        struct journal journal = {.held_count = 0};
        machine_init(&machine, "b", 3);
        machine_start(&machine);
        save(&journal, &machine);
        sl_round_destroy(machine.round);
        machine.round = NULL;
        machine.options.self = wrong == 0 ? "c" : "b";
        machine.options.epoch += wrong == 1;
        machine.options.lineage += wrong == 2;
        journal.model_round += wrong == 3;
        machine.options.stream = wrong == 4;
        cr_expect_eq(try_restore(&machine, &journal), SL_MISMATCH, "%d", wrong);
        finish(&machine, &journal);
    }
}

/* ---- records that contradict themselves ---- */

static struct sl_saved_edge *edge_of(struct sl_round_state *state, const char *peer) {
    for (size_t i = 0; i < state->edge_count; i++)
        if (strcmp(state->edges[i].peer, peer) == 0)
            return &state->edges[i];
    cr_assert_fail("no edge with %s", peer);
    return NULL;
}

/* Of "b" in round 1 with a BOUND and c COUNTED. */
static void contradict(struct sl_round_state *state, int how) {
    switch (how) {
    case 0:
        state->total_samples = 2; /* as many as the peers have */
        break;
    case 1:
        edge_of(state, "a")->own_digest[5] ^= 1; /* promised with another update */
        break;
    case 2:
        for (size_t i = 0; i < state->peer_count; i++)
            state->peers[i].last_counted = 0; /* counted, and not remembered */
        break;
    case 3:
        state->current = 11; /* of 10 */
        edge_of(state, "a")->round = edge_of(state, "c")->round = 11;
        break;
    case 4: /* both undecided edges of one pair */
        state->pending = calloc(1, sizeof *state->pending);
        state->pending_count = 1;
        state->pending[0] = *edge_of(state, "a");
        break;
    case 5: /* a difference with itself */
        state->late = calloc(1, sizeof *state->late);
        state->late_count = 1;
        state->late[0] = *edge_of(state, "a");
        strcpy(state->late[0].peer, "b");
        break;
    default:
        break;
    }
}

Test(restart, a_record_that_contradicts_itself_is_refused) {
    struct machine machine;
    struct journal journal;
    exchange(&machine, &journal);
    bind(&machine, &journal);
    count(&machine, &journal);
    save(&journal, &machine);
    for (int how = 0; how <= 6; how++) {
        struct sl_round_state state;
        struct journal other = journal;
        other.record = (struct sl_buffer){0};
        cr_assert_eq(sl_round_state_decode(&state, journal.record.data, journal.record.length, NULL), SL_OK);
        contradict(&state, how);
        cr_assert_eq(sl_round_state_encode(&other.record, &state), SL_OK);
        sl_round_destroy(machine.round);
        machine.round = NULL;
        enum sl_status status = try_restore(&machine, &other);
        cr_expect_eq(status, how == 6 ? SL_OK : how == 3 ? SL_MISMATCH : SL_FORMAT, "%d: %d", how, (int)status);
        sl_round_state_finish(&state);
        sl_buffer_finish(&other.record);
    }
    finish(&machine, &journal);
}

/* Any change of a byte gives a refusal or a machine that works. */
Test(restart, a_record_is_a_file_like_any_other, .timeout = 120) {
    struct machine machine;
    struct journal journal;
    struct sl_random random;
    uint64_t taken = 0;
    sl_random_init(&random, 3, 3);
    exchange(&machine, &journal);
    bind(&machine, &journal);
    count(&machine, &journal);
    save(&journal, &machine);
    sl_round_destroy(machine.round);
    for (int trial = 0; trial < 4000; trial++) {
        uint8_t *at = &journal.record.data[sl_random_below(&random, journal.record.length)];
        uint8_t kept = *at;
        size_t length = journal.record.length;
        *at = (uint8_t)sl_random_u32(&random);
        if (trial % 5 == 0)
            journal.record.length = sl_random_below(&random, length);
        machine.round = NULL;
        if (try_restore(&machine, &journal) == SL_OK) {
            taken++;
            feed_members(&machine);
            feed_ready(&machine, "c", 1);
            feed_verdict(&machine, "a", 1, SL_VERDICT_COUNT);
            feed_timer(&machine, 100 * SL_SECOND);
            feed_of(&machine, SL_ROUND_MIXED, NULL, sl_round_current(machine.round));
            sl_round_destroy(machine.round);
        }
        *at = kept;
        journal.record.length = length;
    }
    cr_expect_gt(taken, 100);
    sl_buffer_finish(&journal.record);
    sl_round_actions_finish(&machine.actions);
}
