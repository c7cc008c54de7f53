/* Frame headers: what is read writes the same bytes again. */
#include <string.h>

#include "target.h"
#include "wire/frame.h"

size_t fuzz_corpus(size_t index, uint8_t out[FUZZ_INPUT_MAX]) {
    if (index >= SL_FRAME_NEIGHBOUR)
        return 0;
    if (index + 1 == SL_FRAME_DATA) {
        sl_frame_put_data_header(out,
                                 &(struct sl_data_header){.transfer = 3, .offset = 1U << 20, .length = SL_DATA_MAX});
        return SL_DATA_HEADER_SIZE;
    }
    memset(out, 0, SL_DATA_HEADER_SIZE);
    sl_frame_put_header(out, &(struct sl_frame_header){.length = 100, .type = (enum sl_frame_type)(index + 1)});
    return SL_DATA_HEADER_SIZE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length) {
    struct sl_frame_header frame;
    struct sl_data_header header;
    uint8_t again[SL_DATA_HEADER_SIZE];
    if (length < SL_DATA_HEADER_SIZE || sl_frame_get_header(&frame, data, NULL) != SL_OK)
        return 0;
    FUZZ_CHECK(frame.length <= SL_PAYLOAD_MAX);
    sl_frame_put_header(again, &frame);
    FUZZ_CHECK(memcmp(again, data, SL_FRAME_HEADER_SIZE) == 0);
    if (sl_frame_get_data_header(&header, &frame, data + SL_FRAME_HEADER_SIZE, NULL) != SL_OK)
        return 0;
    FUZZ_CHECK(header.length > 0 && header.length <= SL_DATA_MAX && header.offset + header.length > header.offset);
    sl_frame_put_data_header(again, &header);
    FUZZ_CHECK(memcmp(again, data, SL_DATA_HEADER_SIZE) == 0);
    return 0;
}
