#include "rig.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const sl_time PATIENCE = 60 * SL_SECOND; /* a loaded machine under sanitizers; reached only by a bug */

/* ---- handlers ---- */

static void handle_up(void *context, struct sl_connection *connection, const struct sl_hello *hello,
                      struct sl_credential *credential) {
    struct rig_side *side = context;
    cr_assert_str_eq(hello->node, sl_connection_node(connection));
    cr_assert_str_eq(hello->node, sl_credential_node(credential));
    side->up = connection;
    side->ups++;
    side->peer_addresses = hello->address_count;
    snprintf(side->peer, sizeof side->peer, "%s", hello->node);
    sl_connection_set_context(connection, side);
    if (side->on_up != NULL)
        side->on_up(side);
}

static void handle_down(void *context, struct sl_connection *connection, bool leaving, const char *reason) {
    struct rig_side *side = context;
    cr_assert(sl_connection_context(connection) == side);
    side->downs++;
    side->leaving = leaving;
    side->down_inside_call |= side->in_call;
    snprintf(side->reason, sizeof side->reason, "%s", reason);
    if (side->up == connection)
        side->up = NULL;
    if (side->on_down != NULL)
        side->on_down(side);
}

static void handle_dial_failed(void *context, const char *address, const char *node, enum sl_status status,
                               const char *reason) {
    struct rig_side *side = context;
    (void)node;
    snprintf(side->failed_address, sizeof side->failed_address, "%s", address);
    side->failures++;
    side->failure = status;
    snprintf(side->reason, sizeof side->reason, "%s", reason);
}

static void note_frame(struct rig_side *side, struct rig_frame frame) {
    if (side->frame_count < RIG_FRAMES_MAX)
        side->frames[side->frame_count] = frame;
    side->frame_count++;
}

static enum sl_status handle_control(void *context, struct sl_connection *connection, enum sl_frame_type type,
                                     const uint8_t *payload, size_t length, struct sl_error *error) {
    struct rig_side *side = context;
    (void)payload;
    cr_assert(sl_connection_context(connection) == side);
    note_frame(side, (struct rig_frame){.type = type, .length = (uint32_t)length});
    return side->on_control == NULL ? SL_OK : side->on_control(side, error);
}

static enum sl_status handle_data(void *context, struct sl_connection *connection, const struct sl_data_header *header,
                                  uint8_t **out, struct sl_error *error) {
    struct rig_side *side = context;
    (void)connection;
    side->offered++;
    if (header->transfer >= RIG_TRANSFERS_MAX)
        return sl_error_set(error, SL_FORMAT, "transfer %u was not announced", header->transfer);
    uint8_t *into = side->into[header->transfer];
    *out = into == NULL ? NULL : into + header->offset;
    return SL_OK;
}

static enum sl_status handle_data_done(void *context, struct sl_connection *connection,
                                       const struct sl_data_header *header, struct sl_error *error) {
    struct rig_side *side = context;
    (void)connection;
    (void)error;
    side->data_bytes += header->length;
    note_frame(side, (struct rig_frame){.type = SL_FRAME_DATA,
                                        .transfer = header->transfer,
                                        .offset = header->offset,
                                        .length = header->length});
    if (side->on_data != NULL)
        side->on_data(side);
    return SL_OK;
}

static void handle_heard(void *context, struct sl_connection *connection) {
    struct rig_side *side = context;
    (void)connection;
    side->heard++;
}

static void handle_alarm(void *context, const char *node, const char *text) {
    struct rig_side *side = context;
    (void)node;
    (void)text;
    side->alarms++;
}

static void sink(void *context, enum sl_log_level level, const char *subsystem, const char *message,
                 const struct sl_field *fields) {
    struct rig_side *side = context;
    cr_assert_str_eq(subsystem, "transport");
    static const char *const LEVELS[] = {"debug", "info", "warning", "error"};
    cr_assert(sl_buffer_printf(&side->lines, "%s %s", LEVELS[level], message) == SL_OK);
    for (; fields->type != SL_FIELD_END; fields++)
        if (fields->type == SL_FIELD_TEXT)
            cr_assert(sl_buffer_printf(&side->lines, " %s=%s", fields->key, fields->value.text) == SL_OK);
    cr_assert(sl_buffer_printf(&side->lines, "\n") == SL_OK);
}

/* ---- sides ---- */

static const struct sl_transport_handlers HANDLERS = {
    .peer_up = handle_up,
    .peer_down = handle_down,
    .dial_failed = handle_dial_failed,
    .control = handle_control,
    .data = handle_data,
    .data_done = handle_data_done,
    .heard = handle_heard,
    .alarm = handle_alarm,
};

static void start(struct rig_side *side, uint64_t boot, const struct sl_resolve_function *resolve) {
    struct sl_error error = {.status = SL_OK};
    char advertised[] = "127.0.0.1:7400";
    const char *const addresses[] = {advertised};
    struct sl_transport_options options = {
        .base = side->rig->base,
        .identity = side->identity,
        .settings = &side->settings,
        .log = &side->log,
        .boot = boot,
        .addresses = addresses,
        .address_count = 1,
        .resolve = resolve,
        .handlers = HANDLERS,
    };
    options.handlers.context = side;
    side->boot = boot;
    cr_assert_eq(sl_transport_create(&side->transport, &options, &error), SL_OK, "%s", error.text);
    cr_assert_eq(sl_transport_listen(side->transport, &side->listener, &side->port, &error), SL_OK, "%s", error.text);
    snprintf(side->address, sizeof side->address, "127.0.0.1:%u", (unsigned)side->port);
}

struct rig_side *rig_add_identity(struct rig *rig, struct sl_identity *identity, uint64_t boot) {
    static char run[] = "run", empty[] = "", any[] = "127.0.0.1:0";
    static char priorities[] = "NORMAL:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM";
    cr_assert_lt(rig->count, RIG_SIDES_MAX);
    struct rig_side *side = &rig->sides[rig->count++];
    *side = (struct rig_side){.rig = rig, .identity = identity};
    side->settings.flock.run = run;
    side->settings.transport.priorities = priorities;
    side->settings.transport.congestion = empty;
    side->settings.transport.handshake_timeout = 60;
    side->settings.transport.max_connections = 64;
    side->settings.transport.max_unauthenticated = 64;
    side->settings.transport.max_unauthenticated_per_address = 64;
    side->settings.transport.control_messages = 10000;
    side->settings.transport.control_bytes = 16 << 20;
    side->settings.transport.stall_timeout = 30;
    side->listener = (struct sl_listener_setting){
        .address = any, .handshake_rate = 1000, .handshake_burst = 1000, .max_connections = 1000};
    side->log = (struct sl_log){.sink = sink, .context = side, .level = SL_LOG_DEBUG};
    start(side, boot, NULL);
    return side;
}

struct rig_side *rig_add(struct rig *rig, const char *node, uint64_t boot) {
    return rig_add_identity(rig, sl_test_member(&rig->flock, node), boot);
}

void rig_restart(struct rig_side *side, uint64_t boot, const struct sl_resolve_function *resolve) {
    rig_stop(side);
    start(side, boot, resolve);
}

void rig_set_modes(struct rig_side *side, enum sl_connection_security dials, enum sl_connection_security listens) {
    side->settings.transport.connection_security = dials;
    side->listener.security = listens;
    rig_restart(side, side->boot, NULL);
}

void rig_stop(struct rig_side *side) {
    sl_transport_destroy(side->transport);
    side->transport = NULL;
    side->up = NULL;
}

void rig_init(struct rig *rig) {
    signal(SIGPIPE, SIG_DFL); /* the transport must not need it ignored */
    *rig = (struct rig){.base = event_base_new()};
    cr_assert(rig->base != NULL);
    sl_test_flock_init(&rig->flock, "demo");
}

void rig_finish(struct rig *rig) {
    for (size_t i = 0; i < rig->count; i++) {
        sl_transport_destroy(rig->sides[i].transport);
        sl_identity_unref(rig->sides[i].identity);
        sl_buffer_finish(&rig->sides[i].lines);
    }
    event_base_free(rig->base);
    sl_test_flock_finish(&rig->flock);
}

void rig_init_pair(struct rig *rig) {
    rig_init(rig);
    (void)rig_add(rig, "alice", 11);
    (void)rig_add(rig, "bob", 22);
}

static struct rig_side *find_side(struct rig *rig, const char *node) {
    for (size_t i = 0; i < rig->count; i++)
        if (strcmp(sl_identity_node(rig->sides[i].identity), node) == 0)
            return &rig->sides[i];
    cr_assert_fail("no side is %s", node);
    return NULL;
}

struct sl_identity *rig_identity_that_revoked(struct rig *rig, const char *node, const char *revoked) {
    struct sl_test_pair pairs[2];
    struct sl_bytes chain[SL_CHAIN_MAX];
    struct sl_identity *identity = NULL;
    struct sl_error error = {.status = SL_OK};
    const struct rig_side *side = find_side(rig, revoked);
    for (int i = 0; i < 2; i++) {
        (void)sl_identity_chain(side->identity, (enum sl_purpose)i, chain);
        pairs[i].der = (gnutls_datum_t){(unsigned char *)(uintptr_t)chain[0].data, (unsigned)chain[0].length};
    }
    gnutls_datum_t list = sl_test_list(
        &(struct sl_test_list_order){.issuer = &rig->flock.authority, .revoked = {&pairs[0], &pairs[1]}, .number = 99});
    cr_assert_eq(sl_identity_with_crl(find_side(rig, node)->identity, &identity,
                                      (struct sl_bytes){list.data, list.size}, &error),
                 SL_OK, "%s", error.text);
    gnutls_free(list.data);
    return identity;
}

void rig_init_connected(struct rig *rig) {
    rig_init_connected_by(rig, SL_SECURITY_MTLS);
}

void rig_init_connected_by(struct rig *rig, enum sl_connection_security security) {
    rig_init_pair(rig);
    for (size_t i = 0; i < rig->count && security != SL_SECURITY_MTLS; i++)
        rig_set_modes(&rig->sides[i], security, security);
    rig_dial(&rig->sides[0], &rig->sides[1], "bob");
    rig_until(rig, &rig->sides[0].ups, 1);
    rig_until(rig, &rig->sides[1].ups, 1);
}

void rig_dial(struct rig_side *from, const struct rig_side *to, const char *node) {
    cr_assert_eq(sl_transport_dial(from->transport, (const char *[]){to->address}, 1, node), SL_OK);
}

struct rig_side *rig_side_of(struct rig *rig, size_t index) {
    return &rig->sides[index];
}

/* ---- running ---- */

static void handle_wake(evutil_socket_t fd, short what, void *context) {
    (void)fd;
    (void)what;
    (void)context;
}

/* One turn, of a tenth of a second at most. */
static void turn(struct rig *rig) {
    struct event *wake = evtimer_new(rig->base, handle_wake, NULL);
    evtimer_add(wake, &(struct timeval){.tv_usec = 100000});
    event_base_loop(rig->base, EVLOOP_ONCE);
    event_free(wake);
}

static void dump(const struct rig *rig) {
    for (size_t i = 0; i < rig->count; i++)
        fprintf(stderr, "side %zu:\n%.*s", i, (int)rig->sides[i].lines.length,
                rig->sides[i].lines.length == 0 ? "" : (const char *)rig->sides[i].lines.data);
}

static void check_patience(const struct rig *rig, sl_time begin, const char *what) {
    if (sl_clock_monotonic() - begin < PATIENCE)
        return;
    dump(rig);
    cr_assert_fail("waited too long for %s", what);
}

void rig_until(struct rig *rig, const size_t *counter, size_t value) {
    sl_time begin = sl_clock_monotonic();
    while (*counter < value) {
        check_patience(rig, begin, "an event");
        turn(rig);
    }
}

void rig_until_bytes(struct rig *rig, const uint64_t *counter, uint64_t value) {
    sl_time begin = sl_clock_monotonic();
    while (*counter < value) {
        check_patience(rig, begin, "bytes");
        turn(rig);
    }
}

void rig_until_empty(struct rig_side *side) {
    sl_time begin = sl_clock_monotonic();
    while (side->transport->connections != NULL || side->transport->closed != NULL) {
        check_patience(side->rig, begin, "the last connection to close");
        turn(side->rig);
    }
}

void rig_turns(struct rig *rig, size_t turns) {
    for (size_t i = 0; i < turns; i++)
        event_base_loop(rig->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

void rig_inject(struct rig_side *side, const void *bytes, size_t length) {
    cr_assert(side->up != NULL);
    cr_assert_eq(sl_buffer_append(&side->up->writer.control, bytes, length), SL_OK);
    sl_connection_want_write(side->up);
}

size_t rig_log_count(const struct rig_side *side, const char *text) {
    size_t count = 0;
    if (side->lines.length == 0)
        return 0;
    char *lines = strndup((const char *)side->lines.data, side->lines.length);
    for (const char *at = strstr(lines, text); at != NULL; at = strstr(at + 1, text))
        count++;
    free(lines);
    return count;
}

bool rig_logged(const struct rig_side *side, const char *text) {
    bool found = rig_log_count(side, text) > 0;
    if (!found)
        fprintf(stderr, "not in the log: %s\n%.*s", text, (int)side->lines.length,
                side->lines.length == 0 ? "" : (const char *)side->lines.data);
    return found;
}
