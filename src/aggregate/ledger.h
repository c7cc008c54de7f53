/* What a ledger of models keeps of a vector, or of the difference of two: its sum, its sums with two fixed patterns of
 * signs, and its norm. All but the norm are linear, so what the nodes of a flock have together can be checked by a few
 * numbers a line: a difference that one end adds and the other does not take away shows, wherever in the model it is.
 *
 *     d[e] = values[e] − minus[e]
 *     total = Σ d[e]      first = Σ s1[e] d[e]      second = Σ s2[e] d[e]      square = Σ d[e]²
 *
 * in double. s1, s2 ∈ {−1, +1} are the bits of Philox blocks (base/random.h): of the block with counter (e div 64, 0)
 * and the key `seed`, words 0 and 1 are the signs s1 of 64 elements, words 2 and 3 the signs s2, low bit first, 1 for
 * −1. Every machine gets the same bits, and with both vectors exchanged exactly the negative numbers. */
#ifndef SL_AGGREGATE_LEDGER_H
#define SL_AGGREGATE_LEDGER_H

#include <stddef.h>
#include <stdint.h>

/* A range that is cut at multiples of so many elements gives the same bits as the whole. */
enum { SL_LEDGER_TILE = 1024 };

struct sl_ledger_sums {
    double total, first, second, square;
    uint64_t elements; /* that were measured */
};

struct sl_ledger_vector {
    const float *values; /* any alignment */
    const float *minus;  /* the same; NULL: zeros */
};

/* Measures elements `first` … `first + elements − 1` of each of the `count` models, whose vectors begin there; adds to
 * out[k]. Sums depend in their last bits on how a model was cut into such ranges and on their order. */
void sl_ledger_measure(struct sl_ledger_sums *out, const struct sl_ledger_vector *vectors, size_t count, uint64_t seed,
                       uint64_t first, size_t elements);

/* The sums of two ranges of one vector together. */
void sl_ledger_add(struct sl_ledger_sums *out, const struct sl_ledger_sums *of);

#endif
