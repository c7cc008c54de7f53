/* What a stranger may cost before TLS: for each address a token bucket, counts of its connections, and log lines.
 *
 * A *source* is an IPv4 address or an IPv6 /64 (one customer of a provider has 2^64 addresses), for each listener that
 * it comes to; or a listener behind a proxy as a whole, since all share the proxy's address. The table is bounded: a
 * source with connections stays, the others go, the longest unused first, those that no member was ever admitted from
 * before the others. So who sprays addresses gains no more than the bursts of addresses that he has anyway, and pushes
 * out no member's.
 *
 * All strangers together have a bucket as well, in case they come from many addresses; a source that a member was
 * admitted from does not draw on it, so that members reconnect while strangers queue up. Half of it is for sources that
 * come seldom, as those do who come for the first time: who wants to keep these out needs a thousand addresses.
 *
 * It knows neither sockets nor the loop; the clock comes as `now`. */
#ifndef SL_TRANSPORT_GUARD_H
#define SL_TRANSPORT_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/clock.h"
#include <starling/error.h>

struct sl_guard;
struct sl_guard_source;

enum {
    SL_GUARD_SOURCES = 4096, /* without connections; those with some come on top */
    /* A handshake with admission costs about 2 ms of a core with P-256 keys and up to 4 with RSA: strangers get a third
     * of a core at most, and a flock of 500 that joins at once is through in three seconds. */
    SL_GUARD_STRANGERS_A_SECOND = 100,
    SL_GUARD_STRANGERS_AT_ONCE = 256,
    SL_GUARD_DIALLED = UINT16_MAX,    /* the "listener" of what we dialled: for its log lines */
    SL_GUARD_MEMBERS = UINT16_MAX - 1 /* of members by name: for theirs */
};

/* Of one source. */
struct sl_guard_limits {
    double rate, burst; /* new connections a second, and at once */
    size_t connections; /* at a time */
    size_t strangers;   /* of these, not admitted */
};

enum sl_guard_answer {
    SL_GUARD_TAKE,
    SL_GUARD_TOO_FAST,
    SL_GUARD_TOO_MANY,
    SL_GUARD_TOO_MANY_STRANGERS,
    SL_GUARD_BUSY /* all strangers together are too fast */
};

SL_MUST_USE enum sl_status sl_guard_create(struct sl_guard **out, struct sl_error *error);
void sl_guard_destroy(struct sl_guard *guard); /* accepts NULL */

/* The source of an address, made where it is new; NULL: out of memory. It is valid until the next call of this unless
 * it is held. `address` NULL (or of a family that is not IP): the listener as a whole. */
struct sl_guard_source *sl_guard_find(struct sl_guard *guard, uint16_t listener, const struct sockaddr *address,
                                      sl_time now);
/* The source of an admitted member's name, wherever it comes from; else as above. */
struct sl_guard_source *sl_guard_find_member(struct sl_guard *guard, const char *name, sl_time now);
/* All strangers together, for lines about what is no fault of one of them. Always there. */
struct sl_guard_source *sl_guard_strangers_source(struct sl_guard *guard);
/* Whether a new connection may be served; takes a token where it may. */
enum sl_guard_answer sl_guard_ask(struct sl_guard *guard, struct sl_guard_source *source,
                                  const struct sl_guard_limits *limits, sl_time now);
const char *sl_guard_answer_text(enum sl_guard_answer answer);

/* A connection of the source begins; `stranger`: it counts as not admitted until sl_guard_admit. Each hold is followed
 * by one release, of a stranger where it was not admitted meanwhile. */
void sl_guard_hold(struct sl_guard *guard, struct sl_guard_source *source, bool stranger);
void sl_guard_admit(struct sl_guard *guard, struct sl_guard_source *source);
void sl_guard_release(struct sl_guard *guard, struct sl_guard_source *source, bool stranger);
size_t sl_guard_strangers(const struct sl_guard *guard); /* of all sources */
size_t sl_guard_source_strangers(const struct sl_guard_source *source);
size_t sl_guard_source_count(const struct sl_guard *guard);

/* Whether a line about a refusal, or about a member that is admitted, may be written: some a source and some in all,
 * but those about members, who are as many as the flock has, do not draw on the latter. *suppressed: how many lines
 * about this source were not written since the last one that was; the line says so. NULL source: the bound in all
 * alone. */
bool sl_guard_may_log(struct sl_guard *guard, struct sl_guard_source *source, sl_time now, uint64_t *suppressed);
/* Whether an alarm about a member (its source by name) may be given: once a minute. NULL: no memory, no. */
bool sl_guard_may_alarm(struct sl_guard_source *source, sl_time now);
/* Lines of all sources that were not written and that no line has told of since; forgets them. */
uint64_t sl_guard_take_suppressed(struct sl_guard *guard);
bool sl_guard_has_suppressed(const struct sl_guard *guard);

#endif
