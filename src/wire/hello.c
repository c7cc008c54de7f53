#include "wire/codec.h"

#include <stdlib.h>

#include "connection.pb-c.h"

static enum sl_status read_chain(struct sl_hello *hello, const Starling__V1__Hello *from, struct sl_error *error) {
    enum sl_status status = sl_wire_check_count(from->n_chain, 0, SL_HELLO_CHAIN_MAX, "chain", error);
    if (status != SL_OK || from->n_chain == 0)
        return status;
    hello->chain = calloc(from->n_chain, sizeof *hello->chain);
    if (hello->chain == NULL)
        return sl_wire_no_memory("chain", error);
    for (size_t i = 0; i < from->n_chain && status == SL_OK; i++) {
        uint8_t *data = NULL;
        size_t length = 0;
        status = sl_wire_read_bytes(&data, &length, &from->chain[i], SL_HELLO_CERTIFICATE_MAX, "chain", error);
        hello->chain[i] = (struct sl_bytes){data, length};
        hello->chain_count = i + 1;
    }
    return status;
}

static enum sl_status read_optional(uint8_t **out, size_t *length, const ProtobufCBinaryData *in, const char *field,
                                    struct sl_error *error) {
    return in->len == 0 ? SL_OK : sl_wire_read_bytes(out, length, in, SL_WIRE_SIGNATURE_MAX, field, error);
}

/* A HELLO of version 1 has a proof and no delegation: it is read, so that the refusal can say so. */
static enum sl_status read_proof(struct sl_hello *hello, const Starling__V1__Hello *from, struct sl_error *error) {
    if (from->delegate.len != 0 && from->delegate.len != SL_HELLO_DELEGATE_SIZE)
        return sl_error_set(error, SL_FORMAT, "delegate: %zu bytes, not %d", from->delegate.len,
                            SL_HELLO_DELEGATE_SIZE);
    enum sl_status status = read_optional(&hello->proof, &hello->proof_length, &from->proof, "proof", error);
    if (status == SL_OK)
        status = read_optional(&hello->delegate, &hello->delegate_length, &from->delegate, "delegate", error);
    if (status == SL_OK)
        status = read_optional(&hello->delegation, &hello->delegation_length, &from->delegation, "delegation", error);
    hello->delegated_until = from->delegated_until;
    return status;
}

static enum sl_status read_names(struct sl_hello *hello, const Starling__V1__Hello *from, struct sl_error *error) {
    enum sl_status status = sl_wire_read_name(hello->flock, from->flock, "flock", error);
    if (status == SL_OK)
        status = sl_wire_read_name(hello->run, from->run, "run", error);
    if (status == SL_OK)
        status = sl_wire_read_name(hello->node, from->node, "node", error);
    return status;
}

static enum sl_status read_hello(void *out, const void *message, struct sl_error *error) {
    struct sl_hello *hello = out;
    const Starling__V1__Hello *from = message;
    hello->version_min = from->version_min;
    hello->version_max = from->version_max;
    hello->boot = from->boot;
    enum sl_status status = sl_wire_check_range(from->version_min, 1, from->version_max, "version_min", error);
    if (status == SL_OK)
        status = read_names(hello, from, error);
    if (status == SL_OK)
        status =
            sl_wire_read_addresses(&hello->addresses, &hello->address_count, from->addresses, from->n_addresses, error);
    if (status == SL_OK)
        status = read_chain(hello, from, error);
    if (status == SL_OK)
        status = read_proof(hello, from, error);
    return status;
}

static enum sl_status pack_hello(struct sl_buffer *out, const void *in) {
    const struct sl_hello *hello = in;
    if (hello->chain_count > SL_HELLO_CHAIN_MAX)
        return SL_LIMIT;
    ProtobufCBinaryData chain[SL_HELLO_CHAIN_MAX];
    for (size_t i = 0; i < hello->chain_count; i++)
        chain[i] = sl_wire_bytes(hello->chain[i].data, hello->chain[i].length);
    Starling__V1__Hello message = STARLING__V1__HELLO__INIT;
    message.version_min = hello->version_min;
    message.version_max = hello->version_max;
    message.flock = (char *)hello->flock;
    message.run = (char *)hello->run;
    message.node = (char *)hello->node;
    message.boot = hello->boot;
    message.addresses = hello->addresses;
    message.n_addresses = hello->address_count;
    message.chain = chain;
    message.n_chain = hello->chain_count;
    message.proof = sl_wire_bytes(hello->proof, hello->proof_length);
    message.delegate = sl_wire_bytes(hello->delegate, hello->delegate_length);
    message.delegation = sl_wire_bytes(hello->delegation, hello->delegation_length);
    message.delegated_until = hello->delegated_until;
    return sl_wire_pack(out, &message.base);
}

void sl_hello_finish(struct sl_hello *hello) {
    sl_wire_free_addresses(hello->addresses, hello->address_count);
    for (size_t i = 0; i < hello->chain_count; i++)
        free((void *)hello->chain[i].data);
    free(hello->chain);
    free(hello->proof);
    free(hello->delegate);
    free(hello->delegation);
    *hello = (struct sl_hello){0};
}

static void finish(void *in) {
    sl_hello_finish(in);
}

static const struct sl_wire_codec hello_codec = {.name = "hello",
                                                 .size = sizeof(struct sl_hello),
                                                 .descriptor = &starling__v1__hello__descriptor,
                                                 .read = read_hello,
                                                 .encode = pack_hello,
                                                 .finish = finish};

enum sl_status sl_hello_encode(struct sl_buffer *out, const struct sl_hello *in) {
    return pack_hello(out, in);
}

enum sl_status sl_hello_decode(struct sl_hello *out, const uint8_t *data, size_t length, struct sl_error *error) {
    return sl_wire_decode(&hello_codec, out, data, length, error);
}
