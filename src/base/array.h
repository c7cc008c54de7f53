/* Growing an array by doubling; overflow of the size is an error like any other. */
#ifndef SL_BASE_ARRAY_H
#define SL_BASE_ARRAY_H

#include <stddef.h>

#include <starling/error.h>

/* Makes room for `wanted` elements of `size` bytes at *(T **)items (may be NULL), whose capacity is *capacity elements.
 * On failure nothing changes. Use: sl_array_reserve(&list, &capacity, count + 1, sizeof *list). */
SL_MUST_USE enum sl_status sl_array_reserve(void *items, size_t *capacity, size_t wanted, size_t size);

#endif
