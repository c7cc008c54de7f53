/* ROSTER: what others say of members. */
#include <string.h>

#include "membership/state.h"

/* Nothing that an honest member can say here. */
static bool is_impossible(const struct sl_membership *membership, const struct sl_member_statement *said) {
    bool own = strcmp(said->origin, said->node) == 0;
    if (strcmp(said->flock, membership->flock) != 0 || strcmp(said->run, membership->run) != 0 ||
        said->epoch != membership->epoch)
        return true;
    if (!sl_name_is_valid(said->node) || !sl_name_is_valid(said->origin) || said->incarnation == 0)
        return true;
    if (own && (said->samples == 0 || said->samples > SL_MEMBER_SAMPLES_MAX))
        return true;
    if (said->from_round > SL_MEMBER_ROUND_MAX || said->until_round > SL_MEMBER_ROUND_MAX)
        return true;
    if (own ? said->state != SL_MEMBER_ALIVE && said->state != SL_MEMBER_LEFT
            : said->state != SL_MEMBER_SUSPECT && said->state != SL_MEMBER_DROPPED)
        return true;
    /* Who takes part has no last round. */
    return said->state <= SL_MEMBER_SUSPECT && said->until_round != 0;
}

/* ---- a member's own word ---- */

static struct sl_member_entry entry_of(const struct sl_member_statement *said) {
    struct sl_member_entry entry = {.incarnation = said->incarnation,
                                    .state = said->state,
                                    .samples = said->samples,
                                    .from_round = said->from_round,
                                    .until_round = said->until_round};
    memcpy(entry.node, said->node, sizeof entry.node);
    return entry;
}

static enum sl_status adopt(struct sl_membership *membership, size_t index, const struct sl_member_claim *claim) {
    struct sl_member *member = &membership->members[index];
    struct detail *detail = &membership->details[index];
    bool is_first = member->entry.incarnation == 0;
    bool was_gone = member->entry.state >= SL_MEMBER_DROPPED;
    enum sl_status status = SL_OK;
    if (claim->said.incarnation > member->entry.incarnation) {
        /* What it says anew of itself is a sign of life, and its addresses may be others. */
        status = sl_members_set_addresses(&member->entry, claim->said.addresses, claim->said.address_count);
        detail->heard = membership->now;
        detail->was_connected = member->connected;
        detail->attempts = 0;
    }
    const struct sl_member_entry entry = entry_of(&claim->said);
    if (status == SL_OK)
        status = sl_member_change(membership, index, &entry, claim->statement, NEWS_RELAY);
    if (status == SL_OK && !member->connected && !detail->expelled &&
        (is_first || was_gone || claim->said.state >= SL_MEMBER_DROPPED))
        sl_dialling_plan(membership, index);
    return status;
}

/* Two words of one incarnation are a lie, or a life whose clock went back: the lesser bytes hold, for everybody. */
static bool differs_for_the_better(const struct sl_member_entry *held, const struct detail *detail,
                                   const struct sl_member_claim *claim) {
    enum sl_member_state own = held->state == SL_MEMBER_LEFT ? SL_MEMBER_LEFT : SL_MEMBER_ALIVE;
    if (detail->own == NULL || claim->said.incarnation != held->incarnation || claim->said.state != own)
        return false;
    const struct sl_bytes ours = detail->own->body, theirs = claim->statement->body;
    int order = memcmp(theirs.data, ours.data, theirs.length < ours.length ? theirs.length : ours.length);
    return order != 0 ? order < 0 : theirs.length < ours.length;
}

/* What it is accused of stands: that is against the incarnation. */
static enum sl_status replace_word(struct sl_membership *membership, size_t index,
                                   const struct sl_member_claim *claim) {
    struct sl_member_entry *held = &membership->members[index].entry;
    enum sl_status status = sl_members_set_addresses(held, claim->said.addresses, claim->said.address_count);
    if (status != SL_OK)
        return status;
    held->samples = claim->said.samples;
    held->from_round = claim->said.from_round;
    if (held->state == SL_MEMBER_LEFT)
        held->until_round = claim->said.until_round;
    sl_statements_keep_own(membership, index, claim->statement);
    if (membership->details[index].news == NEWS_NONE)
        membership->details[index].news = NEWS_RELAY;
    membership->changed = membership->news = true;
    return SL_OK;
}

static enum sl_status on_own_word(struct sl_membership *membership, const struct sl_member_claim *claim,
                                  const char *teller) {
    size_t index = 0;
    if (!sl_members_find(membership, &index, claim->said.node)) {
        enum sl_status status = sl_members_add(membership, &index, claim->said.node);
        if (status != SL_OK)
            return status == SL_LIMIT ? SL_OK : status;
    }
    const struct sl_member_entry *held = &membership->members[index].entry;
    struct detail *detail = &membership->details[index];
    const struct sl_member_entry entry = entry_of(&claim->said);
    if (differs_for_the_better(held, detail, claim))
        return sl_members_may_speak(membership, index, 1) ? replace_word(membership, index, claim) : SL_OK;
    if (sl_claim_is_newer(&entry, held))
        return sl_members_may_speak(membership, index, 1) ? adopt(membership, index, claim) : SL_OK;
    /* We knew, but had nothing any more that others would believe. */
    if (detail->own == NULL && entry.incarnation == held->incarnation)
        sl_statements_keep_own(membership, index, claim->statement);
    /* It does not know what is said of it. */
    if (strcmp(teller, held->node) == 0 && sl_claim_is_newer(held, &entry) && membership->members[index].connected)
        return sl_gossip_tell_one(membership, held->node, index);
    return SL_OK;
}

/* ---- accusations ---- */

static bool counts(const struct sl_membership *membership, size_t *index, const char *accuser) {
    if (!sl_members_find(membership, index, accuser) || membership->details[*index].expelled)
        return false;
    const struct sl_member_entry *entry = &membership->members[*index].entry;
    return entry->incarnation != 0 && entry->state <= SL_MEMBER_SUSPECT;
}

/* Who drops a member means rounds to come. One that is behind, or lies, must not take a member out of rounds that it
 * takes part in: we are connected with it, and hear it. Should it be gone all the same, our own suspicion finds that.
 */
static bool is_overtaken(const struct sl_membership *membership, size_t index, const struct sl_member_statement *said) {
    const struct sl_member *member = &membership->members[index];
    return said->state == SL_MEMBER_DROPPED && said->until_round != 0 && said->until_round <= membership->round &&
           member->connected && member->entry.state <= SL_MEMBER_SUSPECT &&
           !sl_detector_doubts(&membership->detector, membership->details[index].number);
}

static enum sl_status on_accusation(struct sl_membership *membership, const struct sl_member_claim *claim) {
    size_t index = 0, accuser = 0;
    if (!sl_members_find(membership, &index, claim->said.node) || !counts(membership, &accuser, claim->said.origin))
        return SL_OK;
    struct sl_member *member = &membership->members[index];
    struct sl_member_entry entry = member->entry;
    if (claim->said.incarnation != entry.incarnation)
        return SL_OK;
    entry.state = claim->said.state;
    entry.until_round = claim->said.until_round;
    if (is_overtaken(membership, index, &claim->said))
        return SL_OK;
    if (entry.state == SL_MEMBER_SUSPECT && member->entry.state == SL_MEMBER_SUSPECT)
        return sl_probing_join(membership, index, accuser, claim->statement);
    if (!sl_claim_is_newer(&entry, &member->entry) || !sl_members_may_speak(membership, accuser, 1))
        return SL_OK;
    bool doubted = sl_detector_doubts(&membership->detector, membership->details[index].number);
    enum sl_status status = sl_member_change(membership, index, &entry, claim->statement, NEWS_RELAY);
    if (status == SL_OK)
        status = entry.state == SL_MEMBER_SUSPECT ? sl_probing_join(membership, index, accuser, NULL)
                                                  : sl_probing_end(membership, index, doubted);
    if (status == SL_OK && !member->connected && entry.state == SL_MEMBER_DROPPED &&
        !membership->details[index].expelled)
        sl_dialling_plan(membership, index);
    return status;
}

/* At our incarnation, and not ours: of an earlier life when the clock was the same, and it may be what others hold. */
static bool is_another_word(struct sl_membership *membership, const struct sl_member_claim *claim) {
    size_t self = sl_members_self(membership);
    const struct sl_statement *ours = sl_statements_own(membership, self);
    const struct sl_bytes theirs = claim->statement->body;
    return ours != NULL && claim->said.incarnation == membership->members[self].entry.incarnation &&
           (ours->body.length != theirs.length || memcmp(ours->body.data, theirs.data, theirs.length) != 0);
}

/* Others may believe an accuser that we don't: whoever it is, it is answered. */
static enum sl_status on_word_of_us(struct sl_membership *membership, const struct sl_member_claim *claim) {
    struct sl_member_entry entry = entry_of(&claim->said);
    size_t self = sl_members_self(membership);
    uint64_t incarnation = membership->members[self].entry.incarnation;
    bool is_own = strcmp(claim->said.origin, claim->said.node) == 0;
    if (is_own && !membership->left && is_another_word(membership, claim))
        return sl_members_may_speak(membership, self, 2) ? sl_membership_say_again(membership) : SL_OK;
    return is_own || entry.incarnation == incarnation ? sl_membership_refute(membership, &entry) : SL_OK;
}

/* ---- the event ---- */

/* Own words first: accusations refer to them, and to who counts. */
enum sl_status sl_membership_on_roster(struct sl_membership *membership, const struct sl_membership_event *event) {
    enum sl_status status = SL_OK;
    if (strcmp(event->node, membership->self) == 0)
        return SL_OK;
    membership->teller = event->node;
    for (size_t pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < event->claim_count && status == SL_OK; i++) {
            const struct sl_member_claim *claim = &event->claims[i];
            bool own = strcmp(claim->said.origin, claim->said.node) == 0;
            if (own != (pass == 0) || is_impossible(membership, &claim->said))
                continue;
            if (strcmp(claim->said.node, membership->self) == 0)
                status = on_word_of_us(membership, claim);
            else
                status = own ? on_own_word(membership, claim, event->node) : on_accusation(membership, claim);
        }
    }
    return status;
}
