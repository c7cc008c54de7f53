#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "data/partition.h"

enum { COUNT = 1003, CLASSES = 10 };

static uint8_t digits[COUNT];
static struct sl_dataset dataset = {.labels = digits, .count = COUNT, .classes = CLASSES};
static struct sl_error error;

static void make_labels(void) {
    struct sl_random random;
    sl_random_init(&random, 3, 0);
    for (size_t i = 0; i < COUNT; i++)
        digits[i] = (uint8_t)sl_random_below(&random, CLASSES);
}

TestSuite(partition, .init = make_labels);

static enum sl_status select_part(uint32_t **out, size_t *count, const char *text, uint32_t part, uint32_t parts,
                                  uint64_t seed) {
    struct sl_partition partition;
    cr_assert_eq(sl_partition_parse(&partition, text, &error), SL_OK, "%s", error.text);
    enum sl_status status = sl_partition_select(out, count, &partition, &dataset, part, parts, seed, &error);
    sl_partition_finish(&partition);
    return status;
}

/* Disjoint, complete, ascending; sizes[part] is filled. */
static void check_parts(size_t *sizes, const char *text, uint32_t parts, uint64_t seed) {
    bool seen[COUNT] = {false};
    size_t total = 0;
    for (uint32_t part = 0; part < parts; part++) {
        uint32_t *indices;
        cr_assert_eq(select_part(&indices, &sizes[part], text, part, parts, seed), SL_OK, "%s: %s", text, error.text);
        for (size_t i = 0; i < sizes[part]; i++) {
            cr_assert(indices[i] < COUNT && !seen[indices[i]], "%s", text);
            cr_assert(i == 0 || indices[i - 1] < indices[i], "%s", text);
            seen[indices[i]] = true;
        }
        total += sizes[part];
        free(indices);
    }
    cr_expect_eq(total, COUNT, "%s", text);
}

Test(partition, parts_are_disjoint_complete_and_as_large_as_asked) {
    size_t sizes[8];
    check_parts(sizes, "iid", 8, 1);
    for (int i = 0; i < 8; i++)
        cr_expect(sizes[i] == 125 || sizes[i] == 126);
    check_parts(sizes, "iid", 1, 1);
    check_parts(sizes, "shards:2", 8, 1);
    for (int i = 0; i < 8; i++)
        cr_expect(sizes[i] >= 124 && sizes[i] <= 126);
    check_parts(sizes, "dirichlet:0.5", 8, 1);
    check_parts(sizes, "dirichlet:1000000", 8, 2);
    for (int i = 0; i < 8; i++)
        cr_expect(sizes[i] > 110 && sizes[i] < 140);
    check_parts(sizes, "share:3,1,1", 3, 1);
    cr_expect_eq(sizes[0], 602);
    cr_expect(sizes[1] == 200 || sizes[1] == 201);
}

static int count_labels(const char *text, uint32_t part, uint64_t seed) {
    bool has[CLASSES] = {false};
    uint32_t *indices;
    size_t count;
    int labels = 0;
    cr_assert_eq(select_part(&indices, &count, text, part, 8, seed), SL_OK, "%s", error.text);
    for (size_t i = 0; i < count; i++) {
        labels += !has[digits[indices[i]]];
        has[digits[indices[i]]] = true;
    }
    free(indices);
    return labels;
}

Test(partition, shards_hold_few_labels_and_iid_all) {
    for (uint32_t part = 0; part < 8; part++) {
        cr_expect_leq(count_labels("shards:2", part, 1), 4);
        cr_expect_eq(count_labels("iid", part, 1), CLASSES);
    }
}

Test(partition, small_alpha_is_more_uneven_than_large) {
    size_t even[8], uneven[8], most_even = 0, most_uneven = 0;
    check_parts(even, "dirichlet:100", 8, 4);
    check_parts(uneven, "dirichlet:0.2", 8, 4);
    for (int i = 0; i < 8; i++) {
        most_even = even[i] > most_even ? even[i] : most_even;
        most_uneven = uneven[i] > most_uneven ? uneven[i] : most_uneven;
    }
    cr_expect_gt(most_uneven, most_even + 20);
}

Test(partition, seed_decides) {
    static const char *const texts[] = {"iid", "shards:2", "dirichlet:1", "share:1,2,3,4,5,6,7,8"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        uint32_t *first, *again, *other;
        size_t first_count, again_count, other_count;
        cr_assert_eq(select_part(&first, &first_count, texts[i], 3, 8, 1), SL_OK);
        cr_assert_eq(select_part(&again, &again_count, texts[i], 3, 8, 1), SL_OK);
        cr_assert_eq(select_part(&other, &other_count, texts[i], 3, 8, 2), SL_OK);
        cr_expect_eq(first_count, again_count);
        cr_expect_arr_eq(first, again, first_count * sizeof *first);
        cr_expect(first_count != other_count || memcmp(first, other, first_count * sizeof *first) != 0, "%s", texts[i]);
        free(first);
        free(again);
        free(other);
    }
}

Test(partition, is_never_empty) {
    uint32_t *indices;
    size_t count;
    cr_expect_eq(select_part(&indices, &count, "iid", 0, COUNT, 1), SL_OK);
    free(indices);
    cr_expect_eq(select_part(&indices, &count, "iid", 0, COUNT + 1, 1), SL_SETTINGS);
    cr_expect_null(indices);
    cr_expect_eq(select_part(&indices, &count, "iid", 3, 3, 1), SL_SETTINGS);
    cr_expect_eq(select_part(&indices, &count, "shards:1000", 0, 8, 1), SL_SETTINGS);
    cr_expect_eq(select_part(&indices, &count, "share:1,2", 0, 3, 1), SL_SETTINGS);
    cr_expect_eq(select_part(&indices, &count, "share:1,1e-300", 1, 2, 1), SL_SETTINGS);
    /* The largest shares whose sum is finite for any number of parts, and larger ones. */
    cr_expect_eq(select_part(&indices, &count, "share:1e300,1e300", 0, 2, 1), SL_OK);
    cr_expect(count == COUNT / 2 || count == (COUNT + 1) / 2);
    free(indices);
    struct sl_partition partition;
    cr_expect_eq(sl_partition_parse(&partition, "share:1e308,1e308", NULL), SL_SETTINGS);
    cr_expect_eq(sl_partition_parse(&partition, "dirichlet:1e308", NULL), SL_SETTINGS);
    /* Every gamma variate rounds to 0: ten classes go to at most ten of a hundred parts, to somebody each. */
    size_t total = 0;
    for (uint32_t part = 0; part < 100; part++) {
        if (select_part(&indices, &count, "dirichlet:1e-300", part, 100, 1) == SL_OK)
            total += count;
        free(indices);
    }
    cr_expect_eq(total, COUNT);
}

Test(partition, parses_what_the_contract_says_and_nothing_else) {
    static const char *const bad[] = {"",
                                      "IID",
                                      "iid:1",
                                      "shards",
                                      "shards:",
                                      "shards:0",
                                      "shards:-1",
                                      "shards:2x",
                                      "shards: 2",
                                      "shards:99999999999999999999",
                                      "dirichlet:0",
                                      "dirichlet:-1",
                                      "dirichlet:inf",
                                      "dirichlet:nan",
                                      "dirichlet:1e999",
                                      "dirichlet:0x2",
                                      "dirichlet: 1",
                                      "share:",
                                      "share:1,",
                                      "share:1,,2",
                                      "share:0,1",
                                      "share:1,-1",
                                      "share:1;2",
                                      "dirichlet:1,2"};
    struct sl_partition partition;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_expect_eq(sl_partition_parse(&partition, bad[i], &error), SL_SETTINGS, "%s", bad[i]);
        cr_expect_null(partition.shares);
    }
    cr_assert_eq(sl_partition_parse(&partition, "share:3,.5,1e1", &error), SL_OK);
    cr_expect_eq(partition.share_count, 3);
    cr_expect_float_eq(partition.shares[1], 0.5, 0);
    cr_expect_float_eq(partition.shares[2], 10, 0);
    sl_partition_finish(&partition);
    cr_assert_eq(sl_partition_parse(&partition, "shards:12", &error), SL_OK);
    cr_expect_eq(partition.shards, 12);
    cr_assert_eq(sl_partition_parse(&partition, "dirichlet:0.1", &error), SL_OK);
    cr_expect_float_eq(partition.alpha, 0.1, 0);
}
