#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/mean.h"
#include "aggregate/quantise.h"
#include "base/random.h"

enum { BLOCK = SL_QUANTISE_BLOCK };

static float *make_values(size_t count, uint64_t seed) {
    struct sl_random random;
    float *values = malloc((count + 1) * sizeof *values);
    cr_assert_not_null(values);
    sl_random_init(&random, seed, 1);
    for (size_t e = 0; e < count; e++)
        values[e] = (float)sl_random_normal(&random);
    return values;
}

static uint8_t *encode(const float *values, size_t count, uint64_t seed) {
    uint8_t *payload = malloc(sl_quantise_bytes(count) + 1);
    cr_assert_not_null(payload);
    cr_assert(sl_quantise_encode(payload, values, count, 0, sl_quantise_blocks(count), seed));
    return payload;
}

static float scale_of(const uint8_t *payload, size_t block) {
    float scale;
    memcpy(&scale, payload + block * sizeof scale, sizeof scale);
    return scale;
}

static int code_of(const uint8_t *payload, size_t elements, size_t e) {
    return (int8_t)payload[sl_quantise_blocks(elements) * sizeof(float) + e];
}

/* The contract, one element at a time. */
static int expected_code(float value, float scale, size_t e, uint64_t seed) {
    uint32_t words[4];
    uint64_t number = e / BLOCK * (BLOCK / 8) + e % 256 / 2;
    const uint32_t counter[4] = {(uint32_t)number, (uint32_t)(number >> 32), 0, 0};
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    sl_philox(words, counter, key);
    uint32_t chance = words[e % BLOCK / 256] >> (16 * (e % 2)) & 0xffff;
    float sum = (value / scale + 128) + (float)chance * 0x1p-16F;
    double code = floor((double)sum) - 128;
    return (int)fmax(-127, fmin(127, code));
}

Test(quantise, a_payload_has_a_byte_an_element_and_four_a_block) {
    const uint64_t sizes[][2] = {
        {1, 5}, {2, 6}, {1023, 1027}, {1024, 1028}, {1025, 1033}, {2048, 2056}, {101770, 101770 + 4 * 100}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        cr_expect_eq(sl_quantise_bytes(sizes[i][0]), sizes[i][1], "%zu", i);
    cr_expect_eq(sl_quantise_bytes(UINT64_C(1) << 62), (UINT64_C(1) << 62) + (UINT64_C(1) << 54));
}

Test(quantise, codes_are_those_of_the_contract) {
    const size_t count = 3 * BLOCK + 77;
    float *values = make_values(count, 3);
    uint8_t *payload = encode(values, count, UINT64_C(0x123456789abcdef0));
    for (size_t e = 0; e < count; e++) {
        int want = expected_code(values[e], scale_of(payload, e / BLOCK), e, UINT64_C(0x123456789abcdef0));
        cr_assert_eq(code_of(payload, count, e), want, "element %zu", e);
    }
    free(payload);
    free(values);
}

/* Found with other means: tests/integration/protocol_reader has the same vector. */
Test(quantise, known_answer) {
    const float values[] = {1, -2, 0.5F, 3.25F, -0.01F, 0, 2.7F, -3.25F};
    const uint8_t want[] = {0x47, 0xa3, 0xd1, 0x3c, 0x28, 0xb2, 0x13, 0x7f, 0xff, 0x00, 0x69, 0x81};
    uint8_t *payload = encode(values, 8, 42);
    cr_expect_arr_eq(payload, want, sizeof want);
    free(payload);
}

Test(quantise, the_largest_is_127_and_zero_is_zero) {
    const size_t count = 2 * BLOCK;
    float *values = make_values(count, 5);
    values[17] = -50;
    values[18] = 0;
    values[BLOCK + 3] = 9000;
    for (uint64_t seed = 0; seed < 200; seed++) {
        uint8_t *payload = encode(values, count, seed);
        float *out = malloc(count * sizeof *out);
        cr_assert_not_null(out);
        sl_quantise_decode(out, payload, count, 0, count);
        cr_assert_eq(code_of(payload, count, 17), -127);
        cr_assert_eq(code_of(payload, count, 18), 0);
        cr_assert_eq(code_of(payload, count, BLOCK + 3), 127);
        for (size_t e = 0; e < count; e++)
            cr_assert_lt(fabs((double)out[e] - (double)values[e]), (double)scale_of(payload, e / BLOCK) * 1.0001);
        free(out);
        free(payload);
    }
    free(values);
}

/* 4 σ of each mean; that of all together tells a bias that each of them hides. */
Test(quantise, is_right_on_average) {
    enum { DRAWS = 10000, COUNT = 200 };
    float *values = make_values(COUNT, 11);
    double sum[COUNT] = {0}, bias = 0, variance = 0, scale = 0;
    for (uint64_t seed = 0; seed < DRAWS; seed++) {
        uint8_t *payload = encode(values, COUNT, seed * UINT64_C(0x9e3779b97f4a7c15));
        scale = (double)scale_of(payload, 0);
        for (size_t e = 0; e < COUNT; e++)
            sum[e] += code_of(payload, COUNT, e);
        free(payload);
    }
    for (size_t e = 0; e < COUNT; e++) {
        double exact = (double)values[e] / scale, up = exact - floor(exact), sigma = sqrt(up * (1 - up) / DRAWS);
        cr_expect_leq(fabs(sum[e] / DRAWS - exact), 4 * sigma + 1e-4, "element %zu: %g, %g", e, sum[e] / DRAWS, exact);
        bias += sum[e] / DRAWS - exact;
        variance += sigma * sigma;
    }
    cr_expect_leq(fabs(bias), 4 * sqrt(variance), "%g", bias);
    free(values);
}

Test(quantise, blocks_are_made_in_any_order) {
    const size_t count = 5 * BLOCK + 1, blocks = 6;
    float *values = make_values(count, 7);
    uint8_t *whole = encode(values, count, 9), *parts = malloc(sl_quantise_bytes(count));
    cr_assert_not_null(parts);
    for (size_t block = blocks; block-- > 0;)
        cr_assert(sl_quantise_encode(parts, values, count, block, block + 1, 9));
    cr_expect_arr_eq(parts, whole, sl_quantise_bytes(count));
    cr_assert(sl_quantise_encode(parts, values, count, 0, blocks, 10));
    cr_expect(memcmp(parts, whole, sl_quantise_bytes(count)) != 0);
    free(parts);
    free(whole);
    free(values);
}

Test(quantise, equal_blocks_fall_differently) {
    float *values = make_values(2 * BLOCK, 7);
    memcpy(values + BLOCK, values, BLOCK * sizeof *values);
    uint8_t *payload = encode(values, 2 * BLOCK, 1), *codes = payload + 2 * sizeof(float);
    size_t same = 0;
    for (size_t e = 0; e < BLOCK; e++)
        same += codes[e] == codes[BLOCK + e];
    cr_expect_lt(same, BLOCK * 4 / 5);
    cr_expect_gt(same, BLOCK / 2);
    free(payload);
    free(values);
}

Test(quantise, what_has_no_code_is_refused_wherever_it_is) {
    const size_t count = BLOCK + 5;
    const float wrong[] = {NAN, -NAN, INFINITY, -INFINITY, 1.7e38F, -FLT_MAX};
    const size_t places[] = {0, 1, BLOCK - 1, BLOCK, count - 1};
    float *values = make_values(count, 7);
    uint8_t *payload = malloc(sl_quantise_bytes(count));
    cr_assert_not_null(payload);
    for (size_t w = 0; w < sizeof wrong / sizeof wrong[0]; w++)
        for (size_t p = 0; p < sizeof places / sizeof places[0]; p++) {
            float was = values[places[p]];
            values[places[p]] = wrong[w];
            cr_expect_not(sl_quantise_encode(payload, values, count, 0, 2, 1), "%g at %zu", (double)wrong[w],
                          places[p]);
            values[places[p]] = was;
        }
    values[3] = 127 * 0x1p120F;
    cr_expect(sl_quantise_encode(payload, values, count, 0, 2, 1));
    cr_expect(sl_quantise_is_sound(payload, 0, sl_quantise_bytes(count), count));
    free(payload);
    free(values);
}

Test(quantise, what_is_too_small_is_zero) {
    float values[4] = {1e-37F, -FLT_MIN, 1e-45F, 0}, out[4];
    uint8_t *payload = encode(values, 4, 1);
    sl_quantise_decode(out, payload, 4, 0, 4);
    for (size_t e = 0; e < 4; e++)
        cr_expect_eq(out[e], 0);
    cr_expect(sl_quantise_is_sound(payload, 0, 8, 4));
    free(payload);
    values[0] = 2e-36F; /* its scale is normal */
    payload = encode(values, 4, 1);
    sl_quantise_decode(out, payload, 4, 0, 4);
    cr_expect_float_eq(out[0] / values[0], 1, 1e-6);
    free(payload);
}

Test(quantise, parts_are_decoded_as_in_the_whole) {
    const size_t count = 3 * BLOCK + 100, firsts[] = {0, 1, 1023, 1024, 1025, 3071, 3171};
    const size_t lengths[] = {0, 1, 2, 1000, 1024, 2050, 3172};
    float *values = make_values(count, 7), *whole = malloc(count * sizeof *whole), *part = malloc(count * sizeof *part);
    uint8_t *payload = encode(values, count, 9), *shifted = malloc(sl_quantise_bytes(count) + 3);
    cr_assert(whole != NULL && part != NULL && shifted != NULL);
    sl_quantise_decode(whole, payload, count, 0, count);
    memcpy(shifted + 3, payload, sl_quantise_bytes(count));
    for (size_t i = 0; i < 7; i++)
        for (size_t k = 0; k < 7; k++) {
            size_t length = lengths[k] < count - firsts[i] ? lengths[k] : count - firsts[i];
            sl_quantise_decode(part, shifted + 3, count, firsts[i], length);
            cr_expect(length == 0 || memcmp(part, whole + firsts[i], length * sizeof *part) == 0);
        }
    free(shifted);
    free(payload);
    free(part);
    free(whole);
    free(values);
}

static bool is_sound_with_scale(uint32_t bits, size_t block) {
    float *values = make_values(3 * BLOCK, 7);
    uint8_t *payload = encode(values, 3 * BLOCK, 9);
    memcpy(payload + 4 * block, &bits, sizeof bits);
    bool sound = sl_quantise_is_sound(payload, 0, sl_quantise_bytes(3 * BLOCK), 3 * BLOCK);
    free(payload);
    free(values);
    return sound;
}

Test(quantise, a_payload_with_impossible_parts_is_not_sound) {
    const uint32_t wrong[] = {0x7f800000, 0xff800000, 0x7fc00000, 0xffffffff, 0x80000000,
                              0xbf800000, 0x00000001, 0x007fffff, 0x7b800001, 0x7f7fffff};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        for (size_t block = 0; block < 3; block++)
            cr_expect_not(is_sound_with_scale(wrong[i], block), "%08x in block %zu", wrong[i], block);
    cr_expect(is_sound_with_scale(0, 1));
    cr_expect(is_sound_with_scale(0x00800000, 1));
    cr_expect(is_sound_with_scale(0x7b800000, 1));
}

Test(quantise, soundness_goes_by_parts) {
    const size_t count = 3 * BLOCK, bytes = sl_quantise_bytes(count);
    float *values = make_values(count, 7);
    uint8_t *payload = encode(values, count, 9);
    for (size_t first = 0; first < 40; first += 4)
        for (size_t last = first; last <= bytes; last += last < 60 ? 4 : 500)
            cr_expect(sl_quantise_is_sound(payload + first, first, last - first, count), "%zu %zu", first, last);
    cr_expect_not(sl_quantise_is_sound(payload, 0, 6, count)); /* a scale that is cut */
    payload[bytes - 1] = 0x80;
    cr_expect_not(sl_quantise_is_sound(payload + 12, 12, bytes - 12, count));
    cr_expect(sl_quantise_is_sound(payload + 12, 12, bytes - 13, count));
    payload[bytes - 1] = 0;
    payload[12] = 0x80; /* the first code, which is no scale */
    cr_expect_not(sl_quantise_is_sound(payload, 0, bytes, count));
    free(payload);
    free(values);
}

/* What decoding gives is finite for every sound scale and code. */
Test(quantise, the_largest_scale_is_finite) {
    uint8_t payload[6] = {0, 0, 0x80, 0x7b, 127, 0x81};
    float out[2];
    cr_assert(sl_quantise_is_sound(payload, 0, sizeof payload, 2));
    sl_quantise_decode(out, payload, 2, 0, 2);
    cr_expect_eq(out[0], 127 * 0x1p120F);
    cr_expect_eq(out[1], -127 * 0x1p120F);
}

/* Σ x is kept to rounding by edges that give what they take, however coarse q is; replacing x by the mean of q is not.
 */
Test(quantise, differences_keep_the_sum) {
    enum { COUNT = 3000, ROUNDS = 50 };
    float *x = make_values(COUNT, 21), *y = make_values(COUNT, 22);
    float *p = malloc(COUNT * sizeof *p), *q = malloc(COUNT * sizeof *q);
    double before = 0, after = 0, norm = 0;
    cr_assert(p != NULL && q != NULL);
    for (size_t e = 0; e < COUNT; e++) {
        before += (double)x[e] + (double)y[e];
        norm += fabs((double)x[e]) + fabs((double)y[e]);
    }
    for (uint64_t round = 0; round < ROUNDS; round++) {
        uint8_t *of_x = encode(x, COUNT, 2 * round), *of_y = encode(y, COUNT, 2 * round + 1);
        sl_quantise_decode(p, of_x, COUNT, 0, COUNT);
        sl_quantise_decode(q, of_y, COUNT, 0, COUNT);
        const struct sl_mean_source sources[] = {{p, 0.5}, {q, 0.5}};
        sl_mean_fold_onto(x, sources, 2, 1, x, p, COUNT);
        sl_mean_fold_onto(y, sources, 2, 1, y, q, COUNT);
        free(of_x);
        free(of_y);
    }
    for (size_t e = 0; e < COUNT; e++)
        after += (double)x[e] + (double)y[e];
    cr_expect_leq(fabs(after - before), 1e-7 * norm, "%g of %g", after - before, norm);
    free(p);
    free(q);
    free(x);
    free(y);
}

Test(quantise, the_fold_onto_a_model_is_exact_to_one_rounding) {
    enum { COUNT = 5000, SOURCES = 6 };
    struct sl_mean_source sources[SOURCES];
    float *kept = make_values(COUNT, 30), *out = malloc(COUNT * sizeof *out);
    cr_assert_not_null(out);
    for (uint64_t k = 0; k < SOURCES; k++)
        sources[k] = (struct sl_mean_source){make_values(COUNT, 31 + k), (double)(k + 1)};
    sl_mean_fold_onto(out, sources, SOURCES, 21, kept, sources[2].values, COUNT);
    for (size_t e = 0; e < COUNT; e++) {
        double sum = 0;
        for (size_t k = 0; k < SOURCES; k++)
            sum += sources[k].coefficient * (double)sources[k].values[e];
        float want = (float)(sum / 21 + ((double)kept[e] - (double)sources[2].values[e]));
        cr_assert_eq(out[e], want, "element %zu", e);
    }
    for (size_t k = 0; k < SOURCES; k++)
        free((void *)(uintptr_t)sources[k].values);
    free(out);
    free(kept);
}
