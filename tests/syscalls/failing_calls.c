#include "failing_calls.h"

#include <errno.h>

#include <sys/socket.h>

static struct {
    enum failing_call call;
    size_t left; /* calls until the one that fails; 0: none does */
    int failure;
    bool failed;
} state;

static bool fails(enum failing_call call) {
    if (call != state.call || state.left == 0 || --state.left > 0)
        return false;
    state.failed = true;
    errno = state.failure;
    return true;
}

void failing_calls_arm(enum failing_call call, size_t n, int failure) {
    state.call = call;
    state.left = n;
    state.failure = failure;
    state.failed = false;
}

bool failing_calls_disarm(void) {
    state.left = 0;
    return state.failed;
}

const char *failing_call_text(enum failing_call call) {
    static const char *const TEXTS[] = {"socket",     "connect",    "accept4",     "send", "recv",  "shutdown",
                                        "getsockopt", "setsockopt", "getsockname", "bind", "listen"};
    return TEXTS[call];
}

/* ---- in front of the C library ---- */

int __real_socket(int domain, int type, int protocol);
int __real_connect(int fd, const struct sockaddr *address, socklen_t length);
int __real_accept4(int fd, struct sockaddr *address, socklen_t *length, int flags);
ssize_t __real_send(int fd, const void *data, size_t length, int flags);
ssize_t __real_recv(int fd, void *out, size_t length, int flags);
int __real_shutdown(int fd, int how);
int __real_getsockopt(int fd, int level, int name, void *value, socklen_t *length);
int __real_setsockopt(int fd, int level, int name, const void *value, socklen_t length);
int __real_getsockname(int fd, struct sockaddr *address, socklen_t *length);
int __real_bind(int fd, const struct sockaddr *address, socklen_t length);
int __real_listen(int fd, int backlog);

int __wrap_socket(int domain, int type, int protocol);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t length);
int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *length, int flags);
ssize_t __wrap_send(int fd, const void *data, size_t length, int flags);
ssize_t __wrap_recv(int fd, void *out, size_t length, int flags);
int __wrap_shutdown(int fd, int how);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *length);
int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t length);
int __wrap_getsockname(int fd, struct sockaddr *address, socklen_t *length);
int __wrap_bind(int fd, const struct sockaddr *address, socklen_t length);
int __wrap_listen(int fd, int backlog);

int __wrap_socket(int domain, int type, int protocol) {
    return fails(CALL_SOCKET) ? -1 : __real_socket(domain, type, protocol);
}

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t length) {
    return fails(CALL_CONNECT) ? -1 : __real_connect(fd, address, length);
}

int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *length, int flags) {
    return fails(CALL_ACCEPT) ? -1 : __real_accept4(fd, address, length, flags);
}

ssize_t __wrap_send(int fd, const void *data, size_t length, int flags) {
    return fails(CALL_SEND) ? -1 : __real_send(fd, data, length, flags);
}

ssize_t __wrap_recv(int fd, void *out, size_t length, int flags) {
    return fails(CALL_RECV) ? -1 : __real_recv(fd, out, length, flags);
}

int __wrap_shutdown(int fd, int how) {
    return fails(CALL_SHUTDOWN) ? -1 : __real_shutdown(fd, how);
}

int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *length) {
    return fails(CALL_GETSOCKOPT) ? -1 : __real_getsockopt(fd, level, name, value, length);
}

int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t length) {
    return fails(CALL_SETSOCKOPT) ? -1 : __real_setsockopt(fd, level, name, value, length);
}

int __wrap_getsockname(int fd, struct sockaddr *address, socklen_t *length) {
    return fails(CALL_GETSOCKNAME) ? -1 : __real_getsockname(fd, address, length);
}

int __wrap_bind(int fd, const struct sockaddr *address, socklen_t length) {
    return fails(CALL_BIND) ? -1 : __real_bind(fd, address, length);
}

int __wrap_listen(int fd, int backlog) {
    return fails(CALL_LISTEN) ? -1 : __real_listen(fd, backlog);
}
