/* What every field of its kind must be. */
#include "wire/codec.h"

#include <stdlib.h>
#include <string.h>

#include "base/address.h"

enum sl_status sl_wire_no_memory(const char *field, struct sl_error *error) {
    return sl_error_set(error, SL_NO_MEMORY, "%s: out of memory", field);
}

enum sl_status sl_wire_check_range(uint64_t value, uint64_t min, uint64_t max, const char *field,
                                   struct sl_error *error) {
    if (value >= min && value <= max)
        return SL_OK;
    return sl_error_set(error, SL_FORMAT, "%s: %llu, expected %llu … %llu", field, (unsigned long long)value,
                        (unsigned long long)min, (unsigned long long)max);
}

enum sl_status sl_wire_check_count(size_t count, size_t min, size_t max, const char *field, struct sl_error *error) {
    if (count > max)
        return sl_error_set(error, SL_LIMIT, "%s: %zu of them, at most %zu", field, count, max);
    if (count < min)
        return sl_error_set(error, SL_FORMAT, "%s: %zu of them, at least %zu", field, count, min);
    return SL_OK;
}

enum sl_status sl_wire_read_name(char out[SL_NAME_SIZE], const char *in, const char *field, struct sl_error *error) {
    if (!sl_name_is_valid(in))
        return sl_error_set(error, SL_FORMAT, "%s: not a name", field);
    memcpy(out, in, strlen(in) + 1);
    return SL_OK;
}

/* The bytes of the character at `at`, which ends with NUL: 1 … 4; 0 where none begins that may stand in a text. RFC
 * 3629: no overlong form, no surrogate, nothing above U+10FFFF; and no control character, C0 or C1. */
static size_t printable_length(const uint8_t *at) {
    uint8_t first = at[0];
    if (first < 0x80)
        return first >= 0x20 && first != 0x7f ? 1 : 0;
    size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    uint32_t code = first & (0x7fU >> length);
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (at[i] & 0x3f);
    }
    static const uint32_t smallest[] = {[2] = 0xa0, [3] = 0x800, [4] = 0x10000};
    bool is_surrogate = code >= 0xd800 && code <= 0xdfff;
    return first >= 0xc2 && first <= 0xf4 && code >= smallest[length] && code <= 0x10ffff && !is_surrogate ? length : 0;
}

enum sl_status sl_wire_read_text(char *out, const char *in, size_t min, size_t max, const char *field,
                                 struct sl_error *error) {
    size_t length = strlen(in);
    if (length < min || length > max)
        return sl_error_set(error, length < min ? SL_FORMAT : SL_LIMIT, "%s: %zu bytes, expected %zu … %zu", field,
                            length, min, max);
    size_t at = 0;
    while (at < length) {
        size_t step = printable_length((const uint8_t *)in + at);
        if (step == 0)
            return sl_error_set(error, SL_FORMAT, "%s: not printable UTF-8 at byte %zu", field, at);
        at += step;
    }
    memcpy(out, in, length + 1);
    return SL_OK;
}

enum sl_status sl_wire_read_digest(uint8_t out[SL_WIRE_DIGEST_SIZE], const ProtobufCBinaryData *in, const char *field,
                                   struct sl_error *error) {
    if (in->len != SL_WIRE_DIGEST_SIZE)
        return sl_error_set(error, SL_FORMAT, "%s: %zu bytes, expected %d", field, in->len, SL_WIRE_DIGEST_SIZE);
    memcpy(out, in->data, SL_WIRE_DIGEST_SIZE);
    return SL_OK;
}

enum sl_status sl_wire_read_bytes(uint8_t **out, size_t *out_length, const ProtobufCBinaryData *in, size_t max,
                                  const char *field, struct sl_error *error) {
    if (in->len == 0 || in->len > max)
        return sl_error_set(error, in->len == 0 ? SL_FORMAT : SL_LIMIT, "%s: %zu bytes, expected 1 … %zu", field,
                            in->len, max);
    *out = malloc(in->len);
    if (*out == NULL)
        return sl_wire_no_memory(field, error);
    memcpy(*out, in->data, in->len);
    *out_length = in->len;
    return SL_OK;
}

static enum sl_status read_address(char **out, const char *in, struct sl_error *error) {
    struct sl_address address;
    enum sl_status status = sl_address_parse(&address, in, error);
    if (status != SL_OK)
        return sl_error_wrap(error, status, "addresses");
    if (address.port == 0)
        return sl_error_set(error, SL_FORMAT, "addresses: port 0 cannot be dialled");
    *out = strdup(in);
    return *out != NULL ? SL_OK : sl_wire_no_memory("addresses", error);
}

enum sl_status sl_wire_read_addresses(char ***out, size_t *out_count, char *const *in, size_t count,
                                      struct sl_error *error) {
    enum sl_status status = sl_wire_check_count(count, 0, SL_ADDRESSES_MAX, "addresses", error);
    if (status != SL_OK || count == 0)
        return status;
    *out = calloc(count, sizeof **out);
    if (*out == NULL)
        return sl_wire_no_memory("addresses", error);
    for (size_t i = 0; i < count; i++) {
        status = read_address(&(*out)[i], in[i], error);
        if (status != SL_OK)
            return status;
        *out_count = i + 1;
    }
    return SL_OK;
}

void sl_wire_free_addresses(char **addresses, size_t count) {
    for (size_t i = 0; i < count; i++)
        free(addresses[i]);
    free(addresses);
}

ProtobufCBinaryData sl_wire_bytes(const uint8_t *data, size_t length) {
    /* protobuf-c has no const here, and does not write when it packs. */
    return (ProtobufCBinaryData){.len = length, .data = (uint8_t *)data};
}
