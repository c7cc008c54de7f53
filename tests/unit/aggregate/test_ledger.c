#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/ledger.h"
#include "base/random.h"

enum { SEED = 77 };

static float *make(size_t elements, uint64_t stream) {
    struct sl_random random;
    float *values = malloc(elements * sizeof *values);
    cr_assert_not_null(values);
    sl_random_init(&random, 3, stream);
    for (size_t i = 0; i < elements; i++)
        values[i] = (float)(sl_random_unit(&random) - 0.5);
    return values;
}

static struct sl_ledger_sums measure(const void *values, const void *minus, uint64_t first, size_t elements) {
    struct sl_ledger_sums sums = {.elements = 0};
    const struct sl_ledger_vector vector = {.values = values, .minus = minus};
    sl_ledger_measure(&sums, &vector, 1, SEED, first, elements);
    return sums;
}

/* The contract, an element at a time: which bit of which word. */
static double sign_of(uint64_t element, unsigned pattern) {
    const uint64_t block = element / 64;
    const uint32_t counter[4] = {(uint32_t)block, (uint32_t)(block >> 32), 0, 0}, key[2] = {SEED, 0};
    uint32_t words[4];
    sl_philox(words, counter, key);
    return (words[2 * pattern + element % 64 / 32] >> element % 32 & 1) != 0 ? -1 : 1;
}

static void check(const struct sl_ledger_sums *sums, const float *values, const float *minus, uint64_t first,
                  size_t elements) {
    double total = 0, one = 0, two = 0, square = 0;
    for (size_t i = 0; i < elements; i++) {
        double d = (double)values[i] - (minus != NULL ? (double)minus[i] : 0);
        total += d;
        one += sign_of(first + i, 0) * d;
        two += sign_of(first + i, 1) * d;
        square += d * d;
    }
    double off = 1e-12 * (double)(elements + 1);
    cr_expect_float_eq(sums->total, total, off);
    cr_expect_float_eq(sums->first, one, off);
    cr_expect_float_eq(sums->second, two, off);
    cr_expect_float_eq(sums->square, square, off);
    cr_expect_eq(sums->elements, elements);
}

Test(ledger, is_what_its_header_says) {
    static const size_t lengths[] = {0, 1, 7, 8, 9, 63, 64, 65, 1023, 1024, 1025, 5000};
    static const uint64_t firsts[] = {0, 1, 63, 1000, 65516, UINT64_C(5) << 32};
    float *values = make(5000, 1), *minus = make(5000, 2);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        for (size_t k = 0; k < sizeof firsts / sizeof firsts[0]; k++) {
            struct sl_ledger_sums alone = measure(values, NULL, firsts[k], lengths[i]);
            struct sl_ledger_sums both = measure(values, minus, firsts[k], lengths[i]);
            check(&alone, values, NULL, firsts[k], lengths[i]);
            check(&both, values, minus, firsts[k], lengths[i]);
        }
    }
    free(values);
    free(minus);
}

/* Not nearly: the two ends of an edge cancel to the last bit. */
Test(ledger, of_vectors_exchanged_is_exactly_the_negative) {
    float *values = make(70001, 1), *minus = make(70001, 2);
    struct sl_ledger_sums there = measure(values, minus, 65516, 70001), back = measure(minus, values, 65516, 70001);
    cr_expect_eq(there.total, -back.total);
    cr_expect_eq(there.first, -back.first);
    cr_expect_eq(there.second, -back.second);
    cr_expect_eq(there.square, back.square);
    cr_expect_neq(there.first, there.second);
    free(values);
    free(minus);
}

Test(ledger, is_the_same_for_vectors_beside_each_other_and_for_any_alignment) {
    enum { ELEMENTS = 3001 };
    float *values = make(ELEMENTS, 1), *minus = make(ELEMENTS, 2);
    uint8_t *moved = malloc(ELEMENTS * sizeof(float) + 1);
    cr_assert_not_null(moved);
    memcpy(moved + 1, values, ELEMENTS * sizeof(float));
    const struct sl_ledger_vector vectors[] = {{.values = values},
                                               {.values = (const float *)(const void *)(moved + 1), .minus = minus}};
    struct sl_ledger_sums sums[2] = {{.elements = 0}, {.elements = 0}};
    sl_ledger_measure(sums, vectors, 2, SEED, 10, ELEMENTS);
    struct sl_ledger_sums one = measure(values, NULL, 10, ELEMENTS), two = measure(values, minus, 10, ELEMENTS);
    cr_expect_eq(memcmp(&sums[0], &one, sizeof one), 0);
    cr_expect_eq(memcmp(&sums[1], &two, sizeof two), 0);
    free(values);
    free(minus);
    free(moved);
}

Test(ledger, can_be_cut_at_tiles) {
    enum { ELEMENTS = 5000, FIRST = 700 };
    float *values = make(ELEMENTS, 1);
    struct sl_ledger_sums whole = measure(values, NULL, FIRST, ELEMENTS), parts = {.elements = 0};
    for (size_t at = 0; at < ELEMENTS;) {
        size_t left = SL_LEDGER_TILE - (FIRST + at) % SL_LEDGER_TILE, n = ELEMENTS - at < left ? ELEMENTS - at : left;
        const struct sl_ledger_vector vector = {.values = values + at};
        sl_ledger_measure(&parts, &vector, 1, SEED, FIRST + at, n);
        at += n;
    }
    cr_expect_eq(memcmp(&whole, &parts, sizeof whole), 0);
    free(values);
}

/* What a sum does not see: two elements that move against each other. At least one of the patterns does, nearly
 * always: with another sign on each of the two in either, 3 of 4 times. */
Test(ledger, sees_what_the_sum_does_not) {
    enum { ELEMENTS = 4096 };
    float *values = calloc(ELEMENTS, sizeof *values);
    size_t seen = 0;
    for (size_t i = 0; i + 1 < ELEMENTS; i += 2) {
        values[i] = 1;
        values[i + 1] = -1;
        struct sl_ledger_sums sums = measure(values, NULL, 0, ELEMENTS);
        cr_assert_eq(sums.total, 0);
        seen += sums.first != 0 || sums.second != 0;
        values[i] = values[i + 1] = 0;
    }
    cr_expect_gt(seen, 2048 * 7 / 10);
    cr_expect_lt(seen, 2048 * 8 / 10);
    free(values);
}
