#include "transport/socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct sl_socket *socket_of(struct sl_stream *stream) {
    return (struct sl_socket *)((char *)stream - offsetof(struct sl_socket, stream));
}

enum sl_status sl_socket_shared_init(struct sl_socket_shared *shared) {
    *shared = (struct sl_socket_shared){0};
    shared->send.data = malloc(SL_SCRATCH_SIZE);
    shared->receive.data = malloc(SL_SCRATCH_SIZE);
    if (shared->send.data == NULL || shared->receive.data == NULL) {
        sl_socket_shared_finish(shared);
        return SL_NO_MEMORY;
    }
    return SL_OK;
}

void sl_socket_shared_finish(struct sl_socket_shared *shared) {
    free(shared->send.data);
    free(shared->receive.data);
    *shared = (struct sl_socket_shared){0};
}

/* ---- sending ---- */

size_t sl_socket_unsent(const struct sl_socket *socket) {
    size_t batched = socket->shared->send.owner == socket ? socket->shared->send.end : 0;
    return socket->unsent.length - socket->unsent_begin + batched;
}

static bool keep_unsent(struct sl_socket *socket, const uint8_t *data, size_t length) {
    if (sl_socket_unsent(socket) + length > SL_UNSENT_MAX || sl_buffer_append(&socket->unsent, data, length) != SL_OK) {
        socket->failure = ENOBUFS;
        return false;
    }
    return true;
}

/* How many of the bytes the kernel took; −1 when the socket is broken. */
static ssize_t send_once(struct sl_socket *socket, const uint8_t *data, size_t length) {
    if (socket->failure != 0)
        return -1;
    ssize_t sent;
    do
        sent = send(socket->fd, data, length, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return 0;
    if (sent < 0) {
        socket->failure = errno;
        return -1;
    }
    socket->sent += (uint64_t)sent;
    socket->shared->bytes_sent += (uint64_t)sent;
    return sent;
}

static bool flush_unsent(struct sl_socket *socket) {
    size_t due = socket->unsent.length - socket->unsent_begin;
    if (due == 0)
        return true;
    ssize_t sent = send_once(socket, socket->unsent.data + socket->unsent_begin, due);
    if (sent < 0)
        return false;
    socket->unsent_begin += (size_t)sent;
    if (socket->unsent_begin == socket->unsent.length) {
        sl_buffer_clear(&socket->unsent);
        socket->unsent_begin = 0;
    }
    return true;
}

static bool flush_scratch(struct sl_socket *socket) {
    struct sl_scratch *scratch = &socket->shared->send;
    if (scratch->owner != socket)
        return true;
    size_t length = scratch->end;
    scratch->owner = NULL;
    scratch->end = 0;
    ssize_t sent = send_once(socket, scratch->data, length);
    if (sent < 0)
        return false;
    return (size_t)sent == length || keep_unsent(socket, scratch->data + sent, length - (size_t)sent);
}

bool sl_socket_flush(struct sl_socket *socket) {
    /* What is kept is older than what is in the scratch. */
    if (socket->unsent.length == 0)
        return flush_scratch(socket);
    return flush_unsent(socket);
}

static bool batch(struct sl_socket *socket, const uint8_t *data, size_t length) {
    struct sl_scratch *scratch = &socket->shared->send;
    if (scratch->owner == socket && scratch->end + length > SL_SCRATCH_SIZE && !flush_scratch(socket))
        return false;
    if (socket->unsent.length > 0 || length > SL_SCRATCH_SIZE || (scratch->owner != NULL && scratch->owner != socket))
        return keep_unsent(socket, data, length);
    scratch->owner = socket;
    memcpy(scratch->data + scratch->end, data, length);
    scratch->end += length;
    return true;
}

static ssize_t push(struct sl_stream *stream, const struct iovec *parts, int count) {
    struct sl_socket *socket = socket_of(stream);
    size_t total = 0;
    for (int i = 0; i < count; i++) {
        if (socket->failure != 0 || !batch(socket, parts[i].iov_base, parts[i].iov_len)) {
            errno = socket->failure;
            return -1;
        }
        total += parts[i].iov_len;
    }
    return (ssize_t)total;
}

void sl_socket_end_writing(struct sl_socket *socket) {
    if (socket->fd >= 0)
        (void)shutdown(socket->fd, SHUT_WR);
}

/* ---- receiving ---- */

bool sl_socket_receive(struct sl_socket *socket, size_t limit) {
    struct sl_scratch *scratch = &socket->shared->receive;
    if (socket->ended || socket->failure != 0)
        return true;
    ssize_t received;
    do
        received = recv(socket->fd, scratch->data, limit < SL_SCRATCH_SIZE ? limit : SL_SCRATCH_SIZE, 0);
    while (received < 0 && errno == EINTR);
    if (received < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return false;
    if (received < 0) {
        socket->failure = errno;
        return true;
    }
    socket->ended = received == 0;
    scratch->owner = socket;
    scratch->begin = 0;
    scratch->end = (size_t)received;
    socket->received += (uint64_t)received;
    socket->shared->bytes_received += (uint64_t)received;
    return true;
}

static size_t pending(const struct sl_stream *stream) {
    const struct sl_socket *socket =
        (const struct sl_socket *)((const char *)stream - offsetof(struct sl_socket, stream));
    const struct sl_scratch *scratch = &socket->shared->receive;
    return scratch->owner == socket ? scratch->end - scratch->begin : 0;
}

bool sl_socket_peek(const struct sl_socket *socket, uint8_t *first) {
    const struct sl_scratch *scratch = &socket->shared->receive;
    if (pending(&socket->stream) == 0)
        return false;
    *first = scratch->data[scratch->begin];
    return true;
}

void sl_socket_discard(struct sl_socket *socket) {
    if (socket->shared->receive.owner == socket)
        socket->shared->receive.owner = NULL;
}

static ssize_t pull(struct sl_stream *stream, void *out, size_t length) {
    struct sl_socket *socket = socket_of(stream);
    struct sl_scratch *scratch = &socket->shared->receive;
    size_t have = pending(stream);
    if (have == 0) {
        errno = socket->failure != 0 ? socket->failure : EAGAIN;
        return socket->ended && socket->failure == 0 ? 0 : -1;
    }
    size_t taken = have < length ? have : length;
    memcpy(out, scratch->data + scratch->begin, taken);
    scratch->begin += taken;
    return (ssize_t)taken;
}

/* ---- life ---- */

void sl_socket_init(struct sl_socket *socket, struct sl_socket_shared *shared, int fd) {
    *socket = (struct sl_socket){.shared = shared, .fd = fd};
    socket->stream = (struct sl_stream){.push = push, .pull = pull, .pending = pending};
}

void sl_socket_finish(struct sl_socket *socket) {
    sl_socket_discard(socket);
    if (socket->shared->send.owner == socket) {
        socket->shared->send.owner = NULL;
        socket->shared->send.end = 0;
    }
    if (socket->fd >= 0)
        (void)close(socket->fd);
    socket->fd = -1;
    sl_buffer_finish(&socket->unsent);
    socket->unsent_begin = 0;
}
