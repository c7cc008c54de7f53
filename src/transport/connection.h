/* A connection and the transport around it: what the files of this layer share. Who does what:
 *
 *     listener.c  accepts            tls*.c     one TLS session          pairs.c  one connection a pair
 *     guard*.c    what strangers may cost, strangers.c which of them go  quota.c  what admitted peers may cost
 *     resolver.c  names, race.c the first of many addresses that stands
 *     dial*.c     dials              reader.c   bytes → frames           close.c  the way out, said and logged once
 *     socket*.c   batches            writer.c   queues → carrier         connection.c  states, events
 *     channel.c   TCP → HELLO        inner.c    TLS in frames            tags.c        a frame's tag
 *     hello.c     admission          carrier.c  TLS or bare socket       path.c        which way to an address
 *     outer.c     a proxy's chain    recheck.c  a new identity
 *
 * Handlers are called from the loop only, never from within a call that a handler makes: such calls queue bytes, or
 * note what to do, and a 0-second timer does it. (Not event_active(): it would run before the other sockets get their
 * turn.) A connection that has ended stays in memory until the loop comes round. */
#ifndef SL_TRANSPORT_CONNECTION_H
#define SL_TRANSPORT_CONNECTION_H

#include <event2/event_struct.h>

#include "admit/admit.h"
#include "transport/guard.h"
#include "transport/inner.h"
#include "transport/path.h"
#include "transport/quota.h"
#include "transport/reader.h"
#include "transport/resolver.h"
#include "transport/socket.h"
#include "transport/tls.h"
#include "transport/transport.h"
#include "transport/writer.h"

enum sl_connection_state {
    SL_CONNECTION_CONNECTING, /* TCP */
    SL_CONNECTION_HANDSHAKE,  /* mtls, tls: the outermost TLS */
    SL_CONNECTION_INNER,      /* tls, clear: the mutual TLS in HANDSHAKE frames */
    SL_CONNECTION_HELLO,      /* both HELLOs are under way, then both HELLO_ACKs */
    SL_CONNECTION_READY,      /* admitted by both ends, shown to the handlers */
    SL_CONNECTION_DRAINING,   /* over for the handlers; the last bytes go out, what comes in is thrown away */
    SL_CONNECTION_CLOSED      /* to be freed */
};

/* A timer that fires so late: this process was stopped, or kept from the processor. It has heard nothing meanwhile, so
 * nobody's time is over before what came was read. */
#define SL_HELD_UP SL_SECOND

struct sl_dial;
struct sl_listener;

struct sl_connection {
    struct sl_connection *previous, *next; /* all connections of the transport; `next` also of the closed */
    struct sl_transport *transport;
    enum sl_connection_state state;
    struct sl_dial *dial; /* until READY or over; NULL: accepted, or the dial has ended */
    struct event read, write, timer, later;
    sl_time deadline; /* when `timer` is due, before READY */
    struct sl_socket socket;
    struct sl_tls tls;         /* the outermost; no session where the path is clear */
    struct sl_carrier carrier; /* what frames go through: of the two above */
    struct sl_inner *inner;    /* tls, clear: from INNER until the peer is admitted */
    struct sl_reader reader;
    struct sl_writer writer;
    char address[SL_ADDRESS_SIZE];    /* of the other end */
    char dialled_as[SL_ADDRESS_SIZE]; /* the dial that ended in peer_up: its first address; "": none did */

    enum sl_connection_security security;
    struct sl_tls_outer outer;            /* tls */
    char *host;                           /* dialled: as it was dialled; mtls, clear: until the peer is admitted */
    uint8_t exporter[SL_EXPORTER_SIZE];   /* of the mutual session, once it is done */
    struct sl_credential *tls_credential; /* that the peer showed in it */
    struct sl_identity *identity;         /* the generation that we showed in it; a reference */

    bool dialled;
    bool may_write_frames; /* the carrier takes bytes */
    bool admitted;         /* the peer, by us */
    bool acknowledged;     /* us, by the peer */
    bool shown;            /* to the handlers */
    bool closing;          /* sl_connection_close was called; `later` ends it */
    bool overrun;          /* its control queue is over the bound; `later` ends it */
    uint64_t unfitted;     /* data given to the kernel since its queue was last made to fit the link */
    bool search_anew;      /* the rate that the kernel knows is of a transfer that did not get through */
    bool wrote_end;        /* close_notify is in the queue or out */
    bool yielding;         /* a duplicate: the peer closes it */
    bool unlogged;         /* its peer was admitted too often for the log, which tells nothing of this time */

    char node[SL_NAME_SIZE]; /* "" before HELLO */
    uint64_t boot;
    struct sl_hello *hello; /* from admission until READY */
    struct sl_credential *credential;
    uint64_t pings;
    uint64_t timed; /* the ping whose answer is waited for, 0: none; the first one that was not answered */
    sl_time timed_at;
    uint64_t frames;        /* whole ones that came */
    unsigned turn_halvings; /* it receives SL_SCRATCH_SIZE / 2^… at once: connection.c */
    struct sl_quota quota;

    struct sl_guard_source *source; /* what it counts for; NULL: nothing */
    bool is_stranger;               /* accepted and not admitted */

    /* pairs.c: a newcomer whose name is connected with another boot nonce */
    struct event contest;
    bool contested;    /* HELLO_ACK waits for whether the old one lives */
    bool contest_lost; /* it does */
    unsigned contest_waits;
    sl_time contest_due;
    uint64_t contest_frames; /* of the old one, when the present wait began */
    uint64_t challenge;      /* the old one: the number of the ping that asks whether it lives; 0: none */

    char *close_reason;
    struct sl_buffer goodbye; /* a GOODBYE's payload, to be sent when all else is out */
    void *context;            /* the handlers' */
};

struct sl_transport {
    struct event_base *base;
    struct sl_identity *identity; /* the present generation, a reference */
    const struct sl_log *log;
    uint64_t boot;
    char **addresses;
    size_t address_count;
    struct sl_transport_handlers handlers;

    char *run, *congestion;
    struct timeval handshake_timeout, drain_timeout;
    uint64_t key_update_bytes;
    size_t max_connections, max_strangers, max_strangers_per_source;
    struct sl_quota_limits quota_limits;
    gnutls_priority_t priority;
    gnutls_certificate_credentials_t nobody; /* no certificate: of those who dial with tls, in the outer session */
    struct sl_paths paths;

    struct sl_socket_shared shared;
    struct sl_connection *connections, *closed;
    size_t connection_count; /* without the closed */
    struct event reap;
    struct sl_listener *listeners;
    uint16_t listen_count; /* calls of sl_transport_listen */
    struct sl_dial *dials;
    size_t dial_count;
    struct sl_resolver *resolver;
    struct sl_guard *guard;
    struct event watch; /* see quota.h */
    sl_time watch_due;
    sl_time suppressed_said_at;
    struct sl_transport_counters counters; /* data and connections; bytes are in `shared` */

    struct event resume; /* accepts again after a pause */
    bool accepting_paused;
    bool wait_for_room; /* the pause ends when a connection closes */
    sl_time paused_at;  /* when a pause last began or ended; 0: the log says that there is none */

    bool silent; /* being destroyed: no handler is called */
    bool shutting_down, leaving;
    struct event shutdown_timer;
    void (*shutdown_done)(void *context);
    void *shutdown_context;
};

/* ---- connection.c ---- */

/* Takes over `fd` on success and failure. `dial` NULL: accepted. Of `path` the host is copied, its trust must stay. The
 * connection is in CONNECTING when dialled, in HANDSHAKE or INNER when accepted. */
SL_MUST_USE enum sl_status sl_connection_create(struct sl_connection **out, struct sl_transport *transport, int fd,
                                                struct sl_dial *dial, const struct sl_path *path, const char *address);
/* Asserts that the transition is legal; stops the timer in READY and arms it anew for DRAINING. */
void sl_connection_enter(struct sl_connection *connection, enum sl_connection_state state);
/* Something is queued: the loop writes it. */
void sl_connection_want_write(struct sl_connection *connection);
void sl_connection_destroy(struct sl_connection *connection);
/* Whether what was due then comes so late that this process must have been held up. */
static inline bool sl_was_held_up(sl_time due) {
    return sl_clock_monotonic() - due > SL_HELD_UP;
}

/* ---- channel.c ---- */

/* Where we dialled, the outermost session, if there is one; the rest begins with sl_channel_begin. */
SL_MUST_USE enum sl_status sl_channel_init(struct sl_connection *connection, const struct sl_path *path);
void sl_channel_finish(struct sl_connection *connection);
/* TCP is up. */
void sl_channel_begin(struct sl_connection *connection);
/* The first bytes of the peer are there, or its end; one that we accepted gets its session here. False: it has ended,
 * or the first byte does not fit our side of it; the connection has ended. */
bool sl_channel_hear_first(struct sl_connection *connection);
/* HANDSHAKE: goes on with the outermost session. */
void sl_channel_run(struct sl_connection *connection);
/* INNER: a HANDSHAKE frame (any other is an error; its payload is not needed). HELLO, dialled: one without a tag, which
 * may be the alert of a server that refuses us. */
SL_MUST_USE enum sl_status sl_channel_handle_frame(struct sl_connection *connection, enum sl_frame_type type,
                                                   const uint8_t *payload, size_t length, struct sl_error *error);
/* The mutual session: from when it is begun until the peer is admitted; in mtls until the end. */
struct sl_tls *sl_channel_mutual(struct sl_connection *connection);
/* The peer is admitted: frees what only the way to there needed. */
void sl_channel_settle(struct sl_connection *connection);

/* ---- hello.c ---- */

void sl_hello_begin(struct sl_connection *connection);
SL_MUST_USE enum sl_status sl_hello_handle_frame(struct sl_connection *connection, enum sl_frame_type type,
                                                 const uint8_t *payload, size_t length, struct sl_error *error);

/* Says, to the peer and in the log, that it is admitted. */
SL_MUST_USE enum sl_status sl_hello_acknowledge(struct sl_connection *connection, struct sl_error *error);

/* ---- pairs.c ---- */

/* Whether the peer of `connection`, which we dialled, is connected already by an earlier dial of ours. */
bool sl_pair_is_dialled(const struct sl_connection *connection);
/* Both ends have admitted each other: shows the connection, or finds that another one of the pair stays. */
void sl_pair_settle(struct sl_connection *connection);
/* The peer was admitted by us. True: another process of its name is connected, and the HELLO_ACK waits until that one
 * has shown that it lives or has had its time; then this connection is refused, or sl_hello_acknowledge is called. */
bool sl_pair_contest(struct sl_connection *newcomer);
void sl_pair_answered(struct sl_connection *connection); /* a challenged one has answered the ping */
void sl_pair_gone(struct sl_connection *connection);     /* a shown one has ended */
void sl_pair_forget(struct sl_connection *connection);   /* contests nothing any more */

/* ---- strangers.c ---- */

/* Counts the connection for the source until it is dropped; `source` may be NULL. */
void sl_connection_set_source(struct sl_connection *connection, struct sl_guard_source *source, bool stranger);
void sl_connection_release_source(struct sl_connection *connection);
/* We admitted its peer. */
void sl_stranger_admit(struct sl_connection *connection);
/* Closes one that is not admitted, for a newer one. False: there is none. */
bool sl_strangers_evict(struct sl_transport *transport);
/* Whether one more line about a refusal of this peer may be written; *suppressed: how many were not since the last. */
bool sl_refusal_may_log(const struct sl_connection *connection, uint64_t *suppressed);
/* The same of the admission of its peer, by the peer's name; where it may not, `unlogged` says so to what follows. */
bool sl_member_may_log(struct sl_connection *connection, uint64_t *suppressed);

/* ---- close.c ---- */

enum sl_ending_kind {
    SL_ENDING_GOODBYE, /* we say why, drain, close_notify */
    SL_ENDING_PEER,    /* the peer said goodbye or close_notify: ours follows */
    SL_ENDING_ALERT,   /* the alert of our outermost TLS says why; it is of no more use */
    SL_ENDING_SAID,    /* a frame that is queued says why: the alert of the inner TLS */
    SL_ENDING_BROKEN,  /* nothing can be said any more */
    SL_ENDING_YIELD    /* a duplicate that the other end closes */
};

struct sl_ending {
    enum sl_ending_kind kind;
    enum sl_status status;
    bool by_peer;       /* the peer refused us or left */
    bool leaving;       /* the peer leaves the flock */
    bool of_all;        /* the strangers are too many: the log's bound for all of them counts, not that of one source */
    const char *reason; /* one line */
};

/* The one way out: logs it, tells the handlers (peer_down, or dial_failed after the last address), starts to drain. Of
 * several calls the first counts. */
void sl_connection_end(struct sl_connection *connection, const struct sl_ending *ending);
/* The end that a session's or carrier's result stands for; nothing for SL_TLS_DONE and SL_TLS_AGAIN. */
void sl_connection_end_by_tls(struct sl_connection *connection, enum sl_tls_result result,
                              const struct sl_error *error);
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

/* ---- dialer.c, dial.c ---- */

const char *sl_dial_node(const struct sl_dial *dial);    /* "": any member */
const char *sl_dial_address(const struct sl_dial *dial); /* the first of those that were given; SL_ADDRESS_SIZE bytes */
/* The dial ended in peer_up: frees it. */
void sl_dial_succeed(struct sl_dial *dial);
/* Its connection is over: tries the next address, or calls dial_failed and frees the dial. */
void sl_dial_attempt_failed(struct sl_dial *dial, enum sl_status status, const char *reason);
void sl_dials_cancel(struct sl_transport *transport); /* dial_failed follows from the loop */
void sl_dials_fail(struct sl_transport *transport);   /* calls what is still to be called of them */
void sl_dials_destroy(struct sl_transport *transport);

#endif
