#include "samples.h"

#include <string.h>

/* ---- the table ---- */

static void finish_nothing(union any_message *message) {
    (void)message;
}
static void finish_hello(union any_message *message) {
    sl_hello_finish(&message->hello);
}
static void finish_roster(union any_message *message) {
    sl_roster_finish(&message->roster);
}
static void finish_roster_digest(union any_message *message) {
    sl_roster_digest_finish(&message->roster_digest);
}
static void finish_manifest(union any_message *message) {
    sl_manifest_finish(&message->manifest);
}
static void finish_member_statement(union any_message *message) {
    sl_member_statement_finish(&message->member_statement);
}
static void finish_witness(union any_message *message) {
    sl_witness_finish(&message->witness);
}
static void finish_evidence(union any_message *message) {
    sl_evidence_finish(&message->evidence);
}
static void finish_proof(union any_message *message) {
    sl_proof_finish(&message->proof);
}
static void finish_round_state(union any_message *message) {
    sl_round_state_finish(&message->round_state);
}
static void finish_node_record(union any_message *message) {
    sl_node_record_finish(&message->node_record);
}
#define finish_part finish_nothing
#define finish_probe finish_nothing
#define finish_neighbour finish_nothing
#define finish_hello_ack finish_nothing
#define finish_goodbye finish_nothing
#define finish_ping finish_nothing
#define finish_manifest_frame finish_nothing
#define finish_credit finish_nothing
#define finish_cancel finish_nothing
#define finish_ready finish_nothing
#define finish_verdict finish_nothing
#define finish_pass finish_nothing
#define finish_progress finish_nothing
#define finish_model_request finish_nothing

#define ADAPT(message)                                                                                                 \
    static enum sl_status encode_##message(struct sl_buffer *out, const union any_message *in) {                       \
        return sl_##message##_encode(out, &in->message);                                                               \
    }                                                                                                                  \
    static enum sl_status decode_##message(union any_message *out, const uint8_t *data, size_t length,                 \
                                           struct sl_error *error) {                                                   \
        return sl_##message##_decode(&out->message, data, length, error);                                              \
    }
SL_MESSAGE_LIST(ADAPT)
#undef ADAPT

/* ---- the samples ---- */

static char address_1[] = "alice.example.org:7400", address_2[] = "[2001:db8::1]:7401";
static char *addresses[] = {address_1, address_2};
static uint8_t blob[300];

static void fill_digest(uint8_t digest[SL_WIRE_DIGEST_SIZE], unsigned seed) {
    for (unsigned i = 0; i < SL_WIRE_DIGEST_SIZE; i++)
        digest[i] = (uint8_t)(seed * 31 + i * 7);
}

static void sample_hello(union any_message *out) {
    static struct sl_bytes chain[] = {{blob, 300}, {blob, 1}};
    for (size_t i = 0; i < sizeof blob; i++)
        blob[i] = (uint8_t)i;
    out->hello = (struct sl_hello){.version_min = 1,
                                   .version_max = 3,
                                   .flock = "demo",
                                   .run = "run-1",
                                   .node = "alice",
                                   .boot = UINT64_C(0x1122334455667788),
                                   .addresses = addresses,
                                   .address_count = 2,
                                   .chain = chain,
                                   .chain_count = 2,
                                   .proof = blob,
                                   .proof_length = 64,
                                   .delegate = blob,
                                   .delegate_length = SL_HELLO_DELEGATE_SIZE,
                                   .delegation = blob,
                                   .delegation_length = 71,
                                   .delegated_until = 1795282800};
}

static void sample_hello_ack(union any_message *out) {
    out->hello_ack.version = 1;
}

static void sample_goodbye(union any_message *out) {
    out->goodbye = (struct sl_goodbye){.reason = "the end … \xf0\x9f\x90\xa6", .leaving = true};
}

static void sample_ping(union any_message *out) {
    out->ping.number = 7;
}

static struct sl_statement *sample_statement(unsigned which);

static void sample_roster(union any_message *out) {
    static struct sl_statement *statements[2];
    statements[0] = sample_statement(0);
    statements[1] = sample_statement(1);
    out->roster = (struct sl_roster){.statements = statements, .count = 2};
}

static void sample_probe(union any_message *out) {
    out->probe = (struct sl_probe){.node = "bob", .answer = SL_PROBE_NO};
}

static void sample_neighbour(union any_message *out) {
    out->neighbour.word = SL_NEIGHBOUR_END;
}

static void sample_roster_digest(union any_message *out) {
    static uint64_t parts[SL_ROSTER_PARTS], tags[] = {3, 4, UINT64_MAX}, terms[] = {9, 0, 8}, wanted[] = {7, 5};
    parts[3] = 77;
    out->roster_digest = (struct sl_roster_digest){.whole = 1,
                                                   .parts = parts,
                                                   .has_list = true,
                                                   .listed = {1, 2, 3},
                                                   .tags = tags,
                                                   .terms = terms,
                                                   .count = 3,
                                                   .wanted = wanted,
                                                   .wanted_count = 2};
}

static void sample_manifest(union any_message *out) {
    static char weight[] = "layers.0.weight", bias[] = "layers.0.bias", scale[] = "scale";
    static struct sl_wire_tensor tensors[] = {{.name = weight, .rank = 2, .dims = {256, 784}},
                                              {.name = bias, .rank = 1, .dims = {256}},
                                              {.name = scale, .rank = 0}};
    static uint8_t digests[4][SL_WIRE_DIGEST_SIZE];
    for (unsigned i = 0; i < 4; i++)
        fill_digest(digests[i], i + 3);
    out->manifest = (struct sl_manifest){.flock = "demo",
                                         .run = "run-1",
                                         .origin = "alice",
                                         .epoch = 2,
                                         .round = 17,
                                         .lineage = UINT64_C(0xfedcba9876543210),
                                         .kind = SL_PAYLOAD_UPDATE,
                                         .degree = 4,
                                         .samples = 7500,
                                         .total_samples = 60000,
                                         .tensors = tensors,
                                         .tensor_count = 3,
                                         .payload_bytes = 4 * (256 * 784 + 256 + 1),
                                         .chunk_bytes = SL_CHUNK_UNIT,
                                         .chunk_digests = digests,
                                         .chunk_count = 4};
    fill_digest(out->manifest.view, 1);
}

static void sample_manifest_frame(union any_message *out) {
    out->manifest_frame =
        (struct sl_manifest_frame){.transfer = 5, .manifest = {blob, sizeof blob}, .signature = {blob + 10, 130}};
}

static void sample_credit(union any_message *out) {
    out->credit = (struct sl_credit){.transfer = 5, .until = UINT64_C(1) << 33, .from = 3 * (uint64_t)SL_CHUNK_UNIT};
}

static void sample_cancel(union any_message *out) {
    out->cancel.transfer = 5;
}

static void sample_ready(union any_message *out) {
    out->ready = (struct sl_ready){
        .epoch = 1, .round = 2, .lineage_sender = 3, .lineage_receiver = UINT64_C(0x4000000000000000)};
    fill_digest(out->ready.manifest_sender, 1);
    fill_digest(out->ready.manifest_receiver, 2);
}

static void sample_verdict(union any_message *out) {
    out->verdict = (struct sl_verdict){
        .epoch = 1, .round = 2, .lineage_sender = 3, .lineage_receiver = 4, .verdict = SL_VERDICT_VOID};
}

static void sample_pass(union any_message *out) {
    out->pass = (struct sl_pass){.epoch = 1, .round = 300, .reason = SL_PASS_FULL};
}

static void sample_progress(union any_message *out) {
    out->progress = (struct sl_progress){.epoch = 1, .round = 2, .lineage = 3, .finished = true, .pending = 4};
}

static void sample_model_request(union any_message *out) {
    out->model_request.epoch = 9;
}

static void sample_part(union any_message *out) {
    out->part = (struct sl_part){.total = 70000, .offset = 65536, .bytes = {blob, sizeof blob}};
}

static void sample_member_statement(union any_message *out) {
    out->member_statement = (struct sl_member_statement){.flock = "demo",
                                                         .run = "run-1",
                                                         .epoch = 2,
                                                         .origin = "alice",
                                                         .node = "alice",
                                                         .incarnation = UINT64_C(1700000000000),
                                                         .state = SL_MEMBER_LEFT,
                                                         .samples = 7500,
                                                         .from_round = 1,
                                                         .until_round = 9,
                                                         .addresses = addresses,
                                                         .address_count = 2,
                                                         .lineage = UINT64_C(0xfedcba9876543210)};
}

static void sample_witness(union any_message *out) {
    static struct sl_witness_entry entries[2] = {
        {.origin = "alice", .kind = SL_PAYLOAD_UPDATE, .lineage = UINT64_C(0xfedcba9876543210)},
        {.origin = "bob", .kind = SL_PAYLOAD_SNAPSHOT, .lineage = 3}};
    for (unsigned i = 0; i < 2; i++) {
        fill_digest(entries[i].manifest, i);
        fill_digest(entries[i].payload, i + 5);
    }
    out->witness = (struct sl_witness){.epoch = 2, .round = 17, .entries = entries, .count = 2};
}

/* Never freed: one reference is kept back. */
static struct sl_statement *sample_statement(unsigned which) {
    static struct sl_statement statements[2];
    for (size_t i = 0; i < sizeof blob; i++)
        blob[i] = (uint8_t)i;
    statements[which] = (struct sl_statement){.references = 2,
                                              .body = {blob + which, 100},
                                              .signature = {blob + 7, 71},
                                              .chain = {{blob, 300}, {blob + 9, 150}},
                                              .chain_count = 2 - which};
    return &statements[which];
}

static void sample_evidence(union any_message *out) {
    out->evidence = (struct sl_evidence){.statement = sample_statement(0)};
}

static void sample_proof(union any_message *out) {
    out->proof = (struct sl_proof){.first = sample_statement(0), .second = sample_statement(1)};
}

static void sample_round_state(union any_message *out) {
    static struct sl_saved_edge edges[4];
    static struct sl_saved_peer peers[2] = {
        {.name = "alice", .starter_round = 1, .lineage = 8, .last_counted = 3, .last_counted_lineage = 7},
        {.name = "carol", .from_round = 12, .lineage = UINT64_C(0xfedcba9876543210)}};
    for (unsigned i = 0; i < 4; i++) {
        edges[i] = (struct sl_saved_edge){.peer = "alice",
                                          .round = 17 - i,
                                          .state = (enum sl_saved_edge_state)(i + 1),
                                          .samples = 60,
                                          .has_own = true,
                                          .has_manifest = i != 1,
                                          .lineage = i != 1 ? 8 : 0,
                                          .degree = i != 1 ? 4 : 0,
                                          .manifest_samples = i != 1 ? 60 : 0,
                                          .total_samples = i != 1 ? 900 : 0,
                                          .weight = i != 1 ? 0.2 : 0};
        fill_digest(edges[i].own_digest, i);
        if (edges[i].has_manifest) {
            fill_digest(edges[i].peer_digest, i + 4);
            fill_digest(edges[i].view, i + 9);
        }
    }
    strcpy(edges[1].peer, "carol");
    out->round_state = (struct sl_round_state){.epoch = 2,
                                               .lineage = 99,
                                               .self = "bob",
                                               .phase = SL_SAVED_EXCHANGE,
                                               .done = 16,
                                               .current = 17,
                                               .from_round = 1,
                                               .started = true,
                                               .carried = true,
                                               .carry = true,
                                               .below = true,
                                               .left_out = true,
                                               .had_peers = true,
                                               .averaging_counted = 5,
                                               .barren = 2,
                                               .full = true,
                                               .total_samples = 900,
                                               .has_own = true,
                                               .has_view = true,
                                               .edges = edges,
                                               .edge_count = 2,
                                               .pending = edges + 2,
                                               .pending_count = 1,
                                               .late = edges + 3,
                                               .late_count = 1,
                                               .peers = peers,
                                               .peer_count = 2};
    fill_digest(out->round_state.own_digest, 1);
    fill_digest(out->round_state.own_view, 2);
}

static void sample_node_record(union any_message *out) {
    static const uint8_t state[] = {8, 2}, manifest[] = {10, 1, 'f'};
    static struct sl_kept kept[] = {
        {.kind = SL_KEPT_MODEL, .origin = "bob", .round = 16},
        {.kind = SL_KEPT_STATE, .origin = "bob", .round = 17},
        {.kind = SL_KEPT_UPDATE, .origin = "alice", .round = 17, .manifest = {manifest, sizeof manifest}},
        {.kind = SL_KEPT_TRAINED, .origin = "bob", .round = 17},
        {.kind = SL_KEPT_MODEL, .origin = "bob", .round = 17, .manifest = {manifest, sizeof manifest}}};
    out->node_record = (struct sl_node_record){
        .round_state = {state, sizeof state}, .kept = kept, .kept_count = 5, .signed_round = 17};
}

const struct codec codecs[] = {
#define ROW(message) {#message, encode_##message, decode_##message, finish_##message, sample_##message},
    SL_MESSAGE_LIST(ROW)
#undef ROW
};
const size_t codec_count = sizeof codecs / sizeof codecs[0];
