#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "aggregate/median.h"

Test(median, one_of_three_has_no_say_wherever_it_stands) {
    const float lies[] = {INFINITY, -INFINITY, NAN, 3e38f, 0.5f};
    const float honest[] = {1.0f, 2.0f};
    for (size_t lie = 0; lie < sizeof lies / sizeof *lies; lie++)
        for (size_t place = 0; place < 3; place++) {
            const float *sources[3];
            for (size_t k = 0, next = 0; k < 3; k++)
                sources[k] = k == place ? &lies[lie] : &honest[next++];
            float out;
            sl_median(&out, sources, 3, 1);
            cr_assert(out >= 1 && out <= 2, "%g of 1, 2 and %g", (double)out, (double)lies[lie]);
        }
}

Test(median, each_coordinate_has_its_own_exactly) {
    const float a[] = {1.1f, 9, -0.0f, 1e-45f}, b[] = {1.3f, 7, 0, 3}, c[] = {1.2f, 8, 5, -2};
    const float wanted[] = {1.2f, 8, 0, 1e-45f};
    float out[4];
    sl_median(out, (const float *const[]){a, b, c}, 3, 4);
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(out[i], wanted[i]);
}

Test(median, of_two_it_is_their_mean_rounded_once) {
    const float a[] = {1, 3e38f, INFINITY, NAN}, b[] = {2, 3e38f, INFINITY, 4};
    float out[4];
    sl_median(out, (const float *const[]){a, b}, 2, 4);
    cr_assert_eq(out[0], 1.5f);
    cr_assert_eq(out[1], 3e38f, "the sum is beyond f32");
    cr_assert(isinf(out[2]));
    cr_assert_eq(out[3], 4);
}

Test(median, may_be_written_over_a_source) {
    float a[] = {5, 1};
    const float b[] = {4, 2}, c[] = {6, 3}, nothing[] = {NAN, NAN};
    sl_median(a, (const float *const[]){a, b, c}, 3, 2);
    cr_assert_eq(a[0], 5);
    cr_assert_eq(a[1], 2);
    sl_median(a, (const float *const[]){nothing}, 1, 2);
    cr_assert(isnan(a[0]));
}
