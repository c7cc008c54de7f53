#include "model/safetensors_index.h"

#include <stdlib.h>
#include <string.h>

#include "json/json.h"

/* The format's types and their bytes an element. */
static const struct {
    const char *name;
    unsigned size;
} types[] = {{"F32", 4}, {"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E5M2", 1}, {"F8_E4M3", 1}, {"I16", 2}, {"U16", 2},
             {"F16", 2}, {"BF16", 2}, {"I32", 4}, {"U32", 4}, {"F64", 8},     {"I64", 8},     {"U64", 8}};

static const char metadata_key[] = "__metadata__";

static unsigned type_size(const cJSON *dtype) {
    for (size_t i = 0; cJSON_IsString(dtype) && i < sizeof types / sizeof types[0]; i++)
        if (strcmp(types[i].name, dtype->valuestring) == 0)
            return types[i].size;
    return 0;
}

/* A whole number in [0, 2^53], which is what a JSON number holds exactly. */
static bool read_whole(uint64_t *out, const cJSON *item) {
    const double most = 9007199254740992.0;
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0 && item->valuedouble <= most))
        return false;
    *out = (uint64_t)item->valuedouble;
    return (double)*out == item->valuedouble;
}

/* Fills rank and dims; *bytes is the size that the shape asks for. */
static bool read_shape(struct sl_stored_tensor *tensor, uint64_t *bytes, const cJSON *shape, unsigned size) {
    if (!cJSON_IsArray(shape))
        return false;
    *bytes = size;
    bool empty = false;
    const cJSON *item;
    cJSON_ArrayForEach(item, shape) {
        uint64_t dimension;
        if (!read_whole(&dimension, item))
            return false;
        if (tensor->rank < SL_TENSOR_RANK_MAX)
            tensor->dims[tensor->rank] = dimension;
        tensor->rank++;
        empty = empty || dimension == 0;
        if (dimension > 0 && *bytes > UINT64_MAX / dimension)
            return false;
        *bytes *= dimension > 0 ? dimension : 1;
    }
    *bytes = empty ? 0 : *bytes;
    return true;
}

static bool read_offsets(struct sl_stored_tensor *tensor, const cJSON *offsets) {
    return cJSON_IsArray(offsets) && cJSON_GetArraySize(offsets) == 2 && read_whole(&tensor->begin, offsets->child) &&
           read_whole(&tensor->end, offsets->child->next) && tensor->begin <= tensor->end;
}

static enum sl_status read_tensor(struct sl_stored_tensor *tensor, const cJSON *item, uint64_t data_length,
                                  struct sl_error *error) {
    *tensor = (struct sl_stored_tensor){.name = item->string};
    const cJSON *dtype = cJSON_GetObjectItemCaseSensitive(item, "dtype");
    unsigned size = type_size(dtype);
    if (!cJSON_IsObject(item) || cJSON_GetArraySize(item) != 3 || size == 0)
        return sl_error_set(error, SL_FORMAT, "tensor %s: expected dtype, shape and data_offsets", item->string);
    tensor->is_f32 = strcmp(dtype->valuestring, "F32") == 0;
    uint64_t bytes;
    if (!read_shape(tensor, &bytes, cJSON_GetObjectItemCaseSensitive(item, "shape"), size))
        return sl_error_set(error, SL_FORMAT, "tensor %s: the shape is not a list of whole numbers, or too large",
                            item->string);
    if (!read_offsets(tensor, cJSON_GetObjectItemCaseSensitive(item, "data_offsets")))
        return sl_error_set(error, SL_FORMAT, "tensor %s: data_offsets is not [begin, end]", item->string);
    if (tensor->end > data_length)
        return sl_error_set(error, SL_FORMAT, "tensor %s ends behind the end of the file", item->string);
    if (tensor->end - tensor->begin != bytes)
        return sl_error_set(error, SL_FORMAT, "tensor %s: data_offsets and shape differ in size", item->string);
    return SL_OK;
}

static enum sl_status read_metadata(struct sl_metadata *metadata, const cJSON *object, struct sl_error *error) {
    if (!cJSON_IsObject(object))
        return sl_error_set(error, SL_FORMAT, "%s is not an object", metadata_key);
    const cJSON *item;
    cJSON_ArrayForEach(item, object) {
        if (!cJSON_IsString(item))
            return sl_error_set(error, SL_FORMAT, "%s: a value is not a string", metadata_key);
        if (metadata != NULL && sl_metadata_set(metadata, item->string, "%s", item->valuestring) != SL_OK)
            return sl_error_set(error, SL_LIMIT, "%s: too many entries, or one is too long", metadata_key);
    }
    return SL_OK;
}

static int compare_begin(const void *left, const void *right) {
    const struct sl_stored_tensor *a = left, *b = right;
    if (a->begin != b->begin)
        return a->begin < b->begin ? -1 : 1;
    return (a->end > b->end) - (a->end < b->end); /* an empty tensor lies before its neighbour */
}

static int compare_name(const void *left, const void *right) {
    const struct sl_stored_tensor *a = left, *b = right;
    return strcmp(a->name, b->name);
}

static enum sl_status check_coverage(struct sl_stored_index *index, uint64_t data_length, struct sl_error *error) {
    qsort(index->tensors, index->count, sizeof *index->tensors, compare_begin);
    uint64_t position = 0;
    for (size_t i = 0; i < index->count; i++) {
        const struct sl_stored_tensor *tensor = &index->tensors[i];
        if (tensor->begin != position)
            return sl_error_set(error, SL_FORMAT, "tensor %s %s", tensor->name,
                                tensor->begin < position ? "overlaps another" : "leaves a hole before it");
        position = tensor->end;
    }
    if (position != data_length)
        return sl_error_set(error, SL_FORMAT, "%llu bytes behind the last tensor",
                            (unsigned long long)(data_length - position));
    return SL_OK;
}

/* Names go into messages. */
static bool is_printable(const char *name) {
    for (; *name != '\0'; name++)
        if ((unsigned char)*name < 0x20 || *name == 0x7f)
            return false;
    return true;
}

static enum sl_status read_entries(struct sl_stored_index *index, struct sl_metadata *metadata, const cJSON *root,
                                   uint64_t data_length, struct sl_error *error) {
    const cJSON *item;
    cJSON_ArrayForEach(item, root) {
        if (!is_printable(item->string))
            return sl_error_set(error, SL_FORMAT, "the name of a tensor holds control characters");
        enum sl_status status = strcmp(item->string, metadata_key) == 0
                                    ? read_metadata(metadata, item, error)
                                    : read_tensor(&index->tensors[index->count++], item, data_length, error);
        if (status != SL_OK)
            return status;
    }
    return check_coverage(index, data_length, error);
}

enum sl_status sl_stored_index_parse(struct sl_stored_index *out, struct sl_metadata *metadata, const char *header,
                                     size_t length, uint64_t data_length, struct sl_error *error) {
    *out = (struct sl_stored_index){0};
    cJSON *root = NULL;
    /* The format says that a header begins with '{': nothing may hide before it. */
    if (length == 0 || header[0] != '{')
        return sl_error_set(error, SL_FORMAT, "the header does not begin with {");
    enum sl_status status = sl_json_parse(&root, header, length, error);
    if (status != SL_OK)
        return status;
    out->root = root;
    out->tensors = calloc((size_t)cJSON_GetArraySize(root) + 1, sizeof *out->tensors);
    if (out->tensors == NULL) {
        status = sl_error_set(error, SL_NO_MEMORY, "no memory for the list of tensors");
        goto out;
    }
    status = read_entries(out, metadata, root, data_length, error);
    if (status == SL_OK)
        qsort(out->tensors, out->count, sizeof *out->tensors, compare_name);
out:
    if (status != SL_OK)
        sl_stored_index_finish(out);
    return status;
}

void sl_stored_index_finish(struct sl_stored_index *index) {
    cJSON_Delete(index->root);
    free(index->tensors);
    *index = (struct sl_stored_index){0};
}

const struct sl_stored_tensor *sl_stored_index_find(const struct sl_stored_index *index, const char *name) {
    struct sl_stored_tensor wanted = {.name = name};
    return bsearch(&wanted, index->tensors, index->count, sizeof *index->tensors, compare_name);
}
