#include "round/state.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

/* Index of the first peer whose name is not below `name`. */
static size_t lower_bound(const struct round_peer_list *list, const char *name) {
    size_t low = 0, high = list->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(list->items[middle]->member.name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct round_peer *sl_round_find_peer(const struct sl_round *round, const char *name) {
    size_t at = lower_bound(&round->peers, name);
    if (at < round->peers.count && strcmp(round->peers.items[at]->member.name, name) == 0)
        return round->peers.items[at];
    return NULL;
}

struct round_peer *sl_round_get_peer(struct sl_round *round, const char *name) {
    struct round_peer_list *list = &round->peers;
    struct round_peer *peer = sl_round_find_peer(round, name);
    if (peer != NULL)
        return peer;
    if (strcmp(name, round->self) == 0 || !sl_name_is_valid(name))
        return NULL;
    peer = calloc(1, sizeof *peer);
    if (peer == NULL || sl_array_reserve(&list->items, &list->capacity, list->count + 1, sizeof(void *)) != SL_OK) {
        free(peer);
        round->status = SL_NO_MEMORY;
        return NULL;
    }
    strcpy(peer->member.name, name);
    size_t at = lower_bound(list, name);
    memmove(list->items + at + 1, list->items + at, (list->count - at) * sizeof(void *));
    list->items[at] = peer;
    list->count++;
    return peer;
}

bool sl_round_is_reachable(const struct round_peer *peer) {
    return peer->member.live && peer->member.connected;
}

size_t sl_round_count_reachable(const struct sl_round *round) {
    size_t count = 0;
    for (size_t i = 0; i < round->peers.count; i++)
        count += sl_round_is_reachable(round->peers.items[i]);
    return count;
}

void sl_round_list_add(struct sl_round *round, struct round_peer_list *list, struct round_peer *peer) {
    if (sl_array_reserve(&list->items, &list->capacity, list->count + 1, sizeof(void *)) != SL_OK) {
        round->status = SL_NO_MEMORY;
        return;
    }
    list->items[list->count++] = peer;
}

void sl_round_list_remove(struct round_peer_list *list, const struct round_peer *peer) {
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i] != peer)
            list->items[kept++] = list->items[i];
    list->count = kept;
}
