#include "aggregate/mean.h"

/* The compiler makes a variant a vector width; with -ffp-contract=off every one does the same additions and
 * multiplications for an element in the same order, so all give the same bits. ThreadSanitizer's runtime is not ready
 * yet when the loader asks which variant to take, and crashes there. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SL_NO_VARIANTS
#endif
#endif
#if defined(__SANITIZE_THREAD__) || !defined(__x86_64__) || !defined(__gnu_linux__)
#define SL_NO_VARIANTS
#endif
#ifdef SL_NO_VARIANTS
#define SL_VARIANTS
#else
#define SL_VARIANTS __attribute__((target_clones("default", "avx2", "avx512f")))
#endif

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

void sl_mean_fold(float *out, const struct sl_mean_source *sources, size_t count, double divisor, size_t elements) {
    double sum[TILE];
    for (size_t first = 0; first < elements; first += TILE) {
        const size_t n = elements - first < TILE ? elements - first : TILE;
        for (size_t i = 0; i < n; i++)
            sum[i] = 0.0;
        size_t k = 0;
        for (; k + 4 <= count; k += 4)
            add_four(sum, sources + k, first, n);
        for (; k < count; k++)
            add_one(sum, sources + k, first, n);
        store((any_float *)out + first, sum, divisor, n);
    }
}

SL_VARIANTS static void add_difference(any_float *out, const any_float *theirs, const any_float *mine, double weight,
                                       size_t n) {
    for (size_t i = 0; i < n; i++)
        out[i] = (float)((double)out[i] + weight * ((double)theirs[i] - (double)mine[i]));
}

/* The variants are static: clang 14 gives those of a public function other names than its callers look for. */
void sl_mean_add_difference(float *out, const float *theirs, const float *mine, double weight, size_t elements) {
    add_difference((any_float *)out, (const any_float *)theirs, (const any_float *)mine, weight, elements);
}
