/* Kept things: slots of the journal, and what they hold. */
#include "node/internal.h"

#include <stdlib.h>
#include <string.h>

static struct node_kept *create(struct node_keeper *keeper, enum sl_kept_kind kind, const char *origin,
                                uint64_t round) {
    struct node_kept *kept = calloc(1, sizeof *kept);
    if (kept == NULL)
        return NULL;
    kept->keeper = keeper;
    kept->references = 1;
    kept->kind = kind;
    kept->round = round;
    (void)memcpy(kept->origin, origin, strlen(origin) + 1);
    atomic_flag_clear(&kept->failing);
    return kept;
}

static void destroy(struct node_kept *kept) {
    sl_slot_unref(kept->slot);
    sl_block_unref(kept->block);
    sl_buffer_finish(&kept->manifest);
    free(kept);
}

static void give_up_for_memory(struct sl_node *node) {
    node_keeper_give_up(node, &(struct sl_error){.status = SL_NO_MEMORY, .text = "out of memory"});
}

struct node_kept *node_kept_take(struct sl_node *node, enum sl_kept_kind kind, const char *origin, uint64_t round,
                                 uint64_t bytes) {
    struct node_keeper *keeper = &node->keeper;
    struct sl_error error = {.status = SL_OK, .text = ""};
    if (!keeper->on)
        return NULL;
    struct node_kept *kept = create(keeper, kind, origin, round);
    if (kept == NULL) {
        give_up_for_memory(node);
        return NULL;
    }
    if (sl_slot_take(&kept->slot, keeper->journal, bytes, &error) == SL_OK)
        return kept;
    destroy(kept);
    node_keeper_give_up(node, &error);
    return NULL;
}

struct node_kept *node_kept_alias(struct sl_node *node, struct node_kept *of, enum sl_kept_kind kind,
                                  const char *origin, uint64_t round) {
    if (of == NULL || !node->keeper.on)
        return NULL;
    struct node_kept *kept = create(&node->keeper, kind, origin, round);
    if (kept == NULL) {
        give_up_for_memory(node);
        return NULL;
    }
    kept->slot = sl_slot_ref(of->slot);
    if (kind != SL_KEPT_UPDATE)
        node_kept_list(kept);
    return kept;
}

struct node_kept *node_kept_adopt(struct sl_node *node, const struct sl_kept *said, struct sl_slot *slot) {
    struct node_kept *kept = create(&node->keeper, said->kind, said->origin, said->round);
    if (kept == NULL)
        return NULL;
    kept->slot = sl_slot_ref(slot);
    if (sl_buffer_append(&kept->manifest, said->manifest.data, said->manifest.length) != SL_OK) {
        destroy(kept);
        return NULL;
    }
    sl_digest_of(&kept->digest, said->manifest.data, said->manifest.length);
    return kept;
}

struct node_kept *node_kept_ref(struct node_kept *kept) {
    if (kept != NULL)
        kept->references++;
    return kept;
}

static void forget(struct node_kept *kept) {
    struct node_kept **link = &kept->keeper->kept;
    while (*link != kept)
        link = &(*link)->next;
    *link = kept->next;
    destroy(kept);
}

void node_kept_unref(struct node_kept *kept) {
    if (kept == NULL || --kept->references > 0)
        return;
    if (!kept->is_listed)
        destroy(kept);
    else if (!kept->is_named)
        forget(kept);
}

void node_kept_collect(struct node_keeper *keeper) {
    for (struct node_kept *kept = keeper->kept; kept != NULL;) {
        struct node_kept *next = kept->next;
        if (kept->references == 0 && !kept->is_named)
            forget(kept);
        kept = next;
    }
}

void node_kept_list(struct node_kept *kept) {
    if (kept->is_listed)
        return;
    kept->is_listed = true;
    kept->next = kept->keeper->kept;
    kept->keeper->kept = kept;
}

struct node_kept *node_kept_find_update(const struct sl_node *node, const uint8_t digest[SL_WIRE_DIGEST_SIZE]) {
    struct node_kept *kept = node->keeper.kept;
    while (kept != NULL &&
           (kept->kind != SL_KEPT_UPDATE || memcmp(kept->digest.bytes, digest, sizeof kept->digest.bytes) != 0))
        kept = kept->next;
    return kept;
}

/* ---- writing ---- */

void node_kept_write(struct node_kept *kept, const void *data, size_t length, uint64_t offset) {
    struct sl_error error = {.status = SL_OK, .text = ""};
    if (kept == NULL || sl_slot_write(kept->slot, data, length, offset, &error) == SL_OK)
        return;
    if (!atomic_flag_test_and_set(&kept->failing))
        kept->error = error;
}

void node_kept_digest(struct sl_digest *out, const void *chunk_digests, size_t count) {
    sl_digest_of(out, chunk_digests, count * SL_DIGEST_SIZE);
}

void node_kept_write_model(struct node_kept *kept, const struct sl_chunks *chunks, const void *data,
                           struct sl_digest *digest) {
    const uint8_t *bytes = data;
    struct sl_digest *digests = calloc(chunks->count, sizeof *digests);
    if (digests == NULL) {
        if (!atomic_flag_test_and_set(&kept->failing))
            kept->error = (struct sl_error){.status = SL_NO_MEMORY, .text = "out of memory for a model's digests"};
        return;
    }
    for (uint32_t i = 0; i < chunks->count; i++) {
        sl_digest_of(&digests[i], bytes + sl_chunk_first(chunks, i), sl_chunk_length(chunks, i));
        node_kept_write(kept, bytes + sl_chunk_first(chunks, i), sl_chunk_length(chunks, i), sl_chunk_first(chunks, i));
    }
    node_kept_digest(digest, digests, chunks->count);
    free(digests);
}

/* ---- sealing ---- */

struct seal_job {
    struct sl_job job;
    struct sl_node *node;
    struct node_kept *kept; /* a reference */
    struct sl_digest digest;
    void (*then)(struct sl_node *node, void *context);
    void *context;
};

static void seal(struct node_kept *kept, const struct sl_digest *digest) {
    struct sl_error error = {.status = SL_OK, .text = ""};
    if (kept->error.status == SL_OK && sl_slot_seal(kept->slot, digest, &error) != SL_OK)
        kept->error = error;
}

static void run_seal(struct sl_job *job) {
    struct seal_job *sealing = (struct seal_job *)job;
    seal(sealing->kept, &sealing->digest);
}

/* It is whole, if it is: then it counts. */
static void take_note(struct sl_node *node, struct node_kept *kept) {
    if (kept->error.status != SL_OK)
        node_keeper_give_up(node, &kept->error);
    else if (kept->kind != SL_KEPT_UPDATE || kept->manifest.length > 0)
        node_kept_list(kept);
}

static void handle_sealed(struct sl_job *job) {
    struct seal_job *sealing = (struct seal_job *)job;
    struct sl_node *node = sealing->node;
    node_job_done(node);
    take_note(node, sealing->kept);
    sealing->then(node, sealing->context);
    node_kept_unref(sealing->kept);
    free(sealing);
}

void node_kept_seal(struct sl_node *node, struct node_kept *kept, const struct sl_digest *digest,
                    void (*then)(struct sl_node *node, void *context), void *context) {
    struct seal_job *job = kept != NULL ? calloc(1, sizeof *job) : NULL;
    if (job == NULL) {
        if (kept != NULL)
            give_up_for_memory(node);
        then(node, context);
        return;
    }
    *job = (struct seal_job){.job = {.run = run_seal, .done = handle_sealed},
                             .node = node,
                             .kept = node_kept_ref(kept),
                             .digest = *digest,
                             .then = then,
                             .context = context};
    node_submit(node, node->pool, &job->job);
}

void node_kept_seal_now(struct sl_node *node, struct node_kept *kept, const struct sl_digest *digest) {
    seal(kept, digest);
    take_note(node, kept);
}

void node_kept_describe(struct sl_node *node, struct node_kept *kept, struct sl_bytes manifest,
                        const struct sl_digest *digest) {
    if (kept == NULL || kept->manifest.length > 0)
        return;
    kept->digest = *digest;
    if (sl_buffer_append(&kept->manifest, manifest.data, manifest.length) != SL_OK)
        give_up_for_memory(node);
}

/* ---- the optimiser's state ---- */

struct state_writing {
    struct node_kept *kept;
    struct sl_digest digest;
};

static enum sl_status write_part(void *context, void *values, size_t bytes, uint64_t offset, struct sl_error *error) {
    struct state_writing *writing = context;
    (void)error;
    node_kept_write(writing->kept, values, bytes, offset);
    node_chain_digest(&writing->digest, values, bytes);
    return SL_OK;
}

void node_kept_write_state(struct node_kept *kept, struct sl_learner *learner) {
    struct state_writing writing = {.kept = kept};
    if (kept == NULL)
        return;
    if (sl_learner_state_move(learner, write_part, &writing, &kept->error) == SL_OK)
        seal(kept, &writing.digest);
}

void node_chain_digest(struct sl_digest *digest, const void *data, size_t length) {
    const struct sl_bytes parts[] = {{digest->bytes, sizeof digest->bytes}, {data, length}};
    struct sl_digest next;
    sl_digest_of_parts(&next, parts, 2);
    *digest = next;
}

void node_keeper_set_state(struct sl_node *node, struct node_kept *state) {
    struct node_keeper *keeper = &node->keeper;
    if (state == NULL)
        return;
    take_note(node, state);
    /* The one before goes with the last model that was mixed: it stays when this training came to nothing. */
    bool unused = keeper->state != NULL && keeper->former_state != NULL && keeper->state->round > node->model_round;
    struct node_kept **place = unused ? &keeper->state : &keeper->former_state;
    node_kept_unref(*place);
    if (!unused)
        keeper->former_state = keeper->state;
    keeper->state = state;
}

struct node_kept *node_keeper_state_of(const struct node_keeper *keeper, uint64_t round) {
    if (keeper->state != NULL && keeper->state->round <= round)
        return keeper->state;
    if (keeper->former_state != NULL && keeper->former_state->round <= round)
        return keeper->former_state;
    return NULL;
}

void node_keeper_set_trained(struct sl_node *node, struct node_kept *trained) {
    node_kept_unref(node->keeper.trained);
    node->keeper.trained = trained;
}

void node_keeper_set_model(struct sl_node *node, struct node_kept *model) {
    node_kept_unref(node->keeper.model);
    node->keeper.model = model;
}
