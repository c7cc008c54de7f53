/* Edges whose verdict comes after their round: both updates are kept, the difference joins the model later. */
#include "node/internal.h"

#include <stdlib.h>
#include <string.h>

static void finish_pending(struct node_pending *pending) {
    sl_block_unref(pending->theirs);
    sl_block_unref(pending->mine);
    node_kept_unref(pending->kept[0]);
    node_kept_unref(pending->kept[1]);
    *pending = (struct node_pending){.round = 0};
}

void node_drop_pending(struct node_peer *peer) {
    finish_pending(&peer->pending);
}

/* What the round machine says of an edge. */
static struct node_ledger_edge edge_of(const struct sl_round_action *action) {
    struct node_ledger_edge edge = {.round = action->round,
                                    .joins = action->round,
                                    .outcome = action->outcome,
                                    .weight = action->weight,
                                    .peer_lineage = action->peer_lineage};
    memcpy(edge.peer, action->peer, sizeof edge.peer);
    memcpy(edge.own_digest, action->own_digest, sizeof edge.own_digest);
    memcpy(edge.peer_digest, action->peer_digest, sizeof edge.peer_digest);
    return edge;
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

/* Both updates of an edge of the present round that was promised. */
static bool find_promised(const struct sl_node *node, const struct node_peer *peer,
                          const struct sl_round_action *action, struct node_pending *out) {
    const struct node_incoming *incoming = node_find_incoming(peer, SL_PAYLOAD_UPDATE, action->round);
    if (incoming == NULL || incoming->inbound == NULL || incoming->streamed || node->update.block == NULL)
        return find_kept(node, out, action);
    *out = (struct node_pending){.round = action->round,
                                 .theirs = sl_block_ref(sl_inbound_block(incoming->inbound)),
                                 .mine = sl_block_ref(node->update.block),
                                 .kept = {node_kept_ref(incoming->kept), node_kept_ref(node->update.kept)}};
    return true;
}

void node_hold(struct sl_node *node, struct node_peer *peer, const struct sl_round_action *action) {
    struct node_pending pending;
    if (!find_promised(node, peer, action, &pending))
        return; /* nothing was promised then */
    node_drop_pending(peer);
    peer->pending = pending;
}

/* In the order of rounds and names: sums of floats depend on it, and a restart hears of them in another one. */
static bool is_before(const struct node_late *a, const struct node_late *b) {
    return a->edge.round != b->edge.round ? a->edge.round < b->edge.round : strcmp(a->edge.peer, b->edge.peer) < 0;
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
    *late = (struct node_late){
        .theirs = found.theirs, .mine = found.mine, .kept = {found.kept[0], found.kept[1]}, .edge = edge_of(action)};
    late->edge.outcome = SL_EDGE_LATE;
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

/* A tile at a time, which is as long as the sums of a fold stay in cache. */
static void add_encoded(const struct sl_node *node, const struct node_late *late, float *values) {
    enum { TILE = 2048 };
    float theirs[TILE], mine[TILE];
    size_t elements = node->learner->layout.elements;
    for (size_t first = 0; first < elements; first += TILE) {
        size_t count = elements - first < TILE ? elements - first : TILE;
        node_decode(node, theirs, late->theirs, first, count);
        node_decode(node, mine, late->mine, first, count);
        sl_mean_add_difference(values + first, theirs, mine, late->edge.weight, count);
    }
}

void node_add_late(const struct sl_node *node, struct node_late *late, float *values, struct sl_ledger_sums *sums) {
    for (; late != NULL; late = late->next) {
        if (node_encoding(node) != SL_ENCODING_F32)
            add_encoded(node, late, values);
        else
            sl_mean_add_difference(values, (const float *)(const void *)late->theirs->data,
                                   (const float *)(const void *)late->mine->data, late->edge.weight,
                                   node->learner->layout.elements);
        node_ledger_compare(node, &late->edge.sums, late->theirs, late->mine);
    }
    node_ledger_measure(node, sums, values);
}

void node_late_joined(struct sl_node *node, struct node_late *late, enum node_ledger_entry entry, uint64_t round,
                      const struct sl_ledger_sums *sums) {
    for (; late != NULL; late = late->next) {
        late->edge.joins = round;
        node_ledger_write(node, &late->edge);
    }
    node_ledger_enter(node, entry, round, sums);
}

void node_write_off(struct sl_node *node, const struct sl_round_action *action) {
    struct node_peer *peer = node_find_peer(node, action->peer);
    struct node_pending found = {.round = 0};
    if (peer == NULL || (peer->pending.round != action->round && !find_promised(node, peer, action, &found)))
        return;
    const struct node_pending *pending = peer->pending.round == action->round ? &peer->pending : &found;
    const struct node_ledger_edge edge = edge_of(action);
    node_ledger_write_off(node, &edge, pending->theirs, pending->mine);
    finish_pending(&found);
}

void node_write_off_late(struct sl_node *node) {
    for (struct node_late *late = node->late; late != NULL; late = late->next) {
        late->edge.outcome = SL_EDGE_STALE;
        node_ledger_write_off(node, &late->edge, late->theirs, late->mine);
    }
    node_free_late(node->late);
    node->late = NULL;
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
