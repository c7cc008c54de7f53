/* Rounds over the real membership, with the connections that it makes: how many models a round costs, and how soon one
 * who joins is in its graph. Each node holds a roster with all that a real one has, so that a flock of a thousand takes
 * gigabytes. */
#ifndef SL_SIM_MEMBERSHIP_ROUNDS_H
#define SL_SIM_MEMBERSHIP_ROUNDS_H

#include <stdint.h>

#include "base/clock.h"
#include <starling/error.h>

struct sl_sim_rounds_options {
    uint32_t nodes; /* ≥ 3; up to 128 begin together, the others join before anything is measured */
    uint64_t seed;
    uint32_t degree; /* of the rounds' regular graph, another each round; even */
    sl_time probe_period, delay, jitter;
};

struct sl_sim_rounds_outcome {
    double models; /* sent a node and round, in rounds in which everybody takes part */
    /* Of a new member: rounds from the one in which the last of the others heard that it takes part, and from which on,
     * to the first that it closed with all of them; the same from the round in which it was started; and the time from
     * its start until that last one heard of it. */
    double join_rounds, join_rounds_in_all, join_known;
};

/* Training takes 1 s, and everybody's edges count but by bad luck. SL_STATE: the flock never came together, or the new
 * member not in. */
SL_MUST_USE enum sl_status sl_sim_measure_rounds(struct sl_sim_rounds_outcome *out,
                                                 const struct sl_sim_rounds_options *options);

#endif
