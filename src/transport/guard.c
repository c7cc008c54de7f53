#include "transport/guard.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/digest.h"
#include "crypto/random.h"
#include "transport/guard_sources.h"

/* Enough for a person who tries things, too little to fill a disk: 25 MB a day at most. */
static const double LINES_A_SECOND = 0.2, LINES_AT_ONCE = 16, ALL_LINES_A_SECOND = 2, ALL_LINES_AT_ONCE = 64;
static const sl_time ALARM_EVERY = 60 * SL_SECOND;

/* An honest node that fails comes again after 0.1 s, 0.2 s and so on to 10 s (membership.dial_retry_max). */
static const double SELDOM_A_SECOND = 0.1, SELDOM_AT_ONCE = 8;

struct sl_guard {
    struct sl_guard_sources sources;
    size_t strangers;
    struct sl_guard_tokens opens, lines;
    uint64_t suppressed;
    struct sl_guard_source all; /* of the strangers, for its lines alone; in no list */
};

/* ---- tokens ---- */

/* Of more than `kept` tokens. */
static bool take_token_above(double kept, struct sl_guard_tokens *tokens, double rate, double burst, sl_time now) {
    tokens->left += sl_time_to_seconds(now - tokens->at) * rate;
    tokens->at = now;
    if (tokens->left > burst)
        tokens->left = burst;
    if (tokens->left < kept + 1)
        return false;
    tokens->left -= 1;
    return true;
}

static bool take_token(struct sl_guard_tokens *tokens, double rate, double burst, sl_time now) {
    return take_token_above(0, tokens, rate, burst, now);
}

/* Of all strangers. Half of the tokens are for those who come seldom. */
static bool take_strangers_token(struct sl_guard *guard, struct sl_guard_source *source, sl_time now) {
    bool seldom = take_token(&source->seldom, SELDOM_A_SECOND, SELDOM_AT_ONCE, now);
    return take_token_above(seldom ? 0 : SL_GUARD_STRANGERS_AT_ONCE / 2.0, &guard->opens, SL_GUARD_STRANGERS_A_SECOND,
                            SL_GUARD_STRANGERS_AT_ONCE, now);
}

/* ---- sources ---- */

static void put_key(uint8_t key[SL_GUARD_KEY_SIZE], const struct sockaddr *address) {
    memset(key, 0, SL_GUARD_KEY_SIZE);
    if (address != NULL && address->sa_family == AF_INET) {
        key[10] = key[11] = 0xff;
        memcpy(key + 12, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
    } else if (address != NULL && address->sa_family == AF_INET6) {
        const struct in6_addr *in6 = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        memcpy(key, in6, IN6_IS_ADDR_V4MAPPED(in6) ? SL_GUARD_KEY_SIZE : SL_GUARD_KEY_SIZE / 2);
    }
}

struct sl_guard_source *sl_guard_find(struct sl_guard *guard, uint16_t listener, const struct sockaddr *address,
                                      sl_time now) {
    uint8_t key[SL_GUARD_KEY_SIZE];
    put_key(key, address);
    return sl_guard_sources_find(&guard->sources, listener, key, now);
}

struct sl_guard_source *sl_guard_find_member(struct sl_guard *guard, const char *name, sl_time now) {
    struct sl_digest digest;
    sl_digest_of(&digest, name, strlen(name));
    return sl_guard_sources_find(&guard->sources, SL_GUARD_MEMBERS, digest.bytes, now);
}

struct sl_guard_source *sl_guard_strangers_source(struct sl_guard *guard) {
    return &guard->all;
}

/* ---- connections ---- */

enum sl_guard_answer sl_guard_ask(struct sl_guard *guard, struct sl_guard_source *source,
                                  const struct sl_guard_limits *limits, sl_time now) {
    if (source->connections >= limits->connections)
        return SL_GUARD_TOO_MANY;
    if (source->strangers >= limits->strangers)
        return SL_GUARD_TOO_MANY_STRANGERS;
    if (!take_token(&source->opens, limits->rate, limits->burst, now))
        return SL_GUARD_TOO_FAST;
    if (!source->known && !take_strangers_token(guard, source, now))
        return SL_GUARD_BUSY;
    return SL_GUARD_TAKE;
}

const char *sl_guard_answer_text(enum sl_guard_answer answer) {
    switch (answer) {
    case SL_GUARD_TAKE:
        return "taken";
    case SL_GUARD_TOO_FAST:
        return "it connects too often (transport.handshake_rate)";
    case SL_GUARD_TOO_MANY:
        return "it has too many connections (transport.max_connections_per_address)";
    case SL_GUARD_TOO_MANY_STRANGERS:
        return "too many of its connections are not admitted (transport.max_unauthenticated_per_address)";
    case SL_GUARD_BUSY:
        return "too many strangers connect at once";
    }
    return "?";
}

void sl_guard_hold(struct sl_guard *guard, struct sl_guard_source *source, bool stranger) {
    sl_guard_sources_hold(&guard->sources, source);
    source->strangers += stranger;
    guard->strangers += stranger;
}

void sl_guard_admit(struct sl_guard *guard, struct sl_guard_source *source) {
    source->known = true; /* it is held, so on no list */
    source->strangers--;
    guard->strangers--;
}

void sl_guard_release(struct sl_guard *guard, struct sl_guard_source *source, bool stranger) {
    source->strangers -= stranger;
    guard->strangers -= stranger;
    sl_guard_sources_release(&guard->sources, source);
}

size_t sl_guard_strangers(const struct sl_guard *guard) {
    return guard->strangers;
}

size_t sl_guard_source_strangers(const struct sl_guard_source *source) {
    return source->strangers;
}

size_t sl_guard_source_count(const struct sl_guard *guard) {
    return guard->sources.count;
}

/* ---- log lines ---- */

bool sl_guard_may_log(struct sl_guard *guard, struct sl_guard_source *source, sl_time now, uint64_t *suppressed) {
    bool is_member = source != NULL && source->listener == SL_GUARD_MEMBERS;
    *suppressed = source != NULL ? source->suppressed : 0;
    bool may = (source == NULL || take_token(&source->lines, LINES_A_SECOND, LINES_AT_ONCE, now)) &&
               (is_member || take_token(&guard->lines, ALL_LINES_A_SECOND, ALL_LINES_AT_ONCE, now));
    if (source != NULL)
        source->suppressed = may ? 0 : source->suppressed + 1;
    if (may)
        guard->suppressed -= *suppressed < guard->suppressed ? *suppressed : guard->suppressed;
    else
        guard->suppressed++;
    return may;
}

bool sl_guard_may_alarm(struct sl_guard_source *source, sl_time now) {
    if (source == NULL || (source->alarmed_at != 0 && now - source->alarmed_at < ALARM_EVERY))
        return false;
    source->alarmed_at = now;
    return true;
}

uint64_t sl_guard_take_suppressed(struct sl_guard *guard) {
    uint64_t suppressed = guard->suppressed;
    guard->suppressed = 0;
    return suppressed;
}

bool sl_guard_has_suppressed(const struct sl_guard *guard) {
    return guard->suppressed > 0;
}

/* ---- life ---- */

enum sl_status sl_guard_create(struct sl_guard **out, struct sl_error *error) {
    struct sl_guard *guard = calloc(1, sizeof *guard);
    if (guard == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "out of memory");
    enum sl_status status = sl_random_nonce(&guard->sources.seed, error);
    if (status != SL_OK) {
        free(guard);
        return status;
    }
    guard->opens.left = SL_GUARD_STRANGERS_AT_ONCE;
    guard->lines.left = ALL_LINES_AT_ONCE;
    guard->all.lines.left = LINES_AT_ONCE;
    *out = guard;
    return SL_OK;
}

void sl_guard_destroy(struct sl_guard *guard) {
    if (guard == NULL)
        return;
    sl_guard_sources_finish(&guard->sources);
    free(guard);
}
