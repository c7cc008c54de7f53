/* Training that is broken off between two rounds and goes on in another process: the same bits as without. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "toy.h"

struct image {
    uint8_t *bytes;
    uint64_t length;
    unsigned calls, fail_at;
};

static enum sl_status save(void *context, void *values, size_t bytes, uint64_t offset, struct sl_error *error) {
    struct image *image = context;
    if (++image->calls == image->fail_at)
        return sl_error_set(error, SL_IO, "as told");
    cr_assert_leq(offset + bytes, image->length);
    memcpy(image->bytes + offset, values, bytes);
    return SL_OK;
}

static enum sl_status restore(void *context, void *values, size_t bytes, uint64_t offset, struct sl_error *error) {
    const struct image *image = context;
    (void)error;
    cr_assert_leq(offset + bytes, image->length);
    memcpy(values, image->bytes + offset, bytes);
    return SL_OK;
}

static void train(struct sl_learner *learner, float *values, uint64_t round) {
    struct sl_training training = {.round = round};
    cr_assert_eq(learner->interface->train(learner, values, &training, NULL), SL_OK);
}

/* Six rounds, each after the second one in a learner that knows only what the former one saved. */
static void check(const struct sl_learner_options *options, uint64_t vectors, uint64_t more) {
    struct toy toy;
    toy_make(&toy, 60, 1, 28);
    struct sl_learner *whole = toy_learner(&toy, options), *broken = toy_learner(&toy, options);
    const size_t bytes = whole->layout.elements * sizeof(float);
    float *expected = toy_model(whole), *values = toy_model(whole);
    struct image image = {.length = sl_learner_state_bytes(whole)};
    cr_assert_eq(image.length, vectors * bytes + more);
    image.bytes = malloc(image.length + 1);
    for (uint64_t round = 1; round <= 6; round++) {
        train(whole, expected, round);
        train(broken, values, round);
        cr_assert_arr_eq((uint8_t *)values, (uint8_t *)expected, bytes, "round %d", (int)round);
        memset(image.bytes, 0xff, image.length);
        cr_assert_eq(sl_learner_state_move(broken, save, &image, NULL), SL_OK);
        sl_learner_destroy(broken);
        broken = toy_learner(&toy, options);
        cr_assert_eq(sl_learner_state_move(broken, restore, &image, NULL), SL_OK);
    }
    cr_expect_eq(image.calls, 6 * (vectors + (more > 0)));
    free(image.bytes);
    free(expected);
    free(values);
    sl_learner_destroy(whole);
    sl_learner_destroy(broken);
    toy_finish(&toy);
}

Test(state, plain_sgd_has_none) {
    struct sl_learner_options options = toy_options(SL_NETWORK_MLP);
    options.momentum = 0;
    check(&options, 0, 0);
}

Test(state, momentum) {
    struct sl_learner_options options = toy_options(SL_NETWORK_MLP);
    options.momentum = 0.9;
    check(&options, 1, 0);
}

Test(state, adam_and_parts_of_an_epoch) {
    struct sl_learner_options options = toy_options(SL_NETWORK_LENET5);
    options.optimizer = SL_OPTIMIZER_ADAM;
    options.rate = 0.002;
    options.epochs = 0.4;
    check(&options, 2, sizeof(float));
}

Test(state, more_steps_than_an_epoch_has_and_several_lanes) {
    struct sl_learner_options options = toy_options(SL_NETWORK_MLP);
    options.momentum = 0.9;
    options.steps = 5; /* an epoch has 3 */
    options.lanes = 4;
    options.threads = 2;
    check(&options, 1, 0);
}

/* Forgetting it is seen: otherwise the tests above could not fail. */
Test(state, a_learner_without_it_goes_another_way) {
    struct toy toy;
    struct sl_learner_options options = toy_options(SL_NETWORK_MLP);
    options.momentum = 0.9;
    toy_make(&toy, 60, 1, 28);
    struct sl_learner *first = toy_learner(&toy, &options), *second = toy_learner(&toy, &options);
    float *values = toy_model(first);
    const size_t bytes = first->layout.elements * sizeof(float);
    float *copy = malloc(bytes);
    train(first, values, 1);
    memcpy(copy, values, bytes);
    train(first, values, 2);
    train(second, copy, 2);
    cr_expect_neq(memcmp(values, copy, bytes), 0);
    free(copy);
    free(values);
    sl_learner_destroy(first);
    sl_learner_destroy(second);
    toy_finish(&toy);
}

Test(state, the_first_failure_ends_it) {
    struct toy toy;
    struct sl_error error = {.status = SL_OK, .text = ""};
    struct sl_learner_options options = toy_options(SL_NETWORK_MLP);
    options.optimizer = SL_OPTIMIZER_ADAM;
    toy_make(&toy, 20, 1, 28);
    struct sl_learner *learner = toy_learner(&toy, &options);
    struct image image = {.length = sl_learner_state_bytes(learner), .fail_at = 2};
    image.bytes = malloc(image.length);
    cr_expect_eq(sl_learner_state_move(learner, save, &image, &error), SL_IO);
    cr_expect_str_eq(error.text, "as told");
    cr_expect_eq(image.calls, 2);
    free(image.bytes);
    sl_learner_destroy(learner);
    toy_finish(&toy);
}

Test(state, the_one_that_does_nothing_has_none) {
    struct sl_learner *learner;
    cr_assert_eq(sl_learner_create_idle(&learner, 10, 1, NULL), SL_OK);
    cr_expect_eq(sl_learner_state_bytes(learner), 0);
    sl_learner_destroy(learner);
}
