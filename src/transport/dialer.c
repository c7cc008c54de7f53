/* Happy path: a dial gets its addresses (a literal at once, a name on a worker thread), connects to the first, and ends
 * when that connection is shown. Each failure leads to the next address, the last one to dial_failed. */
#include <errno.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/pool.h"
#include "transport/connection.h"

/* Names that do not resolve take seconds; two workers keep one such name from holding up the others. */
enum { RESOLVERS = 2, REASON_SIZE = 512 };

/* A name under way to addresses. It outlives a dial that is given up meanwhile. */
struct lookup {
    struct sl_job job;
    struct sl_dial *dial;  /* NULL: nobody waits any more */
    atomic_bool abandoned; /* the same for the worker */
    char host[SL_HOST_MAX + 1];
    char port[8];
    struct addrinfo *found;
    int failure; /* of getaddrinfo */
};

struct sl_dial {
    struct sl_dial *previous, *next;
    struct sl_transport *transport;
    struct sl_address target;
    char address[SL_ADDRESS_SIZE]; /* the canonical form of `target` */
    char node[SL_NAME_SIZE];
    struct event step; /* 0 seconds: tries the next address */
    struct lookup *lookup;
    struct addrinfo *found, *at;
    struct sl_connection *connection;
    bool hopeless; /* no other address helps */
    enum sl_status status;
    char reason[REASON_SIZE];
};

const char *sl_dial_host(const struct sl_dial *dial) {
    return dial->target.host;
}

const char *sl_dial_node(const struct sl_dial *dial) {
    return dial->node;
}

static void dial_destroy(struct sl_dial *dial) {
    struct sl_transport *transport = dial->transport;
    if (dial->previous != NULL)
        dial->previous->next = dial->next;
    else
        transport->dials = dial->next;
    if (dial->next != NULL)
        dial->next->previous = dial->previous;
    (void)event_del(&dial->step);
    if (dial->lookup != NULL) {
        dial->lookup->dial = NULL;
        atomic_store(&dial->lookup->abandoned, true);
    }
    if (dial->found != NULL)
        freeaddrinfo(dial->found);
    free(dial);
}

/* ---- one address after the other ---- */

static void note_failure(struct sl_dial *dial, enum sl_status status, const char *reason) {
    /* That somebody was there and refused says more than that another address did not answer. */
    bool known_better = dial->status != SL_OK && dial->status != SL_NETWORK && dial->status != SL_TIMEOUT;
    if (known_better && (status == SL_NETWORK || status == SL_TIMEOUT))
        return;
    dial->status = status;
    (void)snprintf(dial->reason, sizeof dial->reason, "%s", reason);
}

static void finish_failed(struct sl_dial *dial) {
    struct sl_transport *transport = dial->transport;
    struct sl_dial gone = *dial; /* the handler may dial the same address again */
    dial_destroy(dial);
    if (!transport->silent)
        transport->handlers.dial_failed(transport->handlers.context, gone.address, gone.node, gone.status, gone.reason);
}

static enum sl_status connect_to(struct sl_dial *dial, const struct addrinfo *where) {
    char address[SL_ADDRESS_SIZE];
    int fd = socket(where->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return sl_status_from_errno(errno);
    sl_socket_format_address(address, where->ai_addr, where->ai_addrlen);
    if (connect(fd, where->ai_addr, where->ai_addrlen) != 0 && errno != EINPROGRESS) {
        int failure = errno;
        (void)close(fd);
        errno = failure;
        return SL_NETWORK;
    }
    return sl_connection_create(&dial->connection, dial->transport, fd, dial, address);
}

static void handle_step(evutil_socket_t fd, short what, void *context) {
    (void)fd;
    (void)what;
    struct sl_dial *dial = context;
    while (dial->at != NULL && !dial->hopeless) {
        const struct addrinfo *where = dial->at;
        dial->at = where->ai_next;
        errno = 0;
        enum sl_status status = connect_to(dial, where);
        if (status == SL_OK) {
            dial->transport->counters.dialled++;
            return;
        }
        note_failure(dial, status, errno != 0 ? strerror(errno) : sl_status_text(status));
    }
    finish_failed(dial);
}

static enum sl_status step_from_loop(struct sl_dial *dial) {
    return event_add(&dial->step, &(struct timeval){0}) == 0 ? SL_OK : SL_NO_MEMORY;
}

void sl_dial_attempt_failed(struct sl_dial *dial, enum sl_status status, const char *reason) {
    dial->connection = NULL;
    dial->hopeless |= status == SL_EXISTS || status == SL_IN_USE || dial->transport->shutting_down;
    note_failure(dial, dial->transport->shutting_down ? SL_CANCELLED : status, reason);
    (void)step_from_loop(dial);
}

void sl_dial_succeed(struct sl_dial *dial) {
    dial_destroy(dial);
}

/* ---- names ---- */

static void handle_lookup_run(struct sl_job *job) {
    struct lookup *lookup = (struct lookup *)job;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV};
    /* Many names that take long may wait: those of dials that were given up hold up neither the others nor the end. */
    if (!atomic_load(&lookup->abandoned))
        lookup->failure = getaddrinfo(lookup->host, lookup->port, &hints, &lookup->found);
}

static void handle_lookup_done(struct sl_job *job) {
    struct lookup *lookup = (struct lookup *)job;
    struct sl_dial *dial = lookup->dial;
    if (dial == NULL) {
        if (lookup->found != NULL)
            freeaddrinfo(lookup->found);
    } else {
        dial->lookup = NULL;
        dial->found = dial->at = lookup->found;
        if (lookup->failure != 0)
            note_failure(dial, SL_NOT_FOUND, gai_strerror(lookup->failure));
        (void)step_from_loop(dial);
    }
    free(lookup);
}

static void handle_resolved(evutil_socket_t fd, short what, void *context) {
    (void)fd;
    (void)what;
    const struct sl_transport *transport = context;
    (void)sl_pool_drain(transport->resolver);
}

static enum sl_status start_resolver(struct sl_transport *transport) {
    if (transport->resolver != NULL)
        return SL_OK;
    enum sl_status status = sl_pool_create(&transport->resolver, RESOLVERS, NULL);
    if (status != SL_OK)
        return status;
    transport->resolved =
        event_new(transport->base, sl_pool_fd(transport->resolver), EV_READ | EV_PERSIST, handle_resolved, transport);
    if (transport->resolved == NULL || event_add(transport->resolved, NULL) != 0) {
        if (transport->resolved != NULL)
            event_free(transport->resolved);
        sl_pool_destroy(transport->resolver);
        transport->resolver = NULL;
        return SL_NO_MEMORY;
    }
    return SL_OK;
}

static enum sl_status look_up(struct sl_dial *dial) {
    char port[8];
    (void)snprintf(port, sizeof port, "%u", (unsigned)dial->target.port);
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    if (getaddrinfo(dial->target.host, port, &hints, &dial->found) == 0) {
        dial->at = dial->found;
        return step_from_loop(dial);
    }
    dial->found = NULL;
    enum sl_status status = start_resolver(dial->transport);
    if (status != SL_OK)
        return status;
    struct lookup *lookup = calloc(1, sizeof *lookup);
    if (lookup == NULL)
        return SL_NO_MEMORY;
    lookup->job = (struct sl_job){.run = handle_lookup_run, .done = handle_lookup_done};
    lookup->dial = dial;
    memcpy(lookup->host, dial->target.host, sizeof lookup->host);
    memcpy(lookup->port, port, sizeof lookup->port);
    dial->lookup = lookup;
    sl_pool_submit(dial->transport->resolver, &lookup->job);
    return SL_OK;
}

/* ---- the interface ---- */

static bool is_being_dialled(const struct sl_transport *transport, const char *address) {
    const struct sl_dial *dial = transport->dials;
    while (dial != NULL && strcmp(dial->address, address) != 0)
        dial = dial->next;
    return dial != NULL;
}

static struct sl_dial *dial_create(struct sl_transport *transport, const struct sl_address *target, const char *node) {
    struct sl_dial *dial = calloc(1, sizeof *dial);
    if (dial == NULL)
        return NULL;
    dial->transport = transport;
    dial->target = *target;
    sl_address_format(dial->address, target);
    (void)snprintf(dial->node, sizeof dial->node, "%s", node);
    (void)event_assign(&dial->step, transport->base, -1, 0, handle_step, dial);
    dial->next = transport->dials;
    if (dial->next != NULL)
        dial->next->previous = dial;
    transport->dials = dial;
    return dial;
}

enum sl_status sl_transport_dial(struct sl_transport *transport, const char *address, const char *node) {
    struct sl_address target;
    char canonical[SL_ADDRESS_SIZE];
    if (transport->shutting_down)
        return SL_STATE;
    enum sl_status status = sl_address_parse(&target, address, NULL);
    if (status != SL_OK)
        return status;
    if (target.port == 0 || (node[0] != '\0' && !sl_name_is_valid(node)))
        return SL_USAGE;
    sl_address_format(canonical, &target);
    if (is_being_dialled(transport, canonical))
        return SL_EXISTS;
    if (transport->connection_count >= transport->max_connections)
        return SL_LIMIT;
    struct sl_dial *dial = dial_create(transport, &target, node);
    if (dial == NULL)
        return SL_NO_MEMORY;
    status = look_up(dial);
    if (status != SL_OK)
        dial_destroy(dial);
    return status;
}

void sl_dials_cancel(struct sl_transport *transport) {
    for (struct sl_dial *dial = transport->dials; dial != NULL; dial = dial->next) {
        dial->hopeless = true;
        note_failure(dial, SL_CANCELLED, "shutting down");
        if (dial->connection == NULL)
            (void)step_from_loop(dial);
    }
}

void sl_dials_destroy(struct sl_transport *transport) {
    while (transport->dials != NULL)
        dial_destroy(transport->dials);
    if (transport->resolver == NULL)
        return;
    sl_pool_wait_idle(transport->resolver);
    (void)sl_pool_drain(transport->resolver);
    event_free(transport->resolved);
    sl_pool_destroy(transport->resolver);
    transport->resolver = NULL;
}
