#include "exchange/mixer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct mix_source {
    double coefficient;
    uint32_t offered; /* chunks that are there */
    bool failed;
};

struct sl_mixer {
    struct sl_mixer_options options;
    struct mix_source *sources;
    uint32_t handed; /* chunks handed out */
    uint32_t folded;
};

enum sl_status sl_mixer_create(struct sl_mixer **out, const struct sl_mixer_options *options, struct sl_error *error) {
    assert(options->self < options->count && options->own != options->out);
    struct sl_mixer *mixer = calloc(1, sizeof *mixer);
    if (mixer != NULL)
        mixer->sources = calloc(options->count, sizeof *mixer->sources);
    if (mixer == NULL || mixer->sources == NULL) {
        free(mixer);
        return sl_error_set(error, SL_NO_MEMORY, "out of memory for a mixing pass of %u", options->count);
    }
    mixer->options = *options;
    mixer->options.coefficients = NULL;
    for (uint32_t i = 0; i < options->count; i++)
        mixer->sources[i].coefficient = options->coefficients[i];
    mixer->sources[options->self].offered = options->chunks.count;
    *out = mixer;
    return SL_OK;
}

void sl_mixer_destroy(struct sl_mixer *mixer) {
    if (mixer == NULL)
        return;
    free(mixer->sources);
    free(mixer);
}

void sl_mixer_offer(struct sl_mixer *mixer, uint32_t source, uint32_t chunks) {
    assert(source != mixer->options.self && chunks <= mixer->options.chunks.count);
    if (chunks > mixer->sources[source].offered)
        mixer->sources[source].offered = chunks;
}

void sl_mixer_fail(struct sl_mixer *mixer, uint32_t source) {
    assert(source != mixer->options.self);
    mixer->sources[source].failed = true;
}

bool sl_mixer_next(struct sl_mixer *mixer, struct sl_mixer_fold *fold) {
    const struct sl_mixer_options *options = &mixer->options;
    uint32_t index = mixer->handed;
    if (index == options->chunks.count)
        return false;
    double at_home = 0;
    uint32_t own = 0;
    fold->count = 0;
    for (uint32_t i = 0; i < options->count; i++) {
        const struct mix_source *source = &mixer->sources[i];
        if (source->offered <= index) {
            if (!source->failed)
                return false;
            at_home += source->coefficient;
            continue;
        }
        if (i == options->self)
            own = fold->count;
        fold->numbers[fold->count] = i;
        fold->sources[fold->count++] = (struct sl_mean_source){.values = NULL, .coefficient = source->coefficient};
    }
    size_t first = (size_t)(sl_chunk_first(&options->chunks, index) / sizeof(float));
    fold->sources[own].values = options->own + first;
    fold->sources[own].coefficient += at_home;
    fold->index = index;
    fold->elements = sl_chunk_length(&options->chunks, index) / (uint32_t)sizeof(float);
    fold->divisor = options->divisor;
    fold->out = options->out + first;
    mixer->handed++;
    return true;
}

void sl_mixer_folded(struct sl_mixer *mixer, uint32_t index) {
    assert(index < mixer->handed && mixer->folded < mixer->handed);
    (void)index;
    mixer->folded++;
}

bool sl_mixer_is_done(const struct sl_mixer *mixer) {
    return mixer->folded == mixer->options.chunks.count;
}
