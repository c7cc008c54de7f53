/* Flocks of memberships that talk to each other. */
#include <criterion/criterion.h>
#include <string.h>

#include "cluster.h"

static struct cluster cluster;

static void finish(void) {
    cluster_finish(&cluster);
}

TestSuite(membership_cluster, .fini = finish);

static void start_all(size_t count, uint64_t seed) {
    cluster_init(&cluster, count, seed);
    for (size_t i = 0; i < count; i++)
        cluster_start(&cluster, i, i == 0 ? count : 0, 1000 + i);
}

static enum sl_member_state state(size_t in, size_t of) {
    const struct sl_member *member = cluster_view(&cluster, in, of);
    cr_assert_not_null(member);
    return member->entry.state;
}

Test(membership_cluster, all_learn_all_from_one_address) {
    const size_t sizes[] = {2, 3, 8, 50};
    for (size_t i = 0; i < 4; i++) {
        start_all(sizes[i], i);
        cluster_run(&cluster, 2 * SL_SECOND);
        cr_assert(cluster_is_whole(&cluster), "%zu nodes", sizes[i]);
        /* Every pair has one connection: with the dial rule there are hardly more dials than pairs. */
        size_t pairs = sizes[i] * (sizes[i] - 1) / 2;
        cr_assert_leq(cluster.dials, pairs + pairs / 4 + sizes[i], "%zu dials for %zu pairs", (size_t)cluster.dials,
                      pairs);
        if (i < 3)
            cluster_finish(&cluster);
    }
}

Test(membership_cluster, it_is_quiet_when_nothing_happens) {
    start_all(8, 1);
    cluster_run(&cluster, 5 * SL_SECOND);
    uint64_t dials = cluster.dials, frames = cluster.frames;
    cluster_run(&cluster, 20 * SL_SECOND);
    cr_assert_eq(cluster.dials, dials);
    /* A ping and a pong a second and pair at most, and a roster a second and node. */
    cr_assert_leq(cluster.frames - frames, 20 * (4 * 28 + 8));
    cr_assert(cluster_is_whole(&cluster));
}

Test(membership_cluster, a_crash_is_suspected_then_dropped_everywhere) {
    start_all(6, 2);
    cluster_run(&cluster, 3 * SL_SECOND);
    for (size_t i = 0; i < 6; i++)
        cluster_step(&cluster, i, &(struct sl_membership_event){.type = SL_MEMBERSHIP_ROUND, .from_round = 7});
    cluster_crash(&cluster, 3);
    cluster_run(&cluster, 4 * SL_SECOND);
    cr_assert_eq(state(0, 3), SL_MEMBER_ALIVE);
    cluster_run(&cluster, 3 * SL_SECOND);
    for (size_t i = 0; i < 6; i++)
        cr_assert(i == 3 || state(i, 3) == SL_MEMBER_SUSPECT, "at %zu", i);
    cluster_run(&cluster, 6 * SL_SECOND);
    for (size_t i = 0; i < 6; i++) {
        if (i == 3)
            continue;
        cr_assert_eq(state(i, 3), SL_MEMBER_DROPPED);
        cr_assert_not(cluster_view(&cluster, i, 3)->connected, "its dead connection is closed");
        cr_assert_eq(cluster_view(&cluster, i, 3)->entry.until_round, 9);
    }
}

Test(membership_cluster, a_killed_node_that_does_not_return_is_dropped) {
    start_all(4, 3);
    cluster_run(&cluster, 3 * SL_SECOND);
    cluster_kill(&cluster, 0); /* whom the others joined */
    cluster_run(&cluster, 15 * SL_SECOND);
    cr_assert(cluster_is_whole(&cluster));
}

static void silence(size_t from, bool silent) {
    for (size_t i = 0; i < cluster.count; i++)
        cluster.nodes[from].silent[i] = silent;
}

Test(membership_cluster, one_that_hears_itself_suspected_refutes) {
    start_all(5, 4);
    cluster_run(&cluster, 3 * SL_SECOND);
    uint64_t incarnation = cluster_view(&cluster, 0, 2)->entry.incarnation;
    silence(2, true);
    cluster_run(&cluster, 9 * SL_SECOND);
    cr_assert_eq(state(0, 2), SL_MEMBER_SUSPECT);
    silence(2, false);
    cluster_run(&cluster, 10 * SL_SECOND);
    cr_assert_gt(cluster_view(&cluster, 0, 2)->entry.incarnation, incarnation);
    cr_assert(cluster_is_whole(&cluster));
}

Test(membership_cluster, a_dead_connection_makes_nobody_suspect_and_is_made_anew) {
    start_all(5, 4);
    cluster_run(&cluster, 3 * SL_SECOND);
    uint64_t incarnation = cluster_view(&cluster, 0, 2)->entry.incarnation, dials = cluster.dials;
    cluster.nodes[2].silent[4] = true; /* node 4 hears nothing of node 2, but others do */
    for (int i = 0; i < 300; i++) {
        cluster_run(&cluster, SL_SECOND / 10);
        for (size_t j = 0; j < 5; j++)
            cr_assert_eq(state(j, 2), SL_MEMBER_ALIVE);
    }
    cr_assert_eq(cluster_view(&cluster, 0, 2)->entry.incarnation, incarnation);
    cr_assert_gt(cluster.dials, dials, "node 4 has closed it");
    cluster.nodes[2].silent[4] = false;
    cluster_run(&cluster, 10 * SL_SECOND);
    cr_assert(cluster_is_whole(&cluster));
}

Test(membership_cluster, leaving_is_not_dying) {
    start_all(5, 5);
    cluster_run(&cluster, 3 * SL_SECOND);
    cluster_leave(&cluster, 1);
    cluster_run(&cluster, SL_SECOND);
    uint64_t dials = cluster.dials;
    for (size_t i = 0; i < 5; i++)
        cr_assert(i == 1 || state(i, 1) == SL_MEMBER_LEFT, "at %zu", i);
    cluster_run(&cluster, 60 * SL_SECOND);
    cr_assert_eq(cluster.dials, dials, "nobody dials it");
}

Test(membership_cluster, a_return_is_welcome) {
    start_all(5, 6);
    cluster_run(&cluster, 3 * SL_SECOND);
    cluster_leave(&cluster, 1);
    cluster_crash(&cluster, 2);
    cluster_run(&cluster, 20 * SL_SECOND);
    cr_assert_eq(state(0, 2), SL_MEMBER_DROPPED);
    cluster_start(&cluster, 1, 4, 5000);
    cluster_start(&cluster, 2, 4, 6000);
    cluster_run(&cluster, 5 * SL_SECOND);
    cr_assert(cluster_is_whole(&cluster));
    cr_assert_eq(cluster_view(&cluster, 0, 2)->entry.incarnation, 6000);
    cr_assert_eq(cluster_view(&cluster, 0, 2)->entry.until_round, 0);
}

Test(membership_cluster, a_return_with_a_clock_that_went_back_is_welcome_too) {
    start_all(4, 7);
    cluster_run(&cluster, 3 * SL_SECOND);
    cluster_leave(&cluster, 1);
    cluster_run(&cluster, SL_SECOND);
    cluster_start(&cluster, 1, 0, 5); /* below what it had */
    cluster_run(&cluster, 5 * SL_SECOND);
    cr_assert(cluster_is_whole(&cluster));
    cr_assert_gt(cluster_view(&cluster, 0, 1)->entry.incarnation, 1001);
}

Test(membership_cluster, a_fifth_of_the_frames_may_be_lost) {
    cluster_init(&cluster, 20, 8);
    cluster.loss = 0.2;
    for (size_t i = 0; i < 20; i++)
        cluster_start(&cluster, i, i == 0 ? 20 : 0, 1000 + i);
    cluster_run(&cluster, 30 * SL_SECOND);
    cr_assert(cluster_is_whole(&cluster));
    cluster_crash(&cluster, 11);
    cluster_run(&cluster, 30 * SL_SECOND);
    cr_assert(cluster_is_whole(&cluster));
}

Test(membership_cluster, a_split_heals) {
    start_all(6, 9);
    cluster_run(&cluster, 3 * SL_SECOND);
    for (size_t i = 0; i < 6; i++)
        cluster_step(&cluster, i, &(struct sl_membership_event){.type = SL_MEMBERSHIP_SCHEDULE, .from_round = 1});
    cluster_run(&cluster, SL_SECOND);
    for (size_t i = 0; i < 6; i++) {
        cluster_step(&cluster, i, &(struct sl_membership_event){.type = SL_MEMBERSHIP_ROUND, .from_round = 10});
        for (size_t j = 0; j < 6; j++)
            cluster.blocked[i][j] = i / 3 != j / 3;
    }
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 3; j < 6; j++)
            cluster_cut(&cluster, i, j);
    }
    cluster_run(&cluster, 20 * SL_SECOND);
    cr_assert_eq(state(0, 5), SL_MEMBER_DROPPED);
    cr_assert_eq(state(5, 0), SL_MEMBER_DROPPED);
    for (size_t i = 0; i < 6; i++)
        cluster_step(&cluster, i, &(struct sl_membership_event){.type = SL_MEMBERSHIP_ROUND, .from_round = 30});
    memset(cluster.blocked, 0, sizeof cluster.blocked);
    cluster_run(&cluster, 3 * SL_SECOND); /* less than retry_max */
    cr_assert(cluster_is_whole(&cluster));
    for (size_t i = 0; i < 6; i++) {
        for (size_t j = 0; j < 6; j++) {
            const struct sl_member_entry *entry = &cluster_view(&cluster, i, j)->entry;
            cr_assert_eq(entry->from_round, 32, "who was dropped is in again two rounds later, for all");
            cr_assert_eq(entry->until_round, 0);
        }
    }
}

Test(membership_cluster, who_was_cut_off_alone_is_back_soon) {
    for (uint64_t seed = 0; seed < 10; seed++) {
        start_all(2, 100 + seed);
        cluster_run(&cluster, 2 * SL_SECOND);
        cluster.blocked[0][1] = cluster.blocked[1][0] = true;
        cluster_cut(&cluster, 0, 1);
        cluster_run(&cluster, 30 * SL_SECOND);
        cr_assert_eq(state(0, 1), SL_MEMBER_DROPPED);
        memset(cluster.blocked, 0, sizeof cluster.blocked);
        cluster_run(&cluster, 3 * SL_SECOND); /* retry_max / 2, and to find each other */
        cr_assert(cluster_is_whole(&cluster));
        if (seed < 9)
            cluster_finish(&cluster);
    }
}

Test(membership_cluster, one_way_reachability_is_enough) {
    cluster_init(&cluster, 3, 10);
    cluster.blocked[0][2] = cluster.blocked[1][2] = true; /* nobody can dial the highest name */
    for (size_t i = 0; i < 3; i++)
        cluster_start(&cluster, i, i == 0 ? 3 : 0, 1000);
    cluster_run(&cluster, 3 * SL_SECOND);
    cr_assert(cluster_is_whole(&cluster));
}

Test(membership_cluster, all_lost_then_joined_again) {
    start_all(2, 11);
    cluster_run(&cluster, 2 * SL_SECOND);
    cluster_kill(&cluster, 0);
    cluster_run(&cluster, 60 * SL_SECOND);
    cr_assert_eq(cluster.nodes[1].unreachable, 1, "said once, not at each retry");
    uint64_t dials = cluster.dials;
    cluster_run(&cluster, 60 * SL_SECOND);
    cr_assert_geq(cluster.dials - dials, 20, "the join address and the dropped member are tried on");
    cr_assert_leq(cluster.dials - dials, 120, "but not all the time");
    cluster_start(&cluster, 0, 2, 9000); /* it knows nobody */
    cluster_run(&cluster, 10 * SL_SECOND);
    cr_assert(cluster_is_whole(&cluster));
}

Test(membership_cluster, schedules_reach_all) {
    start_all(10, 12);
    cluster_run(&cluster, 2 * SL_SECOND);
    for (size_t i = 0; i < 10; i++)
        cluster_step(&cluster, i, &(struct sl_membership_event){.type = SL_MEMBERSHIP_SCHEDULE, .from_round = 1 + i});
    cluster_run(&cluster, SL_SECOND / 10);
    for (size_t i = 0; i < 10; i++) {
        for (size_t j = 0; j < 10; j++)
            cr_assert_eq(cluster_view(&cluster, i, j)->entry.from_round, 1 + j);
    }
}

Test(membership_cluster, what_was_lost_is_told_again) {
    start_all(6, 15);
    cluster_run(&cluster, 2 * SL_SECOND);
    cluster.loss = 1;
    cluster_step(&cluster, 3, &(struct sl_membership_event){.type = SL_MEMBERSHIP_SCHEDULE, .from_round = 9});
    cluster.loss = 0;
    cr_assert_eq(cluster_view(&cluster, 0, 3)->entry.from_round, 0);
    cluster_run(&cluster, 5 * SL_SECOND);
    for (size_t i = 0; i < 6; i++)
        cr_assert_eq(cluster_view(&cluster, i, 3)->entry.from_round, 9);
}

static uint64_t trace_of(uint64_t seed) {
    start_all(12, seed);
    cluster.loss = 0.1;
    cluster_run(&cluster, 5 * SL_SECOND);
    cluster_crash(&cluster, 4);
    cluster_run(&cluster, 15 * SL_SECOND);
    cluster_start(&cluster, 4, 7, 99999);
    cluster_run(&cluster, 10 * SL_SECOND);
    return cluster.trace;
}

Test(membership_cluster, the_same_events_give_the_same_actions) {
    uint64_t first = trace_of(13);
    cluster_finish(&cluster);
    uint64_t second = trace_of(13);
    cluster_finish(&cluster);
    cr_assert_eq(first, second);
    cr_assert_neq(trace_of(14), first);
}
