/* This node has said more, in this lineage, than its journal knows: somebody put an older copy of its state folder
 * back, or goes on with a copy of it elsewhere. What was promised behind that copy nobody here can keep, and another
 * update of a round that was signed then would be a proof against this node. So it offers nothing more and begins a new
 * lineage; a training or a mix that runs comes to its end before. */
#include "round/state.h"

void sl_round_on_forgot(struct sl_round *round, const struct sl_round_event *event) {
    if (event->round < round->current)
        return;
    round->forgot = true;
    switch (round->phase) {
    case SL_PHASE_EXCHANGE:
        if (round->published)
            sl_round_close(round);
        break;
    case SL_PHASE_GATHER:
    case SL_PHASE_JOIN:
        sl_round_begin_lineage(round);
        break;
    case SL_PHASE_TRAIN: /* see sl_round_on_trained, sl_round_on_published, sl_round_is_stale */
    case SL_PHASE_MIX:
    case SL_PHASE_LINGER:
    case SL_PHASE_LEFT:
        break;
    }
}
