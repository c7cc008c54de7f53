/* From the bytes of a carrier to frames. The header is read first; then the payload of a control frame is gathered,
 * that of a DATA frame is put straight to where the handlers want it; then the tag, where frames have one.
 *
 * Nothing of a frame has an effect before its tag has shown that it is the peer's: what the handlers say against a DATA
 * header waits until then as well, because it may be the path's doing. */
#ifndef SL_TRANSPORT_READER_H
#define SL_TRANSPORT_READER_H

#include <stdbool.h>

#include "base/buffer.h"
#include "transport/tags.h"
#include "wire/frame.h"

struct sl_connection;

enum sl_reader_part { SL_READER_HEADER, SL_READER_PAYLOAD, SL_READER_TAG };

struct sl_reader {
    struct sl_tags tags; /* all zero: frames have none */
    uint8_t header[SL_DATA_HEADER_SIZE];
    uint8_t tag[SL_TAG_SIZE];
    enum sl_reader_part part;
    bool tagged;       /* this frame */
    size_t have, want; /* bytes of the part */
    struct sl_frame_header frame;
    struct sl_data_header data;
    struct sl_buffer payload;   /* of a control frame, and of a tagged DATA frame that is thrown away */
    uint8_t *out;               /* of a DATA frame; NULL: read and thrown away */
    enum sl_status data_status; /* what the handlers said of its header */
    char *data_reason;
};

/* Whether a frame has begun and is not whole yet. */
static inline bool sl_reader_is_inside(const struct sl_reader *reader) {
    return reader->part != SL_READER_HEADER || reader->have > 0;
}

void sl_reader_init(struct sl_reader *reader);
void sl_reader_finish(struct sl_reader *reader);

/* Reads all that was received: afterwards the receive scratch is empty, because one callback receives no more than the
 * scratch holds, and epoll reports what is left in the socket by itself. Ends the connection where the peer broke the
 * protocol or went away. */
void sl_reader_run(struct sl_connection *connection);

#endif
