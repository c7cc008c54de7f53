/* One connection a pair, whoever dials. Both ends must keep the same one without asking each other:
 *
 * - another boot nonce: the peer's process is a new one, or somebody has copied its kit. The old connection is pinged:
 *   when it answers, the newcomer is refused, and somebody is told; when it is silent for two seconds, the newcomer
 *   replaces it; when it ends, the newcomer is taken at once. Frames that are no answer may be what a process that was
 *   killed has left in its kernel, so they only give it more time. Until that is decided the newcomer's HELLO is not
 *   acknowledged;
 * - dialled by different ends: the one dialled by the lower name stays; the higher name closes the other, the lower
 *   waits for that, so that nothing that is under way on it is cut from both sides;
 * - dialled by the same end: that end admits no second one while it has the first, so if a second one gets here, the
 *   dialler has lost the first: the later one stays.
 *
 * The boot nonce 0 is that of a probe (a preflight): it hears whether it is admitted, replaces nobody and is not kept.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transport/connection.h"

/* Waits are of two seconds, or a fifth of what the whole admission may take where that is less: all of them are over
 * before its deadline. */
enum { CONTEST_MICROSECONDS = 2000000, CONTEST_PARTS = 5, CONTEST_WAITS_MAX = 3 };

static bool is_same_process(const struct sl_connection *a, const struct sl_connection *b) {
    return a->boot == b->boot && strcmp(a->node, b->node) == 0;
}

static bool we_are_lower(const struct sl_connection *connection) {
    return strcmp(sl_identity_node(connection->transport->identity), connection->node) < 0;
}

static bool is_dialled_by_lower(const struct sl_connection *connection) {
    return connection->dialled == we_are_lower(connection);
}

bool sl_pair_is_dialled(const struct sl_connection *connection) {
    if (!connection->dialled)
        return false;
    const struct sl_connection *other = connection->transport->connections;
    for (; other != NULL; other = other->next) {
        bool is_live = other->admitted && other->state < SL_CONNECTION_DRAINING && !other->closing;
        if (other == connection || !is_live || !is_same_process(other, connection))
            continue;
        if (other->dialled || (other->shown && is_dialled_by_lower(other)))
            return true;
    }
    return false;
}

static struct sl_connection *find_shown(const struct sl_connection *connection) {
    struct sl_connection *other = connection->transport->connections;
    while (other != NULL && (!other->shown || strcmp(other->node, connection->node) != 0))
        other = other->next;
    return other;
}

static void end_duplicate(struct sl_connection *connection) {
    sl_connection_end(connection,
                      &(struct sl_ending){.kind = we_are_lower(connection) ? SL_ENDING_YIELD : SL_ENDING_GOODBYE,
                                          .status = SL_EXISTS,
                                          .reason = "another connection of this pair stays"});
}

static void end_replaced(struct sl_connection *connection, const char *reason) {
    sl_connection_end(connection,
                      &(struct sl_ending){.kind = SL_ENDING_GOODBYE, .status = SL_CLOSED, .reason = reason});
}

static void show(struct sl_connection *connection) {
    struct sl_transport *transport = connection->transport;
    struct sl_dial *dial = connection->dial;
    struct sl_hello *hello = connection->hello;
    connection->dial = NULL;
    connection->hello = NULL;
    connection->shown = true;
    if (dial != NULL) {
        memcpy(connection->dialled_as, sl_dial_address(dial), sizeof connection->dialled_as);
        sl_dial_succeed(dial);
    }
    if (!connection->unlogged)
        sl_log_line(transport->log, SL_LOG_INFO, "transport", "peer up", SL_TEXT("peer", connection->node),
                    SL_TEXT("address", connection->address), SL_BOOLEAN("dialled", connection->dialled));
    transport->handlers.peer_up(transport->handlers.context, connection, hello, connection->credential);
    sl_hello_finish(hello);
    free(hello);
}

/* ---- another process of the same name ---- */

static struct sl_connection *find_rival(const struct sl_connection *newcomer) {
    struct sl_connection *shown = find_shown(newcomer);
    return shown != NULL && shown != newcomer && shown->boot != newcomer->boot ? shown : NULL;
}

static void alarm_about(struct sl_connection *rival, const struct sl_connection *newcomer) {
    struct sl_transport *transport = rival->transport;
    sl_time now = sl_clock_monotonic();
    char text[2 * SL_ADDRESS_SIZE + 128];
    if (!sl_guard_may_alarm(sl_guard_find_member(transport->guard, newcomer->node, now), now))
        return;
    (void)snprintf(text, sizeof text,
                   "two processes have this name and its keys: the one at %s answers, the one at %s was refused",
                   rival->address, newcomer->address);
    sl_log_line(transport->log, SL_LOG_ERROR, "transport", "copied kit", SL_TEXT("peer", newcomer->node),
                SL_TEXT("reason", text));
    if (transport->handlers.alarm != NULL)
        transport->handlers.alarm(transport->handlers.context, newcomer->node, text);
}

static void refuse_newcomer(struct sl_connection *newcomer, struct sl_connection *rival) {
    char reason[SL_ADDRESS_SIZE + 64];
    (void)snprintf(reason, sizeof reason, "another process of this node is connected at %s", rival->address);
    alarm_about(rival, newcomer);
    sl_connection_end(newcomer,
                      &(struct sl_ending){.kind = SL_ENDING_GOODBYE, .status = SL_UNTRUSTED, .reason = reason});
}

static void take_newcomer(struct sl_connection *newcomer) {
    struct sl_error error = {.status = SL_OK};
    sl_pair_forget(newcomer);
    enum sl_status status = sl_hello_acknowledge(newcomer, &error);
    if (status != SL_OK)
        sl_connection_end(newcomer,
                          &(struct sl_ending){.kind = SL_ENDING_BROKEN, .status = status, .reason = error.text});
    else if (newcomer->acknowledged)
        sl_pair_settle(newcomer);
}

static void schedule(struct sl_connection *newcomer, long microseconds) {
    newcomer->contest_due = sl_clock_monotonic() + (sl_time)microseconds * 1000;
    (void)event_add(&newcomer->contest,
                    &(struct timeval){.tv_sec = microseconds / 1000000, .tv_usec = microseconds % 1000000});
}

static void wait_for(struct sl_connection *newcomer, const struct sl_connection *rival) {
    const struct timeval *whole = &newcomer->transport->handshake_timeout;
    long part = ((long)whole->tv_sec * 1000000 + (long)whole->tv_usec) / CONTEST_PARTS;
    long wait = part < CONTEST_MICROSECONDS ? part : CONTEST_MICROSECONDS;
    newcomer->contest_waits++;
    newcomer->contest_frames = rival->frames;
    schedule(newcomer, wait);
}

static void challenge(struct sl_connection *newcomer, struct sl_connection *rival) {
    rival->challenge = rival->pings + 1;
    newcomer->contest_lost = false;
    newcomer->contest_waits = 0;
    /* Where it cannot be sent the rival is about to end, which decides as well. */
    (void)sl_connection_ping(rival);
    wait_for(newcomer, rival);
}

static void handle_contest(evutil_socket_t fd, short what, void *context) {
    (void)fd;
    (void)what;
    struct sl_connection *newcomer = context;
    struct sl_connection *rival = find_rival(newcomer);
    if (!newcomer->contested || newcomer->state != SL_CONNECTION_HELLO || newcomer->closing)
        return;
    if (rival == NULL) {
        take_newcomer(newcomer);
    } else if (newcomer->contest_lost) {
        refuse_newcomer(newcomer, rival);
    } else if (rival->challenge == 0) {
        challenge(newcomer, rival); /* it was shown meanwhile */
    } else if (sl_was_held_up(newcomer->contest_due)) {
        wait_for(newcomer, rival); /* its answer may be there */
    } else if (rival->frames != newcomer->contest_frames && newcomer->contest_waits < CONTEST_WAITS_MAX) {
        wait_for(newcomer, rival);
    } else if (rival->frames != newcomer->contest_frames) {
        refuse_newcomer(newcomer, rival);
    } else {
        end_replaced(rival, "a new process of this node replaces it");
        if (newcomer->state == SL_CONNECTION_HELLO && !newcomer->closing) /* the handlers may have closed everything */
            take_newcomer(newcomer);
    }
}

bool sl_pair_contest(struct sl_connection *newcomer) {
    struct sl_connection *rival = find_rival(newcomer);
    if (rival == NULL || newcomer->boot == 0)
        return false;
    newcomer->contested = true;
    (void)event_assign(&newcomer->contest, newcomer->transport->base, -1, 0, handle_contest, newcomer);
    challenge(newcomer, rival);
    return true;
}

/* The newcomers that contest a connection hear from the loop: it may be in the midst of a frame. */
static void decide_contests(const struct sl_connection *rival, bool lost) {
    struct sl_connection *newcomer = rival->transport->connections;
    for (; newcomer != NULL; newcomer = newcomer->next) {
        if (!newcomer->contested || newcomer->state != SL_CONNECTION_HELLO || strcmp(newcomer->node, rival->node) != 0)
            continue;
        newcomer->contest_lost = lost;
        schedule(newcomer, 0);
    }
}

void sl_pair_answered(struct sl_connection *connection) {
    connection->challenge = 0;
    decide_contests(connection, true);
}

void sl_pair_gone(struct sl_connection *connection) {
    connection->challenge = 0;
    decide_contests(connection, false);
}

void sl_pair_forget(struct sl_connection *connection) {
    if (connection->contested)
        (void)event_del(&connection->contest);
    connection->contested = false;
}

/* ---- settling ---- */

static void end_probe(struct sl_connection *connection) {
    uint64_t more = 0;
    if (sl_refusal_may_log(connection, &more))
        sl_log_line(connection->transport->log, SL_LOG_INFO, "transport", "peer probed",
                    SL_TEXT("peer", connection->node), SL_TEXT("address", connection->address));
    sl_connection_end(connection, &(struct sl_ending){.kind = SL_ENDING_GOODBYE,
                                                      .status = SL_CANCELLED,
                                                      .reason = "admitted, but a probe is not kept"});
}

void sl_pair_settle(struct sl_connection *connection) {
    if (connection->boot == 0) {
        end_probe(connection);
        return;
    }
    if (connection->contested)
        return; /* until that is decided */
    struct sl_connection *other = find_shown(connection);
    if (other != NULL && other->boot != connection->boot) {
        refuse_newcomer(connection, other); /* shown while this one was being acknowledged, so it lives */
        return;
    }
    sl_connection_enter(connection, SL_CONNECTION_READY);
    bool stays = true;
    if (other != NULL && other->dialled == connection->dialled) {
        end_replaced(other, "a later connection of this node replaces it");
    } else if (other != NULL) {
        stays = is_dialled_by_lower(connection);
        end_duplicate(stays ? other : connection);
    }
    /* The handlers that heard of the other's end may have closed everything. */
    if (stays && connection->state == SL_CONNECTION_READY)
        show(connection);
}
