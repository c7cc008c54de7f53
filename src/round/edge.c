/* One edge, at either end. Its state changes in sl_round_edge_step and nowhere else, along this table
 * (docs/protocol.md, "Rounds"); a transition that is not in it is our own mistake. */
#include "round/state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

enum role { AT_D = 1, AT_F = 2, AT_BOTH = 3 };

static const struct transition {
    unsigned at;
    enum sl_edge_state from;
    enum round_edge_event event;
    enum sl_edge_state to;
    bool recorded;
    enum sl_edge_outcome outcome;
} transitions[] = {
    {AT_D, SL_EDGE_STATE_OPEN, EDGE_DECIDE, SL_EDGE_STATE_COUNTED, true, SL_EDGE_COUNTED},
    {AT_F, SL_EDGE_STATE_OPEN, EDGE_PROMISE, SL_EDGE_STATE_BOUND, false, SL_EDGE_VOID},
    {AT_BOTH, SL_EDGE_STATE_OPEN, EDGE_CLOSE, SL_EDGE_STATE_NONE, true, SL_EDGE_VOID},
    {AT_BOTH, SL_EDGE_STATE_OPEN, EDGE_REFUSE, SL_EDGE_STATE_NONE, true, SL_EDGE_VOID},
    {AT_BOTH, SL_EDGE_STATE_OPEN, EDGE_STREAM, SL_EDGE_STATE_COUNTED, true, SL_EDGE_COUNTED},
    {AT_F, SL_EDGE_STATE_BOUND, EDGE_COUNT, SL_EDGE_STATE_COUNTED, true, SL_EDGE_COUNTED},
    {AT_F, SL_EDGE_STATE_BOUND, EDGE_VOID, SL_EDGE_STATE_NONE, true, SL_EDGE_VOID},
    {AT_F, SL_EDGE_STATE_BOUND, EDGE_GONE, SL_EDGE_STATE_NONE, true, SL_EDGE_GONE},
    {AT_F, SL_EDGE_STATE_BOUND, EDGE_CLOSE, SL_EDGE_STATE_PENDING, true, SL_EDGE_PENDING},
    {AT_F, SL_EDGE_STATE_BOUND, EDGE_STREAM, SL_EDGE_STATE_COUNTED, true, SL_EDGE_COUNTED},
    {AT_F, SL_EDGE_STATE_PENDING, EDGE_COUNT, SL_EDGE_STATE_NONE, true, SL_EDGE_LATE},
    {AT_F, SL_EDGE_STATE_PENDING, EDGE_VOID, SL_EDGE_STATE_NONE, true, SL_EDGE_VOID},
    {AT_F, SL_EDGE_STATE_PENDING, EDGE_GONE, SL_EDGE_STATE_NONE, true, SL_EDGE_GONE},
    {AT_F, SL_EDGE_STATE_PENDING, EDGE_WRITE_OFF, SL_EDGE_STATE_NONE, true, SL_EDGE_STALE},
};

static const struct transition *find_transition(const struct round_edge *edge, enum round_edge_event event) {
    unsigned at = edge->decider ? AT_D : AT_F;
    for (size_t i = 0; i < sizeof transitions / sizeof *transitions; i++)
        if ((transitions[i].at & at) != 0 && transitions[i].from == edge->state && transitions[i].event == event)
            return &transitions[i];
    return NULL;
}

void sl_round_fill_edge(const struct sl_round *round, struct sl_round_action *action, const struct round_edge *edge) {
    action->weight = edge->weight;
    action->own_lineage = round->options.lineage;
    action->peer_lineage = edge->manifest.lineage;
    memcpy(action->own_digest, edge->own_digest, sizeof action->own_digest);
    memcpy(action->peer_digest, edge->manifest.digest, sizeof action->peer_digest);
}

void sl_round_edge_step(struct sl_round *round, struct round_edge *edge, enum round_edge_event event) {
    const struct transition *transition = find_transition(edge, event);
    assert(transition != NULL);
    if (transition == NULL)
        return;
    if (edge->state == SL_EDGE_STATE_OPEN && round->published)
        memcpy(edge->own_digest, round->own_digest, sizeof edge->own_digest);
    edge->state = transition->to;
    if (!transition->recorded)
        return;
    struct sl_round_action *action = sl_round_emit_to(round, SL_ROUND_EDGE, edge->peer, edge->round);
    action->outcome = transition->outcome;
    sl_round_fill_edge(round, action, edge);
    action->after = edge->trained_at != 0 ? round->now - edge->trained_at : 0;
}

bool sl_round_is_open(const struct sl_round *round) {
    return round->phase == SL_PHASE_TRAIN || round->phase == SL_PHASE_EXCHANGE;
}

struct round_edge *sl_round_find_edge(struct sl_round *round, const struct round_peer *peer) {
    size_t low = 0, high = round->edge_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(round->edges[middle].peer->member.name, peer->member.name);
        if (order == 0)
            return &round->edges[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

void sl_round_edge_refuse(struct sl_round *round, struct round_edge *edge) {
    sl_round_edge_step(round, edge, EDGE_REFUSE);
    sl_round_send_pass(round, edge->peer, edge->round, SL_PASS_NOT_LISTED);
    (void)sl_round_emit_to(round, SL_ROUND_RELEASE, edge->peer, edge->round);
}

void sl_round_edge_take_manifest(struct sl_round *round, struct round_peer *peer,
                                 const struct round_manifest *manifest) {
    struct round_edge *edge = sl_round_find_edge(round, peer);
    if (edge == NULL || edge->state == SL_EDGE_STATE_NONE) {
        sl_round_send_pass(round, peer, manifest->round, SL_PASS_NOT_LISTED);
        (void)sl_round_emit_to(round, SL_ROUND_RELEASE, peer, manifest->round);
        return;
    }
    bool same = edge->has_manifest && memcmp(edge->manifest.digest, manifest->digest, sizeof manifest->digest) == 0;
    if (edge->state != SL_EDGE_STATE_OPEN || (edge->whole && !same))
        return; /* it is held whole: told again, or another one of a new lineage, which comes too late */
    if (edge->has_manifest && !same && edge->manifest.lineage == manifest->lineage)
        return; /* signed twice: the first one stands */
    if (edge->has_manifest && !same)
        edge->has_ready = false; /* without one before it, a READY just overtook its manifest */
    edge->manifest = *manifest;
    edge->has_manifest = true;
    edge->passed = false;
    if (!sl_round_manifest_agrees(round, edge)) {
        sl_round_edge_refuse(round, edge);
        return;
    }
    edge->weight = sl_round_edge_weight(round, edge);
    if (!edge->whole && sl_round_has_turn(round, edge))
        (void)sl_round_emit_to(round, SL_ROUND_FETCH, peer, manifest->round);
}

/* "I hold yours whole and obey your verdict": it must speak of the two manifests that are exchanged here. */
static bool ready_matches(const struct sl_round *round, const struct round_edge *edge) {
    const struct sl_ready *ready = &edge->ready;
    return edge->has_ready && ready->lineage_sender == edge->manifest.lineage &&
           memcmp(ready->manifest_sender, edge->manifest.digest, SL_WIRE_DIGEST_SIZE) == 0 &&
           memcmp(ready->manifest_receiver, round->own_digest, SL_WIRE_DIGEST_SIZE) == 0;
}

/* A place that a pending edge older than stale_rounds had; false: there is none. */
static bool make_room(struct sl_round *round) {
    struct round_peer *oldest = NULL;
    for (size_t i = 0; i < round->pending.count; i++) {
        struct round_peer *peer = round->pending.items[i];
        if (oldest == NULL || peer->pending->round < oldest->pending->round)
            oldest = peer;
    }
    uint64_t stale = round->options.stale_rounds;
    if (oldest == NULL || stale == 0 || round->current - oldest->pending->round <= stale)
        return false;
    sl_round_write_off(round, oldest);
    return true;
}

/* BOUND edges count: each may be pending when the round closes. */
static bool has_room(const struct sl_round *round) {
    uint64_t most = round->options.pending_max != 0 ? round->options.pending_max : 2 * round->edge_count;
    uint64_t taken = round->pending.count;
    for (size_t i = 0; i < round->edge_count; i++)
        taken += round->edges[i].state == SL_EDGE_STATE_BOUND;
    return taken < most;
}

static void promise(struct sl_round *round, struct round_edge *edge) {
    if (edge->peer->pending != NULL)
        return; /* a pair has at most one undecided edge: else one number would not tell D which */
    if (!has_room(round) && !make_room(round)) {
        if (!edge->refused)
            sl_round_send_pass(round, edge->peer, edge->round, SL_PASS_FULL);
        edge->refused = edge->passed = true;
        return;
    }
    sl_round_edge_step(round, edge, EDGE_PROMISE);
    sl_round_send_ready(round, edge);
}

void sl_round_edge_evaluate(struct sl_round *round, struct round_edge *edge) {
    if (round->phase != SL_PHASE_EXCHANGE || !round->published || edge->state != SL_EDGE_STATE_OPEN || !edge->whole)
        return;
    if (!edge->decider) {
        promise(round, edge);
    } else if (ready_matches(round, edge)) {
        sl_round_edge_step(round, edge, EDGE_DECIDE);
        edge->peer->last_counted = edge->round;
        edge->peer->last_counted_lineage = edge->manifest.lineage;
        sl_round_note_arrival(round, round->now - edge->trained_at);
        sl_round_send_verdict(round, edge->peer, &edge->ready, SL_VERDICT_COUNT);
    }
}

static struct round_edge *take_pending(struct sl_round *round, struct round_peer *peer) {
    struct round_edge *edge = peer->pending;
    peer->pending = NULL;
    sl_round_list_remove(&round->pending, peer);
    return edge;
}

static void emit_late(struct sl_round *round, enum sl_round_action_type type, const struct round_edge *edge) {
    sl_round_fill_edge(round, sl_round_emit_to(round, type, edge->peer, edge->round), edge);
}

void sl_round_write_off(struct sl_round *round, struct round_peer *peer) {
    struct round_edge *edge = take_pending(round, peer);
    sl_round_edge_step(round, edge, EDGE_WRITE_OFF);
    emit_late(round, SL_ROUND_DROP_LATE, edge);
    free(edge);
}

/* It counts: the difference is remembered until an update has it. */
static void add_late(struct sl_round *round, const struct round_edge *edge) {
    if (sl_array_reserve(&round->late, &round->late_capacity, round->late_count + 1, sizeof *round->late) != SL_OK) {
        round->status = SL_NO_MEMORY;
        return;
    }
    round->late[round->late_count++] = *edge;
    emit_late(round, SL_ROUND_APPLY_LATE, edge);
}

void sl_round_forget_folded(struct sl_round *round) {
    round->late_count -= round->folding;
    if (round->late_count > 0)
        memmove(round->late, round->late + round->folding, round->late_count * sizeof *round->late);
    round->folding = 0;
}

void sl_round_settle_pending(struct sl_round *round, struct round_peer *peer, enum sl_verdict_value value) {
    struct round_edge *edge = take_pending(round, peer);
    switch (value) {
    case SL_VERDICT_COUNT:
        sl_round_edge_step(round, edge, EDGE_COUNT);
        round->barren = peer->missed = 0;
        add_late(round, edge);
        if (edge->trained_at != 0)
            sl_round_note_arrival(round, round->now - edge->trained_at);
        break;
    case SL_VERDICT_VOID:
        sl_round_edge_step(round, edge, EDGE_VOID);
        emit_late(round, SL_ROUND_DROP_LATE, edge);
        break;
    case SL_VERDICT_GONE:
        sl_round_edge_step(round, edge, EDGE_GONE);
        emit_late(round, SL_ROUND_DROP_LATE, edge);
        break;
    }
    free(edge);
    /* Room for another promise: to this peer, and where pending_max forbade it. */
    for (size_t i = 0; i < round->edge_count && sl_round_is_open(round); i++)
        sl_round_edge_evaluate(round, &round->edges[i]);
    sl_round_send_progress(round, NULL);
}

void sl_round_repeat_pending(struct sl_round *round) {
    for (size_t i = 0; i < round->pending.count; i++)
        if (round->pending.items[i]->member.connected)
            sl_round_send_ready(round, round->pending.items[i]->pending);
}
