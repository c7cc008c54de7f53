/* What is told to whom. */
#include <stdlib.h>
#include <string.h>

#include "membership/state.h"

enum {
    ENTRY_BYTES = 160, /* more than an entry's numbers, name and their tags take in the message */
    ADDRESS_BYTES = 4, /* the same for an address, without its text */
    MESSAGE_BYTES = SL_PAYLOAD_MAX
};

static size_t encoded_size(const struct sl_member_entry *entry) {
    size_t size = ENTRY_BYTES;
    for (size_t i = 0; i < entry->address_count; i++)
        size += ADDRESS_BYTES + strlen(entry->addresses[i]);
    return size;
}

typedef bool chooser(const struct sl_membership *membership, size_t index);

/* Members of whom nobody has said anything yet are nobody's news. */
static bool is_anything(const struct sl_membership *membership, size_t index) {
    return membership->members[index].entry.incarnation != 0;
}

static bool is_news(const struct sl_membership *membership, size_t index) {
    return is_anything(membership, index) && membership->details[index].news != NEWS_NONE;
}

static bool is_own_news(const struct sl_membership *membership, size_t index) {
    return is_anything(membership, index) && membership->details[index].news == NEWS_OWN;
}

/* How many of the chosen, from *at on, go into the next message; *at behind them. */
static size_t measure(const struct sl_membership *membership, size_t *at, chooser *choose) {
    size_t count = 0, size = 0;
    for (; *at < membership->count; (*at)++) {
        if (!choose(membership, *at))
            continue;
        size_t more = encoded_size(&membership->members[*at].entry);
        if (count == SL_ROSTER_ENTRIES_MAX || size + more > MESSAGE_BYTES)
            break;
        size += more;
        count++;
    }
    return count;
}

static enum sl_status fill(const struct sl_membership *membership, struct sl_roster *roster, size_t from, size_t to,
                           chooser *choose, size_t count) {
    roster->entries = calloc(count, sizeof *roster->entries);
    if (roster->entries == NULL)
        return SL_NO_MEMORY;
    for (size_t i = from; i < to; i++) {
        if (!choose(membership, i))
            continue;
        enum sl_status status = sl_members_copy_entry(&roster->entries[roster->count], &membership->members[i].entry);
        if (status != SL_OK)
            return status;
        roster->count++;
    }
    return SL_OK;
}

/* The chosen entries to one peer, in as many messages as they need. */
static enum sl_status tell(struct sl_membership *membership, const char *node, chooser *choose) {
    size_t from = 0, to = 0;
    enum sl_status status = SL_OK;
    while (status == SL_OK) {
        size_t count = measure(membership, &to, choose);
        if (count == 0)
            break;
        struct sl_membership_action *action = NULL;
        status = sl_actions_add(membership, &action, SL_MEMBERSHIP_SEND_ROSTER, node);
        if (status == SL_OK)
            status = fill(membership, &action->roster, from, to, choose, count);
        from = to;
    }
    return status;
}

enum sl_status sl_gossip_tell_all(struct sl_membership *membership, const char *node) {
    return tell(membership, node, is_anything);
}

enum sl_status sl_gossip_tell_one(struct sl_membership *membership, const char *node, size_t index) {
    size_t peer = 0;
    if (!is_anything(membership, index))
        return SL_OK;
    if (sl_members_find(membership, &peer, node))
        membership->details[peer].told = membership->now;
    struct sl_membership_action *action = NULL;
    enum sl_status status = sl_actions_add(membership, &action, SL_MEMBERSHIP_SEND_ROSTER, node);
    if (status != SL_OK)
        return status;
    action->roster.entries = calloc(1, sizeof *action->roster.entries);
    if (action->roster.entries == NULL)
        return SL_NO_MEMORY;
    status = sl_members_copy_entry(&action->roster.entries[0], &membership->members[index].entry);
    action->roster.count = status == SL_OK ? 1 : 0;
    return status;
}

/* The connected member at or behind a random place. */
static size_t some_peer(struct sl_membership *membership) {
    size_t at = (size_t)sl_random_below(&membership->random, membership->count);
    while (!membership->members[at].connected || sl_members_is_self(membership, at))
        at = (at + 1) % membership->count;
    return at;
}

enum sl_status sl_gossip_sync(struct sl_membership *membership) {
    sl_time pause = membership->ping_interval;
    sl_time factor = 1 + (sl_time)membership->count / 32;
    membership->sync_at = pause > SL_NEVER / factor ? SL_NEVER : sl_time_after(membership->now, pause * factor);
    if (membership->connected == 0)
        return SL_OK;
    return sl_gossip_tell_all(membership, membership->members[some_peer(membership)].entry.node);
}

static bool is_teller(const struct sl_membership *membership, size_t index) {
    return membership->teller != NULL && strcmp(membership->teller, membership->members[index].entry.node) == 0;
}

/* Everybody gets our own news; the relays get the rest of it, too. */
static enum sl_status spread(struct sl_membership *membership) {
    enum sl_status status = SL_OK;
    size_t at = some_peer(membership), relays = 0;
    for (size_t step = 0; step < membership->count && status == SL_OK; step++, at = (at + 1) % membership->count) {
        if (!membership->members[at].connected || sl_members_is_self(membership, at))
            continue;
        bool relay = !is_teller(membership, at) && relays < SL_MEMBERSHIP_RELAYS;
        relays += relay;
        status = tell(membership, membership->members[at].entry.node, relay ? is_news : is_own_news);
    }
    return status;
}

enum sl_status sl_gossip_flush(struct sl_membership *membership) {
    if (!membership->news)
        return SL_OK;
    enum sl_status status = membership->connected > 0 ? spread(membership) : SL_OK;
    for (size_t i = 0; i < membership->count; i++)
        membership->details[i].news = NEWS_NONE;
    membership->news = false;
    return status;
}
