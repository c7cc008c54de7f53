/* Models on disk: model.folder/round-000020.safetensors, the model after that round with the optimiser's state beside
 * it, so that one file is all that --resume needs. Written on a worker; the former ones beyond model.keep are removed.
 */
#include "node/internal.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "model/safetensors.h"

struct save_job {
    struct sl_job job;
    struct sl_node *node;
    struct sl_block *block; /* a reference */
    uint64_t round;
    char *path;
    struct sl_metadata metadata;
    enum sl_status status;
    struct sl_error error;
};

/* The round in a model's file name; false for any other file. */
static bool parse_name(const char *name, uint64_t *round) {
    int end = 0;
    return sscanf(name, "round-%" SCNu64 ".safetensors%n", round, &end) == 1 && end > 0 && name[end] == '\0';
}

static char *model_path(const struct sl_node *node, uint64_t round) {
    char name[64];
    (void)snprintf(name, sizeof name, "round-%06" PRIu64 ".safetensors", round);
    return sl_path_join(node->settings->model.folder, name);
}

static enum sl_status describe(struct sl_metadata *metadata, const struct sl_node *node) {
    enum sl_status status = sl_metadata_set(metadata, "format", "starling 1");
    if (status == SL_OK)
        status = sl_metadata_set(metadata, "flock", "%s", node->settings->flock.name);
    if (status == SL_OK)
        status = sl_metadata_set(metadata, "run", "%s", node->settings->flock.run);
    if (status == SL_OK)
        status = sl_metadata_set(metadata, "node", "%s", node->settings->node.name);
    if (status == SL_OK)
        status = sl_metadata_set(metadata, "epoch", "%" PRIu64, node->settings->flock.epoch);
    if (status == SL_OK)
        status = sl_metadata_set(metadata, "round", "%" PRIu64, node->model_round);
    if (status == SL_OK)
        status = sl_metadata_set(metadata, "mixed", "%s", node->model_is_mixed ? "yes" : "no");
    return status;
}

/* Removes models older than the `keep` newest up to `newest`. What cannot be removed is left: it costs only space. */
static void prune(const struct sl_node *node, uint64_t newest) {
    uint64_t keep = node->settings->model.keep;
    uint64_t every = node->settings->model.save_every;
    DIR *folder = keep > 0 ? opendir(node->settings->model.folder) : NULL;
    if (folder == NULL)
        return;
    uint64_t span = keep * (every > 0 ? every : 1);
    const struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        uint64_t round;
        if (parse_name(entry->d_name, &round) && round < newest && newest - round >= span)
            (void)unlinkat(dirfd(folder), entry->d_name, 0);
    }
    (void)closedir(folder);
}

static void run_save(struct sl_job *submitted) {
    struct save_job *job = (struct save_job *)submitted;
    struct sl_node *node = job->node;
    struct sl_tensor_group groups[1 + SL_LEARNER_STATE_GROUPS] = {
        {.prefix = "", .layout = &node->learner->layout, .values = (float *)(void *)job->block->data}};
    size_t state = 0;
    job->status = node->learner->interface->state(node->learner, groups + 1, SL_LEARNER_STATE_GROUPS, &state);
    if (job->status == SL_OK)
        job->status = sl_safetensors_save(job->path, groups, 1 + state, &job->metadata, &job->error);
    if (job->status == SL_OK)
        prune(node, job->round);
}

static void handle_saved(struct sl_job *submitted) {
    struct save_job *job = (struct save_job *)submitted;
    struct sl_node *node = job->node;
    if (job->status == SL_OK) {
        sl_record_event(node->record, "saved", SL_UNSIGNED("round", job->round), SL_TEXT("file", job->path));
    } else {
        /* Training is worth more than a file: the former one is untouched, and the next round tries again. */
        sl_error_wrap(&job->error, job->status, "model not saved");
        sl_log_line(node->log, SL_LOG_ERROR, "model", job->error.text, SL_UNSIGNED("round", job->round));
        sl_record_event(node->record, "warning", SL_TEXT("text", job->error.text));
        node->saved_round = UINT64_MAX;
    }
    node->unsaved = job->status;
    sl_block_unref(job->block);
    free(job->path);
    free(job);
    node_job_done(node);
}

void node_save(struct sl_node *node) {
    if (node->settings->model.folder[0] == '\0' || node->saved_round == node->model_round)
        return;
    struct save_job *job = calloc(1, sizeof *job);
    char *path = model_path(node, node->model_round);
    if (job == NULL || path == NULL || describe(&job->metadata, node) != SL_OK) {
        sl_log_line(node->log, SL_LOG_ERROR, "model", "out of memory: model not saved");
        node->unsaved = SL_NO_MEMORY;
        free(job);
        free(path);
        return;
    }
    job->job = (struct sl_job){.run = run_save, .done = handle_saved};
    job->node = node;
    job->block = sl_block_ref(node->model);
    job->round = node->model_round;
    job->path = path;
    node->saved_round = node->model_round;
    /* The optimiser's state is the trainer's: only between its jobs does it hold still. */
    node_submit(node, node->trainer, &job->job);
}

/* ---- resume ---- */

static enum sl_status find_last(const struct sl_node *node, uint64_t *last, struct sl_error *error) {
    const char *path = node->settings->model.folder;
    DIR *folder = opendir(path);
    if (folder == NULL)
        return sl_error_set(error, SL_NOT_FOUND, "--resume: cannot read model.folder %s: %s", path, strerror(errno));
    bool found = false;
    const struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        uint64_t round;
        if (parse_name(entry->d_name, &round) && (!found || round > *last)) {
            *last = round;
            found = true;
        }
    }
    (void)closedir(folder);
    if (!found)
        return sl_error_set(error, SL_NOT_FOUND, "--resume: no model (round-*.safetensors) in %s", path);
    return SL_OK;
}

static enum sl_status check_metadata(const struct sl_node *node, const struct sl_metadata *metadata, const char *path,
                                     uint64_t round, struct sl_error *error) {
    const char *flock = sl_metadata_get(metadata, "flock");
    const char *told = sl_metadata_get(metadata, "round");
    if (flock == NULL || strcmp(flock, node->settings->flock.name) != 0)
        return sl_error_set(error, SL_MISMATCH, "--resume: %s is a model of flock \"%s\", not \"%s\"", path,
                            flock != NULL ? flock : "", node->settings->flock.name);
    if (told == NULL || strtoull(told, NULL, 10) != round)
        return sl_error_set(error, SL_MISMATCH, "--resume: %s says that it is of round %s", path,
                            told != NULL ? told : "(none)");
    return SL_OK;
}

enum sl_status node_load_last_model(struct sl_node *node, struct sl_error *error) {
    uint64_t round = 0;
    enum sl_status status = find_last(node, &round, error);
    if (status != SL_OK)
        return status;
    char *path = model_path(node, round);
    if (path == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "out of memory");
    struct sl_metadata metadata = {.count = 0};
    struct sl_tensor_group groups[1 + SL_LEARNER_STATE_GROUPS] = {
        {.prefix = "", .layout = &node->learner->layout, .values = (float *)(void *)node->model->data}};
    size_t state = 0;
    status = node->learner->interface->state(node->learner, groups + 1, SL_LEARNER_STATE_GROUPS, &state);
    if (status == SL_OK)
        status = sl_safetensors_load(path, groups, 1 + state, &metadata, error);
    if (status != SL_OK)
        sl_error_wrap(error, status, "--resume");
    else
        status = check_metadata(node, &metadata, path, round, error);
    const char *mixed = sl_metadata_get(&metadata, "mixed");
    node->model_is_mixed = mixed == NULL || strcmp(mixed, "no") != 0; /* else it was saved in the midst of a round */
    free(path);
    node->model_round = round;
    node->saved_round = round;
    return status;
}
