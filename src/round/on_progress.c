/* PROGRESS and PASS: hints about where a peer is and what not to wait for. Neither binds anybody. */
#include "round/state.h"

void sl_round_on_progress(struct sl_round *round, const struct sl_round_event *event) {
    const struct sl_progress *progress = event->progress;
    if (progress->epoch != round->options.epoch)
        return;
    struct round_peer *peer = sl_round_get_peer(round, event->peer);
    if (peer == NULL)
        return;
    sl_round_note_entered(round, peer, progress->lineage, progress->round);
    peer->finished = peer->finished || progress->finished;
    peer->pending_told = progress->pending;
}

void sl_round_on_pass(struct sl_round *round, const struct sl_round_event *event) {
    const struct round_peer *peer = sl_round_find_peer(round, event->peer);
    if (peer == NULL || event->pass->epoch != round->options.epoch || event->pass->round != round->current ||
        !sl_round_is_open(round))
        return;
    struct round_edge *edge = sl_round_find_edge(round, peer);
    if (edge != NULL && edge->state == SL_EDGE_STATE_OPEN)
        edge->passed = true;
}
