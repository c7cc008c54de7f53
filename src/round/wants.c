/* With whom a connection is of use to the rounds: where not everybody is connected with everybody, it is made for them.
 */
#include "round/state.h"

#include <stdlib.h>
#include <string.h>

/* The round that is looked at: who takes part in it, by name. */
struct listing {
    struct sl_overlay_member *members;
    uint32_t *neighbours;
    size_t count, self;
};

static void add_self(const struct sl_round *round, struct listing *listing) {
    listing->self = listing->count;
    listing->members[listing->count++] =
        (struct sl_overlay_member){.name = round->own.name[0] != '\0' ? round->own.name : round->self,
                                   .tag = round->own.name[0] != '\0' ? round->own.tag : round->options.tag};
}

static void list(const struct sl_round *round, struct listing *listing, uint64_t number) {
    bool placed = false;
    listing->count = 0;
    for (size_t i = 0; i < round->peers.count; i++) {
        const struct sl_round_member *member = &round->peers.items[i]->member;
        if (!sl_round_is_listed(round->peers.items[i], number))
            continue;
        if (!placed && strcmp(round->self, member->name) < 0) {
            add_self(round, listing);
            placed = true;
        }
        listing->members[listing->count++] = (struct sl_overlay_member){.name = member->name, .tag = member->tag};
    }
    if (!placed)
        add_self(round, listing);
}

/* A full mesh of rounds is all of them: the caller has made room. */
static enum sl_status add_neighbours(const struct sl_round *round, struct listing *listing, const char **names,
                                     size_t *count, uint64_t number) {
    size_t neighbours = 0;
    list(round, listing, number);
    if (listing->count < 2)
        return SL_OK;
    enum sl_status status =
        sl_graph_cache_neighbours(round->options.graphs, round->options.topology, listing->neighbours, &neighbours,
                                  listing->members, listing->count, listing->self, round->options.seed, number);
    for (size_t i = 0; status == SL_OK && i < neighbours; i++)
        names[(*count)++] = listing->members[listing->neighbours[i]].name;
    return status;
}

static enum sl_status add_all(const struct sl_round *round, struct listing *listing, const char **names,
                              size_t *count) {
    uint64_t first = round->current > 0 ? round->current : 1;
    enum sl_status status = add_neighbours(round, listing, names, count, first);
    if (status == SL_OK)
        status = add_neighbours(round, listing, names, count, first + 1);
    for (size_t i = 0; i < round->pending.count; i++)
        names[(*count)++] = round->pending.items[i]->member.name;
    for (size_t i = 0; i < round->donor_count; i++)
        names[(*count)++] = round->donors[i]->member.name;
    return status;
}

enum sl_status sl_round_wanted(const struct sl_round *round, const char ***out, size_t *out_count) {
    const size_t members = round->peers.count + 1;
    struct listing listing = {.members = calloc(members, sizeof *listing.members),
                              .neighbours = calloc(members, sizeof *listing.neighbours)};
    const char **names = calloc(2 * members + round->pending.count + round->donor_count, sizeof *names);
    enum sl_status status = SL_NO_MEMORY;
    *out_count = 0;
    if (listing.members != NULL && listing.neighbours != NULL && names != NULL)
        status = add_all(round, &listing, names, out_count);
    free(listing.members);
    free(listing.neighbours);
    if (status != SL_OK) {
        free(names);
        names = NULL;
        *out_count = 0;
    }
    *out = names;
    return status;
}
