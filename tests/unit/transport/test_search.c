/* The kernel's search for a path's rate, begun anew. */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "transport/socket.h"

static void get_congestion(int fd, char out[16]) {
    socklen_t size = 16;
    memset(out, 0, 16);
    cr_assert_eq(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, out, &size), 0);
}

Test(search, leaves_the_congestion_control_that_was_set) {
    char before[16], after[16];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    get_congestion(fd, before);
    sl_socket_search_anew(fd);
    get_congestion(fd, after);
    cr_expect_str_eq(after, before);
    sl_socket_set_options(fd, "reno");
    sl_socket_search_anew(fd);
    get_congestion(fd, after);
    cr_expect_str_eq(after, "reno");
    cr_expect_not(sl_socket_is_behind(fd));
    (void)close(fd);
}

static int get_queue(int fd) {
    int bytes = 0;
    socklen_t size = sizeof bytes;
    cr_assert_eq(getsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, &size), 0);
    return bytes;
}

/* Two ends of a connection through the kernel's own network, which is fast. */
static void connect_pair(int pair[2]) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(listening, (struct sockaddr *)&address, size), 0);
    cr_assert_eq(listen(listening, 1), 0);
    cr_assert_eq(getsockname(listening, (struct sockaddr *)&address, &size), 0);
    pair[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(pair[0], (struct sockaddr *)&address, size), 0);
    pair[1] = accept(listening, NULL, NULL);
    cr_assert_geq(pair[1], 0);
    (void)close(listening);
}

Test(search, the_queue_of_a_fast_link_is_as_long_as_it_may_be) {
    int pair[2];
    connect_pair(pair);
    int least = 4096;
    cr_assert_eq(setsockopt(pair[0], IPPROTO_TCP, TCP_NOTSENT_LOWAT, &least, sizeof least), 0);
    sl_socket_fit_queue(pair[0]);
    cr_expect_gt(get_queue(pair[0]), 16 << 10);
    cr_expect_leq(get_queue(pair[0]), 256 << 10);
    (void)close(pair[0]);
    (void)close(pair[1]);
}

Test(search, without_a_connection_the_queue_stays_as_it_was) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int before = 4096;
    cr_assert_eq(setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &before, sizeof before), 0);
    sl_socket_fit_queue(fd);
    cr_expect_eq(get_queue(fd), before);
    sl_socket_fit_queue(-1);
    (void)close(fd);
}

Test(search, without_a_socket_is_nothing) {
    sl_socket_search_anew(-1);
    cr_expect_not(sl_socket_is_behind(-1));
}
