/* What is told to whom. */
#include <stdlib.h>
#include <string.h>

#include "membership/state.h"

/* Each statement costs its receiver up to half a millisecond to verify: what comes between them should not wait long.
 */
enum { STATEMENTS_A_MESSAGE = 32 };

typedef bool chooser(const struct sl_membership *membership, size_t index);

static bool is_anybody(const struct sl_membership *membership, size_t index) {
    (void)membership;
    (void)index;
    return true;
}

static bool is_news(const struct sl_membership *membership, size_t index) {
    return membership->details[index].news != NEWS_NONE;
}

static bool is_own_news(const struct sl_membership *membership, size_t index) {
    return membership->details[index].news == NEWS_OWN;
}

/* The message that is being filled. */
struct telling {
    const char *node;
    size_t room;               /* statements for which each message has memory */
    size_t bytes;              /* of the statements in it */
    struct sl_roster *message; /* NULL: none yet; of the last action */
};

static enum sl_status begin_message(struct sl_membership *membership, struct telling *telling) {
    struct sl_membership_action *action = NULL;
    enum sl_status status = sl_actions_add(membership, &action, SL_MEMBERSHIP_SEND_ROSTER, telling->node);
    if (status != SL_OK)
        return status;
    action->roster.statements = calloc(telling->room, sizeof(struct sl_statement *));
    telling->message = &action->roster;
    telling->bytes = 0;
    return action->roster.statements != NULL ? SL_OK : SL_NO_MEMORY;
}

/* NULL is nothing to tell: of whom nobody has said anything yet is nobody's news. */
static enum sl_status append(struct sl_membership *membership, struct telling *telling,
                             struct sl_statement *statement) {
    if (statement == NULL)
        return SL_OK;
    size_t more = sl_statement_size(statement);
    if (telling->message == NULL || telling->message->count == telling->room ||
        telling->bytes + more > SL_PAYLOAD_MAX) {
        enum sl_status status = begin_message(membership, telling);
        if (status != SL_OK)
            return status;
    }
    telling->message->statements[telling->message->count++] = sl_statement_ref(statement);
    telling->bytes += more;
    return SL_OK;
}

/* The chosen members' statements to one peer, in as many messages as they need. Accusations come last: they refer to
 * own words. */
static enum sl_status tell(struct sl_membership *membership, const char *node, chooser *choose) {
    struct telling telling = {.node = node, .room = STATEMENTS_A_MESSAGE};
    enum sl_status status = SL_OK;
    for (size_t i = 0; i < membership->count && status == SL_OK; i++) {
        if (choose(membership, i))
            status = append(membership, &telling, sl_statements_own(membership, i));
    }
    for (size_t i = 0; i < membership->count && status == SL_OK; i++) {
        if (choose(membership, i))
            status = append(membership, &telling, sl_statements_accusation(membership, i));
    }
    return status;
}

enum sl_status sl_gossip_tell_all(struct sl_membership *membership, const char *node) {
    return tell(membership, node, is_anybody);
}

enum sl_status sl_gossip_tell_one(struct sl_membership *membership, const char *node, size_t index) {
    size_t peer = 0;
    if (sl_members_find(membership, &peer, node))
        membership->details[peer].told = membership->now;
    struct telling telling = {.node = node, .room = 2};
    enum sl_status status = append(membership, &telling, sl_statements_own(membership, index));
    return status == SL_OK ? append(membership, &telling, sl_statements_accusation(membership, index)) : status;
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
