#include "learner/optimizer.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

static const float steps_most = 16777216.0F;

static bool needs_first(const struct sl_optimizer_state *optimizer) {
    return optimizer->kind == SL_OPTIMIZER_ADAM || optimizer->momentum > 0;
}

static enum sl_status allocate(struct sl_optimizer_state *optimizer, struct sl_error *error) {
    const size_t elements = optimizer->layout->elements;
    const bool adam = optimizer->kind == SL_OPTIMIZER_ADAM;
    if (needs_first(optimizer))
        optimizer->first = calloc(elements, sizeof *optimizer->first);
    if (adam)
        optimizer->second = calloc(elements, sizeof *optimizer->second);
    if ((needs_first(optimizer) && optimizer->first == NULL) || (adam && optimizer->second == NULL))
        return sl_error_set(error, SL_NO_MEMORY, "no memory for the optimiser's state");
    return adam ? sl_layout_add(&optimizer->count_layout, "steps", 0, NULL, error) : SL_OK;
}

enum sl_status sl_optimizer_init(struct sl_optimizer_state *out, const struct sl_learner_options *options,
                                 const struct sl_layout *layout, struct sl_error *error) {
    *out = (struct sl_optimizer_state){.kind = options->optimizer,
                                       .rate = (float)options->rate,
                                       .momentum = (float)options->momentum,
                                       .beta1 = (float)options->beta1,
                                       .beta2 = (float)options->beta2,
                                       .delta = (float)options->delta,
                                       .layout = layout};
    enum sl_status status = allocate(out, error);
    if (status != SL_OK)
        sl_optimizer_finish(out);
    return status;
}

void sl_optimizer_finish(struct sl_optimizer_state *optimizer) {
    free(optimizer->first);
    free(optimizer->second);
    sl_layout_finish(&optimizer->count_layout);
    *optimizer = (struct sl_optimizer_state){0};
}

static void step_plain(float *restrict values, const float *restrict gradient, float rate, size_t elements) {
    for (size_t i = 0; i < elements; i++)
        values[i] -= rate * gradient[i];
}

static void step_momentum(float *restrict values, float *restrict velocity, const float *restrict gradient, float rate,
                          float momentum, size_t elements) {
    for (size_t i = 0; i < elements; i++) {
        velocity[i] = momentum * velocity[i] + gradient[i];
        values[i] -= rate * velocity[i];
    }
}

static void step_adam(struct sl_optimizer_state *optimizer, float *restrict values, const float *restrict gradient) {
    float *restrict mean = optimizer->first, *restrict square = optimizer->second;
    if (optimizer->steps < steps_most)
        optimizer->steps++;
    /* Both corrections moved out of the loop: η / (1 − β1^t), and √(1 − β2^t) as a factor of the root. */
    const double steps = (double)optimizer->steps;
    const float rate = (float)((double)optimizer->rate / (1 - pow((double)optimizer->beta1, steps)));
    const float root = (float)(1 / sqrt(1 - pow((double)optimizer->beta2, steps)));
    const float beta1 = optimizer->beta1, beta2 = optimizer->beta2, delta = optimizer->delta;
    for (size_t i = 0; i < optimizer->layout->elements; i++) {
        mean[i] = beta1 * mean[i] + (1 - beta1) * gradient[i];
        square[i] = beta2 * square[i] + (1 - beta2) * gradient[i] * gradient[i];
        values[i] -= rate * mean[i] / (sqrtf(square[i]) * root + delta);
    }
}

void sl_optimizer_step(struct sl_optimizer_state *optimizer, float *values, const float *gradient) {
    const size_t elements = optimizer->layout->elements;
    switch (optimizer->kind) {
    case SL_OPTIMIZER_SGD:
        if (optimizer->first == NULL)
            step_plain(values, gradient, optimizer->rate, elements);
        else
            step_momentum(values, optimizer->first, gradient, optimizer->rate, optimizer->momentum, elements);
        break;
    case SL_OPTIMIZER_ADAM:
        step_adam(optimizer, values, gradient);
        break;
    }
}

enum sl_status sl_optimizer_groups(struct sl_optimizer_state *optimizer, struct sl_tensor_group *out, size_t capacity,
                                   size_t *count) {
    struct sl_tensor_group groups[SL_OPTIMIZER_GROUPS_MAX];
    *count = 0;
    if (optimizer->first != NULL)
        groups[(*count)++] = (struct sl_tensor_group){
            .prefix = optimizer->kind == SL_OPTIMIZER_ADAM ? "optimizer.mean." : "optimizer.momentum.",
            .layout = optimizer->layout,
            .values = optimizer->first};
    if (optimizer->second != NULL) {
        groups[(*count)++] = (struct sl_tensor_group){
            .prefix = "optimizer.square.", .layout = optimizer->layout, .values = optimizer->second};
        groups[(*count)++] = (struct sl_tensor_group){
            .prefix = "optimizer.", .layout = &optimizer->count_layout, .values = &optimizer->steps};
    }
    if (*count > capacity)
        return SL_LIMIT;
    for (size_t i = 0; i < *count; i++)
        out[i] = groups[i];
    return SL_OK;
}
