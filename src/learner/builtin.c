#include "learner/builtin.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Rows of an evaluation: enough to fill the kernels, few enough to stay in the second-level cache. */
enum { EVALUATION_ROWS = 125 };

static void builtin_destroy(struct sl_learner *learner) {
    struct sl_builtin *builtin = (struct sl_builtin *)learner;
    sl_lanes_destroy(builtin->lanes);
    for (uint32_t i = 0; builtin->lane != NULL && i < builtin->options.lanes; i++) {
        sl_engine_finish(&builtin->lane[i].trainer);
        sl_engine_finish(&builtin->lane[i].evaluator);
        free(builtin->lane[i].gradient);
        free(builtin->lane[i].labels);
    }
    free(builtin->lane);
    sl_optimizer_finish(&builtin->optimizer);
    free(builtin->selection);
    free(builtin->order);
    sl_layout_finish(&learner->layout);
    free(builtin);
}

static enum sl_status builtin_state(struct sl_learner *learner, struct sl_tensor_group *out, size_t capacity,
                                    size_t *count) {
    return sl_optimizer_groups(&((struct sl_builtin *)learner)->optimizer, out, capacity, count);
}

static const struct sl_learner_interface builtin_interface = {
    .name = "builtin",
    .destroy = builtin_destroy,
    .train = sl_builtin_train,
    .evaluate = sl_builtin_evaluate,
    .state = builtin_state,
};

enum sl_status sl_builtin_collect(const struct sl_builtin *builtin, struct sl_error *error) {
    for (uint32_t i = 0; i < builtin->options.lanes; i++)
        if (builtin->lane[i].status != SL_OK)
            return sl_error_set(error, builtin->lane[i].status, "%s", builtin->lane[i].error.text);
    return SL_OK;
}

static bool is_share(double value) {
    return value >= 0 && value < 1;
}

static enum sl_status check_options(const struct sl_learner_options *options, struct sl_error *error) {
    if (options->batch == 0 || options->lanes == 0 || options->lanes > options->batch || options->threads == 0)
        return sl_error_set(error, SL_SETTINGS,
                            "expected batch, lanes and threads of at least 1 and not more lanes than batch");
    if (!isfinite(options->rate) || options->rate <= 0)
        return sl_error_set(error, SL_SETTINGS, "expected a learning rate above 0");
    if (!isfinite(options->epochs) || options->epochs < 0)
        return sl_error_set(error, SL_SETTINGS, "expected 0 or more epochs");
    if (options->optimizer == SL_OPTIMIZER_SGD && !is_share(options->momentum))
        return sl_error_set(error, SL_SETTINGS, "expected a momentum in [0, 1)");
    if (options->optimizer == SL_OPTIMIZER_ADAM &&
        !(is_share(options->beta1) && is_share(options->beta2) && options->delta > 0))
        return sl_error_set(error, SL_SETTINGS, "expected beta1 and beta2 in [0, 1) and a delta above 0");
    return SL_OK;
}

static enum sl_status check_data(const struct sl_dataset *train, const uint32_t *selection, size_t count,
                                 const struct sl_dataset *test, struct sl_error *error) {
    if (count == 0 || count > UINT32_MAX)
        return sl_error_set(error, SL_SETTINGS, "no examples to train on, or too many");
    for (size_t i = 0; i < count; i++)
        if (selection[i] >= train->count)
            return sl_error_set(error, SL_SETTINGS, "example %u of a data set of %zu", selection[i], train->count);
    if (test != NULL && (test->channels != train->channels || test->height != train->height ||
                         test->width != train->width || test->classes != train->classes || test->count == 0))
        return sl_error_set(error, SL_MISMATCH, "the test set's images or classes are not like the training set's");
    return SL_OK;
}

static enum sl_status make_lane(struct sl_builtin *builtin, struct sl_lane *lane, struct sl_error *error) {
    const uint32_t rows = builtin->lane_rows, more = builtin->evaluation_rows;
    lane->gradient = malloc(builtin->learner.layout.elements * sizeof *lane->gradient);
    lane->labels = malloc(rows > more ? rows : more);
    if (lane->gradient == NULL || lane->labels == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "no memory for a lane");
    enum sl_status status = sl_engine_init(&lane->trainer, &builtin->plan, rows, true, error);
    if (status == SL_OK && builtin->test != NULL)
        status = sl_engine_init(&lane->evaluator, &builtin->plan, more, false, error);
    return status;
}

static enum sl_status make_lanes(struct sl_builtin *builtin, struct sl_error *error) {
    const struct sl_learner_options *options = &builtin->options;
    builtin->lane_rows = (options->batch - 1) / options->lanes + 1;
    builtin->evaluation_rows = EVALUATION_ROWS;
    builtin->lane = calloc(options->lanes, sizeof *builtin->lane);
    if (builtin->lane == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "no memory for %u lanes", options->lanes);
    enum sl_status status = SL_OK;
    for (uint32_t i = 0; status == SL_OK && i < options->lanes; i++)
        status = make_lane(builtin, &builtin->lane[i], error);
    return status == SL_OK ? sl_lanes_create(&builtin->lanes, options->lanes, options->threads, error) : status;
}

static enum sl_status fill(struct sl_builtin *builtin, const uint32_t *selection, struct sl_error *error) {
    builtin->selection = malloc(builtin->count * sizeof *builtin->selection);
    builtin->order = malloc(builtin->count * sizeof *builtin->order);
    if (builtin->selection == NULL || builtin->order == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "no memory for a list of %zu examples", builtin->count);
    memcpy(builtin->selection, selection, builtin->count * sizeof *selection);
    struct sl_layout *layout = &builtin->learner.layout;
    enum sl_status status =
        sl_network_plan_make(&builtin->plan, layout, builtin->options.network, builtin->train, error);
    if (status == SL_OK)
        status = sl_optimizer_init(&builtin->optimizer, &builtin->options, layout, error);
    return status == SL_OK ? make_lanes(builtin, error) : status;
}

enum sl_status sl_learner_create_builtin(struct sl_learner **out, const struct sl_learner_options *options,
                                         const struct sl_dataset *train, const uint32_t *selection, size_t count,
                                         const struct sl_dataset *test, struct sl_error *error) {
    *out = NULL;
    enum sl_status status = check_options(options, error);
    if (status == SL_OK)
        status = check_data(train, selection, count, test, error);
    if (status != SL_OK)
        return status;
    struct sl_builtin *builtin = calloc(1, sizeof *builtin);
    if (builtin == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "no memory for a learner");
    builtin->learner.interface = &builtin_interface;
    builtin->learner.samples = count;
    builtin->options = *options;
    builtin->train = train;
    builtin->test = test;
    builtin->count = count;
    status = fill(builtin, selection, error);
    if (status != SL_OK)
        builtin_destroy(&builtin->learner);
    else
        *out = &builtin->learner;
    return status;
}
