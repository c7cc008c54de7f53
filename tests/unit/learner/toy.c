#include "toy.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/random.h"

void toy_make(struct toy *toy, size_t count, uint32_t channels, uint32_t side) {
    const size_t image = (size_t)channels * side * side;
    struct sl_random random;
    sl_random_init(&random, 11, 0);
    toy->dataset = (struct sl_dataset){.count = count,
                                       .channels = channels,
                                       .height = side,
                                       .width = side,
                                       .classes = 10,
                                       .mean = 0.25F,
                                       .deviation = 0.3F};
    toy->dataset.pixels = malloc(count * image);
    toy->dataset.labels = malloc(count);
    toy->selection = malloc(count * sizeof *toy->selection);
    for (size_t i = 0; i < count; i++) {
        const size_t label = (size_t)sl_random_below(&random, 10);
        toy->dataset.labels[i] = (uint8_t)label;
        toy->selection[i] = (uint32_t)i;
        for (size_t p = 0; p < image; p++) {
            const size_t y = p / side % side, x = p % side;
            const bool bright = y * 5 / side == label % 5 && x * 2 / side == label / 5;
            toy->dataset.pixels[i * image + p] = (uint8_t)(sl_random_below(&random, 100) + (bright ? 120 : 0));
        }
    }
}

void toy_finish(struct toy *toy) {
    free(toy->dataset.pixels);
    free(toy->dataset.labels);
    free(toy->selection);
}

struct sl_learner_options toy_options(enum sl_network network) {
    return (struct sl_learner_options){.network = network,
                                       .optimizer = SL_OPTIMIZER_SGD,
                                       .rate = 0.05,
                                       .beta1 = 0.9,
                                       .beta2 = 0.999,
                                       .delta = 1e-8,
                                       .epochs = 1,
                                       .batch = 20,
                                       .lanes = 1,
                                       .threads = 1,
                                       .seed = 3};
}

struct sl_learner *toy_learner(const struct toy *toy, const struct sl_learner_options *options) {
    static struct sl_error error;
    struct sl_learner *learner;
    enum sl_status status = sl_learner_create_builtin(&learner, options, &toy->dataset, toy->selection,
                                                      toy->dataset.count, &toy->dataset, &error);
    cr_assert_eq(status, SL_OK, "%s", error.text);
    return learner;
}

float *toy_model(const struct sl_learner *learner) {
    float *values = malloc(learner->layout.elements * sizeof *values);
    cr_assert_not_null(values);
    sl_learner_initialize(learner, values, 5);
    return values;
}
