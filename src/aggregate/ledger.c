#include "aggregate/ledger.h"

#include <string.h>

#include "aggregate/variants.h"
#include "base/random.h"

/* A tile's signs, 2 × 8 KiB of double, stay in the first-level cache while the vectors pass by; eight lanes are one
 * register of the widest variant, and enough sums beside each other to hide what an addition takes. */
enum { TILE = SL_LEDGER_TILE, BLOCK = 64, LANES = 8 };

typedef double doubles __attribute__((vector_size(LANES * sizeof(double))));
typedef uint64_t words __attribute__((vector_size(LANES * sizeof(uint64_t))));
typedef float floats __attribute__((vector_size(LANES * sizeof(float))));

/* Of each element the sign bit of a double, all else zero. */
struct signs {
    _Alignas(words) uint64_t first[TILE + LANES], second[TILE + LANES]; /* the last lanes may stand for no element */
};

struct lanes {
    doubles total, first, second, square;
};

SL_VARIANTS static void spread(uint64_t *out, uint64_t bits) {
    for (uint64_t i = 0; i < BLOCK; i++)
        out[i] = bits >> i << 63;
}

static void make_signs(struct signs *signs, uint64_t seed, uint64_t tile) {
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    for (uint64_t i = 0; i < TILE / BLOCK; i++) {
        const uint64_t block = tile * (TILE / BLOCK) + i;
        const uint32_t counter[4] = {(uint32_t)block, (uint32_t)(block >> 32), 0, 0};
        uint32_t random[4];
        sl_philox(random, counter, key);
        spread(signs->first + i * BLOCK, (uint64_t)random[1] << 32 | random[0]);
        spread(signs->second + i * BLOCK, (uint64_t)random[3] << 32 | random[2]);
    }
}

static const uint8_t zeros[TILE * sizeof(float)];

/* Eight sums of each kind in turn, so that every variant adds the same numbers in the same order; n is a multiple of
 * eight. */
SL_VARIANTS static void measure_lanes(struct lanes *lanes, const void *values, const void *minus, const uint64_t *first,
                                      const uint64_t *second, size_t n) {
    doubles total = lanes->total, one = lanes->first, two = lanes->second, square = lanes->square;
    for (size_t i = 0; i < n; i += LANES) {
        floats value, less;
        words s1, s2;
        memcpy(&value, (const uint8_t *)values + i * sizeof(float), sizeof value);
        memcpy(&less, (const uint8_t *)minus + i * sizeof(float), sizeof less);
        memcpy(&s1, first + i, sizeof s1);
        memcpy(&s2, second + i, sizeof s2);
        const doubles d = __builtin_convertvector(value, doubles) - __builtin_convertvector(less, doubles);
        total += d;
        one += (doubles)((words)d ^ s1);
        two += (doubles)((words)d ^ s2);
        square += d * d;
    }
    *lanes = (struct lanes){.total = total, .first = one, .second = two, .square = square};
}

static double sum_of(const doubles *sums) {
    double lanes[LANES];
    memcpy(lanes, sums, sizeof lanes);
    return ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));
}

static void add_tile(struct sl_ledger_sums *out, const struct sl_ledger_vector *vector, const struct signs *signs,
                     size_t skip, size_t at, size_t n) {
    struct lanes lanes = {.total = {0}};
    float value[LANES] = {0}, less[LANES] = {0}; /* what is left in the end, and zeros */
    const uint8_t *values = (const uint8_t *)vector->values + at * sizeof(float);
    const uint8_t *minus = vector->minus != NULL ? (const uint8_t *)vector->minus + at * sizeof(float) : zeros;
    const uint64_t *first = signs->first + skip, *second = signs->second + skip;
    const size_t whole = n - n % LANES, left = (n - whole) * sizeof(float);
    memcpy(value, values + whole * sizeof(float), left);
    memcpy(less, minus + whole * sizeof(float), left);
    measure_lanes(&lanes, values, minus, first, second, whole);
    measure_lanes(&lanes, value, less, first + whole, second + whole, left > 0 ? LANES : 0);
    sl_ledger_add(out, &(struct sl_ledger_sums){.total = sum_of(&lanes.total),
                                                .first = sum_of(&lanes.first),
                                                .second = sum_of(&lanes.second),
                                                .square = sum_of(&lanes.square),
                                                .elements = n});
}

void sl_ledger_measure(struct sl_ledger_sums *out, const struct sl_ledger_vector *vectors, size_t count, uint64_t seed,
                       uint64_t first, size_t elements) {
    struct signs signs = {.first = {0}};
    for (size_t at = 0; at < elements;) {
        const size_t skip = (size_t)((first + at) % TILE);
        const size_t n = elements - at < TILE - skip ? elements - at : TILE - skip;
        make_signs(&signs, seed, (first + at) / TILE);
        for (size_t k = 0; k < count; k++)
            add_tile(&out[k], &vectors[k], &signs, skip, at, n);
        at += n;
    }
}

void sl_ledger_add(struct sl_ledger_sums *out, const struct sl_ledger_sums *of) {
    out->total += of->total;
    out->first += of->first;
    out->second += of->second;
    out->square += of->square;
    out->elements += of->elements;
}
