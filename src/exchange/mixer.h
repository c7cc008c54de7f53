/* One mixing pass: out = Σ c_k q_k / divisor (aggregate/mean.h), chunk by chunk, each as soon as all its sources have
 * it.
 *
 * Sources are in name order, own update in its place. A source that fails is left out from its first missing chunk on:
 * its coefficient goes to the own update there, so its weight stays at home. The pass knows no threads: sl_mixer_next
 * hands a chunk out, whoever folded it says sl_mixer_folded; different chunks may be folded at the same time. */
#ifndef SL_EXCHANGE_MIXER_H
#define SL_EXCHANGE_MIXER_H

#include "aggregate/mean.h"
#include "exchange/chunks.h"

struct sl_mixer;

struct sl_mixer_options {
    struct sl_chunks chunks;
    const double *coefficients; /* one a source, copied */
    uint32_t count;             /* sources, self included */
    uint32_t self;              /* index of the own update */
    const float *own;           /* borrowed for the pass: payload_bytes / 4 values */
    float *out;                 /* borrowed for the pass; another vector than own */
    double divisor;
};

SL_MUST_USE enum sl_status sl_mixer_create(struct sl_mixer **out, const struct sl_mixer_options *options,
                                           struct sl_error *error);
void sl_mixer_destroy(struct sl_mixer *mixer);

/* Chunks 0 … `chunks` − 1 of `source` can be read through sl_mixer_fold.sources from now on; never falls. */
void sl_mixer_offer(struct sl_mixer *mixer, uint32_t source, uint32_t chunks);
/* No more chunks of this source than were offered. */
void sl_mixer_fail(struct sl_mixer *mixer, uint32_t source);

/* A chunk to fold. The caller fills `values` of each source but the own one with its chunk's bytes. */
struct sl_mixer_fold {
    uint32_t index;
    uint32_t count; /* sources that take part */
    uint32_t elements;
    double divisor;
    float *out;
    struct sl_mean_source *sources; /* the caller's array of at least options.count */
    uint32_t *numbers;              /* the same: which source each one is */
};
/* The next chunk that is complete, in order of index; false when there is none by now. */
bool sl_mixer_next(struct sl_mixer *mixer, struct sl_mixer_fold *fold);
void sl_mixer_folded(struct sl_mixer *mixer, uint32_t index);
bool sl_mixer_is_done(const struct sl_mixer *mixer); /* every chunk was folded */

#endif
