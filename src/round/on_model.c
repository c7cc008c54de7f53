/* A late joiner: it says from which round on it takes part, and takes a model from somebody when the flock is there. */
#include "round/state.h"

#include <string.h>

void sl_round_join(struct sl_round *round) {
    round->join_from = round->half + 2;
    round->donor = NULL;
    sl_round_emit(round, SL_ROUND_SCHEDULE)->round = round->join_from;
    sl_round_set_phase(round, SL_PHASE_JOIN);
    for (size_t i = 0; i < round->held.count; i++)
        sl_round_send_pass(round, round->held.items[i], round->held.items[i]->held->round, SL_PASS_BEHIND);
}

/* The reachable peer that is furthest, the lowest name of equals; those that failed come again when all have. */
static struct round_peer *choose_donor(struct sl_round *round) {
    struct round_peer *best = NULL;
    for (int attempt = 0; attempt < 2 && best == NULL; attempt++) {
        for (size_t i = 0; i < round->peers.count; i++) {
            struct round_peer *peer = round->peers.items[i];
            if (attempt > 0)
                peer->asked = false;
            if (sl_round_is_reachable(peer) && !peer->asked && peer->entered > 0 &&
                (best == NULL || peer->entered > best->entered))
                best = peer;
        }
    }
    return best;
}

void sl_round_seek_model(struct sl_round *round) {
    uint64_t from = round->join_from < round->options.rounds ? round->join_from : round->options.rounds;
    if (round->donor != NULL) {
        if (round->now < round->donor_until && sl_round_is_reachable(round->donor))
            return;
        round->donor->asked = true;
        round->donor = NULL;
    }
    if (round->half < from)
        return;
    round->donor = choose_donor(round);
    if (round->donor == NULL)
        return;
    round->donor_until = round->now + round->options.deadline_max;
    (void)sl_round_emit_to(round, SL_ROUND_REQUEST_MODEL, round->donor, round->donor->entered);
}

void sl_round_on_model_failed(struct sl_round *round, const struct sl_round_event *event) {
    if (round->phase != SL_PHASE_JOIN || round->donor == NULL || strcmp(round->donor->member.name, event->peer) != 0)
        return;
    round->donor->asked = true;
    round->donor = NULL;
}

void sl_round_on_model_loaded(struct sl_round *round, const struct sl_round_event *event) {
    if (round->phase != SL_PHASE_JOIN)
        return;
    round->donor = NULL;
    round->done = event->round < round->options.rounds ? event->round : round->options.rounds;
    round->started = true;
    sl_round_go_on(round);
}
