#include "round/state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

struct sl_round_action *sl_round_emit(struct sl_round *round, enum sl_round_action_type type) {
    struct sl_round_actions *actions = round->actions;
    struct sl_round_action *action = &round->scratch;
    if (sl_array_reserve(&actions->items, &actions->capacity, actions->count + 1, sizeof *actions->items) == SL_OK) {
        action = &actions->items[actions->count++];
    } else {
        round->status = SL_NO_MEMORY;
        free(round->scratch.plan);
    }
    memset(action, 0, sizeof *action);
    action->type = type;
    return action;
}

struct sl_round_action *sl_round_emit_to(struct sl_round *round, enum sl_round_action_type type,
                                         const struct round_peer *peer, uint64_t number) {
    struct sl_round_action *action = sl_round_emit(round, type);
    memcpy(action->peer, peer->member.name, sizeof action->peer);
    action->round = number;
    return action;
}

void sl_round_send_pass(struct sl_round *round, const struct round_peer *peer, uint64_t number,
                        enum sl_pass_reason reason) {
    struct sl_round_action *action = sl_round_emit_to(round, SL_ROUND_SEND_PASS, peer, number);
    action->message.pass = (struct sl_pass){.epoch = round->options.epoch, .round = number, .reason = reason};
}

void sl_round_send_progress(struct sl_round *round, const struct round_peer *peer) {
    struct sl_round_action *action = sl_round_emit(round, SL_ROUND_SEND_PROGRESS);
    if (peer != NULL)
        memcpy(action->peer, peer->member.name, sizeof action->peer);
    action->round = round->current;
    action->message.progress =
        (struct sl_progress){.epoch = round->options.epoch,
                             .round = round->current,
                             .lineage = round->options.lineage,
                             .finished = round->phase == SL_PHASE_LINGER && round->done >= round->options.rounds,
                             .pending = (uint32_t)round->pending.count};
    round->told = action->message.progress;
    /* Whoever hears that all have finished leaves, and can be asked for no verdict any more. */
    action->durable = action->message.progress.finished && !round->options.stream;
    round->actions->save |= action->durable;
}

void sl_round_actions_clear(struct sl_round_actions *actions) {
    for (size_t i = 0; i < actions->count; i++)
        free(actions->items[i].plan);
    actions->count = 0;
    actions->save = false;
}

void sl_round_actions_finish(struct sl_round_actions *actions) {
    sl_round_actions_clear(actions);
    free(actions->items);
    *actions = (struct sl_round_actions){.items = NULL};
}
