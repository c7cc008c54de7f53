#include <criterion/criterion.h>
#include <string.h>

#include "settings/nearest.h"

Test(nearest, edit_distance) {
    cr_expect_eq(sl_edit_distance("", ""), 0);
    cr_expect_eq(sl_edit_distance("", "abc"), 3);
    cr_expect_eq(sl_edit_distance("abc", ""), 3);
    cr_expect_eq(sl_edit_distance("rounds", "rounds"), 0);
    cr_expect_eq(sl_edit_distance("ruonds", "rounds"), 1); /* a swap */
    cr_expect_eq(sl_edit_distance("round", "rounds"), 1);
    cr_expect_eq(sl_edit_distance("sound", "round"), 1);
    cr_expect_eq(sl_edit_distance("kitten", "sitting"), 3);
    cr_expect_eq(sl_edit_distance("ca", "abc"), 3); /* optimal string alignment, not unrestricted */
}

Test(nearest, edit_distance_of_long_words_is_of_their_beginnings) {
    char a[4096];
    memset(a, 'a', sizeof a - 1);
    a[sizeof a - 1] = '\0';
    cr_expect_eq(sl_edit_distance(a, ""), 64);
    cr_expect_eq(sl_edit_distance(a, a), 0);
}

Test(nearest, key) {
    cr_expect_str_eq(sl_setting_nearest("transport.listn"), "transport.listen");
    cr_expect_str_eq(sl_setting_nearest("round.ruonds"), "round.rounds");
    cr_expect_str_eq(sl_setting_nearest("rounds"), "round.rounds");
    cr_expect_str_eq(sl_setting_nearest("flock.rounds"), "round.rounds");
    cr_expect_str_eq(sl_setting_nearest("flock.nam"), "flock.name");
    cr_expect_str_eq(sl_setting_nearest("node.nam"), "node.name");
    cr_expect_not_null(sl_setting_nearest(""));
}

Test(nearest, section) {
    cr_expect_str_eq(sl_setting_nearest_section("flok"), "flock");
    cr_expect_str_eq(sl_setting_nearest_section("transprot"), "transport");
    cr_expect_str_eq(sl_setting_nearest_section("rounds"), "round");
}

Test(nearest, variable) {
    cr_expect_str_eq(sl_setting_nearest_variable("STARLING_ROUND_ROUDNS")->path, "round.rounds");
    cr_expect_str_eq(sl_setting_nearest_variable("STARLING_ROUND_ROUNDS")->path, "round.rounds");
    cr_expect_null(sl_setting_nearest_variable("STARLING_SERVICE_HOST"));
    cr_expect_null(sl_setting_nearest_variable("STARLING_SANITIZED"));
}
