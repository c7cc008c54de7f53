/* How fast the transport itself is: two processes, one connection, 64 KiB frames, and how long a control frame takes
 * there and back meanwhile.
 *
 *     transport [--bytes B] [--rounds R] [--both] [--security mtls|tls|clear]
 *
 * Beside it, in the same minute: `limit --nodes 2 --bytes B --rounds R`, which sends B bytes both ways. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/wait.h>

#include <ftw.h>

#include "crypto/random.h"
#include "settings/settings.h"
#include "transport/transport.h"
#include <starling/identity.h>

enum { ROUNDS_MAX = 1000, ECHOES_MAX = 1 << 16, WINDOW = 16 * SL_CHUNK_UNIT };

struct options {
    size_t bytes;
    unsigned rounds;
    bool both;
    enum sl_connection_security security;
};

struct peer {
    const struct options *options;
    struct event_base *base;
    struct sl_connection *connection;
    struct sl_block *block;
    uint8_t *window; /* what is received goes round in it, as in a node that mixes at once */
    bool leads;      /* starts the rounds and measures */
    uint64_t received;
    unsigned round;
    bool peer_done;
    sl_time begin;
    double seconds[ROUNDS_MAX];
    double echoes[ECHOES_MAX];
    size_t echo_count;
};

static void die(const char *what, const char *why) {
    fprintf(stderr, "transport: %s: %s\n", what, why);
    exit(1);
}

static void must(enum sl_status status, const struct sl_error *error) {
    if (status != SL_OK)
        die(sl_status_text(status), error == NULL ? "" : error->text);
}

/* PROGRESS: a round begins. READY: all of it has arrived. CREDIT and PASS: a clock reading, there and back. */
static void say(const struct peer *peer, enum sl_frame_type type, const void *payload, size_t length) {
    must(sl_connection_send(peer->connection, type, payload, length), NULL);
}

static void start_sending(struct peer *peer) {
    peer->received = 0;
    must(sl_connection_send_data(peer->connection, 1, peer->block, 0, peer->options->bytes), NULL);
}

static void start_round(struct peer *peer) {
    sl_time now = sl_clock_monotonic();
    peer->begin = now;
    peer->peer_done = false;
    say(peer, SL_FRAME_PROGRESS, NULL, 0);
    start_sending(peer);
    say(peer, SL_FRAME_CREDIT, &now, sizeof now);
}

static void check_round(struct peer *peer) {
    bool all_here = !peer->options->both || peer->received == peer->options->bytes;
    if (!peer->peer_done || !all_here)
        return;
    if (peer->round > 0) /* the first is warm-up */
        peer->seconds[peer->round - 1] = sl_time_to_seconds(sl_clock_monotonic() - peer->begin);
    if (peer->round++ == peer->options->rounds)
        event_base_loopbreak(peer->base);
    else
        start_round(peer);
}

static void note_echo(struct peer *peer, const uint8_t *payload) {
    sl_time sent, now = sl_clock_monotonic();
    memcpy(&sent, payload, sizeof sent);
    if (peer->round > 0 && peer->echo_count < ECHOES_MAX)
        peer->echoes[peer->echo_count++] = sl_time_to_seconds(now - sent);
    if (!peer->peer_done)
        say(peer, SL_FRAME_CREDIT, &now, sizeof now);
}

static enum sl_status handle_control(void *context, struct sl_connection *connection, enum sl_frame_type type,
                                     const uint8_t *payload, size_t length, struct sl_error *error) {
    struct peer *peer = context;
    (void)connection;
    (void)error;
    if (type == SL_FRAME_PROGRESS) {
        peer->received = 0;
        if (peer->options->both)
            start_sending(peer);
    } else if (type == SL_FRAME_CREDIT) {
        say(peer, SL_FRAME_PASS, payload, length);
    } else if (type == SL_FRAME_PASS) {
        note_echo(peer, payload);
    } else if (type == SL_FRAME_READY) {
        peer->peer_done = true;
        check_round(peer);
    }
    return SL_OK;
}

static enum sl_status handle_data(void *context, struct sl_connection *connection, const struct sl_data_header *header,
                                  uint8_t **out, struct sl_error *error) {
    const struct peer *peer = context;
    (void)connection;
    (void)error;
    *out = peer->window + header->offset % WINDOW;
    return SL_OK;
}

static enum sl_status handle_data_done(void *context, struct sl_connection *connection,
                                       const struct sl_data_header *header, struct sl_error *error) {
    struct peer *peer = context;
    (void)connection;
    (void)error;
    peer->received += header->length;
    if (peer->received < peer->options->bytes)
        return SL_OK;
    if (peer->leads)
        check_round(peer);
    else
        say(peer, SL_FRAME_READY, NULL, 0);
    return SL_OK;
}

static void handle_up(void *context, struct sl_connection *connection, const struct sl_hello *hello,
                      struct sl_credential *credential) {
    struct peer *peer = context;
    (void)hello;
    (void)credential;
    peer->connection = connection;
    if (peer->leads)
        start_round(peer);
}

static void handle_down(void *context, struct sl_connection *connection, bool leaving, const char *reason) {
    struct peer *peer = context;
    (void)connection;
    (void)leaving;
    if (peer->leads)
        die("the connection ended", reason);
    event_base_loopbreak(peer->base);
}

static void handle_dial_failed(void *context, const char *address, const char *node, enum sl_status status,
                               const char *reason) {
    (void)context;
    (void)node;
    (void)status;
    die(address, reason);
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_result(struct peer *peer) {
    const struct options *options = peer->options;
    qsort(peer->seconds, options->rounds, sizeof *peer->seconds, compare);
    qsort(peer->echoes, peer->echo_count, sizeof *peer->echoes, compare);
    double median = peer->seconds[options->rounds / 2];
    printf("%s: %.4f s (median of %u), %.4f (min), %.2f GB/s each way at best\n",
           options->both ? "both ways" : "one way", median, options->rounds, peer->seconds[0],
           (double)options->bytes / peer->seconds[0] / 1e9);
    if (peer->echo_count > 0)
        printf("control there and back meanwhile: %.3f ms (p50), %.3f ms (p99) of %zu\n",
               peer->echoes[peer->echo_count / 2] * 1e3, peer->echoes[peer->echo_count * 99 / 100] * 1e3,
               peer->echo_count);
}

static void run(const struct options *options, const char *folder, const char *node, int port_pipe, bool leads) {
    struct sl_settings *settings = NULL;
    struct sl_identity *identity = NULL;
    struct sl_transport *transport = NULL;
    struct sl_error error;
    struct peer peer = {.options = options, .base = event_base_new(), .leads = leads};
    const struct sl_log log = {.sink = NULL};
    char path[4096], address[64];
    uint16_t port = 0;
    char any[] = "127.0.0.1:0";
    const struct sl_listener_setting listener = {.address = any,
                                                 .security = options->security,
                                                 .handshake_rate = 100,
                                                 .handshake_burst = 100,
                                                 .max_connections = 100};
    (void)snprintf(path, sizeof path, "%s/%s/settings.json", folder, node);
    must(sl_settings_load(&settings, path, NULL, 0, &error), &error);
    settings->transport.connection_security = options->security;
    settings->transport.control_messages = 1 << 30; /* the echoes are no flood here */
    must(sl_identity_load(&identity, settings, NULL, &error), &error);
    struct sl_transport_options transport_options = {
        .base = peer.base, .identity = identity, .settings = settings, .log = &log, .boot = leads ? 1 : 2};
    transport_options.handlers = (struct sl_transport_handlers){.context = &peer,
                                                                .peer_up = handle_up,
                                                                .peer_down = handle_down,
                                                                .dial_failed = handle_dial_failed,
                                                                .control = handle_control,
                                                                .data = handle_data,
                                                                .data_done = handle_data_done};
    peer.block = sl_block_create(options->bytes);
    peer.window = malloc(WINDOW);
    if (peer.block == NULL || peer.window == NULL)
        die("memory", "none left");
    memset(peer.block->data, 1, options->bytes);
    memset(peer.window, 1, WINDOW);
    must(sl_transport_create(&transport, &transport_options, &error), &error);
    if (leads) {
        if (read(port_pipe, &port, sizeof port) != sizeof port)
            die("pipe", strerror(errno));
        (void)snprintf(address, sizeof address, "127.0.0.1:%u", (unsigned)port);
        must(sl_transport_dial(transport, (const char *[]){address}, 1, ""), NULL);
    } else {
        must(sl_transport_listen(transport, &listener, &port, &error), &error);
        if (write(port_pipe, &port, sizeof port) != sizeof port)
            die("pipe", strerror(errno));
    }
    event_base_dispatch(peer.base);
    if (leads)
        print_result(&peer);
    sl_transport_destroy(transport);
    sl_identity_unref(identity);
    sl_settings_destroy(settings);
    sl_block_unref(peer.block);
    free(peer.window);
    event_base_free(peer.base);
}

static void make_kits(const char *folder) {
    static const char *const HOSTS[] = {"127.0.0.1"};
    static const char *const NODES[] = {"leader", "other"};
    char authority[4096], kit[4096];
    struct sl_error error;
    (void)snprintf(authority, sizeof authority, "%s/bench", folder);
    must(sl_authority_create(&(struct sl_authority_options){.folder = authority, .days = 1}, &error), &error);
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(kit, sizeof kit, "%s/%s", folder, NODES[i]);
        must(sl_kit_create(&(struct sl_kit_options){.authority = authority,
                                                    .folder = kit,
                                                    .node = NODES[i],
                                                    .hosts = HOSTS,
                                                    .host_count = 1,
                                                    .port = 7400,
                                                    .days = 1},
                           &error),
             &error);
    }
}

static int remove_entry(const char *path, const struct stat *about, int kind, struct FTW *place) {
    (void)about;
    (void)kind;
    (void)place;
    return remove(path);
}

static enum sl_connection_security security_of(const char *text) {
    static const char *const TEXTS[] = {"mtls", "tls", "clear"};
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++)
        if (strcmp(text, TEXTS[i]) == 0)
            return (enum sl_connection_security)i;
    fprintf(stderr, "transport: expected --security mtls, tls or clear, got '%s'\n", text);
    exit(64);
}

static void parse(struct options *options, int argc, char **argv) {
    static const struct option known[] = {{"bytes", required_argument, NULL, 'b'},
                                          {"rounds", required_argument, NULL, 'r'},
                                          {"both", no_argument, NULL, 'o'},
                                          {"security", required_argument, NULL, 's'},
                                          {NULL, 0, NULL, 0}};
    int found;
    while ((found = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (found == 'b')
            options->bytes = strtoull(optarg, NULL, 10);
        else if (found == 'r')
            options->rounds = (unsigned)strtoul(optarg, NULL, 10);
        else if (found == 'o')
            options->both = true;
        else if (found == 's')
            options->security = security_of(optarg);
        else
            exit(64);
    }
    if (optind != argc || options->bytes == 0 || options->rounds == 0 || options->rounds > ROUNDS_MAX) {
        fprintf(stderr, "transport: expected [--bytes B] [--rounds 1..%d] [--both] [--security S]\n", ROUNDS_MAX);
        exit(64);
    }
}

int main(int argc, char **argv) {
    struct options options = {.bytes = 100000000, .rounds = 10};
    struct sl_error error;
    char folder[] = "/tmp/starling-bench-XXXXXX";
    int ports[2];
    parse(&options, argc, argv);
    must(sl_crypto_start(&error), &error);
    if (mkdtemp(folder) == NULL || pipe(ports) != 0)
        die("set-up", strerror(errno));
    make_kits(folder);
    pid_t child = fork();
    if (child < 0)
        die("fork", strerror(errno));
    run(&options, folder, child == 0 ? "other" : "leader", ports[child == 0 ? 1 : 0], child != 0);
    if (child == 0)
        _exit(0);
    (void)waitpid(child, NULL, 0);
    (void)nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
}
