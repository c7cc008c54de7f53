/* A whole graph as adjacency lists. Private to this layer. */
#ifndef SL_OVERLAY_GRAPH_H
#define SL_OVERLAY_GRAPH_H

#include "overlay/overlay.h"

/* Node i has degree[i] neighbours at peers + i · stride: ascending once sl_graph_sort was called. All zero is empty. */
struct sl_graph {
    uint32_t count;
    uint32_t stride; /* the highest degree that there is room for */
    uint32_t *degree;
    uint32_t *peers;
};

/* No edges yet; a graph that was in use is emptied. */
SL_MUST_USE enum sl_status sl_graph_init(struct sl_graph *graph, size_t count, size_t stride);
void sl_graph_finish(struct sl_graph *graph);
bool sl_graph_has(const struct sl_graph *graph, uint32_t a, uint32_t b);
/* A new edge; there is room for it. */
void sl_graph_add(struct sl_graph *graph, uint32_t a, uint32_t b);
void sl_graph_remove(struct sl_graph *graph, uint32_t a, uint32_t b);
void sl_graph_sort(struct sl_graph *graph);
SL_MUST_USE enum sl_status sl_graph_is_connected(const struct sl_graph *graph, bool *out);
/* Everybody is joined to the `half` next by index in `order` (NULL: 0, 1, 2 …), around; 2 · half < count. */
void sl_graph_add_circle(struct sl_graph *graph, const uint32_t *order, uint32_t half);

/* What a kind makes of these members; count ≥ 2. `exists`: false where there is none for them. */
SL_MUST_USE enum sl_status sl_graph_regular(struct sl_graph *graph, uint32_t degree,
                                            const struct sl_overlay_member *members, size_t count, uint64_t seed,
                                            uint64_t round);
SL_MUST_USE enum sl_status sl_graph_small_world(struct sl_graph *graph, const struct sl_topology *topology,
                                                size_t count, uint64_t seed);
SL_MUST_USE enum sl_status sl_graph_from_file(struct sl_graph *graph, bool *exists, const struct sl_topology *topology,
                                              const struct sl_overlay_member *members, size_t count);

/* The kinds whose neighbours are a matter of arithmetic; sl_fixed_exists first. */
bool sl_fixed_exists(enum sl_topology_kind kind, size_t count);
size_t sl_fixed_neighbours(enum sl_topology_kind kind, uint32_t *out, size_t count, size_t self);

#endif
