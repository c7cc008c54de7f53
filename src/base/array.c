#include "base/array.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { SMALLEST = 8 };

enum sl_status sl_array_reserve(void *items, size_t *capacity, size_t wanted, size_t size) {
    if (wanted <= *capacity)
        return SL_OK;
    /* No object is larger than PTRDIFF_MAX: what lies above is an error in a size, not a wish for memory. */
    size_t most = size > 0 ? PTRDIFF_MAX / size : 0;
    if (wanted > most)
        return SL_NO_MEMORY;
    size_t grown = *capacity > most / 2 ? most : 2 * *capacity;
    if (grown < SMALLEST)
        grown = SMALLEST < most ? SMALLEST : most;
    if (grown < wanted)
        grown = wanted;
    /* The pointer's own type is the caller's: it is read and written as bytes, so that no type rule is broken. */
    void *memory;
    memcpy(&memory, items, sizeof memory);
    memory = realloc(memory, grown * size);
    if (memory == NULL)
        return SL_NO_MEMORY;
    memcpy(items, &memory, sizeof memory);
    *capacity = grown;
    return SL_OK;
}
