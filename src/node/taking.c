/* A model that others gave becomes this node's own: on a worker the median of several, and into the journal. */
#include "node/internal.h"

#include <stdlib.h>
#include <string.h>

#include "aggregate/median.h"

struct taking {
    struct sl_job job;
    struct sl_node *node;
    struct node_incoming *snapshots[NODE_DONORS_MAX]; /* a reference each */
    size_t count;
    struct sl_block *block; /* a reference: the only snapshot's, or where the median goes */
    struct node_kept *kept; /* alike */
    struct sl_digest digest;
    struct sl_ledger_sums sums;
};

static void free_taking(struct taking *taking) {
    for (size_t i = 0; i < taking->count; i++)
        node_unref_incoming(taking->snapshots[i]);
    sl_block_unref(taking->block);
    node_kept_unref(taking->kept);
    free(taking);
}

static void take_over(struct sl_node *node, void *context) {
    struct taking *taking = context;
    if (sl_round_phase(node->round) != SL_PHASE_JOIN) {
        node_end_joining(node); /* the round went on without it: a model that is in use is not replaced */
        free_taking(taking);
        return;
    }
    uint64_t round = taking->snapshots[0]->manifest.round;
    const struct sl_ledger_sums sums = taking->sums;
    char donor[SL_NAME_SIZE];
    memcpy(donor, taking->snapshots[0]->manifest.origin, sizeof donor);
    size_t donors = taking->count;
    node_keeper_set_model(node, node_kept_ref(taking->kept));
    node_replace_model(node, sl_block_ref(taking->block));
    free_taking(taking);
    node_end_joining(node);
    node->model_round = round;
    node->model_is_mixed = true;
    node_ledger_enter(node, NODE_LEDGER_START, round, &sums);
    sl_log_line(node->log, SL_LOG_INFO, "node", "took over the model", SL_TEXT("peer", donor),
                SL_UNSIGNED("round", round), SL_UNSIGNED("donors", donors));
    node_step_round(node, &(struct sl_round_event){.type = SL_ROUND_MODEL_LOADED, .peer = donor, .round = round});
}

static void run_taking(struct sl_job *job) {
    struct taking *taking = (struct taking *)job;
    struct sl_node *node = taking->node;
    float *values = (float *)(void *)taking->block->data;
    if (taking->count > 1) {
        const float *sources[NODE_DONORS_MAX];
        for (size_t i = 0; i < taking->count; i++)
            sources[i] = (const float *)(const void *)sl_inbound_block(taking->snapshots[i]->inbound)->data;
        sl_median(values, sources, taking->count, node->learner->layout.elements);
    }
    if (taking->kept != NULL)
        node_kept_write_model(taking->kept, &node->chunks, taking->block->data, &taking->digest);
    node_ledger_measure(node, &taking->sums, taking->block->data);
}

static void handle_taken(struct sl_job *job) {
    struct taking *taking = (struct taking *)job;
    node_job_done(taking->node);
    node_kept_seal(taking->node, taking->kept, &taking->digest, take_over, taking);
}

void node_take_over(struct sl_node *node, struct node_incoming *const *snapshots, size_t count) {
    struct taking *taking = calloc(1, sizeof *taking);
    struct sl_block *block = count == 1 ? sl_block_ref(sl_inbound_block(snapshots[0]->inbound)) : node_take_spare(node);
    if (taking == NULL || block == NULL) {
        free(taking);
        sl_block_unref(block);
        node_fail(node, &(struct sl_error){.status = SL_NO_MEMORY, .text = "out of memory for a model"});
        return;
    }
    *taking =
        (struct taking){.job = {.run = run_taking, .done = handle_taken}, .node = node, .count = count, .block = block};
    for (size_t i = 0; i < count; i++) {
        snapshots[i]->references++;
        taking->snapshots[i] = snapshots[i];
    }
    taking->kept = node_kept_take(node, SL_KEPT_MODEL, node->settings->node.name, snapshots[0]->manifest.round,
                                  node->chunks.payload_bytes);
    node_submit(node, node->pool, &taking->job);
}
