/* How a session is made: what it shows, what it asks for, and how the peer's certificate is judged while the handshake
 * runs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "transport/outer.h"
#include "transport/tls.h"

/* ---- between GnuTLS and the stream ---- */

static ssize_t push(gnutls_transport_ptr_t context, const giovec_t *parts, int count) {
    struct sl_tls *tls = context;
    ssize_t pushed = tls->stream->push(tls->stream, parts, count);
    if (pushed < 0)
        gnutls_transport_set_errno(tls->session, errno);
    return pushed;
}

static ssize_t pull(gnutls_transport_ptr_t context, void *out, size_t length) {
    struct sl_tls *tls = context;
    ssize_t pulled = tls->stream->pull(tls->stream, out, length);
    if (pulled < 0)
        gnutls_transport_set_errno(tls->session, errno);
    return pulled;
}

/* Without this one GnuTLS would ask the file descriptor, which knows nothing of the bytes in the scratch. */
static int pull_timeout(gnutls_transport_ptr_t context, unsigned milliseconds) {
    (void)milliseconds;
    const struct sl_tls *tls = context;
    return tls->stream->pending(tls->stream) > 0 ? 1 : 0;
}

/* ---- the peer's certificate ---- */

static enum sl_status get_chain(const struct sl_tls *tls, struct sl_bytes chain[SL_CHAIN_MAX], size_t *length,
                                struct sl_error *error) {
    unsigned count = 0;
    if (gnutls_certificate_type_get2(tls->session, GNUTLS_CTYPE_PEERS) != GNUTLS_CRT_X509)
        return sl_error_set(error, SL_UNTRUSTED, "its certificate is not an X.509 certificate");
    const gnutls_datum_t *sent = gnutls_certificate_get_peers(tls->session, &count);
    if (count > SL_CHAIN_MAX)
        return sl_error_set(error, SL_UNTRUSTED, "its chain has %u certificates, more than %d", count, SL_CHAIN_MAX);
    if (sent == NULL || count == 0)
        return sl_error_set(error, SL_UNTRUSTED, "it showed no certificate");
    for (unsigned i = 0; i < count; i++)
        chain[i] = (struct sl_bytes){.data = sent[i].data, .length = sent[i].size};
    *length = count;
    return SL_OK;
}

static enum sl_status judge_chain(struct sl_tls *tls, struct sl_error *error) {
    struct sl_bytes chain[SL_CHAIN_MAX];
    size_t count = 0;
    if (tls->outer != NULL)
        return sl_tls_check_outer(tls, tls->identity, error);
    enum sl_status status = get_chain(tls, chain, &count, error);
    if (status != SL_OK)
        return status;
    enum sl_purpose purpose = tls->client ? SL_PURPOSE_SERVER : SL_PURPOSE_CLIENT;
    return sl_identity_check_chain(tls->identity, &tls->peer, purpose, chain, count, error);
}

enum sl_status sl_tls_check_outer(const struct sl_tls *tls, const struct sl_identity *identity,
                                  struct sl_error *error) {
    struct sl_bytes chain[SL_CHAIN_MAX];
    size_t count = 0;
    enum sl_status status = get_chain(tls, chain, &count, error);
    return status == SL_OK ? sl_outer_check(tls->outer, identity, chain, count, error) : status;
}

/* Once; the second call, after the signature, has nothing left to do. */
static int handle_verify(gnutls_session_t session) {
    struct sl_tls *tls = gnutls_session_get_ptr(session);
    struct sl_error error = {.status = SL_OK};
    if (tls->judged || judge_chain(tls, &error) == SL_OK) {
        tls->judged = true;
        return 0;
    }
    free(tls->refusal);
    tls->refusal = strdup(error.text);
    return GNUTLS_E_CERTIFICATE_ERROR;
}

/* ---- messages of the handshake, and after it ---- */

bool sl_tls_count_message(struct sl_tls *tls) {
    sl_time now = sl_clock_monotonic();
    if (tls->messages == 0 || now - tls->window > SL_SECOND) {
        tls->window = now;
        tls->messages = 0;
    }
    return ++tls->messages <= SL_TLS_MESSAGES_A_SECOND;
}

/* Before GnuTLS looks at it. A stranger chooses the key that GnuTLS checks CertificateVerify with, and an RSA key of
 * 16384 bits with an exponent as long takes seconds: so the chain is judged first, and only keys that our authority has
 * certified are ever used. */
static int handle_message(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
                          const gnutls_datum_t *message) {
    (void)when;
    (void)message;
    struct sl_tls *tls = gnutls_session_get_ptr(session);
    if (incoming == 0)
        return 0;
    if (tls->done)
        return sl_tls_count_message(tls) ? 0 : GNUTLS_E_TOO_MANY_HANDSHAKE_PACKETS;
    return type == GNUTLS_HANDSHAKE_CERTIFICATE_VERIFY ? handle_verify(session) : 0;
}

/* ---- life ---- */

enum sl_status sl_tls_priority_create(gnutls_priority_t *out, const char *text, struct sl_error *error) {
    struct sl_buffer whole = {0};
    const char *position = text;
    enum sl_status status = sl_buffer_printf(&whole, "%s:%%PROFILE_MEDIUM:-VERS-ALL:+VERS-TLS1.3", text);
    if (status != SL_OK)
        return sl_error_set(error, status, "out of memory");
    int result = gnutls_priority_init(out, (const char *)whole.data, &position);
    if (result != GNUTLS_E_SUCCESS) {
        size_t offset = (size_t)(position - (const char *)whole.data);
        const char *rest = offset < strlen(text) ? text + offset : "";
        status = sl_error_set(error, SL_SETTINGS,
                              "transport.priorities: expected a GnuTLS priority string, stopped at '%s' (%s)", rest,
                              gnutls_strerror(result));
    }
    sl_buffer_finish(&whole);
    return status;
}

static int set_credentials(struct sl_tls *tls) {
    gnutls_session_t session = tls->session;
    enum sl_purpose own = tls->client ? SL_PURPOSE_CLIENT : SL_PURPOSE_SERVER;
    bool shows_nothing = tls->outer != NULL && tls->client;
    int result =
        gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE,
                               shows_nothing ? tls->outer->nobody : sl_identity_credentials(tls->identity, own));
    if (tls->outer == NULL && !tls->client) {
        gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
        /* Without the names of the authorities a client shows what it has, and the refusal can say what is wrong with
         * it instead of "no certificate". */
        gnutls_certificate_send_x509_rdn_sequence(session, 1);
    }
    /* Only here: on direct mtls it would tell those who listen what is dialled. */
    if (result == GNUTLS_E_SUCCESS && shows_nothing && sl_outer_is_dns_name(tls->outer->host))
        result = gnutls_server_name_set(session, GNUTLS_NAME_DNS, tls->outer->host, strlen(tls->outer->host));
    return result;
}

static int set_up(struct sl_tls *tls, gnutls_priority_t priority) {
    gnutls_session_t session = tls->session;
    int result = gnutls_priority_set(session, priority);
    if (result == GNUTLS_E_SUCCESS)
        result = set_credentials(tls);
    if (result != GNUTLS_E_SUCCESS)
        return result;
    gnutls_session_set_ptr(session, tls);
    gnutls_session_set_verify_function(session, handle_verify);
    gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_ANY, GNUTLS_HOOK_PRE, handle_message);
    gnutls_transport_set_ptr(session, tls);
    gnutls_transport_set_vec_push_function(session, push);
    gnutls_transport_set_pull_function(session, pull);
    gnutls_transport_set_pull_timeout_function(session, pull_timeout);
    gnutls_handshake_set_timeout(session, 0); /* deadlines are the loop's */
    return GNUTLS_E_SUCCESS;
}

enum sl_status sl_tls_init(struct sl_tls *tls, struct sl_identity *identity, bool client, gnutls_priority_t priority,
                           const struct sl_tls_outer *outer, struct sl_stream *stream, struct sl_error *error) {
    *tls = (struct sl_tls){.identity = sl_identity_ref(identity), .client = client, .outer = outer, .stream = stream};
    /* No tickets: a client that was revoked meanwhile would resume with one. */
    unsigned flags = GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL | GNUTLS_NO_TICKETS;
    int result = gnutls_init(&tls->session, flags | (client ? GNUTLS_CLIENT : GNUTLS_SERVER));
    if (result != GNUTLS_E_SUCCESS)
        tls->session = NULL;
    else
        result = set_up(tls, priority);
    if (result != GNUTLS_E_SUCCESS) {
        sl_tls_finish(tls);
        return sl_error_set(error, SL_CRYPTO, "setting up TLS: %s", gnutls_strerror(result));
    }
    return SL_OK;
}

void sl_tls_finish(struct sl_tls *tls) {
    if (tls->session != NULL)
        gnutls_deinit(tls->session);
    sl_credential_unref(tls->peer);
    sl_identity_unref(tls->identity);
    free(tls->refusal);
    *tls = (struct sl_tls){0};
}
