/* Two that compare their rosters. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "cluster.h"
#include "spoken.h"

static struct cluster cluster;

static void finish(void) {
    cluster_finish(&cluster);
}

TestSuite(membership_digest, .fini = finish);

/* Words that only that node hears, and does not pass on. */
static void let_know(size_t node, const char *prefix, size_t first, size_t last, uint64_t incarnation) {
    struct sl_membership_actions actions = {0};
    for (size_t i = first; i < last; i++) {
        char name[SL_NAME_SIZE];
        snprintf(name, sizeof name, "%s-%zu", prefix, i);
        const struct sl_member_statement said = spoken_own(name, incarnation, SL_MEMBER_ALIVE);
        spoken_tell(cluster.nodes[node].membership, "somebody", &said, 1, cluster.now, &actions);
        sl_membership_actions_clear(&actions);
    }
    sl_membership_actions_finish(&actions);
}

static void drop(size_t node, const char *accuser, const char *name) {
    struct sl_membership_actions actions = {0};
    const struct sl_member_statement said = spoken_accusation(accuser, name, 5, SL_MEMBER_DROPPED);
    spoken_tell(cluster.nodes[node].membership, "somebody", &said, 1, cluster.now, &actions);
    sl_membership_actions_finish(&actions);
}

static void expect_same(size_t wanted) {
    size_t counts[2];
    const struct sl_member *lists[2];
    for (size_t i = 0; i < 2; i++)
        lists[i] = sl_membership_members(cluster.nodes[i].membership, &counts[i]);
    cr_assert_eq(counts[0], wanted, "%zu", counts[0]);
    cr_assert_eq(counts[1], wanted, "%zu", counts[1]);
    for (size_t i = 0; i < wanted; i++) {
        const struct sl_member_entry *a = &lists[0][i].entry, *b = &lists[1][i].entry;
        cr_assert_str_eq(a->node, b->node);
        cr_assert(a->incarnation == b->incarnation && a->state == b->state, "%s", a->node);
    }
}

static void start(uint64_t seed) {
    cluster_init(&cluster, 2, seed);
    cluster_start(&cluster, 0, 2, 1000);
    cluster_start(&cluster, 1, 0, 1001);
    cluster_run(&cluster, 3 * SL_SECOND);
    cr_assert(cluster_is_whole(&cluster));
}

Test(membership_digest, what_one_alone_knows_both_know_soon) {
    start(1);
    let_know(0, "left", 0, 300, 5);
    let_know(1, "right", 0, 250, 5);
    let_know(0, "both", 0, 300, 5);
    let_know(1, "both", 0, 300, 5);
    let_know(1, "both", 100, 120, 6); /* newer */
    let_know(0, "both", 200, 220, 7);
    drop(0, "both-1", "both-2");
    cluster_run(&cluster, 30 * SL_SECOND);
    expect_same(2 + 300 + 250 + 300);
}

Test(membership_digest, who_knows_the_same_is_silent) {
    start(2);
    let_know(0, "both", 0, 1000, 5);
    let_know(1, "both", 0, 1000, 5);
    uint64_t frames = cluster.frames;
    cluster_run(&cluster, 40 * SL_SECOND);
    /* A ping, a pong and a fourth of a digest, of each. */
    cr_assert_leq(cluster.frames - frames, 2 * 40 * 9 / 4 + 4, "%zu", (size_t)(cluster.frames - frames));
}

Test(membership_digest, a_single_difference_costs_a_few_frames) {
    start(3);
    let_know(0, "both", 0, 1000, 5);
    let_know(1, "both", 0, 1000, 5);
    let_know(1, "both", 500, 501, 6);
    uint64_t frames = cluster.frames;
    cluster_run(&cluster, 40 * SL_SECOND);
    expect_same(1002);
    cr_assert_leq(cluster.frames - frames, 2 * 40 * 9 / 4 + 16, "%zu", (size_t)(cluster.frames - frames));
}

/* ---- alone, against one that asks without end ---- */

static struct sl_membership_actions actions;

static size_t count_answers(struct sl_membership *membership, const struct sl_roster_digest *digest) {
    const struct sl_membership_event event = {.type = SL_MEMBERSHIP_DIGEST, .node = "liar", .digest = digest};
    size_t found = 0;
    sl_membership_actions_clear(&actions);
    cr_assert_eq(sl_membership_step(membership, &event, SL_SECOND, &actions), SL_OK);
    for (size_t i = 0; i < actions.count; i++)
        found +=
            actions.items[i].type == SL_MEMBERSHIP_SEND_DIGEST || actions.items[i].type == SL_MEMBERSHIP_SEND_ROSTER;
    return found;
}

Test(membership_digest, who_asks_without_end_is_not_answered_without_end) {
    struct sl_membership *membership = NULL;
    const struct sl_membership_options options = spoken_options(NULL);
    cr_assert_eq(sl_membership_create(&membership, &options, NULL), SL_OK);
    struct sl_roster_digest digest = {.whole = 77};
    cr_assert_eq(count_answers(membership, &digest), 0, "of somebody who is not connected");
    cr_assert_eq(sl_membership_step(membership,
                                    &(struct sl_membership_event){.type = SL_MEMBERSHIP_PEER_UP, .node = "liar"},
                                    SL_SECOND, &actions),
                 SL_OK);
    cr_assert_eq(count_answers(membership, &digest), 1);
    size_t answers = 0;
    for (int i = 0; i < 10000; i++)
        answers += count_answers(membership, &digest);
    cr_assert_leq(answers, 200);
    sl_membership_actions_finish(&actions);
    sl_membership_destroy(membership);
}
