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
    double loss;                       /* share of messages lost, [0, 1); none until all nodes are in round 1 */
    double delay, jitter;              /* s, one way: delay + uniform [0, jitter) */
    double deadline_min, deadline_max; /* s, ≥ 0.001 */
    bool json;                         /* JSON lines instead of a table */
};

/* Fills the defaults: 100 nodes, 100 rounds, seed 1, "regular:6", 16 elements, no loss, 10 ms + 5 ms, deadlines 0.2 s
 * to 2 s. */
SL_PUBLIC void sl_simulation_defaults(struct sl_simulation_options *options);

/* The nodes start with normal vectors and only average (no local steps). Writes a line a round and a summary: the drift
 * of the mean against the start's (relative, 2-norm), the variance over nodes (mean over elements) and its ratio to the
 * round before, ends of edges counted (late ones included) and planned (an edge has two), messages lost, ends settled
 * late; in the summary a SHA-256 of all final vectors. More than 128 nodes are connected by a static regular graph of
 * degree 12 for what is told to all, and reach the peers of a round directly. SL_USAGE, or what parsing the topology
 * gave, for options that are out of range; SL_IO when `out` fails. */
SL_PUBLIC SL_MUST_USE enum sl_status sl_simulate(const struct sl_simulation_options *options, FILE *out,
                                                 struct sl_error *error);

struct sl_membership_simulation_options {
    uint32_t nodes; /* 3 … 20000 */
    uint32_t seeds; /* how many runs: with `seed`, `seed` + 1, … */
    uint64_t seed;
    double probe_period; /* s */
    double delay, jitter;
    double loss;  /* share of messages lost, [0, 1), in those parts that are about loss */
    double hours; /* of virtual time, in which wrong drops are counted; 0: the parts about loss are left out */
    bool rounds;  /* measures rounds, too: at most 2000 nodes */
    bool json;
};

/* Fills the defaults: 16 nodes, 20 seeds from 1 on, probes every second, 10 ms + 5 ms, 10 % loss, an hour. */
SL_PUBLIC void sl_membership_simulation_defaults(struct sl_membership_simulation_options *options);

/* How a flock watches itself: the failure detector of the nodes, without rounds. Writes one line of medians over the
 * seeds: frames and bytes a node and second while nothing happens; seconds until a crash, of a machine whose
 * connections just fall silent, and until a node that comes back, is known to all, with and without loss; and as sums
 * over the seeds how often a living node was suspected, and was taken for dropped by another. Above 128 nodes each is
 * connected with some 12. With `rounds` the whole membership makes the connections of rounds whose graph is regular:4:
 * models sent a node and round; and of one who joins, the rounds from when the last of the others heard that it takes
 * part until it does, and those from its start. SL_USAGE for options that are out of range; SL_IO when `out` fails. */
SL_PUBLIC SL_MUST_USE enum sl_status sl_simulate_membership(const struct sl_membership_simulation_options *options,
                                                            FILE *out, struct sl_error *error);

#endif
