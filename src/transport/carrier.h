/* What the bytes of frames go through, both ways: a TLS session, or the bare socket where the path is clear. */
#ifndef SL_TRANSPORT_CARRIER_H
#define SL_TRANSPORT_CARRIER_H

#include "transport/socket.h"
#include "transport/tls.h"

struct sl_carrier {
    struct sl_socket *socket; /* borrowed */
    struct sl_tls *tls;       /* borrowed; NULL: clear */
};

/* As sl_tls_read. In clear it never is SL_TLS_CLOSED: the end of a bare socket says nothing, so it is SL_TLS_FAILED
 * with SL_CLOSED. */
enum sl_tls_result sl_carrier_read(const struct sl_carrier *carrier, void *out, size_t length, size_t *got,
                                   struct sl_error *error);
/* The parts one behind the other. Through TLS they are cut into full records; what fills one by itself is encrypted
 * from where it is, the rest is gathered first. */
SL_MUST_USE enum sl_status sl_carrier_write(const struct sl_carrier *carrier, const struct iovec *parts, int count,
                                            struct sl_error *error);
/* close_notify, where there is TLS. */
void sl_carrier_end_writing(const struct sl_carrier *carrier);

#endif
