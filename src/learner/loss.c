#include "learner/loss.h"

#include <math.h>
#include <string.h>

static size_t highest(const float *scores, size_t classes) {
    size_t best = 0;
    for (size_t c = 1; c < classes; c++)
        if (scores[c] > scores[best])
            best = c;
    return best;
}

/* exp(s − top) / Σ: the largest exponent is 0, so nothing overflows and the sum is at least 1. */
static double row_loss(float *gradient, const float *scores, float top, uint8_t label, size_t classes, float scale) {
    float sum = 0;
    for (size_t c = 0; c < classes; c++)
        sum += expf(scores[c] - top);
    if (gradient != NULL) {
        const float share = scale / sum;
        for (size_t c = 0; c < classes; c++)
            gradient[c] = expf(scores[c] - top) * share;
        gradient[label] -= scale;
    }
    return (double)(logf(sum) - (scores[label] - top));
}

double sl_cross_entropy(float *gradient, uint64_t *right, const float *scores, const uint8_t *labels, size_t count,
                        size_t rows, size_t classes, float scale) {
    double loss = 0;
    for (size_t i = 0; i < count; i++) {
        const float *row = scores + i * classes;
        const size_t best = highest(row, classes);
        loss += row_loss(gradient != NULL ? gradient + i * classes : NULL, row, row[best], labels[i], classes, scale);
        if (right != NULL)
            *right += best == labels[i];
    }
    if (gradient != NULL)
        memset(gradient + count * classes, 0, (rows - count) * classes * sizeof *gradient);
    return loss;
}
