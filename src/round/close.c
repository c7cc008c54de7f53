/* When a round ends, and how. */
#include "round/state.h"

#include <stdlib.h>
#include <string.h>

/* Whole, but of a life of the peer that ended before its READY, which cannot come any more. */
static bool is_orphaned(const struct round_edge *edge) {
    return edge->whole && edge->peer->lineage != 0 && edge->manifest.lineage != edge->peer->lineage;
}

/* After a restart everybody is away until the membership has found them again: that says nothing about them, as long as
 * nobody says that they are gone. */
bool sl_round_has_returned(const struct sl_round *round) {
    return round->now >= round->returned;
}

bool sl_round_knows_roster(const struct sl_round *round) {
    if (sl_round_has_returned(round))
        return true;
    for (size_t i = 0; i < round->peers.count; i++)
        if (round->peers.items[i]->saved_from != 0 && !round->peers.items[i]->named)
            return false;
    return true;
}

static bool is_missing(const struct sl_round *round, const struct round_edge *edge) {
    return !edge->peer->member.live && (sl_round_has_returned(round) || edge->peer->member.until_round != 0);
}

bool sl_round_is_resolved(const struct sl_round *round, const struct round_edge *edge) {
    switch (edge->state) {
    case SL_EDGE_STATE_COUNTED:
    case SL_EDGE_STATE_NONE:
        return true;
    case SL_EDGE_STATE_OPEN:
        return edge->passed || is_missing(round, edge) || is_orphaned(edge);
    case SL_EDGE_STATE_BOUND: /* a PASS frees nobody who promised */
    case SL_EDGE_STATE_PENDING:
        return is_missing(round, edge);
    }
    return false;
}

/* Half of the others have gone on, and what is open is only with peers that missed many: who waited for one of them
 * longer than the others catches up. */
static bool is_in_vain(const struct sl_round *round, const struct round_edge *edge) {
    return round->half > round->current && round->narrow == 0 && !round->patient && edge->state == SL_EDGE_STATE_OPEN &&
           edge->peer->missed >= ROUND_BARREN;
}

static bool is_all_decided(struct sl_round *round) {
    bool hopeful = false;
    for (size_t i = 0; i < round->edge_count; i++) {
        const struct round_edge *edge = &round->edges[i];
        if (sl_round_is_resolved(round, edge))
            continue;
        if (round->half > round->current && sl_round_deserves_patience(round, edge))
            hopeful = true;
        else if (!is_in_vain(round, edge))
            return false;
    }
    sl_time until = sl_round_patient_until(round);
    if (!hopeful || round->now >= until)
        return true;
    round->close_at = until < round->close_at ? until : round->close_at;
    return false;
}

bool sl_round_should_close(struct sl_round *round) {
    if (round->phase != SL_PHASE_EXCHANGE || !round->published)
        return false;
    if (round->half >= round->current + 2 || round->stopping || round->now >= round->close_at)
        return true;
    if (round->patient && !sl_round_is_patient(round))
        return true;
    if (round->one_by_one && round->focus == NULL && round->half > round->current)
        return true; /* nobody is left whose turn it could be: on with the others */
    return is_all_decided(round);
}

/* The first W of a stream: those who have not even announced anything must not hold up the pass. */
void sl_round_pass_over(struct sl_round *round) {
    round->second_wait = true;
    round->close_at += round->wait;
    for (size_t i = 0; i < round->edge_count; i++) {
        struct round_edge *edge = &round->edges[i];
        if (edge->state == SL_EDGE_STATE_OPEN && !edge->has_manifest)
            sl_round_edge_refuse(round, edge);
    }
}

static void keep_pending(struct sl_round *round, const struct round_edge *edge) {
    struct round_edge *pending = malloc(sizeof *pending);
    if (pending == NULL) {
        round->status = SL_NO_MEMORY;
        return;
    }
    *pending = *edge;
    edge->peer->pending = pending;
    sl_round_list_add(round, &round->pending, edge->peer);
    sl_round_fill_edge(round, sl_round_emit_to(round, SL_ROUND_HOLD, edge->peer, edge->round), edge);
    if (edge->peer->member.connected)
        sl_round_send_ready(round, pending);
}

/* Who waits for this end is told. Else it would wait as long as it may, be late in the next round by as much, and so in
 * each one after it. */
static void tell_closed(struct sl_round *round, const struct round_edge *edge) {
    if (!edge->peer->member.connected)
        return;
    if (edge->decider && edge->has_ready)
        sl_round_send_verdict(round, edge->peer, &edge->ready, SL_VERDICT_VOID);
    else if (edge->has_manifest)
        sl_round_send_pass(round, edge->peer, edge->round, SL_PASS_CLOSED);
}

static void close_edge(struct sl_round *round, struct round_edge *edge) {
    if (edge->state == SL_EDGE_STATE_OPEN || edge->state == SL_EDGE_STATE_BOUND) {
        bool folded = round->options.stream && edge->whole && round->phase == SL_PHASE_EXCHANGE;
        sl_round_edge_step(round, edge, folded ? EDGE_STREAM : EDGE_CLOSE);
        if (edge->state == SL_EDGE_STATE_NONE) {
            tell_closed(round, edge);
            (void)sl_round_emit_to(round, SL_ROUND_RELEASE, edge->peer, edge->round);
        } else if (edge->state == SL_EDGE_STATE_PENDING) {
            keep_pending(round, edge);
        }
    }
    edge->counted = edge->state == SL_EDGE_STATE_COUNTED;
    edge->peer->missed = edge->counted ? 0 : edge->peer->missed + 1;
}

static void record_close(struct sl_round *round, bool clean) {
    struct sl_round_action *closed = sl_round_emit(round, SL_ROUND_CLOSED);
    closed->round = round->current;
    closed->counted = round->counted;
    closed->planned = (uint32_t)round->edge_count;
    closed->clean = clean;
    closed->averaging = round->averaging;
    closed->waited = round->now - round->trained_at;
}

void sl_round_mix(struct sl_round *round) {
    round->counted = 0;
    for (size_t i = 0; i < round->edge_count; i++)
        round->counted += round->edges[i].counted;
    bool clean = round->full && round->counted == round->edge_count;
    struct sl_round_action *mix = sl_round_emit(round, SL_ROUND_MIX);
    mix->round = round->current;
    mix->clean = clean;
    mix->averaging = round->averaging;
    sl_round_fill_plan(round, mix, false);
    record_close(round, clean);
}

void sl_round_close(struct sl_round *round) {
    size_t pending = round->pending.count;
    bool crowded = sl_round_is_crowded(round);
    for (size_t i = 0; i < round->edge_count; i++)
        close_edge(round, &round->edges[i]);
    sl_round_mix(round);
    sl_round_note_barren(round, crowded);
    round->carry = round->fresh && round->counted == 0 && round->edge_count > 0 && round->half > round->current;
    sl_round_set_phase(round, SL_PHASE_MIX);
    if (round->pending.count != pending)
        sl_round_send_progress(round, NULL);
}

void sl_round_abandon(struct sl_round *round) {
    round->counted = 0;
    for (size_t i = 0; i < round->edge_count; i++)
        close_edge(round, &round->edges[i]);
    record_close(round, false);
}
