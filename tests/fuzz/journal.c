/* The journal's two kinds of files, as a start reads them: what is read is written again as the same bytes. The first
 * byte says which kind, and whether the digest at the end is to be put right first, or nothing behind it is ever
 * reached. */
#include <string.h>

#include "journal/format.h"
#include "target.h"

enum { MARKER, RECORD, KINDS, PUT_RIGHT = 2 };

static size_t write_marker(uint8_t *out, enum sl_journal_mode mode, const char *boot) {
    struct journal_marker marker = {.lineage = 0x1122334455667788, .openings = 3, .mode = mode, .scope = {{7, 8, 9}}};
    memcpy(marker.boot, boot, strlen(boot));
    journal_marker_encode(out, &marker);
    return JOURNAL_MARKER_SIZE;
}

static size_t write_record(uint8_t *out, uint32_t slots, const char *state, size_t behind) {
    const struct journal_named named[2] = {{0, 4096, {{1}}}, {4095, 1, {{2}}}};
    struct sl_buffer bytes = {0};
    const struct sl_bytes body = {(const uint8_t *)state, strlen(state)};
    FUZZ_CHECK(journal_record_encode(&bytes, 5, 77, body, named, slots) == SL_OK);
    memcpy(out, bytes.data, bytes.length);
    memset(out + bytes.length, 'x', behind);
    const size_t length = bytes.length + behind;
    sl_buffer_finish(&bytes);
    return length;
}

size_t fuzz_corpus(size_t index, uint8_t out[FUZZ_INPUT_MAX]) {
    out[0] = (uint8_t)(PUT_RIGHT | (index < 2 ? MARKER : RECORD));
    switch (index) {
    case 0:
        return 1 + write_marker(out + 1, SL_JOURNAL_PROCESS, "c0ffee00-0000-4000-8000-000000000000");
    case 1:
        return 1 + write_marker(out + 1, SL_JOURNAL_POWER, "");
    case 2:
        return 1 + write_record(out + 1, 0, "", 0);
    case 3:
        return 1 + write_record(out + 1, 2, "what this node promised", 0);
    case 4:
        return 1 + write_record(out + 1, 1, "short", 100);
    }
    return 0;
}

static void put_right(uint8_t *data, size_t length) {
    struct sl_digest digest;
    if (length < SL_DIGEST_SIZE)
        return;
    sl_digest_of(&digest, data, length - SL_DIGEST_SIZE);
    memcpy(data + length - SL_DIGEST_SIZE, digest.bytes, SL_DIGEST_SIZE);
}

static void read_marker(uint8_t *data, size_t length, bool right) {
    struct journal_marker marker;
    uint8_t again[JOURNAL_MARKER_SIZE];
    if (right)
        put_right(data, length);
    if (journal_marker_decode(&marker, data, length) != SL_OK)
        return;
    FUZZ_CHECK(marker.lineage != 0 && memchr(marker.boot, '\0', sizeof marker.boot) != NULL);
    journal_marker_encode(again, &marker);
    FUZZ_CHECK(length == sizeof again && memcmp(again, data, length) == 0);
}

static void read_record(uint8_t *data, size_t length, bool right) {
    struct journal_record record;
    struct journal_named named[64];
    struct sl_buffer again = {0};
    const size_t told = length >= JOURNAL_HEAD_SIZE ? journal_record_length(data) : 0;
    if (right && told >= JOURNAL_HEAD_SIZE + SL_DIGEST_SIZE && told <= length)
        put_right(data, told);
    if (journal_record_decode(&record, data, length) != SL_OK)
        return;
    FUZZ_CHECK(record.length == told && record.state.data + record.state.length + SL_DIGEST_SIZE == data + told);
    if (record.slots > 64)
        return;
    for (uint32_t i = 0; i < record.slots; i++)
        named[i] = journal_record_named(&record, i);
    FUZZ_CHECK(journal_record_encode(&again, record.lineage, record.sequence, record.state, named, record.slots) ==
               SL_OK);
    FUZZ_CHECK(again.length == told && memcmp(again.data, data, told) == 0);
    sl_buffer_finish(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length) {
    if (length < 2)
        return 0;
    uint8_t *copy = malloc(length - 1); /* of just that size: what is read beyond it is seen */
    FUZZ_CHECK(copy != NULL);
    memcpy(copy, data + 1, length - 1);
    if (data[0] % KINDS == MARKER)
        read_marker(copy, length - 1, (data[0] & PUT_RIGHT) != 0);
    else
        read_record(copy, length - 1, (data[0] & PUT_RIGHT) != 0);
    free(copy);
    return 0;
}
