/* One side of the benchmark `learner`: the built-in learner, an epoch at a time.
 *
 * usage: learner_bench mlp|lenet5 FOLDER BATCH RATE LANES THREADS
 *
 * FOLDER holds Fashion-MNIST's four files. Each line read from standard input trains one epoch; then one line of JSON
 * says how long that took, the mean loss, the accuracy on the test set and how long finding it took. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "learner/learner.h"

struct bench {
    struct sl_dataset *train, *test;
    uint32_t *selection;
    struct sl_learner *learner;
    float *values;
};

static enum sl_status load_pair(struct sl_dataset **out, const char *folder, const char *part, struct sl_error *error) {
    char images[4096], labels[4096];
    snprintf(images, sizeof images, "%s/%s-images-idx3-ubyte.gz", folder, part);
    snprintf(labels, sizeof labels, "%s/%s-labels-idx1-ubyte.gz", folder, part);
    const char *const paths[] = {images, labels};
    return sl_dataset_load(out, SL_DATA_IDX, paths, 2, error);
}

static enum sl_status prepare(struct bench *bench, char **arguments, struct sl_error *error) {
    const struct sl_learner_options options = {
        .network = strcmp(arguments[1], "lenet5") == 0 ? SL_NETWORK_LENET5 : SL_NETWORK_MLP,
        .optimizer = SL_OPTIMIZER_SGD,
        .rate = atof(arguments[4]),
        .epochs = 1,
        .batch = (uint32_t)atoi(arguments[3]),
        .lanes = (uint32_t)atoi(arguments[5]),
        .threads = (uint32_t)atoi(arguments[6]),
        .seed = 1,
    };
    enum sl_status status = load_pair(&bench->train, arguments[2], "train", error);
    if (status == SL_OK)
        status = load_pair(&bench->test, arguments[2], "t10k", error);
    if (status != SL_OK)
        return status;
    bench->selection = malloc(bench->train->count * sizeof *bench->selection);
    if (bench->selection == NULL)
        return SL_NO_MEMORY;
    for (size_t i = 0; i < bench->train->count; i++)
        bench->selection[i] = (uint32_t)i;
    status = sl_learner_create_builtin(&bench->learner, &options, bench->train, bench->selection, bench->train->count,
                                       bench->test, error);
    if (status != SL_OK)
        return status;
    bench->values = malloc(bench->learner->layout.elements * sizeof *bench->values);
    if (bench->values == NULL)
        return SL_NO_MEMORY;
    sl_learner_initialize(bench->learner, bench->values, 1);
    return SL_OK;
}

static enum sl_status run_epoch(struct bench *bench, uint64_t round, struct sl_error *error) {
    struct sl_training training = {.round = round};
    struct sl_evaluation evaluation;
    struct sl_learner *learner = bench->learner;
    const sl_time begin = sl_clock_monotonic();
    enum sl_status status = learner->interface->train(learner, bench->values, &training, error);
    if (status != SL_OK)
        return status;
    const sl_time trained = sl_clock_monotonic();
    status = learner->interface->evaluate(learner, bench->values, &evaluation, error);
    if (status != SL_OK)
        return status;
    printf("{\"seconds\": %.6f, \"loss\": %.6f, \"accuracy\": %.6f, \"evaluation_seconds\": %.6f}\n",
           sl_time_to_seconds(trained - begin), training.loss, evaluation.accuracy,
           sl_time_to_seconds(sl_clock_monotonic() - trained));
    fflush(stdout);
    return SL_OK;
}

int main(int count, char **arguments) {
    if (count != 7) {
        fprintf(stderr, "usage: learner_bench mlp|lenet5 FOLDER BATCH RATE LANES THREADS\n");
        return 64;
    }
    struct bench bench = {0};
    static struct sl_error error;
    char line[64];
    enum sl_status status = prepare(&bench, arguments, &error);
    for (uint64_t round = 1; status == SL_OK && fgets(line, sizeof line, stdin) != NULL; round++)
        status = run_epoch(&bench, round, &error);
    if (status != SL_OK)
        fprintf(stderr, "learner_bench: %s: %s\n", sl_status_text(status), error.text);
    free(bench.values);
    sl_learner_destroy(bench.learner);
    free(bench.selection);
    sl_dataset_destroy(bench.test);
    sl_dataset_destroy(bench.train);
    return status == SL_OK ? 0 : 1;
}
