/* The record: what a restart needs of the machine, and which payloads it needs beside it. What is not in it comes again
 * (members, PROGRESS, manifests of later rounds) or is measured anew (arrivals: W is its maximum after a restart). */
#include "round/state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* An update that is not published yet is nothing: training begins again. So is a join. */
static enum sl_saved_phase saved_phase(const struct sl_round *round) {
    switch (round->phase) {
    case SL_PHASE_GATHER:
    case SL_PHASE_JOIN:
        return SL_SAVED_GATHER;
    case SL_PHASE_TRAIN:
        return SL_SAVED_TRAIN;
    case SL_PHASE_EXCHANGE:
        return round->published ? SL_SAVED_EXCHANGE : SL_SAVED_TRAIN;
    case SL_PHASE_MIX:
        return round->published ? SL_SAVED_MIX : SL_SAVED_TRAIN;
    case SL_PHASE_LINGER:
    case SL_PHASE_LEFT:
        break;
    }
    return SL_SAVED_LINGER;
}

/* Of the edges only a round that has not been mixed needs something. */
static bool has_plan(enum sl_saved_phase phase) {
    return phase == SL_SAVED_TRAIN || phase == SL_SAVED_EXCHANGE || phase == SL_SAVED_MIX;
}

static enum sl_saved_edge_state saved_state(enum sl_edge_state state) {
    switch (state) {
    case SL_EDGE_STATE_OPEN:
        return SL_SAVED_OPEN;
    case SL_EDGE_STATE_BOUND:
        return SL_SAVED_BOUND;
    case SL_EDGE_STATE_COUNTED:
        return SL_SAVED_COUNTED;
    case SL_EDGE_STATE_NONE:
    case SL_EDGE_STATE_PENDING: /* is in its own list */
        break;
    }
    return SL_SAVED_NONE;
}

static void save_edge(struct sl_saved_edge *out, const struct round_edge *edge, enum sl_saved_edge_state state) {
    *out = (struct sl_saved_edge){.round = edge->round, .state = state, .samples = edge->samples};
    memcpy(out->peer, edge->peer->member.name, sizeof out->peer);
    if (state == SL_SAVED_NONE || !edge->has_manifest)
        return;
    out->has_own = state != SL_SAVED_OPEN;
    if (out->has_own)
        memcpy(out->own_digest, edge->own_digest, sizeof out->own_digest);
    out->has_manifest = true;
    memcpy(out->peer_digest, edge->manifest.digest, sizeof out->peer_digest);
    memcpy(out->view, edge->manifest.view, sizeof out->view);
    out->lineage = edge->manifest.lineage;
    out->degree = edge->manifest.degree;
    out->manifest_samples = edge->manifest.samples;
    out->total_samples = edge->manifest.total_samples;
    out->weight = edge->weight;
}

static void save_edges(const struct sl_round *round, struct sl_round_state *state) {
    state->edge_count = round->edge_count;
    for (size_t i = 0; i < round->edge_count; i++)
        save_edge(&state->edges[i], &round->edges[i], saved_state(round->edges[i].state));
    state->full = round->full;
    state->total_samples = round->roster_samples;
    state->has_own = round->published || round->is_signed;
    memcpy(state->own_digest, round->own_digest, sizeof state->own_digest);
    state->has_view = round->published && round->has_view;
    memcpy(state->own_view, round->own_view, sizeof state->own_view);
}

/* By name, whatever the order in which they became so. */
static void save_pending(const struct sl_round *round, struct sl_round_state *state) {
    for (size_t i = 0; i < round->peers.count; i++)
        if (round->peers.items[i]->pending != NULL)
            save_edge(&state->pending[state->pending_count++], round->peers.items[i]->pending, SL_SAVED_BOUND);
}

/* A word of rounds to come is told again after a restart; what holds until then nobody tells again. */
static uint64_t known_from(const struct sl_round *round, const struct round_peer *peer) {
    uint64_t from = sl_round_from(peer), until = peer->member.until_round, next = round->current + 1;
    if (until != 0 && until <= round->current)
        return 0;
    if ((from == 0 || from > next) && sl_round_is_listed(peer, next))
        return peer->former_from;
    return from != 0 ? from : peer->saved_from;
}

static void save_peers(const struct sl_round *round, struct sl_round_state *state) {
    for (size_t i = 0; i < round->peers.count; i++) {
        const struct round_peer *peer = round->peers.items[i];
        if (known_from(round, peer) == 0 && peer->lineage == 0 && peer->last_counted == 0)
            continue;
        struct sl_saved_peer *out = &state->peers[state->peer_count++];
        *out = (struct sl_saved_peer){.starter_round = peer->starter_round,
                                      .lineage = peer->lineage,
                                      .last_counted = peer->last_counted,
                                      .last_counted_lineage = peer->last_counted_lineage,
                                      .from_round = known_from(round, peer)};
        memcpy(out->name, peer->member.name, sizeof out->name);
    }
}

static void save_numbers(const struct sl_round *round, struct sl_round_state *state) {
    *state = (struct sl_round_state){.epoch = round->options.epoch,
                                     .lineage = round->options.lineage,
                                     .phase = saved_phase(round),
                                     .done = round->done,
                                     .current = round->current,
                                     .from_round = round->scheduled,
                                     .started = round->started,
                                     .carried = round->carried,
                                     .carry = round->carry,
                                     .below = round->below,
                                     .left_out = round->left_out,
                                     .had_peers = round->had_peers,
                                     .averaging_counted = round->averaging_counted,
                                     .barren = round->barren};
    memcpy(state->self, round->self, sizeof state->self);
}

enum sl_status sl_round_save(const struct sl_round *round, struct sl_buffer *out) {
    assert(!round->options.stream);
    struct sl_round_state state;
    enum sl_status status = SL_NO_MEMORY;
    save_numbers(round, &state);
    state.edges = calloc(round->edge_count + 1, sizeof *state.edges);
    state.pending = calloc(round->pending.count + 1, sizeof *state.pending);
    state.late = calloc(round->late_count + 1, sizeof *state.late);
    state.peers = calloc(round->peers.count + 1, sizeof *state.peers);
    if (state.edges == NULL || state.pending == NULL || state.late == NULL || state.peers == NULL)
        goto out;
    if (has_plan(state.phase))
        save_edges(round, &state);
    save_pending(round, &state);
    for (; state.late_count < round->late_count; state.late_count++)
        save_edge(&state.late[state.late_count], &round->late[state.late_count], SL_SAVED_COUNTED);
    save_peers(round, &state);
    status = sl_round_state_encode(out, &state);
out:
    sl_round_state_finish(&state);
    return status;
}

/* ---- needs ---- */

static void need_edge(struct sl_round_need *out, size_t *count, const struct round_edge *edge) {
    struct sl_round_need *own = &out[(*count)++], *peer = &out[(*count)++];
    own->type = SL_ROUND_NEED_OWN;
    peer->type = SL_ROUND_NEED_PEER;
    own->round = peer->round = edge->round;
    memcpy(own->digest, edge->own_digest, sizeof own->digest);
    memcpy(peer->digest, edge->manifest.digest, sizeof peer->digest);
    memcpy(peer->peer, edge->peer->member.name, sizeof peer->peer);
}

static bool is_needed(const struct round_edge *edge) {
    return edge->state == SL_EDGE_STATE_BOUND || edge->state == SL_EDGE_STATE_COUNTED;
}

enum sl_status sl_round_needs(const struct sl_round *round, struct sl_round_need **out, size_t *out_count) {
    size_t most = 1 + 2 * (round->edge_count + round->pending.count + round->late_count), count = 0;
    struct sl_round_need *needs = calloc(most, sizeof *needs);
    if (needs == NULL)
        return SL_NO_MEMORY;
    enum sl_saved_phase phase = saved_phase(round);
    if (phase == SL_SAVED_EXCHANGE || phase == SL_SAVED_MIX) {
        needs[count] = (struct sl_round_need){.type = SL_ROUND_NEED_OWN, .round = round->current};
        memcpy(needs[count++].digest, round->own_digest, SL_WIRE_DIGEST_SIZE);
        for (size_t i = 0; i < round->edge_count; i++)
            if (is_needed(&round->edges[i]))
                need_edge(needs, &count, &round->edges[i]);
    } else if (round->started) {
        needs[count++] = (struct sl_round_need){.type = SL_ROUND_NEED_MODEL, .round = round->done};
    }
    for (size_t i = 0; i < round->pending.count; i++)
        need_edge(needs, &count, round->pending.items[i]->pending);
    for (size_t i = 0; i < round->late_count; i++)
        need_edge(needs, &count, &round->late[i]);
    *out = needs;
    *out_count = count;
    return SL_OK;
}
