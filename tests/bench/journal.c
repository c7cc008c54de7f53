/* What a journal costs on the disk below a folder, in one mode. `journal` runs it.
 *
 * usage: bench_journal FOLDER none|process|power BYTES PASSES FLUSHES
 *
 * One line of JSON: seconds to write BYTES in chunks of 1 MiB into a slot that was never there, and into one that was
 * (medians of PASSES); to seal, and to read back; and the latency of FLUSHES flushes of records of 4 KiB and 256 KiB,
 * each of which names a slot. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "journal/journal.h"

enum { CHUNK = 1 << 20 };

struct bench {
    struct sl_journal *journal;
    uint64_t bytes;
    uint8_t chunk[CHUNK];
};

struct times {
    double write, seal, read;
};

static void must(enum sl_status status, const struct sl_error *error) {
    if (status == SL_OK)
        return;
    fprintf(stderr, "bench_journal: %s\n", error->text);
    exit(1);
}

static double since(sl_time start) {
    return sl_time_to_seconds(sl_clock_monotonic() - start);
}

static int compare(const void *a, const void *b) {
    const double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double quantile(double *values, size_t count, double share) {
    qsort(values, count, sizeof *values, compare);
    return values[(size_t)((double)(count - 1) * share + 0.5)];
}

static struct sl_slot *fill(struct bench *bench, struct times *times, uint8_t pattern) {
    struct sl_error error = {.status = SL_OK, .text = ""};
    struct sl_slot *slot;
    memset(bench->chunk, pattern, sizeof bench->chunk);
    must(sl_slot_take(&slot, bench->journal, bench->bytes, &error), &error);
    sl_time start = sl_clock_monotonic();
    for (uint64_t at = 0; at < bench->bytes; at += CHUNK) {
        const size_t length = bench->bytes - at < CHUNK ? (size_t)(bench->bytes - at) : CHUNK;
        must(sl_slot_write(slot, bench->chunk, length, at, &error), &error);
    }
    times->write = since(start);
    start = sl_clock_monotonic();
    must(sl_slot_seal(slot, &(struct sl_digest){{pattern}}, &error), &error);
    times->seal = since(start);
    start = sl_clock_monotonic();
    for (uint64_t at = 0; at < bench->bytes; at += CHUNK) {
        const size_t length = bench->bytes - at < CHUNK ? (size_t)(bench->bytes - at) : CHUNK;
        must(sl_slot_read(slot, bench->chunk, length, at, &error), &error);
    }
    times->read = since(start);
    return slot;
}

static void print_times(const char *name, const struct times *times, size_t count) {
    double *sorted = malloc(count * sizeof *sorted);
    if (sorted == NULL)
        exit(1);
    static const char *const parts[] = {"write", "seal", "read"};
    for (size_t part = 0; part < 3; part++) {
        for (size_t i = 0; i < count; i++)
            sorted[i] = part == 0 ? times[i].write : part == 1 ? times[i].seal : times[i].read;
        printf("\"%s_%s\": %.6f, ", name, parts[part], quantile(sorted, count, 0.5));
    }
    free(sorted);
}

/* Slots that are held are not used again, so each one is fresh; then they are let go and filled once more. */
static void measure_slots(struct bench *bench, size_t passes) {
    struct times *times = calloc(passes, sizeof *times);
    struct sl_slot **slots = calloc(passes, sizeof(struct sl_slot *));
    if (times == NULL || slots == NULL)
        exit(1);
    for (int again = 0; again < 2; again++) {
        for (size_t i = 0; i < passes; i++)
            slots[i] = fill(bench, &times[i], (uint8_t)(i + 1));
        print_times(again ? "reused" : "fresh", times, passes);
        for (size_t i = 0; i < passes; i++)
            sl_slot_unref(slots[i]);
    }
    free(times);
    free(slots);
}

static void measure_flushes(struct bench *bench, const char *name, size_t length, size_t count) {
    struct sl_error error = {.status = SL_OK, .text = ""};
    double *seconds = calloc(count, sizeof *seconds);
    struct times ignored;
    uint8_t *state = calloc(1, length);
    if (seconds == NULL || state == NULL)
        exit(1);
    bench->bytes = 4096;
    struct sl_slot *slot = fill(bench, &ignored, 1);
    for (size_t i = 0; i < count; i++) {
        uint64_t sequence;
        memset(state, (int)i, length);
        const sl_time start = sl_clock_monotonic();
        must(sl_journal_append(bench->journal, &sequence, (struct sl_bytes){state, length}, &slot, 1, &error), &error);
        must(sl_journal_flush(bench->journal, sequence, &error), &error);
        seconds[i] = since(start);
    }
    printf("\"%s_p50\": %.9f, \"%s_p99\": %.9f", name, quantile(seconds, count, 0.5), name,
           quantile(seconds, count, 0.99));
    sl_slot_unref(slot);
    free(seconds);
    free(state);
}

int main(int count, char **arguments) {
    static struct bench bench;
    struct sl_journal_found found;
    struct sl_error error = {.status = SL_OK, .text = ""};
    if (count != 6) {
        fprintf(stderr, "usage: bench_journal FOLDER none|process|power BYTES PASSES FLUSHES\n");
        return 2;
    }
    const struct sl_journal_options options = {.folder = arguments[1],
                                               .mode = strcmp(arguments[2], "power") == 0     ? SL_JOURNAL_POWER
                                                       : strcmp(arguments[2], "process") == 0 ? SL_JOURNAL_PROCESS
                                                                                              : SL_JOURNAL_NONE,
                                               .boot = "bench"};
    must(sl_journal_open(&bench.journal, &found, &options, &error), &error);
    sl_journal_found_finish(&found);
    bench.bytes = strtoull(arguments[3], NULL, 10);
    printf("{\"mode\": \"%s\", \"bytes\": %llu, ", arguments[2], (unsigned long long)bench.bytes);
    measure_slots(&bench, strtoull(arguments[4], NULL, 10));
    measure_flushes(&bench, "small", 4096, strtoull(arguments[5], NULL, 10));
    printf(", ");
    measure_flushes(&bench, "large", 256 * 1024, strtoull(arguments[5], NULL, 10));
    printf("}\n");
    sl_journal_close(bench.journal);
    return 0;
}
