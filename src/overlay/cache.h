/* Computed graphs with what they were computed from. Private to this layer. */
#ifndef SL_OVERLAY_CACHE_H
#define SL_OVERLAY_CACHE_H

#include "overlay/graph.h"

struct sl_graph_slot {
    bool valid;
    bool computed; /* false: the graph is the fallback to the ring, `graph` has nothing */
    struct sl_graph graph;
    const struct sl_topology *topology;
    uint64_t seed, round;
    uint64_t *tags; /* of the members */
    size_t count;
};

/* The slot of that graph; where there is none yet, the one to compute it into, not valid. */
struct sl_graph_slot *sl_graph_cache_slot(struct sl_graph_cache *cache, const struct sl_topology *topology,
                                          const struct sl_overlay_member *members, size_t count, uint64_t seed,
                                          uint64_t round);
/* Notes what was computed; false without memory, the slot is of no later use then. */
bool sl_graph_slot_label(struct sl_graph_slot *slot, const struct sl_topology *topology,
                         const struct sl_overlay_member *members, size_t count, uint64_t seed, uint64_t round);

#endif
