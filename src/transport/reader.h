/* From the bytes of a TLS session to frames. The header is read first; then the payload of a control frame is gathered,
 * that of a DATA frame is decrypted straight to where the handlers want it. */
#ifndef SL_TRANSPORT_READER_H
#define SL_TRANSPORT_READER_H

#include <stdbool.h>

#include "base/buffer.h"
#include "wire/frame.h"

struct sl_connection;

/* All zero: before the first byte of a frame. */
struct sl_reader {
    uint8_t header[SL_DATA_HEADER_SIZE];
    size_t header_have;
    struct sl_frame_header frame;
    struct sl_data_header data;
    struct sl_buffer payload; /* of a control frame */
    uint8_t *out;             /* of a DATA frame; NULL: read and thrown away */
    size_t have, want;        /* payload bytes behind the header */
    bool in_payload;
};

void sl_reader_finish(struct sl_reader *reader);

/* Reads all that was received: afterwards the receive scratch is empty, because one callback receives no more than the
 * scratch holds, and epoll reports what is left in the socket by itself. Ends the connection where the peer broke the
 * protocol or went away. */
void sl_reader_run(struct sl_connection *connection);

#endif
