/* Hostile connections to one listener, from loopback addresses of their own:
 *
 *     idle        connected, silent; 10 a source
 *     half-open   a ClientHello, then nothing, not even reading; one source
 *     slow        a ClientHello of which a byte comes each second; one source
 *     bad         so many a second: a ClientHello, the answer read, garbage, closed; one source
 *
 * Whatever is closed comes again a second later. Each line of standard input is a port of 127.0.0.1 to turn to from now
 * on (0: to nobody); when it ends, what was seen is printed as JSON. With --sink it is the other end: accepts, reads
 * nothing, closes those of the source of the bad ones at once and leaves the others open; it prints its port. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

enum {
    HELLO_MAX = 4096,
    IDLE_A_SOURCE = 10,
    TICK_MILLISECONDS = 2,
    BAD_AT_ONCE = 512,
    EVENTS = 256,
    /* The last bytes of the sources, 127.0.x.y. */
    SOURCE_BAD = 2,
    SOURCE_HALF_OPEN = 3,
    SOURCE_SLOW = 4,
    SOURCE_IDLE = 16
};

enum kind { IDLE, HALF_OPEN, SLOW, BAD, KINDS };
static const char *const KIND_TEXTS[] = {"idle", "half_open", "slow", "bad"};

struct client {
    enum kind kind;
    int fd; /* −1: to be opened at `due` */
    sl_time due;
    uint32_t source; /* host order */
    size_t sent;
    bool answered;
};

struct load {
    struct sockaddr_in to;
    int epoll;
    uint8_t hello[HELLO_MAX];
    size_t hello_length;
    struct client *clients;
    size_t count;
    double bad_a_second, bad_due;
    uint64_t opened[KINDS], answered[KINDS], reset[KINDS], closed[KINDS];
};

static _Noreturn void die(const char *what) {
    perror(what);
    exit(1);
}

/* ---- a ClientHello as GnuTLS makes it, said again and again ---- */

static ssize_t keep_hello(gnutls_transport_ptr_t context, const void *data, size_t length) {
    struct load *load = context;
    if (load->hello_length + length > HELLO_MAX)
        return -1;
    memcpy(load->hello + load->hello_length, data, length);
    load->hello_length += length;
    return (ssize_t)length;
}

static ssize_t give_nothing(gnutls_transport_ptr_t context, void *data, size_t length) {
    (void)context;
    (void)data;
    (void)length;
    errno = EAGAIN;
    return -1;
}

static void make_hello(struct load *load) {
    gnutls_session_t session;
    gnutls_certificate_credentials_t credentials;
    if (gnutls_init(&session, GNUTLS_CLIENT | GNUTLS_NONBLOCK) != 0 ||
        gnutls_certificate_allocate_credentials(&credentials) != 0 ||
        gnutls_priority_set_direct(session, "NORMAL:-VERS-ALL:+VERS-TLS1.3", NULL) != 0 ||
        gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials) != 0)
        die("gnutls");
    gnutls_transport_set_ptr(session, load);
    gnutls_transport_set_push_function(session, keep_hello);
    gnutls_transport_set_pull_function(session, give_nothing);
    (void)gnutls_handshake(session);
    gnutls_deinit(session);
    gnutls_certificate_free_credentials(credentials);
    if (load->hello_length == 0)
        die("no ClientHello");
}

/* ---- one client ---- */

static void watch(struct load *load, struct client *client, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = client};
    if (epoll_ctl(load->epoll, EPOLL_CTL_MOD, client->fd, &event) != 0 && errno == ENOENT &&
        epoll_ctl(load->epoll, EPOLL_CTL_ADD, client->fd, &event) != 0)
        die("epoll_ctl");
}

/* With a reset, so that no port stays in TIME_WAIT. */
static void end(struct client *client, sl_time now) {
    const struct linger at_once = {.l_onoff = 1};
    (void)setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    (void)close(client->fd);
    client->fd = -1;
    client->due = client->kind == BAD ? SL_NEVER : now + SL_SECOND;
}

static void open_client(struct load *load, struct client *client, sl_time now) {
    const struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(client->source)};
    const int on = 1;
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (client->fd < 0)
        die("socket");
    (void)setsockopt(client->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (bind(client->fd, (const struct sockaddr *)&from, sizeof from) != 0)
        die("bind");
    client->sent = 0;
    client->answered = false;
    load->opened[client->kind]++;
    if (connect(client->fd, (const struct sockaddr *)&load->to, sizeof load->to) != 0 && errno != EINPROGRESS) {
        end(client, now);
        return;
    }
    watch(load, client, EPOLLOUT);
}

static void connected(struct load *load, struct client *client, sl_time now) {
    bool says_all = client->kind == HALF_OPEN || client->kind == BAD;
    if (says_all && send(client->fd, load->hello, load->hello_length, MSG_NOSIGNAL) < 0) {
        load->reset[client->kind]++;
        end(client, now);
        return;
    }
    client->due = now;
    watch(load, client, client->kind == HALF_OPEN ? EPOLLRDHUP : EPOLLIN);
}

static void readable(struct load *load, struct client *client, sl_time now) {
    static const char garbage[64] = "\x17\x03\x03\x00\x3b this is no Finished";
    char bytes[8192];
    ssize_t got = client->kind == HALF_OPEN ? 0 : recv(client->fd, bytes, sizeof bytes, 0);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got > 0 && !client->answered) {
        client->answered = true;
        load->answered[client->kind]++;
        if (client->kind == BAD && send(client->fd, garbage, sizeof garbage, MSG_NOSIGNAL) < 0)
            got = -1;
    }
    if (got > 0)
        return; /* its alert, then its end */
    (got < 0 ? load->reset : load->closed)[client->kind]++;
    end(client, now);
}

static void handle(struct load *load, struct client *client, uint32_t events, sl_time now) {
    if (client->fd < 0)
        return;
    if ((events & EPOLLERR) != 0) {
        load->reset[client->kind]++;
        end(client, now);
    } else if ((events & EPOLLOUT) != 0) {
        connected(load, client, now);
    } else {
        readable(load, client, now);
    }
}

/* ---- time ---- */

static void say_slowly(struct load *load, struct client *client, sl_time now) {
    if (client->sent < load->hello_length &&
        send(client->fd, load->hello + client->sent++, 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        return; /* its end is heard by epoll */
    client->due = now + SL_SECOND;
}

static void tick(struct load *load, sl_time now, double passed) {
    load->bad_due += passed * load->bad_a_second;
    for (size_t i = 0; i < load->count; i++) {
        struct client *client = &load->clients[i];
        if (client->kind == BAD && client->fd < 0 && load->bad_due >= 1) {
            load->bad_due -= 1;
            open_client(load, client, now);
        } else if (client->kind != BAD && client->fd < 0 && client->due <= now) {
            open_client(load, client, now);
        } else if (client->kind == SLOW && client->fd >= 0 && client->due <= now) {
            say_slowly(load, client, now);
        }
    }
    if (load->bad_due > load->bad_a_second)
        load->bad_due = load->bad_a_second;
}

/* All connections are closed, and opened to the new port. */
static void turn_to(struct load *load, uint16_t port, sl_time now) {
    load->to.sin_port = htons(port);
    load->bad_due = 0;
    for (size_t i = 0; i < load->count; i++) {
        if (load->clients[i].fd >= 0)
            end(&load->clients[i], now);
        load->clients[i].due = now;
    }
}

/* False at the end of the input. */
static bool take_orders(struct load *load, sl_time now) {
    char line[64];
    ssize_t got = read(STDIN_FILENO, line, sizeof line - 1);
    if (got <= 0)
        return false;
    line[got] = '\0';
    turn_to(load, (uint16_t)strtoul(line, NULL, 10), now);
    return true;
}

static size_t add(struct load *load, size_t at, size_t count, enum kind kind, uint32_t source, size_t a_source) {
    for (size_t i = 0; i < count; i++)
        load->clients[at + i] = (struct client){
            .kind = kind, .fd = -1, .source = 0x7f000000 + source + (uint32_t)(i / a_source) * (source >= SOURCE_IDLE)};
    return at + count;
}

static void print(const struct load *load) {
    printf("{");
    for (int kind = 0; kind < KINDS; kind++)
        printf("%s\"%s\": {\"opened\": %llu, \"answered\": %llu, \"reset\": %llu, \"closed\": %llu}",
               kind == 0 ? "" : ", ", KIND_TEXTS[kind], (unsigned long long)load->opened[kind],
               (unsigned long long)load->answered[kind], (unsigned long long)load->reset[kind],
               (unsigned long long)load->closed[kind]);
    printf("}\n");
}

static void run(struct load *load) {
    struct epoll_event events[EVENTS];
    struct epoll_event input = {.events = EPOLLIN, .data.ptr = NULL};
    if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, STDIN_FILENO, &input) != 0)
        die("standard input is not a pipe");
    sl_time last = sl_clock_monotonic();
    for (;;) {
        int count = epoll_wait(load->epoll, events, EVENTS, TICK_MILLISECONDS);
        sl_time now = sl_clock_monotonic();
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == NULL && !take_orders(load, now))
                return;
            if (events[i].data.ptr != NULL)
                handle(load, events[i].data.ptr, events[i].events, now);
        }
        if (now - last >= TICK_MILLISECONDS * SL_MILLISECOND) {
            if (load->to.sin_port != 0)
                tick(load, now, sl_time_to_seconds(now - last));
            last = now;
        }
    }
}

/* ---- the other end ---- */

static void run_sink(void) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}, from;
    socklen_t length = sizeof at;
    const struct linger at_once = {.l_onoff = 1};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (struct sockaddr *)&at, length) != 0 || listen(listener, SOMAXCONN) != 0 ||
        getsockname(listener, (struct sockaddr *)&at, &length) != 0)
        die("sink");
    printf("%u\n", (unsigned)ntohs(at.sin_port));
    (void)fflush(stdout);
    for (;;) {
        length = sizeof from;
        int fd = accept4(listener, (struct sockaddr *)&from, &length, SOCK_CLOEXEC);
        if (fd >= 0 && ntohl(from.sin_addr.s_addr) == 0x7f000000 + SOURCE_BAD) {
            (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
            (void)close(fd);
        }
    }
}

static unsigned long number(const char *text) {
    char *rest;
    unsigned long value = strtoul(text, &rest, 10);
    if (rest == text || *rest != '\0' || value > 100000) {
        (void)fprintf(stderr, "expected a number up to 100000, got \"%s\"\n", text);
        exit(2);
    }
    return value;
}

int main(int argc, char **argv) {
    static const struct option OPTIONS[] = {{"sink", no_argument, NULL, 's'},
                                            {"idle", required_argument, NULL, 'i'},
                                            {"half-open", required_argument, NULL, 'h'},
                                            {"slow", required_argument, NULL, 'w'},
                                            {"bad", required_argument, NULL, 'b'},
                                            {NULL, 0, NULL, 0}};
    static struct load load = {.to = {.sin_family = AF_INET}};
    size_t idle = 0, half_open = 0, slow = 0;
    for (int option; (option = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1;) {
        if (option == 's')
            run_sink();
        else if (option == 'i')
            idle = number(optarg);
        else if (option == 'h')
            half_open = number(optarg);
        else if (option == 'w')
            slow = number(optarg);
        else if (option == 'b')
            load.bad_a_second = (double)number(optarg);
        else
            return 2;
    }
    load.to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    load.count = idle + half_open + slow + BAD_AT_ONCE;
    load.clients = calloc(load.count, sizeof *load.clients);
    if (load.epoll < 0 || load.clients == NULL)
        die("memory");
    make_hello(&load);
    size_t at = add(&load, 0, idle, IDLE, SOURCE_IDLE, IDLE_A_SOURCE);
    at = add(&load, at, half_open, HALF_OPEN, SOURCE_HALF_OPEN, 1);
    at = add(&load, at, slow, SLOW, SOURCE_SLOW, 1);
    (void)add(&load, at, BAD_AT_ONCE, BAD, SOURCE_BAD, 1);
    run(&load);
    print(&load);
    free(load.clients);
    return 0;
}
