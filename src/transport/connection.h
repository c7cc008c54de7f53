/* A connection and the transport around it: what the files of this layer share. Who does what:
 *
 *     listener.c  accepts            tls.c      one TLS session          pairs.c  one connection a pair
 *     dialer.c    dials              reader.c   bytes → frames           close.c  the way out, said and logged once
 *     socket.c    batches            writer.c   queues → records         connection.c  states, events
 *     hello.c     admission
 *
 * Handlers are called from the loop only, never from within a call that a handler makes: such calls queue bytes, or
 * note what to do, and a 0-second timer does it. (Not event_active(): it would run before the other sockets get their
 * turn.) A connection that has ended stays in memory until the loop comes round. */
#ifndef SL_TRANSPORT_CONNECTION_H
#define SL_TRANSPORT_CONNECTION_H

#include <event2/event_struct.h>

#include "transport/reader.h"
#include "transport/socket.h"
#include "transport/tls.h"
#include "transport/transport.h"
#include "transport/writer.h"

enum sl_connection_state {
    SL_CONNECTION_CONNECTING, /* TCP; dialled ones only */
    SL_CONNECTION_HANDSHAKE,  /* TLS */
    SL_CONNECTION_HELLO,      /* both HELLOs are under way, then both HELLO_ACKs */
    SL_CONNECTION_READY,      /* admitted by both ends, shown to the handlers */
    SL_CONNECTION_DRAINING,   /* over for the handlers; the last bytes go out, what comes in is thrown away */
    SL_CONNECTION_CLOSED      /* to be freed */
};

struct sl_dial;
struct sl_listener;

struct sl_connection {
    struct sl_connection *previous, *next; /* all connections of the transport; `next` also of the closed */
    struct sl_transport *transport;
    enum sl_connection_state state;
    struct sl_dial *dial; /* until READY or over; NULL: accepted, or the dial has ended */
    struct event read, write, timer, later;
    struct sl_socket socket;
    struct sl_tls tls;
    struct sl_reader reader;
    struct sl_writer writer;
    char address[SL_ADDRESS_SIZE]; /* of the other end */

    bool dialled;
    bool may_write_frames; /* the TLS handshake is done */
    bool admitted;         /* the peer, by us */
    bool acknowledged;     /* us, by the peer */
    bool shown;            /* to the handlers */
    bool closing;          /* sl_connection_close was called; `later` ends it */
    bool overrun;          /* its control queue is over the bound; `later` ends it */
    bool wrote_end;        /* close_notify is in the queue or out */
    bool yielding;         /* a duplicate: the peer closes it */

    char node[SL_NAME_SIZE]; /* "" before HELLO */
    uint64_t boot;
    struct sl_hello *hello; /* from admission until READY */
    struct sl_credential *credential;
    uint64_t pings;
    char *close_reason;
    struct sl_buffer goodbye; /* a GOODBYE's payload, to be sent when all else is out */
    void *context;            /* the handlers' */
};

struct sl_transport {
    struct event_base *base;
    const struct sl_identity *identity;
    const struct sl_log *log;
    uint64_t boot;
    char **addresses;
    size_t address_count;
    struct sl_transport_handlers handlers;

    char *run, *congestion;
    struct timeval handshake_timeout, drain_timeout;
    size_t max_connections;
    gnutls_priority_t priority;

    struct sl_socket_shared shared;
    struct sl_connection *connections, *closed;
    size_t connection_count; /* without the closed */
    struct event reap;
    struct sl_listener *listeners;
    struct sl_dial *dials;
    struct sl_pool *resolver; /* made by the first dial that needs it */
    struct event *resolved;
    struct sl_transport_counters counters; /* data and connections; bytes are in `shared` */

    struct event resume; /* accepts again after a pause */
    bool accepting_paused;
    bool wait_for_room;      /* the pause ends when a connection closes */
    double handshake_tokens; /* see listener.c */
    sl_time tokens_at, pause_said_at;

    bool silent; /* being destroyed: no handler is called */
    bool shutting_down, leaving;
    struct event shutdown_timer;
    void (*shutdown_done)(void *context);
    void *shutdown_context;
};

/* ---- connection.c ---- */

/* Takes over `fd` on success and failure. The connection is in CONNECTING when dialled, in HANDSHAKE when accepted. */
SL_MUST_USE enum sl_status sl_connection_create(struct sl_connection **out, struct sl_transport *transport, int fd,
                                                struct sl_dial *dial, const char *address);
/* Asserts that the transition is legal; stops the timer in READY and arms it anew for DRAINING. */
void sl_connection_enter(struct sl_connection *connection, enum sl_connection_state state);
/* Something is queued: the loop writes it. */
void sl_connection_want_write(struct sl_connection *connection);
void sl_connection_destroy(struct sl_connection *connection);

/* ---- hello.c ---- */

void sl_hello_begin(struct sl_connection *connection);
SL_MUST_USE enum sl_status sl_hello_handle_frame(struct sl_connection *connection, enum sl_frame_type type,
                                                 const uint8_t *payload, size_t length, struct sl_error *error);

/* ---- pairs.c ---- */

/* Whether the peer of `connection`, which we dialled, is connected already by an earlier dial of ours. */
bool sl_pair_is_dialled(const struct sl_connection *connection);
/* Both ends have admitted each other: shows the connection, or finds that another one of the pair stays. */
void sl_pair_settle(struct sl_connection *connection);

/* ---- close.c ---- */

enum sl_ending_kind {
    SL_ENDING_GOODBYE, /* we say why, drain, close_notify */
    SL_ENDING_PEER,    /* the peer said goodbye or close_notify: ours follows */
    SL_ENDING_ALERT,   /* our TLS alert says why */
    SL_ENDING_BROKEN,  /* nothing can be said any more */
    SL_ENDING_YIELD    /* a duplicate that the other end closes */
};

struct sl_ending {
    enum sl_ending_kind kind;
    enum sl_status status;
    bool by_peer;       /* the peer refused us or left */
    bool leaving;       /* the peer leaves the flock */
    const char *reason; /* one line */
};

/* The one way out: logs it, tells the handlers (peer_down, or dial_failed after the last address), starts to drain. Of
 * several calls the first counts. */
void sl_connection_end(struct sl_connection *connection, const struct sl_ending *ending);
/* GOODBYE, handled in every state that reads frames. */
SL_MUST_USE enum sl_status sl_goodbye_handle(struct sl_connection *connection, const uint8_t *payload, size_t length,
                                             struct sl_error *error);
/* While DRAINING: after something was written or read. */
void sl_drain_step(struct sl_connection *connection);
/* Ends what the handlers' calls asked for; from the 0-second timer. */
void sl_connection_end_later(struct sl_connection *connection);
/* Closes the socket at once; the loop frees the connection. */
void sl_connection_drop(struct sl_connection *connection);

/* ---- listener.c ---- */

void sl_listeners_destroy(struct sl_transport *transport);
/* A connection was closed: there may be room again. */
void sl_listeners_resume(struct sl_transport *transport);

/* ---- dialer.c ---- */

const char *sl_dial_host(const struct sl_dial *dial);
const char *sl_dial_node(const struct sl_dial *dial); /* "": any member */
/* The dial ended in peer_up: frees it. */
void sl_dial_succeed(struct sl_dial *dial);
/* Its connection is over: tries the next address, or calls dial_failed and frees the dial. */
void sl_dial_attempt_failed(struct sl_dial *dial, enum sl_status status, const char *reason);
void sl_dials_cancel(struct sl_transport *transport);
void sl_dials_destroy(struct sl_transport *transport);

#endif
