/* What happens by time alone: pings, suspicion, drops, dials. */
#include "membership/state.h"

/* A member whose connection is gone is suspected that much sooner than one that is only silent. */
enum { DISCONNECTED_SOONER = 5 };

static sl_time suspicion_due(const struct sl_membership *membership, size_t index) {
    const struct sl_member_link *link = &membership->links[index];
    sl_time after = membership->options.suspect_after;
    if (link->linked)
        return link->heard + after;
    sl_time from = link->since > link->heard ? link->since : link->heard;
    return from + after / DISCONNECTED_SOONER;
}

/* When time alone changes this member's state; SL_NEVER where it does not. */
static sl_time state_due(const struct sl_membership *membership, size_t index) {
    const struct sl_member_entry *entry = &membership->members[index].entry;
    if (sl_members_is_self(membership, index) || entry->incarnation == 0)
        return SL_NEVER;
    switch (entry->state) {
    case SL_MEMBER_ALIVE:
        return suspicion_due(membership, index);
    case SL_MEMBER_SUSPECT:
        return membership->links[index].since + membership->options.drop_after;
    case SL_MEMBER_DROPPED:
    case SL_MEMBER_LEFT:
        break;
    }
    return SL_NEVER;
}

static enum sl_status change_state(struct sl_membership *membership, size_t index, sl_time now,
                                   struct sl_membership_actions *actions) {
    struct sl_member_entry *entry = &membership->members[index].entry;
    if (entry->state == SL_MEMBER_ALIVE)
        return sl_members_set_state(membership, index, SL_MEMBER_SUSPECT, now, actions);
    entry->until_round = sl_members_until(membership);
    enum sl_status status = sl_members_set_state(membership, index, SL_MEMBER_DROPPED, now, actions);
    if (status == SL_OK && membership->links[index].linked &&
        sl_membership_act(actions, SL_MEMBERSHIP_CLOSE, entry->node) == NULL)
        status = SL_NO_MEMORY;
    return status;
}

static enum sl_status ping_all(struct sl_membership *membership, sl_time now, struct sl_membership_actions *actions) {
    membership->next_ping = now + membership->options.ping_interval;
    for (size_t i = 0; i < membership->count; i++)
        if (membership->links[i].linked &&
            sl_membership_act(actions, SL_MEMBERSHIP_SEND_PING, membership->members[i].entry.node) == NULL)
            return SL_NO_MEMORY;
    return SL_OK;
}

enum sl_status sl_membership_tick(struct sl_membership *membership, sl_time now,
                                  struct sl_membership_actions *actions) {
    enum sl_status status = SL_OK;
    for (size_t i = 0; i < membership->count && status == SL_OK && !membership->left; i++)
        if (state_due(membership, i) <= now)
            status = change_state(membership, i, now, actions);
    if (status == SL_OK && membership->next_ping <= now)
        status = ping_all(membership, now, actions);
    if (status == SL_OK)
        status = sl_membership_gossip(membership, actions);
    return status;
}

sl_time sl_membership_next_wake(const struct sl_membership *membership) {
    sl_time next = sl_membership_next_dial(membership);
    if (membership->next_ping < next)
        next = membership->next_ping;
    for (size_t i = 0; i < membership->count && !membership->left; i++) {
        sl_time at = state_due(membership, i);
        next = at < next ? at : next;
    }
    return next;
}
