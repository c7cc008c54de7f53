/* Models given to those who join late or come back: pinned at the end of a round, before training touches it, one
 * snapshot for all who asked by then. It stays for a while, so that whose connection was cut goes on with the same. */
#include "node/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

/* Beyond W_max a snapshot stays for as long as it takes at this rate. */
enum { SLOW_BYTES_A_SECOND = 1 << 20 };

static void refuse(struct sl_node *node, struct node_peer *peer) {
    struct sl_buffer payload = {0};
    if (sl_cancel_encode(&payload, &(struct sl_cancel){.transfer = 0}) == SL_OK)
        node_send(node, peer, SL_FRAME_CANCEL, &payload);
    sl_buffer_finish(&payload);
}

static bool is_asking(const struct sl_node *node, const char *name) {
    for (size_t i = 0; i < node->asker_count; i++)
        if (strcmp(node->askers[i], name) == 0)
            return true;
    return false;
}

static bool is_given(const struct node_peer *peer) {
    const struct node_outgoing *outgoing = peer->outgoing;
    while (outgoing != NULL && outgoing->kind != SL_PAYLOAD_SNAPSHOT)
        outgoing = outgoing->next;
    return outgoing != NULL;
}

/* It was offered the snapshot that is still here, over a connection that ended. */
static bool is_going_on(const struct sl_node *node, const struct node_peer *peer) {
    return node->snapshot.block != NULL && !node->snapshot_wanted && peer->snapshot_round == node->snapshot.round &&
           !is_given(peer);
}

static void give(struct sl_node *node, struct node_peer *peer) {
    const struct node_publication *snapshot = &node->snapshot;
    node_drop_snapshots(node, peer); /* one a peer, or those that it never takes would fill the memory */
    node_offer(node, peer, snapshot, false);
    peer->snapshot_round = snapshot->round;
    double seconds = (double)snapshot->block->length / SLOW_BYTES_A_SECOND;
    node->snapshot_until = sl_clock_monotonic() + sl_time_from_seconds(node->settings->round.deadline_max + seconds);
}

void node_expire_snapshot(struct sl_node *node) {
    if (node->snapshot.block != NULL && !node->snapshot_wanted && sl_clock_monotonic() >= node->snapshot_until)
        node_finish_publication(&node->snapshot); /* those who take it hold its block */
}

enum sl_status node_on_model_request(struct sl_node *node, struct node_peer *peer,
                                     const struct sl_model_request *asked) {
    if (asked->epoch != node->settings->flock.epoch || node->finishing) {
        refuse(node, peer);
        return SL_OK;
    }
    if (is_going_on(node, peer)) {
        give(node, peer);
        return SL_OK;
    }
    if (!is_asking(node, peer->name)) {
        char *name = strdup(peer->name);
        if (name == NULL || sl_array_reserve((void *)&node->askers, &node->asker_capacity, node->asker_count + 1,
                                             sizeof *node->askers) != SL_OK) {
            free(name);
            refuse(node, peer);
            return SL_OK;
        }
        node->askers[node->asker_count++] = name;
    }
    enum sl_round_phase phase = sl_round_phase(node->round);
    if (phase == SL_PHASE_LINGER || phase == SL_PHASE_GATHER)
        node_serve_askers(node); /* otherwise at the end of the round */
    return SL_OK;
}

void node_serve_askers(struct sl_node *node) {
    if (node->asker_count == 0 || node->snapshot_wanted || !node->model_is_mixed)
        return;
    node->snapshot_wanted = true;
    node_publish_snapshot(node);
}

void node_snapshot_published(struct sl_node *node) {
    node->snapshot_wanted = false;
    for (size_t i = 0; i < node->asker_count; i++) {
        struct node_peer *peer = node_find_peer(node, node->askers[i]);
        if (peer != NULL)
            give(node, peer);
        free(node->askers[i]);
    }
    node->asker_count = 0;
}
