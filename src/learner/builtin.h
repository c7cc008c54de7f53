/* The built-in learner's parts: made in builtin.c, used by train.c and evaluate.c. Private to learner. */
#ifndef SL_LEARNER_BUILTIN_H
#define SL_LEARNER_BUILTIN_H

#include "learner/engine.h"
#include "learner/lanes.h"
#include "learner/optimizer.h"

/* A lane writes only its own; the caller reads it when all lanes have returned. */
struct sl_lane {
    struct sl_engine trainer, evaluator; /* no evaluator without a test set */
    float *gradient;                     /* [parameters] */
    uint8_t *labels;                     /* as many as the larger engine has rows */
    double loss;                         /* summed over its examples */
    uint64_t right;
    enum sl_status status;
    struct sl_error error;
};

struct sl_builtin {
    struct sl_learner learner; /* first: what callers hold */
    struct sl_learner_options options;
    struct sl_network_plan plan;
    const struct sl_dataset *train, *test; /* borrowed */
    uint32_t *selection, *order;           /* own examples; and in the order of a pass */
    size_t count;
    uint32_t lane_rows; /* of a trainer */
    uint32_t evaluation_rows;
    struct sl_optimizer_state optimizer;
    struct sl_lanes *lanes;
    struct sl_lane *lane; /* options.lanes of them */
};

enum sl_status sl_builtin_train(struct sl_learner *learner, float *values, struct sl_training *training,
                                struct sl_error *error);
enum sl_status sl_builtin_evaluate(struct sl_learner *learner, const float *values, struct sl_evaluation *out,
                                   struct sl_error *error);
/* The first lane's failure, if any. */
SL_MUST_USE enum sl_status sl_builtin_collect(const struct sl_builtin *builtin, struct sl_error *error);

#endif
