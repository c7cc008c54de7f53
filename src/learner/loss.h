/* Softmax and cross entropy. Private to learner. */
#ifndef SL_LEARNER_LOSS_H
#define SL_LEARNER_LOSS_H

#include <stddef.h>
#include <stdint.h>

/* L = −log softmax(scores)[label], summed over `count` rows of [rows][classes]. Where `gradient` is not NULL it gets
 * scale · ∂L/∂scores = scale · (softmax − one-hot) for these rows and 0 for the others. *right, if not NULL, counts the
 * rows whose highest score (the first of equal ones) is the label's. */
double sl_cross_entropy(float *gradient, uint64_t *right, const float *scores, const uint8_t *labels, size_t count,
                        size_t rows, size_t classes, float scale);

#endif
