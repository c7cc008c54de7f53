/* The mixing pass: updates that are held, or stream in, are folded on workers into the next model. */
#include "node/internal.h"

#include <stdlib.h>
#include <string.h>

/* Chunks being folded at once: enough for every worker to have a next one waiting. */
enum { FOLDS_AT_ONCE = 16 };

struct fold_job {
    struct sl_job job;
    struct sl_node *node;
    bool failed;
    struct sl_mixer_fold fold; /* its arrays follow this struct */
};

void node_finish_mix(struct node_mix *mix) {
    for (uint32_t i = 0; i < mix->count; i++)
        node_unref_incoming(mix->sources[i].incoming);
    free(mix->sources);
    sl_mixer_destroy(mix->mixer);
    sl_block_unref(mix->out);
    node_kept_unref(mix->kept);
    free(mix->digests);
    free(mix->sums);
    *mix = (struct node_mix){.mixer = NULL};
}

/* What belongs to a round that is over. Payloads of pending edges were put aside by node_hold, and their peers may
 * still be taking the own update: they can only decide when they have it whole. */
static void forget_round(struct sl_node *node, uint64_t round) {
    for (struct node_peer *peer = node->peers; peer != NULL; peer = peer->next) {
        for (struct node_incoming *incoming = peer->incoming; incoming != NULL;) {
            struct node_incoming *next = incoming->next;
            if (incoming->manifest.kind == SL_PAYLOAD_UPDATE && incoming->manifest.round <= round)
                node_drop_incoming(node, incoming, true);
            incoming = next;
        }
        if (peer->pending.round != round)
            node_drop_update(node, peer, round);
    }
    node_finish_publication(&node->update);
}

static void report(struct sl_node *node, uint64_t round) {
    const struct node_closed *closed = &node->closed;
    double seconds = sl_time_to_seconds(sl_clock_monotonic() - node->round_entered);
    sl_record_event(node->record, "mixed", SL_UNSIGNED("round", round), SL_UNSIGNED("counted", closed->counted),
                    SL_UNSIGNED("planned", closed->planned), SL_BOOLEAN("clean", closed->clean),
                    SL_NUMBER("waited", sl_time_to_seconds(closed->waited)), SL_NUMBER("seconds", seconds));
    sl_log_line(node->log, SL_LOG_INFO, "round", "mixed", SL_UNSIGNED("round", round),
                SL_UNSIGNED("counted", closed->counted), SL_UNSIGNED("planned", closed->planned),
                SL_NUMBER("seconds", seconds));
}

/* The new model is in the journal; where nobody was mixed with, it is the own update, or what that was made of. */
static void keep_model(struct sl_node *node) {
    const struct node_mix *mix = &node->mix;
    const char *name = node->settings->node.name;
    struct node_kept *own = node_encoding(node) == SL_ENCODING_F32 ? node->update.kept : node->keeper.trained;
    node_keeper_set_model(node, mix->out != NULL ? node_kept_ref(mix->kept)
                                                 : node_kept_alias(node, own, SL_KEPT_MODEL, name, mix->round));
    node_keeper_set_trained(node, NULL);
}

static void finish_pass(struct sl_node *node, void *context) {
    struct node_mix *mix = &node->mix;
    (void)context;
    uint64_t round = mix->round;
    struct sl_block *mixed = mix->out != NULL ? sl_block_ref(mix->out) : NULL;
    keep_model(node);
    node_ledger_mixed(node);
    node_finish_mix(mix);
    forget_round(node, round);
    if (mixed != NULL)
        node_replace_model(node, mixed);
    node->model_round = round;
    node->model_is_mixed = true;
    report(node, round);
    bool last = round >= node->settings->round.rounds;
    uint64_t every = node->settings->learner.evaluate_every;
    if (last || (every > 0 && round % every == 0))
        node_evaluate(node, round);
    uint64_t save_every = node->settings->model.save_every;
    if (!last && save_every > 0 && round % save_every == 0)
        node_save(node);
    node_serve_askers(node);
    node_step_round(node, &(struct sl_round_event){.type = SL_ROUND_MIXED, .round = round});
}

static void fail_for_memory(struct sl_node *node) {
    node_fail(node, &(struct sl_error){.status = SL_NO_MEMORY, .text = "out of memory for a mixing pass"});
}

static void pump(struct sl_node *node);
static void finish_if_done(struct sl_node *node);

/* Values of each source that are decoded at once: of all of them together they stay in cache. */
enum { DECODED_MAX = 2 * SL_LEDGER_TILE };

/* A part of a chunk, from that value of the model on. The sources are what was sent, the own update as well: the model
 * is what their differences join. */
static void fold_part(const struct sl_node *node, const struct sl_mixer_fold *part, size_t first, float *decoded) {
    const struct node_mix *mix = &node->mix;
    const float *kept = (const float *)(const void *)node->model->data + first, *sent = NULL;
    for (uint32_t i = 0; i < part->count; i++) {
        const struct node_incoming *incoming = mix->sources[part->numbers[i]].incoming;
        const struct sl_block *payload = incoming != NULL ? sl_inbound_block(incoming->inbound) : node->update.block;
        float *values = decoded + (size_t)i * DECODED_MAX;
        node_decode(node, values, payload, first, part->elements);
        part->sources[i].values = values;
        if (incoming == NULL)
            sent = values;
    }
    sl_mean_fold_onto(part->out, part->sources, part->count, part->divisor, kept, sent, part->elements);
}

static bool fold_encoded(const struct sl_node *node, const struct sl_mixer_fold *fold) {
    const size_t first = (size_t)(sl_chunk_first(&node->chunks, fold->index) / sizeof(float));
    float *decoded = malloc((size_t)fold->count * DECODED_MAX * sizeof *decoded);
    if (decoded == NULL)
        return false;
    for (uint32_t at = 0; at < fold->elements; at += DECODED_MAX) {
        const uint32_t left = fold->elements - at;
        struct sl_mixer_fold part = *fold;
        part.out = fold->out + at;
        part.elements = left < DECODED_MAX ? left : DECODED_MAX;
        fold_part(node, &part, first + at, decoded);
        node_ledger_fold(node, &part, at);
    }
    free(decoded);
    return true;
}

static void fold_plain(const struct sl_node *node, const struct sl_mixer_fold *fold) {
    sl_mean_fold(fold->out, fold->sources, fold->count, fold->divisor, fold->elements);
    node_ledger_fold(node, fold, 0);
}

static void run_fold(struct sl_job *job) {
    struct fold_job *folding = (struct fold_job *)job;
    const struct sl_mixer_fold *fold = &folding->fold;
    const struct node_mix *mix = &folding->node->mix;
    if (node_encoding(folding->node) == SL_ENCODING_F32)
        fold_plain(folding->node, fold);
    else
        folding->failed = !fold_encoded(folding->node, fold);
    if (mix->kept == NULL || folding->failed)
        return;
    size_t length = fold->elements * sizeof(float);
    sl_digest_of(&mix->digests[fold->index], fold->out, length);
    node_kept_write(mix->kept, fold->out, length, sl_chunk_first(&folding->node->chunks, fold->index));
}

static void handle_folded(struct sl_job *job) {
    struct fold_job *done = (struct fold_job *)job;
    struct sl_node *node = done->node;
    struct node_mix *mix = &node->mix;
    node_job_done(node);
    mix->jobs--;
    if (done->failed) { /* the pass never ends */
        free(done);
        fail_for_memory(node);
        return;
    }
    sl_mixer_folded(mix->mixer, done->fold.index);
    for (uint32_t i = 0; i < done->fold.count; i++) {
        struct node_incoming *incoming = mix->sources[done->fold.numbers[i]].incoming;
        if (incoming == NULL || !incoming->streamed)
            continue;
        sl_inbound_release(incoming->inbound, done->fold.index);
        if (incoming->peer != NULL)
            node_grant(node, incoming);
    }
    free(done);
    pump(node);
    finish_if_done(node);
}

static struct fold_job *create_fold(struct sl_node *node) {
    uint32_t count = node->mix.count;
    size_t sources = count * sizeof(struct sl_mean_source);
    struct fold_job *fold = calloc(1, sizeof *fold + sources + count * sizeof(uint32_t));
    if (fold == NULL)
        return NULL;
    fold->job = (struct sl_job){.run = run_fold, .done = handle_folded};
    fold->node = node;
    fold->fold.sources = (struct sl_mean_source *)(fold + 1);
    fold->fold.numbers = (uint32_t *)(fold->fold.sources + count);
    return fold;
}

static void fill_sources(const struct node_mix *mix, struct sl_mixer_fold *fold) {
    for (uint32_t i = 0; i < fold->count; i++) {
        const struct node_incoming *incoming = mix->sources[fold->numbers[i]].incoming;
        if (incoming != NULL && incoming->manifest.encoding == SL_ENCODING_F32)
            fold->sources[i].values = (const float *)(const void *)sl_inbound_chunk(incoming->inbound, fold->index);
    }
}

static void pump(struct sl_node *node) {
    struct node_mix *mix = &node->mix;
    while (mix->jobs < FOLDS_AT_ONCE) {
        struct fold_job *fold = create_fold(node);
        if (fold == NULL) {
            fail_for_memory(node);
            return;
        }
        if (!sl_mixer_next(mix->mixer, &fold->fold)) {
            free(fold);
            break;
        }
        fill_sources(mix, &fold->fold);
        mix->jobs++;
        node_submit(node, node->pool, &fold->job);
    }
}

static void finish_if_done(struct sl_node *node) {
    struct node_mix *mix = &node->mix;
    struct sl_digest digest = {{0}};
    if (!mix->closing || mix->sealing || mix->jobs > 0 || (mix->mixer != NULL && !sl_mixer_is_done(mix->mixer)))
        return;
    mix->sealing = true;
    if (mix->kept != NULL)
        node_kept_digest(&digest, mix->digests, node->chunks.count);
    node_kept_seal(node, mix->kept, &digest, finish_pass, NULL);
}

/* Opens a pass over the sources of `plan` that `counted_only` lets in. */
static enum sl_status open_pass(struct sl_node *node, const struct sl_round_action *action, bool counted_only,
                                struct sl_error *error) {
    struct node_mix *mix = &node->mix;
    double *coefficients = calloc(action->plan_count, sizeof *coefficients);
    struct sl_mixer_options options = {.chunks = node->chunks, .divisor = action->divisor};
    mix->round = action->round;
    mix->chunks = node->chunks.count;
    mix->sources = calloc(action->plan_count, sizeof *mix->sources);
    mix->out = node_take_spare(node);
    mix->sums = node->ledger.on ? node_ledger_of_pass(node, (uint32_t)action->plan_count) : NULL;
    mix->kept = node_kept_take(node, SL_KEPT_MODEL, node->settings->node.name, mix->round, node->chunks.payload_bytes);
    mix->digests = mix->kept != NULL ? calloc(node->chunks.count, sizeof *mix->digests) : NULL;
    enum sl_status status = SL_NO_MEMORY;
    if (coefficients == NULL || mix->sources == NULL || mix->out == NULL ||
        (mix->kept != NULL && mix->digests == NULL) || (node->ledger.on && mix->sums == NULL))
        goto out;
    for (size_t i = 0; i < action->plan_count; i++) {
        const struct sl_round_source *source = &action->plan[i];
        if (counted_only && !source->counted)
            continue;
        if (source->self)
            options.self = mix->count;
        memcpy(mix->sources[mix->count].name, source->name, sizeof source->name);
        mix->sources[mix->count].weight = source->coefficient / action->divisor;
        coefficients[mix->count++] = source->coefficient;
    }
    options.coefficients = coefficients;
    options.count = mix->count;
    options.own = (const float *)(const void *)node->model->data;
    options.out = (float *)(void *)mix->out->data;
    status = sl_mixer_create(&mix->mixer, &options, error);
out:
    free(coefficients);
    if (status == SL_NO_MEMORY)
        return sl_error_set(error, status, "out of memory for a mixing pass");
    return status;
}

/* Chunks of the pass that can be folded. Those of an encoded payload are others: it is folded when it is whole. */
static void offer(struct node_mix *mix, uint32_t number, const struct node_incoming *incoming) {
    if (incoming->manifest.encoding == SL_ENCODING_F32)
        sl_mixer_offer(mix->mixer, number, sl_inbound_prefix(incoming->inbound));
    else if (sl_inbound_is_whole(incoming->inbound))
        sl_mixer_offer(mix->mixer, number, mix->chunks);
}

static void attach(struct node_mix *mix, uint32_t number, struct node_incoming *incoming) {
    incoming->references++;
    mix->sources[number].incoming = incoming;
    offer(mix, number, incoming);
}

/* Takes every payload of the pass's round that is here or on its way. */
static void attach_all(struct sl_node *node) {
    struct node_mix *mix = &node->mix;
    for (uint32_t i = 0; i < mix->count; i++) {
        struct node_peer *peer = node_find_peer(node, mix->sources[i].name);
        struct node_incoming *incoming = peer != NULL ? node_find_incoming(peer, SL_PAYLOAD_UPDATE, mix->round) : NULL;
        if (incoming != NULL && incoming->inbound != NULL)
            attach(mix, i, incoming);
        if (peer != NULL && peer->failed_round == mix->round)
            sl_mixer_fail(mix->mixer, i);
    }
}

static bool is_open_for(const struct node_mix *mix, const struct node_incoming *incoming) {
    return mix->mixer != NULL && incoming->manifest.kind == SL_PAYLOAD_UPDATE && incoming->manifest.round == mix->round;
}

void node_open_stream(struct sl_node *node, const struct sl_round_action *action) {
    struct sl_error error = {.status = SL_OK, .text = ""};
    if (action->plan_count < 2)
        return;
    if (open_pass(node, action, false, &error) != SL_OK) {
        node_fail(node, &error);
        return;
    }
    attach_all(node);
    pump(node);
}

void node_feed_stream(struct sl_node *node, struct node_incoming *incoming) {
    struct node_mix *mix = &node->mix;
    if (!is_open_for(mix, incoming))
        return;
    for (uint32_t i = 0; i < mix->count; i++) {
        if (mix->sources[i].incoming == incoming)
            offer(mix, i, incoming);
        else if (mix->sources[i].incoming == NULL && strcmp(mix->sources[i].name, incoming->peer->name) == 0)
            attach(mix, i, incoming);
        else
            continue;
        pump(node);
        return;
    }
}

/* A peer's payload ends here: what was verified of it stays in, from its first missing chunk on it is left out. */
void node_fail_stream(struct sl_node *node, struct node_peer *peer, uint64_t round) {
    struct node_mix *mix = &node->mix;
    peer->failed_round = round;
    if (mix->mixer == NULL || mix->round != round)
        return;
    for (uint32_t i = 0; i < mix->count; i++)
        if (strcmp(mix->sources[i].name, peer->name) == 0)
            sl_mixer_fail(mix->mixer, i);
    pump(node);
}

static void close_stream(struct sl_node *node, const struct sl_round_action *action) {
    struct node_mix *mix = &node->mix;
    for (uint32_t i = 0; i < mix->count; i++)
        if (!action->plan[i].counted)
            sl_mixer_fail(mix->mixer, i);
    pump(node);
}

static uint32_t counted_sources(const struct sl_round_action *action) {
    uint32_t counted = 0;
    for (size_t i = 0; i < action->plan_count; i++)
        counted += action->plan[i].counted;
    return counted;
}

struct nudge_job {
    struct sl_job job;
    struct sl_node *node;
};

static void run_nothing(struct sl_job *job) {
    (void)job;
}

static void handle_nudge(struct sl_job *job) {
    struct sl_node *node = ((struct nudge_job *)job)->node;
    free(job);
    node_job_done(node);
    finish_if_done(node);
}

/* The end of a pass comes by way of the pool even where there is nothing left to fold, or nobody to mix with. */
static void nudge(struct sl_node *node) {
    struct nudge_job *job = calloc(1, sizeof *job);
    if (job == NULL) {
        node_fail(node, &(struct sl_error){.status = SL_NO_MEMORY, .text = "out of memory"});
        return;
    }
    job->job = (struct sl_job){.run = run_nothing, .done = handle_nudge};
    job->node = node;
    node_submit(node, node->pool, &job->job);
}

void node_mix(struct sl_node *node, const struct sl_round_action *action) {
    struct sl_error error = {.status = SL_OK, .text = ""};
    struct node_mix *mix = &node->mix;
    mix->round = action->round;
    if (mix->mixer != NULL) {
        close_stream(node, action);
    } else if (counted_sources(action) >= 2) {
        if (open_pass(node, action, true, &error) != SL_OK) {
            node_fail(node, &error);
            return;
        }
        attach_all(node);
        pump(node);
    }
    mix->closing = true;
    nudge(node);
}
