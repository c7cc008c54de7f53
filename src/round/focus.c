/* One peer at a time. A link that is too slow for all transfers of a round, all at once, may be fast enough for one of
 * them. After ROUND_BARREN rounds without a counted edge a node takes its link for narrow: the peers of a round have
 * their turn one by one, both to be offered the own update and to be fetched from, beginning with another one each
 * round. It is narrow until half of the edges of such a round count, or one of a round with all at once.
 *
 * The peers' W is that of fast links, shorter than such a transfer may take. So a round lasts longer for a peer whose
 * update is on its way and that missed many, and for the same one not in each round: longer by less than the least W,
 * so that the others still wait for this node in the next one, and at most W_max. */
#include "round/state.h"

/* Now and then all at once: where a link only loses things that is better. */
bool sl_round_goes_one_by_one(const struct sl_round *round) {
    return round->narrow % ROUND_ALL_AT_ONCE != 0 && !round->options.stream;
}

void sl_round_note_barren(struct sl_round *round) {
    if (round->edge_count == 0)
        return;
    round->barren = round->counted == 0 ? round->barren + 1 : 0;
    uint32_t enough = round->one_by_one ? (uint32_t)(round->edge_count + 1) / 2 : 1;
    if (round->counted >= enough)
        round->narrow = 0;
    else if (round->narrow > 0 || round->barren >= ROUND_BARREN)
        round->narrow++;
}

bool sl_round_has_turn(const struct sl_round *round, const struct round_edge *edge) {
    return !round->one_by_one || round->focus == edge;
}

static bool is_waiting(const struct sl_round *round, const struct round_edge *edge) {
    return edge->peer->member.connected && !sl_round_is_resolved(round, edge);
}

/* Who is in a later round has closed this one; only what it promised before still counts. */
static bool may_count(const struct sl_round *round, const struct round_edge *edge) {
    bool gone_on = edge->state == SL_EDGE_STATE_OPEN && edge->peer->entered > round->current && !edge->has_ready;
    return is_waiting(round, edge) && !gone_on;
}

static struct round_edge *choose(struct sl_round *round) {
    size_t first = 0;
    while (first < round->edge_count && !round->edges[first].turn)
        first++;
    if (first == round->edge_count && first > 0)
        first = round->current % round->edge_count;
    for (size_t i = 0; i < round->edge_count; i++) {
        struct round_edge *edge = &round->edges[(first + i) % round->edge_count];
        if (may_count(round, edge))
            return edge;
    }
    return NULL;
}

void sl_round_focus(struct sl_round *round) {
    if (!round->one_by_one || (round->focus != NULL && may_count(round, round->focus)))
        return;
    struct round_edge *edge = round->focus = choose(round);
    if (edge == NULL || edge->state != SL_EDGE_STATE_OPEN)
        return;
    if (round->published)
        sl_round_offer(round, edge);
    if (edge->has_manifest && !edge->whole)
        (void)sl_round_emit_to(round, SL_ROUND_FETCH, edge->peer, edge->round);
}

/* ---- the other end ---- */

static bool deserves_patience(const struct sl_round *round, const struct round_edge *edge) {
    const struct round_peer *peer = edge->peer;
    bool seldom = peer->waited_for == 0 || peer->waited_for == round->current ||
                  round->current - peer->waited_for >= ROUND_PATIENCE;
    return seldom && edge->turn && edge->state == SL_EDGE_STATE_OPEN && edge->has_manifest &&
           peer->missed >= ROUND_BARREN && is_waiting(round, edge);
}

bool sl_round_is_patient(struct sl_round *round) {
    sl_time longest = round->wait + round->options.deadline_min / 4 * 3;
    if (longest > round->options.deadline_max)
        longest = round->options.deadline_max;
    sl_time most = round->trained_at + longest;
    if (round->current + 1 + round->options.averaging_rounds > round->options.rounds)
        return false; /* who is late in the last rounds has none left to catch up in */
    if (round->options.stream || round->narrow > 0 || round->now >= most)
        return false;
    size_t counted = 0;
    for (size_t i = 0; i < round->edge_count; i++)
        counted += round->edges[i].state == SL_EDGE_STATE_COUNTED;
    if (2 * counted < round->edge_count)
        return false; /* it is not that one link */
    bool patient = false;
    for (size_t i = 0; i < round->edge_count; i++)
        if (deserves_patience(round, &round->edges[i])) {
            round->edges[i].peer->waited_for = round->current;
            patient = true;
        }
    if (patient)
        round->close_at = most;
    return patient;
}
