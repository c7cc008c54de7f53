/* The body of a journal's record (proto/journal.proto): the state of the rounds, and what its slots hold. */
#include "wire/codec.h"

#include <stdlib.h>
#include <string.h>

#include "journal.pb-c.h"

/* ---- one slot ---- */

static enum sl_status read_manifest(struct sl_kept *out, const Starling__V1__Kept *from, struct sl_error *error) {
    uint8_t *bytes = NULL;
    if (from->manifest.len == 0)
        return out->kind == SL_KEPT_UPDATE ? sl_error_set(error, SL_FORMAT, "an update without its manifest") : SL_OK;
    if (out->kind == SL_KEPT_STATE || out->kind == SL_KEPT_TRAINED)
        return sl_error_set(error, SL_FORMAT, "an optimiser's state, or what was trained, with a manifest");
    enum sl_status status =
        sl_wire_read_bytes(&bytes, &out->manifest.length, &from->manifest, SL_PAYLOAD_MAX, "manifest", error);
    out->manifest.data = bytes;
    return status;
}

static enum sl_status read_kept(struct sl_kept *out, const Starling__V1__Kept *from, struct sl_error *error) {
    out->kind = (enum sl_kept_kind)from->kind;
    out->round = from->round;
    enum sl_status status = sl_wire_check_range((uint64_t)from->kind, SL_KEPT_MODEL, SL_KEPT_TRAINED, "kind", error);
    if (status == SL_OK)
        status = sl_wire_read_name(out->origin, from->origin, "origin", error);
    return status == SL_OK ? read_manifest(out, from, error) : status;
}

static void fill_kept(Starling__V1__Kept *out, const struct sl_kept *kept) {
    starling__v1__kept__init(out);
    out->kind = (Starling__V1__KeptKind)kept->kind;
    out->origin = (char *)kept->origin;
    out->round = kept->round;
    out->manifest = sl_wire_bytes(kept->manifest.data, kept->manifest.length);
}

/* ---- the record ---- */

static enum sl_status read_node_record(void *out, const void *message, struct sl_error *error) {
    struct sl_node_record *record = out;
    const Starling__V1__NodeRecord *from = message;
    uint8_t *bytes = NULL;
    record->signed_round = from->signed_round;
    enum sl_status status = sl_wire_check_count(from->n_kept, 0, SL_KEPT_MAX, "kept", error);
    if (status == SL_OK)
        status = sl_wire_read_bytes(&bytes, &record->round_state.length, &from->round_state, SL_ROUND_STATE_MAX,
                                    "round_state", error);
    record->round_state.data = bytes;
    if (status != SL_OK || from->n_kept == 0)
        return status;
    record->kept = calloc(from->n_kept, sizeof *record->kept);
    if (record->kept == NULL)
        return sl_wire_no_memory("kept", error);
    record->kept_count = from->n_kept;
    for (size_t i = 0; i < record->kept_count && status == SL_OK; i++)
        status = read_kept(&record->kept[i], from->kept[i], error);
    return status;
}

static enum sl_status pack_node_record(struct sl_buffer *out, const void *in) {
    const struct sl_node_record *record = in;
    if (record->kept_count > SL_KEPT_MAX)
        return SL_LIMIT;
    Starling__V1__NodeRecord message = STARLING__V1__NODE_RECORD__INIT;
    Starling__V1__Kept *kept = calloc(record->kept_count + 1, sizeof *kept);
    Starling__V1__Kept **pointers = calloc(record->kept_count + 1, sizeof(void *));
    enum sl_status status = SL_NO_MEMORY;
    if (kept == NULL || pointers == NULL)
        goto out;
    for (size_t i = 0; i < record->kept_count; i++) {
        fill_kept(&kept[i], &record->kept[i]);
        pointers[i] = &kept[i];
    }
    message.round_state = sl_wire_bytes(record->round_state.data, record->round_state.length);
    message.signed_round = record->signed_round;
    message.kept = pointers;
    message.n_kept = record->kept_count;
    status = sl_wire_pack_within(out, &message.base, SL_NODE_RECORD_MAX);
out:
    free(kept);
    free(pointers);
    return status;
}

void sl_node_record_finish(struct sl_node_record *record) {
    for (size_t i = 0; i < record->kept_count; i++)
        free((void *)(uintptr_t)record->kept[i].manifest.data);
    free(record->kept);
    free((void *)(uintptr_t)record->round_state.data);
    *record = (struct sl_node_record){.kept_count = 0};
}

static void finish_node_record(void *in) {
    sl_node_record_finish(in);
}

static const struct sl_wire_codec node_record_codec = {.name = "node_record",
                                                       .size = sizeof(struct sl_node_record),
                                                       .descriptor = &starling__v1__node_record__descriptor,
                                                       .read = read_node_record,
                                                       .encode = pack_node_record,
                                                       .finish = finish_node_record,
                                                       .max = SL_NODE_RECORD_MAX};

enum sl_status sl_node_record_encode(struct sl_buffer *out, const struct sl_node_record *in) {
    return pack_node_record(out, in);
}

enum sl_status sl_node_record_decode(struct sl_node_record *out, const uint8_t *data, size_t length,
                                     struct sl_error *error) {
    return sl_wire_decode(&node_record_codec, out, data, length, error);
}
