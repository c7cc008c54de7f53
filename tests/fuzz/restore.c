/* A round machine from a record that says anything, then whatever events: it is refused, or it works, and what it saves
 * after any of them is a record that a machine can be made from again.
 *
 * An input: the record's length (2 bytes), what to begin with (1 byte), the record, a byte or two an event. */
#include <string.h>

#include "round/round.h"
#include "target.h"
#include "wire/messages.h"

enum { HEAD = 3, HELD_MAX = 256, ROUNDS = 12, MEMBERS = 4, LINEAGE = 1000, EPOCH = 3, EVENTS_MAX = 200 };

static const char *const names[MEMBERS] = {"a", "b", "c", "d"};

struct held {
    uint8_t digests[HELD_MAX][SL_WIRE_DIGEST_SIZE];
    size_t count;
};

struct node {
    struct sl_topology topology;
    struct sl_round_options options;
    struct sl_round *round;
    struct sl_round_actions actions;
    struct sl_round_member members[MEMBERS];
    sl_time now;
};

static void fill_digest(uint8_t out[SL_WIRE_DIGEST_SIZE], size_t who, uint64_t round) {
    memset(out, 0, SL_WIRE_DIGEST_SIZE);
    out[0] = (uint8_t)(1 + who);
    out[1] = (uint8_t)round;
}

static void init(struct node *node, uint8_t flags) {
    *node = (struct node){.now = SL_SECOND};
    node->topology.kind = (flags & 1) != 0 ? SL_TOPOLOGY_RING : SL_TOPOLOGY_FULL;
    for (size_t i = 0; i < MEMBERS; i++)
        node->members[i] = (struct sl_round_member){
            .name = {names[i][0]}, .tag = i + 1, .samples = 1, .live = true, .connected = true};
    node->options = (struct sl_round_options){.self = names[1],
                                              .tag = 2,
                                              .lineage = LINEAGE,
                                              .epoch = EPOCH,
                                              .rounds = ROUNDS,
                                              .averaging_rounds = 2,
                                              .topology = &node->topology,
                                              .by_samples = (flags & 2) != 0,
                                              .deadline_min = SL_SECOND,
                                              .deadline_max = 10 * SL_SECOND,
                                              .linger_max = 20 * SL_SECOND,
                                              .start_nodes = 2,
                                              .min_peers_per_round = (flags & 4) != 0,
                                              .below = (enum sl_round_below)((flags >> 3) % 3),
                                              .stale_rounds = (flags & 64) != 0 ? 3 : 0,
                                              .lineage_seed = 5};
}

static void finish(struct node *node) {
    sl_round_destroy(node->round);
    sl_round_actions_finish(&node->actions);
}

/* ---- its journal ---- */

static void hold(struct held *held, const uint8_t digest[SL_WIRE_DIGEST_SIZE]) {
    if (held->count < HELD_MAX)
        memcpy(held->digests[held->count++], digest, SL_WIRE_DIGEST_SIZE);
}

static void hold_edges(struct held *held, const struct sl_saved_edge *edges, size_t count) {
    for (size_t i = 0; i < count; i++) {
        hold(held, edges[i].own_digest);
        hold(held, edges[i].peer_digest);
    }
}

/* With all that the record names, or every payload but the own one. False: it is refused. */
static bool restore(struct node *node, struct sl_bytes record, bool own) {
    struct sl_round_state state;
    struct held held = {.count = 0};
    if (sl_round_state_decode(&state, record.data, record.length, NULL) != SL_OK)
        return false;
    hold_edges(&held, state.edges, state.edge_count);
    hold_edges(&held, state.pending, state.pending_count);
    hold_edges(&held, state.late, state.late_count);
    if (own)
        hold(&held, state.own_digest);
    node->options.restored = record;
    node->options.held = (const uint8_t(*)[SL_WIRE_DIGEST_SIZE])held.digests;
    node->options.held_count = held.count;
    node->options.model_round = state.done;
    node->options.lineage = state.lineage != 0 ? state.lineage : LINEAGE;
    sl_round_state_finish(&state);
    struct sl_error error = {.status = SL_OK};
    enum sl_status status = sl_round_create(&node->round, &node->options, &error);
    if (status != SL_OK && getenv("FUZZ_TELLS") != NULL)
        (void)fprintf(stderr, "%s\n", error.text);
    return status == SL_OK;
}

/* Twice killed, without anything in between. */
static void restart(struct node *node) {
    struct sl_buffer record = {0};
    FUZZ_CHECK(sl_round_save(node->round, &record) == SL_OK);
    for (int i = 0; i < 2; i++) {
        sl_round_destroy(node->round);
        node->round = NULL;
        FUZZ_CHECK(restore(node, (struct sl_bytes){record.data, record.length}, true));
    }
    sl_buffer_finish(&record);
}

/* ---- events ---- */

static void check_actions(const struct sl_round_actions *actions) {
    for (size_t i = 0; i < actions->count; i++) {
        const struct sl_round_action *action = &actions->items[i];
        double sum = 0;
        FUZZ_CHECK(action->peer[0] == '\0' || sl_name_is_valid(action->peer));
        FUZZ_CHECK(action->type == SL_ROUND_SCHEDULE || action->round <= ROUNDS);
        if (action->type != SL_ROUND_MIX)
            continue;
        for (size_t k = 0; k < action->plan_count; k++) {
            FUZZ_CHECK(action->plan[k].coefficient >= -1e-9);
            sum += action->plan[k].coefficient / action->divisor;
        }
        FUZZ_CHECK(sum > 1 - 1e-9 && sum < 1 + 1e-9);
    }
}

static void feed(struct node *node, struct sl_round_event event) {
    sl_round_actions_clear(&node->actions);
    FUZZ_CHECK(sl_round_step(node->round, &event, node->now, &node->actions) == SL_OK);
    check_actions(&node->actions);
}

static void feed_manifest(struct node *node, size_t peer, uint64_t round) {
    struct sl_manifest manifest = {.epoch = EPOCH,
                                   .round = round,
                                   .lineage = LINEAGE + peer,
                                   .kind = SL_PAYLOAD_UPDATE,
                                   .degree = node->topology.kind == SL_TOPOLOGY_RING ? 2 : MEMBERS - 1,
                                   .samples = 1,
                                   .total_samples = MEMBERS,
                                   .origin = {names[peer][0]}};
    uint8_t digest[SL_WIRE_DIGEST_SIZE];
    fill_digest(digest, peer, round);
    feed(node, (struct sl_round_event){
                   .type = SL_ROUND_MANIFEST, .peer = names[peer], .manifest = &manifest, .digest = digest});
    feed(node, (struct sl_round_event){.type = SL_ROUND_HELD, .peer = names[peer], .round = round});
}

static void feed_ready(struct node *node, size_t peer, uint64_t round) {
    struct sl_ready ready = {.epoch = EPOCH,
                             .round = round,
                             .lineage_sender = LINEAGE + peer,
                             .lineage_receiver = sl_round_lineage(node->round)};
    fill_digest(ready.manifest_sender, peer, round);
    fill_digest(ready.manifest_receiver, 1, round);
    feed(node, (struct sl_round_event){.type = SL_ROUND_READY, .peer = names[peer], .ready = &ready});
}

static void feed_verdict(struct node *node, size_t peer, uint64_t round, uint8_t value) {
    const struct sl_verdict verdict = {.epoch = EPOCH,
                                       .round = round,
                                       .lineage_sender = LINEAGE + peer,
                                       .lineage_receiver = sl_round_lineage(node->round),
                                       .verdict = (enum sl_verdict_value)(SL_VERDICT_COUNT + value % 3)};
    feed(node, (struct sl_round_event){.type = SL_ROUND_VERDICT, .peer = names[peer], .verdict = &verdict});
}

static void feed_progress(struct node *node, size_t peer, uint64_t round) {
    const struct sl_progress progress = {.epoch = EPOCH, .round = round, .lineage = LINEAGE + peer};
    feed(node, (struct sl_round_event){.type = SL_ROUND_PROGRESS, .peer = names[peer], .progress = &progress});
}

static void feed_published(struct node *node, uint64_t round, bool other) {
    uint8_t digest[SL_WIRE_DIGEST_SIZE];
    fill_digest(digest, 1, round);
    digest[2] = other;
    feed(node, (struct sl_round_event){.type = SL_ROUND_PUBLISHED, .round = round, .digest = digest});
}

static void feed_members(struct node *node, uint8_t what) {
    if ((what & 16) != 0)
        node->members[what % MEMBERS].connected ^= true;
    if ((what & 32) != 0)
        node->members[what % MEMBERS].live ^= true;
    if ((what & 64) != 0)
        node->members[what % MEMBERS].from_round = 1;
    node->members[1].live = node->members[1].connected = true;
    feed(node, (struct sl_round_event){
                   .type = SL_ROUND_MEMBERS, .members = node->members, .member_count = MEMBERS - (what >> 7)});
}

/* Clocks jump, too: by a second, a day, back by an hour. */
static void feed_timer(struct node *node, uint8_t what) {
    static const sl_time jumps[4] = {SL_SECOND, 11 * SL_SECOND, 86400 * SL_SECOND, -3600 * SL_SECOND};
    node->now += jumps[what % 4];
    if (node->now < SL_SECOND)
        node->now = SL_SECOND;
    feed(node, (struct sl_round_event){.type = SL_ROUND_TIMER});
}

static void feed_byte(struct node *node, uint8_t kind, uint8_t what) {
    static const size_t peers[4] = {0, 2, 3, 0};
    const size_t peer = peers[what % 4];
    const uint64_t current = sl_round_current(node->round), round = current + (what >> 2) % 3;
    struct sl_round_event event = {.peer = names[peer], .round = current};
    switch (kind % 12) {
    case 0:
        feed_members(node, what);
        return;
    case 1:
        feed_timer(node, what);
        return;
    case 2:
        feed_manifest(node, peer, round < ROUNDS ? round : ROUNDS);
        return;
    case 3:
        feed_ready(node, peer, round);
        return;
    case 4:
        feed_verdict(node, peer, round > 0 ? round - (what >> 6) % 2 : 0, what >> 4);
        return;
    case 5:
        feed_progress(node, peer, round);
        return;
    case 6:
        feed_published(node, current, what == 255);
        return;
    case 7:
        restart(node);
        return;
    case 8:
        event.type = SL_ROUND_TRAINED;
        break;
    case 9:
        event.type = SL_ROUND_MIXED;
        break;
    case 10:
        event.type = what == 0 ? SL_ROUND_STOP : what == 1 ? SL_ROUND_FORGOT : SL_ROUND_LOST;
        break;
    default:
        event.type = SL_ROUND_MODEL_LOADED;
        event.round = round;
        break;
    }
    feed(node, event);
}

/* ---- the target ---- */

/* Each ends in another phase, with edges in another state. */
static const uint8_t lives[][24] = {
    {0, 64, 5, 0, 5, 1, 5, 2},                                            /* trains */
    {0, 64, 5, 0, 5, 1, 5, 2, 8, 0, 6, 0, 2, 0, 2, 1},                    /* bound to a */
    {0, 64, 5, 0, 5, 1, 5, 2, 8, 0, 6, 0, 2, 1, 3, 1, 1, 1},              /* mixes, with c counted */
    {0, 64, 5, 0, 5, 1, 5, 2, 8, 0, 6, 0, 2, 0, 1, 1, 9, 0},              /* gathers, a pending */
    {0, 64, 5, 0, 5, 1, 5, 2, 8, 0, 6, 0, 2, 0, 1, 1, 9, 0, 5, 4, 4, 64}, /* … late */
    {0, 64, 5, 0, 5, 1, 5, 2, 10, 0},                                     /* was stopped */
};

size_t fuzz_corpus(size_t index, uint8_t out[FUZZ_INPUT_MAX]) {
    struct node node;
    struct sl_buffer record = {0};
    if (index >= sizeof lives / sizeof *lives)
        return 0;
    init(&node, 0);
    FUZZ_CHECK(sl_round_create(&node.round, &node.options, NULL) == SL_OK);
    for (size_t i = 0; i < sizeof lives[0]; i += 2)
        if (i == 0 || lives[index][i] != 0)
            feed_byte(&node, lives[index][i], lives[index][i + 1]);
    FUZZ_CHECK(sl_round_save(node.round, &record) == SL_OK);
    finish(&node);
    out[0] = (uint8_t)(record.length >> 8);
    out[1] = (uint8_t)record.length;
    out[2] = 0;
    memcpy(out + HEAD, record.data, record.length);
    size_t length = HEAD + record.length;
    sl_buffer_finish(&record);
    for (uint8_t i = 0; i < 60; i++)
        out[length++] = (uint8_t)(i * 7 + index);
    return length;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length) {
    struct node node;
    if (length < HEAD)
        return 0;
    size_t told = (size_t)data[0] << 8 | data[1], rest = length - HEAD;
    const size_t size = told < rest ? told : rest;
    uint8_t *record = malloc(size + 1);
    FUZZ_CHECK(record != NULL);
    memcpy(record, data + HEAD, size);
    init(&node, data[2]);
    if (size > 0 && restore(&node, (struct sl_bytes){record, size}, (data[2] & 128) == 0)) {
        const uint8_t *events = data + HEAD + size;
        for (size_t i = 0; i + 1 < rest - size && i < EVENTS_MAX && sl_round_phase(node.round) != SL_PHASE_LEFT; i += 2)
            feed_byte(&node, events[i], events[i + 1]);
        if (sl_round_phase(node.round) != SL_PHASE_LEFT)
            restart(&node);
    }
    finish(&node);
    free(record);
    return 0;
}
