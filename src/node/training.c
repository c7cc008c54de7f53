/* Training and evaluation, on the trainer's one thread and in its order; and the two blocks that models live in.
 *
 * A model that somebody else still holds (a file being written, a peer being sent to, a pending edge) is never written:
 * training then goes on in a copy. */
#include "node/internal.h"

#include <stdlib.h>
#include <string.h>

struct trainer_job {
    struct sl_job job;
    struct sl_node *node;
    uint64_t round;
    bool averaging;
    struct sl_block *from;   /* a reference */
    struct sl_block *to;     /* another block, where `from` must not be written; a reference */
    struct node_kept *state; /* NULL: it is not kept */
    struct sl_training training;
    struct sl_evaluation evaluation;
    struct sl_ledger_sums sums; /* of the model that was trained */
    sl_time seconds;
    enum sl_status status;
    struct sl_error error;
};

struct sl_block *node_take_spare(struct sl_node *node) {
    struct sl_block *block = node->spare;
    node->spare = NULL;
    if (block != NULL && sl_block_is_sole(block))
        return block;
    sl_block_unref(block);
    return sl_block_create(node->model->length);
}

void node_replace_model(struct sl_node *node, struct sl_block *block) {
    struct sl_block *former = node->model;
    node->model = block;
    if (former != NULL && sl_block_is_sole(former) && node->spare == NULL)
        node->spare = former;
    else
        sl_block_unref(former);
}

static struct trainer_job *create_job(struct sl_node *node, uint64_t round, void (*run)(struct sl_job *),
                                      void (*done)(struct sl_job *)) {
    struct trainer_job *job = calloc(1, sizeof *job);
    if (job == NULL) {
        node_fail(node, &(struct sl_error){.status = SL_NO_MEMORY, .text = "out of memory for a training job"});
        return NULL;
    }
    job->job = (struct sl_job){.run = run, .done = done};
    job->node = node;
    job->round = round;
    return job;
}

static void free_job(struct trainer_job *job) {
    sl_block_unref(job->from);
    sl_block_unref(job->to);
    node_kept_unref(job->state);
    free(job);
}

/* ---- training ---- */

static void run_training(struct sl_job *submitted) {
    struct trainer_job *job = (struct trainer_job *)submitted;
    if (job->averaging)
        return;
    struct sl_block *block = job->from;
    if (job->to != NULL) {
        memcpy(job->to->data, job->from->data, job->from->length);
        block = job->to;
    }
    sl_time start = sl_clock_monotonic();
    job->training.round = job->round;
    job->training.cancel = &job->node->cancel;
    struct sl_learner *learner = job->node->learner;
    job->status = learner->interface->train(learner, (float *)(void *)block->data, &job->training, &job->error);
    job->seconds = sl_clock_monotonic() - start;
    if (job->status == SL_OK)
        node_kept_write_state(job->state, learner);
    if (job->training.steps > 0)
        node_ledger_measure(job->node, &job->sums, block->data);
}

static void handle_trained(struct sl_job *submitted) {
    struct trainer_job *job = (struct trainer_job *)submitted;
    struct sl_node *node = job->node;
    uint64_t round = job->round;
    enum sl_status status = job->status;
    if (status == SL_OK && !job->averaging)
        sl_record_event(node->record, "trained", SL_UNSIGNED("round", round), SL_NUMBER("loss", job->training.loss),
                        SL_UNSIGNED("steps", job->training.steps), SL_UNSIGNED("examples", job->training.examples),
                        SL_NUMBER("seconds", sl_time_to_seconds(job->seconds)));
    sl_block_unref(job->from); /* first, so that the former model can be the spare one */
    job->from = NULL;
    if (job->to != NULL && (status == SL_OK || status == SL_CANCELLED))
        node_replace_model(node, sl_block_ref(job->to));
    if (status != SL_OK && status != SL_CANCELLED)
        node_fail(node, &job->error);
    if (job->training.steps > 0) {
        node->model_is_mixed = false;
        node_ledger_enter(node, NODE_LEDGER_TRAINED, round, &job->sums);
    }
    if (status == SL_OK) {
        node_keeper_set_state(node, job->state);
        job->state = NULL;
    }
    free_job(job);
    node_job_done(node);
    if (status == SL_OK)
        node_step_round(node, &(struct sl_round_event){.type = SL_ROUND_TRAINED, .round = round});
}

void node_train(struct sl_node *node, uint64_t round, bool averaging) {
    struct trainer_job *job = create_job(node, round, run_training, handle_trained);
    if (job == NULL)
        return;
    job->averaging = averaging;
    bool copy = !averaging && !sl_block_is_sole(node->model);
    job->from = sl_block_ref(node->model);
    if (copy && (job->to = node_take_spare(node)) == NULL) {
        node_fail(node, &(struct sl_error){.status = SL_NO_MEMORY, .text = "out of memory for a second model"});
        free_job(job);
        return;
    }
    uint64_t state_bytes = averaging ? 0 : sl_learner_state_bytes(node->learner);
    if (state_bytes > 0)
        job->state = node_kept_take(node, SL_KEPT_STATE, node->settings->node.name, round, state_bytes);
    node->model_is_mixed = averaging && node->model_is_mixed;
    node_submit(node, node->trainer, &job->job);
}

/* ---- evaluation ---- */

static void run_evaluation(struct sl_job *submitted) {
    struct trainer_job *job = (struct trainer_job *)submitted;
    struct sl_learner *learner = job->node->learner;
    sl_time start = sl_clock_monotonic();
    job->status = learner->interface->evaluate(learner, (const float *)(const void *)job->from->data, &job->evaluation,
                                               &job->error);
    job->seconds = sl_clock_monotonic() - start;
}

static void handle_evaluated(struct sl_job *submitted) {
    struct trainer_job *job = (struct trainer_job *)submitted;
    struct sl_node *node = job->node;
    if (job->status == SL_OK) {
        sl_record_event(node->record, "evaluated", SL_UNSIGNED("round", job->round),
                        SL_NUMBER("accuracy", job->evaluation.accuracy), SL_NUMBER("loss", job->evaluation.loss),
                        SL_UNSIGNED("examples", job->evaluation.examples),
                        SL_NUMBER("seconds", sl_time_to_seconds(job->seconds)));
        sl_log_line(node->log, SL_LOG_INFO, "learner", "evaluated", SL_UNSIGNED("round", job->round),
                    SL_NUMBER("accuracy", job->evaluation.accuracy), SL_NUMBER("loss", job->evaluation.loss));
    } else {
        sl_log_line(node->log, SL_LOG_ERROR, "learner", job->error.text, SL_UNSIGNED("round", job->round));
    }
    free_job(job);
    node_job_done(node);
}

void node_evaluate(struct sl_node *node, uint64_t round) {
    if (node->test == NULL)
        return;
    struct trainer_job *job = create_job(node, round, run_evaluation, handle_evaluated);
    if (job == NULL)
        return;
    job->from = sl_block_ref(node->model);
    node_submit(node, node->trainer, &job->job);
}
