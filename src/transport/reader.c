#include "transport/reader.h"

#include <stdlib.h>
#include <string.h>

#include "transport/connection.h"

void sl_reader_init(struct sl_reader *reader) {
    *reader = (struct sl_reader){.part = SL_READER_HEADER, .want = SL_FRAME_HEADER_SIZE};
}

void sl_reader_finish(struct sl_reader *reader) {
    sl_tags_finish(&reader->tags);
    sl_buffer_finish(&reader->payload);
    free(reader->data_reason);
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

static void note_answer(struct sl_connection *connection) {
    struct sl_transport_counters *counters = &connection->transport->counters;
    sl_time took = sl_clock_monotonic() - connection->timed_at;
    connection->timed = 0;
    counters->pings++;
    if (took > counters->ping_longest)
        counters->ping_longest = took;
}

static enum sl_status take_pong(struct sl_connection *connection, const uint8_t *payload, size_t length,
                                struct sl_error *error) {
    struct sl_ping pong;
    enum sl_status status = sl_ping_decode(&pong, payload, length, error);
    if (status == SL_OK && (pong.number == 0 || pong.number > connection->pings))
        return sl_error_set(error, SL_FORMAT, "pong %llu answers no ping", (unsigned long long)pong.number);
    if (status == SL_OK && connection->timed != 0 && pong.number >= connection->timed)
        note_answer(connection);
    if (status == SL_OK && connection->challenge != 0 && pong.number >= connection->challenge)
        sl_pair_answered(connection);
    return status;
}

static enum sl_status handle_ready_frame(struct sl_connection *connection, enum sl_frame_type type,
                                         const uint8_t *payload, size_t length, struct sl_error *error) {
    const struct sl_transport_handlers *handlers = &connection->transport->handlers;
    switch (type) {
    case SL_FRAME_HELLO:
    case SL_FRAME_HELLO_ACK:
    case SL_FRAME_DATA:
    case SL_FRAME_HANDSHAKE:
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
    case SL_FRAME_CRL:
    case SL_FRAME_WITNESS:
    case SL_FRAME_EVIDENCE:
    case SL_FRAME_PROOF:
    case SL_FRAME_PROBE:
    case SL_FRAME_ROSTER_DIGEST:
    case SL_FRAME_NEIGHBOUR:
        return handlers->control == NULL
                   ? SL_OK
                   : handlers->control(handlers->context, connection, type, payload, length, error);
    }
    return sl_error_set(error, SL_FORMAT, "unknown frame type %d", (int)type);
}

static enum sl_status handle_frame(struct sl_connection *connection, enum sl_frame_type type, const uint8_t *payload,
                                   size_t length, struct sl_error *error) {
    bool is_handshake = type == SL_FRAME_HANDSHAKE && connection->inner != NULL && !connection->reader.tagged;
    if (connection->state == SL_CONNECTION_READY)
        return handle_ready_frame(connection, type, payload, length, error);
    if (connection->state == SL_CONNECTION_INNER || is_handshake)
        return sl_channel_handle_frame(connection, type, payload, length, error);
    return sl_hello_handle_frame(connection, type, payload, length, error);
}

static bool is_reading(const struct sl_connection *connection) {
    return (connection->state == SL_CONNECTION_INNER || connection->state == SL_CONNECTION_HELLO ||
            connection->state == SL_CONNECTION_READY) &&
           !connection->closing && !connection->overrun;
}

static void say_heard(struct sl_connection *connection) {
    const struct sl_transport_handlers *handlers = &connection->transport->handlers;
    connection->frames++;
    if (connection->shown && handlers->heard != NULL)
        handlers->heard(handlers->context, connection);
}

static void begin_part(struct sl_reader *reader, enum sl_reader_part part, size_t want) {
    reader->part = part;
    reader->have = 0;
    reader->want = want;
}

static enum sl_status finish_data(struct sl_connection *connection, struct sl_error *error) {
    const struct sl_transport_handlers *handlers = &connection->transport->handlers;
    struct sl_reader *reader = &connection->reader;
    struct sl_data_header header = reader->data;
    bool thrown_away = reader->out == NULL;
    sl_buffer_finish(&reader->payload);
    if (reader->data_status != SL_OK)
        return sl_error_set(error, reader->data_status, "%s", reader->data_reason == NULL ? "" : reader->data_reason);
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
    say_heard(connection);
    enum sl_status status = sl_quota_take(&connection->quota, &connection->transport->quota_limits, payload.length,
                                          sl_clock_monotonic(), error);
    if (status == SL_OK && is_reading(connection))
        status = handle_frame(connection, type, payload.data, payload.length, error);
    sl_buffer_finish(&payload);
    return status;
}

static enum sl_status finish_frame(struct sl_connection *connection, struct sl_error *error) {
    begin_part(&connection->reader, SL_READER_HEADER, SL_FRAME_HEADER_SIZE);
    return connection->reader.frame.type == SL_FRAME_DATA ? finish_data(connection, error)
                                                          : finish_control(connection, error);
}

/* ---- tags ---- */

static enum sl_status refuse_altered(struct sl_connection *connection, const char *what, struct sl_error *error) {
    connection->transport->counters.bad_tags++;
    return sl_error_set(error, SL_CRYPTO, "%s: something on the way alters what the peer sends", what);
}

static enum sl_status check_tag(struct sl_connection *connection, struct sl_error *error) {
    struct sl_reader *reader = &connection->reader;
    bool is_data = reader->frame.type == SL_FRAME_DATA;
    size_t header_length = is_data ? SL_DATA_HEADER_SIZE : SL_FRAME_HEADER_SIZE;
    const uint8_t *payload = is_data && reader->out != NULL ? reader->out : reader->payload.data;
    size_t payload_length = SL_FRAME_HEADER_SIZE + (size_t)reader->frame.length - header_length;
    if (!sl_tags_check(&reader->tags, reader->tag, reader->header, header_length, payload, payload_length))
        return refuse_altered(connection, "a frame with a false tag", error);
    return finish_frame(connection, error);
}

static enum sl_status end_payload(struct sl_connection *connection, struct sl_error *error) {
    if (!connection->reader.tagged)
        return finish_frame(connection, error);
    begin_part(&connection->reader, SL_READER_TAG, SL_TAG_SIZE);
    return SL_OK;
}

/* ---- headers ---- */

/* The server of an inner handshake judges our certificate when we are done already: its alert is the one frame without
 * a tag that may still come, and only before all others. */
static bool has_tag(const struct sl_connection *connection, enum sl_frame_type type) {
    const struct sl_tags *tags = &connection->reader.tags;
    bool may_be_alert = type == SL_FRAME_HANDSHAKE && connection->dialled && tags->count == 0;
    return sl_tags_are_on(tags) && !may_be_alert;
}

static enum sl_status make_room(struct sl_reader *reader, struct sl_error *error) {
    sl_buffer_clear(&reader->payload);
    enum sl_status status = sl_buffer_reserve(&reader->payload, (size_t)reader->frame.length + 1);
    return status == SL_OK ? SL_OK : sl_error_set(error, status, "no memory for a frame");
}

static enum sl_status ask_for_place(struct sl_connection *connection, struct sl_error *error) {
    const struct sl_transport_handlers *handlers = &connection->transport->handlers;
    struct sl_reader *reader = &connection->reader;
    if (connection->state != SL_CONNECTION_READY)
        return sl_error_set(error, SL_FORMAT, "data before admission");
    enum sl_status status =
        sl_frame_get_data_header(&reader->data, &reader->frame, reader->header + SL_FRAME_HEADER_SIZE, error);
    if (status != SL_OK)
        return status;
    return handlers->data == NULL ? SL_OK
                                  : handlers->data(handlers->context, connection, &reader->data, &reader->out, error);
}

static enum sl_status begin_data(struct sl_connection *connection, struct sl_error *error) {
    struct sl_reader *reader = &connection->reader;
    begin_part(reader, SL_READER_PAYLOAD, SL_FRAME_HEADER_SIZE + (size_t)reader->frame.length - SL_DATA_HEADER_SIZE);
    reader->out = NULL;
    reader->data_status = ask_for_place(connection, error);
    if (!reader->tagged)
        return reader->data_status;
    if (reader->data_status != SL_OK) {
        reader->out = NULL;
        reader->data_reason = strdup(error->text);
    }
    /* The tag needs all of it, wanted or not. */
    return reader->out == NULL ? make_room(reader, error) : SL_OK;
}

static enum sl_status begin_frame(struct sl_connection *connection, struct sl_error *error) {
    struct sl_reader *reader = &connection->reader;
    enum sl_status status = sl_frame_get_header(&reader->frame, reader->header, error);
    if (status != SL_OK)
        /* No peer that has the keys says this, and where the frame ends nobody knows. */
        return sl_tags_are_on(&reader->tags) ? refuse_altered(connection, "no frame", error) : status;
    if (connection->state == SL_CONNECTION_INNER && reader->frame.type != SL_FRAME_HANDSHAKE)
        return sl_channel_handle_frame(connection, reader->frame.type, NULL, 0, error);
    reader->tagged = has_tag(connection, reader->frame.type);
    if (reader->frame.type == SL_FRAME_DATA) {
        reader->want = SL_DATA_HEADER_SIZE; /* the rest of its header follows */
        return SL_OK;
    }
    status = make_room(reader, error);
    if (status != SL_OK)
        return status;
    begin_part(reader, SL_READER_PAYLOAD, reader->frame.length);
    return reader->want == 0 ? end_payload(connection, error) : SL_OK;
}

/* ---- bytes ---- */

/* Where the next bytes go and how many of them. `waste` takes what nobody wants. */
static uint8_t *next_place(struct sl_reader *reader, uint8_t *waste, size_t waste_size, size_t *length) {
    *length = reader->want - reader->have;
    if (reader->part == SL_READER_HEADER)
        return reader->header + reader->have;
    if (reader->part == SL_READER_TAG)
        return reader->tag + reader->have;
    bool is_data = reader->frame.type == SL_FRAME_DATA;
    if (is_data && reader->out != NULL)
        return reader->out + reader->have;
    if (!is_data || reader->tagged)
        return reader->payload.data + reader->have;
    if (*length > waste_size)
        *length = waste_size;
    return waste;
}

static enum sl_status advance(struct sl_connection *connection, size_t got, struct sl_error *error) {
    struct sl_reader *reader = &connection->reader;
    reader->have += got;
    if (reader->have < reader->want)
        return SL_OK;
    switch (reader->part) {
    case SL_READER_HEADER:
        return reader->have == SL_FRAME_HEADER_SIZE ? begin_frame(connection, error) : begin_data(connection, error);
    case SL_READER_PAYLOAD:
        if (reader->frame.type != SL_FRAME_DATA)
            reader->payload.length = reader->have;
        return end_payload(connection, error);
    case SL_READER_TAG:
        return check_tag(connection, error);
    }
    return SL_OK;
}

void sl_reader_run(struct sl_connection *connection) {
    uint8_t waste[SL_TLS_RECORD_MAX];
    struct sl_error error;
    while (is_reading(connection)) {
        size_t length = 0, got = 0;
        uint8_t *place = next_place(&connection->reader, waste, sizeof waste, &length);
        error.status = SL_OK;
        enum sl_tls_result result = sl_carrier_read(&connection->carrier, place, length, &got, &error);
        if (result != SL_TLS_DONE) {
            sl_connection_end_by_tls(connection, result, &error);
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
