/* An update, or a snapshot for others, becomes a publication: late differences join it, workers digest its chunks, the
 * manifest is formed and signed. */
#include "node/internal.h"

#include <stdlib.h>
#include <string.h>

/* One publication in the making; the digest jobs share it. */
struct making {
    struct sl_node *node;
    struct node_publication *publication;
    struct sl_manifest manifest;
    struct node_late *late;
    bool is_kept;   /* what is published lies in a slot already */
    bool is_signed; /* before a restart, another one of this round was, perhaps: */
    uint8_t signed_digest[SL_WIRE_DIGEST_SIZE];
    struct sl_block *copy; /* where late differences are added, when the model must not be written */
    struct sl_digest *digests;
    unsigned jobs;
    struct sl_chunks chunks; /* of the payload */
    bool encode;             /* the payload is made of the model first */
    bool is_mixed;           /* and that is what the round before left */
    sl_time start;
};

struct digest_job {
    struct sl_job job;
    struct making *making;
    uint32_t first, last; /* chunks first … last − 1 */
};

void node_finish_publication(struct node_publication *publication) {
    sl_block_unref(publication->block);
    node_kept_unref(publication->kept);
    sl_buffer_finish(&publication->manifest);
    *publication = (struct node_publication){.block = NULL};
}

static void free_making(struct making *making) {
    sl_manifest_finish(&making->manifest);
    node_free_late(making->late);
    sl_block_unref(making->copy);
    free(making->digests);
    free(making);
}

static void give_up(struct making *making, enum sl_status status, struct sl_error *error) {
    sl_error_wrap(error, status, "cannot publish the model");
    node_fail(making->node, error);
    node_finish_publication(making->publication);
    free_making(making);
}

/* ---- 4. manifest ---- */

enum sl_status node_sign_once(uint64_t *signed_round, uint64_t round, struct sl_error *error) {
    if (round <= *signed_round)
        return sl_error_set(error, SL_INTERNAL,
                            "a second update of round %llu, after that of round %llu, is not signed",
                            (unsigned long long)round, (unsigned long long)*signed_round);
    *signed_round = round;
    return SL_OK;
}

/* By the present key. */
static enum sl_status seal(struct sl_node *node, struct node_publication *publication, struct sl_error *error) {
    sl_identity_key_digest(node->identity, SL_PURPOSE_CLIENT, publication->signer);
    return node_sign_manifest(publication, node->identity, publication->signature, &publication->signature_length,
                              error);
}

enum sl_status node_restore_publication(struct sl_node *node, struct node_publication *publication,
                                        struct node_kept *kept, struct sl_error *error) {
    *publication = (struct node_publication){.block = sl_block_ref(kept->block),
                                             .kept = node_kept_ref(kept),
                                             .round = kept->round,
                                             .kind = SL_PAYLOAD_UPDATE,
                                             .digest = kept->digest};
    enum sl_status status = sl_buffer_append(&publication->manifest, kept->manifest.data, kept->manifest.length);
    return status == SL_OK ? seal(node, publication, error) : sl_error_set(error, status, "out of memory");
}

/* Of a round that was signed before only the same bytes are signed again. */
static enum sl_status sign_update(struct making *making, struct sl_error *error) {
    struct sl_node *node = making->node;
    const struct node_publication *publication = making->publication;
    if (making->is_signed && publication->round == node->signed_round)
        return memcmp(making->signed_digest, publication->digest.bytes, SL_WIRE_DIGEST_SIZE) == 0 ? SL_OK : SL_EXISTS;
    return node_sign_once(&node->signed_round, publication->round, error);
}

static enum sl_status sign(struct making *making, struct sl_error *error) {
    struct node_publication *publication = making->publication;
    enum sl_status status = sl_manifest_describe(&making->manifest, &making->node->learner->layout, &making->chunks,
                                                 making->digests, error);
    if (status == SL_OK)
        status = sl_manifest_encode(&publication->manifest, &making->manifest);
    if (status != SL_OK)
        return status;
    sl_digest_of(&publication->digest, publication->manifest.data, publication->manifest.length);
    if (publication->kind == SL_PAYLOAD_UPDATE)
        status = sign_update(making, error);
    if (status == SL_EXISTS)
        return SL_OK; /* the round machine sits this round out: it is never offered */
    return status == SL_OK ? seal(making->node, publication, error) : status;
}

/* The machine hears of an update that the journal has. */
static void keep(struct sl_node *node, struct node_publication *publication) {
    struct node_kept *kept = publication->kept;
    node_kept_describe(node, kept, (struct sl_bytes){publication->manifest.data, publication->manifest.length},
                       &publication->digest);
    if (kept != NULL && kept->manifest.length > 0)
        node_kept_list(kept);
}

static void complete(struct sl_node *node, void *context) {
    struct making *making = context;
    struct sl_error error = {.status = SL_OK, .text = ""};
    enum sl_status status = sign(making, &error);
    if (status != SL_OK) {
        give_up(making, status, &error);
        return;
    }
    struct node_publication *publication = making->publication;
    char digest[SL_DIGEST_TEXT_SIZE];
    sl_digest_text(digest, &publication->digest);
    sl_time seconds = sl_clock_monotonic() - making->start;
    bool update = publication->kind == SL_PAYLOAD_UPDATE;
    uint32_t degree = making->manifest.degree;
    free_making(making);
    if (!update) {
        node_snapshot_published(node);
        return;
    }
    keep(node, publication);
    sl_record_event(node->record, "published", SL_UNSIGNED("round", publication->round), SL_TEXT("digest", digest),
                    SL_UNSIGNED("degree", degree), SL_NUMBER("seconds", sl_time_to_seconds(seconds)));
    node_step_round(node, &(struct sl_round_event){.type = SL_ROUND_PUBLISHED,
                                                   .round = publication->round,
                                                   .digest = publication->digest.bytes});
}

/* ---- 3. digests ---- */

static void run_digests(struct sl_job *job) {
    const struct digest_job *digest = (const struct digest_job *)job;
    const struct making *making = digest->making;
    const struct sl_chunks *chunks = &making->chunks;
    const uint8_t *data = making->publication->block->data;
    struct node_kept *kept = making->is_kept ? NULL : making->publication->kept;
    for (uint32_t i = digest->first; i < digest->last; i++) {
        const uint8_t *chunk = data + sl_chunk_first(chunks, i);
        sl_digest_of(&making->digests[i], chunk, sl_chunk_length(chunks, i));
        node_kept_write(kept, chunk, sl_chunk_length(chunks, i), sl_chunk_first(chunks, i));
    }
}

static void seal_kept(struct making *making) {
    struct sl_digest digest;
    node_kept_digest(&digest, making->digests, making->chunks.count);
    struct node_kept *kept = making->is_kept ? NULL : making->publication->kept;
    node_kept_seal(making->node, kept, &digest, complete, making);
}

static void handle_digested(struct sl_job *job) {
    struct making *making = ((struct digest_job *)job)->making;
    free(job);
    node_job_done(making->node);
    if (--making->jobs == 0)
        seal_kept(making);
}

/* One job a worker, each an equal run of chunks. */
static void digest_all(struct making *making) {
    struct sl_node *node = making->node;
    uint32_t chunks = making->chunks.count;
    uint32_t jobs = node->workers < chunks ? (uint32_t)node->workers : chunks;
    struct sl_error error = {.status = SL_OK, .text = ""};
    struct digest_job *all[64];
    if (jobs > 64)
        jobs = 64;
    for (uint32_t i = 0; i < jobs; i++) {
        all[i] = calloc(1, sizeof *all[i]);
        if (all[i] == NULL) {
            while (i > 0)
                free(all[--i]);
            give_up(making, SL_NO_MEMORY, &error);
            return;
        }
        *all[i] = (struct digest_job){.job = {.run = run_digests, .done = handle_digested},
                                      .making = making,
                                      .first = (uint32_t)((uint64_t)chunks * i / jobs),
                                      .last = (uint32_t)((uint64_t)chunks * (i + 1) / jobs)};
    }
    making->jobs = jobs;
    for (uint32_t i = 0; i < jobs; i++)
        node_submit(node, node->pool, &all[i]->job);
}

/* ---- 2. encoding ---- */

static void handle_encoded(struct sl_node *node, void *context, struct sl_block *payload,
                           const struct sl_error *failure) {
    struct making *making = context;
    (void)node;
    if (payload == NULL) {
        struct sl_error error = *failure;
        give_up(making, error.status, &error);
        return;
    }
    sl_block_unref(making->publication->block);
    making->publication->block = payload;
    digest_all(making);
}

static void encode(struct making *making) {
    struct sl_error error = {.status = SL_OK, .text = ""};
    if (!making->encode)
        digest_all(making);
    else if (!node_encode(making->node, making->publication->round, making->is_mixed, handle_encoded, making))
        give_up(making, SL_NO_MEMORY, &error);
}

/* ---- 1. late differences ---- */

struct late_job {
    struct sl_job job;
    struct making *making;
    struct sl_ledger_sums sums;
};

static void run_late(struct sl_job *job) {
    struct late_job *late = (struct late_job *)job;
    struct making *making = late->making;
    struct sl_block *model = making->publication->block;
    memcpy(making->copy->data, model->data, model->length);
    node_add_late(making->node, making->late, (float *)(void *)making->copy->data, &late->sums);
}

static void handle_late(struct sl_job *job) {
    struct making *making = ((struct late_job *)job)->making;
    struct sl_node *node = making->node;
    node_late_joined(node, making->late, NODE_LEDGER_JOINED, making->publication->round,
                     &((struct late_job *)job)->sums);
    free(job);
    node_job_done(node);
    node_free_late(making->late);
    making->late = NULL;
    sl_block_unref(making->publication->block);
    making->publication->block = sl_block_ref(making->copy);
    node_replace_model(node, making->copy);
    making->copy = NULL;
    encode(making);
}

static void add_late(struct making *making) {
    struct sl_node *node = making->node;
    struct late_job *job = calloc(1, sizeof *job);
    struct sl_error error = {.status = SL_OK, .text = ""};
    making->copy = node_take_spare(node);
    if (job == NULL || making->copy == NULL) {
        free(job);
        give_up(making, SL_NO_MEMORY, &error);
        return;
    }
    *job = (struct late_job){.job = {.run = run_late, .done = handle_late}, .making = making};
    making->late = node->late;
    node->late = NULL;
    node_submit(node, node->pool, &job->job);
}

/* ---- start ---- */

static struct making *start_making(struct sl_node *node, struct node_publication *publication, uint64_t round,
                                   enum sl_payload_kind kind) {
    const struct sl_chunks *chunks = kind == SL_PAYLOAD_UPDATE ? &node->update_chunks : &node->chunks;
    struct making *making = calloc(1, sizeof *making);
    struct sl_digest *digests = calloc(chunks->count, sizeof *digests);
    if (making == NULL || digests == NULL) {
        free(making);
        free(digests);
        node_fail(node, &(struct sl_error){.status = SL_NO_MEMORY, .text = "out of memory for a manifest"});
        return NULL;
    }
    node_finish_publication(publication);
    publication->block = sl_block_ref(node->model);
    publication->round = round;
    publication->kind = kind;
    *making = (struct making){.node = node,
                              .publication = publication,
                              .digests = digests,
                              .chunks = *chunks,
                              .encode = kind == SL_PAYLOAD_UPDATE && node_encoding(node) != SL_ENCODING_F32,
                              .start = sl_clock_monotonic()};
    struct sl_manifest *manifest = &making->manifest;
    const struct sl_settings *settings = node->settings;
    memcpy(manifest->flock, settings->flock.name, strlen(settings->flock.name) + 1);
    memcpy(manifest->run, settings->flock.run, strlen(settings->flock.run) + 1);
    memcpy(manifest->origin, settings->node.name, strlen(settings->node.name) + 1);
    manifest->epoch = settings->flock.epoch;
    manifest->round = round;
    manifest->lineage = sl_round_lineage(node->round); /* node->lineage follows when it is on the disk */
    manifest->kind = kind;
    manifest->encoding = kind == SL_PAYLOAD_UPDATE ? node_encoding(node) : SL_ENCODING_F32;
    manifest->samples = node->learner->samples;
    return making;
}

/* SHA-256 over the frozen roster as this node knows it: "name" NUL of each member that takes part, in name order. */
static void digest_view(const struct sl_node *node, uint64_t round, uint8_t out[SL_WIRE_DIGEST_SIZE]) {
    struct sl_buffer names = {0};
    struct sl_digest digest;
    for (size_t i = 0; i < node->member_count; i++) {
        const struct sl_round_member *member = &node->members[i];
        if (member->from_round <= round && (member->until_round == 0 || member->until_round > round) &&
            sl_buffer_append(&names, member->name, strlen(member->name) + 1) != SL_OK)
            break; /* a view that differs only starts a roster's exchange */
    }
    sl_digest_of(&digest, names.data, names.length);
    memcpy(out, digest.bytes, sizeof digest.bytes);
    sl_buffer_finish(&names);
}

/* The model as the last round left it, which nothing has touched, is in the journal already. */
static void begin_keeping(struct sl_node *node, struct making *making) {
    struct node_kept *model = node->keeper.model;
    struct node_publication *publication = making->publication;
    const char *name = node->settings->node.name;
    making->is_mixed = node->model_is_mixed && node->late == NULL;
    if (!making->encode && model != NULL && model->round == node->model_round && making->is_mixed) {
        publication->kept = node_kept_alias(node, model, SL_KEPT_UPDATE, name, publication->round);
        making->is_kept = publication->kept != NULL;
    } else {
        publication->kept =
            node_kept_take(node, SL_KEPT_UPDATE, name, publication->round, making->chunks.payload_bytes);
    }
}

void node_publish(struct sl_node *node, const struct sl_round_action *action) {
    struct making *making = start_making(node, &node->update, action->round, SL_PAYLOAD_UPDATE);
    if (making == NULL)
        return;
    begin_keeping(node, making);
    making->is_signed = action->is_signed;
    memcpy(making->signed_digest, action->own_digest, sizeof making->signed_digest);
    making->manifest.degree = action->degree;
    making->manifest.total_samples = action->total_samples;
    digest_view(node, action->round, making->manifest.view);
    if (node->late != NULL)
        add_late(making);
    else
        encode(making);
}

void node_publish_snapshot(struct sl_node *node) {
    struct making *making = start_making(node, &node->snapshot, node->model_round, SL_PAYLOAD_SNAPSHOT);
    if (making == NULL)
        return;
    making->manifest.total_samples = making->manifest.samples;
    digest_view(node, node->model_round, making->manifest.view);
    digest_all(making);
}
