#include "journal/format.h"

#include <string.h>

static const char marker_magic[] = "SLlineg1", record_magic[] = "SLrecrd1";

void journal_marker_encode(uint8_t out[JOURNAL_MARKER_SIZE], const struct journal_marker *marker) {
    struct sl_digest digest;
    memset(out, 0, JOURNAL_MARKER_SIZE);
    memcpy(out, marker_magic, 8);
    sl_put_u64(out + 8, marker->lineage);
    sl_put_u64(out + 16, marker->openings);
    out[24] = (uint8_t)marker->mode;
    memcpy(out + 25, marker->scope.bytes, 32);
    memcpy(out + 57, marker->boot, strnlen(marker->boot, SL_JOURNAL_BOOT_SIZE - 1));
    sl_digest_of(&digest, out, JOURNAL_MARKER_SIZE - SL_DIGEST_SIZE);
    memcpy(out + JOURNAL_MARKER_SIZE - SL_DIGEST_SIZE, digest.bytes, SL_DIGEST_SIZE);
}

static bool ends_with_its_digest(const uint8_t *data, size_t length) {
    struct sl_digest digest;
    sl_digest_of(&digest, data, length - SL_DIGEST_SIZE);
    return memcmp(digest.bytes, data + length - SL_DIGEST_SIZE, SL_DIGEST_SIZE) == 0;
}

enum sl_status journal_marker_decode(struct journal_marker *out, const uint8_t *data, size_t length) {
    if (length != JOURNAL_MARKER_SIZE || memcmp(data, marker_magic, 8) != 0 || !ends_with_its_digest(data, length))
        return SL_FORMAT;
    *out = (struct journal_marker){.lineage = sl_get_u64(data + 8), .openings = sl_get_u64(data + 16)};
    memcpy(out->scope.bytes, data + 25, 32);
    memcpy(out->boot, data + 57, SL_JOURNAL_BOOT_SIZE);
    const size_t boot = strnlen(out->boot, sizeof out->boot);
    for (size_t i = boot; i < sizeof out->boot; i++)
        if (out->boot[i] != '\0')
            return SL_FORMAT;
    if (out->lineage == 0 || out->openings == 0 || boot == sizeof out->boot || data[24] > SL_JOURNAL_POWER)
        return SL_FORMAT;
    out->mode = (enum sl_journal_mode)data[24];
    return SL_OK;
}

enum sl_status journal_record_encode(struct sl_buffer *out, uint64_t lineage, uint64_t sequence, struct sl_bytes state,
                                     const struct journal_named *named, uint32_t slots) {
    const uint64_t all = JOURNAL_HEAD_SIZE + (uint64_t)slots * JOURNAL_NAMED_SIZE + SL_DIGEST_SIZE;
    if (slots > SL_JOURNAL_SLOTS_MAX || state.length > SL_JOURNAL_RECORD_MAX - all)
        return SL_LIMIT;
    const size_t length = (size_t)all + state.length;
    sl_buffer_clear(out);
    if (sl_buffer_reserve(out, length) != SL_OK)
        return SL_NO_MEMORY;
    uint8_t *at = out->data;
    memcpy(at, record_magic, 8);
    sl_put_u64(at + 8, lineage);
    sl_put_u64(at + 16, sequence);
    sl_put_u32(at + 24, slots);
    sl_put_u32(at + 28, (uint32_t)state.length);
    at += JOURNAL_HEAD_SIZE;
    for (uint32_t i = 0; i < slots; i++, at += JOURNAL_NAMED_SIZE) {
        sl_put_u32(at, named[i].number);
        sl_put_u64(at + 4, named[i].length);
        memcpy(at + 12, named[i].digest.bytes, SL_DIGEST_SIZE);
    }
    if (state.length > 0)
        memcpy(at, state.data, state.length);
    struct sl_digest digest;
    sl_digest_of(&digest, out->data, length - SL_DIGEST_SIZE);
    memcpy(at + state.length, digest.bytes, SL_DIGEST_SIZE);
    out->length = length;
    return SL_OK;
}

size_t journal_record_length(const uint8_t head[JOURNAL_HEAD_SIZE]) {
    const uint32_t slots = sl_get_u32(head + 24);
    const uint64_t length =
        JOURNAL_HEAD_SIZE + (uint64_t)slots * JOURNAL_NAMED_SIZE + (uint64_t)sl_get_u32(head + 28) + SL_DIGEST_SIZE;
    if (memcmp(head, record_magic, 8) != 0 || slots > SL_JOURNAL_SLOTS_MAX || length > SL_JOURNAL_RECORD_MAX)
        return 0;
    return (size_t)length;
}

enum sl_status journal_record_decode(struct journal_record *out, const uint8_t *data, size_t length) {
    if (length < JOURNAL_HEAD_SIZE)
        return SL_FORMAT;
    const size_t needed = journal_record_length(data);
    if (needed == 0 || needed > length || !ends_with_its_digest(data, needed))
        return SL_FORMAT;
    *out = (struct journal_record){.lineage = sl_get_u64(data + 8),
                                   .sequence = sl_get_u64(data + 16),
                                   .slots = sl_get_u32(data + 24),
                                   .named = data + JOURNAL_HEAD_SIZE,
                                   .length = needed};
    out->state.data = out->named + (size_t)out->slots * JOURNAL_NAMED_SIZE;
    out->state.length = sl_get_u32(data + 28);
    for (uint32_t i = 0; i < out->slots; i++) {
        const struct journal_named named = journal_record_named(out, i);
        if (named.number >= SL_JOURNAL_SLOTS_MAX || named.length == 0 || named.length > INT64_MAX)
            return SL_FORMAT;
    }
    return out->lineage == 0 || out->sequence == 0 ? SL_FORMAT : SL_OK;
}

struct journal_named journal_record_named(const struct journal_record *record, uint32_t index) {
    const uint8_t *at = record->named + (size_t)index * JOURNAL_NAMED_SIZE;
    struct journal_named named = {.number = sl_get_u32(at), .length = sl_get_u64(at + 4)};
    memcpy(named.digest.bytes, at + 12, SL_DIGEST_SIZE);
    return named;
}
