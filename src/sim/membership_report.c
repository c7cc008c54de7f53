/* The report of `starling simulate membership`. */
#include <starling/simulate.h>

#include <inttypes.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "sim/membership_flock.h"
#include "sim/membership_rounds.h"
#include "json/json.h"

enum {
    NODES_MAX = 20000,
    ROUNDS_NODES_MAX = 2000,
    DEGREE = 4,
    SEEDS_MAX = 1000,
    WARM_PERIODS = 10,
    REST_PERIODS = 60,
    PATIENCE_PERIODS = 300
};
#define HOURS_MAX 1000.0

void sl_membership_simulation_defaults(struct sl_membership_simulation_options *options) {
    *options = (struct sl_membership_simulation_options){.nodes = 16,
                                                         .seeds = 20,
                                                         .seed = 1,
                                                         .probe_period = 1,
                                                         .delay = 0.010,
                                                         .jitter = 0.005,
                                                         .loss = 0.1,
                                                         .hours = 1};
}

/* What one seed gave. */
enum { MESSAGES, BYTES, CRASH, JOIN, LOSSY_MESSAGES, LOSSY_CRASH, MODELS, JOIN_ROUNDS, JOIN_IN_ALL, VALUES };
struct outcome {
    double values[VALUES];
    uint64_t suspicions, false_drops;
};

static enum sl_status check(const struct sl_membership_simulation_options *options, struct sl_error *error) {
    if (options->nodes < 3 || options->nodes > NODES_MAX)
        return sl_error_set(error, SL_USAGE, "nodes: expected 3 … %d", NODES_MAX);
    if (options->rounds && options->nodes > ROUNDS_NODES_MAX)
        return sl_error_set(error, SL_USAGE, "nodes: with rounds expected 3 … %d", ROUNDS_NODES_MAX);
    if (options->seeds < 1 || options->seeds > SEEDS_MAX)
        return sl_error_set(error, SL_USAGE, "seeds: expected 1 … %d", SEEDS_MAX);
    if (!(options->probe_period >= 0.001 && options->probe_period <= 3600))
        return sl_error_set(error, SL_USAGE, "probe period: expected seconds, 0.001 … 3600");
    if (!(options->delay >= 0 && options->delay <= 3600 && options->jitter >= 0 && options->jitter <= 3600))
        return sl_error_set(error, SL_USAGE, "delay and jitter: expected seconds, 0 … 3600");
    if (!(options->loss >= 0 && options->loss < 1))
        return sl_error_set(error, SL_USAGE, "loss: expected a share in [0, 1)");
    if (!(options->hours >= 0 && options->hours <= HOURS_MAX))
        return sl_error_set(error, SL_USAGE, "hours: expected 0 … %g", HOURS_MAX);
    return SL_OK;
}

/* ---- one seed ---- */

static enum sl_status create(struct sl_sim_flock **out, const struct sl_membership_simulation_options *options,
                             uint64_t seed, double loss) {
    const struct sl_sim_flock_options flock = {.nodes = options->nodes,
                                               .seed = seed,
                                               .probe_period = sl_time_from_seconds(options->probe_period),
                                               .delay = sl_time_from_seconds(options->delay),
                                               .jitter = sl_time_from_seconds(options->jitter),
                                               .loss = loss};
    enum sl_status status = sl_sim_flock_create(out, &flock);
    /* Until those that began together don't any more. */
    return status == SL_OK ? sl_sim_flock_run(*out, WARM_PERIODS * flock.probe_period) : status;
}

/* Runs on and leaves frames, and bytes, a node and second. */
static enum sl_status measure_rest(struct sl_sim_flock *flock, uint32_t nodes, sl_time duration, double *messages,
                                   double *bytes) {
    const struct sl_sim_flock_counts before = sl_sim_flock_counts(flock);
    enum sl_status status = sl_sim_flock_run(flock, sl_sim_flock_now(flock) + duration);
    const struct sl_sim_flock_counts after = sl_sim_flock_counts(flock);
    double share = 1 / ((double)nodes * sl_time_to_seconds(duration));
    *messages = (double)(after.messages - before.messages) * share;
    *bytes = (double)(after.bytes - before.bytes) * share;
    return status;
}

/* *seconds until all know what has become of that node. */
static enum sl_status measure_news(struct sl_sim_flock *flock, uint32_t node, sl_time period, double *seconds) {
    bool known = false;
    sl_time began = sl_sim_flock_now(flock);
    enum sl_status status = sl_sim_flock_run_until_known(flock, node, began + PATIENCE_PERIODS * period, &known);
    *seconds = sl_time_to_seconds(known ? sl_sim_flock_now(flock) - began : PATIENCE_PERIODS * period);
    return status;
}

static enum sl_status run_quietly(const struct sl_membership_simulation_options *options, uint64_t seed,
                                  struct outcome *outcome) {
    struct sl_sim_flock *flock = NULL;
    sl_time period = sl_time_from_seconds(options->probe_period);
    uint32_t node = (uint32_t)(seed % options->nodes);
    enum sl_status status = create(&flock, options, seed, 0);
    if (status == SL_OK)
        status = measure_rest(flock, options->nodes, REST_PERIODS * period, &outcome->values[MESSAGES],
                              &outcome->values[BYTES]);
    if (status == SL_OK) {
        sl_sim_flock_crash(flock, node);
        status = measure_news(flock, node, period, &outcome->values[CRASH]);
    }
    if (status == SL_OK)
        status = sl_sim_flock_start(flock, node, (node + 1) % options->nodes);
    if (status == SL_OK)
        status = measure_news(flock, node, period, &outcome->values[JOIN]);
    sl_sim_flock_destroy(flock);
    return status;
}

static enum sl_status run_with_loss(const struct sl_membership_simulation_options *options, uint64_t seed,
                                    struct outcome *outcome) {
    struct sl_sim_flock *flock = NULL;
    double bytes;
    enum sl_status status = create(&flock, options, seed, options->loss);
    if (status == SL_OK)
        status = measure_rest(flock, options->nodes, sl_time_from_seconds(3600 * options->hours),
                              &outcome->values[LOSSY_MESSAGES], &bytes);
    if (status == SL_OK) {
        const struct sl_sim_flock_counts counts = sl_sim_flock_counts(flock);
        uint32_t node = (uint32_t)(seed % options->nodes);
        outcome->suspicions = counts.suspicions;
        outcome->false_drops = counts.false_drops;
        sl_sim_flock_crash(flock, node);
        status = measure_news(flock, node, sl_time_from_seconds(options->probe_period), &outcome->values[LOSSY_CRASH]);
    }
    sl_sim_flock_destroy(flock);
    return status;
}

static enum sl_status run_rounds(const struct sl_membership_simulation_options *options, uint64_t seed,
                                 struct outcome *outcome) {
    const struct sl_sim_rounds_options rounds = {.nodes = options->nodes,
                                                 .seed = seed,
                                                 .degree = DEGREE,
                                                 .probe_period = sl_time_from_seconds(options->probe_period),
                                                 .delay = sl_time_from_seconds(options->delay),
                                                 .jitter = sl_time_from_seconds(options->jitter)};
    struct sl_sim_rounds_outcome measured;
    enum sl_status status = sl_sim_measure_rounds(&measured, &rounds);
    outcome->values[MODELS] = measured.models;
    outcome->values[JOIN_ROUNDS] = measured.join_rounds;
    outcome->values[JOIN_IN_ALL] = measured.join_rounds_in_all;
    return status;
}

static enum sl_status run_seed(const struct sl_membership_simulation_options *options, uint64_t seed,
                               struct outcome *outcome) {
    enum sl_status status = run_quietly(options, seed, outcome);
    if (status == SL_OK && options->hours > 0)
        status = run_with_loss(options, seed, outcome);
    if (status == SL_OK && options->rounds)
        status = run_rounds(options, seed, outcome);
    return status;
}

/* ---- the line ---- */

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(const struct outcome *outcomes, size_t count, size_t value) {
    double sorted[SEEDS_MAX];
    for (size_t i = 0; i < count; i++)
        sorted[i] = outcomes[i].values[value];
    qsort(sorted, count, sizeof *sorted, compare);
    return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
}

static enum sl_status print_json(struct sl_buffer *line, const struct sl_membership_simulation_options *options,
                                 const double medians[VALUES], uint64_t suspicions, uint64_t false_drops) {
    const bool lossy = options->hours > 0;
    const struct {
        const char *key;
        double value;
        bool told;
    } fields[] = {{"nodes", options->nodes, true},
                  {"seeds", options->seeds, true},
                  {"probe_period", options->probe_period, true},
                  {"messages_per_node_second", medians[MESSAGES], true},
                  {"bytes_per_node_second", medians[BYTES], true},
                  {"crash_known_seconds", medians[CRASH], true},
                  {"join_known_seconds", medians[JOIN], true},
                  {"loss", options->loss, lossy},
                  {"hours", options->hours, lossy},
                  {"lossy_messages_per_node_second", medians[LOSSY_MESSAGES], lossy},
                  {"lossy_crash_known_seconds", medians[LOSSY_CRASH], lossy},
                  {"suspicions", (double)suspicions, lossy},
                  {"false_drops", (double)false_drops, lossy},
                  {"models_per_node_round", medians[MODELS], options->rounds},
                  {"join_rounds_once_known", medians[JOIN_ROUNDS], options->rounds},
                  {"join_rounds", medians[JOIN_IN_ALL], options->rounds}};
    enum sl_status status = sl_buffer_printf(line, "{\"event\":\"membership\"");
    for (size_t i = 0; status == SL_OK && i < sizeof fields / sizeof *fields; i++) {
        if (!fields[i].told)
            continue;
        status = sl_buffer_printf(line, ",\"%s\":", fields[i].key);
        if (status == SL_OK)
            status = sl_json_append_number(line, fields[i].value);
    }
    return status == SL_OK ? sl_buffer_append(line, "}\n", 2) : status;
}

static enum sl_status print_text(struct sl_buffer *line, const struct sl_membership_simulation_options *options,
                                 const double medians[VALUES], uint64_t suspicions, uint64_t false_drops) {
    enum sl_status status = sl_buffer_printf(
        line,
        "%u nodes, %u seeds: at rest %.2f messages and %.0f bytes a node and second, a crash is "
        "known to all after %.2f s, a return after %.2f s\n",
        options->nodes, options->seeds, medians[MESSAGES], medians[BYTES], medians[CRASH], medians[JOIN]);
    if (status == SL_OK && options->rounds)
        status = sl_buffer_printf(line,
                                  "rounds: %.2f models a node and round; one who joins is in the graph %g rounds after "
                                  "all know that it takes part, %g after its start\n",
                                  medians[MODELS], medians[JOIN_ROUNDS], medians[JOIN_IN_ALL]);
    if (status != SL_OK || options->hours <= 0)
        return status;
    return sl_buffer_printf(line,
                            "with %g %% of the messages lost, %g h each: %.2f messages, a crash %.2f s, %" PRIu64
                            " suspicions of living nodes, %" PRIu64 " wrong drops\n",
                            100 * options->loss, options->hours, medians[LOSSY_MESSAGES], medians[LOSSY_CRASH],
                            suspicions, false_drops);
}

static enum sl_status print(const struct sl_membership_simulation_options *options, const struct outcome *outcomes,
                            FILE *out) {
    struct sl_buffer line = {0};
    double medians[VALUES];
    uint64_t suspicions = 0, false_drops = 0;
    for (size_t i = 0; i < VALUES; i++)
        medians[i] = median(outcomes, options->seeds, i);
    for (size_t i = 0; i < options->seeds; i++) {
        suspicions += outcomes[i].suspicions;
        false_drops += outcomes[i].false_drops;
    }
    enum sl_status status = options->json ? print_json(&line, options, medians, suspicions, false_drops)
                                          : print_text(&line, options, medians, suspicions, false_drops);
    if (status == SL_OK && (fwrite(line.data, 1, line.length, out) != line.length || fflush(out) != 0))
        status = SL_IO;
    sl_buffer_finish(&line);
    return status;
}

enum sl_status sl_simulate_membership(const struct sl_membership_simulation_options *options, FILE *out,
                                      struct sl_error *error) {
    enum sl_status status = check(options, error);
    if (status != SL_OK)
        return status;
    struct outcome *outcomes = calloc(options->seeds, sizeof *outcomes);
    status = outcomes != NULL ? SL_OK : SL_NO_MEMORY;
    for (uint32_t i = 0; i < options->seeds && status == SL_OK; i++)
        status = run_seed(options, options->seed + i, &outcomes[i]);
    if (status == SL_OK)
        status = print(options, outcomes, out);
    free(outcomes);
    if (status != SL_OK)
        (void)sl_error_set(error, status, "the simulation cannot go on: %s", sl_status_text(status));
    return status;
}
