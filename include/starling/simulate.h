/* The protocol on virtual time and a virtual network: the same code that nodes run, a thousand of them in one process.
 * The same options give the same output to the bit. */
#ifndef STARLING_SIMULATE_H
#define STARLING_SIMULATE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <starling/error.h>

struct sl_simulation_options {
    uint32_t nodes;
    uint32_t rounds;
    uint64_t seed;
    const char *topology;              /* as overlay.topology */
    uint32_t elements;                 /* length of the vector that is averaged */
    double loss;                       /* share of messages lost, [0, 1) */
    double delay, jitter;              /* s, one way: delay + uniform [0, jitter) */
    double deadline_min, deadline_max; /* s */
    bool json;                         /* JSON lines instead of a table */
};

/* Fills the defaults: 100 nodes, 100 rounds, seed 1, "regular:6", 16 elements, no loss, 10 ms + 5 ms. */
SL_PUBLIC void sl_simulation_defaults(struct sl_simulation_options *options);

/* Writes a line a round (mean, variance, its ratio to the round before, edges counted, lost) and a summary. */
SL_PUBLIC SL_MUST_USE enum sl_status sl_simulate(const struct sl_simulation_options *options, FILE *out,
                                                 struct sl_error *error);

#endif
