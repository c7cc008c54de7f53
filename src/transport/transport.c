#include "transport/transport.h"

#include <stdlib.h>
#include <string.h>

#include "settings/settings.h"
#include "transport/connection.h"

/* How long an ended connection may take to say so and to hear the peer's FIN. */
static const struct timeval DRAIN_TIMEOUT = {.tv_sec = 2};

static struct timeval timeval_from(sl_time time) {
    return (struct timeval){.tv_sec = (time_t)(time / SL_SECOND), .tv_usec = (suseconds_t)(time % SL_SECOND / 1000)};
}

/* ---- freeing what has ended ---- */

static void free_closed(struct sl_transport *transport) {
    while (transport->closed != NULL) {
        struct sl_connection *connection = transport->closed;
        transport->closed = connection->next;
        sl_connection_destroy(connection);
    }
}

static void finish_shutdown(struct sl_transport *transport) {
    void (*done)(void *context) = transport->shutdown_done;
    if (done == NULL)
        return;
    transport->shutdown_done = NULL;
    (void)event_del(&transport->shutdown_timer);
    done(transport->shutdown_context);
}

static void handle_reap(evutil_socket_t fd, short what, void *context) {
    (void)fd;
    (void)what;
    struct sl_transport *transport = context;
    free_closed(transport);
    sl_listeners_resume(transport);
    if (transport->shutting_down && transport->connections == NULL && transport->dials == NULL)
        finish_shutdown(transport);
}

static void handle_shutdown_timeout(evutil_socket_t fd, short what, void *context) {
    (void)fd;
    (void)what;
    struct sl_transport *transport = context;
    while (transport->connections != NULL) {
        struct sl_connection *connection = transport->connections;
        /* Tells the handlers where the loop has not come round yet. */
        sl_connection_end(connection, &(struct sl_ending){
                                          .kind = SL_ENDING_BROKEN, .status = SL_CANCELLED, .reason = "shutting down"});
        sl_connection_drop(connection);
    }
    sl_dials_fail(transport);
    finish_shutdown(transport);
}

/* ---- life ---- */

static void free_addresses(struct sl_transport *transport) {
    for (size_t i = 0; i < transport->address_count; i++)
        free(transport->addresses[i]);
    free(transport->addresses);
    transport->addresses = NULL;
    transport->address_count = 0;
}

enum sl_status sl_transport_advertise(struct sl_transport *transport, const char *const *addresses, size_t count) {
    free_addresses(transport);
    if (count == 0)
        return SL_OK;
    transport->addresses = calloc(count, sizeof *transport->addresses);
    if (transport->addresses == NULL)
        return SL_NO_MEMORY;
    for (size_t i = 0; i < count; i++, transport->address_count++) {
        transport->addresses[i] = strdup(addresses[i]);
        if (transport->addresses[i] == NULL)
            return SL_NO_MEMORY;
    }
    return SL_OK;
}

static enum sl_status set_up(struct sl_transport *transport, const struct sl_transport_options *options,
                             struct sl_error *error) {
    const struct sl_settings *settings = options->settings;
    enum sl_status status = sl_socket_check_congestion(settings->transport.congestion, error);
    if (status == SL_OK)
        status = sl_tls_priority_create(&transport->priority, settings->transport.priorities, error);
    if (status == SL_OK)
        status = sl_paths_init(&transport->paths, settings, error);
    if (status != SL_OK)
        return status;
    transport->run = strdup(settings->flock.run);
    transport->congestion = strdup(settings->transport.congestion);
    if (transport->run == NULL || transport->congestion == NULL || sl_socket_shared_init(&transport->shared) != SL_OK ||
        gnutls_certificate_allocate_credentials(&transport->nobody) < 0 ||
        sl_transport_advertise(transport, options->addresses, options->address_count) != SL_OK)
        return sl_error_set(error, SL_NO_MEMORY, "out of memory");
    return SL_OK;
}

enum sl_status sl_transport_create(struct sl_transport **out, const struct sl_transport_options *options,
                                   struct sl_error *error) {
    struct sl_transport *transport = calloc(1, sizeof *transport);
    if (transport == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "out of memory");
    *transport = (struct sl_transport){
        .base = options->base,
        .identity = sl_identity_ref(options->identity),
        .log = options->log,
        .boot = options->boot,
        .handlers = options->handlers,
        .handshake_timeout = timeval_from(sl_time_from_seconds(options->settings->transport.handshake_timeout)),
        .drain_timeout = DRAIN_TIMEOUT,
        .max_connections = (size_t)options->settings->transport.max_connections,
        .max_strangers = (size_t)options->settings->transport.max_unauthenticated,
        .max_strangers_per_source = (size_t)options->settings->transport.max_unauthenticated_per_address,
        .key_update_bytes = options->settings->transport.key_update_bytes,
        .quota_limits = {.messages = (double)options->settings->transport.control_messages,
                         .bytes = (double)options->settings->transport.control_bytes,
                         .stall = sl_time_from_seconds(options->settings->transport.stall_timeout)},
    };
    (void)event_assign(&transport->reap, options->base, -1, 0, handle_reap, transport);
    sl_quota_init(transport);
    (void)event_assign(&transport->shutdown_timer, options->base, -1, 0, handle_shutdown_timeout, transport);
    enum sl_status status = sl_guard_create(&transport->guard, error);
    if (status == SL_OK && sl_resolver_create(&transport->resolver, options->base, options->resolve) != SL_OK)
        status = sl_error_set(error, SL_NO_MEMORY, "out of memory");
    if (status == SL_OK)
        status = set_up(transport, options, error);
    if (status != SL_OK) {
        sl_transport_destroy(transport);
        return status;
    }
    *out = transport;
    return SL_OK;
}

void sl_transport_destroy(struct sl_transport *transport) {
    if (transport == NULL)
        return;
    transport->silent = true;
    sl_listeners_destroy(transport);
    while (transport->connections != NULL)
        sl_connection_drop(transport->connections);
    free_closed(transport);
    sl_dials_destroy(transport);
    sl_quota_finish(transport);
    sl_guard_destroy(transport->guard);
    (void)event_del(&transport->reap);
    (void)event_del(&transport->shutdown_timer);
    if (transport->priority != NULL)
        gnutls_priority_deinit(transport->priority);
    if (transport->nobody != NULL)
        gnutls_certificate_free_credentials(transport->nobody);
    sl_paths_finish(&transport->paths);
    sl_identity_unref(transport->identity);
    free_addresses(transport);
    free(transport->run);
    free(transport->congestion);
    sl_socket_shared_finish(&transport->shared);
    free(transport);
}

void sl_transport_shutdown(struct sl_transport *transport, bool leaving, sl_time timeout, void (*done)(void *context),
                           void *context) {
    if (transport->shutting_down)
        return;
    transport->shutting_down = true;
    transport->leaving = leaving;
    transport->shutdown_done = done;
    transport->shutdown_context = context;
    transport->drain_timeout = timeval_from(timeout);
    sl_listeners_destroy(transport);
    for (struct sl_connection *connection = transport->connections; connection != NULL; connection = connection->next)
        sl_connection_close(connection, leaving ? "leaving the flock" : "shutting down");
    sl_dials_cancel(transport);
    (void)event_add(&transport->shutdown_timer, &transport->drain_timeout);
    (void)event_add(&transport->reap, &(struct timeval){0}); /* there may be no connection to wait for */
}

void sl_transport_forget_pings(struct sl_transport *transport) {
    transport->counters.ping_longest = 0;
}

void sl_transport_counters(const struct sl_transport *transport, struct sl_transport_counters *out) {
    *out = transport->counters;
    out->unauthenticated = sl_guard_strangers(transport->guard);
    out->bytes_sent = transport->shared.bytes_sent;
    out->bytes_received = transport->shared.bytes_received;
}
