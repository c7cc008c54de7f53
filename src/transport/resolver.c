#include "transport/resolver.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"

enum { WORKERS = 8 }; /* names at once: those of one member, or of all that a node joins */

struct sl_resolver {
    struct event_base *base;
    struct sl_resolve_function function;
    struct sl_pool *pool; /* NULL before the first name */
    struct event *ready;
};

/* It outlives a dial that is given up meanwhile, and the resolver where it runs at the end. */
struct sl_lookup {
    struct sl_job job;
    struct sl_resolve_function function;
    sl_resolved *done;
    void *context;
    atomic_bool abandoned;
    struct sl_address address;
    union sl_socket_address found[SL_RESOLVED_MAX];
    size_t count;
    const char *problem;
};

socklen_t sl_socket_address_size(const union sl_socket_address *address) {
    return address->any.sa_family == AF_INET6 ? sizeof address->v6 : sizeof address->v4;
}

bool sl_resolve_literal(union sl_socket_address *out, const struct sl_address *address) {
    union sl_socket_address parsed = {.v4 = {.sin_family = AF_INET, .sin_port = htons(address->port)}};
    bool is_literal = inet_pton(AF_INET, address->host, &parsed.v4.sin_addr) == 1;
    if (!is_literal) {
        parsed.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(address->port)};
        is_literal = inet_pton(AF_INET6, address->host, &parsed.v6.sin6_addr) == 1;
    }
    if (is_literal)
        *out = parsed;
    return is_literal;
}

/* ---- on a worker ---- */

static size_t ask_system(void *context, union sl_socket_address *out, size_t max, const struct sl_address *address,
                         const char **problem) {
    (void)context;
    char port[8];
    struct addrinfo *found = NULL;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV};
    (void)snprintf(port, sizeof port, "%u", (unsigned)address->port);
    int failure = getaddrinfo(address->host, port, &hints, &found);
    if (failure != 0) {
        *problem = gai_strerror(failure);
        return 0;
    }
    size_t count = 0;
    for (const struct addrinfo *at = found; at != NULL && count < max; at = at->ai_next) {
        if (at->ai_addrlen <= sizeof *out && (at->ai_family == AF_INET || at->ai_family == AF_INET6))
            memcpy(&out[count++], at->ai_addr, at->ai_addrlen);
    }
    freeaddrinfo(found);
    return count;
}

static void handle_run(struct sl_job *job) {
    struct sl_lookup *lookup = (struct sl_lookup *)job;
    const struct sl_resolve_function *function = &lookup->function;
    /* Many names that take long may wait: those of dials that were given up hold up neither the others nor the end. */
    if (!atomic_load(&lookup->abandoned))
        lookup->count =
            function->resolve(function->context, lookup->found, SL_RESOLVED_MAX, &lookup->address, &lookup->problem);
}

/* ---- on the loop ---- */

static void handle_done(struct sl_job *job) {
    struct sl_lookup *lookup = (struct sl_lookup *)job;
    if (!atomic_load(&lookup->abandoned))
        lookup->done(lookup->context, lookup->found, lookup->count, lookup->problem);
    free(lookup);
}

static void handle_release(struct sl_job *job) {
    free((struct sl_lookup *)job);
}

static void handle_ready(evutil_socket_t fd, short what, void *context) {
    (void)fd;
    (void)what;
    const struct sl_resolver *resolver = context;
    (void)sl_pool_drain(resolver->pool);
}

static enum sl_status start(struct sl_resolver *resolver) {
    if (resolver->pool != NULL)
        return SL_OK;
    enum sl_status status = sl_pool_create(&resolver->pool, WORKERS, NULL);
    if (status != SL_OK)
        return status;
    resolver->ready =
        event_new(resolver->base, sl_pool_fd(resolver->pool), EV_READ | EV_PERSIST, handle_ready, resolver);
    if (resolver->ready != NULL && event_add(resolver->ready, NULL) == 0)
        return SL_OK;
    if (resolver->ready != NULL)
        event_free(resolver->ready);
    sl_pool_destroy(resolver->pool);
    resolver->pool = NULL;
    return SL_NO_MEMORY;
}

enum sl_status sl_resolver_look_up(struct sl_resolver *resolver, struct sl_lookup **out,
                                   const struct sl_address *address, sl_resolved *done, void *context) {
    enum sl_status status = start(resolver);
    if (status != SL_OK)
        return status;
    struct sl_lookup *lookup = calloc(1, sizeof *lookup);
    if (lookup == NULL)
        return SL_NO_MEMORY;
    lookup->job = (struct sl_job){.run = handle_run, .done = handle_done};
    lookup->function = resolver->function;
    lookup->done = done;
    lookup->context = context;
    lookup->address = *address;
    lookup->problem = "the name has no address";
    *out = lookup;
    sl_pool_submit(resolver->pool, &lookup->job);
    return SL_OK;
}

void sl_lookup_abandon(struct sl_lookup *lookup) {
    atomic_store(&lookup->abandoned, true);
}

/* ---- life ---- */

enum sl_status sl_resolver_create(struct sl_resolver **out, struct event_base *base,
                                  const struct sl_resolve_function *function) {
    struct sl_resolver *resolver = calloc(1, sizeof *resolver);
    if (resolver == NULL)
        return SL_NO_MEMORY;
    resolver->base = base;
    resolver->function = function != NULL ? *function : (struct sl_resolve_function){.resolve = ask_system};
    *out = resolver;
    return SL_OK;
}

void sl_resolver_destroy(struct sl_resolver *resolver) {
    if (resolver == NULL)
        return;
    if (resolver->pool != NULL) {
        event_free(resolver->ready);
        sl_pool_abandon(resolver->pool, handle_release);
    }
    free(resolver);
}
