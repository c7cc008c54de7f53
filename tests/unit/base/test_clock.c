#include "base/clock.h"

#include <criterion/criterion.h>
#include <math.h>
#include <time.h>

Test(clock, monotonic_never_goes_back) {
    sl_time before = sl_clock_monotonic();
    for (int i = 0; i < 1000; i++) {
        sl_time now = sl_clock_monotonic();
        cr_assert_geq(now, before);
        before = now;
    }
}

Test(clock, wall_is_in_nanoseconds_since_1970) {
    time_t before = time(NULL);
    sl_time now = sl_clock_wall();
    cr_expect_geq(now / SL_SECOND, before - 1);
    cr_expect_leq(now / SL_SECOND, time(NULL) + 1);
}

Test(clock, from_seconds) {
    const struct {
        double seconds;
        sl_time time;
    } cases[] = {{0, 0},
                 {1, SL_SECOND},
                 {0.25, 250 * SL_MILLISECOND},
                 {1e-9, 1},
                 {0.4e-9, 0},
                 {0.6e-9, 1},
                 {1.5e-3, 1500000},
                 {-1, 0},
                 {-0.0, 0},
                 {NAN, 0},
                 {-INFINITY, 0},
                 {INFINITY, SL_NEVER},
                 {1e300, SL_NEVER},
                 {9223372036.854775807, SL_NEVER},
                 {1e9, 1000000000 * SL_SECOND}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect_eq(sl_time_from_seconds(cases[i].seconds), cases[i].time, "%g s", cases[i].seconds);
}

Test(clock, to_seconds_is_the_way_back) {
    cr_expect_eq(sl_time_to_seconds(sl_time_from_seconds(12.125)), 12.125);
}
