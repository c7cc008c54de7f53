/* A node is put together and taken apart. */
#include "node/internal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "crypto/random.h"
#include "node/confine.h"
#include "node/outputs.h"

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
    enum sl_status status = node_create_events(node, error);
    return status == SL_OK ? node_trust_create_events(node, error) : status;
}

static enum sl_status start_record(struct sl_node *node, struct sl_error *error) {
    const struct sl_record_options options = {.file = node->settings->record.file,
                                              .run = node->settings->flock.run,
                                              .node = node->settings->node.name,
                                              .boot = node->boot};
    return sl_record_create(&node->record, &options, error);
}

static enum sl_status start_transport(struct sl_node *node, struct sl_error *error) {
    const struct sl_transport_options options = {.base = node->base,
                                                 .identity = node->identity,
                                                 .settings = node->settings,
                                                 .log = node->log,
                                                 .boot = node->boot,
                                                 .handlers = node_transport_handlers(node)};
    enum sl_status status = sl_transport_create(&node->transport, &options, error);
    return status == SL_OK ? node_listen(node, error) : status;
}

/* ---- create and destroy ---- */

static enum sl_status start_all(struct sl_node *node, struct sl_error *error) {
    node_trust_init(node);
    enum sl_status status = sl_crypto_start(error);
    if (status == SL_OK)
        status = sl_random_nonce(&node->boot, error);
    if (status == SL_OK)
        status = sl_identity_load(&node->identity, node->settings, node->options.prompt, error);
    if (status == SL_OK)
        status = node_load_inputs(node, error);
    if (status == SL_OK)
        status = start_workers(node, error);
    if (status == SL_OK)
        status = start_loop(node, error);
    if (status == SL_OK)
        status = node_prepare_rounds(node, error);
    if (status == SL_OK)
        status = start_transport(node, error);
    if (status == SL_OK)
        status = node_outputs_make(&node->outputs, node->settings, error);
    if (status == SL_OK)
        status = start_record(node, error);
    if (status == SL_OK)
        node_ledger_open(node);
    if (status == SL_OK)
        status = node_start_rounds(node, error);
    if (status == SL_OK)
        status = node_create_membership(node, error);
    if (status == SL_OK)
        node_load_proofs(node);
    return status;
}

static void abandon(struct sl_node *node, const struct sl_confinement *confinement) {
    struct node_outputs outputs = node->outputs;
    node->outputs = (struct node_outputs){.count = 0};
    sl_node_destroy(node);
    node_outputs_remove(&outputs);
    node_outputs_finish(&outputs);
    node_outputs_settle(confinement, false);
}

enum sl_status sl_node_create(struct sl_node **out, const struct sl_node_options *options, struct sl_error *error) {
    static const struct sl_log silent = {.sink = NULL};
    struct sl_node *node = calloc(1, sizeof *node);
    if (node == NULL) {
        node_outputs_settle(options->confinement, false);
        return sl_error_set(error, SL_NO_MEMORY, "out of memory");
    }
    node->options = *options;
    node->settings = options->settings;
    node->log = options->log != NULL ? options->log : &silent;
    node->stop_fd = -1;
    node->memory_fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    node->trust.reload_fd = -1;
    node->trust.watch_fd = -1;
    node->saved_round = UINT64_MAX;
    enum sl_status status = start_all(node, error);
    if (status != SL_OK) {
        abandon(node, options->confinement);
        return status;
    }
    node_outputs_finish(&node->outputs);
    node_outputs_settle(options->confinement, true);
    node->options.prompt = NULL;
    node->options.confinement = NULL;
    if (options->confinement != NULL)
        confine_log(options->confinement, node->log);
    node_trust_start(node);
    node_say_addresses(node);
    *out = node;
    return SL_OK;
}

static void free_events(struct sl_node *node) {
    node_trust_finish(node);
    struct event *const events[] = {node->stop_event,   node->status_event, node->round_timer,   node->membership_timer,
                                    node->finish_timer, node->pool_event,   node->trainer_event, node->joining.timer};
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
        if (events[i] != NULL)
            event_free(events[i]);
    if (node->base != NULL)
        event_base_free(node->base);
    if (node->stop_fd >= 0)
        (void)close(node->stop_fd);
    if (node->memory_fd >= 0)
        (void)close(node->memory_fd);
}

static void free_models(struct sl_node *node) {
    node_free_late(node->late);
    node_finish_publication(&node->update);
    node_finish_publication(&node->snapshot);
    sl_block_unref(node->model);
    sl_block_unref(node->spare);
    node_keeper_finish(&node->keeper);
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
    sl_graph_cache_destroy(node->graphs);
    sl_topology_finish(&node->topology);
    node_witness_finish(&node->witness);
    sl_membership_actions_finish(&node->membership_actions);
    sl_membership_destroy(node->membership);
    free(node->members);
    for (size_t i = 0; i < node->asker_count; i++)
        free(node->askers[i]);
    free(node->askers);
    node_free_addresses(node);
    free_models(node);
    free_events(node);
    sl_identity_unref(node->identity);
    free(node);
}
