/* The header of a model file: tensors that are found lie within the data, one after another. The first two bytes say
 * how much data there is. */
#include <string.h>

#include "model/safetensors_index.h"
#include "target.h"

static const struct {
    uint16_t data_length;
    const char *header;
} inputs[] = {
    {40, "{\"w\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},\"b\":{\"dtype\":\"F32\",\"shape\":[4],"
         "\"data_offsets\":[24,40]}}"},
    {4, "{\"__metadata__\":{\"round\":\"7\",\"seed\":\"1\"},\"s\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,"
        "4]}}  "},
    {6, "{\"h\":{\"dtype\":\"F16\",\"shape\":[1,1,1,1,3],\"data_offsets\":[0,6]}}"},
};

size_t fuzz_corpus(size_t index, uint8_t out[FUZZ_INPUT_MAX]) {
    if (index >= sizeof inputs / sizeof inputs[0])
        return 0;
    size_t length = strlen(inputs[index].header);
    out[0] = (uint8_t)(inputs[index].data_length >> 8);
    out[1] = (uint8_t)inputs[index].data_length;
    memcpy(out + 2, inputs[index].header, length);
    return 2 + length;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length) {
    static struct sl_metadata metadata;
    struct sl_stored_index index = {0};
    if (length < 2)
        return 0;
    uint64_t data_length = (uint64_t)data[0] << 8 | data[1], sum = 0;
    metadata.count = 0;
    if (sl_stored_index_parse(&index, &metadata, (const char *)data + 2, length - 2, data_length, NULL) == SL_OK) {
        for (size_t i = 0; i < index.count; i++) {
            const struct sl_stored_tensor *tensor = &index.tensors[i];
            FUZZ_CHECK(tensor->begin <= tensor->end && tensor->end <= data_length);
            FUZZ_CHECK(sl_stored_index_find(&index, tensor->name) == tensor);
            sum += tensor->end - tensor->begin;
        }
        FUZZ_CHECK(sum == data_length);
        FUZZ_CHECK(metadata.count <= SL_METADATA_MAX);
        sl_stored_index_finish(&index);
    }
    return 0;
}
