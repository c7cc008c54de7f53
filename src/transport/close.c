/* The way out. Happy path: we say GOODBYE behind what is queued, then close_notify, then FIN; the peer answers with its
 * own; its FIN closes the socket. A peer's GOODBYE is answered by close_notify and FIN alone.
 *
 * The socket is not closed before the peer's FIN or the drain timer, because closing one with unread bytes in it makes
 * the kernel send a reset, which would destroy the goodbye or alert before the peer reads it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transport/connection.h"

static const char DUPLICATE[] = "duplicate"; /* told to the peer of a connection that another one makes needless */

/* ---- logging ---- */

static bool is_harmless(const struct sl_ending *ending) {
    return ending->status == SL_EXISTS || ending->status == SL_IN_USE || ending->status == SL_CANCELLED;
}

static bool is_refusal(const struct sl_ending *ending) {
    return ending->kind == SL_ENDING_GOODBYE || ending->kind == SL_ENDING_ALERT || ending->kind == SL_ENDING_SAID;
}

/* A health check of a load balancer, or a scanner: it came and went, there was nothing to decide. */
static bool was_silent(const struct sl_connection *connection, const struct sl_ending *ending) {
    return !connection->dialled && connection->tls.session == NULL && connection->inner == NULL &&
           !connection->admitted && (ending->status == SL_CLOSED || ending->status == SL_NETWORK);
}

static bool may_log_refusal(const struct sl_connection *connection, const struct sl_ending *ending, uint64_t *more) {
    struct sl_guard *guard = connection->transport->guard;
    if (ending->of_all)
        return sl_guard_may_log(guard, sl_guard_strangers_source(guard), sl_clock_monotonic(), more);
    return sl_refusal_may_log(connection, more);
}

static void log_ending(const struct sl_connection *connection, const struct sl_ending *ending) {
    const struct sl_log *log = connection->transport->log;
    const char *address = connection->address;
    /* Before HELLO the name is the one that was expected, if any. */
    const char *peer = connection->node[0] != '\0' ? connection->node
                       : connection->dial != NULL  ? sl_dial_node(connection->dial)
                                                   : "";
    uint64_t more = 0;
    if (connection->shown) {
        /* What does not fit its tag or TLS record is no whim of the network: somebody is at work, or memory is bad. */
        enum sl_log_level level = ending->status == SL_CRYPTO ? SL_LOG_WARNING : SL_LOG_INFO;
        if (connection->unlogged && (level == SL_LOG_INFO || !sl_refusal_may_log(connection, &more)))
            return;
        sl_log_line(log, level, "transport", "peer down", SL_TEXT("peer", peer), SL_TEXT("address", address),
                    SL_BOOLEAN("by_peer", ending->by_peer), SL_TEXT("reason", ending->reason),
                    more > 0 ? SL_UNSIGNED("more", more) : SL_END);
        return;
    }
    /* Whoever dials an address that does not answer hears it from dial_failed, and says it as often as it likes. */
    bool is_quiet =
        is_harmless(ending) || was_silent(connection, ending) || connection->state == SL_CONNECTION_CONNECTING;
    const char *message = ending->by_peer      ? "refused by peer"
                          : is_refusal(ending) ? "peer refused"
                                               : "connection failed";
    if (!is_quiet && !may_log_refusal(connection, ending, &more))
        return;
    sl_log_line(log, is_quiet ? SL_LOG_DEBUG : SL_LOG_WARNING, "transport", message, SL_TEXT("peer", peer),
                SL_TEXT("address", address), SL_BOOLEAN("dialled", connection->dialled),
                SL_TEXT("reason", ending->reason), more > 0 ? SL_UNSIGNED("more", more) : SL_END);
}

/* ---- what is said last ---- */

/* Cut and made plain: the codec refuses control characters, and a reason may quote what a peer said. */
static void put_reason(char out[SL_REASON_MAX + 1], const char *reason) {
    size_t length = 0;
    for (; reason[length] != '\0' && length < SL_REASON_MAX; length++) {
        unsigned char byte = (unsigned char)reason[length];
        out[length] = byte >= 0x20 && byte < 0x7f ? (char)byte : '?';
    }
    out[length] = '\0';
}

static void say_no_goodbye(const struct sl_connection *connection, enum sl_status status) {
    /* The peer sees a close_notify without a reason. */
    sl_log_line(connection->transport->log, SL_LOG_DEBUG, "transport", "no goodbye", SL_TEXT("peer", connection->node),
                SL_TEXT("reason", sl_status_text(status)));
}

static void prepare_goodbye(struct sl_connection *connection, const struct sl_ending *ending) {
    struct sl_goodbye goodbye = {.leaving = connection->transport->leaving};
    put_reason(goodbye.reason, ending->status == SL_EXISTS ? DUPLICATE : ending->reason);
    enum sl_status status = sl_goodbye_encode(&connection->goodbye, &goodbye);
    if (status != SL_OK)
        say_no_goodbye(connection, status);
}

/* Behind everything else, bulk as well: the peer stops to listen there. */
static void queue_goodbye(struct sl_connection *connection) {
    struct sl_buffer *goodbye = &connection->goodbye;
    enum sl_status status =
        sl_writer_add_control(&connection->writer, SL_FRAME_GOODBYE, goodbye->data, goodbye->length);
    if (status != SL_OK)
        say_no_goodbye(connection, status);
    sl_buffer_finish(goodbye);
}

static void start_draining(struct sl_connection *connection, const struct sl_ending *ending) {
    if (!connection->transport->shutting_down || ending->kind != SL_ENDING_GOODBYE)
        sl_bulk_clear(&connection->writer.bulk);
    if (ending->kind == SL_ENDING_BROKEN || connection->state == SL_CONNECTION_CONNECTING) {
        sl_connection_drop(connection);
        return;
    }
    bool has_keys = connection->state == SL_CONNECTION_HELLO || connection->state == SL_CONNECTION_READY;
    if (ending->kind == SL_ENDING_GOODBYE && has_keys)
        prepare_goodbye(connection, ending);
    else if (ending->kind == SL_ENDING_GOODBYE && connection->inner != NULL)
        sl_inner_say_alert(connection->inner, &connection->writer);
    if (ending->kind == SL_ENDING_ALERT)
        connection->may_write_frames = false; /* the session is of no more use */
    connection->yielding = ending->kind == SL_ENDING_YIELD;
    sl_connection_enter(connection, SL_CONNECTION_DRAINING);
    sl_connection_want_write(connection);
}

void sl_connection_end(struct sl_connection *connection, const struct sl_ending *ending) {
    struct sl_transport *transport = connection->transport;
    if (connection->state >= SL_CONNECTION_DRAINING)
        return;
    bool was_shown = connection->shown;
    struct sl_dial *dial = connection->dial;
    log_ending(connection, ending);
    if (!was_shown && is_refusal(ending) && !is_harmless(ending))
        transport->counters.refused++;
    connection->shown = false;
    connection->dial = NULL;
    (void)event_del(&connection->later);
    start_draining(connection, ending);
    if (was_shown)
        sl_pair_gone(connection);
    if (was_shown && !transport->silent)
        transport->handlers.peer_down(transport->handlers.context, connection, ending->leaving, ending->reason);
    if (dial != NULL)
        sl_dial_attempt_failed(dial, ending->status, ending->reason);
}

void sl_connection_end_by_tls(struct sl_connection *connection, enum sl_tls_result result,
                              const struct sl_error *error) {
    struct sl_ending ending = {.status = error->status, .reason = error->text};
    switch (result) {
    case SL_TLS_DONE:
    case SL_TLS_AGAIN:
        return;
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
        ending.kind = error->status == SL_CLOSED || error->status == SL_NETWORK ? SL_ENDING_BROKEN : SL_ENDING_ALERT;
        if (connection->socket.failure != 0)
            ending.reason = strerror(connection->socket.failure);
        else if (error->status == SL_CLOSED && connection->state == SL_CONNECTION_INNER)
            ending.reason = "the connection ended within the handshake: perhaps connection_security is another one at "
                            "its other end";
        break;
    }
    /* A close_notify of mutual TLS is the peer's own; that of an outer one may be the proxy's. */
    bool is_own = result == SL_TLS_CLOSED && connection->security == SL_SECURITY_MTLS;
    if (connection->shown && result != SL_TLS_REFUSED && !is_own)
        connection->transport->counters.incomplete++;
    sl_connection_end(connection, &ending);
}

void sl_connection_end_later(struct sl_connection *connection) {
    bool overrun = connection->overrun;
    sl_connection_end(connection, &(struct sl_ending){
                                      .kind = overrun ? SL_ENDING_BROKEN : SL_ENDING_GOODBYE,
                                      .status = overrun ? SL_LIMIT : SL_CANCELLED,
                                      .reason = overrun                            ? "the peer does not read"
                                                : connection->close_reason != NULL ? connection->close_reason
                                                                                   : "closed",
                                  });
}

enum sl_status sl_goodbye_handle(struct sl_connection *connection, const uint8_t *payload, size_t length,
                                 struct sl_error *error) {
    struct sl_goodbye goodbye;
    enum sl_status status = sl_goodbye_decode(&goodbye, payload, length, error);
    if (status != SL_OK)
        return status;
    bool was_ready = connection->state == SL_CONNECTION_READY;
    /* Who finds one has said HELLO before; of one who has not it would end the dial of another node. */
    bool duplicate = connection->admitted && strcmp(goodbye.reason, DUPLICATE) == 0;
    sl_connection_end(connection, &(struct sl_ending){.kind = SL_ENDING_PEER,
                                                      .status = duplicate   ? SL_EXISTS
                                                                : was_ready ? SL_CLOSED
                                                                            : SL_UNTRUSTED,
                                                      .by_peer = true,
                                                      .leaving = goodbye.leaving,
                                                      .reason = goodbye.reason});
    return SL_OK;
}

/* ---- draining ---- */

static bool has_written_all(struct sl_connection *connection) {
    if (connection->may_write_frames && sl_writer_is_empty(&connection->writer) && connection->goodbye.length > 0)
        queue_goodbye(connection);
    if (connection->may_write_frames && !sl_writer_is_empty(&connection->writer))
        return false;
    if (connection->may_write_frames && !connection->wrote_end && !connection->yielding) {
        connection->wrote_end = true;
        sl_carrier_end_writing(&connection->carrier);
        (void)sl_socket_flush(&connection->socket);
    }
    return sl_socket_unsent(&connection->socket) == 0;
}

void sl_drain_step(struct sl_connection *connection) {
    struct sl_socket *socket = &connection->socket;
    bool written = has_written_all(connection);
    if (socket->failure != 0 || (written && socket->ended)) {
        sl_connection_drop(connection);
        return;
    }
    if (socket->ended)
        (void)event_del(&connection->read); /* or the loop would spin on it */
    if (written) {
        (void)event_del(&connection->write);
        if (!connection->yielding)
            sl_socket_end_writing(socket);
    }
}

void sl_connection_drop(struct sl_connection *connection) {
    struct sl_transport *transport = connection->transport;
    if (connection->state == SL_CONNECTION_CLOSED)
        return;
    sl_connection_enter(connection, SL_CONNECTION_CLOSED);
    (void)event_del(&connection->read);
    (void)event_del(&connection->write);
    (void)event_del(&connection->later);
    sl_pair_forget(connection);
    sl_connection_release_source(connection);
    sl_socket_finish(&connection->socket);
    sl_bulk_clear(&connection->writer.bulk);
    if (connection->previous != NULL)
        connection->previous->next = connection->next;
    else
        transport->connections = connection->next;
    if (connection->next != NULL)
        connection->next->previous = connection->previous;
    connection->previous = NULL;
    connection->next = transport->closed;
    transport->closed = connection;
    transport->connection_count--;
    (void)event_add(&transport->reap, &(struct timeval){0});
}
