#include "transport/carrier.h"

#include <errno.h>
#include <string.h>

/* ---- reading ---- */

static enum sl_tls_result read_bare(struct sl_socket *socket, void *out, size_t length, size_t *got,
                                    struct sl_error *error) {
    ssize_t pulled = socket->stream.pull(&socket->stream, out, length);
    if (pulled > 0) {
        *got = (size_t)pulled;
        return SL_TLS_DONE;
    }
    if (pulled < 0 && errno == EAGAIN)
        return SL_TLS_AGAIN;
    (void)sl_error_set(error, pulled == 0 ? SL_CLOSED : SL_NETWORK, "%s",
                       pulled == 0 ? "the connection ended without a goodbye" : "the connection broke");
    return SL_TLS_FAILED;
}

enum sl_tls_result sl_carrier_read(const struct sl_carrier *carrier, void *out, size_t length, size_t *got,
                                   struct sl_error *error) {
    if (carrier->tls == NULL)
        return read_bare(carrier->socket, out, length, got, error);
    return sl_tls_read(carrier->tls, out, length, got, error);
}

/* ---- writing ---- */

/* A record that is being gathered. */
struct gathered {
    struct sl_tls *tls;
    size_t have;
    uint8_t bytes[SL_TLS_RECORD_MAX];
};

static enum sl_status write_gathered(struct gathered *gathered, struct sl_error *error) {
    size_t length = gathered->have;
    gathered->have = 0;
    return length == 0 ? SL_OK : sl_tls_write(gathered->tls, gathered->bytes, length, error);
}

static enum sl_status write_part(struct gathered *gathered, const uint8_t *data, size_t length, bool is_last,
                                 struct sl_error *error) {
    enum sl_status status = SL_OK;
    while (status == SL_OK && length > 0) {
        size_t room = SL_TLS_RECORD_MAX - gathered->have;
        size_t taken = length < room ? length : room;
        if (gathered->have == 0 && (taken == SL_TLS_RECORD_MAX || is_last)) {
            status = sl_tls_write(gathered->tls, data, taken, error);
        } else {
            memcpy(gathered->bytes + gathered->have, data, taken);
            gathered->have += taken;
            if (gathered->have == SL_TLS_RECORD_MAX)
                status = write_gathered(gathered, error);
        }
        data += taken;
        length -= taken;
    }
    return status;
}

enum sl_status sl_carrier_write(const struct sl_carrier *carrier, const struct iovec *parts, int count,
                                struct sl_error *error) {
    if (carrier->tls == NULL) {
        struct sl_stream *stream = &carrier->socket->stream;
        return stream->push(stream, parts, count) < 0 ? sl_error_set(error, SL_NETWORK, "sending: %s", strerror(errno))
                                                      : SL_OK;
    }
    struct gathered gathered;
    gathered.tls = carrier->tls;
    gathered.have = 0;
    enum sl_status status = SL_OK;
    for (int i = 0; status == SL_OK && i < count; i++)
        status = write_part(&gathered, parts[i].iov_base, parts[i].iov_len, i == count - 1, error);
    return status == SL_OK ? write_gathered(&gathered, error) : status;
}

void sl_carrier_end_writing(const struct sl_carrier *carrier) {
    if (carrier->tls != NULL)
        sl_tls_end_writing(carrier->tls);
}
