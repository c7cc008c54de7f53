/* The built-in networks as tables of layers, made for the shape of a data set. Private to learner. */
#ifndef SL_LEARNER_NETWORK_H
#define SL_LEARNER_NETWORK_H

#include "learner/learner.h"

enum { SL_LAYERS_MAX = 8, SL_KERNEL_SIDE = 5, SL_POOL_SIDE = 2 };

enum sl_layer_kind {
    SL_LAYER_CONVOLUTION, /* 5 × 5, stride 1, ReLU, then the largest of each 2 × 2 */
    SL_LAYER_DENSE        /* with ReLU except for the last */
};

/* Tensors of a layer: weight [outputs][inputs] or [outputs][inputs][5][5], then bias [outputs]. */
struct sl_layer {
    enum sl_layer_kind kind;
    uint32_t inputs, outputs; /* channels of a convolution, values of a dense layer */
    uint32_t height, width;   /* of a convolution's input */
    uint32_t padding;
    size_t weight, bias; /* where they begin in the parameter vector */
};

struct sl_network_plan {
    struct sl_layer layers[SL_LAYERS_MAX];
    size_t count;
    uint32_t channels, height, width, classes;
};

/* What a layer's convolution and pooling make of one side. */
uint32_t sl_layer_convolved(const struct sl_layer *layer, uint32_t side);
uint32_t sl_layer_pooled(const struct sl_layer *layer, uint32_t side);

/* MLP: inputs-256-128-classes. LeNet-5: convolution to 6 channels, to 16, then 120-84-classes; images whose side is
 * below 32 are padded by 2 on each, as LeCun et al. (1998) did with MNIST's. Appends the tensors to `layout`, named
 * as PyTorch's modules fc1 … and conv1 … would be. SL_UNSUPPORTED where an image is too small to convolve. */
SL_MUST_USE enum sl_status sl_network_plan_make(struct sl_network_plan *out, struct sl_layout *layout,
                                                enum sl_network network, const struct sl_dataset *dataset,
                                                struct sl_error *error);

#endif
