/* The actions of one node's round machine. */
#include "sim/internal.h"

#include <stdlib.h>
#include <string.h>

#include "aggregate/mean.h"
#include "aggregate/quantise.h"

/* Nothing is signed here: all that a digest must do is to differ from every other. */
static void make_digest(struct sl_world *world, const struct sim_node *node, uint8_t out[SL_WIRE_DIGEST_SIZE]) {
    memset(out, 0, SL_WIRE_DIGEST_SIZE);
    sl_put_u64(out, node->lineage);
    sl_put_u64(out + 8, node->own_round);
    sl_put_u64(out + 16, world->messages++);
}

/* What the others have of it. */
static void quantise(struct sl_world *world, float *values, uint64_t stream, uint64_t round) {
    const size_t elements = world->options.elements;
    uint8_t *payload = malloc((size_t)sl_quantise_bytes(elements));
    uint64_t seed = sl_philox_u64(world->options.seed, stream, round);
    if (payload == NULL) {
        world->status = SL_NO_MEMORY;
        return;
    }
    if (sl_quantise_encode(payload, values, elements, 0, (size_t)sl_quantise_blocks(elements), seed))
        sl_quantise_decode(values, payload, elements, 0, elements);
    else
        world->status = SL_LIMIT;
    free(payload);
}

static void publish(struct sl_world *world, uint32_t number, const struct sl_round_action *action) {
    struct sim_node *node = &world->nodes[number];
    sl_sim_fold_late(world, node);
    sl_sim_payload_unref(node->own);
    node->own = sl_sim_payload_create(world, node->model);
    if (world->options.quantised && node->own != NULL)
        quantise(world, node->own->values, number + 1, action->round);
    node->own_round = action->round;
    node->manifest = (struct sl_manifest){.epoch = SIM_EPOCH,
                                          .round = action->round,
                                          .lineage = sl_round_lineage(node->round),
                                          .kind = SL_PAYLOAD_UPDATE,
                                          .degree = action->degree,
                                          .samples = node->samples,
                                          .total_samples = action->total_samples};
    strcpy(node->manifest.origin, node->name);
    make_digest(world, node, node->digest);
    sl_sim_later(world, 0, &(struct sim_message){.type = SIM_PUBLISHED, .to = number, .round = action->round});
}

static void mix(struct sl_world *world, uint32_t number, const struct sl_round_action *action) {
    struct sim_node *node = &world->nodes[number];
    struct sl_mean_source *sources = malloc(action->plan_count * sizeof *sources);
    if (sources == NULL) {
        world->status = SL_NO_MEMORY;
        return;
    }
    size_t count = 0;
    const struct sim_payload *own = node->own;
    for (size_t i = 0; i < action->plan_count; i++) {
        const struct sl_round_source *source = &action->plan[i];
        const struct sim_payload *payload = node->own;
        if (!source->self) {
            const struct sim_incoming *incoming =
                sl_sim_find_incoming(node, sl_world_index(source->name), action->round);
            payload = incoming != NULL && incoming->held ? incoming->payload : NULL;
        }
        if (source->counted && payload != NULL)
            sources[count++] = (struct sl_mean_source){.values = payload->values, .coefficient = source->coefficient};
    }
    if (world->options.quantised)
        sl_mean_fold_onto(node->model, sources, count, action->divisor, node->model, own->values,
                          world->options.elements);
    else
        sl_mean_fold(node->model, sources, count, action->divisor, world->options.elements);
    free(sources);
    node->done = action->round;
    sl_sim_audit_mixed(world, number, action->round);
    sl_sim_later(world, 0, &(struct sim_message){.type = SIM_MIXED, .to = number, .round = action->round});
}

static void report(struct sl_world *world, uint32_t number, const struct sl_round_action *action) {
    struct sl_world_round *row = &world->rounds[action->round];
    uint32_t count = world->options.nodes, elements = world->options.elements;
    row->closed++;
    row->counted += action->counted;
    row->planned += action->planned;
    row->clean += action->clean;
    if (action->waited > row->longest)
        row->longest = action->waited;
    row->reported++;
    if (!row->wanted)
        return;
    if (row->values == NULL) {
        row->values = calloc((size_t)count * elements, sizeof *row->values);
        row->has = calloc(count, sizeof *row->has);
        if (row->values == NULL || row->has == NULL) {
            world->status = SL_NO_MEMORY;
            return;
        }
    }
    memcpy(row->values + (size_t)number * elements, world->nodes[number].model, elements * sizeof(float));
    row->has[number] = true;
}

static void record_edge(struct sl_world *world, const struct sl_round_action *action) {
    struct sl_world_round *row = &world->rounds[action->round];
    row->late += action->outcome == SL_EDGE_LATE;
    row->voided += action->outcome == SL_EDGE_VOID;
    row->gone += action->outcome == SL_EDGE_GONE;
    world->counts.stale += action->outcome == SL_EDGE_STALE;
}

static void fetch(struct sl_world *world, uint32_t number, uint32_t peer, uint64_t round) {
    const struct sim_incoming *incoming = sl_sim_find_incoming(&world->nodes[number], peer, round);
    if (incoming != NULL)
        sl_sim_send(world, &(struct sim_message){.type = SIM_PAYLOAD,
                                                 .from = peer,
                                                 .to = number,
                                                 .round = round,
                                                 .payload = sl_sim_payload_ref(incoming->payload)});
}

static void offer(struct sl_world *world, uint32_t number, uint32_t peer, const struct sl_round_action *action) {
    const struct sim_node *node = &world->nodes[number];
    if (node->own_round != action->round)
        return; /* it waited for its flush, and another update is being made by now, which may not leave yet */
    node->views[peer].held_round = action->held ? action->round : 0;
    struct sim_message message = {.type = SIM_MANIFEST,
                                  .from = number,
                                  .to = peer,
                                  .round = node->own_round,
                                  .payload = sl_sim_payload_ref(node->own)};
    message.body.manifest.manifest = node->manifest;
    memcpy(message.body.manifest.digest, node->digest, sizeof node->digest);
    sl_sim_send(world, &message);
}

static void tell_progress(struct sl_world *world, uint32_t number, const struct sl_round_action *action) {
    const struct sim_node *node = &world->nodes[number];
    struct sim_message message = {.type = SIM_PROGRESS, .from = number, .round = action->round};
    message.body.progress = action->message.progress;
    if (action->peer[0] != '\0') {
        message.to = sl_world_index(action->peer);
        sl_sim_send(world, &message);
        return;
    }
    size_t count = node->contacts != NULL ? node->contact_count : world->options.nodes;
    for (size_t i = 0; i < count; i++) {
        message.to = node->contacts != NULL ? node->contacts[i] : (uint32_t)i;
        bool connected =
            world->links != NULL ? sl_sim_is_linked(world, number, message.to) : node->views[message.to].connected;
        if (message.to != number && connected)
            sl_sim_send(world, &message);
    }
}

static void schedule(struct sl_world *world, uint32_t number, uint64_t round) {
    struct sim_node *node = &world->nodes[number];
    node->views[number].from_round = round;
    if (world->links != NULL) {
        sl_sim_feed_membership(world, number,
                               &(struct sl_membership_event){.type = SL_MEMBERSHIP_SCHEDULE, .from_round = round});
        return;
    }
    if (round > 1) { /* those who start together enlist each other without being told */
        sl_sim_tell_all(world, SIM_MEMBER_FROM, number, round, world->options.delay);
        return;
    }
    for (uint32_t i = 0; i < world->options.nodes; i++)
        world->nodes[i].views[number].from_round = round;
}

static void wake(struct sl_world *world, uint32_t number, sl_time at) {
    struct sim_message message = {.type = SIM_TIMER, .to = number};
    message.body.wake = ++world->nodes[number].wake;
    sl_time clock = sl_sim_clock(world, number), after = at > clock ? at - clock : 0;
    if (world->nodes[number].clock_rate != 1)
        after = 1 + (sl_time)((double)after / world->nodes[number].clock_rate);
    if (at != SL_NEVER)
        sl_sim_later(world, after, &message);
}

static void finish(struct sl_world *world, uint32_t number, enum sl_status status) {
    struct sim_node *node = &world->nodes[number];
    node->finished = true;
    node->outcome = status;
    if (world->links != NULL)
        sl_sim_end_membership(world, number, true);
    sl_sim_tell_all(world, SIM_MEMBER_DOWN, number, node->life, world->options.delay);
}

static void send_to(struct sl_world *world, uint32_t number, uint32_t peer, const struct sl_round_action *action) {
    struct sim_message message = {.from = number, .to = peer, .round = action->round};
    if (action->type == SL_ROUND_SEND_READY) {
        message.type = SIM_READY;
        message.body.ready = action->message.ready;
    } else if (action->type == SL_ROUND_SEND_VERDICT) {
        message.type = SIM_VERDICT;
        message.body.verdict = action->message.verdict;
    } else if (action->type == SL_ROUND_SEND_PASS) {
        message.type = SIM_PASS;
        message.body.pass = action->message.pass;
    } else {
        message.type = SIM_MODEL_REQUEST;
    }
    sl_sim_send(world, &message);
}

static void note_begin(struct sl_world *world, uint32_t number) {
    uint32_t founders = world->options.founders > 0 ? world->options.founders : world->options.nodes;
    sl_sim_audit_enter(world, number);
    if (number >= founders || world->nodes[number].begun)
        return;
    world->nodes[number].begun = true;
    if (++world->founders_begun == founders)
        world->begun = true;
}

static void note_phase(struct sl_world *world, uint32_t number, uint64_t round) {
    sl_sim_feed_membership(world, number,
                           &(struct sl_membership_event){.type = SL_MEMBERSHIP_ROUND, .from_round = round});
    sl_sim_want_connections(world, number);
}

static void begin_training(struct sl_world *world, uint32_t number, const struct sl_round_action *action) {
    sl_time time = (sl_time)((double)world->options.training_time * world->nodes[number].slowness);
    note_begin(world, number);
    sl_sim_later(world, action->averaging ? 0 : time,
                 &(struct sim_message){.type = SIM_TRAINED, .to = number, .round = action->round});
}

static void apply_late(struct sl_world *world, uint32_t number, uint32_t peer, const struct sl_round_action *action) {
    struct sim_node *node = &world->nodes[number];
    sl_sim_apply_late(world, node, peer, action);
    if (sl_round_phase(node->round) == SL_PHASE_LINGER || sl_round_phase(node->round) == SL_PHASE_LEFT)
        sl_sim_fold_late(world, node); /* no training is to come */
}

static void begin_lineage(struct sl_world *world, uint32_t number, uint64_t lineage) {
    world->nodes[number].lineage = lineage;
    world->counts.lineages++;
    if (world->audit != NULL)
        sl_audit_end_lines(world, number);
}

static void move_payload(struct sl_world *world, uint32_t number, uint32_t peer, const struct sl_round_action *action) {
    struct sim_node *node = &world->nodes[number];
    if (action->type == SL_ROUND_OFFER)
        offer(world, number, peer, action);
    else if (action->type == SL_ROUND_TURN)
        node->views[peer].turn = action->round;
    else if (action->type == SL_ROUND_FETCH)
        fetch(world, number, peer, action->round);
    else if (action->type == SL_ROUND_RELEASE)
        sl_sim_release(node, peer, action->round);
    else if (action->type == SL_ROUND_HOLD)
        sl_sim_hold(world, node, peer, action);
    else if (action->type == SL_ROUND_APPLY_LATE)
        apply_late(world, number, peer, action);
    else
        sl_sim_drop_pending(node, peer, action->round);
}

void sl_world_carry_out(struct sl_world *world, uint32_t number, const struct sl_round_action *action) {
    uint32_t peer = action->peer[0] != '\0' ? sl_world_index(action->peer) : number;
    switch (action->type) {
    case SL_ROUND_TRAIN:
        begin_training(world, number, action);
        break;
    case SL_ROUND_PUBLISH:
        publish(world, number, action);
        break;
    case SL_ROUND_OFFER:
    case SL_ROUND_TURN:
    case SL_ROUND_FETCH:
    case SL_ROUND_RELEASE:
    case SL_ROUND_HOLD:
    case SL_ROUND_APPLY_LATE:
    case SL_ROUND_DROP_LATE:
        move_payload(world, number, peer, action);
        break;
    case SL_ROUND_SEND_READY:
    case SL_ROUND_SEND_VERDICT:
    case SL_ROUND_SEND_PASS:
    case SL_ROUND_REQUEST_MODEL:
        send_to(world, number, peer, action);
        break;
    case SL_ROUND_SEND_PROGRESS:
        tell_progress(world, number, action);
        break;
    case SL_ROUND_MIX:
        mix(world, number, action);
        break;
    case SL_ROUND_SCHEDULE:
        schedule(world, number, action->round);
        break;
    case SL_ROUND_EDGE:
        record_edge(world, action);
        break;
    case SL_ROUND_CLOSED:
        report(world, number, action);
        break;
    case SL_ROUND_PHASE:
        note_phase(world, number, action->round);
        break;
    case SL_ROUND_LINEAGE:
        begin_lineage(world, number, action->lineage);
        break;
    case SL_ROUND_WAKE:
        wake(world, number, action->at);
        break;
    case SL_ROUND_FINISHED:
        finish(world, number, action->status);
        break;
    case SL_ROUND_OUTDATED: /* all are of one epoch here */
        break;
    }
}
