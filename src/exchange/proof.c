#include "exchange/proof.h"

#include <string.h>

void sl_manifest_payload_digest(struct sl_digest *out, const struct sl_manifest *manifest) {
    uint8_t cut[12];
    sl_put_u64(cut, manifest->payload_bytes);
    sl_put_u32(cut + 8, manifest->chunk_bytes);
    const struct sl_bytes parts[] = {
        {cut, sizeof cut}, {(const uint8_t *)manifest->chunk_digests, manifest->chunk_count * SL_WIRE_DIGEST_SIZE}};
    sl_digest_of_parts(out, parts, 2);
}

static bool is_of_same_occasion(const struct sl_manifest *a, const struct sl_manifest *b) {
    return strcmp(a->flock, b->flock) == 0 && strcmp(a->run, b->run) == 0 && strcmp(a->origin, b->origin) == 0 &&
           a->epoch == b->epoch && a->round == b->round && a->lineage == b->lineage && a->kind == b->kind;
}

bool sl_manifest_contradicts(const struct sl_manifest *a, const struct sl_manifest *b) {
    if (!is_of_same_occasion(a, b) || a->kind != SL_PAYLOAD_UPDATE)
        return false;
    if (a->payload_bytes != b->payload_bytes)
        return true;
    return a->chunk_bytes == b->chunk_bytes &&
           memcmp(a->chunk_digests, b->chunk_digests, a->chunk_count * SL_WIRE_DIGEST_SIZE) != 0;
}

enum sl_status sl_proof_check(const struct sl_proof *proof, struct sl_manifest *first, struct sl_error *error) {
    struct sl_manifest manifests[2];
    enum sl_status status =
        sl_manifest_decode(&manifests[0], proof->first->body.data, proof->first->body.length, error);
    if (status != SL_OK)
        return sl_error_wrap(error, status, "the first manifest");
    status = sl_manifest_decode(&manifests[1], proof->second->body.data, proof->second->body.length, error);
    if (status != SL_OK) {
        sl_manifest_finish(&manifests[0]);
        return sl_error_wrap(error, status, "the second manifest");
    }
    if (!sl_manifest_contradicts(&manifests[0], &manifests[1]))
        status = sl_error_set(error, SL_MISMATCH, "the two manifests don't contradict each other");
    sl_manifest_finish(&manifests[1]);
    if (status == SL_OK && first != NULL)
        *first = manifests[0];
    else
        sl_manifest_finish(&manifests[0]);
    return status;
}

enum sl_status sl_proof_make(struct sl_proof *out, struct sl_statement *a, struct sl_statement *b) {
    *out = (struct sl_proof){.first = a, .second = b};
    if (sl_bytes_compare(a->body, b->body) > 0)
        *out = (struct sl_proof){.first = b, .second = a};
    enum sl_status status = sl_proof_check(out, NULL, NULL);
    if (status != SL_OK) {
        *out = (struct sl_proof){0};
        return status == SL_NO_MEMORY ? status : SL_MISMATCH;
    }
    (void)sl_statement_ref(a);
    (void)sl_statement_ref(b);
    return SL_OK;
}
