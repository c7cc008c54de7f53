/* alice signs one update for bob and another one for carol, both real nodes. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "exchange/manifest.h"
#include "peer.h"
#include <starling/proof.h>

/* Rounds end by their deadline where alice leaves them open. */
#define SHORT_ROUNDS "\"rounds\":1000,\"deadline_min\":0.2,\"deadline_max\":0.2"

static struct peer bob, carol; /* alice's two faces: what she says to each */

static void finish(void) {
    if (carol.node != NULL)
        peer_finish(&carol);
    peer_finish(&bob);
}

TestSuite(node_witness, .fini = finish, .timeout = 120);

static void meet(struct peer *peer) {
    peer_run_node(peer);
    peer_connect(peer);
    peer_join(peer);
}

static void start_both(const char *bobs, const char *carols) {
    peer_init_more(&bob, "alice", SHORT_ROUNDS, bobs);
    peer_run_node(&bob);
    peer_init_beside(&carol, &bob, "carol", SHORT_ROUNDS, carols);
    meet(&carol);
    peer_connect(&bob);
    peer_join(&bob);
}

static void turn_both(void) {
    peer_turn(&bob);
    if (carol.node != NULL)
        peer_turn(&carol);
}

#define UNTIL(condition)                                                                                               \
    do {                                                                                                               \
        sl_time limit_ = sl_clock_monotonic() + 30 * SL_SECOND;                                                        \
        while (!(condition)) {                                                                                         \
            cr_assert_lt(sl_clock_monotonic(), limit_, "%s, last word: \"%s\"", #condition, bob.reason);               \
            turn_both();                                                                                               \
        }                                                                                                              \
    } while (0)

/* An update of alice's with that many first values changed. */
static struct sl_manifest update(struct peer *peer, uint64_t round, uint8_t change) {
    struct sl_manifest manifest = peer_describe(peer, round, SL_PAYLOAD_UPDATE);
    manifest.chunk_digests[0][0] ^= change;
    return manifest;
}

static void say(struct peer *peer, uint64_t round, uint8_t change) {
    struct sl_manifest manifest = update(peer, round, change);
    (void)peer_send_manifest(peer, &manifest);
    sl_manifest_finish(&manifest);
}

/* The path of the only proof in that node's folder, the caller's; NULL: there is none. */
static char *find_proof(const struct peer *peer) {
    char name[SL_NAME_SIZE + 8];
    (void)snprintf(name, sizeof name, "%s-proofs", peer->host);
    char *folder = sl_test_path(peer->flock.folder, name), *found = NULL;
    DIR *entries = opendir(folder);
    const struct dirent *entry;
    while (entries != NULL && (entry = readdir(entries)) != NULL) {
        size_t length = strlen(entry->d_name);
        if (length < 6 || strcmp(entry->d_name + length - 6, ".proof") != 0)
            continue;
        cr_assert_null(found, "one a node");
        found = sl_test_path(folder, entry->d_name);
    }
    if (entries != NULL)
        (void)closedir(entries);
    free(folder);
    return found;
}

static bool has_proof(const struct peer *peer) {
    char *path = find_proof(peer);
    free(path);
    return path != NULL;
}

static enum sl_status verify(const char *path, struct sl_proof_report *report) {
    char *authority = sl_test_path(bob.flock.folder, "ca.pem");
    struct sl_error error = {.status = SL_OK, .text = ""};
    const struct sl_proof_options options = {.file = path, .authority = authority};
    enum sl_status status = sl_proof_verify(report, &options, &error);
    cr_assert_eq(status, error.status, "%s", error.text);
    free(authority);
    return status;
}

/* For both of them, whatever round they are in, until both have the proof. */
static void equivocate(void) {
    uint64_t said = 0;
    while (!has_proof(&bob) || !has_proof(&carol)) {
        turn_both();
        uint64_t round = bob.manifest.round;
        if (round == said || round == 0)
            continue;
        said = round;
        say(&bob, round, 0);
        say(&carol, round, 1);
    }
}

Test(node_witness, two_nodes_find_out_and_their_proofs_convict_offline) {
    struct sl_proof_report reports[2];
    start_both("", "");
    equivocate();
    struct peer *const peers[] = {&bob, &carol};
    for (size_t i = 0; i < 2; i++) {
        char *path = find_proof(peers[i]);
        cr_assert_eq(verify(path, &reports[i]), SL_OK);
        cr_assert_str_eq(reports[i].node, "alice");
        cr_assert_str_eq(reports[i].flock, "demo");
        cr_assert_str_eq(reports[i].run, "r1");
        cr_assert_gt(reports[i].round, 0);
        cr_assert_eq(reports[i].lineage, 7);
        cr_assert_str_neq(reports[i].updates[0].payload, reports[i].updates[1].payload);
        cr_assert_str_neq(reports[i].updates[0].certificate, reports[i].updates[1].certificate,
                          "she has two, and both are hers");
        free(path);
    }
    UNTIL(bob.frames[SL_FRAME_PROOF] > 0 && carol.frames[SL_FRAME_PROOF] > 0);
    cr_assert_eq(bob.downs, 0, "nobody is expelled unless it is set");
    cr_assert_eq(carol.downs, 0);
}

static void make_proof(void) {
    peer_init_more(&bob, "alice", SHORT_ROUNDS, "");
    meet(&bob);
    UNTIL(bob.manifest.round > 0);
    say(&bob, bob.manifest.round, 0);
    say(&bob, bob.manifest.round, 1);
    UNTIL(has_proof(&bob));
}

/* What is announced long before its round is averaged in it all the same. */
Test(node_witness, what_is_said_long_ahead_is_seen_when_its_round_comes) {
    start_both("", "");
    UNTIL(bob.manifest.round > 0 && carol.manifest.round > 0);
    uint64_t now = bob.manifest.round > carol.manifest.round ? bob.manifest.round : carol.manifest.round;
    struct peer *const peers[] = {&bob, &carol};
    for (uint8_t i = 0; i < 2; i++) {
        struct sl_manifest manifest = update(peers[i], now + 6, i);
        manifest.degree = 2;
        manifest.total_samples = 3;
        (void)peer_send_manifest(peers[i], &manifest);
        sl_manifest_finish(&manifest);
    }
    UNTIL(has_proof(&bob) && has_proof(&carol));
}

Test(node_witness, two_words_to_one_node_are_enough) {
    struct sl_proof_report report;
    make_proof();
    char *path = find_proof(&bob);
    cr_assert_eq(verify(path, &report), SL_OK);
    free(path);
}

Test(node_witness, every_byte_of_a_proof_counts) {
    struct sl_proof_report report;
    struct sl_buffer bytes = {0};
    make_proof();
    char *path = find_proof(&bob), *other = sl_test_path(bob.flock.folder, "other.proof");
    cr_assert_eq(sl_file_read(&bytes, path, SL_PROOF_MAX, NULL), SL_OK);
    for (size_t i = 0; i < bytes.length; i++) {
        bytes.data[i] ^= (uint8_t)(1U << i % 8);
        sl_test_write(other, bytes.data, bytes.length, 0600);
        enum sl_status status = verify(other, &report);
        cr_assert(status == SL_FORMAT || status == SL_LIMIT || status == SL_MISMATCH || status == SL_UNTRUSTED,
                  "byte %zu of %zu: %s", i, bytes.length, sl_status_text(status));
        bytes.data[i] ^= (uint8_t)(1U << i % 8);
    }
    for (size_t length = 0; length < bytes.length; length += 37) {
        sl_test_write(other, bytes.data, length, 0600);
        cr_assert_neq(verify(other, &report), SL_OK, "the first %zu bytes", length);
    }
    cr_assert_eq(sl_buffer_append(&bytes, "", 1), SL_OK);
    sl_test_write(other, bytes.data, bytes.length, 0600);
    cr_assert_neq(verify(other, &report), SL_OK, "a byte more");
    sl_buffer_finish(&bytes);
    free(path);
    free(other);
}

Test(node_witness, a_proof_is_of_the_authority_that_certified_the_node) {
    struct sl_test_flock stranger;
    struct sl_proof_report report;
    struct sl_error error;
    make_proof();
    sl_test_flock_init(&stranger, "demo");
    char *path = find_proof(&bob), *authority = sl_test_path(stranger.folder, "ca.pem");
    const struct sl_proof_options options = {.file = path, .authority = authority};
    cr_assert_eq(sl_proof_verify(&report, &options, &error), SL_UNTRUSTED);
    free(path);
    free(authority);
    sl_test_flock_finish(&stranger);
}

Test(node_witness, what_an_honest_node_may_do_convicts_nobody) {
    start_both("", "");
    UNTIL(bob.manifest.round > 0 && carol.manifest.round > 0);
    for (uint64_t said = 0, rounds = 0; rounds < 4; rounds += said == bob.manifest.round) {
        turn_both();
        if (bob.manifest.round == said)
            continue;
        said = bob.manifest.round;
        /* The same payload in another view of the roster. */
        struct sl_manifest manifest = update(&bob, said, 0);
        (void)peer_send_manifest(&bob, &manifest);
        manifest.degree++;
        manifest.view[0]++;
        manifest.total_samples++;
        (void)peer_send_manifest(&carol, &manifest);
        (void)peer_send_manifest(&bob, &manifest);
        /* Another payload, of another lineage: a restart. */
        manifest.lineage++;
        manifest.chunk_digests[0][0] ^= 1;
        (void)peer_send_manifest(&carol, &manifest);
        /* And a snapshot. */
        manifest.lineage--;
        manifest.kind = SL_PAYLOAD_SNAPSHOT;
        (void)peer_send_manifest(&carol, &manifest);
        sl_manifest_finish(&manifest);
    }
    UNTIL(bob.frames[SL_FRAME_WITNESS] + carol.frames[SL_FRAME_WITNESS] > 0);
    cr_assert_eq(bob.frames[SL_FRAME_PROOF] + carol.frames[SL_FRAME_PROOF], 0);
    cr_assert_not(has_proof(&bob));
    cr_assert_not(has_proof(&carol));
    cr_assert_eq(bob.downs + carol.downs, 0);
}

Test(node_witness, who_is_convicted_is_expelled_where_that_is_set) {
    start_both("\"expel_on_proof\":true", "");
    equivocate();
    UNTIL(bob.downs > 0);
    cr_assert_not_null(strstr(bob.reason, "expelled"), "%s", bob.reason);
    cr_assert_eq(carol.downs, 0);
    size_t failures = bob.dial_failures;
    cr_assert_eq(sl_transport_dial(bob.transport, (const char *[]){bob.address}, 1, bob.host), SL_OK);
    UNTIL(bob.dial_failures > failures);
    cr_assert_eq(bob.ups, 1, "and not let in again");
}

/* ---- those who would frame another ---- */

static struct sl_statement *evidence(uint64_t round, uint8_t change) {
    struct sl_manifest manifest = update(&bob, round, change);
    struct sl_buffer body = {0};
    cr_assert_eq(sl_manifest_encode(&body, &manifest), SL_OK);
    struct sl_statement *statement =
        peer_seal(bob.identity, SL_MANIFEST_CONTEXT, (struct sl_bytes){body.data, body.length});
    sl_buffer_finish(&body);
    sl_manifest_finish(&manifest);
    return statement;
}

static void send_evidence(const struct sl_statement *statement) {
    struct sl_buffer payload = {0};
    struct sl_statement copy = *statement;
    cr_assert_eq(sl_evidence_encode(&payload, &(struct sl_evidence){.statement = &copy}), SL_OK);
    peer_send(&bob, SL_FRAME_EVIDENCE, &payload);
    sl_buffer_finish(&payload);
}

static void begin(void) {
    peer_init_more(&bob, "alice", SHORT_ROUNDS, "");
    meet(&bob);
    UNTIL(bob.manifest.round > 0);
    say(&bob, bob.manifest.round, 0);
}

Test(node_witness, false_evidence_is_the_end_of_who_sent_it) {
    begin();
    struct sl_statement *statement = evidence(bob.manifest.round, 1), forged = *statement;
    uint8_t signature[SL_WIRE_SIGNATURE_MAX];
    memcpy(signature, statement->signature.data, statement->signature.length);
    signature[statement->signature.length - 1] ^= 1;
    forged.signature.data = signature;
    send_evidence(&forged);
    peer_assert_refused(&bob, "false evidence");
    cr_assert_not(has_proof(&bob));
    sl_statement_unref(statement);
}

Test(node_witness, evidence_that_proves_nothing_does_nothing) {
    begin();
    uint64_t round = bob.manifest.round;
    struct sl_statement *same = evidence(round, 0), *other = evidence(round + 900, 1);
    send_evidence(same);
    send_evidence(other);
    UNTIL(bob.manifest.round > round);
    cr_assert_not(has_proof(&bob));
    cr_assert_eq(bob.downs, 0);
    sl_statement_unref(same);
    sl_statement_unref(other);
}

static void send_part(struct sl_bytes bytes, uint32_t offset, uint32_t total) {
    struct sl_buffer payload = {0};
    cr_assert_eq(sl_part_encode(&payload, &(struct sl_part){.total = total, .offset = offset, .bytes = bytes}), SL_OK);
    peer_send(&bob, SL_FRAME_PROOF, &payload);
    sl_buffer_finish(&payload);
}

static void send_proof_bytes(struct sl_bytes bytes, uint32_t total) {
    send_part(bytes, 0, total);
}

static void send_proof(struct sl_statement *a, struct sl_statement *b) {
    struct sl_buffer bytes = {0};
    const struct sl_proof proof = {.first = a, .second = b}, swapped = {.first = b, .second = a};
    struct sl_proof read;
    cr_assert_eq(sl_proof_encode(&bytes, &proof), SL_OK);
    if (sl_proof_decode(&read, bytes.data, bytes.length, NULL) != SL_OK) {
        sl_buffer_clear(&bytes);
        cr_assert_eq(sl_proof_encode(&bytes, &swapped), SL_OK);
    } else {
        sl_proof_finish(&read);
    }
    for (size_t at = 0; at < bytes.length; at += SL_PART_MAX) {
        size_t left = bytes.length - at;
        send_part((struct sl_bytes){bytes.data + at, left < SL_PART_MAX ? left : SL_PART_MAX}, (uint32_t)at,
                  (uint32_t)bytes.length);
    }
    sl_buffer_finish(&bytes);
}

Test(node_witness, proofs_that_are_none_are_refused) {
    begin();
    struct sl_statement *one = evidence(1, 0), *two = evidence(1, 1), *later = evidence(2, 1), forged = *two;
    uint8_t signature[SL_WIRE_SIGNATURE_MAX];
    memcpy(signature, two->signature.data, two->signature.length);
    signature[two->signature.length - 1] ^= 1;
    forged.signature.data = signature;
    send_proof_bytes((struct sl_bytes){(const uint8_t *)"nonsense", 8}, 8);
    peer_assert_refused(&bob, "proof");
    send_proof_bytes((struct sl_bytes){(const uint8_t *)"nonsense", 8}, SL_PROOF_MAX + 1);
    peer_assert_refused(&bob, "at most");
    send_proof(one, later);
    peer_assert_refused(&bob, "contradict");
    send_proof(one, &forged);
    peer_assert_refused(&bob, "not by the key");
    cr_assert_not(has_proof(&bob));
    send_proof(one, two);
    UNTIL(has_proof(&bob));
    sl_statement_unref(one);
    sl_statement_unref(two);
    sl_statement_unref(later);
}

Test(node_witness, a_witness_of_what_was_not_seen_is_not_answered) {
    begin();
    static struct sl_witness_entry entries[SL_WITNESS_ENTRIES_MAX];
    struct sl_buffer payload = {0};
    uint64_t round = bob.manifest.round;
    for (size_t i = 0; i < SL_WITNESS_ENTRIES_MAX; i++)
        entries[i] = (struct sl_witness_entry){.origin = "alice", .kind = SL_PAYLOAD_UPDATE, .lineage = 7};
    struct sl_witness witness = {.epoch = 5, .round = round, .entries = entries, .count = SL_WITNESS_ENTRIES_MAX};
    cr_assert_eq(sl_witness_encode(&payload, &witness), SL_OK);
    peer_send(&bob, SL_FRAME_WITNESS, &payload);
    sl_buffer_clear(&payload);
    witness.epoch = 0;
    witness.round = round + 1;
    cr_assert_eq(sl_witness_encode(&payload, &witness), SL_OK);
    peer_send(&bob, SL_FRAME_WITNESS, &payload);
    UNTIL(bob.manifest.round > round);
    cr_assert_eq(bob.frames[SL_FRAME_EVIDENCE], 0);
    sl_buffer_clear(&payload);
    say(&bob, bob.manifest.round, 0);
    witness.round = bob.manifest.round;
    cr_assert_eq(sl_witness_encode(&payload, &witness), SL_OK);
    for (size_t i = 0; i < 20; i++)
        peer_send(&bob, SL_FRAME_WITNESS, &payload);
    UNTIL(bob.frames[SL_FRAME_EVIDENCE] > 0 && bob.manifest.round > witness.round + 1);
    cr_assert_leq(bob.frames[SL_FRAME_EVIDENCE], 2 * 32, "so much a round and no more");
    sl_buffer_finish(&payload);
}

/* With certificates that nobody needs a witness could be made unable to send what it holds. */
static void pad_certificates(struct peer *peer) {
    struct sl_test_pair pad;
    struct sl_buffer file = {0}, more = {0};
    struct sl_error error;
    char *path = sl_test_path(peer->flock.folder, "alice-client.pem");
    char *other = sl_test_path(peer->flock.folder, "pad.pem");
    /* It has the authority's name, or the own file would be out of order. */
    sl_test_issue(&pad, &(struct sl_test_order){.common_name = "test authority"});
    sl_test_write_certificates(other, (const struct sl_test_pair *const[]){&pad, &pad, &pad}, 3);
    cr_assert_eq(sl_file_read(&file, path, 1 << 20, &error), SL_OK);
    cr_assert_eq(sl_file_read(&more, other, 1 << 20, &error), SL_OK);
    cr_assert_eq(sl_buffer_append(&file, more.data, more.length), SL_OK);
    sl_test_write(path, file.data, file.length, 0600);
    sl_identity_unref(peer->identity);
    cr_assert_eq(sl_identity_load(&peer->identity, &peer->own, NULL, &error), SL_OK, "%s", error.text);
    sl_transport_set_identity(peer->transport, peer->identity);
    sl_test_pair_finish(&pad);
    sl_buffer_finish(&file);
    sl_buffer_finish(&more);
    free(path);
    free(other);
}

Test(node_witness, evidence_has_no_certificate_that_is_not_needed) {
    struct sl_bytes chain[SL_CHAIN_MAX];
    peer_init_more(&bob, "alice", SHORT_ROUNDS, "");
    pad_certificates(&bob);
    cr_assert_eq(sl_identity_chain(bob.identity, SL_PURPOSE_CLIENT, chain), 4);
    meet(&bob);
    while (bob.frames[SL_FRAME_EVIDENCE] == 0) {
        uint64_t round = bob.manifest.round;
        UNTIL(bob.manifest.round > round);
        say(&bob, bob.manifest.round, 0);
        struct sl_witness_entry entry = {.origin = "alice", .kind = SL_PAYLOAD_UPDATE, .lineage = 7};
        struct sl_buffer payload = {0};
        cr_assert_eq(sl_witness_encode(
                         &payload, &(struct sl_witness){.round = bob.manifest.round, .entries = &entry, .count = 1}),
                     SL_OK);
        peer_send(&bob, SL_FRAME_WITNESS, &payload);
        sl_buffer_finish(&payload);
    }
    cr_assert_eq(bob.evidence_chain, 1);
}

/* Two updates of one node, as long as manifests may be. */
static void convict(const char *node) {
    char uri[SL_TEST_URI_SIZE];
    struct sl_test_pair pair;
    struct sl_test_order order = sl_test_order_node(uri, &bob.flock.authority, "demo", node, SL_PURPOSE_CLIENT);
    struct sl_statement *statements[2];
    struct sl_manifest manifest = peer_describe(&bob, 1, SL_PAYLOAD_UPDATE);
    sl_test_issue(&pair, &order);
    memcpy(manifest.origin, node, strlen(node) + 1);
    free(manifest.chunk_digests);
    manifest.chunk_count = SL_CHUNK_COUNT_MAX;
    manifest.chunk_bytes = SL_CHUNK_UNIT;
    manifest.payload_bytes = (uint64_t)SL_CHUNK_COUNT_MAX * SL_CHUNK_UNIT;
    manifest.tensors[0].dims[0] = manifest.payload_bytes / sizeof(float);
    manifest.chunk_digests = calloc(SL_CHUNK_COUNT_MAX, sizeof *manifest.chunk_digests);
    for (uint8_t i = 0; i < 2; i++) {
        struct sl_buffer body = {0}, message = {0};
        uint8_t signature[SL_SIGNATURE_MAX];
        const struct sl_bytes chain = sl_test_pair_bytes(&pair);
        manifest.chunk_digests[0][0] = i;
        cr_assert_eq(sl_manifest_encode(&body, &manifest), SL_OK);
        cr_assert_eq(sl_manifest_signed_message(&message, (struct sl_bytes){body.data, body.length}), SL_OK);
        size_t length = sl_test_sign(signature, &pair, (struct sl_bytes){message.data, message.length});
        cr_assert_eq(sl_statement_create(&statements[i], (struct sl_bytes){body.data, body.length},
                                         (struct sl_bytes){signature, length}, &chain, 1),
                     SL_OK);
        sl_buffer_finish(&body);
        sl_buffer_finish(&message);
    }
    send_proof(statements[0], statements[1]);
    sl_statement_unref(statements[0]);
    sl_statement_unref(statements[1]);
    sl_test_pair_finish(&pair);
    sl_manifest_finish(&manifest);
}

/* Together more than a connection's queue may hold: told all at once, they would end each new connection. */
Test(node_witness, proofs_against_many_keep_nobody_out) {
    enum { CONVICTED = 70 };
    begin();
    for (unsigned i = 0; i < CONVICTED; i++) {
        char name[16];
        snprintf(name, sizeof name, "liar-%u", i);
        convict(name);
        size_t told = bob.frames[SL_FRAME_PROOF];
        UNTIL(bob.frames[SL_FRAME_PROOF] > told);
    }
    sl_connection_close(bob.connection, "to come again");
    UNTIL(bob.connection == NULL);
    size_t told = bob.frames[SL_FRAME_PROOF];
    uint64_t round = bob.manifest.round;
    peer_connect(&bob);
    UNTIL(bob.manifest.round > round + 1);
    cr_assert_gt(bob.frames[SL_FRAME_PROOF], told + 10);
    cr_assert_eq(bob.downs, 1, "%s", bob.reason);
}
