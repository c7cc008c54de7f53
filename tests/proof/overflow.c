/* Must fail in a build with UndefinedBehaviorSanitizer, as leak.c must with the other. */
#include <criterion/criterion.h>
#include <limits.h>

Test(proof, overflow) {
    volatile int large = INT_MAX;
    large = large + 1;
    cr_assert_eq(large, INT_MIN);
}
