#include <stdatomic.h>
#include <stdlib.h>

#include "base/buffer.h"

enum { ALIGNMENT = 64 };

/* One allocation: this head, padded to a cache line, then the bytes. */
struct head {
    struct sl_block block; /* first, so that the public pointer is the head's */
    atomic_size_t references;
};
_Static_assert(sizeof(struct head) <= ALIGNMENT, "the head fits before the bytes");

struct sl_block *sl_block_create(size_t length) {
    if (length > PTRDIFF_MAX - 2 * (size_t)ALIGNMENT)
        return NULL;
    size_t padded = (length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    struct head *head = aligned_alloc(ALIGNMENT, ALIGNMENT + padded);
    if (head == NULL)
        return NULL;
    head->block = (struct sl_block){.data = (uint8_t *)head + ALIGNMENT, .length = length};
    atomic_init(&head->references, 1);
    return &head->block;
}

struct sl_block *sl_block_ref(struct sl_block *block) {
    struct head *head = (struct head *)block;
    atomic_fetch_add_explicit(&head->references, 1, memory_order_relaxed);
    return block;
}

void sl_block_unref(struct sl_block *block) {
    if (block == NULL)
        return;
    struct head *head = (struct head *)block;
    /* Release: our reads and writes come before the free. Acquire: the others' do, too. */
    if (atomic_fetch_sub_explicit(&head->references, 1, memory_order_acq_rel) == 1)
        free(head);
}

bool sl_block_is_sole(const struct sl_block *block) {
    const struct head *head = (const struct head *)block;
    return atomic_load_explicit(&head->references, memory_order_acquire) == 1;
}
