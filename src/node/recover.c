/* A start: the journal of the state folder is opened, and what an earlier process left there is taken up, or the node
 * begins anew. Whatever is not as the record says makes it begin anew; only what the disk refuses is an error. Nobody
 * is told anything before it is done, and the record is left as it is until the next one: a start that is killed here
 * may be tried again. */
#include "node/internal.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/random.h"

/* ---- which journal ---- */

static enum sl_journal_mode journal_mode(const struct sl_settings *settings) {
    if (settings->mix.stream)
        return SL_JOURNAL_NONE; /* parts of payloads are folded as they come: nothing to promise with */
    switch (settings->node.journal) {
    case SL_SETTING_JOURNAL_NONE:
        break;
    case SL_SETTING_JOURNAL_PROCESS:
        return SL_JOURNAL_PROCESS;
    case SL_SETTING_JOURNAL_POWER:
        return SL_JOURNAL_POWER;
    }
    return SL_JOURNAL_NONE;
}

/* All that a state makes sense in only. */
static enum sl_status find_scope(const struct sl_node *node, struct sl_digest *out) {
    const struct sl_settings *settings = node->settings;
    const struct sl_layout *layout = &node->learner->layout;
    struct sl_buffer text = {0};
    enum sl_status status = sl_buffer_printf(
        &text, "starling journal 1\n%s\n%s\n%s\n%llu %llu\n%llu %u %d\n", settings->flock.name, settings->flock.run,
        settings->node.name, (unsigned long long)settings->flock.epoch, (unsigned long long)settings->flock.seed,
        (unsigned long long)sl_learner_state_bytes(node->learner), node->chunks.chunk_bytes, (int)node_encoding(node));
    for (size_t i = 0; i < layout->count && status == SL_OK; i++) {
        const struct sl_tensor *tensor = &layout->tensors[i];
        status = sl_buffer_printf(&text, "%s", tensor->name);
        for (uint32_t k = 0; k < tensor->rank && status == SL_OK; k++)
            status = sl_buffer_printf(&text, " %llu", (unsigned long long)tensor->dims[k]);
        if (status == SL_OK)
            status = sl_buffer_append(&text, "\n", 1);
    }
    if (status == SL_OK)
        sl_digest_of(out, text.data, text.length);
    sl_buffer_finish(&text);
    return status;
}

static enum sl_status open_journal(struct sl_node *node, struct sl_journal_found *found, struct sl_error *error) {
    char boot[SL_JOURNAL_BOOT_SIZE] = "";
    struct sl_journal_options options = {
        .folder = node->settings->node.state_folder, .mode = journal_mode(node->settings), .boot = boot};
    if (find_scope(node, &options.scope) != SL_OK)
        return sl_error_set(error, SL_NO_MEMORY, "out of memory");
    struct sl_error unknown = {.status = SL_OK, .text = ""};
    if (options.mode == SL_JOURNAL_PROCESS && sl_journal_boot(boot, &unknown) != SL_OK) {
        sl_log_line(node->log, SL_LOG_WARNING, "journal", "no journal is kept", SL_TEXT("reason", unknown.text));
        options.mode = SL_JOURNAL_NONE;
    }
    enum sl_status status = sl_journal_open(&node->keeper.journal, found, &options, error);
    if (status != SL_OK)
        return sl_error_wrap(error, status, "node.state_folder");
    node->keeper.on = options.mode != SL_JOURNAL_NONE;
    node->lineage = found->lineage;
    return SL_OK;
}

/* ---- what is in the slots ---- */

/* NULL: it cannot be read. */
static struct sl_block *read_slot(struct sl_slot *slot) {
    struct sl_error error = {.status = SL_OK, .text = ""};
    struct sl_block *block = sl_block_create((size_t)sl_slot_length(slot));
    if (block != NULL && sl_slot_read(slot, block->data, block->length, 0, &error) != SL_OK) {
        sl_block_unref(block);
        block = NULL;
    }
    return block;
}

static bool is_update(const struct sl_node *node, const struct node_kept *kept, const struct sl_digest *digests) {
    struct sl_manifest manifest;
    struct sl_error error = {.status = SL_OK, .text = ""};
    if (sl_manifest_decode(&manifest, kept->manifest.data, kept->manifest.length, &error) != SL_OK)
        return false;
    bool good = sl_manifest_check(&manifest, node->settings->flock.name, node->settings->flock.run, kept->origin,
                                  &node->learner->layout, node_encoding(node), &error) == SL_OK &&
                manifest.kind == SL_PAYLOAD_UPDATE && manifest.round == kept->round &&
                manifest.chunk_count == node->update_chunks.count &&
                memcmp(manifest.chunk_digests, digests, manifest.chunk_count * sizeof *digests) == 0;
    sl_manifest_finish(&manifest);
    return good;
}

static bool load_whole_model(struct sl_node *node, struct node_kept *kept) {
    const struct sl_chunks *chunks = kept->kind == SL_KEPT_UPDATE ? &node->update_chunks : &node->chunks;
    struct sl_digest all, *digests = calloc(chunks->count, sizeof *digests);
    kept->block = digests != NULL ? node_load_slot(node, kept->slot, chunks, digests) : NULL;
    bool good = kept->block != NULL;
    if (good) {
        node_kept_digest(&all, digests, chunks->count);
        good = sl_digest_equal(&all, sl_slot_digest(kept->slot)) &&
               (kept->kind != SL_KEPT_UPDATE || is_update(node, kept, digests));
    }
    free(digests);
    return good;
}

struct reading {
    const struct sl_block *block;
    struct sl_digest digest;
};

static enum sl_status check_part(void *context, void *values, size_t bytes, uint64_t offset, struct sl_error *error) {
    struct reading *reading = context;
    (void)values;
    (void)error;
    node_chain_digest(&reading->digest, reading->block->data + offset, bytes);
    return SL_OK;
}

static enum sl_status take_part(void *context, void *values, size_t bytes, uint64_t offset, struct sl_error *error) {
    const struct reading *reading = context;
    (void)error;
    memcpy(values, reading->block->data + offset, bytes);
    return SL_OK;
}

static bool load_whole_state(const struct sl_node *node, struct node_kept *kept) {
    kept->block = read_slot(kept->slot);
    struct reading reading = {.block = kept->block};
    return kept->block != NULL && kept->block->length == sl_learner_state_bytes(node->learner) &&
           sl_learner_state_move(node->learner, check_part, &reading, NULL) == SL_OK &&
           sl_digest_equal(&reading.digest, sl_slot_digest(kept->slot));
}

static void take_kept(struct sl_node *node, const struct sl_kept *said, struct sl_slot *slot) {
    struct node_kept *kept = node_kept_adopt(node, said, slot);
    bool good =
        kept != NULL && (kept->kind == SL_KEPT_STATE ? load_whole_state(node, kept) : load_whole_model(node, kept));
    if (good) {
        node_kept_list(kept);
        kept->is_named = true;
    } else {
        sl_log_line(node->log, SL_LOG_WARNING, "journal", "a file is damaged: it is left out",
                    SL_TEXT("origin", said->origin), SL_UNSIGNED("round", said->round));
    }
    node_kept_unref(kept);
}

/* ---- going on ---- */

static struct node_kept *find(const struct sl_node *node, enum sl_kept_kind kind, uint64_t round) {
    struct node_kept *kept = node->keeper.kept;
    while (kept != NULL &&
           (kept->kind != kind || kept->round != round || strcmp(kept->origin, node->settings->node.name) != 0))
        kept = kept->next;
    return kept;
}

static struct node_kept *find_kind(const struct sl_node *node, enum sl_kept_kind kind) {
    struct node_kept *kept = node->keeper.kept;
    while (kept != NULL && kept->kind != kind)
        kept = kept->next;
    return kept;
}

static enum sl_status create_machine(struct sl_node *node, struct sl_bytes state, struct sl_error *error) {
    struct node_restored restored = {.state = state, .model_round = UINT64_MAX};
    const struct node_kept *model = find_kind(node, SL_KEPT_MODEL);
    size_t count = 0;
    for (const struct node_kept *kept = node->keeper.kept; kept != NULL; kept = kept->next)
        count++;
    uint8_t(*held)[SL_WIRE_DIGEST_SIZE] = calloc(count + 1, sizeof *held);
    if (held == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "out of memory for the journal");
    for (const struct node_kept *kept = node->keeper.kept; kept != NULL; kept = kept->next)
        if (kept->kind == SL_KEPT_UPDATE)
            memcpy(held[restored.held_count++], kept->digest.bytes, sizeof *held);
    restored.held = (const uint8_t(*)[SL_WIRE_DIGEST_SIZE])held;
    if (model != NULL)
        restored.model_round = model->round;
    enum sl_status status = node_create_round(node, &restored, error);
    free(held);
    return status;
}

/* The model is that of the last round, or, where that was exchanged, the update of this one. */
static bool load_model(struct sl_node *node, bool exchanging) {
    enum sl_kept_kind own = node_encoding(node) == SL_ENCODING_F32 ? SL_KEPT_UPDATE : SL_KEPT_TRAINED;
    uint64_t current = sl_round_current(node->round);
    struct node_kept *kept = exchanging ? find(node, own, current) : find_kind(node, SL_KEPT_MODEL);
    struct node_kept *state = find_kind(node, SL_KEPT_STATE);
    if (kept == NULL || (state == NULL && sl_learner_state_bytes(node->learner) > 0))
        return false;
    node_replace_model(node, sl_block_ref(kept->block));
    node->model_round = exchanging ? sl_round_done(node->round) : kept->round;
    node->model_is_mixed = !exchanging;
    if (!exchanging)
        node->keeper.model = node_kept_ref(kept);
    else if (own == SL_KEPT_TRAINED)
        node->keeper.trained = node_kept_ref(kept);
    node->keeper.state = node_kept_ref(state);
    struct reading reading = {.block = state != NULL ? state->block : NULL};
    return state == NULL || sl_learner_state_move(node->learner, take_part, &reading, NULL) == SL_OK;
}

static bool load_update(struct sl_node *node) {
    struct node_kept *kept = find(node, SL_KEPT_UPDATE, sl_round_current(node->round));
    struct sl_error error = {.status = SL_OK, .text = ""};
    if (kept == NULL)
        return false;
    enum sl_status status = node_restore_publication(node, &node->update, kept, &error);
    if (status != SL_OK)
        sl_log_line(node->log, SL_LOG_WARNING, "journal", error.text);
    return status == SL_OK;
}

/* Those of peers that are whole; peers' entries for all of them, which what waits goes by. */
static bool load_peers(struct sl_node *node, bool exchanging) {
    for (struct node_kept *kept = node->keeper.kept; kept != NULL; kept = kept->next) {
        if (kept->kind != SL_KEPT_UPDATE || strcmp(kept->origin, node->settings->node.name) == 0)
            continue;
        struct node_peer *peer = node_find_or_add_peer(node, kept->origin);
        if (peer == NULL)
            return false;
        if (exchanging && kept->round == sl_round_current(node->round) && !node_restore_incoming(node, peer, kept))
            return false;
    }
    return true;
}

/* False: it cannot; what is there so far is to be thrown away. */
static bool go_on(struct sl_node *node, const struct sl_journal_found *found, struct sl_error *reason) {
    struct sl_node_record record;
    if (found->record.length == 0) {
        (void)sl_error_set(reason, SL_NOT_FOUND, "the run before came to its end");
        return false;
    }
    if (sl_node_record_decode(&record, found->record.data, found->record.length, reason) != SL_OK)
        return false;
    bool good = record.kept_count == found->slot_count;
    for (size_t i = 0; i < record.kept_count && good; i++)
        take_kept(node, &record.kept[i], found->slots[i]);
    if (!good)
        (void)sl_error_set(reason, SL_FORMAT, "the record names other files than it says");
    good = good && create_machine(node, record.round_state, reason) == SL_OK;
    if (good) {
        enum sl_round_phase phase = sl_round_phase(node->round);
        bool exchanging = phase == SL_PHASE_EXCHANGE || phase == SL_PHASE_MIX;
        good = load_model(node, exchanging) && (!exchanging || load_update(node)) && load_peers(node, exchanging);
        if (!good)
            (void)sl_error_set(reason, SL_MISMATCH, "what the record needs is gone");
        node->signed_round = record.signed_round;
    }
    sl_node_record_finish(&record);
    return good;
}

/* ---- or beginning anew ---- */

static void throw_away(struct sl_node *node) {
    sl_round_destroy(node->round);
    node->round = NULL;
    node_finish_publication(&node->update);
    node_free_peers(node);
    node->signed_round = 0;
    node_keeper_forget(&node->keeper);
}

/* The model that it begins with is in the journal before any record. */
static void keep_first(struct sl_node *node) {
    const char *name = node->settings->node.name;
    struct sl_digest digest;
    struct node_kept *model = node_kept_take(node, SL_KEPT_MODEL, name, node->model_round, node->chunks.payload_bytes);
    if (model != NULL) {
        node_kept_write_model(model, &node->chunks, node->model->data, &digest);
        node_kept_seal_now(node, model, &digest);
        node_keeper_set_model(node, model);
    }
    uint64_t bytes = sl_learner_state_bytes(node->learner);
    struct node_kept *state = bytes > 0 ? node_kept_take(node, SL_KEPT_STATE, name, node->model_round, bytes) : NULL;
    node_kept_write_state(state, node->learner);
    node_keeper_set_state(node, state);
}

static enum sl_status begin_anew(struct sl_node *node, bool was_continued, struct sl_error *error) {
    enum sl_status status = SL_OK;
    if (was_continued) {
        throw_away(node);
        status = node_reload_model(node, error);
        if (status == SL_OK)
            status = sl_random_nonce(&node->lineage, error);
        if (status != SL_OK)
            return status;
        sl_journal_renew(node->keeper.journal, node->lineage);
    }
    status = node_create_round(node, NULL, error);
    if (status == SL_OK && node->keeper.on)
        keep_first(node);
    return status;
}

static void report(struct sl_node *node, const struct sl_journal_found *found, const char *reason) {
    const struct node_keeper *keeper = &node->keeper;
    sl_record_event(node->record, "journal", SL_BOOLEAN("continued", keeper->resumed),
                    SL_UNSIGNED("openings", found->openings), SL_TEXT("reason", reason));
    if (keeper->resumed)
        sl_log_line(node->log, SL_LOG_INFO, "journal", "going on where the run was broken off",
                    SL_UNSIGNED("round", sl_round_current(node->round)),
                    SL_TEXT("phase", sl_round_phase_text(sl_round_phase(node->round))));
    else if (found->continued && found->record.length == 0 && !node->options.resume)
        sl_log_line(node->log, SL_LOG_INFO, "journal",
                    "the run before came to its end and is begun anew: --resume takes its last model, flock.run names "
                    "another run");
    else if (keeper->on)
        sl_log_line(node->log, SL_LOG_DEBUG, "journal", "a new lineage", SL_TEXT("reason", reason));
}

enum sl_status node_start_rounds(struct sl_node *node, struct sl_error *error) {
    struct sl_journal_found found;
    struct sl_error reason = {.status = SL_OK, .text = ""};
    enum sl_status status = open_journal(node, &found, error);
    if (status != SL_OK)
        return status;
    node->keeper.resumed = found.continued && go_on(node, &found, &reason);
    if (!node->keeper.resumed)
        status = begin_anew(node, found.continued, error);
    if (status == SL_OK)
        report(node, &found, found.continued ? reason.text : found.reason);
    node->round_entered = sl_clock_monotonic();
    sl_journal_found_finish(&found);
    return status;
}

void node_recovered(struct sl_node *node) {
    for (struct node_kept *kept = node->keeper.kept; kept != NULL; kept = kept->next) {
        sl_block_unref(kept->block);
        kept->block = NULL;
    }
}
