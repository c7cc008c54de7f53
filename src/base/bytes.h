/* A view of bytes that somebody else owns, and big-endian integers in byte strings. */
#ifndef SL_BASE_BYTES_H
#define SL_BASE_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct sl_bytes {
    const uint8_t *data;
    size_t length;
};

/* Byte by byte; of two that begin alike the shorter comes first. Below, equal to or above 0. */
static inline int sl_bytes_compare(struct sl_bytes a, struct sl_bytes b) {
    size_t common = a.length < b.length ? a.length : b.length;
    int order = common > 0 ? memcmp(a.data, b.data, common) : 0;
    return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

static inline void sl_put_u16(uint8_t *to, uint16_t value) {
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
}

static inline void sl_put_u32(uint8_t *to, uint32_t value) {
    sl_put_u16(to, (uint16_t)(value >> 16));
    sl_put_u16(to + 2, (uint16_t)value);
}

static inline void sl_put_u64(uint8_t *to, uint64_t value) {
    sl_put_u32(to, (uint32_t)(value >> 32));
    sl_put_u32(to + 4, (uint32_t)value);
}

static inline uint16_t sl_get_u16(const uint8_t *from) {
    return (uint16_t)((uint16_t)from[0] << 8 | from[1]);
}

static inline uint32_t sl_get_u32(const uint8_t *from) {
    return (uint32_t)sl_get_u16(from) << 16 | sl_get_u16(from + 2);
}

static inline uint64_t sl_get_u64(const uint8_t *from) {
    return (uint64_t)sl_get_u32(from) << 32 | sl_get_u32(from + 4);
}

#endif
