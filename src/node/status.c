/* The record's lines that are not about one event: start, a status each second, the end. */
#include "node/internal.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include <starling/version.h>

static uint64_t resident_bytes(const struct sl_node *node) {
    unsigned long long total = 0, resident = 0;
    char text[128];
    ssize_t length = pread(node->memory_fd, text, sizeof text - 1, 0);
    if (length <= 0)
        return 0;
    text[length] = '\0';
    if (sscanf(text, "%llu %llu", &total, &resident) != 2)
        resident = 0;
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t connected_peers(const struct sl_node *node) {
    uint64_t count = 0;
    for (const struct node_peer *peer = node->peers; peer != NULL; peer = peer->next)
        count += peer->connection != NULL;
    return count;
}

static double cpu_seconds(void) {
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

void node_record_start(struct sl_node *node) {
    static const char *const trainers[] = {
        [SL_TRAINER_MLP] = "mlp", [SL_TRAINER_LENET5] = "lenet5", [SL_TRAINER_IDLE] = "idle"};
    const struct sl_settings *settings = node->settings;
    sl_record_event(node->record, "start", SL_TEXT("version", SL_VERSION), SL_TEXT("flock", settings->flock.name),
                    SL_UNSIGNED("elements", node->learner->layout.elements),
                    SL_UNSIGNED("samples", node->learner->samples), SL_UNSIGNED("rounds", settings->round.rounds),
                    SL_TEXT("trainer", trainers[settings->learner.trainer]),
                    SL_TEXT("topology", settings->overlay.topology), SL_UNSIGNED("resumed", node->model_round),
                    SL_NUMBER("cpu_seconds", cpu_seconds()));
}

void node_record_status(struct sl_node *node) {
    struct sl_transport_counters counters;
    sl_transport_counters(node->transport, &counters);
    sl_record_event(node->record, "status", SL_UNSIGNED("round", sl_round_current(node->round)),
                    SL_TEXT("phase", sl_round_phase_text(sl_round_phase(node->round))),
                    SL_UNSIGNED("peers", connected_peers(node)), SL_UNSIGNED("bytes_sent", counters.bytes_sent),
                    SL_UNSIGNED("bytes_received", counters.bytes_received),
                    SL_UNSIGNED("rss_bytes", resident_bytes(node)), SL_UNSIGNED("pings", counters.pings),
                    SL_NUMBER("ping_longest", sl_time_to_seconds(counters.ping_longest)));
    sl_transport_forget_pings(node->transport);
}

void node_record_finish(struct sl_node *node, enum sl_status status) {
    struct sl_transport_counters counters;
    struct sl_journal_counts written;
    struct sl_digest digest;
    char model[SL_DIGEST_TEXT_SIZE];
    struct rusage usage;
    sl_journal_count(node->keeper.journal, &written);
    sl_transport_counters(node->transport, &counters);
    sl_digest_of(&digest, node->model->data, node->model->length);
    sl_digest_text(model, &digest);
    (void)getrusage(RUSAGE_SELF, &usage);
    sl_record_event(
        node->record, "finish",
        SL_TEXT("status", status == SL_OK          ? "ok"
                          : status == SL_CANCELLED ? "cancelled"
                          : status == SL_LEFT_OUT  ? "left_out"
                                                   : "failed"),
        SL_UNSIGNED("rounds_completed", node->model_round), SL_TEXT("model_sha256", model),
        SL_NUMBER("seconds", sl_time_to_seconds(sl_clock_monotonic() - node->started)),
        SL_NUMBER("cpu_seconds", cpu_seconds()), SL_UNSIGNED("rss_peak_bytes", (uint64_t)usage.ru_maxrss * 1024),
        SL_UNSIGNED("bytes_sent", counters.bytes_sent), SL_UNSIGNED("bytes_received", counters.bytes_received),
        SL_UNSIGNED("data_sent", counters.data_sent), SL_UNSIGNED("data_received", counters.data_received),
        SL_UNSIGNED("refused", counters.refused), SL_UNSIGNED("limited", counters.limited),
        SL_UNSIGNED("journal_bytes", written.flushed_bytes + written.slot_bytes_written),
        SL_UNSIGNED("key_updates", counters.key_updates), SL_UNSIGNED("bad_tags", counters.bad_tags));
}
