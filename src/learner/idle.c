/* A learner that does nothing, for measuring everything around it. */
#include <stdlib.h>

#include "learner/learner.h"

static void idle_destroy(struct sl_learner *learner) {
    sl_layout_finish(&learner->layout);
    free(learner);
}

static enum sl_status idle_train(struct sl_learner *learner, float *values, struct sl_training *training,
                                 struct sl_error *error) {
    (void)values;
    if (training->cancel != NULL && atomic_load(training->cancel))
        return sl_error_set(error, SL_CANCELLED, "training was cancelled");
    training->steps = 0;
    training->examples = learner->samples;
    training->loss = 0;
    return SL_OK;
}

static enum sl_status idle_evaluate(struct sl_learner *learner, const float *values, struct sl_evaluation *out,
                                    struct sl_error *error) {
    (void)learner;
    (void)values;
    *out = (struct sl_evaluation){0};
    return sl_error_set(error, SL_UNSUPPORTED, "the learner that does nothing has nothing to evaluate");
}

static enum sl_status idle_state(struct sl_learner *learner, struct sl_tensor_group *out, size_t capacity,
                                 size_t *count) {
    (void)learner;
    (void)out;
    (void)capacity;
    *count = 0;
    return SL_OK;
}

static const struct sl_learner_interface idle_interface = {
    .name = "idle",
    .destroy = idle_destroy,
    .train = idle_train,
    .evaluate = idle_evaluate,
    .state = idle_state,
};

enum sl_status sl_learner_create_idle(struct sl_learner **out, uint64_t elements, uint64_t samples,
                                      struct sl_error *error) {
    *out = NULL;
    struct sl_learner *learner = calloc(1, sizeof *learner);
    if (learner == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "no memory for a learner");
    learner->interface = &idle_interface;
    learner->samples = samples;
    enum sl_status status = sl_layout_add(&learner->layout, "idle", 1, &elements, error);
    if (status != SL_OK)
        idle_destroy(learner);
    else
        *out = learner;
    return status;
}
