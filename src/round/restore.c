/* A machine from the record that save.c wrote, and what it does again. */
#include "round/state.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

/* ---- filling the machine ---- */

static enum sl_edge_state edge_state(enum sl_saved_edge_state state) {
    switch (state) {
    case SL_SAVED_NONE:
        return SL_EDGE_STATE_NONE;
    case SL_SAVED_OPEN:
        return SL_EDGE_STATE_OPEN;
    case SL_SAVED_BOUND:
        return SL_EDGE_STATE_BOUND;
    case SL_SAVED_COUNTED:
        return SL_EDGE_STATE_COUNTED;
    }
    return SL_EDGE_STATE_NONE;
}

/* The payload of an edge that is OPEN may be gone: then its peer offers it again. */
static void fill_edge(struct sl_round *round, struct round_edge *out, const struct sl_saved_edge *edge,
                      const struct sl_round_options *options) {
    *out = (struct round_edge){.peer = sl_round_get_peer(round, edge->peer),
                               .round = edge->round,
                               .samples = edge->samples,
                               .state = edge_state(edge->state),
                               .decider = strcmp(round->self, edge->peer) < 0,
                               .counted = edge->state == SL_SAVED_COUNTED};
    memcpy(out->own_digest, edge->own_digest, sizeof out->own_digest);
    if (!edge->has_manifest || !sl_round_holds(options, edge->peer_digest))
        return;
    out->has_manifest = out->whole = true;
    out->weight = edge->weight;
    out->manifest = (struct round_manifest){.round = edge->round,
                                            .lineage = edge->lineage,
                                            .samples = edge->manifest_samples,
                                            .total_samples = edge->total_samples,
                                            .degree = edge->degree};
    memcpy(out->manifest.digest, edge->peer_digest, sizeof out->manifest.digest);
    memcpy(out->manifest.view, edge->view, sizeof out->manifest.view);
}

static bool fill_edges(struct sl_round *round, const struct sl_round_state *state,
                       const struct sl_round_options *options) {
    if (sl_array_reserve(&round->edges, &round->edge_capacity, state->edge_count, sizeof *round->edges) != SL_OK ||
        sl_array_reserve(&round->late, &round->late_capacity, state->late_count, sizeof *round->late) != SL_OK)
        return false;
    for (; round->edge_count < state->edge_count; round->edge_count++)
        fill_edge(round, &round->edges[round->edge_count], &state->edges[round->edge_count], options);
    for (; round->late_count < state->late_count; round->late_count++)
        fill_edge(round, &round->late[round->late_count], &state->late[round->late_count], options);
    for (size_t i = 0; i < state->pending_count && round->status == SL_OK; i++) {
        struct round_peer *peer = sl_round_get_peer(round, state->pending[i].peer);
        if (peer == NULL)
            return false;
        peer->pending = malloc(sizeof *peer->pending);
        if (peer->pending == NULL)
            return false;
        fill_edge(round, peer->pending, &state->pending[i], options);
        peer->pending->state = SL_EDGE_STATE_PENDING;
        sl_round_list_add(round, &round->pending, peer);
    }
    return round->status == SL_OK;
}

static void fill_peers(struct sl_round *round, const struct sl_round_state *state) {
    for (size_t i = 0; i < state->peer_count; i++) {
        struct round_peer *peer = sl_round_get_peer(round, state->peers[i].name);
        if (peer == NULL)
            return;
        peer->starter_round = state->peers[i].starter_round;
        peer->saved_from = peer->former_from = state->peers[i].from_round;
        peer->lineage = state->peers[i].lineage;
        peer->last_counted = state->peers[i].last_counted;
        peer->last_counted_lineage = state->peers[i].last_counted_lineage;
    }
}

static enum sl_round_phase phase_of(enum sl_saved_phase phase) {
    switch (phase) {
    case SL_SAVED_GATHER:
        return SL_PHASE_GATHER;
    case SL_SAVED_TRAIN:
        return SL_PHASE_TRAIN;
    case SL_SAVED_EXCHANGE:
        return SL_PHASE_EXCHANGE;
    case SL_SAVED_MIX:
        return SL_PHASE_MIX;
    case SL_SAVED_LINGER:
        break;
    }
    return SL_PHASE_LINGER;
}

/* It was told to stop in the midst of the run: started again, it goes on. Not in the round that it left, whose edges it
 * has called void. */
static bool was_stopped(const struct sl_round *round, const struct sl_round_state *state) {
    return state->phase == SL_SAVED_LINGER && !state->left_out && state->started &&
           state->done < round->options.rounds && state->current < round->options.rounds;
}

bool sl_round_goes_on(const struct sl_round *round) {
    return (round->phase == SL_PHASE_LINGER || round->phase == SL_PHASE_LEFT) && !round->left_out && round->started &&
           !round->options.stream && round->done < round->options.rounds && round->current < round->options.rounds;
}

/* A restart takes some rounds at most, and who is back by then was not gone: no roster changes for it. */
uint64_t sl_round_until(const struct sl_round *round) {
    return round->current + (sl_round_goes_on(round) ? 1 + ROUND_ABSENCE : 2);
}

static void fill_numbers(struct sl_round *round, const struct sl_round_state *state) {
    round->returning = was_stopped(round, state);
    round->phase = round->returning ? SL_PHASE_GATHER : phase_of(state->phase);
    round->done = state->done;
    round->current = state->current;
    round->listed_until = round->returning ? round->current + 1 + ROUND_ABSENCE : 0;
    round->scheduled = state->from_round;
    round->started = state->started;
    round->carried = state->carried;
    round->fresh = !state->carried;
    round->carry = state->carry;
    round->below = state->below;
    round->left_out = state->left_out;
    round->had_peers = state->had_peers;
    round->averaging_counted = state->averaging_counted;
    round->averaging = state->current + round->options.averaging_rounds > round->options.rounds;
    round->barren = state->barren;
    round->narrow = round->barren >= ROUND_BARREN;
    round->one_by_one = sl_round_goes_one_by_one(round);
    round->full = state->full;
    round->roster_samples = state->total_samples;
    round->published = round->phase == SL_PHASE_EXCHANGE || round->phase == SL_PHASE_MIX;
    round->is_signed = state->has_own && !round->published;
    memcpy(round->own_digest, state->own_digest, sizeof round->own_digest);
    round->has_view = state->has_view && round->published;
    memcpy(round->own_view, state->own_view, sizeof round->own_view);
}

enum sl_status sl_round_restore(struct sl_round *round, const struct sl_round_options *options,
                                struct sl_error *error) {
    struct sl_round_state state;
    if (options->stream)
        return sl_error_set(error, SL_MISMATCH, "a streaming node keeps no promises over a restart");
    enum sl_status status = sl_round_state_decode(&state, options->restored.data, options->restored.length, error);
    if (status != SL_OK)
        return status;
    status = sl_round_check_record(&state, options, error);
    if (status == SL_OK) {
        fill_numbers(round, &state);
        fill_peers(round, &state);
        round->resuming = true;
        if (round->status != SL_OK || !fill_edges(round, &state, options) || round->status != SL_OK)
            status = sl_error_set(error, SL_NO_MEMORY, "out of memory for the record of the rounds");
    }
    sl_round_state_finish(&state);
    return status;
}

/* ---- doing it again ---- */

static void tell_waiting(struct sl_round *round) {
    for (size_t i = 0; i < round->pending.count; i++) {
        const struct round_edge *edge = round->pending.items[i]->pending;
        sl_round_fill_edge(round, sl_round_emit_to(round, SL_ROUND_HOLD, edge->peer, edge->round), edge);
    }
    for (size_t i = 0; i < round->late_count; i++) {
        const struct round_edge *edge = &round->late[i];
        sl_round_fill_edge(round, sl_round_emit_to(round, SL_ROUND_APPLY_LATE, edge->peer, edge->round), edge);
    }
}

void sl_round_resume(struct sl_round *round) {
    round->resuming = false;
    round->returned = round->now + round->options.deadline_max;
    if (round->started && round->scheduled != 0 && !round->returning)
        sl_round_schedule(round, round->scheduled);
    tell_waiting(round);
    sl_round_half_recount(round);
    sl_round_set_phase(round, round->phase);
    switch (round->phase) {
    case SL_PHASE_TRAIN:
        if (round->carried)
            sl_round_publish(round);
        else
            sl_round_train(round);
        break;
    case SL_PHASE_EXCHANGE:
        sl_round_begin_exchange(round);
        for (size_t i = 0; i < round->edge_count; i++) /* what became whole behind the record */
            sl_round_edge_evaluate(round, &round->edges[i]);
        break;
    case SL_PHASE_MIX:
        round->trained_at = round->now;
        sl_round_mix(round);
        break;
    case SL_PHASE_LINGER:
        round->linger_until = round->now + round->options.linger_max;
        break;
    case SL_PHASE_GATHER:
    case SL_PHASE_JOIN:
    case SL_PHASE_LEFT:
        break;
    }
}
