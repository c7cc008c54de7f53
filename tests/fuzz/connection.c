/* A peer that comes to a listener and says anything at any moment: it never gets further than it may, and the listener
 * survives it. The first byte says how far it plays by the rules, the rest is what it says then.
 *
 *     0   nothing but these bytes, from the first on
 *     1   the mutual handshake in frames, then these bytes as they are: no tag fits
 *     2   the handshake, then frames of these bytes (type, two bytes of length, payload), each with its right tag
 *     3   the same, after a good HELLO: it is the member alice until it says HELLO_ACK, and then READY
 *
 * Keys are fresh a process, so handshakes differ from run to run; what is said around them does not. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <fcntl.h>

#include "support/certificates.h"
#include "target.h"
#include "transport/connection.h"
#include "transport/inner.h"

enum mode { RAW, SHAKEN_RAW, SHAKEN_FRAMES, ADMITTED, MODES };
enum { TURNS = 2000, BOOT = 7 };

static struct {
    bool ready;
    struct event_base *base;
    struct sl_settings settings;
    struct sl_identity *bob, *alice;
    struct sl_transport *transport;
    gnutls_priority_t priority;
    uint16_t port;
    size_t ups, downs;
} shared;

/* ---- bob, who listens ---- */

static void handle_up(void *context, struct sl_connection *connection, const struct sl_hello *hello,
                      struct sl_credential *credential) {
    (void)context;
    (void)hello;
    FUZZ_CHECK(strcmp(sl_connection_node(connection), "alice") == 0);
    FUZZ_CHECK(strcmp(sl_credential_node(credential), "alice") == 0);
    shared.ups++;
}

static void handle_down(void *context, struct sl_connection *connection, bool leaving, const char *reason) {
    (void)context;
    (void)connection;
    (void)leaving;
    FUZZ_CHECK(strchr(reason, '\n') == NULL);
    shared.downs++;
}

static void handle_dial_failed(void *context, const char *address, const char *node, enum sl_status status,
                               const char *reason) {
    (void)context;
    (void)address;
    (void)node;
    (void)status;
    (void)reason;
    FUZZ_CHECK(false); /* bob dials nobody */
}

static enum sl_status handle_control(void *context, struct sl_connection *connection, enum sl_frame_type type,
                                     const uint8_t *payload, size_t length, struct sl_error *error) {
    (void)context;
    (void)connection;
    (void)payload;
    (void)error;
    FUZZ_CHECK(shared.ups == shared.downs + 1 && length <= SL_PAYLOAD_MAX);
    FUZZ_CHECK(type != SL_FRAME_HELLO && type != SL_FRAME_HANDSHAKE && type != SL_FRAME_DATA);
    return SL_OK;
}

static enum sl_status handle_data(void *context, struct sl_connection *connection, const struct sl_data_header *header,
                                  uint8_t **out, struct sl_error *error) {
    (void)context;
    (void)connection;
    (void)error;
    FUZZ_CHECK(shared.ups == shared.downs + 1 && header->length > 0 && header->length <= SL_DATA_MAX);
    *out = NULL;
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

static void release(void) {
    sl_transport_destroy(shared.transport);
    sl_identity_unref(shared.bob);
    sl_identity_unref(shared.alice);
    gnutls_priority_deinit(shared.priority);
    event_base_free(shared.base);
}

static void fill_settings(struct sl_settings *settings) {
    static char run[] = "run", empty[] = "", priorities[] = "NORMAL";
    settings->flock.run = run;
    settings->transport.priorities = priorities;
    settings->transport.congestion = empty;
    settings->transport.handshake_timeout = 60;
    settings->transport.max_connections = 64;
    settings->transport.max_unauthenticated = 64;
    settings->transport.max_unauthenticated_per_address = 64;
    settings->transport.control_messages = 10000;
    settings->transport.control_bytes = 16 << 20;
    settings->transport.stall_timeout = 60;
}

static void prepare(void) {
    static char any[] = "127.0.0.1:0";
    static const struct sl_log no_log = {.sink = NULL};
    static const struct sl_listener_setting listener = {.address = any,
                                                        .security = SL_SECURITY_CLEAR,
                                                        .handshake_rate = 1000000,
                                                        .handshake_burst = 1000000,
                                                        .max_connections = 1000};
    struct sl_test_flock flock;
    struct sl_error error = {.status = SL_OK};
    if (shared.ready)
        return;
    shared.ready = true;
    sl_test_flock_init(&flock, "demo");
    shared.bob = sl_test_member(&flock, "bob");
    shared.alice = sl_test_member(&flock, "alice");
    sl_test_flock_finish(&flock);
    fill_settings(&shared.settings);
    shared.base = event_base_new();
    FUZZ_CHECK(shared.base != NULL && sl_tls_priority_create(&shared.priority, "NORMAL", &error) == SL_OK);
    const struct sl_transport_options options = {.base = shared.base,
                                                 .identity = shared.bob,
                                                 .settings = &shared.settings,
                                                 .log = &no_log,
                                                 .boot = 1,
                                                 .handlers = {.peer_up = handle_up,
                                                              .peer_down = handle_down,
                                                              .dial_failed = handle_dial_failed,
                                                              .control = handle_control,
                                                              .data = handle_data,
                                                              .data_done = handle_data_done}};
    FUZZ_CHECK(sl_transport_create(&shared.transport, &options, &error) == SL_OK);
    FUZZ_CHECK(sl_transport_listen(shared.transport, &listener, &shared.port, &error) == SL_OK);
    atexit(release);
}

/* ---- the peer ---- */

struct peer {
    int fd;
    bool over; /* bob has closed */
    struct sl_inner *inner;
    struct sl_writer writer; /* its queue is what is to be sent */
    struct sl_tags received;
    bool shaken;
    struct sl_buffer in;
};

static void peer_send(struct peer *peer, const uint8_t *data, size_t length) {
    while (length > 0 && !peer->over) {
        ssize_t sent = send(peer->fd, data, length, MSG_NOSIGNAL);
        if (sent > 0) {
            data += sent;
            length -= (size_t)sent;
        } else if (sent < 0 && errno != EAGAIN && errno != EINTR) {
            peer->over = true;
        }
        (void)event_base_loop(shared.base, EVLOOP_NONBLOCK);
    }
}

static void peer_flush(struct peer *peer) {
    if (!sl_writer_is_empty(&peer->writer))
        peer_send(peer, peer->writer.control.data + peer->writer.control_begin,
                  peer->writer.control.length - peer->writer.control_begin);
    sl_buffer_finish(&peer->writer.control);
    peer->writer.control_begin = 0;
}

static void peer_receive(struct peer *peer) {
    uint8_t bytes[16384];
    ssize_t got = recv(peer->fd, bytes, sizeof bytes, 0);
    if (got > 0)
        FUZZ_CHECK(sl_buffer_append(&peer->in, bytes, (size_t)got) == SL_OK);
    else if (got == 0 || (errno != EAGAIN && errno != EINTR))
        peer->over = true;
}

/* One HANDSHAKE frame of bob's, where it is whole. */
static void take_handshake(struct peer *peer) {
    struct sl_frame_header header;
    struct sl_error error = {.status = SL_OK};
    if (peer->in.length < SL_FRAME_HEADER_SIZE)
        return;
    FUZZ_CHECK(sl_frame_get_header(&header, peer->in.data, &error) == SL_OK && header.type == SL_FRAME_HANDSHAKE);
    size_t whole = SL_FRAME_HEADER_SIZE + header.length;
    if (peer->in.length < whole)
        return;
    enum sl_tls_result result =
        sl_inner_handshake(peer->inner, &peer->writer, peer->in.data + SL_FRAME_HEADER_SIZE, header.length, &error);
    FUZZ_CHECK(result == SL_TLS_DONE || result == SL_TLS_AGAIN);
    memmove(peer->in.data, peer->in.data + whole, peer->in.length - whole);
    peer->in.length -= whole;
    peer->shaken = result == SL_TLS_DONE;
}

static void peer_shake(struct peer *peer) {
    struct sl_error error = {.status = SL_OK};
    FUZZ_CHECK(sl_inner_create(&peer->inner, shared.alice, true, shared.priority, &error) == SL_OK);
    FUZZ_CHECK(sl_inner_handshake(peer->inner, &peer->writer, NULL, 0, &error) == SL_TLS_AGAIN);
    for (size_t turn = 0; !peer->shaken; turn++) {
        FUZZ_CHECK(turn < TURNS && !peer->over);
        peer_flush(peer);
        (void)event_base_loop(shared.base, EVLOOP_NONBLOCK);
        peer_receive(peer);
        take_handshake(peer);
    }
    peer_flush(peer);
    FUZZ_CHECK(sl_inner_start_tags(peer->inner, &peer->writer.tags, &peer->received, &error) == SL_OK);
}

static void say_hello(struct peer *peer) {
    struct sl_buffer payload = {0};
    struct sl_hello hello = {.version_min = SL_PROTOCOL_VERSION,
                             .version_max = SL_PROTOCOL_VERSION,
                             .flock = "demo",
                             .run = "run",
                             .node = "alice",
                             .boot = BOOT};
    FUZZ_CHECK(sl_hello_encode(&payload, &hello) == SL_OK);
    FUZZ_CHECK(sl_writer_add_control(&peer->writer, SL_FRAME_HELLO, payload.data, payload.length) == SL_OK);
    sl_buffer_finish(&payload);
    peer_flush(peer);
}

static void say_frames(struct peer *peer, const uint8_t *data, size_t length) {
    while (length >= 3) {
        size_t size = (size_t)data[1] << 8 | data[2];
        if (size > length - 3)
            size = length - 3;
        if (sl_writer_add_control(&peer->writer, (enum sl_frame_type)data[0], data + 3, size) != SL_OK)
            return;
        data += 3 + size;
        length -= 3 + size;
    }
    peer_flush(peer);
}

static void peer_open(struct peer *peer) {
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(shared.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct linger reset = {.l_onoff = 1, .l_linger = 0}; /* or thousands of ports would be in TIME-WAIT */
    peer->fd = socket(AF_INET, SOCK_STREAM, 0);
    FUZZ_CHECK(peer->fd >= 0 && connect(peer->fd, (const struct sockaddr *)&address, sizeof address) == 0);
    FUZZ_CHECK(setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) == 0);
    FUZZ_CHECK(fcntl(peer->fd, F_SETFL, O_NONBLOCK) == 0);
    sl_writer_init(&peer->writer);
}

static void peer_close(struct peer *peer) {
    for (int i = 0; i < 4; i++) {
        (void)event_base_loop(shared.base, EVLOOP_NONBLOCK);
        peer_receive(peer);
        peer->in.length = 0;
    }
    close(peer->fd);
    sl_inner_destroy(peer->inner);
    sl_tags_finish(&peer->received);
    sl_writer_finish(&peer->writer);
    sl_buffer_finish(&peer->in);
    for (size_t turn = 0; shared.transport->connection_count > 0; turn++) {
        FUZZ_CHECK(turn < TURNS);
        (void)event_base_loop(shared.base, EVLOOP_ONCE);
    }
}

/* ---- inputs ---- */

size_t fuzz_corpus(size_t index, uint8_t out[FUZZ_INPUT_MAX]) {
    static const uint8_t raw[] = {RAW, 0, 0, 0, 5, 16, 0, 0, 0, 22, 3, 1, 0, 0};
    static const uint8_t shaken[] = {SHAKEN_RAW, 0, 0, 0, 2, 3, 0, 0, 0, 16, 1};
    static const uint8_t frames[] = {SHAKEN_FRAMES, 1, 0, 4, 8, 1, 16, 1, 2, 0, 2, 8, 1, 3, 0, 2, 16, 1};
    /* HELLO_ACK, PING, DATA, ROSTER, PONG, GOODBYE */
    static const uint8_t admitted[] = {ADMITTED, 2, 0, 2, 8, 2, 4, 0, 2, 8, 5, 15, 0, 14, 0, 0, 0, 1,  0, 0,   0,  0,
                                       0,        0, 0, 0, 1, 2, 6, 0, 0, 5, 0, 2,  8, 5,  3, 0, 4, 10, 2, 'o', 'k'};
    static const struct sl_bytes all[] = {
        {raw, sizeof raw}, {shaken, sizeof shaken}, {frames, sizeof frames}, {admitted, sizeof admitted}};
    if (index >= sizeof all / sizeof all[0])
        return 0;
    memcpy(out, all[index].data, all[index].length);
    return all[index].length;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length) {
    struct peer peer = {.fd = -1};
    prepare();
    if (length == 0)
        return 0;
    enum mode mode = (enum mode)(data[0] % MODES);
    size_t ups = shared.ups;
    peer_open(&peer);
    if (mode != RAW)
        peer_shake(&peer);
    if (mode == ADMITTED)
        say_hello(&peer);
    if (mode == SHAKEN_FRAMES || mode == ADMITTED)
        say_frames(&peer, data + 1, length - 1);
    else
        peer_send(&peer, data + 1, length - 1);
    peer_close(&peer);
    FUZZ_CHECK(shared.ups == shared.downs && shared.ups <= ups + (mode == ADMITTED));
    return 0;
}
