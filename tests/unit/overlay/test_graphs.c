/* Every graph is symmetric, connected and what its name says. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "graphs.h"

static struct sl_overlay_member members[GRAPH_MAX];
static struct graph graph, other;

static struct sl_topology parse(const char *text) {
    struct sl_topology topology;
    struct sl_error error = {0};
    cr_assert_eq(sl_topology_parse(&topology, text, &error), SL_OK, "%s", error.text);
    return topology;
}

static void check_degrees(size_t least, size_t most) {
    for (size_t i = 0; i < graph.count; i++)
        cr_assert(graph.degree[i] >= least && graph.degree[i] <= most, "%u of %zu nodes", graph.degree[i], graph.count);
}

Test(overlay_graphs, regular_is_regular_for_any_size_degree_and_seed) {
    const size_t counts[] = {2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16, 17, 33, 64};
    for (uint32_t degree = 2; degree <= 16; degree += 2) {
        struct sl_topology topology = {.kind = SL_TOPOLOGY_REGULAR, .degree = degree};
        for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
            size_t wanted = counts[i] - 1 < degree ? counts[i] - 1 : degree;
            for (uint64_t seed = 0; seed < 20; seed++) {
                make_members(members, counts[i], seed);
                make_graph(&graph, &topology, members, counts[i], seed, seed * 3);
                check_degrees(wanted, wanted);
                finish_graph(&graph);
            }
        }
    }
}

Test(overlay_graphs, a_thousand_nodes) {
    const uint32_t degrees[] = {2, 6, 20};
    make_members(members, 1000, 5);
    for (size_t i = 0; i < 3; i++) {
        struct sl_topology topology = {.kind = SL_TOPOLOGY_REGULAR, .degree = degrees[i]};
        make_graph(&graph, &topology, members, 1000, 11, 4);
        check_degrees(degrees[i], degrees[i]);
        finish_graph(&graph);
    }
}

Test(overlay_graphs, the_random_graph_is_the_documented_one) {
    /* What tests/unit/overlay/reference.py computes from docs/protocol.md alone: 8 members, tags 1 … 8 × 10^18, seed
     * 42, round 7, s = 4. */
    struct sl_topology topology = {.kind = SL_TOPOLOGY_REGULAR, .degree = 4};
    make_members(members, 8, 0);
    for (size_t i = 0; i < 8; i++)
        members[i].tag = (i + 1) * UINT64_C(1000000000000000000);
    make_graph(&graph, &topology, members, 8, 42, 7);
    static const uint32_t wanted[8][4] = {
        {1, 3, 5, 7}, {0, 2, 3, 6}, {1, 4, 6, 7}, {0, 1, 4, 5}, {2, 3, 6, 7}, {0, 3, 6, 7}, {1, 2, 4, 5}, {0, 2, 4, 5},
    };
    for (size_t i = 0; i < 8; i++)
        cr_assert_arr_eq(graph.peers[i], wanted[i], sizeof wanted[i], "member %zu", i);
    finish_graph(&graph);
}

static size_t common_edges(void) {
    size_t common = 0;
    for (size_t i = 0; i < graph.count; i++) {
        for (uint32_t a = 0; a < graph.degree[i]; a++) {
            for (uint32_t b = 0; b < other.degree[i]; b++)
                common += graph.peers[i][a] == other.peers[i][b];
        }
    }
    return common;
}

Test(overlay_graphs, another_round_or_seed_is_another_graph_but_for_the_static_one) {
    struct sl_topology topology = {.kind = SL_TOPOLOGY_REGULAR, .degree = 4};
    make_members(members, 200, 1);
    make_graph(&graph, &topology, members, 200, 1, 1);
    make_graph(&other, &topology, members, 200, 1, 2);
    cr_assert_lt(common_edges(), 60, "4 of 199 by chance: 16 of 800");
    finish_graph(&other);
    make_graph(&other, &topology, members, 200, 2, 1);
    cr_assert_lt(common_edges(), 60);
    finish_graph(&graph);
    finish_graph(&other);
    topology.kind = SL_TOPOLOGY_STATIC_REGULAR;
    make_graph(&graph, &topology, members, 200, 1, 1);
    make_graph(&other, &topology, members, 200, 1, 2);
    cr_assert_eq(common_edges(), 800);
    finish_graph(&graph);
    finish_graph(&other);
}

/* Of the edges of a roster without its last member, how many are there with it, too, in thousandths. */
static size_t kept(uint32_t degree, size_t count, uint64_t seed) {
    struct sl_topology topology = {.kind = SL_TOPOLOGY_REGULAR, .degree = degree};
    make_members(members, count, seed);
    make_graph(&graph, &topology, members, count, seed, 1);
    make_graph(&other, &topology, members, count - 1, seed, 1);
    graph.count = count - 1;
    size_t common = common_edges();
    graph.count = count;
    finish_graph(&graph);
    finish_graph(&other);
    return 1000 * common / (degree * (count - 1));
}

Test(overlay_graphs, one_member_of_difference_keeps_most_edges) {
    size_t big = 0, small = 0;
    for (uint64_t seed = 0; seed < 10; seed++)
        big += kept(6, 1000, seed);
    for (uint64_t seed = 0; seed < 100; seed++)
        small += kept(4, 16, seed);
    cr_assert_geq(big / 10, 995, "%zu", big / 10);
    cr_assert_geq(small / 100, 780, "%zu", small / 100);
}

Test(overlay_graphs, fixed_ones) {
    const char *names[] = {"full", "ring", "star", "torus", "hypercube"};
    for (size_t i = 0; i < 5; i++) {
        struct sl_topology topology = parse(names[i]);
        for (size_t count = 2; count <= 65; count++) {
            make_members(members, count, 1);
            make_graph(&graph, &topology, members, count, 1, 1);
            if (sl_topology_check(&topology, count, NULL) != SL_OK || i == 1)
                check_degrees(count > 2 ? 2 : 1, 2); /* falls back to the ring */
            else if (i == 3)
                check_degrees(4, 4);
            else if (i == 4)
                cr_assert_eq(1U << graph.degree[0], count);
            finish_graph(&graph);
        }
    }
    struct sl_topology topology = parse("torus");
    make_members(members, 12, 1);
    make_graph(&graph, &topology, members, 12, 1, 1);
    cr_assert_arr_eq(graph.peers[0], ((uint32_t[]){1, 3, 4, 8}), 16, "3 rows of 4");
    finish_graph(&graph);
}

Test(overlay_graphs, one_alone_has_nobody) {
    const char *names[] = {"full", "ring", "star", "torus", "hypercube", "regular:4", "small-world:4,0.5"};
    make_members(members, 1, 1);
    for (size_t i = 0; i < 7; i++) {
        struct sl_topology topology = parse(names[i]);
        uint32_t out[1];
        size_t count = 9;
        cr_assert_eq(sl_overlay_neighbours(&topology, out, &count, members, 1, 0, 1, 1), SL_OK);
        cr_assert_eq(count, 0);
    }
}

Test(overlay_graphs, small_worlds_keep_their_edges_and_stay_connected) {
    const double probabilities[] = {0, 0.1, 0.5, 1};
    const size_t counts[] = {4, 6, 7, 20, 100};
    for (size_t p = 0; p < 4; p++) {
        for (size_t i = 0; i < 5; i++) {
            for (uint64_t seed = 0; seed < 10; seed++) {
                struct sl_topology topology = {
                    .kind = SL_TOPOLOGY_SMALL_WORLD, .degree = 4, .probability = probabilities[p]};
                make_members(members, counts[i], seed);
                make_graph(&graph, &topology, members, counts[i], seed, seed);
                size_t ends = 0;
                for (size_t j = 0; j < counts[i]; j++)
                    ends += graph.degree[j];
                cr_assert_eq(ends, counts[i] * (counts[i] <= 5 ? counts[i] - 1 : 4));
                finish_graph(&graph);
            }
        }
    }
    struct sl_topology topology = parse("small-world:2,1");
    make_members(members, 40, 1);
    make_graph(&graph, &topology, members, 40, 1, 1);
    size_t near = 0;
    for (uint32_t i = 0; i < 40; i++) {
        for (uint32_t j = 0; j < graph.degree[i]; j++)
            near += graph.peers[i][j] == (i + 1) % 40;
    }
    cr_assert_lt(near, 36, "some edges are rewired");
    finish_graph(&graph);
}

Test(overlay_graphs, full_is_what_is_full) {
    const char *names[] = {"full", "ring", "star", "torus", "hypercube", "regular:2", "regular:4", "small-world:4,0.1"};
    for (size_t i = 0; i < 8; i++) {
        struct sl_topology topology = parse(names[i]);
        for (size_t count = 1; count <= 20; count++) {
            make_members(members, count, 1);
            bool full = true;
            for (size_t self = 0; self < count; self++) {
                uint32_t out[GRAPH_MAX];
                size_t degree = 0;
                cr_assert_eq(sl_overlay_neighbours(&topology, out, &degree, members, count, self, 3, 1), SL_OK);
                full = full && degree == count - 1;
            }
            cr_assert_eq(sl_overlay_is_full(&topology, count), full, "%s of %zu", names[i], count);
        }
    }
}

Test(overlay_graphs, a_cache_gives_what_a_fresh_computation_gives) {
    struct sl_topology topologies[] = {parse("regular:4"), parse("small-world:4,0.3")};
    struct sl_graph_cache *cache = sl_graph_cache_create();
    struct sl_random random;
    sl_random_init(&random, 1, 1);
    for (int i = 0; i < 500; i++) {
        size_t count = 10 + (size_t)sl_random_below(&random, 3);
        size_t self = (size_t)sl_random_below(&random, count);
        uint64_t round = sl_random_below(&random, 3), seed = sl_random_below(&random, 2);
        const struct sl_topology *topology = &topologies[sl_random_below(&random, 2)];
        uint32_t fresh[32], cached[32];
        size_t fresh_count = 0, cached_count = 0;
        make_members(members, count, sl_random_below(&random, 2));
        cr_assert_eq(sl_overlay_neighbours(topology, fresh, &fresh_count, members, count, self, seed, round), SL_OK);
        cr_assert_eq(
            sl_graph_cache_neighbours(cache, topology, cached, &cached_count, members, count, self, seed, round),
            SL_OK);
        cr_assert_eq(fresh_count, cached_count);
        cr_assert_arr_eq(fresh, cached, fresh_count * sizeof *fresh);
    }
    sl_graph_cache_destroy(cache);
    sl_graph_cache_destroy(NULL);
}
