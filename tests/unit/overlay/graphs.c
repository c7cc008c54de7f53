#include "graphs.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"

void make_members(struct sl_overlay_member *out, size_t count, uint64_t salt) {
    static char names[GRAPH_MAX][8];
    for (size_t i = 0; i < count; i++) {
        snprintf(names[i], sizeof names[i], "m%04zu", i % 10000);
        out[i] = (struct sl_overlay_member){.name = names[i], .tag = sl_philox_u64(salt, i, 77)};
    }
}

static bool has(const struct graph *graph, uint32_t a, uint32_t b) {
    for (uint32_t i = 0; i < graph->degree[a]; i++) {
        if (graph->peers[a][i] == b)
            return true;
    }
    return false;
}

static void check_connected(const struct graph *graph) {
    static bool seen[GRAPH_MAX];
    static uint32_t queue[GRAPH_MAX];
    size_t reached = 1;
    memset(seen, 0, sizeof seen);
    seen[0] = true;
    queue[0] = 0;
    for (size_t at = 0; at < reached; at++) {
        for (uint32_t i = 0; i < graph->degree[queue[at]]; i++) {
            uint32_t peer = graph->peers[queue[at]][i];
            if (!seen[peer]) {
                seen[peer] = true;
                queue[reached++] = peer;
            }
        }
    }
    cr_assert_eq(reached, graph->count, "connected");
}

void make_graph(struct graph *graph, const struct sl_topology *topology, const struct sl_overlay_member *members,
                size_t count, uint64_t seed, uint64_t round) {
    static uint32_t found[GRAPH_MAX];
    struct sl_graph_cache *cache = sl_graph_cache_create();
    graph->count = count;
    for (size_t i = 0; i < count; i++) {
        size_t degree = 0;
        cr_assert_eq(sl_graph_cache_neighbours(cache, topology, found, &degree, members, count, i, seed, round), SL_OK);
        cr_assert_lt(degree, count);
        graph->degree[i] = (uint32_t)degree;
        graph->peers[i] = malloc((degree + 1) * sizeof *found);
        memcpy(graph->peers[i], found, degree * sizeof *found);
        for (size_t j = 0; j < degree; j++) {
            cr_assert_lt(found[j], count);
            cr_assert_neq(found[j], i);
            cr_assert(j == 0 || found[j - 1] < found[j], "ascending, none twice");
        }
    }
    sl_graph_cache_destroy(cache);
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < graph->degree[i]; j++)
            cr_assert(has(graph, graph->peers[i][j], i), "symmetric");
    }
    check_connected(graph);
}

void finish_graph(struct graph *graph) {
    for (size_t i = 0; i < graph->count; i++)
        free(graph->peers[i]);
    graph->count = 0;
}

void mix(const struct graph *graph, double *values) {
    static double before[GRAPH_MAX];
    memcpy(before, values, graph->count * sizeof *before);
    for (uint32_t i = 0; i < graph->count; i++) {
        for (uint32_t j = 0; j < graph->degree[i]; j++) {
            uint32_t peer = graph->peers[i][j];
            values[i] += sl_overlay_weight(graph->degree[i], graph->degree[peer]) * (before[peer] - before[i]);
        }
    }
}
