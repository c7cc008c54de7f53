/* The journal's files as bytes. Big-endian; each ends with the SHA-256 of what is before. Private to journal.
 *
 *     lineage    "SLlineg1"  lineage 8  openings 8  mode 1  scope 32  boot 64  digest 32
 *     record-N   "SLrecrd1"  lineage 8  sequence 8  slots 4  state's length 4
 *                a slot: number 4  length 8  digest 32;  state;  digest 32;  what a longer record before left */
#ifndef SL_JOURNAL_FORMAT_H
#define SL_JOURNAL_FORMAT_H

#include "journal/journal.h"

enum {
    JOURNAL_MARKER_SIZE = 8 + 8 + 8 + 1 + 32 + 64 + 32,
    JOURNAL_HEAD_SIZE = 8 + 8 + 8 + 4 + 4,
    JOURNAL_NAMED_SIZE = 4 + 8 + 32
};

struct journal_marker {
    uint64_t lineage, openings;
    enum sl_journal_mode mode;
    struct sl_digest scope;
    char boot[SL_JOURNAL_BOOT_SIZE];
};

struct journal_named {
    uint32_t number;
    uint64_t length;
    struct sl_digest digest;
};

/* A record that was read; `state` and `named` point into it. */
struct journal_record {
    uint64_t lineage, sequence;
    uint32_t slots;
    const uint8_t *named; /* slots of JOURNAL_NAMED_SIZE bytes */
    struct sl_bytes state;
    size_t length; /* of all of it */
};

void journal_marker_encode(uint8_t out[JOURNAL_MARKER_SIZE], const struct journal_marker *marker);
/* SL_FORMAT. */
SL_MUST_USE enum sl_status journal_marker_decode(struct journal_marker *out, const uint8_t *data, size_t length);

SL_MUST_USE enum sl_status journal_record_encode(struct sl_buffer *out, uint64_t lineage, uint64_t sequence,
                                                 struct sl_bytes state, const struct journal_named *named,
                                                 uint32_t slots);
/* How long the record is that begins so; 0: none does. */
size_t journal_record_length(const uint8_t head[JOURNAL_HEAD_SIZE]);
/* SL_FORMAT: not one, or not whole. Slots may be named twice. */
SL_MUST_USE enum sl_status journal_record_decode(struct journal_record *out, const uint8_t *data, size_t length);
struct journal_named journal_record_named(const struct journal_record *record, uint32_t index);

#endif
