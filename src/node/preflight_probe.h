/* Dialling addresses to see who is there. Each is dialled as a probe (boot nonce 0): the peer does what it always does
 * until it has admitted this node, says so or why not, and closes. Each probe has a transport of its own, so that
 * several addresses of one peer are not taken for a second connection of a pair. */
#ifndef SL_NODE_PREFLIGHT_PROBE_H
#define SL_NODE_PREFLIGHT_PROBE_H

#include "base/clock.h"
#include "node/preflight.h"
#include "transport/path.h"
#include "transport/transport.h"

enum { PROBE_DETAIL_SIZE = 1024 };

struct probe {
    char what[64];
    const char *address, *node; /* "": any member */
    enum sl_connection_security security;
    bool is_join;
    struct sl_transport *transport; /* NULL: not begun, or over */
    bool closed;                    /* by the peer */
    enum { PROBE_WAITS, PROBE_RUNS, PROBE_ADMITTED, PROBE_FAILED } state;
    sl_time begun, deadline;
    enum sl_status status; /* of one that failed */
    char detail[PROBE_DETAIL_SIZE];
};

struct probes {
    struct preflight *preflight;
    struct event_base *base;
    struct probe *items;
    size_t count, running;
};

/* For `probe`, or NULL: to see whether one can be made. */
SL_MUST_USE enum sl_status preflight_probe_transport(const struct probes *probes, struct sl_transport **out,
                                                     struct probe *probe, struct sl_error *error);
/* Until each item is PROBE_ADMITTED or PROBE_FAILED, with a detail. */
SL_MUST_USE enum sl_status preflight_probe_run(struct probes *probes, struct sl_error *error);

#endif
