#include "base/random.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The known answers of philox4x32-10 in Random123's kat_vectors. */
Test(philox, known_answers) {
    const struct {
        uint32_t counter[4], key[2], out[4];
    } cases[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t out[4];
        sl_philox(out, cases[i].counter, cases[i].key);
        cr_expect_arr_eq(out, cases[i].out, sizeof out, "vector %zu", i);
    }
}

Test(philox, u64_is_the_block_of_the_documented_counter_and_key) {
    cr_expect_eq(sl_philox_u64(0, 0, 0), UINT64_C(0xe169c58d6627e8d5));
    cr_expect_eq(
        sl_philox_u64(UINT64_C(0x299f31d0a4093822), UINT64_C(0x85a308d3243f6a88), UINT64_C(0x0370734413198a2e)),
        UINT64_C(0x94fdccebd16cfe09));
}

Test(random, a_stream_is_the_blocks_in_order) {
    struct sl_random random;
    const uint64_t seed = UINT64_C(0x123456789abcdef0), stream = UINT64_C(0xfedcba9876543210);
    sl_random_init(&random, seed, stream);
    for (uint64_t block = 0; block < 5; block++) {
        cr_expect_eq(sl_random_u64(&random), sl_philox_u64(seed, block, stream));
        sl_random_u64(&random);
    }
}

Test(random, seeds_and_streams_differ_and_repeat) {
    struct sl_random first, again, other_stream, other_seed;
    sl_random_init(&first, 7, 1);
    sl_random_init(&again, 7, 1);
    sl_random_init(&other_stream, 7, 2);
    sl_random_init(&other_seed, 8, 1);
    int equal_streams = 0, equal_seeds = 0;
    for (int i = 0; i < 1000; i++) {
        uint32_t value = sl_random_u32(&first);
        cr_assert_eq(value, sl_random_u32(&again));
        equal_streams += value == sl_random_u32(&other_stream);
        equal_seeds += value == sl_random_u32(&other_seed);
    }
    cr_expect_leq(equal_streams, 1);
    cr_expect_leq(equal_seeds, 1);
}

Test(random, below_stays_below_and_is_even) {
    enum { BINS = 7, DRAWS = 70000 };
    struct sl_random random;
    sl_random_init(&random, 1, 0);
    int counts[BINS] = {0};
    for (int i = 0; i < DRAWS; i++) {
        uint64_t value = sl_random_below(&random, BINS);
        cr_assert_lt(value, BINS);
        counts[value]++;
    }
    double chi_squared = 0;
    for (int i = 0; i < BINS; i++)
        chi_squared += pow(counts[i] - DRAWS / BINS, 2) / (DRAWS / BINS);
    cr_expect_lt(chi_squared, 22.5); /* 6 degrees of freedom, p = 0.001 */
    for (int i = 0; i < 100; i++)
        cr_expect_eq(sl_random_below(&random, 1), 0);
}

/* With bound 3·2^62 a plain remainder would fall into the lowest third twice as often as into each other. */
Test(random, below_has_no_bias_for_large_bounds) {
    enum { DRAWS = 30000 };
    struct sl_random random;
    sl_random_init(&random, 2, 0);
    const uint64_t third = UINT64_C(1) << 62;
    int lowest = 0;
    for (int i = 0; i < DRAWS; i++) {
        uint64_t value = sl_random_below(&random, 3 * third);
        cr_assert_lt(value, 3 * third);
        lowest += value < third;
    }
    cr_expect_lt(abs(lowest - DRAWS / 3), 350); /* σ = 82 */
    (void)sl_random_below(&random, UINT64_MAX);
}

struct moments {
    double mean, variance, fourth;
};

static struct moments moments_of(const double *values, size_t count) {
    struct moments moments = {0};
    for (size_t i = 0; i < count; i++)
        moments.mean += values[i] / (double)count;
    for (size_t i = 0; i < count; i++) {
        double square = pow(values[i] - moments.mean, 2);
        moments.variance += square / (double)count;
        moments.fourth += square * square / (double)count;
    }
    return moments;
}

enum { SAMPLES = 100000 };
static double samples[SAMPLES];

Test(random, unit_is_uniform_in_0_to_1) {
    struct sl_random random;
    sl_random_init(&random, 3, 0);
    for (int i = 0; i < SAMPLES; i++) {
        samples[i] = sl_random_unit(&random);
        cr_assert(samples[i] >= 0 && samples[i] < 1);
    }
    struct moments moments = moments_of(samples, SAMPLES);
    cr_expect_float_eq(moments.mean, 0.5, 0.004);
    cr_expect_float_eq(moments.variance, 1.0 / 12, 0.001);
}

Test(random, normal_has_the_moments_and_tails_of_a_normal) {
    struct sl_random random;
    sl_random_init(&random, 4, 0);
    int beyond_two = 0, beyond_four = 0;
    for (int i = 0; i < SAMPLES; i++) {
        samples[i] = sl_random_normal(&random);
        beyond_two += fabs(samples[i]) > 2;
        beyond_four += fabs(samples[i]) > 4;
    }
    struct moments moments = moments_of(samples, SAMPLES);
    cr_expect_float_eq(moments.mean, 0, 0.015);
    cr_expect_float_eq(moments.variance, 1, 0.02);
    cr_expect_float_eq(moments.fourth, 3, 0.15);
    cr_expect_float_eq((double)beyond_two / SAMPLES, 0.0455, 0.003);
    cr_expect_lt(beyond_four, 25); /* 6.3 expected */
}

Test(random, gamma_has_mean_and_variance_of_its_shape) {
    const double shapes[] = {0.1, 0.5, 1, 2.5, 40};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        struct sl_random random;
        sl_random_init(&random, 5, s);
        for (int i = 0; i < SAMPLES; i++) {
            samples[i] = sl_random_gamma(&random, shapes[s]);
            cr_assert(samples[i] >= 0 && isfinite(samples[i]));
        }
        struct moments moments = moments_of(samples, SAMPLES);
        double sigma_of_mean = sqrt(shapes[s] / SAMPLES);
        cr_expect_float_eq(moments.mean, shapes[s], 5 * sigma_of_mean, "shape %g: mean %g", shapes[s], moments.mean);
        cr_expect_float_eq(moments.variance / shapes[s], 1, 0.12, "shape %g: variance %g", shapes[s], moments.variance);
    }
}

/* gamma(1) is the exponential distribution, 1 − e^−x of it below x: twenty bins that hold the same share each. */
Test(random, gamma_of_shape_one_is_exponential) {
    enum { BINS = 20 };
    struct sl_random random;
    sl_random_init(&random, 10, 0);
    double counts[BINS] = {0};
    for (int i = 0; i < SAMPLES; i++)
        counts[(int)(BINS * -expm1(-sl_random_gamma(&random, 1)))]++;
    double chi_squared = 0;
    for (int i = 0; i < BINS; i++)
        chi_squared += pow(counts[i] - SAMPLES / BINS, 2) / (SAMPLES / BINS);
    cr_expect_lt(chi_squared, 43.8); /* 19 degrees of freedom, p = 0.001 */
}

Test(random, permutation_holds_each_once) {
    enum { COUNT = 1000 };
    struct sl_random random;
    sl_random_init(&random, 6, 0);
    uint32_t out[COUNT];
    bool seen[COUNT] = {false};
    int fixed = 0;
    sl_random_permutation(&random, out, COUNT);
    for (uint32_t i = 0; i < COUNT; i++) {
        cr_assert_lt(out[i], COUNT);
        cr_assert_not(seen[out[i]]);
        seen[out[i]] = true;
        fixed += out[i] == i;
    }
    cr_expect_lt(fixed, 10);
    sl_random_permutation(&random, out, 1);
    cr_expect_eq(out[0], 0);
    sl_random_permutation(&random, NULL, 0);
}

Test(random, all_permutations_of_four_come_alike) {
    enum { KINDS = 24, DRAWS = 48000 };
    struct sl_random random;
    sl_random_init(&random, 9, 0);
    int counts[256] = {0};
    for (int i = 0; i < DRAWS; i++) {
        uint32_t out[4];
        sl_random_permutation(&random, out, 4);
        counts[out[0] << 6 | out[1] << 4 | out[2] << 2 | out[3]]++;
    }
    double chi_squared = 0;
    int kinds = 0;
    for (int i = 0; i < 256; i++) {
        kinds += counts[i] > 0;
        if (counts[i] > 0)
            chi_squared += pow(counts[i] - DRAWS / KINDS, 2) / (DRAWS / KINDS);
    }
    cr_expect_eq(kinds, KINDS);
    cr_expect_lt(chi_squared, 49.7); /* 23 degrees of freedom, p = 0.001 */
}
