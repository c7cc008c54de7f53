/* The tape on oneDNN 2.6: two lists of prepared primitives.
 *
 * Weights lie in the order that a kernel asks for; where that is not the model's own order, a reorder before or behind
 * the kernel makes it so. They are small beside the activations.
 *
 * Debian's oneDNN computes with OpenMP, whose team size is the calling thread's own: here it is one wherever a kernel
 * is made or run. */
#include <dnnl.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "learner/tape.h"

enum {
    OPERATIONS_MAX = 4 * SL_LAYERS_MAX,
    BLOBS_MAX = OPERATIONS_MAX + 2, /* the input, and a view */
    STEPS_MAX = 8 * SL_LAYERS_MAX,
    MEMORIES_MAX = 32 * SL_LAYERS_MAX,
    ARGUMENTS_MAX = 5,
    NAME_SIZE = 64
};

struct step {
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t arguments[ARGUMENTS_MAX];
    int count;
};

struct step_list {
    struct step steps[STEPS_MAX];
    size_t count;
};

struct sl_blob {
    dnnl_memory_desc_t desc;
    dnnl_memory_t value, gradient; /* gradient NULL where nobody asks for it */
};

/* A tensor of the model. oneDNN sees it where it lies, in the caller's vectors, which each run tells it. */
struct parameter {
    size_t first;
    dnnl_memory_desc_t desc;
    dnnl_memory_t value, gradient;
};

enum operation_kind { REORDER, CONVOLUTION, POOL, DENSE };

struct operation {
    enum operation_kind kind;
    bool relu;
    const struct sl_layer *plan;
    struct sl_blob *from, *to;
    struct parameter weight, bias;
    dnnl_primitive_desc_t forward; /* a hint for the way back */
    dnnl_memory_t workspace;       /* of a pool: which of each 2 × 2 was the largest */
};

struct sl_tape {
    dnnl_engine_t library;
    dnnl_stream_t stream;
    dnnl_primitive_attr_t plain, with_relu;
    bool train, slow;
    dnnl_status_t failure; /* the first */
    struct operation operations[OPERATIONS_MAX];
    struct sl_blob blobs[BLOBS_MAX];
    dnnl_memory_t memories[MEMORIES_MAX];
    size_t operation_count, blob_count, memory_count, kernel_count;
    struct step_list forward, backward;
    char kernels[STEPS_MAX][NAME_SIZE];
};

static const dnnl_format_tag_t layout_tags[] = {
    [SL_IMAGES_PLAIN] = dnnl_nchw, [SL_IMAGES_CHANNELS_LAST] = dnnl_nhwc, [SL_IMAGES_BEST] = dnnl_format_tag_any};
static const dnnl_dims_t no_padding = {0, 0}, stride_one = {1, 1}, pool_sides = {SL_POOL_SIDE, SL_POOL_SIDE};

/* ---- recording: errors, memories, steps ---- */

static bool is_sound(const struct sl_tape *tape) {
    return tape->failure == dnnl_success;
}

static bool works(struct sl_tape *tape, dnnl_status_t status) {
    if (is_sound(tape))
        tape->failure = status;
    return is_sound(tape);
}

static bool fits(struct sl_tape *tape, size_t count, size_t capacity) {
    return works(tape, count < capacity ? dnnl_success : dnnl_runtime_error);
}

/* `handle`: DNNL_MEMORY_ALLOCATE, DNNL_MEMORY_NONE (set later) or whose bytes it shares. */
static dnnl_memory_t add_memory(struct sl_tape *tape, const dnnl_memory_desc_t *desc, void *handle) {
    dnnl_memory_t memory = NULL;
    if (fits(tape, tape->memory_count, MEMORIES_MAX) &&
        works(tape, dnnl_memory_create(&memory, desc, tape->library, handle)))
        tape->memories[tape->memory_count++] = memory;
    return memory;
}

static void add_argument(struct step *step, int name, dnnl_memory_t memory) {
    step->arguments[step->count++] = (dnnl_exec_arg_t){.arg = name, .memory = memory};
}

/* Appends a primitive, with scratch memory of its own; NULL once something failed. */
static struct step *add_step(struct sl_tape *tape, struct step_list *list, const_dnnl_primitive_desc_t desc) {
    if (!fits(tape, list->count, STEPS_MAX))
        return NULL;
    struct step *step = &list->steps[list->count];
    *step = (struct step){0};
    if (!works(tape, dnnl_primitive_create(&step->primitive, desc)))
        return NULL;
    list->count++;
    const dnnl_memory_desc_t *scratch = dnnl_primitive_desc_query_md(desc, dnnl_query_scratchpad_md, 0);
    if (scratch != NULL && dnnl_memory_desc_get_size(scratch) > 0)
        add_argument(step, DNNL_ARG_SCRATCHPAD, add_memory(tape, scratch, DNNL_MEMORY_ALLOCATE));
    return step;
}

static void add_reorder(struct sl_tape *tape, struct step_list *list, dnnl_memory_t to,
                        const dnnl_memory_desc_t *to_desc, dnnl_memory_t from, const dnnl_memory_desc_t *from_desc) {
    dnnl_primitive_desc_t desc = NULL;
    if (!is_sound(tape) || !works(tape, dnnl_reorder_primitive_desc_create(&desc, from_desc, tape->library, to_desc,
                                                                           tape->library, tape->plain)))
        return;
    struct step *step = add_step(tape, list, desc);
    if (step != NULL) {
        add_argument(step, DNNL_ARG_FROM, from);
        add_argument(step, DNNL_ARG_TO, to);
    }
    dnnl_primitive_desc_destroy(desc);
}

static const char *name_of(const_dnnl_primitive_desc_t desc) {
    const char *name = NULL;
    return dnnl_primitive_desc_query(desc, dnnl_query_impl_info_str, 0, &name) == dnnl_success && name ? name : "";
}

static bool is_slow(const_dnnl_primitive_desc_t desc) {
    return strstr(name_of(desc), "ref") != NULL;
}

/* The first of the library's implementations that is not a plain loop, or else the first. */
static dnnl_primitive_desc_t first_fast(dnnl_primitive_desc_iterator_t iterator) {
    dnnl_primitive_desc_t chosen = NULL;
    do {
        dnnl_primitive_desc_t next = dnnl_primitive_desc_iterator_fetch(iterator);
        if (next == NULL || (chosen != NULL && is_slow(next))) {
            dnnl_primitive_desc_destroy(next);
            continue;
        }
        dnnl_primitive_desc_destroy(chosen);
        chosen = next;
    } while ((chosen == NULL || is_slow(chosen)) && dnnl_primitive_desc_iterator_next(iterator) == dnnl_success);
    return chosen;
}

static dnnl_primitive_desc_t choose(struct sl_tape *tape, const_dnnl_op_desc_t operation,
                                    const_dnnl_primitive_attr_t attributes, const_dnnl_primitive_desc_t hint) {
    dnnl_primitive_desc_iterator_t iterator;
    if (!fits(tape, tape->kernel_count, STEPS_MAX) ||
        !works(tape, dnnl_primitive_desc_iterator_create(&iterator, operation, attributes, tape->library, hint)))
        return NULL;
    dnnl_primitive_desc_t chosen = first_fast(iterator);
    dnnl_primitive_desc_iterator_destroy(iterator);
    if (!works(tape, chosen != NULL ? dnnl_success : dnnl_unimplemented))
        return NULL;
    tape->slow = tape->slow || is_slow(chosen);
    snprintf(tape->kernels[tape->kernel_count++], NAME_SIZE, "%s", name_of(chosen));
    return chosen;
}

static dnnl_memory_desc_t describe(struct sl_tape *tape, int rank, const dnnl_dims_t dims, dnnl_format_tag_t tag) {
    dnnl_memory_desc_t desc = {0};
    works(tape, dnnl_memory_desc_init_by_tag(&desc, rank, dims, dnnl_f32, tag));
    return desc;
}

/* ---- recording: forward ---- */

/* `value`, `gradient`: as add_memory's handle; gradient NULL where nobody asks for it. */
static struct sl_blob *add_blob(struct sl_tape *tape, const dnnl_memory_desc_t *desc, void *value, void *gradient) {
    if (!fits(tape, tape->blob_count, BLOBS_MAX))
        return NULL;
    struct sl_blob *blob = &tape->blobs[tape->blob_count++];
    blob->desc = *desc;
    blob->value = add_memory(tape, desc, value);
    blob->gradient = gradient != NULL ? add_memory(tape, desc, gradient) : NULL;
    return is_sound(tape) ? blob : NULL;
}

struct sl_blob *sl_tape_input(struct sl_tape *tape, const struct sl_network_plan *plan, uint32_t rows) {
    const bool dense = plan->layers[0].kind == SL_LAYER_DENSE;
    const dnnl_dims_t images = {rows, plan->channels, plan->height, plan->width};
    const dnnl_dims_t flat = {rows, plan->layers[0].inputs};
    const dnnl_memory_desc_t desc = dense ? describe(tape, 2, flat, dnnl_ab) : describe(tape, 4, images, dnnl_nchw);
    struct sl_blob *blob = add_blob(tape, &desc, DNNL_MEMORY_ALLOCATE, NULL);
    if (blob != NULL)
        memset(sl_blob_values(blob), 0, dnnl_memory_desc_get_size(&desc));
    return blob;
}

static struct sl_blob *add_result(struct sl_tape *tape, const dnnl_memory_desc_t *desc) {
    return add_blob(tape, desc, DNNL_MEMORY_ALLOCATE, tape->train ? DNNL_MEMORY_ALLOCATE : NULL);
}

static struct operation *add_operation(struct sl_tape *tape, enum operation_kind kind, struct sl_blob *from,
                                       bool relu) {
    if (!fits(tape, tape->operation_count, OPERATIONS_MAX))
        return NULL;
    struct operation *operation = &tape->operations[tape->operation_count++];
    *operation = (struct operation){.kind = kind, .from = from, .relu = relu};
    return operation;
}

struct sl_blob *sl_tape_reorder(struct sl_tape *tape, struct sl_blob *from, enum sl_image_layout layout) {
    if (!is_sound(tape))
        return NULL;
    const dnnl_memory_desc_t desc = describe(tape, 4, from->desc.dims, layout_tags[layout]);
    if (dnnl_memory_desc_equal(&desc, &from->desc))
        return from;
    struct operation *operation = add_operation(tape, REORDER, from, false);
    struct sl_blob *to = operation != NULL ? add_result(tape, &desc) : NULL;
    if (to == NULL)
        return NULL;
    operation->to = to;
    add_reorder(tape, &tape->forward, to->value, &desc, from->value, &from->desc);
    return to;
}

struct sl_blob *sl_tape_flatten(struct sl_tape *tape, struct sl_blob *from) {
    if (!is_sound(tape))
        return NULL;
    const dnnl_dim_t *d = from->desc.dims;
    const dnnl_dims_t dims = {d[0], d[1] * d[2] * d[3]};
    const dnnl_memory_desc_t desc = describe(tape, 2, dims, dnnl_ab);
    return add_blob(tape, &desc, sl_blob_values(from), from->gradient != NULL ? sl_blob_gradient(from) : NULL);
}

static dnnl_prop_kind_t propagation(const struct sl_tape *tape) {
    return tape->train ? dnnl_forward_training : dnnl_forward_inference;
}

static struct parameter add_parameter(struct sl_tape *tape, size_t first, const dnnl_memory_desc_t *desc) {
    return (struct parameter){.first = first,
                              .desc = *desc,
                              .value = add_memory(tape, desc, DNNL_MEMORY_NONE),
                              .gradient = tape->train ? add_memory(tape, desc, DNNL_MEMORY_NONE) : NULL};
}

/* Weight and bias in the model's own order. */
static void add_parameters(struct sl_tape *tape, struct operation *operation, const struct sl_layer *plan) {
    const dnnl_dims_t weight = {plan->outputs, plan->inputs, SL_KERNEL_SIDE, SL_KERNEL_SIDE}, bias = {plan->outputs};
    const bool dense = operation->kind == DENSE;
    const dnnl_memory_desc_t weight_desc = describe(tape, dense ? 2 : 4, weight, dense ? dnnl_ab : dnnl_oihw);
    const dnnl_memory_desc_t bias_desc = describe(tape, 1, bias, dnnl_a);
    operation->plan = plan;
    operation->weight = add_parameter(tape, plan->weight, &weight_desc);
    operation->bias = add_parameter(tape, plan->bias, &bias_desc);
}

/* The weights in the order that a kernel asks for: the model's own, or a copy that a step before it makes. */
static dnnl_memory_t add_weights(struct sl_tape *tape, struct step_list *list, const struct operation *operation,
                                 const_dnnl_primitive_desc_t kernel) {
    const dnnl_memory_desc_t *wanted = dnnl_primitive_desc_query_md(kernel, dnnl_query_weights_md, 0);
    if (dnnl_memory_desc_equal(&operation->weight.desc, wanted))
        return operation->weight.value;
    dnnl_memory_t copy = add_memory(tape, wanted, DNNL_MEMORY_ALLOCATE);
    add_reorder(tape, list, copy, wanted, operation->weight.value, &operation->weight.desc);
    return copy;
}

/* The step of the operation's chosen kernel and the blob that it fills, in the kernel's layout. */
static struct sl_blob *add_forward(struct sl_tape *tape, struct operation *operation) {
    if (!is_sound(tape))
        return NULL;
    const bool weighted = operation->kind != POOL;
    const_dnnl_primitive_desc_t kernel = operation->forward;
    dnnl_memory_t weights = weighted ? add_weights(tape, &tape->forward, operation, kernel) : NULL;
    operation->to = add_result(tape, dnnl_primitive_desc_query_md(kernel, dnnl_query_dst_md, 0));
    struct step *step = operation->to != NULL ? add_step(tape, &tape->forward, kernel) : NULL;
    if (step == NULL)
        return NULL;
    add_argument(step, DNNL_ARG_SRC, operation->from->value);
    add_argument(step, DNNL_ARG_DST, operation->to->value);
    if (weighted) {
        add_argument(step, DNNL_ARG_WEIGHTS, weights);
        add_argument(step, DNNL_ARG_BIAS, operation->bias.value);
    } else if (tape->train) {
        operation->workspace =
            add_memory(tape, dnnl_primitive_desc_query_md(kernel, dnnl_query_workspace_md, 0), DNNL_MEMORY_ALLOCATE);
        add_argument(step, DNNL_ARG_WORKSPACE, operation->workspace);
    }
    return operation->to;
}

/* A convolution's weights are wanted in whatever order the kernel likes best. */
static dnnl_memory_desc_t any_order(struct sl_tape *tape, const struct operation *operation) {
    return describe(tape, 4, operation->weight.desc.dims, dnnl_format_tag_any);
}

struct sl_blob *sl_tape_convolution(struct sl_tape *tape, struct sl_blob *from, const struct sl_layer *plan,
                                    enum sl_image_layout layout) {
    struct operation *operation = add_operation(tape, CONVOLUTION, from, false);
    if (operation == NULL)
        return NULL;
    add_parameters(tape, operation, plan);
    const dnnl_dims_t padding = {plan->padding, plan->padding};
    const dnnl_dims_t dims = {from->desc.dims[0], plan->outputs, sl_layer_convolved(plan, plan->height),
                              sl_layer_convolved(plan, plan->width)};
    const dnnl_memory_desc_t any = any_order(tape, operation), to = describe(tape, 4, dims, layout_tags[layout]);
    dnnl_convolution_desc_t wanted;
    if (works(tape, dnnl_convolution_forward_desc_init(&wanted, propagation(tape), dnnl_convolution_direct, &from->desc,
                                                       &any, &operation->bias.desc, &to, stride_one, padding, padding)))
        operation->forward = choose(tape, &wanted, tape->with_relu, NULL);
    return add_forward(tape, operation);
}

struct sl_blob *sl_tape_pool(struct sl_tape *tape, struct sl_blob *from) {
    struct operation *operation = add_operation(tape, POOL, from, true);
    if (operation == NULL)
        return NULL;
    const dnnl_dim_t *d = from->desc.dims;
    const dnnl_dims_t dims = {d[0], d[1], d[2] / SL_POOL_SIDE, d[3] / SL_POOL_SIDE};
    const dnnl_memory_desc_t to = describe(tape, 4, dims, dnnl_format_tag_any); /* as `from` lies */
    dnnl_pooling_desc_t wanted;
    if (works(tape, dnnl_pooling_forward_desc_init(&wanted, propagation(tape), dnnl_pooling_max, &from->desc, &to,
                                                   pool_sides, pool_sides, no_padding, no_padding)))
        operation->forward = choose(tape, &wanted, tape->plain, NULL);
    return add_forward(tape, operation);
}

struct sl_blob *sl_tape_dense(struct sl_tape *tape, struct sl_blob *from, const struct sl_layer *plan, bool relu) {
    struct operation *operation = add_operation(tape, DENSE, from, relu);
    if (operation == NULL)
        return NULL;
    add_parameters(tape, operation, plan);
    const dnnl_dims_t dims = {from->desc.dims[0], plan->outputs};
    const dnnl_memory_desc_t to = describe(tape, 2, dims, dnnl_ab);
    dnnl_inner_product_desc_t wanted;
    if (works(tape, dnnl_inner_product_forward_desc_init(&wanted, propagation(tape), &from->desc,
                                                         &operation->weight.desc, &operation->bias.desc, &to)))
        operation->forward = choose(tape, &wanted, relu ? tape->with_relu : tape->plain, NULL);
    return add_forward(tape, operation);
}

/* ---- recording: backward ---- */

/* The step for a description; *kernel, which the caller destroys, says what memory it wants. */
static struct step *add_backward(struct sl_tape *tape, dnnl_primitive_desc_t *kernel, const_dnnl_op_desc_t wanted,
                                 const_dnnl_primitive_desc_t hint) {
    *kernel = choose(tape, wanted, tape->plain, hint);
    return *kernel != NULL ? add_step(tape, &tape->backward, *kernel) : NULL;
}

static void mask_gradient(struct sl_tape *tape, const struct sl_blob *blob) {
    const dnnl_alg_kind_t relu = dnnl_eltwise_relu_use_dst_for_bwd;
    dnnl_eltwise_desc_t forward, wanted;
    dnnl_primitive_desc_t hint = NULL, kernel = NULL;
    if (!works(tape, dnnl_eltwise_forward_desc_init(&forward, dnnl_forward_training, relu, &blob->desc, 0, 0)) ||
        !works(tape, dnnl_eltwise_backward_desc_init(&wanted, relu, &blob->desc, &blob->desc, 0, 0)) ||
        !works(tape, dnnl_primitive_desc_create(&hint, &forward, NULL, tape->library, NULL)))
        return;
    struct step *step = add_backward(tape, &kernel, &wanted, hint);
    if (step != NULL) {
        add_argument(step, DNNL_ARG_DST, blob->value);
        add_argument(step, DNNL_ARG_DIFF_DST, blob->gradient);
        add_argument(step, DNNL_ARG_DIFF_SRC, blob->gradient);
    }
    dnnl_primitive_desc_destroy(kernel);
    dnnl_primitive_desc_destroy(hint);
}

static void add_pool_gradient(struct sl_tape *tape, const struct operation *operation) {
    dnnl_primitive_desc_t kernel = NULL;
    dnnl_pooling_desc_t wanted;
    if (!works(tape,
               dnnl_pooling_backward_desc_init(&wanted, dnnl_pooling_max, &operation->from->desc, &operation->to->desc,
                                               pool_sides, pool_sides, no_padding, no_padding)))
        return;
    struct step *step = add_backward(tape, &kernel, &wanted, operation->forward);
    if (step != NULL) {
        add_argument(step, DNNL_ARG_DIFF_DST, operation->to->gradient);
        add_argument(step, DNNL_ARG_WORKSPACE, operation->workspace);
        add_argument(step, DNNL_ARG_DIFF_SRC, operation->from->gradient);
    }
    dnnl_primitive_desc_destroy(kernel);
}

/* The gradient by weight and bias; `kernel` may write the former in an order of its own. */
static void add_weight_gradient(struct sl_tape *tape, const struct operation *operation, const_dnnl_op_desc_t wanted) {
    dnnl_primitive_desc_t kernel = NULL;
    struct step *step = add_backward(tape, &kernel, wanted, operation->forward);
    if (step != NULL) {
        const dnnl_memory_desc_t *made = dnnl_primitive_desc_query_md(kernel, dnnl_query_diff_weights_md, 0);
        const bool same = dnnl_memory_desc_equal(made, &operation->weight.desc);
        dnnl_memory_t gradient = same ? operation->weight.gradient : add_memory(tape, made, DNNL_MEMORY_ALLOCATE);
        add_argument(step, DNNL_ARG_SRC, operation->from->value);
        add_argument(step, DNNL_ARG_DIFF_DST, operation->to->gradient);
        add_argument(step, DNNL_ARG_DIFF_WEIGHTS, gradient);
        add_argument(step, DNNL_ARG_DIFF_BIAS, operation->bias.gradient);
        if (!same)
            add_reorder(tape, &tape->backward, operation->weight.gradient, &operation->weight.desc, gradient, made);
    }
    dnnl_primitive_desc_destroy(kernel);
}

static void add_input_gradient(struct sl_tape *tape, const struct operation *operation, const_dnnl_op_desc_t wanted) {
    dnnl_primitive_desc_t kernel = choose(tape, wanted, tape->plain, operation->forward);
    if (kernel == NULL)
        return;
    dnnl_memory_t weights = add_weights(tape, &tape->backward, operation, kernel);
    struct step *step = add_step(tape, &tape->backward, kernel);
    if (step != NULL) {
        add_argument(step, DNNL_ARG_DIFF_DST, operation->to->gradient);
        add_argument(step, DNNL_ARG_WEIGHTS, weights);
        add_argument(step, DNNL_ARG_DIFF_SRC, operation->from->gradient);
    }
    dnnl_primitive_desc_destroy(kernel);
}

static void add_convolution_gradient(struct sl_tape *tape, const struct operation *operation) {
    const struct sl_blob *from = operation->from, *to = operation->to;
    const dnnl_dims_t padding = {operation->plan->padding, operation->plan->padding};
    const dnnl_memory_desc_t any = any_order(tape, operation);
    dnnl_convolution_desc_t wanted;
    if (works(tape, dnnl_convolution_backward_weights_desc_init(&wanted, dnnl_convolution_direct, &from->desc, &any,
                                                                &operation->bias.desc, &to->desc, stride_one, padding,
                                                                padding)))
        add_weight_gradient(tape, operation, &wanted);
    if (from->gradient != NULL &&
        works(tape, dnnl_convolution_backward_data_desc_init(&wanted, dnnl_convolution_direct, &from->desc, &any,
                                                             &to->desc, stride_one, padding, padding)))
        add_input_gradient(tape, operation, &wanted);
}

static void add_dense_gradient(struct sl_tape *tape, const struct operation *operation) {
    const struct sl_blob *from = operation->from, *to = operation->to;
    dnnl_inner_product_desc_t wanted;
    if (works(tape, dnnl_inner_product_backward_weights_desc_init(&wanted, &from->desc, &operation->weight.desc,
                                                                  &operation->bias.desc, &to->desc)))
        add_weight_gradient(tape, operation, &wanted);
    if (from->gradient != NULL && works(tape, dnnl_inner_product_backward_data_desc_init(
                                                  &wanted, &from->desc, &operation->weight.desc, &to->desc)))
        add_input_gradient(tape, operation, &wanted);
}

static void add_gradient(struct sl_tape *tape, const struct operation *operation) {
    const struct sl_blob *from = operation->from, *to = operation->to;
    if (operation->relu)
        mask_gradient(tape, to);
    switch (operation->kind) {
    case REORDER:
        if (from->gradient != NULL)
            add_reorder(tape, &tape->backward, from->gradient, &from->desc, to->gradient, &to->desc);
        break;
    case CONVOLUTION:
        add_convolution_gradient(tape, operation);
        break;
    case POOL:
        add_pool_gradient(tape, operation);
        break;
    case DENSE:
        add_dense_gradient(tape, operation);
        break;
    }
}

/* ---- the tape ---- */

static void make_attributes(struct sl_tape *tape) {
    dnnl_post_ops_t relu = NULL;
    if (works(tape, dnnl_primitive_attr_create(&tape->plain)) &&
        works(tape, dnnl_primitive_attr_create(&tape->with_relu)) && works(tape, dnnl_post_ops_create(&relu)) &&
        works(tape, dnnl_primitive_attr_set_scratchpad_mode(tape->plain, dnnl_scratchpad_mode_user)) &&
        works(tape, dnnl_primitive_attr_set_scratchpad_mode(tape->with_relu, dnnl_scratchpad_mode_user)) &&
        works(tape, dnnl_post_ops_append_eltwise(relu, 1.0F, dnnl_eltwise_relu, 0.0F, 0.0F)))
        works(tape, dnnl_primitive_attr_set_post_ops(tape->with_relu, relu));
    dnnl_post_ops_destroy(relu);
}

struct sl_tape *sl_tape_create(bool train) {
    struct sl_tape *tape = calloc(1, sizeof *tape);
    if (tape == NULL)
        return NULL;
    tape->train = train;
    omp_set_num_threads(1);
    if (works(tape, dnnl_engine_create(&tape->library, dnnl_cpu, 0)) &&
        works(tape, dnnl_stream_create(&tape->stream, tape->library, dnnl_stream_default_flags)))
        make_attributes(tape);
    return tape;
}

void sl_tape_destroy(struct sl_tape *tape) {
    if (tape == NULL)
        return;
    for (size_t i = 0; i < tape->forward.count; i++)
        dnnl_primitive_destroy(tape->forward.steps[i].primitive);
    for (size_t i = 0; i < tape->backward.count; i++)
        dnnl_primitive_destroy(tape->backward.steps[i].primitive);
    for (size_t i = 0; i < tape->memory_count; i++)
        dnnl_memory_destroy(tape->memories[i]);
    for (size_t i = 0; i < tape->operation_count; i++)
        dnnl_primitive_desc_destroy(tape->operations[i].forward);
    dnnl_primitive_attr_destroy(tape->plain);
    dnnl_primitive_attr_destroy(tape->with_relu);
    dnnl_stream_destroy(tape->stream);
    dnnl_engine_destroy(tape->library);
    free(tape);
}

static enum sl_status status_of(dnnl_status_t failure, const char *what, struct sl_error *error) {
    if (failure == dnnl_success)
        return SL_OK;
    if (failure == dnnl_out_of_memory)
        return sl_error_set(error, SL_NO_MEMORY, "oneDNN has no memory to %s", what);
    return sl_error_set(error, failure == dnnl_unimplemented ? SL_UNSUPPORTED : SL_INTERNAL,
                        "oneDNN cannot %s (status %d)", what, (int)failure);
}

enum sl_status sl_tape_finish(struct sl_tape *tape, struct sl_error *error) {
    for (size_t i = tape->operation_count; tape->train && is_sound(tape) && i-- > 0;)
        add_gradient(tape, &tape->operations[i]);
    return status_of(tape->failure, "make the network", error);
}

bool sl_tape_is_slow(const struct sl_tape *tape) {
    return tape->slow;
}

const char *sl_tape_kernel(const struct sl_tape *tape, size_t n) {
    return n < tape->kernel_count ? tape->kernels[n] : NULL;
}

/* The memory has a handle, so the call cannot fail. */
static float *floats_of(dnnl_memory_t memory) {
    void *handle = NULL;
    (void)dnnl_memory_get_data_handle(memory, &handle);
    return handle;
}

float *sl_blob_values(const struct sl_blob *blob) {
    return floats_of(blob->value);
}

float *sl_blob_gradient(const struct sl_blob *blob) {
    return floats_of(blob->gradient);
}

static enum sl_status run(struct sl_tape *tape, const struct step_list *list, struct sl_error *error) {
    dnnl_status_t failure = dnnl_success;
    omp_set_num_threads(1);
    for (size_t i = 0; failure == dnnl_success && i < list->count; i++)
        failure = dnnl_primitive_execute(list->steps[i].primitive, tape->stream, list->steps[i].count,
                                         list->steps[i].arguments);
    if (failure == dnnl_success)
        failure = dnnl_stream_wait(tape->stream);
    return status_of(failure, "compute", error);
}

/* Tells oneDNN where the tensors lie: in `values` where it reads, in `gradient` where it writes. */
static dnnl_status_t bind(struct sl_tape *tape, float *values, float *gradient) {
    dnnl_status_t failure = dnnl_success;
    for (size_t i = 0; i < tape->operation_count; i++) {
        const struct parameter *parameters[] = {&tape->operations[i].weight, &tape->operations[i].bias};
        for (size_t k = 0; tape->operations[i].plan != NULL && k < 2 && failure == dnnl_success; k++)
            failure = values != NULL
                          ? dnnl_memory_set_data_handle(parameters[k]->value, values + parameters[k]->first)
                          : dnnl_memory_set_data_handle(parameters[k]->gradient, gradient + parameters[k]->first);
    }
    return failure;
}

enum sl_status sl_tape_forward(struct sl_tape *tape, const float *values, struct sl_error *error) {
    /* The library's handles are not const; the kernels of the way forward only read these. */
    enum sl_status status = status_of(bind(tape, (float *)(uintptr_t)values, NULL), "take the parameters", error);
    return status == SL_OK ? run(tape, &tape->forward, error) : status;
}

enum sl_status sl_tape_backward(struct sl_tape *tape, float *gradient, struct sl_error *error) {
    enum sl_status status = status_of(bind(tape, NULL, gradient), "take the gradient", error);
    return status == SL_OK ? run(tape, &tape->backward, error) : status;
}
