/* The guard's table: what is known of each source. Bounded: of those that nobody holds the longest unused goes first,
 * see guard.h. */
#ifndef SL_TRANSPORT_GUARD_SOURCES_H
#define SL_TRANSPORT_GUARD_SOURCES_H

#include "transport/guard.h"

enum { SL_GUARD_BUCKETS = 4096, SL_GUARD_KEY_SIZE = 16 };

struct sl_guard_tokens {
    double left;
    sl_time at; /* when `left` was true */
};

struct sl_guard_source {
    struct sl_guard_source *chain; /* of the same hash bucket */
    struct sl_guard_source *older, *newer;
    /* IPv4 as ::ffff:a.b.c.d, IPv6 with the lower half zero; of a name its digest's beginning */
    uint8_t key[SL_GUARD_KEY_SIZE];
    uint16_t listener;
    bool known; /* a member was admitted from here */
    size_t connections, strangers;
    struct sl_guard_tokens opens, seldom, lines;
    uint64_t suppressed;
    sl_time alarmed_at; /* of a member; 0: never */
};

/* Sources that nobody holds, the longest unused first. */
struct sl_guard_idle {
    struct sl_guard_source *oldest, *newest;
    size_t count;
};

/* All zero but the seed at first. */
struct sl_guard_sources {
    uint64_t seed; /* secret: nobody outside can make sources collide */
    struct sl_guard_source *buckets[SL_GUARD_BUCKETS];
    struct sl_guard_idle unknown, known;
    size_t count;
};

/* Made where it is new; NULL: out of memory. Valid until the next call unless it is held. */
struct sl_guard_source *sl_guard_sources_find(struct sl_guard_sources *sources, uint16_t listener,
                                              const uint8_t key[SL_GUARD_KEY_SIZE], sl_time now);
/* One connection more, one less. */
void sl_guard_sources_hold(struct sl_guard_sources *sources, struct sl_guard_source *source);
void sl_guard_sources_release(struct sl_guard_sources *sources, struct sl_guard_source *source);
void sl_guard_sources_finish(struct sl_guard_sources *sources);

#endif
