/* A node is put together and taken apart. */
#include "node/internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/address.h"
#include "crypto/random.h"

static enum sl_status start_workers(struct sl_node *node, struct sl_error *error) {
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    node->workers = (size_t)node->settings->node.workers;
    if (node->workers == 0)
        node->workers = processors < 1 ? 1 : (size_t)processors;
    enum sl_status status = sl_pool_create(&node->pool, node->workers, error);
    if (status == SL_OK)
        status = sl_pool_create(&node->trainer, 1, error);
    return status;
}

static enum sl_status start_loop(struct sl_node *node, struct sl_error *error) {
    struct event_config *config = event_config_new();
    if (config != NULL) {
        (void)event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
        node->base = event_base_new_with_config(config);
        event_config_free(config);
    }
    node->stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (node->base == NULL || node->stop_fd < 0)
        return sl_error_set(error, SL_NO_MEMORY, "cannot start an event loop");
    return node_create_events(node, error);
}

static enum sl_status start_record(struct sl_node *node, struct sl_error *error) {
    const struct sl_record_options options = {.file = node->settings->record.file,
                                              .run = node->settings->flock.run,
                                              .node = node->settings->node.name,
                                              .boot = node->boot};
    return sl_record_create(&node->record, &options, error);
}

/* ---- addresses ---- */

static enum sl_status add_address(struct sl_node *node, const char *text, uint16_t port, struct sl_error *error) {
    struct sl_address address;
    char canonical[SL_ADDRESS_SIZE];
    enum sl_status status = sl_address_parse(&address, text, error);
    if (status != SL_OK)
        return status;
    if (address.port == 0)
        address.port = port;
    sl_address_format(canonical, &address);
    node->addresses[node->address_count] = strdup(canonical);
    if (node->addresses[node->address_count] == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "out of memory");
    node->address_count++;
    return SL_OK;
}

/* Binds every listener, then knows what to advertise: port 0 got a real one, the first listener's where several differ.
 */
static enum sl_status listen_everywhere(struct sl_node *node, uint16_t *ports, struct sl_error *error) {
    const struct sl_string_list *listen = &node->settings->transport.listen;
    for (size_t i = 0; i < listen->count; i++) {
        enum sl_status status = sl_transport_listen(node->transport, listen->items[i], &ports[i], error);
        if (status != SL_OK)
            return sl_error_wrap(error, status, "transport.listen[%zu]", i);
    }
    return SL_OK;
}

static enum sl_status advertise(struct sl_node *node, const uint16_t *ports, struct sl_error *error) {
    const struct sl_string_list *listen = &node->settings->transport.listen;
    const struct sl_string_list *wanted = &node->settings->transport.advertise;
    const struct sl_string_list *list = wanted->count > 0 ? wanted : listen;
    node->addresses = calloc(list->count + 1, sizeof *node->addresses);
    if (node->addresses == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < list->count; i++) {
        uint16_t port = listen->count == 0 ? 0 : ports[list == listen ? i : 0];
        enum sl_status status = add_address(node, list->items[i], port, error);
        if (status != SL_OK)
            return sl_error_wrap(error, status, "transport.advertise[%zu]", i);
    }
    return SL_OK;
}

static enum sl_status start_transport(struct sl_node *node, struct sl_error *error) {
    const struct sl_transport_options options = {.base = node->base,
                                                 .identity = node->identity,
                                                 .settings = node->settings,
                                                 .log = node->log,
                                                 .boot = node->boot,
                                                 .handlers = node_transport_handlers(node)};
    enum sl_status status = sl_transport_create(&node->transport, &options, error);
    if (status != SL_OK)
        return status;
    uint16_t *ports = calloc(node->settings->transport.listen.count + 1, sizeof *ports);
    if (ports == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "out of memory");
    status = listen_everywhere(node, ports, error);
    if (status == SL_OK)
        status = advertise(node, ports, error);
    if (status == SL_OK)
        status = sl_transport_advertise(node->transport, (const char *const *)node->addresses, node->address_count);
    free(ports);
    return status;
}

/* ---- create and destroy ---- */

static enum sl_status start_all(struct sl_node *node, struct sl_error *error) {
    enum sl_status status = sl_crypto_start(error);
    if (status == SL_OK)
        status = sl_random_nonce(&node->boot, error);
    if (status == SL_OK)
        status = sl_random_nonce(&node->lineage, error);
    if (status == SL_OK)
        status = sl_identity_load(&node->identity, node->settings, error);
    if (status == SL_OK)
        status = node_load_inputs(node, error);
    if (status == SL_OK)
        status = start_workers(node, error);
    if (status == SL_OK)
        status = start_loop(node, error);
    if (status == SL_OK)
        status = node_create_round(node, error);
    if (status == SL_OK)
        status = start_transport(node, error);
    if (status == SL_OK)
        status = node_create_membership(node, error);
    if (status == SL_OK)
        status = start_record(node, error);
    return status;
}

enum sl_status sl_node_create(struct sl_node **out, const struct sl_node_options *options, struct sl_error *error) {
    static const struct sl_log silent = {.sink = NULL};
    struct sl_node *node = calloc(1, sizeof *node);
    if (node == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "out of memory");
    node->options = *options;
    node->settings = options->settings;
    node->log = options->log != NULL ? options->log : &silent;
    node->stop_fd = -1;
    node->saved_round = UINT64_MAX;
    enum sl_status status = start_all(node, error);
    if (status != SL_OK) {
        sl_node_destroy(node);
        return status;
    }
    const char *warning = sl_identity_warning(node->identity);
    if (warning != NULL)
        sl_log_line(node->log, SL_LOG_WARNING, "identity", warning);
    for (size_t i = 0; i < node->address_count; i++)
        sl_log_line(node->log, SL_LOG_INFO, "node", "listening", SL_TEXT("address", node->addresses[i]));
    *out = node;
    return SL_OK;
}

static void free_events(struct sl_node *node) {
    struct event *const events[] = {node->stop_event,   node->status_event, node->round_timer,  node->membership_timer,
                                    node->finish_timer, node->pool_event,   node->trainer_event};
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
        if (events[i] != NULL)
            event_free(events[i]);
    if (node->base != NULL)
        event_base_free(node->base);
    if (node->stop_fd >= 0)
        (void)close(node->stop_fd);
}

static void free_models(struct sl_node *node) {
    while (node->late != NULL) {
        struct node_late *next = node->late->next;
        sl_block_unref(node->late->theirs);
        sl_block_unref(node->late->mine);
        free(node->late);
        node->late = next;
    }
    node_finish_publication(&node->update);
    node_finish_publication(&node->snapshot);
    sl_block_unref(node->model);
    sl_block_unref(node->spare);
    sl_learner_destroy(node->learner);
    sl_dataset_destroy(node->train);
    sl_dataset_destroy(node->test);
}

void sl_node_destroy(struct sl_node *node) {
    if (node == NULL)
        return;
    atomic_store(&node->cancel, true);
    sl_pool_destroy(node->trainer);
    sl_pool_destroy(node->pool);
    sl_transport_destroy(node->transport);
    node_finish_mix(&node->mix);
    node_free_peers(node);
    sl_record_destroy(node->record);
    sl_round_actions_finish(&node->round_actions);
    sl_round_destroy(node->round);
    sl_topology_finish(&node->topology);
    sl_membership_actions_finish(&node->membership_actions);
    sl_membership_destroy(node->membership);
    free(node->members);
    for (size_t i = 0; i < node->asker_count; i++)
        free(node->askers[i]);
    free(node->askers);
    for (size_t i = 0; i < node->address_count; i++)
        free(node->addresses[i]);
    free(node->addresses);
    free_models(node);
    free_events(node);
    sl_identity_destroy(node->identity);
    free(node);
}
