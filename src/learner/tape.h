/* A network as a list of operations on fixed buffers, run forward and, for training, backward (the tape of automatic
 * differentiation, recorded once). Private to learner; onednn.c implements it and is the only file that knows oneDNN.
 *
 * Recording does not report errors one by one: after the first nothing is recorded any more, and sl_tape_finish tells.
 * Everything is computed by the thread that calls; one call a tape at a time. */
#ifndef SL_LEARNER_TAPE_H
#define SL_LEARNER_TAPE_H

#include <stdbool.h>

#include "learner/network.h"

struct sl_tape;
/* Values between two operations and, for training, the gradient of the loss by them. The tape owns it. */
struct sl_blob;

/* Plain: [row][channel][y][x]. Channels-last: [row][y][x][channel], for which oneDNN has fast kernels with few channels
 * in all directions. Best: what the kernel that makes them prefers, which is right behind plain images of 1 or 3
 * channels. */
enum sl_image_layout { SL_IMAGES_PLAIN, SL_IMAGES_CHANNELS_LAST, SL_IMAGES_BEST };

SL_MUST_USE struct sl_tape *sl_tape_create(bool train); /* NULL when out of memory */
void sl_tape_destroy(struct sl_tape *tape);             /* accepts NULL */

/* What the caller fills, 0 at first: [rows] plain images, or rows of values where the first layer is dense. Nobody asks
 * for the gradient by it. This and each operation returns a blob of the tape's, or NULL once something failed, which
 * all of them accept. */
struct sl_blob *sl_tape_input(struct sl_tape *tape, const struct sl_network_plan *plan, uint32_t rows);

/* Convolution and ReLU. The gradient by its result is expected to be masked already, which sl_tape_pool does. */
struct sl_blob *sl_tape_convolution(struct sl_tape *tape, struct sl_blob *from, const struct sl_layer *plan,
                                    enum sl_image_layout layout);
/* The largest of each 2 × 2, of values that a ReLU made: backward masks where the result is 0, which is where all four
 * are, and has four times fewer to look at than a mask before the pooling. */
struct sl_blob *sl_tape_pool(struct sl_tape *tape, struct sl_blob *from);
struct sl_blob *sl_tape_dense(struct sl_tape *tape, struct sl_blob *from, const struct sl_layer *plan, bool relu);
/* The same images in another layout (not the best: there is no kernel to ask); `from` itself where it lies so. */
struct sl_blob *sl_tape_reorder(struct sl_tape *tape, struct sl_blob *from, enum sl_image_layout layout);
/* Plain images as rows of values: the same bytes. */
struct sl_blob *sl_tape_flatten(struct sl_tape *tape, struct sl_blob *from);

/* Ends the recording; what a training tape runs backward is made here. SL_UNSUPPORTED where oneDNN has no kernel. */
SL_MUST_USE enum sl_status sl_tape_finish(struct sl_tape *tape, struct sl_error *error);
/* oneDNN takes a plain loop ("ref:any"), hundreds of times slower, without a word where it has no kernel for a layout.
 * True when it had to. */
bool sl_tape_is_slow(const struct sl_tape *tape);
/* The name of the n-th operation's kernel, forward ones first; NULL behind the last. */
const char *sl_tape_kernel(const struct sl_tape *tape, size_t n);

float *sl_blob_values(const struct sl_blob *blob);
float *sl_blob_gradient(const struct sl_blob *blob);

/* `values`: the parameter vector. */
SL_MUST_USE enum sl_status sl_tape_forward(struct sl_tape *tape, const float *values, struct sl_error *error);
/* After forward, whose `values` must still be there unchanged. Writes every element of `gradient`, like `values`. */
SL_MUST_USE enum sl_status sl_tape_backward(struct sl_tape *tape, float *gradient, struct sl_error *error);

#endif
