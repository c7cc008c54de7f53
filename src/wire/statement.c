/* Statements: what an origin signed, as it travels, and what those about members say. */
#include "wire/codec.h"

#include <stdlib.h>
#include <string.h>

#include "membership.pb-c.h"

/* ---- the object ---- */

static bool fits(struct sl_bytes body, struct sl_bytes signature, const struct sl_bytes *chain, size_t count) {
    if (body.length == 0 || body.length > SL_PAYLOAD_MAX || signature.length == 0 ||
        signature.length > SL_WIRE_SIGNATURE_MAX || count == 0 || count > SL_HELLO_CHAIN_MAX)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (chain[i].length == 0 || chain[i].length > SL_HELLO_CERTIFICATE_MAX)
            return false;
    }
    return true;
}

static struct sl_bytes place(uint8_t **at, struct sl_bytes bytes) {
    memcpy(*at, bytes.data, bytes.length);
    const struct sl_bytes placed = {*at, bytes.length};
    *at += bytes.length;
    return placed;
}

enum sl_status sl_statement_create(struct sl_statement **out, struct sl_bytes body, struct sl_bytes signature,
                                   const struct sl_bytes *chain, size_t count) {
    *out = NULL;
    if (!fits(body, signature, chain, count))
        return SL_LIMIT;
    size_t size = sizeof **out + body.length + signature.length;
    for (size_t i = 0; i < count; i++)
        size += chain[i].length;
    struct sl_statement *statement = malloc(size);
    if (statement == NULL)
        return SL_NO_MEMORY;
    uint8_t *at = (uint8_t *)(statement + 1);
    *statement = (struct sl_statement){.references = 1, .chain_count = count};
    statement->body = place(&at, body);
    statement->signature = place(&at, signature);
    for (size_t i = 0; i < count; i++)
        statement->chain[i] = place(&at, chain[i]);
    *out = statement;
    return SL_OK;
}

struct sl_statement *sl_statement_ref(struct sl_statement *statement) {
    statement->references++;
    return statement;
}

void sl_statement_unref(struct sl_statement *statement) {
    if (statement != NULL && --statement->references == 0)
        free(statement);
}

static bool is_equal(struct sl_bytes a, struct sl_bytes b) {
    return a.length == b.length && memcmp(a.data, b.data, a.length) == 0;
}

bool sl_statement_is_same(const struct sl_statement *a, const struct sl_statement *b) {
    bool same = a->chain_count == b->chain_count && is_equal(a->body, b->body) && is_equal(a->signature, b->signature);
    for (size_t i = 0; same && i < a->chain_count; i++)
        same = is_equal(a->chain[i], b->chain[i]);
    return same;
}

size_t sl_statement_size(const struct sl_statement *statement) {
    enum { FIELD = 4 }; /* a tag and a length below 2^21 */
    size_t size = 3 * FIELD + statement->body.length + statement->signature.length;
    for (size_t i = 0; i < statement->chain_count; i++)
        size += FIELD + statement->chain[i].length;
    return size;
}

enum sl_status sl_statement_message(struct sl_buffer *out, const char *context, struct sl_bytes body) {
    enum sl_status status = sl_buffer_append(out, context, strlen(context) + 1);
    return status == SL_OK ? sl_buffer_append(out, body.data, body.length) : status;
}

/* ---- within a message ---- */

static enum sl_status check_bytes(const ProtobufCBinaryData *in, size_t max, const char *field,
                                  struct sl_error *error) {
    if (in->len > max)
        return sl_error_set(error, SL_LIMIT, "%s: %zu bytes, at most %zu", field, in->len, max);
    return in->len > 0 ? SL_OK : sl_error_set(error, SL_FORMAT, "%s: no bytes", field);
}

enum sl_status sl_wire_read_statement(struct sl_statement **out, const Starling__V1__Statement *from,
                                      struct sl_error *error) {
    struct sl_bytes chain[SL_HELLO_CHAIN_MAX];
    enum sl_status status = check_bytes(&from->body, SL_PAYLOAD_MAX, "body", error);
    if (status == SL_OK)
        status = check_bytes(&from->signature, SL_WIRE_SIGNATURE_MAX, "signature", error);
    if (status == SL_OK)
        status = sl_wire_check_count(from->n_chain, 1, SL_HELLO_CHAIN_MAX, "chain", error);
    for (size_t i = 0; status == SL_OK && i < from->n_chain; i++) {
        status = check_bytes(&from->chain[i], SL_HELLO_CERTIFICATE_MAX, "chain", error);
        chain[i] = (struct sl_bytes){from->chain[i].data, from->chain[i].len};
    }
    if (status != SL_OK)
        return status;
    status = sl_statement_create(out, (struct sl_bytes){from->body.data, from->body.len},
                                 (struct sl_bytes){from->signature.data, from->signature.len}, chain, from->n_chain);
    return status == SL_OK ? SL_OK : sl_wire_no_memory("statement", error);
}

void sl_wire_fill_statement(Starling__V1__Statement *filled, struct sl_wire_statement_parts *parts,
                            const struct sl_statement *statement) {
    starling__v1__statement__init(filled);
    filled->body = sl_wire_bytes(statement->body.data, statement->body.length);
    filled->signature = sl_wire_bytes(statement->signature.data, statement->signature.length);
    for (size_t i = 0; i < statement->chain_count; i++)
        parts->chain[i] = sl_wire_bytes(statement->chain[i].data, statement->chain[i].length);
    filled->chain = parts->chain;
    filled->n_chain = statement->chain_count;
}

/* ---- EVIDENCE ---- */

static enum sl_status read_evidence(void *out, const void *message, struct sl_error *error) {
    return sl_wire_read_statement(&((struct sl_evidence *)out)->statement, message, error);
}

static enum sl_status pack_evidence(struct sl_buffer *out, const void *in) {
    Starling__V1__Statement message;
    struct sl_wire_statement_parts parts;
    sl_wire_fill_statement(&message, &parts, ((const struct sl_evidence *)in)->statement);
    return sl_wire_pack(out, &message.base);
}

void sl_evidence_finish(struct sl_evidence *evidence) {
    sl_statement_unref(evidence->statement);
    evidence->statement = NULL;
}

static void finish_evidence(void *in) {
    sl_evidence_finish(in);
}

static const struct sl_wire_codec evidence_codec = {.name = "evidence",
                                                    .size = sizeof(struct sl_evidence),
                                                    .descriptor = &starling__v1__statement__descriptor,
                                                    .read = read_evidence,
                                                    .encode = pack_evidence,
                                                    .finish = finish_evidence};

enum sl_status sl_evidence_encode(struct sl_buffer *out, const struct sl_evidence *in) {
    return pack_evidence(out, in);
}

enum sl_status sl_evidence_decode(struct sl_evidence *out, const uint8_t *data, size_t length, struct sl_error *error) {
    return sl_wire_decode(&evidence_codec, out, data, length, error);
}
