/* Ranges of blocks that wait to be sent as DATA frames: in turn among transfers, in order within one. Nothing is
 * copied; a frame is made when it is its turn. */
#ifndef SL_TRANSPORT_BULK_H
#define SL_TRANSPORT_BULK_H

#include <stdbool.h>

#include "base/buffer.h"
#include "wire/frame.h"

struct sl_bulk_transfer;

/* All zero is an empty queue. */
struct sl_bulk {
    struct sl_bulk_transfer *last; /* a ring; its next one is first in turn */
    uint64_t queued;               /* bytes */
};

/* Takes a reference of the block. A range that goes on where the transfer's last one ends is joined to it. */
SL_MUST_USE enum sl_status sl_bulk_add(struct sl_bulk *bulk, uint32_t transfer, struct sl_block *block, uint64_t offset,
                                       uint64_t length);
void sl_bulk_cancel(struct sl_bulk *bulk, uint32_t transfer);
void sl_bulk_clear(struct sl_bulk *bulk);
static inline bool sl_bulk_is_empty(const struct sl_bulk *bulk) {
    return bulk->last == NULL;
}

/* The next frame of at most SL_DATA_MAX bytes: its header, its block and the bytes in it. The queue is not changed; it
 * must not be empty. */
void sl_bulk_peek(const struct sl_bulk *bulk, struct sl_data_header *header, const uint8_t **data);
/* The frame of the last peek is out. */
void sl_bulk_advance(struct sl_bulk *bulk);

#endif
