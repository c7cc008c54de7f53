/* What a setting may say, and graphs from files. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "graphs.h"

static struct sl_overlay_member members[GRAPH_MAX];
static struct graph graph;

Test(overlay_topology, what_parses) {
    struct sl_topology topology;
    cr_assert_eq(sl_topology_parse(&topology, "small-world:6,0.25", NULL), SL_OK);
    cr_assert_eq(topology.kind, SL_TOPOLOGY_SMALL_WORLD);
    cr_assert_eq(topology.degree, 6);
    cr_assert_eq(topology.probability, 0.25);
    cr_assert_eq(sl_topology_parse(&topology, "static-regular:1024", NULL), SL_OK);
    cr_assert_eq(topology.kind, SL_TOPOLOGY_STATIC_REGULAR);
    cr_assert_eq(topology.degree, 1024);
}

Test(overlay_topology, what_does_not) {
    const char *bad[] = {"",
                         "fully",
                         "ful",
                         "ring:2",
                         "regular",
                         "regular:",
                         "regular:3",
                         "regular:0",
                         "regular:04",
                         "regular:-4",
                         "regular:4 ",
                         "regular:1026",
                         "regular:4294967298",
                         "regular:99999999999999999999999999",
                         "small-world:4",
                         "small-world:4,",
                         "small-world:4,1.1",
                         "small-world:4,-0.1",
                         "small-world:4,nan",
                         "small-world:4,1e-1",
                         "small-world:4,.",
                         "file:",
                         "file:/nowhere/at/all"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct sl_topology topology = {.kind = SL_TOPOLOGY_STAR};
        struct sl_error error = {0};
        cr_assert_neq(sl_topology_parse(&topology, bad[i], &error), SL_OK, "%s", bad[i]);
        cr_assert_neq(error.text[0], '\0');
        cr_assert_null(topology.edges);
    }
}

Test(overlay_topology, counts_that_have_no_such_graph) {
    const struct sl_topology torus = {.kind = SL_TOPOLOGY_TORUS}, cube = {.kind = SL_TOPOLOGY_HYPERCUBE};
    const size_t toruses[] = {9, 12, 15, 16, 18, 20, 100};
    for (size_t i = 0; i < 7; i++)
        cr_assert_eq(sl_topology_check(&torus, toruses[i], NULL), SL_OK);
    const size_t none[] = {1, 2, 8, 10, 11, 13, 14, 22, 997};
    for (size_t i = 0; i < 9; i++)
        cr_assert_eq(sl_topology_check(&torus, none[i], NULL), SL_UNSUPPORTED);
    cr_assert_eq(sl_topology_check(&cube, 64, NULL), SL_OK);
    cr_assert_eq(sl_topology_check(&cube, 63, NULL), SL_UNSUPPORTED);
    cr_assert_eq(sl_topology_check(&cube, 0, NULL), SL_UNSUPPORTED);
}

static enum sl_status parse_file(struct sl_topology *out, const char *text, size_t length, struct sl_error *error) {
    char folder[] = "/tmp/overlay-XXXXXX", path[64], setting[80];
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/edges", folder);
    snprintf(setting, sizeof setting, "file:%s", path);
    cr_assert_eq(sl_file_replace(path, text, length, 0600, NULL), SL_OK);
    enum sl_status status = sl_topology_parse(out, setting, error);
    unlink(path);
    rmdir(folder);
    return status;
}

Test(overlay_topology, a_graph_from_a_file) {
    static const char text[] = "# a kite\nm0000 m0001\r\n\tm0002   m0001 # back\n\nm0002 m0000\nm0002 m0003";
    struct sl_topology topology;
    struct sl_error error = {0};
    cr_assert_eq(parse_file(&topology, text, strlen(text), &error), SL_OK, "%s", error.text);
    cr_assert_eq(topology.edge_count, 4);
    cr_assert_eq(sl_topology_check(&topology, 4, NULL), SL_OK);
    cr_assert_eq(sl_topology_check(&topology, 5, NULL), SL_UNSUPPORTED);
    make_members(members, 5, 1);
    make_graph(&graph, &topology, members, 4, 1, 1);
    cr_assert_arr_eq(graph.peers[2], ((uint32_t[]){0, 1, 3}), 12);
    cr_assert_eq(graph.degree[3], 1);
    finish_graph(&graph);
    make_graph(&graph, &topology, members, 5, 1, 1); /* the fifth is not in it: the ring */
    cr_assert_eq(graph.degree[4], 2);
    cr_assert_eq(graph.degree[2], 2);
    finish_graph(&graph);
    make_graph(&graph, &topology, members, 3, 1, 1); /* a roster without the fourth: what is left of the file */
    cr_assert_eq(graph.degree[2], 2);
    finish_graph(&graph);
    sl_topology_finish(&topology);
    sl_topology_finish(&topology);
}

Test(overlay_topology, a_graph_that_is_not_connected_is_refused_or_replaced) {
    static const char text[] = "m0000 m0001\nm0002 m0003\n";
    struct sl_topology topology;
    cr_assert_eq(parse_file(&topology, text, strlen(text), NULL), SL_OK);
    cr_assert_eq(sl_topology_check(&topology, 4, NULL), SL_UNSUPPORTED);
    make_members(members, 4, 1);
    make_graph(&graph, &topology, members, 4, 1, 1);
    finish_graph(&graph);
    sl_topology_finish(&topology);
}

Test(overlay_topology, files_that_are_none) {
    const char *bad[] = {"",           "# nothing\n", "a\n",   "a b c\n",    "a a\n",
                         "a b\nb a\n", "a b\na b\n",  "A b\n", "a b\nc -d\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct sl_topology topology;
        struct sl_error error = {0};
        cr_assert_eq(parse_file(&topology, bad[i], strlen(bad[i]), &error), SL_FORMAT, "%s", bad[i]);
        cr_assert_not_null(strstr(error.text, "edges"), "the error names the file");
    }
    struct sl_topology topology;
    cr_assert_eq(parse_file(&topology, "a b\0c d\n", 8, NULL), SL_FORMAT);
}
