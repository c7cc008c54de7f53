#include "transport/quota.h"

#include <stdio.h>

#include "transport/connection.h"

static const sl_time LOOK_EVERY = SL_SECOND, TELL_SUPPRESSED_EVERY = 10 * SL_SECOND;

/* ---- control frames ---- */

enum sl_status sl_quota_take(struct sl_quota *quota, const struct sl_quota_limits *limits, size_t length, sl_time now,
                             struct sl_error *error) {
    double passed = quota->at == 0 ? 0 : sl_time_to_seconds(now - quota->at);
    quota->at = now;
    quota->messages = quota->messages > passed * limits->messages ? quota->messages - passed * limits->messages : 0;
    quota->bytes = quota->bytes > passed * limits->bytes ? quota->bytes - passed * limits->bytes : 0;
    quota->messages += 1;
    quota->bytes += (double)length;
    if (quota->messages > limits->messages * SL_QUOTA_WINDOW_SECONDS)
        return sl_error_set(error, SL_LIMIT, "it sent more than %.0f control messages a second", limits->messages);
    if (quota->bytes > limits->bytes * SL_QUOTA_WINDOW_SECONDS)
        return sl_error_set(error, SL_LIMIT, "it sent more than %.0f bytes of control messages a second",
                            limits->bytes);
    return SL_OK;
}

/* ---- stalls ---- */

static void end_stalled(struct sl_connection *connection, enum sl_ending_kind kind, const char *what) {
    char reason[128];
    (void)snprintf(reason, sizeof reason, "%s within %.3g s", what,
                   sl_time_to_seconds(connection->transport->quota_limits.stall));
    sl_connection_end(connection, &(struct sl_ending){.kind = kind, .status = SL_TIMEOUT, .reason = reason});
}

static bool is_in_frame(const struct sl_connection *connection) {
    return sl_reader_is_inside(&connection->reader);
}

void sl_quota_all_sent(struct sl_connection *connection) {
    connection->quota.sent_at = 0;
    (void)event_del(&connection->write);
}

static void look_at(struct sl_connection *connection, sl_time now) {
    struct sl_quota *quota = &connection->quota;
    sl_time stall = connection->transport->quota_limits.stall;
    uint64_t sent = connection->socket.sent;
    if (!is_in_frame(connection)) {
        quota->frames_at = 0;
    } else if (quota->frames_at == 0 || connection->frames != quota->frames) {
        quota->frames = connection->frames;
        quota->frames_at = now;
    }
    if (sl_writer_is_empty(&connection->writer) && sl_socket_unsent(&connection->socket) == 0) {
        quota->sent_at = 0;
    } else if (quota->sent_at == 0 || sent - quota->sent >= SL_STALL_SEND_MIN) {
        quota->sent = sent;
        quota->sent_at = now;
    }
    if (quota->frames_at != 0 && now - quota->frames_at >= stall)
        end_stalled(connection, SL_ENDING_GOODBYE, "a frame was begun and not whole");
    else if (quota->sent_at != 0 && now - quota->sent_at >= stall)
        end_stalled(connection, SL_ENDING_BROKEN, "it did not read what waits for it");
}

void sl_quota_look(struct sl_transport *transport, sl_time now) {
    struct sl_connection *next = NULL;
    for (struct sl_connection *connection = transport->connections; connection != NULL; connection = next) {
        next = connection->next;
        if (connection->state == SL_CONNECTION_READY)
            look_at(connection, now);
    }
}

/* ---- the watch ---- */

static void tell_suppressed(struct sl_transport *transport) {
    if (!sl_guard_has_suppressed(transport->guard))
        return;
    sl_log_line(transport->log, SL_LOG_WARNING, "transport", "more connections than the log shows",
                SL_UNSIGNED("more", sl_guard_take_suppressed(transport->guard)));
}

/* Time in which this process did not run is no peer's fault. */
static void forgive(struct sl_transport *transport, sl_time lost) {
    for (struct sl_connection *connection = transport->connections; connection != NULL; connection = connection->next) {
        struct sl_quota *quota = &connection->quota;
        if (quota->frames_at != 0)
            quota->frames_at += lost;
        if (quota->sent_at != 0)
            quota->sent_at += lost;
    }
}

static void handle_watch(evutil_socket_t fd, short what, void *context) {
    (void)fd;
    (void)what;
    struct sl_transport *transport = context;
    sl_time now = sl_clock_monotonic();
    if (sl_was_held_up(transport->watch_due))
        forgive(transport, now - transport->watch_due);
    sl_quota_look(transport, now);
    if (now - transport->suppressed_said_at >= TELL_SUPPRESSED_EVERY) {
        transport->suppressed_said_at = now;
        tell_suppressed(transport);
    }
    if (transport->connections != NULL || sl_guard_has_suppressed(transport->guard))
        sl_quota_watch(transport);
}

void sl_quota_watch(struct sl_transport *transport) {
    sl_time stall = transport->quota_limits.stall;
    sl_time every = stall / 4 < LOOK_EVERY ? stall / 4 : LOOK_EVERY;
    const struct timeval wait = {.tv_sec = (time_t)(every / SL_SECOND),
                                 .tv_usec = (suseconds_t)(every % SL_SECOND / 1000)};
    if (event_pending(&transport->watch, EV_TIMEOUT, NULL))
        return;
    transport->watch_due = sl_clock_monotonic() + every;
    (void)event_add(&transport->watch, &wait);
}

void sl_quota_init(struct sl_transport *transport) {
    (void)event_assign(&transport->watch, transport->base, -1, 0, handle_watch, transport);
}

void sl_quota_finish(struct sl_transport *transport) {
    if (transport->guard != NULL)
        tell_suppressed(transport);
    (void)event_del(&transport->watch);
}
