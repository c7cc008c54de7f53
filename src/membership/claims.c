/* ROSTER: what others say of members. */
#include <string.h>

#include "membership/state.h"

/* Nothing that an honest member can say. */
static bool is_impossible(const struct sl_member_entry *claim, bool first_hand) {
    if (!sl_name_is_valid(claim->node) || claim->incarnation == 0 || claim->samples == 0 ||
        claim->samples > SL_MEMBER_SAMPLES_MAX)
        return true;
    if (claim->from_round > SL_MEMBER_ROUND_MAX || claim->until_round > SL_MEMBER_ROUND_MAX)
        return true;
    if (claim->state < SL_MEMBER_ALIVE || claim->state > SL_MEMBER_LEFT)
        return true;
    /* Who takes part has no last round, and nobody suspects or drops itself. */
    if (claim->state <= SL_MEMBER_SUSPECT && claim->until_round != 0)
        return true;
    if (first_hand && (claim->state == SL_MEMBER_SUSPECT || claim->state == SL_MEMBER_DROPPED))
        return true;
    return !first_hand && claim->incarnation > SL_INCARNATION_MAX;
}

static enum sl_status adopt(struct sl_membership *membership, size_t index, const struct sl_member_entry *claim) {
    struct sl_member *member = &membership->members[index];
    struct detail *detail = &membership->details[index];
    bool is_first = member->entry.incarnation == 0;
    bool is_higher = claim->incarnation > member->entry.incarnation;
    bool was_gone = member->entry.state >= SL_MEMBER_DROPPED;
    enum sl_status status = SL_OK;
    if (is_higher) {
        /* What it says anew of itself is a sign of life, and its addresses may be others. */
        status = sl_members_set_addresses(&member->entry, claim->addresses, claim->address_count);
        detail->heard = membership->now;
        detail->was_connected = member->connected;
        detail->attempts = 0;
    }
    if (status == SL_OK)
        status = sl_member_change(membership, index, claim, NEWS_RELAY);
    if (status == SL_OK && !member->connected && (is_first || was_gone || claim->state >= SL_MEMBER_DROPPED))
        sl_dialling_plan(membership, index);
    return status;
}

static enum sl_status on_claim(struct sl_membership *membership, const struct sl_member_entry *claim,
                               const char *teller) {
    bool first_hand = strcmp(teller, claim->node) == 0;
    if (is_impossible(claim, first_hand))
        return SL_OK;
    if (strcmp(claim->node, membership->self) == 0)
        return sl_membership_refute(membership, claim);
    size_t index = 0;
    if (!sl_members_find(membership, &index, claim->node)) {
        enum sl_status status = sl_members_add(membership, &index, claim->node);
        if (status != SL_OK)
            return status == SL_LIMIT ? SL_OK : status;
    }
    const struct sl_member_entry *held = &membership->members[index].entry;
    if (sl_claim_is_newer(claim, held))
        return adopt(membership, index, claim);
    /* It does not know what is said of it. */
    if (first_hand && sl_claim_is_newer(held, claim) && membership->members[index].connected)
        return sl_gossip_tell_one(membership, held->node, index);
    return SL_OK;
}

enum sl_status sl_membership_on_roster(struct sl_membership *membership, const struct sl_membership_event *event) {
    enum sl_status status = SL_OK;
    if (strcmp(event->node, membership->self) == 0)
        return SL_OK;
    membership->teller = event->node;
    for (size_t i = 0; i < event->roster->count && status == SL_OK; i++)
        status = on_claim(membership, &event->roster->entries[i], event->node);
    return status;
}
