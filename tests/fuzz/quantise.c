/* Payloads in int8: what is sound has values, all of them finite, and the same in parts. The first two bytes are how
 * many values. */
#include <math.h>

#include "aggregate/quantise.h"
#include "target.h"

enum { VALUES_MAX = 65536 };

size_t fuzz_corpus(size_t index, uint8_t out[FUZZ_INPUT_MAX]) {
    static const uint16_t counts[] = {0, 1, 8, 1023, 1024, 3000};
    static float values[VALUES_MAX];
    if (index >= sizeof counts / sizeof counts[0])
        return 0;
    memcpy(out, &counts[index], sizeof counts[index]);
    size_t count = (size_t)counts[index] + 1;
    for (size_t e = 0; e < count; e++)
        values[e] = (float)((e * 7919) % 1000) - 500;
    FUZZ_CHECK(sl_quantise_encode(out + 2, values, count, 0, (size_t)sl_quantise_blocks(count), index));
    return 2 + (size_t)sl_quantise_bytes(count);
}

static void check_values(const float *values, const uint8_t *payload, size_t count) {
    static float part[VALUES_MAX];
    for (size_t e = 0; e < count; e++)
        FUZZ_CHECK(isfinite(values[e]));
    for (size_t first = 0, step = 700; first < count; first += step) {
        size_t length = count - first < step ? count - first : step;
        sl_quantise_decode(part, payload, count, first, length);
        FUZZ_CHECK(memcmp(part, values + first, length * sizeof *part) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length) {
    static float values[VALUES_MAX];
    static uint8_t again[VALUES_MAX + 4 * VALUES_MAX / SL_QUANTISE_BLOCK];
    if (length < 2)
        return 0;
    size_t count = (size_t)(data[0] | data[1] << 8) + 1;
    if (length - 2 != sl_quantise_bytes(count) || !sl_quantise_is_sound(data + 2, 0, length - 2, count))
        return 0;
    sl_quantise_decode(values, data + 2, count, 0, count);
    check_values(values, data + 2, count);
    if (sl_quantise_encode(again, values, count, 0, (size_t)sl_quantise_blocks(count), 3))
        FUZZ_CHECK(sl_quantise_is_sound(again, 0, (size_t)sl_quantise_bytes(count), count));
    return 0;
}
