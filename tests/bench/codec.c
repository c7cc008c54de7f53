/* What updates in int8 cost the processor, beside those in f32: one thread, kernels alone.
 *
 * usage: bench_codec BYTES SOURCES PASSES
 *
 * One line of JSON: medians of PASSES in GB (10^9 bytes) of f32 a second, for a model of BYTES: to encode it, to decode
 * it, to check what came (`sound`), SHA-256 of its payload in f32 and int8; and to fold SOURCES updates of it that are
 * held in f32, or in int8, a chunk of SL_CHUNK_UNIT at a time as nodes do. */
#include <stdio.h>
#include <stdlib.h>

#include "aggregate/mean.h"
#include "aggregate/quantise.h"
#include "base/clock.h"
#include "base/random.h"
#include "crypto/digest.h"
#include "wire/limits.h"

enum { SOURCES_MAX = 64, PASSES_MAX = 1000, CHUNK = SL_CHUNK_UNIT / sizeof(float) };

struct bench {
    size_t elements, sources;
    float *model, *out, *decoded;
    uint8_t *payloads[SOURCES_MAX];
    float *updates[SOURCES_MAX];
};

static void *take(size_t bytes) {
    void *memory = calloc(1, bytes);
    if (memory == NULL) {
        fprintf(stderr, "bench_codec: out of memory\n");
        exit(1);
    }
    return memory;
}

static int compare(const void *a, const void *b) {
    const double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static void encode(struct bench *bench) {
    if (!sl_quantise_encode(bench->payloads[0], bench->model, bench->elements, 0, sl_quantise_blocks(bench->elements),
                            7))
        exit(1);
}

static void decode(struct bench *bench) {
    sl_quantise_decode(bench->out, bench->payloads[0], bench->elements, 0, bench->elements);
}

static void check(struct bench *bench) {
    if (!sl_quantise_is_sound(bench->payloads[0], 0, sl_quantise_bytes(bench->elements), bench->elements))
        exit(1);
}

static void digest_f32(struct bench *bench) {
    struct sl_digest digest;
    sl_digest_of(&digest, bench->model, bench->elements * sizeof(float));
}

static void digest_int8(struct bench *bench) {
    struct sl_digest digest;
    sl_digest_of(&digest, bench->payloads[0], sl_quantise_bytes(bench->elements));
}

static void fold(struct bench *bench, bool int8) {
    struct sl_mean_source sources[SOURCES_MAX];
    for (size_t first = 0; first < bench->elements; first += CHUNK) {
        size_t count = bench->elements - first < CHUNK ? bench->elements - first : CHUNK;
        for (size_t k = 0; k < bench->sources; k++) {
            sources[k] = (struct sl_mean_source){bench->updates[k] + first, 1};
            if (!int8)
                continue;
            sources[k].values = bench->decoded + k * CHUNK;
            sl_quantise_decode(bench->decoded + k * CHUNK, bench->payloads[k], bench->elements, first, count);
        }
        if (int8)
            sl_mean_fold_onto(bench->out + first, sources, bench->sources, (double)bench->sources, bench->model + first,
                              sources[0].values, count);
        else
            sl_mean_fold(bench->out + first, sources, bench->sources, (double)bench->sources, count);
    }
}

static void fold_f32(struct bench *bench) {
    fold(bench, false);
}

static void fold_int8(struct bench *bench) {
    fold(bench, true);
}

static double measure(struct bench *bench, void (*run)(struct bench *), size_t passes) {
    double rates[PASSES_MAX];
    run(bench);
    for (size_t i = 0; i < passes; i++) {
        sl_time start = sl_clock_monotonic();
        run(bench);
        rates[i] = (double)bench->elements * sizeof(float) / 1e9 / sl_time_to_seconds(sl_clock_monotonic() - start);
    }
    qsort(rates, passes, sizeof *rates, compare);
    return rates[passes / 2];
}

static void fill(struct bench *bench) {
    struct sl_random random;
    sl_random_init(&random, 1, 1);
    for (size_t e = 0; e < bench->elements; e++)
        bench->model[e] = (float)(sl_random_unit(&random) - 0.5);
    for (size_t k = 0; k < bench->sources; k++) {
        bench->payloads[k] = take(sl_quantise_bytes(bench->elements));
        bench->updates[k] = take(bench->elements * sizeof(float));
        if (!sl_quantise_encode(bench->payloads[k], bench->model, bench->elements, 0,
                                sl_quantise_blocks(bench->elements), k))
            exit(1);
        sl_quantise_decode(bench->updates[k], bench->payloads[k], bench->elements, 0, bench->elements);
    }
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        void (*run)(struct bench *);
    } kernels[] = {{"encode", encode},         {"decode", decode},           {"sound", check},
                   {"digest_f32", digest_f32}, {"digest_int8", digest_int8}, {"fold_f32", fold_f32},
                   {"fold_int8", fold_int8}};
    struct bench bench = {.elements = argc == 4 ? strtoull(argv[1], NULL, 10) / sizeof(float) : 0};
    size_t passes = bench.elements > 0 ? strtoull(argv[3], NULL, 10) : 0;
    bench.sources = bench.elements > 0 ? strtoull(argv[2], NULL, 10) : 0;
    if (passes < 1 || passes > PASSES_MAX || bench.sources < 1 || bench.sources > SOURCES_MAX) {
        fprintf(stderr, "usage: bench_codec BYTES SOURCES PASSES\n");
        return 64;
    }
    bench.model = take(bench.elements * sizeof(float));
    bench.out = take(bench.elements * sizeof(float));
    bench.decoded = take(bench.sources * CHUNK * sizeof(float));
    fill(&bench);
    printf("{\"bytes\": %zu, \"sources\": %zu", bench.elements * sizeof(float), bench.sources);
    for (size_t i = 0; i < sizeof kernels / sizeof kernels[0]; i++)
        printf(", \"%s\": %.3f", kernels[i].name, measure(&bench, kernels[i].run, passes));
    printf("}\n");
    for (size_t k = 0; k < bench.sources; k++) {
        free(bench.payloads[k]);
        free(bench.updates[k]);
    }
    free(bench.model);
    free(bench.out);
    free(bench.decoded);
    return 0;
}
