/* One mutual TLS 1.3 session over a byte stream. It knows nothing of sockets, loops and frames.
 *
 * The peer's certificate is judged by sl_identity_check_chain while the handshake runs, so that a bad one is answered
 * with the proper alert. In TLS 1.3 the client's handshake is done before the server has judged the client: only what
 * the server says afterwards tells. */
#ifndef SL_TRANSPORT_TLS_H
#define SL_TRANSPORT_TLS_H

#include <gnutls/gnutls.h>

#include "admit/admit.h"
#include "identity/identity.h"
#include "transport/stream.h"

enum { SL_TLS_RECORD_MAX = 16384 }; /* plaintext of one record */

struct sl_tls {
    gnutls_session_t session;           /* NULL: not made, or finished */
    struct sl_stream *stream;           /* borrowed */
    const struct sl_identity *identity; /* borrowed */
    bool client;
    char *refusal; /* why we refused the peer's certificate; NULL: we did not */
};

/* TLS 1.3 only, whatever `text` says. SL_SETTINGS names the place where GnuTLS stopped understanding it. */
SL_MUST_USE enum sl_status sl_tls_priority_create(gnutls_priority_t *out, const char *text, struct sl_error *error);

/* `priority` is shared by all sessions: it saves 8 KiB in each. It must outlive them. */
SL_MUST_USE enum sl_status sl_tls_init(struct sl_tls *tls, const struct sl_identity *identity, bool client,
                                       gnutls_priority_t priority, struct sl_stream *stream, struct sl_error *error);
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
/* Up to `length` bytes (≥ 1), from one record; *got is set with SL_TLS_DONE. */
enum sl_tls_result sl_tls_read(struct sl_tls *tls, void *out, size_t length, size_t *got, struct sl_error *error);
/* One record; 1 ≤ length ≤ SL_TLS_RECORD_MAX. */
SL_MUST_USE enum sl_status sl_tls_write(struct sl_tls *tls, const void *data, size_t length, struct sl_error *error);
/* Pushes close_notify: nothing can be written afterwards. */
void sl_tls_end_writing(struct sl_tls *tls);

/* RFC 8446, 7.5, with label "EXPORTER-starling-hello" and empty context: both ends get the same bytes, nobody else. */
SL_MUST_USE enum sl_status sl_tls_export(const struct sl_tls *tls, uint8_t out[SL_EXPORTER_SIZE],
                                         struct sl_error *error);
/* The peer's chain in DER, leaf first, borrowed from the session; how many. */
size_t sl_tls_peer_chain(const struct sl_tls *tls, struct sl_bytes out[SL_CHAIN_MAX]);

#endif
