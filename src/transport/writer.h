/* What a connection has to send: control frames first, bulk between them, a batch at a time.
 *
 * Control frames wait encoded, one behind the other, and share TLS records. A bulk frame is made when it is its turn
 * and always sent whole, so that a control frame waits for one batch at most; a full one is exactly four full TLS
 * records: its header travels in the first, for which 16 KiB are copied; the others are encrypted straight from the
 * block.
 *
 * Where frames have tags, a control frame gets its tag when it is queued: no bulk frame goes out before it any more,
 * so the order of the queue is that of the path, and its number is known. */
#ifndef SL_TRANSPORT_WRITER_H
#define SL_TRANSPORT_WRITER_H

#include "transport/bulk.h"
#include "transport/carrier.h"
#include "transport/tags.h"

enum {
    /* Control frames that may wait for a peer that does not read: 64 of the largest. */
    SL_CONTROL_QUEUE_MAX = 4 << 20,
    /* A batch ends with the frame that reaches it. Larger ones leave the cache before the kernel copies them: 4 frames
     * were as fast as 14 or faster, and a control frame came through in half the time (p50 0.5 ms against 0.9, p99 0.8
     * against 1.9, there and back while both ends sent). */
    SL_BATCH_MAX = 4 * SL_FRAME_MAX,
    SL_BATCH_MIN = SL_FRAME_MAX
};

/* All zero but `batch` is an empty writer. */
struct sl_writer {
    struct sl_buffer control; /* bytes from control_begin on are due */
    size_t control_begin;
    struct sl_bulk bulk;
    struct sl_tags tags; /* all zero: frames have none; begun when nothing but HANDSHAKE was added */
    size_t batch; /* bytes: doubled while the kernel takes all, halved when it does not, so that little is kept */
    uint64_t data_sent;
};

void sl_writer_init(struct sl_writer *writer);
void sl_writer_finish(struct sl_writer *writer);

/* SL_LIMIT when the queue would be over SL_CONTROL_QUEUE_MAX or the payload is too long for a frame. Otherwise
 * SL_NO_MEMORY, SL_CRYPTO. */
SL_MUST_USE enum sl_status sl_writer_add_control(struct sl_writer *writer, enum sl_frame_type type, const void *payload,
                                                 size_t length);
bool sl_writer_is_empty(const struct sl_writer *writer);

/* Makes at most one batch and sends what the kernel takes. Nothing is made while older bytes wait. */
SL_MUST_USE enum sl_status sl_writer_run(struct sl_writer *writer, const struct sl_carrier *carrier,
                                         struct sl_error *error);

#endif
