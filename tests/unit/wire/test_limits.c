/* Each limit at its edge, and messages made to hurt. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "samples.h"

static const struct codec *find(const char *name) {
    for (size_t i = 0; i < codec_count; i++) {
        if (strcmp(codecs[i].name, name) == 0)
            return &codecs[i];
    }
    return NULL;
}

/* What becomes of this message on its way. */
static enum sl_status way(const char *name, const union any_message *message) {
    const struct codec *codec = find(name);
    struct sl_buffer bytes = {0};
    union any_message out;
    enum sl_status status = codec->encode(&bytes, message);
    cr_assert(status == SL_OK || bytes.length == 0, "a failure changes nothing");
    if (status == SL_OK)
        status = codec->decode(&out, bytes.data, bytes.length, NULL);
    if (status == SL_OK)
        codec->finish(&out);
    sl_buffer_finish(&bytes);
    return status;
}

#define EXPECT(wanted, name, change)                                                                                   \
    do {                                                                                                               \
        union any_message m;                                                                                           \
        find(#name)->sample(&m);                                                                                       \
        struct sl_##name *it = &m.name;                                                                                \
        change;                                                                                                        \
        (void)it;                                                                                                      \
        cr_assert_eq(way(#name, &m), wanted, "%s", #name ": " #change);                                                \
    } while (0)

Test(wire_limits, hello) {
    static uint8_t big[SL_HELLO_CERTIFICATE_MAX + 1];
    static struct sl_bytes chain[SL_HELLO_CHAIN_MAX + 1];
    static char address[] = "a:1";
    static char *addresses[SL_ADDRESSES_MAX + 1];
    for (size_t i = 0; i <= SL_HELLO_CHAIN_MAX; i++)
        chain[i] = (struct sl_bytes){big, 100};
    for (size_t i = 0; i <= SL_ADDRESSES_MAX; i++)
        addresses[i] = address;
    EXPECT(SL_OK, hello, it->chain = chain; it->chain_count = SL_HELLO_CHAIN_MAX);
    EXPECT(SL_LIMIT, hello, it->chain = chain; it->chain_count = SL_HELLO_CHAIN_MAX + 1);
    EXPECT(SL_OK, hello, it->chain_count = 0); /* a dialler's; who may leave out what, admission decides */
    EXPECT(SL_OK, hello, it->addresses = addresses; it->address_count = SL_ADDRESSES_MAX);
    EXPECT(SL_LIMIT, hello, it->addresses = addresses; it->address_count = SL_ADDRESSES_MAX + 1);
    EXPECT(SL_OK, hello, it->address_count = 0);
    EXPECT(SL_OK, hello, it->proof_length = 0);
    EXPECT(SL_OK, hello, it->proof = big; it->proof_length = SL_WIRE_SIGNATURE_MAX);
    EXPECT(SL_LIMIT, hello, it->proof = big; it->proof_length = SL_WIRE_SIGNATURE_MAX + 1);
    EXPECT(SL_OK, hello, it->delegate_length = 0);
    EXPECT(SL_FORMAT, hello, it->delegate_length = SL_HELLO_DELEGATE_SIZE - 1);
    EXPECT(SL_FORMAT, hello, it->delegate = big; it->delegate_length = SL_HELLO_DELEGATE_SIZE + 1);
    EXPECT(SL_OK, hello, it->delegation_length = 0);
    EXPECT(SL_OK, hello, it->delegation = big; it->delegation_length = SL_WIRE_SIGNATURE_MAX);
    EXPECT(SL_LIMIT, hello, it->delegation = big; it->delegation_length = SL_WIRE_SIGNATURE_MAX + 1);
    EXPECT(SL_OK, hello, it->delegated_until = 0);
    EXPECT(SL_OK, hello, it->delegated_until = UINT64_MAX);
    EXPECT(SL_FORMAT, hello, it->version_min = 0);
    EXPECT(SL_FORMAT, hello, it->version_min = 4);
    EXPECT(SL_FORMAT, hello, it->node[0] = 'A');
    EXPECT(SL_FORMAT, hello, it->flock[0] = '\0');
    EXPECT(SL_FORMAT, hello, it->run[1] = ' ');
    chain[0].length = SL_HELLO_CERTIFICATE_MAX;
    EXPECT(SL_OK, hello, it->chain = chain; it->chain_count = 1);
    chain[0].length++;
    EXPECT(SL_LIMIT, hello, it->chain = chain; it->chain_count = 1);
    chain[0].length = 0;
    EXPECT(SL_FORMAT, hello, it->chain = chain; it->chain_count = 1);
}

Test(wire_limits, probe) {
    EXPECT(SL_OK, probe, it->answer = SL_PROBE_ASKED);
    EXPECT(SL_FORMAT, probe, it->answer = (enum sl_probe_answer)3);
    EXPECT(SL_FORMAT, probe, it->node[0] = '\0');
}

Test(wire_limits, neighbour) {
    EXPECT(SL_OK, neighbour, it->word = SL_NEIGHBOUR_REQUEST);
    EXPECT(SL_FORMAT, neighbour, it->word = (enum sl_neighbour_word)0);
    EXPECT(SL_FORMAT, neighbour, it->word = (enum sl_neighbour_word)6);
}

Test(wire_limits, roster_digest) {
    static uint64_t many[SL_ROSTER_TAGS_MAX + 1];
    for (size_t i = 0; i <= SL_ROSTER_TAGS_MAX; i++)
        many[i] = i;
    EXPECT(SL_OK, roster_digest, it->tags = it->terms = many; it->count = SL_ROSTER_TAGS_MAX);
    EXPECT(SL_LIMIT, roster_digest, it->tags = it->terms = many; it->count = SL_ROSTER_TAGS_MAX + 1);
    EXPECT(SL_OK, roster_digest, it->wanted = many; it->wanted_count = SL_ROSTER_TAGS_MAX);
    EXPECT(SL_LIMIT, roster_digest, it->wanted = many; it->wanted_count = SL_ROSTER_TAGS_MAX + 1);
    EXPECT(SL_FORMAT, roster_digest, it->tags[1] = it->tags[0]);
    EXPECT(SL_OK, roster_digest, it->tags[1] = it->tags[0] + 1);
    EXPECT(SL_FORMAT, roster_digest, it->has_list = false);
    EXPECT(SL_OK, roster_digest, it->has_list = false; it->count = 0);
    EXPECT(SL_OK, roster_digest, it->parts = NULL);
}

Test(wire_limits, addresses) {
    static char bad[][24] = {"", "a", "a:", "a:0", "a:65536", "a b:1", ":1", "[::1]", "::1:80", "a:1\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        static char *addresses[1];
        addresses[0] = bad[i];
        EXPECT(SL_FORMAT, hello, it->addresses = addresses; it->address_count = 1);
    }
}

Test(wire_limits, reasons) {
    static const char *const good[] = {"", "ok", "\xc2\xa0", "\xed\x9f\xbf", "\xef\xbf\xbd", "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"a\nb",
                                      "\x1b[31m",
                                      "\x7f",
                                      "\xc2\x80",
                                      "\xc2\x9f",
                                      "\x80",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xe0\x80\x80",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf8\x88\x80\x80\x80",
                                      "\xff",
                                      "\xe2\x80",
                                      "a\xc3"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        EXPECT(SL_OK, goodbye, snprintf(it->reason, sizeof it->reason, "%s", good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        EXPECT(SL_FORMAT, goodbye, snprintf(it->reason, sizeof it->reason, "%s", bad[i]));
    EXPECT(SL_OK, goodbye, memset(it->reason, 'x', SL_REASON_MAX); it->reason[SL_REASON_MAX] = '\0');
    uint8_t longer[3 + SL_REASON_MAX + 1] = {0x0a, ((SL_REASON_MAX + 1) & 0x7f) | 0x80, (SL_REASON_MAX + 1) >> 7};
    memset(longer + 3, 'x', SL_REASON_MAX + 1);
    struct sl_goodbye goodbye;
    cr_assert_eq(sl_goodbye_decode(&goodbye, longer, sizeof longer, NULL), SL_LIMIT);
}

Test(wire_limits, roster) {
    static uint8_t bytes[40000];
    static struct sl_statement statement, big, *statements[SL_ROSTER_ENTRIES_MAX + 1];
    const struct sl_bytes one = {bytes, 1};
    statement = (struct sl_statement){.body = one, .signature = one, .chain = {one}, .chain_count = 1};
    for (size_t i = 0; i <= SL_ROSTER_ENTRIES_MAX; i++)
        statements[i] = &statement;
    EXPECT(SL_OK, roster, it->statements = statements; it->count = SL_ROSTER_ENTRIES_MAX);
    EXPECT(SL_LIMIT, roster, it->statements = statements; it->count = SL_ROSTER_ENTRIES_MAX + 1);
    statement.body.length = 0;
    EXPECT(SL_FORMAT, roster, it->statements = statements; it->count = 1);
    statement.body.length = 1;
    statement.signature.length = 0;
    EXPECT(SL_FORMAT, roster, it->statements = statements; it->count = 1);
    statement.signature.length = SL_WIRE_SIGNATURE_MAX + 1;
    EXPECT(SL_LIMIT, roster, it->statements = statements; it->count = 1);
    statement.signature.length = SL_WIRE_SIGNATURE_MAX;
    EXPECT(SL_OK, roster, it->statements = statements; it->count = 1);
    statement.chain_count = 0;
    EXPECT(SL_FORMAT, roster, it->statements = statements; it->count = 1);
    big = (struct sl_statement){.body = {bytes, sizeof bytes}, .signature = one, .chain = {one}, .chain_count = 1};
    statements[0] = statements[1] = &big;
    EXPECT(SL_OK, roster, it->statements = statements; it->count = 1);
    EXPECT(SL_LIMIT, roster, it->statements = statements; it->count = 2);
}

Test(wire_limits, who_may_say_what_of_a_member) {
    EXPECT(SL_OK, member_statement, it->state = SL_MEMBER_ALIVE; it->until_round = 0);
    EXPECT(SL_FORMAT, member_statement, it->state = SL_MEMBER_ALIVE);
    EXPECT(SL_FORMAT, member_statement, it->state = SL_MEMBER_SUSPECT; it->until_round = 0);
    EXPECT(SL_FORMAT, member_statement, it->state = SL_MEMBER_DROPPED);
    EXPECT(SL_FORMAT, member_statement, it->state = (enum sl_member_state)0);
    EXPECT(SL_FORMAT, member_statement, it->state = (enum sl_member_state)5);
    EXPECT(SL_FORMAT, member_statement, it->samples = 0);
    EXPECT(SL_FORMAT, member_statement, it->incarnation = 0);
    EXPECT(SL_FORMAT, member_statement, it->flock[0] = '\0');
    EXPECT(SL_FORMAT, member_statement, it->run[0] = '\0');
    EXPECT(SL_FORMAT, member_statement, it->origin[0] = '-');
    EXPECT(SL_FORMAT, member_statement, it->node[0] = '-');
#define ACCUSE(change)                                                                                                 \
    it->origin[0] = 'b', it->state = SL_MEMBER_DROPPED, it->samples = 0, it->from_round = 0, it->address_count = 0,    \
    it->lineage = 0;                                                                                                   \
    change
    EXPECT(SL_OK, member_statement, ACCUSE());
    EXPECT(SL_OK, member_statement, ACCUSE(it->state = SL_MEMBER_SUSPECT; it->until_round = 0));
    EXPECT(SL_FORMAT, member_statement, ACCUSE(it->state = SL_MEMBER_SUSPECT));
    EXPECT(SL_FORMAT, member_statement, ACCUSE(it->state = SL_MEMBER_ALIVE; it->until_round = 0));
    EXPECT(SL_FORMAT, member_statement, ACCUSE(it->state = SL_MEMBER_LEFT));
    EXPECT(SL_FORMAT, member_statement, ACCUSE(it->samples = 1));
    EXPECT(SL_FORMAT, member_statement, ACCUSE(it->from_round = 1));
    EXPECT(SL_FORMAT, member_statement, ACCUSE(it->lineage = 1));
    EXPECT(SL_FORMAT, member_statement, ACCUSE(it->address_count = 1));
#undef ACCUSE
}

Test(wire_limits, parts) {
    static uint8_t big[SL_PART_MAX + 1];
    EXPECT(SL_OK, part, it->bytes = ((struct sl_bytes){big, SL_PART_MAX}); it->total = SL_CRL_MAX;
           it->offset = SL_CRL_MAX - SL_PART_MAX);
    EXPECT(SL_LIMIT, part, it->bytes = ((struct sl_bytes){big, SL_PART_MAX + 1}); it->total = SL_CRL_MAX);
    EXPECT(SL_FORMAT, part, it->total = SL_CRL_MAX + 1);
    EXPECT(SL_FORMAT, part, it->total = 0; it->offset = 0);
    EXPECT(SL_FORMAT, part, it->bytes.length = 0);
    EXPECT(SL_OK, part, it->bytes.length = it->total - it->offset > 300 ? 300 : 1);
    EXPECT(SL_FORMAT, part, it->offset = it->total - 299);
    EXPECT(SL_FORMAT, part, it->offset = UINT32_MAX - 10);
}

Test(wire_limits, statements) {
    static uint8_t big[SL_PAYLOAD_MAX + 1];
    const struct sl_bytes body = {big, 5}, signature = {big, 5}, certificate = {big, SL_HELLO_CERTIFICATE_MAX};
    struct sl_bytes chain[SL_HELLO_CHAIN_MAX + 1];
    struct sl_statement *statement;
    for (size_t i = 0; i <= SL_HELLO_CHAIN_MAX; i++)
        chain[i] = certificate;
    cr_assert_eq(sl_statement_create(&statement, body, signature, chain, 0), SL_LIMIT);
    cr_assert_eq(sl_statement_create(&statement, body, signature, chain, SL_HELLO_CHAIN_MAX + 1), SL_LIMIT);
    cr_assert_eq(sl_statement_create(&statement, (struct sl_bytes){big, 0}, signature, chain, 1), SL_LIMIT);
    cr_assert_eq(sl_statement_create(&statement, (struct sl_bytes){big, sizeof big}, signature, chain, 1), SL_LIMIT);
    cr_assert_eq(sl_statement_create(&statement, body, (struct sl_bytes){big, 0}, chain, 1), SL_LIMIT);
    cr_assert_eq(sl_statement_create(&statement, body, (struct sl_bytes){big, SL_WIRE_SIGNATURE_MAX + 1}, chain, 1),
                 SL_LIMIT);
    chain[1].length++;
    cr_assert_eq(sl_statement_create(&statement, body, signature, chain, 2), SL_LIMIT);
    cr_assert_null(statement);
    struct sl_statement *other;
    cr_assert_eq(sl_statement_create(&statement, body, signature, chain, 1), SL_OK);
    cr_assert_eq(sl_statement_create(&other, body, signature, chain, 1), SL_OK);
    cr_assert(sl_statement_is_same(statement, other));
    ((uint8_t *)other->chain[0].data)[SL_HELLO_CERTIFICATE_MAX - 1] ^= 1;
    cr_assert_not(sl_statement_is_same(statement, other));
    struct sl_buffer bytes = {0};
    cr_assert_eq(sl_evidence_encode(&bytes, &(struct sl_evidence){other}), SL_OK);
    cr_assert_leq(bytes.length, sl_statement_size(other));
    sl_buffer_finish(&bytes);
    sl_statement_unref(statement);
    sl_statement_unref(other);
}

Test(wire_limits, proofs) {
    struct sl_statement *swapped;
    EXPECT(SL_FORMAT, proof, swapped = it->first; it->first = it->second; it->second = swapped);
    EXPECT(SL_FORMAT, proof, it->second = it->first);
    struct sl_proof proof;
    cr_assert_eq(sl_proof_decode(&proof, (const uint8_t *)"\x0a\x00", 2, NULL), SL_FORMAT, "one alone, and empty");
    cr_assert_eq(sl_proof_decode(&proof, NULL, 0, NULL), SL_FORMAT);
}

Test(wire_limits, round_state) {
    static struct sl_saved_edge edges[SL_SAVED_ENTRIES_MAX + 1];
    static struct sl_saved_peer peers[SL_SAVED_ENTRIES_MAX + 1];
    for (size_t i = 0; i <= SL_SAVED_ENTRIES_MAX; i++) {
        edges[i] = (struct sl_saved_edge){.peer = "a", .state = SL_SAVED_OPEN};
        peers[i] = (struct sl_saved_peer){.name = "a"};
    }
    EXPECT(SL_OK, round_state, it->edges = edges; it->edge_count = SL_SAVED_ENTRIES_MAX);
    EXPECT(SL_LIMIT, round_state, it->edges = edges; it->edge_count = SL_SAVED_ENTRIES_MAX + 1);
    EXPECT(SL_OK, round_state, it->peers = peers; it->peer_count = SL_SAVED_ENTRIES_MAX);
    EXPECT(SL_LIMIT, round_state, it->peers = peers; it->peer_count = SL_SAVED_ENTRIES_MAX + 1);
    EXPECT(SL_LIMIT, round_state, it->late = edges; it->late_count = SL_SAVED_ENTRIES_MAX + 1);
    EXPECT(SL_LIMIT, round_state, it->pending = edges; it->pending_count = SL_SAVED_ENTRIES_MAX + 1);
    EXPECT(SL_FORMAT, round_state, it->phase = (enum sl_saved_phase)0);
    EXPECT(SL_FORMAT, round_state, it->phase = (enum sl_saved_phase)6);
    EXPECT(SL_FORMAT, round_state, it->self[0] = '\0');
    edges[0].state = (enum sl_saved_edge_state)5;
    EXPECT(SL_FORMAT, round_state, it->edges = edges; it->edge_count = 1);
    for (int i = 0; i < 3; i++) {
        edges[0] = (struct sl_saved_edge){.peer = "a", .state = SL_SAVED_BOUND, .has_manifest = true};
        edges[0].weight = (const double[]){-0.5, 1.5, __builtin_nan("")}[i];
        EXPECT(SL_FORMAT, round_state, it->edges = edges; it->edge_count = 1);
    }
}

Test(wire_limits, witness) {
    static struct sl_witness_entry entries[SL_WITNESS_ENTRIES_MAX + 1];
    for (size_t i = 0; i <= SL_WITNESS_ENTRIES_MAX; i++) {
        entries[i] = (struct sl_witness_entry){.kind = SL_PAYLOAD_UPDATE, .lineage = UINT64_MAX};
        memset(entries[i].origin, 'o', SL_NAME_MAX);
    }
    EXPECT(SL_OK, witness, it->entries = entries; it->count = SL_WITNESS_ENTRIES_MAX);
    EXPECT(SL_LIMIT, witness, it->entries = entries; it->count = SL_WITNESS_ENTRIES_MAX + 1);
    EXPECT(SL_FORMAT, witness, it->count = 0);
    EXPECT(SL_FORMAT, witness, it->entries = entries; entries[0].kind = (enum sl_payload_kind)3);
}

Test(wire_limits, manifest) {
    static struct sl_wire_tensor tensors[SL_TENSORS_MAX + 1];
    static char name[SL_TENSOR_NAME_MAX + 2];
    static uint8_t digests[SL_CHUNK_COUNT_MAX + 1][SL_WIRE_DIGEST_SIZE];
    for (size_t i = 0; i <= SL_TENSORS_MAX; i++)
        tensors[i] = (struct sl_wire_tensor){.name = name, .rank = 1, .dims = {1}};
    memset(name, 'x', SL_TENSOR_NAME_MAX);
    EXPECT(SL_OK, manifest, it->tensors = tensors; it->tensor_count = SL_TENSORS_MAX;
           it->payload_bytes = 4 * SL_TENSORS_MAX; it->chunk_count = 1);
    EXPECT(SL_LIMIT, manifest, it->tensors = tensors; it->tensor_count = SL_TENSORS_MAX + 1);
    EXPECT(SL_FORMAT, manifest, it->tensor_count = 0);
    EXPECT(SL_FORMAT, manifest, it->payload_bytes += 4);
    EXPECT(SL_FORMAT, manifest, it->payload_bytes -= 1);
    EXPECT(SL_FORMAT, manifest, it->chunk_count = 3);
    EXPECT(SL_FORMAT, manifest, it->chunk_count = 0);
    EXPECT(SL_FORMAT, manifest, it->chunk_digests = digests; it->chunk_count = 5);
    EXPECT(SL_FORMAT, manifest, it->chunk_bytes = 0);
    EXPECT(SL_FORMAT, manifest, it->chunk_bytes++);
    EXPECT(SL_FORMAT, manifest, it->chunk_bytes = SL_CHUNK_BYTES_MAX + SL_CHUNK_UNIT; it->chunk_count = 1);
    EXPECT(SL_OK, manifest, it->chunk_bytes = SL_CHUNK_BYTES_MAX; it->chunk_count = 1);
    EXPECT(SL_FORMAT, manifest, it->samples = 0);
    EXPECT(SL_FORMAT, manifest, it->total_samples = 0);
    EXPECT(SL_OK, manifest, it->kind = SL_PAYLOAD_SNAPSHOT; it->samples = it->total_samples = 0);
    EXPECT(SL_FORMAT, manifest, it->kind = (enum sl_payload_kind)3);
    EXPECT(SL_FORMAT, manifest, it->origin[0] = '\0');
    tensors[0].dims[0] = 0;
    EXPECT(SL_FORMAT, manifest, it->tensors = tensors; it->tensor_count = 1);
    tensors[0].dims[0] = 1;
    name[SL_TENSOR_NAME_MAX] = 'x';
    EXPECT(SL_LIMIT, manifest, it->tensors = tensors; it->tensor_count = 1; it->payload_bytes = 4; it->chunk_count = 1);
    name[0] = '\0';
    EXPECT(SL_FORMAT, manifest, it->tensors = tensors; it->tensor_count = 1; it->payload_bytes = 4;
           it->chunk_count = 1);
}

Test(wire_limits, sizes_that_overflow) {
    static struct sl_wire_tensor tensors[2];
    static char name[] = "w";
    const uint64_t half = UINT64_C(1) << 31;
    tensors[0] = (struct sl_wire_tensor){.name = name, .rank = 2, .dims = {half, half}};
    tensors[1] = tensors[0];
    /* 4 · 2^62 is 0 in 64 bits, and so is the sum of four of 2^62. */
    EXPECT(SL_LIMIT, manifest, it->tensors = tensors; it->tensor_count = 1; it->payload_bytes = 0; it->chunk_count = 0);
    tensors[0] = tensors[1] = (struct sl_wire_tensor){.name = name, .rank = 1, .dims = {UINT64_C(1) << 61}};
    EXPECT(SL_LIMIT, manifest, it->tensors = tensors; it->tensor_count = 2; it->payload_bytes = 0; it->chunk_count = 0);
    tensors[0] = (struct sl_wire_tensor){.name = name, .rank = 4, .dims = {UINT64_MAX, UINT64_MAX, 3, 1}};
    EXPECT(SL_LIMIT, manifest, it->tensors = tensors; it->tensor_count = 1; it->payload_bytes = 12;
           it->chunk_count = 1);
    /* As big as chunks allow, and one byte more. */
    static uint8_t digests[SL_CHUNK_COUNT_MAX][SL_WIRE_DIGEST_SIZE];
    const uint64_t most = (uint64_t)SL_CHUNK_BYTES_MAX * SL_CHUNK_COUNT_MAX;
    tensors[0] = (struct sl_wire_tensor){.name = name, .rank = 1, .dims = {most / 4}};
    EXPECT(SL_OK, manifest, it->tensors = tensors; it->tensor_count = 1; it->payload_bytes = most;
           it->chunk_bytes = SL_CHUNK_BYTES_MAX; it->chunk_digests = digests; it->chunk_count = SL_CHUNK_COUNT_MAX);
    tensors[0].dims[0]++;
    EXPECT(SL_LIMIT, manifest, it->tensors = tensors; it->tensor_count = 1; it->payload_bytes = most + 4;
           it->chunk_bytes = SL_CHUNK_BYTES_MAX; it->chunk_digests = digests; it->chunk_count = SL_CHUNK_COUNT_MAX);
}

Test(wire_limits, the_biggest_manifest_fits_a_frame) {
    static struct sl_wire_tensor tensors[SL_TENSORS_MAX];
    static char name[SL_TENSOR_NAME_MAX + 1];
    static uint8_t digests[SL_CHUNK_COUNT_MAX][SL_WIRE_DIGEST_SIZE], signature[SL_WIRE_SIGNATURE_MAX];
    union any_message message;
    memset(name, 'x', SL_TENSOR_NAME_MAX);
    for (size_t i = 0; i < SL_TENSORS_MAX; i++)
        tensors[i] = (struct sl_wire_tensor){.name = name, .rank = 4, .dims = {64, 64, 128, 128}};
    find("manifest")->sample(&message);
    struct sl_manifest *manifest = &message.manifest;
    memset(manifest->origin, 'o', SL_NAME_MAX);
    memset(manifest->flock, 'o', SL_NAME_MAX);
    memset(manifest->run, 'o', SL_NAME_MAX);
    manifest->tensors = tensors;
    manifest->tensor_count = SL_TENSORS_MAX;
    manifest->chunk_digests = digests;
    manifest->chunk_count = SL_CHUNK_COUNT_MAX;
    struct sl_buffer bytes = {0}, frame = {0};
    cr_assert_eq(sl_manifest_encode(&bytes, manifest), SL_OK);
    const struct sl_manifest_frame carried = {UINT32_MAX, {bytes.data, bytes.length}, {signature, sizeof signature}};
    cr_assert_eq(sl_manifest_frame_encode(&frame, &carried), SL_OK);
    cr_assert_leq(frame.length, SL_PAYLOAD_MAX);
    sl_buffer_finish(&bytes);
    sl_buffer_finish(&frame);
}

Test(wire_limits, round_messages) {
    EXPECT(SL_FORMAT, verdict, it->verdict = (enum sl_verdict_value)0);
    EXPECT(SL_FORMAT, verdict, it->verdict = (enum sl_verdict_value)4);
    EXPECT(SL_FORMAT, pass, it->reason = (enum sl_pass_reason)6);
    EXPECT(SL_FORMAT, credit, it->transfer = 0);
    EXPECT(SL_FORMAT, credit, it->from += 4);
    EXPECT(SL_FORMAT, credit, it->until = it->from);
    EXPECT(SL_FORMAT, manifest_frame, it->transfer = 0);
    EXPECT(SL_FORMAT, manifest_frame, it->signature.length = 0);
    EXPECT(SL_FORMAT, manifest_frame, it->manifest.length = 0);
    EXPECT(SL_FORMAT, hello_ack, it->version = 0);
    uint8_t digest_31[2 + 31] = {0x2a, 31};
    struct sl_ready ready;
    cr_assert_eq(sl_ready_decode(&ready, digest_31, sizeof digest_31, NULL), SL_FORMAT);
}

Test(wire_limits, more_than_a_frame_is_neither_read_nor_written) {
    static uint8_t big[SL_NODE_RECORD_MAX + 1];
    for (size_t i = 0; i < codec_count; i++) {
        union any_message message;
        size_t most = strcmp(codecs[i].name, "proof") == 0 ? SL_PROOF_MAX : SL_PAYLOAD_MAX;
        if (strcmp(codecs[i].name, "round_state") == 0)
            most = SL_ROUND_STATE_MAX;
        if (strcmp(codecs[i].name, "node_record") == 0)
            most = SL_NODE_RECORD_MAX;
        cr_assert_eq(codecs[i].decode(&message, big, most + 1, NULL), SL_LIMIT);
    }
    const struct sl_manifest_frame frame = {1, {big, SL_PAYLOAD_MAX}, {big, 1}};
    struct sl_buffer out = {0};
    cr_assert_eq(sl_manifest_frame_encode(&out, &frame), SL_LIMIT);
    cr_assert_eq(out.length, 0);
}

/* As many empty parts as a frame holds: each would cost far more than its two bytes. */
static void flood(const char *name, uint8_t tag) {
    static uint8_t bytes[SL_PAYLOAD_MAX];
    union any_message message;
    for (size_t length = 2; length <= SL_PAYLOAD_MAX; length *= 2) {
        for (size_t i = 0; i + 1 < length; i += 2) {
            bytes[i] = tag;
            bytes[i + 1] = 0;
        }
        enum sl_status status = find(name)->decode(&message, bytes, length, NULL);
        cr_assert(status == SL_LIMIT || status == SL_FORMAT, "%s of %zu bytes", name, length);
    }
}

Test(wire_limits, a_flood_ends_within_the_budget_not_behind_it) {
    static uint8_t bytes[SL_PAYLOAD_MAX];
    struct sl_roster roster;
    struct sl_error error = {0};
    for (size_t i = 0; i < sizeof bytes; i += 2)
        bytes[i] = 0x0a;
    cr_assert_eq(sl_roster_decode(&roster, bytes, sizeof bytes, &error), SL_LIMIT);
    cr_assert_str_eq(error.text, "roster: too many parts", "%s", error.text);
}

Test(wire_limits, floods_of_tiny_parts_are_refused) {
    flood("roster", 0x0a);   /* entries */
    flood("manifest", 0x62); /* tensors */
    flood("hello", 0x3a);    /* addresses */
    flood("hello", 0x42);    /* chain */
    flood("hello", 0x0a);    /* a field of another type, unknown so */
    flood("ping", 0x12);     /* unknown fields */
    flood("evidence", 0x1a); /* chain */
    flood("witness", 0x1a);  /* entries */
    flood("proof", 0x0a);
    flood("node_record", 0x12);      /* kept */
    flood("member_statement", 0x5a); /* addresses */
    flood("roster_digest", 0x11);    /* parts, not packed */
}

Test(wire_limits, node_record) {
    static struct sl_kept kept[SL_KEPT_MAX + 1];
    static uint8_t bytes[SL_PAYLOAD_MAX + 1];
    for (size_t i = 0; i <= SL_KEPT_MAX; i++)
        kept[i] = (struct sl_kept){.kind = SL_KEPT_STATE, .origin = "a"};
    EXPECT(SL_OK, node_record, it->kept = kept; it->kept_count = SL_KEPT_MAX);
    EXPECT(SL_LIMIT, node_record, it->kept = kept; it->kept_count = SL_KEPT_MAX + 1);
    EXPECT(SL_OK, node_record, it->kept_count = 0);
    EXPECT(SL_FORMAT, node_record, it->round_state.length = 0);
    EXPECT(SL_OK, node_record, it->kept[2].manifest = ((struct sl_bytes){bytes, SL_PAYLOAD_MAX}));
    EXPECT(SL_LIMIT, node_record, it->kept[2].manifest = ((struct sl_bytes){bytes, SL_PAYLOAD_MAX + 1}));
    struct sl_kept bad[] = {{.kind = SL_KEPT_UPDATE, .origin = "a"},
                            {.kind = SL_KEPT_STATE, .origin = "a", .manifest = {bytes, 1}},
                            {.kind = SL_KEPT_TRAINED, .origin = "a", .manifest = {bytes, 1}},
                            {.kind = SL_KEPT_MODEL, .origin = ""},
                            {.kind = (enum sl_kept_kind)0, .origin = "a"},
                            {.kind = (enum sl_kept_kind)5, .origin = "a"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        EXPECT(SL_FORMAT, node_record, it->kept = bad + i; it->kept_count = 1);
}

/* What costs protobuf's structs the most for its bytes, and is honest all the same. */
Test(wire_limits, honest_messages_of_many_small_parts_fit_the_budget) {
    static const uint8_t byte[1] = {1};
    static struct sl_statement statement, *statements[SL_ROSTER_ENTRIES_MAX];
    static struct sl_wire_tensor tensors[SL_TENSORS_MAX];
    static char address[] = "a:1", name[] = "x";
    static char *addresses[SL_ADDRESSES_MAX];
    for (size_t i = 0; i < SL_ADDRESSES_MAX; i++)
        addresses[i] = address;
    statement = (struct sl_statement){.body = {byte, 1}, .signature = {byte, 1}, .chain_count = SL_HELLO_CHAIN_MAX};
    for (size_t i = 0; i < SL_HELLO_CHAIN_MAX; i++)
        statement.chain[i] = (struct sl_bytes){byte, 1};
    for (size_t i = 0; i < SL_ROSTER_ENTRIES_MAX; i++)
        statements[i] = &statement;
    for (size_t i = 0; i < SL_TENSORS_MAX; i++)
        tensors[i] = (struct sl_wire_tensor){.name = name, .rank = 4, .dims = {1, 1, 1, 1}};
    EXPECT(SL_OK, roster, it->statements = statements; it->count = 1);
    EXPECT(SL_OK, roster, it->statements = statements; it->count = SL_ROSTER_ENTRIES_MAX);
    EXPECT(SL_OK, evidence, it->statement = &statement);
    EXPECT(SL_OK, member_statement, it->addresses = addresses; it->address_count = SL_ADDRESSES_MAX);
    EXPECT(SL_OK, hello, it->addresses = addresses; it->address_count = SL_ADDRESSES_MAX);
    EXPECT(SL_OK, manifest, it->tensors = tensors; it->tensor_count = SL_TENSORS_MAX;
           it->payload_bytes = 4 * SL_TENSORS_MAX; it->chunk_count = 1);
}
