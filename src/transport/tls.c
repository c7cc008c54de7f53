#include "transport/tls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "transport/outer.h"

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

/* Each costs us work, and some an answer, that the peer may want again and again. */
static int count_message(struct sl_tls *tls) {
    sl_time now = sl_clock_monotonic();
    if (tls->messages == 0 || now - tls->window > SL_SECOND) {
        tls->window = now;
        tls->messages = 0;
    }
    return ++tls->messages > SL_TLS_MESSAGES_A_SECOND ? GNUTLS_E_TOO_MANY_HANDSHAKE_PACKETS : 0;
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
        return count_message(tls);
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

/* ---- the session ---- */

static enum sl_tls_result take_alert(const struct sl_tls *tls, struct sl_error *error) {
    gnutls_alert_description_t alert = gnutls_alert_get(tls->session);
    const char *name = gnutls_alert_get_name(alert);
    bool is_other =
        tls->outer != NULL && (alert == GNUTLS_A_CERTIFICATE_REQUIRED || alert == GNUTLS_A_UNEXPECTED_MESSAGE);
    (void)sl_error_set(error, SL_UNTRUSTED, "TLS alert %d: %s%s", (int)alert, name == NULL ? "unknown" : name,
                       is_other ? " (its connection_security may be mtls, here it is tls)" : "");
    return SL_TLS_REFUSED;
}

static enum sl_tls_result fail(const struct sl_tls *tls, int result, struct sl_error *error) {
    if (result == GNUTLS_E_FATAL_ALERT_RECEIVED)
        return take_alert(tls, error);
    if (tls->refusal != NULL)
        (void)sl_error_set(error, SL_UNTRUSTED, "%s", tls->refusal);
    else if (result == GNUTLS_E_PREMATURE_TERMINATION)
        (void)sl_error_set(error, SL_CLOSED, "the connection ended without close_notify");
    else if (result == GNUTLS_E_PULL_ERROR || result == GNUTLS_E_PUSH_ERROR)
        (void)sl_error_set(error, SL_NETWORK, "the connection broke");
    else if (result == GNUTLS_E_CERTIFICATE_REQUIRED || result == GNUTLS_E_NO_CERTIFICATE_FOUND)
        (void)sl_error_set(error, SL_UNTRUSTED, "it showed no certificate");
    else
        (void)sl_error_set(error, SL_CRYPTO, "TLS: %s", gnutls_strerror(result));
    return SL_TLS_FAILED;
}

static bool may_say_why(int result) {
    return result != GNUTLS_E_FATAL_ALERT_RECEIVED && result != GNUTLS_E_PREMATURE_TERMINATION &&
           result != GNUTLS_E_PULL_ERROR && result != GNUTLS_E_PUSH_ERROR;
}

/* Whether to call again: GnuTLS also says "again" after a record that was not for us, and more bytes are at hand. */
static bool is_worth_repeating(const struct sl_tls *tls, int result, size_t *pending) {
    size_t now = tls->stream->pending(tls->stream);
    bool progress = gnutls_error_is_fatal(result) == 0 && now > 0 && now < *pending;
    *pending = now;
    return progress;
}

enum sl_tls_result sl_tls_handshake(struct sl_tls *tls, struct sl_error *error) {
    size_t pending = SIZE_MAX;
    int result;
    do
        result = gnutls_handshake(tls->session);
    while (result < 0 && is_worth_repeating(tls, result, &pending));
    if (result == GNUTLS_E_SUCCESS && gnutls_protocol_get_version(tls->session) != GNUTLS_TLS1_3) {
        (void)sl_error_set(error, SL_CRYPTO, "TLS: the version is not 1.3");
        return SL_TLS_FAILED;
    }
    tls->done = result == GNUTLS_E_SUCCESS;
    if (tls->done)
        return SL_TLS_DONE;
    if (gnutls_error_is_fatal(result) == 0)
        return SL_TLS_AGAIN;
    if (may_say_why(result))
        (void)gnutls_alert_send_appropriate(tls->session, result);
    return fail(tls, result, error);
}

enum sl_tls_result sl_tls_read(struct sl_tls *tls, void *out, size_t length, size_t *got, struct sl_error *error) {
    size_t pending = SIZE_MAX;
    ssize_t result = 0;
    bool again = true;
    while (again) {
        unsigned counted = tls->messages;
        result = gnutls_record_recv(tls->session, out, length);
        again = result < 0 && is_worth_repeating(tls, (int)result, &pending);
        /* A record with nothing in it: it costs as much as a message, and no quota sees it. */
        if (again && counted == tls->messages) {
            result = count_message(tls);
            again = result == 0;
        }
    }
    if (result == 0)
        return SL_TLS_CLOSED;
    if (result > 0) {
        *got = (size_t)result;
        return SL_TLS_DONE;
    }
    if (gnutls_error_is_fatal((int)result) == 0)
        return SL_TLS_AGAIN;
    if (may_say_why((int)result))
        (void)gnutls_alert_send_appropriate(tls->session, (int)result);
    return fail(tls, (int)result, error);
}

enum sl_status sl_tls_write(struct sl_tls *tls, const void *data, size_t length, struct sl_error *error) {
    ssize_t result = gnutls_record_send(tls->session, data, length);
    if (result == (ssize_t)length)
        return SL_OK;
    /* The stream takes everything, so there is no "again" and no part. */
    if (result >= 0)
        return sl_error_set(error, SL_INTERNAL, "TLS wrote a part of a record");
    (void)fail(tls, (int)result, error);
    return error == NULL ? SL_NETWORK : error->status;
}

void sl_tls_end_writing(struct sl_tls *tls) {
    (void)gnutls_bye(tls->session, GNUTLS_SHUT_WR);
}

void sl_tls_say_alert(struct sl_tls *tls, gnutls_alert_description_t alert) {
    (void)gnutls_alert_send(tls->session, GNUTLS_AL_FATAL, alert);
}

enum sl_status sl_tls_export(const struct sl_tls *tls, const char *label, uint8_t *out, size_t length,
                             struct sl_error *error) {
    int result = gnutls_prf_rfc5705(tls->session, strlen(label), label, 0, "", length, (char *)out);
    if (result != GNUTLS_E_SUCCESS)
        return sl_error_set(error, SL_CRYPTO, "TLS exporter: %s", gnutls_strerror(result));
    return SL_OK;
}

bool sl_tls_was_asked(const struct sl_tls *tls) {
    return gnutls_certificate_client_get_request_status(tls->session) != 0;
}
