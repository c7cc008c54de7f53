/* Edges whose verdict comes after their round: both updates are kept, the difference joins the model later. */
#include "node/internal.h"

#include <stdlib.h>
#include <string.h>

void node_drop_pending(struct node_peer *peer) {
    sl_block_unref(peer->pending.theirs);
    sl_block_unref(peer->pending.mine);
    node_kept_unref(peer->pending.kept[0]);
    node_kept_unref(peer->pending.kept[1]);
    peer->pending = (struct node_pending){.round = 0};
}

/* After a restart both come from the journal. */
static bool find_kept(const struct sl_node *node, struct node_pending *out, const struct sl_round_action *action) {
    struct node_kept *theirs = node_kept_find_update(node, action->peer_digest);
    struct node_kept *mine = node_kept_find_update(node, action->own_digest);
    if (theirs == NULL || mine == NULL || theirs->block == NULL || mine->block == NULL)
        return false;
    *out = (struct node_pending){.round = action->round,
                                 .theirs = sl_block_ref(theirs->block),
                                 .mine = sl_block_ref(mine->block),
                                 .kept = {node_kept_ref(theirs), node_kept_ref(mine)}};
    return true;
}

void node_hold(struct sl_node *node, struct node_peer *peer, const struct sl_round_action *action) {
    const struct node_incoming *incoming = node_find_incoming(peer, SL_PAYLOAD_UPDATE, action->round);
    struct node_pending pending;
    if (incoming == NULL || incoming->inbound == NULL || incoming->streamed || node->update.block == NULL) {
        if (!find_kept(node, &pending, action))
            return; /* nothing was promised then */
    } else {
        pending = (struct node_pending){.round = action->round,
                                        .theirs = sl_block_ref(sl_inbound_block(incoming->inbound)),
                                        .mine = sl_block_ref(node->update.block),
                                        .kept = {node_kept_ref(incoming->kept), node_kept_ref(node->update.kept)}};
    }
    node_drop_pending(peer);
    peer->pending = pending;
}

/* In the order of rounds and names: sums of floats depend on it, and a restart hears of them in another one. */
static bool is_before(const struct node_late *a, const struct node_late *b) {
    return a->round != b->round ? a->round < b->round : strcmp(a->origin, b->origin) < 0;
}

void node_apply_late(struct sl_node *node, struct node_peer *peer, const struct sl_round_action *action) {
    struct node_pending found = {.round = 0};
    bool is_pending = peer->pending.round == action->round && peer->pending.theirs != NULL;
    if (!is_pending && !find_kept(node, &found, action))
        return;
    struct node_late *late = calloc(1, sizeof *late);
    if (late == NULL) {
        node_fail(node, &(struct sl_error){.status = SL_NO_MEMORY, .text = "out of memory for a late update"});
        return;
    }
    if (is_pending) { /* taken over */
        found = peer->pending;
        peer->pending = (struct node_pending){.round = 0};
    }
    *late = (struct node_late){.round = action->round,
                               .theirs = found.theirs,
                               .mine = found.mine,
                               .kept = {found.kept[0], found.kept[1]},
                               .weight = action->weight};
    memcpy(late->origin, peer->name, sizeof late->origin);
    struct node_late **link = &node->late;
    while (*link != NULL && is_before(*link, late))
        link = &(*link)->next;
    late->next = *link;
    *link = late;
    node_drop_late(node, peer, action->round);
}

void node_drop_late(struct sl_node *node, struct node_peer *peer, uint64_t round) {
    node_drop_update(node, peer, round);
    if (peer->pending.round == round)
        node_drop_pending(peer);
}

void node_add_late(const struct node_late *late, float *values, size_t elements) {
    for (; late != NULL; late = late->next)
        sl_mean_add_difference(values, (const float *)(const void *)late->theirs->data,
                               (const float *)(const void *)late->mine->data, late->weight, elements);
}

void node_free_late(struct node_late *late) {
    while (late != NULL) {
        struct node_late *next = late->next;
        sl_block_unref(late->theirs);
        sl_block_unref(late->mine);
        node_kept_unref(late->kept[0]);
        node_kept_unref(late->kept[1]);
        free(late);
        late = next;
    }
}
