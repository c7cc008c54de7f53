/* Between the detector, which knows numbers, and the rest: who is probed, and what comes of it. */
#include <string.h>

#include "membership/state.h"

enum {
    DIGEST_EVERY = 4, /* pings */
    VISIT_COST = 8    /* of who asks for it; we make as many in all as two members may ask for */
};

static bool is_gone(const struct sl_membership *membership, size_t index) {
    return membership->members[index].entry.state >= SL_MEMBER_DROPPED;
}

/* ---- who is probed ---- */

/* One that was never connected gets time to be, from the last news of it on. */
sl_time sl_probing_next(const struct sl_membership *membership, size_t index) {
    const struct sl_member *member = &membership->members[index];
    const struct detail *detail = &membership->details[index];
    if (detail->watched || member->connected || member->entry.incarnation == 0 || is_gone(membership, index) ||
        sl_members_is_self(membership, index) || membership->left || sl_views_is_partial(membership))
        return SL_NEVER;
    return detail->was_connected ? membership->now : sl_time_after(detail->heard, 2 * membership->suspect_after);
}

/* Those that are gone are probed while their connection stands: it is closed when they don't answer. Without a
 * connection: in a full mesh all, else those only of whom there is a doubt. */
static bool is_to_be_watched(const struct sl_membership *membership, size_t index) {
    const struct sl_member *member = &membership->members[index];
    const struct detail *detail = &membership->details[index];
    if (member->connected)
        return is_gone(membership, index) || sl_views_has(membership, index);
    if (is_gone(membership, index) || member->entry.incarnation == 0)
        return false;
    return sl_views_is_partial(membership) ? detail->doubted : detail->watched || detail->was_connected;
}

enum sl_status sl_probing_review(struct sl_membership *membership, size_t index) {
    const struct sl_member *member = &membership->members[index];
    struct detail *detail = &membership->details[index];
    if (sl_members_is_self(membership, index))
        return SL_OK;
    bool watch = is_to_be_watched(membership, index);
    enum sl_status status = SL_OK;
    if (watch)
        status = sl_detector_watch(&membership->detector, detail->number, member->connected, membership->now);
    else
        sl_detector_unwatch(&membership->detector, detail->number);
    detail->watched = watch && status == SL_OK;
    return status;
}

enum sl_status sl_probing_doubt(struct sl_membership *membership, size_t index) {
    struct detail *detail = &membership->details[index];
    detail->doubted = true;
    enum sl_status status = sl_probing_review(membership, index);
    if (status != SL_OK || !detail->watched || detail->expelled)
        return status;
    return sl_detector_check(&membership->detector, detail->number, membership->now);
}

static enum sl_status begin_watching(struct sl_membership *membership, size_t index) {
    if (sl_probing_next(membership, index) > membership->now)
        return SL_OK;
    struct detail *detail = &membership->details[index];
    enum sl_status status = sl_detector_watch(&membership->detector, detail->number, false, membership->now);
    detail->watched = status == SL_OK;
    return status == SL_OK ? sl_detector_check(&membership->detector, detail->number, membership->now) : status;
}

enum sl_status sl_probing_step(struct sl_membership *membership) {
    enum sl_status status = SL_OK;
    for (size_t i = 0; i < membership->count && status == SL_OK; i++)
        status = begin_watching(membership, i);
    return status == SL_OK ? sl_detector_step(&membership->detector, membership->live, membership->now) : status;
}

/* ---- what comes of it ---- */

enum sl_status sl_probing_close(struct sl_membership *membership, size_t index, const char *reason) {
    if (!membership->members[index].connected)
        return SL_OK;
    struct sl_membership_action *action = NULL;
    enum sl_status status =
        sl_actions_add(membership, &action, SL_MEMBERSHIP_CLOSE, membership->members[index].entry.node);
    if (status == SL_OK)
        action->text = reason;
    return status;
}

static enum sl_status close_connection(struct sl_membership *membership, size_t index) {
    return sl_probing_close(membership, index, "no sign of life");
}

static enum sl_status ping(struct sl_membership *membership, size_t index) {
    struct sl_membership_action *action = NULL;
    if (!membership->members[index].connected)
        return SL_OK;
    enum sl_status status =
        sl_actions_add(membership, &action, SL_MEMBERSHIP_SEND_PING, membership->members[index].entry.node);
    if (status == SL_OK && membership->pings++ % DIGEST_EVERY == 0)
        status = sl_digest_send(membership, index);
    return status;
}

static enum sl_status send_probe(struct sl_membership *membership, size_t to, size_t about,
                                 enum sl_probe_answer answer) {
    struct sl_membership_action *action = NULL;
    if (!membership->members[to].connected)
        return SL_OK;
    enum sl_status status =
        sl_actions_add(membership, &action, SL_MEMBERSHIP_SEND_PROBE, membership->members[to].entry.node);
    if (status != SL_OK)
        return status;
    memcpy(action->probe.node, membership->members[about].entry.node, sizeof action->probe.node);
    action->probe.answer = answer;
    return SL_OK;
}

enum sl_status sl_probing_join(struct sl_membership *membership, size_t index, size_t accuser,
                               struct sl_statement *statement) {
    bool counts;
    enum sl_status status = sl_detector_accused(&membership->detector, membership->details[index].number,
                                                membership->details[accuser].number, membership->now, &counts);
    if (status != SL_OK || !counts || statement == NULL || !sl_members_may_speak(membership, accuser, 1))
        return status;
    return sl_gossip_add_extra(membership, index, statement);
}

/* It is suspect already: our word beside the others'. */
static enum sl_status join_accusers(struct sl_membership *membership, size_t index) {
    struct sl_statement *statement = sl_statements_seal_accusation(membership, index);
    if (statement == NULL)
        return SL_OK;
    enum sl_status status = sl_gossip_add_extra(membership, index, statement);
    sl_statement_unref(statement);
    return status;
}

static enum sl_status suspect(struct sl_membership *membership, size_t index) {
    struct sl_member_entry claim = membership->members[index].entry;
    if (is_gone(membership, index) || claim.incarnation == 0) {
        sl_detector_clear(&membership->detector, membership->details[index].number);
        return close_connection(membership, index);
    }
    if (claim.state == SL_MEMBER_SUSPECT)
        return join_accusers(membership, index);
    claim.state = SL_MEMBER_SUSPECT;
    enum sl_status status = sl_member_change(membership, index, &claim, NULL, NEWS_RELAY);
    if (status == SL_OK && membership->members[index].connected)
        status = sl_gossip_tell_one(membership, claim.node, index);
    return status;
}

enum sl_status sl_probing_drop(struct sl_membership *membership, size_t index) {
    struct sl_member_entry claim = membership->members[index].entry;
    claim.state = SL_MEMBER_DROPPED;
    claim.until_round = membership->round + 2;
    enum sl_status status = sl_member_change(membership, index, &claim, NULL, NEWS_RELAY);
    sl_dialling_plan(membership, index);
    return status == SL_OK ? close_connection(membership, index) : status;
}

enum sl_status sl_probing_end(struct sl_membership *membership, size_t index, bool doubted) {
    if (!membership->members[index].connected)
        return SL_OK;
    if (doubted)
        return close_connection(membership, index);
    return sl_detector_check(&membership->detector, membership->details[index].number, membership->now);
}

static enum sl_status carry_out(struct sl_membership *membership, const struct sl_detector_action *action) {
    size_t index = membership->places[action->member], peer = membership->places[action->peer];
    switch (action->type) {
    case SL_DETECTOR_PING:
        return ping(membership, index);
    case SL_DETECTOR_ASK:
        return send_probe(membership, peer, index, SL_PROBE_ASKED);
    case SL_DETECTOR_ANSWER:
        return send_probe(membership, peer, index, action->answers ? SL_PROBE_YES : SL_PROBE_NO);
    case SL_DETECTOR_RELINK:
        return close_connection(membership, index);
    case SL_DETECTOR_SUSPECT:
        return membership->left ? SL_OK : suspect(membership, index);
    case SL_DETECTOR_DROP:
        if (membership->left || membership->members[index].entry.state != SL_MEMBER_SUSPECT)
            return SL_OK;
        return sl_probing_drop(membership, index);
    }
    return SL_OK;
}

enum sl_status sl_probing_drain(struct sl_membership *membership) {
    enum sl_status status = SL_OK;
    for (size_t i = 0; i < membership->detector.action_count; i++) {
        const struct sl_detector_action action = membership->detector.actions[i];
        enum sl_status done = carry_out(membership, &action);
        status = status == SL_OK ? done : status;
    }
    membership->detector.action_count = 0;
    return status;
}

/* ---- PROBE ---- */

/* In a full mesh a connection is on its way anyway, or cannot be made. A member says itself where it is to be dialled,
 * and anybody may ask for it: this must be no way to have a third party flooded with dials, nor to go around the
 * back-off. */
static bool visit(struct sl_membership *membership, size_t index, size_t asker) {
    struct detail *detail = &membership->details[index];
    if (!sl_views_is_partial(membership) || detail->expelled ||
        membership->members[index].entry.state > SL_MEMBER_SUSPECT ||
        membership->members[index].entry.address_count == 0)
        return false;
    if (detail->visit_until <= membership->now && (detail->attempts == 0 || detail->dial_at <= membership->now)) {
        if (!sl_members_may_ask(membership, asker, VISIT_COST) ||
            !sl_members_may_ask(membership, sl_members_self(membership), VISIT_COST / 2.0))
            return false;
        detail->dial_at = membership->now;
    }
    detail->visit_until = sl_time_after(membership->now, membership->ping_interval / 2);
    return true;
}

/* Others reach it. Without this it would be probed for ever: it need not be connected with us. */
static enum sl_status stop_doubting(struct sl_membership *membership, size_t index) {
    struct detail *detail = &membership->details[index];
    detail->doubted = sl_detector_is_probed(&membership->detector, detail->number);
    return detail->doubted ? SL_OK : sl_probing_review(membership, index);
}

enum sl_status sl_membership_on_probe(struct sl_membership *membership, const struct sl_membership_event *event) {
    size_t teller = 0, about = 0;
    const struct sl_probe *probe = event->probe;
    if (!sl_members_find(membership, &teller, event->node) || !sl_members_find(membership, &about, probe->node))
        return SL_OK;
    uint32_t number = membership->details[about].number, peer = membership->details[teller].number;
    if (probe->answer != SL_PROBE_ASKED) {
        sl_detector_vouched(&membership->detector, number, peer, probe->answer == SL_PROBE_YES);
        return membership->details[about].doubted && probe->answer == SL_PROBE_YES ? stop_doubting(membership, about)
                                                                                   : SL_OK;
    }
    if (!membership->members[teller].connected || !sl_members_may_ask(membership, teller, 1))
        return SL_OK;
    if (sl_members_is_self(membership, about))
        return send_probe(membership, teller, about, SL_PROBE_YES);
    if (!membership->members[about].connected && !visit(membership, about, teller))
        return send_probe(membership, teller, about, SL_PROBE_NO);
    return sl_detector_asked(&membership->detector, number, peer, membership->now);
}
