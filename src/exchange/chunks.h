/* How a payload is cut: chunks of equal size but for the last. A chunk is what is verified, waited for and folded at
 * once: big enough that a digest of each costs little, small enough to be folded while it is in cache. */
#ifndef SL_EXCHANGE_CHUNKS_H
#define SL_EXCHANGE_CHUNKS_H

#include "wire/limits.h"
#include <starling/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sl_chunks {
    uint64_t payload_bytes;
    uint32_t chunk_bytes;
    uint32_t count;
};

/* The cut that an origin chooses: chunks of SL_CHUNK_UNIT, doubled until there are at most SL_CHUNK_COUNT_MAX of them.
 * SL_LIMIT for a payload that is empty, or too big for any cut. */
SL_MUST_USE enum sl_status sl_chunks_choose(struct sl_chunks *out, uint64_t payload_bytes, struct sl_error *error);

static inline uint64_t sl_chunk_first(const struct sl_chunks *chunks, uint32_t index) {
    return (uint64_t)index * chunks->chunk_bytes;
}

static inline uint32_t sl_chunk_length(const struct sl_chunks *chunks, uint32_t index) {
    uint64_t left = chunks->payload_bytes - sl_chunk_first(chunks, index);
    return left < chunks->chunk_bytes ? (uint32_t)left : chunks->chunk_bytes;
}

#endif
