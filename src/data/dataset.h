/* Labelled examples in memory: bytes as the files have them, normalised when a batch is taken. */
#ifndef SL_DATA_DATASET_H
#define SL_DATA_DATASET_H

#include <stddef.h>
#include <stdint.h>

#include <starling/error.h>

enum sl_data_format { SL_DATA_NONE, SL_DATA_IDX, SL_DATA_CIFAR10 };

/* [count][channels][height][width] bytes and [count] labels. Shared by all who read it, never written after loading. */
struct sl_dataset {
    uint8_t *pixels;
    uint8_t *labels;
    size_t count;
    uint32_t channels, height, width, classes;
    float mean, deviation; /* of pixel / 255 over the training set's field values that the format is known by */
};

/* IDX: two files, images then labels, plain or gzip. CIFAR-10: any number of binary batches (3073 bytes a record).
 * A missing, cut, over-long or malformed file is refused with its path and what was expected where. */
SL_MUST_USE enum sl_status sl_dataset_load(struct sl_dataset **out, enum sl_data_format format,
                                           const char *const *paths, size_t count, struct sl_error *error);
void sl_dataset_destroy(struct sl_dataset *dataset);

#endif
