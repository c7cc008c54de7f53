#include "json/utf8.h"

/* The length that the first byte promises, and the range of the second, which alone excludes overlong forms,
 * surrogates and what lies above U+10FFFF (RFC 3629, section 4). */
static size_t promised_length(uint8_t first, uint8_t *low, uint8_t *high) {
    *low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    *high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    if (first < 0x80)
        return 1;
    if (first >= 0xC2 && first <= 0xDF)
        return 2;
    if (first >= 0xE0 && first <= 0xEF)
        return 3;
    if (first >= 0xF0 && first <= 0xF4)
        return 4;
    return 0;
}

size_t sl_utf8_length(const uint8_t *at, size_t left) {
    if (left == 0)
        return 0;
    uint8_t low, high;
    size_t length = promised_length(at[0], &low, &high);
    if (length > left)
        return 0;
    if (length >= 2 && (at[1] < low || at[1] > high))
        return 0;
    for (size_t i = 2; i < length; i++) {
        if ((at[i] & 0xC0) != 0x80)
            return 0;
    }
    return length;
}
