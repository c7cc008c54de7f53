/* What trains: an interface with several makers. A learner owns its optimiser's state, never the parameters: these are
 * the node's, one f32 vector in the learner's layout. Calls are made from one thread at a time, which need not be the
 * same.
 *
 * The same seed gives the same bits on the same machine, whatever the number of threads: a batch is cut into fixed
 * lanes, each computed single-threaded, gradients summed in lane order. */
#ifndef SL_LEARNER_LEARNER_H
#define SL_LEARNER_LEARNER_H

#include <stdatomic.h>

#include "data/dataset.h"
#include "model/layout.h"
#include "model/safetensors.h"

enum sl_network { SL_NETWORK_MLP, SL_NETWORK_LENET5 };
enum sl_optimizer { SL_OPTIMIZER_SGD, SL_OPTIMIZER_ADAM };

struct sl_learner_options {
    enum sl_network network;
    enum sl_optimizer optimizer;
    double rate;
    double momentum;            /* SGD; 0 keeps no state */
    double beta1, beta2, delta; /* Adam */
    double epochs;              /* passes over the own examples a round (0.5: half of them); used when steps == 0 */
    uint32_t steps;             /* batches a round */
    uint32_t batch;
    uint32_t lanes;   /* slices of a batch; part of what decides the bits */
    uint32_t threads; /* at most `lanes` are used; does not change the bits */
    uint64_t seed;    /* of the shuffling; the initial model has its own */
};

struct sl_training {
    uint64_t round;            /* in: names the shuffle */
    const atomic_bool *cancel; /* in, may be NULL: training ends soon with SL_CANCELLED once it is true */
    uint64_t steps;            /* out: batches done */
    uint64_t examples;         /* out */
    double loss;               /* out: mean over the examples; not finite where the training diverged */
};

struct sl_evaluation {
    uint64_t examples;
    double accuracy; /* share of right answers in [0, 1] */
    double loss;     /* mean cross entropy, natural logarithm */
};

struct sl_learner;
struct sl_learner_interface {
    const char *name;
    void (*destroy)(struct sl_learner *learner);
    /* Changes `values` in place. On failure they are unspecified. */
    enum sl_status (*train)(struct sl_learner *learner, float *values, struct sl_training *training,
                            struct sl_error *error);
    enum sl_status (*evaluate)(struct sl_learner *learner, const float *values, struct sl_evaluation *out,
                               struct sl_error *error);
    /* The optimiser's state as groups of tensors (model/safetensors.h), borrowed; *count 0 where there is none. */
    enum sl_status (*state)(struct sl_learner *learner, struct sl_tensor_group *out, size_t capacity, size_t *count);
};

struct sl_learner {
    const struct sl_learner_interface *interface;
    struct sl_layout layout;
    uint64_t samples; /* own training examples: the weight of this node's update */
};

/* Built-in networks on oneDNN. Every thread that creates, trains or evaluates computes with one OpenMP thread from then
 * on (omp_set_num_threads); `threads` are the learner's own. `train` and `selection` (indices into it, `count`) are the
 * node's part; `test` may be NULL (evaluate is then SL_UNSUPPORTED). The data sets are borrowed and outlive the
 * learner; selection is copied. SL_SETTINGS for options that make no sense, SL_MISMATCH for a test set of other images,
 * SL_UNSUPPORTED where images are too small for the network. */
SL_MUST_USE enum sl_status sl_learner_create_builtin(struct sl_learner **out, const struct sl_learner_options *options,
                                                     const struct sl_dataset *train, const uint32_t *selection,
                                                     size_t count, const struct sl_dataset *test,
                                                     struct sl_error *error);
/* One that does nothing, for measuring: a model of `elements` values, `samples` as told. */
SL_MUST_USE enum sl_status sl_learner_create_idle(struct sl_learner **out, uint64_t elements, uint64_t samples,
                                                  struct sl_error *error);
void sl_learner_destroy(struct sl_learner *learner);

/* The initial model: the same bits for the same seed, network and layout on every node. (PyTorch's default
 * initialisation, uniform ±1/√fan_in.) */
void sl_learner_initialize(const struct sl_learner *learner, float *values, uint64_t seed);

/* What training remembers from round to round beside the parameters: all of the optimiser's state. (The order of the
 * examples is that of seed, round and pass, so it needs nothing kept.) With the parameters and this put back, the next
 * round has the same bits as if nothing had happened. */
enum { SL_LEARNER_STATE_GROUPS = 4 };
uint64_t sl_learner_state_bytes(struct sl_learner *learner);
/* Calls `move` for each part in order, at its offset of those bytes: to save, it copies from `values`; to restore, into
 * them. Parts are of this machine's byte order. The first failure ends it; after one that restores, the state is
 * unspecified. Between trainings only. */
SL_MUST_USE enum sl_status sl_learner_state_move(struct sl_learner *learner,
                                                 enum sl_status (*move)(void *context, void *values, size_t bytes,
                                                                        uint64_t offset, struct sl_error *error),
                                                 void *context, struct sl_error *error);

#endif
