/* A data set of anybody: refused in words, or examples that all are there. The first byte says how it is read: 0 IDX
 * (then two bytes of length and the images' file, the rest is the labels'), else CIFAR-10 (the rest is one batch). */
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "data/batch.h"
#include "data/partition.h"
#include "target.h"

enum { SIDE = 4, EXAMPLES = 6, CIFAR_RECORD = 3073 };

static size_t put_u32(uint8_t *out, uint32_t value) {
    for (unsigned i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> (24 - 8 * i));
    return 4;
}

static size_t put_idx(uint8_t *out) {
    size_t at = 3;
    at += put_u32(out + at, 0x803);
    at += put_u32(out + at, EXAMPLES);
    at += put_u32(out + at, SIDE);
    at += put_u32(out + at, SIDE);
    for (size_t i = 0; i < EXAMPLES * SIDE * SIDE; i++)
        out[at++] = (uint8_t)(3 * i);
    out[0] = 0;
    out[1] = (uint8_t)((at - 3) >> 8);
    out[2] = (uint8_t)(at - 3);
    at += put_u32(out + at, 0x801);
    at += put_u32(out + at, EXAMPLES);
    for (size_t i = 0; i < EXAMPLES; i++)
        out[at++] = (uint8_t)(i % 3);
    return at;
}

size_t fuzz_corpus(size_t index, uint8_t out[FUZZ_INPUT_MAX]) {
    if (index == 0)
        return put_idx(out);
    if (index > 1)
        return 0;
    memset(out, 1, 1 + 2 * CIFAR_RECORD);
    return 1 + 2 * CIFAR_RECORD;
}

static int open_bytes(char path[64], const uint8_t *data, size_t length) {
    int file = memfd_create("data", 0);
    FUZZ_CHECK(file >= 0 && write(file, data, length) == (ssize_t)length);
    snprintf(path, 64, "/proc/self/fd/%d", file);
    return file;
}

/* All pixels and labels are read. */
static void use(const struct sl_dataset *data) {
    static const struct sl_partition iid = {.kind = SL_PARTITION_IID};
    uint64_t sum = 0;
    size_t pixels = data->count * data->channels * data->height * data->width, count = 0;
    uint32_t *part = NULL;
    FUZZ_CHECK(data->count > 0 && data->classes > 0);
    for (size_t i = 0; i < pixels; i++)
        sum += data->pixels[i];
    FUZZ_CHECK(sum <= 255 * (uint64_t)pixels);
    for (size_t i = 0; i < data->count; i++)
        FUZZ_CHECK(data->labels[i] < data->classes);
    if (sl_partition_select(&part, &count, &iid, data, 1, 3, 7, NULL) == SL_OK) {
        FUZZ_CHECK(count > 0 && part[count - 1] < data->count);
        free(part);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length) {
    char paths[2][64];
    const char *const names[] = {paths[0], paths[1]};
    struct sl_dataset *dataset = NULL;
    struct sl_error error = {.status = SL_OK};
    if (length < 3)
        return 0;
    bool idx = data[0] == 0;
    size_t first = idx ? (size_t)data[1] << 8 | data[2] : length - 1, from = idx ? 3 : 1;
    if (first > length - from)
        first = length - from;
    int files[] = {open_bytes(paths[0], data + from, first),
                   open_bytes(paths[1], data + from + first, length - from - first)};
    if (sl_dataset_load(&dataset, idx ? SL_DATA_IDX : SL_DATA_CIFAR10, names, idx ? 2 : 1, &error) == SL_OK)
        use(dataset);
    else
        FUZZ_CHECK(dataset == NULL && error.text[0] != '\0' && strchr(error.text, '\n') == NULL);
    sl_dataset_destroy(dataset);
    close(files[0]);
    close(files[1]);
    return 0;
}
