/* Records, flushes, and what waits for them. */
#include "node/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

/* ---- what a record names ---- */

struct names {
    struct node_kept **kept;
    size_t count;
};

static void name(struct names *names, struct node_kept *kept) {
    if (kept == NULL || kept->is_named)
        return;
    kept->is_named = true;
    names->kept[names->count++] = kept;
}

/* Which kept thing a need is met by; NULL: none. */
static struct node_kept *find(const struct sl_node *node, const struct sl_round_need *need) {
    if (need->type != SL_ROUND_NEED_MODEL)
        return node_kept_find_update(node, need->digest);
    struct node_kept *model = node->keeper.model;
    return model != NULL && model->is_listed && model->round == need->round ? model : NULL;
}

static enum sl_status name_all(struct sl_node *node, struct names *names, const struct sl_round_need *needs,
                               size_t count, struct sl_error *error) {
    struct node_keeper *keeper = &node->keeper;
    uint64_t round = sl_round_done(node->round);
    bool exchanging = false;
    for (struct node_kept *kept = keeper->kept; kept != NULL; kept = kept->next)
        kept->is_named = false;
    for (size_t i = 0; i < count; i++) {
        struct node_kept *kept = find(node, &needs[i]);
        if (kept == NULL)
            return sl_error_set(error, SL_INTERNAL, "what the rounds need of round %llu is not in the journal",
                                (unsigned long long)needs[i].round);
        name(names, kept);
        if (i == 0 && needs[i].type == SL_ROUND_NEED_OWN && needs[i].round == sl_round_current(node->round)) {
            exchanging = true; /* the first need of such a phase */
            round = needs[i].round;
        }
    }
    if (exchanging && node_encoding(node) != SL_ENCODING_F32) {
        if (keeper->trained == NULL || !keeper->trained->is_listed || keeper->trained->round != round)
            return sl_error_set(error, SL_INTERNAL, "what the update of round %llu was made of is not in the journal",
                                (unsigned long long)round);
        name(names, keeper->trained);
    }
    if (!exchanging && keeper->model != NULL && keeper->model->is_listed) {
        name(names, keeper->model);
        round = keeper->model->round;
    }
    struct node_kept *state = node_keeper_state_of(keeper, round);
    if (state == NULL && sl_learner_state_bytes(node->learner) > 0)
        return sl_error_set(error, SL_INTERNAL, "the optimiser's state of round %llu is not in the journal",
                            (unsigned long long)round);
    name(names, state);
    return SL_OK;
}

/* ---- appending ---- */

static enum sl_status encode(const struct sl_node *node, struct sl_buffer *body, struct sl_buffer *slots,
                             const struct names *names) {
    struct sl_buffer state = {0};
    struct sl_kept *kept = calloc(names->count + 1, sizeof *kept);
    enum sl_status status = kept != NULL ? sl_round_save(node->round, &state) : SL_NO_MEMORY;
    for (size_t i = 0; i < names->count && status == SL_OK; i++) {
        const struct node_kept *from = names->kept[i];
        kept[i] = (struct sl_kept){
            .kind = from->kind, .round = from->round, .manifest = {from->manifest.data, from->manifest.length}};
        memcpy(kept[i].origin, from->origin, sizeof kept[i].origin);
        status = sl_buffer_append(slots, &from->slot, sizeof(struct sl_slot *));
    }
    const struct sl_node_record record = {.round_state = {state.data, state.length},
                                          .kept = kept,
                                          .kept_count = names->count,
                                          .signed_round = node->signed_round};
    if (status == SL_OK)
        status = sl_node_record_encode(body, &record);
    sl_buffer_finish(&state);
    free(kept);
    return status;
}

static bool is_same(const struct sl_buffer *a, const struct sl_buffer *b) {
    return a->length == b->length && (a->length == 0 || memcmp(a->data, b->data, a->length) == 0);
}

static void exchange(struct sl_buffer *a, struct sl_buffer *b) {
    struct sl_buffer other = *a;
    *a = *b;
    *b = other;
}

static enum sl_status append(struct sl_node *node, struct names *names, struct sl_error *error) {
    struct node_keeper *keeper = &node->keeper;
    struct sl_buffer body = {0}, slots = {0};
    enum sl_status status = encode(node, &body, &slots, names);
    if (status != SL_OK)
        (void)sl_error_set(error, status, "a record of the rounds: %s", sl_status_text(status));
    if (status == SL_OK && !(is_same(&body, &keeper->last) && is_same(&slots, &keeper->last_slots))) {
        status = sl_journal_append(keeper->journal, &keeper->appended, (struct sl_bytes){body.data, body.length},
                                   (struct sl_slot *const *)(void *)slots.data, names->count, error);
        exchange(&body, &keeper->last);
        exchange(&slots, &keeper->last_slots);
    }
    sl_buffer_finish(&body);
    sl_buffer_finish(&slots);
    return status;
}

static enum sl_status save(struct sl_node *node, struct sl_error *error) {
    struct sl_round_need *needs = NULL;
    size_t count = 0;
    enum sl_status status = sl_round_needs(node->round, &needs, &count);
    struct names names = {.kept = status == SL_OK ? calloc(count + 4, sizeof(struct node_kept *)) : NULL};
    if (names.kept == NULL)
        status = sl_error_set(error, SL_NO_MEMORY, "out of memory for a record of the rounds");
    if (status == SL_OK)
        status = name_all(node, &names, needs, count, error);
    if (status == SL_OK)
        status = append(node, &names, error);
    if (status == SL_OK)
        node_kept_collect(&node->keeper);
    free(needs);
    free(names.kept);
    return status;
}

/* What the former one signed is not this one's, in the step's record already: others hear of the lineage behind the
 * flush, when its first round may be under way. */
static void begin_lineage(struct sl_node *node, uint64_t lineage) {
    sl_journal_renew(node->keeper.journal, lineage);
    node->signed_round = 0;
}

uint64_t node_keep(struct sl_node *node, const struct sl_round_actions *actions) {
    struct node_keeper *keeper = &node->keeper;
    struct sl_error error = {.status = SL_OK, .text = ""};
    for (size_t i = 0; i < actions->count; i++)
        if (actions->items[i].type == SL_ROUND_LINEAGE)
            begin_lineage(node, actions->items[i].lineage);
    if (keeper->on && actions->save && save(node, &error) != SL_OK)
        node_keeper_give_up(node, &error);
    return keeper->appended;
}

/* ---- flushing ---- */

struct flush_job {
    struct sl_job job;
    struct sl_node *node;
    uint64_t record;
    enum sl_status status;
    struct sl_error error;
};

bool node_keeper_must_wait(struct sl_node *node, const struct sl_round_action *action, uint64_t record) {
    struct node_keeper *keeper = &node->keeper;
    if (!action->durable || record <= keeper->flushed)
        return false;
    if (sl_array_reserve(&keeper->waiting, &keeper->waiting_capacity, keeper->waiting_count + 1,
                         sizeof *keeper->waiting) != SL_OK) {
        node_fail(node, &(struct sl_error){.status = SL_NO_MEMORY, .text = "out of memory for a promise"});
        return true;
    }
    keeper->waiting[keeper->waiting_count++] = (struct node_waiting){.record = record, .action = *action};
    return true;
}

/* In their order. None of them steps a machine. */
static void carry_out_waiting(struct sl_node *node) {
    struct node_keeper *keeper = &node->keeper;
    size_t ready = 0;
    while (ready < keeper->waiting_count && keeper->waiting[ready].record <= keeper->flushed)
        node_carry_out(node, &keeper->waiting[ready++].action);
    keeper->waiting_count -= ready;
    if (ready > 0)
        memmove(keeper->waiting, keeper->waiting + ready, keeper->waiting_count * sizeof *keeper->waiting);
}

static void say(struct sl_node *node, const char *reason) {
    static const char text[] = "the journal is lost: a restart of this node will be a new lineage";
    sl_log_line(node->log, SL_LOG_WARNING, "journal", text, SL_TEXT("reason", reason));
    sl_record_event(node->record, "warning", SL_TEXT("text", text));
}

/* A state that the journal has is behind its lines: nobody who is killed takes part of its ledger along. A record on a
 * disk that hangs holds no promise up for longer. */
static void settle_ledger(const struct sl_node *node) {
    const sl_time longest = SL_SECOND;
    if (node->ledger.on)
        (void)sl_record_settle(node->record, longest);
}

static void run_flush(struct sl_job *job) {
    struct flush_job *flush = (struct flush_job *)job;
    settle_ledger(flush->node);
    flush->status = sl_journal_flush(flush->node->keeper.journal, flush->record, &flush->error);
}

/* The journal has its last record. What memory still uses goes when that lets it go. */
static void give_room_back(struct node_keeper *keeper) {
    node_keeper_forget(keeper);
    sl_journal_retire(keeper->journal);
}

static void handle_flushed(struct sl_job *job) {
    struct flush_job *flush = (struct flush_job *)job;
    struct sl_node *node = flush->node;
    struct node_keeper *keeper = &node->keeper;
    node_job_done(node);
    keeper->flush = NULL;
    if (flush->status != SL_OK && !sl_journal_is_withdrawn(keeper->journal)) {
        keeper->waiting_count = 0; /* nothing of it is said: a later start may go on from before it */
        keeper->on = false;
        node_fail(node, &flush->error);
    } else {
        if (flush->status != SL_OK && keeper->on)
            say(node, flush->error.text);
        keeper->on = keeper->on && flush->status == SL_OK;
        keeper->flushed = !keeper->on && flush->record == keeper->appended ? UINT64_MAX : flush->record;
        if (flush->status != SL_OK)
            keeper->flushed = UINT64_MAX;
        if (keeper->flushed == UINT64_MAX)
            give_room_back(keeper);
        carry_out_waiting(node);
        node_keeper_flush(node);
    }
    free(flush);
}

void node_keeper_flush(struct sl_node *node) {
    struct node_keeper *keeper = &node->keeper;
    if (keeper->flush != NULL || keeper->appended <= keeper->flushed)
        return;
    struct flush_job *flush = calloc(1, sizeof *flush);
    if (flush == NULL) {
        node_fail(node, &(struct sl_error){.status = SL_NO_MEMORY, .text = "out of memory for a flush"});
        return;
    }
    *flush =
        (struct flush_job){.job = {.run = run_flush, .done = handle_flushed}, .node = node, .record = keeper->appended};
    keeper->flush = flush;
    node_submit_urgent(node, node->pool, &flush->job);
}

/* ---- the end of a lineage ---- */

/* A record that says nothing: whoever starts next has nothing to go on from. */
static enum sl_status append_end(struct node_keeper *keeper, struct sl_error *error) {
    keeper->on = false;
    return sl_journal_append(keeper->journal, &keeper->appended, (struct sl_bytes){NULL, 0}, NULL, 0, error);
}

void node_keeper_give_up(struct sl_node *node, const struct sl_error *error) {
    struct sl_error failure = {.status = SL_OK, .text = ""};
    if (!node->keeper.on)
        return;
    say(node, error->text);
    if (append_end(&node->keeper, &failure) != SL_OK)
        node_fail(node, &failure);
    else
        node_keeper_flush(node);
}

void node_keeper_end(struct sl_node *node) {
    struct node_keeper *keeper = &node->keeper;
    struct sl_error error = {.status = SL_OK, .text = ""};
    if (!keeper->on)
        return;
    enum sl_status status = sl_round_goes_on(node->round) ? SL_OK : append_end(keeper, &error);
    if (status == SL_OK)
        status = sl_journal_flush(keeper->journal, keeper->appended, &error);
    if (status != SL_OK)
        sl_log_line(node->log, SL_LOG_WARNING, "journal", error.text);
    else if (!keeper->on)
        give_room_back(keeper);
}

void node_keeper_forget(struct node_keeper *keeper) {
    node_kept_unref(keeper->model);
    node_kept_unref(keeper->trained);
    node_kept_unref(keeper->state);
    node_kept_unref(keeper->former_state);
    keeper->model = keeper->trained = keeper->state = keeper->former_state = NULL;
    for (struct node_kept *kept = keeper->kept; kept != NULL; kept = kept->next)
        kept->is_named = false;
    node_kept_collect(keeper);
}

void node_keeper_finish(struct node_keeper *keeper) {
    node_keeper_forget(keeper);
    free(keeper->flush);
    free(keeper->waiting);
    sl_buffer_finish(&keeper->last);
    sl_buffer_finish(&keeper->last_slots);
    sl_journal_close(keeper->journal);
    *keeper = (struct node_keeper){.journal = NULL};
}
