/* Whom to be connected with in a flock that is too big for a full mesh: HyParView's active view (Leitão, Pereira,
 * Rodrigues, DSN 2007), 10 to 12 members, each in the other's. Its passive view, where replacements come from, needs no
 * messages of its own here: that is the roster, which everybody has. Connections that neither view nor round needs are
 * closed when they were of no use for a while.
 *
 *     dial, REQUEST → ACCEPT               both have each other
 *     dial, REQUEST → REFUSE               the other has 12: somebody else is asked
 *     dial, REQUEST, urgent → ACCEPT, END  of one who has nobody; the other gives up somebody at random */
#include "membership/state.h"

enum {
    ACTIVE_MIN = 10,
    ACTIVE_MAX = 12,
    IDLE_PERIODS = 10,   /* ping_intervals */
    PATIENCE_PERIODS = 5 /* for a connection and an answer */
};

bool sl_views_is_partial(const struct sl_membership *membership) {
    return membership->live > membership->full_mesh;
}

bool sl_views_has(const struct sl_membership *membership, size_t index) {
    const struct sl_member *member = &membership->members[index];
    if (!member->connected || sl_members_is_self(membership, index))
        return false;
    return !sl_views_is_partial(membership) || membership->details[index].active;
}

static size_t count_active(const struct sl_membership *membership) {
    size_t count = 0;
    for (size_t i = 0; i < membership->count; i++)
        count += membership->members[i].connected && membership->details[i].active;
    return count;
}

static enum sl_status say(struct sl_membership *membership, size_t index, enum sl_neighbour_word word) {
    struct sl_membership_action *action = NULL;
    enum sl_status status =
        sl_actions_add(membership, &action, SL_MEMBERSHIP_SEND_NEIGHBOUR, membership->members[index].entry.node);
    if (status == SL_OK)
        action->neighbour.word = word;
    return status;
}

static enum sl_status set_active(struct sl_membership *membership, size_t index, bool active) {
    struct detail *detail = &membership->details[index];
    detail->asked_until = 0;
    detail->used = membership->now;
    if (detail->active == active)
        return SL_OK;
    detail->active = active;
    membership->changed = true;
    return sl_probing_review(membership, index);
}

/* ---- asking ---- */

static bool is_asked(const struct sl_membership *membership, size_t index) {
    return membership->details[index].asked_until > membership->now;
}

bool sl_views_wants(const struct sl_membership *membership, size_t index) {
    const struct detail *detail = &membership->details[index];
    return !sl_views_is_partial(membership) || detail->wanted || is_asked(membership, index) ||
           detail->visit_until > membership->now;
}

static enum sl_status request(struct sl_membership *membership, size_t index) {
    bool urgent = count_active(membership) == 0;
    return say(membership, index, urgent ? SL_NEIGHBOUR_URGENT : SL_NEIGHBOUR_REQUEST);
}

static bool is_candidate(const struct sl_membership *membership, size_t index) {
    const struct sl_member *member = &membership->members[index];
    const struct detail *detail = &membership->details[index];
    return member->entry.state == SL_MEMBER_ALIVE && member->entry.incarnation != 0 && !detail->active &&
           !detail->expelled && !is_asked(membership, index) && detail->refused_until <= membership->now &&
           (member->connected || member->entry.address_count > 0) && !sl_members_is_self(membership, index);
}

/* Any of the candidates, each as likely; `count`: there is none. */
static size_t choose(struct sl_membership *membership) {
    size_t chosen = membership->count, seen = 0;
    for (size_t i = 0; i < membership->count; i++) {
        if (is_candidate(membership, i) && sl_random_below(&membership->random, ++seen) == 0)
            chosen = i;
    }
    return chosen;
}

static enum sl_status ask(struct sl_membership *membership, size_t index) {
    struct detail *detail = &membership->details[index];
    detail->asked_until = sl_time_after(membership->now, PATIENCE_PERIODS * membership->ping_interval);
    detail->refused_until = sl_time_after(detail->asked_until, membership->retry_max);
    if (membership->members[index].connected)
        return request(membership, index);
    detail->dial_at = membership->now;
    return SL_OK;
}

/* ---- time ---- */

static enum sl_status refill(struct sl_membership *membership) {
    size_t count = count_active(membership);
    enum sl_status status = SL_OK;
    for (size_t i = 0; i < membership->count; i++)
        count += is_asked(membership, i);
    for (; count < ACTIVE_MIN && status == SL_OK; count++) {
        size_t index = choose(membership);
        if (index == membership->count)
            return SL_OK;
        status = ask(membership, index);
    }
    return status;
}

static bool is_idle(const struct sl_membership *membership, size_t index) {
    const struct detail *detail = &membership->details[index];
    return membership->members[index].connected && !sl_members_is_self(membership, index) && !detail->active &&
           !detail->wanted && !is_asked(membership, index) && detail->tell_at == SL_NEVER &&
           membership->now >= sl_time_after(detail->used, IDLE_PERIODS * membership->ping_interval);
}

/* The flock has grown, or shrunk. The connections that it has by then get their time. */
static void change_mode(struct sl_membership *membership) {
    membership->was_partial = !membership->was_partial;
    for (size_t i = 0; i < membership->count; i++) {
        struct detail *detail = &membership->details[i];
        detail->used = membership->now;
        if (!membership->was_partial && !membership->members[i].connected)
            sl_dialling_plan(membership, i);
    }
}

enum sl_status sl_views_step(struct sl_membership *membership) {
    if (membership->now < membership->views_at)
        return SL_OK;
    membership->views_at = sl_time_after(membership->now, membership->ping_interval / 2);
    if (sl_views_is_partial(membership) != membership->was_partial)
        change_mode(membership);
    if (!membership->was_partial || membership->left)
        return SL_OK;
    enum sl_status status = refill(membership);
    for (size_t i = 0; i < membership->count && status == SL_OK; i++) {
        if (is_idle(membership, i))
            status = sl_probing_close(membership, i, "not needed");
    }
    return status;
}

sl_time sl_views_next(const struct sl_membership *membership) {
    bool is_due = sl_views_is_partial(membership) || membership->was_partial;
    return is_due && !membership->left ? membership->views_at : SL_NEVER;
}

/* ---- events ---- */

enum sl_status sl_views_up(struct sl_membership *membership, size_t index) {
    membership->details[index].active = false;
    membership->details[index].used = membership->now;
    return is_asked(membership, index) ? request(membership, index) : SL_OK;
}

static enum sl_status give_one_up(struct sl_membership *membership) {
    size_t chosen = membership->count, seen = 0;
    for (size_t i = 0; i < membership->count; i++) {
        if (membership->members[i].connected && membership->details[i].active &&
            sl_random_below(&membership->random, ++seen) == 0)
            chosen = i;
    }
    enum sl_status status = set_active(membership, chosen, false);
    return status == SL_OK ? say(membership, chosen, SL_NEIGHBOUR_END) : status;
}

static enum sl_status on_request(struct sl_membership *membership, size_t index, bool urgent) {
    enum sl_status status = SL_OK;
    if (!membership->details[index].active && count_active(membership) >= ACTIVE_MAX) {
        if (!urgent)
            return say(membership, index, SL_NEIGHBOUR_REFUSE);
        status = give_one_up(membership);
    }
    if (status == SL_OK)
        status = set_active(membership, index, true);
    return status == SL_OK ? say(membership, index, SL_NEIGHBOUR_ACCEPT) : status;
}

/* Two that asked each other at once accept each other. An ACCEPT that was not waited for any more is ended. */
static enum sl_status on_accept(struct sl_membership *membership, size_t index) {
    if (membership->details[index].active)
        return SL_OK;
    if (!is_asked(membership, index) || count_active(membership) >= ACTIVE_MAX)
        return say(membership, index, SL_NEIGHBOUR_END);
    return set_active(membership, index, true);
}

enum sl_status sl_membership_on_neighbour(struct sl_membership *membership, const struct sl_membership_event *event) {
    size_t index = 0;
    if (!sl_members_find(membership, &index, event->node) || !membership->members[index].connected ||
        sl_members_is_self(membership, index) || !sl_members_may_ask(membership, index, 1))
        return SL_OK;
    switch (event->neighbour->word) {
    case SL_NEIGHBOUR_REQUEST:
    case SL_NEIGHBOUR_URGENT:
        return on_request(membership, index, event->neighbour->word == SL_NEIGHBOUR_URGENT);
    case SL_NEIGHBOUR_ACCEPT:
        return on_accept(membership, index);
    case SL_NEIGHBOUR_REFUSE:
        membership->details[index].asked_until = 0;
        break;
    case SL_NEIGHBOUR_END:
        return set_active(membership, index, false);
    }
    return SL_OK;
}

enum sl_status sl_membership_on_want(struct sl_membership *membership, const struct sl_membership_event *event) {
    for (size_t i = 0; i < membership->count; i++) {
        struct detail *detail = &membership->details[i];
        if (detail->wanted)
            detail->used = membership->now;
        detail->wanted = false;
    }
    for (size_t i = 0; i < event->name_count; i++) {
        size_t index = 0;
        if (!sl_members_find(membership, &index, event->names[i]))
            continue;
        membership->details[index].wanted = true;
        if (!membership->members[index].connected && membership->details[index].dial_at == SL_NEVER)
            sl_dialling_plan(membership, index);
    }
    return SL_OK;
}
