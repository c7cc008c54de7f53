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
#define finish_part finish_nothing
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
    out->credit = (struct sl_credit){.transfer = 5, .until = UINT64_C(1) << 33};
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
                                                         .address_count = 2};
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

const struct codec codecs[] = {
#define ROW(message) {#message, encode_##message, decode_##message, finish_##message, sample_##message},
    SL_MESSAGE_LIST(ROW)
#undef ROW
};
const size_t codec_count = sizeof codecs / sizeof codecs[0];
