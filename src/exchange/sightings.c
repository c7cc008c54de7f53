#include "exchange/sightings.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

static bool is_of(const struct sl_sighting *sighting, uint64_t round, const char *origin) {
    return sighting->round == round && strcmp(sighting->entry.origin, origin) == 0;
}

const struct sl_sighting *sl_sightings_find(const struct sl_sightings *sightings, uint64_t round, const char *origin,
                                            uint64_t lineage) {
    for (size_t i = 0; i < sightings->count; i++) {
        const struct sl_sighting *sighting = &sightings->items[i];
        if (is_of(sighting, round, origin) && sighting->entry.lineage == lineage)
            return sighting;
    }
    return NULL;
}

static bool is_full(const struct sl_sightings *sightings, uint64_t round, const char *origin) {
    size_t count = 0;
    for (size_t i = 0; i < sightings->count; i++)
        count += is_of(&sightings->items[i], round, origin);
    return count >= SL_SIGHTINGS_A_ROUND || sightings->count >= SL_SIGHTINGS_MAX;
}

/* Bodies are canonical, and of manifests that were read once. */
static enum sl_status contradicts(bool *out, const struct sl_sighting *sighting, const struct sl_manifest *manifest) {
    struct sl_manifest seen;
    *out = false;
    enum sl_status status =
        sl_manifest_decode(&seen, sighting->statement->body.data, sighting->statement->body.length, NULL);
    if (status != SL_OK)
        return status;
    *out = sl_manifest_contradicts(&seen, manifest);
    sl_manifest_finish(&seen);
    return SL_OK;
}

enum sl_status sl_sightings_add(struct sl_sightings *sightings, const struct sl_manifest *manifest,
                                struct sl_statement *statement, struct sl_statement **contradicted) {
    *contradicted = NULL;
    if (manifest->kind != SL_PAYLOAD_UPDATE)
        return SL_OK;
    struct sl_sighting fresh = {.round = manifest->round,
                                .entry = {.kind = manifest->kind, .lineage = manifest->lineage},
                                .statement = statement};
    struct sl_digest digest;
    memcpy(fresh.entry.origin, manifest->origin, sizeof fresh.entry.origin);
    sl_digest_of(&digest, statement->body.data, statement->body.length);
    memcpy(fresh.entry.manifest, digest.bytes, sizeof digest.bytes);
    sl_manifest_payload_digest(&digest, manifest);
    memcpy(fresh.entry.payload, digest.bytes, sizeof digest.bytes);

    const struct sl_sighting *seen = sl_sightings_find(sightings, manifest->round, manifest->origin, manifest->lineage);
    if (seen != NULL) {
        bool contradiction = false;
        enum sl_status status = SL_OK;
        if (memcmp(seen->entry.payload, fresh.entry.payload, sizeof fresh.entry.payload) != 0)
            status = contradicts(&contradiction, seen, manifest);
        *contradicted = contradiction ? seen->statement : NULL;
        return status;
    }
    if (is_full(sightings, manifest->round, manifest->origin))
        return SL_OK;
    enum sl_status status =
        sl_array_reserve(&sightings->items, &sightings->capacity, sightings->count + 1, sizeof *sightings->items);
    if (status != SL_OK)
        return status;
    (void)sl_statement_ref(statement);
    sightings->items[sightings->count++] = fresh;
    return SL_OK;
}

struct sl_statement *sl_sightings_answer(const struct sl_sightings *sightings, uint64_t round,
                                         const struct sl_witness_entry *seen) {
    const struct sl_sighting *ours = sl_sightings_find(sightings, round, seen->origin, seen->lineage);
    if (ours == NULL || ours->entry.kind != seen->kind ||
        memcmp(ours->entry.payload, seen->payload, sizeof seen->payload) == 0)
        return NULL;
    return ours->statement;
}

void sl_sightings_forget(struct sl_sightings *sightings, uint64_t before) {
    size_t kept = 0;
    for (size_t i = 0; i < sightings->count; i++) {
        if (sightings->items[i].round < before)
            sl_statement_unref(sightings->items[i].statement);
        else
            sightings->items[kept++] = sightings->items[i];
    }
    sightings->count = kept;
}

void sl_sightings_finish(struct sl_sightings *sightings) {
    sl_sightings_forget(sightings, UINT64_MAX);
    for (size_t i = 0; i < sightings->count; i++) /* of the very last round */
        sl_statement_unref(sightings->items[i].statement);
    free(sightings->items);
    *sightings = (struct sl_sightings){0};
}
