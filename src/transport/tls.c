#include "transport/tls.h"

#include <stdlib.h>
#include <string.h>

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
        if (again && counted == tls->messages && !sl_tls_count_message(tls)) {
            result = GNUTLS_E_TOO_MANY_HANDSHAKE_PACKETS;
            again = false;
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

static enum sl_status fail_to_write(const struct sl_tls *tls, int result, struct sl_error *error) {
    struct sl_error own;
    (void)fail(tls, result, &own);
    return sl_error_set(error, own.status, "%s", own.text);
}

static bool is_update_due(struct sl_tls *tls, size_t written) {
    tls->written += written;
    if (tls->update_bytes == 0 || tls->written < tls->update_bytes)
        return false;
    sl_time now = sl_clock_monotonic();
    if (tls->updated_at != 0 && now - tls->updated_at < SL_TLS_UPDATE_EVERY)
        return false;
    tls->updated_at = now;
    tls->written = 0;
    return true;
}

enum sl_status sl_tls_write(struct sl_tls *tls, const void *data, size_t length, struct sl_error *error) {
    ssize_t result = gnutls_record_send(tls->session, data, length);
    if (result < 0)
        return fail_to_write(tls, (int)result, error);
    /* The stream takes everything, so there is no "again" and no part. */
    if (result != (ssize_t)length)
        return sl_error_set(error, SL_INTERNAL, "TLS wrote a part of a record");
    if (!is_update_due(tls, length))
        return SL_OK;
    tls->updates++;
    int updated = gnutls_session_key_update(tls->session, 0); /* ours alone: the peer counts its own bytes */
    return updated < 0 ? fail_to_write(tls, updated, error) : SL_OK;
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
