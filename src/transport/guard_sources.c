#include "transport/guard_sources.h"

#include <stdlib.h>
#include <string.h>

static const double FULL = 1e18; /* more than any burst: cut down at first use */

/* The finalizer of splitmix64 (Steele, Lea, Flood 2014), over each half. */
static uint64_t mix(uint64_t value) {
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

static size_t bucket_of(const struct sl_guard_sources *sources, uint16_t listener,
                        const uint8_t key[SL_GUARD_KEY_SIZE]) {
    uint64_t halves[2];
    memcpy(halves, key, sizeof halves);
    return (size_t)(mix(mix(mix(sources->seed ^ listener) ^ halves[0]) ^ halves[1]) % SL_GUARD_BUCKETS);
}

static struct sl_guard_idle *idle_of(struct sl_guard_sources *sources, const struct sl_guard_source *source) {
    return source->known ? &sources->known : &sources->unknown;
}

static void link_idle(struct sl_guard_sources *sources, struct sl_guard_source *source) {
    struct sl_guard_idle *idle = idle_of(sources, source);
    source->older = idle->newest;
    source->newer = NULL;
    if (idle->newest != NULL)
        idle->newest->newer = source;
    else
        idle->oldest = source;
    idle->newest = source;
    idle->count++;
}

static void unlink_idle(struct sl_guard_sources *sources, struct sl_guard_source *source) {
    struct sl_guard_idle *idle = idle_of(sources, source);
    if (source->older != NULL)
        source->older->newer = source->newer;
    else
        idle->oldest = source->newer;
    if (source->newer != NULL)
        source->newer->older = source->older;
    else
        idle->newest = source->older;
    source->older = source->newer = NULL;
    idle->count--;
}

static void forget(struct sl_guard_sources *sources, struct sl_guard_source *source) {
    struct sl_guard_source **at = &sources->buckets[bucket_of(sources, source->listener, source->key)];
    while (*at != source)
        at = &(*at)->chain;
    *at = source->chain;
    unlink_idle(sources, source);
    sources->count--;
    free(source);
}

/* A member with many addresses pushes out those of other members, never all of the table. */
static void make_room(struct sl_guard_sources *sources) {
    if (sources->unknown.count + sources->known.count < SL_GUARD_SOURCES)
        return;
    bool take_known = sources->unknown.count == 0 || sources->known.count > SL_GUARD_SOURCES / 2;
    forget(sources, take_known ? sources->known.oldest : sources->unknown.oldest);
}

static struct sl_guard_source *add(struct sl_guard_sources *sources, uint16_t listener,
                                   const uint8_t key[SL_GUARD_KEY_SIZE], sl_time now) {
    make_room(sources);
    struct sl_guard_source *source = calloc(1, sizeof *source);
    if (source == NULL)
        return NULL;
    size_t bucket = bucket_of(sources, listener, key);
    memcpy(source->key, key, SL_GUARD_KEY_SIZE);
    source->listener = listener;
    source->known = listener == SL_GUARD_MEMBERS;
    source->opens = (struct sl_guard_tokens){.left = FULL, .at = now};
    source->seldom = (struct sl_guard_tokens){.left = FULL, .at = now};
    source->lines = (struct sl_guard_tokens){.left = FULL, .at = now};
    source->chain = sources->buckets[bucket];
    sources->buckets[bucket] = source;
    sources->count++;
    link_idle(sources, source);
    return source;
}

struct sl_guard_source *sl_guard_sources_find(struct sl_guard_sources *sources, uint16_t listener,
                                              const uint8_t key[SL_GUARD_KEY_SIZE], sl_time now) {
    struct sl_guard_source *source = sources->buckets[bucket_of(sources, listener, key)];
    while (source != NULL && (source->listener != listener || memcmp(source->key, key, SL_GUARD_KEY_SIZE) != 0))
        source = source->chain;
    if (source == NULL)
        return add(sources, listener, key, now);
    if (source->connections == 0) {
        unlink_idle(sources, source);
        link_idle(sources, source);
    }
    return source;
}

void sl_guard_sources_hold(struct sl_guard_sources *sources, struct sl_guard_source *source) {
    if (source->connections++ == 0)
        unlink_idle(sources, source);
}

void sl_guard_sources_release(struct sl_guard_sources *sources, struct sl_guard_source *source) {
    if (--source->connections > 0)
        return;
    make_room(sources);
    link_idle(sources, source);
}

void sl_guard_sources_finish(struct sl_guard_sources *sources) {
    for (size_t i = 0; i < SL_GUARD_BUCKETS; i++) {
        while (sources->buckets[i] != NULL) {
            struct sl_guard_source *source = sources->buckets[i];
            sources->buckets[i] = source->chain;
            free(source);
        }
    }
}
