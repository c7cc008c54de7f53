#include <criterion/criterion.h>
#include <string.h>

#include "wire/frame.h"

Test(wire_frame, headers_survive) {
    for (unsigned type = 1; type <= SL_FRAME_NEIGHBOUR; type++) {
        uint8_t bytes[SL_FRAME_HEADER_SIZE];
        const struct sl_frame_header in = {.length = type == SL_FRAME_DATA ? 13 : 0x0102,
                                           .type = (enum sl_frame_type)type};
        struct sl_frame_header out;
        sl_frame_put_header(bytes, &in);
        cr_assert_eq(sl_frame_get_header(&out, bytes, NULL), SL_OK);
        cr_assert_eq(out.length, in.length);
        cr_assert_eq(out.type, in.type);
    }
}

Test(wire_frame, the_bytes_are_the_documented_ones) {
    uint8_t bytes[SL_DATA_HEADER_SIZE];
    sl_frame_put_data_header(
        bytes,
        &(struct sl_data_header){.transfer = 0x01020304, .offset = UINT64_C(0x1112131415161718), .length = 0x20});
    static const uint8_t wanted[] = {0, 0, 0,    0x2c, 15,   0,    0,    0,    1,    2,
                                     3, 4, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18};
    cr_assert_arr_eq(bytes, wanted, sizeof wanted);
}

static enum sl_status get(const char *bytes) {
    struct sl_frame_header out;
    struct sl_error error = {0};
    enum sl_status status = sl_frame_get_header(&out, (const uint8_t *)bytes, &error);
    cr_assert(status == SL_OK || error.text[0] != '\0');
    return status;
}

Test(wire_frame, what_is_refused) {
    cr_assert_eq(get("\0\0\0\x01\x01\0\0\0"), SL_OK);
    cr_assert_eq(get("\0\0\0\x01\0\0\0\0"), SL_FORMAT, "type 0");
    cr_assert_eq(get("\0\0\0\x01\x18\0\0\0"), SL_FORMAT, "type 24");
    cr_assert_eq(get("\0\0\0\x01\xff\0\0\0"), SL_FORMAT, "type 255");
    cr_assert_eq(get("\0\0\0\x01\x01\x80\0\0"), SL_FORMAT, "flags");
    cr_assert_eq(get("\0\0\0\x01\x01\0\x01\0"), SL_FORMAT, "reserved");
    cr_assert_eq(get("\0\0\0\x01\x01\0\0\x01"), SL_FORMAT, "reserved");
    cr_assert_eq(get("\0\0\xff\xf8\x01\0\0\0"), SL_OK, "65,536 bytes in all");
    cr_assert_eq(get("\0\0\xff\xf9\x01\0\0\0"), SL_LIMIT, "one more");
    cr_assert_eq(get("\xff\xff\xff\xff\x01\0\0\0"), SL_LIMIT);
    cr_assert_eq(get("\0\0\0\x0c\x0f\0\0\0"), SL_FORMAT, "data without a byte");
    cr_assert_eq(get("\0\0\0\x0d\x0f\0\0\0"), SL_OK);
    cr_assert_eq(get("\0\0\0\0\x0f\0\0\0"), SL_FORMAT);
    cr_assert_eq(get("\0\0\x40\0\x10\0\0\0"), SL_OK, "16,384 bytes of a handshake");
    cr_assert_eq(get("\0\0\x40\x01\x10\0\0\0"), SL_LIMIT, "one more");
    cr_assert_eq(get("\0\0\0\0\x10\0\0\0"), SL_FORMAT, "a handshake without a byte");
}

Test(wire_frame, data_headers) {
    uint8_t bytes[SL_DATA_HEADER_SIZE];
    const struct sl_data_header in = {.transfer = UINT32_MAX, .offset = UINT64_MAX - 7, .length = 7};
    struct sl_data_header out;
    struct sl_frame_header frame;
    sl_frame_put_data_header(bytes, &in);
    cr_assert_eq(sl_frame_get_header(&frame, bytes, NULL), SL_OK);
    cr_assert_eq(sl_frame_get_data_header(&out, &frame, bytes + SL_FRAME_HEADER_SIZE, NULL), SL_OK);
    cr_assert_eq(out.transfer, in.transfer);
    cr_assert_eq(out.offset, in.offset);
    cr_assert_eq(out.length, in.length);
    frame.length++;
    cr_assert_eq(sl_frame_get_data_header(&out, &frame, bytes + SL_FRAME_HEADER_SIZE, NULL), SL_FORMAT, "overflow");
    frame.length = 12;
    cr_assert_eq(sl_frame_get_data_header(&out, &frame, bytes + SL_FRAME_HEADER_SIZE, NULL), SL_FORMAT);
}

Test(wire_frame, geometry) {
    cr_assert_eq(SL_DATA_MAX % 4, 0);
    cr_assert_eq(SL_CHUNK_UNIT, 262064);
    cr_assert_str_eq(sl_frame_type_text(SL_FRAME_MODEL_REQUEST), "model-request");
}
