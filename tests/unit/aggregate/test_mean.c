#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/mean.h"
#include "base/random.h"

enum { SOURCES_MAX = 128 };

/* Values over 15 decades, where every second source takes away, in half of the elements, what the one before it added:
 * the rounding of each addition stays visible, so another order of the sum has other bits.
 *
 * `count` vectors, each at its own distance from alignment: by whole floats, or by single bytes too. */
struct sources {
    uint8_t *memory[SOURCES_MAX];
    struct sl_mean_source list[SOURCES_MAX];
    size_t count, elements;
};

static float value_at(const float *values, size_t e) {
    float value;
    memcpy(&value, (const uint8_t *)values + e * sizeof value, sizeof value);
    return value;
}

static void make_sources(struct sources *sources, size_t count, size_t elements, size_t step) {
    struct sl_random random;
    sl_random_init(&random, 7, count * 100000 + elements);
    sources->count = count;
    sources->elements = elements;
    for (size_t k = 0; k < count; k++) {
        const size_t offset = (k * step) % 64;
        sources->memory[k] = malloc(elements * sizeof(float) + 64);
        cr_assert_not_null(sources->memory[k]);
        sources->list[k].values = (const float *)(const void *)(sources->memory[k] + offset);
        sources->list[k].coefficient =
            k % 2 == 1 ? sources->list[k - 1].coefficient : 1 + 999 * sl_random_unit(&random);
        for (size_t e = 0; e < elements; e++) {
            float value = (float)((sl_random_unit(&random) - 0.5) * pow(10, (double)sl_random_below(&random, 16)));
            if (k % 2 == 1 && sl_random_below(&random, 2) == 0)
                value = -value_at(sources->list[k - 1].values, e);
            memcpy(sources->memory[k] + offset + e * sizeof value, &value, sizeof value);
        }
    }
}

static void free_sources(struct sources *sources) {
    for (size_t k = 0; k < sources->count; k++)
        free(sources->memory[k]);
}

/* The contract, one element at a time. */
static float expected(const struct sources *sources, size_t e, double divisor) {
    double sum = 0;
    for (size_t k = 0; k < sources->count; k++)
        sum += sources->list[k].coefficient * (double)value_at(sources->list[k].values, e);
    return (float)(sum / divisor);
}

static void check(size_t count, size_t elements, size_t step) {
    struct sources sources;
    make_sources(&sources, count, elements, step);
    double divisor = 0;
    for (size_t k = 0; k < count; k++)
        divisor += sources.list[k].coefficient;
    uint8_t *out = malloc(elements * sizeof(float) + 65);
    memset(out, 0xa5, elements * sizeof(float) + 65);
    float *to = (float *)(void *)(out + step % 64);
    sl_mean_fold(to, sources.list, count, divisor, elements);
    for (size_t e = 0; e < elements; e++) {
        const float got = value_at(to, e), want = expected(&sources, e, divisor);
        cr_assert(memcmp(&got, &want, sizeof got) == 0, "%zu sources, element %zu: %.9g, expected %.9g", count, e,
                  (double)got, (double)want);
    }
    cr_expect_eq(out[step % 64 + elements * sizeof(float)], 0xa5, "wrote behind the end");
    free(out);
    free_sources(&sources);
}

Test(mean, has_the_bits_of_the_naive_sum) {
    const size_t counts[] = {1, 2, 3, 4, 5, 7, 8, 9, 31, 128};
    const size_t lengths[] = {1, 3, 7, 8, 15, 16, 17, 33, 1000, 2047, 2048, 2049, 4099};
    for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++)
        for (size_t l = 0; l < sizeof lengths / sizeof lengths[0]; l++)
            check(counts[c], lengths[l], 0);
}

Test(mean, takes_any_alignment) {
    check(5, 2050, 4);
    check(9, 1003, 12);
    check(5, 2050, 1);
    check(9, 1003, 7);
}

Test(mean, of_nothing_is_nothing) {
    float out = 3;
    const struct sl_mean_source source = {&out, 1};
    sl_mean_fold(&out, &source, 1, 1, 0);
    cr_expect_eq(out, 3);
    sl_mean_fold(&out, &source, 0, 1, 1);
    cr_expect_eq(out, 0);
}

Test(mean, may_write_over_one_of_its_sources) {
    struct sources sources;
    make_sources(&sources, 6, 5000, 0);
    float *want = malloc(5000 * sizeof *want);
    sl_mean_fold(want, sources.list, 6, 3, 5000);
    float *mine = (float *)(void *)sources.memory[2];
    sl_mean_fold(mine, sources.list, 6, 3, 5000);
    cr_expect(memcmp(mine, want, 5000 * sizeof *want) == 0);
    free(want);
    free_sources(&sources);
}

Test(mean, chunk_by_chunk_has_the_same_bits) {
    struct sources sources;
    make_sources(&sources, 5, 10000, 0);
    float *whole = malloc(10000 * sizeof *whole), *parts = malloc(10000 * sizeof *parts);
    sl_mean_fold(whole, sources.list, 5, 11, 10000);
    for (size_t first = 0; first < 10000; first += 777) {
        struct sl_mean_source part[5];
        for (size_t k = 0; k < 5; k++)
            part[k] = (struct sl_mean_source){sources.list[k].values + first, sources.list[k].coefficient};
        sl_mean_fold(parts + first, part, 5, 11, 10000 - first < 777 ? 10000 - first : 777);
    }
    cr_expect(memcmp(whole, parts, 10000 * sizeof *whole) == 0);
    free(whole);
    free(parts);
    free_sources(&sources);
}

/* `averaging.md` test 1: eight nodes, equal weights and 100 … 800, against FedAvg in double throughout. */
static void check_fedavg(double first, double step) {
    enum { NODES = 8, ELEMENTS = 4097 };
    struct sources sources;
    make_sources(&sources, NODES, ELEMENTS, 0);
    double total = 0;
    for (size_t k = 0; k < NODES; k++)
        total += sources.list[k].coefficient = first + step * (double)k;
    float *out = malloc(ELEMENTS * sizeof *out);
    sl_mean_fold(out, sources.list, NODES, total, ELEMENTS);
    double difference = 0, norm = 0;
    for (size_t e = 0; e < ELEMENTS; e++) {
        double exact = 0;
        for (size_t k = 0; k < NODES; k++)
            exact += sources.list[k].coefficient / total * (double)sources.list[k].values[e];
        difference += (exact - (double)out[e]) * (exact - (double)out[e]);
        norm += exact * exact;
    }
    cr_expect_leq(sqrt(difference / norm), 1e-6);
    free(out);
    free_sources(&sources);
}

Test(mean, is_fedavg) {
    check_fedavg(1, 0);
    check_fedavg(100, 100);
}

Test(mean, difference_is_added_once_rounded) {
    enum { ELEMENTS = 1003 };
    struct sources sources;
    make_sources(&sources, 3, ELEMENTS, 4);
    float *out = malloc(ELEMENTS * sizeof *out);
    for (size_t e = 0; e < ELEMENTS; e++)
        out[e] = value_at(sources.list[0].values, e);
    sl_mean_add_difference(out, sources.list[1].values, sources.list[2].values, 1.0 / 3, ELEMENTS);
    for (size_t e = 0; e < ELEMENTS; e++) {
        const double mine = (double)value_at(sources.list[0].values, e);
        const double a = (double)value_at(sources.list[1].values, e), b = (double)value_at(sources.list[2].values, e);
        const float want = (float)(mine + 1.0 / 3 * (a - b));
        cr_assert(memcmp(&out[e], &want, sizeof want) == 0);
    }
    free(out);
    free_sources(&sources);
}
