#include "round/state.h"

static bool is_waiting(const struct sl_round *round) {
    switch (round->phase) {
    case SL_PHASE_GATHER:
    case SL_PHASE_JOIN:
    case SL_PHASE_LINGER:
        return true;
    case SL_PHASE_TRAIN:
    case SL_PHASE_EXCHANGE:
    case SL_PHASE_MIX:
    case SL_PHASE_LEFT:
        break;
    }
    return false;
}

/* Deadlines themselves are looked at after every event; here is what a wait repeats, since messages get lost. */
void sl_round_on_timer(struct sl_round *round, const struct sl_round_event *event) {
    (void)event;
    if (!is_waiting(round) || round->now < round->repeat_at)
        return;
    round->repeat_at = round->now + round->options.deadline_min;
    sl_round_send_progress(round, NULL);
    sl_round_repeat_pending(round);
}
