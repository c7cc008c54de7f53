#include "node/parts.h"

enum sl_status node_parts_add(struct node_parts *parts, bool *whole, const struct sl_part *part,
                              struct sl_error *error) {
    *whole = false;
    if (part->offset == 0) {
        sl_buffer_clear(&parts->bytes);
        parts->total = part->total;
    }
    if (part->total != parts->total || part->offset != parts->bytes.length)
        return sl_error_set(error, SL_FORMAT, "a part at %u of %u, expected the one at %zu of %u", part->offset,
                            part->total, parts->bytes.length, parts->total);
    if (sl_buffer_append(&parts->bytes, part->bytes.data, part->bytes.length) != SL_OK)
        return sl_error_set(error, SL_NO_MEMORY, "out of memory");
    *whole = parts->bytes.length == parts->total;
    return SL_OK;
}

void node_parts_finish(struct node_parts *parts) {
    sl_buffer_finish(&parts->bytes);
    parts->total = 0;
}
