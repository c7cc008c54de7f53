/* What concerns several settings of connections, and of what secures them. */
#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "settings/check.h"

enum { ITEM_SIZE = 64 };

static bool says_nothing(const char *text) {
    struct sl_address address;
    return sl_address_parse(&address, text, NULL) == SL_OK &&
           (strcmp(address.host, "0.0.0.0") == 0 || strcmp(address.host, "::") == 0);
}

static void check_listeners(const struct sl_check *check) {
    const struct sl_settings *settings = check->settings;
    for (size_t i = 0; i < settings->transport.listen.count; i++) {
        const struct sl_listener_setting *listener = &settings->transport.listen.items[i];
        if (!listener->proxy && says_nothing(listener->address))
            sl_check_blame(check, "transport.advertise",
                           "expected the addresses by which others reach this node, since transport.listen[%zu] is "
                           "\"%s\", found nothing",
                           i, listener->address);
    }
    if (settings->transport.advertise.count == 0)
        sl_check_blame(check, "transport.advertise",
                       "expected the addresses by which others reach this node, since each item of transport.listen is "
                       "behind a proxy, found nothing");
}

static void check_addresses(const struct sl_check *check) {
    const struct sl_string_list *list = &check->settings->transport.advertise;
    if (!sl_check_is_sound(check, "transport.advertise") || !sl_check_is_sound(check, "transport.listen"))
        return;
    if (!sl_setting_is_given(check->settings, "transport.advertise")) {
        check_listeners(check);
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        if (says_nothing(list->items[i]))
            sl_check_blame(check, "transport.advertise",
                           "expected addresses that others can reach, found \"%s\" at %zu", list->items[i], i);
    }
}

/* "a.example:1" and "A.example:1" are one. */
static bool is_same_address(const char *a, const char *b) {
    struct sl_address x, y;
    return sl_address_parse(&x, a, NULL) == SL_OK && sl_address_parse(&y, b, NULL) == SL_OK && x.port == y.port &&
           strcmp(x.host, y.host) == 0;
}

/* Two rules for one address, or two addresses for one node: which of them is meant? */
static void check_rule_is_one(const struct sl_check *check, size_t index) {
    const struct sl_peer_setting *peers = check->settings->transport.peers.items;
    char path[ITEM_SIZE];
    for (size_t i = 0; i < index; i++) {
        if (is_same_address(peers[i].connect_to, peers[index].connect_to)) {
            snprintf(path, sizeof path, "transport.peers[%zu].connect_to", index);
            sl_check_blame(check, path, "expected one rule an address, found \"%s\" in transport.peers[%zu] too",
                           peers[index].connect_to, i);
            return;
        }
        if (peers[index].node[0] != '\0' && strcmp(peers[i].node, peers[index].node) == 0) {
            snprintf(path, sizeof path, "transport.peers[%zu].node", index);
            sl_check_blame(check, path, "expected one rule a node, found \"%s\" in transport.peers[%zu] too",
                           peers[index].node, i);
            return;
        }
    }
}

static void check_peers(const struct sl_check *check) {
    static const char *const words[] = {
        [SL_SECURITY_MTLS] = "mtls", [SL_SECURITY_TLS] = "tls", [SL_SECURITY_CLEAR] = "clear"};
    const struct sl_settings *settings = check->settings;
    if (!sl_check_is_sound(check, "transport.peers"))
        return;
    for (size_t i = 0; i < settings->transport.peers.count; i++) {
        const struct sl_peer_setting *peer = &settings->transport.peers.items[i];
        char path[ITEM_SIZE];
        check_rule_is_one(check, i);
        snprintf(path, sizeof path, "transport.peers[%zu].custom_ca_cert", i);
        if (peer->custom_ca_cert[0] != '\0' && peer->security != SL_SECURITY_TLS &&
            sl_check_is_sound(check, "transport.connection_security"))
            sl_check_blame(check, path,
                           "expected nothing, since it is for \"tls\" and connection_security here is \"%s\", found a "
                           "path",
                           words[peer->security]);
        snprintf(path, sizeof path, "transport.peers[%zu].node", i);
        if (sl_check_is_sound(check, "node.name") && settings->node.name != NULL &&
            strcmp(peer->node, settings->node.name) == 0)
            sl_check_blame(check, path, "expected another node than this one, found \"%s\"", peer->node);
    }
}

static bool is_variable_name(const char *text) {
    static const char characters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
    return !(text[0] >= '0' && text[0] <= '9') && text[strspn(text, characters)] == '\0';
}

/* What is found is not repeated here: it may be the secret itself, put into the wrong place. */
static void check_secrets(const struct sl_check *check) {
    const struct sl_settings *settings = check->settings;
    const char *variable = settings->identity.passphrase_variable;
    const struct {
        const char *path, *value;
    } keys[] = {{"identity.server_key", settings->identity.server_key},
                {"identity.client_key", settings->identity.client_key}};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (keys[i].value != NULL && strncmp(keys[i].value, "pkcs11:", 7) == 0 &&
            strstr(keys[i].value, "pin-value") != NULL)
            sl_check_blame(check, keys[i].path,
                           "expected a URI without the PIN, which belongs into identity.passphrase_file or "
                           "identity.passphrase_variable, found one with \"pin-value\"");
    }
    if (!sl_check_is_sound(check, "identity.passphrase_variable") ||
        !sl_check_is_sound(check, "identity.passphrase_file") || variable[0] == '\0')
        return;
    if (!is_variable_name(variable))
        sl_check_blame(check, "identity.passphrase_variable",
                       "expected the name of an environment variable, of letters, digits and \"_\", found something "
                       "else");
    if (settings->identity.passphrase_file[0] != '\0')
        sl_check_blame(check, "identity.passphrase_variable",
                       "expected nothing, since identity.passphrase_file is given, found a name");
}

/* The peer's TLS lets no more than 8 changes of keys pass within a second, and what waits on the way arrives at once:
 * so many bytes must lie between two of them that the buffers of a path do not hold many. */
static void check_key_updates(const struct sl_check *check) {
    enum { LEAST = 16 << 20 };
    uint64_t bytes = check->settings->transport.key_update_bytes;
    if (sl_check_is_sound(check, "transport.key_update_bytes") && bytes != 0 && bytes < LEAST)
        sl_check_blame(check, "transport.key_update_bytes", "expected 0, or %d or more, found %llu", LEAST,
                       (unsigned long long)bytes);
}

void sl_check_transport(const struct sl_check *check) {
    check_key_updates(check);
    check_addresses(check);
    check_peers(check);
    check_secrets(check);
}
