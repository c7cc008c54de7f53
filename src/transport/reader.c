#include "transport/reader.h"

#include <string.h>

#include "transport/connection.h"

void sl_reader_finish(struct sl_reader *reader) {
    sl_buffer_finish(&reader->payload);
    *reader = (struct sl_reader){0};
}

/* ---- whole frames ---- */

static enum sl_status answer_ping(struct sl_connection *connection, const uint8_t *payload, size_t length,
                                  struct sl_error *error) {
    struct sl_ping ping;
    enum sl_status status = sl_ping_decode(&ping, payload, length, error);
    if (status != SL_OK)
        return status;
    /* The same number in the same encoding. A queue that is full ends the connection by itself. */
    (void)sl_connection_send(connection, SL_FRAME_PONG, payload, length);
    return SL_OK;
}

static enum sl_status take_pong(const struct sl_connection *connection, const uint8_t *payload, size_t length,
                                struct sl_error *error) {
    struct sl_ping pong;
    enum sl_status status = sl_ping_decode(&pong, payload, length, error);
    if (status == SL_OK && (pong.number == 0 || pong.number > connection->pings))
        return sl_error_set(error, SL_FORMAT, "pong %llu answers no ping", (unsigned long long)pong.number);
    return status;
}

static enum sl_status handle_ready_frame(struct sl_connection *connection, enum sl_frame_type type,
                                         const uint8_t *payload, size_t length, struct sl_error *error) {
    const struct sl_transport_handlers *handlers = &connection->transport->handlers;
    switch (type) {
    case SL_FRAME_HELLO:
    case SL_FRAME_HELLO_ACK:
    case SL_FRAME_DATA:
        return sl_error_set(error, SL_FORMAT, "unexpected %s", sl_frame_type_text(type));
    case SL_FRAME_GOODBYE:
        return sl_goodbye_handle(connection, payload, length, error);
    case SL_FRAME_PING:
        return answer_ping(connection, payload, length, error);
    case SL_FRAME_PONG:
        return take_pong(connection, payload, length, error);
    case SL_FRAME_ROSTER:
    case SL_FRAME_MANIFEST:
    case SL_FRAME_CREDIT:
    case SL_FRAME_CANCEL:
    case SL_FRAME_READY:
    case SL_FRAME_VERDICT:
    case SL_FRAME_PASS:
    case SL_FRAME_PROGRESS:
    case SL_FRAME_MODEL_REQUEST:
        return handlers->control(handlers->context, connection, type, payload, length, error);
    }
    return sl_error_set(error, SL_FORMAT, "unknown frame type %d", (int)type);
}

static bool is_reading(const struct sl_connection *connection) {
    return (connection->state == SL_CONNECTION_HELLO || connection->state == SL_CONNECTION_READY) &&
           !connection->closing && !connection->overrun;
}

static void say_heard(struct sl_connection *connection) {
    const struct sl_transport_handlers *handlers = &connection->transport->handlers;
    if (connection->shown && handlers->heard != NULL)
        handlers->heard(handlers->context, connection);
}

static enum sl_status finish_data(struct sl_connection *connection, struct sl_error *error) {
    const struct sl_transport_handlers *handlers = &connection->transport->handlers;
    struct sl_reader *reader = &connection->reader;
    struct sl_data_header header = reader->data;
    bool thrown_away = reader->out == NULL;
    reader->header_have = 0;
    reader->in_payload = false;
    connection->transport->counters.data_received += header.length;
    say_heard(connection);
    if (thrown_away || !is_reading(connection))
        return SL_OK;
    return handlers->data_done(handlers->context, connection, &header, error);
}

static enum sl_status finish_control(struct sl_connection *connection, struct sl_error *error) {
    struct sl_reader *reader = &connection->reader;
    /* Taken out of the reader, which ends with the connection when the handlers make it end. */
    struct sl_buffer payload = reader->payload;
    enum sl_frame_type type = reader->frame.type;
    reader->payload = (struct sl_buffer){0};
    reader->header_have = 0;
    reader->in_payload = false;
    enum sl_status status = SL_OK;
    say_heard(connection);
    if (is_reading(connection))
        status = connection->state == SL_CONNECTION_HELLO
                     ? sl_hello_handle_frame(connection, type, payload.data, payload.length, error)
                     : handle_ready_frame(connection, type, payload.data, payload.length, error);
    sl_buffer_finish(&payload);
    return status;
}

/* ---- headers ---- */

static enum sl_status begin_data(struct sl_connection *connection, struct sl_error *error) {
    const struct sl_transport_handlers *handlers = &connection->transport->handlers;
    struct sl_reader *reader = &connection->reader;
    enum sl_status status =
        sl_frame_get_data_header(&reader->data, &reader->frame, reader->header + SL_FRAME_HEADER_SIZE, error);
    if (status != SL_OK)
        return status;
    reader->out = NULL;
    status = handlers->data(handlers->context, connection, &reader->data, &reader->out, error);
    reader->have = 0;
    reader->want = reader->data.length;
    reader->in_payload = true;
    return status;
}

static enum sl_status begin_frame(struct sl_connection *connection, struct sl_error *error) {
    struct sl_reader *reader = &connection->reader;
    enum sl_status status = sl_frame_get_header(&reader->frame, reader->header, error);
    if (status != SL_OK)
        return status;
    if (reader->frame.type == SL_FRAME_DATA) {
        if (connection->state == SL_CONNECTION_READY)
            return SL_OK; /* the rest of its header follows */
        return sl_error_set(error, SL_FORMAT, "data before admission");
    }
    sl_buffer_clear(&reader->payload);
    status = sl_buffer_reserve(&reader->payload, (size_t)reader->frame.length + 1);
    if (status != SL_OK)
        return sl_error_set(error, status, "no memory for a frame");
    reader->have = 0;
    reader->want = reader->frame.length;
    reader->in_payload = true;
    return reader->want == 0 ? finish_control(connection, error) : SL_OK;
}

static size_t header_size(const struct sl_reader *reader) {
    bool is_data = reader->header_have >= SL_FRAME_HEADER_SIZE && reader->frame.type == SL_FRAME_DATA;
    return is_data ? SL_DATA_HEADER_SIZE : SL_FRAME_HEADER_SIZE;
}

/* ---- bytes ---- */

/* Where the next bytes go and how many of them. `waste` takes what nobody wants. */
static uint8_t *next_place(struct sl_reader *reader, uint8_t *waste, size_t waste_size, size_t *length) {
    if (!reader->in_payload) {
        *length = header_size(reader) - reader->header_have;
        return reader->header + reader->header_have;
    }
    *length = reader->want - reader->have;
    if (reader->frame.type != SL_FRAME_DATA)
        return reader->payload.data + reader->have;
    if (reader->out != NULL)
        return reader->out + reader->have;
    if (*length > waste_size)
        *length = waste_size;
    return waste;
}

static enum sl_status advance(struct sl_connection *connection, size_t got, struct sl_error *error) {
    struct sl_reader *reader = &connection->reader;
    if (!reader->in_payload) {
        reader->header_have += got;
        if (reader->header_have == SL_FRAME_HEADER_SIZE)
            return begin_frame(connection, error);
        if (reader->header_have == SL_DATA_HEADER_SIZE)
            return begin_data(connection, error);
        return SL_OK;
    }
    reader->have += got;
    if (reader->frame.type != SL_FRAME_DATA)
        reader->payload.length = reader->have;
    if (reader->have < reader->want)
        return SL_OK;
    return reader->frame.type == SL_FRAME_DATA ? finish_data(connection, error) : finish_control(connection, error);
}

static void end_reading(struct sl_connection *connection, enum sl_tls_result result, const struct sl_error *error) {
    struct sl_ending ending = {.status = error->status, .reason = error->text};
    switch (result) {
    case SL_TLS_CLOSED:
        ending.kind = SL_ENDING_PEER;
        ending.status = SL_CLOSED;
        ending.reason = "the peer closed the connection without a goodbye";
        break;
    case SL_TLS_REFUSED:
        ending.kind = SL_ENDING_BROKEN;
        ending.by_peer = true;
        break;
    case SL_TLS_FAILED:
        ending.kind = error->status == SL_CRYPTO ? SL_ENDING_ALERT : SL_ENDING_BROKEN;
        if (connection->socket.failure != 0)
            ending.reason = strerror(connection->socket.failure);
        break;
    case SL_TLS_DONE:
    case SL_TLS_AGAIN:
        return;
    }
    sl_connection_end(connection, &ending);
}

void sl_reader_run(struct sl_connection *connection) {
    uint8_t waste[SL_TLS_RECORD_MAX];
    struct sl_error error;
    while (is_reading(connection)) {
        size_t length = 0, got = 0;
        uint8_t *place = next_place(&connection->reader, waste, sizeof waste, &length);
        error.status = SL_OK;
        enum sl_tls_result result = sl_tls_read(&connection->tls, place, length, &got, &error);
        if (result != SL_TLS_DONE) {
            end_reading(connection, result, &error);
            return;
        }
        error.text[0] = '\0';
        enum sl_status status = advance(connection, got, &error);
        if (status != SL_OK)
            sl_connection_end(
                connection, &(struct sl_ending){.kind = SL_ENDING_GOODBYE,
                                                .status = status,
                                                .reason = error.text[0] != '\0' ? error.text : sl_status_text(status)});
    }
}
