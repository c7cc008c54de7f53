#include "overlay/cache.h"

#include <stdlib.h>

/* Nodes of a flock are in a round or its next, and their rosters differ only for moments. */
enum { SLOTS = 8 };

struct sl_graph_cache {
    struct sl_graph_slot slots[SLOTS];
    size_t next; /* to be replaced */
};

struct sl_graph_cache *sl_graph_cache_create(void) {
    return calloc(1, sizeof(struct sl_graph_cache));
}

static void finish_slot(struct sl_graph_slot *slot) {
    sl_graph_finish(&slot->graph);
    free(slot->tags);
    *slot = (struct sl_graph_slot){0};
}

void sl_graph_cache_destroy(struct sl_graph_cache *cache) {
    if (cache == NULL)
        return;
    for (size_t i = 0; i < SLOTS; i++)
        finish_slot(&cache->slots[i]);
    free(cache);
}

/* Tags stand for names: they are digests of them. */
static bool is_of(const struct sl_graph_slot *slot, const struct sl_topology *topology,
                  const struct sl_overlay_member *members, size_t count, uint64_t seed, uint64_t round) {
    if (!slot->valid || slot->topology != topology || slot->seed != seed || slot->round != round ||
        slot->count != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (slot->tags[i] != members[i].tag)
            return false;
    }
    return true;
}

struct sl_graph_slot *sl_graph_cache_slot(struct sl_graph_cache *cache, const struct sl_topology *topology,
                                          const struct sl_overlay_member *members, size_t count, uint64_t seed,
                                          uint64_t round) {
    /* The newest first: that is the one that is asked for again and again. */
    for (size_t i = 1; i <= SLOTS; i++) {
        struct sl_graph_slot *slot = &cache->slots[(cache->next + SLOTS - i) % SLOTS];
        if (is_of(slot, topology, members, count, seed, round))
            return slot;
    }
    struct sl_graph_slot *slot = &cache->slots[cache->next];
    cache->next = (cache->next + 1) % SLOTS;
    finish_slot(slot);
    return slot;
}

bool sl_graph_slot_label(struct sl_graph_slot *slot, const struct sl_topology *topology,
                         const struct sl_overlay_member *members, size_t count, uint64_t seed, uint64_t round) {
    slot->tags = malloc(count * sizeof *slot->tags);
    if (slot->tags == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        slot->tags[i] = members[i].tag;
    slot->topology = topology;
    slot->seed = seed;
    slot->round = round;
    slot->count = count;
    return true;
}
