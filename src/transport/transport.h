/* Connections to peers: mutual TLS 1.3, directly or inside what the path needs (path.h), frames in and out. One event
 * loop is TLS server and client at once; all calls and callbacks are on its thread.
 *
 *     in    listener | dialer → carrier (tls | socket) → frame, its tag → handlers
 *     out   control queue (first) + bulk ranges (64 KiB frames between), tags → carrier → socket
 *
 * States of a connection: CONNECTING → HANDSHAKE (outermost TLS) → INNER (mutual TLS in frames, where the outermost is
 * not mutual) → HELLO → READY → DRAINING → CLOSED, with one deadline until READY and another one for DRAINING. A
 * connection is shown to the handlers only when READY: its peer was admitted by src/admit and said the same of us.
 *
 * One connection a pair: of two with the same boot nonces, the one dialled by the lower name (memcmp) stays; both ends
 * know which, only the higher name closes the other. Handlers see peer_down of the one before peer_up of the other. A
 * new boot nonce of a connected node: the old connection is pinged; one that is silent for two seconds is replaced,
 * else the newcomer is refused and `alarm` is called. */
#ifndef SL_TRANSPORT_TRANSPORT_H
#define SL_TRANSPORT_TRANSPORT_H

#include <event2/event.h>

#include "base/address.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "identity/identity.h"
#include "wire/frame.h"
#include "wire/messages.h"
#include <starling/log.h>

struct sl_transport;
struct sl_connection;
struct sl_listener_setting;
struct sl_paths;

struct sl_transport_handlers {
    void *context;
    /* READY. hello and credential are borrowed for the call (take a reference of the credential to keep it). */
    void (*peer_up)(void *context, struct sl_connection *connection, const struct sl_hello *hello,
                    struct sl_credential *credential);
    /* The connection is gone after this call. `leaving`: the peer said that it leaves the flock. Bulk not yet sent is
     * dropped, its blocks are released. `reason` is one line. */
    void (*peer_down)(void *context, struct sl_connection *connection, bool leaving, const char *reason);
    /* A dial ended before READY: refused, unreachable, not admitted, or a duplicate (then `status` is SL_EXISTS), or it
     * reached ourselves (SL_IN_USE). `node` is the expected name; "" where there is none, but for a duplicate who is
     * there. */
    void (*dial_failed)(void *context, const char *address, const char *node, enum sl_status status,
                        const char *reason);
    /* A control frame's payload, borrowed. HELLO, HELLO_ACK, GOODBYE and PING/PONG are answered inside. Not SL_OK: the
     * peer broke the protocol; the connection is closed with the error's text. May be NULL: all are passed over. */
    enum sl_status (*control)(void *context, struct sl_connection *connection, enum sl_frame_type type,
                              const uint8_t *payload, size_t length, struct sl_error *error);
    /* Where the bytes of a DATA frame go: `header->length` bytes at *out, which stays writable until data_done or
     * peer_down; *out NULL: read and thrown away. Not SL_OK: protocol error, as above. May be NULL, with data_done: all
     * is thrown away. */
    enum sl_status (*data)(void *context, struct sl_connection *connection, const struct sl_data_header *header,
                           uint8_t **out, struct sl_error *error);
    enum sl_status (*data_done)(void *context, struct sl_connection *connection, const struct sl_data_header *header,
                                struct sl_error *error);
    /* Any whole frame arrived: a sign of life. May be NULL. */
    void (*heard)(void *context, struct sl_connection *connection);
    /* Why this node is not to be admitted, a borrowed text of one line, or NULL. May be NULL: nobody is expelled. */
    const char *(*expelled)(void *context, const char *node);
    /* May be NULL. Two processes have the name and the keys of `node`: one is connected, the other was refused. At most
     * once a minute a connected node. `text` is one line. */
    void (*alarm)(void *context, const char *node, const char *text);
};

/* How a name becomes addresses, on a worker thread, maybe several at once: fills at most `max` of them, in the order in
 * which they are to be tried, and returns how many; of none *problem says why (a static text). See resolver.h. */
union sl_socket_address;
struct sl_resolve_function {
    void *context;
    size_t (*resolve)(void *context, union sl_socket_address *out, size_t max, const struct sl_address *address,
                      const char **problem);
};

struct sl_transport_options {
    struct event_base *base;            /* borrowed */
    struct sl_identity *identity;       /* a reference is taken */
    const struct sl_settings *settings; /* borrowed: transport.*, flock.run */
    const struct sl_log *log;           /* borrowed */
    uint64_t boot;                      /* secret nonce of this process; 0: a probe, see sl_transport_dial */
    const char *const *addresses;       /* advertised in HELLO */
    size_t address_count;
    const struct sl_resolve_function *resolve; /* NULL: the system's */
    struct sl_transport_handlers handlers;
};

SL_MUST_USE enum sl_status sl_transport_create(struct sl_transport **out, const struct sl_transport_options *options,
                                               struct sl_error *error);
/* Closes everything at once, without goodbyes; no handler is called any more. Not from within a handler, but `done` of
 * the shutdown may. A name that is being resolved is not waited for (resolver.h). Accepts NULL. */
void sl_transport_destroy(struct sl_transport *transport);

/* Binds and listens (port 0: any; *port gets the real one, may be NULL), in the mode and with the limits of `listener`,
 * which is not needed afterwards. SL_IN_USE names the address. */
SL_MUST_USE enum sl_status sl_transport_listen(struct sl_transport *transport,
                                               const struct sl_listener_setting *listener, uint16_t *port,
                                               struct sl_error *error);
/* Other authorities of transport.peers, read by sl_paths_init (transport/path.h) from the same settings; *fresh gets
 * the former ones. What stands is held against them by the next sl_transport_set_identity. */
void sl_transport_swap_trust(struct sl_transport *transport, struct sl_paths *fresh);
/* Another generation (a reference is taken): new handshakes use it, those under way are judged by it. Every peer's
 * certificates are held against it, and with tls that of the outer server which was dialled; where they fail, the
 * connection is closed with the reason, as by sl_connection_close. */
void sl_transport_set_identity(struct sl_transport *transport, struct sl_identity *identity);
/* The same against the present generation, the present time and handlers.expelled. */
void sl_transport_recheck(struct sl_transport *transport);
/* What HELLO says from now on instead of options.addresses (copied): known only once the listeners have their ports. */
SL_MUST_USE enum sl_status sl_transport_advertise(struct sl_transport *transport, const char *const *addresses,
                                                  size_t count);
/* Resolves all names (off the loop, at the same time), races all addresses that they have (RFC 8305), shakes hands with
 * the first that answers; where that fails before READY, goes on with the rest. A rule of transport.peers for this node
 * replaces the addresses. `node`: the name expected there, or "" for any member.
 *
 * SL_OK: ends in peer_up or dial_failed, never both, and never from within this call; dial_failed names the first of
 * `addresses`, in canonical form. Else nothing was begun: SL_EXISTS: that node, or for any member that first address,
 * is being dialled; SL_LIMIT: max_connections; SL_STATE: shutting down; any other: none is an address to dial (one that
 * is not is passed over beside one that is), or not a name.
 *
 * With options.boot 0 all connections are probes: a peer that admits this node says so and closes (peer_up, then
 * peer_down); the node of the same name that it may be connected with is left alone. */
SL_MUST_USE enum sl_status sl_transport_dial(struct sl_transport *transport, const char *const *addresses, size_t count,
                                             const char *node);
/* Stops listening and dialling (dial_failed with SL_CANCELLED), calls peer_down for all; what is queued, bulk as well,
 * still goes out, then a goodbye (leaving: to the flock); what comes in is thrown away. `done` is called from the loop
 * when all are closed or `timeout` passed. */
void sl_transport_shutdown(struct sl_transport *transport, bool leaving, sl_time timeout, void (*done)(void *context),
                           void *context);

const char *sl_connection_node(const struct sl_connection *connection);
/* The first of the addresses of the dial that ended in peer_up, in canonical form; NULL: the peer dialled. */
const char *sl_connection_dialled_as(const struct sl_connection *connection);
/* The generation that this end showed in the connection's handshake, and so the one whose client key the peer knows;
 * borrowed. sl_transport_set_identity leaves it as it is. */
const struct sl_identity *sl_connection_identity(struct sl_connection *connection);
void *sl_connection_context(const struct sl_connection *connection); /* the handlers' own pointer, NULL at first */
void sl_connection_set_context(struct sl_connection *connection, void *context);

/* A connection may be used from peer_up until peer_down has returned; once it is closing, nothing is delivered any more
 * and these return SL_CLOSED. None of them calls a handler.
 *
 * Queues a control frame (copied). SL_LIMIT when the peer has not read for so long that the queue is over its bound, or
 * SL_NO_MEMORY: the connection is then closed by the transport. SL_USAGE: longer than SL_PAYLOAD_MAX. */
enum sl_status sl_connection_send(struct sl_connection *connection, enum sl_frame_type type, const void *payload,
                                  size_t length);
/* Queues a range of a block (a reference is taken) as DATA frames of `transfer`, offsets as in the block. Ranges go out
 * in turn among transfers, in order within one. Nothing is copied before TLS. SL_USAGE: an empty range, or one that is
 * not in the block. */
enum sl_status sl_connection_send_data(struct sl_connection *connection, uint32_t transfer, struct sl_block *block,
                                       uint64_t offset, uint64_t length);
/* Forgets what is still queued of a transfer. */
void sl_connection_cancel_data(struct sl_connection *connection, uint32_t transfer);
enum sl_status sl_connection_ping(struct sl_connection *connection);
/* Queued control frames, goodbye with the reason (cut at SL_REASON_MAX, made plain ASCII), close; queued bulk is
 * dropped. peer_down follows from the loop, not from within this call. */
void sl_connection_close(struct sl_connection *connection, const char *reason);

struct sl_transport_counters {
    uint64_t bytes_sent, bytes_received; /* through the sockets: ciphertext and all */
    uint64_t data_sent, data_received;   /* tensor bytes in DATA frames */
    uint64_t accepted, dialled;          /* TCP connections */
    uint64_t handshakes;                 /* mutual ones that were completed, as far as this end can tell */
    uint64_t refused;                    /* peers that this node did not admit */
    uint64_t bad_tags;                   /* frames that the path had altered, repeated, moved or made */
    uint64_t incomplete;                 /* peers whose connection ended without their goodbye */
    uint64_t limited;                    /* connections that were reset at once: their source had too many */
    uint64_t key_updates;                /* of what this node sends, by transport.key_update_bytes */
    uint64_t unauthenticated;            /* accepted ones that are not admitted, now */
    uint64_t pings;                      /* answered ones that were timed: one at a time a connection */
    sl_time ping_longest;                /* from a ping to its answer, since sl_transport_forget_pings */
};
void sl_transport_counters(const struct sl_transport *transport, struct sl_transport_counters *out);
void sl_transport_forget_pings(struct sl_transport *transport); /* ping_longest is 0 again */

#endif
