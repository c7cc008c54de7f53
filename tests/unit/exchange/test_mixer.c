#include <criterion/criterion.h>
#include <math.h>

#include "exchange/mixer.h"

enum { SOURCES = 4, SELF = 1, COUNT = 3 };

static struct sl_chunks chunks;
static float *vectors[SOURCES];
static float *out;
static size_t elements;
static const double coefficients[SOURCES] = {100, 200, 300, 400};

static void make(void) {
    const uint64_t bytes = (uint64_t)(COUNT - 1) * SL_CHUNK_UNIT + 400;
    cr_assert_eq(sl_chunks_choose(&chunks, bytes, NULL), SL_OK);
    elements = (size_t)bytes / sizeof(float);
    out = calloc(elements, sizeof *out);
    for (int i = 0; i < SOURCES; i++) {
        vectors[i] = malloc(elements * sizeof(float));
        for (size_t e = 0; e < elements; e++)
            vectors[i][e] = (float)sin((double)e * 0.37 + i);
    }
}

static void unmake(void) {
    free(out);
    for (int i = 0; i < SOURCES; i++)
        free(vectors[i]);
}

static struct sl_mixer *open_mixer(void) {
    struct sl_mixer *mixer = NULL;
    const struct sl_mixer_options options = {.chunks = chunks,
                                             .coefficients = coefficients,
                                             .count = SOURCES,
                                             .self = SELF,
                                             .own = vectors[SELF],
                                             .out = out,
                                             .divisor = 1000};
    cr_assert_eq(sl_mixer_create(&mixer, &options, NULL), SL_OK);
    return mixer;
}

/* Folds all that is complete by now; how many chunks. */
static int fold_all(struct sl_mixer *mixer) {
    int folded = 0;
    struct sl_mean_source sources[SOURCES];
    uint32_t numbers[SOURCES];
    struct sl_mixer_fold fold = {.sources = sources, .numbers = numbers};
    while (sl_mixer_next(mixer, &fold)) {
        for (uint32_t i = 0; i < fold.count; i++)
            if (numbers[i] != SELF)
                sources[i].values = vectors[numbers[i]] + sl_chunk_first(&chunks, fold.index) / sizeof(float);
        sl_mean_fold(fold.out, fold.sources, fold.count, fold.divisor, fold.elements);
        sl_mixer_folded(mixer, fold.index);
        folded++;
    }
    return folded;
}

static float expected(size_t e, bool third_is_there) {
    double sum = 0;
    for (int i = 0; i < SOURCES; i++) {
        double c = coefficients[i];
        if (!third_is_there && i == 2)
            continue;
        if (!third_is_there && i == SELF)
            c += coefficients[2];
        sum += c * (double)vectors[i][e];
    }
    return (float)(sum / 1000);
}

TestSuite(mixer, .init = make, .fini = unmake);

Test(mixer, folds_a_chunk_when_its_last_source_has_it) {
    struct sl_mixer *mixer = open_mixer();
    sl_mixer_offer(mixer, 0, COUNT);
    sl_mixer_offer(mixer, 3, 2);
    cr_assert_eq(fold_all(mixer), 0);
    sl_mixer_offer(mixer, 2, 1);
    cr_assert_eq(fold_all(mixer), 1);
    sl_mixer_offer(mixer, 2, COUNT);
    cr_assert_eq(fold_all(mixer), 1);
    cr_assert_not(sl_mixer_is_done(mixer));
    sl_mixer_offer(mixer, 3, COUNT);
    cr_assert_eq(fold_all(mixer), 1);
    cr_assert(sl_mixer_is_done(mixer));
    for (size_t e = 0; e < elements; e++)
        cr_assert_eq(out[e], expected(e, true), "element %zu", e);
    sl_mixer_destroy(mixer);
}

Test(mixer, a_source_that_fails_is_left_out_from_its_first_missing_chunk_on) {
    struct sl_mixer *mixer = open_mixer();
    sl_mixer_offer(mixer, 0, COUNT);
    sl_mixer_offer(mixer, 3, COUNT);
    sl_mixer_offer(mixer, 2, 1);
    cr_assert_eq(fold_all(mixer), 1);
    sl_mixer_fail(mixer, 2);
    cr_assert_eq(fold_all(mixer), COUNT - 1);
    cr_assert(sl_mixer_is_done(mixer));
    size_t first = (size_t)sl_chunk_first(&chunks, 1) / sizeof(float);
    for (size_t e = 0; e < elements; e++)
        cr_assert_eq(out[e], expected(e, e < first), "element %zu", e);
    sl_mixer_destroy(mixer);
}

Test(mixer, everybody_gone_leaves_the_own_update) {
    struct sl_mixer *mixer = open_mixer();
    for (uint32_t i = 0; i < SOURCES; i++)
        if (i != SELF)
            sl_mixer_fail(mixer, i);
    cr_assert_eq(fold_all(mixer), COUNT);
    for (size_t e = 0; e < elements; e++)
        cr_assert_eq(out[e], vectors[SELF][e]);
    sl_mixer_destroy(mixer);
}
