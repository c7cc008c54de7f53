/* Too far behind. A node that was away for more than `stale_rounds` rounds has a model of long ago and promises that
 * nobody keeps places for: it ends its lineage, writes off what it does not know, and joins like a stranger, with the
 * flock's model. */
#include "round/state.h"

#include <string.h>

#include "base/random.h"

static uint64_t next_lineage(const struct sl_round *round) {
    uint64_t next = sl_philox_u64(round->options.lineage_seed, round->options.lineage, round->current);
    return next != 0 && next != round->options.lineage ? next : round->options.lineage + 1 + (next == 0);
}

/* What this lineage promised is answered by GONE from now on. */
static void forget_promises(struct sl_round *round) {
    while (round->pending.count > 0)
        sl_round_write_off(round, round->pending.items[0]);
    for (size_t i = 0; i < round->peers.count; i++)
        round->peers.items[i]->last_counted = round->peers.items[i]->last_counted_lineage = 0;
    round->late_count = round->folding = 0; /* they went to a model that is given up */
}

void sl_round_begin_lineage(struct sl_round *round) {
    forget_promises(round);
    round->forgot = false;
    round->options.lineage = next_lineage(round);
    round->options.done_rounds = 0;
    round->started = round->carry = round->below = round->returning = false;
    round->listed_until = 0;
    round->edge_count = 0;
    round->arrival_count = round->arrival_next = 0;
    round->barren = 0;
    round->done = round->current = 0;
    struct sl_round_action *action = sl_round_emit(round, SL_ROUND_LINEAGE);
    action->lineage = round->options.lineage;
    action->durable = !round->options.stream;
    round->actions->save |= action->durable;
    sl_round_half_recount(round);
    sl_round_join(round);
    sl_round_send_progress(round, NULL);
}

bool sl_round_is_stale(struct sl_round *round, uint64_t next) {
    uint64_t stale = round->options.stale_rounds;
    if (!round->forgot && (stale == 0 || next <= round->done + stale))
        return false;
    sl_round_begin_lineage(round);
    return true;
}
