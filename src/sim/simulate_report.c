/* A round's line is written when some node is LATE_ROUNDS further, so that edges which are settled late are in it, and
 * its vectors are forgotten then: memory does not grow with the number of rounds. */
#include "sim/simulate_report.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/digest.h"
#include "json/json.h"

enum { LATE_ROUNDS = 8 };

struct report {
    const struct sl_simulation_options *options;
    struct sl_world *world;
    FILE *out;
    struct sl_buffer line;
    double *start, *mean; /* elements each */
    double variance;      /* of the last line, or of the start */
    uint64_t next;        /* first round without a line */
    uint64_t lost, late, counted, planned;
    double drift;
};

/* ---- statistics: in double, two passes, in order of nodes ---- */

struct statistics {
    uint64_t nodes;
    double drift;    /* of the mean against the start's, relative, 2-norm */
    double variance; /* mean over elements */
};

static double relative_distance(const double *a, const double *b, size_t count) {
    double distance = 0, norm = 0;
    for (size_t i = 0; i < count; i++) {
        distance += (a[i] - b[i]) * (a[i] - b[i]);
        norm += b[i] * b[i];
    }
    return norm > 0 ? sqrt(distance / norm) : sqrt(distance);
}

static const float *values_of(const struct report *report, const struct sl_world_round *row, uint32_t node) {
    if (row == NULL)
        return sl_world_model(report->world, node);
    return row->values != NULL && row->has[node] ? row->values + (size_t)node * report->options->elements : NULL;
}

/* row NULL: of the models as they are now. Leaves the mean in report->mean. */
static struct statistics measure(struct report *report, const struct sl_world_round *row) {
    struct statistics statistics = {.nodes = 0};
    size_t elements = report->options->elements;
    memset(report->mean, 0, elements * sizeof *report->mean);
    for (uint32_t i = 0; i < report->options->nodes; i++) {
        const float *values = values_of(report, row, i);
        statistics.nodes += values != NULL;
        for (size_t e = 0; values != NULL && e < elements; e++)
            report->mean[e] += (double)values[e];
    }
    if (statistics.nodes == 0)
        return statistics;
    for (size_t e = 0; e < elements; e++)
        report->mean[e] /= (double)statistics.nodes;
    for (uint32_t i = 0; i < report->options->nodes; i++) {
        const float *values = values_of(report, row, i);
        for (size_t e = 0; values != NULL && e < elements; e++) {
            double difference = (double)values[e] - report->mean[e];
            statistics.variance += difference * difference;
        }
    }
    statistics.variance /= (double)statistics.nodes * (double)elements;
    statistics.drift = relative_distance(report->mean, report->start, elements);
    return statistics;
}

/* ---- lines ---- */

struct field {
    const char *key;
    double value;
};

static enum sl_status print_json(struct report *report, const char *event, const struct field *fields, size_t count) {
    struct sl_buffer *line = &report->line;
    sl_buffer_clear(line);
    enum sl_status status = sl_buffer_printf(line, "{\"event\":\"%s\"", event);
    for (size_t i = 0; status == SL_OK && i < count; i++) {
        status = sl_buffer_printf(line, ",\"%s\":", fields[i].key);
        if (status == SL_OK)
            status = sl_json_append_number(line, fields[i].value);
    }
    return status;
}

static enum sl_status put_line(struct report *report, enum sl_status status) {
    if (status == SL_OK)
        status = sl_buffer_append(&report->line, "\n", 1);
    if (status != SL_OK)
        return status;
    return fwrite(report->line.data, 1, report->line.length, report->out) == report->line.length ? SL_OK : SL_IO;
}

static enum sl_status print_header(struct report *report) {
    if (report->options->json)
        return SL_OK;
    sl_buffer_clear(&report->line);
    return put_line(report,
                    sl_buffer_printf(&report->line, "%6s %12s %12s %8s %10s %10s %8s %8s %6s", "round", "mean drift",
                                     "variance", "ratio", "counted", "planned", "lost", "late", "nodes"));
}

static enum sl_status print_round(struct report *report, uint64_t number) {
    const struct sl_world_round *row = sl_world_round(report->world, number);
    struct statistics statistics = measure(report, row);
    double ratio = report->variance > 0 ? statistics.variance / report->variance : 0;
    report->variance = statistics.variance;
    report->lost += row->lost;
    report->late += row->late;
    report->counted += row->counted + row->late;
    report->planned += row->planned;
    if (report->options->json) {
        const struct field fields[] = {{"round", (double)number},
                                       {"mean_drift", statistics.drift},
                                       {"variance", statistics.variance},
                                       {"ratio", ratio},
                                       {"edge_ends_counted", (double)(row->counted + row->late)},
                                       {"edge_ends_planned", (double)row->planned},
                                       {"messages_lost", (double)row->lost},
                                       {"edge_ends_late", (double)row->late},
                                       {"nodes", (double)statistics.nodes}};
        enum sl_status status = print_json(report, "round", fields, sizeof fields / sizeof *fields);
        return put_line(report, status == SL_OK ? sl_buffer_append(&report->line, "}", 1) : status);
    }
    sl_buffer_clear(&report->line);
    return put_line(report,
                    sl_buffer_printf(&report->line,
                                     "%6" PRIu64 " %12.4e %12.4e %8.4f %10" PRIu64 " %10" PRIu64 " %8" PRIu64
                                     " %8" PRIu64 " %6" PRIu64,
                                     number, statistics.drift, statistics.variance, ratio, row->counted + row->late,
                                     row->planned, row->lost, row->late, statistics.nodes));
}

static enum sl_status print_rounds_before(struct report *report, uint64_t end) {
    enum sl_status status = SL_OK;
    for (; status == SL_OK && report->next < end; report->next++) {
        status = print_round(report, report->next);
        sl_world_forget_values(report->world, report->next);
    }
    return status;
}

static void digest_models(const struct report *report, char text[SL_DIGEST_TEXT_SIZE]) {
    /* A digest of digests: of each node's values as little-endian bytes, in order of names. */
    struct sl_digest chained = {{0}};
    size_t elements = report->options->elements;
    for (uint32_t i = 0; i < report->options->nodes; i++) {
        const float *values = sl_world_model(report->world, i);
        const struct sl_bytes parts[] = {{chained.bytes, sizeof chained.bytes},
                                         {(const uint8_t *)(const void *)values, elements * sizeof *values}};
        struct sl_digest digest;
        sl_digest_of_parts(&digest, parts, 2);
        chained = digest;
    }
    sl_digest_text(text, &chained);
}

static enum sl_status print_summary(struct report *report) {
    struct statistics statistics = measure(report, NULL);
    char digest[SL_DIGEST_TEXT_SIZE];
    double seconds = sl_time_to_seconds(sl_world_now(report->world));
    uint64_t finished = 0;
    for (uint32_t i = 0; i < report->options->nodes; i++)
        finished += sl_world_is_finished(report->world, i, NULL);
    digest_models(report, digest);
    sl_buffer_clear(&report->line);
    if (!report->options->json)
        return put_line(report,
                        sl_buffer_printf(&report->line,
                                         "%u nodes (%" PRIu64 " finished), %u rounds, seed %" PRIu64
                                         ": mean drift %.4e, variance %.4e, edge ends counted %" PRIu64 " of %" PRIu64
                                         " (%" PRIu64 " late), messages lost %" PRIu64
                                         ", %.3f virtual seconds\nsha256 of all vectors %s",
                                         report->options->nodes, finished, report->options->rounds,
                                         report->options->seed, statistics.drift, statistics.variance, report->counted,
                                         report->planned, report->late, report->lost, seconds, digest));
    const struct field fields[] = {{"nodes", report->options->nodes},
                                   {"finished", (double)finished},
                                   {"rounds", report->options->rounds},
                                   {"mean_drift", statistics.drift},
                                   {"variance", statistics.variance},
                                   {"edge_ends_counted", (double)report->counted},
                                   {"edge_ends_planned", (double)report->planned},
                                   {"edge_ends_late", (double)report->late},
                                   {"messages_lost", (double)report->lost},
                                   {"virtual_seconds", seconds}};
    enum sl_status status = print_json(report, "summary", fields, sizeof fields / sizeof *fields);
    if (status == SL_OK)
        status = sl_buffer_printf(&report->line, ",\"sha256\":\"%s\"}", digest);
    return put_line(report, status);
}

/* ---- the run ---- */

static enum sl_status run(struct report *report) {
    uint64_t rounds = report->options->rounds;
    report->variance = measure(report, NULL).variance;
    memcpy(report->start, report->mean, report->options->elements * sizeof *report->start);
    enum sl_status status = print_header(report);
    while (status == SL_OK && sl_world_step(report->world)) {
        uint64_t seen = report->next + LATE_ROUNDS;
        if (seen <= rounds && sl_world_round(report->world, seen)->closed > 0)
            status = print_rounds_before(report, report->next + 1);
    }
    if (status == SL_OK)
        status = sl_world_status(report->world);
    if (status == SL_OK)
        status = print_rounds_before(report, rounds + 1);
    if (status == SL_OK)
        status = print_summary(report);
    return status == SL_OK && fflush(report->out) != 0 ? SL_IO : status;
}

enum sl_status sl_sim_report(const struct sl_simulation_options *options, struct sl_world *world, FILE *out) {
    struct report report = {.options = options, .world = world, .out = out, .next = 1};
    report.start = calloc(options->elements, sizeof *report.start);
    report.mean = calloc(options->elements, sizeof *report.mean);
    enum sl_status status = report.start != NULL && report.mean != NULL ? run(&report) : SL_NO_MEMORY;
    free(report.start);
    free(report.mean);
    sl_buffer_finish(&report.line);
    return status;
}
