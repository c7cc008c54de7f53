#include "aggregate/quantise.h"

#include <string.h>

#include "aggregate/variants.h"
#include "base/random.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "payloads are little-endian, as memory is");

/* What philox gives for one counter: 128 bits, 16 an element. */
enum { DRAWS = 8, COUNTERS = SL_QUANTISE_BLOCK / DRAWS };
enum { LARGEST = 127 };

/* As bits, which compare like the numbers that they are where those are positive. */
#define INFINITE UINT32_C(0x7f800000)
#define LEAST_NORMAL UINT32_C(0x00800000)
#define LARGEST_SCALE UINT32_C(0x7b800000) /* 2¹²⁰ */

typedef float any_float __attribute__((aligned(1)));

static uint32_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static size_t length_of(size_t elements, size_t block) {
    size_t left = elements - block * SL_QUANTISE_BLOCK;
    return left < SL_QUANTISE_BLOCK ? left : SL_QUANTISE_BLOCK;
}

/* ---- chance ---- */

/* sl_philox of the counters first … first + COUNTERS − 1, word w of each in out[w], all at once. */
SL_VARIANTS static void draw(uint32_t out[4][COUNTERS], uint64_t first, uint64_t seed) {
    for (uint32_t i = 0; i < COUNTERS; i++) {
        uint64_t number = first + i;
        uint32_t c[4] = {(uint32_t)number, (uint32_t)(number >> 32), 0, 0};
        uint32_t k[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
        for (int round = 0; round < SL_PHILOX_ROUNDS; round++)
            sl_philox_round(c, k);
        for (int w = 0; w < 4; w++)
            out[w][i] = c[w];
    }
}

/* ---- encoding ---- */

/* Bits of the largest |value|; INFINITE or more: one of them is no number. */
SL_VARIANTS static uint32_t find_largest(const any_float *values, size_t count) {
    uint32_t largest = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, values + i, sizeof bits);
        bits &= UINT32_C(0x7fffffff);
        largest = bits > largest ? bits : largest;
    }
    return largest;
}

/* x / scale + 128 is positive, so that cutting it off is rounding it down; at 128 and above its last bit is 2⁻¹⁶, and
 * adding k / 2¹⁶ is exact. The quotient may be a last bit over 127. */
SL_VARIANTS static void round_values(uint8_t *restrict codes, const float *restrict values,
                                     const uint16_t *restrict chance, float scale) {
    for (size_t i = 0; i < SL_QUANTISE_BLOCK; i++) {
        int32_t code = (int32_t)((values[i] / scale + 128.0F) + (float)chance[i] * 0x1p-16F) - 128;
        code = code > LARGEST ? LARGEST : code < -LARGEST ? -LARGEST : code;
        codes[i] = (uint8_t)code;
    }
}

static void encode_block(uint8_t *codes, const any_float *values, size_t count, size_t block, float scale,
                         uint64_t seed) {
    uint32_t words[4][COUNTERS];
    uint16_t chance[SL_QUANTISE_BLOCK];
    float whole[SL_QUANTISE_BLOCK] = {0};
    uint8_t made[SL_QUANTISE_BLOCK];
    draw(words, (uint64_t)block * COUNTERS, seed);
    /* Element w · 256 + 2 i and the one behind it take word w of counter i, low half first: the words as they lie. */
    memcpy(chance, words, sizeof chance);
    memcpy(whole, values, count * sizeof *whole);
    round_values(made, whole, chance, scale);
    memcpy(codes, made, count);
}

bool sl_quantise_encode(uint8_t *payload, const float *values, size_t elements, size_t first, size_t last,
                        uint64_t seed) {
    uint8_t *codes = payload + sl_quantise_blocks(elements) * sizeof(float);
    for (size_t block = first; block < last; block++) {
        size_t from = block * SL_QUANTISE_BLOCK, count = length_of(elements, block);
        const any_float *of = (const any_float *)values + from;
        uint32_t bits = find_largest(of, count);
        if (bits >= INFINITE)
            return false;
        float largest, scale;
        memcpy(&largest, &bits, sizeof largest);
        scale = largest / (float)LARGEST;
        if (bits_of(scale) > LARGEST_SCALE)
            return false;
        if (bits_of(scale) < LEAST_NORMAL) {
            scale = 0;
            memset(codes + from, 0, count);
        } else {
            encode_block(codes + from, of, count, block, scale, seed);
        }
        memcpy(payload + block * sizeof scale, &scale, sizeof scale);
    }
    return true;
}

/* ---- decoding ---- */

SL_VARIANTS static void decode(any_float *restrict out, const uint8_t *restrict codes, float scale, size_t count) {
    for (size_t i = 0; i < count; i++)
        out[i] = scale * (float)(int8_t)codes[i];
}

void sl_quantise_decode(float *out, const uint8_t *payload, size_t elements, size_t first, size_t count) {
    const uint8_t *codes = payload + sl_quantise_blocks(elements) * sizeof(float);
    while (count > 0) {
        size_t block = first / SL_QUANTISE_BLOCK, left = SL_QUANTISE_BLOCK - first % SL_QUANTISE_BLOCK;
        size_t length = count < left ? count : left;
        float scale;
        memcpy(&scale, payload + block * sizeof scale, sizeof scale);
        decode((any_float *)out, codes + first, scale, length);
        out += length;
        first += length;
        count -= length;
    }
}

/* ---- from a peer ---- */

SL_VARIANTS static bool are_codes(const uint8_t *bytes, size_t count) {
    uint8_t wrong = 0;
    for (size_t i = 0; i < count; i++)
        wrong |= bytes[i] == 0x80;
    return wrong == 0;
}

bool sl_quantise_is_sound(const uint8_t *bytes, uint64_t offset, size_t length, size_t elements) {
    uint64_t scales = sl_quantise_blocks(elements) * sizeof(float);
    for (; offset < scales && length > 0; offset += sizeof(float)) {
        uint32_t scale;
        if (length < sizeof scale)
            return false;
        memcpy(&scale, bytes, sizeof scale);
        if (scale != 0 && (scale < LEAST_NORMAL || scale > LARGEST_SCALE))
            return false;
        bytes += sizeof scale;
        length -= sizeof scale;
    }
    return are_codes(bytes, length);
}
