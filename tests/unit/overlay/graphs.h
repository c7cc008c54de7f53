/* Rosters and whole graphs for tests. */
#ifndef TEST_OVERLAY_GRAPHS_H
#define TEST_OVERLAY_GRAPHS_H

#include "overlay/overlay.h"

enum { GRAPH_MAX = 1000 };

struct graph {
    size_t count;
    uint32_t degree[GRAPH_MAX];
    uint32_t *peers[GRAPH_MAX];
};

/* Members m0000 …, tags from `salt`. The names are kept until the process ends. */
void make_members(struct sl_overlay_member *out, size_t count, uint64_t salt);
/* Asks for each member's neighbours, and checks that they are ascending, in range, not the member itself, symmetric and
 * connected. */
void make_graph(struct graph *graph, const struct sl_topology *topology, const struct sl_overlay_member *members,
                size_t count, uint64_t seed, uint64_t round);
void finish_graph(struct graph *graph);
/* One round of averaging with Metropolis-Hastings weights. */
void mix(const struct graph *graph, double *values);

#endif
