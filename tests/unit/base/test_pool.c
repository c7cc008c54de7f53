#include "base/pool.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

/* A job that writes its number down. */
struct numbered {
    struct sl_job job; /* first */
    struct trace *trace;
    int number;
};

struct trace {
    struct sl_pool *pool;
    sem_t entered; /* the gate's job posts it */
    sem_t opened;  /* and waits for this */
    int order[64];
    atomic_int ran;
    int done;
    pthread_t drainer;
};

static void handle_run(struct sl_job *job) {
    struct numbered *numbered = (struct numbered *)job;
    int place = atomic_fetch_add(&numbered->trace->ran, 1);
    if (place < 64)
        numbered->trace->order[place] = numbered->number;
}

static void handle_gate(struct sl_job *job) {
    struct numbered *numbered = (struct numbered *)job;
    sem_post(&numbered->trace->entered);
    sem_wait(&numbered->trace->opened);
    handle_run(job);
}

static void handle_done(struct sl_job *job) {
    struct numbered *numbered = (struct numbered *)job;
    cr_expect(pthread_equal(pthread_self(), numbered->trace->drainer));
    numbered->trace->done++;
}

static void handle_done_free(struct sl_job *job) {
    handle_done(job);
    free(job);
}

static void trace_init(struct trace *trace, size_t workers) {
    *trace = (struct trace){.drainer = pthread_self()};
    sem_init(&trace->entered, 0, 0);
    sem_init(&trace->opened, 0, 0);
    cr_assert_eq(sl_pool_create(&trace->pool, workers, NULL), SL_OK);
}

static void trace_finish(struct trace *trace) {
    sl_pool_destroy(trace->pool);
    sem_destroy(&trace->entered);
    sem_destroy(&trace->opened);
}

/* As the loop does: waits for the descriptor, then drains. A lost wake-up shows as a time-out. */
static void drain_until(struct trace *trace, int done) {
    while (trace->done < done) {
        struct pollfd wanted = {.fd = sl_pool_fd(trace->pool), .events = POLLIN};
        cr_assert_eq(poll(&wanted, 1, 30000), 1, "no wake-up after %d of %d", trace->done, done);
        sl_pool_drain(trace->pool);
    }
}

Test(pool, many_jobs_that_done_frees) {
    enum { JOBS = 20000 };
    struct trace trace;
    trace_init(&trace, 4);
    for (int i = 0; i < JOBS; i++) {
        struct numbered *numbered = calloc(1, sizeof *numbered);
        *numbered = (struct numbered){{handle_run, handle_done_free, NULL}, &trace, i};
        sl_pool_submit(trace.pool, &numbered->job);
    }
    drain_until(&trace, JOBS);
    cr_expect_eq(atomic_load(&trace.ran), JOBS);
    cr_expect_eq(sl_pool_drain(trace.pool), 0);
    trace_finish(&trace);
}

Test(pool, order_is_urgent_first_and_else_as_submitted) {
    struct trace trace;
    trace_init(&trace, 1);
    struct numbered gate = {{handle_gate, handle_done, NULL}, &trace, 0};
    struct numbered jobs[6];
    sl_pool_submit(trace.pool, &gate.job);
    sem_wait(&trace.entered); /* the only worker is busy: what comes now waits */
    for (int i = 0; i < 6; i++) {
        jobs[i] = (struct numbered){{handle_run, handle_done, NULL}, &trace, i + 1};
        if (i == 2 || i == 4)
            sl_pool_submit_urgent(trace.pool, &jobs[i].job);
        else
            sl_pool_submit(trace.pool, &jobs[i].job);
    }
    sem_post(&trace.opened);
    drain_until(&trace, 7);
    const int expected[] = {0, 3, 5, 1, 2, 4, 6};
    cr_expect_arr_eq(trace.order, expected, sizeof expected);
    trace_finish(&trace);
}

Test(pool, nothing_is_done_before_the_drain) {
    struct trace trace;
    trace_init(&trace, 2);
    struct numbered job = {{handle_run, handle_done, NULL}, &trace, 1};
    sl_pool_submit(trace.pool, &job.job);
    sl_pool_wait_idle(trace.pool);
    cr_expect_eq(atomic_load(&trace.ran), 1);
    cr_expect_eq(trace.done, 0);
    struct pollfd readable = {.fd = sl_pool_fd(trace.pool), .events = POLLIN};
    cr_expect_eq(poll(&readable, 1, 0), 1);
    cr_expect_eq(sl_pool_drain(trace.pool), 1);
    cr_expect_eq(trace.done, 1);
    cr_expect_eq(poll(&readable, 1, 0), 0, "the descriptor stays readable: the loop would spin");
    cr_expect_eq(sl_pool_drain(trace.pool), 0);
    trace_finish(&trace);
}

/* Submits itself again until its number is used up. */
static void handle_done_again(struct sl_job *job) {
    struct numbered *numbered = (struct numbered *)job;
    handle_done(job);
    if (--numbered->number > 0)
        sl_pool_submit(numbered->trace->pool, job);
}

Test(pool, done_submits_the_same_job_again) {
    struct trace trace;
    trace_init(&trace, 2);
    struct numbered jobs[3];
    for (int i = 0; i < 3; i++) {
        jobs[i] = (struct numbered){{handle_run, handle_done_again, NULL}, &trace, 500};
        sl_pool_submit(trace.pool, &jobs[i].job);
    }
    drain_until(&trace, 1500);
    cr_expect_eq(atomic_load(&trace.ran), 1500);
    trace_finish(&trace);
}

static void handle_signal_mask(struct sl_job *job) {
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    ((struct numbered *)job)->number =
        sigismember(&mask, SIGINT) && sigismember(&mask, SIGTERM) && !sigismember(&mask, SIGSEGV);
}

Test(pool, workers_leave_signals_to_the_loop) {
    struct trace trace;
    sigset_t before, after;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    trace_init(&trace, 1);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    cr_expect_eq(sigismember(&before, SIGINT), sigismember(&after, SIGINT));
    struct numbered job = {{handle_signal_mask, handle_done, NULL}, &trace, 0};
    sl_pool_submit(trace.pool, &job.job);
    sl_pool_wait_idle(trace.pool);
    cr_expect_eq(job.number, 1);
    trace_finish(&trace);
}

Test(pool, no_worker_and_too_many_are_refused) {
    struct sl_pool *pool = (struct sl_pool *)&pool;
    struct sl_error error = {0};
    cr_expect_eq(sl_pool_create(&pool, 0, &error), SL_USAGE);
    cr_expect_null(pool);
    cr_expect_eq(sl_pool_create(&pool, SIZE_MAX, &error), SL_USAGE);
    cr_expect_eq(sl_pool_create(&pool, SL_POOL_WORKERS_MAX + 1, &error), SL_USAGE);
    cr_expect_neq(error.text[0], '\0');
    sl_pool_destroy(NULL);
}

Test(pool, wait_idle_and_destroy_of_an_unused_pool) {
    struct trace trace;
    trace_init(&trace, 3);
    sl_pool_wait_idle(trace.pool);
    trace_finish(&trace);
}

static void *destroyer_main(void *pool) {
    sl_pool_destroy(pool);
    return NULL;
}

static void handle_slowly(struct sl_job *job) {
    poll(NULL, 0, 20);
    handle_run(job);
}

/* The running job ends before destroy returns: one that did not wait would be through before the time-out, one that
 * waits cannot be. The jobs behind are dropped and nothing is reported done; how many slip in before the destroying
 * thread has its turn is the scheduler's affair, but not all: they take 20 s. */
Test(pool, destroy_while_busy) {
    enum { WAITING = 1000 };
    struct trace trace;
    trace_init(&trace, 1);
    struct numbered gate = {{handle_gate, handle_done, NULL}, &trace, 0};
    static struct numbered waiting[WAITING];
    sl_pool_submit(trace.pool, &gate.job);
    sem_wait(&trace.entered);
    for (int i = 0; i < WAITING; i++) {
        waiting[i] = (struct numbered){{handle_slowly, handle_done, NULL}, &trace, i};
        sl_pool_submit(trace.pool, &waiting[i].job);
    }
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, destroyer_main, trace.pool), 0);
    struct timespec soon;
    clock_gettime(CLOCK_REALTIME, &soon);
    soon.tv_nsec += 100000000;
    soon.tv_sec += soon.tv_nsec / 1000000000;
    soon.tv_nsec %= 1000000000;
    cr_assert_eq(pthread_timedjoin_np(thread, NULL, &soon), ETIMEDOUT);
    sem_post(&trace.opened);
    pthread_join(thread, NULL);
    cr_expect_geq(atomic_load(&trace.ran), 1);
    cr_expect_lt(atomic_load(&trace.ran), 1 + WAITING);
    cr_expect_eq(trace.done, 0);
    sem_destroy(&trace.entered);
    sem_destroy(&trace.opened);
}

/* ---- without waiting ---- */

static sem_t released;
static atomic_int releases;

static void handle_release(struct sl_job *job) {
    atomic_fetch_add(&releases, 1);
    free(job);
    sem_post(&released);
}

static struct sl_job *make_job(struct trace *trace, void (*run)(struct sl_job *job)) {
    struct numbered *numbered = calloc(1, sizeof *numbered);
    *numbered = (struct numbered){.job = {.run = run, .done = handle_done_free}, .trace = trace};
    return &numbered->job;
}

Test(pool, abandoned_it_lets_what_runs_end_by_itself, .timeout = 60) {
    static struct trace trace; /* the last worker may outlast the test */
    trace_init(&trace, 2);
    sem_init(&released, 0, 0);
    sl_pool_submit(trace.pool, make_job(&trace, handle_gate));
    sl_pool_submit(trace.pool, make_job(&trace, handle_gate));
    sem_wait(&trace.entered);
    sem_wait(&trace.entered);
    for (int i = 0; i < 3; i++)
        sl_pool_submit(trace.pool, make_job(&trace, handle_run));
    sl_pool_submit_urgent(trace.pool, make_job(&trace, handle_run));
    sl_pool_abandon(trace.pool, handle_release); /* returns, though both workers are held */
    cr_assert_eq(releases, 4, "those that waited are the caller's again at once");
    cr_assert_eq(trace.ran, 0);
    for (int i = 0; i < 4; i++)
        sem_wait(&released);
    for (int i = 1; i <= 2; i++) {
        sem_post(&trace.opened);
        sem_wait(&released);
        cr_assert_eq(trace.ran, i);
    }
    cr_assert_eq(releases, 6);
    cr_assert_eq(trace.done, 0);
}

Test(pool, abandoned_while_nothing_runs_it_is_destroyed_at_once) {
    struct trace trace;
    trace_init(&trace, 2);
    sem_init(&released, 0, 0);
    for (int i = 0; i < 5; i++)
        sl_pool_submit(trace.pool, make_job(&trace, handle_run));
    sl_pool_wait_idle(trace.pool);
    sl_pool_abandon(trace.pool, handle_release); /* ASan would find a worker that still uses it */
    cr_assert_eq(releases, 5, "finished, but nobody has heard of it");
    cr_assert_eq(trace.done, 0);
}
