/* Hammers a learner's threads. A plain program, since Criterion cannot start under ThreadSanitizer, for which it is
 * made: run alone it still checks that every lane ran once a batch and that all had returned. */
#include <stdio.h>
#include <stdlib.h>

#include "learner/lanes.h"

enum { LANES = 7, BATCHES = 3000, NUMBERS = 50 };

/* No lock and nothing atomic: the lanes must order it. */
struct shared {
    uint64_t input;
    uint64_t sums[LANES];
    unsigned runs[LANES];
};

static void check(int condition, const char *what) {
    if (!condition) {
        fprintf(stderr, "lanes_threads: %s\n", what);
        exit(1);
    }
}

static void run_lane(void *context, uint32_t lane) {
    struct shared *shared = context;
    shared->runs[lane]++;
    shared->sums[lane] = 0;
    for (uint64_t i = 0; i < NUMBERS; i++)
        shared->sums[lane] += (shared->input + lane) * i;
}

static void hammer(uint32_t threads) {
    static struct sl_error error;
    struct shared shared = {0};
    struct sl_lanes *lanes;
    check(sl_lanes_create(&lanes, LANES, threads, &error) == SL_OK, error.text);
    for (unsigned batch = 1; batch <= BATCHES; batch++) {
        shared.input = batch;
        sl_lanes_run(lanes, run_lane, &shared);
        for (uint32_t lane = 0; lane < LANES; lane++) {
            check(shared.runs[lane] == batch, "a lane did not run once a batch");
            check(shared.sums[lane] == (batch + lane) * (uint64_t)(NUMBERS * (NUMBERS - 1) / 2), "a wrong sum");
        }
    }
    sl_lanes_destroy(lanes);
}

int main(void) {
    for (uint32_t threads = 1; threads <= LANES + 2; threads += 2)
        hammer(threads);
    struct sl_lanes *unused;
    check(sl_lanes_create(&unused, LANES, 4, NULL) == SL_OK, "no threads");
    sl_lanes_destroy(unused);
    sl_lanes_destroy(NULL);
    return 0;
}
