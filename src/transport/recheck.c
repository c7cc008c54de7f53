/* Whether those who are in may stay: by another generation of the identity, or because time has passed, or since
 * somebody was expelled. */
#include "transport/connection.h"

/* Whoever is in the outer server's place reads all that goes through it. */
static enum sl_status check_outer(const struct sl_connection *connection, struct sl_error *error) {
    if (connection->security != SL_SECURITY_TLS || !connection->dialled || !connection->tls.done)
        return SL_OK;
    return sl_tls_check_outer(&connection->tls, connection->transport->identity, error);
}

static enum sl_status check_peer(const struct sl_connection *connection, struct sl_error *error) {
    const struct sl_transport *transport = connection->transport;
    const struct sl_transport_handlers *handlers = &transport->handlers;
    const struct sl_identity *identity = transport->identity;
    enum sl_purpose shown = connection->dialled ? SL_PURPOSE_SERVER : SL_PURPOSE_CLIENT;
    const char *expelled = handlers->expelled == NULL ? NULL : handlers->expelled(handlers->context, connection->node);
    if (expelled != NULL)
        return sl_error_set(error, SL_UNTRUSTED, "%s is expelled: %s", connection->node, expelled);
    if (!sl_identity_allows(identity, connection->node))
        return sl_error_set(error, SL_UNTRUSTED, "identity.allow does not list %s", connection->node);
    enum sl_status status = sl_identity_recheck(identity, connection->tls_credential, shown, error);
    if (status == SL_OK && connection->dialled)
        status = sl_identity_recheck(identity, connection->credential, SL_PURPOSE_CLIENT, error);
    return status;
}

void sl_transport_recheck(struct sl_transport *transport) {
    struct sl_error error;
    for (struct sl_connection *connection = transport->connections; connection != NULL; connection = connection->next) {
        if (connection->state >= SL_CONNECTION_DRAINING || connection->closing)
            continue;
        enum sl_status status = check_outer(connection, &error);
        /* Those who are not admitted yet will be judged by the present generation. */
        if (status == SL_OK && connection->admitted)
            status = check_peer(connection, &error);
        if (status != SL_OK)
            sl_connection_close(connection, error.text);
    }
}

void sl_transport_swap_trust(struct sl_transport *transport, struct sl_paths *fresh) {
    sl_paths_swap_trust(&transport->paths, fresh);
}

void sl_transport_set_identity(struct sl_transport *transport, struct sl_identity *identity) {
    struct sl_identity *before = transport->identity;
    transport->identity = sl_identity_ref(identity);
    sl_identity_unref(before);
    sl_transport_recheck(transport);
}
