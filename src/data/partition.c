#include "data/partition.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"

/* What the seed's streams are for: numbers of one use never shift those of another. */
enum { STREAM_ORDER = 0x7061, STREAM_PIECES = 0x7062, STREAM_CLASS = 0x7100 /* + class */ };

/* The part being gathered. */
struct selection {
    uint32_t *indices;
    size_t count;
    uint32_t part, parts;
    uint64_t seed;
};

static void take(struct selection *selection, const uint32_t *from, size_t first, size_t end) {
    memcpy(selection->indices + selection->count, from + first, (end - first) * sizeof *from);
    selection->count += end - first;
}

/* Where piece i of `pieces` begins: the remainder is spread over them. */
static size_t boundary(size_t count, size_t i, size_t pieces) {
    return (size_t)((uint64_t)count * i / pieces); /* both < 2^32 */
}

static void select_iid(struct selection *selection, uint32_t *scratch, size_t count) {
    struct sl_random random;
    sl_random_init(&random, selection->seed, STREAM_ORDER);
    sl_random_permutation(&random, scratch, (uint32_t)count);
    take(selection, scratch, boundary(count, selection->part, selection->parts),
         boundary(count, (size_t)selection->part + 1, selection->parts));
}

/* The examples of each class behind those of the class before, each class in ascending order. starts[c] is where
 * class c begins, starts[classes] the end. */
static void sort_by_label(uint32_t *out, size_t *starts, const struct sl_dataset *dataset) {
    size_t position = 0;
    for (uint32_t c = 0; c < dataset->classes; c++) {
        starts[c] = position;
        for (size_t i = 0; i < dataset->count; i++)
            if (dataset->labels[i] == c)
                out[position++] = (uint32_t)i;
    }
    starts[dataset->classes] = position;
}

static enum sl_status select_shards(struct selection *selection, const uint32_t *sorted, size_t count,
                                    uint32_t shards) {
    const size_t pieces = (size_t)selection->parts * shards;
    if (pieces > count)
        return SL_SETTINGS;
    uint32_t *order = malloc(pieces * sizeof *order);
    if (order == NULL)
        return SL_NO_MEMORY;
    struct sl_random random;
    sl_random_init(&random, selection->seed, STREAM_PIECES);
    sl_random_permutation(&random, order, (uint32_t)pieces);
    for (size_t i = 0; i < shards; i++) {
        size_t piece = order[(size_t)selection->part * shards + i];
        take(selection, sorted, boundary(count, piece, pieces), boundary(count, piece + 1, pieces));
    }
    free(order);
    return SL_OK;
}

/* Takes this part's share of `from`, cut in the proportions of `weights` (one a part, sum > 0). */
static void take_share(struct selection *selection, const uint32_t *from, size_t count, const double *weights) {
    double sum = 0, before = 0;
    for (uint32_t i = 0; i < selection->parts; i++) {
        sum += weights[i];
        before += i < selection->part ? weights[i] : 0;
    }
    double after = before + weights[selection->part];
    size_t first = (size_t)(before / sum * (double)count + 0.5);
    size_t end = selection->part + 1 == selection->parts ? count : (size_t)(after / sum * (double)count + 0.5);
    first = first < count ? first : count;
    end = end < count ? end : count;
    take(selection, from, first, end);
}

/* Draws the proportions of one class. With a tiny alpha every gamma variate can round to 0; the limit of the
 * distribution is then all for one part. */
static void draw_dirichlet(double *weights, uint32_t parts, double alpha, struct sl_random *random) {
    double sum = 0;
    for (uint32_t i = 0; i < parts; i++)
        sum += weights[i] = sl_random_gamma(random, alpha);
    if (!(sum > 0))
        weights[sl_random_below(random, parts)] = 1;
}

static void shuffle(uint32_t *items, size_t count, struct sl_random *random) {
    for (size_t i = count; i > 1; i--) {
        size_t j = (size_t)sl_random_below(random, i);
        uint32_t held = items[i - 1];
        items[i - 1] = items[j];
        items[j] = held;
    }
}

static enum sl_status select_dirichlet(struct selection *selection, uint32_t *sorted, const size_t *starts,
                                       uint32_t classes, double alpha) {
    double *weights = malloc(selection->parts * sizeof *weights);
    if (weights == NULL)
        return SL_NO_MEMORY;
    for (uint32_t c = 0; c < classes; c++) {
        struct sl_random random;
        sl_random_init(&random, selection->seed, STREAM_CLASS + (uint64_t)c);
        draw_dirichlet(weights, selection->parts, alpha, &random);
        shuffle(sorted + starts[c], starts[c + 1] - starts[c], &random);
        take_share(selection, sorted + starts[c], starts[c + 1] - starts[c], weights);
    }
    free(weights);
    return SL_OK;
}

static enum sl_status select_share(struct selection *selection, const struct sl_partition *partition, uint32_t *scratch,
                                   size_t count) {
    if (partition->share_count != selection->parts)
        return SL_SETTINGS;
    struct sl_random random;
    sl_random_init(&random, selection->seed, STREAM_ORDER);
    sl_random_permutation(&random, scratch, (uint32_t)count);
    take_share(selection, scratch, count, partition->shares);
    return SL_OK;
}

static enum sl_status select_by_kind(struct selection *selection, const struct sl_partition *partition,
                                     const struct sl_dataset *dataset, uint32_t *scratch) {
    size_t starts[UINT8_MAX + 2]; /* labels are bytes */
    switch (partition->kind) {
    case SL_PARTITION_IID:
        select_iid(selection, scratch, dataset->count);
        return SL_OK;
    case SL_PARTITION_SHARDS:
        sort_by_label(scratch, starts, dataset);
        return select_shards(selection, scratch, dataset->count, partition->shards);
    case SL_PARTITION_DIRICHLET:
        sort_by_label(scratch, starts, dataset);
        return select_dirichlet(selection, scratch, starts, dataset->classes, partition->alpha);
    case SL_PARTITION_SHARE:
        return select_share(selection, partition, scratch, dataset->count);
    }
    return SL_INTERNAL;
}

static int compare_index(const void *left, const void *right) {
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

enum sl_status sl_partition_select(uint32_t **out, size_t *count, const struct sl_partition *partition,
                                   const struct sl_dataset *dataset, uint32_t part, uint32_t parts, uint64_t seed,
                                   struct sl_error *error) {
    *out = NULL;
    *count = 0;
    if (part >= parts)
        return sl_error_set(error, SL_SETTINGS, "part %u of %u parts: expected 0 to one less than the parts", part,
                            parts);
    struct selection selection = {.part = part, .parts = parts, .seed = seed};
    uint32_t *scratch = malloc(dataset->count * sizeof *scratch);
    selection.indices = malloc(dataset->count * sizeof *selection.indices);
    enum sl_status status = SL_NO_MEMORY;
    if (scratch != NULL && selection.indices != NULL)
        status = select_by_kind(&selection, partition, dataset, scratch);
    if (status == SL_OK && selection.count == 0)
        status = SL_SETTINGS;
    free(scratch);
    if (status != SL_OK) {
        free(selection.indices);
        return sl_error_set(
            error, status, "part %u of %u parts of %zu examples cannot be made: %s", part, parts, dataset->count,
            status == SL_NO_MEMORY ? "out of memory" : "it would be empty, or the shares do not match the parts");
    }
    qsort(selection.indices, selection.count, sizeof *selection.indices, compare_index);
    *out = selection.indices;
    *count = selection.count;
    return SL_OK;
}
