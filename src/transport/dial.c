#include "transport/dial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *sl_dial_address(const struct sl_dial *dial) {
    return dial->address;
}

const char *sl_dial_node(const struct sl_dial *dial) {
    if (dial->node[0] != '\0' || dial->count == 0)
        return dial->node;
    return sl_path_node(&dial->transport->paths, &dial->names[dial->winner].target);
}

void sl_dial_destroy(struct sl_dial *dial) {
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

void sl_dial_note_failure(struct sl_dial *dial, enum sl_status status, const char *reason) {
    /* That somebody was there and refused says more than that another address did not answer. */
    bool known_better = dial->status != SL_OK && dial->status != SL_NETWORK && dial->status != SL_TIMEOUT &&
                        dial->status != SL_NOT_FOUND;
    bool says_little = status == SL_NETWORK || status == SL_TIMEOUT || status == SL_NOT_FOUND;
    if (known_better && says_little)
        return;
    dial->status = status;
    (void)snprintf(dial->reason, sizeof dial->reason, "%s", reason);
}

void sl_dial_finish_failed(struct sl_dial *dial) {
    struct sl_transport *transport = dial->transport;
    struct sl_dial gone = *dial; /* the handler may dial the same address again */
    sl_dial_destroy(dial);
    if (!transport->silent)
        transport->handlers.dial_failed(transport->handlers.context, gone.address, gone.node, gone.status, gone.reason);
}

/* From the loop. */
void sl_dial_go_on(struct sl_dial *dial) {
    if (sl_race_go(&dial->race) == SL_OK)
        return;
    sl_dial_note_failure(dial, SL_NO_MEMORY, "out of memory");
    sl_dial_finish_failed(dial);
}

static void handle_over(void *context) {
    struct sl_dial *dial = context;
    if (dial->looking_up == 0 || dial->hopeless)
        sl_dial_finish_failed(dial); /* else the names to come go on with it */
}

static void handle_failed(void *context, size_t name, const union sl_socket_address *address, enum sl_status status,
                          const char *reason) {
    struct sl_dial *dial = context;
    (void)name;
    char at[SL_ADDRESS_SIZE], text[SL_DIAL_REASON_SIZE];
    sl_socket_format_address(at, &address->any, sl_socket_address_size(address));
    (void)snprintf(text, sizeof text, "%s: %s", at, reason);
    sl_dial_note_failure(dial, status, text);
}

/* What follows comes from the loop: dial_failed is never called from within a call of the handlers. */
void sl_dial_give_up(struct sl_dial *dial, enum sl_status status, const char *reason) {
    dial->hopeless = true;
    sl_dial_note_failure(dial, status, reason);
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
        sl_dial_give_up(dial, SL_LIMIT, "transport.max_connections is reached");
        sl_dial_go_on(dial);
        return;
    }
    struct sl_path path = sl_path_to(&transport->paths, &dial->names[name].target);
    enum sl_status status = sl_connection_create(&dial->connection, transport, fd, dial, &path, text);
    if (status != SL_OK) {
        sl_dial_note_failure(dial, status, sl_status_text(status));
        sl_dial_go_on(dial);
        return;
    }
    transport->counters.dialled++;
    sl_connection_set_source(dial->connection,
                             sl_guard_find(transport->guard, SL_GUARD_DIALLED, &address->any, sl_clock_monotonic()),
                             false);
}

void sl_dial_attempt_failed(struct sl_dial *dial, enum sl_status status, const char *reason) {
    if (status == SL_EXISTS && dial->node[0] == '\0' && dial->connection != NULL)
        memcpy(dial->node, dial->connection->node, sizeof dial->node); /* dial_failed tells who is there */
    dial->connection = NULL;
    if (dial->transport->shutting_down) {
        sl_dial_give_up(dial, SL_CANCELLED, reason);
    } else {
        sl_dial_note_failure(dial, status, reason);
        if (status == SL_EXISTS)
            sl_dial_give_up(dial, status, reason);
        else if (status == SL_IN_USE) /* this name is our own; another one may be whom we want */
            sl_race_skip(&dial->race, dial->winner);
    }
    sl_dial_go_on(dial);
}

void sl_dial_succeed(struct sl_dial *dial) {
    sl_dial_destroy(dial);
}

/* ---- life ---- */

struct sl_dial *sl_dial_create(struct sl_transport *transport, const char *node) {
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

void sl_dial_link(struct sl_dial *dial) {
    struct sl_transport *transport = dial->transport;
    dial->next = transport->dials;
    if (dial->next != NULL)
        dial->next->previous = dial;
    transport->dials = dial;
    transport->dial_count++;
}
