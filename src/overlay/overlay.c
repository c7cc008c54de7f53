#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "overlay/cache.h"

double sl_overlay_weight(uint32_t degree_i, uint32_t degree_j) {
    return 1.0 / (1.0 + (degree_i > degree_j ? degree_i : degree_j));
}

/* The kind that holds on this count: small graphs are the full mesh, those that do not exist the ring. */
static enum sl_topology_kind kind_on(const struct sl_topology *topology, size_t count) {
    switch (topology->kind) {
    case SL_TOPOLOGY_REGULAR:
    case SL_TOPOLOGY_STATIC_REGULAR:
    case SL_TOPOLOGY_SMALL_WORLD:
        return count <= (size_t)topology->degree + 1 ? SL_TOPOLOGY_FULL : topology->kind;
    case SL_TOPOLOGY_FILE:
        return topology->kind;
    case SL_TOPOLOGY_FULL:
    case SL_TOPOLOGY_RING:
    case SL_TOPOLOGY_TORUS:
    case SL_TOPOLOGY_HYPERCUBE:
    case SL_TOPOLOGY_STAR:
        break;
    }
    return sl_fixed_exists(topology->kind, count) ? topology->kind : SL_TOPOLOGY_RING;
}

bool sl_overlay_is_full(const struct sl_topology *topology, size_t count) {
    if (count <= 2)
        return true; /* every connected graph of two is */
    enum sl_topology_kind kind = kind_on(topology, count);
    return kind == SL_TOPOLOGY_FULL || (kind == SL_TOPOLOGY_RING && count == 3);
}

/* *computed: false where the graph is one of the fixed ones after all. */
static enum sl_status compute(struct sl_graph *graph, bool *computed, enum sl_topology_kind kind,
                              const struct sl_topology *topology, const struct sl_overlay_member *members, size_t count,
                              uint64_t seed, uint64_t round) {
    enum sl_status status = SL_OK;
    *computed = true;
    if (kind == SL_TOPOLOGY_REGULAR)
        status = sl_graph_regular(graph, topology->degree, members, count, seed, round);
    else if (kind == SL_TOPOLOGY_STATIC_REGULAR)
        status = sl_graph_regular(graph, topology->degree, members, count, seed, 0);
    else if (kind == SL_TOPOLOGY_SMALL_WORLD)
        status = sl_graph_small_world(graph, topology, count, seed);
    else
        status = sl_graph_from_file(graph, computed, topology, members, count);
    if (status == SL_OK)
        sl_graph_sort(graph);
    return status;
}

enum sl_status sl_graph_cache_neighbours(struct sl_graph_cache *cache, const struct sl_topology *topology,
                                         uint32_t *out, size_t *out_count, const struct sl_overlay_member *members,
                                         size_t count, size_t self, uint64_t seed, uint64_t round) {
    assert(self < count);
    *out_count = 0;
    if (count < 2)
        return SL_OK;
    enum sl_topology_kind kind = kind_on(topology, count);
    if (sl_fixed_exists(kind, count)) {
        *out_count = sl_fixed_neighbours(kind, out, count, self);
        return SL_OK;
    }
    struct sl_graph_slot own = {0};
    struct sl_graph_slot *slot =
        cache != NULL ? sl_graph_cache_slot(cache, topology, members, count, seed, round) : &own;
    enum sl_status status = SL_OK;
    if (!slot->valid) {
        status = compute(&slot->graph, &slot->computed, kind, topology, members, count, seed, round);
        slot->valid =
            status == SL_OK && (cache == NULL || sl_graph_slot_label(slot, topology, members, count, seed, round));
    }
    if (status == SL_OK && slot->computed) {
        const struct sl_graph *graph = &slot->graph;
        *out_count = graph->degree[self];
        memcpy(out, graph->peers + self * graph->stride, *out_count * sizeof *out);
    } else if (status == SL_OK) {
        *out_count = sl_fixed_neighbours(SL_TOPOLOGY_RING, out, count, self);
    }
    sl_graph_finish(&own.graph);
    return status;
}

enum sl_status sl_overlay_neighbours(const struct sl_topology *topology, uint32_t *out, size_t *out_count,
                                     const struct sl_overlay_member *members, size_t count, size_t self, uint64_t seed,
                                     uint64_t round) {
    return sl_graph_cache_neighbours(NULL, topology, out, out_count, members, count, self, seed, round);
}
