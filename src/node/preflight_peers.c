/* Who is at the addresses that the node would dial? Each is dialled as a probe (boot nonce 0): the peer does what it
 * always does until it has admitted this node, says so or why not, and closes. Each probe has a transport of its own,
 * so that several addresses of one peer are not taken for a second connection of a pair. What is found is told when all
 * is done, since one known node that answers is enough. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "node/preflight.h"
#include "transport/transport.h"

enum { AT_ONCE_MAX = 8, TICK_MICROSECONDS = 20000, DETAIL_SIZE = 1024, TIMEOUT_SECONDS = 10 };

static const sl_time FAREWELL = SL_SECOND;

struct probe {
    char what[64];
    const char *address, *node; /* "": any member */
    enum sl_connection_security security;
    bool is_join;
    struct sl_transport *transport; /* NULL: not begun, or over */
    bool closed;                    /* by the peer */
    enum { PROBE_WAITS, PROBE_RUNS, PROBE_ADMITTED, PROBE_FAILED } state;
    sl_time begun, deadline;
    enum sl_status status; /* of one that failed */
    char detail[DETAIL_SIZE];
};

struct probes {
    struct preflight *preflight;
    struct event_base *base;
    struct probe *items;
    size_t count, running;
};

/* ---- what a transport says ---- */

static void end(struct probe *probe, enum sl_status status, const char *reason) {
    if (probe->state != PROBE_RUNS)
        return;
    probe->state = status == SL_OK ? PROBE_ADMITTED : PROBE_FAILED;
    probe->status = status;
    (void)snprintf(probe->detail, sizeof probe->detail, "%.*s", DETAIL_SIZE - 1, reason);
}

static void handle_up(void *context, struct sl_connection *connection, const struct sl_hello *hello,
                      struct sl_credential *credential) {
    struct probe *probe = context;
    char text[DETAIL_SIZE], versions[32];
    (void)connection;
    if (hello->version_min == hello->version_max)
        (void)snprintf(versions, sizeof versions, "%u", hello->version_min);
    else
        (void)snprintf(versions, sizeof versions, "%u to %u", hello->version_min, hello->version_max);
    (void)snprintf(text, sizeof text, "is %s, certificate %s, protocol %s, %s, in %lld ms", hello->node,
                   sl_credential_text(credential), versions, preflight_security(probe->security),
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

/* A peer that does not know of probes may already tell what it tells every new connection. */
static enum sl_status handle_control(void *context, struct sl_connection *connection, enum sl_frame_type type,
                                     const uint8_t *payload, size_t length, struct sl_error *error) {
    (void)context;
    (void)connection;
    (void)type;
    (void)payload;
    (void)length;
    (void)error;
    return SL_OK;
}

static enum sl_status handle_data(void *context, struct sl_connection *connection, const struct sl_data_header *header,
                                  uint8_t **out, struct sl_error *error) {
    (void)context;
    (void)connection;
    (void)header;
    *out = NULL;
    (void)error;
    return SL_OK;
}

static enum sl_status handle_data_done(void *context, struct sl_connection *connection,
                                       const struct sl_data_header *header, struct sl_error *error) {
    (void)context;
    (void)connection;
    (void)header;
    (void)error;
    return SL_OK;
}

static void handle_heard(void *context, struct sl_connection *connection) {
    (void)context;
    (void)connection;
}

/* ---- one probe ---- */

static double timeout_of(const struct probes *probes) {
    double timeout = probes->preflight->options->timeout;
    return timeout > 0 ? timeout : TIMEOUT_SECONDS;
}

static enum sl_status create_transport(const struct probes *probes, struct sl_transport **out, struct probe *probe,
                                       struct sl_error *error) {
    static const struct sl_log silent = {.sink = NULL};
    const struct sl_transport_options options = {.base = probes->base,
                                                 .identity = probes->preflight->identity,
                                                 .settings = probes->preflight->settings,
                                                 .log = &silent,
                                                 .boot = 0,
                                                 .handlers = {.context = probe,
                                                              .peer_up = handle_up,
                                                              .peer_down = handle_down,
                                                              .dial_failed = handle_dial_failed,
                                                              .control = handle_control,
                                                              .data = handle_data,
                                                              .data_done = handle_data_done,
                                                              .heard = handle_heard}};
    return sl_transport_create(out, &options, error);
}

static void begin(struct probes *probes, struct probe *probe) {
    struct sl_error error = {.status = SL_OK};
    probe->state = PROBE_RUNS;
    probe->begun = sl_clock_monotonic();
    probe->deadline = probe->begun + sl_time_from_seconds(timeout_of(probes));
    probes->running++;
    enum sl_status status = create_transport(probes, &probe->transport, probe, &error);
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

static enum sl_status run(struct probes *probes, struct sl_error *error) {
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

/* ---- whom to dial ---- */

static bool is_same_address(const char *a, const char *b) {
    struct sl_address x, y;
    return sl_address_parse(&x, a, NULL) == SL_OK && sl_address_parse(&y, b, NULL) == SL_OK && x.port == y.port &&
           strcmp(x.host, y.host) == 0;
}

static struct probe *find(struct probes *probes, const char *address) {
    for (size_t i = 0; i < probes->count; i++) {
        if (is_same_address(probes->items[i].address, address))
            return &probes->items[i];
    }
    return NULL;
}

/* All nodes of a flock may have the same list, with themselves in it. */
static bool is_own(const struct sl_settings *settings, const char *address) {
    for (size_t i = 0; i < preflight_address_count(settings); i++) {
        if (is_same_address(preflight_address(settings, i), address))
            return true;
    }
    return false;
}

static void add_join(struct probes *probes, size_t index) {
    const struct sl_settings *settings = probes->preflight->settings;
    const char *address = settings->membership.join.items[index];
    char what[64];
    (void)snprintf(what, sizeof what, "membership.join[%zu]", index);
    if (is_own(settings, address)) {
        preflight_ok(probes->preflight, what, "%s is this node's own", address);
        return;
    }
    if (find(probes, address) != NULL)
        return;
    struct probe *probe = &probes->items[probes->count++];
    *probe = (struct probe){
        .address = address, .node = "", .security = settings->transport.connection_security, .is_join = true};
    memcpy(probe->what, what, sizeof what);
}

static enum sl_status collect(struct probes *probes) {
    const struct sl_settings *settings = probes->preflight->settings;
    probes->items = calloc(settings->membership.join.count + settings->transport.peers.count + 1, sizeof(struct probe));
    if (probes->items == NULL)
        return SL_NO_MEMORY;
    for (size_t i = 0; i < settings->membership.join.count; i++)
        add_join(probes, i);
    for (size_t i = 0; i < settings->transport.peers.count; i++) {
        const struct sl_peer_setting *rule = &settings->transport.peers.items[i];
        struct probe *probe = find(probes, rule->connect_to);
        if (probe == NULL) {
            probe = &probes->items[probes->count++];
            *probe = (struct probe){.address = rule->connect_to};
            (void)snprintf(probe->what, sizeof probe->what, "transport.peers[%zu]", i);
        }
        probe->node = rule->node;
        probe->security = rule->security;
    }
    return SL_OK;
}

/* ---- what was found ---- */

/* Nobody was there, as opposed to somebody who refused or was refused. */
static bool is_absent(const struct probe *probe) {
    return probe->status == SL_NETWORK || probe->status == SL_TIMEOUT || probe->status == SL_NOT_FOUND;
}

/* The transport says which of a name's addresses it tried; of a literal that is the same again. */
static const char *reason_of(const struct probe *probe) {
    size_t length = strlen(probe->address);
    bool again = strncmp(probe->detail, probe->address, length) == 0 && strncmp(probe->detail + length, ": ", 2) == 0;
    return again ? probe->detail + length + 2 : probe->detail;
}

static void tell(struct preflight *preflight, const struct probe *probe, bool somebody_answered) {
    static const char absent[] = "start it, or look at the address, at DNS and at firewalls";
    static const char alone[] = "start one of them, or look at addresses, DNS and firewalls; --offline leaves this out";
    if (probe->state == PROBE_ADMITTED)
        preflight_ok(preflight, probe->what, "%s %s", probe->address, probe->detail);
    else if (probe->status == SL_IN_USE)
        preflight_ok(preflight, probe->what, "%s is this node itself", probe->address);
    else if (is_absent(probe) && somebody_answered)
        preflight_warn(preflight, probe->what, absent, "%s: %s", probe->address, reason_of(probe));
    else if (is_absent(probe))
        preflight_fail(preflight, probe->what, alone, "%s: %s", probe->address, reason_of(probe));
    else
        preflight_fail(preflight, probe->what, "its own log has its side of it", "%s: %s", probe->address,
                       reason_of(probe));
}

static void tell_all(const struct probes *probes) {
    bool any = false;
    for (size_t i = 0; i < probes->count; i++)
        any = any || (probes->items[i].is_join && probes->items[i].state == PROBE_ADMITTED);
    for (size_t i = 0; i < probes->count; i++)
        tell(probes->preflight, &probes->items[i], any);
    if (probes->preflight->settings->membership.join.count + probes->count == 0)
        preflight_ok(probes->preflight, "membership.join", "nobody is dialled: others have to come");
}

/* What is common to all connections: cipher suites, congestion control, the authorities of proxies. */
static bool check_transport(const struct probes *probes) {
    struct sl_transport *transport = NULL;
    struct sl_error error = {.status = SL_OK};
    enum sl_status status = create_transport(probes, &transport, NULL, &error);
    if (status == SL_OK)
        preflight_ok(probes->preflight, "transport", "cipher suites, congestion control and trust are good");
    else
        preflight_fail(probes->preflight, "transport", "", "%s",
                       error.text[0] != '\0' ? error.text : sl_status_text(status));
    sl_transport_destroy(transport);
    return status == SL_OK;
}

static enum sl_status probe_all(struct probes *probes, struct sl_error *error) {
    if (collect(probes) != SL_OK)
        return sl_error_set(error, SL_NO_MEMORY, "out of memory");
    enum sl_status status = run(probes, error);
    if (status == SL_OK)
        tell_all(probes);
    free(probes->items);
    return status;
}

enum sl_status preflight_peers(struct preflight *preflight, struct sl_error *error) {
    struct probes probes = {.preflight = preflight};
    if (preflight->identity == NULL) {
        preflight_warn(preflight, "membership.join", "", "not tried: who this node is must be right first");
        return SL_OK;
    }
    probes.base = event_base_new();
    if (probes.base == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "out of memory");
    enum sl_status status = SL_OK;
    if (check_transport(&probes) && !preflight->options->offline)
        status = probe_all(&probes, error);
    event_base_free(probes.base);
    return status;
}
