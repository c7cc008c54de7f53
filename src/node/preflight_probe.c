#include "node/preflight_probe.h"

#include <event2/event.h>
#include <stdio.h>

enum { AT_ONCE_MAX = 8, TICK_MICROSECONDS = 20000, TIMEOUT_SECONDS = 10 };

static const sl_time FAREWELL = SL_SECOND;

/* ---- what a transport says ---- */

static void end(struct probe *probe, enum sl_status status, const char *reason) {
    if (probe->state != PROBE_RUNS)
        return;
    probe->state = status == SL_OK ? PROBE_ADMITTED : PROBE_FAILED;
    probe->status = status;
    (void)snprintf(probe->detail, sizeof probe->detail, "%.*s", PROBE_DETAIL_SIZE - 1, reason);
}

static void handle_up(void *context, struct sl_connection *connection, const struct sl_hello *hello,
                      struct sl_credential *credential) {
    struct probe *probe = context;
    char text[PROBE_DETAIL_SIZE], versions[32];
    (void)connection;
    if (hello->version_min == hello->version_max)
        (void)snprintf(versions, sizeof versions, "%u", hello->version_min);
    else
        (void)snprintf(versions, sizeof versions, "%u to %u", hello->version_min, hello->version_max);
    (void)snprintf(text, sizeof text, "is %s, certificate %s, protocol %s, %s, in %lld ms", hello->node,
                   sl_credential_text(credential), versions, sl_security_text(probe->security),
                   (long long)((sl_clock_monotonic() - probe->begun) / SL_MILLISECOND));
    end(probe, SL_OK, text);
    probe->deadline = sl_clock_monotonic() + FAREWELL;
}

static void handle_down(void *context, struct sl_connection *connection, bool leaving, const char *reason) {
    struct probe *probe = context;
    (void)connection;
    (void)leaving;
    end(probe, SL_CLOSED, reason);
    probe->closed = true;
}

static void handle_dial_failed(void *context, const char *address, const char *node, enum sl_status status,
                               const char *reason) {
    (void)address;
    (void)node;
    end(context, status == SL_OK ? SL_INTERNAL : status, reason);
}

/* ---- one probe ---- */

static double timeout_of(const struct probes *probes) {
    double timeout = probes->preflight->options->timeout;
    return timeout > 0 ? timeout : TIMEOUT_SECONDS;
}

enum sl_status preflight_probe_transport(const struct probes *probes, struct sl_transport **out, struct probe *probe,
                                         struct sl_error *error) {
    static const struct sl_log silent = {.sink = NULL};
    const struct sl_transport_options options = {
        .base = probes->base,
        .identity = probes->preflight->identity,
        .settings = probes->preflight->settings,
        .log = &silent,
        .boot = 0,
        .handlers = {
            .context = probe, .peer_up = handle_up, .peer_down = handle_down, .dial_failed = handle_dial_failed}};
    return sl_transport_create(out, &options, error);
}

static void begin(struct probes *probes, struct probe *probe) {
    struct sl_error error = {.status = SL_OK};
    probe->state = PROBE_RUNS;
    probe->begun = sl_clock_monotonic();
    probe->deadline = probe->begun + sl_time_from_seconds(timeout_of(probes));
    probes->running++;
    enum sl_status status = preflight_probe_transport(probes, &probe->transport, probe, &error);
    if (status != SL_OK) {
        end(probe, status, error.text);
        return;
    }
    status = sl_transport_dial(probe->transport, &probe->address, 1, probe->node);
    if (status != SL_OK)
        end(probe, status, sl_status_text(status));
}

static void look_after(struct probes *probes, struct probe *probe) {
    if (probe->state == PROBE_RUNS && sl_clock_monotonic() >= probe->deadline) {
        char text[64];
        (void)snprintf(text, sizeof text, "no answer within %g s", timeout_of(probes));
        end(probe, SL_TIMEOUT, text);
    }
    if (probe->state == PROBE_WAITS || probe->state == PROBE_RUNS || probe->begun == 0)
        return;
    /* The peer closes in its own way, or its log would have a failure. */
    if (probe->state == PROBE_ADMITTED && !probe->closed && sl_clock_monotonic() < probe->deadline)
        return;
    sl_transport_destroy(probe->transport);
    probe->transport = NULL;
    probe->begun = 0;
    probes->running--;
}

static void handle_tick(evutil_socket_t fd, short what, void *context) {
    (void)fd;
    (void)what;
    (void)context;
}

enum sl_status preflight_probe_run(struct probes *probes, struct sl_error *error) {
    struct event *tick = event_new(probes->base, -1, EV_PERSIST, handle_tick, NULL);
    if (tick == NULL || event_add(tick, &(struct timeval){.tv_usec = TICK_MICROSECONDS}) != 0) {
        if (tick != NULL)
            event_free(tick);
        return sl_error_set(error, SL_NO_MEMORY, "out of memory");
    }
    size_t next = 0;
    while (next < probes->count || probes->running > 0) {
        while (next < probes->count && probes->running < AT_ONCE_MAX)
            begin(probes, &probes->items[next++]);
        (void)event_base_loop(probes->base, EVLOOP_ONCE);
        for (size_t i = 0; i < next; i++)
            look_after(probes, &probes->items[i]);
    }
    event_free(tick);
    return SL_OK;
}
