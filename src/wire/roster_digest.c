/* PROBE, NEIGHBOUR and ROSTER_DIGEST. */
#include "wire/codec.h"

#include <stdlib.h>
#include <string.h>

#include "membership.pb-c.h"

/* ---- PROBE ---- */

static enum sl_status read_probe(void *out, const void *message, struct sl_error *error) {
    struct sl_probe *probe = out;
    const Starling__V1__Probe *from = message;
    probe->answer = (enum sl_probe_answer)from->answer;
    enum sl_status status = sl_wire_read_name(probe->node, from->node, "node", error);
    return status == SL_OK ? sl_wire_check_range((uint64_t)from->answer, 0, SL_PROBE_NO, "answer", error) : status;
}

static enum sl_status pack_probe(struct sl_buffer *out, const void *in) {
    const struct sl_probe *probe = in;
    Starling__V1__Probe message = STARLING__V1__PROBE__INIT;
    message.node = (char *)probe->node;
    message.answer = (Starling__V1__ProbeAnswer)probe->answer;
    return sl_wire_pack(out, &message.base);
}

static const struct sl_wire_codec probe_codec = {.name = "probe",
                                                 .size = sizeof(struct sl_probe),
                                                 .descriptor = &starling__v1__probe__descriptor,
                                                 .read = read_probe,
                                                 .encode = pack_probe};

enum sl_status sl_probe_encode(struct sl_buffer *out, const struct sl_probe *in) {
    return pack_probe(out, in);
}

enum sl_status sl_probe_decode(struct sl_probe *out, const uint8_t *data, size_t length, struct sl_error *error) {
    return sl_wire_decode(&probe_codec, out, data, length, error);
}

/* ---- NEIGHBOUR ---- */

static enum sl_status read_neighbour(void *out, const void *message, struct sl_error *error) {
    struct sl_neighbour *neighbour = out;
    const Starling__V1__Neighbour *from = message;
    neighbour->word = (enum sl_neighbour_word)from->word;
    return sl_wire_check_range((uint64_t)from->word, SL_NEIGHBOUR_REQUEST, SL_NEIGHBOUR_END, "word", error);
}

static enum sl_status pack_neighbour(struct sl_buffer *out, const void *in) {
    const struct sl_neighbour *neighbour = in;
    Starling__V1__Neighbour message = STARLING__V1__NEIGHBOUR__INIT;
    message.word = (Starling__V1__NeighbourWord)neighbour->word;
    return sl_wire_pack(out, &message.base);
}

static const struct sl_wire_codec neighbour_codec = {.name = "neighbour",
                                                     .size = sizeof(struct sl_neighbour),
                                                     .descriptor = &starling__v1__neighbour__descriptor,
                                                     .read = read_neighbour,
                                                     .encode = pack_neighbour};

enum sl_status sl_neighbour_encode(struct sl_buffer *out, const struct sl_neighbour *in) {
    return pack_neighbour(out, in);
}

enum sl_status sl_neighbour_decode(struct sl_neighbour *out, const uint8_t *data, size_t length,
                                   struct sl_error *error) {
    return sl_wire_decode(&neighbour_codec, out, data, length, error);
}

/* ---- ROSTER_DIGEST ---- */

/* A copy, NULL for none. */
static enum sl_status copy(uint64_t **out, const uint64_t *in, size_t count, const char *field,
                           struct sl_error *error) {
    if (count == 0)
        return SL_OK;
    *out = malloc(count * sizeof **out);
    if (*out == NULL)
        return sl_wire_no_memory(field, error);
    memcpy(*out, in, count * sizeof **out);
    return SL_OK;
}

static enum sl_status check_list(const Starling__V1__RosterDigest *from, struct sl_error *error) {
    if (from->n_parts != 0 && from->n_parts != SL_ROSTER_PARTS)
        return sl_error_set(error, SL_FORMAT, "parts: %zu of them, not none or %d", from->n_parts, SL_ROSTER_PARTS);
    if (from->listed.len != 0 && from->listed.len != SL_ROSTER_PARTS / 8)
        return sl_error_set(error, SL_FORMAT, "listed: %zu bytes, not none or %d", from->listed.len,
                            SL_ROSTER_PARTS / 8);
    enum sl_status status = sl_wire_check_count(from->n_tags, 0, SL_ROSTER_TAGS_MAX, "tags", error);
    if (status == SL_OK)
        status = sl_wire_check_count(from->n_wanted, 0, SL_ROSTER_TAGS_MAX, "wanted", error);
    if (status != SL_OK)
        return status;
    if (from->n_terms != from->n_tags || (from->n_tags > 0 && from->listed.len == 0))
        return sl_error_set(error, SL_FORMAT, "a list has as many terms as tags, and says of which parts it is");
    for (size_t i = 1; i < from->n_tags; i++) {
        if (from->tags[i - 1] >= from->tags[i])
            return sl_error_set(error, SL_FORMAT, "tags: not in ascending order");
    }
    return SL_OK;
}

static enum sl_status read_digest(void *out, const void *message, struct sl_error *error) {
    struct sl_roster_digest *digest = out;
    const Starling__V1__RosterDigest *from = message;
    digest->whole = from->whole;
    enum sl_status status = check_list(from, error);
    if (status == SL_OK)
        status = copy(&digest->parts, from->parts, from->n_parts, "parts", error);
    if (status == SL_OK)
        status = copy(&digest->tags, from->tags, from->n_tags, "tags", error);
    if (status == SL_OK)
        status = copy(&digest->terms, from->terms, from->n_terms, "terms", error);
    if (status == SL_OK)
        status = copy(&digest->wanted, from->wanted, from->n_wanted, "wanted", error);
    if (status != SL_OK)
        return status;
    digest->has_list = from->listed.len != 0;
    if (digest->has_list)
        memcpy(digest->listed, from->listed.data, sizeof digest->listed);
    digest->count = from->n_tags;
    digest->wanted_count = from->n_wanted;
    return SL_OK;
}

static enum sl_status pack_digest(struct sl_buffer *out, const void *in) {
    const struct sl_roster_digest *digest = in;
    if (digest->count > SL_ROSTER_TAGS_MAX || digest->wanted_count > SL_ROSTER_TAGS_MAX)
        return SL_LIMIT;
    Starling__V1__RosterDigest message = STARLING__V1__ROSTER_DIGEST__INIT;
    message.whole = digest->whole;
    message.parts = digest->parts;
    message.n_parts = digest->parts != NULL ? SL_ROSTER_PARTS : 0;
    if (digest->has_list)
        message.listed = sl_wire_bytes(digest->listed, sizeof digest->listed);
    message.tags = digest->tags;
    message.terms = digest->terms;
    message.n_tags = message.n_terms = digest->count;
    message.wanted = digest->wanted;
    message.n_wanted = digest->wanted_count;
    return sl_wire_pack(out, &message.base);
}

void sl_roster_digest_finish(struct sl_roster_digest *digest) {
    free(digest->parts);
    free(digest->tags);
    free(digest->terms);
    free(digest->wanted);
    *digest = (struct sl_roster_digest){0};
}

static void finish(void *in) {
    sl_roster_digest_finish(in);
}

static const struct sl_wire_codec digest_codec = {.name = "roster digest",
                                                  .size = sizeof(struct sl_roster_digest),
                                                  .descriptor = &starling__v1__roster_digest__descriptor,
                                                  .read = read_digest,
                                                  .encode = pack_digest,
                                                  .finish = finish};

enum sl_status sl_roster_digest_encode(struct sl_buffer *out, const struct sl_roster_digest *in) {
    return pack_digest(out, in);
}

enum sl_status sl_roster_digest_decode(struct sl_roster_digest *out, const uint8_t *data, size_t length,
                                       struct sl_error *error) {
    return sl_wire_decode(&digest_codec, out, data, length, error);
}
