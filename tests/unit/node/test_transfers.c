/* Transfers that are cut: what has come stays, and what is offered again goes on there. */
#include <criterion/criterion.h>
#include <string.h>

#include "peer.h"

static struct peer peer;
static const uint64_t BYTES = PEER_ELEMENTS * sizeof(float);

static void set_up(void) {
    peer_init(&peer, "alice", "\"rounds\":1000,\"deadline_min\":20,\"deadline_max\":20,\"linger_max\":0", false);
    peer_run_node(&peer);
    peer_connect(&peer);
    peer_join(&peer);
    PEER_UNTIL(&peer, peer.manifest.round == 1);
}

static void tear_down(void) {
    peer_finish(&peer);
}

TestSuite(node_transfers, .init = set_up, .fini = tear_down, .timeout = 120);

static uint64_t wait_for_credit(uint32_t transfer) {
    PEER_UNTIL(&peer, peer.credit[transfer] > 0);
    return peer.credit[transfer];
}

static uint64_t count_sent(void) {
    struct sl_transport_counters counters;
    sl_transport_counters(peer.transport, &counters);
    return counters.data_sent;
}

/* All of it is on its way: bob reads it before whatever is said next. */
static void give(uint32_t transfer, uint64_t from, uint64_t until) {
    (void)wait_for_credit(transfer);
    uint64_t before = count_sent();
    peer_send_data(&peer, transfer, from, until - from);
    PEER_UNTIL(&peer, count_sent() - before == until - from);
}

static void send_and_cut(uint32_t transfer, uint64_t from, uint64_t until) {
    give(transfer, from, until);
    sl_connection_close(peer.connection, "test");
    peer_connect(&peer);
}

Test(node_transfers, what_was_cut_goes_on_behind_the_last_whole_chunk) {
    uint32_t transfer = peer_offer(&peer, 1);
    send_and_cut(transfer, 0, SL_CHUNK_UNIT + 1000);
    transfer = peer_offer(&peer, 1);
    cr_assert_eq(wait_for_credit(transfer), BYTES);
    cr_assert_eq(peer.begin[transfer], SL_CHUNK_UNIT);
    send_and_cut(transfer, SL_CHUNK_UNIT, 3 * (uint64_t)SL_CHUNK_UNIT);
    transfer = peer_offer(&peer, 1);
    (void)wait_for_credit(transfer);
    cr_assert_eq(peer.begin[transfer], 3 * (uint64_t)SL_CHUNK_UNIT);
    peer_send_data(&peer, transfer, 3 * (uint64_t)SL_CHUNK_UNIT, BYTES - 3 * (uint64_t)SL_CHUNK_UNIT);
    PEER_UNTIL(&peer, peer.frames[SL_FRAME_READY] == 1);
    cr_assert_arr_eq(peer.ready.manifest_receiver, peer.own_digest.bytes, SL_WIRE_DIGEST_SIZE);
}

Test(node_transfers, another_manifest_begins_anew) {
    uint32_t transfer = peer_offer(&peer, 1);
    send_and_cut(transfer, 0, 2 * (uint64_t)SL_CHUNK_UNIT);
    peer.lineage++; /* she was restarted, and has forgotten */
    peer_join(&peer);
    transfer = peer_offer(&peer, 1);
    (void)wait_for_credit(transfer);
    cr_assert_eq(peer.begin[transfer], 0);
    peer_send_data(&peer, transfer, 0, BYTES);
    PEER_UNTIL(&peer, peer.frames[SL_FRAME_READY] == 1);
    cr_assert_eq(peer.ready.lineage_receiver, peer.lineage);
}

Test(node_transfers, no_byte_of_what_goes_on_comes_before_its_credit) {
    uint32_t transfer = peer_offer(&peer, 1);
    send_and_cut(transfer, 0, SL_CHUNK_UNIT);
    struct sl_manifest manifest = peer_describe(&peer, 1, SL_PAYLOAD_UPDATE);
    transfer = peer_send_manifest(&peer, &manifest);
    sl_manifest_finish(&manifest);
    peer_send_data(&peer, transfer, 0, 100); /* where bob is not */
    peer_assert_refused(&peer, "data");
}

Test(node_transfers, bob_sends_from_where_he_is_told) {
    peer.got = SL_CHUNK_UNIT;
    peer_send_credit_from(&peer, peer.transfer, SL_CHUNK_UNIT, 2 * (uint64_t)SL_CHUNK_UNIT);
    PEER_UNTIL(&peer, peer.got == 2 * (uint64_t)SL_CHUNK_UNIT);
    peer_send_credit(&peer, peer.transfer, BYTES);
    PEER_UNTIL(&peer, peer.got == BYTES);
    peer_send_credit_from(&peer, peer.transfer, SL_CHUNK_UNIT, BYTES);
    peer_assert_refused(&peer, "has begun");
    PEER_UNTIL(&peer, peer.frames[SL_FRAME_MANIFEST] == 2);
    peer_send_credit_from(&peer, peer.transfer, SL_CHUNK_UNIT + 4, BYTES); /* in the midst of a chunk */
    peer_assert_refused(&peer, "credit");
    PEER_UNTIL(&peer, peer.frames[SL_FRAME_MANIFEST] == 3);
    peer_send_credit_from(&peer, peer.transfer, 4 * (uint64_t)SL_CHUNK_UNIT, 5 * (uint64_t)SL_CHUNK_UNIT);
    peer_assert_refused(&peer, "credit");
}

/* A donor's pin: whose connection was cut is given the same again, without a new round. */
static void ask_for_model(void) {
    struct sl_buffer payload = {0};
    cr_assert_eq(sl_model_request_encode(&payload, &(struct sl_model_request){.epoch = 0}), SL_OK);
    peer_send(&peer, SL_FRAME_MODEL_REQUEST, &payload);
    sl_buffer_finish(&payload);
}

Test(node_transfers, a_snapshot_stays_for_who_was_cut) {
    ask_for_model();
    peer_count(&peer, 1);
    PEER_UNTIL(&peer, peer.snapshots == 1);
    sl_connection_close(peer.connection, "test");
    peer_connect(&peer);
    ask_for_model();
    PEER_UNTIL(&peer, peer.snapshots == 2);
    cr_assert_arr_eq(peer.snapshot_digests[0].bytes, peer.snapshot_digests[1].bytes, SL_DIGEST_SIZE);
    cr_assert_eq(peer.manifest.round, 2, "and no round was done for it");
}

/* ---- late joiners: bob comes when alice is in round 5, and asks her for the model ---- */

static void let_him_join(void) {
    peer_init(&peer, "alice", "\"rounds\":20,\"deadline_min\":20,\"deadline_max\":20,\"linger_max\":0", false);
    peer_run_node(&peer);
    peer_connect(&peer);
    peer_tell_progress(&peer, 5, false);
    peer_join(&peer);
    peer_tell_progress(&peer, 5, false);
    PEER_UNTIL(&peer, peer.frames[SL_FRAME_ROSTER] > 1);
    peer_tell_progress(&peer, 7, false);
    PEER_UNTIL(&peer, peer.frames[SL_FRAME_MODEL_REQUEST] == 1);
}

TestSuite(node_joining, .init = let_him_join, .fini = tear_down, .timeout = 120);

static uint32_t give_model(uint64_t round) {
    struct sl_manifest manifest = peer_describe(&peer, round, SL_PAYLOAD_SNAPSHOT);
    uint32_t transfer = peer_send_manifest(&peer, &manifest);
    sl_manifest_finish(&manifest);
    (void)wait_for_credit(transfer);
    return transfer;
}

static void cut_and_come_back(void) {
    size_t asked = peer.frames[SL_FRAME_MODEL_REQUEST];
    sl_connection_close(peer.connection, "test");
    peer_connect(&peer);
    peer_join(&peer);
    peer_tell_progress(&peer, 7, false);
    PEER_UNTIL(&peer, peer.frames[SL_FRAME_MODEL_REQUEST] > asked);
}

Test(node_joining, a_model_that_was_cut_goes_on) {
    uint32_t transfer = give_model(7);
    give(transfer, 0, 2 * (uint64_t)SL_CHUNK_UNIT + 77);
    cut_and_come_back();
    transfer = give_model(7);
    cr_assert_eq(peer.begin[transfer], 2 * (uint64_t)SL_CHUNK_UNIT);
    peer_send_data(&peer, transfer, peer.begin[transfer], BYTES - peer.begin[transfer]);
    PEER_UNTIL(&peer, peer.manifest.round == 8);
}

/* Gone while bob still looks at the last chunks, and not to be asked any more. */
Test(node_joining, who_goes_away_behind_the_last_byte_has_given_it) {
    uint32_t transfer = give_model(7);
    size_t asked = peer.frames[SL_FRAME_MODEL_REQUEST];
    uint64_t before = count_sent();
    sl_time limit = sl_clock_monotonic() + 30 * SL_SECOND;
    peer_send_data(&peer, transfer, 0, BYTES);
    while (count_sent() - before < BYTES) {
        cr_assert_lt(sl_clock_monotonic(), limit);
        cr_assert_geq(event_base_loop(peer.base, EVLOOP_NONBLOCK), 0);
    }
    sl_connection_close(peer.connection, "test");
    peer_connect(&peer);
    peer_join(&peer);
    peer_tell_progress(&peer, 7, false);
    PEER_UNTIL(&peer, peer.manifest.round == 8);
    cr_assert_eq(peer.frames[SL_FRAME_MODEL_REQUEST], asked);
}

Test(node_joining, another_model_after_a_cut_begins_anew) {
    uint32_t transfer = give_model(7);
    give(transfer, 0, 2 * (uint64_t)SL_CHUNK_UNIT);
    cut_and_come_back();
    transfer = give_model(8);
    cr_assert_eq(peer.begin[transfer], 0);
    peer_send_data(&peer, transfer, 0, BYTES);
    PEER_UNTIL(&peer, peer.frames[SL_FRAME_ROSTER] > 1);
    peer_tell_progress(&peer, 9, false);
    PEER_UNTIL(&peer, peer.manifest.round == 9);
}

Test(node_joining, a_donor_that_is_back_may_not_have_it_any_more) {
    struct sl_buffer payload = {0};
    uint32_t transfer = give_model(7);
    give(transfer, 0, SL_CHUNK_UNIT);
    cut_and_come_back();
    size_t asked = peer.frames[SL_FRAME_MODEL_REQUEST];
    cr_assert_eq(sl_cancel_encode(&payload, &(struct sl_cancel){.transfer = 0}), SL_OK);
    peer_send(&peer, SL_FRAME_CANCEL, &payload);
    sl_buffer_finish(&payload);
    PEER_UNTIL(&peer, peer.frames[SL_FRAME_MODEL_REQUEST] > asked); /* asked anew: there is nobody else */
    transfer = give_model(7);
    cr_assert_eq(peer.begin[transfer], 0, "what it had was let go");
}
