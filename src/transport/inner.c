#include "transport/inner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/random.h"

static const char FRAMES_LABEL[] = "EXPORTER-starling-frames";

/* ---- the stream of frames under TLS ---- */

static struct sl_inner *inner_of(const struct sl_stream *stream) {
    return (struct sl_inner *)((char *)(uintptr_t)stream - offsetof(struct sl_inner, stream));
}

static ssize_t push(struct sl_stream *stream, const struct iovec *parts, int count) {
    struct sl_inner *inner = inner_of(stream);
    size_t total = 0;
    for (int i = 0; i < count; i++) {
        if (sl_buffer_append(&inner->out, parts[i].iov_base, parts[i].iov_len) != SL_OK) {
            errno = ENOMEM;
            return -1;
        }
        total += parts[i].iov_len;
    }
    return (ssize_t)total;
}

static ssize_t pull(struct sl_stream *stream, void *out, size_t length) {
    struct sl_inner *inner = inner_of(stream);
    if (inner->in_length == 0) {
        errno = EAGAIN;
        return -1;
    }
    size_t taken = inner->in_length < length ? inner->in_length : length;
    memcpy(out, inner->in, taken);
    inner->in += taken;
    inner->in_length -= taken;
    return (ssize_t)taken;
}

static size_t pending(const struct sl_stream *stream) {
    return inner_of(stream)->in_length;
}

/* ---- life ---- */

enum sl_status sl_inner_create(struct sl_inner **out, struct sl_identity *identity, bool client,
                               gnutls_priority_t priority, struct sl_error *error) {
    struct sl_inner *inner = calloc(1, sizeof *inner);
    if (inner == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "out of memory");
    inner->stream = (struct sl_stream){.push = push, .pull = pull, .pending = pending};
    enum sl_status status = sl_tls_init(&inner->tls, identity, client, priority, NULL, &inner->stream, error);
    if (status != SL_OK) {
        free(inner);
        return status;
    }
    *out = inner;
    return SL_OK;
}

void sl_inner_destroy(struct sl_inner *inner) {
    if (inner == NULL)
        return;
    sl_tls_finish(&inner->tls);
    sl_buffer_finish(&inner->out);
    free(inner);
}

/* ---- the handshake ---- */

/* One frame for all that TLS said in this step; a chain of long certificates takes more. */
static enum sl_status send_out(struct sl_inner *inner, struct sl_writer *writer) {
    enum sl_status status = SL_OK;
    for (size_t at = 0; status == SL_OK && at < inner->out.length; at += SL_HANDSHAKE_MAX) {
        size_t rest = inner->out.length - at;
        status = sl_writer_add_control(writer, SL_FRAME_HANDSHAKE, inner->out.data + at,
                                       rest < SL_HANDSHAKE_MAX ? rest : SL_HANDSHAKE_MAX);
    }
    sl_buffer_finish(&inner->out);
    return status;
}

enum sl_tls_result sl_inner_handshake(struct sl_inner *inner, struct sl_writer *writer, const uint8_t *payload,
                                      size_t length, struct sl_error *error) {
    inner->in = payload;
    inner->in_length = length;
    enum sl_tls_result result = sl_tls_handshake(&inner->tls, error);
    size_t rest = inner->in_length;
    inner->in_length = 0;
    enum sl_status status = send_out(inner, writer);
    if (status == SL_OK && result == SL_TLS_DONE && rest > 0)
        status = sl_error_set(error, SL_FORMAT, "bytes behind the inner handshake");
    else if (status != SL_OK)
        (void)sl_error_set(error, status, "a handshake frame: %s", sl_status_text(status));
    return status == SL_OK ? result : SL_TLS_FAILED;
}

enum sl_tls_result sl_inner_hear_alert(struct sl_inner *inner, const uint8_t *payload, size_t length,
                                       struct sl_error *error) {
    uint8_t nothing[SL_TLS_RECORD_MAX];
    size_t got = 0;
    inner->in = payload;
    inner->in_length = length;
    enum sl_tls_result result = sl_tls_read(&inner->tls, nothing, sizeof nothing, &got, error);
    inner->in_length = 0;
    if (result == SL_TLS_REFUSED)
        return result;
    (void)sl_error_set(error, SL_FORMAT, "a handshake frame that is no alert");
    return SL_TLS_FAILED;
}

void sl_inner_say_alert(struct sl_inner *inner, struct sl_writer *writer) {
    sl_tls_say_alert(&inner->tls, GNUTLS_A_UNEXPECTED_MESSAGE);
    (void)send_out(inner, writer); /* nothing more can be said */
}

/* ---- the keys ---- */

enum sl_status sl_inner_start_tags(const struct sl_inner *inner, struct sl_tags *sent, struct sl_tags *received,
                                   struct sl_error *error) {
    uint8_t keys[2][SL_TAG_KEY_SIZE];
    bool dialler = inner->tls.client;
    enum sl_status status = sl_tls_export(&inner->tls, FRAMES_LABEL, keys[0], sizeof keys, error);
    if (status == SL_OK)
        status = sl_tags_init(sent, keys[dialler ? 0 : 1], error);
    if (status == SL_OK)
        status = sl_tags_init(received, keys[dialler ? 1 : 0], error);
    sl_wipe(keys, sizeof keys);
    return status;
}
