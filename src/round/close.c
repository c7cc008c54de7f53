/* When a round ends, and how. */
#include "round/state.h"

#include <stdlib.h>
#include <string.h>

/* Whole, but of a life of the peer that ended before its READY, which cannot come any more. */
static bool is_orphaned(const struct round_edge *edge) {
    return edge->whole && edge->manifest.lineage != edge->peer->lineage;
}

static bool is_resolved(const struct round_edge *edge) {
    switch (edge->state) {
    case SL_EDGE_STATE_COUNTED:
    case SL_EDGE_STATE_NONE:
        return true;
    case SL_EDGE_STATE_OPEN:
        return edge->passed || !edge->peer->member.live || is_orphaned(edge);
    case SL_EDGE_STATE_BOUND: /* a PASS frees nobody who promised */
    case SL_EDGE_STATE_PENDING:
        return !edge->peer->member.live;
    }
    return false;
}

bool sl_round_should_close(const struct sl_round *round) {
    if (round->phase != SL_PHASE_EXCHANGE || !round->published)
        return false;
    if (round->half >= round->current + 2 || round->stopping || round->now >= round->close_at)
        return true;
    for (size_t i = 0; i < round->edge_count; i++)
        if (!is_resolved(&round->edges[i]))
            return false;
    return true;
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
    sl_round_emit_to(round, SL_ROUND_HOLD, edge->peer, edge->round)->weight = edge->weight;
    if (edge->peer->member.connected)
        sl_round_send_ready(round, pending);
}

static void close_edge(struct sl_round *round, struct round_edge *edge) {
    if (edge->state == SL_EDGE_STATE_OPEN || edge->state == SL_EDGE_STATE_BOUND) {
        bool folded = round->options.stream && edge->whole && round->phase == SL_PHASE_EXCHANGE;
        sl_round_edge_step(round, edge, folded ? EDGE_STREAM : EDGE_CLOSE);
        if (edge->state == SL_EDGE_STATE_NONE)
            (void)sl_round_emit_to(round, SL_ROUND_RELEASE, edge->peer, edge->round);
        else if (edge->state == SL_EDGE_STATE_PENDING)
            keep_pending(round, edge);
    }
    edge->counted = edge->state == SL_EDGE_STATE_COUNTED;
    round->counted += edge->counted;
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

void sl_round_close(struct sl_round *round) {
    size_t pending = round->pending.count;
    round->counted = 0;
    for (size_t i = 0; i < round->edge_count; i++)
        close_edge(round, &round->edges[i]);
    bool clean = round->full && round->counted == round->edge_count;
    struct sl_round_action *mix = sl_round_emit(round, SL_ROUND_MIX);
    mix->round = round->current;
    mix->clean = clean;
    mix->averaging = round->averaging;
    sl_round_fill_plan(round, mix, false);
    record_close(round, clean);
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
