/* A counter-based random generator: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as
 * 1, 2, 3", SC 2011). The same seed and stream give the same numbers on every machine. Not for keys: see
 * crypto/random.h. */
#ifndef SL_BASE_RANDOM_H
#define SL_BASE_RANDOM_H

#include <stdint.h>

/* One block: out = philox4x32-10(counter, key). A pure function, for choices that every node must make alike. */
void sl_philox(uint32_t out[4], const uint32_t counter[4], const uint32_t key[2]);

/* 64 bits of philox with counter (a, b) and key `seed`, each low word first; of the block, word 0 is the low half and
 * word 1 the high one. The pseudo-random function behind rings and shuffles. */
uint64_t sl_philox_u64(uint64_t seed, uint64_t a, uint64_t b);

/* A stream of numbers: the words of the blocks with counter (position, stream) and key `seed`, in order. All but normal
 * and gamma are integer arithmetic and the same everywhere; these two go through libm, whose last bit may differ
 * between machines, so that nothing on which nodes must agree may hang on them. */
struct sl_random {
    uint64_t seed;
    uint64_t stream;
    uint64_t position; /* blocks used */
    uint32_t block[4];
    unsigned used; /* words of `block` already given out */
};

void sl_random_init(struct sl_random *random, uint64_t seed, uint64_t stream);
uint32_t sl_random_u32(struct sl_random *random);
uint64_t sl_random_u64(struct sl_random *random);                   /* low word first */
uint64_t sl_random_below(struct sl_random *random, uint64_t bound); /* uniform in [0, bound), no bias; bound ≥ 1 */
double sl_random_unit(struct sl_random *random);                    /* uniform in [0, 1), 53 bits */
double sl_random_normal(struct sl_random *random);                  /* mean 0, variance 1 (Box-Muller) */
double sl_random_gamma(struct sl_random *random, double shape); /* scale 1 (Marsaglia and Tsang, 2000); shape > 0; may
                                                                   underflow to 0 for shapes below 0.1 */
/* Fisher-Yates from the last place down, over 0 … count−1, written to `out`. */
void sl_random_permutation(struct sl_random *random, uint32_t *out, uint32_t count);

#endif
