#include "round/state.h"

#include <string.h>

/* Row "D, any; READY(r)" of the table: the one number that D remembers answers for every round but the open one. */
void sl_round_on_ready(struct sl_round *round, const struct sl_round_event *event) {
    const struct sl_ready *ready = event->ready;
    if (ready->epoch != round->options.epoch || ready->round == 0)
        return;
    struct round_peer *peer = sl_round_get_peer(round, event->peer);
    if (peer == NULL || strcmp(round->self, peer->member.name) > 0)
        return; /* it decides this edge, not we */
    if (ready->lineage_receiver != round->options.lineage) {
        sl_round_send_verdict(round, peer, ready, SL_VERDICT_GONE);
        return;
    }
    if (ready->round == peer->last_counted && ready->lineage_sender == peer->last_counted_lineage) {
        sl_round_send_verdict(round, peer, ready, SL_VERDICT_COUNT);
        return;
    }
    if (ready->round > round->current)
        return;
    struct round_edge *edge = NULL;
    if (ready->round == round->current && sl_round_is_open(round))
        edge = sl_round_find_edge(round, peer);
    if (edge == NULL || edge->state != SL_EDGE_STATE_OPEN) {
        sl_round_send_verdict(round, peer, ready, SL_VERDICT_VOID);
        return;
    }
    edge->ready = *ready;
    edge->has_ready = true;
    sl_round_edge_evaluate(round, edge);
}
