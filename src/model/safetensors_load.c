/* Reading: the header is checked whole, then each tensor is read to its place in its group. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/safetensors_index.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "values are read as they lie in memory");

struct model_file {
    int descriptor;
    uint64_t size;
    uint64_t data; /* where the values begin */
    struct sl_stored_index index;
};

static enum sl_status read_range(const struct model_file *file, void *out, size_t length, uint64_t offset,
                                 struct sl_error *error) {
    uint8_t *to = out;
    while (length > 0) {
        ssize_t got = pread(file->descriptor, to, length, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return sl_error_set(error, sl_status_from_errno(errno), "%s", strerror(errno));
        if (got == 0)
            return sl_error_set(error, SL_FORMAT, "the file became shorter while it was read");
        to += got;
        offset += (uint64_t)got;
        length -= (size_t)got;
    }
    return SL_OK;
}

static enum sl_status open_file(struct model_file *file, const char *path, struct sl_error *error) {
    struct stat facts;
    /* O_NONBLOCK: opening a named pipe must not hang. */
    file->descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file->descriptor < 0 || fstat(file->descriptor, &facts) != 0)
        return sl_error_set(error, sl_status_from_errno(errno), "%s", strerror(errno));
    if (!S_ISREG(facts.st_mode))
        return sl_error_set(error, SL_FORMAT, "not a regular file");
    file->size = (uint64_t)facts.st_size;
    return SL_OK;
}

static enum sl_status read_header(struct model_file *file, struct sl_metadata *metadata, struct sl_error *error) {
    uint64_t length = 0;
    if (file->size < sizeof length)
        return sl_error_set(error, SL_FORMAT, "too short for a safetensors file");
    enum sl_status status = read_range(file, &length, sizeof length, 0, error);
    if (status != SL_OK)
        return status;
    if (length > file->size - sizeof length)
        return sl_error_set(error, SL_FORMAT, "the header's length %" PRIu64 " exceeds the file", length);
    if (length > SL_SAFETENSORS_HEADER_MAX)
        return sl_error_set(error, SL_LIMIT, "a header of %" PRIu64 " bytes; at most %d are read", length,
                            SL_SAFETENSORS_HEADER_MAX);
    char *header = malloc((size_t)length + 1);
    if (header == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "no memory for the header");
    header[length] = '\0';
    file->data = sizeof length + length;
    status = read_range(file, header, (size_t)length, sizeof length, error);
    if (status == SL_OK)
        status = sl_stored_index_parse(&file->index, metadata, header, (size_t)length, file->size - file->data, error);
    free(header);
    return status;
}

static enum sl_status check_tensor(const struct sl_stored_tensor *stored, const char *name,
                                   const struct sl_tensor *tensor, struct sl_error *error) {
    if (stored == NULL)
        return sl_error_set(error, SL_MISMATCH, "tensor %s is missing", name);
    if (!stored->is_f32)
        return sl_error_set(error, SL_MISMATCH, "tensor %s is not of type F32", name);
    if (stored->rank != tensor->rank || memcmp(stored->dims, tensor->dims, tensor->rank * sizeof tensor->dims[0]) != 0)
        return sl_error_set(error, SL_MISMATCH, "tensor %s has another shape", name);
    return SL_OK;
}

/* Calls for each tensor of the groups: checks it, and where `fill` reads its values too. */
static enum sl_status visit_tensors(const struct model_file *file, const struct sl_tensor_group *groups, size_t count,
                                    bool fill, struct sl_error *error) {
    for (size_t g = 0; g < count; g++) {
        for (size_t i = 0; i < groups[g].layout->count; i++) {
            const struct sl_tensor *tensor = &groups[g].layout->tensors[i];
            char name[SL_TENSOR_NAME_SIZE * 2];
            snprintf(name, sizeof name, "%s%s", groups[g].prefix, tensor->name);
            const struct sl_stored_tensor *stored = sl_stored_index_find(&file->index, name);
            enum sl_status status = check_tensor(stored, name, tensor, error);
            if (status == SL_OK && fill)
                status = read_range(file, groups[g].values + tensor->first, tensor->elements * sizeof(float),
                                    file->data + stored->begin, error);
            if (status != SL_OK)
                return status;
        }
    }
    return SL_OK;
}

static enum sl_status load(struct model_file *file, const char *path, const struct sl_tensor_group *groups,
                           size_t count, struct sl_metadata *metadata, struct sl_error *error) {
    enum sl_status status = open_file(file, path, error);
    if (status == SL_OK)
        status = read_header(file, metadata, error);
    if (status == SL_OK)
        status = visit_tensors(file, groups, count, false, error);
    if (status != SL_OK)
        return status;
    size_t wanted = 0;
    for (size_t g = 0; g < count; g++)
        wanted += groups[g].layout->count;
    if (file->index.count != wanted)
        return sl_error_set(error, SL_MISMATCH, "%zu tensors in the file, %zu expected", file->index.count, wanted);
    return visit_tensors(file, groups, count, true, error);
}

enum sl_status sl_safetensors_load(const char *path, const struct sl_tensor_group *groups, size_t count,
                                   struct sl_metadata *metadata, struct sl_error *error) {
    struct model_file file = {.descriptor = -1};
    if (metadata != NULL)
        metadata->count = 0;
    enum sl_status status = load(&file, path, groups, count, metadata, error);
    if (status != SL_OK)
        sl_error_wrap(error, status, "%s", path);
    sl_stored_index_finish(&file.index);
    if (file.descriptor >= 0)
        close(file.descriptor);
    return status;
}
