/* What a handshake costs and what an idle connection holds, ours beside bare GnuTLS with the same keys, certificates
 * and priorities, in one process. tests/bench/handshake makes the certificates, calls this, and explains the figures.
 *
 *     bench_handshake rate FOLDER HANDSHAKES PASSES     FOLDER/server, FOLDER/client: kits
 *     bench_handshake memory FOLDER CONNECTIONS         FOLDER/server and FOLDER/n0000 …: kits
 *
 * rate: client and server take turns in one thread over loopback TCP, so that CPU seconds are those of both ends. Bare:
 * connect, mutual TLS 1.3, each end verifying the other's chain for its purpose, the client also a third chain, which
 * ours has from HELLO; close_notify both ways. Ours: two transports on one loop, dialled to READY at both ends (the
 * same, and HELLO with its chain and proof, admission, HELLO_ACK), then a goodbye and its close. Of each pass four
 * figures: bare and ours with a peer that was there before; and, each time after two generations of identities were
 * loaded, which takes out of the processor's caches what was there, bare and ours with these two, which never saw each
 * other's certificates.
 *
 * memory: what malloc has handed out at the accepting end, a connection more; dialled by a child process. */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/prctl.h>
#include <sys/wait.h>

#include "crypto/random.h"
#include "handshake_bare.h"
#include "settings/settings.h"
#include "transport/transport.h"

enum { PATH_SIZE = 4096, FIRST = 20, CONNECTIONS_MAX = 10000, HANDSHAKES_MAX = 1000000, PASSES_MAX = 100 };

static void die(const char *what, const char *why) {
    fprintf(stderr, "bench_handshake: %s: %s\n", what, why);
    exit(1);
}

static void must(enum sl_status status, const struct sl_error *error, const char *what) {
    if (status != SL_OK)
        die(what, error == NULL || error->text[0] == '\0' ? sl_status_text(status) : error->text);
}

static double cpu_seconds(void) {
    struct timespec now;
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) != 0)
        die("clock", strerror(errno));
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* ---- one of our ends ---- */

struct end {
    struct sl_settings *settings;
    struct sl_identity *identity;
    struct sl_transport *transport;
    struct sl_connection *connection; /* the last one that came up */
    size_t ups, downs;
    struct event_base *base;
};

static void handle_up(void *context, struct sl_connection *connection, const struct sl_hello *hello,
                      struct sl_credential *credential) {
    struct end *end = context;
    (void)hello;
    (void)credential;
    end->connection = connection;
    end->ups++;
    event_base_loopbreak(end->base);
}

static void handle_down(void *context, struct sl_connection *connection, bool leaving, const char *reason) {
    struct end *end = context;
    (void)connection;
    (void)leaving;
    (void)reason;
    end->downs++;
    event_base_loopbreak(end->base);
}

static void handle_dial_failed(void *context, const char *address, const char *node, enum sl_status status,
                               const char *reason) {
    (void)context;
    (void)node;
    (void)status;
    die(address, reason);
}

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

static struct sl_identity *load_identity(const struct sl_settings *settings) {
    struct sl_identity *identity = NULL;
    struct sl_error error;
    must(sl_identity_load(&identity, settings, NULL, &error), &error, "identity");
    return identity;
}

static void end_open(struct end *end, const char *folder, const char *node, uint64_t boot, struct event_base *base) {
    static const struct sl_log no_log = {.sink = NULL};
    char path[PATH_SIZE];
    struct sl_error error;
    *end = (struct end){.base = base};
    (void)snprintf(path, sizeof path, "%s/%s/settings.json", folder, node);
    must(sl_settings_load(&end->settings, path, NULL, 0, &error), &error, path);
    end->identity = load_identity(end->settings);
    const struct sl_transport_options options = {.base = base,
                                                 .identity = end->identity,
                                                 .settings = end->settings,
                                                 .log = &no_log,
                                                 .boot = boot,
                                                 .handlers = {.context = end,
                                                              .peer_up = handle_up,
                                                              .peer_down = handle_down,
                                                              .dial_failed = handle_dial_failed,
                                                              .control = handle_control}};
    must(sl_transport_create(&end->transport, &options, &error), &error, "transport");
}

static void end_close(struct end *end) {
    sl_transport_destroy(end->transport);
    sl_identity_unref(end->identity);
    sl_settings_destroy(end->settings);
}

static void end_renew(struct end *end) {
    struct sl_identity *fresh = load_identity(end->settings);
    sl_transport_set_identity(end->transport, fresh);
    sl_identity_unref(end->identity);
    end->identity = fresh;
}

static void end_listen(struct end *end, char out[64]) {
    struct sl_error error;
    uint16_t port = 0;
    must(sl_transport_listen(end->transport, &end->settings->transport.listen.items[0], &port, &error), &error,
         "listen");
    (void)snprintf(out, 64, "127.0.0.1:%u", (unsigned)port);
}

static void end_dial(struct end *end, const char *address) {
    must(sl_transport_dial(end->transport, &address, 1, ""), NULL, address);
}

static void run_until(struct event_base *base, const size_t *counter, size_t value) {
    while (*counter < value)
        (void)event_base_loop(base, EVLOOP_ONCE);
}

/* ---- rate ---- */

struct pair {
    struct event_base *base;
    struct end server, client;
    char address[64];
};

/* CPU seconds of one handshake, its goodbye included. */
static double shake(struct pair *pair) {
    size_t next = pair->server.ups + 1;
    double begin = cpu_seconds();
    end_dial(&pair->client, pair->address);
    run_until(pair->base, &pair->server.ups, next);
    run_until(pair->base, &pair->client.ups, next);
    sl_connection_close(pair->client.connection, "done");
    run_until(pair->base, &pair->client.downs, next);
    run_until(pair->base, &pair->server.downs, next);
    /* Both sockets are closed once the loop has nothing more to do at once. */
    (void)event_base_loop(pair->base, EVLOOP_NONBLOCK);
    return cpu_seconds() - begin;
}

/* Nobody has seen anybody's certificates before. Not counted. */
static void renew(struct pair *pair) {
    end_renew(&pair->server);
    end_renew(&pair->client);
}

static double time_ours(struct pair *pair, unsigned handshakes, bool fresh) {
    double total = 0;
    for (unsigned i = 0; i < handshakes; i++) {
        if (fresh)
            renew(pair);
        total += shake(pair);
    }
    return total / handshakes;
}

static double time_bare(struct bare *bare, struct pair *pair, unsigned handshakes, bool fresh) {
    double total = 0;
    for (unsigned i = 0; i < handshakes; i++) {
        if (fresh)
            renew(pair);
        double begin = cpu_seconds();
        bare_shake(bare);
        total += cpu_seconds() - begin;
    }
    return total / handshakes;
}

static void measure_rate(const char *folder, unsigned handshakes, unsigned passes) {
    struct pair pair = {.base = event_base_new()};
    struct bare bare;
    end_open(&pair.server, folder, "server", 1, pair.base);
    end_open(&pair.client, folder, "client", 2, pair.base);
    end_listen(&pair.server, pair.address);
    bare_open(&bare, folder, pair.server.settings->transport.priorities);
    (void)time_bare(&bare, &pair, 1 + handshakes / 10, false); /* warm-up */
    (void)time_ours(&pair, 1 + handshakes / 10, false);
    printf("[");
    for (unsigned pass = 0; pass < passes; pass++) {
        double plain = time_bare(&bare, &pair, handshakes, false);
        double known = time_ours(&pair, handshakes, false);
        double cold = time_bare(&bare, &pair, handshakes, true);
        double fresh = time_ours(&pair, handshakes, true);
        printf("%s{\"bare\": %.9f, \"known\": %.9f, \"bare_cold\": %.9f, \"fresh\": %.9f}", pass == 0 ? "" : ", ",
               plain, known, cold, fresh);
    }
    printf("]\n");
    bare_close(&bare);
    end_close(&pair.client);
    end_close(&pair.server);
    event_base_free(pair.base);
}

/* ---- memory ---- */

static size_t allocated(void) {
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/* The child: dials the first, and when it is told so by a byte, the others; ends when the pipe does. */
static void dial_many(const char *folder, size_t count, const char *address, int told) {
    struct event_base *base = event_base_new();
    struct end *ends = calloc(count, sizeof *ends);
    size_t opened = 0, ready = 0;
    char byte, name[16];
    if (ends == NULL || base == NULL)
        die("memory", "none left");
    for (size_t limit = FIRST; read(told, &byte, 1) == 1; limit = count) {
        for (; opened < limit && opened < count; opened++) {
            (void)snprintf(name, sizeof name, "n%04zu", opened);
            end_open(&ends[opened], folder, name, 100 + opened, base);
            end_dial(&ends[opened], address);
            run_until(base, &ends[opened].ups, 1);
            ready++;
        }
        /* The acknowledgement of the last one is under way; everything else is silence. */
        (void)event_base_loop(base, EVLOOP_NONBLOCK);
    }
    _exit(ready == count ? 0 : 1);
}

static void tell(int pipe) {
    if (write(pipe, "", 1) != 1)
        die("pipe", strerror(errno));
}

static pid_t begin_child(int told[2]) {
    if (pipe(told) != 0)
        die("pipe", strerror(errno));
    pid_t child = fork();
    if (child < 0)
        die("fork", strerror(errno));
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(told[1]);
    } else {
        close(told[0]);
    }
    return child;
}

static void end_child(pid_t child, int pipe) {
    int status = 0;
    close(pipe);
    if (waitpid(child, &status, 0) != child || status != 0)
        die("the dialling process", "it failed");
}

/* What is still to be said and freed gets the loop for a while. */
static void settle(struct event_base *base) {
    (void)event_base_loopexit(base, &(struct timeval){.tv_usec = 100000});
    (void)event_base_loop(base, 0);
}

static double memory_ours(const char *folder, size_t count) {
    struct event_base *base = event_base_new();
    struct end server;
    char address[64];
    int told[2];
    end_open(&server, folder, "server", 1, base);
    end_listen(&server, address);
    pid_t child = begin_child(told);
    if (child == 0)
        dial_many(folder, count, address, told[0]);
    tell(told[1]);
    run_until(base, &server.ups, FIRST);
    settle(base);
    size_t before = allocated();
    tell(told[1]);
    run_until(base, &server.ups, count);
    settle(base);
    double each = (double)(allocated() - before) / (double)(count - FIRST);
    end_child(child, told[1]);
    end_close(&server);
    event_base_free(base);
    return each;
}

static double memory_bare(const char *folder, size_t count, const char *priorities) {
    struct bare bare;
    int told[2];
    char byte;
    bare_open(&bare, folder, priorities);
    pid_t child = begin_child(told);
    if (child == 0) {
        for (size_t limit = FIRST; read(told[0], &byte, 1) == 1; limit = count - FIRST)
            for (size_t i = 0; i < limit; i++)
                bare_dial(&bare);
        _exit(0);
    }
    tell(told[1]);
    for (size_t i = 0; i < FIRST; i++)
        bare_accept(&bare);
    size_t before = allocated();
    tell(told[1]);
    for (size_t i = FIRST; i < count; i++)
        bare_accept(&bare);
    double each = (double)(allocated() - before) / (double)(count - FIRST);
    end_child(child, told[1]);
    return each; /* the sessions go with the process */
}

static void measure_memory(const char *folder, size_t count) {
    char path[PATH_SIZE];
    struct sl_settings *settings = NULL;
    struct sl_error error;
    (void)snprintf(path, sizeof path, "%s/server/settings.json", folder);
    must(sl_settings_load(&settings, path, NULL, 0, &error), &error, path);
    double ours = memory_ours(folder, count);
    double bare = memory_bare(folder, count, settings->transport.priorities);
    printf("{\"bare\": %.1f, \"ours\": %.1f}\n", bare, ours);
    sl_settings_destroy(settings);
}

static unsigned number(const char *text, unsigned low, unsigned high) {
    char *end = NULL;
    unsigned long value = strtoul(text, &end, 10);
    if (*text == '\0' || *end != '\0' || value < low || value > high) {
        fprintf(stderr, "bench_handshake: %s is not in %u … %u\n", text, low, high);
        exit(64);
    }
    return (unsigned)value;
}

int main(int argc, char **argv) {
    struct sl_error error;
    must(sl_crypto_start(&error), &error, "GnuTLS");
    (void)signal(SIGPIPE, SIG_IGN);
    if (argc == 5 && strcmp(argv[1], "rate") == 0)
        measure_rate(argv[2], number(argv[3], 1, HANDSHAKES_MAX), number(argv[4], 1, PASSES_MAX));
    else if (argc == 4 && strcmp(argv[1], "memory") == 0)
        measure_memory(argv[2], number(argv[3], FIRST + 1, CONNECTIONS_MAX));
    else {
        fprintf(stderr, "usage: bench_handshake rate FOLDER HANDSHAKES PASSES | memory FOLDER CONNECTIONS\n");
        return 64;
    }
    return 0;
}
