/* What connections say, and what goes out over them. */
#include "membership/state.h"

#include <stdlib.h>
#include <string.h>

/* ---- telling ---- */

static enum sl_status copy_entry(struct sl_member_entry *out, const struct sl_member_entry *entry) {
    *out = *entry;
    out->addresses = NULL;
    out->address_count = 0;
    return sl_members_set_addresses(out, (const char *const *)entry->addresses, entry->address_count);
}

/* Sends the members from *next on that are wanted, at most a message full; *next moves on. */
static enum sl_status tell_some(struct sl_membership *membership, size_t *next, const char *node, bool only_changed,
                                struct sl_membership_actions *actions) {
    struct sl_member_entry *entries = calloc(SL_ROSTER_ENTRIES_MAX, sizeof *entries);
    struct sl_roster roster = {.entries = entries};
    enum sl_status status = entries == NULL ? SL_NO_MEMORY : SL_OK;
    for (; status == SL_OK && *next < membership->count && roster.count < SL_ROSTER_ENTRIES_MAX; ++*next) {
        const struct sl_member_entry *entry = &membership->members[*next].entry;
        if (entry->incarnation == 0 || (only_changed && !membership->links[*next].changed))
            continue;
        status = copy_entry(&entries[roster.count], entry);
        roster.count += status == SL_OK;
    }
    struct sl_membership_action *action = NULL;
    if (status == SL_OK && roster.count > 0) {
        action = sl_membership_act(actions, SL_MEMBERSHIP_SEND_ROSTER, node);
        status = action == NULL ? SL_NO_MEMORY : SL_OK;
    }
    if (action != NULL)
        action->roster = roster;
    else
        sl_roster_finish(&roster);
    return status;
}

static enum sl_status tell(struct sl_membership *membership, const char *node, bool only_changed,
                           struct sl_membership_actions *actions) {
    enum sl_status status = SL_OK;
    for (size_t next = 0; status == SL_OK && next < membership->count;)
        status = tell_some(membership, &next, node, only_changed, actions);
    return status;
}

enum sl_status sl_membership_gossip(struct sl_membership *membership, struct sl_membership_actions *actions) {
    bool any = false;
    for (size_t i = 0; i < membership->count && !any; i++)
        any = membership->links[i].changed;
    enum sl_status status = SL_OK;
    for (size_t i = 0; any && status == SL_OK && i < membership->count; i++) {
        const char *node = membership->members[i].entry.node;
        if (membership->links[i].linked && !sl_members_is_self(membership, i))
            status = tell(membership, node, true, actions);
    }
    for (size_t i = 0; i < membership->count; i++)
        membership->links[i].changed = false;
    return status;
}

/* ---- hearing ---- */

enum sl_status sl_membership_on_up(struct sl_membership *membership, const struct sl_membership_event *event,
                                   sl_time now, struct sl_membership_actions *actions) {
    size_t index = sl_members_find(membership, event->node);
    if (index == membership->count)
        index = sl_members_add(membership, event->node, now);
    if (index == membership->count)
        return SL_LIMIT;
    struct sl_member_entry *entry = &membership->members[index].entry;
    struct sl_member_link *link = &membership->links[index];
    link->linked = true;
    link->heard = now;
    sl_dial_reset(&link->dial, now);
    enum sl_status status = SL_OK;
    if (entry->address_count == 0)
        status = sl_members_set_addresses(entry, event->addresses, event->address_count);
    sl_members_update_connected(membership, index);
    return status == SL_OK ? tell(membership, event->node, false, actions) : status;
}

enum sl_status sl_membership_on_down(struct sl_membership *membership, const struct sl_membership_event *event,
                                     sl_time now, struct sl_membership_actions *actions) {
    size_t index = sl_members_find(membership, event->node);
    if (index == membership->count)
        return SL_OK;
    struct sl_member_entry *entry = &membership->members[index].entry;
    membership->links[index].linked = false;
    membership->links[index].since = now;
    sl_dial_reset(&membership->links[index].dial, now);
    sl_members_update_connected(membership, index);
    if (!event->leaving || entry->state == SL_MEMBER_LEFT)
        return SL_OK;
    if (entry->until_round == 0)
        entry->until_round = sl_members_until(membership);
    enum sl_status status = sl_members_set_state(membership, index, SL_MEMBER_LEFT, now, actions);
    return status == SL_OK ? sl_membership_gossip(membership, actions) : status;
}

void sl_membership_on_heard(struct sl_membership *membership, const char *node, sl_time now) {
    size_t index = sl_members_find(membership, node);
    if (index < membership->count)
        membership->links[index].heard = now;
}
