/* The threads of a learner: they run the lanes of a batch and sleep between batches. Private to learner. */
#ifndef SL_LEARNER_LANES_H
#define SL_LEARNER_LANES_H

#include <stdint.h>

#include <starling/error.h>

struct sl_lanes;

/* `lanes` ≥ 1 pieces of work a call on at most `threads` threads, the caller's being one of them. */
SL_MUST_USE enum sl_status sl_lanes_create(struct sl_lanes **out, uint32_t lanes, uint32_t threads,
                                           struct sl_error *error);
void sl_lanes_destroy(struct sl_lanes *lanes); /* accepts NULL */

/* Calls run(context, lane) once for every lane, at the same time for some; returns when all have returned. */
void sl_lanes_run(struct sl_lanes *lanes, void (*run)(void *context, uint32_t lane), void *context);

#endif
