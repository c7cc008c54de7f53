/* A virtual flock for these tests, with options that most of them share. */
#ifndef TESTS_SIM_FLOCK_H
#define TESTS_SIM_FLOCK_H

#include <criterion/criterion.h>

#include "sim/world.h"

struct flock {
    struct sl_topology topology;
    struct sl_world_options options;
    struct sl_world *world;
};

/* Only averaging, 8 elements, no faults; deadlines 0.2 … 2 s, a way of 10 to 15 ms. */
static inline void flock_init(struct flock *flock, const char *topology, uint32_t nodes, uint64_t rounds,
                              uint64_t seed) {
    *flock = (struct flock){.world = NULL};
    cr_assert_eq(sl_topology_parse(&flock->topology, topology, NULL), SL_OK);
    flock->options = (struct sl_world_options){.nodes = nodes,
                                               .elements = 8,
                                               .rounds = rounds,
                                               .averaging_rounds = rounds,
                                               .seed = seed,
                                               .topology = &flock->topology,
                                               .delay = 10 * SL_MILLISECOND,
                                               .jitter = 5 * SL_MILLISECOND,
                                               .suspect_after = SL_SECOND,
                                               .deadline_min = 200 * SL_MILLISECOND,
                                               .deadline_max = 2 * SL_SECOND,
                                               .linger_max = 4 * SL_SECOND};
}

static inline void flock_create(struct flock *flock) {
    struct sl_error error = {.status = SL_OK, .text = ""};
    cr_assert_eq(sl_world_create(&flock->world, &flock->options, &error), SL_OK, "%s", error.text);
}

static inline void flock_run(struct flock *flock, sl_time until) {
    sl_world_run(flock->world, until);
    cr_assert_eq(sl_world_status(flock->world), SL_OK, "%s", sl_status_text(sl_world_status(flock->world)));
}

static inline void flock_run_out(struct flock *flock) {
    flock_create(flock);
    flock_run(flock, SL_NEVER);
}

static inline void flock_finish(struct flock *flock) {
    sl_world_destroy(flock->world);
    sl_topology_finish(&flock->topology);
}

static inline bool flock_is_up(const struct flock *flock, uint32_t node) {
    return sl_world_machine(flock->world, node) != NULL;
}

/* Mean over elements of the variance over nodes of a round's models. */
static inline double flock_variance(const struct flock *flock, const float *values) {
    size_t nodes = flock->options.nodes, elements = flock->options.elements;
    double sum = 0;
    for (size_t e = 0; e < elements; e++) {
        double mean = 0, squares = 0;
        for (size_t i = 0; i < nodes; i++)
            mean += (double)values[i * elements + e] / (double)nodes;
        for (size_t i = 0; i < nodes; i++) {
            double difference = (double)values[i * elements + e] - mean;
            squares += difference * difference;
        }
        sum += squares / (double)nodes;
    }
    return sum / (double)elements;
}

/* The sum of all masses (sl_world_mass), elements long. */
static inline void flock_mass(const struct flock *flock, double *out) {
    double mass[64];
    cr_assert_leq(flock->options.elements, 64);
    for (uint32_t e = 0; e < flock->options.elements; e++)
        out[e] = 0;
    for (uint32_t i = 0; i < flock->options.nodes; i++) {
        sl_world_mass(flock->world, i, mass);
        for (uint32_t e = 0; e < flock->options.elements; e++)
            out[e] += mass[e];
    }
}

/* Of those alone that the ledger has: with an audit, nodes that began. Edges that are not decided yet included. */
static inline void flock_present_mass(const struct flock *flock, double *out) {
    sl_world_present_mass(flock->world, out);
}

/* ‖a − b‖ / ‖b‖ */
static inline double flock_distance(const double *a, const double *b, size_t count) {
    double distance = 0, norm = 0;
    for (size_t e = 0; e < count; e++) {
        distance += (a[e] - b[e]) * (a[e] - b[e]);
        norm += b[e] * b[e];
    }
    return __builtin_sqrt(distance / norm);
}

#endif
