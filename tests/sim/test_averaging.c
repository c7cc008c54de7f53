/* The exact tests of averaging that concern graphs and weights, through the real round machine: a full mesh is FedAvg,
 * static graphs contract as their spectra say, random regular graphs as (1/(s+1))(1 − s/(n−1)). */
#include <math.h>
#include <string.h>

#include "flock.h"

static void check_full_mesh(const uint64_t *samples) {
    struct flock flock;
    flock_init(&flock, "full", 8, 3, 5);
    flock.options.samples = samples;
    flock_create(&flock);
    double wanted[8] = {0}, total = 0;
    for (uint32_t i = 0; i < 8; i++) {
        double weight = samples != NULL ? (double)samples[i] : 1;
        total += weight;
        for (uint32_t e = 0; e < 8; e++)
            wanted[e] += weight * (double)sl_world_model(flock.world, i)[e];
    }
    flock_run(&flock, SL_NEVER);
    for (uint64_t t = 1; t <= 3; t++) {
        const struct sl_world_round *row = sl_world_round(flock.world, t);
        cr_expect_eq(row->clean, 8, "round %d", (int)t);
        for (uint32_t i = 0; i < 8; i++) {
            cr_expect_eq(memcmp(row->values + 8 * i, row->values, 8 * sizeof(float)), 0, "node %u round %d", i, (int)t);
            for (uint32_t e = 0; e < 8; e++)
                cr_expect_leq(fabs((double)row->values[8 * i + e] - wanted[e] / total), 1e-6 * fabs(wanted[e] / total),
                              "node %u element %u", i, e);
        }
    }
    flock_finish(&flock);
}

Test(averaging, full_mesh_is_fedavg_and_bit_identical) {
    check_full_mesh(NULL);
}

Test(averaging, full_mesh_by_samples_is_fedavg_and_bit_identical) {
    const uint64_t samples[8] = {100, 200, 300, 400, 500, 600, 700, 800};
    check_full_mesh(samples);
}

Test(averaging, ring_of_8_contracts_a_wave) {
    struct flock flock;
    float wave[8];
    for (int i = 0; i < 8; i++)
        wave[i] = (float)cos(2 * M_PI * i / 8);
    flock_init(&flock, "ring", 8, 10, 1);
    flock.options.elements = 1;
    flock.options.initial = wave;
    flock_run_out(&flock);
    double amplitude = 0; /* projection on the wave that was there */
    for (uint32_t i = 0; i < 8; i++)
        amplitude += (double)sl_world_model(flock.world, i)[0] * cos(2 * M_PI * i / 8) / 4;
    cr_expect_float_eq(amplitude, 0.11391, 1e-5, "amplitude %.7f", amplitude);
    flock_finish(&flock);
}

/* The factor a round of the slowest mode, which `initial` is. */
static void check_factor(const char *topology, uint32_t nodes, const float *initial, double factor) {
    struct flock flock;
    flock_init(&flock, topology, nodes, 3, 1);
    flock.options.elements = 1;
    flock.options.initial = initial;
    flock_create(&flock);
    flock_run(&flock, SL_NEVER);
    for (uint32_t i = 0; i < nodes; i++) {
        double wanted = (double)initial[i] * factor * factor * factor;
        cr_expect_float_eq((double)sl_world_model(flock.world, i)[0], wanted, 1e-6, "%s node %u", topology, i);
    }
    flock_finish(&flock);
}

Test(averaging, ring_of_4_contracts_by_a_third) {
    check_factor("ring", 4, (const float[]){1, 0, -1, 0}, 1.0 / 3);
}

Test(averaging, torus_of_16_contracts_by_three_fifths) {
    float wave[16];
    for (int i = 0; i < 16; i++)
        wave[i] = (float)((const int[]){1, 0, -1, 0})[i / 4];
    check_factor("torus", 16, wave, 0.6);
}

/* The mean over seeds of log(variance ratio): mean ratios of random graphs are not exactly β in each round. */
static double contraction(const char *topology, uint32_t nodes, uint64_t seeds, uint64_t rounds) {
    double sum = 0;
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        struct flock flock;
        flock_init(&flock, topology, nodes, rounds, seed);
        flock.options.elements = 16;
        flock.options.contacts = nodes > 128 ? 12 : 0;
        flock_run_out(&flock);
        double ratios = 0;
        for (uint64_t t = 2; t <= rounds; t++)
            ratios += flock_variance(&flock, sl_world_round(flock.world, t)->values) /
                      flock_variance(&flock, sl_world_round(flock.world, t - 1)->values);
        sum += ratios / (double)(rounds - 1);
        flock_finish(&flock);
    }
    return sum / (double)seeds;
}

Test(averaging, regular_4_of_16_contracts_as_computed) {
    double ratio = contraction("regular:4", 16, 200, 6);
    cr_expect_float_eq(ratio, 0.1467, 0.005, "ratio %.5f", ratio);
}

Test(averaging, regular_6_of_1000_contracts_as_computed) {
    double ratio = contraction("regular:6", 1000, 1, 6);
    cr_expect_float_eq(ratio, 0.1420, 0.005, "ratio %.5f", ratio);
}
