/* Worker threads for what must not stop the loop. A job runs on a worker; its `done` is called later by the thread that
 * drains the pool, the loop, which an eventfd wakes. */
#ifndef SL_BASE_POOL_H
#define SL_BASE_POOL_H

#include <stddef.h>

#include <starling/error.h>

struct sl_pool;

enum { SL_POOL_WORKERS_MAX = 1024 };

/* Embedded in the caller's own struct, which stays alive until `done` was called or the pool destroyed. */
struct sl_job {
    void (*run)(struct sl_job *job);  /* on a worker */
    void (*done)(struct sl_job *job); /* on the draining thread; may submit again and may free the job */
    struct sl_job *next;              /* the pool's */
};

/* Workers block the signals that are meant for the loop. 1 ≤ workers ≤ SL_POOL_WORKERS_MAX, else SL_USAGE. */
SL_MUST_USE enum sl_status sl_pool_create(struct sl_pool **out, size_t workers, struct sl_error *error);
/* Waits for running jobs; those that still wait are never run, and no `done` is called any more: wait_idle and drain
 * first what must be seen. The jobs are the caller's again. Accepts NULL. */
void sl_pool_destroy(struct sl_pool *pool);

/* Destroys without waiting: what runs may take as long as it likes, on a thread that nobody joins. `release` is called
 * once with each job that was submitted and whose `done` was not called, from here or, for one that runs now, from its
 * worker when it has run; where none runs this is sl_pool_destroy behind it. No `done` is called any more. */
void sl_pool_abandon(struct sl_pool *pool, void (*release)(struct sl_job *job));

/* From any thread. First in, first out; an urgent job goes before all that are not, and urgent ones keep their order.
 */
void sl_pool_submit(struct sl_pool *pool, struct sl_job *job);
void sl_pool_submit_urgent(struct sl_pool *pool, struct sl_job *job);
int sl_pool_fd(const struct sl_pool *pool);   /* readable when something is done */
size_t sl_pool_drain(struct sl_pool *pool);   /* calls `done` of what finished; how many */
void sl_pool_wait_idle(struct sl_pool *pool); /* blocks until no job waits or runs (tests, shutdown) */

#endif
