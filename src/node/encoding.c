/* Updates in the encoding of mix.codec. With int8 the model is not what the peers get: it is encoded on workers, beside
 * that it goes to the journal as what the update was made of, and whoever mixes decodes. */
#include "node/internal.h"

#include <stdlib.h>
#include <string.h>

#include "aggregate/quantise.h"

enum sl_payload_encoding node_encoding(const struct sl_node *node) {
    return node->settings->mix.codec == SL_CODEC_INT8 ? SL_ENCODING_INT8 : SL_ENCODING_F32;
}

void node_decode(const struct sl_node *node, float *out, const struct sl_block *payload, size_t first, size_t count) {
    sl_quantise_decode(out, payload->data, node->learner->layout.elements, first, count);
}

bool node_is_sound(const struct sl_node *node, enum sl_payload_encoding encoding, const uint8_t *bytes, uint64_t first,
                   size_t length) {
    return encoding == SL_ENCODING_F32 || sl_quantise_is_sound(bytes, first, length, node->learner->layout.elements);
}

/* ---- encoding ---- */

/* One update in the making; its jobs share it. */
struct encoding {
    struct sl_node *node;
    struct sl_block *model, *payload; /* references */
    struct node_kept *trained;        /* alike; NULL: the model is not written */
    struct sl_digest *digests;        /* of its chunks then */
    uint64_t seed;
    unsigned jobs;
    atomic_bool failed;
    node_encoded *then;
    void *context;
};

struct encode_job {
    struct sl_job job;
    struct encoding *encoding;
    unsigned number, of;
};

/* A node that makes an update again, after a restart, makes the same bytes. */
static uint64_t find_seed(const struct sl_node *node, uint64_t round) {
    static const char label[] = "starling quantise 1";
    const struct sl_settings *settings = node->settings;
    uint8_t numbers[16];
    struct sl_digest digest;
    sl_put_u64(numbers, settings->flock.epoch);
    sl_put_u64(numbers + 8, round);
    const struct sl_bytes parts[] = {{(const uint8_t *)label, sizeof label},
                                     {(const uint8_t *)settings->flock.run, strlen(settings->flock.run) + 1},
                                     {(const uint8_t *)settings->node.name, strlen(settings->node.name) + 1},
                                     {numbers, sizeof numbers}};
    sl_digest_of_parts(&digest, parts, sizeof parts / sizeof parts[0]);
    return sl_get_u64(digest.bytes);
}

static void free_encoding(struct encoding *encoding) {
    sl_block_unref(encoding->model);
    sl_block_unref(encoding->payload);
    node_kept_unref(encoding->trained);
    free(encoding->digests);
    free(encoding);
}

static void finish(struct encoding *encoding, const struct sl_error *error) {
    struct sl_node *node = encoding->node;
    node_encoded *then = encoding->then;
    void *context = encoding->context;
    struct sl_block *payload = error == NULL ? sl_block_ref(encoding->payload) : NULL;
    free_encoding(encoding);
    then(node, context, payload, error);
}

static void handle_sealed(struct sl_node *node, void *context) {
    struct encoding *encoding = context;
    if (encoding->trained != NULL)
        node_keeper_set_trained(node, node_kept_ref(encoding->trained));
    finish(encoding, NULL);
}

/* What worker `number` of `of` does of `count`. */
static size_t first_of(size_t count, unsigned number, unsigned of) {
    return (size_t)((uint64_t)count * number / of);
}

static void run_encode(struct sl_job *job) {
    const struct encode_job *part = (const struct encode_job *)job;
    struct encoding *encoding = part->encoding;
    const struct sl_chunks *chunks = &encoding->node->chunks;
    size_t elements = encoding->node->learner->layout.elements, blocks = (size_t)sl_quantise_blocks(elements);
    size_t last = first_of(chunks->count, part->number + 1, part->of);
    if (!sl_quantise_encode(encoding->payload->data, (const float *)(const void *)encoding->model->data, elements,
                            first_of(blocks, part->number, part->of), first_of(blocks, part->number + 1, part->of),
                            encoding->seed))
        atomic_store(&encoding->failed, true);
    if (encoding->trained == NULL)
        return;
    for (uint32_t i = (uint32_t)first_of(chunks->count, part->number, part->of); i < last; i++) {
        const uint8_t *chunk = encoding->model->data + sl_chunk_first(chunks, i);
        sl_digest_of(&encoding->digests[i], chunk, sl_chunk_length(chunks, i));
        node_kept_write(encoding->trained, chunk, sl_chunk_length(chunks, i), sl_chunk_first(chunks, i));
    }
}

static void handle_encoded(struct sl_job *job) {
    struct encoding *encoding = ((struct encode_job *)job)->encoding;
    struct sl_digest digest = {{0}};
    free(job);
    node_job_done(encoding->node);
    if (--encoding->jobs > 0)
        return;
    if (atomic_load(&encoding->failed)) {
        const struct sl_error error = {
            .status = SL_LIMIT, .text = "the model has values that are no numbers, or too large for mix.codec int8"};
        finish(encoding, &error);
        return;
    }
    if (encoding->trained != NULL)
        node_kept_digest(&digest, encoding->digests, encoding->node->chunks.count);
    node_kept_seal(encoding->node, encoding->trained, &digest, handle_sealed, encoding);
}

static bool submit(struct encoding *encoding) {
    enum { JOBS_MAX = 64 };
    struct encode_job *all[JOBS_MAX];
    struct sl_node *node = encoding->node;
    unsigned jobs = node->workers < JOBS_MAX ? (unsigned)node->workers : JOBS_MAX;
    for (unsigned i = 0; i < jobs; i++) {
        all[i] = calloc(1, sizeof *all[i]);
        if (all[i] == NULL) {
            while (i > 0)
                free(all[--i]);
            return false;
        }
        *all[i] = (struct encode_job){
            .job = {.run = run_encode, .done = handle_encoded}, .encoding = encoding, .number = i, .of = jobs};
    }
    encoding->jobs = jobs;
    for (unsigned i = 0; i < jobs; i++)
        node_submit(node, node->pool, &all[i]->job);
    return true;
}

/* The model as the last round left it, which nothing has touched, is in the journal already. */
static void begin_keeping(struct sl_node *node, struct encoding *encoding, uint64_t round, bool is_mixed) {
    struct node_kept *model = node->keeper.model;
    const char *name = node->settings->node.name;
    if (is_mixed && model != NULL && model->round == node->model_round) {
        node_keeper_set_trained(node, node_kept_alias(node, model, SL_KEPT_TRAINED, name, round));
        return;
    }
    node_keeper_set_trained(node, NULL);
    encoding->trained = node_kept_take(node, SL_KEPT_TRAINED, name, round, node->chunks.payload_bytes);
}

bool node_encode(struct sl_node *node, uint64_t round, bool is_mixed, node_encoded *then, void *context) {
    struct encoding *encoding = calloc(1, sizeof *encoding);
    if (encoding == NULL)
        return false;
    *encoding = (struct encoding){.node = node,
                                  .model = sl_block_ref(node->model),
                                  .payload = sl_block_create((size_t)node->update_chunks.payload_bytes),
                                  .digests = calloc(node->chunks.count, sizeof *encoding->digests),
                                  .seed = find_seed(node, round),
                                  .then = then,
                                  .context = context};
    atomic_init(&encoding->failed, false);
    if (encoding->payload != NULL && encoding->digests != NULL) {
        begin_keeping(node, encoding, round, is_mixed);
        if (submit(encoding))
            return true;
    }
    free_encoding(encoding);
    return false;
}
