/* Can the addresses be listened on? They are bound as the node would, but nobody can connect meanwhile. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"
#include "node/preflight.h"
#include "transport/path.h"

/* 0, or why not. */
static int try_to_bind(const struct addrinfo *where) {
    int on = 1;
    int failure = 0;
    int fd = socket(where->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    if (where->ai_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on); /* [::] and 0.0.0.0 may both be given */
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, where->ai_addr, where->ai_addrlen) != 0)
        failure = errno;
    (void)close(fd);
    return failure;
}

static bool is_loopback(const struct addrinfo *where) {
    if (where->ai_family == AF_INET)
        return (ntohl(((const struct sockaddr_in *)(const void *)where->ai_addr)->sin_addr.s_addr) >> 24) == 127;
    return where->ai_family == AF_INET6 &&
           IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)where->ai_addr)->sin6_addr);
}

static const char *advice_for(int failure) {
    if (failure == EADDRINUSE)
        return "another program listens there, or this node runs already: ss -ltnp";
    if (failure == EACCES)
        return "a port below 1024 needs CAP_NET_BIND_SERVICE; take a higher one";
    if (failure == EADDRNOTAVAIL)
        return "name an address of this machine";
    return "";
}

static void check_addresses(struct preflight *preflight, const char *what, const struct sl_listener_setting *listener,
                            const struct addrinfo *found) {
    bool any = false, local = true;
    int failure = 0;
    for (const struct addrinfo *at = found; at != NULL; at = at->ai_next) {
        int result = try_to_bind(at);
        if (result == 0) {
            any = true;
            local = local && is_loopback(at);
        } else if (failure == 0 || (failure == EADDRNOTAVAIL || failure == EAFNOSUPPORT)) {
            failure = result;
        }
    }
    /* An address that this machine lacks (IPv6 switched off) is passed over as long as another one works. */
    if (!any || (failure != 0 && failure != EADDRNOTAVAIL && failure != EAFNOSUPPORT))
        preflight_fail(preflight, what, advice_for(failure), "%s: %s", listener->address, strerror(failure));
    else if (listener->security == SL_SECURITY_CLEAR && !local)
        preflight_warn(preflight, what, "well where the path is secured otherwise",
                       "%s is free, clear: everybody on the way can read", listener->address);
    else
        preflight_ok(preflight, what, "%s is free, %s%s", listener->address, sl_security_text(listener->security),
                     listener->proxy ? ", behind a proxy" : "");
}

static void check_listener(struct preflight *preflight, size_t index) {
    const struct sl_listener_setting *listener = &preflight->settings->transport.listen.items[index];
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    struct sl_address address;
    struct sl_error error = {.status = SL_OK};
    char what[64], port[8];
    (void)snprintf(what, sizeof what, "transport.listen[%zu]", index);
    if (sl_address_parse(&address, listener->address, &error) != SL_OK) {
        preflight_fail(preflight, what, "", "%s", error.text);
        return;
    }
    (void)snprintf(port, sizeof port, "%u", address.port);
    int result = getaddrinfo(address.host, port, &hints, &found);
    if (result != 0)
        preflight_fail(preflight, what, "correct the name, or DNS", "%s: %s", listener->address, gai_strerror(result));
    else
        check_addresses(preflight, what, listener, found);
    if (result == 0)
        freeaddrinfo(found);
}

void preflight_listeners(struct preflight *preflight) {
    for (size_t i = 0; i < preflight->settings->transport.listen.count; i++)
        check_listener(preflight, i);
}
