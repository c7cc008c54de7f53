/* Models on disk: the safetensors format (8-byte little-endian header length, JSON header, raw little-endian data),
 * which everybody's loaders read. All tensors are F32. Writing goes by temporary file, fsync, rename, fsync of the
 * folder. */
#ifndef SL_MODEL_SAFETENSORS_H
#define SL_MODEL_SAFETENSORS_H

#include "model/layout.h"

enum { SL_METADATA_MAX = 32, SL_SAFETENSORS_HEADER_MAX = 1 << 20 };

struct sl_metadata_entry {
    char key[64];
    char value[256];
};
struct sl_metadata {
    struct sl_metadata_entry entries[SL_METADATA_MAX];
    size_t count;
};
SL_MUST_USE enum sl_status sl_metadata_set(struct sl_metadata *metadata, const char *key, const char *format, ...)
    SL_PRINTF(3, 4);
const char *sl_metadata_get(const struct sl_metadata *metadata, const char *key); /* NULL when absent */

/* A group of tensors: a layout, its values, and a prefix for the names in the file ("" for the model itself,
 * "optimizer.momentum." for state beside it). */
struct sl_tensor_group {
    const char *prefix;
    const struct sl_layout *layout;
    float *values; /* layout->elements; only read by save, filled by load */
};

SL_MUST_USE enum sl_status sl_safetensors_save(const char *path, const struct sl_tensor_group *groups, size_t count,
                                               const struct sl_metadata *metadata, struct sl_error *error);

/* Loads every group: SL_MISMATCH, naming the tensor, where the file has a tensor missing, of another shape or type, or
 * more tensors than the groups; SL_FORMAT where the file is not sound (every offset, overlap and length is checked
 * before anything is allocated for it). On failure the values are unspecified. `metadata` may be NULL. */
SL_MUST_USE enum sl_status sl_safetensors_load(const char *path, const struct sl_tensor_group *groups, size_t count,
                                               struct sl_metadata *metadata, struct sl_error *error);

#endif
