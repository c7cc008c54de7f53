#include "learner/network.h"

#include <stdio.h>

uint32_t sl_layer_convolved(const struct sl_layer *layer, uint32_t side) {
    return side + 2 * layer->padding - (SL_KERNEL_SIDE - 1);
}

uint32_t sl_layer_pooled(const struct sl_layer *layer, uint32_t side) {
    return sl_layer_convolved(layer, side) / SL_POOL_SIDE;
}

static enum sl_status add_tensors(struct sl_layer *layer, struct sl_layout *layout, const char *kind, size_t number,
                                  struct sl_error *error) {
    char name[SL_TENSOR_NAME_SIZE];
    const uint64_t dims[] = {layer->outputs, layer->inputs, SL_KERNEL_SIDE, SL_KERNEL_SIDE};
    const uint32_t rank = layer->kind == SL_LAYER_CONVOLUTION ? 4 : 2;
    layer->weight = layout->elements;
    snprintf(name, sizeof name, "%s%zu.weight", kind, number);
    enum sl_status status = sl_layout_add(layout, name, rank, dims, error);
    if (status != SL_OK)
        return status;
    layer->bias = layout->elements;
    snprintf(name, sizeof name, "%s%zu.bias", kind, number);
    return sl_layout_add(layout, name, 1, dims, error);
}

static enum sl_status add_dense(struct sl_network_plan *plan, struct sl_layout *layout, uint32_t inputs,
                                const uint32_t *outputs, size_t count, struct sl_error *error) {
    enum sl_status status = SL_OK;
    for (size_t i = 0; status == SL_OK && i < count; i++) {
        struct sl_layer *layer = &plan->layers[plan->count++];
        *layer = (struct sl_layer){.kind = SL_LAYER_DENSE, .inputs = inputs, .outputs = outputs[i]};
        status = add_tensors(layer, layout, "fc", i + 1, error);
        inputs = outputs[i];
    }
    return status;
}

static enum sl_status make_lenet5(struct sl_network_plan *plan, struct sl_layout *layout, struct sl_error *error) {
    const uint32_t channels[] = {6, 16}, dense[] = {120, 84, plan->classes};
    uint32_t inputs = plan->channels, height = plan->height, width = plan->width;
    for (size_t i = 0; i < 2; i++) {
        struct sl_layer *layer = &plan->layers[plan->count++];
        *layer = (struct sl_layer){.kind = SL_LAYER_CONVOLUTION,
                                   .inputs = inputs,
                                   .outputs = channels[i],
                                   .height = height,
                                   .width = width,
                                   .padding = i == 0 && (height < 32 || width < 32) ? 2 : 0};
        if (height + 2 * layer->padding < SL_KERNEL_SIDE + 1 || width + 2 * layer->padding < SL_KERNEL_SIDE + 1)
            return sl_error_set(error, SL_UNSUPPORTED, "images of %u × %u are too small for LeNet-5", plan->height,
                                plan->width);
        enum sl_status status = add_tensors(layer, layout, "conv", i + 1, error);
        if (status != SL_OK)
            return status;
        inputs = layer->outputs;
        height = sl_layer_pooled(layer, height);
        width = sl_layer_pooled(layer, width);
    }
    return add_dense(plan, layout, inputs * height * width, dense, 3, error);
}

enum sl_status sl_network_plan_make(struct sl_network_plan *out, struct sl_layout *layout, enum sl_network network,
                                    const struct sl_dataset *dataset, struct sl_error *error) {
    *out = (struct sl_network_plan){
        .channels = dataset->channels, .height = dataset->height, .width = dataset->width, .classes = dataset->classes};
    const uint32_t dense[] = {256, 128, dataset->classes};
    switch (network) {
    case SL_NETWORK_MLP:
        return add_dense(out, layout, dataset->channels * dataset->height * dataset->width, dense, 3, error);
    case SL_NETWORK_LENET5:
        return make_lenet5(out, layout, error);
    }
    return sl_error_set(error, SL_INTERNAL, "no such network");
}
