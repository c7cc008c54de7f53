#include "round/state.h"

/* A straggler's update goes where the flock is (docs/protocol.md, "Rounds"): when R½ ≥ t + 2 closed this round
 * meanwhile, or when nobody is left in it who could count an edge. */
static bool is_behind(const struct sl_round *round) {
    if (round->half <= round->current || !sl_round_knows_roster(round))
        return false;
    if (round->half >= round->current + 2)
        return true;
    for (size_t i = 0; i < round->edge_count; i++) {
        const struct round_peer *peer = round->edges[i].peer;
        if (sl_round_is_reachable(peer) && peer->entered <= round->current)
            return false;
    }
    return true;
}

void sl_round_on_trained(struct sl_round *round, const struct sl_round_event *event) {
    if (round->phase != SL_PHASE_TRAIN || event->round != round->current || round->stopping)
        return;
    if (!round->forgot && !is_behind(round)) {
        sl_round_publish(round);
        return;
    }
    round->trained_at = round->now;
    sl_round_abandon(round);
    if (sl_round_is_stale(round, round->half))
        return;
    sl_round_enter(round, round->half, true);
    round->carried = false; /* a restart trains again: this update is not the model that a round left */
    round->fresh = true;    /* it was never offered to anybody: if nobody counts it now it may be carried once more */
}
