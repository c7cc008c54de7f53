/* PEER_UP, PEER_DOWN, HEARD: our own connections. */
#include <string.h>

#include "membership/state.h"

/* A small flock is told whole; in a bigger one, those who were told by others get our word, and what they lack. */
static enum sl_status greet(struct sl_membership *membership, size_t index, bool was_known) {
    if (membership->count <= SL_ROSTER_ENTRIES_MAX || !was_known)
        return sl_gossip_tell_all(membership, index);
    enum sl_status status =
        sl_gossip_tell_one(membership, membership->members[index].entry.node, sl_members_self(membership));
    return status == SL_OK ? sl_digest_send(membership, index) : status;
}

enum sl_status sl_membership_on_peer_up(struct sl_membership *membership, const struct sl_membership_event *event) {
    size_t index = 0;
    enum sl_status status = SL_OK;
    if (strcmp(event->node, membership->self) == 0 || !sl_name_is_valid(event->node))
        return SL_OK;
    if (!sl_members_find(membership, &index, event->node))
        status = sl_members_add(membership, &index, event->node);
    if (status != SL_OK)
        return status == SL_LIMIT ? SL_OK : status;
    struct sl_member *member = &membership->members[index];
    struct detail *detail = &membership->details[index];
    bool was_known = member->entry.incarnation != 0 && member->entry.state == SL_MEMBER_ALIVE;
    if (!member->connected)
        membership->connected++;
    member->connected = true;
    membership->changed = true;
    membership->told_unreachable = false;
    detail->heard = detail->up_since = detail->told = membership->now;
    detail->dial_at = SL_NEVER;
    detail->attempts = 0;
    detail->was_connected = true;
    if (event->address != NULL)
        sl_dialling_note_found(membership, event->address, event->node);
    if (member->entry.address_count == 0)
        status = sl_members_set_addresses(&member->entry, (char *const *)event->addresses, event->address_count);
    detail->doubted = false;
    if (status == SL_OK)
        status = sl_views_up(membership, index);
    if (status == SL_OK)
        status = sl_probing_review(membership, index);
    sl_detector_heard(&membership->detector, detail->number, membership->now);
    return status == SL_OK ? greet(membership, index, was_known) : status;
}

enum sl_status sl_membership_on_peer_down(struct sl_membership *membership, const struct sl_membership_event *event) {
    size_t index = 0;
    enum sl_status status = SL_OK;
    if (!sl_members_find(membership, &index, event->node) || sl_members_is_self(membership, index))
        return SL_OK;
    struct sl_member *member = &membership->members[index];
    if (member->connected) {
        member->connected = false;
        membership->connected--;
        membership->changed = true;
    }
    /* It should have told LEFT before. Who only heard a goodbye cannot pass that on: nobody signed it. */
    if (event->leaving && member->entry.state != SL_MEMBER_LEFT) {
        struct sl_member_entry claim = member->entry;
        claim.state = SL_MEMBER_LEFT;
        if (claim.until_round == 0)
            claim.until_round = membership->round + 2;
        status = sl_member_change(membership, index, &claim, NULL, NEWS_NONE);
    }
    membership->details[index].attempts = 0;
    membership->details[index].tell_at = SL_NEVER;
    bool was_near = membership->details[index].watched;
    membership->details[index].active = false;
    if (status == SL_OK)
        status = was_near ? sl_probing_doubt(membership, index) : sl_probing_review(membership, index);
    if (!membership->details[index].expelled)
        sl_dialling_plan(membership, index);
    if (!event->leaving && member->entry.address_count == 0)
        sl_dialling_note_lost(membership, index);
    if (membership->connected == 0)
        sl_dialling_plan_joins(membership);
    return status;
}

enum sl_status sl_membership_on_heard(struct sl_membership *membership, const struct sl_membership_event *event) {
    size_t index = 0;
    if (!sl_members_find(membership, &index, event->node))
        return SL_OK;
    const struct sl_member *member = &membership->members[index];
    struct detail *detail = &membership->details[index];
    detail->heard = membership->now;
    sl_detector_heard(&membership->detector, detail->number, membership->now);
    /* It lives, and has to say so itself: with a higher incarnation. */
    if (member->entry.state == SL_MEMBER_ALIVE || !member->connected ||
        membership->now < sl_time_after(detail->told, membership->retry_min))
        return SL_OK;
    return sl_gossip_tell_one(membership, member->entry.node, index);
}
