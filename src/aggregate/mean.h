/* The weighted mean of updates, in the one form that every averaging rule of the plan needs.
 *
 *     out[e] = round_f32( ( Σ_k c_k · source_k[e] ) / divisor )
 *
 * summed in double in the order of the sources, which is the order of the nodes' names (memcmp), own update in its
 * place: the same sources, coefficients and order give the same bits on every node.
 *
 *   full mesh, all there:     c_j = n_j (samples),              divisor = Σ n_j          (FedAvg)
 *   full mesh, some missing:  c_i = n_i + Σ_missing n_j,        divisor = Σ n_j planned: the difference form
 *                             q_i + Σ (n_j/N)(q_j − q_i) with the missing weight kept at home
 *   any other graph:          c_j = 1/(1+max(d_i,d_j)), c_i = 1 − Σ c_j, divisor = 1   (Metropolis-Hastings)
 */
#ifndef SL_AGGREGATE_MEAN_H
#define SL_AGGREGATE_MEAN_H

#include <stddef.h>

struct sl_mean_source {
    const float *values;
    double coefficient;
};

/* `out` may be one of the sources' vectors only where it is exactly that range. Any alignment. */
void sl_mean_fold(float *out, const struct sl_mean_source *sources, size_t count, double divisor, size_t elements);

/* Where what a node sends is not its model but near it (aggregate/quantise.h): the differences are of what was sent,
 * the model is what they join,
 *
 *     out[e] = round_f32( ( Σ_k c_k · source_k[e] ) / divisor + ( kept[e] − sent[e] ) )
 *
 * with `sent` the own source and `kept` the own model, which may be `out`. With c_k as above it is
 * kept + Σ w_kj (q_j − sent): each edge gives one end what it takes from the other, whatever was lost on the way to q.
 */
void sl_mean_fold_onto(float *out, const struct sl_mean_source *sources, size_t count, double divisor,
                       const float *kept, const float *sent, size_t elements);

/* out += weight · (theirs − mine), in double, rounded once: a difference that is applied late. */
void sl_mean_add_difference(float *out, const float *theirs, const float *mine, double weight, size_t elements);

#endif
