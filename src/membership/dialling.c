/* Whom to dial, and when. */
#include <stdlib.h>
#include <string.h>

#include "membership/state.h"

/* However many are dropped, some 16 of them are dialled in that time. */
enum { DOUBLINGS_MAX = 20, DROPPED_AT_ONCE = 16 };

/* Evenly drawn in [low, high]. */
static sl_time draw(struct sl_membership *membership, sl_time low, sl_time high) {
    return low + (sl_time)sl_random_below(&membership->random, (uint64_t)(high - low) + 1);
}

/* After so many attempts in vain: up to retry_min · 2^attempts, at most retry_max. */
static sl_time back_off(struct sl_membership *membership, uint32_t attempts) {
    sl_time bound = membership->retry_min;
    for (uint32_t i = 0; i < attempts && i < DOUBLINGS_MAX && bound < membership->retry_max; i++)
        bound = bound > membership->retry_max / 2 ? membership->retry_max : 2 * bound;
    return draw(membership, membership->retry_min, bound);
}

static bool is_wanted(const struct sl_membership *membership, size_t index) {
    const struct sl_member *member = &membership->members[index];
    return !membership->left && !member->connected && member->entry.state != SL_MEMBER_LEFT &&
           member->entry.address_count > 0 && !sl_members_is_self(membership, index) &&
           (member->entry.state == SL_MEMBER_DROPPED || sl_views_wants(membership, index));
}

/* Many deaths at once are rare, a cut link is not: where half of the others are dropped it is we who were cut off. */
static bool is_split(const struct sl_membership *membership) {
    size_t dropped = 0, others = 0;
    for (size_t i = 0; i < membership->count; i++) {
        enum sl_member_state state = membership->members[i].entry.state;
        others += state != SL_MEMBER_LEFT && !sl_members_is_self(membership, i);
        dropped += state == SL_MEMBER_DROPPED;
    }
    return 2 * dropped >= others;
}

/* Drawn anew each time: the two ends of a pair do not go on trying in step. */
static sl_time slowly(struct sl_membership *membership) {
    sl_time least = is_split(membership) ? membership->retry_max / 4 : membership->retry_max;
    sl_time pause = least + draw(membership, 0, least);
    sl_time crowd = 1 + (sl_time)((membership->count - membership->live) / DROPPED_AT_ONCE);
    return sl_time_after(membership->now, pause * crowd);
}

void sl_dialling_plan(struct sl_membership *membership, size_t index) {
    struct detail *detail = &membership->details[index];
    const struct sl_member_entry *entry = &membership->members[index].entry;
    if (entry->state == SL_MEMBER_DROPPED) {
        detail->dial_at = slowly(membership);
        return;
    }
    sl_time wait = detail->was_connected ? back_off(membership, 0) : 0;
    /* The higher name leaves it to the lower one at first: mutual dials cost both a handshake. */
    if (strcmp(membership->self, entry->node) > 0)
        wait += 2 * membership->retry_min;
    detail->dial_at = sl_time_after(membership->now, wait);
}

void sl_dialling_plan_joins(struct sl_membership *membership) {
    for (size_t i = 0; i < membership->join_count; i++) {
        membership->joins[i].attempts = 0;
        membership->joins[i].settled = false;
        membership->joins[i].dial_at = sl_time_after(membership->now, back_off(membership, 0));
    }
}

/* All addresses at once: the transport finds the one that answers. */
static enum sl_status dial(struct sl_membership *membership, const char *node, char *const *addresses, size_t count) {
    struct sl_membership_action *action = NULL;
    enum sl_status status = sl_actions_add(membership, &action, SL_MEMBERSHIP_DIAL, node);
    if (status != SL_OK)
        return status;
    action->addresses = calloc(count, sizeof *action->addresses);
    for (size_t i = 0; i < count && action->addresses != NULL; i++) {
        action->addresses[i] = strdup(addresses[i]);
        if (action->addresses[i] == NULL)
            break;
        action->address_count++;
    }
    if (action->address_count == count)
        return SL_OK;
    sl_actions_drop_last(membership);
    return SL_NO_MEMORY;
}

static enum sl_status dial_member(struct sl_membership *membership, size_t index) {
    struct detail *detail = &membership->details[index];
    const struct sl_member_entry *entry = &membership->members[index].entry;
    if (detail->attempts < UINT32_MAX)
        detail->attempts++;
    detail->dial_at = entry->state == SL_MEMBER_DROPPED
                          ? slowly(membership)
                          : sl_time_after(membership->now, back_off(membership, detail->attempts));
    return dial(membership, entry->node, entry->addresses, entry->address_count);
}

/* By our own dials: a member may say that any address is its own, so that nobody looks for who is there. */
static bool is_found(const struct sl_membership *membership, const struct join *join) {
    size_t index = 0;
    return join->node[0] != '\0' && sl_members_find(membership, &index, join->node) &&
           membership->members[index].connected;
}

static enum sl_status dial_join(struct sl_membership *membership, struct join *join) {
    join->settled = membership->connected > 0 && (join->remembered || is_found(membership, join));
    if (join->settled)
        return SL_OK;
    if (join->attempts < UINT32_MAX)
        join->attempts++;
    join->dial_at = sl_time_after(membership->now, back_off(membership, join->attempts));
    char *address = join->address;
    return dial(membership, "", &address, 1);
}

enum sl_status sl_dialling_step(struct sl_membership *membership) {
    enum sl_status status = SL_OK;
    for (size_t i = 0; i < membership->count && status == SL_OK; i++) {
        if (sl_dialling_next(membership, i) <= membership->now)
            status = dial_member(membership, i);
    }
    if (sl_dialling_next_join(membership) > membership->now)
        return status;
    for (size_t i = 0; i < membership->join_count && status == SL_OK; i++) {
        if (membership->joins[i].settled || membership->joins[i].dial_at > membership->now)
            continue;
        status = dial_join(membership, &membership->joins[i]);
    }
    return status;
}

sl_time sl_dialling_next(const struct sl_membership *membership, size_t index) {
    return is_wanted(membership, index) ? membership->details[index].dial_at : SL_NEVER;
}

sl_time sl_dialling_next_join(const struct sl_membership *membership) {
    sl_time next = SL_NEVER;
    for (size_t i = 0; i < membership->join_count && !membership->left; i++) {
        if (!membership->joins[i].settled && membership->joins[i].dial_at < next)
            next = membership->joins[i].dial_at;
    }
    return next;
}

static void forget_join(struct sl_membership *membership, const char *address) {
    size_t kept = 0;
    for (size_t i = 0; i < membership->join_count; i++) {
        if (strcmp(membership->joins[i].address, address) != 0)
            membership->joins[kept++] = membership->joins[i];
    }
    membership->join_count = kept;
}

static struct join *find_join(const struct sl_membership *membership, const char *address) {
    for (size_t i = 0; i < membership->join_count; i++) {
        if (strcmp(membership->joins[i].address, address) == 0)
            return &membership->joins[i];
    }
    return NULL;
}

void sl_dialling_note_found(struct sl_membership *membership, const char *address, const char *node) {
    struct join *join = find_join(membership, address);
    if (join == NULL)
        return;
    join->settled = true;
    if (node != NULL && sl_name_is_valid(node))
        memcpy(join->node, node, strlen(node) + 1);
}

/* Where it was found it may be again, or another one, whatever addresses it says it has. */
void sl_dialling_note_lost(struct sl_membership *membership, size_t index) {
    const char *node = membership->members[index].entry.node;
    if (membership->members[index].connected || !sl_views_wants(membership, index))
        return;
    for (size_t i = 0; i < membership->join_count; i++) {
        struct join *join = &membership->joins[i];
        if (!join->settled || strcmp(join->node, node) != 0)
            continue;
        join->settled = false;
        join->attempts = 0;
        join->dial_at = sl_time_after(membership->now, back_off(membership, 0));
    }
}

/* In a full mesh each member is probed anyway. */
static enum sl_status doubt(struct sl_membership *membership, const struct sl_membership_event *event) {
    size_t index = 0;
    if (!sl_views_is_partial(membership) || event->is_connected || event->node == NULL ||
        !sl_members_find(membership, &index, event->node) || membership->members[index].connected ||
        membership->members[index].entry.state != SL_MEMBER_ALIVE)
        return SL_OK;
    return sl_probing_doubt(membership, index);
}

/* The retries are the timer's; here only those who wait for the flock to answer are told, once. */
enum sl_status sl_membership_on_dial_failed(struct sl_membership *membership, const struct sl_membership_event *event) {
    if (event->is_self) {
        forget_join(membership, event->address);
        return SL_OK;
    }
    size_t index = 0;
    enum sl_status status = doubt(membership, event);
    if (status != SL_OK)
        return status;
    if (!event->is_connected && event->node != NULL && sl_members_find(membership, &index, event->node))
        sl_dialling_note_lost(membership, index);
    const struct join *join = find_join(membership, event->address);
    if (event->is_connected)
        sl_dialling_note_found(membership, event->address, event->node);
    if (membership->connected > 0 || membership->told_unreachable || membership->left || join == NULL ||
        join->remembered)
        return SL_OK;
    membership->told_unreachable = true;
    struct sl_membership_action *action = NULL;
    status = sl_actions_add(membership, &action, SL_MEMBERSHIP_REPORT, "");
    if (status != SL_OK)
        return status;
    action->text = "unreachable";
    memcpy(action->address, event->address, strlen(event->address) + 1);
    return SL_OK;
}
