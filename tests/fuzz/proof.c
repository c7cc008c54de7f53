/* A proof file, as peers send it and `starling proof verify` reads it, up to the signatures: what convicts are two
 * updates of one origin, round and lineage with unlike payloads, and it is written in one way only. */
#include <string.h>

#include "exchange/proof.h"
#include "target.h"

static char name[] = "w";
static struct sl_wire_tensor tensors[2] = {{.name = name, .rank = 1, .dims = {100000}},
                                           {.name = name, .rank = 1, .dims = {100001}}};
static uint8_t digests[2][2][SL_WIRE_DIGEST_SIZE] = {{{1}, {2}}, {{1}, {3}}};

static struct sl_statement *state(size_t payload, enum sl_payload_kind kind) {
    const struct sl_manifest manifest = {.flock = "demo",
                                         .run = "r1",
                                         .origin = "mallory",
                                         .epoch = 2,
                                         .round = 7,
                                         .lineage = 11,
                                         .kind = kind,
                                         .degree = 3,
                                         .samples = 10,
                                         .total_samples = 40,
                                         .tensors = &tensors[payload / 2],
                                         .tensor_count = 1,
                                         .payload_bytes = 4 * tensors[payload / 2].dims[0],
                                         .chunk_bytes = SL_CHUNK_UNIT,
                                         .chunk_digests = digests[payload % 2],
                                         .chunk_count = 2};
    const struct sl_bytes mark = {(const uint8_t *)"s", 1};
    struct sl_buffer body = {0};
    struct sl_statement *statement;
    FUZZ_CHECK(sl_manifest_encode(&body, &manifest) == SL_OK);
    FUZZ_CHECK(sl_statement_create(&statement, (struct sl_bytes){body.data, body.length}, mark, &mark, 1) == SL_OK);
    sl_buffer_finish(&body);
    return statement;
}

/* Other digests; another length; none, since they are snapshots. */
size_t fuzz_corpus(size_t index, uint8_t out[FUZZ_INPUT_MAX]) {
    struct sl_buffer bytes = {0};
    if (index > 2)
        return 0;
    enum sl_payload_kind kind = index == 2 ? SL_PAYLOAD_SNAPSHOT : SL_PAYLOAD_UPDATE;
    struct sl_proof proof = {.first = state(0, kind), .second = state(index == 1 ? 2 : 1, kind)};
    FUZZ_CHECK((sl_proof_check(&proof, NULL, NULL) == SL_OK) == (index < 2));
    FUZZ_CHECK(sl_proof_encode(&bytes, &proof) == SL_OK);
    size_t length = bytes.length;
    memcpy(out, bytes.data, length);
    sl_buffer_finish(&bytes);
    sl_proof_finish(&proof);
    return length;
}

static void check_conviction(const struct sl_proof *proof, const uint8_t *data, size_t length) {
    struct sl_manifest first, second;
    struct sl_digest payloads[2];
    struct sl_proof again;
    struct sl_buffer bytes = {0};
    FUZZ_CHECK(sl_proof_check(proof, &first, NULL) == SL_OK);
    FUZZ_CHECK(sl_manifest_decode(&second, proof->second->body.data, proof->second->body.length, NULL) == SL_OK);
    FUZZ_CHECK(strcmp(first.origin, second.origin) == 0 && strcmp(first.run, second.run) == 0);
    FUZZ_CHECK(strcmp(first.flock, second.flock) == 0 && first.epoch == second.epoch);
    FUZZ_CHECK(first.round == second.round && first.lineage == second.lineage);
    FUZZ_CHECK(first.kind == SL_PAYLOAD_UPDATE && second.kind == SL_PAYLOAD_UPDATE);
    sl_manifest_payload_digest(&payloads[0], &first);
    sl_manifest_payload_digest(&payloads[1], &second);
    FUZZ_CHECK(memcmp(&payloads[0], &payloads[1], sizeof payloads[0]) != 0);
    FUZZ_CHECK(sl_proof_make(&again, proof->second, proof->first) == SL_OK);
    FUZZ_CHECK(sl_proof_encode(&bytes, &again) == SL_OK);
    FUZZ_CHECK(bytes.length == length && memcmp(bytes.data, data, length) == 0);
    sl_buffer_finish(&bytes);
    sl_proof_finish(&again);
    sl_manifest_finish(&first);
    sl_manifest_finish(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length) {
    struct sl_proof proof;
    if (sl_proof_decode(&proof, data, length, NULL) != SL_OK)
        return 0;
    if (sl_proof_check(&proof, NULL, NULL) == SL_OK)
        check_conviction(&proof, data, length);
    sl_proof_finish(&proof);
    return 0;
}
