/* What happens when, in virtual time: a binary heap in the total order (time, sequence), so that two things at the same
 * time happen in the order in which they were put in, on every machine. */
#ifndef SL_SIM_QUEUE_H
#define SL_SIM_QUEUE_H

#include <stddef.h>

#include "base/clock.h"
#include <starling/error.h>

struct sl_sim_item {
    sl_time at;
    uint64_t sequence;
    void *what; /* the caller's */
};
/* All zero is an empty queue. */
struct sl_sim_queue {
    struct sl_sim_item *items;
    size_t count, capacity;
    uint64_t sequence;
};

SL_MUST_USE enum sl_status sl_sim_queue_push(struct sl_sim_queue *queue, sl_time at, void *what);
/* The earliest item; `what` NULL when the queue is empty. */
struct sl_sim_item sl_sim_queue_pop(struct sl_sim_queue *queue);
void sl_sim_queue_finish(struct sl_sim_queue *queue); /* frees the heap, not what is in it */

#endif
