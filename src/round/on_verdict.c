#include "round/state.h"

static bool is_about(const struct sl_round *round, const struct round_edge *edge, const struct sl_verdict *verdict) {
    return verdict->round == edge->round && verdict->lineage_sender == edge->manifest.lineage &&
           verdict->lineage_receiver == round->options.lineage;
}

static void take(struct sl_round *round, struct round_edge *edge, enum sl_verdict_value value) {
    switch (value) {
    case SL_VERDICT_COUNT:
        sl_round_edge_step(round, edge, EDGE_COUNT);
        sl_round_note_arrival(round, round->now - edge->trained_at);
        return;
    case SL_VERDICT_VOID:
        sl_round_edge_step(round, edge, EDGE_VOID);
        break;
    case SL_VERDICT_GONE:
        sl_round_edge_step(round, edge, EDGE_GONE);
        break;
    }
    (void)sl_round_emit_to(round, SL_ROUND_RELEASE, edge->peer, edge->round);
}

void sl_round_on_verdict(struct sl_round *round, const struct sl_round_event *event) {
    const struct sl_verdict *verdict = event->verdict;
    struct round_peer *peer = sl_round_find_peer(round, event->peer);
    if (peer == NULL || verdict->epoch != round->options.epoch)
        return;
    if (peer->pending != NULL && is_about(round, peer->pending, verdict)) {
        sl_round_settle_pending(round, peer, verdict->verdict);
        return;
    }
    if (!sl_round_is_open(round))
        return;
    struct round_edge *edge = sl_round_find_edge(round, peer);
    if (edge != NULL && edge->state == SL_EDGE_STATE_BOUND && is_about(round, edge, verdict))
        take(round, edge, verdict->verdict);
}
