/* The one place where a member's state changes. */
#include <assert.h>
#include <stddef.h>

#include "membership/state.h"

/* The order of what is said at all; "graver" is the order of the enumeration. An until_round is known or not, and the
 * earlier one is what both ends of a disagreement come to. */
bool sl_claim_is_newer(const struct sl_member_entry *claim, const struct sl_member_entry *held) {
    if (claim->incarnation != held->incarnation)
        return claim->incarnation > held->incarnation;
    if (claim->state != held->state)
        return claim->state > held->state;
    if (claim->state < SL_MEMBER_DROPPED || claim->until_round == 0)
        return false;
    return held->until_round == 0 || claim->until_round < held->until_round;
}

static const char *text_of(enum sl_member_state from, enum sl_member_state to, bool is_new) {
    switch (to) {
    case SL_MEMBER_ALIVE:
        if (is_new)
            return "joined";
        return from == SL_MEMBER_SUSPECT ? "alive" : from == SL_MEMBER_ALIVE ? NULL : "returned";
    case SL_MEMBER_SUSPECT:
        return from == to ? NULL : "suspect";
    case SL_MEMBER_DROPPED:
        return from == to ? NULL : "dropped";
    case SL_MEMBER_LEFT:
        return from == to ? NULL : "left";
    }
    return NULL;
}

/* What was said against an earlier word is settled by a newer one. */
static void keep_statement(struct sl_membership *membership, size_t index, const struct sl_member_entry *claim,
                           struct sl_statement *statement) {
    struct detail *detail = &membership->details[index];
    bool is_accusation = claim->state == SL_MEMBER_SUSPECT || claim->state == SL_MEMBER_DROPPED;
    sl_statements_keep(&detail->accusation, is_accusation ? statement : NULL);
    detail->accused_by_us = is_accusation && statement == NULL;
    if (!is_accusation)
        sl_statements_keep_own(membership, index, statement);
}

enum sl_status sl_member_change(struct sl_membership *membership, size_t index, const struct sl_member_entry *claim,
                                struct sl_statement *statement, enum news news) {
    struct sl_member_entry *held = &membership->members[index].entry;
    struct detail *detail = &membership->details[index];
    assert(sl_claim_is_newer(claim, held));
    enum sl_member_state before = held->state;
    bool is_new = held->incarnation == 0;
    keep_statement(membership, index, claim, statement);
    held->incarnation = claim->incarnation;
    membership->live -= held->state < SL_MEMBER_DROPPED;
    membership->live += claim->state < SL_MEMBER_DROPPED;
    held->state = claim->state;
    held->samples = claim->samples;
    held->from_round = claim->from_round;
    held->until_round = claim->until_round;
    if (held->state != SL_MEMBER_SUSPECT)
        sl_detector_clear(&membership->detector, detail->number);
    membership->has_parts = false;
    if (news > detail->news)
        detail->news = news;
    membership->changed = membership->news = true;
    const char *text = text_of(before, held->state, is_new);
    enum sl_status status = sl_probing_review(membership, index);
    if (status != SL_OK || text == NULL || sl_members_is_self(membership, index))
        return status;
    return sl_actions_report(membership, held->node, text);
}
