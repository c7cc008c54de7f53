/* The record's queue under ThreadSanitizer: many producers, its writer, and an end while they have just finished.
 * A plain program, because Criterion does not start under that sanitizer. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "monitor/record.h"

enum { PRODUCERS = 4, EVENTS = 1000, RUNS = 5 };

static void *produce(void *context) {
    for (uint64_t i = 0; i < EVENTS; i++) {
        sl_record_event(context, "edge", SL_UNSIGNED("i", i), SL_TEXT("peer", "bob"));
    }
    return NULL;
}

static int run_once(const char *path) {
    struct sl_record *record = NULL;
    struct sl_record_options options = {.file = path, .run = "run", .node = "alice", .boot = 1};
    if (sl_record_create(&record, &options, NULL) != SL_OK) {
        return 1;
    }
    pthread_t threads[PRODUCERS];
    int failed = 0;
    for (int i = 0; i < PRODUCERS; i++) {
        failed |= pthread_create(&threads[i], NULL, produce, record);
    }
    for (int i = 0; i < PRODUCERS; i++) {
        failed |= pthread_join(threads[i], NULL);
    }
    sl_record_destroy(record);
    return failed;
}

static int count_lines(const char *path) {
    FILE *file = fopen(path, "r");
    int lines = 0;
    for (int byte = file != NULL ? fgetc(file) : EOF; byte != EOF; byte = fgetc(file)) {
        lines += byte == '\n';
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return lines;
}

int main(void) {
    char path[] = "/tmp/starling-threads-XXXXXX";
    int file = mkstemp(path);
    if (file < 0) {
        return 1;
    }
    (void)close(file);
    int failed = 0;
    for (int i = 0; i < RUNS && !failed; i++) {
        failed = run_once(path);
    }
    int lines = count_lines(path);
    (void)unlink(path);
    return failed || lines != RUNS * PRODUCERS * EVENTS;
}
