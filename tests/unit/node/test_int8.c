/* mix.codec "int8" between bob and another member: what he sends is not his model, and what he takes must have values.
 * Restarts are in test_restart.c. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/quantise.h"
#include "exchange/manifest.h"
#include "peer.h"

static struct peer peer;
static uint64_t bytes;

static void start_with(const char *deadline, const char *journal) {
    char round[128];
    snprintf(round, sizeof round, "\"rounds\":9,\"deadline_min\":%s,\"deadline_max\":%s,\"linger_max\":0", deadline,
             deadline);
    peer_init_int8(&peer, "alice", round, journal);
    bytes = peer.update->length;
    peer_run_node(&peer);
    peer_connect(&peer);
    peer_join(&peer);
    PEER_UNTIL(&peer, peer.manifest.round == 1);
}

static void start(const char *deadline) {
    start_with(deadline, "process");
}

static void tear_down(void) {
    peer_finish(&peer);
}

TestSuite(node_int8, .fini = tear_down, .timeout = 120);

/* bob's update that is on offer, or the next one where he withdraws it meanwhile. */
static void take_update(void) {
    peer.got = 0;
    for (uint32_t transfer = 0; peer.got < bytes;) {
        if (transfer != peer.transfer)
            peer_send_credit(&peer, transfer = peer.transfer, bytes);
        PEER_UNTIL(&peer, peer.got == bytes || transfer != peer.transfer);
    }
}

static uint8_t *copy_update(void) {
    uint8_t *copy = malloc(bytes);
    cr_assert_not_null(copy);
    memcpy(copy, peer.into, bytes);
    return copy;
}

Test(node_int8, differences_join_the_model) {
    start("20");
    cr_assert_eq(peer.manifest.encoding, SL_ENCODING_INT8);
    cr_assert_eq(peer.manifest.payload_bytes, PEER_ELEMENTS + 4 * ((PEER_ELEMENTS + 1023) / 1024));
    peer_count(&peer, 1);
    uint8_t *first = copy_update();
    PEER_UNTIL(&peer, peer.manifest.round == 2);
    take_update();
    peer_assert_joined(&peer, first);
    free(first);
}

Test(node_int8, and_so_do_late_ones) {
    start("0.5");
    take_update();
    uint8_t *first = copy_update();
    uint32_t transfer = peer_offer(&peer, 1);
    PEER_UNTIL(&peer, peer.credit[transfer] > 0);
    peer_send_data(&peer, transfer, 0, bytes);
    PEER_UNTIL(&peer, peer.frames[SL_FRAME_READY] == 1);
    PEER_UNTIL(&peer, peer.progress.pending == 1); /* his deadline has passed */
    peer_send_verdict(&peer, SL_VERDICT_COUNT);
    PEER_UNTIL(&peer, peer.progress.pending == 0);
    uint64_t round = peer.manifest.round;
    PEER_UNTIL(&peer, peer.manifest.round > round + 1); /* the next one may have been in the making */
    take_update();
    peer_assert_joined(&peer, first);
    free(first);
}

/* Signed and true to its digests, but no vector. */
static void offer_spoilt(size_t at, const void *with, size_t length) {
    memcpy(peer.update->data + at, with, length);
    uint32_t transfer = peer_offer(&peer, 1);
    PEER_UNTIL(&peer, peer.credit[transfer] > 0);
    peer_send_data(&peer, transfer, 0, bytes);
    peer_assert_refused(&peer, "values that are no numbers");
    cr_assert_eq(peer.frames[SL_FRAME_READY], 0);
}

Test(node_int8, a_scale_that_is_no_number_is_refused) {
    const float wrong = NAN;
    start("20");
    offer_spoilt(400, &wrong, sizeof wrong);
}

Test(node_int8, a_code_that_there_is_not_is_refused) {
    const uint8_t wrong = 0x80;
    start("20");
    offer_spoilt(bytes - 1, &wrong, sizeof wrong);
}

Test(node_int8, an_update_in_f32_is_told_what_is_wrong) {
    struct sl_layout layout;
    struct sl_chunks chunks;
    struct sl_digest digests[8] = {{{1}}};
    start("20");
    struct sl_manifest manifest = peer_describe(&peer, 1, SL_PAYLOAD_UPDATE), other = manifest;
    sl_layout_init(&layout);
    cr_assert_eq(sl_layout_add(&layout, "idle", 1, (const uint64_t[]){PEER_ELEMENTS}, NULL), SL_OK);
    cr_assert_eq(sl_chunks_choose(&chunks, PEER_ELEMENTS * sizeof(float), NULL), SL_OK);
    other.encoding = SL_ENCODING_F32;
    cr_assert_eq(sl_manifest_describe(&other, &layout, &chunks, digests, NULL), SL_OK);
    (void)peer_send_manifest(&peer, &other);
    peer_assert_refused(&peer, "manifest of an update in f32, ours are in int8 (mix.codec)");
    sl_manifest_finish(&manifest);
    sl_manifest_finish(&other);
    sl_layout_finish(&layout);
}

/* Who joins late begins with the very model. */
Test(node_int8, a_model_is_given_whole) {
    start("0.5");
    struct sl_buffer payload = {0};
    PEER_UNTIL(&peer, peer.manifest.round == 2);
    cr_assert_eq(sl_model_request_encode(&payload, &(struct sl_model_request){.epoch = 0}), SL_OK);
    peer_send(&peer, SL_FRAME_MODEL_REQUEST, &payload);
    sl_buffer_finish(&payload);
    PEER_UNTIL(&peer, peer.snapshots == 1);
    cr_assert_eq(peer.snapshot_bytes, PEER_ELEMENTS * sizeof(float));
}

/* An update that is made again is what was signed: only its round changes how it is rounded. */
Test(node_int8, rounding_follows_from_node_and_round) {
    start_with("0.5", "none");
    uint8_t first[SL_WIRE_DIGEST_SIZE], second[SL_WIRE_DIGEST_SIZE];
    uint64_t lineage = peer.manifest.lineage;
    memcpy(first, peer.manifest.chunk_digests[0], sizeof first);
    PEER_UNTIL(&peer, peer.manifest.round == 2); /* the same model, which nobody has changed */
    memcpy(second, peer.manifest.chunk_digests[0], sizeof second);
    cr_expect_arr_neq(first, second, sizeof first);
    peer_stop_node(&peer);
    peer.manifest.round = 0;
    peer.lineage++;
    peer_create_again(&peer);
    peer_run_node(&peer);
    peer_connect(&peer);
    peer_join(&peer);
    PEER_UNTIL(&peer, peer.manifest.round == 1);
    cr_assert_neq(peer.manifest.lineage, lineage);
    cr_expect_arr_eq(peer.manifest.chunk_digests[0], first, sizeof first);
}
