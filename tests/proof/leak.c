/* Must fail in a build with AddressSanitizer: Criterion passes a case that leaks unless build and environment are
 * right, and then every other case under it would prove nothing. */
#include <criterion/criterion.h>
#include <stdlib.h>

Test(proof, leak) {
    void *volatile lost = malloc(16);
    cr_assert_not_null(lost);
    lost = NULL;
}
