/* What the C machine does to its edges, held against the table that the model of the rounds is made of
 * (tests/model/edge_table.h): under crashes, cuts and lost messages every step of every machine must be explained by
 * rows of that table, and every row must be needed to explain some step. So neither can change without the other. */
#include <stdio.h>
#include <string.h>

#include "base/random.h"
#include "flock.h"

enum { NODES = 5, ROUNDS = 24, SEEDS = 30, TOKENS_MAX = 8, MANIFESTS_MAX = 8, PATH_MAX = 4 };

#define CALM_AFTER (40 * SL_SECOND) /* no faults from then on */

/* ---- the table ---- */

enum role { ROLE_D, ROLE_F };
enum state {
    STATE_NONE = SL_EDGE_STATE_NONE,
    STATE_OPEN = SL_EDGE_STATE_OPEN,
    STATE_BOUND = SL_EDGE_STATE_BOUND,
    STATE_COUNTED = SL_EDGE_STATE_COUNTED,
    STATE_PENDING = SL_EDGE_STATE_PENDING,
    STATE_ANY,
    STATE_SAME
};
enum happening {
    EVENT_DECIDE,
    EVENT_PROMISE,
    EVENT_REFUSE,
    EVENT_HEAR_COUNT,
    EVENT_HEAR_VOID,
    EVENT_HEAR_GONE,
    EVENT_WRITE_OFF,
    EVENT_REPEAT,
    EVENT_CLOSE,
    EVENT_MIX,
    EVENT_ASK_COUNTED,
    EVENT_ASK_CLOSED,
    EVENT_ASK_GONE
};
/* What a machine says of an edge, in its order: the record, then a message. */
enum word {
    RECORDED_COUNTED = SL_EDGE_COUNTED,
    RECORDED_VOID = SL_EDGE_VOID,
    RECORDED_PENDING = SL_EDGE_PENDING,
    RECORDED_LATE = SL_EDGE_LATE,
    RECORDED_GONE = SL_EDGE_GONE,
    RECORDED_STALE = SL_EDGE_STALE,
    SAYS_READY = 100,
    SAYS_COUNT,
    SAYS_VOID,
    SAYS_GONE,
    RECORDED_NOTHING,
    SAYS_NOTHING = RECORDED_NOTHING
};

static const struct row {
    enum role role;
    enum state from;
    enum happening event;
    enum state to;
    enum word recorded, says;
    const char *text;
} rows[] = {
#define EDGE_ROW(role, from, event, to, recorded, says)                                                                \
    {ROLE_##role,                                                                                                      \
     STATE_##from,                                                                                                     \
     EVENT_##event,                                                                                                    \
     STATE_##to,                                                                                                       \
     RECORDED_##recorded,                                                                                              \
     SAYS_##says,                                                                                                      \
     #role " " #from " " #event " " #to},
#define CLOSE_ROW EDGE_ROW
#define ASK_ROW EDGE_ROW
#include "../model/edge_table.h"
};
enum { ROWS = sizeof rows / sizeof *rows };

/* ---- what is known of each node, from what its machine was given and said ---- */

struct token {
    enum word word;
    struct sl_round_action action; /* without its plan */
};

struct knowledge { /* of one end, one round, one lineage of the node */
    enum sl_edge_state before;
    bool held;
    uint64_t counted;         /* as D, where it is the last that counted with that peer: F's lineage */
    struct sl_ready heard;    /* the last READY; round 0: none */
    struct sl_ready promised; /* the last one said */
    uint8_t manifests[MANIFESTS_MAX][SL_WIRE_DIGEST_SIZE];
    size_t manifest_count;
    struct token tokens[TOKENS_MAX];
    size_t token_count;
};

struct node {
    uint64_t lineage;
    bool cut_short; /* it lost power: it may have counted, and not know of it */
    bool connected[NODES];
    uint64_t before, closed; /* rounds: current before the step; closed in it */
    uint8_t own[ROUNDS + 1][SL_WIRE_DIGEST_SIZE];
    struct knowledge ends[NODES][ROUNDS + 1];
};

struct trace {
    struct node nodes[NODES];
    struct sl_random random;
    const struct sl_round_event *event;
    uint32_t from; /* of the event, a peer */
    uint32_t stepped;
    bool any;
    bool needed[ROWS];
    uint64_t explained;
    sl_time returns[NODES]; /* of those that are down */
    char error[256];
};

static uint32_t index_of(const char *name) {
    unsigned number = NODES;
    (void)sscanf(name, "n%u", &number);
    cr_assert_lt(number, NODES, "%s", name);
    return number;
}

/* A new lineage has promised nothing. What peers sent may still be there: only a lost disk takes that. */
static void note_lineage(struct node *node, uint64_t lineage) {
    if (node->lineage == lineage)
        return;
    node->lineage = lineage;
    node->cut_short = false;
    memset(node->own, 0, sizeof node->own);
    for (size_t i = 0; i < (size_t)NODES * (ROUNDS + 1); i++) {
        struct knowledge *end = &node->ends[i / (ROUNDS + 1)][i % (ROUNDS + 1)];
        end->counted = 0;
        end->promised = (struct sl_ready){.round = 0};
    }
}

static void note_members(struct node *node, const struct sl_round_event *event) {
    memset(node->connected, 0, sizeof node->connected);
    for (size_t i = 0; i < event->member_count; i++)
        node->connected[index_of(event->members[i].name)] = event->members[i].connected;
}

static struct knowledge *end_of(struct trace *trace, uint32_t number, uint32_t peer, uint64_t round) {
    return round >= 1 && round <= ROUNDS ? &trace->nodes[number].ends[peer][round] : NULL;
}

static bool saw_manifest(const struct knowledge *end, const uint8_t *digest) {
    for (size_t i = 0; i < end->manifest_count && i < MANIFESTS_MAX; i++)
        if (memcmp(end->manifests[i], digest, SL_WIRE_DIGEST_SIZE) == 0)
            return true;
    return false;
}

static void note_event(struct trace *trace, uint32_t number, const struct sl_round_event *event) {
    struct knowledge *end = NULL;
    switch (event->type) {
    case SL_ROUND_PUBLISHED:
        memcpy(trace->nodes[number].own[event->round], event->digest, SL_WIRE_DIGEST_SIZE);
        break;
    case SL_ROUND_MANIFEST:
        end = end_of(trace, number, trace->from, event->manifest->round);
        if (end != NULL && !saw_manifest(end, event->digest))
            memcpy(end->manifests[end->manifest_count++ % MANIFESTS_MAX], event->digest, SL_WIRE_DIGEST_SIZE);
        break;
    case SL_ROUND_HELD:
        end = end_of(trace, number, trace->from, event->round);
        if (end != NULL)
            end->held = true;
        break;
    case SL_ROUND_READY:
        end = end_of(trace, number, trace->from, event->ready->round);
        if (end != NULL)
            end->heard = *event->ready;
        break;
    case SL_ROUND_MEMBERS:
        note_members(&trace->nodes[number], event);
        break;
    case SL_ROUND_VERDICT:
    case SL_ROUND_TRAINED:
    case SL_ROUND_LOST:
    case SL_ROUND_PASS:
    case SL_ROUND_PROGRESS:
    case SL_ROUND_MIXED:
    case SL_ROUND_MODEL_LOADED:
    case SL_ROUND_MODEL_FAILED:
    case SL_ROUND_FORGOT:
    case SL_ROUND_STOP:
    case SL_ROUND_TIMER:
        break;
    }
}

static void add_token(struct trace *trace, uint32_t number, const struct sl_round_action *action, enum word word) {
    struct knowledge *end = end_of(trace, number, index_of(action->peer), action->round);
    cr_assert(end != NULL && end->token_count < TOKENS_MAX);
    end->tokens[end->token_count] = (struct token){.word = word, .action = *action};
    end->tokens[end->token_count++].action.plan = NULL;
}

static enum word word_of(enum sl_verdict_value value) {
    switch (value) {
    case SL_VERDICT_COUNT:
        return SAYS_COUNT;
    case SL_VERDICT_VOID:
        return SAYS_VOID;
    case SL_VERDICT_GONE:
        break;
    }
    return SAYS_GONE;
}

/* ---- when a row may explain what happened ---- */

struct step {
    struct trace *trace;
    uint32_t number, peer;
    uint64_t round;
    struct node *node;
    struct knowledge *end;
    const struct sl_round *machine;
    bool ended; /* the lineage did, in this step */
};

static bool is_event(const struct step *step, enum sl_round_event_type type) {
    return step->trace->event->type == type && (type == SL_ROUND_PUBLISHED || step->trace->from == step->peer);
}

static bool may_decide(const struct step *step, const struct token *recorded) {
    const struct sl_round_action *edge = &recorded->action;
    const struct sl_ready *heard = &step->end->heard;
    return step->end->held && saw_manifest(step->end, edge->peer_digest) && heard->round == step->round &&
           heard->lineage_sender == edge->peer_lineage && heard->lineage_receiver == step->node->lineage &&
           memcmp(heard->manifest_sender, edge->peer_digest, SL_WIRE_DIGEST_SIZE) == 0 &&
           memcmp(heard->manifest_receiver, edge->own_digest, SL_WIRE_DIGEST_SIZE) == 0 &&
           memcmp(step->node->own[step->round], edge->own_digest, SL_WIRE_DIGEST_SIZE) == 0;
}

static bool may_promise(const struct step *step, const struct token *said) {
    const struct sl_ready *ready = &said->action.message.ready;
    return step->end->held && saw_manifest(step->end, ready->manifest_receiver) &&
           ready->lineage_sender == step->node->lineage &&
           memcmp(ready->manifest_sender, step->node->own[step->round], SL_WIRE_DIGEST_SIZE) == 0;
}

static bool may_hear(const struct step *step, enum sl_verdict_value value) {
    if (!is_event(step, SL_ROUND_VERDICT))
        return false;
    const struct sl_verdict *verdict = step->trace->event->verdict;
    return verdict->round == step->round && verdict->verdict == value &&
           verdict->lineage_receiver == step->node->lineage &&
           verdict->lineage_sender == step->end->promised.lineage_receiver;
}

static bool was_entered(const struct step *step) {
    return step->round > step->node->before && step->round <= sl_round_current(step->machine);
}

/* It says what was promised, a moment ago or in an earlier step. */
static bool is_repeated(const struct step *step, const struct token *said) {
    const struct sl_ready *ready = &said->action.message.ready;
    for (const struct token *earlier = step->end->tokens; earlier < said; earlier++)
        if (earlier->word == SAYS_READY && memcmp(&earlier->action.message.ready, ready, sizeof *ready) == 0)
            return true;
    return memcmp(&step->end->promised, ready, sizeof *ready) == 0;
}

/* READY of this round is the event, or waited for the round to close; whether it asks the lineage that answers, and
 * about an edge that it counted. */
static bool may_ask(const struct step *step, bool mine, bool counted) {
    const struct sl_ready *ready = &step->end->heard;
    if (!is_event(step, SL_ROUND_READY) && step->node->closed != step->round)
        return false;
    if (ready->round != step->round || (ready->lineage_receiver == step->node->lineage) != mine)
        return false;
    return !mine || step->node->cut_short || counted == (ready->lineage_sender == step->end->counted);
}

/* `tokens`: those that the row takes, the record first. */
static bool may(const struct step *step, const struct row *row, const struct token *tokens) {
    const struct sl_round_event *event = step->trace->event;
    switch (row->event) {
    case EVENT_DECIDE:
        return may_decide(step, tokens);
    case EVENT_PROMISE:
        return may_promise(step, tokens);
    case EVENT_REFUSE:
        return event->type == SL_ROUND_MANIFEST || event->type == SL_ROUND_PUBLISHED || was_entered(step);
    case EVENT_HEAR_COUNT:
        return may_hear(step, SL_VERDICT_COUNT);
    case EVENT_HEAR_VOID:
        return may_hear(step, SL_VERDICT_VOID);
    case EVENT_HEAR_GONE:
        return may_hear(step, SL_VERDICT_GONE);
    case EVENT_WRITE_OFF:
        return step->ended || sl_round_current(step->machine) > step->round + 1;
    case EVENT_REPEAT:
        return is_repeated(step, tokens);
    case EVENT_CLOSE:
        return step->node->closed == step->round;
    case EVENT_MIX:
        return sl_round_current(step->machine) > step->round || step->ended;
    case EVENT_ASK_COUNTED:
        return may_ask(step, true, true);
    case EVENT_ASK_CLOSED:
        return may_ask(step, true, false);
    case EVENT_ASK_GONE:
        return may_ask(step, false, false);
    }
    return false;
}

/* ---- explaining a step ---- */

/* How many tokens the row takes at `at`; −1: it does not fit. READY waits for a connection where there is
 * none when the round closes. */
static int fit(const struct step *step, const struct row *row, enum sl_edge_state state, size_t at) {
    const struct knowledge *end = step->end;
    size_t next = at;
    if ((row->role == ROLE_D) != (step->number < step->peer) ||
        (row->from != STATE_ANY && (int)row->from != (int)state))
        return -1;
    if (row->recorded != RECORDED_NOTHING && (next >= end->token_count || end->tokens[next++].word != row->recorded))
        return -1;
    bool said = next < end->token_count && end->tokens[next].word == row->says;
    if (said)
        next++;
    else if (row->says != SAYS_NOTHING && (row->event != EVENT_CLOSE || step->node->connected[step->peer]))
        return -1;
    return may(step, row, &end->tokens[at]) ? (int)(next - at) : -1;
}

/* A path of rows from one state to the other that says all that was said; `without`: not by that row (ROWS: by any). */
static bool explain(const struct step *step, enum sl_edge_state from, enum sl_edge_state to, size_t at, int depth,
                    size_t without, bool *used) {
    if (at == step->end->token_count && from == to)
        return true;
    for (size_t i = 0; i < ROWS && depth < PATH_MAX; i++) {
        int taken = i != without ? fit(step, &rows[i], from, at) : -1;
        if (taken < 0)
            continue;
        enum sl_edge_state next = rows[i].to == STATE_SAME ? from : (enum sl_edge_state)rows[i].to;
        if ((taken == 0 && next == from) || !explain(step, next, to, at + (size_t)taken, depth + 1, without, used))
            continue;
        if (used != NULL)
            used[i] = true;
        return true;
    }
    return false;
}

static void tell(const struct step *step, const char *what, enum sl_edge_state from, enum sl_edge_state to) {
    struct trace *trace = step->trace;
    if (trace->error[0] == '\0')
        (void)snprintf(trace->error, sizeof trace->error,
                       "%s: node %u, peer %u, round %d, event %d, %d -> %d, %zu said, first %d", what, step->number,
                       step->peer, (int)step->round, (int)trace->event->type, (int)from, (int)to,
                       step->end->token_count, step->end->token_count > 0 ? (int)step->end->tokens[0].word : -1);
}

/* What the other end waits for must not stay unsaid. */
static void check_answer(const struct step *step, enum sl_edge_state from, enum sl_edge_state to) {
    const struct sl_round_event *event = step->trace->event;
    if (is_event(step, SL_ROUND_READY) && event->ready->round == step->round && step->number < step->peer &&
        step->round <= step->node->before && from != SL_EDGE_STATE_OPEN && step->end->token_count == 0)
        tell(step, "READY was not answered", from, to);
    bool waits = from == SL_EDGE_STATE_BOUND || from == SL_EDGE_STATE_PENDING;
    for (int value = SL_VERDICT_COUNT; value <= SL_VERDICT_GONE && waits; value++)
        if (may_hear(step, (enum sl_verdict_value)value) && from == to)
            tell(step, "a verdict was not heard", from, to);
}

static void learn(struct step *step) {
    struct knowledge *end = step->end;
    for (size_t i = 0; i < end->token_count; i++) {
        if (end->tokens[i].word == SAYS_READY)
            end->promised = end->tokens[i].action.message.ready;
        if (end->tokens[i].word == RECORDED_COUNTED && step->number < step->peer) {
            for (uint64_t t = 1; t <= ROUNDS; t++) /* one number: the last */
                step->node->ends[step->peer][t].counted = 0;
            end->counted = end->tokens[i].action.peer_lineage;
        }
    }
}

static void check_end(struct step *step) {
    struct knowledge *end = step->end;
    enum sl_edge_state from = end->before, to = SL_EDGE_STATE_NONE;
    char name[SL_NAME_SIZE];
    (void)snprintf(name, sizeof name, "n%06u", step->peer);
    to = sl_round_edge(step->machine, name, step->round);
    if (was_entered(step) && (to != SL_EDGE_STATE_NONE || end->token_count > 0))
        from = SL_EDGE_STATE_OPEN;
    check_answer(step, from, to);
    bool used[ROWS] = {false};
    if (!explain(step, from, to, 0, 0, ROWS, used))
        tell(step, "no row of the table", from, to);
    for (size_t i = 0; i < ROWS; i++) {
        step->trace->explained += used[i];
        if (used[i] && !step->trace->needed[i])
            step->trace->needed[i] = !explain(step, from, to, 0, 0, i, NULL);
    }
    learn(step);
}

/* ---- the hooks ---- */

static void take_states(struct trace *trace, struct sl_world *world, uint32_t number) {
    struct node *node = &trace->nodes[number];
    const struct sl_round *machine = sl_world_machine(world, number);
    node->before = sl_round_current(machine);
    node->closed = 0;
    for (uint32_t peer = 0; peer < NODES; peer++) {
        char name[SL_NAME_SIZE];
        (void)snprintf(name, sizeof name, "n%06u", peer);
        for (uint64_t t = 1; t <= ROUNDS; t++) {
            node->ends[peer][t].before = sl_round_edge(machine, name, t);
            node->ends[peer][t].token_count = 0;
        }
    }
}

static void handle_before(void *context, struct sl_world *world, uint32_t number, const struct sl_round_event *event) {
    struct trace *trace = context;
    note_lineage(&trace->nodes[number], sl_round_lineage(sl_world_machine(world, number)));
    trace->event = event;
    trace->from = event->peer != NULL ? index_of(event->peer) : NODES;
    take_states(trace, world, number);
    note_event(trace, number, event);
}

static bool handle_action(void *context, struct sl_world *world, uint32_t number,
                          const struct sl_round_action *action) {
    struct trace *trace = context;
    (void)world;
    if (action->type == SL_ROUND_EDGE)
        add_token(trace, number, action, (enum word)action->outcome);
    else if (action->type == SL_ROUND_SEND_READY)
        add_token(trace, number, action, SAYS_READY);
    else if (action->type == SL_ROUND_SEND_VERDICT)
        add_token(trace, number, action, word_of(action->message.verdict.verdict));
    else if (action->type == SL_ROUND_CLOSED)
        trace->nodes[number].closed = action->round;
    return false;
}

static void handle_after(void *context, struct sl_world *world, uint32_t number) {
    struct trace *trace = context;
    struct node *node = &trace->nodes[number];
    struct step step = {.trace = trace, .number = number, .node = node, .machine = sl_world_machine(world, number)};
    if (step.machine == NULL)
        return;
    step.ended = sl_round_lineage(step.machine) != node->lineage;
    for (step.peer = 0; step.peer < NODES; step.peer++) {
        unsigned undecided = 0;
        for (step.round = 1; step.round <= ROUNDS && step.peer != number; step.round++) {
            char name[SL_NAME_SIZE];
            step.end = &node->ends[step.peer][step.round];
            check_end(&step);
            (void)snprintf(name, sizeof name, "n%06u", step.peer);
            enum sl_edge_state state = sl_round_edge(step.machine, name, step.round);
            undecided += state == SL_EDGE_STATE_BOUND || state == SL_EDGE_STATE_PENDING;
            if (undecided > 1)
                tell(&step, "two undecided edges of one pair", step.end->before, state);
        }
    }
    trace->stepped = number;
    trace->any = true;
}

/* ---- faults ---- */

static void forget(struct node *node, enum sl_world_disk left) {
    if (left == SL_DISK_LOST)
        memset(node, 0, sizeof *node);
    node->cut_short |= left == SL_DISK_FLUSHED;
    memset(node->connected, 0, sizeof node->connected);
}

static void strike(struct trace *trace, struct flock *flock) {
    struct sl_random *random = &trace->random;
    if (sl_random_below(random, 120) == 0 && !sl_world_is_finished(flock->world, trace->stepped, NULL)) {
        enum sl_world_disk disk = (enum sl_world_disk)sl_random_below(random, 3);
        sl_world_kill(flock->world, trace->stepped, disk);
        forget(&trace->nodes[trace->stepped], disk);
        trace->returns[trace->stepped] = sl_world_now(flock->world) + (sl_time)sl_random_below(random, 3 * SL_SECOND);
    }
    uint32_t a = (uint32_t)sl_random_below(random, NODES), b = (uint32_t)sl_random_below(random, NODES);
    if (a != b && sl_random_below(random, 40) == 0)
        sl_world_cut(flock->world, a, b, sl_random_below(random, 3) == 0);
}

static void heal(struct flock *flock) {
    sl_world_set_loss(flock->world, 0);
    for (uint32_t a = 0; a < NODES; a++)
        for (uint32_t b = 0; b < a; b++)
            sl_world_cut(flock->world, a, b, false);
}

static bool bring_back(struct trace *trace, struct flock *flock, bool all) {
    bool any = false;
    for (uint32_t i = 0; i < NODES; i++) {
        if (trace->returns[i] == 0 || (!all && trace->returns[i] > sl_world_now(flock->world)))
            continue;
        trace->returns[i] = 0;
        sl_world_start(flock->world, i);
        any = true;
    }
    return any;
}

static void run_seed(struct trace *trace, uint64_t seed) {
    struct flock flock;
    memset(trace->nodes, 0, sizeof trace->nodes);
    sl_random_init(&trace->random, seed, 11);
    flock_init(&flock, seed % 3 == 0 ? "ring" : "full", NODES, ROUNDS, seed);
    flock.options.disks = true;
    flock.options.flush_time = (sl_time)(seed % 4) * 5 * SL_MILLISECOND;
    flock.options.loss = 0.15;
    flock.options.duplicates = 0.1;
    flock.options.jitter = 60 * SL_MILLISECOND;
    flock.options.pending_max = 1 + seed % 3;
    flock.options.stale_rounds = 5;
    flock.options.hooks = (struct sl_world_hooks){
        .context = trace, .before = handle_before, .intercept = handle_action, .after = handle_after};
    flock_create(&flock);
    while (sl_world_now(flock.world) < CALM_AFTER && trace->error[0] == '\0' &&
           (sl_world_step(flock.world) || bring_back(trace, &flock, true))) {
        if (trace->any)
            strike(trace, &flock);
        trace->any = false;
        (void)bring_back(trace, &flock, false);
    }
    heal(&flock);
    (void)bring_back(trace, &flock, true);
    if (trace->error[0] == '\0')
        sl_world_run(flock.world, CALM_AFTER + 60 * SL_SECOND);
    cr_expect_eq(sl_world_status(flock.world), SL_OK);
    cr_expect_str_empty(trace->error, "seed %d: %s", (int)seed, trace->error);
    flock_finish(&flock);
}

Test(trace, every_step_is_in_the_table_and_every_row_is_needed, .timeout = 300) {
    static struct trace trace;
    for (uint64_t seed = 1; seed <= SEEDS && trace.error[0] == '\0'; seed++)
        run_seed(&trace, seed);
    for (size_t i = 0; i < ROWS; i++)
        cr_expect(trace.needed[i], "nothing needed the row %s", rows[i].text);
    cr_expect_gt(trace.explained, 10000, "%d", (int)trace.explained);
}
