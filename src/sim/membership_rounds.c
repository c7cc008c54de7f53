#include "sim/membership_rounds.h"

#include <stdlib.h>
#include <string.h>

#include "overlay/overlay.h"
#include "sim/internal.h"

enum { FOUNDERS_MAX = 128, ROUNDS = 400, MEASURED = 10, SUSPECT_PERIODS = 4 };
#define LOOK_EVERY (20 * SL_MILLISECOND)
#define PATIENCE (300 * SL_SECOND)

static enum sl_status create(struct sl_world **out, const struct sl_topology *topology,
                             const struct sl_sim_rounds_options *options) {
    const struct sl_world_options world = {.nodes = options->nodes + 1, /* the last one is who joins */
                                           .founders = options->nodes < FOUNDERS_MAX ? options->nodes : FOUNDERS_MAX,
                                           .elements = 1,
                                           .rounds = ROUNDS,
                                           .averaging_rounds = 1,
                                           .seed = options->seed,
                                           .topology = topology,
                                           .delay = options->delay,
                                           .jitter = options->jitter,
                                           .training_time = SL_SECOND,
                                           .suspect_after = SUSPECT_PERIODS * options->probe_period,
                                           .deadline_min = 200 * SL_MILLISECOND,
                                           .deadline_max = 2 * SL_SECOND,
                                           .linger_max = SL_SECOND,
                                           .membership = true};
    return sl_world_create(out, &world, NULL);
}

/* The first round after `from` that so many nodes closed, 0: there is none yet. */
static uint64_t first_round_of(const struct sl_world *world, uint64_t from, uint32_t nodes) {
    for (uint64_t t = from + 1; t <= world->options.rounds; t++) {
        const struct sl_world_round *row = sl_world_round(world, t);
        if (row->closed >= nodes && row->counted > 0)
            return t;
    }
    return 0;
}

/* Until there is such a round. */
static enum sl_status run_to_round(struct sl_world *world, uint64_t from, uint32_t nodes, uint64_t *number) {
    sl_time until = sl_world_now(world) + PATIENCE;
    while ((*number = first_round_of(world, from, nodes)) == 0 && world->status == SL_OK) {
        if (sl_world_now(world) >= until || world->queue.count == 0)
            return SL_STATE;
        sl_world_run(world, sl_world_now(world) + LOOK_EVERY);
    }
    return world->status;
}

static uint64_t furthest_round(const struct sl_world *world) {
    uint64_t furthest = 0;
    for (uint32_t i = 0; i < world->options.nodes; i++) {
        const struct sl_round *round = sl_world_machine(world, i);
        uint64_t current = round != NULL ? sl_round_current(round) : 0;
        furthest = current > furthest ? current : furthest;
    }
    return furthest;
}

static int compare_name(const void *name, const void *member) {
    return strcmp(name, ((const struct sl_member *)member)->entry.node);
}

/* … and from which round on it takes part. */
static bool knows(const struct sl_membership *membership, const char *name) {
    size_t count = 0;
    const struct sl_member *members = sl_membership_members(membership, &count);
    const struct sl_member *member = bsearch(name, members, count, sizeof *members, compare_name);
    return member != NULL && member->entry.from_round != 0;
}

static bool is_known_to_all(const struct sl_world *world, uint32_t about) {
    for (uint32_t i = 0; i < world->options.nodes; i++) {
        const struct sl_membership *membership = world->nodes[i].membership;
        if (membership != NULL && i != about && !knows(membership, world->nodes[about].name))
            return false;
    }
    return true;
}

static enum sl_status measure_models(struct sl_sim_rounds_outcome *out, struct sl_world *world, uint32_t nodes) {
    uint64_t first = 0, last = 0;
    enum sl_status status = run_to_round(world, 0, nodes, &first);
    uint64_t before = sl_world_counts(world)->payloads;
    if (status == SL_OK)
        status = run_to_round(world, first + MEASURED - 1, nodes, &last);
    uint64_t sent = sl_world_counts(world)->payloads - before;
    out->models = status == SL_OK ? (double)sent / ((double)nodes * (double)(last - first)) : 0;
    return status;
}

static enum sl_status measure_join(struct sl_sim_rounds_outcome *out, struct sl_world *world, uint32_t joiner) {
    sl_time began = sl_world_now(world);
    uint64_t first = 0, before = furthest_round(world);
    sl_world_start(world, joiner);
    while (!is_known_to_all(world, joiner) && world->status == SL_OK) {
        if (sl_world_now(world) >= began + PATIENCE)
            return SL_STATE;
        sl_world_run(world, sl_world_now(world) + LOOK_EVERY);
    }
    out->join_known = sl_time_to_seconds(sl_world_now(world) - began);
    uint64_t known = furthest_round(world);
    enum sl_status status = world->status;
    if (status == SL_OK)
        status = run_to_round(world, known - 1, joiner + 1, &first);
    out->join_rounds = (double)(first - known);
    out->join_rounds_in_all = (double)(first - before);
    return status;
}

enum sl_status sl_sim_measure_rounds(struct sl_sim_rounds_outcome *out, const struct sl_sim_rounds_options *options) {
    struct sl_world *world = NULL;
    const struct sl_topology topology = {.kind = SL_TOPOLOGY_REGULAR, .degree = options->degree};
    *out = (struct sl_sim_rounds_outcome){0};
    enum sl_status status = create(&world, &topology, options);
    if (status != SL_OK)
        return status;
    sl_world_run(world, SL_SECOND);
    for (uint32_t i = world->options.founders; i < options->nodes; i++) {
        sl_world_start(world, i);
        sl_world_run(world, sl_world_now(world) + LOOK_EVERY);
    }
    status = measure_models(out, world, options->nodes);
    if (status == SL_OK)
        status = measure_join(out, world, options->nodes);
    sl_world_destroy(world);
    return status;
}
