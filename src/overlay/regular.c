/* Random s-regular graphs from s/2 rings; overlay.h has the rule to the letter. */
#include "overlay/graph.h"

#include <stdlib.h>

#include "base/random.h"

enum { DRAWS_MAX = 16 };

struct place {
    uint64_t key;
    uint32_t node;
};

struct rings {
    struct place *places; /* the order of the ring that is drawn now */
    uint32_t *next;       /* the order's members that are not visited yet, as a list: next[count] is its head */
    uint32_t *walk;
    uint32_t count;
};

static int compare(const void *a, const void *b) {
    const struct place *left = a, *right = b;
    if (left->key != right->key)
        return left->key < right->key ? -1 : 1;
    return (left->node > right->node) - (left->node < right->node);
}

static void draw_order(struct rings *rings, const struct sl_overlay_member *members, uint64_t ring_key) {
    for (uint32_t i = 0; i < rings->count; i++)
        rings->places[i] = (struct place){.key = sl_philox_u64(ring_key, members[i].tag, 0), .node = i};
    qsort(rings->places, rings->count, sizeof *rings->places, compare);
}

static uint64_t ring_key(uint64_t seed, uint64_t round, uint32_t ring, uint32_t draw) {
    return sl_philox_u64(seed, round, (uint64_t)ring << 32 | draw);
}

/* The first member of the list that is no neighbour of `from`, taken out of it; false where there is none. */
static bool take_next(struct rings *rings, const struct sl_graph *graph, uint32_t from, uint32_t *out) {
    uint32_t end = rings->count;
    for (uint32_t before = end; rings->next[before] != end; before = rings->next[before]) {
        uint32_t place = rings->next[before];
        uint32_t node = rings->places[place].node;
        if (!sl_graph_has(graph, from, node)) {
            rings->next[before] = rings->next[place];
            *out = node;
            return true;
        }
    }
    return false;
}

/* Walks once around; the edges go into the graph only where the walk closes. */
static bool add_ring(struct rings *rings, struct sl_graph *graph) {
    uint32_t count = rings->count;
    rings->next[count] = 0;
    for (uint32_t i = 0; i < count; i++)
        rings->next[i] = i + 1;
    rings->walk[0] = rings->places[0].node;
    rings->next[count] = 1;
    for (uint32_t i = 1; i < count; i++) {
        if (!take_next(rings, graph, rings->walk[i - 1], &rings->walk[i]))
            return false;
    }
    if (sl_graph_has(graph, rings->walk[count - 1], rings->walk[0]))
        return false;
    for (uint32_t i = 0; i < count; i++)
        sl_graph_add(graph, rings->walk[i], rings->walk[(i + 1) % count]);
    return true;
}

static bool add_rings(struct rings *rings, struct sl_graph *graph, uint32_t ring_count,
                      const struct sl_overlay_member *members, uint64_t seed, uint64_t round) {
    for (uint32_t ring = 0; ring < ring_count; ring++) {
        bool added = false;
        for (uint32_t draw = 0; draw < DRAWS_MAX && !added; draw++) {
            draw_order(rings, members, ring_key(seed, round, ring, draw));
            added = add_ring(rings, graph);
        }
        if (!added)
            return false;
    }
    return true;
}

static enum sl_status add_circle(struct rings *rings, struct sl_graph *graph, uint32_t degree,
                                 const struct sl_overlay_member *members, uint64_t seed, uint64_t round) {
    enum sl_status status = sl_graph_init(graph, rings->count, degree);
    if (status != SL_OK)
        return status;
    draw_order(rings, members, ring_key(seed, round, 0, 0));
    for (uint32_t i = 0; i < rings->count; i++)
        rings->walk[i] = rings->places[i].node;
    sl_graph_add_circle(graph, rings->walk, degree / 2);
    return SL_OK;
}

enum sl_status sl_graph_regular(struct sl_graph *graph, uint32_t degree, const struct sl_overlay_member *members,
                                size_t count, uint64_t seed, uint64_t round) {
    struct rings rings = {.places = malloc(count * sizeof *rings.places),
                          .next = malloc((count + 1) * sizeof *rings.next),
                          .walk = malloc(count * sizeof *rings.walk),
                          .count = (uint32_t)count};
    enum sl_status status = SL_NO_MEMORY;
    if (rings.places != NULL && rings.next != NULL && rings.walk != NULL)
        status = sl_graph_init(graph, count, degree);
    if (status == SL_OK && !add_rings(&rings, graph, degree / 2, members, seed, round))
        status = add_circle(&rings, graph, degree, members, seed, round);
    free(rings.walk);
    free(rings.next);
    free(rings.places);
    return status;
}
