/* Wrong on purpose: a Criterion test that leaks. It proves that the other tests would fail if they did. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/buffer.h"

Test(must_fail, leak) {
    struct sl_buffer buffer = {0};
    cr_assert_eq(sl_buffer_append(&buffer, "never freed", 11), SL_OK);
    memset(&buffer, 0, sizeof buffer); /* the last pointer to it */
}
