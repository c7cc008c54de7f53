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

Test(search, without_a_socket_is_nothing) {
    sl_socket_search_anew(-1);
    cr_expect_not(sl_socket_is_behind(-1));
}
