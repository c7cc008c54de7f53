#include "exchange/manifest.h"

#include <stdlib.h>
#include <string.h>

#include "aggregate/quantise.h"

_Static_assert((int)SL_INT8_BLOCK == (int)SL_QUANTISE_BLOCK, "the wire's blocks are those of the codec");

enum sl_status sl_manifest_signed_message(struct sl_buffer *out, struct sl_bytes manifest) {
    return sl_statement_message(out, SL_MANIFEST_CONTEXT, manifest);
}

static enum sl_status describe_tensors(struct sl_manifest *manifest, const struct sl_layout *layout) {
    manifest->tensors = calloc(layout->count, sizeof *manifest->tensors);
    if (manifest->tensors == NULL)
        return SL_NO_MEMORY;
    manifest->tensor_count = layout->count;
    for (size_t i = 0; i < layout->count; i++) {
        const struct sl_tensor *tensor = &layout->tensors[i];
        struct sl_wire_tensor *out = &manifest->tensors[i];
        out->name = strdup(tensor->name);
        if (out->name == NULL)
            return SL_NO_MEMORY;
        out->rank = tensor->rank;
        memcpy(out->dims, tensor->dims, tensor->rank * sizeof tensor->dims[0]);
    }
    return SL_OK;
}

enum sl_status sl_manifest_describe(struct sl_manifest *manifest, const struct sl_layout *layout,
                                    const struct sl_chunks *chunks, const struct sl_digest *digests,
                                    struct sl_error *error) {
    if (layout->count > SL_TENSORS_MAX)
        return sl_error_set(error, SL_LIMIT, "a model of %zu tensors does not fit a manifest (%d)", layout->count,
                            SL_TENSORS_MAX);
    if (describe_tensors(manifest, layout) != SL_OK)
        return sl_error_set(error, SL_NO_MEMORY, "out of memory for a manifest");
    manifest->payload_bytes = chunks->payload_bytes;
    manifest->chunk_bytes = chunks->chunk_bytes;
    manifest->chunk_digests = calloc(chunks->count, sizeof *manifest->chunk_digests);
    if (manifest->chunk_digests == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "out of memory for a manifest");
    manifest->chunk_count = chunks->count;
    for (uint32_t i = 0; i < chunks->count; i++)
        memcpy(manifest->chunk_digests[i], digests[i].bytes, SL_DIGEST_SIZE);
    return SL_OK;
}

static enum sl_status check_text(const char *what, const char *found, const char *wanted, struct sl_error *error) {
    if (strcmp(found, wanted) == 0)
        return SL_OK;
    return sl_error_set(error, SL_MISMATCH, "manifest of %s \"%s\", ours is \"%s\"", what, found, wanted);
}

static enum sl_status check_tensors(const struct sl_manifest *manifest, const struct sl_layout *layout,
                                    struct sl_error *error) {
    uint64_t ours_bytes = sl_payload_length(manifest->encoding, layout->elements);
    if (manifest->tensor_count != layout->count || manifest->payload_bytes != ours_bytes)
        return sl_error_set(error, SL_MISMATCH,
                            "model of another shape: %zu tensors in %llu bytes, ours has %zu in %llu",
                            manifest->tensor_count, (unsigned long long)manifest->payload_bytes, layout->count,
                            (unsigned long long)ours_bytes);
    for (size_t i = 0; i < layout->count; i++) {
        const struct sl_wire_tensor *theirs = &manifest->tensors[i];
        const struct sl_tensor *ours = &layout->tensors[i];
        if (strcmp(theirs->name, ours->name) != 0 || theirs->rank != ours->rank ||
            memcmp(theirs->dims, ours->dims, ours->rank * sizeof ours->dims[0]) != 0)
            return sl_error_set(error, SL_MISMATCH, "model of another shape: tensor %zu is \"%s\", ours is \"%s\"", i,
                                theirs->name, ours->name);
    }
    return SL_OK;
}

static const char *encoding_text(enum sl_payload_encoding encoding) {
    switch (encoding) {
    case SL_ENCODING_F32:
        break;
    case SL_ENCODING_INT8:
        return "int8";
    }
    return "f32";
}

static enum sl_status check_encoding(const struct sl_manifest *manifest, enum sl_payload_encoding wanted,
                                     struct sl_error *error) {
    if (manifest->kind == SL_PAYLOAD_SNAPSHOT)
        wanted = SL_ENCODING_F32;
    if (manifest->encoding == wanted)
        return SL_OK;
    return sl_error_set(error, SL_MISMATCH, "manifest of an update in %s, ours are in %s (mix.codec)",
                        encoding_text(manifest->encoding), encoding_text(wanted));
}

/* The size of a payload decides its cut. A mixing pass takes the same chunk of every source, so a signed manifest with
 * another cut must not come that far. */
static enum sl_status check_cut(const struct sl_manifest *manifest, struct sl_error *error) {
    struct sl_chunks ours;
    enum sl_status status = sl_chunks_choose(&ours, manifest->payload_bytes, error);
    if (status == SL_OK && (manifest->chunk_bytes != ours.chunk_bytes || manifest->chunk_count != ours.count))
        status = sl_error_set(error, SL_MISMATCH, "manifest of %zu chunks of %u bytes, ours has %u of %u",
                              manifest->chunk_count, manifest->chunk_bytes, ours.count, ours.chunk_bytes);
    return status;
}

enum sl_status sl_manifest_check(const struct sl_manifest *manifest, const char *flock, const char *run,
                                 const char *origin, const struct sl_layout *layout, enum sl_payload_encoding encoding,
                                 struct sl_error *error) {
    enum sl_status status = check_text("flock", manifest->flock, flock, error);
    if (status == SL_OK)
        status = check_text("run", manifest->run, run, error);
    if (status == SL_OK)
        status = check_text("origin", manifest->origin, origin, error);
    if (status == SL_OK)
        status = check_encoding(manifest, encoding, error);
    if (status == SL_OK)
        status = check_tensors(manifest, layout, error);
    if (status == SL_OK)
        status = check_cut(manifest, error);
    return status;
}

struct sl_chunks sl_manifest_chunks(const struct sl_manifest *manifest) {
    return (struct sl_chunks){.payload_bytes = manifest->payload_bytes,
                              .chunk_bytes = manifest->chunk_bytes,
                              .count = (uint32_t)manifest->chunk_count};
}
