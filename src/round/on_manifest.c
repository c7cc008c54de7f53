#include "round/state.h"

#include <stdlib.h>
#include <string.h>

/* A manifest of a round that this node has not entered: kept, the newest one a peer, and not fetched. */
static void hold(struct sl_round *round, struct round_peer *peer, const struct round_manifest *manifest) {
    if (peer->held == NULL) {
        peer->held = malloc(sizeof *peer->held);
        if (peer->held == NULL) {
            round->status = SL_NO_MEMORY;
            return;
        }
        sl_round_list_add(round, &round->held, peer);
    } else if (peer->held->round > manifest->round) {
        (void)sl_round_emit_to(round, SL_ROUND_RELEASE, peer, manifest->round);
        return;
    } else if (peer->held->round < manifest->round) {
        (void)sl_round_emit_to(round, SL_ROUND_RELEASE, peer, peer->held->round);
    }
    *peer->held = *manifest;
    bool far = round->phase == SL_PHASE_TRAIN && manifest->round >= round->current + 2;
    if (far || round->phase == SL_PHASE_JOIN)
        sl_round_send_pass(round, peer, manifest->round, SL_PASS_BEHIND);
}

/* How late it was is of account once a round: who tells it again and again would make W as long as it can be. */
static void turn_away(struct sl_round *round, struct round_peer *peer, uint64_t number) {
    bool ended = round->phase == SL_PHASE_LINGER || round->phase == SL_PHASE_LEFT;
    if (number > peer->late) {
        peer->late = number;
        sl_round_note_late(round, number);
    }
    sl_round_send_pass(round, peer, number, ended ? SL_PASS_FINISHED : SL_PASS_CLOSED);
    (void)sl_round_emit_to(round, SL_ROUND_RELEASE, peer, number);
}

void sl_round_on_manifest(struct sl_round *round, const struct sl_round_event *event) {
    const struct sl_manifest *from = event->manifest;
    if (from->kind != SL_PAYLOAD_UPDATE || from->epoch != round->options.epoch || from->round == 0 ||
        from->round > round->options.rounds || strcmp(from->origin, event->peer) != 0)
        return;
    struct round_peer *peer = sl_round_get_peer(round, event->peer);
    if (peer == NULL)
        return;
    struct round_manifest manifest = {.round = from->round,
                                      .lineage = from->lineage,
                                      .samples = from->samples,
                                      .total_samples = from->total_samples,
                                      .degree = from->degree};
    memcpy(manifest.digest, event->digest, sizeof manifest.digest);
    memcpy(manifest.view, from->view, sizeof manifest.view);
    sl_round_note_entered(round, peer, manifest.lineage, manifest.round);
    bool ended = round->phase == SL_PHASE_LINGER || round->phase == SL_PHASE_LEFT;
    if (manifest.round > round->current && !ended)
        hold(round, peer, &manifest);
    else if (manifest.round == round->current && sl_round_is_open(round))
        sl_round_edge_take_manifest(round, peer, &manifest);
    else
        turn_away(round, peer, manifest.round);
}
