/* From TCP to frames that can be believed. Happy path: TCP is up; mtls: one mutual TLS session → HELLO; tls: an outer
 * session first; then tls and clear: the mutual session over HANDSHAKE frames (inner.c), the keys of the tags from it →
 * HELLO. Where the two ends were not set up for the same connection_security, each notices by the first thing that it
 * hears, and says so. */
#include <stdlib.h>
#include <string.h>

#include "crypto/random.h"
#include "transport/connection.h"

static const char HELLO_LABEL[] = "EXPORTER-starling-hello";

/* ---- the mutual handshake is done ---- */

static void finish_mutual(struct sl_connection *connection, struct sl_tls *mutual) {
    struct sl_error error = {.status = SL_OK};
    enum sl_status status = sl_tls_export(mutual, HELLO_LABEL, connection->exporter, SL_EXPORTER_SIZE, &error);
    if (status != SL_OK) {
        sl_connection_end(connection,
                          &(struct sl_ending){.kind = SL_ENDING_BROKEN, .status = status, .reason = error.text});
        return;
    }
    connection->tls_credential = sl_credential_ref(mutual->peer);
    connection->identity = sl_identity_ref(mutual->identity);
    connection->transport->counters.handshakes++;
    sl_connection_enter(connection, SL_CONNECTION_HELLO);
    sl_hello_begin(connection);
}

struct sl_tls *sl_channel_mutual(struct sl_connection *connection) {
    return connection->security == SL_SECURITY_MTLS ? &connection->tls : &connection->inner->tls;
}

static void forget_host(struct sl_connection *connection) {
    free(connection->host);
    connection->host = NULL;
    connection->outer.host = NULL;
}

void sl_channel_settle(struct sl_connection *connection) {
    sl_inner_destroy(connection->inner);
    connection->inner = NULL;
    if (connection->security != SL_SECURITY_TLS) /* there it is looked at again, see recheck.c */
        forget_host(connection);
}

/* ---- the inner handshake ---- */

static void end_inner(struct sl_connection *connection, enum sl_tls_result result, const struct sl_error *error) {
    /* Where we refuse, the alert is in a frame that is queued. */
    sl_connection_end(connection,
                      &(struct sl_ending){.kind = result == SL_TLS_REFUSED ? SL_ENDING_BROKEN : SL_ENDING_SAID,
                                          .by_peer = result == SL_TLS_REFUSED,
                                          .status = error->status,
                                          .reason = error->text});
}

static void go_on_inner(struct sl_connection *connection, const uint8_t *payload, size_t length) {
    struct sl_inner *inner = connection->inner;
    struct sl_error error = {.status = SL_OK};
    enum sl_tls_result result = sl_inner_handshake(inner, &connection->writer, payload, length, &error);
    sl_connection_want_write(connection);
    if (result == SL_TLS_AGAIN)
        return;
    if (result == SL_TLS_DONE &&
        sl_inner_start_tags(inner, &connection->writer.tags, &connection->reader.tags, &error) == SL_OK)
        finish_mutual(connection, &inner->tls);
    else
        end_inner(connection, result, &error);
}

static enum sl_status hear_alert(struct sl_connection *connection, const uint8_t *payload, size_t length,
                                 struct sl_error *error) {
    enum sl_tls_result result = sl_inner_hear_alert(connection->inner, payload, length, error);
    if (result != SL_TLS_REFUSED) {
        connection->transport->counters.bad_tags++;
        return SL_CRYPTO;
    }
    end_inner(connection, result, error);
    return SL_OK;
}

enum sl_status sl_channel_handle_frame(struct sl_connection *connection, enum sl_frame_type type,
                                       const uint8_t *payload, size_t length, struct sl_error *error) {
    if (type != SL_FRAME_HANDSHAKE)
        return sl_error_set(error, SL_MISMATCH,
                            "%s before the inner handshake: the peer's connection_security may be mtls, here it is %s",
                            sl_frame_type_text(type), sl_security_text(connection->security));
    if (connection->state == SL_CONNECTION_HELLO)
        return hear_alert(connection, payload, length, error);
    go_on_inner(connection, payload, length);
    return SL_OK;
}

static void end_without_memory(struct sl_connection *connection, const struct sl_error *error) {
    sl_connection_end(connection,
                      &(struct sl_ending){.kind = SL_ENDING_BROKEN, .status = error->status, .reason = error->text});
}

static void begin_inner(struct sl_connection *connection) {
    struct sl_transport *transport = connection->transport;
    struct sl_error error = {.status = SL_OK};
    if (sl_inner_create(&connection->inner, transport->identity, connection->dialled, transport->priority, &error) !=
        SL_OK)
        end_without_memory(connection, &error);
    else if (connection->dialled)
        go_on_inner(connection, NULL, 0);
}

static void enter_inner(struct sl_connection *connection) {
    sl_connection_enter(connection, SL_CONNECTION_INNER);
    connection->may_write_frames = true;
}

/* ---- the outermost handshake ---- */

static void end_mismatch(struct sl_connection *connection, const char *what) {
    struct sl_error error;
    bool through_tls = connection->state == SL_CONNECTION_HANDSHAKE;
    (void)sl_error_set(&error, SL_MISMATCH, "%s: its connection_security is not %s as it is here", what,
                       sl_security_text(connection->security));
    if (through_tls)
        sl_tls_say_alert(&connection->tls, GNUTLS_A_UNEXPECTED_MESSAGE);
    sl_connection_end(connection, &(struct sl_ending){.kind = through_tls ? SL_ENDING_ALERT : SL_ENDING_GOODBYE,
                                                      .status = error.status,
                                                      .reason = error.text});
}

static bool fits(struct sl_connection *connection, uint8_t first) {
    enum { TLS_CHANGE_CIPHER = 20, TLS_APPLICATION_DATA = 23 }; /* RFC 8446, 5.1: the types of records */
    bool is_tls = first >= TLS_CHANGE_CIPHER && first <= TLS_APPLICATION_DATA;
    bool is_frame = first == 0; /* of a length: no frame has 2²⁴ bytes */
    if (connection->security == SL_SECURITY_CLEAR && is_tls)
        end_mismatch(connection, "the peer speaks TLS");
    else if (connection->security != SL_SECURITY_CLEAR && is_frame)
        end_mismatch(connection, "the peer speaks without TLS");
    else
        return true;
    return false;
}

void sl_channel_run(struct sl_connection *connection) {
    struct sl_error error = {.status = SL_OK};
    enum sl_tls_result result = sl_tls_handshake(&connection->tls, &error);
    if (result == SL_TLS_AGAIN)
        return;
    if (result != SL_TLS_DONE) {
        sl_connection_end_by_tls(connection, result, &error);
    } else if (connection->security == SL_SECURITY_TLS) {
        enter_inner(connection);
        begin_inner(connection);
    } else if (connection->dialled && !sl_tls_was_asked(&connection->tls)) {
        /* Its certificate may be good, but it does not want ours: nobody would be admitted. */
        end_mismatch(connection, "the peer asks for no certificate");
    } else {
        connection->may_write_frames = true;
        finish_mutual(connection, &connection->tls);
    }
}

/* ---- the beginning ---- */

static enum sl_status begin_outermost(struct sl_connection *connection, struct sl_error *error) {
    const struct sl_transport *transport = connection->transport;
    const struct sl_tls_outer *outer = connection->security == SL_SECURITY_TLS ? &connection->outer : NULL;
    enum sl_status status = sl_tls_init(&connection->tls, transport->identity, connection->dialled, transport->priority,
                                        outer, &connection->socket.stream, error);
    connection->tls.update_bytes = transport->key_update_bytes;
    return status;
}

void sl_channel_begin(struct sl_connection *connection) {
    bool is_clear = connection->security == SL_SECURITY_CLEAR;
    if (is_clear)
        enter_inner(connection);
    else
        sl_connection_enter(connection, SL_CONNECTION_HANDSHAKE);
    if (connection->dialled && is_clear)
        begin_inner(connection);
    else if (connection->dialled)
        sl_channel_run(connection);
}

/* Only now there is a session for it, so that strangers who connect and say nothing cost little. */
static void begin_accepted(struct sl_connection *connection) {
    struct sl_error error = {.status = SL_OK};
    if (connection->security == SL_SECURITY_CLEAR)
        begin_inner(connection);
    else if (begin_outermost(connection, &error) != SL_OK)
        end_without_memory(connection, &error);
}

bool sl_channel_hear_first(struct sl_connection *connection) {
    uint8_t first;
    bool any = sl_socket_peek(&connection->socket, &first);
    int failure = connection->socket.failure;
    if (!any && !connection->dialled)
        sl_connection_end(connection, &(struct sl_ending){.kind = SL_ENDING_BROKEN,
                                                          .status = failure == 0 ? SL_CLOSED : SL_NETWORK,
                                                          .reason = failure == 0 ? "the connection ended in silence"
                                                                                 : strerror(failure)});
    else if (!connection->dialled)
        begin_accepted(connection);
    return connection->state < SL_CONNECTION_DRAINING && (!any || fits(connection, first));
}

enum sl_status sl_channel_init(struct sl_connection *connection, const struct sl_path *path) {
    enum sl_connection_security security = connection->security = path->security;
    if (path->host != NULL && (connection->host = strdup(path->host)) == NULL)
        return SL_NO_MEMORY;
    connection->outer =
        (struct sl_tls_outer){.nobody = connection->transport->nobody, .trust = path->trust, .host = connection->host};
    connection->carrier = (struct sl_carrier){.socket = &connection->socket,
                                              .tls = security == SL_SECURITY_CLEAR ? NULL : &connection->tls};
    return security == SL_SECURITY_CLEAR || !connection->dialled ? SL_OK : begin_outermost(connection, NULL);
}

void sl_channel_finish(struct sl_connection *connection) {
    sl_channel_settle(connection);
    sl_tls_finish(&connection->tls);
    forget_host(connection);
    sl_credential_unref(connection->tls_credential);
    sl_identity_unref(connection->identity);
    sl_wipe(connection->exporter, sizeof connection->exporter);
}
