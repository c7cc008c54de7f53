/* HELLO_ACK, GOODBYE, PING and PONG. */
#include "wire/codec.h"

#include "connection.pb-c.h"

static enum sl_status read_hello_ack(void *out, const void *message, struct sl_error *error) {
    struct sl_hello_ack *ack = out;
    ack->version = ((const Starling__V1__HelloAck *)message)->version;
    return sl_wire_check_range(ack->version, 1, UINT32_MAX, "version", error);
}

static enum sl_status pack_hello_ack(struct sl_buffer *out, const void *in) {
    Starling__V1__HelloAck message = STARLING__V1__HELLO_ACK__INIT;
    message.version = ((const struct sl_hello_ack *)in)->version;
    return sl_wire_pack(out, &message.base);
}

static const struct sl_wire_codec hello_ack_codec = {.name = "hello-ack",
                                                     .size = sizeof(struct sl_hello_ack),
                                                     .descriptor = &starling__v1__hello_ack__descriptor,
                                                     .read = read_hello_ack,
                                                     .encode = pack_hello_ack};

enum sl_status sl_hello_ack_encode(struct sl_buffer *out, const struct sl_hello_ack *in) {
    return pack_hello_ack(out, in);
}

enum sl_status sl_hello_ack_decode(struct sl_hello_ack *out, const uint8_t *data, size_t length,
                                   struct sl_error *error) {
    return sl_wire_decode(&hello_ack_codec, out, data, length, error);
}

static enum sl_status read_goodbye(void *out, const void *message, struct sl_error *error) {
    struct sl_goodbye *goodbye = out;
    const Starling__V1__Goodbye *from = message;
    goodbye->leaving = from->leaving;
    return sl_wire_read_text(goodbye->reason, from->reason, 0, SL_REASON_MAX, "reason", error);
}

static enum sl_status pack_goodbye(struct sl_buffer *out, const void *in) {
    const struct sl_goodbye *goodbye = in;
    Starling__V1__Goodbye message = STARLING__V1__GOODBYE__INIT;
    message.reason = (char *)goodbye->reason;
    message.leaving = goodbye->leaving;
    return sl_wire_pack(out, &message.base);
}

static const struct sl_wire_codec goodbye_codec = {.name = "goodbye",
                                                   .size = sizeof(struct sl_goodbye),
                                                   .descriptor = &starling__v1__goodbye__descriptor,
                                                   .read = read_goodbye,
                                                   .encode = pack_goodbye};

enum sl_status sl_goodbye_encode(struct sl_buffer *out, const struct sl_goodbye *in) {
    return pack_goodbye(out, in);
}

enum sl_status sl_goodbye_decode(struct sl_goodbye *out, const uint8_t *data, size_t length, struct sl_error *error) {
    return sl_wire_decode(&goodbye_codec, out, data, length, error);
}

static enum sl_status read_ping(void *out, const void *message, struct sl_error *error) {
    (void)error;
    struct sl_ping *ping = out;
    ping->number = ((const Starling__V1__Ping *)message)->number;
    return SL_OK;
}

static enum sl_status pack_ping(struct sl_buffer *out, const void *in) {
    Starling__V1__Ping message = STARLING__V1__PING__INIT;
    message.number = ((const struct sl_ping *)in)->number;
    return sl_wire_pack(out, &message.base);
}

static const struct sl_wire_codec ping_codec = {.name = "ping",
                                                .size = sizeof(struct sl_ping),
                                                .descriptor = &starling__v1__ping__descriptor,
                                                .read = read_ping,
                                                .encode = pack_ping};

enum sl_status sl_ping_encode(struct sl_buffer *out, const struct sl_ping *in) {
    return pack_ping(out, in);
}

enum sl_status sl_ping_decode(struct sl_ping *out, const uint8_t *data, size_t length, struct sl_error *error) {
    return sl_wire_decode(&ping_codec, out, data, length, error);
}
