#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "transport/socket.h"

/* A peer whose machine vanished: keepalive notices it when nothing is under way, the user timeout when something is.
 * Both give up after about 20 s, when the flock has suspected and dropped it by its pings anyway. */
enum {
    KEEPALIVE_IDLE_SECONDS = 10,
    KEEPALIVE_INTERVAL_SECONDS = 5,
    KEEPALIVE_PROBES = 2,
    USER_TIMEOUT_MILLISECONDS = 20000,
    UNACKNOWLEDGED_MUCH = 16, /* segments; as many go at once at a connection's beginning */
    /* What may wait in the kernel before it is first sent: the bulk that a control frame can find in front of it. */
    NOTSENT_LOWAT = 256 << 10,
    NOTSENT_LEAST = 16 << 10,
    NOTSENT_MICROSECONDS = 20000 /* between these as much as the link takes in so long */
};

static void set_option(int fd, int level, int name, int value) {
    (void)setsockopt(fd, level, name, &value, sizeof value);
}

void sl_socket_set_options(int fd, const char *congestion) {
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1); /* batches are made here: the kernel has nothing to wait for */
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_SECONDS);
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_SECONDS);
    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
    set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MILLISECONDS);
    set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, NOTSENT_LOWAT);
    if (congestion[0] != '\0')
        (void)setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, congestion, (socklen_t)strlen(congestion));
}

void sl_socket_fit_queue(int fd) {
    struct tcp_info info = {0};
    socklen_t size = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 || info.tcpi_rtt == 0)
        return;
    uint64_t window = (uint64_t)info.tcpi_snd_cwnd * info.tcpi_snd_mss;
    uint64_t most = window * NOTSENT_MICROSECONDS / info.tcpi_rtt;
    set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT,
               most > NOTSENT_LOWAT   ? NOTSENT_LOWAT
               : most < NOTSENT_LEAST ? NOTSENT_LEAST
                                      : (int)most);
}

bool sl_socket_is_behind(int fd) {
    struct tcp_info info = {0};
    socklen_t size = sizeof info;
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 && info.tcpi_unacked >= UNACKNOWLEDGED_MUCH;
}

/* The same congestion control again would be no change to the kernel: reno, which each has, is between. */
void sl_socket_search_anew(int fd) {
    static const char between[] = "reno";
    char used[16] = ""; /* TCP_CA_NAME_MAX */
    socklen_t size = sizeof used;
    if (getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, used, &size) != 0 || size == 0 ||
        strncmp(used, between, sizeof used) == 0)
        return;
    if (setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, between, sizeof between - 1) == 0)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, used, (socklen_t)strnlen(used, sizeof used));
}

enum sl_status sl_socket_check_congestion(const char *congestion, struct sl_error *error) {
    if (congestion[0] == '\0')
        return SL_OK;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return sl_error_set(error, sl_status_from_errno(errno), "making a socket: %s", strerror(errno));
    int result = setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, congestion, (socklen_t)strlen(congestion));
    int failure = errno;
    (void)close(fd);
    if (result != 0)
        return sl_error_set(error, SL_SETTINGS,
                            "transport.congestion: expected one that this kernel allows, got '%s' (%s)", congestion,
                            strerror(failure));
    return SL_OK;
}

void sl_socket_format_address(char out[SL_ADDRESS_SIZE], const struct sockaddr *address, socklen_t length) {
    struct sl_address parsed;
    char port[8];
    if (getnameinfo(address, length, parsed.host, sizeof parsed.host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        out[0] = '?';
        out[1] = '\0';
        return;
    }
    parsed.port = (uint16_t)strtoul(port, NULL, 10);
    sl_address_format(out, &parsed);
}
