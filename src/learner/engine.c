#include "learner/engine.h"

/* `fast`: the first convolution leaves the layout to its kernel, the others work channels-last. */
static struct sl_blob *record_convolution(struct sl_tape *tape, struct sl_blob *from, const struct sl_layer *layer,
                                          bool first, bool fast) {
    enum sl_image_layout layout = SL_IMAGES_PLAIN;
    if (fast)
        layout = first ? SL_IMAGES_BEST : SL_IMAGES_CHANNELS_LAST;
    if (!first)
        from = sl_tape_reorder(tape, from, layout);
    return sl_tape_pool(tape, sl_tape_convolution(tape, from, layer, layout));
}

static struct sl_blob *record(struct sl_tape *tape, struct sl_blob *at, const struct sl_network_plan *plan, bool fast) {
    bool images = false;
    for (size_t i = 0; i < plan->count; i++) {
        const struct sl_layer *layer = &plan->layers[i];
        if (layer->kind == SL_LAYER_CONVOLUTION)
            at = record_convolution(tape, at, layer, i == 0, fast);
        else {
            if (images)
                at = sl_tape_flatten(tape, sl_tape_reorder(tape, at, SL_IMAGES_PLAIN));
            at = sl_tape_dense(tape, at, layer, i + 1 < plan->count);
        }
        images = layer->kind == SL_LAYER_CONVOLUTION;
    }
    return at;
}

static enum sl_status make(struct sl_engine *out, const struct sl_network_plan *plan, uint32_t rows, bool train,
                           bool fast, struct sl_error *error) {
    *out = (struct sl_engine){.tape = sl_tape_create(train)};
    if (out->tape == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "no memory for a network");
    out->input = sl_tape_input(out->tape, plan, rows);
    out->scores = record(out->tape, out->input, plan, fast);
    enum sl_status status = sl_tape_finish(out->tape, error);
    if (status != SL_OK)
        sl_engine_finish(out);
    return status;
}

enum sl_status sl_engine_init(struct sl_engine *out, const struct sl_network_plan *plan, uint32_t rows, bool train,
                              struct sl_error *error) {
    struct sl_engine plain;
    enum sl_status status = make(out, plan, rows, train, true, error);
    const bool slow = status == SL_OK && sl_tape_is_slow(out->tape);
    if ((slow || status == SL_UNSUPPORTED) && make(&plain, plan, rows, train, false, error) == SL_OK) {
        const bool better = !slow || !sl_tape_is_slow(plain.tape);
        sl_engine_finish(better ? out : &plain);
        *out = better ? plain : *out;
        status = SL_OK;
    }
    return status;
}

void sl_engine_finish(struct sl_engine *engine) {
    sl_tape_destroy(engine->tape);
    *engine = (struct sl_engine){0};
}
