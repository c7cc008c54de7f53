/* The bare limit of a round: how long the same bytes take between as many processes with nothing but GnuTLS.
 *
 *     limit --nodes N --bytes B --rounds R [--digests] [--json]
 *
 * N processes, all pairs connected over loopback by one mutual TLS 1.3 session each. In a round every process sends B
 * bytes to each other one and receives B bytes from each, all at once; a barrier separates the rounds. Writing and
 * reading are batched through scratches of 1 MiB: 16 records of 16 KiB a send (the fastest of 8, 16, 30 and 60), up to
 * 64 a receive. What is received goes to one chunk buffer a peer, which stays in cache: nothing that a real node must
 * do with it is done here.
 *
 * --digests: each round every process hashes its model once (SHA-256, as the chunks of a manifest) and each chunk that
 * it received, right after its last byte, while it is in cache. A second thread for that cannot win where the processes
 * outnumber the cores, which is the case that this is made for.
 *
 * It shares no code with src/transport: a slow transport must not slow its own yardstick. */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cjson/cJSON.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "limit_certificates.h"

enum {
    SCRATCH = 1 << 20,
    RECORD = 16384,
    BATCH = 16 * RECORD, /* what one send is given; larger ones leave the cache before the kernel copies them */
    CHUNK = 262064,      /* starling's: four frames of 65,516 bytes */
    NODES_MAX = 64,
    ROUNDS_MAX = 10000,
    EX_USAGE_EXIT = 64
};

static const char PRIORITIES[] =
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305";

struct options {
    unsigned nodes, rounds;
    size_t bytes;
    bool digests, json;
};

/* Seen by all processes. */
struct shared {
    pthread_barrier_t barrier;
    double seconds[ROUNDS_MAX];
};

struct link {
    int fd;
    gnutls_session_t session;
    struct process *process;
    size_t sent, received;           /* bytes of the model in this round */
    uint8_t *unsent;                 /* ciphertext that the kernel did not take; SCRATCH bytes of room */
    size_t unsent_begin, unsent_end; /* what of it is due */
    uint8_t *chunk;
    size_t chunk_have;
    bool wants_write;
};

struct process {
    const struct options *options;
    unsigned self;
    int epoll;
    struct link links[NODES_MAX];
    uint8_t *model;
    uint8_t *out, *in; /* the scratches */
    size_t out_end;    /* bytes in `out` */
    size_t in_begin, in_end;
    uint8_t digest[32];
};

static void die(const char *what, const char *why) {
    fprintf(stderr, "limit: %s: %s\n", what, why);
    exit(1);
}

static void must(int code, const char *what) {
    if (code < 0)
        die(what, gnutls_strerror(code));
}

static void must_errno(int result, const char *what) {
    if (result < 0)
        die(what, strerror(errno));
}

static void *must_allocate(size_t size) {
    void *memory = NULL;
    if (posix_memalign(&memory, 64, size) != 0)
        die("memory", "none left");
    memset(memory, 1, size); /* no page is touched for the first time in a round */
    return memory;
}

/* ---- sockets ---- */

static struct sockaddr_in loopback(uint16_t port) {
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int make_listener(uint16_t *port) {
    struct sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    must_errno(fd, "socket");
    must_errno(bind(fd, (struct sockaddr *)&address, length), "bind");
    must_errno(listen(fd, NODES_MAX), "listen");
    must_errno(getsockname(fd, (struct sockaddr *)&address, &length), "getsockname");
    *port = ntohs(address.sin_port);
    return fd;
}

/* One socket to each other process: the lower number dials, and says who it is by one byte. */
static void connect_all(struct process *process, int listener, const uint16_t *ports) {
    unsigned nodes = process->options->nodes;
    for (unsigned peer = process->self + 1; peer < nodes; peer++) {
        struct sockaddr_in address = loopback(ports[peer]);
        uint8_t name = (uint8_t)process->self;
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        must_errno(fd, "socket");
        must_errno(connect(fd, (struct sockaddr *)&address, sizeof address), "connect");
        if (write(fd, &name, 1) != 1)
            die("connect", strerror(errno));
        process->links[peer].fd = fd;
    }
    for (unsigned i = 0; i < process->self; i++) {
        uint8_t name = 0;
        int fd = accept(listener, NULL, NULL);
        must_errno(fd, "accept");
        if (read(fd, &name, 1) != 1 || name >= process->self)
            die("accept", "a stranger");
        process->links[name].fd = fd;
    }
}

/* ---- TLS, batched ---- */

/* The handshake runs on blocking sockets with GnuTLS's own input and output; this replaces it afterwards. */
static ssize_t push(gnutls_transport_ptr_t context, const giovec_t *parts, int count) {
    struct process *process = ((struct link *)context)->process;
    size_t total = 0;
    for (int i = 0; i < count; i++) {
        if (process->out_end + parts[i].iov_len > SCRATCH)
            die("push", "the batch is too large");
        memcpy(process->out + process->out_end, parts[i].iov_base, parts[i].iov_len);
        process->out_end += parts[i].iov_len;
        total += parts[i].iov_len;
    }
    return (ssize_t)total;
}

static ssize_t pull(gnutls_transport_ptr_t context, void *out, size_t length) {
    const struct link *link = context;
    struct process *process = link->process;
    size_t have = process->in_end - process->in_begin;
    if (have == 0) {
        gnutls_transport_set_errno(link->session, EAGAIN);
        return -1;
    }
    size_t taken = have < length ? have : length;
    memcpy(out, process->in + process->in_begin, taken);
    process->in_begin += taken;
    return (ssize_t)taken;
}

static int pull_timeout(gnutls_transport_ptr_t context, unsigned milliseconds) {
    (void)milliseconds;
    const struct process *process = ((const struct link *)context)->process;
    return process->in_end > process->in_begin ? 1 : 0;
}

static void shake_hands(struct link *link, bool client, gnutls_certificate_credentials_t credentials,
                        gnutls_priority_t priority) {
    int on = 1;
    must(gnutls_init(&link->session, (client ? GNUTLS_CLIENT : GNUTLS_SERVER) | GNUTLS_NO_TICKETS), "session");
    must(gnutls_priority_set(link->session, priority), "priorities");
    must(gnutls_credentials_set(link->session, GNUTLS_CRD_CERTIFICATE, credentials), "credentials");
    if (!client)
        gnutls_certificate_server_set_request(link->session, GNUTLS_CERT_REQUIRE);
    gnutls_session_set_verify_cert(link->session, NULL, 0);
    gnutls_transport_set_int(link->session, link->fd);
    int code;
    do
        code = gnutls_handshake(link->session);
    while (code < 0 && gnutls_error_is_fatal(code) == 0);
    must(code, "handshake");
    (void)setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    must_errno(fcntl(link->fd, F_SETFL, O_NONBLOCK), "fcntl");
    gnutls_transport_set_ptr(link->session, link);
    gnutls_transport_set_vec_push_function(link->session, push);
    gnutls_transport_set_pull_function(link->session, pull);
    gnutls_transport_set_pull_timeout_function(link->session, pull_timeout);
}

/* Both ends of every session go through the pairs in the same order, so that blocking handshakes cannot wait for each
 * other in a circle. */
static void secure_all(struct process *process, const struct limit_pair *authority) {
    gnutls_priority_t priority;
    gnutls_certificate_credentials_t server, client;
    must(limit_credentials(&server, authority, GNUTLS_KP_TLS_WWW_SERVER), "server certificate");
    must(limit_credentials(&client, authority, GNUTLS_KP_TLS_WWW_CLIENT), "client certificate");
    must(gnutls_priority_init(&priority, PRIORITIES, NULL), "priorities");
    for (unsigned peer = 0; peer < process->options->nodes; peer++) {
        struct link *link = &process->links[peer];
        if (peer == process->self)
            continue;
        bool is_client = process->self < peer;
        link->process = process;
        shake_hands(link, is_client, is_client ? client : server, priority);
        link->unsent = must_allocate(SCRATCH);
        link->chunk = must_allocate(CHUNK);
        must_errno(epoll_ctl(process->epoll, EPOLL_CTL_ADD, link->fd,
                             &(struct epoll_event){.events = EPOLLIN, .data.ptr = link}),
                   "epoll");
    }
}

/* ---- a round ---- */

static void want_write(struct link *link, bool wants) {
    struct epoll_event event = {.events = EPOLLIN | (wants ? (uint32_t)EPOLLOUT : 0u), .data.ptr = link};
    if (link->wants_write == wants)
        return;
    link->wants_write = wants;
    must_errno(epoll_ctl(link->process->epoll, EPOLL_CTL_MOD, link->fd, &event), "epoll");
}

static size_t send_some(const struct link *link, const uint8_t *data, size_t length) {
    ssize_t sent = send(link->fd, data, length, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN)
        die("send", strerror(errno));
    return sent < 0 ? 0 : (size_t)sent;
}

static void send_batch(struct link *link) {
    struct process *process = link->process;
    size_t bytes = process->options->bytes;
    if (link->unsent_begin < link->unsent_end)
        link->unsent_begin += send_some(link, link->unsent + link->unsent_begin, link->unsent_end - link->unsent_begin);
    if (link->unsent_begin < link->unsent_end)
        return;
    process->out_end = 0;
    for (size_t batched = 0; batched < BATCH && link->sent < bytes;) {
        size_t record = bytes - link->sent < RECORD ? bytes - link->sent : RECORD;
        if (gnutls_record_send(link->session, process->model + link->sent, record) != (ssize_t)record)
            die("TLS", "sending failed");
        link->sent += record;
        batched += record;
    }
    size_t sent = send_some(link, process->out, process->out_end);
    link->unsent_begin = 0;
    link->unsent_end = process->out_end - sent;
    memcpy(link->unsent, process->out + sent, link->unsent_end);
    if (link->sent == bytes && link->unsent_end == 0)
        want_write(link, false);
}

static void finish_chunk(struct link *link) {
    struct process *process = link->process;
    if (process->options->digests)
        must(gnutls_hash_fast(GNUTLS_DIG_SHA256, link->chunk, link->chunk_have, process->digest), "digest");
    link->chunk_have = 0;
}

static void receive_batch(struct link *link) {
    struct process *process = link->process;
    ssize_t received = recv(link->fd, process->in, SCRATCH, 0);
    if (received == 0 || (received < 0 && errno != EAGAIN))
        die("receive", received == 0 ? "a process ended" : strerror(errno));
    process->in_begin = 0;
    process->in_end = received < 0 ? 0 : (size_t)received;
    while (process->in_end > process->in_begin || gnutls_record_check_pending(link->session) > 0) {
        /* A round's last chunk is shorter; the next round's first byte is never in the same one. */
        size_t rest = process->options->bytes - link->received;
        size_t room = CHUNK - link->chunk_have < rest ? CHUNK - link->chunk_have : rest;
        ssize_t got = gnutls_record_recv(link->session, link->chunk + link->chunk_have, room);
        if (got == GNUTLS_E_AGAIN)
            continue;
        if (got <= 0)
            die("TLS", got == 0 ? "closed" : gnutls_strerror((int)got));
        link->chunk_have += (size_t)got;
        link->received += (size_t)got;
        if (link->chunk_have == CHUNK || link->received == process->options->bytes)
            finish_chunk(link);
    }
}

static bool is_done(const struct process *process) {
    for (unsigned peer = 0; peer < process->options->nodes; peer++) {
        const struct link *link = &process->links[peer];
        if (peer != process->self && (link->received < process->options->bytes || link->wants_write))
            return false;
    }
    return true;
}

static void run_round(struct process *process) {
    const struct options *options = process->options;
    struct epoll_event events[NODES_MAX];
    if (options->digests)
        for (size_t at = 0; at < options->bytes; at += CHUNK)
            must(gnutls_hash_fast(GNUTLS_DIG_SHA256, process->model + at,
                                  options->bytes - at < CHUNK ? options->bytes - at : CHUNK, process->digest),
                 "digest");
    for (unsigned peer = 0; peer < options->nodes; peer++)
        if (peer != process->self)
            want_write(&process->links[peer], true);
    while (!is_done(process)) {
        int count = epoll_wait(process->epoll, events, NODES_MAX, -1);
        for (int i = 0; i < count; i++) {
            if ((events[i].events & EPOLLIN) != 0)
                receive_batch(events[i].data.ptr);
            if ((events[i].events & EPOLLOUT) != 0)
                send_batch(events[i].data.ptr);
        }
    }
}

static void run_process(const struct options *options, unsigned self, const int *listeners, const uint16_t *ports,
                        const struct limit_pair *authority, struct shared *shared) {
    struct process *process = calloc(1, sizeof *process);
    if (process == NULL)
        die("memory", "none left");
    *process = (struct process){.options = options, .self = self, .epoll = epoll_create1(0)};
    process->out = must_allocate(SCRATCH);
    process->in = must_allocate(SCRATCH);
    process->model = must_allocate(options->bytes);
    connect_all(process, listeners[self], ports);
    secure_all(process, authority);
    /* One round more, first, unmeasured: TCP windows and caches are warm afterwards, as in a run. */
    for (unsigned round = 0; round <= options->rounds; round++) {
        for (unsigned peer = 0; peer < options->nodes; peer++)
            process->links[peer].sent = process->links[peer].received = 0;
        pthread_barrier_wait(&shared->barrier);
        sl_time begin = sl_clock_monotonic();
        run_round(process);
        pthread_barrier_wait(&shared->barrier);
        if (self == 0 && round > 0)
            shared->seconds[round - 1] = sl_time_to_seconds(sl_clock_monotonic() - begin);
    }
    exit(0);
}

/* ---- the program ---- */

static void end_children(const pid_t *children, unsigned count) {
    for (unsigned i = 0; i < count; i++)
        (void)kill(children[i], SIGTERM);
}

/* False when one of them failed; then the others, which wait for it at the barrier, are ended. */
static bool wait_for_all(const pid_t *children, unsigned count) {
    bool good = true;
    for (unsigned left = count; left > 0; left--) {
        int state = 0;
        if (wait(&state) < 0)
            return false;
        if (good && state != 0) {
            good = false;
            end_children(children, count);
        }
    }
    return good;
}

static struct shared *make_shared(unsigned nodes) {
    pthread_barrierattr_t attributes;
    struct shared *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        die("shared memory", strerror(errno));
    pthread_barrierattr_init(&attributes);
    pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_barrier_init(&shared->barrier, &attributes, nodes);
    pthread_barrierattr_destroy(&attributes);
    return shared;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_result(const struct options *options, double *seconds) {
    qsort(seconds, options->rounds, sizeof *seconds, compare);
    double median = (seconds[(options->rounds - 1) / 2] + seconds[options->rounds / 2]) / 2;
    if (!options->json) {
        printf("%u nodes, %zu bytes%s: %.4f s a round (median of %u), %.4f (min)\n", options->nodes, options->bytes,
               options->digests ? ", with digests" : "", median, options->rounds, seconds[0]);
        return;
    }
    cJSON *object = cJSON_CreateObject();
    cJSON_AddNumberToObject(object, "nodes", options->nodes);
    cJSON_AddNumberToObject(object, "bytes", (double)options->bytes);
    cJSON_AddNumberToObject(object, "rounds", options->rounds);
    cJSON_AddBoolToObject(object, "digests", options->digests);
    cJSON_AddNumberToObject(object, "seconds_per_round", median);
    cJSON_AddNumberToObject(object, "seconds_per_round_min", seconds[0]);
    char *text = cJSON_PrintUnformatted(object);
    if (text == NULL)
        die("memory", "none left");
    puts(text);
    cJSON_free(text);
    cJSON_Delete(object);
}

static unsigned long long number(const char *text, unsigned long long least, unsigned long long most,
                                 const char *option) {
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < least || value > most) {
        fprintf(stderr, "limit: %s: expected a number from %llu to %llu, got '%s'\n", option, least, most, text);
        exit(EX_USAGE_EXIT);
    }
    return value;
}

static void parse(struct options *options, int argc, char **argv) {
    static const struct option known[] = {
        {"nodes", required_argument, NULL, 'n'},  {"bytes", required_argument, NULL, 'b'},
        {"rounds", required_argument, NULL, 'r'}, {"digests", no_argument, NULL, 'd'},
        {"json", no_argument, NULL, 'j'},         {NULL, 0, NULL, 0}};
    int found;
    while ((found = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (found == 'n')
            options->nodes = (unsigned)number(optarg, 2, NODES_MAX, "--nodes");
        else if (found == 'b')
            options->bytes = (size_t)number(optarg, 1, 1ull << 34, "--bytes");
        else if (found == 'r')
            options->rounds = (unsigned)number(optarg, 1, ROUNDS_MAX, "--rounds");
        else if (found == 'd')
            options->digests = true;
        else if (found == 'j')
            options->json = true;
        else
            exit(EX_USAGE_EXIT);
    }
    if (optind != argc) {
        fprintf(stderr, "limit: unexpected '%s'; see --nodes, --bytes, --rounds, --digests, --json\n", argv[optind]);
        exit(EX_USAGE_EXIT);
    }
}

int main(int argc, char **argv) {
    struct options options = {.nodes = 4, .bytes = 1000000, .rounds = 5};
    int listeners[NODES_MAX];
    uint16_t ports[NODES_MAX];
    pid_t children[NODES_MAX];
    struct limit_pair authority;
    parse(&options, argc, argv);
    must(limit_issue(&authority, NULL, NULL), "authority");
    struct shared *shared = make_shared(options.nodes);
    for (unsigned i = 0; i < options.nodes; i++)
        listeners[i] = make_listener(&ports[i]);
    for (unsigned i = 0; i < options.nodes; i++) {
        children[i] = fork();
        if (children[i] < 0) {
            end_children(children, i);
            die("fork", strerror(errno));
        }
        if (children[i] == 0)
            run_process(&options, i, listeners, ports, &authority, shared);
    }
    if (!wait_for_all(children, options.nodes))
        return 1;
    print_result(&options, shared->seconds);
    return 0;
}
