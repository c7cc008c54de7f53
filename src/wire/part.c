/* CRL and PROOF: something longer than a frame, in parts. */
#include "wire/codec.h"

#include <stdlib.h>

#include "connection.pb-c.h"

/* The bytes as a copy, until it is known where they lie in the payload. */
struct part_copy {
    struct sl_part part;
    uint8_t *bytes;
};

static enum sl_status read_part(void *out, const void *message, struct sl_error *error) {
    struct part_copy *copy = out;
    const Starling__V1__Part *from = message;
    copy->part.total = from->total;
    copy->part.offset = from->offset;
    enum sl_status status = sl_wire_check_range(from->total, 1, SL_CRL_MAX, "total", error);
    if (status == SL_OK)
        status = sl_wire_read_bytes(&copy->bytes, &copy->part.bytes.length, &from->bytes, SL_PART_MAX, "bytes", error);
    copy->part.bytes.data = copy->bytes;
    if (status == SL_OK && (from->offset > from->total || from->bytes.len > from->total - from->offset))
        status = sl_error_set(error, SL_FORMAT, "a part behind the end");
    return status;
}

static enum sl_status pack_part(struct sl_buffer *out, const void *in) {
    const struct sl_part *part = in;
    Starling__V1__Part message = STARLING__V1__PART__INIT;
    message.total = part->total;
    message.offset = part->offset;
    message.bytes = sl_wire_bytes(part->bytes.data, part->bytes.length);
    return sl_wire_pack(out, &message.base);
}

static enum sl_status pack_copy(struct sl_buffer *out, const void *in) {
    return pack_part(out, &((const struct part_copy *)in)->part);
}

static void finish_copy(void *in) {
    free(((struct part_copy *)in)->bytes);
}

static const struct sl_wire_codec part_codec = {.name = "part",
                                                .size = sizeof(struct part_copy),
                                                .descriptor = &starling__v1__part__descriptor,
                                                .read = read_part,
                                                .encode = pack_copy,
                                                .finish = finish_copy};

enum sl_status sl_part_encode(struct sl_buffer *out, const struct sl_part *in) {
    return pack_part(out, in);
}

enum sl_status sl_part_decode(struct sl_part *out, const uint8_t *data, size_t length, struct sl_error *error) {
    *out = (struct sl_part){0};
    struct part_copy copy;
    enum sl_status status = sl_wire_decode(&part_codec, &copy, data, length, error);
    if (status != SL_OK)
        return status;
    *out = copy.part;
    finish_copy(&copy);
    out->bytes.data = data + length - out->bytes.length; /* the last field of the canonical encoding */
    return SL_OK;
}
