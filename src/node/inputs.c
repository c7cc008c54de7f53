/* What a node learns from and with: the data's own part, the learner, the first or the resumed model. */
#include "node/internal.h"

#include <stdlib.h>
#include <string.h>

#include "data/partition.h"

uint64_t node_name_tag(const char *name) {
    struct sl_digest digest;
    sl_digest_of(&digest, name, strlen(name));
    return sl_get_u64(digest.bytes);
}

uint64_t node_overlay_seed(const struct sl_node *node) {
    static const char context[] = "starling overlay 1"; /* its NUL counts */
    uint8_t numbers[16];
    sl_put_u64(numbers, node->settings->flock.epoch);
    sl_put_u64(numbers + 8, node->settings->flock.seed);
    const char *run = node->settings->flock.run;
    const struct sl_bytes parts[] = {
        {(const uint8_t *)context, sizeof context}, {(const uint8_t *)run, strlen(run) + 1}, {numbers, sizeof numbers}};
    struct sl_digest digest;
    sl_digest_of_parts(&digest, parts, 3);
    return sl_get_u64(digest.bytes);
}

static enum sl_data_format data_format(const struct sl_settings *settings) {
    switch (settings->data.format) {
    case SL_SETTING_DATA_NONE:
        break;
    case SL_SETTING_DATA_IDX:
        return SL_DATA_IDX;
    case SL_SETTING_DATA_CIFAR10:
        return SL_DATA_CIFAR10;
    }
    return SL_DATA_NONE;
}

static enum sl_status load_data(struct sl_node *node, struct sl_error *error) {
    const struct sl_settings *settings = node->settings;
    enum sl_data_format format = data_format(settings);
    if (format == SL_DATA_NONE)
        return sl_error_set(error, SL_SETTINGS,
                            "data.format: the trainer needs data; name some, or set learner.trainer to \"idle\"");
    enum sl_status status = sl_dataset_load(&node->train, format, (const char *const *)settings->data.train.items,
                                            settings->data.train.count, error);
    if (status == SL_OK && settings->data.test.count > 0)
        status = sl_dataset_load(&node->test, format, (const char *const *)settings->data.test.items,
                                 settings->data.test.count, error);
    return status;
}

static enum sl_status select_part(struct sl_node *node, uint32_t **selection, size_t *count, struct sl_error *error) {
    const struct sl_settings *settings = node->settings;
    struct sl_partition partition;
    enum sl_status status = sl_partition_parse(&partition, settings->data.partition, error);
    if (status != SL_OK)
        return sl_error_wrap(error, status, "data.partition");
    status = sl_partition_select(selection, count, &partition, node->train, (uint32_t)settings->data.part,
                                 (uint32_t)settings->data.parts, settings->data.seed, error);
    sl_partition_finish(&partition);
    return status;
}

static enum sl_status create_builtin(struct sl_node *node, struct sl_error *error) {
    const struct sl_settings *settings = node->settings;
    uint32_t *selection = NULL;
    size_t count = 0;
    enum sl_status status = load_data(node, error);
    if (status == SL_OK)
        status = select_part(node, &selection, &count, error);
    const struct sl_learner_options options = {
        .network = settings->learner.trainer == SL_TRAINER_MLP ? SL_NETWORK_MLP : SL_NETWORK_LENET5,
        .optimizer = settings->learner.adam ? SL_OPTIMIZER_ADAM : SL_OPTIMIZER_SGD,
        .rate = settings->learner.rate,
        .momentum = settings->learner.momentum,
        .beta1 = settings->learner.beta1,
        .beta2 = settings->learner.beta2,
        .delta = settings->learner.delta,
        .epochs = settings->learner.epochs,
        .steps = (uint32_t)settings->learner.steps,
        .batch = (uint32_t)settings->learner.batch,
        .lanes = (uint32_t)settings->learner.lanes,
        .threads = (uint32_t)settings->learner.threads,
        .seed = node_name_tag(settings->node.name) ^ settings->flock.seed};
    if (status == SL_OK)
        status = sl_learner_create_builtin(&node->learner, &options, node->train, selection, count, node->test, error);
    free(selection);
    return status;
}

enum sl_status node_create_learner(struct sl_node *node, struct sl_error *error) {
    const struct sl_settings *settings = node->settings;
    if (settings->learner.trainer != SL_TRAINER_IDLE)
        return create_builtin(node, error);
    return sl_learner_create_idle(&node->learner, settings->learner.idle_bytes / sizeof(float), 1, error);
}

static enum sl_status load_model(struct sl_node *node, struct sl_error *error) {
    node->model_round = 0;
    node->model_is_mixed = true;
    if (node->options.resume)
        return node_load_last_model(node, error);
    sl_learner_initialize(node->learner, (float *)(void *)node->model->data, node->settings->flock.seed);
    return SL_OK;
}

static enum sl_status clear_part(void *context, void *values, size_t bytes, uint64_t offset, struct sl_error *error) {
    (void)context;
    (void)offset;
    (void)error;
    memset(values, 0, bytes);
    return SL_OK;
}

enum sl_status node_reload_model(struct sl_node *node, struct sl_error *error) {
    struct sl_block *block = sl_block_create(node->model->length);
    if (block == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "out of memory for a model");
    node_replace_model(node, block);
    enum sl_status status = sl_learner_state_move(node->learner, clear_part, NULL, error);
    return status == SL_OK ? load_model(node, error) : status;
}

enum sl_status node_load_inputs(struct sl_node *node, struct sl_error *error) {
    enum sl_status status = node_create_learner(node, error);
    if (status != SL_OK)
        return status;
    const uint64_t bytes = (uint64_t)node->learner->layout.elements * sizeof(float);
    status = sl_chunks_choose(&node->chunks, bytes, error);
    if (status == SL_OK)
        status = sl_chunks_choose(&node->update_chunks,
                                  sl_payload_length(node_encoding(node), node->learner->layout.elements), error);
    if (status != SL_OK)
        return status;
    node->model = sl_block_create((size_t)bytes);
    if (node->model == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "out of memory for a model of %llu bytes", (unsigned long long)bytes);
    return load_model(node, error);
}
