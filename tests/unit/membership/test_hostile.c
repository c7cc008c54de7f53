/* A member that asks, offers, and says more than anybody should: what it costs us, and third parties. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "spoken.h"

static struct sl_membership *membership;
static struct sl_membership_actions actions;
static sl_time now, wake;

static void step(const struct sl_membership_event *event) {
    sl_membership_actions_clear(&actions);
    cr_assert_eq(sl_membership_step(membership, event, now, &actions), SL_OK);
    for (size_t i = 0; i < actions.count; i++) {
        if (actions.items[i].type == SL_MEMBERSHIP_WAKE)
            wake = actions.items[i].at;
    }
}

static void tell(const char *teller, const struct sl_member_statement *said) {
    sl_membership_actions_clear(&actions);
    spoken_tell(membership, teller, said, 1, now, &actions);
}

static void tell_own(const char *node, char *address) {
    struct sl_member_statement said = spoken_own(node, 10, SL_MEMBER_ALIVE);
    said.addresses = &address;
    said.address_count = address != NULL;
    tell("liar", &said);
}

static void come_up(const char *node) {
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_PEER_UP, .node = node});
}

static void start(size_t full_mesh) {
    struct sl_membership_options options = spoken_options(NULL);
    options.full_mesh = full_mesh;
    options.incarnation = 1000;
    now = 100 * SL_SECOND;
    cr_assert_eq(sl_membership_create(&membership, &options, NULL), SL_OK);
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_TIMER});
    come_up("liar");
    tell_own("liar", NULL);
}

static void finish(void) {
    sl_membership_actions_finish(&actions);
    sl_membership_destroy(membership);
    membership = NULL;
}

TestSuite(membership_hostile, .fini = finish);

static size_t count(enum sl_membership_action_type type) {
    size_t found = 0;
    for (size_t i = 0; i < actions.count; i++)
        found += actions.items[i].type == type;
    return found;
}

static const struct sl_member_entry *entry(const char *node) {
    size_t members = 0;
    const struct sl_member *list = sl_membership_members(membership, &members);
    for (size_t i = 0; i < members; i++) {
        if (strcmp(list[i].entry.node, node) == 0)
            return &list[i].entry;
    }
    return NULL;
}

/* ---- what it asks for ---- */

static size_t ask_for(const char *node) {
    struct sl_probe probe = {.answer = SL_PROBE_ASKED};
    memcpy(probe.node, node, strlen(node) + 1);
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_PROBE, .node = "liar", .probe = &probe});
    return count(SL_MEMBERSHIP_DIAL);
}

static void meet_many(size_t many) {
    for (size_t i = 0; i < many; i++) {
        char name[SL_NAME_SIZE], address[SL_ADDRESS_SIZE];
        snprintf(name, sizeof name, "victim-%02zu", i);
        snprintf(address, sizeof address, "198.51.100.%zu:7400", i + 1);
        tell_own(name, address);
    }
}

/* Dials of a minute, with somebody who asks for everybody ten times a second, or not. */
static size_t dials_of_a_minute(bool asks) {
    size_t dials = 0;
    start(4);
    meet_many(40);
    for (sl_time end = now + 60 * SL_SECOND; now < end; now += 100 * SL_MILLISECOND) {
        for (size_t i = 0; i < 40 && asks; i++) {
            char name[SL_NAME_SIZE];
            snprintf(name, sizeof name, "victim-%02zu", i);
            dials += ask_for(name);
        }
        step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_TIMER});
        dials += count(SL_MEMBERSHIP_DIAL);
    }
    finish();
    return dials;
}

Test(membership_hostile, who_asks_for_others_makes_us_dial_them_no_oftener_than_a_little) {
    size_t alone = dials_of_a_minute(false), asked = dials_of_a_minute(true);
    cr_assert_leq(asked, alone + 60 * 2 + 8, "%zu, without it %zu", asked, alone);
    cr_assert_gt(asked, alone);
}

Test(membership_hostile, who_asks_without_end_is_not_served_without_end) {
    size_t sent = 0;
    start(0);
    come_up("victim");
    tell_own("victim", NULL);
    for (size_t i = 0; i < 5000; i++) {
        ask_for("victim");
        sent += count(SL_MEMBERSHIP_SEND_PING) + count(SL_MEMBERSHIP_SEND_PROBE);
        ask_for("me");
        sent += count(SL_MEMBERSHIP_SEND_PING) + count(SL_MEMBERSHIP_SEND_PROBE);
    }
    cr_assert_leq(sent, 100, "%zu", sent);
    now += 10 * SL_SECOND;
    ask_for("me");
    cr_assert_eq(count(SL_MEMBERSHIP_SEND_PROBE), 1, "it may ask again");
}

Test(membership_hostile, who_comes_and_goes_as_a_neighbour_is_not_followed_without_end) {
    size_t sent = 0, changes = 0;
    start(1);
    for (size_t i = 0; i < 5000; i++) {
        const struct sl_neighbour word = {.word = i % 2 == 0 ? SL_NEIGHBOUR_URGENT : SL_NEIGHBOUR_END};
        step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_NEIGHBOUR, .node = "liar", .neighbour = &word});
        sent += count(SL_MEMBERSHIP_SEND_NEIGHBOUR);
        changes += count(SL_MEMBERSHIP_CHANGED);
    }
    cr_assert_leq(sent, 100, "%zu", sent);
    cr_assert_leq(changes, 100, "%zu: each is a look at the whole roster", changes);
}

/* ---- what it says ---- */

static void drop(const char *node, enum sl_member_state state, uint64_t until) {
    struct sl_member_statement said = spoken_accusation("liar", node, 10, state);
    said.until_round = until;
    tell("liar", &said);
}

Test(membership_hostile, a_suspicion_first_is_no_way_out_of_rounds_that_are_on) {
    start(0);
    come_up("victim");
    tell_own("victim", NULL);
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_ROUND, .from_round = 10});
    drop("victim", SL_MEMBER_SUSPECT, 0);
    drop("victim", SL_MEMBER_DROPPED, 1);
    cr_assert_eq(entry("victim")->state, SL_MEMBER_SUSPECT, "it is connected, and answers");
    drop("victim", SL_MEMBER_DROPPED, 12);
    cr_assert_eq(entry("victim")->state, SL_MEMBER_DROPPED);
}

/* A clock that went back to the very millisecond: others may hold the word of the life before, and its lineage. */
Test(membership_hostile, another_word_at_our_incarnation_is_answered) {
    start(0);
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_PEER_UP, .node = "mirror"});
    struct sl_member_claim claim = {.statement = sl_membership_statement(membership, "me", false)};
    cr_assert_not_null(claim.statement);
    sl_statement_ref(claim.statement);
    claim.said = spoken_read(claim.statement);
    step(&(struct sl_membership_event){
        .type = SL_MEMBERSHIP_ROSTER, .node = "liar", .claims = &claim, .claim_count = 1});
    cr_assert_eq(entry("me")->incarnation, 1000, "ours is no news");
    sl_statement_unref(claim.statement);
    struct sl_member_statement said = spoken_own("me", 1000, SL_MEMBER_ALIVE);
    said.lineage = 77;
    tell("liar", &said);
    cr_assert_eq(entry("me")->incarnation, 1001);
    tell("liar", &said);
    cr_assert_eq(entry("me")->incarnation, 1001, "once");
}

/* ---- a long roster ---- */

/* Of one who hears it and verifies as much as it has to. */
struct hearer {
    double tokens;
    sl_time since;
    size_t knows, heard, lost;
};

static void hear(struct hearer *hearer) {
    for (size_t i = 0; i < actions.count; i++) {
        const struct sl_membership_action *action = &actions.items[i];
        if (action->type != SL_MEMBERSHIP_SEND_ROSTER || strcmp(action->node, "newcomer") != 0)
            continue;
        for (size_t j = 0; j < action->roster.count; j++) {
            double passed = sl_time_to_seconds(now - hearer->since);
            hearer->tokens = fmin(sl_membership_checks_burst(hearer->knows),
                                  hearer->tokens + passed * sl_membership_checks_rate(hearer->knows));
            hearer->since = now;
            bool fits = hearer->tokens >= 1;
            hearer->tokens -= fits;
            hearer->lost += !fits;
            hearer->heard += fits;
            hearer->knows += fits;
        }
    }
}

Test(membership_hostile, a_roster_of_5000_is_told_no_faster_than_it_can_be_verified) {
    enum { MANY = 5000 };
    start(0);
    for (size_t i = 0; i < MANY; i++) {
        char name[SL_NAME_SIZE];
        snprintf(name, sizeof name, "member-%zu", i);
        tell_own(name, NULL);
    }
    struct hearer hearer = {.tokens = sl_membership_checks_burst(1), .since = now, .knows = 1};
    sl_time begin = now;
    come_up("newcomer");
    hear(&hearer);
    while (hearer.heard + hearer.lost < MANY + 2 && now < begin + 60 * SL_SECOND) {
        now = wake > now ? wake : now + SL_MILLISECOND;
        step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_TIMER});
        hear(&hearer);
    }
    cr_assert_eq(hearer.lost, 0, "%zu", hearer.lost);
    cr_assert_geq(hearer.heard, MANY + 2);
    cr_assert_leq(now - begin, 15 * SL_SECOND, "%f s", sl_time_to_seconds(now - begin));
}
