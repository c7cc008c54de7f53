#include "transport/bulk.h"

#include <stdlib.h>

struct range {
    struct range *next;
    struct sl_block *block;
    uint64_t offset, length;
};

struct sl_bulk_transfer {
    struct sl_bulk_transfer *next;
    struct range *first, *last; /* never empty */
    uint32_t number;
};

/* The transfer whose next one has that number; NULL when there is none. */
static struct sl_bulk_transfer *find_before(const struct sl_bulk *bulk, uint32_t number) {
    struct sl_bulk_transfer *before = bulk->last;
    if (before == NULL)
        return NULL;
    do {
        if (before->next->number == number)
            return before;
        before = before->next;
    } while (before != bulk->last);
    return NULL;
}

static struct range *range_create(struct sl_block *block, uint64_t offset, uint64_t length) {
    struct range *range = malloc(sizeof *range);
    if (range != NULL)
        *range = (struct range){.block = sl_block_ref(block), .offset = offset, .length = length};
    return range;
}

static void range_destroy(struct range *range) {
    sl_block_unref(range->block);
    free(range);
}

static enum sl_status add_transfer(struct sl_bulk *bulk, uint32_t number, struct range *range) {
    struct sl_bulk_transfer *transfer = malloc(sizeof *transfer);
    if (transfer == NULL)
        return SL_NO_MEMORY;
    *transfer = (struct sl_bulk_transfer){.next = transfer, .first = range, .last = range, .number = number};
    if (bulk->last != NULL) {
        transfer->next = bulk->last->next;
        bulk->last->next = transfer;
    }
    bulk->last = transfer;
    return SL_OK;
}

enum sl_status sl_bulk_add(struct sl_bulk *bulk, uint32_t transfer, struct sl_block *block, uint64_t offset,
                           uint64_t length) {
    if (length == 0 || offset > block->length || length > block->length - offset)
        return SL_USAGE;
    struct sl_bulk_transfer *before = find_before(bulk, transfer);
    struct range *tail = before == NULL ? NULL : before->next->last;
    if (tail != NULL && tail->block == block && tail->offset + tail->length == offset) {
        tail->length += length;
        bulk->queued += length;
        return SL_OK;
    }
    struct range *range = range_create(block, offset, length);
    if (range == NULL)
        return SL_NO_MEMORY;
    if (before != NULL) {
        tail->next = range;
        before->next->last = range;
    } else if (add_transfer(bulk, transfer, range) != SL_OK) {
        range_destroy(range);
        return SL_NO_MEMORY;
    }
    bulk->queued += length;
    return SL_OK;
}

static void remove_after(struct sl_bulk *bulk, struct sl_bulk_transfer *before) {
    struct sl_bulk_transfer *transfer = before->next;
    before->next = transfer->next;
    if (transfer == before)
        bulk->last = NULL;
    else if (bulk->last == transfer)
        bulk->last = before;
    while (transfer->first != NULL) {
        struct range *range = transfer->first;
        transfer->first = range->next;
        bulk->queued -= range->length;
        range_destroy(range);
    }
    free(transfer);
}

void sl_bulk_cancel(struct sl_bulk *bulk, uint32_t transfer) {
    struct sl_bulk_transfer *before = find_before(bulk, transfer);
    if (before != NULL)
        remove_after(bulk, before);
}

void sl_bulk_clear(struct sl_bulk *bulk) {
    while (bulk->last != NULL)
        remove_after(bulk, bulk->last);
}

void sl_bulk_peek(const struct sl_bulk *bulk, struct sl_data_header *header, const uint8_t **data) {
    const struct sl_bulk_transfer *transfer = bulk->last->next;
    const struct range *range = transfer->first;
    *header = (struct sl_data_header){
        .transfer = transfer->number,
        .offset = range->offset,
        .length = (uint32_t)(range->length < SL_DATA_MAX ? range->length : SL_DATA_MAX),
    };
    *data = range->block->data + range->offset;
}

void sl_bulk_advance(struct sl_bulk *bulk) {
    struct sl_bulk_transfer *transfer = bulk->last->next;
    struct range *range = transfer->first;
    uint64_t sent = range->length < SL_DATA_MAX ? range->length : SL_DATA_MAX;
    range->offset += sent;
    range->length -= sent;
    bulk->queued -= sent;
    if (range->length > 0 || range->next != NULL) {
        bulk->last = transfer; /* the next one's turn */
        if (range->length == 0) {
            transfer->first = range->next;
            range_destroy(range);
        }
        return;
    }
    remove_after(bulk, bulk->last);
}
