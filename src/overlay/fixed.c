/* The graphs whose neighbours are arithmetic on the index. */
#include "overlay/graph.h"

#include <assert.h>

enum { TORUS_SIDE_MIN = 3 };

/* The shorter side of the most square a × b = count. */
static size_t torus_rows(size_t count) {
    size_t rows = 1;
    for (size_t side = 1; side <= count / side; side++) {
        if (count % side == 0)
            rows = side;
    }
    return rows;
}

bool sl_fixed_exists(enum sl_topology_kind kind, size_t count) {
    switch (kind) {
    case SL_TOPOLOGY_FULL:
    case SL_TOPOLOGY_RING:
    case SL_TOPOLOGY_STAR:
        return true;
    case SL_TOPOLOGY_TORUS:
        return torus_rows(count) >= TORUS_SIDE_MIN;
    case SL_TOPOLOGY_HYPERCUBE:
        return (count & (count - 1)) == 0;
    case SL_TOPOLOGY_REGULAR:
    case SL_TOPOLOGY_STATIC_REGULAR:
    case SL_TOPOLOGY_SMALL_WORLD:
    case SL_TOPOLOGY_FILE:
        break;
    }
    return false;
}

static size_t full(uint32_t *out, size_t count, size_t self) {
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        if (i != self)
            out[found++] = (uint32_t)i;
    }
    return found;
}

static size_t ring(uint32_t *out, size_t count, size_t self) {
    size_t found = 0;
    out[found++] = (uint32_t)((self + count - 1) % count);
    if (count > 2)
        out[found++] = (uint32_t)((self + 1) % count);
    return found;
}

static size_t torus(uint32_t *out, size_t count, size_t self) {
    size_t rows = torus_rows(count), columns = count / rows;
    size_t row = self / columns, column = self % columns;
    out[0] = (uint32_t)((row + rows - 1) % rows * columns + column);
    out[1] = (uint32_t)((row + 1) % rows * columns + column);
    out[2] = (uint32_t)(row * columns + (column + columns - 1) % columns);
    out[3] = (uint32_t)(row * columns + (column + 1) % columns);
    return 4;
}

static size_t hypercube(uint32_t *out, size_t count, size_t self) {
    size_t found = 0;
    for (size_t bit = 1; bit < count; bit *= 2)
        out[found++] = (uint32_t)(self ^ bit);
    return found;
}

static size_t star(uint32_t *out, size_t count, size_t self) {
    if (self == 0)
        return full(out, count, self);
    out[0] = 0;
    return 1;
}

static void sort(uint32_t *items, size_t count) {
    for (size_t i = 1; i < count; i++) {
        uint32_t item = items[i];
        size_t at = i;
        for (; at > 0 && items[at - 1] > item; at--)
            items[at] = items[at - 1];
        items[at] = item;
    }
}

size_t sl_fixed_neighbours(enum sl_topology_kind kind, uint32_t *out, size_t count, size_t self) {
    assert(count >= 2 && self < count && sl_fixed_exists(kind, count));
    size_t found = 0;
    switch (kind) {
    case SL_TOPOLOGY_FULL:
        return full(out, count, self); /* ascending already */
    case SL_TOPOLOGY_RING:
        found = ring(out, count, self);
        break;
    case SL_TOPOLOGY_TORUS:
        found = torus(out, count, self);
        break;
    case SL_TOPOLOGY_HYPERCUBE:
        found = hypercube(out, count, self);
        break;
    case SL_TOPOLOGY_STAR:
        return star(out, count, self);
    case SL_TOPOLOGY_REGULAR:
    case SL_TOPOLOGY_STATIC_REGULAR:
    case SL_TOPOLOGY_SMALL_WORLD:
    case SL_TOPOLOGY_FILE:
        break;
    }
    sort(out, found);
    return found;
}
