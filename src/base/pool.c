/* A job's way: submit → a queue → a worker runs it → the finished queue and the eventfd → drain calls `done`.
 *
 * One mutex guards all queues. The eventfd is written only when the finished queue was empty; drain first resets the
 * eventfd and then takes the queue, so that a job that finishes between the two is either taken or wakes again. */
#include "base/pool.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct queue {
    struct sl_job *first;
    struct sl_job *last;
};

struct sl_pool {
    pthread_mutex_t lock;
    pthread_cond_t work; /* a job waits, or the pool stops */
    pthread_cond_t idle; /* nothing waits or runs */
    struct queue urgent;
    struct queue waiting;
    struct queue finished;
    size_t running;
    bool stopping;
    void (*release)(struct sl_job *job); /* NULL: not abandoned */
    size_t staying;                      /* workers, once it is abandoned: the last one frees it */
    int fd;
    size_t worker_count;
    pthread_t workers[];
};

static void queue_push(struct queue *queue, struct sl_job *job) {
    job->next = NULL;
    if (queue->first == NULL)
        queue->first = job;
    else
        queue->last->next = job;
    queue->last = job;
}

static struct sl_job *queue_pop(struct queue *queue) {
    struct sl_job *job = queue->first;
    if (job != NULL)
        queue->first = job->next;
    return job;
}

/* Adds 1 to the counter; it cannot overflow, since drain resets it and one write a filling of the queue is made. */
static void wake(const struct sl_pool *pool) {
    const uint64_t one = 1;
    while (write(pool->fd, &one, sizeof one) < 0 && errno == EINTR)
        continue;
}

/* With the lock held, before and after. */
static void run_one(struct sl_pool *pool, struct sl_job *job) {
    pool->running++;
    pthread_mutex_unlock(&pool->lock);
    job->run(job);
    pthread_mutex_lock(&pool->lock);
    pool->running--;
    if (pool->release != NULL) {
        pool->release(job);
        return;
    }
    bool was_empty = pool->finished.first == NULL;
    queue_push(&pool->finished, job);
    if (was_empty)
        wake(pool);
    if (pool->running == 0 && pool->urgent.first == NULL && pool->waiting.first == NULL)
        pthread_cond_broadcast(&pool->idle);
}

static void free_pool(struct sl_pool *pool) {
    if (pool->fd >= 0)
        close(pool->fd);
    pthread_cond_destroy(&pool->idle);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

static void *worker_main(void *context) {
    struct sl_pool *pool = context;
    pthread_mutex_lock(&pool->lock);
    while (!pool->stopping) {
        struct sl_job *job = queue_pop(&pool->urgent);
        if (job == NULL)
            job = queue_pop(&pool->waiting);
        if (job == NULL)
            pthread_cond_wait(&pool->work, &pool->lock);
        else
            run_one(pool, job);
    }
    bool last = pool->release != NULL && --pool->staying == 0;
    pthread_mutex_unlock(&pool->lock);
    if (last)
        free_pool(pool);
    return NULL;
}

/* Workers take no signal that is meant for the loop; those of a fault stay, so that a crash is still reported. */
static int start_workers(struct sl_pool *pool, size_t workers) {
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
    sigset_t blocked, before;
    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        sigdelset(&blocked, faults[i]);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    int failed = 0;
    while (failed == 0 && pool->worker_count < workers) {
        failed = pthread_create(&pool->workers[pool->worker_count], NULL, worker_main, pool);
        if (failed == 0)
            pthread_setname_np(pool->workers[pool->worker_count++], "sl-worker");
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

enum sl_status sl_pool_create(struct sl_pool **out, size_t workers, struct sl_error *error) {
    *out = NULL;
    if (workers == 0 || workers > SL_POOL_WORKERS_MAX)
        return sl_error_set(error, SL_USAGE, "worker pool: expected 1 to %d workers, got %zu", SL_POOL_WORKERS_MAX,
                            workers);
    struct sl_pool *pool = calloc(1, sizeof *pool + workers * sizeof pool->workers[0]);
    if (pool == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "worker pool: out of memory");
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->idle, NULL);
    pool->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int failed = pool->fd < 0 ? errno : start_workers(pool, workers);
    if (failed != 0) {
        sl_pool_destroy(pool);
        /* EAGAIN of pthread_create: the limit of threads. */
        enum sl_status status = failed == EAGAIN ? SL_LIMIT : sl_status_from_errno(failed);
        return sl_error_set(error, status, "worker pool: cannot start: %s", strerror(failed));
    }
    *out = pool;
    return SL_OK;
}

void sl_pool_destroy(struct sl_pool *pool) {
    if (pool == NULL)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    for (size_t i = 0; i < pool->worker_count; i++)
        pthread_join(pool->workers[i], NULL);
    free_pool(pool);
}

static void release_all(struct queue *queue, void (*release)(struct sl_job *job)) {
    struct sl_job *job;
    while ((job = queue_pop(queue)) != NULL)
        release(job);
}

void sl_pool_abandon(struct sl_pool *pool, void (*release)(struct sl_job *job)) {
    pthread_mutex_lock(&pool->lock);
    release_all(&pool->urgent, release);
    release_all(&pool->waiting, release);
    release_all(&pool->finished, release);
    if (pool->running == 0) {
        pthread_mutex_unlock(&pool->lock);
        sl_pool_destroy(pool);
        return;
    }
    pool->release = release;
    pool->staying = pool->worker_count;
    pool->stopping = true;
    for (size_t i = 0; i < pool->worker_count; i++)
        pthread_detach(pool->workers[i]); /* none has ended: that takes the lock */
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
}

static void submit(struct sl_pool *pool, struct queue *queue, struct sl_job *job) {
    assert(job->run != NULL && job->done != NULL);
    pthread_mutex_lock(&pool->lock);
    queue_push(queue, job);
    pthread_cond_signal(&pool->work);
    pthread_mutex_unlock(&pool->lock);
}

void sl_pool_submit(struct sl_pool *pool, struct sl_job *job) {
    submit(pool, &pool->waiting, job);
}

void sl_pool_submit_urgent(struct sl_pool *pool, struct sl_job *job) {
    submit(pool, &pool->urgent, job);
}

int sl_pool_fd(const struct sl_pool *pool) {
    return pool->fd;
}

size_t sl_pool_drain(struct sl_pool *pool) {
    uint64_t ignored;
    while (read(pool->fd, &ignored, sizeof ignored) < 0 && errno == EINTR)
        continue;
    pthread_mutex_lock(&pool->lock);
    struct sl_job *job = pool->finished.first;
    pool->finished = (struct queue){0};
    pthread_mutex_unlock(&pool->lock);
    size_t count = 0;
    while (job != NULL) {
        struct sl_job *next = job->next; /* `done` may submit the job again or free it */
        job->done(job);
        job = next;
        count++;
    }
    return count;
}

void sl_pool_wait_idle(struct sl_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    while (pool->running > 0 || pool->urgent.first != NULL || pool->waiting.first != NULL)
        pthread_cond_wait(&pool->idle, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}
