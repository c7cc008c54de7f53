#include "aggregate/mean.h"

#include "aggregate/variants.h"

/* 16 KiB of double: the sums stay in the first-level cache while the sources pass by. */
enum { TILE = 2048 };

/* A received chunk may begin at any byte. */
typedef float any_float __attribute__((aligned(1)));

/* Four sources a pass: the sums are loaded and stored once for four additions, still one after another in order. */
SL_VARIANTS static void add_four(double *restrict sum, const struct sl_mean_source *sources, size_t first, size_t n) {
    const any_float *a = (const any_float *)sources[0].values + first;
    const any_float *b = (const any_float *)sources[1].values + first;
    const any_float *c = (const any_float *)sources[2].values + first;
    const any_float *d = (const any_float *)sources[3].values + first;
    const double wa = sources[0].coefficient, wb = sources[1].coefficient;
    const double wc = sources[2].coefficient, wd = sources[3].coefficient;
    for (size_t i = 0; i < n; i++)
        sum[i] = (((sum[i] + wa * (double)a[i]) + wb * (double)b[i]) + wc * (double)c[i]) + wd * (double)d[i];
}

SL_VARIANTS static void add_one(double *restrict sum, const struct sl_mean_source *source, size_t first, size_t n) {
    const any_float *a = (const any_float *)source->values + first;
    const double weight = source->coefficient;
    for (size_t i = 0; i < n; i++)
        sum[i] += weight * (double)a[i];
}

SL_VARIANTS static void store(any_float *restrict out, const double *restrict sum, double divisor, size_t n) {
    for (size_t i = 0; i < n; i++)
        out[i] = (float)(sum[i] / divisor);
}

SL_VARIANTS static void store_onto(any_float *out, const double *sum, double divisor, const any_float *kept,
                                   const any_float *sent, size_t n) {
    for (size_t i = 0; i < n; i++)
        out[i] = (float)(sum[i] / divisor + ((double)kept[i] - (double)sent[i]));
}

static void add_all(double *sum, const struct sl_mean_source *sources, size_t count, size_t first, size_t n) {
    for (size_t i = 0; i < n; i++)
        sum[i] = 0.0;
    size_t k = 0;
    for (; k + 4 <= count; k += 4)
        add_four(sum, sources + k, first, n);
    for (; k < count; k++)
        add_one(sum, sources + k, first, n);
}

void sl_mean_fold(float *out, const struct sl_mean_source *sources, size_t count, double divisor, size_t elements) {
    double sum[TILE];
    for (size_t first = 0; first < elements; first += TILE) {
        const size_t n = elements - first < TILE ? elements - first : TILE;
        add_all(sum, sources, count, first, n);
        store((any_float *)out + first, sum, divisor, n);
    }
}

void sl_mean_fold_onto(float *out, const struct sl_mean_source *sources, size_t count, double divisor,
                       const float *kept, const float *sent, size_t elements) {
    double sum[TILE];
    for (size_t first = 0; first < elements; first += TILE) {
        const size_t n = elements - first < TILE ? elements - first : TILE;
        add_all(sum, sources, count, first, n);
        store_onto((any_float *)out + first, sum, divisor, (const any_float *)kept + first,
                   (const any_float *)sent + first, n);
    }
}

SL_VARIANTS static void add_difference(any_float *out, const any_float *theirs, const any_float *mine, double weight,
                                       size_t n) {
    for (size_t i = 0; i < n; i++)
        out[i] = (float)((double)out[i] + weight * ((double)theirs[i] - (double)mine[i]));
}

void sl_mean_add_difference(float *out, const float *theirs, const float *mine, double weight, size_t elements) {
    add_difference((any_float *)out, (const any_float *)theirs, (const any_float *)mine, weight, elements);
}
