/* What identity a node runs on, and when it looks for another one: asked to (SIGHUP, sl_node_reload), or each hour, as
 * its delegation must be renewed when half of its life is over. trust_load.c: from a changed file to a generation. */
#include "node/internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "identity/identity.h"

#define HOUR 3600 /* s */

/* ---- what ends soon ---- */

static void say_expiry(void *context, const struct sl_expiry *item, int64_t left) {
    struct sl_node *node = context;
    int64_t days = left / 86400;
    enum sl_log_level level = left <= 0 ? SL_LOG_ERROR : SL_LOG_WARNING;
    const char *what = item->is_list ? (left <= 0 ? "a revocation list is stale" : "a revocation list is stale soon")
                                     : (left <= 0 ? "a certificate has expired" : "a certificate expires soon");
    sl_log_line(node->log, level, "identity", what, SL_TEXT("what", item->what), SL_INTEGER("days_left", days));
    sl_record_event(node->record, "expiry", SL_TEXT("what", item->what), SL_INTEGER("at", item->at),
                    SL_INTEGER("days_left", days));
}

static void check_expiries(struct sl_node *node) {
    struct sl_expiry items[NODE_EXPIRIES_MAX];
    size_t count = sl_identity_expiries(node->identity, items, NODE_EXPIRIES_MAX);
    node_expiries_check(&node->trust.expiries, items, count, sl_clock_wall() / SL_SECOND, say_expiry, node);
}

/* ---- a new generation ---- */

static void say_warning(struct sl_node *node, const struct sl_identity *former) {
    const char *now = sl_identity_warning(node->identity);
    const char *then = former != NULL ? sl_identity_warning(former) : NULL;
    if (now == NULL || (then != NULL && strcmp(now, then) == 0))
        return;
    sl_log_line(node->log, SL_LOG_WARNING, "identity", now);
    sl_record_event(node->record, "warning", SL_TEXT("text", now));
}

void node_trust_adopt(struct sl_node *node, struct sl_identity *identity, const char *source) {
    struct sl_identity *former = node->identity;
    node->identity = identity;
    sl_log_line(node->log, SL_LOG_INFO, "identity", "a new generation is in force", SL_TEXT("source", source));
    sl_record_event(node->record, "identity", SL_TEXT("source", source));
    say_warning(node, former);
    check_expiries(node);
    sl_transport_set_identity(node->transport, identity);
    sl_identity_unref(former);
    node_recheck_statements(node);
    node_crl_spread(node);
    node_crl_save(node);
}

/* ---- when it looks ---- */

static void handle_look(evutil_socket_t fd, short what, void *context) {
    (void)fd;
    (void)what;
    node_trust_look(context);
}

static void handle_hourly(evutil_socket_t fd, short what, void *context) {
    struct sl_node *node = context;
    (void)fd;
    (void)what;
    check_expiries(node);
    if (sl_identity_needs_renewal(node->identity, sl_clock_wall() / SL_SECOND))
        node_trust_look(node);
}

static void handle_reload(evutil_socket_t fd, short what, void *context) {
    struct sl_node *node = context;
    uint64_t count;
    (void)what;
    if (read(fd, &count, sizeof count) < 0)
        return;
    sl_log_line(node->log, SL_LOG_INFO, "identity", "asked to reload certificates");
    node->trust.forced = true;
    node->trust.tries = 0;
    node_trust_look(node);
}

void sl_node_reload(struct sl_node *node) {
    const uint64_t one = 1;
    ssize_t written = write(node->trust.reload_fd, &one, sizeof one); /* a full counter has the same effect */
    (void)written;
}

static void handle_spread(evutil_socket_t fd, short what, void *context) {
    (void)fd;
    (void)what;
    node_crl_spread(context);
}

/* ---- start and end ---- */

void node_trust_init(struct sl_node *node) {
    struct node_trust *trust = &node->trust;
    trust->watch_fd = node_watch_create(node->settings);
    node_stamps_take(&trust->stamps, node->settings);
}

enum sl_status node_trust_create_events(struct sl_node *node, struct sl_error *error) {
    const struct timeval interval = {.tv_sec = HOUR, .tv_usec = 0};
    struct node_trust *trust = &node->trust;
    trust->reload_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (trust->reload_fd >= 0)
        trust->reload_event = event_new(node->base, trust->reload_fd, EV_READ | EV_PERSIST, handle_reload, node);
    trust->look_timer = evtimer_new(node->base, handle_look, node);
    trust->spread_timer = evtimer_new(node->base, handle_spread, node);
    trust->hourly_timer = event_new(node->base, -1, EV_PERSIST, handle_hourly, node);
    if (trust->reload_event == NULL || trust->look_timer == NULL || trust->spread_timer == NULL ||
        trust->hourly_timer == NULL || event_add(trust->reload_event, NULL) != 0 ||
        event_add(trust->hourly_timer, &interval) != 0)
        return sl_error_set(error, SL_NO_MEMORY, "cannot make the event loop's events");
    return SL_OK;
}

void node_trust_start(struct sl_node *node) {
    node_trust_listen(node);
    say_warning(node, NULL);
    check_expiries(node);
}

void node_trust_finish(struct sl_node *node) {
    struct node_trust *trust = &node->trust;
    node_trust_watch(node, -1);
    struct event *const events[] = {trust->reload_event, trust->look_timer, trust->spread_timer, trust->hourly_timer};
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
        if (events[i] != NULL)
            event_free(events[i]);
    if (trust->reload_fd >= 0)
        (void)close(trust->reload_fd);
}
