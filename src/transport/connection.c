/* Happy path of a connection that we dial: write event: TCP is up → HANDSHAKE, INNER (channel.c): read and write events
 * move them → HELLO: both ends send theirs, admit the other's (hello.c), acknowledge → READY (pairs.c). From then on
 * the read event runs the reader and the write event the writer. Each failure goes through sl_connection_end (close.c).
 * One deadline counts from the beginning until READY, where pings are the handlers' matter. */
#include "transport/connection.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIT_BYTES = 64 << 10 }; /* of data, until the kernel's queue is made to fit the link again */

/* ---- states ---- */

static bool is_legal(enum sl_connection_state from, enum sl_connection_state to) {
    switch (from) {
    case SL_CONNECTION_CONNECTING:
        return to == SL_CONNECTION_HANDSHAKE || to == SL_CONNECTION_INNER || to == SL_CONNECTION_CLOSED;
    case SL_CONNECTION_HANDSHAKE:
        return to == SL_CONNECTION_INNER || to == SL_CONNECTION_HELLO || to == SL_CONNECTION_DRAINING ||
               to == SL_CONNECTION_CLOSED;
    case SL_CONNECTION_INNER:
        return to == SL_CONNECTION_HELLO || to == SL_CONNECTION_DRAINING || to == SL_CONNECTION_CLOSED;
    case SL_CONNECTION_HELLO:
        return to == SL_CONNECTION_READY || to == SL_CONNECTION_DRAINING || to == SL_CONNECTION_CLOSED;
    case SL_CONNECTION_READY:
        return to == SL_CONNECTION_DRAINING || to == SL_CONNECTION_CLOSED;
    case SL_CONNECTION_DRAINING:
        return to == SL_CONNECTION_CLOSED;
    case SL_CONNECTION_CLOSED:
        return false;
    }
    return false;
}

void sl_connection_enter(struct sl_connection *connection, enum sl_connection_state state) {
    assert(is_legal(connection->state, state));
    connection->state = state;
    switch (state) {
    case SL_CONNECTION_CONNECTING:
    case SL_CONNECTION_HANDSHAKE:
    case SL_CONNECTION_INNER:
    case SL_CONNECTION_HELLO:
        break; /* the first state's deadline counts until both are admitted */
    case SL_CONNECTION_READY:
    case SL_CONNECTION_CLOSED:
        (void)event_del(&connection->timer);
        break;
    case SL_CONNECTION_DRAINING:
        (void)event_add(&connection->timer, &connection->transport->drain_timeout);
        break;
    }
}

void sl_connection_want_write(struct sl_connection *connection) {
    if (connection->state != SL_CONNECTION_CLOSED)
        (void)event_add(&connection->write, NULL);
}

/* ---- reading ---- */

#define TURN_LONG (20 * SL_MILLISECOND)
enum { TURN_HALVINGS_FIRST = 4, TURN_HALVINGS_MOST = 6 };

/* How much may be received now; 0: the peer sent too much before it was admitted. */
static size_t receive_limit(const struct sl_connection *connection) {
    if (connection->admitted || connection->state == SL_CONNECTION_DRAINING)
        return SL_SCRATCH_SIZE;
    uint64_t received = connection->socket.received;
    return received < SL_PREADMIT_MAX ? (size_t)(SL_PREADMIT_MAX - received) : 0;
}

/* What reading made GnuTLS say: its part of the handshake, alerts, answers to key updates. */
static void flush_answers(struct sl_connection *connection) {
    if (connection->transport->shared.send.owner != &connection->socket)
        return;
    if (!sl_socket_flush(&connection->socket) || sl_socket_unsent(&connection->socket) > 0)
        sl_connection_want_write(connection); /* of a broken one handle_write makes an end */
}

static void take_received(struct sl_connection *connection, bool is_first) {
    if (is_first && connection->state < SL_CONNECTION_DRAINING && !sl_channel_hear_first(connection))
        return;
    if (connection->state == SL_CONNECTION_HANDSHAKE)
        sl_channel_run(connection);
    if (connection->state == SL_CONNECTION_INNER || connection->state == SL_CONNECTION_HELLO ||
        connection->state == SL_CONNECTION_READY)
        sl_reader_run(connection);
}

/* What is received at once is dealt with before anybody else has their turn: payloads in no time, signatures by the
 * hundred are checked for as long as a ping should take at all. So a turn is as long as the last one was worth. */
static void measure_turn(struct sl_connection *connection, sl_time took, bool full) {
    if (took > TURN_LONG && connection->turn_halvings < TURN_HALVINGS_MOST)
        connection->turn_halvings++;
    else if (took < TURN_LONG / 4 && full && connection->turn_halvings > 0)
        connection->turn_halvings--;
}

static void receive(struct sl_connection *connection) {
    const size_t turn = (size_t)SL_SCRATCH_SIZE >> connection->turn_halvings;
    size_t limit = receive_limit(connection);
    sl_time began = sl_clock_monotonic();
    limit = limit < turn ? limit : turn;
    if (limit == 0) {
        sl_connection_end(connection, &(struct sl_ending){.kind = SL_ENDING_GOODBYE,
                                                          .status = SL_LIMIT,
                                                          .reason = "it sent too much before it was admitted"});
        return;
    }
    const uint64_t before = connection->socket.received;
    bool is_first = before == 0;
    if (!sl_socket_receive(&connection->socket, limit))
        return;
    take_received(connection, is_first);
    sl_socket_discard(&connection->socket);
    measure_turn(connection, sl_clock_monotonic() - began, connection->socket.received - before >= limit);
    if (connection->state == SL_CONNECTION_DRAINING)
        sl_drain_step(connection);
    if (connection->state != SL_CONNECTION_CLOSED)
        flush_answers(connection);
}

static void handle_read(evutil_socket_t fd, short what, void *context) {
    (void)fd;
    (void)what;
    receive(context);
}

/* ---- writing ---- */

static void finish_connect(struct sl_connection *connection) {
    int failure = 0;
    socklen_t length = sizeof failure;
    if (getsockopt(connection->socket.fd, SOL_SOCKET, SO_ERROR, &failure, &length) != 0)
        failure = errno;
    if (failure == 0 && event_add(&connection->read, NULL) != 0)
        failure = ENOMEM;
    if (failure != 0) {
        sl_connection_end(connection, &(struct sl_ending){
                                          .kind = SL_ENDING_BROKEN, .status = SL_NETWORK, .reason = strerror(failure)});
        return;
    }
    (void)event_del(&connection->write);
    sl_channel_begin(connection);
    flush_answers(connection);
}

/* A socket that cannot be written may still hold the alert or goodbye that says why. */
static void end_broken(struct sl_connection *connection, const struct sl_error *error) {
    int failure = connection->socket.failure;
    if (connection->state != SL_CONNECTION_DRAINING) {
        connection->socket.failure = 0;
        receive(connection);
        connection->socket.failure = failure;
    }
    sl_connection_end(connection,
                      &(struct sl_ending){.kind = SL_ENDING_BROKEN, .status = error->status, .reason = error->text});
    sl_connection_drop(connection);
}

static void write_frames(struct sl_connection *connection) {
    struct sl_error error = {.status = SL_OK};
    struct sl_writer *writer = &connection->writer;
    enum sl_status status = sl_writer_run(writer, &connection->carrier, &error);
    connection->transport->counters.data_sent += writer->data_sent;
    connection->transport->counters.key_updates += connection->tls.updates;
    connection->unfitted += writer->data_sent;
    writer->data_sent = connection->tls.updates = 0;
    if (connection->unfitted >= FIT_BYTES) {
        sl_socket_fit_queue(connection->socket.fd);
        connection->unfitted = 0;
    }
    if (status != SL_OK) {
        end_broken(connection, &error);
        return;
    }
    if (connection->state == SL_CONNECTION_DRAINING)
        sl_drain_step(connection);
    else if (sl_writer_is_empty(writer) && sl_socket_unsent(&connection->socket) == 0)
        sl_quota_all_sent(connection);
}

static void handle_write(evutil_socket_t fd, short what, void *context) {
    (void)fd;
    (void)what;
    struct sl_connection *connection = context;
    if (connection->state == SL_CONNECTION_CONNECTING) {
        finish_connect(connection);
    } else if (connection->socket.failure != 0 && connection->state < SL_CONNECTION_DRAINING) {
        struct sl_error error;
        (void)sl_error_set(&error, SL_NETWORK, "sending: %s", strerror(connection->socket.failure));
        end_broken(connection, &error);
    } else if (connection->may_write_frames) {
        write_frames(connection);
    } else {
        (void)sl_socket_flush(&connection->socket);
        if (sl_socket_unsent(&connection->socket) == 0 || connection->socket.failure != 0)
            (void)event_del(&connection->write);
        if (connection->state == SL_CONNECTION_DRAINING)
            sl_drain_step(connection);
    }
}

/* ---- timers ---- */

static int set_deadline(struct sl_connection *connection, const struct timeval *wait) {
    connection->deadline = sl_clock_monotonic() + (sl_time)wait->tv_sec * SL_SECOND + (sl_time)wait->tv_usec * 1000;
    return event_add(&connection->timer, wait);
}

static void handle_timer(evutil_socket_t fd, short what, void *context) {
    (void)fd;
    (void)what;
    struct sl_connection *connection = context;
    if (connection->state == SL_CONNECTION_DRAINING) {
        sl_connection_drop(connection);
        return;
    }
    if (sl_was_held_up(connection->deadline) && set_deadline(connection, &(struct timeval){.tv_sec = 1}) == 0)
        return;
    const char *reason = connection->state == SL_CONNECTION_CONNECTING ? "no answer"
                         : connection->state <= SL_CONNECTION_INNER    ? "the TLS handshake took too long"
                                                                       : "the admission took too long";
    sl_connection_end(connection,
                      &(struct sl_ending){.kind = SL_ENDING_BROKEN, .status = SL_TIMEOUT, .reason = reason});
}

static void handle_later(evutil_socket_t fd, short what, void *context) {
    (void)fd;
    (void)what;
    sl_connection_end_later(context);
}

/* ---- life ---- */

static void link_connection(struct sl_connection *connection) {
    struct sl_transport *transport = connection->transport;
    connection->next = transport->connections;
    if (connection->next != NULL)
        connection->next->previous = connection;
    transport->connections = connection;
    transport->connection_count++;
    sl_quota_watch(transport);
}

enum sl_status sl_connection_create(struct sl_connection **out, struct sl_transport *transport, int fd,
                                    struct sl_dial *dial, const struct sl_path *path, const char *address) {
    struct sl_connection *connection = calloc(1, sizeof *connection);
    bool dialled = dial != NULL;
    if (connection == NULL) {
        sl_socket_finish(&(struct sl_socket){.fd = fd, .shared = &transport->shared});
        return SL_NO_MEMORY;
    }
    connection->transport = transport;
    connection->turn_halvings = TURN_HALVINGS_FIRST;
    connection->dial = dial;
    connection->dialled = dialled;
    (void)snprintf(connection->address, sizeof connection->address, "%s", address);
    sl_socket_init(&connection->socket, &transport->shared, fd);
    sl_writer_init(&connection->writer);
    sl_reader_init(&connection->reader);
    sl_socket_set_options(fd, transport->congestion);
    (void)event_assign(&connection->read, transport->base, fd, EV_READ | EV_PERSIST, handle_read, connection);
    (void)event_assign(&connection->write, transport->base, fd, EV_WRITE | EV_PERSIST, handle_write, connection);
    (void)event_assign(&connection->timer, transport->base, -1, 0, handle_timer, connection);
    (void)event_assign(&connection->later, transport->base, -1, 0, handle_later, connection);
    enum sl_status status = sl_channel_init(connection, path);
    if (status != SL_OK) {
        sl_connection_destroy(connection);
        return status;
    }
    /* Without them nobody would come back to it. */
    if (set_deadline(connection, &transport->handshake_timeout) != 0 ||
        event_add(dialled ? &connection->write : &connection->read, NULL) != 0) {
        sl_connection_destroy(connection);
        return SL_NO_MEMORY;
    }
    link_connection(connection);
    if (!dialled)
        sl_channel_begin(connection);
    if (connection->state == SL_CONNECTION_CLOSED)
        return SL_NO_MEMORY; /* the loop frees it */
    *out = connection;
    return SL_OK;
}

void sl_connection_destroy(struct sl_connection *connection) {
    if (connection == NULL)
        return;
    (void)event_del(&connection->read);
    (void)event_del(&connection->write);
    (void)event_del(&connection->timer);
    (void)event_del(&connection->later);
    sl_channel_finish(connection);
    sl_writer_finish(&connection->writer);
    sl_reader_finish(&connection->reader);
    sl_socket_finish(&connection->socket);
    if (connection->hello != NULL)
        sl_hello_finish(connection->hello);
    free(connection->hello);
    sl_credential_unref(connection->credential);
    free(connection->close_reason);
    sl_buffer_finish(&connection->goodbye);
    free(connection);
}
