#include "transport/path.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "transport/outer.h"

const char *sl_security_text(enum sl_connection_security security) {
    switch (security) {
    case SL_SECURITY_MTLS:
        return "mtls";
    case SL_SECURITY_TLS:
        return "tls";
    case SL_SECURITY_CLEAR:
        return "clear";
    }
    return "unknown";
}

static enum sl_status read_rule(struct sl_path_rule *rule, const struct sl_peer_setting *setting,
                                struct sl_error *error) {
    struct sl_address address;
    enum sl_status status = sl_address_parse(&address, setting->connect_to, error);
    if (status != SL_OK)
        return sl_error_wrap(error, status, "transport.peers");
    sl_address_format(rule->address, &address);
    rule->security = setting->security;
    strncpy(rule->node, setting->node, sizeof rule->node - 1);
    if (setting->custom_ca_cert[0] == '\0')
        return SL_OK;
    status = sl_outer_trust_read(&rule->trust, setting->custom_ca_cert, error);
    return status == SL_OK ? SL_OK : sl_error_wrap(error, status, "transport.peers, %s: custom_ca_cert", rule->address);
}

enum sl_status sl_paths_init(struct sl_paths *paths, const struct sl_settings *settings, struct sl_error *error) {
    size_t count = settings->transport.peers.count;
    *paths = (struct sl_paths){.security = settings->transport.connection_security};
    if (count == 0)
        return SL_OK;
    paths->rules = calloc(count, sizeof *paths->rules);
    if (paths->rules == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "out of memory");
    enum sl_status status = SL_OK;
    while (status == SL_OK && paths->count < count) {
        status = read_rule(&paths->rules[paths->count], &settings->transport.peers.items[paths->count], error);
        paths->count += status == SL_OK;
    }
    if (status != SL_OK)
        sl_paths_finish(paths);
    return status;
}

void sl_paths_finish(struct sl_paths *paths) {
    for (size_t i = 0; i < paths->count; i++)
        if (paths->rules[i].trust != NULL)
            gnutls_x509_trust_list_deinit(paths->rules[i].trust, 1);
    free(paths->rules);
    *paths = (struct sl_paths){0};
}

void sl_paths_swap_trust(struct sl_paths *paths, struct sl_paths *fresh) {
    assert(paths->count == fresh->count);
    for (size_t i = 0; i < paths->count; i++) {
        gnutls_x509_trust_list_t before = paths->rules[i].trust;
        paths->rules[i].trust = fresh->rules[i].trust;
        fresh->rules[i].trust = before;
    }
}

static const struct sl_path_rule *find_rule(const struct sl_paths *paths, const struct sl_address *target) {
    char address[SL_ADDRESS_SIZE];
    sl_address_format(address, target);
    for (size_t i = 0; i < paths->count; i++)
        if (strcmp(paths->rules[i].address, address) == 0)
            return &paths->rules[i];
    return NULL;
}

struct sl_path sl_path_to(const struct sl_paths *paths, const struct sl_address *target) {
    struct sl_path path = {.security = paths->security, .host = target->host};
    const struct sl_path_rule *rule = find_rule(paths, target);
    if (rule != NULL) {
        path.security = rule->security;
        path.trust = &rule->trust;
    }
    return path;
}

const char *sl_path_node(const struct sl_paths *paths, const struct sl_address *target) {
    const struct sl_path_rule *rule = find_rule(paths, target);
    return rule == NULL ? "" : rule->node;
}

const char *sl_path_pinned(const struct sl_paths *paths, const char *node) {
    for (size_t i = 0; i < paths->count; i++)
        if (node[0] != '\0' && strcmp(paths->rules[i].node, node) == 0)
            return paths->rules[i].address;
    return NULL;
}
