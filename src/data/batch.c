#include "data/batch.h"

#include "base/random.h"

void sl_batch_shuffle(uint32_t *out, const uint32_t *selection, size_t count, uint64_t seed, uint64_t round,
                      uint64_t pass) {
    struct sl_random random;
    sl_random_init(&random, sl_philox_u64(seed, round, pass), 0);
    sl_random_permutation(&random, out, (uint32_t)count);
    for (size_t i = 0; i < count; i++)
        out[i] = selection[out[i]];
}

void sl_batch_fill(float *pixels, uint8_t *labels, const struct sl_dataset *dataset, const uint32_t *indices,
                   size_t first, size_t count) {
    const size_t image = (size_t)dataset->channels * dataset->height * dataset->width;
    const float scale = 1.0F / (255.0F * dataset->deviation), shift = -dataset->mean / dataset->deviation;
    for (size_t i = 0; i < count; i++) {
        const size_t index = indices != NULL ? indices[first + i] : first + i;
        const uint8_t *restrict from = dataset->pixels + index * image;
        float *restrict to = pixels + i * image;
        for (size_t p = 0; p < image; p++)
            to[p] = (float)from[p] * scale + shift;
        labels[i] = dataset->labels[index];
    }
}
