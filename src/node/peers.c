/* Who is connected, and what the transport tells about it. A peer's entry outlives its connection: an edge may still be
 * undecided with it. */
#include "node/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Signs of life are passed on at most this often a peer: bulk brings thousands of frames a second. */
#define HEARD_INTERVAL (100 * SL_MILLISECOND)

struct node_peer *node_find_peer(const struct sl_node *node, const char *name) {
    struct node_peer *peer = node->peers;
    while (peer != NULL && strcmp(peer->name, name) != 0)
        peer = peer->next;
    return peer;
}

struct node_peer *node_find_or_add_peer(struct sl_node *node, const char *name) {
    struct node_peer *peer = node_find_peer(node, name);
    if (peer != NULL)
        return peer;
    peer = calloc(1, sizeof *peer);
    if (peer == NULL)
        return NULL;
    memcpy(peer->name, name, strlen(name) + 1);
    peer->next = node->peers;
    node->peers = peer;
    return peer;
}

static void disconnect(struct node_peer *peer) {
    peer->connection = NULL;
    sl_credential_unref(peer->credential);
    peer->credential = NULL;
    node_crls_finish(&peer->crls);
    node_witness_peer_finish(&peer->witness);
    node_lose_outgoing(peer);
}

void node_free_peers(struct sl_node *node) {
    while (node->peers != NULL) {
        struct node_peer *peer = node->peers;
        node->peers = peer->next;
        node_lose_outgoing(peer);
        node_unref_incoming(peer->filling);
        while (peer->incoming != NULL)
            node_drop_incoming(node, peer->incoming, false);
        node_drop_pending(peer);
        node_crls_finish(&peer->crls);
        node_witness_peer_finish(&peer->witness);
        node_promised_finish(&peer->promised);
        sl_credential_unref(peer->credential);
        free(peer);
    }
}

void node_send(struct sl_node *node, struct node_peer *peer, enum sl_frame_type type, const struct sl_buffer *payload) {
    if (peer->connection == NULL)
        return;
    enum sl_status status = sl_connection_send(peer->connection, type, payload->data, payload->length);
    if (status != SL_OK)
        sl_log_line(node->log, SL_LOG_WARNING, "node", "message not sent", SL_TEXT("peer", peer->name),
                    SL_TEXT("type", sl_frame_type_text(type)), SL_TEXT("reason", sl_status_text(status)));
}

static void handle_peer_up(void *context, struct sl_connection *connection, const struct sl_hello *hello,
                           struct sl_credential *credential) {
    struct sl_node *node = context;
    struct node_peer *peer = node_find_or_add_peer(node, hello->node);
    if (peer == NULL) {
        sl_connection_close(connection, "out of memory");
        return;
    }
    peer->connection = connection;
    peer->credential = sl_credential_ref(credential);
    peer->next_transfer = strcmp(node->settings->node.name, peer->name) < 0 ? 1 : 2;
    peer->announced = 0;
    peer->heard = sl_clock_monotonic();
    sl_connection_set_context(connection, peer);
    sl_record_event(node->record, "peer_up", SL_TEXT("peer", peer->name));
    node_step_membership(node, &(struct sl_membership_event){.type = SL_MEMBERSHIP_PEER_UP,
                                                             .node = peer->name,
                                                             .address = sl_connection_dialled_as(connection),
                                                             .addresses = (const char *const *)hello->addresses,
                                                             .address_count = hello->address_count});
    node_tell_members(node);
    node_donor_is_back(node, peer);
    node_crl_spread(node);
    node_tell_proofs(node, peer);
}

static void handle_peer_down(void *context, struct sl_connection *connection, bool leaving, const char *reason) {
    struct sl_node *node = context;
    struct node_peer *peer = sl_connection_context(connection);
    if (peer == NULL || peer->connection != connection)
        return;
    sl_record_event(node->record, "peer_down", SL_TEXT("peer", peer->name), SL_TEXT("reason", reason),
                    SL_BOOLEAN("leaving", leaving));
    disconnect(peer);
    node_step_membership(
        node, &(struct sl_membership_event){.type = SL_MEMBERSHIP_PEER_DOWN, .node = peer->name, .leaving = leaving});
    node_tell_members(node);
    /* Only now, when the round knows that the connection is gone: what it lost may be offered again over the next. */
    node_lose_incoming(node, peer);
    node_model_failed(node, peer->name);
}

static void handle_dial_failed(void *context, const char *address, const char *expected, enum sl_status status,
                               const char *reason) {
    struct sl_node *node = context;
    (void)reason; /* the transport has logged it */
    node_step_membership(node, &(struct sl_membership_event){.type = SL_MEMBERSHIP_DIAL_FAILED,
                                                             .address = address,
                                                             .node = expected,
                                                             .is_self = status == SL_IN_USE,
                                                             .is_connected = status == SL_EXISTS});
}

static enum sl_status handle_control(void *context, struct sl_connection *connection, enum sl_frame_type type,
                                     const uint8_t *payload, size_t length, struct sl_error *error) {
    struct node_peer *peer = sl_connection_context(connection);
    if (peer == NULL)
        return sl_error_set(error, SL_STATE, "no memory was left for this peer");
    return node_dispatch(context, peer, type, payload, length, error);
}

static enum sl_status handle_data(void *context, struct sl_connection *connection, const struct sl_data_header *header,
                                  uint8_t **out, struct sl_error *error) {
    (void)context;
    struct node_peer *peer = sl_connection_context(connection);
    if (peer == NULL)
        return sl_error_set(error, SL_STATE, "no memory was left for this peer");
    return node_on_data(peer, header, out, error);
}

static enum sl_status handle_data_done(void *context, struct sl_connection *connection,
                                       const struct sl_data_header *header, struct sl_error *error) {
    return node_on_data_done(context, sl_connection_context(connection), header, error);
}

static void handle_heard(void *context, struct sl_connection *connection) {
    struct sl_node *node = context;
    struct node_peer *peer = sl_connection_context(connection);
    sl_time now = sl_clock_monotonic();
    if (peer == NULL || now - peer->heard < HEARD_INTERVAL)
        return;
    peer->heard = now;
    node_step_membership(node, &(struct sl_membership_event){.type = SL_MEMBERSHIP_HEARD, .node = peer->name});
}

static void handle_alarm(void *context, const char *name, const char *text) {
    const struct sl_node *node = context;
    char line[1024];
    (void)snprintf(line, sizeof line, "%s: %s", name, text);
    sl_record_event(node->record, "warning", SL_TEXT("text", line)); /* the transport has logged it */
}

static const char *handle_expelled(void *context, const char *name) {
    return node_why_expelled(context, name);
}

struct sl_transport_handlers node_transport_handlers(struct sl_node *node) {
    return (struct sl_transport_handlers){.context = node,
                                          .peer_up = handle_peer_up,
                                          .peer_down = handle_peer_down,
                                          .dial_failed = handle_dial_failed,
                                          .control = handle_control,
                                          .data = handle_data,
                                          .data_done = handle_data_done,
                                          .heard = handle_heard,
                                          .alarm = handle_alarm,
                                          .expelled = handle_expelled};
}
