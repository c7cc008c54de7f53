#include "model/layout.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

enum { SHAPE_TEXT_SIZE = SL_TENSOR_RANK_MAX * 22 + 3 };

void sl_layout_init(struct sl_layout *layout) {
    *layout = (struct sl_layout){0};
}

void sl_layout_finish(struct sl_layout *layout) {
    free(layout->tensors);
    sl_layout_init(layout);
}

/* The number of elements of a shape; false where a dimension is 0 or the bytes as f32 exceed what a pointer spans. */
static bool count_elements(size_t *out, uint32_t rank, const uint64_t *dims) {
    const uint64_t most = PTRDIFF_MAX / sizeof(float);
    uint64_t elements = 1;
    for (uint32_t i = 0; i < rank; i++) {
        if (dims[i] == 0 || dims[i] > most / elements)
            return false;
        elements *= dims[i];
    }
    *out = (size_t)elements;
    return true;
}

static enum sl_status check_name(const struct sl_layout *layout, const char *name, struct sl_error *error) {
    size_t length = strnlen(name, SL_TENSOR_NAME_SIZE);
    if (length == 0 || length == SL_TENSOR_NAME_SIZE)
        return sl_error_set(error, SL_LIMIT, "a tensor's name must have 1 to %d bytes", SL_TENSOR_NAME_SIZE - 1);
    for (size_t i = 0; i < layout->count; i++)
        if (strcmp(layout->tensors[i].name, name) == 0)
            return sl_error_set(error, SL_EXISTS, "tensor %s is there already", name);
    return SL_OK;
}

enum sl_status sl_layout_add(struct sl_layout *layout, const char *name, uint32_t rank, const uint64_t *dims,
                             struct sl_error *error) {
    enum sl_status status = check_name(layout, name, error);
    if (status != SL_OK)
        return status;
    if (layout->count == SL_TENSOR_COUNT_MAX)
        return sl_error_set(error, SL_LIMIT, "a model has at most %d tensors", SL_TENSOR_COUNT_MAX);
    size_t elements;
    if (rank > SL_TENSOR_RANK_MAX || !count_elements(&elements, rank, dims) ||
        elements > PTRDIFF_MAX / sizeof(float) - layout->elements)
        return sl_error_set(error, SL_LIMIT, "tensor %s is empty, too large or of too many dimensions", name);
    status = sl_array_reserve(&layout->tensors, &layout->capacity, layout->count + 1, sizeof *layout->tensors);
    if (status != SL_OK)
        return sl_error_set(error, status, "no memory for tensor %s", name);

    struct sl_tensor *tensor = &layout->tensors[layout->count++];
    *tensor = (struct sl_tensor){.rank = rank, .first = layout->elements, .elements = elements};
    snprintf(tensor->name, sizeof tensor->name, "%s", name);
    if (rank > 0)
        memcpy(tensor->dims, dims, rank * sizeof *dims);
    layout->elements += elements;
    return SL_OK;
}

enum sl_status sl_layout_copy(struct sl_layout *out, const struct sl_layout *layout, struct sl_error *error) {
    sl_layout_init(out);
    if (layout->count == 0)
        return SL_OK;
    enum sl_status status = sl_array_reserve(&out->tensors, &out->capacity, layout->count, sizeof *out->tensors);
    if (status != SL_OK)
        return sl_error_set(error, status, "no memory for a layout of %zu tensors", layout->count);
    memcpy(out->tensors, layout->tensors, layout->count * sizeof *out->tensors);
    out->count = layout->count;
    out->elements = layout->elements;
    return SL_OK;
}

/* "[256, 784]" */
static void format_shape(char out[SHAPE_TEXT_SIZE], const struct sl_tensor *tensor) {
    size_t length = 0;
    out[length++] = '[';
    for (uint32_t i = 0; i < tensor->rank; i++)
        length +=
            (size_t)snprintf(out + length, SHAPE_TEXT_SIZE - length, "%s%" PRIu64, i > 0 ? ", " : "", tensor->dims[i]);
    out[length++] = ']';
    out[length] = '\0';
}

static bool is_same_shape(const struct sl_tensor *a, const struct sl_tensor *b) {
    return a->rank == b->rank && memcmp(a->dims, b->dims, a->rank * sizeof a->dims[0]) == 0;
}

enum sl_status sl_layout_check_same(const struct sl_layout *mine, const struct sl_layout *other,
                                    struct sl_error *error) {
    for (size_t i = 0; i < mine->count && i < other->count; i++) {
        const struct sl_tensor *a = &mine->tensors[i], *b = &other->tensors[i];
        if (strcmp(a->name, b->name) != 0)
            return sl_error_set(error, SL_MISMATCH, "tensor %zu is %s here and %s there", i, a->name, b->name);
        if (!is_same_shape(a, b)) {
            char here[SHAPE_TEXT_SIZE], there[SHAPE_TEXT_SIZE];
            format_shape(here, a);
            format_shape(there, b);
            return sl_error_set(error, SL_MISMATCH, "tensor %s has shape %s here and %s there", a->name, here, there);
        }
    }
    if (mine->count > other->count)
        return sl_error_set(error, SL_MISMATCH, "tensor %s is missing there", mine->tensors[other->count].name);
    if (mine->count < other->count)
        return sl_error_set(error, SL_MISMATCH, "tensor %s is missing here", other->tensors[mine->count].name);
    return SL_OK;
}
