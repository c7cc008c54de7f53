#include "data/dataset.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "data/stream.h"

enum { IDX_SIDE_MAX = 4096, IDX_CLASSES = 10 };
enum { CIFAR_SIDE = 32, CIFAR_CHANNELS = 3, CIFAR_CLASSES = 10 };
enum { CIFAR_IMAGE = CIFAR_CHANNELS * CIFAR_SIDE * CIFAR_SIDE, CIFAR_RECORD = 1 + CIFAR_IMAGE };

void sl_dataset_destroy(struct sl_dataset *dataset) {
    if (dataset == NULL)
        return;
    free(dataset->pixels);
    free(dataset->labels);
    free(dataset);
}

static enum sl_status allocate(struct sl_dataset *dataset, size_t image, const char *path, struct sl_error *error) {
    dataset->pixels = malloc(dataset->count * image);
    dataset->labels = malloc(dataset->count);
    if (dataset->pixels == NULL || dataset->labels == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "%s: no memory for %zu images", path, dataset->count);
    return SL_OK;
}

static enum sl_status check_labels(const struct sl_dataset *dataset, size_t first, const char *path,
                                   struct sl_error *error) {
    for (size_t i = first; i < dataset->count; i++)
        if (dataset->labels[i] >= dataset->classes)
            return sl_error_set(error, SL_FORMAT, "%s: label %zu is %u, expected 0 to %u", path, i - first,
                                dataset->labels[i], dataset->classes - 1);
    return SL_OK;
}

/* The magic number of `rank` dimensions of unsigned bytes, then the dimensions, big-endian. */
static enum sl_status read_idx_header(struct sl_stream *stream, uint32_t *dims, uint8_t rank, const char *path,
                                      struct sl_error *error) {
    uint8_t header[16];
    enum sl_status status = sl_stream_read(stream, header, 4 + 4 * (size_t)rank, error);
    if (status != SL_OK)
        return status;
    if (sl_get_u32(header) != (0x0800U | rank))
        return sl_error_set(error, SL_FORMAT, "%s: expected an IDX file of %u dimensions of bytes (%08x), found %08x",
                            path, rank, 0x0800U | rank, sl_get_u32(header));
    uint64_t bytes = 1;
    for (uint8_t i = 0; i < rank; i++) {
        dims[i] = sl_get_u32(header + 4 + 4 * (size_t)i);
        if (dims[i] == 0 || (i > 0 && dims[i] > IDX_SIDE_MAX))
            return sl_error_set(error, SL_FORMAT, "%s: dimension %u is %u", path, i, dims[i]);
        bytes *= dims[i]; /* < 2^32 · 4096 · 4096 */
    }
    if (bytes > sl_stream_most(stream))
        return sl_error_set(error, SL_FORMAT, "%s: cut short: %llu bytes are announced", path,
                            (unsigned long long)bytes);
    return SL_OK;
}

static enum sl_status read_idx_images(struct sl_dataset *dataset, struct sl_stream *stream, const char *path,
                                      struct sl_error *error) {
    uint32_t dims[3] = {0};
    enum sl_status status = read_idx_header(stream, dims, 3, path, error);
    if (status != SL_OK)
        return status;
    dataset->count = dims[0];
    dataset->height = dims[1];
    dataset->width = dims[2];
    size_t image = (size_t)dims[1] * dims[2];
    status = allocate(dataset, image, path, error);
    if (status == SL_OK)
        status = sl_stream_read(stream, dataset->pixels, dataset->count * image, error);
    return status == SL_OK ? sl_stream_end(stream, error) : status;
}

static enum sl_status read_idx_labels(struct sl_dataset *dataset, struct sl_stream *stream, const char *path,
                                      struct sl_error *error) {
    uint32_t count = 0;
    enum sl_status status = read_idx_header(stream, &count, 1, path, error);
    if (status != SL_OK)
        return status;
    if (count != dataset->count)
        return sl_error_set(error, SL_FORMAT, "%s: %u labels for %zu images", path, count, dataset->count);
    status = sl_stream_read(stream, dataset->labels, count, error);
    if (status == SL_OK)
        status = sl_stream_end(stream, error);
    return status == SL_OK ? check_labels(dataset, 0, path, error) : status;
}

static enum sl_status load_idx(struct sl_dataset *dataset, const char *const *paths, size_t count,
                               struct sl_error *error) {
    if (count != 2)
        return sl_error_set(error, SL_SETTINGS, "IDX: expected two files, images then labels, not %zu", count);
    dataset->channels = 1;
    dataset->classes = IDX_CLASSES;
    dataset->mean = 0.2860F; /* Fashion-MNIST's training images */
    dataset->deviation = 0.3530F;
    struct sl_stream *stream;
    enum sl_status status = sl_stream_open(&stream, paths[0], error);
    if (status != SL_OK)
        return status;
    status = read_idx_images(dataset, stream, paths[0], error);
    sl_stream_close(stream);
    if (status == SL_OK)
        status = sl_stream_open(&stream, paths[1], error);
    if (status != SL_OK)
        return status;
    status = read_idx_labels(dataset, stream, paths[1], error);
    sl_stream_close(stream);
    return status;
}

/* Makes room behind the records that are there. */
static enum sl_status grow(struct sl_dataset *dataset, size_t more, const char *path, struct sl_error *error) {
    if (more > UINT32_MAX - dataset->count)
        return sl_error_set(error, SL_LIMIT, "%s: more than 2^32 images in all", path);
    uint8_t *pixels = realloc(dataset->pixels, (dataset->count + more) * CIFAR_IMAGE);
    if (pixels != NULL)
        dataset->pixels = pixels;
    uint8_t *labels = realloc(dataset->labels, dataset->count + more);
    if (labels != NULL)
        dataset->labels = labels;
    if (pixels == NULL || labels == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "%s: no memory for %zu images", path, more);
    return SL_OK;
}

/* A record: one byte of label, then the red, the green and the blue plane. */
static enum sl_status read_cifar(struct sl_dataset *dataset, struct sl_stream *stream, const char *path,
                                 struct sl_error *error) {
    uint64_t bytes = sl_stream_most(stream);
    if (bytes == 0 || bytes % CIFAR_RECORD != 0)
        return sl_error_set(error, SL_FORMAT, "%s: %llu bytes, expected a multiple of %d: cut short or not CIFAR-10",
                            path, (unsigned long long)bytes, CIFAR_RECORD);
    const size_t first = dataset->count;
    enum sl_status status = grow(dataset, (size_t)(bytes / CIFAR_RECORD), path, error);
    for (uint64_t left = bytes / CIFAR_RECORD; status == SL_OK && left > 0; left--) {
        status = sl_stream_read(stream, dataset->labels + dataset->count, 1, error);
        if (status == SL_OK)
            status = sl_stream_read(stream, dataset->pixels + dataset->count * CIFAR_IMAGE, CIFAR_IMAGE, error);
        dataset->count++;
    }
    if (status == SL_OK)
        status = sl_stream_end(stream, error);
    return status == SL_OK ? check_labels(dataset, first, path, error) : status;
}

static enum sl_status load_cifar(struct sl_dataset *dataset, const char *const *paths, size_t count,
                                 struct sl_error *error) {
    if (count == 0)
        return sl_error_set(error, SL_SETTINGS, "CIFAR-10: expected at least one file");
    dataset->channels = CIFAR_CHANNELS;
    dataset->height = dataset->width = CIFAR_SIDE;
    dataset->classes = CIFAR_CLASSES;
    dataset->mean = 0.4734F; /* over all three channels of the training images */
    dataset->deviation = 0.2516F;
    enum sl_status status = SL_OK;
    for (size_t i = 0; status == SL_OK && i < count; i++) {
        struct sl_stream *stream;
        status = sl_stream_open(&stream, paths[i], error);
        if (status == SL_OK) {
            status = read_cifar(dataset, stream, paths[i], error);
            sl_stream_close(stream);
        }
    }
    return status;
}

enum sl_status sl_dataset_load(struct sl_dataset **out, enum sl_data_format format, const char *const *paths,
                               size_t count, struct sl_error *error) {
    *out = NULL;
    struct sl_dataset *dataset = calloc(1, sizeof *dataset);
    if (dataset == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "no memory for a data set");
    enum sl_status status = SL_OK;
    switch (format) {
    case SL_DATA_NONE:
        status = sl_error_set(error, SL_SETTINGS, "a data set of no format cannot be loaded");
        break;
    case SL_DATA_IDX:
        status = load_idx(dataset, paths, count, error);
        break;
    case SL_DATA_CIFAR10:
        status = load_cifar(dataset, paths, count, error);
        break;
    }
    if (status != SL_OK)
        sl_dataset_destroy(dataset);
    else
        *out = dataset;
    return status;
}
