/* One side of the benchmark `learner`: the built-in learner, an epoch at a time.
 *
 * usage: learner_bench mlp|lenet5 FOLDER BATCH LANES THREADS SHARED
 *
 * FOLDER holds Fashion-MNIST's four files. Each line read from standard input is a learning rate, with which one epoch
 * is trained; then one line of JSON (an empty one at the start) says how long that took, the mean loss, the accuracy on
 * the test set and how long finding it took. So that the other side can start from the same model and see the same
 * examples in the same order, the folder SHARED gets model.safetensors at the start and, with each epoch, order: the
 * indices as little-endian 32-bit numbers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "data/batch.h"
#include "learner/learner.h"

struct bench {
    struct sl_learner_options options;
    struct sl_dataset *train, *test;
    uint32_t *selection, *order;
    const char *shared;
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

/* A learner has one rate: another one takes another learner. The model is the caller's and goes on. */
static enum sl_status set_rate(struct bench *bench, double rate, struct sl_error *error) {
    if (bench->learner != NULL && bench->options.rate == rate)
        return SL_OK;
    sl_learner_destroy(bench->learner);
    bench->options.rate = rate;
    return sl_learner_create_builtin(&bench->learner, &bench->options, bench->train, bench->selection,
                                     bench->train->count, bench->test, error);
}

static enum sl_status prepare(struct bench *bench, char **arguments, struct sl_error *error) {
    bench->shared = arguments[6];
    bench->options = (struct sl_learner_options){
        .network = strcmp(arguments[1], "lenet5") == 0 ? SL_NETWORK_LENET5 : SL_NETWORK_MLP,
        .optimizer = SL_OPTIMIZER_SGD,
        .epochs = 1,
        .batch = (uint32_t)atoi(arguments[3]),
        .lanes = (uint32_t)atoi(arguments[4]),
        .threads = (uint32_t)atoi(arguments[5]),
        .seed = 1,
    };
    enum sl_status status = load_pair(&bench->train, arguments[2], "train", error);
    if (status == SL_OK)
        status = load_pair(&bench->test, arguments[2], "t10k", error);
    if (status != SL_OK)
        return status;
    bench->selection = malloc(bench->train->count * sizeof *bench->selection);
    bench->order = malloc(bench->train->count * sizeof *bench->order);
    if (bench->selection == NULL || bench->order == NULL)
        return SL_NO_MEMORY;
    for (size_t i = 0; i < bench->train->count; i++)
        bench->selection[i] = (uint32_t)i;
    status = set_rate(bench, 1, error);
    if (status != SL_OK)
        return status;
    bench->values = malloc(bench->learner->layout.elements * sizeof *bench->values);
    if (bench->values == NULL)
        return SL_NO_MEMORY;
    sl_learner_initialize(bench->learner, bench->values, 1);
    const struct sl_tensor_group group = {"", &bench->learner->layout, bench->values};
    char path[4096];
    snprintf(path, sizeof path, "%s/model.safetensors", bench->shared);
    return sl_safetensors_save(path, &group, 1, NULL, error);
}

/* The order in which the learner will see the examples of a round. */
static enum sl_status share_order(const struct bench *bench, uint64_t round, struct sl_error *error) {
    const size_t count = bench->train->count;
    char path[4096];
    snprintf(path, sizeof path, "%s/order", bench->shared);
    sl_batch_shuffle(bench->order, bench->selection, count, bench->options.seed, round, 0);
    return sl_file_replace(path, bench->order, count * sizeof *bench->order, 0600, error);
}

static enum sl_status run_epoch(struct bench *bench, uint64_t round, double rate, struct sl_error *error) {
    struct sl_training training = {.round = round};
    struct sl_evaluation evaluation;
    enum sl_status status = set_rate(bench, rate, error);
    if (status == SL_OK)
        status = share_order(bench, round, error);
    if (status != SL_OK)
        return status;
    const sl_time begin = sl_clock_monotonic();
    status = bench->learner->interface->train(bench->learner, bench->values, &training, error);
    if (status != SL_OK)
        return status;
    const sl_time trained = sl_clock_monotonic();
    status = bench->learner->interface->evaluate(bench->learner, bench->values, &evaluation, error);
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
        fprintf(stderr, "usage: learner_bench mlp|lenet5 FOLDER BATCH LANES THREADS SHARED\n");
        return 64;
    }
    struct bench bench = {0};
    static struct sl_error error;
    char line[64];
    enum sl_status status = prepare(&bench, arguments, &error);
    if (status == SL_OK) {
        printf("{}\n"); /* ready */
        fflush(stdout);
    }
    for (uint64_t round = 1; status == SL_OK && fgets(line, sizeof line, stdin) != NULL; round++)
        status = run_epoch(&bench, round, strtod(line, NULL), &error);
    if (status != SL_OK)
        fprintf(stderr, "learner_bench: %s: %s\n", sl_status_text(status), error.text);
    free(bench.values);
    sl_learner_destroy(bench.learner);
    free(bench.order);
    free(bench.selection);
    sl_dataset_destroy(bench.test);
    sl_dataset_destroy(bench.train);
    return status == SL_OK ? 0 : 1;
}
