/* PROGRESS and PASS: hints about where a peer is and what not to wait for. Neither binds anybody. */
#include "round/state.h"

/* A peer in an earlier epoch is told so. One in a later epoch is told of once; where most of those that are reachable
 * are, it is this node that stayed behind. One peer's word alone stops nobody. */
static void meet_other_epoch(struct sl_round *round, struct round_peer *peer, uint64_t epoch) {
    if (epoch < round->options.epoch) {
        sl_round_send_progress(round, peer);
        return;
    }
    if (peer->outdates)
        return;
    peer->outdates = true;
    sl_round_emit_to(round, SL_ROUND_OUTDATED, peer, 0)->epoch = epoch;
}

static bool is_outdated(const struct sl_round *round) {
    size_t reachable = 0, later = 0;
    for (size_t i = 0; i < round->peers.count; i++) {
        const struct round_peer *peer = round->peers.items[i];
        reachable += sl_round_is_reachable(peer);
        later += sl_round_is_reachable(peer) && peer->outdates;
    }
    return 2 * later > reachable + 1;
}

void sl_round_on_progress(struct sl_round *round, const struct sl_round_event *event) {
    const struct sl_progress *progress = event->progress;
    struct round_peer *peer = sl_round_get_peer(round, event->peer);
    if (peer == NULL)
        return;
    if (progress->epoch != round->options.epoch) {
        meet_other_epoch(round, peer, progress->epoch);
        if (round->options.stop_outdated && !round->stopping && is_outdated(round)) {
            round->left_out = true;
            sl_round_on_stop(round, event);
        }
        return;
    }
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
