/* The mutual handshake inside a connection whose path is not trusted (tls, clear): TLS 1.3 over HANDSHAKE frames, from
 * the first frame on. It is the same session, with the same judge, as a direct mtls connection; but no application data
 * ever goes through it. Both ends take the keys of their frames' tags from it by exporter, and once the peer is
 * admitted it is not needed any more. */
#ifndef SL_TRANSPORT_INNER_H
#define SL_TRANSPORT_INNER_H

#include "transport/tags.h"
#include "transport/tls.h"
#include "transport/writer.h"

struct sl_inner {
    struct sl_stream stream; /* under `tls` */
    struct sl_tls tls;
    const uint8_t *in; /* what is left of the frame that is being taken; borrowed */
    size_t in_length;
    struct sl_buffer out; /* what TLS says until it goes out in frames */
};

/* As sl_tls_init; *out is the caller's. */
SL_MUST_USE enum sl_status sl_inner_create(struct sl_inner **out, struct sl_identity *identity, bool client,
                                           gnutls_priority_t priority, struct sl_error *error);
void sl_inner_destroy(struct sl_inner *inner); /* accepts NULL */

/* Goes on with the handshake: with the payload of a HANDSHAKE frame (≥ 1 byte, used within the call), or, for a client,
 * with nothing to begin it. What there is to say is queued in `writer`, an alert as well. SL_TLS_DONE: both chains are
 * judged; anything behind the handshake in this payload is SL_TLS_FAILED. */
enum sl_tls_result sl_inner_handshake(struct sl_inner *inner, struct sl_writer *writer, const uint8_t *payload,
                                      size_t length, struct sl_error *error);
/* For a client that is done: the server's last word, which may be that it refuses us. Never SL_TLS_DONE: there is
 * nothing else that a server may say here. */
enum sl_tls_result sl_inner_hear_alert(struct sl_inner *inner, const uint8_t *payload, size_t length,
                                       struct sl_error *error);
/* Queues an alert: this end gives up for another reason than TLS's. */
void sl_inner_say_alert(struct sl_inner *inner, struct sl_writer *writer);

/* The keys of both directions, in the order of the exporter: dialler to accepter, accepter to dialler. */
SL_MUST_USE enum sl_status sl_inner_start_tags(const struct sl_inner *inner, struct sl_tags *sent,
                                               struct sl_tags *received, struct sl_error *error);

#endif
