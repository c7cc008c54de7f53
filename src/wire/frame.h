/* The frame: 8 bytes, big-endian, then the payload.
 *
 *     0  u32  length of the payload      4  u8  type      5  u8  flags, 0      6  u16  reserved, 0
 *
 * A control frame's payload is one protobuf message; a HANDSHAKE frame's are bytes of the inner TLS, at least one and
 * at most SL_HANDSHAKE_MAX. A DATA frame's payload is raw tensor bytes behind 12 more:
 *
 *     8  u32  transfer                  12  u64  offset of the first byte in the transfer's payload */
#ifndef SL_WIRE_FRAME_H
#define SL_WIRE_FRAME_H

#include <stdint.h>

#include <starling/error.h>

#include "wire/limits.h"

/* X(name, number, text) */
#define SL_FRAME_LIST(X)                                                                                               \
    X(HELLO, 1, "hello")                                                                                               \
    X(HELLO_ACK, 2, "hello-ack")                                                                                       \
    X(GOODBYE, 3, "goodbye")                                                                                           \
    X(PING, 4, "ping")                                                                                                 \
    X(PONG, 5, "pong")                                                                                                 \
    X(ROSTER, 6, "roster")                                                                                             \
    X(MANIFEST, 7, "manifest")                                                                                         \
    X(CREDIT, 8, "credit")                                                                                             \
    X(CANCEL, 9, "cancel")                                                                                             \
    X(READY, 10, "ready")                                                                                              \
    X(VERDICT, 11, "verdict")                                                                                          \
    X(PASS, 12, "pass")                                                                                                \
    X(PROGRESS, 13, "progress")                                                                                        \
    X(MODEL_REQUEST, 14, "model-request")                                                                              \
    X(DATA, 15, "data")                                                                                                \
    X(HANDSHAKE, 16, "handshake")                                                                                      \
    X(CRL, 17, "crl")                                                                                                  \
    X(WITNESS, 18, "witness")                                                                                          \
    X(EVIDENCE, 19, "evidence")                                                                                        \
    X(PROOF, 20, "proof")                                                                                              \
    X(PROBE, 21, "probe")                                                                                              \
    X(ROSTER_DIGEST, 22, "roster-digest")                                                                              \
    X(NEIGHBOUR, 23, "neighbour")

enum sl_frame_type {
#define SL_FRAME_ENUM(name, number, text) SL_FRAME_##name = number,
    SL_FRAME_LIST(SL_FRAME_ENUM)
#undef SL_FRAME_ENUM
};

const char *sl_frame_type_text(enum sl_frame_type type);

struct sl_frame_header {
    uint32_t length;
    enum sl_frame_type type;
};

struct sl_data_header {
    uint32_t transfer;
    uint64_t offset;
    uint32_t length; /* of the tensor bytes */
};

void sl_frame_put_header(uint8_t out[SL_FRAME_HEADER_SIZE], const struct sl_frame_header *header);
void sl_frame_put_data_header(uint8_t out[SL_DATA_HEADER_SIZE], const struct sl_data_header *header);
/* SL_FORMAT for an unknown type, flags, reserved bits, or a DATA or HANDSHAKE frame that has none; SL_LIMIT for length.
 */
SL_MUST_USE enum sl_status sl_frame_get_header(struct sl_frame_header *out, const uint8_t in[SL_FRAME_HEADER_SIZE],
                                               struct sl_error *error);
/* The 12 bytes behind the frame header of a DATA frame. SL_FORMAT where offset + length overflows or length is 0. */
SL_MUST_USE enum sl_status sl_frame_get_data_header(struct sl_data_header *out, const struct sl_frame_header *frame,
                                                    const uint8_t in[SL_DATA_HEADER_SIZE - SL_FRAME_HEADER_SIZE],
                                                    struct sl_error *error);

#endif
