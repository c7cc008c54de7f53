#include "exchange/chunks.h"

enum sl_status sl_chunks_choose(struct sl_chunks *out, uint64_t payload_bytes, struct sl_error *error) {
    if (payload_bytes == 0)
        return sl_error_set(error, SL_LIMIT, "a payload of no bytes");
    uint64_t chunk_bytes = SL_CHUNK_UNIT;
    while ((payload_bytes - 1) / chunk_bytes >= SL_CHUNK_COUNT_MAX) {
        chunk_bytes *= 2;
        if (chunk_bytes > SL_CHUNK_BYTES_MAX)
            return sl_error_set(error, SL_LIMIT, "a model of %llu bytes is too big for the wire",
                                (unsigned long long)payload_bytes);
    }
    out->payload_bytes = payload_bytes;
    out->chunk_bytes = (uint32_t)chunk_bytes;
    out->count = (uint32_t)((payload_bytes - 1) / chunk_bytes + 1);
    return SL_OK;
}
