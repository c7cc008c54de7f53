/* A byte string that grows, and a reference-counted block whose bytes several owners share. */
#ifndef SL_BASE_BUFFER_H
#define SL_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <starling/error.h>

#include "base/bytes.h"

/* All zero is an empty buffer. */
struct sl_buffer {
    uint8_t *data;
    size_t length;
    size_t capacity;
};

/* Room for `more` bytes behind the length. These fail with SL_NO_MEMORY only, and change nothing then. `data` must not
 * point into the buffer itself. */
SL_MUST_USE enum sl_status sl_buffer_reserve(struct sl_buffer *buffer, size_t more);
SL_MUST_USE enum sl_status sl_buffer_append(struct sl_buffer *buffer, const void *data, size_t length);
/* Appends the text without its NUL, which is there behind the length until the next change. */
SL_MUST_USE enum sl_status sl_buffer_printf(struct sl_buffer *buffer, const char *format, ...) SL_PRINTF(2, 3);
void sl_buffer_consume(struct sl_buffer *buffer, size_t length); /* drops the first `length` bytes */
void sl_buffer_clear(struct sl_buffer *buffer);                  /* length 0, memory kept */
void sl_buffer_finish(struct sl_buffer *buffer);                 /* frees; the buffer is empty again */

/* A block of fixed size, 64-byte aligned, not cleared. The count is atomic: references may be taken and dropped on any
 * thread. Whoever writes into it must be its only owner or have agreed on disjoint ranges. */
struct sl_block {
    uint8_t *data;
    size_t length;
};

SL_MUST_USE struct sl_block *sl_block_create(size_t length); /* one reference, the caller's; NULL when out of memory */
struct sl_block *sl_block_ref(struct sl_block *block);
void sl_block_unref(struct sl_block *block); /* accepts NULL */
/* True when the caller's is the only reference, so that the bytes may be written again. */
bool sl_block_is_sole(const struct sl_block *block);

#endif
