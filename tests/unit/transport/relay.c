#include "relay.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static void close_end(struct relay_end *end) {
    if (end->fd < 0)
        return;
    event_del(&end->readable);
    close(end->fd);
    end->fd = -1;
}

/* Loopback takes whatever tests send through it, so writing may block. */
static void handle_readable(evutil_socket_t fd, short what, void *context) {
    struct relay_end *end = context;
    char bytes[65536];
    (void)what;
    if (end->relay->silent) {
        event_del(&end->readable);
        return;
    }
    ssize_t got = recv(fd, bytes, sizeof bytes, 0);
    if (got > 0 && end->other->fd >= 0 && send(end->other->fd, bytes, (size_t)got, MSG_NOSIGNAL) == got)
        return;
    close_end(end->other);
    close_end(end);
}

static void open_end(struct relay *relay, struct relay_end *end, struct relay_end *other, int fd) {
    *end = (struct relay_end){.relay = relay, .other = other, .fd = fd};
    event_assign(&end->readable, event_get_base(&relay->acceptable), fd, EV_READ | EV_PERSIST, handle_readable, end);
    event_add(&end->readable, NULL);
}

static void handle_acceptable(evutil_socket_t fd, short what, void *context) {
    struct relay *relay = context;
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(relay->to), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    (void)what;
    cr_assert_lt(relay->count, RELAY_PAIRS_MAX);
    struct relay_end *pair = relay->ends[relay->count++];
    int near = accept4(fd, NULL, NULL, SOCK_CLOEXEC), far = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(near >= 0 && far >= 0);
    cr_assert_eq(connect(far, (const struct sockaddr *)&to, sizeof to), 0);
    open_end(relay, &pair[0], &pair[1], near);
    open_end(relay, &pair[1], &pair[0], far);
}

void relay_init(struct relay *relay, struct rig *rig, uint16_t to) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof at;
    *relay = (struct relay){.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .to = to};
    cr_assert_eq(bind(relay->listener, (struct sockaddr *)&at, length), 0);
    cr_assert_eq(listen(relay->listener, 8), 0);
    cr_assert_eq(getsockname(relay->listener, (struct sockaddr *)&at, &length), 0);
    relay->port = ntohs(at.sin_port);
    snprintf(relay->address, sizeof relay->address, "127.0.0.1:%u", (unsigned)relay->port);
    event_assign(&relay->acceptable, rig->base, relay->listener, EV_READ | EV_PERSIST, handle_acceptable, relay);
    event_add(&relay->acceptable, NULL);
}

void relay_finish(struct relay *relay) {
    for (size_t i = 0; i < relay->count; i++) {
        close_end(&relay->ends[i][0]);
        close_end(&relay->ends[i][1]);
    }
    event_del(&relay->acceptable);
    close(relay->listener);
}
