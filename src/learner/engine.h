/* The numerics of one lane: a network's forward and backward pass for a fixed number of rows, on the thread that calls.
 * Private to learner. */
#ifndef SL_LEARNER_ENGINE_H
#define SL_LEARNER_ENGINE_H

#include "learner/tape.h"

struct sl_engine {
    struct sl_tape *tape;
    struct sl_blob *input;  /* values: [rows][channels][height][width], the caller fills them; 0 at first */
    struct sl_blob *scores; /* values: [rows][classes] after sl_tape_forward; gradient: filled for sl_tape_backward */
};

/* Plain images are tried where channels-last ones would run on a plain loop. `plan` outlives the engine. On failure
 * nothing is held. */
SL_MUST_USE enum sl_status sl_engine_init(struct sl_engine *out, const struct sl_network_plan *plan, uint32_t rows,
                                          bool train, struct sl_error *error);
void sl_engine_finish(struct sl_engine *engine);

#endif
