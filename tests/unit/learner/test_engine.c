/* The numerics: gradients against differences of the loss, and the kernels that were chosen. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "learner/engine.h"
#include "learner/loss.h"
#include "toy.h"

#include "base/random.h"
#include "data/batch.h"

enum { ROWS = 5 };

struct numerics {
    struct toy toy;
    struct sl_layout layout;
    struct sl_network_plan plan;
    struct sl_engine engine;
    uint8_t labels[ROWS];
    float *values, *gradient;
};

static void make(struct numerics *numerics, enum sl_network network, uint32_t channels, uint32_t side) {
    struct sl_error error = {0};
    toy_make(&numerics->toy, ROWS, channels, side);
    sl_layout_init(&numerics->layout);
    cr_assert_eq(sl_network_plan_make(&numerics->plan, &numerics->layout, network, &numerics->toy.dataset, &error),
                 SL_OK, "%s", error.text);
    cr_assert_eq(sl_engine_init(&numerics->engine, &numerics->plan, ROWS, true, &error), SL_OK, "%s", error.text);
    const struct sl_learner learner = {.layout = numerics->layout};
    numerics->values = toy_model(&learner);
    numerics->gradient = malloc(numerics->layout.elements * sizeof(float));
    memset(numerics->gradient, 0xff, numerics->layout.elements * sizeof(float)); /* NaN where nobody writes */
    sl_batch_fill(sl_blob_values(numerics->engine.input), numerics->labels, &numerics->toy.dataset, NULL, 0, ROWS);
}

static void finish(struct numerics *numerics) {
    sl_engine_finish(&numerics->engine);
    sl_layout_finish(&numerics->layout);
    free(numerics->values);
    free(numerics->gradient);
    toy_finish(&numerics->toy);
}

/* The summed loss of the first `rows`; the gradient by the scores is made too. */
static double loss(struct numerics *numerics, size_t rows) {
    cr_assert_eq(sl_tape_forward(numerics->engine.tape, numerics->values, NULL), SL_OK);
    return sl_cross_entropy(sl_blob_gradient(numerics->engine.scores), NULL, sl_blob_values(numerics->engine.scores),
                            numerics->labels, rows, ROWS, 10, 1);
}

/* Central differences of a function in f32, so with a wide step; a ReLU or a pooling that switches within the step
 * gives a wrong quotient now and then, so some may be off, but only few. */
static void check_gradient(struct numerics *numerics) {
    struct sl_random random;
    sl_random_init(&random, 1, 0);
    loss(numerics, ROWS);
    cr_assert_eq(sl_tape_backward(numerics->engine.tape, numerics->gradient, NULL), SL_OK);
    for (size_t t = 0; t < numerics->layout.count; t++) {
        const struct sl_tensor *tensor = &numerics->layout.tensors[t];
        int wrong = 0, zeros = 0;
        for (int i = 0; i < 40; i++) {
            const size_t e = tensor->first + (size_t)sl_random_below(&random, tensor->elements);
            const float before = numerics->values[e], step = 1e-3F;
            numerics->values[e] = before + step;
            const double up = loss(numerics, ROWS);
            numerics->values[e] = before - step;
            const double down = loss(numerics, ROWS);
            numerics->values[e] = before;
            const double want = (up - down) / (2 * (double)step), got = (double)numerics->gradient[e];
            wrong += !(fabs(got - want) <= 2e-3 + 0.03 * fabs(want));
            zeros += got == 0;
        }
        cr_expect_leq(wrong, 4, "%s: %d of 40 derivatives are wrong", tensor->name, wrong);
        cr_expect_lt(zeros, 40, "%s: all derivatives are 0", tensor->name);
    }
}

Test(engine, gradient_of_the_mlp_is_the_derivative) {
    struct numerics numerics;
    make(&numerics, SL_NETWORK_MLP, 1, 28);
    check_gradient(&numerics);
    finish(&numerics);
}

Test(engine, gradient_of_lenet5_is_the_derivative) {
    struct numerics numerics;
    make(&numerics, SL_NETWORK_LENET5, 1, 28);
    check_gradient(&numerics);
    finish(&numerics);
}

Test(engine, gradient_of_lenet5_on_colour_images_is_the_derivative) {
    struct numerics numerics;
    make(&numerics, SL_NETWORK_LENET5, 3, 32);
    check_gradient(&numerics);
    finish(&numerics);
}

/* Rows that a short batch does not fill must not count. */
Test(engine, gradient_ignores_the_rows_behind_a_short_batch) {
    struct numerics numerics;
    make(&numerics, SL_NETWORK_LENET5, 1, 28);
    const size_t size = numerics.layout.elements * sizeof(float), image = 28 * 28;
    float *first = malloc(size), *input = sl_blob_values(numerics.engine.input);
    for (int i = 0; i < 2; i++) {
        for (size_t p = 2 * image; p < ROWS * image; p++)
            input[p] = (float)i;
        loss(&numerics, 2);
        cr_assert_eq(sl_tape_backward(numerics.engine.tape, i == 0 ? first : numerics.gradient, NULL), SL_OK);
    }
    for (size_t e = 0; e < numerics.layout.elements; e++)
        cr_assert_float_eq(first[e], numerics.gradient[e], 0);
    free(first);
    finish(&numerics);
}

static void check_kernels(enum sl_network network, uint32_t channels, uint32_t side, size_t expected) {
    struct numerics numerics;
    make(&numerics, network, channels, side);
    size_t count = 0;
    for (const char *name; (name = sl_tape_kernel(numerics.engine.tape, count)) != NULL; count++)
        cr_expect(strstr(name, "ref") == NULL && name[0] != '\0', "kernel %zu is %s", count, name);
    cr_expect_eq(count, expected);
    cr_expect_not(sl_tape_is_slow(numerics.engine.tape));
    finish(&numerics);
}

/* A plain loop of the library's is hundreds of times slower and says nothing. */
Test(engine, takes_no_reference_kernel) {
    check_kernels(SL_NETWORK_MLP, 1, 28, 3 + 2 + 5);
    check_kernels(SL_NETWORK_LENET5, 1, 28, 7 + 15);
    check_kernels(SL_NETWORK_LENET5, 3, 32, 7 + 15);
    check_kernels(SL_NETWORK_LENET5, 1, 17, 7 + 15);
}

/* The library finds the processor's instructions once a process; Criterion runs each test in its own. */
static void check_processor(const char *instructions) {
    cr_assert_eq(setenv("ONEDNN_MAX_CPU_ISA", instructions, 1), 0);
    struct numerics numerics;
    make(&numerics, SL_NETWORK_LENET5, 1, 28);
    cr_expect_not(sl_tape_is_slow(numerics.engine.tape), "with %s", instructions);
    check_gradient(&numerics);
    finish(&numerics);
}

Test(engine, older_processors_compute_the_same_network_with_avx2) {
    check_processor("AVX2");
}

Test(engine, older_processors_compute_the_same_network_with_avx) {
    check_processor("AVX");
}

Test(engine, older_processors_compute_the_same_network_with_sse) {
    check_processor("SSE41");
}

Test(engine, lenet5_wants_images_that_it_can_convolve_twice) {
    struct toy toy;
    struct sl_layout layout;
    struct sl_network_plan plan;
    struct sl_error error;
    toy_make(&toy, 1, 1, 11);
    sl_layout_init(&layout);
    cr_expect_eq(sl_network_plan_make(&plan, &layout, SL_NETWORK_LENET5, &toy.dataset, &error), SL_UNSUPPORTED);
    cr_expect(strstr(error.text, "11 × 11") != NULL, "%s", error.text);
    sl_layout_finish(&layout);
    toy_finish(&toy);
}

Test(engine, networks_have_the_parameters_of_the_literature) {
    struct toy toy;
    struct sl_network_plan plan;
    const struct {
        enum sl_network network;
        uint32_t channels, side;
        size_t elements;
    } cases[] = {{SL_NETWORK_MLP, 1, 28, 235146}, {SL_NETWORK_LENET5, 1, 28, 61706}, {SL_NETWORK_LENET5, 3, 32, 62006}};
    for (size_t i = 0; i < 3; i++) {
        struct sl_layout layout;
        sl_layout_init(&layout);
        toy_make(&toy, 1, cases[i].channels, cases[i].side);
        cr_expect_eq(sl_network_plan_make(&plan, &layout, cases[i].network, &toy.dataset, NULL), SL_OK);
        cr_expect_eq(layout.elements, cases[i].elements, "%zu", layout.elements);
        toy_finish(&toy);
        sl_layout_finish(&layout);
    }
}

Test(loss, is_cross_entropy) {
    const float scores[] = {1, 2, 3, 1000, 0, -1000};
    const uint8_t labels[] = {1, 2};
    float gradient[9] = {9, 9, 9, 9, 9, 9, 9, 9, 9};
    uint64_t right = 0;
    const double sum = exp(1) + exp(2) + exp(3);
    double got = sl_cross_entropy(gradient, &right, scores, labels, 1, 3, 3, 0.5F);
    cr_expect_float_eq(got, log(sum) - 2, 1e-6);
    cr_expect_eq(right, 0);
    cr_expect_float_eq(gradient[0], 0.5 * exp(1) / sum, 1e-6);
    cr_expect_float_eq(gradient[1], 0.5 * (exp(2) / sum - 1), 1e-6);
    for (int i = 3; i < 9; i++)
        cr_expect_eq(gradient[i], 0);
    /* Scores that overflow a naive softmax. */
    cr_expect_float_eq(sl_cross_entropy(NULL, NULL, scores + 3, labels + 1, 1, 1, 3, 1), 2000, 1e-3);
    const uint8_t first = 0;
    got = sl_cross_entropy(gradient, &right, scores + 3, &first, 1, 1, 3, 1);
    cr_expect_float_eq(got, 0, 1e-6);
    cr_expect_eq(right, 1);
}
