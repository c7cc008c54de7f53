/* Hammers the worker pool and the reference counts of blocks from several threads. A plain program, since Criterion
 * cannot start under ThreadSanitizer, for which it is made: run alone it still checks every sum. */
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/pool.h"

enum { WORKERS = 4, SUBMITTERS = 3, JOBS_EACH = 4000, BLOCKS = 16, BLOCK_SIZE = 256 };

static void check(int condition, const char *what) {
    if (!condition) {
        fprintf(stderr, "pool_threads: %s\n", what);
        exit(1);
    }
}

/* Not by memset, which gcc spells out, nor through volatile: ThreadSanitizer would not see these writes. */
static void fill(const struct sl_block *block, size_t value) {
    for (size_t i = 0; i < block->length; i++)
        block->data[i] = (uint8_t)(value * (i % 7));
}

static uint64_t sum_of(const struct sl_block *block) {
    uint64_t sum = 0;
    for (size_t i = 0; i < block->length; i++)
        sum += block->data[i];
    return sum;
}

struct shared {
    struct sl_pool *pool;
    struct sl_block *blocks[BLOCKS]; /* a reference of the main thread's each */
    uint64_t sum;                    /* the draining thread's alone, no lock: the pool must order it */
    size_t done;
};

struct work {
    struct sl_job job; /* first */
    struct shared *shared;
    struct sl_block *block; /* a reference of the job's own */
    uint64_t result;        /* written by the worker, read by `done` */
    int repeats;            /* how often `done` submits it again */
};

static void handle_run(struct sl_job *job) {
    struct work *work = (struct work *)job;
    work->result += sum_of(work->block);
    struct sl_block *second = sl_block_ref(work->block);
    sl_block_unref(work->block);
    work->block = second;
}

static void handle_done(struct sl_job *job) {
    struct work *work = (struct work *)job;
    work->shared->done++;
    if (work->repeats-- > 0) {
        sl_pool_submit_urgent(work->shared->pool, job);
        return;
    }
    work->shared->sum += work->result;
    sl_block_unref(work->block);
    free(work);
}

static void *submitter_main(void *context) {
    struct shared *shared = context;
    for (int i = 0; i < JOBS_EACH; i++) {
        struct work *work = calloc(1, sizeof *work);
        check(work != NULL, "out of memory");
        work->job = (struct sl_job){.run = handle_run, .done = handle_done};
        work->shared = shared;
        work->block = sl_block_ref(shared->blocks[i % BLOCKS]);
        work->repeats = i % 3;
        if (i % 4 == 0)
            sl_pool_submit_urgent(shared->pool, &work->job);
        else
            sl_pool_submit(shared->pool, &work->job);
    }
    return NULL;
}

static void drain_all(struct shared *shared, size_t expected) {
    while (shared->done < expected) {
        struct pollfd wanted = {.fd = sl_pool_fd(shared->pool), .events = POLLIN};
        check(poll(&wanted, 1, 60000) == 1, "no wake-up in a minute");
        sl_pool_drain(shared->pool);
    }
}

static void hammer_pool(void) {
    static struct shared shared;
    check(sl_pool_create(&shared.pool, WORKERS, NULL) == SL_OK, "no pool");
    for (int i = 0; i < BLOCKS; i++) {
        shared.blocks[i] = sl_block_create(BLOCK_SIZE);
        check(shared.blocks[i] != NULL, "out of memory");
        fill(shared.blocks[i], (size_t)i);
    }
    pthread_t submitters[SUBMITTERS];
    for (int i = 0; i < SUBMITTERS; i++)
        check(pthread_create(&submitters[i], NULL, submitter_main, &shared) == 0, "no thread");
    size_t runs = 0;
    uint64_t sum = 0;
    for (int i = 0; i < JOBS_EACH; i++) {
        runs += SUBMITTERS * (size_t)(1 + i % 3);
        sum += SUBMITTERS * (uint64_t)(1 + i % 3) * sum_of(shared.blocks[i % BLOCKS]);
    }
    drain_all(&shared, runs);
    for (int i = 0; i < SUBMITTERS; i++)
        pthread_join(submitters[i], NULL);
    sl_pool_wait_idle(shared.pool);
    check(sl_pool_drain(shared.pool) == 0, "a job was done twice");
    check(shared.sum == sum, "a result was lost");
    for (int i = 0; i < BLOCKS; i++) {
        check(sl_block_is_sole(shared.blocks[i]), "a reference was lost or kept");
        sl_block_unref(shared.blocks[i]);
    }
    sl_pool_destroy(shared.pool);
}

struct reader {
    struct sl_block *block; /* a reference of the reader's own */
    uint64_t expected;
};

static void *reader_main(void *context) {
    struct reader *reader = context;
    check(sum_of(reader->block) == reader->expected, "the owner wrote while another held the block");
    sl_block_unref(reader->block);
    return NULL;
}

/* Readers drop their references without any lock; once the owner sees itself alone it writes the same bytes again. */
static void hammer_sole_ownership(void) {
    struct sl_block *block = sl_block_create(BLOCK_SIZE);
    check(block != NULL, "out of memory");
    for (int turn = 0; turn < 200; turn++) {
        fill(block, (size_t)turn);
        pthread_t threads[2];
        struct reader reader = {.block = block, .expected = sum_of(block)};
        for (int i = 0; i < 2; i++) {
            sl_block_ref(block);
            check(pthread_create(&threads[i], NULL, reader_main, &reader) == 0, "no thread");
        }
        while (!sl_block_is_sole(block))
            sched_yield();
        fill(block, (size_t)turn + 1);
        for (int i = 0; i < 2; i++)
            pthread_join(threads[i], NULL);
    }
    sl_block_unref(block);
}

/* Pools that end while jobs run and wait, and while nothing was ever submitted. */
struct idle_job {
    struct sl_job job; /* first */
    atomic_int *ran;
};

static void handle_idle_run(struct sl_job *job) {
    atomic_fetch_add(((struct idle_job *)job)->ran, 1);
}

static void handle_idle_done(struct sl_job *job) {
    (void)job;
    check(0, "done was called though nobody drained");
}

static void hammer_destroy(void) {
    enum { POOLS = 60, JOBS = 50 };
    static struct idle_job jobs[JOBS];
    for (int turn = 0; turn < POOLS; turn++) {
        atomic_int ran = 0;
        struct sl_pool *pool;
        check(sl_pool_create(&pool, WORKERS, NULL) == SL_OK, "no pool");
        for (int i = 0; i < turn % JOBS; i++) {
            jobs[i] = (struct idle_job){{handle_idle_run, handle_idle_done, NULL}, &ran};
            sl_pool_submit(pool, &jobs[i].job);
        }
        sl_pool_destroy(pool);
        check(atomic_load(&ran) <= turn % JOBS, "a job ran twice");
    }
}

int main(void) {
    hammer_pool();
    hammer_sole_ownership();
    hammer_destroy();
    return 0;
}
