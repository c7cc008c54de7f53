/* What tests do to a flock, and what they see of it. */
#include "sim/internal.h"

#include <stdlib.h>
#include <string.h>

void sl_world_crash(struct sl_world *world, uint32_t number) {
    sl_world_kill(world, number, SL_DISK_LOST);
}

void sl_world_kill(struct sl_world *world, uint32_t number, enum sl_world_disk left) {
    struct sim_node *node = &world->nodes[number];
    if (node->round == NULL)
        return;
    if (!world->options.disks || left == SL_DISK_LOST) {
        sl_sim_audit_lost(world, number);
        sl_sim_format_disk(world, number);
        node->lost = true;
        node->done = 0;
        memset(node->model, 0, world->options.elements * sizeof *node->model);
    } else if (left == SL_DISK_FLUSHED) {
        sl_sim_drop_unflushed(world, number);
    }
    node->disk.waiting_count = 0;
    node->paused_until = 0;
    if (world->links != NULL)
        sl_sim_end_membership(world, number, false);
    sl_round_destroy(node->round);
    node->round = NULL;
    sl_sim_forget_payloads(node);
    sl_sim_tell_all(world, SIM_MEMBER_DOWN, number, node->life, world->options.suspect_after);
}

void sl_world_start(struct sl_world *world, uint32_t number) {
    struct sim_node *node = &world->nodes[number];
    if (node->round != NULL)
        return;
    const struct sl_world_options *options = &world->options;
    enum sl_status status = sl_sim_start_machine(world, number);
    if (status != SL_OK) {
        world->status = status;
        return;
    }
    node->finished = false;
    if (world->links != NULL) {
        status = sl_sim_start_membership(world, number);
        if (status != SL_OK)
            world->status = status;
        return;
    }
    for (uint32_t i = 0; i < options->nodes; i++) {
        const struct sim_node *other = &world->nodes[i];
        bool up = i != number && other->round != NULL && !other->finished &&
                  (world->cut == NULL || !world->cut[(size_t)number * options->nodes + i]);
        node->views[i] = (struct sim_view){.live = up, .connected = up, .from_round = other->views[i].from_round};
    }
    if (sl_round_current(node->round) == 0) { /* else it says so itself */
        node->views[number].from_round = 0;
        sl_sim_tell_all(world, SIM_MEMBER_FROM, number, 0, options->delay);
    }
    sl_sim_tell_all(world, SIM_MEMBER_UP, number, node->life, options->delay);
    sl_sim_tell_members(world, number);
}

void sl_world_cut(struct sl_world *world, uint32_t a, uint32_t b, bool cut) {
    uint32_t nodes = world->options.nodes;
    if (world->cut == NULL)
        world->cut = calloc((size_t)nodes * nodes, sizeof *world->cut);
    if (world->cut == NULL) {
        world->status = SL_NO_MEMORY;
        return;
    }
    bool *one = &world->cut[(size_t)a * nodes + b], *other = &world->cut[(size_t)b * nodes + a];
    if (*one == cut)
        return;
    *one = *other = cut;
    if (world->links != NULL || world->nodes[a].round == NULL || world->nodes[b].round == NULL)
        return;
    enum sim_message_type type = cut ? SIM_MEMBER_DOWN : SIM_MEMBER_UP;
    sl_time after = cut ? world->options.suspect_after : world->options.delay;
    sl_sim_push(world, after, &(struct sim_message){.type = type, .to = a, .about = b, .round = world->nodes[b].life});
    sl_sim_push(world, after, &(struct sim_message){.type = type, .to = b, .about = a, .round = world->nodes[a].life});
}

void sl_world_break_disk(struct sl_world *world, uint32_t number) {
    world->nodes[number].disk.broken = world->options.disks;
}

void sl_world_pause(struct sl_world *world, uint32_t number, sl_time time) {
    world->nodes[number].paused_until = world->now + time;
}

void sl_world_skew(struct sl_world *world, uint32_t number, double rate) {
    struct sim_node *node = &world->nodes[number];
    node->clock_base = sl_sim_clock(world, number);
    node->clock_since = world->now;
    node->clock_rate = rate;
}

void sl_world_set_loss(struct sl_world *world, double loss) {
    world->options.loss = loss;
}

void sl_world_stop(struct sl_world *world, uint32_t number) {
    if (world->nodes[number].round != NULL && !world->nodes[number].finished)
        sl_world_feed(world, number, &(struct sl_round_event){.type = SL_ROUND_STOP});
}

/* ---- what is seen ---- */

enum sl_status sl_world_status(const struct sl_world *world) {
    return world->status;
}

sl_time sl_world_now(const struct sl_world *world) {
    return world->now;
}

const struct sl_round *sl_world_machine(const struct sl_world *world, uint32_t node) {
    return world->nodes[node].round;
}

const float *sl_world_model(const struct sl_world *world, uint32_t node) {
    return world->nodes[node].model;
}

uint64_t sl_world_done(const struct sl_world *world, uint32_t node) {
    return world->nodes[node].done;
}

bool sl_world_is_finished(const struct sl_world *world, uint32_t node, enum sl_status *status) {
    if (status != NULL)
        *status = world->nodes[node].outcome;
    return world->nodes[node].finished;
}

const char *sl_world_audit_error(const struct sl_world *world) {
    return sl_sim_audit_error(world);
}

void sl_world_ledger(const struct sl_world *world, double *out) {
    sl_sim_audit_ledger(world, out);
}

void sl_world_present_mass(const struct sl_world *world, double *out) {
    sl_sim_audit_present(world, out);
}

const struct sl_world_counts *sl_world_counts(const struct sl_world *world) {
    return &world->counts;
}

void sl_world_mass(const struct sl_world *world, uint32_t node, double *out) {
    sl_sim_audit_mass(world, node, out);
}

const struct sl_world_round *sl_world_round(const struct sl_world *world, uint64_t number) {
    return &world->rounds[number];
}

void sl_world_forget_values(struct sl_world *world, uint64_t number) {
    free(world->rounds[number].values);
    free(world->rounds[number].has);
    world->rounds[number].values = NULL;
    world->rounds[number].has = NULL;
    world->rounds[number].wanted = false;
}
