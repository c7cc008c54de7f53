/* Happy path: a dial has one or several addresses. Literals are there at once, names are resolved on worker threads,
 * all at the same time. Whatever is there races (race.c); the first TCP connection goes on, and the dial ends when that
 * one is shown. Where it fails before, the race goes on with the rest; the last failure leads to dial_failed.
 *
 * The way to each address (mode, trust) is what our own settings say of that address as it was given, whoever
 * advertised it; what it resolves to changes nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "transport/connection.h"
#include "transport/race.h"
#include "transport/resolver.h"

enum { REASON_SIZE = 512, NAMES_MAX = SL_ADDRESSES_MAX };

/* One address as it was given. */
struct name {
    struct sl_dial *dial;
    struct sl_address target;
    struct sl_lookup *lookup; /* NULL: not under way */
};

struct sl_dial {
    struct sl_dial *previous, *next;
    struct sl_transport *transport;
    char node[SL_NAME_SIZE];
    char address[SL_ADDRESS_SIZE]; /* the first that was given, in canonical form: what the dial is called */
    struct name names[NAMES_MAX];
    size_t count, looking_up;
    struct sl_race race;
    struct sl_connection *connection; /* the winner, until READY or over */
    size_t winner;                    /* its name */
    bool hopeless;                    /* no other address helps */
    enum sl_status status;
    char reason[REASON_SIZE];
};

const char *sl_dial_node(const struct sl_dial *dial) {
    if (dial->node[0] != '\0' || dial->count == 0)
        return dial->node;
    return sl_path_node(&dial->transport->paths, &dial->names[dial->winner].target);
}

static void dial_destroy(struct sl_dial *dial) {
    struct sl_transport *transport = dial->transport;
    if (dial->previous != NULL)
        dial->previous->next = dial->next;
    else
        transport->dials = dial->next;
    if (dial->next != NULL)
        dial->next->previous = dial->previous;
    for (size_t i = 0; i < dial->count; i++) {
        if (dial->names[i].lookup != NULL)
            sl_lookup_abandon(dial->names[i].lookup);
    }
    sl_race_finish(&dial->race);
    free(dial);
    transport->dial_count--;
    if (transport->shutting_down && transport->dials == NULL)
        (void)event_add(&transport->reap, &(struct timeval){0}); /* the shutdown may have waited for it */
}

/* ---- failures ---- */

static void note_failure(struct sl_dial *dial, enum sl_status status, const char *reason) {
    /* That somebody was there and refused says more than that another address did not answer. */
    bool known_better = dial->status != SL_OK && dial->status != SL_NETWORK && dial->status != SL_TIMEOUT &&
                        dial->status != SL_NOT_FOUND;
    bool says_little = status == SL_NETWORK || status == SL_TIMEOUT || status == SL_NOT_FOUND;
    if (known_better && says_little)
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

/* From the loop. */
static void go_on(struct sl_dial *dial) {
    if (sl_race_go(&dial->race) == SL_OK)
        return;
    note_failure(dial, SL_NO_MEMORY, "out of memory");
    finish_failed(dial);
}

static void handle_over(void *context) {
    struct sl_dial *dial = context;
    if (dial->looking_up == 0 || dial->hopeless)
        finish_failed(dial); /* else the names to come go on with it */
}

static void handle_failed(void *context, size_t name, const union sl_socket_address *address, enum sl_status status,
                          const char *reason) {
    struct sl_dial *dial = context;
    (void)name;
    char at[SL_ADDRESS_SIZE], text[REASON_SIZE];
    sl_socket_format_address(at, &address->any, sl_socket_address_size(address));
    (void)snprintf(text, sizeof text, "%s: %s", at, reason);
    note_failure(dial, status, text);
}

/* What follows comes from the loop: dial_failed is never called from within a call of the handlers. */
static void give_up(struct sl_dial *dial, enum sl_status status, const char *reason) {
    dial->hopeless = true;
    note_failure(dial, status, reason);
    sl_race_stop(&dial->race);
}

/* ---- the winner ---- */

static void handle_won(void *context, int fd, size_t name, const union sl_socket_address *address) {
    struct sl_dial *dial = context;
    struct sl_transport *transport = dial->transport;
    char text[SL_ADDRESS_SIZE];
    sl_socket_format_address(text, &address->any, sl_socket_address_size(address));
    dial->winner = name;
    if (transport->connection_count >= transport->max_connections && !sl_strangers_evict(transport)) {
        (void)close(fd);
        give_up(dial, SL_LIMIT, "transport.max_connections is reached");
        go_on(dial);
        return;
    }
    struct sl_path path = sl_path_to(&transport->paths, &dial->names[name].target);
    enum sl_status status = sl_connection_create(&dial->connection, transport, fd, dial, &path, text);
    if (status != SL_OK) {
        note_failure(dial, status, sl_status_text(status));
        go_on(dial);
        return;
    }
    transport->counters.dialled++;
    sl_connection_set_source(dial->connection,
                             sl_guard_find(transport->guard, SL_GUARD_DIALLED, &address->any, sl_clock_monotonic()),
                             false);
}

void sl_dial_attempt_failed(struct sl_dial *dial, enum sl_status status, const char *reason) {
    dial->connection = NULL;
    if (dial->transport->shutting_down) {
        give_up(dial, SL_CANCELLED, reason);
    } else {
        note_failure(dial, status, reason);
        if (status == SL_EXISTS)
            give_up(dial, status, reason);
        else if (status == SL_IN_USE) /* this name is our own; another one may be whom we want */
            sl_race_skip(&dial->race, dial->winner);
    }
    go_on(dial);
}

void sl_dial_succeed(struct sl_dial *dial) {
    dial_destroy(dial);
}

/* ---- names ---- */

static void handle_resolved(void *context, const union sl_socket_address *found, size_t count, const char *problem) {
    struct name *name = context;
    struct sl_dial *dial = name->dial;
    name->lookup = NULL;
    dial->looking_up--;
    if (count == 0) {
        char text[REASON_SIZE];
        (void)snprintf(text, sizeof text, "%s: %s", name->target.host, problem);
        note_failure(dial, SL_NOT_FOUND, text);
    }
    for (size_t i = 0; i < count && !dial->hopeless; i++) {
        if (sl_race_add(&dial->race, (size_t)(name - dial->names), &found[i]) != SL_OK)
            note_failure(dial, SL_NO_MEMORY, "out of memory");
    }
    if (dial->connection == NULL)
        go_on(dial);
}

static enum sl_status look_up(struct sl_dial *dial, struct name *name) {
    union sl_socket_address literal;
    if (sl_resolve_literal(&literal, &name->target))
        return sl_race_add(&dial->race, (size_t)(name - dial->names), &literal);
    enum sl_status status =
        sl_resolver_look_up(dial->transport->resolver, &name->lookup, &name->target, handle_resolved, name);
    if (status == SL_OK)
        dial->looking_up++;
    return status;
}

/* ---- the interface ---- */

/* What a dial is known by: the node, or the first address where any member will do. An address that is dialled for
 * anybody is not dialled for somebody at the same time, as it would end in two connections to the same node. */
static bool is_being_dialled(const struct sl_transport *transport, const char *node, const char *address) {
    for (const struct sl_dial *dial = transport->dials; dial != NULL; dial = dial->next) {
        bool is_same_node = node[0] != '\0' && strcmp(dial->node, node) == 0;
        bool is_any = node[0] == '\0' || dial->node[0] == '\0';
        if (is_same_node || (is_any && strcmp(dial->address, address) == 0))
            return true;
    }
    return false;
}

static enum sl_status add_name(struct sl_dial *dial, const char *text) {
    struct sl_address target;
    enum sl_status status = sl_address_parse(&target, text, NULL);
    if (status == SL_OK && target.port == 0)
        status = SL_USAGE;
    if (status != SL_OK)
        return status;
    for (size_t i = 0; i < dial->count; i++) {
        if (dial->names[i].target.port == target.port && strcmp(dial->names[i].target.host, target.host) == 0)
            return SL_OK;
    }
    dial->names[dial->count++] = (struct name){.dial = dial, .target = target};
    return SL_OK;
}

/* The addresses that were given, or the one that transport.peers pins the node to. What cannot be dialled is passed
 * over as long as another one can. */
static enum sl_status add_names(struct sl_dial *dial, const char *const *addresses, size_t count) {
    enum sl_status status = SL_USAGE;
    for (size_t i = 0; i < count && dial->count < NAMES_MAX; i++) {
        enum sl_status added = add_name(dial, addresses[i]);
        if (added != SL_OK && dial->count == 0)
            status = added;
    }
    if (dial->count == 0)
        return status;
    sl_address_format(dial->address, &dial->names[0].target);
    const char *pinned = dial->node[0] == '\0' ? NULL : sl_path_pinned(&dial->transport->paths, dial->node);
    if (pinned == NULL)
        return SL_OK;
    dial->count = 0;
    return add_name(dial, pinned);
}

static struct sl_dial *dial_create(struct sl_transport *transport, const char *node) {
    struct sl_dial *dial = calloc(1, sizeof *dial);
    if (dial == NULL)
        return NULL;
    const struct sl_race_handlers handlers = {
        .context = dial, .won = handle_won, .failed = handle_failed, .over = handle_over};
    dial->transport = transport;
    (void)snprintf(dial->node, sizeof dial->node, "%s", node);
    sl_race_init(&dial->race, transport->base, transport->handshake_timeout, &handlers);
    return dial;
}

static void link_dial(struct sl_dial *dial) {
    struct sl_transport *transport = dial->transport;
    dial->next = transport->dials;
    if (dial->next != NULL)
        dial->next->previous = dial;
    transport->dials = dial;
    transport->dial_count++;
}

static enum sl_status begin(struct sl_dial *dial) {
    enum sl_status status = SL_OK;
    for (size_t i = 0; i < dial->count && status == SL_OK; i++)
        status = look_up(dial, &dial->names[i]);
    if (status == SL_OK && dial->race.count > 0)
        status = sl_race_go(&dial->race);
    return status;
}

enum sl_status sl_transport_dial(struct sl_transport *transport, const char *const *addresses, size_t count,
                                 const char *node) {
    if (transport->shutting_down)
        return SL_STATE;
    if (node[0] != '\0' && !sl_name_is_valid(node))
        return SL_USAGE;
    size_t strangers = sl_guard_strangers(transport->guard); /* they would give way */
    if (transport->connection_count >= transport->max_connections + strangers ||
        transport->dial_count >= transport->max_connections)
        return SL_LIMIT;
    struct sl_dial *dial = dial_create(transport, node);
    if (dial == NULL)
        return SL_NO_MEMORY;
    enum sl_status status = add_names(dial, addresses, count);
    if (status == SL_OK && is_being_dialled(transport, node, dial->address))
        status = SL_EXISTS;
    if (status != SL_OK) {
        free(dial);
        return status;
    }
    link_dial(dial);
    status = begin(dial);
    if (status != SL_OK)
        dial_destroy(dial);
    return status;
}

void sl_dials_cancel(struct sl_transport *transport) {
    for (struct sl_dial *dial = transport->dials; dial != NULL; dial = dial->next) {
        give_up(dial, SL_CANCELLED, "shutting down");
        bool comes_back = dial->connection != NULL || sl_race_go(&dial->race) == SL_OK;
        (void)comes_back; /* where memory is lacking for that, sl_dials_fail tells of it */
    }
}

void sl_dials_fail(struct sl_transport *transport) {
    while (transport->dials != NULL)
        finish_failed(transport->dials);
}

void sl_dials_destroy(struct sl_transport *transport) {
    while (transport->dials != NULL)
        dial_destroy(transport->dials);
    sl_resolver_destroy(transport->resolver);
    transport->resolver = NULL;
}
