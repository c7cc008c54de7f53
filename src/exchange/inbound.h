/* One payload coming in: where its bytes go, how far its sender may go, which chunks are verified.
 *
 *     place → (bytes are read) → arrived → a whole chunk: digest it (elsewhere) → verified → … → whole
 *
 * Held: the whole payload in one block. Streamed: a window of chunks; a chunk's place is free again after
 * sl_inbound_release, and credit grows by it. Bytes come in order; anything else is the peer's fault. */
#ifndef SL_EXCHANGE_INBOUND_H
#define SL_EXCHANGE_INBOUND_H

#include "base/buffer.h"
#include "crypto/digest.h"
#include "exchange/chunks.h"

struct sl_inbound;

/* `digests`: of each chunk, copied. `window`: chunks in memory at once; 0: held whole. Memory for the bytes is taken at
 * the first sl_inbound_place, not here. */
SL_MUST_USE enum sl_status sl_inbound_create(struct sl_inbound **out, const struct sl_chunks *chunks,
                                             const uint8_t (*digests)[SL_DIGEST_SIZE], uint32_t window,
                                             struct sl_error *error);
/* A payload that is here already, verified: the block is shared. Held, and whole. */
SL_MUST_USE enum sl_status sl_inbound_create_whole(struct sl_inbound **out, const struct sl_chunks *chunks,
                                                   struct sl_block *block, struct sl_error *error);
void sl_inbound_destroy(struct sl_inbound *inbound);

/* How many bytes of the payload, from its beginning, the sender may send by now. */
uint64_t sl_inbound_credit(const struct sl_inbound *inbound);

/* Where `length` bytes at `offset` go. SL_FORMAT unless they follow the last ones, stay inside one chunk and inside the
 * credit; SL_NO_MEMORY. */
SL_MUST_USE enum sl_status sl_inbound_place(struct sl_inbound *inbound, uint8_t **out, uint64_t offset, uint32_t length,
                                            struct sl_error *error);

/* They are there. True when chunk *index is whole by them: digest its bytes and say sl_inbound_verified. */
bool sl_inbound_arrived(struct sl_inbound *inbound, uint32_t *index, uint32_t length);

/* The bytes of a chunk that arrived and was not released. */
const uint8_t *sl_inbound_chunk(const struct sl_inbound *inbound, uint32_t index);
/* Whether `bytes` (sl_inbound_chunk's) have the digest that the manifest told. Thread-safe: reads only. */
bool sl_inbound_matches(const struct sl_inbound *inbound, uint32_t index, const uint8_t *bytes);

void sl_inbound_verified(struct sl_inbound *inbound, uint32_t index);
/* Whether all bytes are there, verified or not. */
bool sl_inbound_has_all(const struct sl_inbound *inbound);
/* Held only: nothing more comes the way that it came. Another sender of the same payload is to go on at the byte that
 * is told, where the last chunk that is there as a whole ends; what came of the next one is forgotten. */
uint64_t sl_inbound_resume(struct sl_inbound *inbound);
/* How many chunks from the beginning are verified without a gap. */
uint32_t sl_inbound_prefix(const struct sl_inbound *inbound);
bool sl_inbound_is_whole(const struct sl_inbound *inbound); /* every chunk verified */
/* Streamed only: chunk `index`, verified, is not needed any more. In any order. */
void sl_inbound_release(struct sl_inbound *inbound, uint32_t index);
/* Held only: the payload's block, borrowed; NULL before the first byte. */
struct sl_block *sl_inbound_block(const struct sl_inbound *inbound);

#endif
