/* The rules that turn a gradient into a step. Private to learner. */
#ifndef SL_LEARNER_OPTIMIZER_H
#define SL_LEARNER_OPTIMIZER_H

#include "learner/learner.h"

enum { SL_OPTIMIZER_GROUPS_MAX = 3 };

/* Owns its state: vectors like the parameters', and Adam's count of steps as a tensor of one element, so that all of it
 * goes to a file and comes back as groups of tensors. */
struct sl_optimizer_state {
    enum sl_optimizer kind;
    float rate, momentum, beta1, beta2, delta;
    const struct sl_layout *layout; /* the model's, borrowed */
    struct sl_layout count_layout;
    float *first, *second; /* SGD: momentum, –; Adam: the mean gradient, the mean square */
    float steps;           /* exact up to 2^24, where Adam's corrections have long been 1; it stays there */
};

/* `options` are sound. State begins at 0. On failure nothing is held. */
SL_MUST_USE enum sl_status sl_optimizer_init(struct sl_optimizer_state *out, const struct sl_learner_options *options,
                                             const struct sl_layout *layout, struct sl_error *error);
void sl_optimizer_finish(struct sl_optimizer_state *optimizer);

/* SGD, as PyTorch's:  m ← μ m + g,  x ← x − η m  (without momentum x ← x − η g).
 * Adam (Kingma and Ba, ICLR 2015, algorithm 1):  m ← β1 m + (1 − β1) g,  v ← β2 v + (1 − β2) g²,
 * x ← x − η · (m / (1 − β1^t)) / (√(v / (1 − β2^t)) + δ). */
void sl_optimizer_step(struct sl_optimizer_state *optimizer, float *values, const float *gradient);

/* At most SL_OPTIMIZER_GROUPS_MAX. SL_LIMIT where `capacity` is too small. */
SL_MUST_USE enum sl_status sl_optimizer_groups(struct sl_optimizer_state *optimizer, struct sl_tensor_group *out,
                                               size_t capacity, size_t *count);

#endif
