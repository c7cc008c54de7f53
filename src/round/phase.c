/* The phases: GATHER → TRAIN → EXCHANGE → MIX → (TRAIN …) → LINGER → LEFT, and JOIN. Only this file changes them. */
#include "round/state.h"

#include <stdlib.h>
#include <string.h>

void sl_round_set_phase(struct sl_round *round, enum sl_round_phase phase) {
    round->phase = phase;
    struct sl_round_action *action = sl_round_emit(round, SL_ROUND_PHASE);
    action->phase = phase;
    action->round = round->current;
    round->repeat_at = round->now + round->options.deadline_min;
}

/* ---- entering a round ---- */

static void take_held(struct sl_round *round) {
    struct round_peer_list *held = &round->held;
    size_t kept = 0;
    for (size_t i = 0; i < held->count; i++) {
        struct round_peer *peer = held->items[i];
        struct round_manifest *manifest = peer->held;
        if (manifest->round > round->current) {
            held->items[kept++] = peer;
            continue;
        }
        peer->held = NULL;
        if (manifest->round == round->current)
            sl_round_edge_take_manifest(round, peer, manifest);
        else
            (void)sl_round_emit_to(round, SL_ROUND_RELEASE, peer, manifest->round);
        free(manifest);
    }
    held->count = kept;
}

void sl_round_publish(struct sl_round *round) {
    struct sl_round_action *publish = sl_round_emit(round, SL_ROUND_PUBLISH);
    publish->round = round->current;
    publish->averaging = round->averaging;
    publish->degree = (uint32_t)round->edge_count;
    publish->total_samples = round->roster_samples;
    publish->is_signed = round->is_signed;
    memcpy(publish->own_digest, round->own_digest, sizeof publish->own_digest);
    sl_round_fill_plan(round, publish, true);
    round->folding = round->late_count;
    sl_round_begin_exchange(round);
    sl_round_set_phase(round, SL_PHASE_EXCHANGE);
}

void sl_round_begin_exchange(struct sl_round *round) {
    round->trained_at = round->now;
    for (size_t i = 0; i < round->edge_count; i++)
        round->edges[i].trained_at = round->now;
    round->wait = round->one_by_one ? round->options.deadline_max : sl_round_deadline(round);
    round->close_at = round->now + round->wait;
    round->second_wait = !round->options.stream;
    sl_round_remember_training(round);
}

void sl_round_train(struct sl_round *round) {
    struct sl_round_action *train = sl_round_emit(round, SL_ROUND_TRAIN);
    train->round = round->current;
    train->averaging = round->averaging;
}

void sl_round_schedule(struct sl_round *round, uint64_t number) {
    round->scheduled = number;
    sl_round_emit(round, SL_ROUND_SCHEDULE)->round = number;
}

void sl_round_enter(struct sl_round *round, uint64_t number, bool carry) {
    const struct sl_round_options *options = &round->options;
    round->behind = sl_round_is_late(round, number);
    round->current = number;
    round->started = true;
    round->published = false;
    round->is_signed = false;
    round->below = false;
    round->carry = false;
    round->carried = carry;
    round->fresh = !carry;
    round->one_by_one = sl_round_goes_one_by_one(round);
    round->focus = NULL;
    round->turned = false;
    round->patient = false;
    round->averaging = number + options->averaging_rounds > options->rounds;
    sl_round_half_recount(round);
    sl_round_set_phase(round, SL_PHASE_TRAIN);
    round->actions->save |= !options->stream;
    sl_round_send_progress(round, NULL);
    sl_round_freeze_plan(round);
    if (round->status != SL_OK)
        return;
    sl_round_repeat_pending(round);
    take_held(round);
    if (carry) {
        sl_round_publish(round);
        return;
    }
    sl_round_train(round);
}

/* ---- gathering ---- */

/* Everybody that the start waits for is here, has said what it weighs and told where it is; or half of them have told,
 * and the first round has begun without this node. */
static bool can_start(const struct sl_round *round) {
    uint64_t reachable = 0, told = 0;
    for (size_t i = 0; i < round->peers.count; i++) {
        const struct round_peer *peer = round->peers.items[i];
        if (!sl_round_is_reachable(peer) || !peer->named)
            continue;
        reachable++;
        told += peer->told || peer->member.quiet;
    }
    uint64_t wanted = round->options.start_nodes;
    if (1 + reachable < wanted || reachable < round->options.min_peers_to_start)
        return false;
    if (1 + told >= wanted && told >= round->options.min_peers_to_start)
        return true;
    return round->half == round->done + 1 && 2 * (1 + told) > wanted;
}

/* The first roster: everybody who is here and has not said that it starts later. */
static void enlist_starters(struct sl_round *round, uint64_t number) {
    for (size_t i = 0; i < round->peers.count; i++) {
        struct round_peer *peer = round->peers.items[i];
        if (sl_round_is_reachable(peer))
            peer->starter_round = number;
    }
    round->roster_count = 0;
}

static uint64_t later(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

/* Not one that it was in already: what it left undone there (STOP, then a restart) it has called void. Nor one in
 * which nobody lists it, as it said that it takes part later. */
static uint64_t next_round(const struct sl_round *round) {
    uint64_t rounds = round->options.rounds;
    uint64_t first = round->scheduled < rounds ? round->scheduled : rounds;
    uint64_t next = later(later(round->done, round->current) + 1, round->half);
    return next < round->listed_until ? next : later(next, first);
}

static void try_start(struct sl_round *round) {
    uint64_t next = round->done + 1;
    if (next > round->half + 1 || !can_start(round))
        return;
    enlist_starters(round, next);
    sl_round_schedule(round, next);
    sl_round_enter(round, next, false);
}

/* Whether those who are here have told where the flock is. */
static bool knows_half(const struct sl_round *round) {
    if (sl_round_has_returned(round))
        return true;
    for (size_t i = 0; i < round->tellers.count; i++)
        if (!round->tellers.items[i]->told)
            return false;
    return round->tellers.count > 0;
}

/* Back from a stop: it says from which round on it takes part. Until then the others go by what it said when it left.
 */
static void tell_return(struct sl_round *round) {
    if (!knows_half(round))
        return;
    round->returning = false;
    sl_round_schedule(round, round->half + 2);
}

static bool may_go_on(const struct sl_round *round) {
    if (!sl_round_knows_roster(round) || round->returning)
        return false;
    if (round->below && sl_round_count_reachable(round) < round->options.min_peers_per_round)
        return false;
    return next_round(round) <= round->half + 1;
}

static void gather(struct sl_round *round) {
    if (round->returning)
        tell_return(round);
    if (round->started) {
        if (may_go_on(round) && !sl_round_is_stale(round, next_round(round)))
            sl_round_enter(round, next_round(round), round->carry);
    } else if (round->half > round->done + 1) {
        sl_round_join(round);
    } else {
        try_start(round);
    }
}

void sl_round_go_on(struct sl_round *round) {
    if (round->stopping || round->done >= round->options.rounds)
        sl_round_linger(round);
    else if (sl_round_is_stale(round, next_round(round)))
        return;
    else if (may_go_on(round))
        sl_round_enter(round, next_round(round), round->carry);
    else
        sl_round_set_phase(round, SL_PHASE_GATHER);
}

/* ---- the end ---- */

void sl_round_linger(struct sl_round *round) {
    round->linger_until = round->now + round->options.linger_max;
    sl_round_set_phase(round, SL_PHASE_LINGER);
    sl_round_send_progress(round, NULL);
    sl_round_repeat_pending(round);
}

static bool all_are_done(const struct sl_round *round) {
    if (round->pending.count > 0 || !sl_round_has_returned(round))
        return false;
    if (round->stopping)
        return true; /* the others train on: they are not waited for */
    for (size_t i = 0; i < round->peers.count; i++) {
        const struct round_peer *peer = round->peers.items[i];
        if (peer->member.live && !peer->member.quiet && sl_round_from(peer) != 0 &&
            (!peer->finished || peer->pending_told > 0))
            return false;
    }
    return true;
}

void sl_round_finish(struct sl_round *round, enum sl_status status) {
    sl_round_set_phase(round, SL_PHASE_LEFT);
    sl_round_emit(round, SL_ROUND_FINISHED)->status = status;
}

static enum sl_status outcome(const struct sl_round *round) {
    if (round->left_out)
        return SL_LEFT_OUT;
    if (round->done < round->options.rounds)
        return SL_CANCELLED;
    bool averaged = round->options.averaging_rounds == 0 || round->averaging_counted > 0 || !round->had_peers;
    return averaged ? SL_OK : SL_LEFT_OUT;
}

void sl_round_advance(struct sl_round *round) {
    switch (round->phase) {
    case SL_PHASE_GATHER:
        gather(round);
        break;
    case SL_PHASE_JOIN:
        if (round->half <= round->done + 1)
            try_start(round); /* the flock that it came too late for is gone: a new start */
        if (round->phase == SL_PHASE_JOIN)
            sl_round_seek_model(round);
        break;
    case SL_PHASE_EXCHANGE:
        sl_round_focus(round);
        if (!round->second_wait && round->now >= round->close_at)
            sl_round_pass_over(round);
        if (round->published && round->now >= round->close_at && !round->patient)
            round->patient = sl_round_is_patient(round);
        if (sl_round_should_close(round))
            sl_round_close(round);
        break;
    case SL_PHASE_LINGER:
        if (all_are_done(round) || round->now >= round->linger_until)
            sl_round_finish(round, outcome(round));
        break;
    case SL_PHASE_TRAIN:
    case SL_PHASE_MIX:
    case SL_PHASE_LEFT:
        break;
    }
}
