/* The loop from start to end, and the ways a run ends: all rounds done, told to stop, failed. Each leads through
 * node_finish: save, wait for the last job, say goodbye, leave the loop. */
#include "node/internal.h"

#include <string.h>
#include <unistd.h>

#define SHUTDOWN_TIMEOUT (2 * SL_SECOND)

void node_arm(struct event *timer, sl_time at) {
    if (at == SL_NEVER) {
        (void)event_del(timer);
        return;
    }
    sl_time left = at - sl_clock_monotonic();
    if (left < 0)
        left = 0;
    const struct timeval after = {.tv_sec = left / SL_SECOND,
                                  .tv_usec = (left % SL_SECOND + SL_MILLISECOND / 1000 - 1) / 1000};
    (void)event_add(timer, &after);
}

void node_submit(struct sl_node *node, struct sl_pool *pool, struct sl_job *job) {
    node->jobs++;
    sl_pool_submit(pool, job);
}

void node_submit_urgent(struct sl_node *node, struct sl_pool *pool, struct sl_job *job) {
    node->jobs++;
    sl_pool_submit_urgent(pool, job);
}

void node_job_done(struct sl_node *node) {
    node->jobs--;
}

/* Late differences that no training comes for join the model now. */
static void settle_late(struct sl_node *node) {
    if (node->late == NULL || (node->keeper.on && sl_round_goes_on(node->round)))
        return; /* the next start has them from the journal */
    struct sl_block *copy = node_take_spare(node);
    if (copy == NULL) {
        sl_log_line(node->log, SL_LOG_ERROR, "node", "out of memory: late updates are not in the last model");
        return;
    }
    struct sl_ledger_sums sums = {.elements = 0};
    memcpy(copy->data, node->model->data, node->model->length);
    node_add_late(node, node->late, (float *)(void *)copy->data, &sums);
    node_late_joined(node, node->late, NODE_LEDGER_SETTLED, node->model_round, &sums);
    node_free_late(node->late);
    node->late = NULL;
    node_replace_model(node, copy);
    node->saved_round = UINT64_MAX; /* its file has them not */
}

static void handle_shut_down(void *context) {
    struct sl_node *node = context;
    node->left = true;
    node_leave_when_idle(node);
}

/* Called whenever jobs were done and once at the end of the rounds. */
void node_leave_when_idle(struct sl_node *node) {
    if (!node->finishing || node->jobs > 0)
        return;
    if (node->left) {
        (void)event_base_loopbreak(node->base);
    } else if (node->save_at_end) {
        node->save_at_end = false;
        settle_late(node);
        node_save(node);
        node_arm(node->finish_timer, 0);
    } else if (!node->leaving) {
        node->leaving = true;
        node_step_membership(node, &(struct sl_membership_event){.type = SL_MEMBERSHIP_LEAVE,
                                                                 .until_round = sl_round_until(node->round)});
        sl_transport_shutdown(node->transport, true, SHUTDOWN_TIMEOUT, handle_shut_down, node);
    }
}

void node_finish(struct sl_node *node, enum sl_status status) {
    if (node->finishing)
        return;
    node->finishing = true;
    node->outcome = status;
    atomic_store(&node->cancel, true);
    node_arm(node->round_timer, SL_NEVER);
    if (status == SL_OK || status == SL_LEFT_OUT || status == SL_CANCELLED)
        node->save_at_end = true;
    node_arm(node->finish_timer, 0);
}

static void handle_finish(evutil_socket_t fd, short what, void *context) {
    (void)fd;
    (void)what;
    struct sl_node *node = context;
    node_leave_when_idle(node);
}

void node_fail(struct sl_node *node, const struct sl_error *error) {
    sl_log_line(node->log, SL_LOG_ERROR, "node", error->text);
    if (node->failure.status == SL_OK)
        node->failure = *error;
    node_finish(node, error->status);
}

static void drain(struct sl_node *node, struct sl_pool *pool) {
    (void)sl_pool_drain(pool);
    node_leave_when_idle(node);
}

static void handle_pool(evutil_socket_t fd, short what, void *context) {
    (void)fd;
    (void)what;
    struct sl_node *node = context;
    drain(node, node->pool);
}

static void handle_trainer(evutil_socket_t fd, short what, void *context) {
    (void)fd;
    (void)what;
    struct sl_node *node = context;
    drain(node, node->trainer);
}

static void handle_round_timer(evutil_socket_t fd, short what, void *context) {
    (void)fd;
    (void)what;
    node_step_round(context, &(struct sl_round_event){.type = SL_ROUND_TIMER});
}

static void handle_membership_timer(evutil_socket_t fd, short what, void *context) {
    (void)fd;
    (void)what;
    node_step_membership(context, &(struct sl_membership_event){.type = SL_MEMBERSHIP_TIMER});
}

static void handle_status(evutil_socket_t fd, short what, void *context) {
    (void)fd;
    (void)what;
    node_record_status(context);
    node_save_peers(context);
    node_expire_snapshot(context);
}

static void handle_joining(evutil_socket_t fd, short what, void *context) {
    (void)fd;
    (void)what;
    node_joining_is_due(context);
}

static void handle_stop(evutil_socket_t fd, short what, void *context) {
    struct sl_node *node = context;
    uint64_t count;
    (void)what;
    if (read(fd, &count, sizeof count) < 0 || node->finishing)
        return;
    sl_log_line(node->log, SL_LOG_INFO, "node", "asked to stop");
    atomic_store(&node->cancel, true);
    node_step_round(node, &(struct sl_round_event){.type = SL_ROUND_STOP});
}

void sl_node_stop(struct sl_node *node) {
    const uint64_t one = 1;
    ssize_t written = write(node->stop_fd, &one, sizeof one); /* a full counter has the same effect */
    (void)written;
}

enum sl_status node_create_events(struct sl_node *node, struct sl_error *error) {
    struct event_base *base = node->base;
    const struct timeval second = {.tv_sec = 1, .tv_usec = 0};
    node->stop_event = event_new(base, node->stop_fd, EV_READ | EV_PERSIST, handle_stop, node);
    node->pool_event = event_new(base, sl_pool_fd(node->pool), EV_READ | EV_PERSIST, handle_pool, node);
    node->trainer_event = event_new(base, sl_pool_fd(node->trainer), EV_READ | EV_PERSIST, handle_trainer, node);
    node->status_event = event_new(base, -1, EV_PERSIST, handle_status, node);
    node->round_timer = evtimer_new(base, handle_round_timer, node);
    node->membership_timer = evtimer_new(base, handle_membership_timer, node);
    node->finish_timer = evtimer_new(base, handle_finish, node);
    node->joining.timer = evtimer_new(base, handle_joining, node);
    if (node->stop_event == NULL || node->pool_event == NULL || node->trainer_event == NULL ||
        node->status_event == NULL || node->round_timer == NULL || node->membership_timer == NULL ||
        node->finish_timer == NULL || node->joining.timer == NULL || event_add(node->stop_event, NULL) != 0 ||
        event_add(node->pool_event, NULL) != 0 || event_add(node->trainer_event, NULL) != 0 ||
        event_add(node->status_event, &second) != 0)
        return sl_error_set(error, SL_NO_MEMORY, "cannot make the event loop's events");
    return SL_OK;
}

static void begin(struct sl_node *node) {
    if (node->model_round >= node->settings->round.rounds && !node->keeper.resumed) {
        sl_log_line(node->log, SL_LOG_WARNING, "node", "no round is left to do: round.rounds is reached",
                    SL_UNSIGNED("rounds", node->settings->round.rounds));
        node_finish(node, SL_OK);
        return;
    }
    node_step_membership(node, &(struct sl_membership_event){.type = SL_MEMBERSHIP_TIMER});
    node_tell_members(node);
    node_step_round(node, &(struct sl_round_event){.type = SL_ROUND_TIMER});
    node_recovered(node);
}

enum sl_status sl_node_run(struct sl_node *node, struct sl_error *error) {
    node->started = sl_clock_monotonic();
    node_record_start(node);
    node_ledger_begin(node);
    begin(node);
    if (event_base_dispatch(node->base) < 0)
        return sl_error_set(error, SL_INTERNAL, "the event loop failed");
    enum sl_status status = node->outcome;
    if (node->failure.status == SL_OK)
        node_keeper_end(node);
    if (node->failure.status != SL_OK) {
        status = node->failure.status;
        (void)sl_error_set(error, status, "%s", node->failure.text);
    } else if (node->unsaved != SL_OK) {
        status = sl_error_set(error, node->unsaved, "the last model could not be saved in %s: %s",
                              node->settings->model.folder, sl_status_text(node->unsaved));
    } else if (status != SL_OK) {
        (void)sl_error_set(error, status, "%s", sl_status_text(status));
    }
    node_record_status(node);
    node_record_finish(node, status);
    return status;
}
