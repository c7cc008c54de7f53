#include "round/state.h"

#include <string.h>

/* Views are compared only now, when the own one is known: manifests may have come before. */
static void compare_views(struct sl_round *round, const uint8_t *view) {
    round->has_view = view != NULL;
    if (view == NULL)
        return;
    memcpy(round->own_view, view, sizeof round->own_view);
    for (size_t i = 0; i < round->edge_count; i++) {
        struct round_edge *edge = &round->edges[i];
        if (edge->state == SL_EDGE_STATE_OPEN && edge->has_manifest && !sl_round_manifest_agrees(round, edge))
            sl_round_edge_refuse(round, edge);
    }
}

/* True where another update of this round was signed before a crash. Peers may hold that one, and two of a round are a
 * proof against this node: it sits the round out. */
static bool differs(const struct sl_round *round, const struct sl_round_event *event) {
    return round->is_signed && memcmp(round->own_digest, event->digest, sizeof round->own_digest) != 0;
}

void sl_round_on_published(struct sl_round *round, const struct sl_round_event *event) {
    if (round->phase != SL_PHASE_EXCHANGE || round->published || event->round != round->current)
        return;
    round->actions->save |= !round->options.stream;
    if (round->forgot || differs(round, event)) {
        sl_round_close(round);
        return;
    }
    sl_round_forget_folded(round);
    memcpy(round->own_digest, event->digest, sizeof round->own_digest);
    round->published = true;
    round->is_signed = false;
    /* Forming an update is this node's own work: others get deadline_min after it at the least. */
    if (round->close_at < round->now + round->options.deadline_min)
        round->close_at = round->now + round->options.deadline_min;
    compare_views(round, event->view);
    for (size_t i = 0; i < round->edge_count; i++) {
        struct round_edge *edge = &round->edges[i];
        if (edge->state == SL_EDGE_STATE_OPEN && edge->peer->member.connected)
            sl_round_offer(round, edge);
    }
    for (size_t i = 0; i < round->edge_count; i++)
        sl_round_edge_evaluate(round, &round->edges[i]);
}
