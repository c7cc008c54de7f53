/* What all codecs share. Private to this layer, like protobuf-c itself. */
#ifndef SL_WIRE_CODEC_H
#define SL_WIRE_CODEC_H

#include <protobuf-c/protobuf-c.h>

#include "wire/messages.h"

/* One message. `read` fills the zeroed struct from the unpacked message; on failure `finish` empties what it filled. */
struct sl_wire_codec {
    const char *name; /* in errors */
    size_t size;      /* of the struct */
    const ProtobufCMessageDescriptor *descriptor;
    enum sl_status (*read)(void *out, const void *message, struct sl_error *error);
    enum sl_status (*encode)(struct sl_buffer *out, const void *in);
    void (*finish)(void *in); /* NULL: it owns nothing */
    size_t max;               /* bytes; 0: what fits a frame */
};

/* The contract of sl_<message>_decode. */
SL_MUST_USE enum sl_status sl_wire_decode(const struct sl_wire_codec *codec, void *out, const uint8_t *data,
                                          size_t length, struct sl_error *error);
/* Appends the packed message. SL_LIMIT when it does not fit a frame, or has more than `max` bytes. */
SL_MUST_USE enum sl_status sl_wire_pack(struct sl_buffer *out, const ProtobufCMessage *message);
SL_MUST_USE enum sl_status sl_wire_pack_within(struct sl_buffer *out, const ProtobufCMessage *message, size_t max);

/* ---- checks while reading; each names the field in its error ---- */

SL_MUST_USE enum sl_status sl_wire_read_name(char out[SL_NAME_SIZE], const char *in, const char *field,
                                             struct sl_error *error);
/* UTF-8 of min … max bytes without control characters; max + 1 bytes at `out`. */
SL_MUST_USE enum sl_status sl_wire_read_text(char *out, const char *in, size_t min, size_t max, const char *field,
                                             struct sl_error *error);
SL_MUST_USE enum sl_status sl_wire_read_digest(uint8_t out[SL_WIRE_DIGEST_SIZE], const ProtobufCBinaryData *in,
                                               const char *field, struct sl_error *error);
/* A copy in fresh memory, 1 … max bytes. */
SL_MUST_USE enum sl_status sl_wire_read_bytes(uint8_t **out, size_t *out_length, const ProtobufCBinaryData *in,
                                              size_t max, const char *field, struct sl_error *error);
/* Copies of at most SL_ADDRESSES_MAX addresses that parse, ports ≥ 1. On failure *out_count of them are there. */
SL_MUST_USE enum sl_status sl_wire_read_addresses(char ***out, size_t *out_count, char *const *in, size_t count,
                                                  struct sl_error *error);
void sl_wire_free_addresses(char **addresses, size_t count);
SL_MUST_USE enum sl_status sl_wire_check_count(size_t count, size_t min, size_t max, const char *field,
                                               struct sl_error *error);
/* For enumerations of 1 … max, and other numbers. */
SL_MUST_USE enum sl_status sl_wire_check_range(uint64_t value, uint64_t min, uint64_t max, const char *field,
                                               struct sl_error *error);
enum sl_status sl_wire_no_memory(const char *field, struct sl_error *error);

/* A statement within another message (statement.c). */
struct Starling__V1__Statement;
struct sl_wire_statement_parts { /* what `filled` points into */
    ProtobufCBinaryData chain[SL_HELLO_CHAIN_MAX];
};
SL_MUST_USE enum sl_status sl_wire_read_statement(struct sl_statement **out, const struct Starling__V1__Statement *from,
                                                  struct sl_error *error);
void sl_wire_fill_statement(struct Starling__V1__Statement *filled, struct sl_wire_statement_parts *parts,
                            const struct sl_statement *statement);

/* Bytes as protobuf-c wants them; it only reads them. */
ProtobufCBinaryData sl_wire_bytes(const uint8_t *data, size_t length);

#endif
