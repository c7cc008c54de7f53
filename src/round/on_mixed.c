#include "round/state.h"

void sl_round_on_mixed(struct sl_round *round, const struct sl_round_event *event) {
    if (round->phase != SL_PHASE_MIX || event->round != round->current)
        return;
    round->done = round->current;
    sl_round_forget_folded(round);
    round->actions->save |= !round->options.stream;
    for (size_t i = 0; i < round->edge_count; i++)
        if (round->edges[i].counted)
            (void)sl_round_emit_to(round, SL_ROUND_RELEASE, round->edges[i].peer, round->current);
    if (round->averaging)
        round->averaging_counted += round->counted;
    if (round->counted < round->options.min_peers_per_round && round->done < round->options.rounds) {
        switch (round->options.below) {
        case SL_ROUND_BELOW_WAIT:
            round->below = true;
            break;
        case SL_ROUND_BELOW_TRAIN:
            break;
        case SL_ROUND_BELOW_STOP:
            round->stopping = round->left_out = true;
            break;
        }
    }
    sl_round_go_on(round);
}
