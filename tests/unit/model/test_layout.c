#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "model/layout.h"

static const uint64_t two_by_three[] = {2, 3}, four[] = {4};

Test(layout, places_tensors_one_after_another) {
    struct sl_layout layout;
    sl_layout_init(&layout);
    cr_assert_eq(sl_layout_add(&layout, "a.weight", 2, two_by_three, NULL), SL_OK);
    cr_assert_eq(sl_layout_add(&layout, "scalar", 0, NULL, NULL), SL_OK);
    cr_assert_eq(sl_layout_add(&layout, "a.bias", 1, four, NULL), SL_OK);
    cr_expect_eq(layout.elements, 11);
    cr_expect_eq(layout.tensors[1].first, 6);
    cr_expect_eq(layout.tensors[1].elements, 1);
    cr_expect_eq(layout.tensors[2].first, 7);
    cr_expect_eq(layout.tensors[2].dims[0], 4);
    sl_layout_finish(&layout);
    cr_expect_eq(layout.count, 0);
}

Test(layout, refuses_what_it_cannot_hold) {
    struct sl_layout layout;
    struct sl_error error;
    const uint64_t huge[] = {UINT64_MAX, 2}, half[] = {PTRDIFF_MAX / 8, 1}, none[] = {3, 0}, deep[] = {1, 1, 1, 1, 1};
    char name[SL_TENSOR_NAME_SIZE + 1];
    memset(name, 'x', SL_TENSOR_NAME_SIZE);
    name[SL_TENSOR_NAME_SIZE] = '\0';
    sl_layout_init(&layout);
    cr_expect_eq(sl_layout_add(&layout, "huge", 2, huge, &error), SL_LIMIT);
    cr_expect_eq(sl_layout_add(&layout, "none", 2, none, &error), SL_LIMIT);
    cr_expect_eq(sl_layout_add(&layout, "deep", 5, deep, &error), SL_LIMIT);
    cr_expect_eq(sl_layout_add(&layout, name, 1, four, &error), SL_LIMIT);
    cr_expect_eq(sl_layout_add(&layout, "", 1, four, &error), SL_LIMIT);
    cr_expect_eq(layout.count, 0);
    name[SL_TENSOR_NAME_SIZE - 1] = '\0';
    cr_expect_eq(sl_layout_add(&layout, name, 1, four, &error), SL_OK);
    cr_expect_eq(sl_layout_add(&layout, name, 1, four, &error), SL_EXISTS);
    /* Each fits, the sum does not. */
    cr_expect_eq(sl_layout_add(&layout, "first half", 1, half, &error), SL_OK);
    cr_expect_eq(sl_layout_add(&layout, "second half", 1, half, &error), SL_LIMIT);
    cr_expect_eq(layout.count, 2);
    sl_layout_finish(&layout);
}

Test(layout, holds_the_most_tensors_and_no_more) {
    struct sl_layout layout;
    sl_layout_init(&layout);
    for (int i = 0; i < SL_TENSOR_COUNT_MAX; i++) {
        char name[16];
        snprintf(name, sizeof name, "t%d", i);
        cr_assert_eq(sl_layout_add(&layout, name, 1, four, NULL), SL_OK);
    }
    cr_expect_eq(sl_layout_add(&layout, "more", 1, four, NULL), SL_LIMIT);
    sl_layout_finish(&layout);
}

Test(layout, copy_is_the_same_and_its_own) {
    struct sl_layout layout, copy;
    sl_layout_init(&layout);
    cr_assert_eq(sl_layout_copy(&copy, &layout, NULL), SL_OK);
    cr_expect_eq(copy.count, 0);
    cr_assert_eq(sl_layout_add(&layout, "a", 2, two_by_three, NULL), SL_OK);
    cr_assert_eq(sl_layout_copy(&copy, &layout, NULL), SL_OK);
    cr_expect_eq(sl_layout_check_same(&layout, &copy, NULL), SL_OK);
    cr_expect_eq(copy.elements, 6);
    cr_expect_neq(copy.tensors, layout.tensors);
    sl_layout_finish(&layout);
    cr_assert_eq(sl_layout_add(&copy, "b", 1, four, NULL), SL_OK);
    cr_expect_eq(copy.tensors[1].first, 6);
    sl_layout_finish(&copy);
}

Test(layout, names_the_first_difference) {
    struct sl_layout mine, other;
    struct sl_error error;
    const uint64_t turned[] = {3, 2};
    sl_layout_init(&mine);
    sl_layout_init(&other);
    cr_assert_eq(sl_layout_add(&mine, "w", 2, two_by_three, NULL), SL_OK);
    cr_expect_eq(sl_layout_check_same(&mine, &other, &error), SL_MISMATCH);
    cr_expect_str_eq(error.text, "tensor w is missing there");
    cr_expect_eq(sl_layout_check_same(&other, &mine, &error), SL_MISMATCH);
    cr_expect_str_eq(error.text, "tensor w is missing here");
    cr_assert_eq(sl_layout_add(&other, "w", 2, turned, NULL), SL_OK);
    cr_expect_eq(sl_layout_check_same(&mine, &other, &error), SL_MISMATCH);
    cr_expect_str_eq(error.text, "tensor w has shape [2, 3] here and [3, 2] there");
    sl_layout_finish(&other);
    cr_assert_eq(sl_layout_add(&other, "v", 2, two_by_three, NULL), SL_OK);
    cr_expect_eq(sl_layout_check_same(&mine, &other, &error), SL_MISMATCH);
    cr_expect_str_eq(error.text, "tensor 0 is w here and v there");
    sl_layout_finish(&mine);
    sl_layout_finish(&other);
}
