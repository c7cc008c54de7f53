/* The files of membership.proof_folder: a proof each. */
#include "node/internal.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "exchange/proof.h"

static const char suffix[] = ".proof";

/* ---- saving ---- */

static char *path_of(const struct sl_node *node, const struct node_conviction *conviction) {
    char name[SL_NAME_SIZE + 2 * 21 + sizeof suffix];
    (void)snprintf(name, sizeof name, "%s-%" PRIu64 "-%" PRIu64 "%s", conviction->node, conviction->epoch,
                   conviction->round, suffix);
    return sl_path_join(node->settings->membership.proof_folder, name);
}

struct save_job {
    struct sl_job job;
    struct sl_node *node;
    char *path;
    struct sl_buffer proof;
    enum sl_status status;
    struct sl_error error;
};

static void run_save(struct sl_job *job) {
    struct save_job *save = (struct save_job *)job;
    save->status = sl_folder_make(save->node->settings->membership.proof_folder, 0777, &save->error);
    if (save->status == SL_OK)
        save->status = sl_file_replace(save->path, save->proof.data, save->proof.length, 0666, &save->error);
}

static void free_save(struct save_job *save) {
    sl_buffer_finish(&save->proof);
    free(save->path);
    free(save);
}

static void handle_saved(struct sl_job *job) {
    struct save_job *save = (struct save_job *)job;
    struct sl_node *node = save->node;
    if (save->status == SL_OK) {
        sl_log_line(node->log, SL_LOG_INFO, "witness", "proof saved", SL_TEXT("file", save->path));
    } else {
        sl_log_line(node->log, SL_LOG_WARNING, "witness", save->error.text);
        sl_record_event(node->record, "warning", SL_TEXT("text", save->error.text));
    }
    free_save(save);
    node_job_done(node);
}

void node_save_proof(struct sl_node *node, const struct node_conviction *conviction) {
    struct save_job *save = calloc(1, sizeof *save);
    if (save != NULL)
        save->path = path_of(node, conviction);
    if (save == NULL || save->path == NULL ||
        sl_buffer_append(&save->proof, conviction->proof.data, conviction->proof.length) != SL_OK) {
        sl_log_line(node->log, SL_LOG_ERROR, "witness", "out of memory: a proof is not saved");
        if (save != NULL)
            free_save(save);
        return;
    }
    save->job = (struct sl_job){.run = run_save, .done = handle_saved};
    save->node = node;
    node_submit(node, node->pool, &save->job);
}

/* ---- at the start ---- */

static enum sl_status load_proof(struct sl_node *node, const char *path, struct sl_error *error) {
    struct sl_buffer bytes = {0};
    struct sl_proof proof;
    struct sl_manifest manifest;
    enum sl_status status = sl_file_read(&bytes, path, SL_PROOF_MAX, error);
    if (status == SL_OK)
        status = sl_proof_decode(&proof, bytes.data, bytes.length, error);
    sl_buffer_finish(&bytes);
    if (status != SL_OK)
        return status;
    status = node_check_proof(node, &proof, &manifest, error);
    if (status == SL_OK) {
        (void)node_remember_proof(node, &proof, &manifest);
        sl_manifest_finish(&manifest);
    }
    sl_proof_finish(&proof);
    return status;
}

void node_load_proofs(struct sl_node *node) {
    const char *folder = node->settings->membership.proof_folder;
    DIR *entries = opendir(folder);
    if (entries == NULL) {
        if (errno != ENOENT)
            sl_log_line(node->log, SL_LOG_WARNING, "witness", "cannot read membership.proof_folder",
                        SL_TEXT("folder", folder), SL_TEXT("reason", strerror(errno)));
        return;
    }
    const struct dirent *entry;
    while ((entry = readdir(entries)) != NULL && node->witness.conviction_count < NODE_CONVICTIONS_MAX) {
        size_t length = strlen(entry->d_name);
        if (length < sizeof suffix || strcmp(entry->d_name + length - (sizeof suffix - 1), suffix) != 0)
            continue;
        struct sl_error error = {.status = SL_OK, .text = "out of memory"};
        char *path = sl_path_join(folder, entry->d_name);
        if (path == NULL || load_proof(node, path, &error) != SL_OK)
            sl_log_line(node->log, SL_LOG_WARNING, "witness", "proof left out", SL_TEXT("file", entry->d_name),
                        SL_TEXT("reason", error.text));
        free(path);
    }
    (void)closedir(entries);
}
