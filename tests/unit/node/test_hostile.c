/* An admitted peer that breaks the protocol, or uses it up: bob refuses what must be refused and lives on. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "peer.h"

static struct peer peer;
static const uint64_t BYTES = PEER_ELEMENTS * sizeof(float);

static void start(bool stream) {
    peer_init(&peer, "alice", "\"rounds\":1000,\"deadline_min\":20,\"deadline_max\":20,\"linger_max\":0", stream);
    peer_run_node(&peer);
    peer_connect(&peer);
    peer_join(&peer);
    PEER_UNTIL(&peer, peer.manifest.round == 1);
}

static void set_up(void) {
    start(false);
}

static void tear_down(void) {
    peer_finish(&peer);
}

TestSuite(node_hostile, .init = set_up, .fini = tear_down, .timeout = 120);

static uint64_t wait_for_credit(uint32_t transfer) {
    PEER_UNTIL(&peer, peer.credit[transfer] > 0);
    return peer.credit[transfer];
}

Test(node_hostile, a_cut_that_is_not_ours_never_reaches_the_mix) {
    struct sl_manifest manifest = peer_describe(&peer, 1, SL_PAYLOAD_UPDATE);
    manifest.chunk_bytes = 2 * SL_CHUNK_UNIT; /* a cut that the wire allows */
    manifest.chunk_count = (BYTES + manifest.chunk_bytes - 1) / manifest.chunk_bytes;
    (void)peer_send_manifest(&peer, &manifest);
    sl_manifest_finish(&manifest);
    peer_assert_refused(&peer, "chunks");
}

Test(node_hostile, what_no_round_will_ask_for_is_not_kept) {
    struct sl_manifest manifest = peer_describe(&peer, 1, SL_PAYLOAD_UPDATE);
    for (uint64_t i = 0; i < 20; i++) {
        manifest.round = 1001 + i; /* beyond the last */
        (void)peer_send_manifest(&peer, &manifest);
    }
    manifest.epoch = 1;
    for (uint64_t i = 0; i < 10; i++) {
        manifest.round = 2 + i;
        (void)peer_send_manifest(&peer, &manifest);
    }
    sl_manifest_finish(&manifest);
    PEER_UNTIL(&peer, peer.cancels == 30);
}

Test(node_hostile, of_rounds_ahead_only_the_newest_is_kept) {
    for (uint64_t round = 10; round < 30; round++)
        (void)peer_offer(&peer, round);
    PEER_UNTIL(&peer, peer.cancels >= 19);
    cr_assert_not(peer.cancelled[peer.next_transfer - 2]);
}

Test(node_hostile, a_model_that_nobody_asked_for_is_not_taken) {
    struct sl_manifest manifest = peer_describe(&peer, 3, SL_PAYLOAD_SNAPSHOT);
    uint32_t transfer = peer_send_manifest(&peer, &manifest);
    sl_manifest_finish(&manifest);
    PEER_UNTIL(&peer, peer.cancelled[transfer]);
    cr_assert_eq(peer.credit[transfer], 0);
}

Test(node_hostile, bytes_that_are_not_the_signed_ones_are_refused) {
    struct sl_manifest manifest = peer_describe(&peer, 1, SL_PAYLOAD_UPDATE);
    manifest.chunk_digests[1][5] ^= 1;
    uint32_t transfer = peer_send_manifest(&peer, &manifest);
    sl_manifest_finish(&manifest);
    peer_send_data(&peer, transfer, 0, wait_for_credit(transfer));
    peer_assert_refused(&peer, "not what its manifest says");
}

Test(node_hostile, a_signature_of_something_else_is_refused) {
    struct sl_manifest manifest = peer_describe(&peer, 1, SL_PAYLOAD_UPDATE);
    struct sl_buffer bytes = {0}, payload = {0};
    uint8_t signature[SL_SIGNATURE_MAX];
    size_t length = sizeof signature;
    cr_assert_eq(sl_manifest_encode(&bytes, &manifest), SL_OK);
    cr_assert_eq(sl_identity_sign(peer.identity, signature, &length, (struct sl_bytes){bytes.data, bytes.length}, NULL),
                 SL_OK); /* without what it is for */
    const struct sl_manifest_frame frame = {
        .transfer = 1, .manifest = {bytes.data, bytes.length}, .signature = {signature, length}};
    cr_assert_eq(sl_manifest_frame_encode(&payload, &frame), SL_OK);
    peer_send(&peer, SL_FRAME_MANIFEST, &payload);
    sl_buffer_finish(&payload);
    sl_buffer_finish(&bytes);
    sl_manifest_finish(&manifest);
    peer_assert_refused(&peer, "manifest");
}

Test(node_hostile, somebody_elses_manifest_is_refused) {
    struct sl_manifest manifest = peer_describe(&peer, 1, SL_PAYLOAD_UPDATE);
    memcpy(manifest.origin, "carol", sizeof "carol");
    (void)peer_send_manifest(&peer, &manifest);
    sl_manifest_finish(&manifest);
    peer_assert_refused(&peer, "origin");
}

Test(node_hostile, numbers_of_transfers_are_used_once_and_are_ones_own) {
    (void)peer_offer(&peer, 1);
    peer.next_transfer = 1;
    (void)peer_offer(&peer, 2);
    peer_assert_refused(&peer, "transfer number 1");
    peer.next_transfer = 2; /* bob's */
    (void)peer_offer(&peer, 1);
    peer_assert_refused(&peer, "transfer number 2");
}

Test(node_hostile, data_comes_when_it_is_asked_for_and_in_order) {
    peer_send_data(&peer, 9, 0, 100);
    peer_assert_refused(&peer, "never announced");
    uint32_t ahead = peer_offer(&peer, 2);
    peer_send_data(&peer, ahead, 0, 100); /* a round that bob is not in: no credit */
    peer_assert_refused(&peer, "without credit");
    uint32_t transfer = peer_offer(&peer, 1);
    (void)wait_for_credit(transfer);
    peer_send_data(&peer, transfer, 4, 100);
    peer_assert_refused(&peer, "offset 4");
    transfer = peer_offer(&peer, 1);
    (void)wait_for_credit(transfer);
    peer_send_data(&peer, transfer, 0, 400);
    peer_send_data(&peer, transfer, 0, 400); /* twice */
    peer_assert_refused(&peer, "offset 0");
}

Test(node_hostile, credit_has_bounds) {
    peer_send_credit(&peer, peer.transfer, BYTES + 1);
    peer_assert_refused(&peer, "credit");
    PEER_UNTIL(&peer, peer.frames[SL_FRAME_MANIFEST] == 2); /* offered again over the new connection */
    peer_send_credit(&peer, peer.transfer, 1000);
    PEER_UNTIL(&peer, peer.got == 1000);
    peer_send_credit(&peer, peer.transfer, 999);
    peer_assert_refused(&peer, "credit");
    peer_send_credit(&peer, 4711, BYTES); /* of nothing: might have crossed a cancel */
    peer_turn(&peer);
    cr_assert_not_null(peer.connection);
}

Test(node_hostile, cancels_of_what_is_not_there_change_nothing) {
    struct sl_buffer payload = {0};
    for (uint32_t transfer = 0; transfer < 50; transfer++) {
        if (transfer == peer.transfer)
            continue;
        sl_buffer_clear(&payload);
        cr_assert_eq(sl_cancel_encode(&payload, &(struct sl_cancel){.transfer = transfer}), SL_OK);
        peer_send(&peer, SL_FRAME_CANCEL, &payload);
    }
    sl_buffer_finish(&payload);
    peer_count(&peer, 1);
    PEER_UNTIL(&peer, peer.manifest.round == 2);
}

Test(node_hostile, a_peer_that_signs_twice_gets_its_first_word) {
    uint32_t first = peer_offer(&peer, 1);
    struct sl_manifest manifest = peer_describe(&peer, 1, SL_PAYLOAD_UPDATE);
    manifest.chunk_digests[0][0] ^= 1;
    uint32_t second = peer_send_manifest(&peer, &manifest);
    manifest.lineage++;
    uint32_t third = peer_send_manifest(&peer, &manifest);
    sl_manifest_finish(&manifest);
    PEER_UNTIL(&peer, peer.cancelled[second] && peer.cancelled[third]);
    peer_send_data(&peer, first, 0, wait_for_credit(first));
    PEER_UNTIL(&peer, peer.frames[SL_FRAME_READY] == 1);
}

Test(node_hostile, who_asks_for_models_and_takes_none_holds_one_at_most) {
    struct sl_buffer payload = {0};
    cr_assert_eq(sl_model_request_encode(&payload, &(struct sl_model_request){.epoch = 0}), SL_OK);
    for (uint64_t round = 1; round < 5; round++) {
        peer_send(&peer, SL_FRAME_MODEL_REQUEST, &payload);
        peer_send(&peer, SL_FRAME_MODEL_REQUEST, &payload);
        size_t cancels = peer.cancels;
        peer_count(&peer, round);
        PEER_UNTIL(&peer, peer.snapshots == round);
        cr_assert_eq(peer.cancels, cancels + (round > 1), "the one before is withdrawn");
    }
    sl_buffer_finish(&payload);
}

/* ---- streams ---- */

static void set_up_stream(void) {
    start(true);
}

TestSuite(node_hostile_stream, .init = set_up_stream, .fini = tear_down, .timeout = 120);

Test(node_hostile_stream, a_stream_that_ends_in_the_middle_does_not_stop_the_round) {
    uint32_t transfer = peer_offer(&peer, 1);
    (void)wait_for_credit(transfer);
    peer_send_data(&peer, transfer, 0, BYTES / 2);
    PEER_UNTIL(&peer, peer.frames[SL_FRAME_CREDIT] > 0);
    struct sl_buffer payload = {0};
    cr_assert_eq(sl_cancel_encode(&payload, &(struct sl_cancel){.transfer = transfer}), SL_OK);
    peer_send(&peer, SL_FRAME_CANCEL, &payload);
    sl_buffer_finish(&payload);
    PEER_UNTIL(&peer, peer.manifest.round == 2);
    peer_count(&peer, 2);
    PEER_UNTIL(&peer, peer.manifest.round == 3);
}

Test(node_hostile_stream, a_stream_that_is_cut_does_not_stop_the_round) {
    uint32_t transfer = peer_offer(&peer, 1);
    (void)wait_for_credit(transfer);
    peer_send_data(&peer, transfer, 0, BYTES / 2);
    peer_turn(&peer);
    sl_connection_close(peer.connection, "test");
    peer_connect(&peer);
    PEER_UNTIL(&peer, peer.progress.round == 2);
}

Test(node_hostile_stream, bytes_that_are_not_the_signed_ones_are_refused) {
    struct sl_manifest manifest = peer_describe(&peer, 1, SL_PAYLOAD_UPDATE);
    manifest.chunk_digests[3][5] ^= 1;
    uint32_t transfer = peer_send_manifest(&peer, &manifest);
    sl_manifest_finish(&manifest);
    peer_send_data(&peer, transfer, 0, wait_for_credit(transfer));
    peer_assert_refused(&peer, "not what its manifest says");
    PEER_UNTIL(&peer, peer.progress.round == 2);
}

/* Of members that there are not, with a certificate of another name and a signature that is not theirs. */
static void tell_of_strangers(size_t first) {
    struct sl_statement *statements[SL_ROSTER_ENTRIES_MAX];
    struct sl_roster roster = {.statements = statements};
    struct sl_buffer payload = {0};
    for (; roster.count < 32; roster.count++) {
        struct sl_buffer body = {0};
        struct sl_member_statement said = peer_word(&peer, "x");
        (void)snprintf(said.node, sizeof said.node, "x%zu", first + roster.count);
        memcpy(said.origin, said.node, sizeof said.origin);
        cr_assert_eq(sl_member_statement_encode(&body, &said), SL_OK);
        statements[roster.count] =
            peer_seal(peer.identity, SL_MEMBER_CONTEXT, (struct sl_bytes){body.data, body.length});
        sl_buffer_finish(&body);
    }
    cr_assert_eq(sl_roster_encode(&payload, &roster), SL_OK);
    peer_send(&peer, SL_FRAME_ROSTER, &payload);
    sl_buffer_finish(&payload);
    for (size_t i = 0; i < roster.count; i++)
        sl_statement_unref(statements[i]);
}

Test(node_hostile_stream, members_that_there_are_not_are_never_heard_of) {
    for (size_t told = 0; told < 320; told += 32)
        tell_of_strangers(told);
    peer_assert_refused(&peer, "with the certificate");
    peer_join(&peer);
    peer_count(&peer, 1);
    PEER_UNTIL(&peer, peer.manifest.round == 2);
    cr_assert_eq(peer.manifest.degree, 1);
    cr_assert_not(atomic_load(&peer.over));
}

/* Each would go over every connection of the flock, and its certificates are not needed. */
Test(node_hostile, a_statement_with_a_heap_of_certificates_is_left_out) {
    static char long_name[2500];
    struct sl_test_pair pad;
    struct sl_bytes chain[SL_CHAIN_MAX];
    struct sl_buffer body = {0}, payload = {0};
    struct sl_member_statement said = peer_word(&peer, "alice");
    struct sl_statement *sealed, *padded;
    memset(long_name, 'a', sizeof long_name - 1);
    struct sl_test_order order = {.common_name = "of no use"};
    for (size_t i = 0; i < SL_TEST_NAMES_MAX; i++)
        order.names[i] = (struct sl_test_name){.type = GNUTLS_SAN_DNSNAME, .data = long_name};
    sl_test_issue(&pad, &order);
    said.incarnation = 5;
    cr_assert_eq(sl_member_statement_encode(&body, &said), SL_OK);
    sealed = peer_seal(peer.identity, SL_MEMBER_CONTEXT, (struct sl_bytes){body.data, body.length});
    chain[0] = sealed->chain[0];
    chain[1] = chain[2] = sl_test_pair_bytes(&pad);
    cr_assert_eq(sl_statement_create(&padded, sealed->body, sealed->signature, chain, 3), SL_OK);
    cr_assert_eq(sl_roster_encode(&payload, &(struct sl_roster){.statements = &padded, .count = 1}), SL_OK);
    peer_send(&peer, SL_FRAME_ROSTER, &payload);
    PEER_UNTIL(&peer, atomic_load(&peer.left_out) == 1);
    cr_assert_eq(peer.downs, 0, "who relays it cannot do better");
    sl_statement_unref(sealed);
    sl_statement_unref(padded);
    sl_buffer_finish(&body);
    sl_buffer_finish(&payload);
    sl_test_pair_finish(&pad);
}

static bool has_text(const char *path, const char *text) {
    struct sl_buffer file = {0};
    struct sl_error error;
    bool found = sl_file_read(&file, path, 1 << 24, &error) == SL_OK && sl_buffer_append(&file, "", 1) == SL_OK &&
                 strstr((const char *)file.data, text) != NULL;
    sl_buffer_finish(&file);
    return found;
}

/* Who makes others miss rounds is to be found. */
Test(node_hostile, the_record_says_who_accused_whom) {
    struct sl_identity *carol = sl_test_member(&peer.flock, "carol");
    struct sl_member_statement own = peer_word(&peer, "carol"), accusation = peer_word(&peer, "carol");
    struct sl_buffer body = {0}, payload = {0};
    char *path = sl_test_path(peer.flock.folder, "bob.jsonl");
    memcpy(own.origin, "carol", sizeof "carol");
    cr_assert_eq(sl_member_statement_encode(&body, &own), SL_OK);
    struct sl_statement *word = peer_seal(carol, SL_MEMBER_CONTEXT, (struct sl_bytes){body.data, body.length});
    cr_assert_eq(sl_roster_encode(&payload, &(struct sl_roster){.statements = &word, .count = 1}), SL_OK);
    peer_send(&peer, SL_FRAME_ROSTER, &payload);
    accusation.state = SL_MEMBER_DROPPED;
    accusation.samples = accusation.from_round = 0;
    peer_say(&peer, &accusation);
    PEER_UNTIL(&peer, has_text(path, "\"member\":\"carol\",\"state\":\"dropped\",\"by\":\"alice\""));
    sl_buffer_finish(&body);
    sl_buffer_finish(&payload);
    sl_statement_unref(word);
    sl_identity_unref(carol);
    free(path);
}
