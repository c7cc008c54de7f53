/* A data set that a network can learn in a few steps, in memory. */
#ifndef TEST_LEARNER_TOY_H
#define TEST_LEARNER_TOY_H

#include "learner/learner.h"

struct toy {
    struct sl_dataset dataset;
    uint32_t *selection; /* all of it */
};

/* Each class has a bright patch at a place of its own, under noise. */
void toy_make(struct toy *toy, size_t count, uint32_t channels, uint32_t side);
void toy_finish(struct toy *toy);

/* SGD of batch 20 and rate 0.05, one epoch, one lane and thread. */
struct sl_learner_options toy_options(enum sl_network network);
struct sl_learner *toy_learner(const struct toy *toy, const struct sl_learner_options *options);
float *toy_model(const struct sl_learner *learner); /* seed 5; the caller frees */

#endif
