/* The total order of what happens: by time, at equal times by who came first. */
#include <criterion/criterion.h>

#include "base/random.h"
#include "sim/queue.h"

Test(queue, pops_in_order_of_time_and_arrival) {
    struct sl_sim_queue queue = {.items = NULL};
    struct sl_random random;
    static char things[2000];
    sl_random_init(&random, 5, 0);
    for (size_t i = 0; i < sizeof things; i++)
        cr_assert_eq(sl_sim_queue_push(&queue, (sl_time)sl_random_below(&random, 50), &things[i]), SL_OK);
    struct sl_sim_item last = {.at = -1};
    for (size_t i = 0; i < sizeof things; i++) {
        struct sl_sim_item item = sl_sim_queue_pop(&queue);
        cr_assert_not_null(item.what);
        cr_expect(item.at > last.at || (item.at == last.at && item.sequence > last.sequence));
        cr_expect_eq(item.what, &things[item.sequence]);
        last = item;
    }
    cr_expect_null(sl_sim_queue_pop(&queue).what);
    sl_sim_queue_finish(&queue);
}
