#include "base/random.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>

enum { WORDS = 4 };

void sl_philox(uint32_t out[4], const uint32_t counter[4], const uint32_t key[2]) {
    uint32_t c[4] = {counter[0], counter[1], counter[2], counter[3]};
    uint32_t k[2] = {key[0], key[1]};
    for (int round = 0; round < SL_PHILOX_ROUNDS; round++)
        sl_philox_round(c, k);
    for (int i = 0; i < WORDS; i++)
        out[i] = c[i];
}

static void philox_of_words(uint32_t out[4], uint64_t seed, uint64_t a, uint64_t b) {
    const uint32_t counter[4] = {(uint32_t)a, (uint32_t)(a >> 32), (uint32_t)b, (uint32_t)(b >> 32)};
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    sl_philox(out, counter, key);
}

uint64_t sl_philox_u64(uint64_t seed, uint64_t a, uint64_t b) {
    uint32_t out[4];
    philox_of_words(out, seed, a, b);
    return (uint64_t)out[1] << 32 | out[0];
}

void sl_random_init(struct sl_random *random, uint64_t seed, uint64_t stream) {
    *random = (struct sl_random){.seed = seed, .stream = stream, .used = WORDS};
}

uint32_t sl_random_u32(struct sl_random *random) {
    if (random->used == WORDS) {
        philox_of_words(random->block, random->seed, random->position, random->stream);
        random->position++;
        random->used = 0;
    }
    return random->block[random->used++];
}

uint64_t sl_random_u64(struct sl_random *random) {
    uint64_t low = sl_random_u32(random);
    return (uint64_t)sl_random_u32(random) << 32 | low;
}

uint64_t sl_random_below(struct sl_random *random, uint64_t bound) {
    assert(bound >= 1);
    /* 2^64 mod bound of the values are too many: the lowest ones are drawn again. */
    uint64_t surplus = (UINT64_MAX - bound + 1) % bound;
    uint64_t value;
    do {
        value = sl_random_u64(random);
    } while (value < surplus);
    return value % bound;
}

double sl_random_unit(struct sl_random *random) {
    return (double)(sl_random_u64(random) >> 11) * 0x1p-53;
}

/* Uniform in (0, 1], for logarithms. */
static double unit_above_zero(struct sl_random *random) {
    return 1.0 - sl_random_unit(random);
}

double sl_random_normal(struct sl_random *random) {
    double radius = sqrt(-2.0 * log(unit_above_zero(random)));
    return radius * cos(2.0 * M_PI * sl_random_unit(random));
}

double sl_random_gamma(struct sl_random *random, double shape) {
    assert(shape > 0);
    if (shape < 1) {
        /* Section 6 of the paper: gamma(a) = gamma(a + 1) U^(1/a). */
        double scale = pow(unit_above_zero(random), 1.0 / shape);
        return sl_random_gamma(random, shape + 1) * scale;
    }
    double d = shape - 1.0 / 3.0;
    double c = 1.0 / sqrt(9.0 * d);
    for (;;) {
        double x = sl_random_normal(random);
        double v = 1.0 + c * x;
        if (v <= 0)
            continue;
        v = v * v * v;
        if (log(unit_above_zero(random)) < 0.5 * x * x + d - d * v + d * log(v))
            return d * v;
    }
}

void sl_random_permutation(struct sl_random *random, uint32_t *out, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        out[i] = i;
    for (uint32_t left = count; left > 1; left--) {
        uint32_t chosen = (uint32_t)sl_random_below(random, left);
        uint32_t last = out[left - 1];
        out[left - 1] = out[chosen];
        out[chosen] = last;
    }
}
