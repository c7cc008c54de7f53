/* Who is at the addresses that the node would dial? What is found is told when all is done, since one known node that
 * answers is enough. */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/preflight_probe.h"

/* ---- whom to dial ---- */

static bool is_same_address(const char *a, const char *b) {
    struct sl_address x, y;
    return sl_address_parse(&x, a, NULL) == SL_OK && sl_address_parse(&y, b, NULL) == SL_OK && x.port == y.port &&
           strcmp(x.host, y.host) == 0;
}

static struct probe *find(struct probes *probes, const char *address) {
    for (size_t i = 0; i < probes->count; i++) {
        if (is_same_address(probes->items[i].address, address))
            return &probes->items[i];
    }
    return NULL;
}

/* All nodes of a flock may have the same list, with themselves in it. */
static bool is_own(const struct sl_settings *settings, const char *address) {
    for (size_t i = 0; i < preflight_address_count(settings); i++) {
        if (is_same_address(preflight_address(settings, i), address))
            return true;
    }
    return false;
}

static void add_join(struct probes *probes, size_t index) {
    const struct sl_settings *settings = probes->preflight->settings;
    const char *address = settings->membership.join.items[index];
    char what[64];
    (void)snprintf(what, sizeof what, "membership.join[%zu]", index);
    if (is_own(settings, address)) {
        preflight_ok(probes->preflight, what, "%s is this node's own", address);
        return;
    }
    if (find(probes, address) != NULL)
        return;
    struct probe *probe = &probes->items[probes->count++];
    *probe = (struct probe){
        .address = address, .node = "", .security = settings->transport.connection_security, .is_join = true};
    memcpy(probe->what, what, sizeof what);
}

static enum sl_status collect(struct probes *probes) {
    const struct sl_settings *settings = probes->preflight->settings;
    probes->items = calloc(settings->membership.join.count + settings->transport.peers.count + 1, sizeof(struct probe));
    if (probes->items == NULL)
        return SL_NO_MEMORY;
    for (size_t i = 0; i < settings->membership.join.count; i++)
        add_join(probes, i);
    for (size_t i = 0; i < settings->transport.peers.count; i++) {
        const struct sl_peer_setting *rule = &settings->transport.peers.items[i];
        struct probe *probe = find(probes, rule->connect_to);
        if (probe == NULL) {
            probe = &probes->items[probes->count++];
            *probe = (struct probe){.address = rule->connect_to};
            (void)snprintf(probe->what, sizeof probe->what, "transport.peers[%zu]", i);
        }
        probe->node = rule->node;
        probe->security = rule->security;
    }
    return SL_OK;
}

/* ---- what was found ---- */

/* Nobody was there, as opposed to somebody who refused or was refused. */
static bool is_absent(const struct probe *probe) {
    return probe->status == SL_NETWORK || probe->status == SL_TIMEOUT || probe->status == SL_NOT_FOUND;
}

/* The transport says which of a name's addresses it tried; of a literal that is the same again. */
static const char *reason_of(const struct probe *probe) {
    size_t length = strlen(probe->address);
    bool again = strncmp(probe->detail, probe->address, length) == 0 && strncmp(probe->detail + length, ": ", 2) == 0;
    return again ? probe->detail + length + 2 : probe->detail;
}

static void tell(struct preflight *preflight, const struct probe *probe, bool somebody_answered) {
    static const char absent[] = "start it, or look at the address, at DNS and at firewalls";
    static const char alone[] = "start one of them, or look at addresses, DNS and firewalls; --offline leaves this out";
    if (probe->state == PROBE_ADMITTED)
        preflight_ok(preflight, probe->what, "%s %s", probe->address, probe->detail);
    else if (probe->status == SL_IN_USE)
        preflight_ok(preflight, probe->what, "%s is this node itself", probe->address);
    else if (is_absent(probe) && somebody_answered)
        preflight_warn(preflight, probe->what, absent, "%s: %s", probe->address, reason_of(probe));
    else if (is_absent(probe))
        preflight_fail(preflight, probe->what, alone, "%s: %s", probe->address, reason_of(probe));
    else
        preflight_fail(preflight, probe->what, "its own log has its side of it", "%s: %s", probe->address,
                       reason_of(probe));
}

static void tell_all(const struct probes *probes) {
    bool any = false;
    for (size_t i = 0; i < probes->count; i++)
        any = any || (probes->items[i].is_join && probes->items[i].state == PROBE_ADMITTED);
    for (size_t i = 0; i < probes->count; i++)
        tell(probes->preflight, &probes->items[i], any);
    if (probes->preflight->settings->membership.join.count + probes->count == 0)
        preflight_ok(probes->preflight, "membership.join", "nobody is dialled: others have to come");
}

/* What is common to all connections: cipher suites, congestion control, the authorities of proxies. */
static bool check_transport(const struct probes *probes) {
    struct sl_transport *transport = NULL;
    struct sl_error error = {.status = SL_OK};
    enum sl_status status = preflight_probe_transport(probes, &transport, NULL, &error);
    if (status == SL_OK)
        preflight_ok(probes->preflight, "transport", "cipher suites, congestion control and trust are good");
    else
        preflight_fail(probes->preflight, "transport", "", "%s",
                       error.text[0] != '\0' ? error.text : sl_status_text(status));
    sl_transport_destroy(transport);
    return status == SL_OK;
}

static enum sl_status probe_all(struct probes *probes, struct sl_error *error) {
    if (collect(probes) != SL_OK)
        return sl_error_set(error, SL_NO_MEMORY, "out of memory");
    enum sl_status status = preflight_probe_run(probes, error);
    if (status == SL_OK)
        tell_all(probes);
    free(probes->items);
    return status;
}

enum sl_status preflight_peers(struct preflight *preflight, struct sl_error *error) {
    struct probes probes = {.preflight = preflight};
    if (preflight->identity == NULL) {
        preflight_warn(preflight, "membership.join", "", "not tried: who this node is must be right first");
        return SL_OK;
    }
    probes.base = event_base_new();
    if (probes.base == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "out of memory");
    enum sl_status status = SL_OK;
    if (check_transport(&probes) && !preflight->options->offline)
        status = probe_all(&probes, error);
    event_base_free(probes.base);
    return status;
}
