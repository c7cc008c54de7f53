/* A counter-based random generator: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as
 * 1, 2, 3", SC 2011). The same seed and stream give the same numbers on every machine. Not for keys: see
 * crypto/random.h. */
#ifndef SL_BASE_RANDOM_H
#define SL_BASE_RANDOM_H

#include <stdint.h>

/* The constants of the paper's table 2 and section 4.3: multipliers of the counter, Weyl increments of the key. */
#define SL_PHILOX_M0 UINT32_C(0xD2511F53)
#define SL_PHILOX_M1 UINT32_C(0xCD9E8D57)
#define SL_PHILOX_W0 UINT32_C(0x9E3779B9)
#define SL_PHILOX_W1 UINT32_C(0xBB67AE85)
enum { SL_PHILOX_ROUNDS = 10 };

/* One of the rounds of sl_philox, for those who make many blocks beside each other. */
static inline void sl_philox_round(uint32_t c[4], uint32_t k[2]) {
    uint64_t product0 = (uint64_t)SL_PHILOX_M0 * c[0];
    uint64_t product1 = (uint64_t)SL_PHILOX_M1 * c[2];
    c[0] = (uint32_t)(product1 >> 32) ^ c[1] ^ k[0];
    c[1] = (uint32_t)product1;
    c[2] = (uint32_t)(product0 >> 32) ^ c[3] ^ k[1];
    c[3] = (uint32_t)product0;
    k[0] += SL_PHILOX_W0;
    k[1] += SL_PHILOX_W1;
}

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
