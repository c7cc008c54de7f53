/* A node from start to end beside an honest peer, and the ways a run is cut short. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"

static struct peer peer;
static const uint64_t BYTES = PEER_ELEMENTS * sizeof(float), HALF = 2 * SL_CHUNK_UNIT;

static void tear_down(void) {
    peer_finish(&peer);
}

TestSuite(node_life, .fini = tear_down, .timeout = 120);

static void start_as(const char *name, const char *round, bool stream) {
    peer_init(&peer, name, round, stream);
    peer_run_node(&peer);
    peer_connect(&peer);
}

static void start(const char *round, bool stream) {
    start_as("alice", round, stream);
}

/* As far as bob's READY for round 1: he holds alice's update whole and obeys her verdict. */
static void start_promised(const char *round) {
    start(round, false);
    peer_join(&peer);
    PEER_UNTIL(&peer, peer.manifest.round == 1);
    uint32_t transfer = peer_offer(&peer, 1);
    PEER_UNTIL(&peer, peer.credit[transfer] > 0);
    peer_send_data(&peer, transfer, 0, BYTES);
    PEER_UNTIL(&peer, peer.frames[SL_FRAME_READY] == 1);
}

static bool is_recorded(const char *text) {
    char line[4096];
    char *path = sl_test_path(peer.flock.folder, "bob.jsonl");
    FILE *file = fopen(path, "r");
    bool found = false;
    cr_assert_not_null(file);
    while (!found && fgets(line, sizeof line, file) != NULL)
        found = strstr(line, text) != NULL;
    (void)fclose(file);
    free(path);
    return found;
}

/* bob's own part is 0 at first: the mean with alice's ones is 1/2, then 3/4. */
static void count_two_rounds(bool stream) {
    start("\"rounds\":2,\"deadline_min\":20,\"deadline_max\":20,\"linger_max\":5", stream);
    peer_join(&peer);
    PEER_UNTIL(&peer, peer.manifest.round == 1);
    peer_count(&peer, 1);
    float before = peer.first;
    PEER_UNTIL(&peer, peer.manifest.round == 2);
    peer_count(&peer, 2);
    cr_assert_float_eq(peer.first, (before + 1) / 2, 1e-6);
    peer_tell_progress(&peer, 2, true);
    cr_assert_eq(peer_wait_node(&peer), SL_OK);
    sl_node_destroy(peer.node); /* the record is written to its end */
    peer.node = NULL;
    cr_assert(is_recorded("\"event\":\"mixed\",\"round\":2,\"counted\":1,\"planned\":1,\"clean\":true"));
    cr_assert(is_recorded("\"event\":\"finish\",\"status\":\"ok\",\"rounds_completed\":2"));
}

Test(node_life, two_rounds_held) {
    count_two_rounds(false);
}

Test(node_life, two_rounds_streamed) {
    count_two_rounds(true);
}

/* bob's update that is on offer, or the next one where he withdraws it meanwhile. */
static float take_update(void) {
    for (uint32_t transfer = 0; peer.got < BYTES;) {
        if (transfer != peer.transfer)
            peer_send_credit(&peer, transfer = peer.transfer, BYTES);
        PEER_UNTIL(&peer, peer.got == BYTES || transfer != peer.transfer);
    }
    return peer.first;
}

Test(node_life, an_edge_survives_a_cut_connection) {
    start("\"rounds\":9,\"deadline_min\":20,\"deadline_max\":20,\"linger_max\":0", false);
    peer_join(&peer);
    PEER_UNTIL(&peer, peer.manifest.round == 1);
    uint32_t transfer = peer_offer(&peer, 1);
    PEER_UNTIL(&peer, peer.credit[transfer] > 0);
    peer_send_data(&peer, transfer, 0, HALF);
    peer_turn(&peer);
    sl_connection_close(peer.connection, "test");
    peer.manifest.round = 0;
    peer_connect(&peer);
    peer_count(&peer, 1); /* offered again, both ways */
    PEER_UNTIL(&peer, peer.manifest.round == 2);
    cr_assert_eq(peer.frames[SL_FRAME_PASS], 0);
}

Test(node_life, who_comes_back_as_another_is_counted_as_such) {
    start_promised("\"rounds\":9,\"deadline_min\":20,\"deadline_max\":20,\"linger_max\":0");
    sl_connection_close(peer.connection, "test");
    peer_connect(&peer);
    PEER_UNTIL(&peer, peer.frames[SL_FRAME_READY] == 2); /* bound: the promise is told again */
    peer_send_verdict(&peer, SL_VERDICT_GONE);
    PEER_UNTIL(&peer, peer.manifest.round == 2);
}

/* Here bob decides. */
Test(node_life, counts_an_edge_of_his_own) {
    start_as("carol", "\"rounds\":9,\"deadline_min\":20,\"deadline_max\":20,\"linger_max\":0", false);
    peer_join(&peer);
    PEER_UNTIL(&peer, peer.manifest.round == 1);
    uint32_t transfer = peer_offer(&peer, 1);
    float before = take_update();
    PEER_UNTIL(&peer, peer.credit[transfer] > 0);
    peer_send_ready(&peer, 1); /* before the bytes */
    peer_send_data(&peer, transfer, 0, BYTES);
    PEER_UNTIL(&peer, peer.frames[SL_FRAME_VERDICT] == 1);
    PEER_UNTIL(&peer, peer.manifest.round == 2);
    cr_assert_float_eq(take_update(), (before + 1) / 2, 1e-6);
}

/* What he holds whole is of a life that ended before its READY: it stays, the edge does not count, and nobody waits W.
 */
Test(node_life, a_new_life_comes_too_late_for_what_is_whole) {
    start_as("carol", "\"rounds\":9,\"deadline_min\":60,\"deadline_max\":60,\"linger_max\":0", false);
    peer_join(&peer);
    PEER_UNTIL(&peer, peer.manifest.round == 1);
    uint32_t transfer = peer_offer(&peer, 1);
    PEER_UNTIL(&peer, peer.credit[transfer] > 0);
    peer_send_data(&peer, transfer, 0, BYTES);
    sl_time until = sl_clock_monotonic() + SL_SECOND / 5;
    PEER_UNTIL(&peer, sl_clock_monotonic() > until); /* whole by now, which nothing tells */
    sl_connection_close(peer.connection, "test");
    peer_connect(&peer);
    peer.lineage++;
    peer_join(&peer);
    transfer = peer_offer(&peer, 1);
    peer_send_ready(&peer, 1);
    PEER_UNTIL(&peer, peer.cancelled[transfer]);
    PEER_UNTIL(&peer, peer.manifest.round >= 2);
}

/* alice decides only after bob's deadline: what she needs for it, she still gets, and the difference joins late. */
Test(node_life, a_slow_decider_still_gets_the_update) {
    start_promised("\"rounds\":9,\"deadline_min\":0.5,\"deadline_max\":0.5,\"linger_max\":0");
    uint32_t his = peer.transfer;
    peer_send_credit(&peer, his, BYTES / 2);
    PEER_UNTIL(&peer, peer.progress.pending == 1); /* his deadline has passed */
    peer_turn(&peer);
    peer_turn(&peer);
    cr_assert_not(peer.cancelled[his]);
    float before = peer.first;
    peer_send_verdict(&peer, SL_VERDICT_COUNT);
    PEER_UNTIL(&peer, peer.progress.pending == 0);
    uint64_t round = peer.manifest.round;
    PEER_UNTIL(&peer, peer.manifest.round > round);
    cr_assert_float_eq(take_update(), (before + 1) / 2, 1e-6);
    round = peer.manifest.round;
    PEER_UNTIL(&peer, peer.manifest.round > round);
    cr_assert_float_eq(take_update(), (before + 1) / 2, 1e-6, "once");
}

/* ---- late joiners ---- */

/* bob comes when alice is in round 5, and asks her for the model in round 7. */
static void let_him_join(const char *round) {
    start(round, false);
    peer_tell_progress(&peer, 5, false);
    peer_join(&peer);
    peer_tell_progress(&peer, 5, false);
    PEER_UNTIL(&peer, peer.frames[SL_FRAME_ROSTER] > 1);
    peer_tell_progress(&peer, 7, false);
    PEER_UNTIL(&peer, peer.frames[SL_FRAME_MODEL_REQUEST] == 1);
}

static uint32_t give_model(uint64_t round) {
    struct sl_manifest manifest = peer_describe(&peer, round, SL_PAYLOAD_SNAPSHOT);
    uint32_t transfer = peer_send_manifest(&peer, &manifest);
    sl_manifest_finish(&manifest);
    PEER_UNTIL(&peer, peer.credit[transfer] > 0 || peer.cancelled[transfer]);
    return transfer;
}

Test(node_life, joins_late_with_another_ones_model) {
    let_him_join("\"rounds\":20,\"deadline_min\":20,\"deadline_max\":20,\"linger_max\":0");
    uint32_t transfer = give_model(7);
    uint32_t second = give_model(6);
    cr_assert(peer.cancelled[second] && !peer.cancelled[transfer], "one at a time");
    peer_send_data(&peer, transfer, 0, BYTES);
    PEER_UNTIL(&peer, peer.manifest.round == 8);
    cr_assert_float_eq(take_update(), 1, 1e-6);
}

Test(node_life, a_model_from_beyond_the_last_round_is_not_taken) {
    let_him_join("\"rounds\":20,\"deadline_min\":20,\"deadline_max\":20,\"linger_max\":0");
    uint32_t transfer = give_model(UINT64_MAX);
    cr_assert(peer.cancelled[transfer]);
    cr_assert_eq(peer.credit[transfer], 0);
}

Test(node_life, a_donor_that_is_slow_is_not_asked_again) {
    let_him_join("\"rounds\":20,\"deadline_min\":0.3,\"deadline_max\":0.5,\"linger_max\":0");
    uint32_t transfer = give_model(7);
    peer_send_data(&peer, transfer, 0, HALF);
    sl_time until = sl_clock_monotonic() + 3 * SL_SECOND / 4;
    PEER_UNTIL(&peer, sl_clock_monotonic() > until); /* longer than he waits for one */
    cr_assert_not(peer.cancelled[transfer]);
    cr_assert_eq(peer.frames[SL_FRAME_MODEL_REQUEST], 1);
    PEER_UNTIL(&peer, peer.frames[SL_FRAME_MODEL_REQUEST] == 2); /* not a byte since */
    PEER_UNTIL(&peer, peer.cancelled[transfer]);
    transfer = give_model(7);
    peer_send_data(&peer, transfer, 0, BYTES);
    PEER_UNTIL(&peer, peer.progress.round >= 8);
}

/* Nobody is ahead any more, so the two begin anew; the model that was asked for comes when another one is in use. */
Test(node_life, a_model_that_comes_too_late_is_not_taken) {
    let_him_join("\"rounds\":20,\"deadline_min\":20,\"deadline_max\":20,\"linger_max\":0");
    uint32_t transfer = give_model(7);
    peer_send_data(&peer, transfer, 0, HALF);
    peer.lineage++;
    peer_tell_progress(&peer, 0, false);
    PEER_UNTIL(&peer, peer.manifest.round == 1);
    float before = take_update();
    peer_send_data(&peer, transfer, HALF, BYTES - HALF);
    peer_turn(&peer);
    size_t offers = peer.frames[SL_FRAME_MANIFEST];
    peer_count(&peer, 1);
    PEER_UNTIL(&peer, peer.frames[SL_FRAME_MANIFEST] > offers);
    cr_assert_float_eq(take_update(), (before + 1) / 2, 1e-6);
}

/* ---- the end ---- */

Test(node_life, stops_while_it_waits_for_others) {
    start("\"rounds\":9,\"linger_max\":0", false);
    sl_node_stop(peer.node);
    cr_assert_eq(peer_wait_node(&peer), SL_CANCELLED);
}

Test(node_life, stops_before_it_began) {
    peer_init(&peer, "alice", "\"rounds\":9,\"linger_max\":0", false);
    sl_node_stop(peer.node);
    peer_run_node(&peer);
    cr_assert_eq(peer_wait_node(&peer), SL_CANCELLED);
}

static void stop_in_exchange(bool stream) {
    start("\"rounds\":9,\"deadline_min\":20,\"deadline_max\":20,\"linger_max\":0.3", stream);
    peer_join(&peer);
    PEER_UNTIL(&peer, peer.manifest.round == 1);
    uint32_t transfer = peer_offer(&peer, 1);
    PEER_UNTIL(&peer, peer.credit[transfer] > 0);
    peer_send_data(&peer, transfer, 0, HALF);
    peer_turn(&peer);
    sl_node_stop(peer.node);
    cr_assert_eq(peer_wait_node(&peer), SL_CANCELLED);
}

Test(node_life, stops_while_it_exchanges) {
    stop_in_exchange(false);
}

Test(node_life, stops_while_it_streams) {
    stop_in_exchange(true);
}

Test(node_life, stops_with_a_promise_that_nobody_answers) {
    start_promised("\"rounds\":9,\"deadline_min\":20,\"deadline_max\":20,\"linger_max\":0.3");
    sl_node_stop(peer.node);
    cr_assert_eq(peer_wait_node(&peer), SL_CANCELLED);
}
