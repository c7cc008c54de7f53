/* Edges whose verdict comes after their round: both updates are kept, the difference joins the model later. */
#include "node/internal.h"

#include <stdlib.h>

void node_drop_pending(struct node_peer *peer) {
    sl_block_unref(peer->pending.theirs);
    sl_block_unref(peer->pending.mine);
    peer->pending = (struct node_pending){.round = 0};
}

void node_hold(struct sl_node *node, struct node_peer *peer, uint64_t round) {
    struct node_incoming *incoming = node_find_incoming(peer, SL_PAYLOAD_UPDATE, round);
    if (incoming == NULL || incoming->inbound == NULL || incoming->streamed || node->update.block == NULL)
        return; /* nothing was promised then */
    node_drop_pending(peer);
    peer->pending = (struct node_pending){.round = round,
                                          .theirs = sl_block_ref(sl_inbound_block(incoming->inbound)),
                                          .mine = sl_block_ref(node->update.block)};
}

void node_apply_late(struct sl_node *node, struct node_peer *peer, uint64_t round, double weight) {
    if (peer->pending.round != round || peer->pending.theirs == NULL)
        return;
    struct node_late *late = calloc(1, sizeof *late);
    if (late == NULL) {
        node_fail(node, &(struct sl_error){.status = SL_NO_MEMORY, .text = "out of memory for a late update"});
        return;
    }
    *late = (struct node_late){.theirs = sl_block_ref(peer->pending.theirs),
                               .mine = sl_block_ref(peer->pending.mine),
                               .weight = weight,
                               .next = node->late};
    node->late = late;
    node_drop_late(node, peer, round);
}

void node_drop_late(struct sl_node *node, struct node_peer *peer, uint64_t round) {
    node_drop_update(node, peer, round);
    if (peer->pending.round == round)
        node_drop_pending(peer);
}

void node_add_late(struct node_late *late, float *values, size_t elements) {
    while (late != NULL) {
        struct node_late *next = late->next;
        sl_mean_add_difference(values, (const float *)(const void *)late->theirs->data,
                               (const float *)(const void *)late->mine->data, late->weight, elements);
        sl_block_unref(late->theirs);
        sl_block_unref(late->mine);
        free(late);
        late = next;
    }
}
