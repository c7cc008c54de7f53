#include "round/state.h"

/* What others rely on is kept: an update that is out is mixed with what counted, promises wait for their verdict (at
 * most linger_max). A second STOP waits for nothing. */
void sl_round_on_stop(struct sl_round *round, const struct sl_round_event *event) {
    (void)event;
    bool again = round->stopping;
    round->stopping = true;
    round->actions->save |= !round->options.stream;
    switch (round->phase) {
    case SL_PHASE_TRAIN:
        round->trained_at = round->now;
        sl_round_abandon(round);
        sl_round_linger(round);
        break;
    case SL_PHASE_EXCHANGE:
        if (!round->published) {
            sl_round_abandon(round);
            sl_round_linger(round);
        }
        break;
    case SL_PHASE_GATHER:
    case SL_PHASE_JOIN:
        sl_round_linger(round);
        break;
    case SL_PHASE_LINGER:
        if (again)
            round->linger_until = round->now;
        break;
    case SL_PHASE_MIX:
    case SL_PHASE_LEFT:
        break;
    }
}
