#include "learner/learner.h"

#include <math.h>

#include "base/random.h"

void sl_learner_destroy(struct sl_learner *learner) {
    if (learner != NULL)
        learner->interface->destroy(learner);
}

/* How many inputs one output of the tensor sums: all dimensions but the first ("weight", [out][in]…). */
static double fan_in(const struct sl_tensor *tensor) {
    double inputs = 1;
    for (uint32_t i = 1; i < tensor->rank; i++)
        inputs *= (double)tensor->dims[i];
    return inputs;
}

/* PyTorch: nn.Linear and nn.Conv2d draw weight (kaiming_uniform_ with a = √5) and bias both from ±1/√fan_in of the
 * weight; a bias, of one dimension, follows its weight in the layout. */
void sl_learner_initialize(const struct sl_learner *learner, float *values, uint64_t seed) {
    double bound = 1;
    for (size_t t = 0; t < learner->layout.count; t++) {
        const struct sl_tensor *tensor = &learner->layout.tensors[t];
        struct sl_random random;
        sl_random_init(&random, seed, t);
        if (tensor->rank > 1)
            bound = 1 / sqrt(fan_in(tensor));
        for (size_t i = 0; i < tensor->elements; i++)
            values[tensor->first + i] = (float)((2 * sl_random_unit(&random) - 1) * bound);
    }
}

static enum sl_status count_part(void *context, void *values, size_t bytes, uint64_t offset, struct sl_error *error) {
    (void)values;
    (void)error;
    *(uint64_t *)context = offset + bytes;
    return SL_OK;
}

uint64_t sl_learner_state_bytes(struct sl_learner *learner) {
    uint64_t bytes = 0;
    return sl_learner_state_move(learner, count_part, &bytes, NULL) == SL_OK ? bytes : 0;
}

enum sl_status sl_learner_state_move(struct sl_learner *learner,
                                     enum sl_status (*move)(void *context, void *values, size_t bytes, uint64_t offset,
                                                            struct sl_error *error),
                                     void *context, struct sl_error *error) {
    struct sl_tensor_group groups[SL_LEARNER_STATE_GROUPS];
    size_t count = 0;
    uint64_t offset = 0;
    enum sl_status status = learner->interface->state(learner, groups, SL_LEARNER_STATE_GROUPS, &count);
    if (status != SL_OK)
        return sl_error_set(error, status, "a learner with more than %d parts of state", SL_LEARNER_STATE_GROUPS);
    for (size_t i = 0; i < count && status == SL_OK; i++) {
        const size_t bytes = groups[i].layout->elements * sizeof *groups[i].values;
        status = move(context, groups[i].values, bytes, offset, error);
        offset += bytes;
    }
    return status;
}
