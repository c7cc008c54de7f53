/* Watts and Strogatz, "Collective dynamics of small-world networks", Nature 393 (1998); overlay.h has our order of
 * draws. */
#include "overlay/graph.h"

#include "base/random.h"

enum { ATTEMPTS_MAX = 16 };

/* The `rank`-th member, ascending, that is neither `from` nor its neighbour. */
static uint32_t stranger(const struct sl_graph *graph, uint32_t from, uint64_t rank) {
    uint32_t node = 0;
    for (;; node++) {
        if (node == from || sl_graph_has(graph, from, node))
            continue;
        if (rank-- == 0)
            return node;
    }
}

static void rewire(struct sl_graph *graph, const struct sl_topology *topology, struct sl_random *random) {
    uint32_t count = graph->count;
    for (uint32_t j = 1; j <= topology->degree / 2; j++) {
        for (uint32_t i = 0; i < count; i++) {
            if (sl_random_unit(random) >= topology->probability || graph->degree[i] == count - 1)
                continue;
            uint32_t chosen = stranger(graph, i, sl_random_below(random, count - 1 - graph->degree[i]));
            sl_graph_remove(graph, i, (i + j) % count);
            sl_graph_add(graph, i, chosen);
        }
    }
}

enum sl_status sl_graph_small_world(struct sl_graph *graph, const struct sl_topology *topology, size_t count,
                                    uint64_t seed) {
    for (uint64_t attempt = 0; attempt <= ATTEMPTS_MAX; attempt++) {
        enum sl_status status = sl_graph_init(graph, count, count - 1);
        if (status != SL_OK)
            return status;
        sl_graph_add_circle(graph, NULL, topology->degree / 2);
        if (attempt == ATTEMPTS_MAX)
            break;
        struct sl_random random;
        sl_random_init(&random, seed, attempt);
        rewire(graph, topology, &random);
        bool connected = false;
        status = sl_graph_is_connected(graph, &connected);
        if (status != SL_OK || connected)
            return status;
    }
    return SL_OK;
}
