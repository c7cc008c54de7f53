/* One membership and what is told to it, by peers that lie. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "membership/membership.h"

static struct sl_membership *membership;
static struct sl_membership_actions actions;
static sl_time now;

static void step(const struct sl_membership_event *event) {
    sl_membership_actions_clear(&actions);
    cr_assert_eq(sl_membership_step(membership, event, now, &actions), SL_OK);
}

static struct sl_membership_options options(void) {
    static const char *address = "192.0.2.1:7400";
    return (struct sl_membership_options){.self = "me",
                                          .incarnation = 1000,
                                          .samples = 60,
                                          .addresses = &address,
                                          .address_count = 1,
                                          .suspect_after = 5 * SL_SECOND,
                                          .drop_after = 5 * SL_SECOND,
                                          .ping_interval = SL_SECOND,
                                          .retry_min = SL_SECOND,
                                          .retry_max = 8 * SL_SECOND,
                                          .seed = 1};
}

static void set_up(void) {
    const struct sl_membership_options those = options();
    cr_assert_eq(sl_membership_create(&membership, &those, NULL), SL_OK);
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_TIMER});
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_PEER_UP, .node = "liar"});
}

static void tear_down(void) {
    sl_membership_actions_finish(&actions);
    sl_membership_destroy(membership);
}

TestSuite(membership_claims, .init = set_up, .fini = tear_down);

static void tell(const char *teller, struct sl_member_entry *entries, size_t count) {
    const struct sl_roster roster = {.entries = entries, .count = count};
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_ROSTER, .node = teller, .roster = &roster});
}

static struct sl_member_entry claim(const char *node, uint64_t incarnation, enum sl_member_state state) {
    struct sl_member_entry entry = {.incarnation = incarnation, .state = state, .samples = 1};
    snprintf(entry.node, sizeof entry.node, "%s", node);
    return entry;
}

static void tell_one(const char *teller, const char *node, uint64_t incarnation, enum sl_member_state state) {
    struct sl_member_entry entry = claim(node, incarnation, state);
    tell(teller, &entry, 1);
}

static const struct sl_member *find(const char *node) {
    size_t count = 0;
    const struct sl_member *members = sl_membership_members(membership, &count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(members[i].entry.node, node) == 0)
            return &members[i];
    }
    return NULL;
}

static size_t count_actions(enum sl_membership_action_type type) {
    size_t count = 0;
    for (size_t i = 0; i < actions.count; i++)
        count += actions.items[i].type == type;
    return count;
}

Test(membership_claims, a_death_sentence_is_refuted_and_the_refutation_told) {
    tell_one("liar", "me", 1000, SL_MEMBER_DROPPED);
    cr_assert_eq(find("me")->entry.state, SL_MEMBER_ALIVE);
    cr_assert_eq(find("me")->entry.incarnation, 1001);
    cr_assert_eq(count_actions(SL_MEMBERSHIP_SEND_ROSTER), 1, "even the liar is told");
}

Test(membership_claims, no_incarnation_is_beyond_refutation) {
    tell_one("liar", "me", UINT64_MAX, SL_MEMBER_DROPPED);
    cr_assert_eq(find("me")->entry.incarnation, 1000, "impossible, so ignored");
    tell_one("liar", "me", SL_INCARNATION_MAX, SL_MEMBER_LEFT);
    cr_assert_eq(find("me")->entry.state, SL_MEMBER_ALIVE);
    cr_assert_eq(find("me")->entry.incarnation, SL_INCARNATION_MAX + 1);
    tell_one("liar", "me", SL_INCARNATION_MAX, SL_MEMBER_LEFT);
    cr_assert_eq(find("me")->entry.incarnation, SL_INCARNATION_MAX + 1, "nothing is left to refute");
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_SCHEDULE, .from_round = 4});
    cr_assert_eq(find("me")->entry.incarnation, SL_INCARNATION_MAX + 2);
}

Test(membership_claims, a_victims_own_word_stands_above_any_bound) {
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_PEER_UP, .node = "victim"});
    tell_one("victim", "victim", 50, SL_MEMBER_ALIVE);
    tell_one("liar", "victim", SL_INCARNATION_MAX, SL_MEMBER_LEFT);
    tell_one("victim", "victim", SL_INCARNATION_MAX + 1, SL_MEMBER_ALIVE);
    cr_assert_eq(find("victim")->entry.state, SL_MEMBER_ALIVE);
    tell_one("liar", "victim", SL_INCARNATION_MAX + 2, SL_MEMBER_DROPPED);
    cr_assert_eq(find("victim")->entry.state, SL_MEMBER_ALIVE);
}

Test(membership_claims, graver_wins_at_equal_incarnations_and_only_there) {
    tell_one("liar", "bob", 10, SL_MEMBER_ALIVE);
    tell_one("liar", "bob", 10, SL_MEMBER_DROPPED);
    cr_assert_eq(find("bob")->entry.state, SL_MEMBER_DROPPED);
    tell_one("liar", "bob", 10, SL_MEMBER_SUSPECT);
    cr_assert_eq(find("bob")->entry.state, SL_MEMBER_DROPPED);
    tell_one("liar", "bob", 9, SL_MEMBER_LEFT);
    cr_assert_eq(find("bob")->entry.state, SL_MEMBER_DROPPED);
    tell_one("liar", "bob", 11, SL_MEMBER_ALIVE);
    cr_assert_eq(find("bob")->entry.state, SL_MEMBER_ALIVE);
}

Test(membership_claims, drops_agree_on_the_earlier_round) {
    struct sl_member_entry entry = claim("bob", 10, SL_MEMBER_DROPPED);
    entry.until_round = 9;
    tell("liar", &entry, 1);
    entry.until_round = 12;
    tell("liar", &entry, 1);
    cr_assert_eq(find("bob")->entry.until_round, 9);
    entry.until_round = 8;
    tell("liar", &entry, 1);
    cr_assert_eq(find("bob")->entry.until_round, 8);
    entry.until_round = 0;
    tell("liar", &entry, 1);
    cr_assert_eq(find("bob")->entry.until_round, 8);
}

Test(membership_claims, what_cannot_be_is_ignored) {
    struct sl_member_entry entries[9];
    for (size_t i = 0; i < 9; i++)
        entries[i] = claim("bob", 10, SL_MEMBER_ALIVE);
    entries[0].from_round = UINT64_MAX;
    entries[1].until_round = UINT64_MAX;
    entries[2].until_round = 3; /* alive, and out */
    entries[3].samples = 0;
    entries[4].samples = UINT64_MAX;
    entries[5].incarnation = 0;
    entries[6].incarnation = SL_INCARNATION_MAX + 1;
    entries[7].state = (enum sl_member_state)77;
    memcpy(entries[8].node, "Not A Name", 11);
    tell("liar", entries, 9);
    cr_assert_null(find("bob"));
    cr_assert_null(find("Not A Name"));
    cr_assert_eq(count_actions(SL_MEMBERSHIP_CHANGED), 0);
    tell_one("liar", "liar", UINT64_MAX, SL_MEMBER_DROPPED);
    cr_assert_eq(find("liar")->entry.state, SL_MEMBER_ALIVE, "nobody drops itself");
}

Test(membership_claims, garbage_addresses_are_left_out) {
    char good[] = "EXAMPLE.org:7400", same[] = "example.org:7400", bad[] = "nonsense", zero[] = "10.0.0.1:0";
    char *addresses[] = {bad, good, zero, same};
    struct sl_member_entry entry = claim("bob", 10, SL_MEMBER_ALIVE);
    entry.addresses = addresses;
    entry.address_count = 4;
    tell("liar", &entry, 1);
    cr_assert_eq(find("bob")->entry.address_count, 1);
    cr_assert_str_eq(find("bob")->entry.addresses[0], "example.org:7400");
}

Test(membership_claims, a_flood_of_members_has_an_end) {
    struct sl_member_entry entries[SL_ROSTER_ENTRIES_MAX];
    char name[SL_NAME_SIZE];
    for (size_t told = 0; told < SL_MEMBERS_MAX + 1000; told += SL_ROSTER_ENTRIES_MAX) {
        for (size_t i = 0; i < SL_ROSTER_ENTRIES_MAX; i++) {
            snprintf(name, sizeof name, "x%zu", told + i);
            entries[i] = claim(name, UINT64_C(1) << (told % 60), SL_MEMBER_ALIVE);
        }
        tell("liar", entries, SL_ROSTER_ENTRIES_MAX);
    }
    size_t count = 0;
    const struct sl_member *members = sl_membership_members(membership, &count);
    cr_assert_eq(count, SL_MEMBERS_MAX);
    for (size_t i = 1; i < count; i++)
        cr_assert_lt(strcmp(members[i - 1].entry.node, members[i].entry.node), 0, "sorted");
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_PEER_UP, .node = "late-comer"});
    cr_assert_null(find("late-comer"));
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_HEARD, .node = "late-comer"});
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_PEER_DOWN, .node = "late-comer"});
}

Test(membership_claims, a_big_roster_is_told_in_frames_that_fit) {
    char *addresses[SL_ADDRESSES_MAX];
    for (size_t i = 0; i < SL_ADDRESSES_MAX; i++) {
        addresses[i] = malloc(SL_ADDRESS_SIZE);
        int length = snprintf(addresses[i], SL_ADDRESS_SIZE, "%c", (int)('a' + i));
        for (size_t j = 0; j < 62; j++)
            length += snprintf(addresses[i] + length, SL_ADDRESS_SIZE - (size_t)length, ".bc");
        snprintf(addresses[i] + length, SL_ADDRESS_SIZE - (size_t)length, ":65535");
    }
    for (size_t i = 0; i < 300; i++) {
        char name[SL_NAME_SIZE];
        snprintf(name, sizeof name, "a-name-that-is-as-long-as-a-name-may-be-which-is-63-bytes-%05zu", i);
        struct sl_member_entry entry = claim(name, SL_INCARNATION_MAX, SL_MEMBER_ALIVE);
        entry.samples = SL_MEMBER_SAMPLES_MAX;
        entry.from_round = SL_MEMBER_ROUND_MAX;
        entry.addresses = addresses;
        entry.address_count = SL_ADDRESSES_MAX;
        tell("liar", &entry, 1);
    }
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_PEER_UP, .node = "newcomer"});
    size_t entries = 0;
    for (size_t i = 0; i < actions.count; i++) {
        struct sl_buffer payload = {0};
        if (actions.items[i].type != SL_MEMBERSHIP_SEND_ROSTER)
            continue;
        cr_assert_eq(sl_roster_encode(&payload, &actions.items[i].roster), SL_OK);
        entries += actions.items[i].roster.count;
        sl_buffer_finish(&payload);
    }
    cr_assert_eq(entries, 301, "me and the 300; nobody has told anything of liar and newcomer");
    for (size_t i = 0; i < SL_ADDRESSES_MAX; i++)
        free(addresses[i]);
}

Test(membership_claims, a_suspect_that_speaks_is_told_so) {
    tell_one("liar", "liar", 10, SL_MEMBER_ALIVE);
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_PEER_UP, .node = "bob"});
    tell_one("bob", "liar", 10, SL_MEMBER_SUSPECT);
    now += 2 * SL_SECOND;
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_HEARD, .node = "liar"});
    cr_assert_eq(count_actions(SL_MEMBERSHIP_SEND_ROSTER), 1);
    cr_assert_str_eq(actions.items[0].node, "liar");
    cr_assert_eq(actions.items[0].roster.entries[0].state, SL_MEMBER_SUSPECT);
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_HEARD, .node = "liar"});
    cr_assert_eq(actions.count, 0, "not with every frame");
}

Test(membership_claims, a_member_that_left_neither_dials_nor_refutes) {
    tell_one("liar", "bob", 10, SL_MEMBER_ALIVE);
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_ROUND, .from_round = 5});
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_LEAVE});
    cr_assert_eq(find("me")->entry.state, SL_MEMBER_LEFT);
    cr_assert_eq(find("me")->entry.until_round, 7);
    cr_assert_eq(count_actions(SL_MEMBERSHIP_SEND_ROSTER), 1);
    tell_one("liar", "me", 2000, SL_MEMBER_DROPPED);
    cr_assert_eq(find("me")->entry.incarnation, 1001);
    now += 100 * SL_SECOND;
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_TIMER});
    cr_assert_eq(count_actions(SL_MEMBERSHIP_DIAL), 0);
}

Test(membership_options, bad_ones_are_refused) {
    struct sl_membership *none = NULL;
    struct sl_membership_options bad = options();
    bad.self = "No Name";
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
    cr_assert_str_eq(actions.items[0].address, "192.0.2.2:7400");
    tear_down();
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
    cr_assert_str_eq(actions.items[0].address, "192.0.2.2:7400");
    tear_down();
}
