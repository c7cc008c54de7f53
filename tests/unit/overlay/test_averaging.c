/* The numbers of the plan's averaging rules, in double precision on the graphs and weights alone. */
#include <criterion/criterion.h>
#include <math.h>

#include "base/random.h"
#include "graphs.h"

static struct sl_overlay_member members[GRAPH_MAX];
static struct graph graph;

static double variance(const double *values, size_t count) {
    double mean = 0, sum = 0;
    for (size_t i = 0; i < count; i++)
        mean += values[i] / (double)count;
    for (size_t i = 0; i < count; i++)
        sum += (values[i] - mean) * (values[i] - mean);
    return sum / (double)count;
}

/* Mean ratio of the variances after and before a round, from fresh normal values, over seeds. */
static double contraction(uint32_t degree, size_t count, uint64_t trials) {
    struct sl_topology topology = {.kind = SL_TOPOLOGY_REGULAR, .degree = degree};
    double ratio = 0;
    make_members(members, count, 3);
    for (uint64_t trial = 0; trial < trials; trial++) {
        static double values[GRAPH_MAX];
        struct sl_random random;
        sl_random_init(&random, trial, 9);
        for (size_t i = 0; i < count; i++)
            values[i] = sl_random_normal(&random);
        make_graph(&graph, &topology, members, count, 5, trial);
        double before = variance(values, count);
        mix(&graph, values);
        ratio += variance(values, count) / before / (double)trials;
        finish_graph(&graph);
    }
    return ratio;
}

Test(overlay_averaging, variance_shrinks_as_proved) {
    /* beta = (1/(s+1)) (1 - s/(n-1)) */
    cr_assert_float_eq(contraction(4, 16, 3000), 0.1467, 0.005);
    cr_assert_float_eq(contraction(6, 1000, 30), 0.1420, 0.005);
}

static double cosine(size_t i, size_t count) {
    return cos(2 * M_PI * (double)i / (double)count);
}

Test(overlay_averaging, ring_of_eight) {
    struct sl_topology topology = {.kind = SL_TOPOLOGY_RING};
    double values[8];
    make_members(members, 8, 1);
    make_graph(&graph, &topology, members, 8, 1, 1);
    for (size_t i = 0; i < 8; i++)
        values[i] = cosine(i, 8);
    for (int round = 0; round < 10; round++)
        mix(&graph, values);
    for (size_t i = 0; i < 8; i++)
        cr_assert_float_eq(values[i], 0.11391 * cosine(i, 8), 1e-5);
    finish_graph(&graph);
}

Test(overlay_averaging, ring_of_four_and_torus) {
    struct sl_topology ring = {.kind = SL_TOPOLOGY_RING}, torus = {.kind = SL_TOPOLOGY_TORUS};
    double values[16];
    make_members(members, 16, 1);
    make_graph(&graph, &ring, members, 4, 1, 1);
    for (size_t i = 0; i < 4; i++)
        values[i] = cosine(i, 4);
    mix(&graph, values);
    for (size_t i = 0; i < 4; i++)
        cr_assert_float_eq(values[i], cosine(i, 4) / 3, 1e-12);
    finish_graph(&graph);
    make_graph(&graph, &torus, members, 16, 1, 1);
    for (size_t i = 0; i < 16; i++)
        values[i] = cosine(i % 4, 4);
    mix(&graph, values);
    for (size_t i = 0; i < 16; i++)
        cr_assert_float_eq(values[i], 0.6 * cosine(i % 4, 4), 1e-12);
    finish_graph(&graph);
}

Test(overlay_averaging, weights_keep_the_mean_whatever_the_graph) {
    struct sl_topology topology = {.kind = SL_TOPOLOGY_SMALL_WORLD, .degree = 4, .probability = 0.5};
    struct sl_topology star = {.kind = SL_TOPOLOGY_STAR};
    const struct sl_topology *both[] = {&topology, &star};
    make_members(members, 50, 1);
    for (size_t which = 0; which < 2; which++) {
        double values[50], sum = 0;
        make_graph(&graph, both[which], members, 50, 1, 1);
        for (size_t i = 0; i < 50; i++)
            values[i] = (double)(i * i);
        for (int round = 0; round < 20; round++)
            mix(&graph, values);
        for (size_t i = 0; i < 50; i++)
            sum += values[i];
        cr_assert_float_eq(sum, 40425, 1e-9);
        finish_graph(&graph);
    }
    cr_assert_eq(sl_overlay_weight(3, 1), 0.25);
    cr_assert_eq(sl_overlay_weight(1, 3), 0.25);
}
