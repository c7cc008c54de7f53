#include "wire/codec.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A peer can write 32,000 empty submessages into one frame, each of which protobuf-c gives a struct. So every message
 * has a budget, which memory that is given back does not refill. */
struct budget {
    size_t left;
    bool exceeded;
    bool out_of_memory;
};

static void *allocate(void *context, size_t size) {
    struct budget *budget = context;
    if (size > budget->left) {
        budget->exceeded = true;
        return NULL;
    }
    budget->left -= size;
    void *memory = malloc(size);
    budget->out_of_memory |= memory == NULL;
    return memory;
}

static void release(void *context, void *memory) {
    (void)context;
    free(memory);
}

static enum sl_status unpack(const struct sl_wire_codec *codec, ProtobufCMessage **out, ProtobufCAllocator *allocator,
                             const uint8_t *data, size_t length, struct sl_error *error) {
    size_t most = codec->max != 0 ? codec->max : SL_PAYLOAD_MAX;
    if (length > most)
        return sl_error_set(error, SL_LIMIT, "%s: %zu bytes, at most %zu", codec->name, length, most);
    struct budget *budget = allocator->allocator_data;
    budget->left = SL_UNPACK_BASE + SL_UNPACK_FACTOR * length;
    static const uint8_t nothing[1];
    *out = protobuf_c_message_unpack(codec->descriptor, allocator, length, length == 0 ? nothing : data);
    if (*out != NULL)
        return SL_OK;
    if (budget->exceeded)
        return sl_error_set(error, SL_LIMIT, "%s: too many parts", codec->name);
    if (budget->out_of_memory)
        return sl_wire_no_memory(codec->name, error);
    return sl_error_set(error, SL_FORMAT, "%s: not a message of this kind", codec->name);
}

/* There is one encoding of each message: whatever else decodes to the same, or to more than we know, is refused. */
static enum sl_status check_canonical(const struct sl_wire_codec *codec, const void *in, const uint8_t *data,
                                      size_t length, struct sl_error *error) {
    struct sl_buffer again = {0};
    enum sl_status status = codec->encode(&again, in);
    if (status != SL_OK)
        status = sl_error_set(error, status, "%s: %s", codec->name, sl_status_text(status));
    else if (again.length != length || (length != 0 && memcmp(again.data, data, length) != 0))
        status = sl_error_set(error, SL_FORMAT, "%s: unknown fields or another encoding than the canonical one",
                              codec->name);
    sl_buffer_finish(&again);
    return status;
}

enum sl_status sl_wire_decode(const struct sl_wire_codec *codec, void *out, const uint8_t *data, size_t length,
                              struct sl_error *error) {
    struct budget budget = {0};
    ProtobufCAllocator allocator = {.alloc = allocate, .free = release, .allocator_data = &budget};
    ProtobufCMessage *message = NULL;
    memset(out, 0, codec->size);
    enum sl_status status = unpack(codec, &message, &allocator, data, length, error);
    if (status != SL_OK)
        return status;
    status = codec->read(out, message, error);
    if (status != SL_OK)
        (void)sl_error_wrap(error, status, "%s", codec->name);
    protobuf_c_message_free_unpacked(message, &allocator);
    if (status == SL_OK)
        status = check_canonical(codec, out, data, length, error);
    if (status != SL_OK) {
        if (codec->finish != NULL)
            codec->finish(out);
        memset(out, 0, codec->size);
    }
    return status;
}

enum sl_status sl_wire_pack(struct sl_buffer *out, const ProtobufCMessage *message) {
    return sl_wire_pack_within(out, message, SL_PAYLOAD_MAX);
}

enum sl_status sl_wire_pack_within(struct sl_buffer *out, const ProtobufCMessage *message, size_t max) {
    size_t size = protobuf_c_message_get_packed_size(message);
    if (size > max)
        return SL_LIMIT;
    enum sl_status status = sl_buffer_reserve(out, size);
    if (status != SL_OK || size == 0)
        return status;
    size_t packed = protobuf_c_message_pack(message, out->data + out->length);
    assert(packed == size);
    out->length += packed;
    return SL_OK;
}
