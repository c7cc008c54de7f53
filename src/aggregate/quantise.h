/* Vectors of f32 in 8 bits an element: the payloads of mix.codec "int8". A payload of n values is
 *
 *     ⌈n / 1024⌉ scales, f32 little-endian | n codes, two's complement, −127 … 127
 *
 * and means q[e] = scale[⌊e / 1024⌋] · code[e], rounded to f32. Of a block of 1024 values x (the last one may be
 * shorter)
 *
 *     scale = max |x| / 127,     code[e] = ⌊x[e] / scale + u⌋,     u = k / 2¹⁶, k uniform in 0 … 2¹⁶ − 1
 *
 * so that q is x on average (stochastic rounding: Alistarh et al., "QSGD", NeurIPS 2017, section 3, with the maximum
 * for the norm). k is 16 bits of philox (base/random.h) with the element's number as counter, so the same seed and
 * values give the same bytes wherever and in whatever order the blocks are made. A block whose scale would be below the
 * least normal f32 is all zero. What is no number, or has a scale above 2¹²⁰, has no code. */
#ifndef SL_AGGREGATE_QUANTISE_H
#define SL_AGGREGATE_QUANTISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SL_QUANTISE_BLOCK = 1024 };

static inline uint64_t sl_quantise_blocks(uint64_t elements) {
    return elements / SL_QUANTISE_BLOCK + (elements % SL_QUANTISE_BLOCK != 0);
}

/* Of a payload of that many values, at most 2⁶². */
static inline uint64_t sl_quantise_bytes(uint64_t elements) {
    return elements + sizeof(float) * sl_quantise_blocks(elements);
}

/* Writes the blocks first … last − 1 of the payload of all `elements` values. Any thread, others at once. False: a
 * value there has no code; those blocks are undefined then. Any alignment. */
bool sl_quantise_encode(uint8_t *payload, const float *values, size_t elements, size_t first, size_t last,
                        uint64_t seed);

/* Values first … first + count − 1 of a payload of `elements`, finite if it is sound. Any alignment. */
void sl_quantise_decode(float *out, const uint8_t *payload, size_t elements, size_t first, size_t count);

/* Whether `length` bytes at `offset`, a multiple of 4, can be part of a payload of `elements` values: scales are 0 or
 * normal, positive and at most 2¹²⁰; no code is −128. */
bool sl_quantise_is_sound(const uint8_t *bytes, uint64_t offset, size_t length, size_t elements);

#endif
