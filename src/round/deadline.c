/* How long a round may wait for others: W = clamp(median + 4 · MAD of arrivals), each counted from the end of this
 * node's own training to the moment its edge was decided. Late ones enter with their real lateness, so that a deadline
 * that cuts everybody off grows until it does not. Without arrivals, as after a restart, W is its maximum. */
#include "round/state.h"

#include <stdlib.h>

static int compare_times(const void *a, const void *b) {
    sl_time x = *(const sl_time *)a, y = *(const sl_time *)b;
    return (x > y) - (x < y);
}

/* Sorts `values`; the lower of the two in the middle, so that it is one that was seen. */
static sl_time median(sl_time *values, size_t count) {
    qsort(values, count, sizeof *values, compare_times);
    return values[(count - 1) / 2];
}

sl_time sl_round_deadline(const struct sl_round *round) {
    sl_time values[ROUND_ARRIVALS];
    size_t count = round->arrival_count;
    sl_time low = round->options.deadline_min, high = round->options.deadline_max;
    if (count == 0)
        return high;
    for (size_t i = 0; i < count; i++)
        values[i] = round->arrivals[i];
    sl_time middle = median(values, count);
    for (size_t i = 0; i < count; i++)
        values[i] = values[i] > middle ? values[i] - middle : middle - values[i];
    sl_time deviation = median(values, count);
    if (middle >= high || deviation >= (high - middle) / 4)
        return high;
    sl_time wait = middle + 4 * deviation;
    return wait < low ? low : wait;
}

void sl_round_note_arrival(struct sl_round *round, sl_time after) {
    round->arrivals[round->arrival_next] = after > 0 ? after : 0;
    round->arrival_next = (round->arrival_next + 1) % ROUND_ARRIVALS;
    if (round->arrival_count < ROUND_ARRIVALS)
        round->arrival_count++;
}

void sl_round_remember_training(struct sl_round *round) {
    size_t slot = round->current % ROUND_HISTORY;
    round->history[slot].round = round->current;
    round->history[slot].trained_at = round->trained_at;
}

void sl_round_note_late(struct sl_round *round, uint64_t number) {
    size_t slot = number % ROUND_HISTORY;
    if (number > 0 && round->history[slot].round == number)
        sl_round_note_arrival(round, round->now - round->history[slot].trained_at);
}
