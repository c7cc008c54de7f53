/* Messages on their way: each is delayed, lost and doubled for itself, so that they overtake each other. A message that
 * was sent to an earlier life of a node reaches the later one, which must cope. */
#include "sim/internal.h"

#include <stdlib.h>
#include <string.h>

void sl_sim_push(struct sl_world *world, sl_time after, const struct sim_message *message) {
    struct sim_message *copy = malloc(sizeof *copy);
    if (copy == NULL) {
        world->status = SL_NO_MEMORY;
        sl_sim_payload_unref(message->payload);
        free(message->bytes.data);
        return;
    }
    *copy = *message;
    world->status = sl_sim_queue_push(&world->queue, world->now + after, copy);
    if (world->status != SL_OK) {
        sl_sim_payload_unref(message->payload);
        sl_buffer_finish(&copy->bytes);
        free(copy);
    }
}

void sl_sim_later(struct sl_world *world, sl_time after, const struct sim_message *message) {
    struct sim_message local = *message;
    local.life = world->nodes[message->to].life;
    sl_sim_push(world, after, &local);
}

bool sl_sim_is_cut(const struct sl_world *world, uint32_t a, uint32_t b) {
    return world->cut != NULL && world->cut[(size_t)a * world->options.nodes + b];
}

static void count_lost(struct sl_world *world, const struct sim_message *message) {
    if (message->round >= 1 && message->round <= world->options.rounds)
        world->rounds[message->round].lost++;
}

static sl_time draw_delay(struct sl_world *world) {
    sl_time jitter = world->options.jitter;
    sl_time extra = jitter > 0 ? (sl_time)sl_random_below(&world->random, (uint64_t)jitter) : 0;
    return world->options.delay + extra;
}

/* ---- slow links: transfers share them ---- */

static sl_time alone(const struct sl_world *world, const struct sim_message *message) {
    double from = world->nodes[message->from].uplink, to = world->nodes[message->to].uplink;
    return sl_time_from_seconds(from > to ? from : to);
}

static uint32_t share(const struct sl_world *world, const struct sim_message *message) {
    const struct sim_node *from = &world->nodes[message->from], *to = &world->nodes[message->to];
    uint32_t sending = from->uplink > 0 ? from->transfers : 1, taking = to->uplink > 0 ? to->transfers : 1;
    return sending > taking ? sending : taking;
}

/* Until it is there if nothing changes on its link; looked at often, since transfers come and are cancelled. */
static sl_time next_look(const struct sl_world *world, const struct sim_message *message) {
    sl_time rest = message->left * (sl_time)share(world, message), often = 20 * SL_MILLISECOND;
    return rest < often ? rest : often;
}

static bool send_slowly(struct sl_world *world, const struct sim_message *message, sl_time trip) {
    sl_time time = alone(world, message);
    if (time == 0)
        return false;
    struct sim_message slow = *message;
    world->nodes[message->from].transfers++;
    world->nodes[message->to].transfers++;
    slow.left = time;
    slow.since = world->now + trip;
    sl_sim_push(world, trip + next_look(world, &slow), &slow);
    return true;
}

static bool is_held(const struct sl_world *world, const struct sim_message *message) {
    const struct sim_view *view = &world->nodes[message->from].views[message->to];
    return view->held_round == message->round && view->turn != message->round;
}

static bool is_wanted(const struct sl_world *world, const struct sim_message *message) {
    const struct sim_node *to = &world->nodes[message->to];
    const struct sim_incoming *incoming = sl_sim_find_incoming(to, message->from, message->round);
    return to->round != NULL && incoming != NULL && incoming->payload == message->payload;
}

/* Not yet sent: its sender has others before it. Looked at often. */
static void hold_back(struct sl_world *world, const struct sim_message *message) {
    struct sim_message held = *message;
    held.held = true;
    sl_sim_push(world, 5 * SL_MILLISECOND, &held);
}

/* True when it stays held, or only now begins. */
static bool waits(struct sl_world *world, const struct sim_message *message) {
    if (!message->held || !is_wanted(world, message))
        return false;
    struct sim_message next = *message;
    sl_sim_payload_ref(next.payload);
    next.held = false;
    if (is_held(world, message))
        hold_back(world, &next);
    else if (!send_slowly(world, &next, draw_delay(world)))
        sl_sim_push(world, draw_delay(world), &next);
    return true;
}

/* True when it is still on its way: others joined it on the link. */
static bool goes_on(struct sl_world *world, const struct sim_message *message) {
    if (message->type != SIM_PAYLOAD || message->left == 0)
        return false;
    bool wanted = is_wanted(world, message);
    sl_time left = message->left - (world->now - message->since) / (sl_time)share(world, message);
    if (!wanted || left <= SL_MILLISECOND) {
        world->nodes[message->from].transfers--;
        world->nodes[message->to].transfers--;
        return false;
    }
    struct sim_message slow = *message;
    slow.left = left;
    slow.since = world->now;
    sl_sim_payload_ref(slow.payload);
    sl_sim_push(world, next_look(world, &slow), &slow);
    return true;
}

void sl_sim_send(struct sl_world *world, const struct sim_message *message) {
    const struct sl_world_options *options = &world->options;
    world->messages++;
    if (sl_sim_is_cut(world, message->from, message->to) ||
        (world->begun && options->loss > 0 && sl_random_unit(&world->random) < options->loss)) {
        count_lost(world, message);
        sl_sim_payload_unref(message->payload);
        free(message->bytes.data);
        return;
    }
    sl_time trip = draw_delay(world);
    if (message->type == SIM_PAYLOAD) {
        world->counts.payloads++;
        if (is_held(world, message)) {
            hold_back(world, message);
            return;
        }
        trip += draw_delay(world); /* the credit's way there, then the bytes */
        if (send_slowly(world, message, trip))
            return;
    }
    if (options->duplicates > 0 && message->bytes.data == NULL &&
        sl_random_unit(&world->random) < options->duplicates) {
        sl_sim_payload_ref(message->payload);
        sl_sim_push(world, 2 * trip + draw_delay(world), message);
    }
    sl_sim_push(world, trip, message);
}

/* ---- arrival ---- */

static void answer_model_request(struct sl_world *world, const struct sim_message *message) {
    const struct sim_node *donor = &world->nodes[message->to];
    struct sim_message answer = {.type = SIM_MODEL_FAILED, .from = message->to, .to = message->from};
    if (donor->done > 0) {
        answer.type = SIM_MODEL;
        answer.round = donor->done;
        answer.payload = sl_sim_payload_create(world, donor->model);
    }
    sl_sim_send(world, &answer);
}

static void take_model(struct sl_world *world, const struct sim_message *message, struct sl_round_event *event) {
    struct sim_node *node = &world->nodes[message->to];
    event->type = SL_ROUND_MODEL_LOADED;
    if (sl_round_phase(node->round) != SL_PHASE_JOIN || message->payload == NULL)
        return;
    memcpy(node->model, message->payload->values, world->options.elements * sizeof(float));
    node->done = message->round;
    sl_sim_audit_begin(world, message->to); /* a founder that came too late gives its own model up */
    sl_sim_store_model(world, message->to);
}

static bool take_payload(struct sl_world *world, const struct sim_message *message) {
    const struct sim_node *node = &world->nodes[message->to];
    struct sim_incoming *incoming = sl_sim_find_incoming(node, message->from, message->round);
    if (incoming == NULL || incoming->payload != message->payload)
        return false;
    incoming->held = true;
    sl_sim_store_payload(world, message->to, incoming);
    return true;
}

static void take_manifest(struct sl_world *world, const struct sim_message *message, struct sl_round_event *event) {
    sl_sim_take_manifest(world, message);
    event->type = SL_ROUND_MANIFEST;
    event->manifest = &message->body.manifest.manifest;
    event->digest = message->body.manifest.digest;
}

static void deliver_message(struct sl_world *world, struct sim_message *message) {
    struct sl_round_event event = {.peer = world->nodes[message->from].name, .round = message->round};
    switch (message->type) {
    case SIM_MANIFEST:
        take_manifest(world, message, &event);
        break;
    case SIM_PAYLOAD:
        if (!take_payload(world, message))
            return; /* released meanwhile */
        event.type = SL_ROUND_HELD;
        break;
    case SIM_READY:
        event.type = SL_ROUND_READY;
        event.ready = &message->body.ready;
        break;
    case SIM_VERDICT:
        event.type = SL_ROUND_VERDICT;
        event.verdict = &message->body.verdict;
        break;
    case SIM_PASS:
        event.type = SL_ROUND_PASS;
        event.pass = &message->body.pass;
        break;
    case SIM_PROGRESS:
        event.type = SL_ROUND_PROGRESS;
        event.progress = &message->body.progress;
        break;
    case SIM_MODEL_REQUEST:
        answer_model_request(world, message);
        return;
    case SIM_MODEL:
        take_model(world, message, &event);
        break;
    case SIM_MODEL_FAILED:
        event.type = SL_ROUND_MODEL_FAILED;
        break;
    case SIM_ROSTER:
    case SIM_MEMBERSHIP_FRAME:
    case SIM_PING:
    case SIM_PONG:
    case SIM_TIMER:
    case SIM_TRAINED:
    case SIM_PUBLISHED:
    case SIM_MIXED:
    case SIM_TELL_MEMBERS:
    case SIM_FLUSHED:
    case SIM_MEMBERSHIP_TIMER:
    case SIM_DIALLED:
    case SIM_PEER_DOWN:
    case SIM_MEMBER_UP:
    case SIM_MEMBER_DOWN:
    case SIM_MEMBER_FROM:
        return;
    }
    sl_world_feed(world, message->to, &event);
}

static void train(struct sl_world *world, uint32_t number, uint64_t round) {
    const struct sl_world_hooks *hooks = &world->options.hooks;
    if (hooks->train == NULL || round + world->options.averaging_rounds > world->options.rounds)
        return;
    sl_sim_audit_train(world, number, -1);
    hooks->train(hooks->context, number, round, world->nodes[number].model);
    sl_sim_audit_train(world, number, 1);
}

static void deliver_local(struct sl_world *world, const struct sim_message *message) {
    struct sim_node *node = &world->nodes[message->to];
    struct sl_round_event event = {.type = SL_ROUND_TIMER, .round = message->round};
    if (message->life != node->life)
        return;
    if (message->type == SIM_TIMER && message->body.wake != node->wake)
        return;
    if (message->type == SIM_TELL_MEMBERS) {
        sl_sim_tell_members(world, message->to);
        return;
    }
    if (message->type == SIM_FLUSHED) {
        sl_sim_flushed(world, message->to, message->round);
        return;
    }
    if (message->type == SIM_TRAINED) {
        train(world, message->to, message->round);
        event.type = SL_ROUND_TRAINED;
    } else if (message->type == SIM_PUBLISHED) {
        sl_sim_store_own(world, message->to);
        event.type = SL_ROUND_PUBLISHED;
        event.digest = node->digest;
    } else if (message->type == SIM_MIXED) {
        sl_sim_store_model(world, message->to);
        event.type = SL_ROUND_MIXED;
    }
    sl_world_feed(world, message->to, &event);
}

void sl_sim_deliver(struct sl_world *world, struct sim_message *message) {
    const struct sim_node *node = message->to != EVERYBODY ? &world->nodes[message->to] : NULL;
    bool up = node != NULL && node->round != NULL && !node->finished;
    if (node != NULL && world->now < node->paused_until) { /* stopped: it waits in the socket, or is late */
        sl_sim_push(world, node->paused_until - world->now, message);
        free(message);
        return;
    }
    if (waits(world, message) || goes_on(world, message))
        up = false;
    if (message->type >= SIM_MEMBER_UP && message->type <= SIM_MEMBER_FROM)
        sl_sim_deliver_membership(world, message);
    else if (up && message->type <= SIM_TELL_MEMBERS)
        deliver_local(world, message);
    else if (up && message->type <= SIM_PEER_DOWN)
        sl_sim_deliver_to_membership(world, message);
    else if (up && (world->links == NULL || sl_sim_hear(world, message)))
        deliver_message(world, message);
    sl_sim_payload_unref(message->payload);
    sl_buffer_finish(&message->bytes);
    free(message);
}
