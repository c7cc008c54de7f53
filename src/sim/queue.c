#include "sim/queue.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/array.h"

static bool is_before(const struct sl_sim_item *a, const struct sl_sim_item *b) {
    return a->at != b->at ? a->at < b->at : a->sequence < b->sequence;
}

enum sl_status sl_sim_queue_push(struct sl_sim_queue *queue, sl_time at, void *what) {
    enum sl_status status = sl_array_reserve(&queue->items, &queue->capacity, queue->count + 1, sizeof *queue->items);
    if (status != SL_OK)
        return status;
    struct sl_sim_item item = {.at = at, .sequence = queue->sequence++, .what = what};
    size_t place = queue->count++;
    while (place > 0 && is_before(&item, &queue->items[(place - 1) / 2])) {
        queue->items[place] = queue->items[(place - 1) / 2];
        place = (place - 1) / 2;
    }
    queue->items[place] = item;
    return SL_OK;
}

struct sl_sim_item sl_sim_queue_pop(struct sl_sim_queue *queue) {
    if (queue->count == 0)
        return (struct sl_sim_item){.at = SL_NEVER, .what = NULL};
    struct sl_sim_item first = queue->items[0], last = queue->items[--queue->count];
    size_t place = 0;
    for (;;) {
        size_t child = 2 * place + 1;
        if (child >= queue->count)
            break;
        if (child + 1 < queue->count && is_before(&queue->items[child + 1], &queue->items[child]))
            child++;
        if (!is_before(&queue->items[child], &last))
            break;
        queue->items[place] = queue->items[child];
        place = child;
    }
    if (queue->count > 0)
        queue->items[place] = last;
    return first;
}

void sl_sim_queue_finish(struct sl_sim_queue *queue) {
    free(queue->items);
    *queue = (struct sl_sim_queue){.items = NULL};
}
