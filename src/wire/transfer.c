/* MANIFEST, CREDIT, CANCEL and MODEL_REQUEST: how payloads are offered, asked for and stopped. */
#include "wire/codec.h"

#include <stdlib.h>

#include "round.pb-c.h"

/* ---- MANIFEST ---- */

/* The manifest and its signature as copies, until it is known where they lie in the payload. */
struct frame_copy {
    struct sl_manifest_frame frame;
    uint8_t *manifest, *signature;
};

static enum sl_status read_frame(void *out, const void *message, struct sl_error *error) {
    struct frame_copy *copy = out;
    const Starling__V1__ManifestFrame *from = message;
    struct sl_manifest_frame *frame = &copy->frame;
    frame->transfer = from->transfer;
    enum sl_status status = sl_wire_check_range(from->transfer, 1, UINT32_MAX, "transfer", error);
    if (status == SL_OK)
        status = sl_wire_read_bytes(&copy->manifest, &frame->manifest.length, &from->manifest, SL_PAYLOAD_MAX,
                                    "manifest", error);
    if (status == SL_OK)
        status = sl_wire_read_bytes(&copy->signature, &frame->signature.length, &from->signature, SL_WIRE_SIGNATURE_MAX,
                                    "signature", error);
    frame->manifest.data = copy->manifest;
    frame->signature.data = copy->signature;
    return status;
}

static enum sl_status pack_frame(struct sl_buffer *out, const void *in) {
    const struct sl_manifest_frame *frame = in;
    Starling__V1__ManifestFrame message = STARLING__V1__MANIFEST_FRAME__INIT;
    message.transfer = frame->transfer;
    message.manifest = sl_wire_bytes(frame->manifest.data, frame->manifest.length);
    message.signature = sl_wire_bytes(frame->signature.data, frame->signature.length);
    return sl_wire_pack(out, &message.base);
}

static enum sl_status pack_copy(struct sl_buffer *out, const void *in) {
    return pack_frame(out, &((const struct frame_copy *)in)->frame);
}

static void finish_copy(void *in) {
    struct frame_copy *copy = in;
    free(copy->manifest);
    free(copy->signature);
}

static const struct sl_wire_codec frame_codec = {.name = "manifest frame",
                                                 .size = sizeof(struct frame_copy),
                                                 .descriptor = &starling__v1__manifest_frame__descriptor,
                                                 .read = read_frame,
                                                 .encode = pack_copy,
                                                 .finish = finish_copy};

/* Bytes of a length as protobuf writes it: seven bits each. */
static size_t length_size(size_t length) {
    size_t size = 1;
    while (length >>= 7)
        size++;
    return size;
}

enum sl_status sl_manifest_frame_encode(struct sl_buffer *out, const struct sl_manifest_frame *in) {
    return pack_frame(out, in);
}

enum sl_status sl_manifest_frame_decode(struct sl_manifest_frame *out, const uint8_t *data, size_t length,
                                        struct sl_error *error) {
    *out = (struct sl_manifest_frame){0};
    struct frame_copy copy;
    enum sl_status status = sl_wire_decode(&frame_codec, &copy, data, length, error);
    if (status != SL_OK)
        return status;
    *out = copy.frame;
    finish_copy(&copy);
    /* The encoding is the canonical one: the signature ends it, before that come its length, its tag, the manifest. */
    const uint8_t *signature = data + length - out->signature.length;
    out->signature.data = signature;
    out->manifest.data = signature - length_size(out->signature.length) - 1 - out->manifest.length;
    return SL_OK;
}

/* ---- CREDIT ---- */

static enum sl_status read_credit(void *out, const void *message, struct sl_error *error) {
    const Starling__V1__Credit *from = message;
    *(struct sl_credit *)out = (struct sl_credit){.transfer = from->transfer, .until = from->until, .from = from->from};
    if (from->from != 0 && (from->from >= from->until || from->from % SL_CHUNK_UNIT != 0))
        return sl_error_set(error, SL_FORMAT, "credit from %llu until %llu", (unsigned long long)from->from,
                            (unsigned long long)from->until);
    return sl_wire_check_range(from->transfer, 1, UINT32_MAX, "transfer", error);
}

static enum sl_status pack_credit(struct sl_buffer *out, const void *in) {
    const struct sl_credit *credit = in;
    Starling__V1__Credit message = STARLING__V1__CREDIT__INIT;
    message.transfer = credit->transfer;
    message.until = credit->until;
    message.from = credit->from;
    return sl_wire_pack(out, &message.base);
}

static const struct sl_wire_codec credit_codec = {.name = "credit",
                                                  .size = sizeof(struct sl_credit),
                                                  .descriptor = &starling__v1__credit__descriptor,
                                                  .read = read_credit,
                                                  .encode = pack_credit};

enum sl_status sl_credit_encode(struct sl_buffer *out, const struct sl_credit *in) {
    return pack_credit(out, in);
}

enum sl_status sl_credit_decode(struct sl_credit *out, const uint8_t *data, size_t length, struct sl_error *error) {
    return sl_wire_decode(&credit_codec, out, data, length, error);
}

/* ---- CANCEL ---- */

static enum sl_status read_cancel(void *out, const void *message, struct sl_error *error) {
    (void)error;
    ((struct sl_cancel *)out)->transfer = ((const Starling__V1__Cancel *)message)->transfer;
    return SL_OK;
}

static enum sl_status pack_cancel(struct sl_buffer *out, const void *in) {
    Starling__V1__Cancel message = STARLING__V1__CANCEL__INIT;
    message.transfer = ((const struct sl_cancel *)in)->transfer;
    return sl_wire_pack(out, &message.base);
}

static const struct sl_wire_codec cancel_codec = {.name = "cancel",
                                                  .size = sizeof(struct sl_cancel),
                                                  .descriptor = &starling__v1__cancel__descriptor,
                                                  .read = read_cancel,
                                                  .encode = pack_cancel};

enum sl_status sl_cancel_encode(struct sl_buffer *out, const struct sl_cancel *in) {
    return pack_cancel(out, in);
}

enum sl_status sl_cancel_decode(struct sl_cancel *out, const uint8_t *data, size_t length, struct sl_error *error) {
    return sl_wire_decode(&cancel_codec, out, data, length, error);
}

/* ---- MODEL_REQUEST ---- */

static enum sl_status read_model_request(void *out, const void *message, struct sl_error *error) {
    (void)error;
    ((struct sl_model_request *)out)->epoch = ((const Starling__V1__ModelRequest *)message)->epoch;
    return SL_OK;
}

static enum sl_status pack_model_request(struct sl_buffer *out, const void *in) {
    Starling__V1__ModelRequest message = STARLING__V1__MODEL_REQUEST__INIT;
    message.epoch = ((const struct sl_model_request *)in)->epoch;
    return sl_wire_pack(out, &message.base);
}

static const struct sl_wire_codec model_request_codec = {.name = "model-request",
                                                         .size = sizeof(struct sl_model_request),
                                                         .descriptor = &starling__v1__model_request__descriptor,
                                                         .read = read_model_request,
                                                         .encode = pack_model_request};

enum sl_status sl_model_request_encode(struct sl_buffer *out, const struct sl_model_request *in) {
    return pack_model_request(out, in);
}

enum sl_status sl_model_request_decode(struct sl_model_request *out, const uint8_t *data, size_t length,
                                       struct sl_error *error) {
    return sl_wire_decode(&model_request_codec, out, data, length, error);
}
