/* Happy path: a listening socket is readable, its connections are accepted, each starts its handshake. Accepting pauses
 * where this node has all connections that it may have, no descriptors, or too many handshakes at once: those who wait
 * stay in the kernel's queue, and nothing is refused that could be served a moment later. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "transport/connection.h"

enum {
    ACCEPTS_A_CALLBACK = 16, /* other connections get their turn between */
    /* A handshake with admission costs about 2 ms of a core with P-256 keys and up to 4 with RSA: a stranger who opens
     * connections gets a third of a core at most, and a flock of 500 that joins at once is through in three seconds. */
    HANDSHAKES_A_SECOND = 100,
    HANDSHAKES_AT_ONCE = 256,
    HANDSHAKE_PAUSE_MILLISECONDS = 50,
    DESCRIPTOR_PAUSE_MILLISECONDS = 1000
};
static const sl_time SAY_PAUSE_EVERY = 10 * SL_SECOND;

struct sl_listener {
    struct sl_listener *next;
    struct sl_transport *transport;
    int fd;
    struct event readable;
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
    if (transport->pause_said_at != 0 && now - transport->pause_said_at < SAY_PAUSE_EVERY)
        return;
    transport->pause_said_at = now;
    sl_log_line(transport->log, SL_LOG_WARNING, "transport", "accepting paused", SL_TEXT("reason", reason),
                SL_UNSIGNED("connections", transport->connection_count));
}

static void resume_accepting(struct sl_transport *transport) {
    transport->accepting_paused = false;
    transport->wait_for_room = false;
    for (struct sl_listener *listener = transport->listeners; listener != NULL; listener = listener->next)
        (void)event_add(&listener->readable, NULL);
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

static bool take_token(struct sl_transport *transport) {
    sl_time now = sl_clock_monotonic();
    double earned = sl_time_to_seconds(now - transport->tokens_at) * HANDSHAKES_A_SECOND;
    transport->handshake_tokens += earned;
    if (transport->tokens_at == 0 || transport->handshake_tokens > HANDSHAKES_AT_ONCE)
        transport->handshake_tokens = HANDSHAKES_AT_ONCE;
    transport->tokens_at = now;
    if (transport->handshake_tokens < 1)
        return false;
    transport->handshake_tokens -= 1;
    return true;
}

/* ---- accepting ---- */

/* False when there is nothing more to accept now. */
static bool accept_one(struct sl_listener *listener) {
    struct sl_transport *transport = listener->transport;
    struct sockaddr_storage from;
    socklen_t length = sizeof from;
    int fd = accept4(listener->fd, (struct sockaddr *)&from, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            pause_accepting(transport, DESCRIPTOR_PAUSE_MILLISECONDS, strerror(errno));
        return errno == ECONNABORTED || errno == EINTR || errno == EPROTO;
    }
    char address[SL_ADDRESS_SIZE];
    struct sl_connection *connection = NULL;
    sl_socket_format_address(address, (struct sockaddr *)&from, length);
    transport->counters.accepted++;
    enum sl_status status = sl_connection_create(&connection, transport, fd, NULL, address);
    if (status != SL_OK)
        sl_log_line(transport->log, SL_LOG_WARNING, "transport", "connection failed", SL_TEXT("address", address),
                    SL_TEXT("reason", sl_status_text(status)));
    return true;
}

static void handle_readable(evutil_socket_t fd, short what, void *context) {
    (void)fd;
    (void)what;
    struct sl_listener *listener = context;
    struct sl_transport *transport = listener->transport;
    for (int i = 0; i < ACCEPTS_A_CALLBACK && !transport->accepting_paused; i++) {
        if (transport->connection_count >= transport->max_connections)
            pause_accepting(transport, 0, "transport.max_connections is reached");
        else if (!take_token(transport))
            pause_accepting(transport, HANDSHAKE_PAUSE_MILLISECONDS, "too many handshakes at once");
        else if (!accept_one(listener))
            return;
    }
}

/* ---- listening ---- */

static uint16_t port_of(int fd) {
    struct sockaddr_storage bound = {.ss_family = AF_UNSPEC};
    socklen_t length = sizeof bound;
    if (getsockname(fd, (struct sockaddr *)&bound, &length) != 0)
        return 0;
    return ntohs(bound.ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)(const void *)&bound)->sin6_port
                                             : ((const struct sockaddr_in *)(const void *)&bound)->sin_port);
}

static int bind_one(const struct addrinfo *where, uint16_t port) {
    int fd = socket(where->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    int on = 1;
    struct sockaddr_storage address;
    memcpy(&address, where->ai_addr, where->ai_addrlen);
    if (where->ai_family == AF_INET6) {
        ((struct sockaddr_in6 *)(void *)&address)->sin6_port = htons(port);
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on); /* [::] and 0.0.0.0 may both be given */
    } else {
        ((struct sockaddr_in *)(void *)&address)->sin_port = htons(port);
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address, where->ai_addrlen) != 0 || listen(fd, SOMAXCONN) != 0) {
        int failure = errno;
        (void)close(fd);
        errno = failure;
        return -1;
    }
    return fd;
}

static enum sl_status add_listener(struct sl_transport *transport, int fd) {
    struct sl_listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL) {
        (void)close(fd);
        return SL_NO_MEMORY;
    }
    if (transport->listeners == NULL)
        (void)event_assign(&transport->resume, transport->base, -1, 0, handle_resume, transport);
    listener->transport = transport;
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
static enum sl_status listen_on_all(struct sl_transport *transport, const struct addrinfo *found, const char *address,
                                    uint16_t *port, struct sl_error *error) {
    bool any = false;
    int failure = 0;
    for (const struct addrinfo *at = found; at != NULL; at = at->ai_next) {
        int fd = bind_one(at, *port);
        if (fd < 0 && errno != EADDRNOTAVAIL && errno != EAFNOSUPPORT)
            return sl_error_set(error, sl_status_from_errno(errno), "listening on %s: %s", address, strerror(errno));
        if (fd < 0) {
            failure = errno;
            continue;
        }
        if (*port == 0)
            *port = port_of(fd);
        if (add_listener(transport, fd) != SL_OK)
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

enum sl_status sl_transport_listen(struct sl_transport *transport, const char *address, uint16_t *port,
                                   struct sl_error *error) {
    struct sl_address parsed;
    struct addrinfo *found = NULL;
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
    uint16_t bound = parsed.port;
    status = listen_on_all(transport, found, address, &bound, error);
    freeaddrinfo(found);
    if (status != SL_OK)
        destroy_until(transport, before);
    else if (port != NULL)
        *port = bound;
    return status;
}

void sl_listeners_destroy(struct sl_transport *transport) {
    if (transport->listeners == NULL)
        return;
    destroy_until(transport, NULL);
    (void)event_del(&transport->resume);
    transport->accepting_paused = false;
}
