#include "sim/internal.h"

#include <stdlib.h>
#include <string.h>

#include "aggregate/mean.h"
#include "base/array.h"

struct sim_payload *sl_sim_payload_create(struct sl_world *world, const float *values) {
    size_t bytes = world->options.elements * sizeof *values;
    struct sim_payload *payload = malloc(sizeof *payload + bytes);
    if (payload == NULL) {
        world->status = SL_NO_MEMORY;
        return NULL;
    }
    payload->references = 1;
    memcpy(payload->values, values, bytes);
    return payload;
}

struct sim_payload *sl_sim_payload_ref(struct sim_payload *payload) {
    if (payload != NULL)
        payload->references++;
    return payload;
}

void sl_sim_payload_unref(struct sim_payload *payload) {
    if (payload != NULL && --payload->references == 0)
        free(payload);
}

struct sim_incoming *sl_sim_find_incoming(const struct sim_node *node, uint32_t peer, uint64_t round) {
    for (size_t i = 0; i < node->incoming_count; i++)
        if (node->incoming[i].peer == peer && node->incoming[i].round == round)
            return &node->incoming[i];
    return NULL;
}

/* The newest announcement of a round holds, unless the payload of an earlier one is whole. */
void sl_sim_take_manifest(struct sl_world *world, const struct sim_message *message) {
    struct sim_node *node = &world->nodes[message->to];
    struct sim_incoming *incoming = sl_sim_find_incoming(node, message->from, message->round);
    if (incoming != NULL && incoming->held)
        return;
    if (incoming == NULL) {
        if (sl_array_reserve(&node->incoming, &node->incoming_capacity, node->incoming_count + 1,
                             sizeof *node->incoming) != SL_OK) {
            world->status = SL_NO_MEMORY;
            return;
        }
        incoming = &node->incoming[node->incoming_count++];
        incoming->payload = NULL;
    }
    sl_sim_payload_unref(incoming->payload);
    *incoming = (struct sim_incoming){.peer = message->from,
                                      .round = message->round,
                                      .manifest = message->body.manifest.manifest,
                                      .payload = sl_sim_payload_ref(message->payload)};
    memcpy(incoming->digest, message->body.manifest.digest, sizeof incoming->digest);
}

void sl_sim_load_incoming(struct sl_world *world, struct sim_node *node, const struct sim_stored *stored) {
    if (sl_array_reserve(&node->incoming, &node->incoming_capacity, node->incoming_count + 1, sizeof *node->incoming) !=
        SL_OK) {
        world->status = SL_NO_MEMORY;
        return;
    }
    struct sim_incoming *incoming = &node->incoming[node->incoming_count++];
    *incoming = (struct sim_incoming){.peer = stored->peer,
                                      .round = stored->round,
                                      .manifest = stored->manifest,
                                      .payload = sl_sim_payload_ref(stored->payload),
                                      .held = true};
    memcpy(incoming->digest, stored->digest, sizeof incoming->digest);
}

void sl_sim_release(struct sim_node *node, uint32_t peer, uint64_t round) {
    struct sim_incoming *incoming = sl_sim_find_incoming(node, peer, round);
    if (incoming == NULL)
        return;
    sl_sim_payload_unref(incoming->payload);
    *incoming = node->incoming[--node->incoming_count];
}

/* Without a disk both payloads are in memory, with one they are found there, after a restart as well. */
void sl_sim_hold(struct sl_world *world, struct sim_node *node, uint32_t peer, const struct sl_round_action *action) {
    struct sim_incoming *incoming = sl_sim_find_incoming(node, peer, action->round);
    struct sim_payload *theirs = incoming != NULL ? incoming->payload : NULL, *mine = node->own;
    if (world->options.disks) {
        theirs = sl_sim_find_stored(node, action->peer_digest);
        mine = sl_sim_find_stored(node, action->own_digest);
    }
    if (theirs == NULL || mine == NULL)
        return;
    if (sl_array_reserve(&node->pending, &node->pending_capacity, node->pending_count + 1, sizeof *node->pending) !=
        SL_OK) {
        world->status = SL_NO_MEMORY;
        return;
    }
    node->pending[node->pending_count++] = (struct sim_pending){
        .peer = peer, .round = action->round, .theirs = sl_sim_payload_ref(theirs), .mine = sl_sim_payload_ref(mine)};
    sl_sim_release(node, peer, action->round);
}

struct sim_pending *sl_sim_find_pending(const struct sim_node *node, uint32_t peer, uint64_t round) {
    for (size_t i = 0; i < node->pending_count; i++)
        if (node->pending[i].peer == peer && node->pending[i].round == round)
            return &node->pending[i];
    return NULL;
}

void sl_sim_drop_pending(struct sim_node *node, uint32_t peer, uint64_t round) {
    struct sim_pending *pending = sl_sim_find_pending(node, peer, round);
    if (pending == NULL)
        return;
    sl_sim_payload_unref(pending->theirs);
    sl_sim_payload_unref(pending->mine);
    *pending = node->pending[--node->pending_count];
}

void sl_sim_apply_late(struct sl_world *world, struct sim_node *node, uint32_t peer,
                       const struct sl_round_action *action) {
    struct sim_pending *pending = sl_sim_find_pending(node, peer, action->round);
    struct sim_payload *theirs = pending != NULL ? pending->theirs : sl_sim_find_stored(node, action->peer_digest);
    struct sim_payload *mine = pending != NULL ? pending->mine : sl_sim_find_stored(node, action->own_digest);
    if (theirs == NULL || mine == NULL)
        return;
    if (sl_array_reserve(&node->late, &node->late_capacity, node->late_count + 1, sizeof *node->late) != SL_OK) {
        world->status = SL_NO_MEMORY;
        return;
    }
    node->late[node->late_count++] = (struct sim_late){
        .theirs = sl_sim_payload_ref(theirs), .mine = sl_sim_payload_ref(mine), .weight = action->weight};
    sl_sim_drop_pending(node, peer, action->round);
}

void sl_sim_fold_late(struct sl_world *world, struct sim_node *node) {
    for (size_t i = 0; i < node->late_count; i++) {
        const struct sim_late *late = &node->late[i];
        sl_mean_add_difference(node->model, late->theirs->values, late->mine->values, late->weight,
                               world->options.elements);
        sl_sim_payload_unref(late->theirs);
        sl_sim_payload_unref(late->mine);
    }
    node->late_count = 0;
}

void sl_sim_forget_payloads(struct sim_node *node) {
    while (node->incoming_count > 0)
        sl_sim_release(node, node->incoming[0].peer, node->incoming[0].round);
    while (node->pending_count > 0)
        sl_sim_drop_pending(node, node->pending[0].peer, node->pending[0].round);
    for (size_t i = 0; i < node->late_count; i++) {
        sl_sim_payload_unref(node->late[i].theirs);
        sl_sim_payload_unref(node->late[i].mine);
    }
    node->late_count = 0;
    sl_sim_payload_unref(node->own);
    node->own = NULL;
}
