/* One peer at a time. A link that is too slow for all transfers of a round, all at once, may be fast enough for one of
 * them. A node takes its link for narrow when none counted in ROUND_BARREN rounds; at once where it has not
 * been better yet and transfers were in each other's way. The peers of a round have their turn one by one then,
 * beginning with another one each round: it offers to all, but sends to one and fetches from one. The link is narrow
 * until half of the edges of such a round count, or one of a round with all at once.
 *
 * The peers' W is that of fast links, shorter than such a transfer may take. So a round lasts longer for a peer whose
 * update is on its way and whose turn it is, and for the same one not in each round: longer by less than the least W,
 * so that the others still wait for this node in the next one, and at most W_max. */
#include "round/state.h"

/* All at once where turns come to nothing, since a link that only loses things is better so: sooner where it was good
 * enough for that once. And now and then, after 64, 128, 256 … rounds, since it may have become better. */
bool sl_round_goes_one_by_one(const struct sl_round *round) {
    uint32_t narrow = round->narrow, often = round->wide ? 2 : 2 * ROUND_BARREN;
    bool in_vain = narrow > 1 && round->barren > 0 && round->barren % often == 0;
    bool try_all = in_vain || (narrow >= ROUND_ALL_AT_ONCE && (narrow & (narrow - 1)) == 0);
    return narrow > 0 && !try_all && !round->options.stream;
}

/* Several transfers began over connections that last, and no edge came to its end, nor did one before: else it may just
 * be a bad moment. */
bool sl_round_is_crowded(const struct sl_round *round) {
    size_t under_way = 0;
    for (size_t i = 0; i < round->edge_count; i++) {
        const struct round_edge *edge = &round->edges[i];
        if (edge->state == SL_EDGE_STATE_COUNTED)
            return false;
        under_way += edge->has_manifest && !edge->whole && edge->peer->member.connected;
    }
    return under_way > 1 && round->published && !round->wide && !round->one_by_one;
}

void sl_round_note_barren(struct sl_round *round, bool crowded) {
    if (round->edge_count == 0)
        return;
    round->barren = round->counted == 0 ? round->barren + 1 : 0;
    uint32_t enough = round->one_by_one ? (uint32_t)(round->edge_count + 1) / 2 : 1;
    if (round->counted >= enough) {
        round->narrow = 0;
        round->wide |= !round->one_by_one;
    } else if (round->narrow > 0 || crowded || round->barren >= ROUND_BARREN) {
        round->narrow++;
    }
}

bool sl_round_has_turn(const struct sl_round *round, const struct round_edge *edge) {
    return !round->one_by_one || edge->had_turn;
}

/* ---- whose turn it is ---- */

/* Who is in a later round has closed this one; only what it promised before still counts. */
static bool may_count(const struct sl_round *round, const struct round_edge *edge) {
    bool gone_on = edge->state == SL_EDGE_STATE_OPEN && edge->peer->entered > round->current && !edge->has_ready;
    return edge->peer->member.connected && !sl_round_is_resolved(round, edge) && !gone_on;
}

/* Who is late once, since a turn failed, would be so in each round after it. It lets one pass, and is there in time for
 * the next. */
bool sl_round_is_late(const struct sl_round *round, uint64_t number) {
    return round->half >= number && round->now - round->half_since > round->options.deadline_min / 4 * 3;
}

/* A turn that cannot come to its end while its peer waits would only be in the way of the next round's first one. */
static bool is_in_time(const struct sl_round *round, const struct round_edge *edge) {
    if (edge->whole || edge->has_ready)
        return true;
    if (round->behind || round->half > round->current)
        return false;
    sl_time least = round->options.deadline_min;
    sl_time takes = round->turn_took > 0 ? round->turn_took : least / 2;
    return !round->turned || round->now + takes <= round->trained_at + least;
}

static struct round_edge *choose(struct sl_round *round) {
    struct round_edge *first = NULL;
    for (size_t i = 0; i < round->edge_count; i++) {
        struct round_edge *edge = &round->edges[i];
        bool may = !edge->had_turn && may_count(round, edge) && is_in_time(round, edge);
        if (may && (first == NULL || edge->turn < first->turn))
            first = edge;
    }
    return first;
}

/* Far longer than such a turn took before: something of it was lost. */
static bool is_stuck(const struct sl_round *round) {
    return round->turn_took > 0 && round->now - round->turn_since > 3 * round->turn_took;
}

static void give_turn(struct sl_round *round, struct round_edge *edge) {
    round->focus = edge;
    round->turn_since = round->now;
    round->turned = edge->had_turn = true;
    if (edge->state != SL_EDGE_STATE_OPEN)
        return;
    (void)sl_round_emit_to(round, SL_ROUND_TURN, edge->peer, edge->round);
    if (!edge->has_manifest || edge->whole)
        return;
    sl_round_emit_to(round, SL_ROUND_FETCH, edge->peer, edge->round)->durable = true; /* behind the offer */
    round->actions->save = true;
}

/* Not before the own update is offered: the credit for it would come behind the peer's bytes, and they are many. */
void sl_round_focus(struct sl_round *round) {
    if (!round->one_by_one || !round->published)
        return;
    struct round_edge *focus = round->focus;
    bool goes_on = focus != NULL && may_count(round, focus);
    if (goes_on && !is_stuck(round))
        return;
    if (focus != NULL && focus->state == SL_EDGE_STATE_COUNTED)
        round->turn_took = round->now - round->turn_since;
    struct round_edge *next = choose(round);
    if (next != NULL)
        give_turn(round, next);
    else if (!goes_on)
        round->focus = NULL;
}

/* ---- the other end ---- */

bool sl_round_deserves_patience(const struct sl_round *round, const struct round_edge *edge) {
    const struct round_peer *peer = edge->peer;
    if (round->options.stream || round->narrow > 0 ||
        round->current + 1 + round->options.averaging_rounds > round->options.rounds)
        return false; /* who is late in the last rounds has none left to catch up in */
    bool seldom = peer->waited_for == 0 || peer->waited_for == round->current ||
                  round->current - peer->waited_for >= ROUND_PATIENCE;
    return seldom && edge->turn == 0 && edge->state == SL_EDGE_STATE_OPEN && edge->has_manifest && peer->missed > 0 &&
           may_count(round, edge);
}

sl_time sl_round_patient_until(const struct sl_round *round) {
    sl_time longer = round->options.deadline_min / 4 * 3, longest = round->wait + longer;
    if (longest > round->options.deadline_max)
        longest = round->options.deadline_max;
    sl_time until = round->trained_at + longest, flock = round->half_since + longer;
    return round->half > round->current && flock < until ? flock : until;
}

bool sl_round_is_patient(struct sl_round *round) {
    sl_time until = sl_round_patient_until(round);
    if (round->now >= until)
        return false;
    size_t counted = 0;
    for (size_t i = 0; i < round->edge_count; i++)
        counted += round->edges[i].state == SL_EDGE_STATE_COUNTED;
    if (2 * counted < round->edge_count)
        return false; /* it is not that one link */
    bool patient = false;
    for (size_t i = 0; i < round->edge_count; i++)
        if (sl_round_deserves_patience(round, &round->edges[i])) {
            round->edges[i].peer->waited_for = round->current;
            patient = true;
        }
    if (patient)
        round->close_at = until;
    return patient;
}
