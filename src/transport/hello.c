/* Admission. Happy path: after the mutual handshake both ends send HELLO at once; each admits the other's (src/admit
 * decides) and sends HELLO_ACK; with the peer's HELLO_ACK the connection is READY. A refusal is a goodbye with the
 * reason. What we show is of the generation that shook hands; what we trust is the present one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/digest.h"
#include "transport/connection.h"

/* ---- ours ---- */

/* The nonce of this process for this peer. Each peer hears another one, so that nobody learns what a third one hears:
 * who has copied a kit and says the same nonce as its owner counts as the owner's process, takes its connections, and
 * no alarm is given. */
static uint64_t own_boot(const struct sl_connection *connection) {
    static const char context[] = "starling boot 1";
    uint8_t secret[8];
    struct sl_digest digest;
    const char *peer = sl_credential_node(connection->tls_credential);
    if (connection->transport->boot == 0)
        return 0;
    sl_put_u64(secret, connection->transport->boot);
    sl_digest_of_parts(&digest,
                       (const struct sl_bytes[]){{(const uint8_t *)context, sizeof context},
                                                 {secret, sizeof secret},
                                                 {(const uint8_t *)peer, strlen(peer)}},
                       3);
    return sl_get_u64(digest.bytes);
}

static void put_own_key(struct sl_connection *connection, uint8_t out[SL_KEY_DIGEST_SIZE]) {
    sl_identity_key_digest(sl_channel_mutual(connection)->identity,
                           connection->dialled ? SL_PURPOSE_CLIENT : SL_PURPOSE_SERVER, out);
}

/* Who accepted shows the client certificate that the mutual handshake had no place for, and proves that it is its own.
 * Into buffers of the caller. */
static enum sl_status add_proof(struct sl_connection *connection, struct sl_hello *hello,
                                struct sl_bytes chain[SL_CHAIN_MAX], uint8_t proof[SL_PROOF_SIZE],
                                struct sl_error *error) {
    const struct sl_identity *identity = sl_channel_mutual(connection)->identity;
    const struct sl_delegation delegation = sl_identity_delegation(identity);
    uint8_t message[SL_PROOF_MESSAGE_SIZE];
    struct sl_admit_binding binding;
    memcpy(binding.exporter, connection->exporter, sizeof binding.exporter);
    put_own_key(connection, binding.accepter_key);
    sl_credential_key_digest(connection->tls_credential, binding.dialler_key);
    sl_admit_proof_message(message, &binding, hello->boot);
    hello->chain = chain;
    hello->chain_count = sl_identity_chain(identity, SL_PURPOSE_CLIENT, chain);
    hello->proof = proof;
    hello->proof_length = SL_PROOF_SIZE;
    hello->delegate = (uint8_t *)(uintptr_t)delegation.key.data; /* it is only read */
    hello->delegate_length = delegation.key.length;
    hello->delegation = (uint8_t *)(uintptr_t)delegation.signature.data;
    hello->delegation_length = delegation.signature.length;
    hello->delegated_until = delegation.not_after;
    return sl_identity_prove(identity, proof, (struct sl_bytes){message, sizeof message}, error);
}

static enum sl_status encode_hello(struct sl_connection *connection, struct sl_buffer *out, struct sl_error *error) {
    const struct sl_transport *transport = connection->transport;
    const struct sl_identity *identity = sl_channel_mutual(connection)->identity;
    uint8_t proof[SL_PROOF_SIZE];
    struct sl_bytes chain[SL_CHAIN_MAX];
    struct sl_hello hello = {
        .version_min = SL_PROTOCOL_VERSION,
        .version_max = SL_PROTOCOL_VERSION,
        .boot = own_boot(connection),
        .addresses = transport->addresses,
        .address_count = transport->address_count,
    };
    enum sl_status status = connection->dialled ? SL_OK : add_proof(connection, &hello, chain, proof, error);
    if (status != SL_OK)
        return status;
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
    /* By the certificate: a member that merely says so would have its address struck off the list. */
    const char *own = sl_identity_node(transport->identity);
    if (strcmp(hello->node, own) == 0 && strcmp(sl_credential_node(connection->tls_credential), own) == 0 &&
        hello->boot == own_boot(connection))
        return sl_error_set(error, SL_IN_USE, "this node reached itself");
    return SL_OK;
}

static enum sl_status decide(struct sl_connection *connection, const struct sl_hello *hello, struct sl_error *error) {
    const struct sl_transport *transport = connection->transport;
    const struct sl_transport_handlers *handlers = &transport->handlers;
    struct sl_bytes chain[SL_CHAIN_MAX];
    struct sl_admit_request request = {
        .dialled = connection->dialled,
        .security = connection->security,
        .outer_checked = connection->security == SL_SECURITY_TLS && connection->tls.done,
        .dialled_host = connection->host,
        .tls_chain = chain,
        .tls_count = sl_credential_chain(connection->tls_credential, chain),
        .hello_flock = hello->flock,
        .hello_node = hello->node,
        .hello_chain = hello->chain,
        .hello_count = hello->chain_count,
        .delegation = {.key = {hello->delegate, hello->delegate_length},
                       .not_after = hello->delegated_until,
                       .signature = {hello->delegation, hello->delegation_length}},
        .hello_proof = {.data = hello->proof, .length = hello->proof_length},
        .boot = hello->boot,
    };
    memcpy(request.exporter, connection->exporter, sizeof request.exporter);
    put_own_key(connection, request.own_key);
    if (connection->dial != NULL) {
        const char *node = sl_dial_node(connection->dial);
        request.expected_node = node[0] == '\0' ? NULL : node;
    }
    if (handlers->expelled != NULL)
        request.expelled = handlers->expelled(handlers->context, hello->node);
    enum sl_status status = sl_admit_decide(&connection->credential, transport->identity, &request, error);
    if (status != SL_OK)
        return status;
    if (strcmp(hello->run, transport->run) != 0)
        return sl_error_set(error, SL_MISMATCH, "%s is in run '%s', this node in '%s'", hello->node, hello->run,
                            transport->run);
    return SL_OK;
}

static void admit(struct sl_connection *connection) {
    connection->admitted = true;
    sl_stranger_admit(connection);
    sl_channel_settle(connection);
}

enum sl_status sl_hello_acknowledge(struct sl_connection *connection, struct sl_error *error) {
    struct sl_buffer payload = {0};
    enum sl_status status = sl_hello_ack_encode(&payload, &(struct sl_hello_ack){.version = SL_PROTOCOL_VERSION});
    if (status == SL_OK)
        status = sl_writer_add_control(&connection->writer, SL_FRAME_HELLO_ACK, payload.data, payload.length);
    sl_buffer_finish(&payload);
    if (status != SL_OK)
        return sl_error_set(error, status, "hello-ack: %s", sl_status_text(status));
    uint64_t more = 0;
    if (sl_member_may_log(connection, &more))
        sl_log_line(connection->transport->log, SL_LOG_INFO, "transport", "peer admitted",
                    SL_TEXT("peer", connection->node), SL_TEXT("address", connection->address),
                    SL_BOOLEAN("dialled", connection->dialled),
                    SL_TEXT("security", sl_security_text(connection->security)),
                    SL_TEXT("certificate", sl_credential_text(connection->credential)),
                    more > 0 ? SL_UNSIGNED("more", more) : SL_END);
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
    admit(connection);
    return sl_pair_contest(connection) ? SL_OK : sl_hello_acknowledge(connection, error);
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
