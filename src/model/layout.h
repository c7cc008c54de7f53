/* The shape of a model: named tensors that lie one after another in one vector of f32, the parameter vector. */
#ifndef SL_MODEL_LAYOUT_H
#define SL_MODEL_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include <starling/error.h>

enum { SL_TENSOR_NAME_SIZE = 64, SL_TENSOR_RANK_MAX = 4, SL_TENSOR_COUNT_MAX = 4096 };

struct sl_tensor {
    char name[SL_TENSOR_NAME_SIZE]; /* as loaders of the field expect it: "fc1.weight" */
    uint32_t rank;
    uint64_t dims[SL_TENSOR_RANK_MAX];
    size_t first; /* index of its first element in the parameter vector */
    size_t elements;
};

struct sl_layout {
    struct sl_tensor *tensors;
    size_t count;
    size_t capacity;
    size_t elements; /* length of the parameter vector */
};

void sl_layout_init(struct sl_layout *layout);
void sl_layout_finish(struct sl_layout *layout);
/* Appends a tensor behind the others. SL_LIMIT where the size overflows or there are too many, SL_EXISTS for a name. */
SL_MUST_USE enum sl_status sl_layout_add(struct sl_layout *layout, const char *name, uint32_t rank,
                                         const uint64_t *dims, struct sl_error *error);
SL_MUST_USE enum sl_status sl_layout_copy(struct sl_layout *out, const struct sl_layout *layout,
                                          struct sl_error *error);
/* SL_MISMATCH, naming the first tensor that differs and how, unless names, shapes and order are the same. */
SL_MUST_USE enum sl_status sl_layout_check_same(const struct sl_layout *mine, const struct sl_layout *other,
                                                struct sl_error *error);

#endif
