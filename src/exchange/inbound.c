#include "exchange/inbound.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum chunk_state { CHUNK_MISSING, CHUNK_ARRIVED, CHUNK_VERIFIED, CHUNK_RELEASED };

struct sl_inbound {
    struct sl_chunks chunks;
    uint32_t window; /* chunks in memory; all of them when held */
    bool held;
    uint64_t received;      /* bytes, from the beginning */
    uint32_t prefix;        /* verified ones from the beginning without a gap */
    uint32_t verified;      /* chunks verified so far, released ones too */
    uint32_t released;      /* chunks released from the beginning without a gap: the window starts here */
    struct sl_block *block; /* held: the payload; streamed: window slots, chunk k in slot k mod window */
    uint8_t *states;        /* enum chunk_state a chunk */
    uint8_t (*digests)[SL_DIGEST_SIZE];
};

enum sl_status sl_inbound_create(struct sl_inbound **out, const struct sl_chunks *chunks,
                                 const uint8_t (*digests)[SL_DIGEST_SIZE], uint32_t window, struct sl_error *error) {
    struct sl_inbound *inbound = calloc(1, sizeof *inbound);
    if (inbound != NULL) {
        inbound->chunks = *chunks;
        inbound->held = window == 0;
        inbound->window = window == 0 || window > chunks->count ? chunks->count : window;
        inbound->states = calloc(chunks->count, 1);
        inbound->digests = calloc(chunks->count, SL_DIGEST_SIZE);
    }
    if (inbound == NULL || inbound->states == NULL || inbound->digests == NULL) {
        sl_inbound_destroy(inbound);
        return sl_error_set(error, SL_NO_MEMORY, "out of memory for a payload of %u chunks", chunks->count);
    }
    memcpy(inbound->digests, digests, (size_t)chunks->count * SL_DIGEST_SIZE);
    *out = inbound;
    return SL_OK;
}

enum sl_status sl_inbound_create_whole(struct sl_inbound **out, const struct sl_chunks *chunks, struct sl_block *block,
                                       struct sl_error *error) {
    struct sl_inbound *inbound = calloc(1, sizeof *inbound);
    uint8_t *states = malloc(chunks->count);
    if (inbound == NULL || states == NULL) {
        free(inbound);
        free(states);
        return sl_error_set(error, SL_NO_MEMORY, "out of memory for a payload of %u chunks", chunks->count);
    }
    memset(states, CHUNK_VERIFIED, chunks->count);
    *inbound = (struct sl_inbound){.chunks = *chunks,
                                   .window = chunks->count,
                                   .held = true,
                                   .received = chunks->payload_bytes,
                                   .prefix = chunks->count,
                                   .verified = chunks->count,
                                   .block = sl_block_ref(block),
                                   .states = states};
    *out = inbound;
    return SL_OK;
}

void sl_inbound_destroy(struct sl_inbound *inbound) {
    if (inbound == NULL)
        return;
    sl_block_unref(inbound->block);
    free(inbound->states);
    free(inbound->digests);
    free(inbound);
}

uint64_t sl_inbound_credit(const struct sl_inbound *inbound) {
    uint64_t until = (uint64_t)(inbound->released + inbound->window) * inbound->chunks.chunk_bytes;
    return until < inbound->chunks.payload_bytes ? until : inbound->chunks.payload_bytes;
}

static enum sl_status ensure_block(struct sl_inbound *inbound, struct sl_error *error) {
    if (inbound->block != NULL)
        return SL_OK;
    uint64_t bytes =
        inbound->held ? inbound->chunks.payload_bytes : (uint64_t)inbound->window * inbound->chunks.chunk_bytes;
    inbound->block = sl_block_create((size_t)bytes);
    if (inbound->block == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "out of memory for a payload of %llu bytes",
                            (unsigned long long)bytes);
    return SL_OK;
}

static uint8_t *chunk_place(const struct sl_inbound *inbound, uint32_t index) {
    uint32_t slot = inbound->held ? index : index % inbound->window;
    return inbound->block->data + (size_t)slot * inbound->chunks.chunk_bytes;
}

enum sl_status sl_inbound_place(struct sl_inbound *inbound, uint8_t **out, uint64_t offset, uint32_t length,
                                struct sl_error *error) {
    if (offset != inbound->received)
        return sl_error_set(error, SL_FORMAT, "data at offset %llu where %llu was due", (unsigned long long)offset,
                            (unsigned long long)inbound->received);
    if (length > sl_inbound_credit(inbound) - offset)
        return sl_error_set(error, SL_FORMAT, "%u bytes of data at %llu, beyond the credit", length,
                            (unsigned long long)offset);
    uint32_t index = (uint32_t)(offset / inbound->chunks.chunk_bytes);
    uint32_t inside = (uint32_t)(offset % inbound->chunks.chunk_bytes);
    if (length > sl_chunk_length(&inbound->chunks, index) - inside)
        return sl_error_set(error, SL_FORMAT, "data across a chunk's end at %llu", (unsigned long long)offset);
    enum sl_status status = ensure_block(inbound, error);
    if (status == SL_OK)
        *out = chunk_place(inbound, index) + inside;
    return status;
}

bool sl_inbound_arrived(struct sl_inbound *inbound, uint32_t *index, uint32_t length) {
    *index = (uint32_t)(inbound->received / inbound->chunks.chunk_bytes);
    inbound->received += length;
    if (inbound->received < sl_chunk_first(&inbound->chunks, *index) + sl_chunk_length(&inbound->chunks, *index))
        return false;
    inbound->states[*index] = CHUNK_ARRIVED;
    return true;
}

const uint8_t *sl_inbound_chunk(const struct sl_inbound *inbound, uint32_t index) {
    assert(inbound->states[index] == CHUNK_ARRIVED || inbound->states[index] == CHUNK_VERIFIED);
    return chunk_place(inbound, index);
}

bool sl_inbound_matches(const struct sl_inbound *inbound, uint32_t index, const uint8_t *bytes) {
    struct sl_digest digest;
    sl_digest_of(&digest, bytes, sl_chunk_length(&inbound->chunks, index));
    return memcmp(digest.bytes, inbound->digests[index], SL_DIGEST_SIZE) == 0;
}

void sl_inbound_verified(struct sl_inbound *inbound, uint32_t index) {
    assert(inbound->states[index] == CHUNK_ARRIVED);
    inbound->states[index] = CHUNK_VERIFIED;
    inbound->verified++;
    while (inbound->prefix < inbound->chunks.count && inbound->states[inbound->prefix] >= CHUNK_VERIFIED)
        inbound->prefix++;
}

bool sl_inbound_has_all(const struct sl_inbound *inbound) {
    return inbound->received == inbound->chunks.payload_bytes;
}

uint64_t sl_inbound_resume(struct sl_inbound *inbound) {
    assert(inbound->held);
    if (!sl_inbound_has_all(inbound))
        inbound->received -= inbound->received % inbound->chunks.chunk_bytes;
    return inbound->received;
}

uint32_t sl_inbound_prefix(const struct sl_inbound *inbound) {
    return inbound->prefix;
}

bool sl_inbound_is_whole(const struct sl_inbound *inbound) {
    return inbound->verified == inbound->chunks.count;
}

void sl_inbound_release(struct sl_inbound *inbound, uint32_t index) {
    assert(!inbound->held && inbound->states[index] == CHUNK_VERIFIED);
    inbound->states[index] = CHUNK_RELEASED;
    while (inbound->released < inbound->chunks.count && inbound->states[inbound->released] == CHUNK_RELEASED)
        inbound->released++;
}

struct sl_block *sl_inbound_block(const struct sl_inbound *inbound) {
    assert(inbound->held);
    return inbound->block;
}
