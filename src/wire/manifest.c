#include "wire/codec.h"

#include <stdlib.h>
#include <string.h>

#include "round.pb-c.h"

/* ---- geometry ---- */

/* 4 × Π dims; false where that is more than 64 bits. */
static bool tensor_bytes(uint64_t *out, const uint64_t *dims, size_t rank) {
    uint64_t bytes = 4;
    for (size_t i = 0; i < rank; i++) {
        if (__builtin_mul_overflow(bytes, dims[i], &bytes))
            return false;
    }
    *out = bytes;
    return true;
}

uint64_t sl_payload_length(enum sl_payload_encoding encoding, uint64_t elements) {
    switch (encoding) {
    case SL_ENCODING_F32:
        break;
    case SL_ENCODING_INT8:
        return elements + 4 * (elements / SL_INT8_BLOCK + (elements % SL_INT8_BLOCK != 0));
    }
    return 4 * elements;
}

static enum sl_status check_payload(const struct sl_manifest *manifest, struct sl_error *error) {
    uint64_t sum = 0;
    for (size_t i = 0; i < manifest->tensor_count; i++) {
        const struct sl_wire_tensor *tensor = &manifest->tensors[i];
        uint64_t bytes = 0;
        if (!tensor_bytes(&bytes, tensor->dims, tensor->rank) || __builtin_add_overflow(sum, bytes, &sum))
            return sl_error_set(error, SL_LIMIT, "tensors: more bytes than 64 bits count");
    }
    uint64_t length = sl_payload_length(manifest->encoding, sum / 4);
    if (length != manifest->payload_bytes)
        return sl_error_set(error, SL_FORMAT, "payload_bytes: %llu, the tensors have %llu",
                            (unsigned long long)manifest->payload_bytes, (unsigned long long)length);
    return SL_OK;
}

static enum sl_status check_chunks(uint64_t *count, const Starling__V1__Manifest *from, struct sl_error *error) {
    enum sl_status status =
        sl_wire_check_range(from->chunk_bytes, SL_CHUNK_UNIT, SL_CHUNK_BYTES_MAX, "chunk_bytes", error);
    if (status != SL_OK)
        return status;
    if (from->chunk_bytes % SL_CHUNK_UNIT != 0)
        return sl_error_set(error, SL_FORMAT, "chunk_bytes: %u, no multiple of %d", from->chunk_bytes, SL_CHUNK_UNIT);
    *count = from->payload_bytes / from->chunk_bytes + (from->payload_bytes % from->chunk_bytes != 0);
    if (*count > SL_CHUNK_COUNT_MAX)
        return sl_error_set(error, SL_LIMIT, "chunks: %llu of them, at most %d", (unsigned long long)*count,
                            SL_CHUNK_COUNT_MAX);
    if (from->chunk_digests.len != *count * SL_WIRE_DIGEST_SIZE)
        return sl_error_set(error, SL_FORMAT, "chunk_digests: %zu bytes for %llu chunks", from->chunk_digests.len,
                            (unsigned long long)*count);
    return SL_OK;
}

/* ---- reading ---- */

static enum sl_status read_tensor(struct sl_wire_tensor *out, const Starling__V1__Tensor *from,
                                  struct sl_error *error) {
    enum sl_status status = sl_wire_check_count(from->n_dims, 0, SL_WIRE_RANK_MAX, "dims", error);
    for (size_t i = 0; i < from->n_dims && status == SL_OK; i++) {
        status = sl_wire_check_range(from->dims[i], 1, UINT64_MAX, "dims", error);
        out->dims[i] = from->dims[i];
    }
    if (status != SL_OK)
        return status;
    out->rank = (uint32_t)from->n_dims;
    char name[SL_TENSOR_NAME_MAX + 1];
    status = sl_wire_read_text(name, from->name, 1, SL_TENSOR_NAME_MAX, "tensor name", error);
    if (status != SL_OK)
        return status;
    out->name = strdup(name);
    return out->name != NULL ? SL_OK : sl_wire_no_memory("tensor name", error);
}

static enum sl_status read_tensors(struct sl_manifest *manifest, const Starling__V1__Manifest *from,
                                   struct sl_error *error) {
    enum sl_status status = sl_wire_check_count(from->n_tensors, 1, SL_TENSORS_MAX, "tensors", error);
    if (status != SL_OK)
        return status;
    manifest->tensors = calloc(from->n_tensors, sizeof *manifest->tensors);
    if (manifest->tensors == NULL)
        return sl_wire_no_memory("tensors", error);
    for (size_t i = 0; i < from->n_tensors && status == SL_OK; i++) {
        manifest->tensor_count = i + 1;
        status = read_tensor(&manifest->tensors[i], from->tensors[i], error);
    }
    return status;
}

static enum sl_status read_chunks(struct sl_manifest *manifest, const Starling__V1__Manifest *from,
                                  struct sl_error *error) {
    uint64_t count = 0;
    enum sl_status status = check_chunks(&count, from, error);
    if (status != SL_OK)
        return status;
    manifest->chunk_digests = malloc(from->chunk_digests.len);
    if (manifest->chunk_digests == NULL)
        return sl_wire_no_memory("chunk_digests", error);
    memcpy(manifest->chunk_digests, from->chunk_digests.data, from->chunk_digests.len);
    manifest->chunk_count = (size_t)count;
    manifest->chunk_bytes = from->chunk_bytes;
    return SL_OK;
}

static enum sl_status read_origin(struct sl_manifest *manifest, const Starling__V1__Manifest *from,
                                  struct sl_error *error) {
    enum sl_status status = sl_wire_read_name(manifest->flock, from->flock, "flock", error);
    if (status == SL_OK)
        status = sl_wire_read_name(manifest->run, from->run, "run", error);
    if (status == SL_OK)
        status = sl_wire_read_name(manifest->origin, from->origin, "origin", error);
    manifest->epoch = from->epoch;
    manifest->round = from->round;
    manifest->lineage = from->lineage;
    return status;
}

static enum sl_status read_plan(struct sl_manifest *manifest, const Starling__V1__Manifest *from,
                                struct sl_error *error) {
    enum sl_status status =
        sl_wire_check_range((uint64_t)from->kind, SL_PAYLOAD_UPDATE, SL_PAYLOAD_SNAPSHOT, "kind", error);
    if (status != SL_OK)
        return status;
    manifest->kind = (enum sl_payload_kind)from->kind;
    /* Who takes a model over wants all of it. */
    uint64_t last = manifest->kind == SL_PAYLOAD_UPDATE ? SL_ENCODING_INT8 : SL_ENCODING_F32;
    status = sl_wire_check_range((uint64_t)from->encoding, SL_ENCODING_F32, last, "encoding", error);
    if (status != SL_OK)
        return status;
    manifest->encoding = (enum sl_payload_encoding)from->encoding;
    manifest->degree = from->degree;
    manifest->samples = from->samples;
    manifest->total_samples = from->total_samples;
    /* Weights divide by them. */
    uint64_t least = manifest->kind == SL_PAYLOAD_UPDATE ? 1 : 0;
    status = sl_wire_check_range(from->samples, least, UINT64_MAX, "samples", error);
    if (status == SL_OK)
        status = sl_wire_check_range(from->total_samples, least, UINT64_MAX, "total_samples", error);
    if (status == SL_OK)
        status = sl_wire_read_digest(manifest->view, &from->view, "view", error);
    return status;
}

static enum sl_status read_manifest(void *out, const void *message, struct sl_error *error) {
    struct sl_manifest *manifest = out;
    const Starling__V1__Manifest *from = message;
    manifest->payload_bytes = from->payload_bytes;
    enum sl_status status = read_origin(manifest, from, error);
    if (status == SL_OK)
        status = read_plan(manifest, from, error);
    if (status == SL_OK)
        status = read_tensors(manifest, from, error);
    if (status == SL_OK)
        status = check_payload(manifest, error);
    if (status == SL_OK)
        status = read_chunks(manifest, from, error);
    return status;
}

/* ---- writing ---- */

struct tensor_list {
    Starling__V1__Tensor tensors[SL_TENSORS_MAX];
    Starling__V1__Tensor *pointers[SL_TENSORS_MAX];
};

static void fill_tensors(struct tensor_list *out, const struct sl_manifest *manifest) {
    for (size_t i = 0; i < manifest->tensor_count; i++) {
        Starling__V1__Tensor *tensor = &out->tensors[i];
        starling__v1__tensor__init(tensor);
        tensor->name = manifest->tensors[i].name;
        tensor->dims = manifest->tensors[i].dims;
        tensor->n_dims = manifest->tensors[i].rank;
        out->pointers[i] = tensor;
    }
}

static enum sl_status pack_manifest(struct sl_buffer *out, const void *in) {
    const struct sl_manifest *manifest = in;
    if (manifest->tensor_count > SL_TENSORS_MAX || manifest->chunk_count > SL_CHUNK_COUNT_MAX)
        return SL_LIMIT;
    struct tensor_list list;
    fill_tensors(&list, manifest);
    Starling__V1__Manifest message = STARLING__V1__MANIFEST__INIT;
    message.flock = (char *)manifest->flock;
    message.run = (char *)manifest->run;
    message.origin = (char *)manifest->origin;
    message.epoch = manifest->epoch;
    message.round = manifest->round;
    message.lineage = manifest->lineage;
    message.kind = (Starling__V1__PayloadKind)manifest->kind;
    message.encoding = (Starling__V1__PayloadEncoding)manifest->encoding;
    message.degree = manifest->degree;
    message.samples = manifest->samples;
    message.total_samples = manifest->total_samples;
    message.view = sl_wire_bytes(manifest->view, sizeof manifest->view);
    message.tensors = list.pointers;
    message.n_tensors = manifest->tensor_count;
    message.payload_bytes = manifest->payload_bytes;
    message.chunk_bytes = manifest->chunk_bytes;
    message.chunk_digests =
        sl_wire_bytes((const uint8_t *)manifest->chunk_digests, manifest->chunk_count * SL_WIRE_DIGEST_SIZE);
    return sl_wire_pack(out, &message.base);
}

void sl_manifest_finish(struct sl_manifest *manifest) {
    for (size_t i = 0; i < manifest->tensor_count; i++)
        free(manifest->tensors[i].name);
    free(manifest->tensors);
    free(manifest->chunk_digests);
    *manifest = (struct sl_manifest){0};
}

static void finish(void *in) {
    sl_manifest_finish(in);
}

static const struct sl_wire_codec manifest_codec = {.name = "manifest",
                                                    .size = sizeof(struct sl_manifest),
                                                    .descriptor = &starling__v1__manifest__descriptor,
                                                    .read = read_manifest,
                                                    .encode = pack_manifest,
                                                    .finish = finish};

enum sl_status sl_manifest_encode(struct sl_buffer *out, const struct sl_manifest *in) {
    return pack_manifest(out, in);
}

enum sl_status sl_manifest_decode(struct sl_manifest *out, const uint8_t *data, size_t length, struct sl_error *error) {
    return sl_wire_decode(&manifest_codec, out, data, length, error);
}
