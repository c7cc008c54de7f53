/* The journal's record of the rounds (proto/journal.proto). */
#include "wire/codec.h"

#include <stdlib.h>
#include <string.h>

#include "journal.pb-c.h"

static enum sl_status read_optional(bool *has, uint8_t out[SL_WIRE_DIGEST_SIZE], const ProtobufCBinaryData *in,
                                    const char *field, struct sl_error *error) {
    *has = in->len > 0;
    return *has ? sl_wire_read_digest(out, in, field, error) : SL_OK;
}

/* ---- one edge ---- */

/* Without the peer's manifest there is nothing of it. */
static enum sl_status read_manifest(struct sl_saved_edge *out, const Starling__V1__SavedEdge *from,
                                    struct sl_error *error) {
    enum sl_status status =
        read_optional(&out->has_manifest, out->peer_digest, &from->peer_digest, "peer_digest", error);
    if (status != SL_OK)
        return status;
    if (!out->has_manifest) {
        bool empty = from->view.len == 0 && from->lineage == 0 && from->degree == 0 && from->manifest_samples == 0 &&
                     from->total_samples == 0 && from->weight == 0;
        return empty ? SL_OK : sl_error_set(error, SL_FORMAT, "something of a manifest that is not there");
    }
    out->lineage = from->lineage;
    out->degree = from->degree;
    out->manifest_samples = from->manifest_samples;
    out->total_samples = from->total_samples;
    out->weight = from->weight;
    if (!(from->weight >= 0 && from->weight <= 1))
        return sl_error_set(error, SL_FORMAT, "weight: not within 0 and 1");
    return sl_wire_read_digest(out->view, &from->view, "view", error);
}

static enum sl_status read_edge(struct sl_saved_edge *out, const Starling__V1__SavedEdge *from,
                                struct sl_error *error) {
    out->round = from->round;
    out->state = (enum sl_saved_edge_state)from->state;
    out->samples = from->samples;
    enum sl_status status = sl_wire_read_name(out->peer, from->peer, "peer", error);
    if (status == SL_OK)
        status = sl_wire_check_range((uint64_t)from->state, SL_SAVED_NONE, SL_SAVED_COUNTED, "state", error);
    if (status == SL_OK)
        status = read_optional(&out->has_own, out->own_digest, &from->own_digest, "own_digest", error);
    return status == SL_OK ? read_manifest(out, from, error) : status;
}

static enum sl_status read_edges(struct sl_saved_edge **out, size_t *out_count, Starling__V1__SavedEdge *const *from,
                                 size_t count, const char *field, struct sl_error *error) {
    enum sl_status status = sl_wire_check_count(count, 0, SL_SAVED_ENTRIES_MAX, field, error);
    if (status != SL_OK || count == 0)
        return status;
    *out = calloc(count, sizeof **out);
    if (*out == NULL)
        return sl_wire_no_memory(field, error);
    *out_count = count;
    for (size_t i = 0; i < count && status == SL_OK; i++)
        status = read_edge(&(*out)[i], from[i], error);
    return status;
}

static void fill_edge(Starling__V1__SavedEdge *out, const struct sl_saved_edge *edge) {
    starling__v1__saved_edge__init(out);
    out->peer = (char *)edge->peer;
    out->round = edge->round;
    out->state = (Starling__V1__SavedEdgeState)edge->state;
    out->samples = edge->samples;
    if (edge->has_own)
        out->own_digest = sl_wire_bytes(edge->own_digest, sizeof edge->own_digest);
    if (!edge->has_manifest)
        return;
    out->peer_digest = sl_wire_bytes(edge->peer_digest, sizeof edge->peer_digest);
    out->lineage = edge->lineage;
    out->degree = edge->degree;
    out->manifest_samples = edge->manifest_samples;
    out->total_samples = edge->total_samples;
    out->view = sl_wire_bytes(edge->view, sizeof edge->view);
    out->weight = edge->weight;
}

/* ---- peers ---- */

static enum sl_status read_peers(struct sl_round_state *out, const Starling__V1__RoundState *from,
                                 struct sl_error *error) {
    enum sl_status status = sl_wire_check_count(from->n_peers, 0, SL_SAVED_ENTRIES_MAX, "peers", error);
    if (status != SL_OK || from->n_peers == 0)
        return status;
    out->peers = calloc(from->n_peers, sizeof *out->peers);
    if (out->peers == NULL)
        return sl_wire_no_memory("peers", error);
    out->peer_count = from->n_peers;
    for (size_t i = 0; i < out->peer_count && status == SL_OK; i++) {
        struct sl_saved_peer *peer = &out->peers[i];
        peer->starter_round = from->peers[i]->starter_round;
        peer->lineage = from->peers[i]->lineage;
        peer->last_counted = from->peers[i]->last_counted;
        peer->last_counted_lineage = from->peers[i]->last_counted_lineage;
        peer->from_round = from->peers[i]->from_round;
        status = sl_wire_read_name(peer->name, from->peers[i]->name, "name", error);
    }
    return status;
}

static void fill_peer(Starling__V1__SavedPeer *out, const struct sl_saved_peer *peer) {
    starling__v1__saved_peer__init(out);
    out->name = (char *)peer->name;
    out->starter_round = peer->starter_round;
    out->lineage = peer->lineage;
    out->last_counted = peer->last_counted;
    out->last_counted_lineage = peer->last_counted_lineage;
    out->from_round = peer->from_round;
}

/* ---- the record ---- */

static void read_numbers(struct sl_round_state *out, const Starling__V1__RoundState *from) {
    out->epoch = from->epoch;
    out->lineage = from->lineage;
    out->phase = (enum sl_saved_phase)from->phase;
    out->done = from->done;
    out->current = from->current;
    out->from_round = from->from_round;
    out->started = from->started;
    out->carried = from->carried;
    out->carry = from->carry;
    out->below = from->below;
    out->left_out = from->left_out;
    out->had_peers = from->had_peers;
    out->averaging_counted = from->averaging_counted;
    out->barren = from->barren;
    out->full = from->full;
    out->total_samples = from->total_samples;
}

static enum sl_status read_round_state(void *out, const void *message, struct sl_error *error) {
    struct sl_round_state *state = out;
    const Starling__V1__RoundState *from = message;
    read_numbers(state, from);
    enum sl_status status = sl_wire_read_name(state->self, from->self, "self", error);
    if (status == SL_OK)
        status = sl_wire_check_range((uint64_t)from->phase, SL_SAVED_GATHER, SL_SAVED_LINGER, "phase", error);
    if (status == SL_OK)
        status = read_optional(&state->has_own, state->own_digest, &from->own_digest, "own_digest", error);
    if (status == SL_OK)
        status = read_optional(&state->has_view, state->own_view, &from->own_view, "own_view", error);
    if (status == SL_OK)
        status = read_edges(&state->edges, &state->edge_count, from->edges, from->n_edges, "edges", error);
    if (status == SL_OK)
        status = read_edges(&state->pending, &state->pending_count, from->pending, from->n_pending, "pending", error);
    if (status == SL_OK)
        status = read_edges(&state->late, &state->late_count, from->late, from->n_late, "late", error);
    return status == SL_OK ? read_peers(state, from, error) : status;
}

/* What protobuf-c packs: one block for the structs and one for the pointers to them. */
struct parts {
    Starling__V1__SavedEdge *edges, **edge_pointers;
    Starling__V1__SavedPeer *peers, **peer_pointers;
};

static void free_parts(struct parts *parts) {
    free(parts->edges);
    free(parts->edge_pointers);
    free(parts->peers);
    free(parts->peer_pointers);
}

static bool allocate_parts(struct parts *parts, size_t edges, size_t peers) {
    parts->edges = calloc(edges + 1, sizeof *parts->edges);
    parts->edge_pointers = calloc(edges + 1, sizeof(void *));
    parts->peers = calloc(peers + 1, sizeof *parts->peers);
    parts->peer_pointers = calloc(peers + 1, sizeof(void *));
    return parts->edges && parts->edge_pointers && parts->peers && parts->peer_pointers;
}

static Starling__V1__SavedEdge **fill_edges(struct parts *parts, size_t at, const struct sl_saved_edge *edges,
                                            size_t count) {
    for (size_t i = 0; i < count; i++) {
        fill_edge(&parts->edges[at + i], &edges[i]);
        parts->edge_pointers[at + i] = &parts->edges[at + i];
    }
    return parts->edge_pointers + at;
}

static void fill_numbers(Starling__V1__RoundState *out, const struct sl_round_state *state) {
    out->epoch = state->epoch;
    out->lineage = state->lineage;
    out->self = (char *)state->self;
    out->phase = (Starling__V1__SavedPhase)state->phase;
    out->done = state->done;
    out->current = state->current;
    out->from_round = state->from_round;
    out->started = state->started;
    out->carried = state->carried;
    out->carry = state->carry;
    out->below = state->below;
    out->left_out = state->left_out;
    out->had_peers = state->had_peers;
    out->averaging_counted = state->averaging_counted;
    out->barren = state->barren;
    out->full = state->full;
    out->total_samples = state->total_samples;
    if (state->has_own)
        out->own_digest = sl_wire_bytes(state->own_digest, sizeof state->own_digest);
    if (state->has_view)
        out->own_view = sl_wire_bytes(state->own_view, sizeof state->own_view);
}

static enum sl_status pack_round_state(struct sl_buffer *out, const void *in) {
    const struct sl_round_state *state = in;
    if (state->edge_count > SL_SAVED_ENTRIES_MAX || state->pending_count > SL_SAVED_ENTRIES_MAX ||
        state->late_count > SL_SAVED_ENTRIES_MAX || state->peer_count > SL_SAVED_ENTRIES_MAX)
        return SL_LIMIT;
    Starling__V1__RoundState message = STARLING__V1__ROUND_STATE__INIT;
    struct parts parts = {.edges = NULL};
    enum sl_status status = SL_NO_MEMORY;
    if (!allocate_parts(&parts, state->edge_count + state->pending_count + state->late_count, state->peer_count))
        goto out;
    fill_numbers(&message, state);
    message.edges = fill_edges(&parts, 0, state->edges, state->edge_count);
    message.n_edges = state->edge_count;
    message.pending = fill_edges(&parts, state->edge_count, state->pending, state->pending_count);
    message.n_pending = state->pending_count;
    message.late = fill_edges(&parts, state->edge_count + state->pending_count, state->late, state->late_count);
    message.n_late = state->late_count;
    for (size_t i = 0; i < state->peer_count; i++) {
        fill_peer(&parts.peers[i], &state->peers[i]);
        parts.peer_pointers[i] = &parts.peers[i];
    }
    message.peers = parts.peer_pointers;
    message.n_peers = state->peer_count;
    status = sl_wire_pack_within(out, &message.base, SL_ROUND_STATE_MAX);
out:
    free_parts(&parts);
    return status;
}

void sl_round_state_finish(struct sl_round_state *state) {
    free(state->edges);
    free(state->pending);
    free(state->late);
    free(state->peers);
    *state = (struct sl_round_state){0};
}

static void finish_round_state(void *in) {
    sl_round_state_finish(in);
}

static const struct sl_wire_codec round_state_codec = {.name = "round_state",
                                                       .size = sizeof(struct sl_round_state),
                                                       .descriptor = &starling__v1__round_state__descriptor,
                                                       .read = read_round_state,
                                                       .encode = pack_round_state,
                                                       .finish = finish_round_state,
                                                       .max = SL_ROUND_STATE_MAX};

enum sl_status sl_round_state_encode(struct sl_buffer *out, const struct sl_round_state *in) {
    return pack_round_state(out, in);
}

enum sl_status sl_round_state_decode(struct sl_round_state *out, const uint8_t *data, size_t length,
                                     struct sl_error *error) {
    return sl_wire_decode(&round_state_codec, out, data, length, error);
}
