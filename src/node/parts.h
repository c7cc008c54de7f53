/* A thing that is longer than a frame, put together from the parts that one peer sends. */
#ifndef SL_NODE_PARTS_H
#define SL_NODE_PARTS_H

#include "base/buffer.h"
#include "wire/messages.h"

/* All zero: nothing yet. `bytes` holds no more than came. */
struct node_parts {
    struct sl_buffer bytes;
    uint32_t total;
};

/* Parts come in order; one at offset 0 begins anew. *whole: `bytes` is all of it, until the next part or
 * node_parts_finish. SL_FORMAT: out of order. */
SL_MUST_USE enum sl_status node_parts_add(struct node_parts *parts, bool *whole, const struct sl_part *part,
                                          struct sl_error *error);
void node_parts_finish(struct node_parts *parts);

#endif
