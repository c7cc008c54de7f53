/* One membership and what is told to it, by peers that lie. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spoken.h"

static struct sl_membership *membership;
static struct sl_membership_actions actions;
static sl_time now;
static unsigned seals;

static void step(const struct sl_membership_event *event) {
    sl_membership_actions_clear(&actions);
    cr_assert_eq(sl_membership_step(membership, event, now, &actions), SL_OK);
}

static struct sl_membership_options options(void) {
    return spoken_options(&seals);
}

static void tell(const char *teller, const struct sl_member_statement *said, size_t count) {
    sl_membership_actions_clear(&actions);
    spoken_tell(membership, teller, said, count, now, &actions);
}

static void tell_own(const char *teller, const char *node, uint64_t incarnation, enum sl_member_state state) {
    const struct sl_member_statement said = spoken_own(node, incarnation, state);
    tell(teller, &said, 1);
}

/* The liar's own words against others. */
static void accuse(const char *node, uint64_t incarnation, enum sl_member_state state) {
    const struct sl_member_statement said = spoken_accusation("liar", node, incarnation, state);
    tell("liar", &said, 1);
}

static void drop_until(const char *accuser, const char *node, uint64_t incarnation, uint64_t until) {
    struct sl_member_statement said = spoken_accusation(accuser, node, incarnation, SL_MEMBER_DROPPED);
    said.until_round = until;
    tell(accuser, &said, 1);
}

static void set_up(void) {
    const struct sl_membership_options those = options();
    cr_assert_eq(sl_membership_create(&membership, &those, NULL), SL_OK);
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_TIMER});
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_PEER_UP, .node = "liar"});
    tell_own("liar", "liar", 10, SL_MEMBER_ALIVE);
}

static void tear_down(void) {
    sl_membership_actions_finish(&actions);
    sl_membership_destroy(membership);
}

TestSuite(membership_claims, .init = set_up, .fini = tear_down);

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

/* Statements in all rosters to that peer. */
static size_t count_told(const char *node) {
    size_t count = 0;
    for (size_t i = 0; i < actions.count; i++) {
        if (actions.items[i].type == SL_MEMBERSHIP_SEND_ROSTER && strcmp(actions.items[i].node, node) == 0)
            count += actions.items[i].roster.count;
    }
    return count;
}

/* The one about that node by that origin that was told to the peer. */
static struct sl_statement *told(const char *peer, const char *origin, const char *node) {
    for (size_t i = 0; i < actions.count; i++) {
        const struct sl_membership_action *action = &actions.items[i];
        if (action->type != SL_MEMBERSHIP_SEND_ROSTER || strcmp(action->node, peer) != 0)
            continue;
        for (size_t j = 0; j < action->roster.count; j++) {
            const struct sl_member_statement said = spoken_read(action->roster.statements[j]);
            if (strcmp(said.origin, origin) == 0 && strcmp(said.node, node) == 0)
                return action->roster.statements[j];
        }
    }
    return NULL;
}

static const struct sl_member_entry *entry(const char *node) {
    const struct sl_member *member = find(node);
    cr_assert_not_null(member, "%s", node);
    return &member->entry;
}

static void come_up(const char *node) {
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_PEER_UP, .node = node});
}

/* ---- who may say what, and what counts ---- */

Test(membership_claims, a_death_sentence_is_refuted_and_the_refutation_told) {
    drop_until("liar", "me", 1000, 1);
    cr_assert_eq(entry("me")->state, SL_MEMBER_ALIVE);
    cr_assert_eq(entry("me")->incarnation, 1001);
    cr_assert_eq(count_told("liar"), 1, "even the liar is told");
    const struct sl_member_statement said = spoken_read(told("liar", "me", "me"));
    cr_assert_eq(said.incarnation, 1001);
    cr_assert_eq(said.state, SL_MEMBER_ALIVE);
    cr_assert_eq(said.samples, 60);
}

Test(membership_claims, nobody_but_ourselves_raises_our_incarnation) {
    accuse("me", UINT64_MAX, SL_MEMBER_DROPPED);
    accuse("me", 1001, SL_MEMBER_SUSPECT);
    accuse("me", 999, SL_MEMBER_DROPPED);
    cr_assert_eq(entry("me")->incarnation, 1000, "they are of no word of ours");
    tell_own("liar", "me", 5000, SL_MEMBER_LEFT);
    cr_assert_eq(entry("me")->state, SL_MEMBER_ALIVE);
    cr_assert_eq(entry("me")->incarnation, 5001, "above the word of an earlier life");
    tell_own("liar", "me", 5000, SL_MEMBER_LEFT);
    cr_assert_eq(entry("me")->incarnation, 5001);
    tell_own("liar", "me", UINT64_MAX, SL_MEMBER_LEFT);
    cr_assert_eq(entry("me")->incarnation, 5001, "nothing is above that");
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_SCHEDULE, .from_round = 4});
    cr_assert_eq(entry("me")->incarnation, 5002);
}

Test(membership_claims, nobody_raises_the_incarnation_of_another) {
    tell_own("liar", "bob", 10, SL_MEMBER_ALIVE);
    accuse("bob", 11, SL_MEMBER_DROPPED);
    accuse("bob", UINT64_MAX, SL_MEMBER_DROPPED);
    accuse("bob", 9, SL_MEMBER_DROPPED);
    cr_assert_eq(entry("bob")->state, SL_MEMBER_ALIVE);
    cr_assert_eq(entry("bob")->incarnation, 10);
}

Test(membership_claims, graver_wins_at_equal_incarnations_and_only_there) {
    tell_own("liar", "bob", 10, SL_MEMBER_ALIVE);
    accuse("bob", 10, SL_MEMBER_DROPPED);
    cr_assert_eq(entry("bob")->state, SL_MEMBER_DROPPED);
    accuse("bob", 10, SL_MEMBER_SUSPECT);
    cr_assert_eq(entry("bob")->state, SL_MEMBER_DROPPED);
    tell_own("liar", "bob", 9, SL_MEMBER_LEFT);
    cr_assert_eq(entry("bob")->state, SL_MEMBER_DROPPED);
    tell_own("liar", "bob", 11, SL_MEMBER_ALIVE);
    cr_assert_eq(entry("bob")->state, SL_MEMBER_ALIVE);
    accuse("bob", 11, SL_MEMBER_SUSPECT);
    tell_own("liar", "bob", 11, SL_MEMBER_LEFT);
    cr_assert_eq(entry("bob")->state, SL_MEMBER_LEFT);
    accuse("bob", 11, SL_MEMBER_DROPPED);
    cr_assert_eq(entry("bob")->state, SL_MEMBER_LEFT);
}

Test(membership_claims, an_accusation_leaves_a_members_own_word_as_it_is) {
    struct sl_member_statement own = spoken_own("bob", 10, SL_MEMBER_ALIVE);
    own.samples = 700;
    own.from_round = 3;
    tell("liar", &own, 1);
    drop_until("liar", "bob", 10, 9);
    cr_assert_eq(entry("bob")->samples, 700);
    cr_assert_eq(entry("bob")->from_round, 3);
    cr_assert_eq(entry("bob")->until_round, 9);
}

Test(membership_claims, drops_agree_on_the_earlier_round) {
    come_up("carol");
    tell_own("carol", "carol", 5, SL_MEMBER_ALIVE);
    tell_own("liar", "bob", 10, SL_MEMBER_ALIVE);
    drop_until("liar", "bob", 10, 9);
    drop_until("carol", "bob", 10, 12);
    cr_assert_eq(entry("bob")->until_round, 9);
    drop_until("carol", "bob", 10, 8);
    cr_assert_eq(entry("bob")->until_round, 8);
    drop_until("liar", "bob", 10, 0);
    cr_assert_eq(entry("bob")->until_round, 8);
    const struct sl_member_statement held = spoken_read(sl_membership_statement(membership, "bob", true));
    cr_assert_str_eq(held.origin, "carol", "who says what holds");
    cr_assert_eq(held.until_round, 8);
}

Test(membership_claims, who_is_no_member_accuses_nobody) {
    tell_own("liar", "bob", 10, SL_MEMBER_ALIVE);
    tell_own("liar", "gone", 10, SL_MEMBER_ALIVE);
    tell_own("liar", "left", 10, SL_MEMBER_LEFT);
    accuse("gone", 10, SL_MEMBER_DROPPED);
    drop_until("stranger", "bob", 10, 3);
    drop_until("left", "bob", 10, 3);
    drop_until("gone", "bob", 10, 3);
    come_up("silent"); /* connected, but has not said a word of itself */
    drop_until("silent", "bob", 10, 3);
    cr_assert_eq(entry("bob")->state, SL_MEMBER_ALIVE);
    accuse("bob", 10, SL_MEMBER_SUSPECT);
    cr_assert_eq(entry("bob")->state, SL_MEMBER_SUSPECT);
}

Test(membership_claims, a_stranger_is_nobody_until_it_speaks_for_itself) {
    accuse("bob", 10, SL_MEMBER_DROPPED);
    cr_assert_null(find("bob"), "no entry, so nothing to dial");
}

Test(membership_claims, accusers_are_answered_whoever_they_are) {
    drop_until("stranger", "me", 1000, 3);
    cr_assert_eq(entry("me")->incarnation, 1001, "others may believe it");
}

Test(membership_claims, an_accusation_may_stand_before_what_it_is_of) {
    const struct sl_member_statement said[] = {spoken_accusation("carol", "bob", 10, SL_MEMBER_SUSPECT),
                                               spoken_own("bob", 10, SL_MEMBER_ALIVE),
                                               spoken_own("carol", 7, SL_MEMBER_ALIVE)};
    tell("liar", said, 3);
    cr_assert_eq(entry("bob")->state, SL_MEMBER_SUSPECT);
}

Test(membership_claims, what_cannot_be_is_ignored) {
    struct sl_member_statement said[14];
    for (size_t i = 0; i < 9; i++)
        said[i] = spoken_own("bob", 10, SL_MEMBER_ALIVE);
    for (size_t i = 9; i < 14; i++)
        said[i] = spoken_accusation("liar", "liar2", 10, SL_MEMBER_DROPPED);
    said[0].from_round = UINT64_MAX;
    said[1].until_round = UINT64_MAX;
    said[1].state = SL_MEMBER_LEFT;
    said[2].samples = UINT64_MAX;
    memcpy(said[3].flock, "other", 6);
    memcpy(said[4].run, "r2", 3);
    said[5].epoch++;
    said[6].samples = SL_MEMBER_SAMPLES_MAX + 1;
    said[7].from_round = SL_MEMBER_ROUND_MAX + 1;
    said[8].epoch--;
    tell("liar", said, 9);
    cr_assert_null(find("bob"));
    cr_assert_eq(count_actions(SL_MEMBERSHIP_CHANGED), 0);
    tell_own("liar", "liar2", 10, SL_MEMBER_ALIVE);
    said[9].until_round = SL_MEMBER_ROUND_MAX + 1;
    memcpy(said[10].flock, "other", 6);
    memcpy(said[11].run, "r2", 3);
    said[12].epoch++;
    said[13].incarnation = 11;
    tell("liar", said + 9, 5);
    cr_assert_eq(entry("liar2")->state, SL_MEMBER_ALIVE);
}

Test(membership_claims, a_replay_changes_nothing) {
    tell_own("liar", "bob", 10, SL_MEMBER_ALIVE);
    accuse("bob", 10, SL_MEMBER_DROPPED);
    tell_own("liar", "bob", 11, SL_MEMBER_ALIVE);
    accuse("bob", 10, SL_MEMBER_DROPPED);
    tell_own("liar", "bob", 10, SL_MEMBER_ALIVE);
    cr_assert_eq(entry("bob")->state, SL_MEMBER_ALIVE);
    cr_assert_eq(entry("bob")->incarnation, 11);
    cr_assert_eq(count_actions(SL_MEMBERSHIP_CHANGED), 0);
}

Test(membership_claims, garbage_addresses_are_left_out) {
    char good[] = "EXAMPLE.org:7400", same[] = "example.org:7400";
    char *addresses[] = {good, same};
    struct sl_member_statement said = spoken_own("bob", 10, SL_MEMBER_ALIVE);
    said.addresses = addresses;
    said.address_count = 2;
    tell("liar", &said, 1);
    cr_assert_eq(entry("bob")->address_count, 1);
    cr_assert_str_eq(entry("bob")->addresses[0], "example.org:7400");
}

Test(membership_claims, a_flood_of_members_has_an_end) {
    struct sl_member_statement said[SL_ROSTER_ENTRIES_MAX];
    char name[SL_NAME_SIZE];
    for (size_t done = 0; done < SL_MEMBERS_MAX + 1000; done += SL_ROSTER_ENTRIES_MAX) {
        for (size_t i = 0; i < SL_ROSTER_ENTRIES_MAX; i++) {
            snprintf(name, sizeof name, "x%zu", done + i);
            said[i] = spoken_own(name, UINT64_C(1) << (done % 60), SL_MEMBER_ALIVE);
        }
        tell("liar", said, SL_ROSTER_ENTRIES_MAX);
    }
    size_t count = 0;
    const struct sl_member *members = sl_membership_members(membership, &count);
    cr_assert_eq(count, SL_MEMBERS_MAX);
    for (size_t i = 1; i < count; i++)
        cr_assert_lt(strcmp(members[i - 1].entry.node, members[i].entry.node), 0, "sorted");
    come_up("late-comer");
    cr_assert_null(find("late-comer"));
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_HEARD, .node = "late-comer"});
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_PEER_DOWN, .node = "late-comer"});
}

/* ---- who never stops ---- */

enum { FLOOD = 5000, ENOUGH = 150 }; /* an accusation is told with the word that it is against */

Test(membership_claims, who_speaks_without_end_is_not_passed_on_without_end) {
    size_t passed_on = 0;
    come_up("carol");
    for (uint64_t i = 0; i < FLOOD; i++) {
        tell_own("liar", "liar", 11 + i, SL_MEMBER_ALIVE);
        passed_on += count_told("carol");
    }
    cr_assert_leq(passed_on, ENOUGH);
    now += 60 * SL_SECOND;
    tell_own("liar", "liar", 9999, SL_MEMBER_LEFT);
    cr_assert_eq(entry("liar")->state, SL_MEMBER_LEFT, "it may speak again");
    cr_assert_eq(count_told("carol"), 1);
}

Test(membership_claims, who_accuses_without_end_is_not_passed_on_without_end) {
    size_t passed_on = 0;
    come_up("carol");
    tell_own("carol", "carol", 5, SL_MEMBER_ALIVE);
    tell_own("liar", "bob", 10, SL_MEMBER_ALIVE);
    for (uint64_t i = 0; i < FLOOD; i++) {
        drop_until("liar", "bob", 10, 2 * FLOOD - i);
        passed_on += count_told("carol");
    }
    cr_assert_leq(passed_on, ENOUGH);
    tell_own("carol", "bob", 11, SL_MEMBER_ALIVE);
    drop_until("carol", "bob", 11, 3);
    cr_assert_eq(entry("bob")->until_round, 3, "others are not worse off");
}

Test(membership_claims, who_is_accused_without_end_refutes_at_its_leisure) {
    unsigned before = seals;
    for (uint64_t i = 0; i < FLOOD; i++)
        accuse("me", entry("me")->incarnation, SL_MEMBER_SUSPECT);
    cr_assert_leq(seals - before, ENOUGH);
    cr_assert_eq(entry("me")->state, SL_MEMBER_ALIVE);
    uint64_t incarnation = entry("me")->incarnation;
    now += 60 * SL_SECOND;
    accuse("me", incarnation, SL_MEMBER_SUSPECT);
    cr_assert_eq(entry("me")->incarnation, incarnation + 1);
}

/* ---- what is told ---- */

/* To the newcomer, in frames. */
static size_t statements_that_fit(void) {
    size_t statements = 0;
    for (size_t i = 0; i < actions.count; i++) {
        struct sl_buffer payload = {0};
        if (actions.items[i].type != SL_MEMBERSHIP_SEND_ROSTER || strcmp(actions.items[i].node, "newcomer") != 0)
            continue;
        cr_assert_eq(sl_roster_encode(&payload, &actions.items[i].roster), SL_OK);
        statements += actions.items[i].roster.count;
        sl_buffer_finish(&payload);
    }
    return statements;
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
        struct sl_member_statement said = spoken_own(name, SL_INCARNATION_MAX, SL_MEMBER_ALIVE);
        said.samples = SL_MEMBER_SAMPLES_MAX;
        said.from_round = SL_MEMBER_ROUND_MAX;
        said.addresses = addresses;
        said.address_count = SL_ADDRESSES_MAX;
        tell("liar", &said, 1);
        accuse(name, SL_INCARNATION_MAX, SL_MEMBER_SUSPECT);
    }
    come_up("newcomer");
    size_t statements = statements_that_fit();
    cr_assert(statements > 32 && statements <= 150, "%zu: not all at once, that would be much to verify", statements);
    for (int i = 0; i < 20; i++) {
        now += 100 * SL_MILLISECOND;
        step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_TIMER});
        statements += statements_that_fit();
    }
    cr_assert_eq(statements, 602, "me, the liar, the 300 and the accusations; nobody has told anything of newcomer");
    for (size_t i = 0; i < SL_ADDRESSES_MAX; i++)
        free(addresses[i]);
}

Test(membership_claims, statements_are_passed_on_as_they_came) {
    come_up("bob");
    tell_own("bob", "bob", 3, SL_MEMBER_ALIVE);
    tell_own("liar", "carol", 10, SL_MEMBER_ALIVE);
    cr_assert_eq(count_told("bob"), 1);
    cr_assert_eq(told("bob", "carol", "carol"), sl_membership_statement(membership, "carol", false));
    cr_assert_eq(count_told("liar"), 0, "who told it");
    accuse("carol", 10, SL_MEMBER_SUSPECT);
    cr_assert_eq(count_told("bob"), 2, "with the word that it is against");
    cr_assert_eq(told("bob", "liar", "carol"), sl_membership_statement(membership, "carol", true));
}

Test(membership_claims, what_we_say_is_signed_once_a_change) {
    seals = 0;
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_SCHEDULE, .from_round = 4});
    cr_assert_eq(seals, 1);
    come_up("bob");
    come_up("carol");
    cr_assert_eq(count_told("carol"), 2, "the liar and me");
    cr_assert_eq(seals, 1);
    tell_own("bob", "bob", 3, SL_MEMBER_ALIVE);
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_RENEW});
    cr_assert_eq(seals, 2);
    cr_assert_eq(entry("me")->incarnation, 1002);
    cr_assert_eq(entry("me")->from_round, 4);
    cr_assert_eq(count_told("carol"), 1);
}

Test(membership_claims, a_suspect_that_speaks_is_told_so) {
    come_up("bob");
    tell_own("bob", "bob", 3, SL_MEMBER_ALIVE);
    const struct sl_member_statement said = spoken_accusation("bob", "liar", 10, SL_MEMBER_SUSPECT);
    tell("bob", &said, 1);
    now += 2 * SL_SECOND;
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_HEARD, .node = "liar"});
    cr_assert_eq(count_told("liar"), 2, "its word, and what is said against it");
    cr_assert_eq(spoken_read(told("liar", "bob", "liar")).state, SL_MEMBER_SUSPECT);
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_HEARD, .node = "liar"});
    cr_assert_eq(actions.count, 0, "not with every frame");
}

/* Until bob is in that state; the liar answers, and says what it is asked about bob. */
static void wait_until(enum sl_member_state state) {
    for (sl_time end = now + 60 * SL_SECOND; entry("bob")->state != state && now < end;) {
        now += 100 * SL_MILLISECOND;
        step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_HEARD, .node = "liar"});
        const struct sl_probe answer = {.node = "bob", .answer = SL_PROBE_NO};
        step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_PROBE, .node = "liar", .probe = &answer});
        step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_TIMER});
    }
    cr_assert_eq(entry("bob")->state, state);
}

Test(membership_claims, our_own_suspicion_is_ours) {
    tell_own("liar", "bob", 10, SL_MEMBER_ALIVE);
    wait_until(SL_MEMBER_SUSPECT);
    cr_assert_geq(now, 15 * SL_SECOND, "it had twice suspect_after to come, then once to answer others");
    cr_assert_leq(now, 20 * SL_SECOND);
    const struct sl_member_statement accusation = spoken_read(told("liar", "me", "bob"));
    cr_assert_eq(accusation.state, SL_MEMBER_SUSPECT);
    cr_assert_eq(accusation.incarnation, 10);
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_ROUND, .from_round = 5});
    wait_until(SL_MEMBER_DROPPED);
    const struct sl_member_statement drop = spoken_read(told("liar", "me", "bob"));
    cr_assert_eq(drop.state, SL_MEMBER_DROPPED);
    cr_assert_eq(drop.until_round, 7);
}

Test(membership_claims, a_goodbye_is_not_passed_on_as_anybodys_word) {
    come_up("bob");
    tell_own("bob", "bob", 3, SL_MEMBER_ALIVE);
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_PEER_DOWN, .node = "bob", .leaving = true});
    cr_assert_eq(entry("bob")->state, SL_MEMBER_LEFT);
    cr_assert_eq(count_told("liar"), 0);
    tell_own("liar", "bob", 4, SL_MEMBER_LEFT);
    cr_assert_eq(entry("bob")->incarnation, 4);
    cr_assert_eq(spoken_read(sl_membership_statement(membership, "bob", false)).state, SL_MEMBER_LEFT);
}

/* ---- statements that do not verify any more ---- */

Test(membership_claims, what_is_void_is_not_relayed_until_it_is_said_again) {
    tell_own("liar", "bob", 10, SL_MEMBER_ALIVE);
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_VOID, .node = "bob"});
    cr_assert_eq(entry("bob")->state, SL_MEMBER_ALIVE);
    come_up("carol");
    cr_assert_null(told("carol", "bob", "bob"));
    tell_own("liar", "bob", 9, SL_MEMBER_ALIVE);
    cr_assert_null(sl_membership_statement(membership, "bob", false));
    tell_own("liar", "bob", 10, SL_MEMBER_ALIVE);
    cr_assert_not_null(sl_membership_statement(membership, "bob", false), "somebody could verify it");
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_VOID, .node = "nobody"});
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_VOID, .node = "me"});
    come_up("dave");
    cr_assert_not_null(told("dave", "bob", "bob"));
    cr_assert_not_null(told("dave", "me", "me"));
}

Test(membership_claims, a_void_accusation_becomes_ours) {
    tell_own("liar", "bob", 10, SL_MEMBER_ALIVE);
    drop_until("liar", "bob", 10, 9);
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_VOID, .node = "bob", .accusation = true});
    cr_assert_eq(entry("bob")->state, SL_MEMBER_DROPPED, "it may not come back into rounds that it was left out of");
    cr_assert_eq(entry("bob")->until_round, 9);
    come_up("carol");
    cr_assert_null(told("carol", "liar", "bob"));
    const struct sl_member_statement ours = spoken_read(told("carol", "me", "bob"));
    cr_assert_eq(ours.state, SL_MEMBER_DROPPED);
    cr_assert_eq(ours.until_round, 9);
    cr_assert_eq(ours.incarnation, 10);
}

Test(membership_claims, who_is_expelled_is_dropped_and_dialled_no_more) {
    static const char *const address = "192.0.2.9:7400";
    step(&(struct sl_membership_event){
        .type = SL_MEMBERSHIP_PEER_UP, .node = "bob", .addresses = &address, .address_count = 1});
    struct sl_member_statement own = spoken_own("bob", 10, SL_MEMBER_ALIVE);
    char *addresses[] = {(char *)(uintptr_t)address};
    own.addresses = addresses;
    own.address_count = 1;
    tell("bob", &own, 1);
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_ROUND, .from_round = 5});
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_EXPEL, .node = "bob"});
    cr_assert_eq(entry("bob")->state, SL_MEMBER_DROPPED);
    cr_assert_eq(entry("bob")->until_round, 7);
    cr_assert_eq(count_actions(SL_MEMBERSHIP_CLOSE), 1);
    cr_assert_eq(spoken_read(told("liar", "me", "bob")).until_round, 7);
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_PEER_DOWN, .node = "bob"});
    tell_own("liar", "carol", 10, SL_MEMBER_ALIVE);
    drop_until("bob", "carol", 10, 1);
    cr_assert_eq(entry("carol")->state, SL_MEMBER_ALIVE, "its word does not count");
    for (int i = 0; i < 10; i++) {
        now += 10 * SL_SECOND;
        step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_TIMER});
        cr_assert_eq(count_actions(SL_MEMBERSHIP_DIAL), 0);
    }
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_EXPEL, .node = "me"});
    cr_assert_eq(entry("me")->state, SL_MEMBER_ALIVE);
}

Test(membership_claims, a_member_that_left_neither_dials_nor_refutes) {
    tell_own("liar", "bob", 10, SL_MEMBER_ALIVE);
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_ROUND, .from_round = 5});
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_LEAVE});
    cr_assert_eq(entry("me")->state, SL_MEMBER_LEFT);
    cr_assert_eq(entry("me")->until_round, 7);
    cr_assert_eq(count_told("liar"), 1);
    cr_assert_eq(spoken_read(told("liar", "me", "me")).state, SL_MEMBER_LEFT);
    tell_own("liar", "me", 2000, SL_MEMBER_ALIVE);
    accuse("me", 1001, SL_MEMBER_DROPPED);
    cr_assert_eq(entry("me")->incarnation, 1001);
    now += 100 * SL_SECOND;
    step(&(struct sl_membership_event){.type = SL_MEMBERSHIP_TIMER});
    cr_assert_eq(count_actions(SL_MEMBERSHIP_DIAL), 0);
}
