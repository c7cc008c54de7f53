/* Options, and whom a membership dials. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "spoken.h"

static struct sl_membership *membership;
static struct sl_membership_actions actions;
static sl_time now;

static void step(const struct sl_membership_event *event) {
    sl_membership_actions_clear(&actions);
    cr_assert_eq(sl_membership_step(membership, event, now, &actions), SL_OK);
}

static struct sl_membership_options options(void) {
    return spoken_options(NULL);
}

static void tear_down(void) {
    sl_membership_actions_finish(&actions);
    sl_membership_destroy(membership);
}

TestSuite(membership_options, .fini = tear_down);

static size_t count_actions(enum sl_membership_action_type type) {
    size_t count = 0;
    for (size_t i = 0; i < actions.count; i++)
        count += actions.items[i].type == type;
    return count;
}

Test(membership_options, bad_ones_are_refused) {
    struct sl_membership *none = NULL;
    struct sl_membership_options bad = options();
    bad.self = "No Name";
    cr_assert_eq(sl_membership_create(&none, &bad, NULL), SL_USAGE);
    bad = options();
    bad.run = "No Name";
    cr_assert_eq(sl_membership_create(&none, &bad, NULL), SL_USAGE);
    bad = options();
    bad.incarnation = 0;
    cr_assert_eq(sl_membership_create(&none, &bad, NULL), SL_USAGE);
    bad = options();
    bad.retry_max = bad.retry_min - 1;
    cr_assert_eq(sl_membership_create(&none, &bad, NULL), SL_USAGE);
    bad = options();
    const char *join = "nowhere";
    bad.join = &join;
    bad.join_count = 1;
    cr_assert_eq(sl_membership_create(&none, &bad, NULL), SL_FORMAT);
    cr_assert_null(none);
}

Test(membership_options, an_own_address_among_those_to_join_is_not_dialled) {
    struct sl_membership_options those = options();
    const char *join[] = {"192.0.2.1:7400", "192.0.2.2:7400"};
    those.join = join;
    those.join_count = 2;
    cr_assert_eq(sl_membership_create(&membership, &those, NULL), SL_OK);
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_TIMER});
    cr_assert_eq(count_actions(SL_MEMBERSHIP_DIAL), 1);
    cr_assert_str_eq(actions.items[0].addresses[0], "192.0.2.2:7400");
}

Test(membership_options, a_join_address_that_turns_out_to_be_ours_is_forgotten) {
    struct sl_membership_options those = options();
    const char *join[] = {"localhost:7400", "192.0.2.2:7400"};
    those.join = join;
    those.join_count = 2;
    cr_assert_eq(sl_membership_create(&membership, &those, NULL), SL_OK);
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_TIMER});
    cr_assert_eq(count_actions(SL_MEMBERSHIP_DIAL), 2);
    step(
        &(struct sl_membership_event){.type = SL_MEMBERSHIP_DIAL_FAILED, .address = "localhost:7400", .is_self = true});
    cr_assert_eq(count_actions(SL_MEMBERSHIP_REPORT), 0);
    now += 60 * SL_SECOND;
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_TIMER});
    cr_assert_eq(count_actions(SL_MEMBERSHIP_DIAL), 1);
    cr_assert_str_eq(actions.items[0].addresses[0], "192.0.2.2:7400");
}

Test(membership_options, all_addresses_of_a_member_are_dialled_in_one_action) {
    const char *addresses[] = {"192.0.2.7:7400", "[2001:DB8::7]:7400", "SEVEN.example:7400"};
    const struct sl_membership_options those = options();
    cr_assert_eq(sl_membership_create(&membership, &those, NULL), SL_OK);
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_TIMER});
    step(&(struct sl_membership_event){
        .type = SL_MEMBERSHIP_PEER_UP, .node = "zoe", .addresses = addresses, .address_count = 3});
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_PEER_DOWN, .node = "zoe"});
    size_t dials = 0;
    for (int i = 0; i < 100 && dials == 0; i++) {
        now += SL_SECOND / 10;
        step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_TIMER});
        for (size_t j = 0; j < actions.count; j++) {
            const struct sl_membership_action *action = &actions.items[j];
            if (action->type != SL_MEMBERSHIP_DIAL || strcmp(action->node, "zoe") != 0)
                continue;
            dials++;
            cr_assert_eq(action->address_count, 3);
            cr_assert_str_eq(action->addresses[0], "192.0.2.7:7400");
            cr_assert_str_eq(action->addresses[1], "[2001:db8::7]:7400");
            cr_assert_str_eq(action->addresses[2], "seven.example:7400");
        }
    }
    cr_assert_eq(dials, 1);
}

static size_t dials_of(const char *address) {
    size_t count = 0;
    for (size_t i = 0; i < actions.count; i++)
        count += actions.items[i].type == SL_MEMBERSHIP_DIAL && strcmp(actions.items[i].addresses[0], address) == 0;
    return count;
}

static size_t dials_within(sl_time duration, const char *address) {
    size_t count = 0;
    for (sl_time end = now + duration; now < end; now += SL_SECOND / 10) {
        step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_TIMER});
        count += dials_of(address);
    }
    return count;
}

/* All nodes of a flock are told of one that comes up last: those that found each other meanwhile still look for it. */
Test(membership_options, a_join_address_is_dialled_until_a_member_was_found_there) {
    struct sl_membership_options those = options();
    const char *join[] = {"192.0.2.2:7400", "192.0.2.3:7400", "192.0.2.4:7400"};
    const char *bobs = "192.0.2.3:7400";
    those.join = join;
    those.join_count = 3;
    cr_assert_eq(sl_membership_create(&membership, &those, NULL), SL_OK);
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_TIMER});
    step(&(struct sl_membership_event){
        .type = SL_MEMBERSHIP_PEER_UP, .node = "bob", .address = bobs, .addresses = &bobs, .address_count = 1});
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_DIAL_FAILED, .address = join[2], .is_connected = true});
    size_t dials = dials_within(60 * SL_SECOND, join[0]);
    cr_assert(dials >= 6 && dials <= 30, "%zu", dials);
    cr_assert_eq(dials_within(60 * SL_SECOND, bobs), 0, "bob is there");
    cr_assert_eq(dials_within(60 * SL_SECOND, join[2]), 0, "somebody who is connected is there");
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_PEER_DOWN, .node = "bob"});
    cr_assert_geq(dials_within(60 * SL_SECOND, join[2]), 1, "nobody is connected any more");
}

/* A member that says every join address is its own would be the only one that those who join ever find. */
Test(membership_options, a_member_that_claims_a_join_address_does_not_hide_who_is_there) {
    struct sl_membership_options those = options();
    const char *join[] = {"192.0.2.2:7400", "192.0.2.3:7400"};
    char claimed[SL_ADDRESSES_MAX][SL_ADDRESS_SIZE];
    const char *addresses[SL_ADDRESSES_MAX];
    those.join = join;
    those.join_count = 2;
    for (int i = 0; i < SL_ADDRESSES_MAX; i++) {
        snprintf(claimed[i], sizeof claimed[i], "192.0.2.%d:7400", i + 2);
        addresses[i] = claimed[i];
    }
    cr_assert_eq(sl_membership_create(&membership, &those, NULL), SL_OK);
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_TIMER});
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_PEER_UP,
                                       .node = "mallory",
                                       .address = join[1],
                                       .addresses = addresses,
                                       .address_count = SL_ADDRESSES_MAX});
    cr_assert_eq(dials_within(60 * SL_SECOND, join[1]), 0, "there she was found");
    cr_assert_geq(dials_within(60 * SL_SECOND, join[0]), 1, "there she only says she is");
    step(&(struct sl_membership_event){
        .type = SL_MEMBERSHIP_DIAL_FAILED, .address = join[0], .node = "mallory", .is_connected = true});
    cr_assert_eq(dials_within(60 * SL_SECOND, join[0]), 0, "and now she was");
}

/* What a member says of its addresses may be wrong, all sixteen: where it was found it is looked for again. */
Test(membership_options, a_member_is_looked_for_where_it_was_found_whatever_its_addresses) {
    struct sl_membership_options those = options();
    const char *join[] = {"192.0.2.3:7400"}, *wrong = "10.0.0.1:7400", *zoes = "192.0.2.9:7400";
    those.join = join;
    those.join_count = 1;
    cr_assert_eq(sl_membership_create(&membership, &those, NULL), SL_OK);
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_TIMER});
    step(&(struct sl_membership_event){
        .type = SL_MEMBERSHIP_PEER_UP, .node = "bob", .address = join[0], .addresses = &wrong, .address_count = 1});
    step(&(struct sl_membership_event){
        .type = SL_MEMBERSHIP_PEER_UP, .node = "zoe", .addresses = &zoes, .address_count = 1});
    cr_assert_eq(dials_within(20 * SL_SECOND, join[0]), 0);
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_PEER_DOWN, .node = "zoe"});
    cr_assert_eq(dials_within(20 * SL_SECOND, join[0]), 0, "she was found elsewhere");
    step(&(struct sl_membership_event){
        .type = SL_MEMBERSHIP_PEER_UP, .node = "zoe", .addresses = &zoes, .address_count = 1});
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_PEER_DOWN, .node = "bob"});
    cr_assert_eq(dials_within(20 * SL_SECOND, join[0]), 0, "his own addresses come first");
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_DIAL_FAILED, .address = wrong, .node = "bob"});
    cr_assert_geq(dials_within(20 * SL_SECOND, join[0]), 1);
}
