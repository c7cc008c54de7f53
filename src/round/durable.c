/* The messages of the design's table "before sending, flushed": MANIFEST, READY, COUNT and VOID. (GONE tells of a
 * lineage that ended before this process began: nothing to flush.)
 *
 * Here, and nowhere else, they become actions; each caller has changed the state first. So a journal needs exactly one
 * thing more: promise() appends the record of that change and the action that follows waits for its flush. Until
 * then a restarted node is a new lineage, which the protocol allows (`journal: none`). */
#include "round/state.h"

#include <string.h>

static struct sl_round_action *promise(struct sl_round *round, enum sl_round_action_type type,
                                       const struct round_peer *peer, uint64_t number) {
    return sl_round_emit_to(round, type, peer, number);
}

void sl_round_offer(struct sl_round *round, const struct round_edge *edge) {
    (void)promise(round, SL_ROUND_OFFER, edge->peer, edge->round);
}

void sl_round_send_ready(struct sl_round *round, const struct round_edge *edge) {
    struct sl_ready *ready = &promise(round, SL_ROUND_SEND_READY, edge->peer, edge->round)->message.ready;
    *ready = (struct sl_ready){.epoch = round->options.epoch,
                               .round = edge->round,
                               .lineage_sender = round->options.lineage,
                               .lineage_receiver = edge->manifest.lineage};
    memcpy(ready->manifest_sender, edge->own_digest, SL_WIRE_DIGEST_SIZE);
    memcpy(ready->manifest_receiver, edge->manifest.digest, SL_WIRE_DIGEST_SIZE);
}

/* A verdict names the edge by the two lineages of the READY that it answers: also GONE, whose sender is another by now.
 */
void sl_round_send_verdict(struct sl_round *round, const struct round_peer *peer, const struct sl_ready *asked,
                           enum sl_verdict_value value) {
    promise(round, SL_ROUND_SEND_VERDICT, peer, asked->round)->message.verdict =
        (struct sl_verdict){.epoch = round->options.epoch,
                            .round = asked->round,
                            .lineage_sender = asked->lineage_receiver,
                            .lineage_receiver = asked->lineage_sender,
                            .verdict = value};
}
