/* The header of a safetensors file, checked: what lies where. Private to model. */
#ifndef SL_MODEL_SAFETENSORS_INDEX_H
#define SL_MODEL_SAFETENSORS_INDEX_H

#include <stdbool.h>

#include "model/safetensors.h"

struct sl_stored_tensor {
    const char *name; /* borrowed from the parsed header */
    bool is_f32;      /* another type of the format otherwise */
    uint32_t rank;    /* may exceed SL_TENSOR_RANK_MAX: such a tensor is sound and matches no layout */
    uint64_t dims[SL_TENSOR_RANK_MAX];
    uint64_t begin, end; /* bytes from the start of the data */
};

struct sl_stored_index {
    void *root;                       /* cJSON */
    struct sl_stored_tensor *tensors; /* by name */
    size_t count;
};

/* Parses `length` bytes of header for a file that has `data_length` bytes behind it. The tensors must lie one after
 * another, without hole or overlap, and fill the data exactly. SL_FORMAT otherwise. */
SL_MUST_USE enum sl_status sl_stored_index_parse(struct sl_stored_index *out, struct sl_metadata *metadata,
                                                 const char *header, size_t length, uint64_t data_length,
                                                 struct sl_error *error);
void sl_stored_index_finish(struct sl_stored_index *index);
const struct sl_stored_tensor *sl_stored_index_find(const struct sl_stored_index *index, const char *name);

#endif
