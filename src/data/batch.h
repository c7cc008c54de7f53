/* Batches of examples: the order of a pass, and bytes made into numbers. */
#ifndef SL_DATA_BATCH_H
#define SL_DATA_BATCH_H

#include "data/dataset.h"

/* Writes the `count` indices of `selection` in the order of one pass: a permutation that seed, round and pass decide.
 */
void sl_batch_shuffle(uint32_t *out, const uint32_t *selection, size_t count, uint64_t seed, uint64_t round,
                      uint64_t pass);

/* pixels: [count][channels · height · width], (pixel / 255 − mean) / deviation. labels: [count]. `indices` NULL stands
 * for first, first + 1, …; otherwise `first` is where in `indices` the batch begins. */
void sl_batch_fill(float *pixels, uint8_t *labels, const struct sl_dataset *dataset, const uint32_t *indices,
                   size_t first, size_t count);

#endif
