/* One round's local training. A batch is cut into as many slices as there are lanes, by its size alone; each lane makes
 * the gradient of its slice, the sum is taken in lane order. So the bits depend on the lanes, never on the threads. */
#include <math.h>
#include <string.h>

#include "data/batch.h"
#include "learner/builtin.h"
#include "learner/loss.h"

/* One batch on its way through the lanes. */
struct batch {
    struct sl_builtin *builtin;
    const float *values;
    size_t first, count; /* in builtin->order */
};

/* A round's way through passes over the examples. */
struct progress {
    uint64_t pass;
    size_t position;        /* in this pass */
    uint64_t steps_left;    /* batches */
    uint64_t examples_left; /* whichever comes first */
    double loss;
};

static enum sl_status compute_gradient(const struct batch *batch, struct sl_lane *lane, size_t first, size_t count) {
    const struct sl_builtin *builtin = batch->builtin;
    const struct sl_engine *engine = &lane->trainer;
    float *input = sl_blob_values(engine->input);
    const size_t image = (size_t)builtin->plan.channels * builtin->plan.height * builtin->plan.width;
    sl_batch_fill(input, lane->labels, builtin->train, builtin->order, batch->first + first, count);
    memset(input + count * image, 0, (builtin->lane_rows - count) * image * sizeof *input);
    enum sl_status status = sl_tape_forward(engine->tape, batch->values, &lane->error);
    if (status != SL_OK)
        return status;
    lane->loss = sl_cross_entropy(sl_blob_gradient(engine->scores), NULL, sl_blob_values(engine->scores), lane->labels,
                                  count, builtin->lane_rows, builtin->plan.classes, 1.0F / (float)batch->count);
    return sl_tape_backward(engine->tape, lane->gradient, &lane->error);
}

static void run_lane(void *context, uint32_t index) {
    const struct batch *batch = context;
    const uint64_t lanes = batch->builtin->options.lanes;
    const size_t first = (size_t)(batch->count * (uint64_t)index / lanes);
    const size_t end = (size_t)(batch->count * ((uint64_t)index + 1) / lanes);
    struct sl_lane *lane = &batch->builtin->lane[index];
    lane->loss = 0;
    lane->status = end > first ? compute_gradient(batch, lane, first, end - first) : SL_OK;
}

/* Sums the gradients into the first lane's that has one, in lane order. A batch shorter than the lanes leaves some
 * without. */
static const float *sum_gradients(const struct batch *batch) {
    const struct sl_builtin *builtin = batch->builtin;
    const uint64_t lanes = builtin->options.lanes;
    float *sum = NULL;
    for (uint64_t i = 0; i < lanes; i++) {
        const float *gradient = builtin->lane[i].gradient;
        if (batch->count * i / lanes == batch->count * (i + 1) / lanes)
            continue;
        if (sum == NULL)
            sum = builtin->lane[i].gradient;
        else
            for (size_t e = 0; e < builtin->learner.layout.elements; e++)
                sum[e] += gradient[e];
    }
    return sum;
}

static enum sl_status train_batch(struct sl_builtin *builtin, float *values, struct progress *progress, size_t count,
                                  struct sl_error *error) {
    struct batch batch = {.builtin = builtin, .values = values, .first = progress->position, .count = count};
    sl_lanes_run(builtin->lanes, run_lane, &batch);
    enum sl_status status = sl_builtin_collect(builtin, error);
    if (status != SL_OK)
        return status;
    for (uint32_t i = 0; i < builtin->options.lanes; i++)
        progress->loss += builtin->lane[i].loss;
    sl_optimizer_step(&builtin->optimizer, values, sum_gradients(&batch));
    return SL_OK;
}

static size_t next_count(const struct sl_builtin *builtin, const struct progress *progress) {
    uint64_t count = builtin->options.batch, left = builtin->count - progress->position;
    count = count < left ? count : left;
    return (size_t)(count < progress->examples_left ? count : progress->examples_left);
}

static struct progress begin(const struct sl_builtin *builtin) {
    struct progress progress = {.steps_left = UINT64_MAX, .examples_left = UINT64_MAX};
    const double examples = rint(builtin->options.epochs * (double)builtin->count);
    if (builtin->options.steps > 0)
        progress.steps_left = builtin->options.steps;
    else if (examples < 9e18)
        progress.examples_left = (uint64_t)examples;
    return progress;
}

enum sl_status sl_builtin_train(struct sl_learner *learner, float *values, struct sl_training *training,
                                struct sl_error *error) {
    struct sl_builtin *builtin = (struct sl_builtin *)learner;
    struct progress progress = begin(builtin);
    training->steps = training->examples = 0;
    training->loss = 0;
    while (progress.steps_left > 0 && progress.examples_left > 0) {
        if (training->cancel != NULL && atomic_load_explicit(training->cancel, memory_order_relaxed))
            return sl_error_set(error, SL_CANCELLED, "training was cancelled");
        if (progress.position == 0)
            sl_batch_shuffle(builtin->order, builtin->selection, builtin->count, builtin->options.seed, training->round,
                             progress.pass++);
        const size_t count = next_count(builtin, &progress);
        enum sl_status status = train_batch(builtin, values, &progress, count, error);
        if (status != SL_OK)
            return status;
        training->steps++;
        training->examples += count;
        progress.steps_left--;
        progress.examples_left -= count;
        progress.position = (progress.position + count) % builtin->count;
    }
    if (training->examples > 0)
        training->loss = progress.loss / (double)training->examples;
    return SL_OK;
}
