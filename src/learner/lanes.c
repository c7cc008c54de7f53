#include "learner/lanes.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct worker {
    struct sl_lanes *lanes;
    uint32_t index; /* 1 …: 0 is the caller */
    pthread_t thread;
};

struct sl_lanes {
    uint32_t count, threads;
    void (*run)(void *context, uint32_t lane);
    void *context;
    pthread_mutex_t lock;
    pthread_cond_t begin, end;
    uint64_t batch;   /* counts the calls of sl_lanes_run */
    uint32_t running; /* workers that have not finished this batch */
    bool stop;
    uint32_t started; /* workers to join */
    struct worker workers[];
};

static void run_share(struct sl_lanes *lanes, uint32_t index) {
    for (uint32_t lane = index; lane < lanes->count; lane += lanes->threads)
        lanes->run(lanes->context, lane);
}

static void *work(void *argument) {
    const struct worker *worker = argument;
    struct sl_lanes *lanes = worker->lanes;
    uint64_t seen = 0;
    pthread_mutex_lock(&lanes->lock);
    for (;;) {
        while (!lanes->stop && lanes->batch == seen)
            pthread_cond_wait(&lanes->begin, &lanes->lock);
        if (lanes->stop)
            break;
        seen = lanes->batch;
        pthread_mutex_unlock(&lanes->lock);
        run_share(lanes, worker->index);
        pthread_mutex_lock(&lanes->lock);
        if (--lanes->running == 0)
            pthread_cond_signal(&lanes->end);
    }
    pthread_mutex_unlock(&lanes->lock);
    return NULL;
}

enum sl_status sl_lanes_create(struct sl_lanes **out, uint32_t count, uint32_t threads, struct sl_error *error) {
    *out = NULL;
    if (threads > count)
        threads = count;
    struct sl_lanes *lanes = calloc(1, sizeof *lanes + (threads - 1) * sizeof lanes->workers[0]);
    if (lanes == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "no memory for the learner's threads");
    lanes->count = count;
    lanes->threads = threads;
    pthread_mutex_init(&lanes->lock, NULL);
    pthread_cond_init(&lanes->begin, NULL);
    pthread_cond_init(&lanes->end, NULL);
    for (uint32_t i = 1; i < threads; i++) {
        struct worker *worker = &lanes->workers[i - 1];
        *worker = (struct worker){.lanes = lanes, .index = i};
        int failure = pthread_create(&worker->thread, NULL, work, worker);
        if (failure != 0) {
            sl_lanes_destroy(lanes);
            return sl_error_set(error, sl_status_from_errno(failure), "a learner's thread cannot start: %s",
                                strerror(failure));
        }
        lanes->started++;
    }
    *out = lanes;
    return SL_OK;
}

void sl_lanes_destroy(struct sl_lanes *lanes) {
    if (lanes == NULL)
        return;
    pthread_mutex_lock(&lanes->lock);
    lanes->stop = true;
    pthread_cond_broadcast(&lanes->begin);
    pthread_mutex_unlock(&lanes->lock);
    for (uint32_t i = 0; i < lanes->started; i++)
        pthread_join(lanes->workers[i].thread, NULL);
    pthread_cond_destroy(&lanes->end);
    pthread_cond_destroy(&lanes->begin);
    pthread_mutex_destroy(&lanes->lock);
    free(lanes);
}

void sl_lanes_run(struct sl_lanes *lanes, void (*run)(void *context, uint32_t lane), void *context) {
    pthread_mutex_lock(&lanes->lock);
    lanes->run = run;
    lanes->context = context;
    lanes->running = lanes->started;
    lanes->batch++;
    if (lanes->started > 0)
        pthread_cond_broadcast(&lanes->begin);
    pthread_mutex_unlock(&lanes->lock);
    run_share(lanes, 0);
    pthread_mutex_lock(&lanes->lock);
    while (lanes->running > 0)
        pthread_cond_wait(&lanes->end, &lanes->lock);
    pthread_mutex_unlock(&lanes->lock);
}
