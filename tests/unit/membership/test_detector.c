/* The failure detector alone: what it asks for, and when. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "membership/detector.h"

enum { ME = 1000 };
#define PERIOD SL_SECOND

static struct sl_detector detector;
static sl_time now;
static size_t members;

static void start(size_t candidates, uint64_t seed) {
    const struct sl_detector_options options = {
        .self = ME, .probe_period = PERIOD, .suspect_after = 2 * PERIOD, .drop_after = 2 * PERIOD, .seed = seed};
    now = 100 * SL_SECOND;
    members = candidates + 1;
    sl_detector_init(&detector, &options, now);
    for (uint32_t i = 0; i < candidates; i++)
        cr_assert_eq(sl_detector_watch(&detector, i, true, now), SL_OK);
}

static void finish(void) {
    sl_detector_finish(&detector);
}

TestSuite(membership_detector, .fini = finish);

static size_t count(enum sl_detector_action_type type, uint32_t member) {
    size_t found = 0;
    for (size_t i = 0; i < detector.action_count; i++)
        found += detector.actions[i].type == type && detector.actions[i].member == member;
    return found;
}

static void step(void) {
    cr_assert_eq(sl_detector_step(&detector, members, now), SL_OK);
}

/* To the next moment at which something is due; its actions are the list. */
static void next(void) {
    sl_time due = sl_detector_next(&detector, members);
    cr_assert_neq(due, SL_NEVER);
    now = due > now ? due : now;
    detector.action_count = 0;
    step();
}

/* Until there is such an action; everybody but `silent` answers at once, and helpers say what they got. */
static sl_time until(enum sl_detector_action_type type, uint32_t silent, bool helpers_speak) {
    for (sl_time end = now + 600 * SL_SECOND; now < end;) {
        next();
        if (count(type, silent) > 0)
            return now;
        for (size_t i = 0; i < detector.action_count; i++) {
            const struct sl_detector_action *action = &detector.actions[i];
            if (action->type == SL_DETECTOR_PING && action->member != silent)
                sl_detector_heard(&detector, action->member, now);
            if (action->type == SL_DETECTOR_ASK && helpers_speak)
                sl_detector_vouched(&detector, action->member, action->peer, false);
        }
    }
    return SL_NEVER;
}

/* By whom it was last asked for. */
static void vouch(uint32_t member) {
    for (size_t i = 0; i < detector.action_count; i++) {
        const struct sl_detector_action *action = &detector.actions[i];
        if (action->type == SL_DETECTOR_ASK && action->member == member) {
            sl_detector_vouched(&detector, member, action->peer, true);
            return;
        }
    }
}

static bool accused_by(uint32_t member, uint32_t accuser) {
    bool counts;
    cr_assert_eq(sl_detector_accused(&detector, member, accuser, now, &counts), SL_OK);
    return counts;
}

Test(membership_detector, two_failed_periods_and_not_one_make_a_suspect) {
    start(5, 1);
    sl_time pinged = until(SL_DETECTOR_PING, 3, true);
    sl_time again = until(SL_DETECTOR_PING, 3, true);
    cr_assert_eq(again - pinged, PERIOD, "the second period begins when the first has failed");
    sl_time suspected = until(SL_DETECTOR_SUSPECT, 3, true);
    cr_assert_eq(suspected - pinged, 2 * PERIOD);
}

Test(membership_detector, suspect_after_asks_for_more_periods) {
    start(5, 1);
    detector.options.suspect_after = 5 * PERIOD;
    sl_time pinged = until(SL_DETECTOR_PING, 3, true);
    cr_assert_eq(until(SL_DETECTOR_SUSPECT, 3, true) - pinged, 5 * PERIOD);
}

Test(membership_detector, any_answer_ends_a_probe) {
    start(5, 2);
    for (int round = 0; round < 20; round++) {
        (void)until(SL_DETECTOR_PING, 3, true);
        (void)until(SL_DETECTOR_ASK, 3, true);
        if (round % 2 == 0)
            sl_detector_heard(&detector, 3, now);
        else
            vouch(3);
        cr_assert_eq(detector.probe_count, 0);
    }
    vouch(3); /* late, and of no probe */
    (void)until(SL_DETECTOR_ASK, 3, true);
    sl_detector_vouched(&detector, 3, 99, true);
    cr_assert_eq(detector.probe_count, 1, "99 was not asked");
    sl_detector_heard(&detector, 77, now);
}

Test(membership_detector, three_helpers_are_asked_none_of_them_twice_or_in_vain) {
    size_t asked[10] = {0};
    start(10, 3);
    cr_assert_eq(sl_detector_watch(&detector, 8, false, now), SL_OK); /* one without a connection is no helper */
    for (int round = 0; round < 300; round++) {
        sl_detector_clear(&detector, 7);
        cr_assert(accused_by(7, 77), "nor is a suspect");
        cr_assert_eq(sl_detector_check(&detector, 3, now), SL_OK);
        (void)until(SL_DETECTOR_ASK, 3, true);
        uint32_t seen = 0;
        for (size_t i = 0; i < detector.action_count; i++) {
            const struct sl_detector_action *action = &detector.actions[i];
            if (action->type != SL_DETECTOR_ASK || action->member != 3)
                continue;
            cr_assert(action->peer < 10 && action->peer != 3 && action->peer != 7 && action->peer != 8);
            cr_assert_eq(seen >> action->peer & 1, 0);
            seen |= 1u << action->peer;
            asked[action->peer]++;
        }
        cr_assert_eq(__builtin_popcount(seen), SL_DETECTOR_HELPERS);
        sl_detector_heard(&detector, 3, now);
        sl_detector_clear(&detector, 8);
    }
    /* 300 × 3 / 7 = 129 each; standard deviation 8.6 */
    for (uint32_t i = 0; i < 10; i++)
        cr_assert(i == 3 || i == 7 || i == 8 || (asked[i] > 85 && asked[i] < 175), "%u: %zu", i, asked[i]);
}

/* Or each lost message too many would be news for everybody: see the header. */
Test(membership_detector, the_second_period_asks_twice_as_many) {
    start(20, 3);
    (void)until(SL_DETECTOR_ASK, 3, true);
    cr_assert_eq(count(SL_DETECTOR_ASK, 3), SL_DETECTOR_HELPERS);
    (void)until(SL_DETECTOR_ASK, 3, true);
    cr_assert_eq(count(SL_DETECTOR_ASK, 3), SL_DETECTOR_HELPERS_MOST);
    uint32_t seen = 0;
    for (size_t i = 0; i < detector.action_count; i++) {
        if (detector.actions[i].type == SL_DETECTOR_ASK)
            seen |= 1u << detector.actions[i].peer;
    }
    cr_assert_eq(__builtin_popcount(seen), SL_DETECTOR_HELPERS_MOST, "each once");
    sl_detector_vouched(&detector, 3, detector.actions[detector.action_count - 1].peer, true);
    cr_assert_eq(detector.probe_count, 0, "any of them will do");
}

Test(membership_detector, without_a_connection_helpers_are_asked_at_once) {
    start(5, 4);
    cr_assert_eq(sl_detector_watch(&detector, 3, false, now), SL_OK);
    cr_assert_eq(sl_detector_check(&detector, 3, now), SL_OK);
    sl_time began = now;
    cr_assert_eq(until(SL_DETECTOR_ASK, 3, true), began);
    cr_assert_eq(count(SL_DETECTOR_PING, 3), 0);
    cr_assert_eq(until(SL_DETECTOR_SUSPECT, 3, true) - began, 2 * PERIOD);
}

Test(membership_detector, each_has_its_turn_once_a_cycle) {
    enum { COUNT = 12 };
    size_t pings = 0, different = 0;
    uint32_t orders[2][COUNT];
    start(COUNT, 5);
    for (size_t cycle = 0; cycle < 2; cycle++) {
        uint32_t seen = 0;
        for (size_t i = 0; i < COUNT;) {
            next();
            for (size_t j = 0; j < detector.action_count; j++) {
                cr_assert_eq(detector.actions[j].type, SL_DETECTOR_PING);
                uint32_t member = detector.actions[j].member;
                cr_assert_eq(seen >> member & 1, 0);
                seen |= 1u << member;
                orders[cycle][i++] = member;
                pings++;
                sl_detector_heard(&detector, member, now);
            }
        }
    }
    for (size_t i = 0; i < COUNT; i++)
        different += orders[0][i] != orders[1][i];
    cr_assert_geq(different, 4, "the order is another each time");
    cr_assert_leq(now - 100 * SL_SECOND, (sl_time)pings * PERIOD);
    cr_assert_geq(now - 100 * SL_SECOND, (sl_time)(pings - 1) * PERIOD, "one a period");
}

/* Counted from the first accusation. */
static sl_time lasts(size_t flock, uint32_t accusers) {
    start(4, 6);
    members = flock;
    for (uint32_t i = 0; i < accusers; i++)
        cr_assert_eq(accused_by(500, 600 + i), i < SL_DETECTOR_ACCUSERS);
    cr_assert(!accused_by(500, 600), "nobody counts twice");
    sl_time began = now, dropped = until(SL_DETECTOR_DROP, 500, true);
    cr_assert_eq(detector.suspicion_count, 0);
    finish();
    return dropped - began;
}

static void expect_near(sl_time found, double wanted) {
    cr_expect(fabs(sl_time_to_seconds(found) - wanted) < 1e-6, "%.6f s, not %.6f", sl_time_to_seconds(found), wanted);
}

Test(membership_detector, accusers_hasten_a_drop_as_the_formula_says) {
    expect_near(lasts(10, 1), 6);
    expect_near(lasts(10, 2), 6 - 4 * log(2) / log(4));
    expect_near(lasts(10, 3), 6 - 4 * log(3) / log(4));
    expect_near(lasts(10, 4), 2);
    expect_near(lasts(10, 9), 2);
    expect_near(lasts(1000, 1), 18);
    expect_near(lasts(1000, 4), 6);
    expect_near(lasts(2, 1), 2); /* nobody else could accuse it */
    expect_near(lasts(3, 1), 6);
    expect_near(lasts(3, 2), 2);
}

Test(membership_detector, who_hears_of_a_suspicion_looks_for_itself) {
    start(6, 7);
    cr_assert(accused_by(2, 77));
    cr_assert_eq(count(SL_DETECTOR_PING, 2), 1, "of six all do");
    detector.action_count = 0;
    cr_assert(accused_by(2, 78));
    cr_assert(accused_by(99, 78), "of one that is no candidate nothing can be found out");
    cr_assert_eq(detector.action_count, 0);
    sl_detector_finish(&detector);
    size_t looks = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        start(80, seed);
        cr_assert(accused_by(2, 77));
        looks += detector.probe_count;
        finish();
    }
    cr_assert(looks > 5 && looks < 45, "of 80 a tenth does: %zu of 200", looks);
}

Test(membership_detector, one_that_is_heard_is_not_ours_to_drop) {
    start(4, 8);
    cr_assert(accused_by(2, 77));
    for (int i = 0; i < 200; i++) {
        next();
        for (uint32_t member = 0; member < 4; member++)
            sl_detector_heard(&detector, member, now);
        cr_assert_eq(count(SL_DETECTOR_DROP, 2), 0);
    }
    cr_assert_gt(now, 120 * SL_SECOND);
    cr_assert_neq(until(SL_DETECTOR_DROP, 2, true), SL_NEVER);
}

Test(membership_detector, a_refutation_ends_it_all) {
    start(4, 9);
    (void)until(SL_DETECTOR_SUSPECT, 2, true);
    cr_assert_eq(detector.suspicion_count, 1);
    sl_detector_clear(&detector, 2);
    cr_assert_eq(detector.suspicion_count, 0);
    sl_time cleared = now;
    cr_assert_geq(until(SL_DETECTOR_SUSPECT, 2, true) - cleared, 2 * PERIOD, "from the beginning");
}

Test(membership_detector, helpers_that_say_nothing_are_a_reason_to_doubt_oneself) {
    start(5, 10);
    while (count(SL_DETECTOR_PING, 3) == 0)
        next(); /* nobody answers */
    sl_time pinged = now;
    while (count(SL_DETECTOR_SUSPECT, 3) == 0)
        next();
    cr_assert_geq(now - pinged, 3 * PERIOD, "the periods became longer");
    unsigned health = detector.health;
    cr_assert_geq(health, 2);
    for (uint32_t member = 0; member < 5; member++)
        sl_detector_clear(&detector, member);
    cr_assert_eq(sl_detector_check(&detector, 1, now), SL_OK);
    sl_detector_heard(&detector, 1, now);
    cr_assert_eq(detector.health, health - 1);
    for (int i = 0; i < 20; i++)
        sl_detector_doubted(&detector);
    cr_assert_eq(detector.health, SL_DETECTOR_HEALTH_MAX);
}

Test(membership_detector, sleeping_makes_nobody_suspect) {
    start(5, 11);
    (void)until(SL_DETECTOR_ASK, 3, true);
    cr_assert(accused_by(4, 77));
    (void)sl_detector_next(&detector, members);
    now += 60 * SL_SECOND;
    detector.action_count = 0;
    step();
    cr_assert_eq(count(SL_DETECTOR_SUSPECT, 3), 0);
    cr_assert_eq(count(SL_DETECTOR_DROP, 4), 0);
    cr_assert_geq(detector.health, 1);
    (void)sl_detector_next(&detector, members);
    sl_detector_heard(&detector, 3, now);
    cr_assert_neq(until(SL_DETECTOR_DROP, 4, true), SL_NEVER, "but the suspicion goes on");
}

/* The n-th action. */
static bool answered(size_t index, uint32_t member, uint32_t asker, bool answers) {
    const struct sl_detector_action *action = &detector.actions[index];
    return index < detector.action_count && action->type == SL_DETECTOR_ANSWER && action->member == member &&
           action->peer == asker && action->answers == answers;
}

Test(membership_detector, who_asks_is_told_whether_it_answers) {
    start(4, 14);
    detector.tick = now + 60 * SL_SECOND;
    cr_assert_eq(sl_detector_asked(&detector, 2, 77, now), SL_OK);
    cr_assert_eq(sl_detector_asked(&detector, 2, 78, now), SL_OK);
    cr_assert_eq(sl_detector_asked(&detector, 3, 77, now), SL_OK);
    cr_assert_eq(sl_detector_asked(&detector, 500, 79, now), SL_OK);
    cr_assert_eq(count(SL_DETECTOR_PING, 2), 2);
    cr_assert_eq(count(SL_DETECTOR_PING, 500), 1, "it need not be a candidate");
    detector.action_count = 0;
    sl_detector_heard(&detector, 2, now);
    cr_assert_eq(detector.action_count, 2);
    cr_assert(answered(0, 2, 77, true) || answered(1, 2, 77, true));
    cr_assert(answered(0, 2, 78, true) || answered(1, 2, 78, true));
    sl_time asked = now;
    next();
    cr_assert_eq(now - asked, PERIOD / 2);
    cr_assert_eq(detector.action_count, 2, "and those of 3 and 500 that they don't");
    cr_assert(answered(0, 3, 77, false) || answered(1, 3, 77, false));
    cr_assert(answered(0, 500, 79, false) || answered(1, 500, 79, false));
    for (uint32_t i = 0; i < 1000; i++)
        cr_assert_eq(sl_detector_asked(&detector, 2, i, now), SL_OK);
    cr_assert_leq(detector.action_count, 100, "there is an end to favours");
}

Test(membership_detector, one_that_asks_too_much_leaves_room_for_others) {
    start(100, 14);
    detector.tick = now + 60 * SL_SECOND;
    for (uint32_t i = 0; i < 100; i++)
        cr_assert_eq(sl_detector_asked(&detector, i % 50, 77, now), SL_OK);
    cr_assert_eq(detector.action_count, 8, "a ping each, once");
    cr_assert_eq(sl_detector_asked(&detector, 60, 78, now), SL_OK);
    cr_assert_eq(count(SL_DETECTOR_PING, 60), 1);
    cr_assert_eq(sl_detector_asked(&detector, 60, 78, now), SL_OK);
    cr_assert_eq(count(SL_DETECTOR_PING, 60), 1, "it will be told");
}

Test(membership_detector, a_connection_over_which_only_others_are_heard_is_given_up) {
    start(5, 12);
    for (int i = 0; i < 2; i++) {
        (void)until(SL_DETECTOR_ASK, 3, true);
        vouch(3);
    }
    (void)until(SL_DETECTOR_ASK, 3, true);
    vouch(3);
    cr_assert_eq(count(SL_DETECTOR_RELINK, 3), 1);
}

Test(membership_detector, who_is_not_watched_any_more_is_left_alone) {
    start(8, 13);
    struct sl_random random;
    bool watched[8] = {true, true, true, true, true, true, true, true};
    sl_random_init(&random, 13, 1);
    for (int i = 0; i < 4000; i++) {
        uint32_t member = (uint32_t)sl_random_below(&random, 8);
        if (sl_random_below(&random, 4) == 0) {
            watched[member] = !watched[member];
            if (watched[member])
                cr_assert_eq(sl_detector_watch(&detector, member, true, now), SL_OK);
            else
                sl_detector_unwatch(&detector, member);
        }
        sl_detector_heard(&detector, member, now);
        now += 100 * SL_MILLISECOND;
        detector.action_count = 0;
        step();
        for (size_t j = 0; j < detector.action_count; j++) {
            const struct sl_detector_action *action = &detector.actions[j];
            cr_assert(watched[action->member] || action->type == SL_DETECTOR_DROP);
            cr_assert(action->type != SL_DETECTOR_ASK || watched[action->peer]);
        }
        cr_assert_leq(detector.probe_count, 8);
        cr_assert_leq(detector.turn, detector.candidate_count);
    }
}
