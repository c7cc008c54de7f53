#include "transport/writer.h"

#include <string.h>

enum { CONTROL_KEPT = 512 }; /* bytes of an empty queue that an idle connection keeps: pings and their answers */

void sl_writer_init(struct sl_writer *writer) {
    *writer = (struct sl_writer){.batch = SL_BATCH_MIN};
}

void sl_writer_finish(struct sl_writer *writer) {
    sl_buffer_finish(&writer->control);
    sl_bulk_clear(&writer->bulk);
    sl_tags_finish(&writer->tags);
}

bool sl_writer_is_empty(const struct sl_writer *writer) {
    return writer->control_begin == writer->control.length && sl_bulk_is_empty(&writer->bulk);
}

/* The frame stands at the end of the queue, which has room for its tag. */
static enum sl_status add_tag(struct sl_writer *writer, size_t payload_length) {
    struct sl_buffer *control = &writer->control;
    uint8_t *end = control->data + control->length;
    const uint8_t *payload = end - payload_length;
    enum sl_status status =
        sl_tags_make(&writer->tags, end, payload - SL_FRAME_HEADER_SIZE, SL_FRAME_HEADER_SIZE, payload, payload_length);
    if (status == SL_OK)
        control->length += SL_TAG_SIZE;
    else
        control->length -= SL_FRAME_HEADER_SIZE + payload_length;
    return status;
}

enum sl_status sl_writer_add_control(struct sl_writer *writer, enum sl_frame_type type, const void *payload,
                                     size_t length) {
    size_t waiting = writer->control.length - writer->control_begin;
    if (length > SL_PAYLOAD_MAX || waiting + SL_FRAME_HEADER_SIZE + length > SL_CONTROL_QUEUE_MAX)
        return SL_LIMIT;
    /* A peer that always leaves something in the queue must not make it grow for ever. As many bytes are moved as were
     * sent at most, so that each moves once. */
    if (writer->control_begin > 0 && writer->control_begin >= waiting) {
        sl_buffer_consume(&writer->control, writer->control_begin);
        writer->control_begin = 0;
    }
    uint8_t header[SL_FRAME_HEADER_SIZE];
    sl_frame_put_header(header, &(struct sl_frame_header){.length = (uint32_t)length, .type = type});
    enum sl_status status = sl_buffer_reserve(&writer->control, sizeof header + length + SL_TAG_SIZE);
    if (status != SL_OK)
        return status;
    status = sl_buffer_append(&writer->control, header, sizeof header);
    if (status == SL_OK && length > 0)
        status = sl_buffer_append(&writer->control, payload, length);
    if (status == SL_OK && sl_tags_are_on(&writer->tags))
        status = add_tag(writer, length);
    return status;
}

/* ---- one batch ---- */

static enum sl_status write_control(struct sl_writer *writer, const struct sl_carrier *carrier, size_t *written,
                                    struct sl_error *error) {
    while (*written < writer->batch && writer->control_begin < writer->control.length) {
        size_t due = writer->control.length - writer->control_begin;
        size_t record = due < SL_TLS_RECORD_MAX ? due : SL_TLS_RECORD_MAX;
        struct iovec part = {.iov_base = writer->control.data + writer->control_begin, .iov_len = record};
        enum sl_status status = sl_carrier_write(carrier, &part, 1, error);
        if (status != SL_OK)
            return status;
        writer->control_begin += record;
        *written += record;
    }
    if (writer->control_begin == writer->control.length) {
        /* Memory for an idle connection is what limits their number; a queue that was long gives it back. */
        if (writer->control.capacity > CONTROL_KEPT)
            sl_buffer_finish(&writer->control);
        else
            sl_buffer_clear(&writer->control);
        writer->control_begin = 0;
    }
    return SL_OK;
}

static enum sl_status write_data_frame(struct sl_writer *writer, const struct sl_carrier *carrier, size_t *written,
                                       struct sl_error *error) {
    struct sl_data_header header;
    const uint8_t *data;
    uint8_t first[SL_DATA_HEADER_SIZE], tag[SL_TAG_SIZE];
    sl_bulk_peek(&writer->bulk, &header, &data);
    sl_frame_put_data_header(first, &header);
    struct iovec parts[] = {{.iov_base = first, .iov_len = sizeof first},
                            {.iov_base = (void *)(uintptr_t)data, .iov_len = header.length},
                            {.iov_base = tag, .iov_len = sizeof tag}};
    enum sl_status status = SL_OK;
    bool has_tag = sl_tags_are_on(&writer->tags);
    if (has_tag)
        status = sl_tags_make(&writer->tags, tag, first, sizeof first, data, header.length);
    if (status != SL_OK)
        return sl_error_set(error, status, "the tag of a frame");
    status = sl_carrier_write(carrier, parts, has_tag ? 3 : 2, error);
    if (status != SL_OK)
        return status;
    sl_bulk_advance(&writer->bulk);
    writer->data_sent += header.length;
    *written += SL_DATA_HEADER_SIZE + header.length;
    return SL_OK;
}

static enum sl_status fill_batch(struct sl_writer *writer, const struct sl_carrier *carrier, struct sl_error *error) {
    size_t written = 0;
    enum sl_status status = write_control(writer, carrier, &written, error);
    /* Below the batch means that control is through: bulk never starts inside a control frame. */
    while (status == SL_OK && written < writer->batch && !sl_bulk_is_empty(&writer->bulk))
        status = write_data_frame(writer, carrier, &written, error);
    return status;
}

static void adapt_batch(struct sl_writer *writer, bool all_taken) {
    size_t batch = all_taken ? writer->batch * 2 : writer->batch / 2;
    writer->batch = batch > SL_BATCH_MAX ? SL_BATCH_MAX : batch < SL_BATCH_MIN ? SL_BATCH_MIN : batch;
}

static enum sl_status broken(const struct sl_socket *socket, struct sl_error *error) {
    return sl_error_set(error, SL_NETWORK, "sending: %s", strerror(socket->failure));
}

enum sl_status sl_writer_run(struct sl_writer *writer, const struct sl_carrier *carrier, struct sl_error *error) {
    struct sl_socket *socket = carrier->socket;
    if (!sl_socket_flush(socket))
        return broken(socket, error);
    if (sl_socket_unsent(socket) > 0)
        return SL_OK;
    if (sl_writer_is_empty(writer)) {
        sl_buffer_finish(&socket->unsent);
        return SL_OK;
    }
    enum sl_status status = fill_batch(writer, carrier, error);
    if (!sl_socket_flush(socket))
        return broken(socket, error);
    adapt_batch(writer, sl_socket_unsent(socket) == 0);
    return status;
}
