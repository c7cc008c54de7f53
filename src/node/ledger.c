/* Lines of the ledger, and what is measured for them. */
#include "node/ledger.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/internal.h"

enum { LINEAGE_TEXT_SIZE = 17 };

void node_ledger_open(struct sl_node *node) {
    static const char label[] = "starling ledger 1";
    const struct sl_settings *settings = node->settings;
    const struct sl_bytes parts[] = {{(const uint8_t *)label, sizeof label},
                                     {(const uint8_t *)settings->flock.name, strlen(settings->flock.name) + 1},
                                     {(const uint8_t *)settings->flock.run, strlen(settings->flock.run) + 1}};
    struct sl_digest digest;
    sl_digest_of_parts(&digest, parts, sizeof parts / sizeof parts[0]);
    node->ledger.on = settings->record.ledger && node->record != NULL;
    for (size_t i = 0; i < sizeof node->ledger.seed; i++)
        node->ledger.seed |= (uint64_t)digest.bytes[i] << 8 * i;
}

/* ---- measuring ---- */

/* All that is measured is cut by the chunks of the model, whatever the payloads were cut by: so the sums are the same.
 */
static void measure_chunk(const struct sl_node *node, struct sl_ledger_sums *out, const float *values,
                          const float *minus, size_t first, size_t count) {
    const struct sl_ledger_vector vector = {.values = values, .minus = minus};
    sl_ledger_measure(out, &vector, 1, node->ledger.seed, first, count);
}

static size_t first_of(const struct sl_node *node, uint32_t chunk) {
    return (size_t)(sl_chunk_first(&node->chunks, chunk) / sizeof(float));
}

static size_t count_of(const struct sl_node *node, uint32_t chunk) {
    return sl_chunk_length(&node->chunks, chunk) / sizeof(float);
}

void node_ledger_measure(const struct sl_node *node, struct sl_ledger_sums *out, const void *model) {
    const float *values = model;
    for (uint32_t i = 0; i < node->chunks.count && node->ledger.on; i++) {
        struct sl_ledger_sums sums = {.elements = 0};
        measure_chunk(node, &sums, values + first_of(node, i), NULL, first_of(node, i), count_of(node, i));
        sl_ledger_add(out, &sums);
    }
}

static void compare_encoded(const struct sl_node *node, struct sl_ledger_sums *out, const struct sl_block *theirs,
                            const struct sl_block *mine, size_t first, size_t count) {
    float values[SL_LEDGER_TILE], minus[SL_LEDGER_TILE];
    for (size_t end = first + count; first < end;) {
        size_t left = SL_LEDGER_TILE - first % SL_LEDGER_TILE, n = end - first < left ? end - first : left;
        node_decode(node, values, theirs, first, n);
        node_decode(node, minus, mine, first, n);
        measure_chunk(node, out, values, minus, first, n);
        first += n;
    }
}

void node_ledger_compare(const struct sl_node *node, struct sl_ledger_sums *out, const struct sl_block *theirs,
                         const struct sl_block *mine) {
    const float *values = (const float *)(const void *)theirs->data, *minus = (const float *)(const void *)mine->data;
    for (uint32_t i = 0; i < node->chunks.count && node->ledger.on; i++) {
        struct sl_ledger_sums sums = {.elements = 0};
        size_t first = first_of(node, i), count = count_of(node, i);
        if (node_encoding(node) == SL_ENCODING_F32)
            measure_chunk(node, &sums, values + first, minus + first, first, count);
        else
            compare_encoded(node, &sums, theirs, mine, first, count);
        sl_ledger_add(out, &sums);
    }
}

/* ---- lines ---- */

static void lineage_text(char out[LINEAGE_TEXT_SIZE], uint64_t lineage) {
    (void)snprintf(out, LINEAGE_TEXT_SIZE, "%016" PRIx64, lineage);
}

void node_ledger_enter(struct sl_node *node, enum node_ledger_entry entry, uint64_t round,
                       const struct sl_ledger_sums *sums) {
    static const char *const texts[] = {
        [NODE_LEDGER_START] = "start",     [NODE_LEDGER_UPDATE] = "update", [NODE_LEDGER_RESTORED] = "restored",
        [NODE_LEDGER_TRAINED] = "trained", [NODE_LEDGER_JOINED] = "joined", [NODE_LEDGER_MIXED] = "mixed",
        [NODE_LEDGER_SETTLED] = "settled",
    };
    char lineage[LINEAGE_TEXT_SIZE];
    if (!node->ledger.on)
        return;
    node->ledger.model = *sums;
    lineage_text(lineage, node->lineage);
    sl_record_event(node->record, "ledger", SL_TEXT("entry", texts[entry]), SL_UNSIGNED("round", round),
                    SL_TEXT("lineage", lineage), SL_UNSIGNED("samples", node->learner->samples),
                    SL_NUMBER("sum", sums->total), SL_NUMBER("p1", sums->first), SL_NUMBER("p2", sums->second),
                    SL_NUMBER("norm", sqrt(sums->square)));
}

void node_ledger_begin(struct sl_node *node) {
    struct sl_ledger_sums sums = {.elements = 0};
    node_ledger_measure(node, &sums, node->model->data);
    if (!node->keeper.resumed)
        node_ledger_enter(node, NODE_LEDGER_START, node->model_round, &sums);
    else if (node->model_is_mixed)
        node_ledger_enter(node, NODE_LEDGER_RESTORED, node->model_round, &sums);
    else
        node_ledger_enter(node, NODE_LEDGER_UPDATE, sl_round_current(node->round), &sums);
}

void node_ledger_write(struct sl_node *node, const struct node_ledger_edge *edge) {
    char own[SL_DIGEST_TEXT_SIZE], peer[SL_DIGEST_TEXT_SIZE], lineage[LINEAGE_TEXT_SIZE],
        peer_lineage[LINEAGE_TEXT_SIZE];
    struct sl_digest digest;
    if (!node->ledger.on)
        return;
    memcpy(digest.bytes, edge->own_digest, sizeof digest.bytes);
    sl_digest_text(own, &digest);
    memcpy(digest.bytes, edge->peer_digest, sizeof digest.bytes);
    sl_digest_text(peer, &digest);
    lineage_text(lineage, node->lineage);
    lineage_text(peer_lineage, edge->peer_lineage);
    double weight = edge->weight;
    sl_record_event(node->record, "ledger", SL_TEXT("entry", "edge"), SL_UNSIGNED("round", edge->round),
                    SL_TEXT("peer", edge->peer), SL_TEXT("outcome", sl_edge_outcome_text(edge->outcome)),
                    SL_UNSIGNED("joins", edge->joins), SL_TEXT("lineage", lineage),
                    SL_TEXT("peer_lineage", peer_lineage), SL_TEXT("digest", own), SL_TEXT("peer_digest", peer),
                    SL_NUMBER("weight", weight), SL_NUMBER("sum", weight * edge->sums.total),
                    SL_NUMBER("p1", weight * edge->sums.first), SL_NUMBER("p2", weight * edge->sums.second),
                    SL_NUMBER("norm", weight * sqrt(edge->sums.square)));
}

/* ---- of a mixing pass ----
 *
 * A row of a chunk: the difference of each source to the own one, then the result. */

struct sl_ledger_sums *node_ledger_of_pass(const struct sl_node *node, uint32_t sources) {
    return calloc((size_t)node->chunks.count * (sources + 1U), sizeof(struct sl_ledger_sums));
}

static const float *own_values(const struct node_mix *mix, const struct sl_mixer_fold *fold) {
    for (uint32_t k = 0; k < fold->count; k++)
        if (mix->sources[fold->numbers[k]].incoming == NULL)
            return fold->sources[k].values;
    return NULL;
}

void node_ledger_fold(const struct sl_node *node, const struct sl_mixer_fold *fold, size_t at) {
    enum { AT_ONCE = 16 }; /* share their signs */
    const struct node_mix *mix = &node->mix;
    struct sl_ledger_vector vectors[AT_ONCE];
    struct sl_ledger_sums sums[AT_ONCE];
    if (mix->sums == NULL)
        return;
    struct sl_ledger_sums *row = mix->sums + (size_t)fold->index * (mix->count + 1U);
    const float *own = own_values(mix, fold);
    for (uint32_t k = 0; k <= fold->count;) {
        uint32_t places[AT_ONCE], count = 0;
        for (; k <= fold->count && count < AT_ONCE; k++) {
            if (k < fold->count && fold->sources[k].values == own)
                continue;
            places[count] = k < fold->count ? fold->numbers[k] : mix->count;
            vectors[count] = k < fold->count
                                 ? (struct sl_ledger_vector){.values = fold->sources[k].values, .minus = own}
                                 : (struct sl_ledger_vector){.values = fold->out};
            sums[count] = row[places[count]];
            count++;
        }
        sl_ledger_measure(sums, vectors, count, node->ledger.seed, first_of(node, fold->index) + at, fold->elements);
        for (uint32_t i = 0; i < count; i++)
            row[places[i]] = sums[i];
    }
}

/* A column of the rows: in the order of the chunks, so that both ends of an edge get the same bits. */
static struct sl_ledger_sums sum_column(const struct sl_node *node, uint32_t column) {
    struct sl_ledger_sums sums = {.elements = 0};
    const struct node_mix *mix = &node->mix;
    for (uint32_t i = 0; i < node->chunks.count; i++)
        sl_ledger_add(&sums, &mix->sums[(size_t)i * (mix->count + 1U) + column]);
    return sums;
}

static void write_source(struct sl_node *node, uint32_t number) {
    const struct node_mix *mix = &node->mix;
    const struct node_mix_source *source = &mix->sources[number];
    struct node_ledger_edge edge = {.round = mix->round,
                                    .joins = mix->round,
                                    .outcome = SL_EDGE_COUNTED,
                                    .weight = source->weight,
                                    .sums = sum_column(node, number)};
    if (source->incoming == NULL || edge.sums.elements == 0)
        return; /* the own one; or, of a stream, nothing of it came */
    memcpy(edge.peer, source->name, sizeof edge.peer);
    edge.peer_lineage = source->incoming->manifest.lineage;
    memcpy(edge.peer_digest, source->incoming->digest.bytes, sizeof edge.peer_digest);
    memcpy(edge.own_digest, node->update.digest.bytes, sizeof edge.own_digest);
    node_ledger_write(node, &edge);
}

void node_ledger_mixed(struct sl_node *node) {
    const struct node_mix *mix = &node->mix;
    struct sl_ledger_sums sums = node->ledger.model; /* mixed with nobody: it is as it was */
    if (mix->sums != NULL) {
        for (uint32_t i = 0; i < mix->count; i++)
            write_source(node, i);
        sums = sum_column(node, mix->count);
    }
    node_ledger_enter(node, NODE_LEDGER_MIXED, mix->round, &sums);
}

/* ---- of an exchange that is written off ---- */

struct write_off_job {
    struct sl_job job;
    struct sl_node *node;
    struct sl_block *theirs, *mine;
    struct node_ledger_edge edge;
};

static void run_write_off(struct sl_job *job) {
    struct write_off_job *off = (struct write_off_job *)job;
    node_ledger_compare(off->node, &off->edge.sums, off->theirs, off->mine);
}

static void handle_written_off(struct sl_job *job) {
    struct write_off_job *off = (struct write_off_job *)job;
    node_job_done(off->node);
    node_ledger_write(off->node, &off->edge);
    sl_block_unref(off->theirs);
    sl_block_unref(off->mine);
    free(off);
}

void node_ledger_write_off(struct sl_node *node, const struct node_ledger_edge *edge, struct sl_block *theirs,
                           struct sl_block *mine) {
    struct write_off_job *off = node->ledger.on ? calloc(1, sizeof *off) : NULL;
    if (off == NULL)
        return; /* without memory for a line the record says less */
    *off = (struct write_off_job){.job = {.run = run_write_off, .done = handle_written_off},
                                  .node = node,
                                  .theirs = sl_block_ref(theirs),
                                  .mine = sl_block_ref(mine),
                                  .edge = *edge};
    node_submit(node, node->pool, &off->job);
}
