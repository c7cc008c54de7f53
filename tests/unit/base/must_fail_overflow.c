/* Wrong on purpose: a Criterion test that writes one byte behind a block. It proves that the others would fail if they
 * did. */
#include <criterion/criterion.h>

#include "base/buffer.h"

Test(must_fail, overflow) {
    struct sl_block *block = sl_block_create(64);
    cr_assert_not_null(block);
    volatile uint8_t *end = block->data + block->length;
    *end = 1;
    sl_block_unref(block);
}
