/* Where this node listens, and what it tells others to dial. */
#include "node/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "transport/path.h"

/* "host:port" in canonical form, with the port that the system gave where `text` asks for any. */
static enum sl_status resolve_port(char out[SL_ADDRESS_SIZE], const char *text, uint16_t port, struct sl_error *error) {
    struct sl_address address;
    enum sl_status status = sl_address_parse(&address, text, error);
    if (status != SL_OK)
        return status;
    if (address.port == 0)
        address.port = port;
    sl_address_format(out, &address);
    return SL_OK;
}

static enum sl_status add_address(struct sl_node *node, const char *text, uint16_t port, struct sl_error *error) {
    char canonical[SL_ADDRESS_SIZE];
    enum sl_status status = resolve_port(canonical, text, port, error);
    if (status != SL_OK)
        return status;
    node->addresses[node->address_count] = strdup(canonical);
    if (node->addresses[node->address_count] == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "out of memory");
    node->address_count++;
    return SL_OK;
}

static enum sl_status listen_everywhere(struct sl_node *node, struct sl_error *error) {
    const struct sl_settings *settings = node->settings;
    node->ports = calloc(settings->transport.listen.count + 1, sizeof *node->ports);
    if (node->ports == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < settings->transport.listen.count; i++) {
        enum sl_status status =
            sl_transport_listen(node->transport, &settings->transport.listen.items[i], &node->ports[i], error);
        if (status != SL_OK)
            return sl_error_wrap(error, status, "transport.listen[%zu]", i);
    }
    return SL_OK;
}

/* What port an advertised port 0 got: that of the listener of the same address, else of the first. */
static uint16_t bound_port(const struct sl_node *node, const char *address) {
    for (size_t i = 0; i < node->settings->transport.listen.count; i++)
        if (strcmp(node->settings->transport.listen.items[i].address, address) == 0)
            return node->ports[i];
    return node->ports[0];
}

/* An empty list is as good as none: what this node listens on, but for what only a proxy dials. */
static enum sl_status advertise(struct sl_node *node, struct sl_error *error) {
    const struct sl_settings *settings = node->settings;
    const struct sl_string_list *list = &settings->transport.advertise;
    const size_t listeners = list->count > 0 ? 0 : settings->transport.listen.count;
    node->addresses = calloc(list->count + listeners + 1, sizeof *node->addresses);
    if (node->addresses == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "out of memory");
    enum sl_status status = SL_OK;
    for (size_t i = 0; i < list->count && status == SL_OK; i++)
        status = add_address(node, list->items[i], bound_port(node, list->items[i]), error);
    for (size_t i = 0; i < listeners && status == SL_OK; i++)
        if (!settings->transport.listen.items[i].proxy)
            status = add_address(node, settings->transport.listen.items[i].address, node->ports[i], error);
    if (status != SL_OK)
        return sl_error_wrap(error, status, "transport.advertise");
    return sl_transport_advertise(node->transport, (const char *const *)node->addresses, node->address_count);
}

enum sl_status node_listen(struct sl_node *node, struct sl_error *error) {
    enum sl_status status = listen_everywhere(node, error);
    return status == SL_OK ? advertise(node, error) : status;
}

/* ---- saying so ---- */

/* The real address of a listener; it was parsed when it was opened. */
static void listener_address(char out[SL_ADDRESS_SIZE], const struct sl_node *node, size_t i) {
    struct sl_error error = {.status = SL_OK, .text = ""};
    if (resolve_port(out, node->settings->transport.listen.items[i].address, node->ports[i], &error) != SL_OK)
        out[0] = '\0';
}

static bool is_advertised(const struct sl_node *node, const char *address) {
    for (size_t i = 0; i < node->address_count; i++)
        if (strcmp(node->addresses[i], address) == 0)
            return true;
    return false;
}

static bool is_listener(const struct sl_node *node, const char *address) {
    char own[SL_ADDRESS_SIZE];
    for (size_t i = 0; i < node->settings->transport.listen.count; i++) {
        listener_address(own, node, i);
        if (strcmp(own, address) == 0)
            return true;
    }
    return false;
}

void node_say_addresses(const struct sl_node *node) {
    char address[SL_ADDRESS_SIZE];
    for (size_t i = 0; i < node->settings->transport.listen.count; i++) {
        const struct sl_listener_setting *listener = &node->settings->transport.listen.items[i];
        listener_address(address, node, i);
        sl_log_line(node->log, SL_LOG_INFO, "node", "listening", SL_TEXT("address", address),
                    SL_TEXT("security", sl_security_text(listener->security)), SL_BOOLEAN("proxy", listener->proxy),
                    SL_BOOLEAN("advertised", is_advertised(node, address)));
    }
    for (size_t i = 0; i < node->address_count; i++)
        if (!is_listener(node, node->addresses[i]))
            sl_log_line(node->log, SL_LOG_INFO, "node", "advertised", SL_TEXT("address", node->addresses[i]));
}

void node_free_addresses(struct sl_node *node) {
    for (size_t i = 0; i < node->address_count; i++)
        free(node->addresses[i]);
    free(node->addresses);
    free(node->ports);
}
