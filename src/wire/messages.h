/* Every message as a C struct, one codec each.
 *
 * sl_<message>_encode appends the protobuf bytes to a buffer: always the same bytes for the same struct, so that they
 * can be signed. SL_LIMIT when they do not fit a frame, SL_NO_MEMORY; `out` is unchanged then. It does not check names
 * and the like, which are the caller's own.
 *
 * sl_<message>_decode reads and checks. What decodes is within every limit, has valid names and addresses, and encodes
 * to the same bytes again (unknown fields are refused: versions are negotiated in HELLO). SL_FORMAT, or SL_LIMIT for
 * what is well-formed but too much, or SL_NO_MEMORY. `data` may be NULL where length is 0.
 *
 * Structs with pointers own them and are emptied by sl_<message>_finish; on failure of decode they are empty already.
 */
#ifndef SL_WIRE_MESSAGES_H
#define SL_WIRE_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <starling/name.h>

#include "base/buffer.h"
#include "wire/limits.h"

enum { SL_WIRE_DIGEST_SIZE = 32 };

/* ---- connection (proto/connection.proto) ---- */

struct sl_hello {
    uint32_t version_min, version_max;
    char flock[SL_NAME_SIZE], run[SL_NAME_SIZE], node[SL_NAME_SIZE];
    uint64_t boot;          /* random a process; another one replaces the old connection */
    char **addresses;       /* "host:port" that the sender can be dialled at, as it wrote them */
    size_t address_count;   /* ≤ SL_ADDRESSES_MAX */
    struct sl_bytes *chain; /* client certificate chain in DER, leaf first */
    size_t chain_count;     /* 1 … SL_HELLO_CHAIN_MAX */
    uint8_t *proof;         /* signature, see admit/admit.h */
    size_t proof_length;
};
struct sl_hello_ack {
    uint32_t version;
};
struct sl_goodbye {
    char reason[SL_REASON_MAX + 1]; /* UTF-8; control characters (below U+0020, U+007F … U+009F) are refused */
    bool leaving;                   /* the node leaves the flock, not just this connection */
};
struct sl_ping { /* PING and PONG: the answer has the same number */
    uint64_t number;
};

/* ---- membership (proto/membership.proto) ---- */

enum sl_member_state { SL_MEMBER_ALIVE = 1, SL_MEMBER_SUSPECT = 2, SL_MEMBER_DROPPED = 3, SL_MEMBER_LEFT = 4 };
struct sl_member_entry {
    char node[SL_NAME_SIZE];
    uint64_t incarnation; /* the member's own count: a higher one overrides, at equal ones the graver state does */
    enum sl_member_state state;
    uint64_t samples;     /* weight of its updates, ≥ 1 */
    uint64_t from_round;  /* first round that it takes part in; 0: not yet known */
    uint64_t until_round; /* first round that it takes no part in; 0: none known */
    char **addresses;
    size_t address_count;
};
struct sl_roster {
    struct sl_member_entry *entries;
    size_t count; /* ≤ SL_ROSTER_ENTRIES_MAX */
};

/* ---- rounds (proto/round.proto) ---- */

enum sl_payload_kind { SL_PAYLOAD_UPDATE = 1, SL_PAYLOAD_SNAPSHOT = 2 };
struct sl_wire_tensor {
    char *name;                      /* 1 … SL_TENSOR_NAME_MAX bytes of UTF-8 without control characters */
    uint32_t rank;                   /* 0: a scalar */
    uint64_t dims[SL_WIRE_RANK_MAX]; /* each ≥ 1; 0 beyond the rank */
};
/* Signed by its origin: these are the bytes that travel, so that a signature is checked over what was received. */
struct sl_manifest {
    char flock[SL_NAME_SIZE], run[SL_NAME_SIZE], origin[SL_NAME_SIZE];
    uint64_t epoch, round, lineage;
    enum sl_payload_kind kind;
    uint32_t degree;                   /* peers planned for this round */
    uint64_t samples;                  /* of the origin; of an update ≥ 1 */
    uint64_t total_samples;            /* of the planned roster, origin included; of an update ≥ 1 */
    uint8_t view[SL_WIRE_DIGEST_SIZE]; /* digest of the planned roster */
    struct sl_wire_tensor *tensors;
    size_t tensor_count;                           /* 1 … SL_TENSORS_MAX */
    uint64_t payload_bytes;                        /* 4 × the elements of all tensors, f32 little-endian */
    uint32_t chunk_bytes;                          /* a multiple of SL_CHUNK_UNIT */
    uint8_t (*chunk_digests)[SL_WIRE_DIGEST_SIZE]; /* SHA-256 of each chunk */
    size_t chunk_count;                            /* = ⌈payload_bytes / chunk_bytes⌉ */
};
/* What a MANIFEST frame carries: the transfer's number on this connection, the manifest's bytes, the signature. */
struct sl_manifest_frame {
    uint32_t transfer;                   /* ≥ 1 */
    struct sl_bytes manifest, signature; /* not empty; views into the decoded payload when decoding: nothing to free */
};
struct sl_credit {
    uint32_t transfer;
    uint64_t until; /* bytes of the payload that may be sent, from its beginning; never falls */
};
struct sl_cancel { /* from either side: no more of this transfer; 0 answers a model request */
    uint32_t transfer;
};
struct sl_ready {
    uint64_t epoch, round;
    uint64_t lineage_sender, lineage_receiver;
    uint8_t manifest_sender[SL_WIRE_DIGEST_SIZE], manifest_receiver[SL_WIRE_DIGEST_SIZE]; /* SHA-256 of the bytes */
};
enum sl_verdict_value { SL_VERDICT_COUNT = 1, SL_VERDICT_VOID = 2, SL_VERDICT_GONE = 3 };
struct sl_verdict {
    uint64_t epoch, round;
    uint64_t lineage_sender, lineage_receiver;
    enum sl_verdict_value verdict;
};
enum sl_pass_reason {
    SL_PASS_NOT_LISTED = 1,
    SL_PASS_CLOSED = 2,
    SL_PASS_BEHIND = 3,
    SL_PASS_FULL = 4,
    SL_PASS_FINISHED = 5
};
struct sl_pass {
    uint64_t epoch, round;
    enum sl_pass_reason reason;
};
struct sl_progress {       /* told to all connected peers at each change */
    uint64_t epoch, round; /* the round that the sender is in; 0: none yet */
    uint64_t lineage;
    bool finished; /* all rounds done */
    uint32_t pending;
};
struct sl_model_request { /* a joiner asks for the model after the donor's last round: answered by MANIFEST or CANCEL 0
                           */
    uint64_t epoch;
};

#define SL_MESSAGE_LIST(X)                                                                                             \
    X(hello)                                                                                                           \
    X(hello_ack)                                                                                                       \
    X(goodbye)                                                                                                         \
    X(ping)                                                                                                            \
    X(roster) X(manifest) X(manifest_frame) X(credit) X(cancel) X(ready) X(verdict) X(pass) X(progress) X(model_request)

#define SL_MESSAGE_DECLARE(message)                                                                                    \
    SL_MUST_USE enum sl_status sl_##message##_encode(struct sl_buffer *out, const struct sl_##message *in);            \
    SL_MUST_USE enum sl_status sl_##message##_decode(struct sl_##message *out, const uint8_t *data, size_t length,     \
                                                     struct sl_error *error);
SL_MESSAGE_LIST(SL_MESSAGE_DECLARE)
#undef SL_MESSAGE_DECLARE

void sl_hello_finish(struct sl_hello *hello);
void sl_roster_finish(struct sl_roster *roster);
void sl_manifest_finish(struct sl_manifest *manifest);

#endif
