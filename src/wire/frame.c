#include "wire/frame.h"

#include <stdbool.h>

#include "base/bytes.h"

const char *sl_frame_type_text(enum sl_frame_type type) {
    switch (type) {
#define CASE(name, number, text)                                                                                       \
    case SL_FRAME_##name:                                                                                              \
        return text;
        SL_FRAME_LIST(CASE)
#undef CASE
    }
    return "unknown";
}

static bool is_known(uint8_t type) {
    switch ((enum sl_frame_type)type) {
#define CASE(name, number, text) case SL_FRAME_##name:
        SL_FRAME_LIST(CASE)
#undef CASE
        return true;
    }
    return false;
}

void sl_frame_put_header(uint8_t out[SL_FRAME_HEADER_SIZE], const struct sl_frame_header *header) {
    sl_put_u32(out, header->length);
    out[4] = (uint8_t)header->type;
    out[5] = 0;
    sl_put_u16(out + 6, 0);
}

void sl_frame_put_data_header(uint8_t out[SL_DATA_HEADER_SIZE], const struct sl_data_header *header) {
    const struct sl_frame_header frame = {.length = SL_DATA_HEADER_SIZE - SL_FRAME_HEADER_SIZE + header->length,
                                          .type = SL_FRAME_DATA};
    sl_frame_put_header(out, &frame);
    sl_put_u32(out + SL_FRAME_HEADER_SIZE, header->transfer);
    sl_put_u64(out + SL_FRAME_HEADER_SIZE + 4, header->offset);
}

enum sl_status sl_frame_get_header(struct sl_frame_header *out, const uint8_t in[SL_FRAME_HEADER_SIZE],
                                   struct sl_error *error) {
    uint32_t length = sl_get_u32(in);
    if (!is_known(in[4]))
        return sl_error_set(error, SL_FORMAT, "frame of the unknown type %u", in[4]);
    if (in[5] != 0 || sl_get_u16(in + 6) != 0)
        return sl_error_set(error, SL_FORMAT, "frame with flags or reserved bits set");
    enum sl_frame_type type = (enum sl_frame_type)in[4];
    uint32_t most = type == SL_FRAME_HANDSHAKE ? SL_HANDSHAKE_MAX : SL_PAYLOAD_MAX;
    if (length > most)
        return sl_error_set(error, SL_LIMIT, "%s frame of %u bytes, at most %u", sl_frame_type_text(type), length,
                            most);
    if (type == SL_FRAME_HANDSHAKE && length == 0)
        return sl_error_set(error, SL_FORMAT, "handshake frame without a byte");
    if (type == SL_FRAME_DATA && length <= SL_DATA_HEADER_SIZE - SL_FRAME_HEADER_SIZE)
        return sl_error_set(error, SL_FORMAT, "data frame of %u bytes, too short for its header and a byte", length);
    *out = (struct sl_frame_header){.length = length, .type = type};
    return SL_OK;
}

enum sl_status sl_frame_get_data_header(struct sl_data_header *out, const struct sl_frame_header *frame,
                                        const uint8_t in[SL_DATA_HEADER_SIZE - SL_FRAME_HEADER_SIZE],
                                        struct sl_error *error) {
    if (frame->type != SL_FRAME_DATA || frame->length <= SL_DATA_HEADER_SIZE - SL_FRAME_HEADER_SIZE)
        return sl_error_set(error, SL_FORMAT, "data frame without data");
    uint32_t length = frame->length - (SL_DATA_HEADER_SIZE - SL_FRAME_HEADER_SIZE);
    uint64_t offset = sl_get_u64(in + 4);
    if (offset > UINT64_MAX - length)
        return sl_error_set(error, SL_FORMAT, "data frame beyond the end of all payloads");
    *out = (struct sl_data_header){.transfer = sl_get_u32(in), .offset = offset, .length = length};
    return SL_OK;
}
