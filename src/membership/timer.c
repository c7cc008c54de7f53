/* TIMER: what is due for each member. */
#include "membership/state.h"

/* Until when silence is fine. */
static sl_time patience_end(const struct sl_membership *membership, size_t index) {
    const struct detail *detail = &membership->details[index];
    sl_time patience = detail->was_connected ? membership->suspect_after : 2 * membership->suspect_after;
    return sl_time_after(detail->heard, patience);
}

/* A suspect that others suspect while we hear it is not ours to drop. */
static sl_time drop_at(const struct sl_membership *membership, size_t index) {
    sl_time due = sl_time_after(membership->details[index].suspected, membership->drop_after);
    sl_time silent = patience_end(membership, index);
    return membership->members[index].connected && silent > due ? silent : due;
}

static sl_time ping_at(const struct sl_membership *membership, size_t index) {
    const struct detail *detail = &membership->details[index];
    if (!membership->members[index].connected)
        return SL_NEVER;
    return sl_time_after(detail->heard > detail->pinged ? detail->heard : detail->pinged, membership->ping_interval);
}

static sl_time judge_at(const struct sl_membership *membership, size_t index) {
    switch (membership->members[index].entry.state) {
    case SL_MEMBER_ALIVE:
        return patience_end(membership, index);
    case SL_MEMBER_SUSPECT:
        return drop_at(membership, index);
    case SL_MEMBER_DROPPED:
    case SL_MEMBER_LEFT:
        break;
    }
    /* Others found it gone while we were still connected: it refutes, or falls silent here too. */
    return membership->members[index].connected ? patience_end(membership, index) : SL_NEVER;
}

sl_time sl_timer_next(const struct sl_membership *membership, size_t index) {
    if (sl_members_is_self(membership, index))
        return SL_NEVER;
    sl_time judge = judge_at(membership, index), ping = ping_at(membership, index);
    sl_time dial = sl_dialling_next(membership, index);
    sl_time next = judge < ping ? judge : ping;
    return dial < next ? dial : next;
}

static enum sl_status suspect(struct sl_membership *membership, size_t index) {
    struct sl_member_entry claim = membership->members[index].entry;
    claim.state = SL_MEMBER_SUSPECT;
    enum sl_status status = sl_member_change(membership, index, &claim, NULL, NEWS_RELAY);
    if (status == SL_OK && membership->members[index].connected)
        status = sl_gossip_tell_one(membership, claim.node, index);
    return status;
}

static enum sl_status close_connection(struct sl_membership *membership, size_t index) {
    if (!membership->members[index].connected)
        return SL_OK;
    membership->details[index].heard = membership->now; /* so that it is not closed again before PEER_DOWN comes */
    struct sl_membership_action *action = NULL;
    return sl_actions_add(membership, &action, SL_MEMBERSHIP_CLOSE, membership->members[index].entry.node);
}

enum sl_status sl_timer_drop(struct sl_membership *membership, size_t index) {
    struct sl_member_entry claim = membership->members[index].entry;
    claim.state = SL_MEMBER_DROPPED;
    claim.until_round = membership->round + 2;
    enum sl_status status = sl_member_change(membership, index, &claim, NULL, NEWS_RELAY);
    sl_dialling_plan(membership, index);
    return status == SL_OK ? close_connection(membership, index) : status;
}

static enum sl_status judge(struct sl_membership *membership, size_t index) {
    if (judge_at(membership, index) > membership->now)
        return SL_OK;
    switch (membership->members[index].entry.state) {
    case SL_MEMBER_ALIVE:
        return suspect(membership, index);
    case SL_MEMBER_SUSPECT:
        return sl_timer_drop(membership, index);
    case SL_MEMBER_DROPPED:
    case SL_MEMBER_LEFT:
        break;
    }
    return close_connection(membership, index);
}

static enum sl_status ping(struct sl_membership *membership, size_t index) {
    if (ping_at(membership, index) > membership->now)
        return SL_OK;
    membership->details[index].pinged = membership->now;
    struct sl_membership_action *action = NULL;
    return sl_actions_add(membership, &action, SL_MEMBERSHIP_SEND_PING, membership->members[index].entry.node);
}

enum sl_status sl_membership_on_timer(struct sl_membership *membership) {
    enum sl_status status = SL_OK;
    for (size_t i = 0; i < membership->count && status == SL_OK; i++) {
        if (sl_members_is_self(membership, i))
            continue;
        status = judge(membership, i);
        if (status == SL_OK)
            status = ping(membership, i);
    }
    if (status == SL_OK)
        status = sl_dialling_step(membership);
    if (status == SL_OK && membership->sync_at <= membership->now)
        status = sl_gossip_sync(membership);
    return status;
}
