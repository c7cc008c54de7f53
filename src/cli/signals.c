#include "signals.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { EXIT_BY_SIGINT = 128 + SIGINT };

struct cli_signals {
    int signals; /* signalfd */
    int finish;  /* eventfd: the thread is to end */
    pthread_t thread;
    sigset_t old_mask;
    pthread_mutex_t lock;
    struct sl_node *node;            /* under the lock, as are the next */
    bool stop_wanted, reload_wanted; /* before there was a node */
};

/* Under the lock, as is the next. */
static void stop(struct cli_signals *signals, bool at_once_if_again) {
    if (signals->stop_wanted && at_once_if_again)
        _exit(EXIT_BY_SIGINT);
    signals->stop_wanted = true;
    if (signals->node != NULL)
        sl_node_stop(signals->node);
}

static void reload(struct cli_signals *signals) {
    signals->reload_wanted = signals->node == NULL;
    if (signals->node != NULL)
        sl_node_reload(signals->node);
}

/* Whether the thread goes on. */
static bool handle_signal(struct cli_signals *signals) {
    struct signalfd_siginfo info;
    if (read(signals->signals, &info, sizeof info) != (ssize_t)sizeof info)
        return errno == EINTR || errno == EAGAIN;
    pthread_mutex_lock(&signals->lock);
    if (info.ssi_signo == SIGHUP)
        reload(signals);
    else
        stop(signals, info.ssi_signo == SIGINT);
    pthread_mutex_unlock(&signals->lock);
    return true;
}

static void *wait_for_signals(void *context) {
    struct cli_signals *signals = context;
    struct pollfd polled[] = {{.fd = signals->signals, .events = POLLIN}, {.fd = signals->finish, .events = POLLIN}};
    for (;;) {
        int ready = poll(polled, 2, -1);
        if (ready < 0 && errno != EINTR)
            return NULL;
        if (ready > 0 && polled[1].revents != 0)
            return NULL;
        if (ready > 0 && polled[0].revents != 0 && !handle_signal(signals))
            return NULL;
    }
}

static void close_files(struct cli_signals *signals) {
    if (signals->signals >= 0)
        close(signals->signals);
    if (signals->finish >= 0)
        close(signals->finish);
}

enum sl_status cli_signals_create(struct cli_signals **out, struct sl_error *error) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    struct cli_signals *signals = calloc(1, sizeof *signals);
    if (signals == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "out of memory");
    signals->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    signals->finish = eventfd(0, EFD_CLOEXEC);
    pthread_mutex_init(&signals->lock, NULL);
    pthread_sigmask(SIG_BLOCK, &set, &signals->old_mask);
    int failed = signals->signals < 0 || signals->finish < 0
                     ? errno
                     : pthread_create(&signals->thread, NULL, wait_for_signals, signals);
    if (failed == 0) {
        *out = signals;
        return SL_OK;
    }
    enum sl_status status = sl_error_set(error, SL_IO, "cannot wait for signals: %s", strerror(failed));
    pthread_sigmask(SIG_SETMASK, &signals->old_mask, NULL);
    close_files(signals);
    pthread_mutex_destroy(&signals->lock);
    free(signals);
    return status;
}

void cli_signals_destroy(struct cli_signals *signals) {
    if (signals == NULL)
        return;
    eventfd_write(signals->finish, 1);
    pthread_join(signals->thread, NULL);
    pthread_sigmask(SIG_SETMASK, &signals->old_mask, NULL);
    close_files(signals);
    pthread_mutex_destroy(&signals->lock);
    free(signals);
}

void cli_signals_watch(struct cli_signals *signals, struct sl_node *node) {
    pthread_mutex_lock(&signals->lock);
    signals->node = node;
    if (signals->stop_wanted)
        sl_node_stop(node);
    if (signals->reload_wanted)
        sl_node_reload(node);
    pthread_mutex_unlock(&signals->lock);
}
