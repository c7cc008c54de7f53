/* Admission. Happy path: after the handshake both ends send HELLO at once; each admits the other's (src/admit decides)
 * and sends HELLO_ACK; with the peer's HELLO_ACK the connection is READY. A refusal is a goodbye with the reason. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transport/connection.h"

/* ---- ours ---- */

static enum sl_status encode_hello(const struct sl_connection *connection, struct sl_buffer *out,
                                   struct sl_error *error) {
    const struct sl_transport *transport = connection->transport;
    const struct sl_identity *identity = transport->identity;
    uint8_t exporter[SL_EXPORTER_SIZE], message[SL_PROOF_MESSAGE_SIZE], proof[SL_SIGNATURE_MAX];
    struct sl_bytes chain[SL_CHAIN_MAX];
    struct sl_hello hello = {
        .version_min = SL_PROTOCOL_VERSION,
        .version_max = SL_PROTOCOL_VERSION,
        .boot = transport->boot,
        .addresses = transport->addresses,
        .address_count = transport->address_count,
        .chain = chain,
        .proof = proof,
    };
    enum sl_status status = sl_tls_export(&connection->tls, exporter, error);
    if (status != SL_OK)
        return status;
    sl_admit_proof_message(message, exporter, connection->dialled, transport->boot);
    status = sl_identity_sign(identity, proof, &hello.proof_length,
                              (struct sl_bytes){.data = message, .length = sizeof message}, error);
    if (status != SL_OK)
        return status;
    hello.chain_count = sl_identity_chain(identity, SL_PURPOSE_CLIENT, chain);
    (void)snprintf(hello.flock, sizeof hello.flock, "%s", sl_identity_flock(identity));
    (void)snprintf(hello.run, sizeof hello.run, "%s", transport->run);
    (void)snprintf(hello.node, sizeof hello.node, "%s", sl_identity_node(identity));
    status = sl_hello_encode(out, &hello);
    return status == SL_OK ? SL_OK : sl_error_set(error, status, "encoding hello: %s", sl_status_text(status));
}

void sl_hello_begin(struct sl_connection *connection) {
    struct sl_buffer payload = {0};
    struct sl_error error = {.status = SL_OK};
    enum sl_status status = encode_hello(connection, &payload, &error);
    if (status == SL_OK) {
        status = sl_writer_add_control(&connection->writer, SL_FRAME_HELLO, payload.data, payload.length);
        if (status != SL_OK)
            (void)sl_error_set(&error, status, "hello of %zu bytes: %s", payload.length, sl_status_text(status));
    }
    sl_buffer_finish(&payload);
    if (status == SL_OK)
        sl_connection_want_write(connection);
    else
        sl_connection_end(connection,
                          &(struct sl_ending){.kind = SL_ENDING_BROKEN, .status = status, .reason = error.text});
}

/* ---- the peer's ---- */

static enum sl_status check_terms(const struct sl_connection *connection, const struct sl_hello *hello,
                                  struct sl_error *error) {
    const struct sl_transport *transport = connection->transport;
    if (hello->version_min > SL_PROTOCOL_VERSION || hello->version_max < SL_PROTOCOL_VERSION)
        return sl_error_set(error, SL_UNSUPPORTED, "it speaks protocol %u to %u, this node %d", hello->version_min,
                            hello->version_max, SL_PROTOCOL_VERSION);
    if (strcmp(hello->node, sl_identity_node(transport->identity)) == 0 && hello->boot == transport->boot)
        return sl_error_set(error, SL_IN_USE, "this node reached itself");
    return SL_OK;
}

static enum sl_status decide(struct sl_connection *connection, const struct sl_hello *hello, struct sl_error *error) {
    const struct sl_transport *transport = connection->transport;
    struct sl_bytes chain[SL_CHAIN_MAX];
    struct sl_admit_request request = {
        .dialled = connection->dialled,
        .tls_chain = chain,
        .tls_count = sl_tls_peer_chain(&connection->tls, chain),
        .hello_flock = hello->flock,
        .hello_node = hello->node,
        .hello_chain = hello->chain,
        .hello_count = hello->chain_count,
        .hello_proof = {.data = hello->proof, .length = hello->proof_length},
        .boot = hello->boot,
    };
    if (connection->dial != NULL) {
        const char *node = sl_dial_node(connection->dial);
        request.dialled_host = sl_dial_host(connection->dial);
        request.expected_node = node[0] == '\0' ? NULL : node;
    }
    enum sl_status status = sl_tls_export(&connection->tls, request.exporter, error);
    if (status == SL_OK)
        status = sl_admit_decide(&connection->credential, transport->identity, &request, error);
    if (status != SL_OK)
        return status;
    if (strcmp(hello->run, transport->run) != 0)
        return sl_error_set(error, SL_MISMATCH, "%s is in run '%s', this node in '%s'", hello->node, hello->run,
                            transport->run);
    return SL_OK;
}

static enum sl_status acknowledge(struct sl_connection *connection, struct sl_error *error) {
    struct sl_buffer payload = {0};
    enum sl_status status = sl_hello_ack_encode(&payload, &(struct sl_hello_ack){.version = SL_PROTOCOL_VERSION});
    if (status == SL_OK)
        status = sl_writer_add_control(&connection->writer, SL_FRAME_HELLO_ACK, payload.data, payload.length);
    sl_buffer_finish(&payload);
    if (status != SL_OK)
        return sl_error_set(error, status, "hello-ack: %s", sl_status_text(status));
    sl_connection_want_write(connection);
    return SL_OK;
}

static enum sl_status handle_hello(struct sl_connection *connection, const uint8_t *payload, size_t length,
                                   struct sl_error *error) {
    if (connection->admitted)
        return sl_error_set(error, SL_FORMAT, "a second hello");
    struct sl_hello *hello = calloc(1, sizeof *hello);
    if (hello == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "out of memory");
    enum sl_status status = sl_hello_decode(hello, payload, length, error);
    if (status != SL_OK) {
        free(hello);
        return status;
    }
    connection->hello = hello;
    status = check_terms(connection, hello, error);
    if (status == SL_OK)
        status = decide(connection, hello, error);
    if (status != SL_OK)
        return status;
    memcpy(connection->node, hello->node, sizeof connection->node);
    connection->boot = hello->boot;
    if (sl_pair_is_dialled(connection))
        return sl_error_set(error, SL_EXISTS, "%s is connected already", connection->node);
    connection->admitted = true;
    return acknowledge(connection, error);
}

static enum sl_status handle_ack(struct sl_connection *connection, const uint8_t *payload, size_t length,
                                 struct sl_error *error) {
    struct sl_hello_ack ack;
    if (!connection->admitted)
        return sl_error_set(error, SL_FORMAT, "hello-ack before hello");
    enum sl_status status = sl_hello_ack_decode(&ack, payload, length, error);
    if (status != SL_OK)
        return status;
    if (ack.version != SL_PROTOCOL_VERSION)
        return sl_error_set(error, SL_UNSUPPORTED, "it wants protocol %u, this node %d", ack.version,
                            SL_PROTOCOL_VERSION);
    connection->acknowledged = true;
    sl_pair_settle(connection);
    return SL_OK;
}

enum sl_status sl_hello_handle_frame(struct sl_connection *connection, enum sl_frame_type type, const uint8_t *payload,
                                     size_t length, struct sl_error *error) {
    if (type == SL_FRAME_HELLO)
        return handle_hello(connection, payload, length, error);
    if (type == SL_FRAME_HELLO_ACK)
        return handle_ack(connection, payload, length, error);
    if (type == SL_FRAME_GOODBYE)
        return sl_goodbye_handle(connection, payload, length, error);
    return sl_error_set(error, SL_FORMAT, "%s before admission", sl_frame_type_text(type));
}
