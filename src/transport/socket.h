/* A connected TCP socket as a byte stream, batched: one system call moves up to SL_SCRATCH_SIZE bytes of ciphertext,
 * 64 TLS records, through a scratch that all sockets of a loop share. Measured against a call a record: 1.9 GB/s
 * instead of 1.3. A socket owns a scratch only within one callback of the loop, between two calls of sl_socket_flush,
 * or from sl_socket_receive until all that was received has been pulled; only what the kernel did not take is kept for
 * it. */
#ifndef SL_TRANSPORT_SOCKET_H
#define SL_TRANSPORT_SOCKET_H

#include <netdb.h>
#include <sys/socket.h>

#include "base/address.h"
#include "base/buffer.h"
#include "transport/stream.h"

enum {
    SL_SCRATCH_SIZE = 1 << 20,
    /* More ciphertext than this is never kept for a peer that does not read: its writer stops long before, and what
     * comes on top (alerts, answers to key updates) is small. */
    SL_UNSENT_MAX = SL_SCRATCH_SIZE + (64 << 10)
};

struct sl_socket;

/* `owner`: the socket whose bytes [begin, end) are in it; NULL: it is free. */
struct sl_scratch {
    uint8_t *data;
    size_t begin, end;
    const struct sl_socket *owner;
};

/* What all sockets of a loop share. */
struct sl_socket_shared {
    struct sl_scratch send, receive;
    uint64_t bytes_sent, bytes_received; /* through all sockets */
};

SL_MUST_USE enum sl_status sl_socket_shared_init(struct sl_socket_shared *shared);
void sl_socket_shared_finish(struct sl_socket_shared *shared);

struct sl_socket {
    struct sl_stream stream;
    struct sl_socket_shared *shared; /* borrowed */
    int fd;                          /* owned; −1: closed */
    int failure;                     /* errno that broke it; 0: none */
    bool ended;                      /* the peer sent its FIN */
    uint64_t received, sent;
    struct sl_buffer unsent; /* ciphertext that the kernel did not take; bytes from unsent_begin on are due */
    size_t unsent_begin;
};

/* Takes over `fd`, which is non-blocking. */
void sl_socket_init(struct sl_socket *socket, struct sl_socket_shared *shared, int fd);
void sl_socket_finish(struct sl_socket *socket); /* closes */

/* One receive of at most `limit` bytes into the scratch. True when there is something to read out of the stream: bytes,
 * the end, or a failure. */
bool sl_socket_receive(struct sl_socket *socket, size_t limit);
/* The first byte that was received and not pulled; false: there is none. */
bool sl_socket_peek(const struct sl_socket *socket, uint8_t *first);
/* Forgets what was received and not pulled. */
void sl_socket_discard(struct sl_socket *socket);
/* One send of what is due; afterwards the send scratch is free. False when the socket is broken. */
bool sl_socket_flush(struct sl_socket *socket);
size_t sl_socket_unsent(const struct sl_socket *socket);
void sl_socket_end_writing(struct sl_socket *socket); /* FIN */

/* The options of every connection; `congestion` "" for the system's. A kernel without an option is not an error. */
void sl_socket_set_options(int fd, const char *congestion);
/* No more waits in the kernel, before it is first sent, than a fast link needs and a slow one carries in a moment: it
 * would go even if its transfer were cancelled. Called now and then while data flows. */
void sl_socket_fit_queue(int fd);
/* Whether much of what was sent has not arrived yet. */
bool sl_socket_is_behind(int fd);
/* The kernel forgets what it knows of the path's rate and looks for it anew. */
void sl_socket_search_anew(int fd);
/* SL_SETTINGS where the kernel does not know the congestion control. */
SL_MUST_USE enum sl_status sl_socket_check_congestion(const char *congestion, struct sl_error *error);
/* A listening socket, non-blocking, there with this port (0: any free one); −1 with errno. IPv6 without IPv4. */
int sl_socket_listen(const struct addrinfo *where, uint16_t port);
uint16_t sl_socket_port(int fd); /* that it is bound to; 0: none */
void sl_socket_format_address(char out[SL_ADDRESS_SIZE], const struct sockaddr *address, socklen_t length);

#endif
