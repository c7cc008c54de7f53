/* Flocks that are too big for a full mesh. */
#include <criterion/criterion.h>
#include <string.h>

#include "cluster.h"

enum { NODES = 48 };

static struct cluster cluster;

static void finish(void) {
    cluster_finish(&cluster);
}

TestSuite(membership_views, .fini = finish);

static void start_all(uint64_t seed) {
    cluster_init(&cluster, NODES, seed);
    cluster.full_mesh = 12;
    for (size_t i = 0; i < NODES; i++)
        cluster_start(&cluster, i, i == 0 ? NODES : 0, 1000 + i);
}

static bool is_active(size_t in, size_t of) {
    const struct sl_member *member = cluster_view(&cluster, in, of);
    return in != of && member != NULL && member->connected && !member->quiet;
}

static size_t count(size_t in, bool connections) {
    size_t found = 0;
    for (size_t i = 0; i < NODES; i++)
        found += connections ? i != in && cluster_view(&cluster, in, i)->connected : is_active(in, i);
    return found;
}

static void expect_all_known(void) {
    for (size_t i = 0; i < NODES; i++) {
        for (size_t j = 0; j < NODES && cluster.nodes[i].membership != NULL; j++) {
            const struct sl_member *member = cluster_view(&cluster, i, j);
            bool runs = cluster.nodes[j].membership != NULL;
            cr_assert(member != NULL && (member->entry.state == SL_MEMBER_ALIVE) == runs, "%zu of %zu", i, j);
        }
    }
}

/* Who is reached from node 0 over active views. */
static size_t reached(void) {
    bool seen[NODES] = {true};
    size_t queue[NODES] = {0}, found = 1;
    for (size_t next = 0; next < found; next++) {
        for (size_t i = 0; i < NODES; i++) {
            if (!seen[i] && is_active(queue[next], i)) {
                seen[i] = true;
                queue[found++] = i;
            }
        }
    }
    return found;
}

static void expect_good_views(void) {
    for (size_t i = 0; i < NODES; i++) {
        if (cluster.nodes[i].membership == NULL)
            continue;
        size_t active = count(i, false), connected = count(i, true);
        cr_assert(active >= 10 && active <= 12, "%zu has %zu", i, active);
        cr_assert_leq(connected, 13, "%zu has %zu connections", i, connected);
        for (size_t j = 0; j < NODES; j++)
            cr_assert(cluster.nodes[j].membership == NULL || is_active(i, j) == is_active(j, i), "%zu and %zu", i, j);
    }
}

Test(membership_views, everybody_knows_everybody_and_is_connected_with_a_few) {
    start_all(1);
    cluster_run(&cluster, 60 * SL_SECOND);
    expect_all_known();
    expect_good_views();
    cr_assert_eq(reached(), NODES);
    uint64_t frames = cluster.frames, dials = cluster.dials;
    cluster_run(&cluster, 60 * SL_SECOND);
    cr_assert_leq(cluster.frames - frames, 60 * NODES * 5 / 2, "%zu frames", (size_t)(cluster.frames - frames));
    cr_assert_eq(cluster.dials, dials, "at rest nobody is dialled");
}

Test(membership_views, a_crash_is_known_to_all_and_its_place_is_filled) {
    start_all(2);
    cluster_run(&cluster, 60 * SL_SECOND);
    cluster_crash(&cluster, 7);
    cluster_kill(&cluster, 8);
    cluster_run(&cluster, 40 * SL_SECOND);
    expect_all_known();
    expect_good_views();
}

Test(membership_views, what_is_lost_is_made_good) {
    start_all(3);
    cluster.loss = 0.1;
    cluster_run(&cluster, 90 * SL_SECOND);
    expect_all_known();
    cr_assert_eq(reached(), NODES);
}

static void want(size_t node, const char *const *names, size_t names_count) {
    cluster_step(&cluster, node,
                 &(struct sl_membership_event){.type = SL_MEMBERSHIP_WANT, .names = names, .name_count = names_count});
}

Test(membership_views, connections_for_a_round_come_and_go) {
    start_all(4);
    cluster_run(&cluster, 60 * SL_SECOND);
    size_t far = 1;
    while (far < NODES && cluster_view(&cluster, 0, far)->connected)
        far++;
    cr_assert_lt(far, NODES);
    const char *const names[] = {cluster.nodes[far].name, "nobody"}, *const me[] = {cluster.nodes[0].name};
    want(0, names, 2);
    want(far, me, 1);
    cluster_run(&cluster, SL_SECOND);
    cr_assert(cluster_view(&cluster, 0, far)->connected);
    cr_assert(cluster_view(&cluster, far, 0)->connected);
    cr_assert(cluster_view(&cluster, 0, far)->quiet, "for the round alone");
    cluster_run(&cluster, 60 * SL_SECOND);
    cr_assert(cluster_view(&cluster, 0, far)->connected, "while it is wanted");
    want(0, NULL, 0);
    want(far, NULL, 0);
    cluster_run(&cluster, 8 * SL_SECOND);
    cr_assert(cluster_view(&cluster, 0, far)->connected, "it may be wanted again");
    cluster_run(&cluster, 10 * SL_SECOND);
    cr_assert_not(cluster_view(&cluster, 0, far)->connected);
}

Test(membership_views, a_flock_that_shrinks_is_a_full_mesh_again) {
    start_all(5);
    cluster_run(&cluster, 60 * SL_SECOND);
    for (size_t i = 8; i < NODES; i++)
        cluster_leave(&cluster, i);
    cluster_run(&cluster, 20 * SL_SECOND);
    for (size_t i = 0; i < 8; i++)
        cr_assert_eq(count(i, true), 7);
}
