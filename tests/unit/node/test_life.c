/* A node from start to end beside an honest peer, and the ways a run is cut short. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"

static struct peer peer;
static const uint64_t BYTES = PEER_ELEMENTS * sizeof(float);

static void tear_down(void) {
    peer_finish(&peer);
}

TestSuite(node_life, .fini = tear_down, .timeout = 120);

static void start(const char *round, bool stream) {
    peer_init(&peer, round, stream);
    peer_run_node(&peer);
    peer_connect(&peer);
}

static bool is_recorded(const char *text) {
    char line[4096];
    char *path = sl_test_path(peer.flock.folder, "record.jsonl");
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

Test(node_life, an_edge_survives_a_cut_connection) {
    start("\"rounds\":9,\"deadline_min\":20,\"deadline_max\":20,\"linger_max\":0", false);
    peer_join(&peer);
    PEER_UNTIL(&peer, peer.manifest.round == 1);
    uint32_t transfer = peer_offer(&peer, 1);
    PEER_UNTIL(&peer, peer.credit[transfer] > 0);
    peer_send_data(&peer, transfer, 0, BYTES / 2);
    peer_turn(&peer);
    sl_connection_close(peer.connection, "test");
    peer.manifest.round = 0;
    peer_connect(&peer);
    peer_count(&peer, 1); /* offered again, both ways */
    PEER_UNTIL(&peer, peer.manifest.round == 2);
    cr_assert_eq(peer.frames[SL_FRAME_PASS], 0);
}

Test(node_life, who_comes_back_as_another_is_counted_as_such) {
    start("\"rounds\":9,\"deadline_min\":20,\"deadline_max\":20,\"linger_max\":0", false);
    peer_join(&peer);
    PEER_UNTIL(&peer, peer.manifest.round == 1);
    uint32_t transfer = peer_offer(&peer, 1);
    PEER_UNTIL(&peer, peer.credit[transfer] > 0);
    peer_send_data(&peer, transfer, 0, BYTES);
    PEER_UNTIL(&peer, peer.frames[SL_FRAME_READY] == 1);
    sl_connection_close(peer.connection, "test");
    peer_connect(&peer);
    PEER_UNTIL(&peer, peer.frames[SL_FRAME_READY] == 2); /* bound: the promise is told again */
    peer_send_verdict(&peer, SL_VERDICT_GONE);
    PEER_UNTIL(&peer, peer.manifest.round == 2);
}

/* alice decides only after bob's deadline: what she needs for it, she still gets, and the difference joins late. */
Test(node_life, a_slow_decider_still_gets_the_update) {
    start("\"rounds\":9,\"deadline_min\":0.5,\"deadline_max\":0.5,\"linger_max\":0", false);
    peer_join(&peer);
    PEER_UNTIL(&peer, peer.manifest.round == 1);
    uint32_t transfer = peer_offer(&peer, 1), his = peer.transfer;
    PEER_UNTIL(&peer, peer.credit[transfer] > 0);
    peer_send_data(&peer, transfer, 0, BYTES);
    PEER_UNTIL(&peer, peer.frames[SL_FRAME_READY] == 1);
    peer_send_credit(&peer, his, BYTES / 2);
    PEER_UNTIL(&peer, peer.progress.pending == 1); /* his deadline has passed */
    peer_turn(&peer);
    peer_turn(&peer);
    cr_assert_not(peer.cancelled[his]);
    peer_send_verdict(&peer, SL_VERDICT_COUNT);
    PEER_UNTIL(&peer, peer.progress.pending == 0);
    cr_assert_eq(peer.connection == NULL, false);
}

Test(node_life, stops_while_it_waits_for_others) {
    start("\"rounds\":9,\"linger_max\":0", false);
    sl_node_stop(peer.node);
    cr_assert_eq(peer_wait_node(&peer), SL_CANCELLED);
}

Test(node_life, stops_before_it_began) {
    peer_init(&peer, "\"rounds\":9,\"linger_max\":0", false);
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
    peer_send_data(&peer, transfer, 0, BYTES / 2);
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
    start("\"rounds\":9,\"deadline_min\":20,\"deadline_max\":20,\"linger_max\":0.3", false);
    peer_join(&peer);
    PEER_UNTIL(&peer, peer.manifest.round == 1);
    uint32_t transfer = peer_offer(&peer, 1);
    PEER_UNTIL(&peer, peer.credit[transfer] > 0);
    peer_send_data(&peer, transfer, 0, BYTES);
    PEER_UNTIL(&peer, peer.frames[SL_FRAME_READY] == 1);
    sl_node_stop(peer.node);
    cr_assert_eq(peer_wait_node(&peer), SL_CANCELLED);
}
