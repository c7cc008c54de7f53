/* Accepted connections that are not admitted yet. Where there are too many of them in all, the oldest one of the source
 * that has the most is closed for the newest: refusing the newest would let whoever opens 26 connections a second, and
 * says nothing on them until the deadline, keep every honest node out; so he must open all of them within the time of
 * one honest handshake, which the guard's token buckets do not let him, and one address alone pushes out only its own.
 */
#include "transport/connection.h"

void sl_connection_set_source(struct sl_connection *connection, struct sl_guard_source *source, bool stranger) {
    if (source == NULL)
        return; /* out of memory: it is not counted */
    connection->source = source;
    connection->is_stranger = stranger;
    sl_guard_hold(connection->transport->guard, source, stranger);
}

void sl_stranger_admit(struct sl_connection *connection) {
    if (connection->source == NULL || !connection->is_stranger)
        return;
    connection->is_stranger = false;
    sl_guard_admit(connection->transport->guard, connection->source);
}

void sl_connection_release_source(struct sl_connection *connection) {
    if (connection->source == NULL)
        return;
    sl_guard_release(connection->transport->guard, connection->source, connection->is_stranger);
    connection->source = NULL;
    connection->is_stranger = false;
}

bool sl_strangers_evict(struct sl_transport *transport) {
    struct sl_connection *victim = NULL;
    size_t most = 0;
    /* The list begins with the newest. */
    for (struct sl_connection *at = transport->connections; at != NULL; at = at->next) {
        if (at->is_stranger && sl_guard_source_strangers(at->source) >= most) {
            most = sl_guard_source_strangers(at->source);
            victim = at;
        }
    }
    if (victim == NULL)
        return false;
    sl_connection_end(victim, &(struct sl_ending){.kind = SL_ENDING_BROKEN,
                                                  .status = SL_LIMIT,
                                                  .of_all = true,
                                                  .reason = "too many connections that are not admitted"});
    sl_connection_drop(victim); /* where it was draining already */
    return true;
}

bool sl_refusal_may_log(const struct sl_connection *connection, uint64_t *suppressed) {
    return sl_guard_may_log(connection->transport->guard, connection->source, sl_clock_monotonic(), suppressed);
}

bool sl_member_may_log(struct sl_connection *connection, uint64_t *suppressed) {
    struct sl_guard *guard = connection->transport->guard;
    sl_time now = sl_clock_monotonic();
    connection->unlogged =
        !sl_guard_may_log(guard, sl_guard_find_member(guard, connection->node, now), now, suppressed);
    return !connection->unlogged;
}
