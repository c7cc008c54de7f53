#include "round/state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(name, text)                                                                                               \
    case name:                                                                                                         \
        return text;

const char *sl_round_phase_text(enum sl_round_phase phase) {
    switch (phase) {
        TEXT(SL_PHASE_GATHER, "gather")
        TEXT(SL_PHASE_JOIN, "join")
        TEXT(SL_PHASE_TRAIN, "train")
        TEXT(SL_PHASE_EXCHANGE, "exchange")
        TEXT(SL_PHASE_MIX, "mix")
        TEXT(SL_PHASE_LINGER, "linger")
        TEXT(SL_PHASE_LEFT, "left")
    }
    return "unknown";
}

const char *sl_edge_outcome_text(enum sl_edge_outcome outcome) {
    switch (outcome) {
        TEXT(SL_EDGE_COUNTED, "counted")
        TEXT(SL_EDGE_VOID, "void")
        TEXT(SL_EDGE_PENDING, "pending")
        TEXT(SL_EDGE_LATE, "late")
        TEXT(SL_EDGE_GONE, "gone")
        TEXT(SL_EDGE_STALE, "stale")
    }
    return "unknown";
}

enum sl_status sl_round_create(struct sl_round **out, const struct sl_round_options *options, struct sl_error *error) {
    assert(sl_name_is_valid(options->self) && options->topology != NULL && options->lineage != 0);
    assert(options->deadline_min > 0 && options->deadline_min <= options->deadline_max);
    struct sl_round *round = calloc(1, sizeof *round);
    if (round == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "out of memory for the rounds");
    strcpy(round->self, options->self);
    round->options = *options;
    round->options.self = round->self;
    round->own = (struct sl_round_member){.tag = options->tag, .samples = 1, .live = true, .connected = true};
    strcpy(round->own.name, options->self);
    round->phase = SL_PHASE_GATHER;
    round->done = round->current = options->done_rounds;
    round->options.restored = (struct sl_bytes){.data = NULL};
    round->options.held = NULL;
    if (options->restored.length > 0) {
        enum sl_status status = sl_round_restore(round, options, error);
        if (status != SL_OK) {
            sl_round_destroy(round);
            return status;
        }
    }
    *out = round;
    return SL_OK;
}

void sl_round_destroy(struct sl_round *round) {
    if (round == NULL)
        return;
    for (size_t i = 0; i < round->peers.count; i++) {
        free(round->peers.items[i]->held);
        free(round->peers.items[i]->pending);
        free(round->peers.items[i]);
    }
    free(round->peers.items);
    free(round->held.items);
    free(round->pending.items);
    free(round->tellers.items);
    free(round->half_scratch);
    free(round->roster);
    free(round->roster_peers);
    free(round->roster_neighbours);
    free(round->edges);
    free(round->late);
    free(round->scratch.plan);
    free(round);
}

static void dispatch(struct sl_round *round, const struct sl_round_event *event) {
    switch (event->type) {
    case SL_ROUND_MEMBERS:
        sl_round_on_members(round, event);
        break;
    case SL_ROUND_TRAINED:
        sl_round_on_trained(round, event);
        break;
    case SL_ROUND_PUBLISHED:
        sl_round_on_published(round, event);
        break;
    case SL_ROUND_MANIFEST:
        sl_round_on_manifest(round, event);
        break;
    case SL_ROUND_HELD:
        sl_round_on_held(round, event);
        break;
    case SL_ROUND_LOST:
        sl_round_on_lost(round, event);
        break;
    case SL_ROUND_READY:
        sl_round_on_ready(round, event);
        break;
    case SL_ROUND_VERDICT:
        sl_round_on_verdict(round, event);
        break;
    case SL_ROUND_PASS:
        sl_round_on_pass(round, event);
        break;
    case SL_ROUND_PROGRESS:
        sl_round_on_progress(round, event);
        break;
    case SL_ROUND_MIXED:
        sl_round_on_mixed(round, event);
        break;
    case SL_ROUND_MODEL_LOADED:
        sl_round_on_model_loaded(round, event);
        break;
    case SL_ROUND_MODEL_FAILED:
        sl_round_on_model_failed(round, event);
        break;
    case SL_ROUND_FORGOT:
        sl_round_on_forgot(round, event);
        break;
    case SL_ROUND_STOP:
        sl_round_on_stop(round, event);
        break;
    case SL_ROUND_TIMER:
        sl_round_on_timer(round, event);
        break;
    }
}

static sl_time earlier(sl_time a, sl_time b) {
    return a < b ? a : b;
}

static sl_time next_return(const struct sl_round *round) {
    return sl_round_has_returned(round) ? SL_NEVER : round->returned;
}

static sl_time next_wake(const struct sl_round *round) {
    switch (round->phase) {
    case SL_PHASE_GATHER:
        return earlier(round->repeat_at, next_return(round));
    case SL_PHASE_JOIN:
        return round->donor_count > 0 ? earlier(round->repeat_at, round->donor_until) : round->repeat_at;
    case SL_PHASE_EXCHANGE:
        return round->published ? earlier(round->close_at, next_return(round)) : SL_NEVER;
    case SL_PHASE_LINGER:
        return earlier(earlier(round->repeat_at, round->linger_until), next_return(round));
    case SL_PHASE_TRAIN:
    case SL_PHASE_MIX:
    case SL_PHASE_LEFT:
        break;
    }
    return SL_NEVER;
}

/* One timer for all; also set again when its time has come without anything having changed. */
static void arm(struct sl_round *round, const struct sl_round_event *event) {
    sl_time at = next_wake(round);
    if (at == round->armed && event->type != SL_ROUND_TIMER)
        return;
    round->armed = at;
    sl_round_emit(round, SL_ROUND_WAKE)->at = at;
}

enum sl_status sl_round_step(struct sl_round *round, const struct sl_round_event *event, sl_time now,
                             struct sl_round_actions *actions) {
    if (round->status != SL_OK)
        return round->status;
    if (round->phase == SL_PHASE_LEFT)
        return SL_OK;
    if (round->repeat_at == 0)
        round->repeat_at = now + round->options.deadline_min;
    round->actions = actions;
    round->now = now;
    if (round->resuming)
        sl_round_resume(round);
    dispatch(round, event);
    sl_round_advance(round);
    arm(round, event);
    round->actions = NULL;
    return round->status;
}

uint64_t sl_round_lineage(const struct sl_round *round) {
    return round->options.lineage;
}

uint64_t sl_round_done(const struct sl_round *round) {
    return round->done;
}

uint64_t sl_round_current(const struct sl_round *round) {
    return round->current;
}

enum sl_round_phase sl_round_phase(const struct sl_round *round) {
    return round->phase;
}

enum sl_edge_state sl_round_edge(const struct sl_round *round, const char *name, uint64_t number) {
    const struct round_peer *peer = sl_round_find_peer(round, name);
    if (peer == NULL)
        return SL_EDGE_STATE_NONE;
    if (peer->pending != NULL && peer->pending->round == number)
        return SL_EDGE_STATE_PENDING;
    for (size_t i = 0; i < round->edge_count && number == round->current; i++)
        if (round->edges[i].peer == peer && round->edges[i].state != SL_EDGE_STATE_PENDING)
            return round->edges[i].state;
    return SL_EDGE_STATE_NONE;
}
