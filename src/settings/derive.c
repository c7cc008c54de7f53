/* Defaults that follow from other settings. */
#include <stdlib.h>
#include <string.h>

#include "settings/check.h"
#include "settings/objects.h"

/* All who come through a proxy share one address. */
enum { PROXY_FACTOR = 8 };

/* The addresses that others can be told: not those that only a proxy connects to. */
static bool copy_addresses(struct sl_settings *settings) {
    struct sl_string_list *to = &settings->transport.advertise;
    to->items = calloc(settings->transport.listen.count + 1, sizeof *to->items);
    if (to->items == NULL)
        return false;
    for (size_t i = 0; i < settings->transport.listen.count; i++) {
        const struct sl_listener_setting *listener = &settings->transport.listen.items[i];
        if (listener->proxy)
            continue;
        to->items[to->count] = strdup(listener->address);
        if (to->items[to->count] == NULL)
            return false;
        to->count++;
    }
    return true;
}

static bool item_has(const char *list, const void *item, const char *key) {
    const struct sl_setting *row = sl_setting_find(list);
    return sl_setting_item_has(row, item, (size_t)(sl_setting_member_find(row->object, key) - row->object->members));
}

static void derive_listener(const struct sl_settings *settings, struct sl_listener_setting *listener) {
    const char *list = "transport.listen";
    unsigned factor = listener->proxy ? PROXY_FACTOR : 1;
    if (!item_has(list, listener, "connection_security"))
        listener->security = settings->transport.connection_security;
    if (!item_has(list, listener, "handshake_rate"))
        listener->handshake_rate = settings->transport.handshake_rate * factor;
    if (!item_has(list, listener, "handshake_burst"))
        listener->handshake_burst = settings->transport.handshake_burst * factor;
    if (!item_has(list, listener, "max_connections"))
        listener->max_connections =
            listener->proxy ? settings->transport.max_connections : settings->transport.max_connections_per_address;
}

void sl_settings_derive(struct sl_settings *settings, struct sl_problems *problems) {
    if (!sl_setting_is_given(settings, "round.min_peers_to_start"))
        settings->round.min_peers_to_start = settings->flock.start_nodes - 1;
    for (size_t i = 0; i < settings->transport.listen.count; i++)
        derive_listener(settings, &settings->transport.listen.items[i]);
    for (size_t i = 0; i < settings->transport.peers.count; i++) {
        struct sl_peer_setting *peer = &settings->transport.peers.items[i];
        if (!item_has("transport.peers", peer, "connection_security"))
            peer->security = settings->transport.connection_security;
    }
    if (!sl_setting_is_given(settings, "transport.advertise") && !copy_addresses(settings))
        sl_problems_note(problems, SL_NO_MEMORY);
}
