/* One connection a pair, whoever dials. Both ends must keep the same one without asking each other:
 *
 * - another boot nonce: the peer's process is a new one, so the old connection is dead whether it knows or not;
 * - dialled by different ends: the one dialled by the lower name stays; the higher name closes the other, the lower
 *   waits for that, so that nothing that is under way on it is cut from both sides;
 * - dialled by the same end: that end admits no second one while it has the first, so if a second one gets here, the
 *   dialler has lost the first: the later one stays. */
#include <stdlib.h>
#include <string.h>

#include "transport/connection.h"

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
    if (dial != NULL)
        sl_dial_succeed(dial);
    sl_log_line(transport->log, SL_LOG_INFO, "transport", "peer up", SL_TEXT("peer", connection->node),
                SL_TEXT("address", connection->address), SL_BOOLEAN("dialled", connection->dialled));
    transport->handlers.peer_up(transport->handlers.context, connection, hello, connection->credential);
    sl_hello_finish(hello);
    free(hello);
}

void sl_pair_settle(struct sl_connection *connection) {
    sl_connection_enter(connection, SL_CONNECTION_READY);
    struct sl_connection *other = find_shown(connection);
    bool stays = true;
    if (other != NULL && other->boot != connection->boot) {
        end_replaced(other, "a new process of this node replaces it");
    } else if (other != NULL && other->dialled == connection->dialled) {
        end_replaced(other, "a later connection of this node replaces it");
    } else if (other != NULL) {
        stays = is_dialled_by_lower(connection);
        end_duplicate(stays ? other : connection);
    }
    /* The handlers that heard of the other's end may have closed everything. */
    if (stays && connection->state == SL_CONNECTION_READY)
        show(connection);
}
