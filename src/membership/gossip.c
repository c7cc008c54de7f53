/* What is told to whom. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "membership/state.h"

/* Each statement costs its receiver up to half a millisecond to verify: what comes between them should not wait long.
 */
enum {
    STATEMENTS_A_MESSAGE = 32,
    WHOLE_AT_ONCE = 128, /* a longer roster goes bit by bit, at most so much each TELLING_PAUSE */
    AT_FULL_PACE = 512   /* of that, as long as its hearer has half of what it verifies at once */
};
#define TELLING_PAUSE (100 * SL_MILLISECOND)

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

/* ---- the whole roster ---- */

/* Own words of the next ones; when all had theirs, their accusations: these refer to own words, and to whose count. */
static enum sl_status tell_next(struct sl_membership *membership, struct telling *telling, struct detail *detail) {
    size_t index = membership->places[detail->tell_next++];
    struct sl_statement *statement =
        detail->tell_words ? sl_statements_own(membership, index) : sl_statements_accusation(membership, index);
    enum sl_status status = append(membership, telling, statement);
    detail->tell_done += statement != NULL;
    if (detail->tell_next < membership->count)
        return status;
    detail->tell_next = 0;
    if (!detail->tell_words)
        detail->tell_at = SL_NEVER;
    detail->tell_words = false;
    return status;
}

/* How many more statements now. What goes beyond what the hearer verifies would be lost, and it knows no more members
 * than it was told of. */
static size_t how_many(const struct sl_membership *membership, const struct detail *detail) {
    if (membership->count <= WHOLE_AT_ONCE)
        return 2 * membership->count;
    if (detail->tell_done < AT_FULL_PACE)
        return WHOLE_AT_ONCE;
    double late = sl_time_to_seconds(membership->now - detail->tell_at), pause = sl_time_to_seconds(TELLING_PAUSE);
    double pauses = late < 2 * pause ? 1 + late / pause : 3;
    double rate = 0.75 * sl_membership_checks_rate(detail->tell_words ? detail->tell_next : membership->count);
    return (size_t)(fmin(WHOLE_AT_ONCE, rate * pause) * pauses);
}

enum sl_status sl_gossip_tell_more(struct sl_membership *membership, size_t peer) {
    struct detail *detail = &membership->details[peer];
    struct telling telling = {.node = membership->members[peer].entry.node, .room = STATEMENTS_A_MESSAGE};
    enum sl_status status = SL_OK;
    if (detail->tell_at > membership->now)
        return SL_OK;
    uint32_t until = detail->tell_done + (uint32_t)how_many(membership, detail);
    detail->tell_at = sl_time_after(membership->now, TELLING_PAUSE);
    while (detail->tell_done < until && detail->tell_at != SL_NEVER && status == SL_OK)
        status = tell_next(membership, &telling, detail);
    return status;
}

enum sl_status sl_gossip_tell_all(struct sl_membership *membership, size_t peer) {
    struct detail *detail = &membership->details[peer];
    detail->tell_next = detail->tell_done = 0;
    detail->tell_words = true;
    detail->tell_at = membership->now;
    return sl_gossip_tell_more(membership, peer);
}

/* ---- some of it ---- */

enum sl_status sl_gossip_tell_those(struct sl_membership *membership, size_t peer, const size_t *about, size_t count) {
    struct telling telling = {.node = membership->members[peer].entry.node, .room = STATEMENTS_A_MESSAGE};
    enum sl_status status = SL_OK;
    count = count < SL_GOSSIP_AT_ONCE ? count : SL_GOSSIP_AT_ONCE;
    for (size_t i = 0; i < count && status == SL_OK; i++)
        status = append(membership, &telling, sl_statements_own(membership, about[i]));
    for (size_t i = 0; i < count && status == SL_OK; i++)
        status = append(membership, &telling, sl_statements_accusation(membership, about[i]));
    return status;
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

static bool is_teller(const struct sl_membership *membership, size_t index) {
    return membership->teller != NULL && strcmp(membership->teller, membership->members[index].entry.node) == 0;
}

enum sl_status sl_gossip_add_extra(struct sl_membership *membership, size_t about, struct sl_statement *statement) {
    enum sl_status status = sl_array_reserve(&membership->extras, &membership->extra_capacity,
                                             membership->extra_count + 1, sizeof *membership->extras);
    if (status == SL_OK)
        membership->extras[membership->extra_count++] =
            (struct extra){.about = membership->details[about].number, .statement = sl_statement_ref(statement)};
    return status;
}

static bool is_own_news(const struct sl_membership *membership, size_t index) {
    return membership->details[index].news == NEWS_OWN;
}

/* The news to one peer, all of it with the extras or only our own, in as many messages as they need; accusations come
 * last, behind what they are against. */
static enum sl_status tell(struct sl_membership *membership, const char *node, bool all) {
    struct telling telling = {.node = node, .room = STATEMENTS_A_MESSAGE};
    enum sl_status status = SL_OK;
    for (size_t i = 0; i < membership->news_count && status == SL_OK; i++) {
        if (all || is_own_news(membership, membership->news_about[i]))
            status = append(membership, &telling, sl_statements_own(membership, membership->news_about[i]));
    }
    for (size_t i = 0; i < membership->news_count && status == SL_OK; i++) {
        if (all || is_own_news(membership, membership->news_about[i]))
            status = append(membership, &telling, sl_statements_accusation(membership, membership->news_about[i]));
    }
    for (size_t i = 0; all && i < membership->extra_count && status == SL_OK; i++) {
        const struct extra *extra = &membership->extras[i];
        status = append(membership, &telling, sl_statements_own(membership, membership->places[extra->about]));
        if (status == SL_OK)
            status = append(membership, &telling, extra->statement);
    }
    return status;
}

/* In the order of names, for the step that tells them. */
static enum sl_status list_news(struct sl_membership *membership) {
    membership->news_count = 0;
    for (size_t i = 0; membership->news && i < membership->count; i++) {
        if (membership->details[i].news == NEWS_NONE)
            continue;
        enum sl_status status = sl_array_reserve(&membership->news_about, &membership->news_capacity,
                                                 membership->news_count + 1, sizeof *membership->news_about);
        if (status != SL_OK)
            return status;
        membership->news_about[membership->news_count++] = i;
    }
    return SL_OK;
}

/* Everybody gets our own news; the relays get the rest of it, too. */
static enum sl_status spread(struct sl_membership *membership) {
    enum sl_status status = SL_OK;
    size_t at = some_peer(membership), relays = 0;
    bool alone = true; /* nobody is in the active view yet */
    for (size_t i = 0; i < membership->count && alone; i++)
        alone = !sl_views_has(membership, i);
    for (size_t step = 0; step < membership->count && status == SL_OK; step++, at = (at + 1) % membership->count) {
        if (!membership->members[at].connected || sl_members_is_self(membership, at))
            continue;
        bool relay =
            (alone || sl_views_has(membership, at)) && !is_teller(membership, at) && relays < SL_MEMBERSHIP_RELAYS;
        relays += relay;
        status = tell(membership, membership->members[at].entry.node, relay);
    }
    return status;
}

enum sl_status sl_gossip_flush(struct sl_membership *membership) {
    if (!membership->news && membership->extra_count == 0)
        return SL_OK;
    enum sl_status status = list_news(membership);
    if (status == SL_OK && membership->connected > 0)
        status = spread(membership);
    for (size_t i = 0; membership->news && i < membership->count; i++)
        membership->details[i].news = NEWS_NONE;
    while (membership->extra_count > 0)
        sl_statement_unref(membership->extras[--membership->extra_count].statement);
    membership->news = false;
    return status;
}
