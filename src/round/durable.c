/* The messages of the design's table "before sending, flushed": MANIFEST, READY, COUNT and VOID; GONE, too, since a
 * lineage may have ended within this process. (So is a PROGRESS that says that this node has finished: actions.c.)
 *
 * Here, and nowhere else, they become actions; each caller has changed the state first. So the record of the step has
 * what is promised, and the action waits for that record's flush. A caller without a journal carries them out at once,
 * and a restarted node is a new lineage then, which the protocol allows (`journal: none`). */
#include "round/state.h"

#include <string.h>

static struct sl_round_action *promise(struct sl_round *round, enum sl_round_action_type type,
                                       const struct round_peer *peer, uint64_t number) {
    struct sl_round_action *action = sl_round_emit_to(round, type, peer, number);
    action->durable = !round->options.stream;
    round->actions->save |= action->durable;
    return action;
}

void sl_round_offer(struct sl_round *round, const struct round_edge *edge) {
    promise(round, SL_ROUND_OFFER, edge->peer, edge->round)->held = !sl_round_has_turn(round, edge);
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
