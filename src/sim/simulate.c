/* `starling simulate`: a flock that only averages (no local steps). */
#include <starling/simulate.h>

#include "overlay/overlay.h"
#include "sim/simulate_report.h"
#include "sim/world.h"

enum {
    NODES_MAX = 100000,
    ROUNDS_MAX = 1000000,
    ELEMENTS_MAX = 1 << 24,
    CONTACTS_FROM = 128, /* up to that many nodes everybody is connected with everybody */
    CONTACTS = 12
};

void sl_simulation_defaults(struct sl_simulation_options *options) {
    *options = (struct sl_simulation_options){.nodes = 100,
                                              .rounds = 100,
                                              .seed = 1,
                                              .topology = "regular:6",
                                              .elements = 16,
                                              .loss = 0,
                                              .delay = 0.010,
                                              .jitter = 0.005,
                                              .deadline_min = 0.2,
                                              .deadline_max = 2,
                                              .json = false};
}

/* ---- the run ---- */

static enum sl_status check(const struct sl_simulation_options *options, struct sl_error *error) {
    if (options->nodes < 1 || options->nodes > NODES_MAX)
        return sl_error_set(error, SL_USAGE, "nodes: expected 1 … %d", NODES_MAX);
    if (options->rounds < 1 || options->rounds > ROUNDS_MAX)
        return sl_error_set(error, SL_USAGE, "rounds: expected 1 … %d", ROUNDS_MAX);
    if (options->elements < 1 || options->elements > ELEMENTS_MAX)
        return sl_error_set(error, SL_USAGE, "elements: expected 1 … %d", ELEMENTS_MAX);
    if (!(options->loss >= 0 && options->loss < 1))
        return sl_error_set(error, SL_USAGE, "loss: expected a share in [0, 1)");
    if (!(options->delay >= 0 && options->delay <= 3600 && options->jitter >= 0 && options->jitter <= 3600))
        return sl_error_set(error, SL_USAGE, "delay and jitter: expected seconds, 0 … 3600");
    if (!(options->deadline_min >= 0.001 && options->deadline_min <= options->deadline_max &&
          options->deadline_max <= 86400))
        return sl_error_set(error, SL_USAGE, "deadlines: expected seconds, 0.001 ≤ minimum ≤ maximum ≤ 86400");
    return SL_OK;
}

static enum sl_status create_world(struct sl_world **out, const struct sl_simulation_options *options,
                                   const struct sl_topology *topology, struct sl_error *error) {
    const struct sl_world_options world = {.nodes = options->nodes,
                                           .elements = options->elements,
                                           .rounds = options->rounds,
                                           .averaging_rounds = options->rounds,
                                           .seed = options->seed,
                                           .topology = topology,
                                           .contacts = options->nodes > CONTACTS_FROM ? CONTACTS : 0,
                                           .loss = options->loss,
                                           .delay = sl_time_from_seconds(options->delay),
                                           .jitter = sl_time_from_seconds(options->jitter),
                                           .suspect_after = sl_time_from_seconds(options->deadline_max),
                                           .deadline_min = sl_time_from_seconds(options->deadline_min),
                                           .deadline_max = sl_time_from_seconds(options->deadline_max),
                                           .linger_max = sl_time_from_seconds(2 * options->deadline_max)};
    return sl_world_create(out, &world, error);
}

enum sl_status sl_simulate(const struct sl_simulation_options *options, FILE *out, struct sl_error *error) {
    struct sl_topology topology;
    struct sl_world *world = NULL;
    enum sl_status status = check(options, error);
    if (status != SL_OK)
        return status;
    status = sl_topology_parse(&topology, options->topology, error);
    if (status != SL_OK)
        return status;
    if (options->nodes > 2)
        status = sl_topology_check(&topology, options->nodes, error);
    if (status == SL_OK)
        status = create_world(&world, options, &topology, error);
    if (status == SL_OK) {
        status = sl_sim_report(options, world, out);
        if (status != SL_OK)
            (void)sl_error_set(error, status, "the simulation cannot go on: %s", sl_status_text(status));
    }
    sl_world_destroy(world);
    sl_topology_finish(&topology);
    return status;
}
