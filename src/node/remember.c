/* The peers that this node knows, in a file of its state folder: after a restart it finds the flock again through those
 * of them that are still there, whatever has become of the addresses that it was told to join. */
#include "node/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "json/json.h"

enum {
    PEERS_SAVED = 256, /* in the file */
    PEERS_JOINED = 8,  /* of them, from a random one on */
    FILE_MAX = 4 << 20
};
static char *path_of(const struct sl_node *node) {
    return sl_path_join(node->settings->node.state_folder, "peers.json");
}

/* ---- writing ---- */

static enum sl_status append_peer(struct sl_buffer *out, const struct sl_member_entry *entry, bool is_first) {
    enum sl_status status =
        sl_buffer_printf(out, "%s\n  {\"node\": \"%s\", \"addresses\": [", is_first ? "" : ",", entry->node);
    for (size_t i = 0; i < entry->address_count && status == SL_OK; i++) {
        if (i > 0)
            status = sl_buffer_append(out, ", ", 2);
        if (status == SL_OK)
            status = sl_json_append_string(out, entry->addresses[i]);
    }
    return status == SL_OK ? sl_buffer_append(out, "]}", 2) : status;
}

/* Those who are connected first. *count: how many there are. */
static enum sl_status describe(const struct sl_node *node, struct sl_buffer *out, size_t *count) {
    size_t members;
    const struct sl_member *list = sl_membership_members(node->membership, &members);
    enum sl_status status = sl_buffer_printf(out, "{\"peers\": [");
    *count = 0;
    for (unsigned pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < members && *count < PEERS_SAVED && status == SL_OK; i++) {
            const struct sl_member_entry *entry = &list[i].entry;
            bool is_self = strcmp(entry->node, node->settings->node.name) == 0;
            if (is_self || list[i].connected != (pass == 0) || entry->state != SL_MEMBER_ALIVE ||
                entry->address_count == 0)
                continue;
            status = append_peer(out, entry, *count == 0);
            ++*count;
        }
    }
    return status == SL_OK ? sl_buffer_append(out, "\n]}\n", 4) : status;
}

struct save_job {
    struct sl_job job;
    struct sl_node *node;
    char *path;
    struct sl_buffer text;
    enum sl_status status;
    struct sl_error error;
};

static void run_save(struct sl_job *job) {
    struct save_job *save = (struct save_job *)job;
    save->status = sl_folder_make(save->node->settings->node.state_folder, 0777, &save->error);
    if (save->status == SL_OK)
        save->status = sl_file_replace(save->path, save->text.data, save->text.length, 0666, &save->error);
}

static void free_save(struct save_job *save) {
    sl_buffer_finish(&save->text);
    free(save->path);
    free(save);
}

/* Said once: it is a help for the next start, and the run goes on without. */
static void handle_saved(struct sl_job *job) {
    struct save_job *save = (struct save_job *)job;
    struct sl_node *node = save->node;
    if (save->status != SL_OK && !node->peers_file.failed)
        sl_log_line(node->log, SL_LOG_WARNING, "membership", "peers are not remembered",
                    SL_TEXT("reason", save->error.text));
    node->peers_file.failed = save->status != SL_OK;
    node->peers_file.saving = false;
    free_save(save);
    node_job_done(node);
}

/* Nobody is left: who was there last is still the best guess. */
void node_save_peers(struct sl_node *node) {
    size_t count = 0;
    if (!node->peers_file.changed || node->peers_file.saving || node->leaving || node->finishing)
        return;
    node->peers_file.changed = false;
    struct save_job *save = calloc(1, sizeof *save);
    if (save == NULL)
        return; /* with the next change */
    save->path = path_of(node);
    if (save->path == NULL || describe(node, &save->text, &count) != SL_OK || count == 0) {
        free_save(save);
        return;
    }
    save->job = (struct sl_job){.run = run_save, .done = handle_saved};
    save->node = node;
    node->peers_file.saving = true;
    node_submit(node, node->pool, &save->job);
}

/* ---- reading ---- */

static enum sl_status take_address(struct node_remembered *out, const char *text) {
    struct sl_address parsed;
    if (out->count == NODE_REMEMBERED_MAX)
        return SL_OK;
    if (text == NULL || sl_address_parse(&parsed, text, NULL) != SL_OK || parsed.port == 0)
        return SL_FORMAT;
    out->addresses[out->count] = strdup(text);
    if (out->addresses[out->count] == NULL)
        return SL_NO_MEMORY;
    out->count++;
    return SL_OK;
}

/* Whoever a rule says is at one address is dialled nowhere else, whatever it advertised: through a proxy, perhaps.
 * NULL: there is no such rule. */
static const char *address_by_rule(const struct sl_node *node, const cJSON *peer) {
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(peer, "node"));
    for (size_t i = 0; name != NULL && name[0] != '\0' && i < node->settings->transport.peers.count; i++) {
        const struct sl_peer_setting *rule = &node->settings->transport.peers.items[i];
        if (strcmp(rule->node, name) == 0)
            return rule->connect_to;
    }
    return NULL;
}

static enum sl_status take_addresses(struct node_remembered *out, const struct sl_node *node, const cJSON *peer) {
    const char *by_rule = address_by_rule(node, peer);
    const cJSON *address = NULL;
    if (by_rule != NULL)
        return take_address(out, by_rule);
    cJSON_ArrayForEach(address, cJSON_GetObjectItemCaseSensitive(peer, "addresses")) {
        enum sl_status status = take_address(out, cJSON_GetStringValue(address));
        if (status != SL_OK)
            return status;
    }
    return SL_OK;
}

static enum sl_status read_peers(struct node_remembered *out, const struct sl_node *node, const char *path,
                                 struct sl_error *error) {
    struct sl_buffer text = {0};
    cJSON *root = NULL;
    enum sl_status status = sl_file_read(&text, path, FILE_MAX, error);
    if (status == SL_OK)
        status = sl_json_parse(&root, (const char *)text.data, text.length, error);
    const cJSON *peers = cJSON_GetObjectItemCaseSensitive(root, "peers");
    int count = status == SL_OK ? cJSON_GetArraySize(peers) : 0;
    for (int i = 0; i < count && i < PEERS_JOINED && status == SL_OK; i++) {
        int place = (int)((node->boot % (uint64_t)count + (uint64_t)i) % (uint64_t)count);
        status = take_addresses(out, node, cJSON_GetArrayItem(peers, place));
        if (status != SL_OK)
            sl_error_set(error, status, "%s: not a list of peers", path);
    }
    cJSON_Delete(root);
    sl_buffer_finish(&text);
    return status;
}

void node_load_peers(struct sl_node *node, struct node_remembered *out) {
    struct sl_error error = {.status = SL_OK, .text = ""};
    char *path = path_of(node);
    *out = (struct node_remembered){.count = 0};
    enum sl_status status = path != NULL ? read_peers(out, node, path, &error) : SL_NO_MEMORY;
    if (status != SL_OK && status != SL_NOT_FOUND)
        sl_log_line(node->log, SL_LOG_WARNING, "membership", "remembered peers are left out",
                    SL_TEXT("reason", error.text));
    free(path);
}

void node_finish_remembered(struct node_remembered *remembered) {
    for (size_t i = 0; i < remembered->count; i++)
        free(remembered->addresses[i]);
    remembered->count = 0;
}
