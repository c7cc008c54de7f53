/* WITNESS, and the proof that a PROOF's parts make and a proof file is. */
#include "wire/codec.h"

#include <stdlib.h>
#include <string.h>

#include "membership.pb-c.h"
#include "proof.pb-c.h"

/* ---- WITNESS ---- */

static enum sl_status read_entry(struct sl_witness_entry *out, const Starling__V1__WitnessEntry *from,
                                 struct sl_error *error) {
    out->lineage = from->lineage;
    enum sl_status status = sl_wire_read_name(out->origin, from->origin, "origin", error);
    if (status == SL_OK)
        status = sl_wire_check_range((uint64_t)from->kind, SL_PAYLOAD_UPDATE, SL_PAYLOAD_SNAPSHOT, "kind", error);
    out->kind = (enum sl_payload_kind)from->kind;
    if (status == SL_OK)
        status = sl_wire_read_digest(out->manifest, &from->manifest, "manifest", error);
    if (status == SL_OK)
        status = sl_wire_read_digest(out->payload, &from->payload, "payload", error);
    return status;
}

static enum sl_status read_witness(void *out, const void *message, struct sl_error *error) {
    struct sl_witness *witness = out;
    const Starling__V1__Witness *from = message;
    witness->epoch = from->epoch;
    witness->round = from->round;
    enum sl_status status = sl_wire_check_count(from->n_entries, 1, SL_WITNESS_ENTRIES_MAX, "entries", error);
    if (status != SL_OK)
        return status;
    witness->entries = calloc(from->n_entries, sizeof *witness->entries);
    if (witness->entries == NULL)
        return sl_wire_no_memory("entries", error);
    witness->count = from->n_entries;
    for (size_t i = 0; i < witness->count && status == SL_OK; i++)
        status = read_entry(&witness->entries[i], from->entries[i], error);
    return status;
}

static void fill_entry(Starling__V1__WitnessEntry *out, const struct sl_witness_entry *entry) {
    starling__v1__witness_entry__init(out);
    out->origin = (char *)entry->origin;
    out->kind = (Starling__V1__PayloadKind)entry->kind;
    out->lineage = entry->lineage;
    out->manifest = sl_wire_bytes(entry->manifest, sizeof entry->manifest);
    out->payload = sl_wire_bytes(entry->payload, sizeof entry->payload);
}

static enum sl_status pack_witness(struct sl_buffer *out, const void *in) {
    const struct sl_witness *witness = in;
    if (witness->count > SL_WITNESS_ENTRIES_MAX)
        return SL_LIMIT;
    Starling__V1__WitnessEntry entries[SL_WITNESS_ENTRIES_MAX];
    Starling__V1__WitnessEntry *pointers[SL_WITNESS_ENTRIES_MAX];
    for (size_t i = 0; i < witness->count; i++) {
        fill_entry(&entries[i], &witness->entries[i]);
        pointers[i] = &entries[i];
    }
    Starling__V1__Witness message = STARLING__V1__WITNESS__INIT;
    message.epoch = witness->epoch;
    message.round = witness->round;
    message.entries = pointers;
    message.n_entries = witness->count;
    return sl_wire_pack(out, &message.base);
}

void sl_witness_finish(struct sl_witness *witness) {
    free(witness->entries);
    *witness = (struct sl_witness){0};
}

static void finish_witness(void *in) {
    sl_witness_finish(in);
}

static const struct sl_wire_codec witness_codec = {.name = "witness",
                                                   .size = sizeof(struct sl_witness),
                                                   .descriptor = &starling__v1__witness__descriptor,
                                                   .read = read_witness,
                                                   .encode = pack_witness,
                                                   .finish = finish_witness};

enum sl_status sl_witness_encode(struct sl_buffer *out, const struct sl_witness *in) {
    return pack_witness(out, in);
}

enum sl_status sl_witness_decode(struct sl_witness *out, const uint8_t *data, size_t length, struct sl_error *error) {
    return sl_wire_decode(&witness_codec, out, data, length, error);
}

/* ---- the proof ---- */

static enum sl_status read_proof(void *out, const void *message, struct sl_error *error) {
    struct sl_proof *proof = out;
    const Starling__V1__Proof *from = message;
    if (from->first == NULL || from->second == NULL)
        return sl_error_set(error, SL_FORMAT, "two statements make a proof");
    enum sl_status status = sl_wire_read_statement(&proof->first, from->first, error);
    if (status == SL_OK)
        status = sl_wire_read_statement(&proof->second, from->second, error);
    if (status == SL_OK && sl_bytes_compare(proof->first->body, proof->second->body) >= 0)
        status = sl_error_set(error, SL_FORMAT, "the lesser statement comes first, and no two are the same");
    return status;
}

static enum sl_status pack_proof(struct sl_buffer *out, const void *in) {
    const struct sl_proof *proof = in;
    Starling__V1__Statement first, second;
    struct sl_wire_statement_parts parts[2];
    Starling__V1__Proof message = STARLING__V1__PROOF__INIT;
    sl_wire_fill_statement(&first, &parts[0], proof->first);
    sl_wire_fill_statement(&second, &parts[1], proof->second);
    message.first = &first;
    message.second = &second;
    return sl_wire_pack_within(out, &message.base, SL_PROOF_MAX);
}

void sl_proof_finish(struct sl_proof *proof) {
    sl_statement_unref(proof->first);
    sl_statement_unref(proof->second);
    *proof = (struct sl_proof){0};
}

static void finish_proof(void *in) {
    sl_proof_finish(in);
}

static const struct sl_wire_codec proof_codec = {.name = "proof",
                                                 .size = sizeof(struct sl_proof),
                                                 .descriptor = &starling__v1__proof__descriptor,
                                                 .read = read_proof,
                                                 .encode = pack_proof,
                                                 .finish = finish_proof,
                                                 .max = SL_PROOF_MAX};

enum sl_status sl_proof_encode(struct sl_buffer *out, const struct sl_proof *in) {
    return pack_proof(out, in);
}

enum sl_status sl_proof_decode(struct sl_proof *out, const uint8_t *data, size_t length, struct sl_error *error) {
    return sl_wire_decode(&proof_codec, out, data, length, error);
}
