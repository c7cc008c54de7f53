/* Models for those who join late. Joiner: asks one peer, takes its snapshot whole, becomes equal to it. Donor: pins the
 * model at the end of a round, before training touches it, one snapshot for all who asked by then. */
#include "node/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

/* ---- joiner ---- */

bool node_is_joining(const struct sl_node *node, const char *donor) {
    return sl_round_phase(node->round) == SL_PHASE_JOIN && strcmp(node->donor, donor) == 0;
}

bool node_has_snapshot(const struct node_peer *donor) {
    const struct node_incoming *incoming = donor->incoming;
    while (incoming != NULL && incoming->manifest.kind != SL_PAYLOAD_SNAPSHOT)
        incoming = incoming->next;
    return incoming != NULL;
}

static void drop_snapshots(struct sl_node *node, struct node_peer *peer) {
    for (struct node_incoming *incoming = peer->incoming; incoming != NULL;) {
        struct node_incoming *next = incoming->next;
        if (incoming->manifest.kind == SL_PAYLOAD_SNAPSHOT)
            node_drop_incoming(node, incoming, true);
        incoming = next;
    }
}

/* Whether more of its model came since we last looked. */
static bool is_giving(struct sl_node *node, const struct node_peer *donor) {
    uint32_t before = node->donor_chunks;
    for (const struct node_incoming *incoming = donor->incoming; incoming != NULL; incoming = incoming->next)
        if (incoming->manifest.kind == SL_PAYLOAD_SNAPSHOT && incoming->inbound != NULL)
            node->donor_chunks = sl_inbound_prefix(incoming->inbound);
    return node->donor_chunks > before;
}

/* The round asks for another donor where one takes too long. One that is slow is still the sooner to be done. */
void node_request_model(struct sl_node *node, struct node_peer *peer) {
    struct node_peer *former = node_find_peer(node, node->donor);
    if (former != NULL && is_giving(node, former))
        return;
    if (former != NULL)
        drop_snapshots(node, former);
    node->donor_chunks = 0;
    struct sl_buffer payload = {0};
    const struct sl_model_request request = {.epoch = node->settings->flock.epoch};
    memcpy(node->donor, peer->name, sizeof node->donor);
    if (sl_model_request_encode(&payload, &request) == SL_OK)
        node_send(node, peer, SL_FRAME_MODEL_REQUEST, &payload);
    sl_buffer_finish(&payload);
    sl_log_line(node->log, SL_LOG_INFO, "node", "asked for the model", SL_TEXT("peer", peer->name));
}

void node_model_failed(struct sl_node *node, const char *peer) {
    if (strcmp(node->donor, peer) != 0)
        return;
    node->donor[0] = '\0';
    node_step_round(node, &(struct sl_round_event){.type = SL_ROUND_MODEL_FAILED, .peer = peer});
}

/* A model on its way to the journal. */
struct taking {
    struct sl_job job;
    struct sl_node *node;
    struct node_incoming *incoming; /* a reference */
    struct node_kept *kept;         /* alike */
    struct sl_digest digest;
};

static void take_over(struct sl_node *node, void *context) {
    struct taking *taking = context;
    struct node_incoming *incoming = taking->incoming;
    struct node_kept *kept = taking->kept;
    free(taking);
    uint64_t round = incoming->manifest.round;
    char donor[SL_NAME_SIZE] = "";
    if (incoming->peer != NULL)
        memcpy(donor, incoming->peer->name, sizeof donor);
    if (donor[0] == '\0' || !node_is_joining(node, donor)) {
        /* the round went on without it: a model that is in use is not replaced */
        if (incoming->peer != NULL)
            node_drop_incoming(node, incoming, false);
        node_unref_incoming(incoming);
        node_kept_unref(kept);
        return;
    }
    node_keeper_set_model(node, kept);
    node_replace_model(node, sl_block_ref(sl_inbound_block(incoming->inbound)));
    drop_snapshots(node, incoming->peer);
    node_unref_incoming(incoming);
    node->donor[0] = '\0';
    node->model_round = round;
    node->model_is_mixed = true;
    sl_log_line(node->log, SL_LOG_INFO, "node", "took over the model", SL_TEXT("peer", donor),
                SL_UNSIGNED("round", round));
    node_step_round(node, &(struct sl_round_event){.type = SL_ROUND_MODEL_LOADED, .peer = donor, .round = round});
}

static void run_taking(struct sl_job *job) {
    struct taking *taking = (struct taking *)job;
    const struct sl_block *block = sl_inbound_block(taking->incoming->inbound);
    if (taking->kept != NULL)
        node_kept_write_model(taking->kept, &taking->node->chunks, block->data, &taking->digest);
}

static void handle_taken(struct sl_job *job) {
    struct taking *taking = (struct taking *)job;
    node_job_done(taking->node);
    node_kept_seal(taking->node, taking->kept, &taking->digest, take_over, taking);
}

void node_take_model(struct sl_node *node, struct node_incoming *incoming) {
    struct taking *taking = calloc(1, sizeof *taking);
    if (taking == NULL) {
        node_fail(node, &(struct sl_error){.status = SL_NO_MEMORY, .text = "out of memory for a model"});
        return;
    }
    incoming->references++;
    *taking = (struct taking){.job = {.run = run_taking, .done = handle_taken}, .node = node, .incoming = incoming};
    taking->kept = node_kept_take(node, SL_KEPT_MODEL, node->settings->node.name, incoming->manifest.round,
                                  node->chunks.payload_bytes);
    node_submit(node, node->pool, &taking->job);
}

/* ---- donor ---- */

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

enum sl_status node_on_model_request(struct sl_node *node, struct node_peer *peer,
                                     const struct sl_model_request *asked) {
    if (asked->epoch != node->settings->flock.epoch || node->finishing) {
        refuse(node, peer);
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
        if (peer != NULL) {
            node_drop_snapshots(node, peer); /* one a peer, or those that it never takes would fill the memory */
            node_offer(node, peer, &node->snapshot);
        }
        free(node->askers[i]);
    }
    node->asker_count = 0;
    node_finish_publication(&node->snapshot); /* those who were offered it hold its block */
}
