/* The byte stream under a TLS session: a socket today, the frames of another connection where TLS runs inside TLS.
 *
 * A stream takes every byte that it is given: what cannot leave at once is kept by the stream, and its user asks
 * before making more. So a TLS session never sees a send that would block, and GnuTLS's rules for repeating one
 * (the same call with NULL and 0, nothing else meanwhile) have no case here. */
#ifndef SL_TRANSPORT_STREAM_H
#define SL_TRANSPORT_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

struct sl_stream {
    /* Takes all parts and returns their length, or −1 and sets errno: the stream is broken for good. */
    ssize_t (*push)(struct sl_stream *stream, const struct iovec *parts, int count);
    /* Copies what is at hand, at most `length` bytes; 0 at the end; −1 with errno EAGAIN when nothing is at hand, any
     * other errno when the stream is broken. */
    ssize_t (*pull)(struct sl_stream *stream, void *out, size_t length);
    /* Bytes that pull would give without waiting. */
    size_t (*pending)(const struct sl_stream *stream);
};

#endif
