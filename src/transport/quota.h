/* What an admitted peer may cost: control frames and their bytes in a window, and time for what it began.
 *
 * Tensor bytes are not counted here: they come by credit that this node gave. Stalls are looked at once a second, for
 * all connections, so that no frame costs a timer. */
#ifndef SL_TRANSPORT_QUOTA_H
#define SL_TRANSPORT_QUOTA_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include <starling/error.h>

struct sl_connection;
struct sl_transport;

enum {
    SL_QUOTA_WINDOW_SECONDS = 2, /* of messages and bytes that may come at once: a loop that was held up catches up */
    SL_STALL_SEND_MIN = 64 << 10 /* bytes that the kernel must take within the stall timeout, where so many wait */
};

/* Of each peer: transport.control_messages, control_bytes, stall_timeout. */
struct sl_quota_limits {
    double messages, bytes; /* a second */
    sl_time stall;
};

/* Of one connection; all zero at first. */
struct sl_quota {
    double messages, bytes; /* used of the window */
    sl_time at;             /* when that was true */
    /* When a frame that is not whole, and bytes that wait to be sent, were first seen, 0: there are none; and how many
     * frames had come, how many bytes had been sent then. */
    sl_time frames_at, sent_at;
    uint64_t frames, sent;
};

/* A control frame with a payload of so many bytes came. SL_LIMIT: too many or too much, for the goodbye. */
SL_MUST_USE enum sl_status sl_quota_take(struct sl_quota *quota, const struct sl_quota_limits *limits, size_t length,
                                         sl_time now, struct sl_error *error);

/* The kernel has taken everything: nothing waits for the peer, and nothing is to be written. */
void sl_quota_all_sent(struct sl_connection *connection);

/* Looks at all connections from now on until there is none: ends those whose frame was begun `stall` ago and is not
 * whole, and those that took less than SL_STALL_SEND_MIN of what waits for them since. Tells also, now and then and
 * at the end, how many connections the log left out. */
void sl_quota_watch(struct sl_transport *transport);
/* What the watch does each time. */
void sl_quota_look(struct sl_transport *transport, sl_time now);
void sl_quota_init(struct sl_transport *transport);
void sl_quota_finish(struct sl_transport *transport);

#endif
