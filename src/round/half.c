/* R½, the highest round that half of the live members entered: what the flock's pace is measured by.
 *
 * Kept up to date by counting who is beyond it; it is only computed anew when that many are, or when the members
 * changed, so that a PROGRESS costs nothing in a flock of thousands. */
#include "round/state.h"

#include <stdlib.h>

#include "base/array.h"

uint64_t sl_round_from(const struct round_peer *peer) {
    return peer->member.from_round != 0 ? peer->member.from_round : peer->starter_round;
}

/* Whether the peer's place in the run says anything about where the flock is: it is there, it tells, it takes part. */
static bool is_measured(const struct sl_round *round, const struct round_peer *peer) {
    if (!sl_round_is_reachable(peer) || peer->member.quiet)
        return false;
    uint64_t from = sl_round_from(peer);
    return peer->entered > 0 || (from != 0 && from <= round->current);
}

static int compare_descending(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x < y) - (x > y);
}

void sl_round_half_recount(struct sl_round *round) {
    size_t count = 0;
    if (sl_array_reserve(&round->half_scratch, &round->half_capacity, round->tellers.count + 1, sizeof(uint64_t)) !=
        SL_OK) {
        round->status = SL_NO_MEMORY;
        return;
    }
    uint64_t *entered = round->half_scratch;
    if (round->current > 0)
        entered[count++] = round->current;
    for (size_t i = 0; i < round->tellers.count; i++)
        if (is_measured(round, round->tellers.items[i]))
            entered[count++] = round->tellers.items[i]->entered;
    qsort(entered, count, sizeof *entered, compare_descending);
    round->half_total = count;
    uint64_t half = count > 0 ? entered[(count + 1) / 2 - 1] : 0;
    if (half != round->half)
        round->half_since = round->now;
    round->half = half;
    round->half_above = 0;
    while (round->half_above < count && entered[round->half_above] > round->half)
        round->half_above++;
}

void sl_round_note_entered(struct sl_round *round, struct round_peer *peer, uint64_t lineage, uint64_t number) {
    uint64_t before = peer->entered;
    peer->told = true;
    bool measured = is_measured(round, peer);
    if (number > round->options.rounds)
        number = round->options.rounds;
    bool reborn = peer->lineage != lineage;
    if (reborn) {
        peer->lineage = lineage;
        peer->finished = false;
        peer->asked = false;
        peer->pending_told = 0;
        peer->missed = 0;
    } else if (number <= before) {
        return;
    }
    peer->entered = number;
    if (reborn || measured != is_measured(round, peer)) {
        sl_round_half_recount(round);
        return;
    }
    if (measured && before <= round->half && number > round->half)
        round->half_above++;
    if (2 * round->half_above >= round->half_total)
        sl_round_half_recount(round);
}
