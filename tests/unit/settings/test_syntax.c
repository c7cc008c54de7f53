#include <criterion/criterion.h>

#include "settings/syntax.h"

Test(syntax, topology) {
    static const char *const good[] = {"full",
                                       "ring",
                                       "torus",
                                       "hypercube",
                                       "star",
                                       "regular:2",
                                       "regular:1024",
                                       "static-regular:4",
                                       "small-world:4,0.1",
                                       "small-world:2,0",
                                       "small-world:2,1",
                                       "small-world:2,1e-3",
                                       "file:edges.txt",
                                       "file:/a,b:c"};
    static const char *const bad[] = {"",
                                      "Full",
                                      "full ",
                                      " full",
                                      "fullx",
                                      "regular",
                                      "regular:",
                                      "regular:3",
                                      "regular:0",
                                      "regular:-2",
                                      "regular:+2",
                                      "regular: 2",
                                      "regular:2 ",
                                      "regular:02",
                                      "regular:2.0",
                                      "regular:2e0",
                                      "regular:1026",
                                      "regular:4,4",
                                      "regular:18446744073709551618",
                                      "Static-regular:4",
                                      "small-world:4",
                                      "small-world:4,",
                                      "small-world:,0.1",
                                      "small-world:3,0.1",
                                      "small-world:4,1.1",
                                      "small-world:4,-0.1",
                                      "small-world:4,nan",
                                      "small-world:4,0x1",
                                      "small-world:4,0.1,2",
                                      "small-world:4,1e999",
                                      "file:",
                                      "file"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        cr_expect(sl_topology_syntax_is_valid(good[i]), "%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect_not(sl_topology_syntax_is_valid(bad[i]), "%s", bad[i]);
}

Test(syntax, topology_file) {
    cr_expect_str_eq(sl_topology_syntax_file("file:a b"), "a b");
    cr_expect_null(sl_topology_syntax_file("full"));
}

Test(syntax, partition) {
    static const char *const good[] = {"iid",           "shards:1", "shards:2",    "dirichlet:0.5",
                                       "dirichlet:1e3", "share:1",  "share:3,1,1", "share:0.5,0.25"};
    static const char *const bad[] = {
        "",           "IID",        "iid:1",      "shards",      "shards:",      "shards:0",      "shards:-1",
        "shards:1.5", "shards:2,3", "dirichlet:", "dirichlet:0", "dirichlet:-1", "dirichlet:inf", "dirichlet:1 ",
        "share:",     "share:,",    "share:1,",   "share:,1",    "share:1,,1",   "share:1,0",     "share:1,-1",
        "share:a",    "share:1;2",  "share:1e999"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        cr_expect(sl_partition_syntax_is_valid(good[i], NULL), "%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect_not(sl_partition_syntax_is_valid(bad[i], NULL), "%s", bad[i]);
}

Test(syntax, shares_are_counted) {
    size_t shares = 99;
    cr_expect(sl_partition_syntax_is_valid("share:3,1,1", &shares));
    cr_expect_eq(shares, 3);
    cr_expect(sl_partition_syntax_is_valid("iid", &shares));
    cr_expect_eq(shares, 0);
    cr_expect_not(sl_partition_syntax_is_valid("share:3,1,x", &shares));
    cr_expect_eq(shares, 0);
}
