/* Happy path: a dial has one or several addresses. Literals are there at once, names are resolved on worker threads,
 * all at the same time. Whatever is there races (race.c); the first TCP connection goes on, and the dial ends when that
 * one is shown. Where it fails before, the race goes on with the rest; the last failure leads to dial_failed.
 *
 * The way to each address (mode, trust) is what our own settings say of that address as it was given, whoever
 * advertised it; what it resolves to changes nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transport/dial.h"

/* ---- names ---- */

static void handle_resolved(void *context, const union sl_socket_address *found, size_t count, const char *problem) {
    struct sl_dial_name *name = context;
    struct sl_dial *dial = name->dial;
    name->lookup = NULL;
    dial->looking_up--;
    if (count == 0) {
        char text[SL_DIAL_REASON_SIZE];
        (void)snprintf(text, sizeof text, "%s: %s", name->target.host, problem);
        sl_dial_note_failure(dial, SL_NOT_FOUND, text);
    }
    for (size_t i = 0; i < count && !dial->hopeless; i++) {
        if (sl_race_add(&dial->race, (size_t)(name - dial->names), &found[i]) != SL_OK)
            sl_dial_note_failure(dial, SL_NO_MEMORY, "out of memory");
    }
    if (dial->connection == NULL)
        sl_dial_go_on(dial);
}

static enum sl_status look_up(struct sl_dial *dial, struct sl_dial_name *name) {
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
    dial->names[dial->count++] = (struct sl_dial_name){.dial = dial, .target = target};
    return SL_OK;
}

/* The addresses that were given, or the one that transport.peers pins the node to. What cannot be dialled is passed
 * over as long as another one can. */
static enum sl_status add_names(struct sl_dial *dial, const char *const *addresses, size_t count) {
    enum sl_status status = SL_USAGE;
    for (size_t i = 0; i < count && dial->count < SL_DIAL_NAMES_MAX; i++) {
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
    struct sl_dial *dial = sl_dial_create(transport, node);
    if (dial == NULL)
        return SL_NO_MEMORY;
    enum sl_status status = add_names(dial, addresses, count);
    if (status == SL_OK && is_being_dialled(transport, node, dial->address))
        status = SL_EXISTS;
    if (status != SL_OK) {
        free(dial);
        return status;
    }
    sl_dial_link(dial);
    status = begin(dial);
    if (status != SL_OK)
        sl_dial_destroy(dial);
    return status;
}

void sl_dials_cancel(struct sl_transport *transport) {
    for (struct sl_dial *dial = transport->dials; dial != NULL; dial = dial->next) {
        sl_dial_give_up(dial, SL_CANCELLED, "shutting down");
        bool comes_back = dial->connection != NULL || sl_race_go(&dial->race) == SL_OK;
        (void)comes_back; /* where memory is lacking for that, sl_dials_fail tells of it */
    }
}

void sl_dials_fail(struct sl_transport *transport) {
    while (transport->dials != NULL)
        sl_dial_finish_failed(transport->dials);
}

void sl_dials_destroy(struct sl_transport *transport) {
    while (transport->dials != NULL)
        sl_dial_destroy(transport->dials);
    sl_resolver_destroy(transport->resolver);
    transport->resolver = NULL;
}
