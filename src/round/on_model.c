/* A late joiner: it says from which round on it takes part, and takes a model from somebody when the flock is there. */
#include "round/state.h"

#include <string.h>

void sl_round_join(struct sl_round *round) {
    round->join_from = round->half + 2;
    round->donor_count = 0;
    sl_round_schedule(round, round->join_from);
    sl_round_set_phase(round, SL_PHASE_JOIN);
    for (size_t i = 0; i < round->held.count; i++)
        sl_round_send_pass(round, round->held.items[i], round->held.items[i]->held->round, SL_PASS_BEHIND);
}

/* Of those that were not asked and can be reached: who is in round R½, the lowest name of them, since its model comes
 * when most have theirs; else the furthest. */
static struct round_peer *choose_donor(const struct sl_round *round) {
    struct round_peer *best = NULL;
    for (size_t i = 0; i < round->peers.count; i++) {
        struct round_peer *peer = round->peers.items[i];
        if (!sl_round_is_reachable(peer) || peer->asked || peer->entered == 0)
            continue;
        if (peer->entered == round->half)
            return peer;
        if (best == NULL || peer->entered > best->entered)
            best = peer;
    }
    return best;
}

/* Those who were asked in vain may be asked again. */
static void forgive_donors(struct sl_round *round) {
    for (size_t i = 0; i < round->peers.count; i++)
        round->peers.items[i]->asked = false;
}

/* In a full mesh the models after one round are the same or differ by little, so that several may be compared: those
 * asked together are in one round. */
static size_t donors_wanted(const struct sl_round *round) {
    uint32_t wanted = round->options.donors > 0 ? round->options.donors : 1;
    if (!sl_overlay_is_full(round->options.topology, sl_round_count_reachable(round) + 1))
        return 1;
    return wanted < ROUND_DONORS ? wanted : ROUND_DONORS;
}

static void ask_donors(struct sl_round *round) {
    size_t wanted = donors_wanted(round);
    for (struct round_peer *next = choose_donor(round); next != NULL && round->donor_count < wanted;
         next = choose_donor(round)) {
        if (round->donor_count > 0 && next->entered != round->donors[0]->entered)
            return;
        next->asked = true;
        round->donors[round->donor_count++] = next;
        (void)sl_round_emit_to(round, SL_ROUND_REQUEST_MODEL, next, next->entered);
    }
}

static void drop_donor(struct sl_round *round, size_t at) {
    round->donors[at] = round->donors[--round->donor_count];
}

/* It is asked for in the round before the first one, at whose end the donor gives it: when the others enter that first
 * round, it is here. Where there is no round left to take part in: the last one's. */
void sl_round_seek_model(struct sl_round *round) {
    uint64_t before = round->join_from - 1;
    if (before > round->options.rounds)
        before = round->options.rounds;
    for (size_t i = round->donor_count; i-- > 0;)
        if (round->now >= round->donor_until || !sl_round_is_reachable(round->donors[i]))
            drop_donor(round, i);
    if (round->half < before || round->donor_count > 0)
        return;
    if (choose_donor(round) == NULL)
        forgive_donors(round);
    round->donor_until = round->now + round->options.deadline_max;
    ask_donors(round);
}

void sl_round_on_model_failed(struct sl_round *round, const struct sl_round_event *event) {
    if (round->phase != SL_PHASE_JOIN)
        return;
    for (size_t i = round->donor_count; i-- > 0;)
        if (strcmp(round->donors[i]->member.name, event->peer) == 0)
            drop_donor(round, i);
}

void sl_round_on_model_loaded(struct sl_round *round, const struct sl_round_event *event) {
    if (round->phase != SL_PHASE_JOIN)
        return;
    round->donor_count = 0;
    round->actions->save |= !round->options.stream;
    round->done = event->round < round->options.rounds ? event->round : round->options.rounds;
    round->started = true;
    sl_round_go_on(round);
}
