/* What an honest node must never do, whatever else of it is wrong. */
#include <criterion/criterion.h>

#include "node/internal.h"

Test(node_publish, only_one_update_of_a_round_is_ever_signed) {
    struct sl_error error = {.status = SL_OK, .text = ""};
    uint64_t signed_round = 0;
    cr_assert_eq(node_sign_once(&signed_round, 1, &error), SL_OK);
    cr_assert_eq(node_sign_once(&signed_round, 1, &error), SL_INTERNAL);
    cr_assert_eq(node_sign_once(&signed_round, 7, &error), SL_OK, "rounds may be left out");
    cr_assert_eq(node_sign_once(&signed_round, 6, &error), SL_INTERNAL, "it may have been signed then");
    cr_assert_eq(node_sign_once(&signed_round, 7, &error), SL_INTERNAL);
    cr_assert_eq(node_sign_once(&signed_round, 8, &error), SL_OK);
}
