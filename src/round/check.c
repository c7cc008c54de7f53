/* Whether a record can be gone on from. It is a file: whatever it says, nothing may abort later, so what could not have
 * been written in this machine's life is refused here; and so is what needs a payload that is gone. */
#include "round/state.h"

#include <string.h>

static enum sl_status reject(struct sl_error *error, const char *what) {
    return sl_error_set(error, SL_FORMAT, "the record of the rounds: %s", what);
}

bool sl_round_holds(const struct sl_round_options *options, const uint8_t digest[SL_WIRE_DIGEST_SIZE]) {
    for (size_t i = 0; i < options->held_count; i++)
        if (memcmp(options->held[i], digest, SL_WIRE_DIGEST_SIZE) == 0)
            return true;
    return false;
}

static enum sl_status check_sender(const struct sl_round_state *state, const struct sl_round_options *options,
                                   struct sl_error *error) {
    if (state->done > options->rounds || state->current > options->rounds)
        return sl_error_set(error, SL_MISMATCH, "the record of the rounds is of a longer run");
    if (strcmp(state->self, options->self) != 0)
        return sl_error_set(error, SL_MISMATCH, "the record of the rounds is of node %s", state->self);
    if (state->epoch != options->epoch)
        return sl_error_set(error, SL_MISMATCH, "the record of the rounds is of epoch %llu",
                            (unsigned long long)state->epoch);
    if (state->lineage != options->lineage)
        return sl_error_set(error, SL_MISMATCH, "the record of the rounds is of another lineage");
    return SL_OK;
}

static bool is_sorted(const struct sl_saved_edge *edges, size_t count) {
    for (size_t i = 1; i < count; i++)
        if (strcmp(edges[i - 1].peer, edges[i].peer) >= 0)
            return false;
    return true;
}

static bool is_decider(const struct sl_round_state *state, const struct sl_saved_edge *edge) {
    return strcmp(state->self, edge->peer) < 0;
}

static const struct sl_saved_edge *find_pending(const struct sl_round_state *state, const char *peer) {
    for (size_t i = 0; i < state->pending_count; i++)
        if (strcmp(state->pending[i].peer, peer) == 0)
            return &state->pending[i];
    return NULL;
}

/* The one number that D answers by for ever. */
static bool is_remembered(const struct sl_round_state *state, const struct sl_saved_edge *edge) {
    for (size_t i = 0; i < state->peer_count; i++)
        if (strcmp(state->peers[i].name, edge->peer) == 0)
            return state->peers[i].last_counted == edge->round && state->peers[i].last_counted_lineage == edge->lineage;
    return false;
}

/* Promised or decided: both manifests are known, by now or when it was. */
static bool is_exchanged(const struct sl_round_state *state, const struct sl_saved_edge *edge) {
    return edge->has_manifest && edge->has_own &&
           memcmp(edge->own_digest, state->own_digest, sizeof edge->own_digest) == 0;
}

/* Which states an edge of the current round can be in, in the phase. */
static bool is_possible(const struct sl_round_state *state, const struct sl_saved_edge *edge) {
    if (edge->round != state->current || strcmp(edge->peer, state->self) == 0 || edge->samples == 0)
        return false;
    const struct sl_saved_edge *pending = find_pending(state, edge->peer); /* a pair has one undecided edge at most */
    if (pending != NULL && edge->state != SL_SAVED_NONE &&
        (pending->round == edge->round || edge->state != SL_SAVED_OPEN))
        return false;
    switch (edge->state) {
    case SL_SAVED_NONE:
        return true;
    case SL_SAVED_OPEN:
        return state->phase != SL_SAVED_MIX;
    case SL_SAVED_BOUND:
        return state->phase == SL_SAVED_EXCHANGE && is_exchanged(state, edge) && !is_decider(state, edge);
    case SL_SAVED_COUNTED:
        return state->phase != SL_SAVED_TRAIN && is_exchanged(state, edge) &&
               (!is_decider(state, edge) || is_remembered(state, edge));
    }
    return false;
}

/* An edge of a round that is over, in which this node has its own update: not with itself. */
static bool is_past(const struct sl_round_state *state, const struct sl_saved_edge *edge) {
    return strcmp(edge->peer, state->self) != 0 && edge->has_own && edge->has_manifest && edge->round > 0 &&
           edge->round <= state->current;
}

static enum sl_status check_edges(const struct sl_round_state *state, struct sl_error *error) {
    if (!is_sorted(state->edges, state->edge_count) || !is_sorted(state->pending, state->pending_count))
        return reject(error, "edges out of order");
    for (size_t i = 0; i < state->edge_count; i++)
        if (!is_possible(state, &state->edges[i]))
            return reject(error, "an edge in a state that it cannot be in");
    for (size_t i = 0; i < state->pending_count; i++)
        if (!is_past(state, &state->pending[i]) || is_decider(state, &state->pending[i]))
            return reject(error, "a pending edge that cannot be one");
    for (size_t i = 0; i < state->late_count; i++)
        if (!is_past(state, &state->late[i]) || is_decider(state, &state->late[i]))
            return reject(error, "a late difference that cannot be one");
    return SL_OK;
}

/* What the round's mean is divided by has to be more than what all the others weigh. */
static enum sl_status check_plan(const struct sl_round_state *state, struct sl_error *error) {
    bool planned = state->phase == SL_SAVED_TRAIN || state->phase == SL_SAVED_EXCHANGE || state->phase == SL_SAVED_MIX;
    if (!planned)
        return state->edge_count == 0 ? SL_OK : reject(error, "edges without a round");
    uint64_t rest = state->total_samples;
    for (size_t i = 0; i < state->edge_count && state->full; i++) {
        if (state->edges[i].samples >= rest)
            return reject(error, "more samples than all have together");
        rest -= state->edges[i].samples;
    }
    return rest > 0 ? SL_OK : reject(error, "a round without samples");
}

static enum sl_status check_state(const struct sl_round_state *state, struct sl_error *error) {
    bool waits = state->phase == SL_SAVED_GATHER || state->phase == SL_SAVED_LINGER;
    if (!waits && state->done >= state->current)
        return reject(error, "rounds out of order");
    if (!waits && !state->started)
        return reject(error, "a round that was not begun");
    if ((state->phase == SL_SAVED_EXCHANGE || state->phase == SL_SAVED_MIX) && !state->has_own)
        return reject(error, "an exchange without an update");
    for (size_t i = 0; i < state->peer_count; i++)
        if (strcmp(state->peers[i].name, state->self) == 0 ||
            (i > 0 && strcmp(state->peers[i - 1].name, state->peers[i].name) >= 0))
            return reject(error, "peers out of order");
    enum sl_status status = check_plan(state, error);
    return status == SL_OK ? check_edges(state, error) : status;
}

/* ---- what is still there ---- */

static enum sl_status check_held(const struct sl_saved_edge *edges, size_t count, bool all,
                                 const struct sl_round_options *options, struct sl_error *error) {
    for (size_t i = 0; i < count; i++) {
        if (!all && edges[i].state != SL_SAVED_BOUND && edges[i].state != SL_SAVED_COUNTED)
            continue;
        if (!sl_round_holds(options, edges[i].own_digest) || !sl_round_holds(options, edges[i].peer_digest))
            return sl_error_set(error, SL_MISMATCH, "an update of round %llu, exchanged with %s, is gone",
                                (unsigned long long)edges[i].round, edges[i].peer);
    }
    return SL_OK;
}

static bool is_bound(const struct sl_round_state *state) {
    for (size_t i = 0; i < state->edge_count; i++)
        if (state->edges[i].state == SL_SAVED_BOUND || state->edges[i].state == SL_SAVED_COUNTED)
            return true;
    return false;
}

/* May turn an EXCHANGE whose own update is gone, and which promised nothing, back into TRAIN. */
static enum sl_status check_payloads(struct sl_round_state *state, const struct sl_round_options *options,
                                     struct sl_error *error) {
    bool exchanging = state->phase == SL_SAVED_EXCHANGE || state->phase == SL_SAVED_MIX;
    enum sl_status status = check_held(state->edges, state->edge_count, false, options, error);
    if (status == SL_OK)
        status = check_held(state->pending, state->pending_count, true, options, error);
    if (status == SL_OK)
        status = check_held(state->late, state->late_count, true, options, error);
    if (status != SL_OK)
        return status;
    if (exchanging && sl_round_holds(options, state->own_digest))
        return SL_OK;
    if (exchanging && (state->phase == SL_SAVED_MIX || is_bound(state)))
        return sl_error_set(error, SL_MISMATCH, "the own update of round %llu is gone",
                            (unsigned long long)state->current);
    if (exchanging)
        state->phase = SL_SAVED_TRAIN;
    if (state->started && options->model_round != state->done)
        return sl_error_set(error, SL_MISMATCH, "the record needs the model after round %llu, there is that of %llu",
                            (unsigned long long)state->done, (unsigned long long)options->model_round);
    return SL_OK;
}

enum sl_status sl_round_check_record(struct sl_round_state *state, const struct sl_round_options *options,
                                     struct sl_error *error) {
    enum sl_status status = check_sender(state, options, error);
    if (status == SL_OK)
        status = check_state(state, error);
    return status == SL_OK ? check_payloads(state, options, error) : status;
}
