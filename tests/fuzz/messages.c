/* Every message decoder: decode → encode gives the same bytes, and they decode again. The first byte says which. */
#include <string.h>

#include "../unit/wire/samples.h"
#include "target.h"

size_t fuzz_corpus(size_t index, uint8_t out[FUZZ_INPUT_MAX]) {
    union any_message message;
    struct sl_buffer bytes = {0};
    if (index >= codec_count)
        return 0;
    codecs[index].sample(&message);
    FUZZ_CHECK(codecs[index].encode(&bytes, &message) == SL_OK);
    size_t length = 1 + bytes.length;
    out[0] = (uint8_t)index;
    memcpy(out + 1, bytes.data, bytes.length);
    sl_buffer_finish(&bytes);
    return length;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length) {
    union any_message message, second;
    struct sl_buffer bytes = {0};
    if (length == 0)
        return 0;
    const struct codec *codec = &codecs[data[0] % codec_count];
    data++;
    length--;
    if (codec->decode(&message, data, length, NULL) != SL_OK)
        return 0;
    FUZZ_CHECK(codec->encode(&bytes, &message) == SL_OK);
    FUZZ_CHECK(bytes.length == length && (length == 0 || memcmp(bytes.data, data, length) == 0));
    FUZZ_CHECK(codec->decode(&second, bytes.data, bytes.length, NULL) == SL_OK);
    codec->finish(&second);
    codec->finish(&message);
    sl_buffer_finish(&bytes);
    return 0;
}
