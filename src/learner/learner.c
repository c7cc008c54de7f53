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
