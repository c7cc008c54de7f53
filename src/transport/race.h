/* TCP connections to many addresses of one peer, the first that stands wins (RFC 8305, Happy Eyeballs 2): one attempt
 * begins 250 ms after the other, at once where one failed; families take turns, so that a broken IPv6 costs no more
 * than that. The winner's owner may want another one later: what was under way then waits again.
 *
 * Addresses carry the number of the name that they are of; they are tried in the order of names, and of one name in the
 * order in which they were added, as far as the families' turns allow. */
#ifndef SL_TRANSPORT_RACE_H
#define SL_TRANSPORT_RACE_H

#include <event2/event_struct.h>

#include "transport/resolver.h"

enum {
    SL_RACE_DELAY_MILLISECONDS = 250, /* RFC 8305, 5: "Connection Attempt Delay" */
    SL_RACE_ATTEMPTS_MAX = 64,        /* further addresses are not tried */
    SL_RACE_AT_ONCE = 16
};

struct sl_race_attempt;

/* Called from the loop; the race may be finished within `won` and `over`. */
struct sl_race_handlers {
    void *context;
    /* The socket is the handler's. */
    void (*won)(void *context, int fd, size_t name, const union sl_socket_address *address);
    /* One attempt: no one there. */
    void (*failed)(void *context, size_t name, const union sl_socket_address *address, enum sl_status status,
                   const char *reason);
    /* Nothing is under way, nothing waits. */
    void (*over)(void *context);
};

struct sl_race {
    struct event_base *base;
    struct sl_race_handlers handlers;
    struct timeval patience; /* of one attempt */
    struct event step;
    struct sl_race_attempt *attempts; /* in the order of names */
    size_t count, connecting;
    int family; /* of the latest attempt */
};

void sl_race_init(struct sl_race *race, struct event_base *base, struct timeval patience,
                  const struct sl_race_handlers *handlers);
void sl_race_finish(struct sl_race *race);
/* An address that is there already is not added again. */
SL_MUST_USE enum sl_status sl_race_add(struct sl_race *race, size_t name, const union sl_socket_address *address);
/* Begins, or goes on: at once where nothing is under way, else in its time. SL_OK: leads to `won` or `over`, from the
 * loop; else SL_NO_MEMORY. */
SL_MUST_USE enum sl_status sl_race_go(struct sl_race *race);
/* What waits of this name is not tried any more. */
void sl_race_skip(struct sl_race *race, size_t name);
/* Nothing is tried any more. */
void sl_race_stop(struct sl_race *race);

#endif
