/* Thousands of nodes that only watch each other, on a virtual network: the detector of src/membership, the same code as
 * in a node, with statements that are four bytes instead of signed ones, so that a flock of ten thousand, in which each
 * knows each, fits into memory.
 *
 * What is told to whom follows membership/gossip.c: news of oneself to all connected, other news to at most 8 of them
 * but the teller; with every fourth ping the digest of the roster; where it differs, what differs, by parts of the
 * roster. Connections: a full mesh up to 128 nodes, above that an active view of 6 … 12 (drawn at the start; who loses
 * one gets another); a probe through a helper that is not connected dials. */
#ifndef SL_SIM_MEMBERSHIP_FLOCK_H
#define SL_SIM_MEMBERSHIP_FLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include <starling/error.h>

struct sl_sim_flock;

struct sl_sim_flock_options {
    uint32_t nodes;
    uint64_t seed;
    sl_time probe_period;
    sl_time delay, jitter; /* of a message: delay + uniform [0, jitter) */
    double loss;           /* share of messages, [0, 1) */
};

struct sl_sim_flock_counts {
    uint64_t messages, bytes; /* sent: frames, without TLS and TCP */
    uint64_t suspicions;      /* first accusations by nodes of nodes that live */
    uint64_t false_drops;     /* nodes that take a living one for dropped: each pair counts */
};

SL_MUST_USE enum sl_status sl_sim_flock_create(struct sl_sim_flock **out, const struct sl_sim_flock_options *options);
void sl_sim_flock_destroy(struct sl_sim_flock *flock);
/* SL_NO_MEMORY is the only failure. */
SL_MUST_USE enum sl_status sl_sim_flock_run(struct sl_sim_flock *flock, sl_time until);
/* Until every living node has `node` as it is (alive or not), or `until`. *known: it is so. */
SL_MUST_USE enum sl_status sl_sim_flock_run_until_known(struct sl_sim_flock *flock, uint32_t node, sl_time until,
                                                        bool *known);
void sl_sim_flock_crash(struct sl_sim_flock *flock, uint32_t node); /* its connections stay, and are silent */
/* One that is down comes back, knowing only `contact`. */
SL_MUST_USE enum sl_status sl_sim_flock_start(struct sl_sim_flock *flock, uint32_t node, uint32_t contact);
sl_time sl_sim_flock_now(const struct sl_sim_flock *flock);
struct sl_sim_flock_counts sl_sim_flock_counts(const struct sl_sim_flock *flock);

#endif
