/* What the handlers do with a connection. Nothing of it calls them: it queues, or notes what the loop is to do. */
#include <stdlib.h>
#include <string.h>

#include "transport/connection.h"

const char *sl_connection_dialled_as(const struct sl_connection *connection) {
    return connection->dialled_as[0] != '\0' ? connection->dialled_as : NULL;
}

const char *sl_connection_node(const struct sl_connection *connection) {
    return connection->node;
}

const struct sl_identity *sl_connection_identity(struct sl_connection *connection) {
    return connection->identity;
}

void *sl_connection_context(const struct sl_connection *connection) {
    return connection->context;
}

void sl_connection_set_context(struct sl_connection *connection, void *context) {
    connection->context = context;
}

static bool takes_frames(const struct sl_connection *connection) {
    return connection->state == SL_CONNECTION_READY && !connection->closing && !connection->overrun;
}

enum sl_status sl_connection_send(struct sl_connection *connection, enum sl_frame_type type, const void *payload,
                                  size_t length) {
    if (!takes_frames(connection))
        return SL_CLOSED;
    if (length > SL_PAYLOAD_MAX)
        return SL_USAGE; /* ours, not the peer's */
    enum sl_status status = sl_writer_add_control(&connection->writer, type, payload, length);
    if (status == SL_OK) {
        sl_connection_want_write(connection);
    } else {
        /* A control frame that is lost breaks the protocol, so the connection goes with it. */
        connection->overrun = true;
        (void)event_add(&connection->later, &(struct timeval){0});
    }
    return status;
}

enum sl_status sl_connection_send_data(struct sl_connection *connection, uint32_t transfer, struct sl_block *block,
                                       uint64_t offset, uint64_t length) {
    if (!takes_frames(connection))
        return SL_CLOSED;
    if (sl_bulk_is_empty(&connection->writer.bulk)) {
        if (connection->search_anew)
            sl_socket_search_anew(connection->socket.fd);
        connection->search_anew = false;
        sl_socket_fit_queue(connection->socket.fd);
    }
    enum sl_status status = sl_bulk_add(&connection->writer.bulk, transfer, block, offset, length);
    if (status == SL_OK)
        sl_connection_want_write(connection);
    return status;
}

void sl_connection_cancel_data(struct sl_connection *connection, uint32_t transfer) {
    uint64_t queued = connection->writer.bulk.queued;
    sl_bulk_cancel(&connection->writer.bulk, transfer);
    /* It did not get through, perhaps since too many shared the link. The next one may have it for itself, and the rate
     * that the kernel remembers would be far too low for it. */
    if (connection->writer.bulk.queued < queued || sl_socket_is_behind(connection->socket.fd))
        connection->search_anew = true;
}

enum sl_status sl_connection_ping(struct sl_connection *connection) {
    struct sl_buffer payload = {0};
    enum sl_status status = sl_ping_encode(&payload, &(struct sl_ping){.number = connection->pings + 1});
    if (status == SL_OK)
        status = sl_connection_send(connection, SL_FRAME_PING, payload.data, payload.length);
    if (status == SL_OK)
        connection->pings++;
    if (status == SL_OK && connection->timed == 0) {
        connection->timed = connection->pings;
        connection->timed_at = sl_clock_monotonic();
    }
    sl_buffer_finish(&payload);
    return status;
}

void sl_connection_close(struct sl_connection *connection, const char *reason) {
    if (connection->closing || connection->state >= SL_CONNECTION_DRAINING)
        return;
    connection->closing = true;
    connection->close_reason = strdup(reason);
    (void)event_add(&connection->later, &(struct timeval){0});
}
