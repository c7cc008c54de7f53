#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../base/folder.h"
#include "toy.h"

static struct sl_error error;

static struct sl_training train(struct sl_learner *learner, float *values, uint64_t round) {
    struct sl_training training = {.round = round};
    cr_assert_eq(learner->interface->train(learner, values, &training, &error), SL_OK, "%s", error.text);
    return training;
}

static struct sl_evaluation evaluate(struct sl_learner *learner, const float *values) {
    struct sl_evaluation evaluation;
    cr_assert_eq(learner->interface->evaluate(learner, values, &evaluation, &error), SL_OK, "%s", error.text);
    return evaluation;
}

static void check_learns(enum sl_network network, enum sl_optimizer optimizer, double rate, double momentum) {
    struct toy toy;
    toy_make(&toy, 410, 1, 28);
    struct sl_learner_options options = toy_options(network);
    options.optimizer = optimizer;
    options.rate = rate;
    options.momentum = momentum;
    options.epochs = 3;
    struct sl_learner *learner = toy_learner(&toy, &options);
    float *values = toy_model(learner);
    const struct sl_evaluation before = evaluate(learner, values);
    const struct sl_training training = train(learner, values, 1);
    const struct sl_evaluation after = evaluate(learner, values);
    cr_expect_eq(training.steps, 3 * 21);
    cr_expect_eq(training.examples, 3 * 410);
    cr_expect_eq(after.examples, 410);
    cr_expect_float_eq(before.loss, log(10), 0.2);
    cr_expect_leq(before.accuracy, 0.4);
    cr_expect_geq(after.accuracy, 0.95, "%f", after.accuracy);
    cr_expect(after.loss < training.loss && training.loss < before.loss);
    free(values);
    sl_learner_destroy(learner);
    toy_finish(&toy);
}

Test(learner, mlp_learns_by_sgd) {
    check_learns(SL_NETWORK_MLP, SL_OPTIMIZER_SGD, 0.05, 0);
}

Test(learner, mlp_learns_by_sgd_with_momentum) {
    check_learns(SL_NETWORK_MLP, SL_OPTIMIZER_SGD, 0.01, 0.9);
}

Test(learner, mlp_learns_by_adam) {
    check_learns(SL_NETWORK_MLP, SL_OPTIMIZER_ADAM, 0.001, 0);
}

Test(learner, lenet5_learns) {
    check_learns(SL_NETWORK_LENET5, SL_OPTIMIZER_SGD, 0.02, 0.9);
}

/* One round of three epochs with four lanes on so many threads. */
static float *train_on(const struct toy *toy, enum sl_network network, uint32_t threads, double *loss) {
    struct sl_learner_options options = toy_options(network);
    options.lanes = 4;
    options.threads = threads;
    options.momentum = 0.5;
    options.batch = 30; /* 203 = 6 · 30 + 23, and neither 30 nor 23 is a multiple of 4 */
    options.epochs = 2;
    struct sl_learner *learner = toy_learner(toy, &options);
    float *values = toy_model(learner);
    train(learner, values, 1);
    *loss = train(learner, values, 2).loss + evaluate(learner, values).loss;
    sl_learner_destroy(learner);
    return values;
}

static void check_threads(enum sl_network network, size_t elements) {
    struct toy toy;
    double loss[4];
    toy_make(&toy, 203, 1, 28);
    float *one = train_on(&toy, network, 1, &loss[0]);
    for (uint32_t threads = 2; threads <= 5; threads++) {
        float *more = train_on(&toy, network, threads, &loss[1]);
        cr_expect(memcmp(one, more, elements * sizeof *one) == 0, "%u threads give other bits", threads);
        cr_expect(memcmp(&loss[0], &loss[1], sizeof loss[0]) == 0);
        free(more);
    }
    free(one);
    toy_finish(&toy);
}

Test(learner, mlp_has_the_same_bits_on_any_number_of_threads) {
    check_threads(SL_NETWORK_MLP, 235146);
}

Test(learner, lenet5_has_the_same_bits_on_any_number_of_threads) {
    check_threads(SL_NETWORK_LENET5, 61706);
}

Test(learner, lanes_change_only_rounding) {
    struct toy toy;
    toy_make(&toy, 64, 1, 28);
    struct sl_learner_options options = toy_options(SL_NETWORK_MLP);
    float *values[2];
    options.batch = 3; /* with three lanes and four: a lane without a row in a batch of one */
    options.steps = 22;
    for (uint32_t i = 0; i < 2; i++) {
        options.lanes = 1 + 2 * i;
        struct sl_learner *learner = toy_learner(&toy, &options);
        values[i] = toy_model(learner);
        train(learner, values[i], 1);
        sl_learner_destroy(learner);
    }
    double most = 0;
    for (size_t e = 0; e < 235146; e++)
        most = fmax(most, fabs((double)values[0][e] - (double)values[1][e]));
    cr_expect_leq(most, 1e-4);
    free(values[0]);
    free(values[1]);
    toy_finish(&toy);
}

Test(learner, rounds_and_seeds_shuffle_differently) {
    struct toy toy;
    toy_make(&toy, 100, 1, 28);
    struct sl_learner_options options = toy_options(SL_NETWORK_MLP);
    double losses[4];
    for (int i = 0; i < 4; i++) {
        options.seed = i == 3 ? 4 : 3;
        struct sl_learner *learner = toy_learner(&toy, &options);
        float *values = toy_model(learner);
        losses[i] = train(learner, values, i == 2 ? 8 : 7).loss;
        free(values);
        sl_learner_destroy(learner);
    }
    cr_expect(memcmp(&losses[0], &losses[1], sizeof losses[0]) == 0);
    cr_expect_neq(losses[0], losses[2]);
    cr_expect_neq(losses[0], losses[3]);
    toy_finish(&toy);
}

/* Two passes in a round are not the first one twice. */
Test(learner, passes_of_a_round_shuffle_differently) {
    struct toy toy;
    float *values[2];
    toy_make(&toy, 100, 1, 28);
    struct sl_learner_options options = toy_options(SL_NETWORK_MLP);
    for (uint64_t i = 0; i < 2; i++) {
        options.epochs = i == 0 ? 2 : 1;
        struct sl_learner *learner = toy_learner(&toy, &options);
        values[i] = toy_model(learner);
        for (uint64_t pass = 0; pass <= i; pass++)
            train(learner, values[i], 1);
        sl_learner_destroy(learner);
    }
    cr_expect(memcmp(values[0], values[1], 235146 * sizeof(float)) != 0);
    free(values[0]);
    free(values[1]);
    toy_finish(&toy);
}

Test(learner, trains_as_many_steps_or_epochs_as_told) {
    const struct {
        double epochs;
        uint32_t steps;
        uint64_t want_steps, want_examples;
    } cases[] = {{1, 0, 6, 110}, {0.5, 0, 3, 55}, {2.5, 0, 15, 275}, {0, 0, 0, 0}, {1, 1, 1, 20}, {1, 13, 13, 240}};
    struct toy toy;
    toy_make(&toy, 110, 1, 28);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sl_learner_options options = toy_options(SL_NETWORK_MLP);
        options.epochs = cases[i].epochs;
        options.steps = cases[i].steps;
        struct sl_learner *learner = toy_learner(&toy, &options);
        float *values = toy_model(learner);
        const struct sl_training training = train(learner, values, 1);
        cr_expect_eq(training.steps, cases[i].want_steps, "case %zu: %lu steps", i, (unsigned long)training.steps);
        cr_expect_eq(training.examples, cases[i].want_examples, "case %zu: %lu", i, (unsigned long)training.examples);
        free(values);
        sl_learner_destroy(learner);
    }
    toy_finish(&toy);
}

Test(learner, stops_when_cancelled) {
    struct toy toy;
    toy_make(&toy, 40, 1, 28);
    struct sl_learner_options options = toy_options(SL_NETWORK_MLP);
    options.steps = UINT32_MAX; /* hours */
    struct sl_learner *learner = toy_learner(&toy, &options);
    float *values = toy_model(learner);
    atomic_bool cancel = true;
    struct sl_training training = {.round = 1, .cancel = &cancel};
    cr_expect_eq(learner->interface->train(learner, values, &training, &error), SL_CANCELLED);
    cr_expect_eq(training.steps, 0);
    free(values);
    sl_learner_destroy(learner);
    toy_finish(&toy);
}

/* Saves the model and the optimiser's state half way and goes on in another learner: the same bits as without. */
static void check_state(enum sl_optimizer optimizer, size_t expected_groups) {
    struct test_folder folder;
    struct toy toy;
    char path[256];
    struct sl_tensor_group groups[4];
    size_t count;
    test_folder_make(&folder);
    test_folder_file(path, &folder, "state.safetensors");
    toy_make(&toy, 100, 1, 28);
    struct sl_learner_options options = toy_options(SL_NETWORK_LENET5);
    options.optimizer = optimizer;
    options.momentum = 0.9;
    options.rate = 0.002;
    struct sl_learner *first = toy_learner(&toy, &options), *second = toy_learner(&toy, &options);
    float *values = toy_model(first), *loaded = toy_model(second);

    train(first, values, 1);
    cr_assert_eq(first->interface->state(first, groups + 1, 3, &count), SL_OK);
    cr_assert_eq(count, expected_groups);
    groups[0] = (struct sl_tensor_group){"", &first->layout, values};
    cr_assert_eq(sl_safetensors_save(path, groups, count + 1, NULL, &error), SL_OK, "%s", error.text);
    cr_assert_eq(second->interface->state(second, groups + 1, 3, &count), SL_OK);
    groups[0] = (struct sl_tensor_group){"", &second->layout, loaded};
    cr_assert_eq(sl_safetensors_load(path, groups, count + 1, NULL, &error), SL_OK, "%s", error.text);
    train(first, values, 2);
    train(second, loaded, 2);
    cr_expect(memcmp(values, loaded, first->layout.elements * sizeof *values) == 0);
    cr_expect_eq(first->interface->state(first, groups, 0, &count), SL_LIMIT);

    free(values);
    free(loaded);
    sl_learner_destroy(first);
    sl_learner_destroy(second);
    toy_finish(&toy);
    test_folder_remove(&folder);
}

Test(learner, momentum_survives_a_file) {
    check_state(SL_OPTIMIZER_SGD, 1);
}

Test(learner, adam_survives_a_file) {
    check_state(SL_OPTIMIZER_ADAM, 3);
}

Test(learner, refuses_options_and_data_that_make_no_sense) {
    struct toy toy, other;
    struct sl_learner *learner;
    toy_make(&toy, 20, 1, 28);
    toy_make(&other, 20, 1, 27);
    struct sl_learner_options bad[10];
    for (int i = 0; i < 10; i++)
        bad[i] = toy_options(SL_NETWORK_MLP);
    bad[0].batch = 0;
    bad[1].lanes = 0;
    bad[2].lanes = 21;
    bad[3].threads = 0;
    bad[4].rate = 0;
    bad[5].rate = NAN;
    bad[6].momentum = 1;
    bad[7].epochs = -1;
    bad[8].epochs = INFINITY;
    bad[9].optimizer = SL_OPTIMIZER_ADAM;
    bad[9].beta2 = 1;
    for (int i = 0; i < 10; i++) {
        cr_expect_eq(sl_learner_create_builtin(&learner, &bad[i], &toy.dataset, toy.selection, 20, NULL, &error),
                     SL_SETTINGS, "%d", i);
        cr_expect_null(learner);
    }
    const struct sl_learner_options good = toy_options(SL_NETWORK_MLP);
    const uint32_t beyond[] = {0, 20};
    cr_expect_eq(sl_learner_create_builtin(&learner, &good, &toy.dataset, beyond, 2, NULL, &error), SL_SETTINGS);
    cr_expect_eq(sl_learner_create_builtin(&learner, &good, &toy.dataset, beyond, 0, NULL, &error), SL_SETTINGS);
    cr_expect_eq(sl_learner_create_builtin(&learner, &good, &toy.dataset, beyond, 1, &other.dataset, &error),
                 SL_MISMATCH);
    cr_assert_eq(sl_learner_create_builtin(&learner, &good, &toy.dataset, beyond, 1, NULL, &error), SL_OK);
    struct sl_evaluation evaluation;
    float *values = toy_model(learner);
    cr_expect_eq(learner->interface->evaluate(learner, values, &evaluation, &error), SL_UNSUPPORTED);
    cr_expect_eq(learner->samples, 1);
    free(values);
    sl_learner_destroy(learner);
    sl_learner_destroy(NULL);
    toy_finish(&toy);
    toy_finish(&other);
}

Test(learner, initial_model_is_the_seeds_and_bounded) {
    struct toy toy;
    toy_make(&toy, 20, 1, 28);
    const struct sl_learner_options options = toy_options(SL_NETWORK_LENET5);
    struct sl_learner *learner = toy_learner(&toy, &options);
    float *values = toy_model(learner), *again = toy_model(learner);
    const size_t size = learner->layout.elements * sizeof *values;
    cr_expect(memcmp(values, again, size) == 0);
    sl_learner_initialize(learner, again, 6);
    cr_expect(memcmp(values, again, size) != 0);
    for (size_t t = 0; t < learner->layout.count; t++) {
        const struct sl_tensor *tensor = &learner->layout.tensors[t];
        const double inputs[] = {25, 25, 150, 150, 400, 400, 120, 120, 84, 84};
        double most = 0;
        for (size_t e = tensor->first; e < tensor->first + tensor->elements; e++)
            most = fmax(most, fabs((double)values[e]));
        cr_expect_leq(most, 1 / sqrt(inputs[t]) * 1.000001, "%s", tensor->name);
        cr_expect_geq(most, 0.5 / sqrt(inputs[t]), "%s", tensor->name);
    }
    free(values);
    free(again);
    sl_learner_destroy(learner);
    toy_finish(&toy);
}

Test(learner, idle_does_nothing) {
    struct sl_learner *learner;
    struct sl_evaluation evaluation;
    size_t count = 7;
    cr_assert_eq(sl_learner_create_idle(&learner, 1000, 42, &error), SL_OK);
    cr_expect_eq(learner->layout.elements, 1000);
    cr_expect_eq(learner->samples, 42);
    float *values = toy_model(learner), *before = toy_model(learner);
    cr_expect_eq(train(learner, values, 1).examples, 42);
    cr_expect(memcmp(values, before, 1000 * sizeof *values) == 0);
    cr_expect_eq(learner->interface->evaluate(learner, values, &evaluation, &error), SL_UNSUPPORTED);
    cr_expect_eq(learner->interface->state(learner, NULL, 0, &count), SL_OK);
    cr_expect_eq(count, 0);
    atomic_bool cancel = true;
    struct sl_training training = {.cancel = &cancel};
    cr_expect_eq(learner->interface->train(learner, values, &training, &error), SL_CANCELLED);
    free(values);
    free(before);
    sl_learner_destroy(learner);
    cr_expect_eq(sl_learner_create_idle(&learner, 0, 1, &error), SL_LIMIT);
    cr_expect_eq(sl_learner_create_idle(&learner, UINT64_MAX, 1, &error), SL_LIMIT);
    cr_expect_null(learner);
}
