/* Two nodes meet, train, exchange, mix and leave, while one allocation of all that they make fails, on whatever thread
 * it comes: the node goes on, or ends and says that it was for lack of memory; the other one goes on; nothing hangs,
 * nothing leaks. With STARLING_EVERY_ALLOCATION set, each is made to fail; else the first ones and then fewer and
 * fewer, as they are much alike. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "failing.h"
#include "support/nodes.h"

static struct sl_test_nodes nodes;

static void set_up(void) {
    sl_test_nodes_init(&nodes);
}

static void tear_down(void) {
    sl_test_nodes_finish(&nodes);
}

TestSuite(allocations_node, .init = set_up, .fini = tear_down);

static bool is_for_memory(enum sl_status outcome) {
    return outcome == SL_OK || outcome == SL_LEFT_OUT || outcome == SL_CANCELLED || outcome == SL_NO_MEMORY;
}

/* False: it came to fewer than n allocations. */
static bool meet(size_t n) {
    for (size_t i = 0; i < 2; i++) {
        struct sl_error error = {.status = SL_OK, .text = ""};
        sl_test_nodes_load(&nodes, i);
        cr_assert_eq(sl_test_nodes_create(&nodes, i, &error), SL_OK, "%s", error.text);
    }
    failing_arm(n, FAILING_LIBEVENT);
    bool ended = sl_test_nodes_run(&nodes);
    bool failed = failing_disarm();
    cr_assert(ended, "without allocation %zu: a node hangs", n);
    const char *complaint = sl_test_nodes_complaint(&nodes, failed);
    cr_assert_null(complaint, "without allocation %zu: %s", n, complaint);
    for (size_t i = 0; i < 2; i++)
        cr_assert(is_for_memory(nodes.members[i].outcome), "without allocation %zu: %s: %s", n, nodes.members[i].name,
                  nodes.members[i].failure.text);
    sl_test_nodes_forget(&nodes);
    return failed;
}

Test(allocations_node, two_rounds) {
    bool every = getenv("STARLING_EVERY_ALLOCATION") != NULL;
    size_t n = 1;
    while (meet(n)) {
        failing_check_leaks();
        n += every ? 1 : 1 + n / 8;
    }
    failing_check_leaks();
    cr_assert_geq(n, 200);
}

/* False: it came to fewer than n allocations. */
static bool begin(size_t n) {
    struct sl_test_member *alice = &nodes.members[0];
    struct sl_error error = {.status = SL_OK, .text = ""};
    sl_test_nodes_load(&nodes, 0);
    failing_arm(n, FAILING_LIBEVENT);
    enum sl_status status = sl_test_nodes_create(&nodes, 0, &error);
    bool failed = failing_disarm();
    cr_assert(status == SL_OK || (failed && status == SL_NO_MEMORY), "without allocation %zu: %s: %s", n,
              sl_status_text(status), error.text);
    cr_assert((alice->node != NULL) == (status == SL_OK));
    sl_test_nodes_forget(&nodes);
    return failed;
}

Test(allocations_node, a_start) {
    size_t n = 1;
    while (begin(n))
        n++;
    failing_check_leaks();
    cr_assert_geq(n, 100);
}
