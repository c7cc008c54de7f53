#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "transport/socket.h"

uint16_t sl_socket_port(int fd) {
    struct sockaddr_storage bound = {.ss_family = AF_UNSPEC};
    socklen_t length = sizeof bound;
    if (getsockname(fd, (struct sockaddr *)&bound, &length) != 0)
        return 0;
    return ntohs(bound.ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)(const void *)&bound)->sin6_port
                                             : ((const struct sockaddr_in *)(const void *)&bound)->sin_port);
}

int sl_socket_listen(const struct addrinfo *where, uint16_t port) {
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
