/* Writing: the header is made in memory, the values go straight from the parameter vector to the file. */
#include <inttypes.h>

#include "base/file.h"
#include "model/safetensors.h"
#include "json/json.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "values are written as they lie in memory");

/* 1 GiB models leave in pieces, so that a full disk is noticed early and no size meets a limit of write(2). */
enum { PIECE_ELEMENTS = 1 << 22 };

static enum sl_status append_metadata(struct sl_buffer *header, const struct sl_metadata *metadata) {
    enum sl_status status = sl_buffer_printf(header, "\"__metadata__\":{");
    for (size_t i = 0; status == SL_OK && i < metadata->count; i++) {
        if (i > 0)
            status = sl_buffer_printf(header, ",");
        if (status == SL_OK)
            status = sl_json_append_string(header, metadata->entries[i].key);
        if (status == SL_OK)
            status = sl_buffer_printf(header, ":");
        if (status == SL_OK)
            status = sl_json_append_string(header, metadata->entries[i].value);
    }
    return status == SL_OK ? sl_buffer_printf(header, "}") : status;
}

static enum sl_status append_tensor(struct sl_buffer *header, const char *prefix, const struct sl_tensor *tensor,
                                    uint64_t begin) {
    char name[SL_TENSOR_NAME_SIZE * 2];
    int length = snprintf(name, sizeof name, "%s%s", prefix, tensor->name);
    if (length < 0 || (size_t)length >= sizeof name)
        return SL_LIMIT;
    enum sl_status status = header->length > 1 ? sl_buffer_printf(header, ",") : SL_OK;
    if (status == SL_OK)
        status = sl_json_append_string(header, name);
    if (status == SL_OK)
        status = sl_buffer_printf(header, ":{\"dtype\":\"F32\",\"shape\":[");
    for (uint32_t i = 0; status == SL_OK && i < tensor->rank; i++)
        status = sl_buffer_printf(header, "%s%" PRIu64, i > 0 ? "," : "", tensor->dims[i]);
    if (status == SL_OK)
        status = sl_buffer_printf(header, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", begin,
                                  begin + tensor->elements * sizeof(float));
    return status;
}

/* Spaces at the end bring the values to a multiple of 8 bytes, as the format's own writer does: they can be mapped. */
static enum sl_status append_padding(struct sl_buffer *header) {
    enum sl_status status = SL_OK;
    while (status == SL_OK && header->length % 8 != 0)
        status = sl_buffer_append(header, " ", 1);
    return status;
}

static enum sl_status make_header(struct sl_buffer *header, const struct sl_tensor_group *groups, size_t count,
                                  const struct sl_metadata *metadata) {
    enum sl_status status = sl_buffer_printf(header, "{");
    if (status == SL_OK && metadata != NULL && metadata->count > 0)
        status = append_metadata(header, metadata);
    uint64_t begin = 0;
    for (size_t g = 0; g < count; g++) {
        const struct sl_layout *layout = groups[g].layout;
        for (size_t i = 0; status == SL_OK && i < layout->count; i++)
            status = append_tensor(header, groups[g].prefix, &layout->tensors[i],
                                   begin + layout->tensors[i].first * sizeof(float));
        begin += layout->elements * sizeof(float);
    }
    if (status == SL_OK)
        status = sl_buffer_printf(header, "}");
    if (status == SL_OK)
        status = append_padding(header);
    return status == SL_OK && header->length > SL_SAFETENSORS_HEADER_MAX ? SL_LIMIT : status;
}

static enum sl_status write_values(struct sl_file_writer *writer, const struct sl_tensor_group *group,
                                   struct sl_error *error) {
    for (size_t first = 0; first < group->layout->elements; first += PIECE_ELEMENTS) {
        size_t left = group->layout->elements - first;
        size_t piece = left < PIECE_ELEMENTS ? left : PIECE_ELEMENTS;
        enum sl_status status = sl_file_writer_write(writer, group->values + first, piece * sizeof(float), error);
        if (status != SL_OK)
            return status;
    }
    return SL_OK;
}

static enum sl_status write_all(struct sl_file_writer *writer, const struct sl_buffer *header,
                                const struct sl_tensor_group *groups, size_t count, struct sl_error *error) {
    uint64_t length = header->length; /* little-endian, as asserted above */
    enum sl_status status = sl_file_writer_write(writer, &length, sizeof length, error);
    if (status == SL_OK)
        status = sl_file_writer_write(writer, header->data, header->length, error);
    for (size_t g = 0; status == SL_OK && g < count; g++)
        status = write_values(writer, &groups[g], error);
    return status;
}

enum sl_status sl_safetensors_save(const char *path, const struct sl_tensor_group *groups, size_t count,
                                   const struct sl_metadata *metadata, struct sl_error *error) {
    struct sl_buffer header = {0};
    struct sl_file_writer *writer = NULL;
    enum sl_status status = make_header(&header, groups, count, metadata);
    if (status != SL_OK) {
        sl_error_set(error, status, "%s: the header cannot be made: %s", path, sl_status_text(status));
        goto out;
    }
    status = sl_file_writer_open(&writer, path, 0644, error);
    if (status != SL_OK)
        goto out;
    status = write_all(writer, &header, groups, count, error);
    if (status == SL_OK) {
        status = sl_file_writer_commit(writer, error);
        writer = NULL;
    }
out:
    sl_file_writer_abandon(writer);
    sl_buffer_finish(&header);
    return status;
}
