/* Happy path: a listening socket is readable, its connections are accepted, the guard lets each pass, each starts its
 * handshake. Whoever comes too often or has too many is accepted and reset at once, which costs 10 µs and tells him;
 * left in the kernel's queue he would fill it before the honest. Accepting pauses only where this node has all
 * connections that it may have, all of them admitted, or no descriptors. */
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "transport/connection.h"

enum {
    ACCEPTS_A_CALLBACK = 16, /* other connections get their turn between */
    DESCRIPTOR_PAUSE_MILLISECONDS = 1000
};
/* Pauses that follow each other sooner are one, and said once. */
static const sl_time PAUSES_APART = 10 * SL_SECOND;

/* One socket; a setting has several where its host has several addresses. */
struct sl_listener {
    struct sl_listener *next;
    struct sl_transport *transport;
    int fd;
    struct event readable;
    uint16_t number; /* of the setting */
    enum sl_connection_security security;
    bool proxy;
    struct sl_guard_limits limits;
};

/* ---- pauses ---- */

static void pause_accepting(struct sl_transport *transport, int milliseconds, const char *reason) {
    sl_time now = sl_clock_monotonic();
    transport->accepting_paused = true;
    transport->wait_for_room = milliseconds == 0;
    for (struct sl_listener *listener = transport->listeners; listener != NULL; listener = listener->next)
        (void)event_del(&listener->readable);
    if (milliseconds > 0)
        (void)event_add(&transport->resume,
                        &(struct timeval){.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000});
    bool is_said = transport->paused_at != 0 && now - transport->paused_at < PAUSES_APART;
    transport->paused_at = now;
    if (is_said)
        return;
    sl_log_line(transport->log, SL_LOG_WARNING, "transport", "accepting paused", SL_TEXT("reason", reason),
                SL_UNSIGNED("connections", transport->connection_count));
}

static void resume_accepting(struct sl_transport *transport) {
    transport->accepting_paused = false;
    transport->wait_for_room = false;
    transport->paused_at = sl_clock_monotonic();
    for (struct sl_listener *listener = transport->listeners; listener != NULL; listener = listener->next)
        (void)event_add(&listener->readable, NULL);
}

/* One was accepted. */
static void end_pauses(struct sl_transport *transport, sl_time now) {
    if (transport->paused_at == 0 || now - transport->paused_at < PAUSES_APART)
        return;
    transport->paused_at = 0;
    sl_log_line(transport->log, SL_LOG_INFO, "transport", "accepting again",
                SL_UNSIGNED("connections", transport->connection_count));
}

void sl_listeners_resume(struct sl_transport *transport) {
    if (transport->accepting_paused && transport->wait_for_room &&
        transport->connection_count < transport->max_connections)
        resume_accepting(transport);
}

static void handle_resume(evutil_socket_t fd, short what, void *context) {
    (void)fd;
    (void)what;
    resume_accepting(context);
}

/* ---- accepting ---- */

/* With a reset: the kernel keeps nothing of it, and the other end does not wait for a handshake. */
static void reset(int fd) {
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    (void)close(fd);
}

static void refuse(struct sl_transport *transport, struct sl_guard_source *source, const struct sockaddr *from,
                   socklen_t length, const char *reason) {
    uint64_t suppressed = 0;
    char address[SL_ADDRESS_SIZE];
    transport->counters.limited++;
    if (!sl_guard_may_log(transport->guard, source, sl_clock_monotonic(), &suppressed)) {
        sl_quota_watch(transport);
        return;
    }
    sl_socket_format_address(address, from, length);
    sl_log_line(transport->log, SL_LOG_WARNING, "transport", "connection refused", SL_TEXT("address", address),
                SL_TEXT("reason", reason), suppressed > 0 ? SL_UNSIGNED("more", suppressed) : SL_END);
}

static bool has_room(const struct sl_transport *transport) {
    return transport->connection_count < transport->max_connections &&
           sl_guard_strangers(transport->guard) < transport->max_strangers;
}

static void take(struct sl_listener *listener, int fd, struct sl_guard_source *source, const struct sockaddr *from,
                 socklen_t length) {
    struct sl_transport *transport = listener->transport;
    char address[SL_ADDRESS_SIZE];
    struct sl_connection *connection = NULL;
    if (!has_room(transport))
        (void)sl_strangers_evict(transport);
    sl_socket_format_address(address, from, length);
    transport->counters.accepted++;
    const struct sl_path path = {.security = listener->security};
    enum sl_status status = sl_connection_create(&connection, transport, fd, NULL, &path, address);
    if (status == SL_OK)
        sl_connection_set_source(connection, source, true);
    else
        sl_log_line(transport->log, SL_LOG_WARNING, "transport", "connection failed", SL_TEXT("address", address),
                    SL_TEXT("reason", sl_status_text(status)));
}

/* What accept4 hands on of a connection that ended while it waited, or of a filter (accept(2), "Error handling"). */
static bool is_of_one_connection(int failure) {
    return failure == ECONNABORTED || failure == EINTR || failure == EPROTO || failure == EPERM ||
           failure == ENETDOWN || failure == ENOPROTOOPT || failure == EHOSTDOWN || failure == ENONET ||
           failure == EHOSTUNREACH || failure == EOPNOTSUPP || failure == ENETUNREACH;
}

/* False when there is nothing more to accept now. */
static bool accept_one(struct sl_listener *listener) {
    struct sl_transport *transport = listener->transport;
    struct sockaddr_storage storage;
    const struct sockaddr *from = (const struct sockaddr *)&storage;
    socklen_t length = sizeof storage;
    int fd = accept4(listener->fd, (struct sockaddr *)&storage, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        int failure = errno;
        bool is_empty = failure == EAGAIN || failure == EWOULDBLOCK;
        if (!is_empty && !is_of_one_connection(failure)) /* no descriptors, no memory; or the loop would spin */
            pause_accepting(transport, DESCRIPTOR_PAUSE_MILLISECONDS, strerror(failure));
        return is_of_one_connection(failure);
    }
    sl_time now = sl_clock_monotonic();
    end_pauses(transport, now);
    struct sl_guard_source *source =
        sl_guard_find(transport->guard, listener->number, listener->proxy ? NULL : from, now);
    enum sl_guard_answer answer =
        source == NULL ? SL_GUARD_BUSY : sl_guard_ask(transport->guard, source, &listener->limits, now);
    if (answer == SL_GUARD_TAKE) {
        take(listener, fd, source, from, length);
        return true;
    }
    reset(fd);
    if (answer == SL_GUARD_BUSY) /* no fault of this one */
        source = sl_guard_strangers_source(transport->guard);
    refuse(transport, source, from, length, sl_guard_answer_text(answer));
    return true;
}

static void handle_readable(evutil_socket_t fd, short what, void *context) {
    (void)fd;
    (void)what;
    struct sl_listener *listener = context;
    struct sl_transport *transport = listener->transport;
    for (int i = 0; i < ACCEPTS_A_CALLBACK && !transport->accepting_paused; i++) {
        if (transport->connection_count >= transport->max_connections && sl_guard_strangers(transport->guard) == 0)
            pause_accepting(transport, 0, "transport.max_connections is reached");
        else if (!accept_one(listener))
            return;
    }
}

/* ---- listening ---- */

static enum sl_status add_listener(struct sl_transport *transport, int fd, const struct sl_listener *model) {
    struct sl_listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL) {
        (void)close(fd);
        return SL_NO_MEMORY;
    }
    if (transport->listeners == NULL)
        (void)event_assign(&transport->resume, transport->base, -1, 0, handle_resume, transport);
    *listener = *model;
    listener->fd = fd;
    listener->next = transport->listeners;
    transport->listeners = listener;
    (void)event_assign(&listener->readable, transport->base, fd, EV_READ | EV_PERSIST, handle_readable, listener);
    if (!transport->accepting_paused)
        (void)event_add(&listener->readable, NULL);
    return SL_OK;
}

/* Binds every address that the host has here; one that this machine lacks (IPv6 switched off) is passed over as long as
 * another one works. */
static enum sl_status listen_on_all(const struct sl_listener *model, const struct addrinfo *found, const char *address,
                                    uint16_t *port, struct sl_error *error) {
    bool any = false;
    int failure = 0;
    for (const struct addrinfo *at = found; at != NULL; at = at->ai_next) {
        int fd = sl_socket_listen(at, *port);
        if (fd < 0 && errno != EADDRNOTAVAIL && errno != EAFNOSUPPORT)
            return sl_error_set(error, sl_status_from_errno(errno), "listening on %s: %s", address, strerror(errno));
        if (fd < 0) {
            failure = errno;
            continue;
        }
        if (*port == 0)
            *port = sl_socket_port(fd);
        if (add_listener(model->transport, fd, model) != SL_OK)
            return sl_error_set(error, SL_NO_MEMORY, "listening on %s: out of memory", address);
        any = true;
    }
    if (any)
        return SL_OK;
    return sl_error_set(error, SL_NETWORK, "listening on %s: %s", address, strerror(failure));
}

static void destroy_until(struct sl_transport *transport, const struct sl_listener *last) {
    while (transport->listeners != last) {
        struct sl_listener *listener = transport->listeners;
        transport->listeners = listener->next;
        (void)event_del(&listener->readable);
        (void)close(listener->fd);
        free(listener);
    }
}

/* All that come through a proxy have its address, so the limits count for all of them together. */
static struct sl_listener describe(struct sl_transport *transport, const struct sl_listener_setting *setting) {
    return (struct sl_listener){
        .transport = transport,
        .number = transport->listen_count,
        .security = setting->security,
        .proxy = setting->proxy,
        .limits = {.rate = setting->handshake_rate,
                   .burst = (double)setting->handshake_burst,
                   .connections = (size_t)setting->max_connections,
                   .strangers = setting->proxy ? transport->max_strangers : transport->max_strangers_per_source}};
}

enum sl_status sl_transport_listen(struct sl_transport *transport, const struct sl_listener_setting *setting,
                                   uint16_t *port, struct sl_error *error) {
    struct sl_address parsed;
    struct addrinfo *found = NULL;
    const char *address = setting->address;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    if (transport->shutting_down)
        return sl_error_set(error, SL_STATE, "listening on %s: shutting down", address);
    enum sl_status status = sl_address_parse(&parsed, address, error);
    if (status != SL_OK)
        return status;
    int result = getaddrinfo(parsed.host, NULL, &hints, &found);
    if (result != 0)
        return sl_error_set(error, SL_NOT_FOUND, "listening on %s: %s", address, gai_strerror(result));
    const struct sl_listener *before = transport->listeners;
    const struct sl_listener model = describe(transport, setting);
    uint16_t bound = parsed.port;
    status = listen_on_all(&model, found, address, &bound, error);
    freeaddrinfo(found);
    if (status != SL_OK) {
        destroy_until(transport, before);
        return status;
    }
    transport->listen_count++;
    if (port != NULL)
        *port = bound;
    return SL_OK;
}

void sl_listeners_destroy(struct sl_transport *transport) {
    if (transport->listeners == NULL)
        return;
    destroy_until(transport, NULL);
    (void)event_del(&transport->resume);
    transport->accepting_paused = false;
}
