/* One TLS 1.3 session over a byte stream. It knows nothing of sockets, loops and frames.
 *
 * A *mutual* session is what a peer is admitted by: both ends show a node's certificate, and sl_identity_check_chain
 * judges the other's while the handshake runs, so that a bad one is answered with the proper alert. In TLS 1.3 the
 * client's handshake is done before the server has judged the client: only what the server says afterwards tells.
 *
 * An *outer* session (connection_security tls) is a wall around a mutual one: the server alone shows a certificate, it
 * may be a proxy's, and it says nothing about who is admitted. */
#ifndef SL_TRANSPORT_TLS_H
#define SL_TRANSPORT_TLS_H

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "base/clock.h"
#include "identity/identity.h"
#include "transport/stream.h"

enum {
    SL_TLS_RECORD_MAX = 16384, /* plaintext of one record */
    /* Handshake messages after the handshake (key updates, tickets), and records with nothing in them, that a peer may
     * send in a second. GnuTLS itself takes 8 key updates a second. */
    SL_TLS_MESSAGES_A_SECOND = 16
};
/* Between two of our own key updates, however much is written: what was held up on the way arrives at once, and must
 * stay below what the peer takes. */
#define SL_TLS_UPDATE_EVERY (SL_SECOND / 2)

/* What an outer session has instead of the identity's rules; it must outlive the handshake, and the session where that
 * is checked again. */
struct sl_tls_outer {
    gnutls_certificate_credentials_t nobody; /* the client's: there is no certificate in them */
    /* The client's: who may have issued the server's, as it is at that time; NULL, or of NULL: identity.ca. */
    const gnutls_x509_trust_list_t *trust;
    const char *host; /* the client's: what was dialled; the server's certificate must serve it */
};

struct sl_tls {
    gnutls_session_t session;         /* NULL: not made, or finished */
    struct sl_stream *stream;         /* borrowed */
    struct sl_identity *identity;     /* a reference: the generation whose certificate is shown */
    const struct sl_tls_outer *outer; /* borrowed; NULL: mutual */
    struct sl_credential *peer;       /* mutual: the other end's certificate as it was judged; a reference */
    char *refusal;                    /* why we refused the peer's certificate; NULL: we did not */
    bool client;
    bool judged;       /* the peer's certificate, and it is good */
    bool done;         /* the handshake */
    unsigned messages; /* since `window` */
    sl_time window;
    uint64_t update_bytes; /* after so many written bytes the keys of this direction change; 0: when GnuTLS does it */
    uint64_t written;      /* since the last change of ours, at updated_at */
    sl_time updated_at;
    uint64_t updates; /* changes of ours that whoever set update_bytes has not counted yet */
};

/* TLS 1.3 only, and nothing below GnuTLS's profile "medium", whatever `text` says. SL_SETTINGS names the place where
 * GnuTLS stopped understanding it. */
SL_MUST_USE enum sl_status sl_tls_priority_create(gnutls_priority_t *out, const char *text, struct sl_error *error);

/* `priority` is shared by all sessions: it saves 8 KiB in each. It must outlive them. Takes a reference of the
 * identity. `outer` NULL: a mutual session. */
SL_MUST_USE enum sl_status sl_tls_init(struct sl_tls *tls, struct sl_identity *identity, bool client,
                                       gnutls_priority_t priority, const struct sl_tls_outer *outer,
                                       struct sl_stream *stream, struct sl_error *error);
void sl_tls_finish(struct sl_tls *tls); /* accepts one that is all zero */

enum sl_tls_result {
    SL_TLS_DONE,
    SL_TLS_AGAIN,   /* nothing more without new bytes in the stream */
    SL_TLS_CLOSED,  /* the peer's close_notify */
    SL_TLS_REFUSED, /* the peer's alert; error is SL_UNTRUSTED and names it */
    SL_TLS_FAILED   /* error: SL_UNTRUSTED: we refused its certificate; SL_CLOSED: it ended without close_notify */
};

/* On failure the alert that fits has been pushed. */
enum sl_tls_result sl_tls_handshake(struct sl_tls *tls, struct sl_error *error);
/* An outer client's, from the server's certificate on: whether that is good by this generation, outer->trust and the
 * time of now. SL_UNTRUSTED says why not. */
SL_MUST_USE enum sl_status sl_tls_check_outer(const struct sl_tls *tls, const struct sl_identity *identity,
                                              struct sl_error *error);
/* Up to `length` bytes (≥ 1), from one record; *got is set with SL_TLS_DONE. */
enum sl_tls_result sl_tls_read(struct sl_tls *tls, void *out, size_t length, size_t *got, struct sl_error *error);
/* One record; 1 ≤ length ≤ SL_TLS_RECORD_MAX. */
SL_MUST_USE enum sl_status sl_tls_write(struct sl_tls *tls, const void *data, size_t length, struct sl_error *error);
/* Pushes close_notify: nothing can be written afterwards. */
void sl_tls_end_writing(struct sl_tls *tls);
/* Pushes a fatal alert: this end gives up for a reason that TLS does not know. */
void sl_tls_say_alert(struct sl_tls *tls, gnutls_alert_description_t alert);

/* One more message after the handshake, or record with nothing in it: each costs us work, and some an answer, that the
 * peer may want again and again. False: too many within a second. */
bool sl_tls_count_message(struct sl_tls *tls);

/* RFC 8446, 7.5, with an empty context: both ends get the same bytes, nobody else. */
SL_MUST_USE enum sl_status sl_tls_export(const struct sl_tls *tls, const char *label, uint8_t *out, size_t length,
                                         struct sl_error *error);
/* A client's: whether the server asked for its certificate. */
bool sl_tls_was_asked(const struct sl_tls *tls);

#endif
