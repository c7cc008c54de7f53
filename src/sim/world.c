#include "sim/internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "crypto/digest.h"

enum { STREAM_NETWORK = 1, STREAM_VALUES = 2, STREAM_LINEAGES = 3 };

uint32_t sl_world_index(const char *name) {
    return (uint32_t)strtoul(name + 1, NULL, 10);
}

static struct sl_round_options machine_options(const struct sl_world *world, const struct sim_node *node) {
    const struct sl_world_options *options = &world->options;
    uint32_t founders = options->founders > 0 ? options->founders : options->nodes;
    return (struct sl_round_options){.self = node->name,
                                     .tag = node->tag,
                                     .lineage = node->lineage,
                                     .epoch = SIM_EPOCH,
                                     .seed = options->seed,
                                     .rounds = options->rounds,
                                     .averaging_rounds = options->averaging_rounds,
                                     .topology = options->topology,
                                     .graphs = world->graphs,
                                     .by_samples = options->samples != NULL,
                                     .deadline_min = options->deadline_min,
                                     .deadline_max = options->deadline_max,
                                     .linger_max = options->linger_max,
                                     .start_nodes = founders,
                                     .min_peers_to_start = founders - 1,
                                     .min_peers_per_round = options->min_peers_per_round,
                                     .below = SL_ROUND_BELOW_WAIT,
                                     .pending_max = options->pending_max,
                                     .stale_rounds = options->stale_rounds,
                                     .donors = options->donors,
                                     .lineage_seed = options->seed};
}

enum sl_status sl_sim_create_machine(struct sl_world *world, uint32_t number, const struct sl_round_options *saved) {
    struct sim_node *node = &world->nodes[number];
    struct sl_round_options options = machine_options(world, node);
    if (saved != NULL) {
        options.restored = saved->restored;
        options.held = saved->held;
        options.held_count = saved->held_count;
        options.model_round = saved->model_round;
        options.done_rounds = saved->done_rounds;
    }
    return sl_round_create(&node->round, &options, NULL);
}

enum sl_status sl_sim_start_machine(struct sl_world *world, uint32_t number) {
    struct sim_node *node = &world->nodes[number];
    bool resumed = false;
    node->life++;
    node->stale = node->lost = false;
    enum sl_status status = sl_sim_recover(world, number, &resumed);
    if (status != SL_OK || resumed)
        return status;
    if (node->life > 1)
        sl_sim_audit_lost(world, number);
    sl_sim_format_disk(world, number);
    node->lineage = sl_philox_u64(world->options.seed, number + ((uint64_t)STREAM_LINEAGES << 32), node->life) | 1;
    sl_sim_store_model(world, number);
    return sl_sim_create_machine(world, number, NULL);
}

sl_time sl_sim_clock(const struct sl_world *world, uint32_t number) {
    const struct sim_node *node = &world->nodes[number];
    sl_time passed = world->now - node->clock_since;
    return node->clock_base + (node->clock_rate == 1 ? passed : (sl_time)((double)passed * node->clock_rate));
}

static enum sl_status init_node(struct sl_world *world, uint32_t number) {
    const struct sl_world_options *options = &world->options;
    struct sim_node *node = &world->nodes[number];
    struct sl_digest digest;
    (void)snprintf(node->name, sizeof node->name, "n%06u", number);
    sl_digest_of(&digest, node->name, strlen(node->name));
    node->tag = sl_get_u64(digest.bytes);
    node->samples = options->samples != NULL ? options->samples[number] : 1;
    node->clock_rate = 1;
    node->uplink = options->uplink != NULL ? options->uplink[number] : 0;
    node->slowness = options->slowness != NULL ? options->slowness[number] : 1;
    node->model = malloc(options->elements * sizeof *node->model);
    node->views = calloc(options->nodes, sizeof *node->views);
    if (node->model == NULL || node->views == NULL)
        return SL_NO_MEMORY;
    struct sl_random random;
    sl_random_init(&random, options->seed, ((uint64_t)STREAM_VALUES << 32) + number);
    for (uint32_t i = 0; i < options->elements; i++)
        node->model[i] = options->initial != NULL ? options->initial[(size_t)number * options->elements + i]
                                                  : (float)sl_random_normal(&random);
    return SL_OK;
}

static enum sl_status start_founders(struct sl_world *world) {
    uint32_t founders = world->options.founders > 0 ? world->options.founders : world->options.nodes;
    for (uint32_t i = 0; i < founders; i++) {
        enum sl_status status = sl_sim_start_machine(world, i);
        if (status != SL_OK)
            return status;
        sl_sim_audit_begin(world, i);
        if (world->links != NULL) {
            status = sl_sim_start_membership(world, i);
            if (status != SL_OK)
                return status;
        }
        for (uint32_t j = 0; j < founders; j++)
            world->nodes[i].views[j] = (struct sim_view){.live = true, .connected = true};
    }
    for (uint32_t i = 0; world->links == NULL && i < founders; i++)
        sl_sim_tell_members(world, i);
    return world->status;
}

static enum sl_status init_world(struct sl_world *world) {
    const struct sl_world_options *options = &world->options;
    world->nodes = calloc(options->nodes, sizeof *world->nodes);
    world->members = calloc(options->nodes, sizeof *world->members);
    world->rounds = calloc(options->rounds + 1, sizeof *world->rounds);
    world->graphs = sl_graph_cache_create();
    if (world->nodes == NULL || world->members == NULL || world->rounds == NULL || world->graphs == NULL)
        return SL_NO_MEMORY;
    /* Memory for the rows is taken from the system here, not as the run goes on: what grows then is a leak. */
    for (uint64_t i = 1; i <= options->rounds; i++)
        world->rounds[i].wanted = true;
    sl_random_init(&world->random, options->seed, STREAM_NETWORK);
    enum sl_status status = SL_OK;
    for (uint32_t i = 0; status == SL_OK && i < options->nodes; i++)
        status = init_node(world, i);
    if (status == SL_OK)
        status = sl_sim_choose_contacts(world);
    if (status == SL_OK && options->membership) {
        world->links = calloc((size_t)options->nodes * options->nodes, sizeof *world->links);
        status = world->links != NULL ? SL_OK : SL_NO_MEMORY;
    }
    if (status == SL_OK && options->audit)
        status = sl_sim_audit_create(world);
    return status == SL_OK ? start_founders(world) : status;
}

enum sl_status sl_world_create(struct sl_world **out, const struct sl_world_options *options, struct sl_error *error) {
    assert(options->nodes > 0 && options->nodes < 1000000 && options->elements > 0 && options->rounds > 0);
    struct sl_world *world = calloc(1, sizeof *world);
    if (world == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "out of memory for a simulation");
    world->options = *options;
    enum sl_status status = init_world(world);
    world->options.initial = NULL;
    world->options.slowness = NULL;
    world->options.uplink = NULL;
    if (status != SL_OK) {
        sl_world_destroy(world);
        return sl_error_set(error, status, "cannot set up a simulation of %u nodes: %s", options->nodes,
                            sl_status_text(status));
    }
    *out = world;
    return SL_OK;
}

static void finish_node(struct sim_node *node) {
    sl_sim_forget_payloads(node);
    sl_membership_destroy(node->membership);
    free(node->incoming);
    free(node->pending);
    free(node->late);
    free(node->contacts);
    free(node->views);
    free(node->model);
    sl_round_destroy(node->round);
}

void sl_world_destroy(struct sl_world *world) {
    if (world == NULL)
        return;
    for (struct sl_sim_item item = sl_sim_queue_pop(&world->queue); item.what != NULL;
         item = sl_sim_queue_pop(&world->queue)) {
        sl_sim_payload_unref(((struct sim_message *)item.what)->payload);
        sl_buffer_finish(&((struct sim_message *)item.what)->bytes);
        free(item.what);
    }
    sl_sim_queue_finish(&world->queue);
    sl_sim_audit_destroy(world);
    for (uint32_t i = 0; world->nodes != NULL && i < world->options.nodes; i++) {
        sl_sim_format_disk(world, i);
        finish_node(&world->nodes[i]);
    }
    for (uint64_t i = 1; world->rounds != NULL && i <= world->options.rounds; i++)
        sl_world_forget_values(world, i);
    free(world->rounds);
    free(world->nodes);
    free(world->members);
    free(world->cut);
    free(world->links);
    sl_membership_actions_finish(&world->membership_actions);
    sl_graph_cache_destroy(world->graphs);
    sl_round_actions_finish(&world->actions);
    free(world);
}

/* A step is atomic: what it decides is in its record. */
static void note_edges(struct sl_world *world, uint32_t number) {
    for (size_t i = 0; i < world->actions.count; i++)
        if (world->actions.items[i].type == SL_ROUND_EDGE)
            sl_sim_audit_edge(world, number, &world->actions.items[i]);
}

void sl_world_feed(struct sl_world *world, uint32_t number, const struct sl_round_event *event) {
    struct sim_node *node = &world->nodes[number];
    const struct sl_world_hooks *hooks = &world->options.hooks;
    if (node->round == NULL)
        return; /* its disk broke in the step before */
    if (hooks->before != NULL)
        hooks->before(hooks->context, world, number, event);
    enum sl_status status = sl_round_step(node->round, event, sl_sim_clock(world, number), &world->actions);
    if (status != SL_OK)
        world->status = status;
    note_edges(world, number);
    if (world->actions.save && node->disk.broken) { /* nothing of the step leaves */
        sl_round_actions_clear(&world->actions);
        sl_world_kill(world, number, SL_DISK_LOST);
        return;
    }
    uint64_t record = world->actions.save ? sl_sim_append(world, number) : 0;
    for (size_t i = 0; i < world->actions.count && world->status == SL_OK; i++) {
        const struct sl_round_action *action = &world->actions.items[i];
        if (hooks->intercept != NULL && hooks->intercept(hooks->context, world, number, action))
            continue;
        if (!sl_sim_must_wait(world, number, action, record))
            sl_world_carry_out(world, number, action);
    }
    sl_round_actions_clear(&world->actions);
    if (!world->options.disks && world->audit != NULL)
        sl_sim_audit_flushed(world, number, SIZE_MAX);
    sl_sim_audit_check(world, number);
    if (hooks->after != NULL)
        hooks->after(hooks->context, world, number);
}

bool sl_world_step(struct sl_world *world) {
    struct sl_sim_item item = sl_sim_queue_pop(&world->queue);
    if (item.what == NULL)
        return false;
    world->now = item.at;
    sl_sim_deliver(world, item.what);
    return world->status == SL_OK;
}

void sl_world_run(struct sl_world *world, sl_time until) {
    while (world->queue.count > 0 && world->queue.items[0].at <= until && sl_world_step(world))
        ;
    if (until != SL_NEVER && world->now < until)
        world->now = until;
}
