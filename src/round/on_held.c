#include "round/state.h"

static struct round_edge *open_edge(struct sl_round *round, const struct sl_round_event *event) {
    const struct round_peer *peer = sl_round_find_peer(round, event->peer);
    if (peer == NULL || event->round != round->current || !sl_round_is_open(round))
        return NULL;
    struct round_edge *edge = sl_round_find_edge(round, peer);
    return edge != NULL && edge->has_manifest && edge->state == SL_EDGE_STATE_OPEN ? edge : NULL;
}

void sl_round_on_held(struct sl_round *round, const struct sl_round_event *event) {
    struct round_edge *edge = open_edge(round, event);
    if (edge == NULL)
        return;
    edge->whole = true;
    sl_round_edge_evaluate(round, edge);
}

/* While the peer is connected this means that it will not send it: nobody waits. When its connection is gone it may
 * come back and offer it again before the deadline. */
void sl_round_on_lost(struct sl_round *round, const struct sl_round_event *event) {
    struct round_edge *edge = open_edge(round, event);
    if (edge == NULL || edge->whole)
        return;
    if (round->options.stream)
        sl_round_edge_refuse(round, edge); /* part of it is folded: it cannot come again */
    else
        edge->passed = edge->peer->member.connected;
}
