/* The test set, in batches that the lanes take in turn. */
#include "data/batch.h"
#include "learner/builtin.h"
#include "learner/loss.h"

struct evaluation {
    struct sl_builtin *builtin;
    const float *values;
};

static enum sl_status evaluate_batch(const struct evaluation *evaluation, struct sl_lane *lane, size_t first,
                                     size_t count) {
    const struct sl_builtin *builtin = evaluation->builtin;
    sl_batch_fill(sl_blob_values(lane->evaluator.input), lane->labels, builtin->test, NULL, first, count);
    enum sl_status status = sl_tape_forward(lane->evaluator.tape, evaluation->values, &lane->error);
    if (status == SL_OK)
        lane->loss += sl_cross_entropy(NULL, &lane->right, sl_blob_values(lane->evaluator.scores), lane->labels, count,
                                       count, builtin->plan.classes, 1);
    return status;
}

static void run_lane(void *context, uint32_t index) {
    const struct evaluation *evaluation = context;
    const struct sl_builtin *builtin = evaluation->builtin;
    struct sl_lane *lane = &builtin->lane[index];
    const size_t rows = builtin->evaluation_rows, stride = rows * builtin->options.lanes;
    lane->loss = 0;
    lane->right = 0;
    lane->status = SL_OK;
    for (size_t first = index * rows; lane->status == SL_OK && first < builtin->test->count; first += stride) {
        const size_t left = builtin->test->count - first;
        lane->status = evaluate_batch(evaluation, lane, first, left < rows ? left : rows);
    }
}

enum sl_status sl_builtin_evaluate(struct sl_learner *learner, const float *values, struct sl_evaluation *out,
                                   struct sl_error *error) {
    struct sl_builtin *builtin = (struct sl_builtin *)learner;
    *out = (struct sl_evaluation){0};
    if (builtin->test == NULL)
        return sl_error_set(error, SL_UNSUPPORTED, "there is no test set to evaluate on");
    struct evaluation evaluation = {.builtin = builtin, .values = values};
    sl_lanes_run(builtin->lanes, run_lane, &evaluation);
    enum sl_status status = sl_builtin_collect(builtin, error);
    if (status != SL_OK)
        return status;
    uint64_t right = 0;
    for (uint32_t i = 0; i < builtin->options.lanes; i++) {
        right += builtin->lane[i].right;
        out->loss += builtin->lane[i].loss;
    }
    out->examples = builtin->test->count;
    out->accuracy = (double)right / (double)out->examples;
    out->loss /= (double)out->examples;
    return SL_OK;
}
