/* The guard alone: what an address may cost, and what sprayed addresses can push out. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>

#include "transport/guard.h"

static struct sl_guard *guard;
static sl_time now = 1000 * SL_SECOND;
static const struct sl_guard_limits LIMITS = {.rate = 10, .burst = 5, .connections = 8, .strangers = 4};

static void set_up(void) {
    cr_assert_eq(sl_guard_create(&guard, NULL), SL_OK);
}

static void tear_down(void) {
    sl_guard_destroy(guard);
}

TestSuite(guard, .init = set_up, .fini = tear_down);

static struct sl_guard_source *find_on(uint16_t listener, const char *text) {
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = 99};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = 99};
    bool is_v4 = inet_pton(AF_INET, text, &v4.sin_addr) == 1;
    cr_assert(is_v4 || inet_pton(AF_INET6, text, &v6.sin6_addr) == 1);
    return sl_guard_find(guard, listener, is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6, now);
}

static struct sl_guard_source *find(const char *text) {
    return find_on(0, text);
}

static struct sl_guard_source *find_number(uint32_t number) {
    const struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a000000 + number)};
    return sl_guard_find(guard, 0, (const struct sockaddr *)&v4, now);
}

static enum sl_guard_answer ask(const char *text) {
    return sl_guard_ask(guard, find(text), &LIMITS, now);
}

Test(guard, a_burst_passes_then_the_rate) {
    for (int i = 0; i < 5; i++)
        cr_assert_eq(ask("192.0.2.1"), SL_GUARD_TAKE);
    cr_assert_eq(ask("192.0.2.1"), SL_GUARD_TOO_FAST);
    cr_assert_eq(ask("192.0.2.2"), SL_GUARD_TAKE, "another address has its own");
    now += 250 * SL_MILLISECOND;
    cr_assert_eq(ask("192.0.2.1"), SL_GUARD_TAKE);
    cr_assert_eq(ask("192.0.2.1"), SL_GUARD_TAKE);
    cr_assert_eq(ask("192.0.2.1"), SL_GUARD_TOO_FAST);
    now += 3600 * SL_SECOND;
    for (int i = 0; i < 5; i++)
        cr_assert_eq(ask("192.0.2.1"), SL_GUARD_TAKE);
    cr_assert_eq(ask("192.0.2.1"), SL_GUARD_TOO_FAST, "an hour's peace is no licence for a flood");
}

Test(guard, an_ipv6_network_is_one_source_and_each_listener_has_its_own) {
    cr_assert_eq(find("2001:db8:1:2::1"), find("2001:db8:1:2:ffff:ffff:ffff:ffff"));
    cr_assert_neq(find("2001:db8:1:2::1"), find("2001:db8:1:3::1"));
    cr_assert_eq(find("::ffff:192.0.2.1"), find("192.0.2.1"), "the same host through another socket");
    cr_assert_neq(find("192.0.2.1"), find("192.0.2.2"));
    cr_assert_neq(find_on(0, "192.0.2.1"), find_on(1, "192.0.2.1"));
    cr_assert_eq(sl_guard_find(guard, 3, NULL, now), sl_guard_find(guard, 3, NULL, now), "a proxy's listener");
    cr_assert_neq(sl_guard_find(guard, 3, NULL, now), sl_guard_find(guard, 4, NULL, now));
}

Test(guard, connections_are_counted_and_strangers_apart) {
    struct sl_guard_source *source = find("192.0.2.1");
    now += SL_SECOND;
    for (int i = 0; i < 4; i++)
        sl_guard_hold(guard, source, true);
    cr_assert_eq(ask("192.0.2.1"), SL_GUARD_TOO_MANY_STRANGERS);
    cr_assert_eq(sl_guard_strangers(guard), 4);
    sl_guard_admit(guard, source);
    cr_assert_eq(sl_guard_strangers(guard), 3);
    cr_assert_eq(ask("192.0.2.1"), SL_GUARD_TAKE);
    for (int i = 0; i < 4; i++)
        sl_guard_hold(guard, source, false);
    cr_assert_eq(ask("192.0.2.1"), SL_GUARD_TOO_MANY);
    sl_guard_release(guard, source, false);
    cr_assert_eq(ask("192.0.2.1"), SL_GUARD_TAKE);
    for (int i = 0; i < 3; i++)
        sl_guard_release(guard, source, true);
    cr_assert_eq(sl_guard_strangers(guard), 0);
}

Test(guard, sprayed_addresses_fill_no_memory_and_push_out_nobody_who_is_connected) {
    struct sl_guard_source *held = find("192.0.2.1");
    sl_guard_hold(guard, held, true);
    for (uint32_t i = 0; i < 100000; i++)
        cr_assert(find_number(i) != NULL);
    cr_assert_leq(sl_guard_source_count(guard), SL_GUARD_SOURCES + 1);
    cr_assert_eq(find("192.0.2.1"), held);
    cr_assert_eq(sl_guard_source_strangers(held), 1);
    sl_guard_release(guard, held, true);
    cr_assert_leq(sl_guard_source_count(guard), SL_GUARD_SOURCES + 1);
}

static void become_known(const char *text) {
    struct sl_guard_source *source = find(text);
    sl_guard_hold(guard, source, true);
    sl_guard_admit(guard, source);
    sl_guard_release(guard, source, false);
}

Test(guard, strangers_from_everywhere_are_bounded_and_members_pass_them) {
    size_t taken = 0;
    become_known("192.0.2.1");
    for (uint32_t i = 0; i < 2 * SL_GUARD_SOURCES; i++)
        taken += sl_guard_ask(guard, find_number(i), &LIMITS, now) == SL_GUARD_TAKE;
    cr_assert_eq(taken, SL_GUARD_STRANGERS_AT_ONCE);
    cr_assert_eq(ask("192.0.2.1"), SL_GUARD_TAKE, "known though 8192 strangers came meanwhile");
    cr_assert_eq(ask("192.0.2.2"), SL_GUARD_BUSY);
    now += SL_SECOND;
    cr_assert_eq(ask("192.0.2.2"), SL_GUARD_TAKE);
}

/* 300 addresses, which began one after the other, come all the time: their own limits allow them 6,000 connections a
 * second, that of all allows 100. Meanwhile members come that were never here. */
Test(guard, a_storm_from_many_addresses_keeps_nobody_out_who_comes_for_the_first_time) {
    const struct sl_guard_limits limits = {.rate = 20, .burst = 128, .connections = 256, .strangers = 64};
    uint32_t strangers = 0, members = 0, admitted = 0;
    for (uint32_t tick = 0; tick < 60 * 50; tick++, now += 20 * SL_MILLISECOND) {
        for (uint32_t i = 0; i < 300 && 2 * i <= tick; i++)
            strangers += sl_guard_ask(guard, find_number(i), &limits, now) == SL_GUARD_TAKE;
        if (tick > 1000 && tick % 5 == 0)
            admitted += sl_guard_ask(guard, find_number(1000 + members++), &limits, now) == SL_GUARD_TAKE;
    }
    cr_assert_eq(admitted, members, "%u of %u at the first try", admitted, members);
    cr_assert_leq(strangers + admitted, SL_GUARD_STRANGERS_AT_ONCE + 60 * SL_GUARD_STRANGERS_A_SECOND);
    cr_assert_gt(strangers, 60 * SL_GUARD_STRANGERS_A_SECOND / 2, "nor are they all turned away: they may be honest");
}

Test(guard, a_member_with_many_addresses_does_not_own_the_table) {
    char text[64];
    for (int i = 0; i < 2 * SL_GUARD_SOURCES; i++) {
        snprintf(text, sizeof text, "2001:db8:1:%x::1", i);
        become_known(text);
    }
    struct sl_guard_source *fresh = find("192.0.2.1");
    for (int i = 0; i < SL_GUARD_SOURCES / 4; i++)
        (void)find_number((uint32_t)i);
    cr_assert_eq(find("192.0.2.1"), fresh, "strangers have room beside them");
    cr_assert_leq(sl_guard_source_count(guard), SL_GUARD_SOURCES);
}

Test(guard, lines_are_bounded_a_source_and_in_all_and_the_rest_is_counted) {
    uint64_t suppressed = 0, lines = 0;
    for (int i = 0; i < 1000; i++)
        lines += sl_guard_may_log(guard, find("192.0.2.1"), now, &suppressed);
    cr_assert_leq(lines, 30);
    cr_assert_geq(lines, 1);
    cr_assert(sl_guard_may_log(guard, find("192.0.2.2"), now, &suppressed), "others are still heard of");
    cr_assert_eq(suppressed, 0);
    now += 10 * SL_SECOND;
    cr_assert(sl_guard_may_log(guard, find("192.0.2.1"), now, &suppressed));
    cr_assert_eq(suppressed, 1000 - lines);
    cr_assert(!sl_guard_has_suppressed(guard), "that line told of all of them");
    uint64_t all = 0;
    for (uint32_t i = 0; i < 2000; i++)
        all += sl_guard_may_log(guard, find_number(i), now, &suppressed);
    cr_assert_leq(all, 150);
    cr_assert_eq(sl_guard_take_suppressed(guard), 2000 - all);
    cr_assert(!sl_guard_has_suppressed(guard));
}

/* A storm of strangers is one thing to tell, however many addresses it comes from. */
Test(guard, lines_about_all_strangers_together_are_as_few_as_those_about_one) {
    struct sl_guard_source *all = sl_guard_strangers_source(guard);
    uint64_t suppressed = 0, lines = 0;
    for (int i = 0; i < 1000; i++)
        lines += sl_guard_may_log(guard, all, now, &suppressed);
    cr_assert_leq(lines, 30);
    cr_assert_geq(lines, 1);
    cr_assert(sl_guard_may_log(guard, find("192.0.2.1"), now, &suppressed), "there is room for others beside it");
    now += 10 * SL_SECOND;
    cr_assert(sl_guard_may_log(guard, all, now, &suppressed));
    cr_assert_eq(suppressed, 1000 - lines);
    cr_assert_eq(sl_guard_source_count(guard), 1, "it is no address");
}

Test(guard, lines_about_a_member_are_bounded_by_its_name_whatever_strangers_do) {
    uint64_t suppressed = 0, lines = 0;
    for (uint32_t i = 0; i < 2000; i++)
        (void)sl_guard_may_log(guard, find_number(i), now, &suppressed);
    cr_assert_gt(sl_guard_take_suppressed(guard), 0, "strangers have used up their lines");
    cr_assert(!sl_guard_may_log(guard, find("192.0.2.1"), now, &suppressed));
    for (int i = 0; i < 1000; i++)
        lines += sl_guard_may_log(guard, sl_guard_find_member(guard, "bob", now), now, &suppressed);
    cr_assert_leq(lines, 30);
    cr_assert_geq(lines, 2);
    cr_assert(sl_guard_may_log(guard, sl_guard_find_member(guard, "carol", now), now, &suppressed));
    now += 10 * SL_SECOND;
    for (uint32_t i = 0; i < 2 * SL_GUARD_SOURCES; i++)
        (void)find_number(i);
    cr_assert(sl_guard_may_log(guard, sl_guard_find_member(guard, "bob", now), now, &suppressed));
    cr_assert_eq(suppressed, 1000 - lines, "strangers do not make it be forgotten");
    cr_assert_eq(sl_guard_take_suppressed(guard), 1, "the stranger's, of which nothing told");
}

Test(guard, an_alarm_about_a_member_comes_once_a_minute_whatever_strangers_do) {
    cr_assert(sl_guard_may_alarm(sl_guard_find_member(guard, "bob", now), now));
    now += 59 * SL_SECOND;
    for (uint32_t i = 0; i < 2 * SL_GUARD_SOURCES; i++)
        (void)find_number(i);
    cr_assert_not(sl_guard_may_alarm(sl_guard_find_member(guard, "bob", now), now));
    cr_assert(sl_guard_may_alarm(sl_guard_find_member(guard, "carol", now), now), "another member");
    now += 2 * SL_SECOND;
    cr_assert(sl_guard_may_alarm(sl_guard_find_member(guard, "bob", now), now));
    cr_assert_not(sl_guard_may_alarm(NULL, now), "out of memory");
}
