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
    uint64_t boot;        /* random a process; another one replaces the old connection */
    char **addresses;     /* "host:port" that the sender can be dialled at, as it wrote them */
    size_t address_count; /* ≤ SL_ADDRESSES_MAX */
    /* The accepter's part; which side may say what, admission decides (admit/admit.h). */
    struct sl_bytes *chain; /* client certificate chain in DER, leaf first */
    size_t chain_count;     /* ≤ SL_HELLO_CHAIN_MAX */
    uint8_t *proof;         /* signature by the delegated key */
    size_t proof_length;    /* ≤ SL_WIRE_SIGNATURE_MAX, as the next two; 0: there is none */
    uint8_t *delegate;      /* that key; SL_HELLO_DELEGATE_SIZE bytes */
    size_t delegate_length;
    uint8_t *delegation; /* signature by the client key */
    size_t delegation_length;
    uint64_t delegated_until; /* Unix seconds */
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

struct sl_part { /* CRL and PROOF: of something that may be longer than a frame */
    uint32_t total, offset;
    struct sl_bytes bytes; /* 1 … SL_PART_MAX, offset + length ≤ total ≤ SL_CRL_MAX; when decoding a view into the
                              payload: nothing to free */
};

/* ---- membership (proto/membership.proto) ---- */

enum sl_member_state { SL_MEMBER_ALIVE = 1, SL_MEMBER_SUSPECT = 2, SL_MEMBER_DROPPED = 3, SL_MEMBER_LEFT = 4 };
/* What a statement about a member says. Of itself a member says ALIVE or LEFT, of others SUSPECT or DROPPED; that holds
 * for whatever decodes. */
struct sl_member_statement {
    char flock[SL_NAME_SIZE], run[SL_NAME_SIZE];
    uint64_t epoch;
    char origin[SL_NAME_SIZE]; /* who says so */
    char node[SL_NAME_SIZE];   /* of whom */
    uint64_t incarnation;      /* ≥ 1 */
    enum sl_member_state state;
    uint64_t samples, from_round,
        until_round;  /* of another: samples and from_round 0; until_round only of DROPPED, LEFT */
    char **addresses; /* of another: none */
    size_t address_count;
    uint64_t lineage; /* of another: 0 */
};
/* Bytes that an origin signed, and the certificates to check that by: one object on the heap, never changed, shared by
 * counted references, all on one thread. */
struct sl_statement {
    unsigned references;
    struct sl_bytes body;                      /* not empty */
    struct sl_bytes signature;                 /* 1 … SL_WIRE_SIGNATURE_MAX */
    struct sl_bytes chain[SL_HELLO_CHAIN_MAX]; /* DER, leaf first */
    size_t chain_count;                        /* ≥ 1 */
};
/* Copies; one reference, the caller's. SL_LIMIT for what no frame takes. */
SL_MUST_USE enum sl_status sl_statement_create(struct sl_statement **out, struct sl_bytes body,
                                               struct sl_bytes signature, const struct sl_bytes *chain, size_t count);
struct sl_statement *sl_statement_ref(struct sl_statement *statement);
void sl_statement_unref(struct sl_statement *statement);                               /* accepts NULL */
bool sl_statement_is_same(const struct sl_statement *a, const struct sl_statement *b); /* byte for byte */
size_t sl_statement_size(const struct sl_statement *statement); /* more than it takes in any message */
/* What a statement's signature is over: the context and its NUL, then the body. Appended to `out`. */
#define SL_MEMBER_CONTEXT "starling member 1"
#define SL_MANIFEST_CONTEXT "starling manifest 1"
SL_MUST_USE enum sl_status sl_statement_message(struct sl_buffer *out, const char *context, struct sl_bytes body);
struct sl_roster {
    struct sl_statement **statements; /* a reference each; their bodies are no concern of this codec */
    size_t count;                     /* ≤ SL_ROSTER_ENTRIES_MAX */
};
enum sl_probe_answer { SL_PROBE_ASKED = 0, SL_PROBE_YES = 1, SL_PROBE_NO = 2 };
struct sl_probe {
    char node[SL_NAME_SIZE];
    enum sl_probe_answer answer;
};
enum sl_neighbour_word {
    SL_NEIGHBOUR_REQUEST = 1,
    SL_NEIGHBOUR_URGENT = 2,
    SL_NEIGHBOUR_ACCEPT = 3,
    SL_NEIGHBOUR_REFUSE = 4,
    SL_NEIGHBOUR_END = 5
};
struct sl_neighbour {
    enum sl_neighbour_word word;
};
struct sl_roster_digest {
    uint64_t whole;
    uint64_t *parts; /* NULL, or SL_ROSTER_PARTS of them */
    bool has_list;
    uint8_t listed[SL_ROSTER_PARTS / 8]; /* a bit a part, the lowest one first; all 0 without a list */
    uint64_t *tags, *terms;              /* of all members in the listed parts, by ascending tag */
    size_t count;                        /* of both, ≤ SL_ROSTER_TAGS_MAX; 0 without a list */
    uint64_t *wanted;
    size_t wanted_count; /* ≤ SL_ROSTER_TAGS_MAX */
};

/* ---- rounds (proto/round.proto) ---- */

enum sl_payload_kind { SL_PAYLOAD_UPDATE = 1, SL_PAYLOAD_SNAPSHOT = 2 };
struct sl_wire_tensor {
    char *name;                      /* 1 … SL_TENSOR_NAME_MAX bytes of UTF-8 without control characters */
    uint32_t rank;                   /* 0: a scalar */
    uint64_t dims[SL_WIRE_RANK_MAX]; /* each ≥ 1; 0 beyond the rank */
};
/* How the elements of all tensors, one behind the other, are written. */
enum sl_payload_encoding {
    SL_ENCODING_F32, /* little-endian */
    SL_ENCODING_INT8 /* aggregate/quantise.h */
};
/* In bytes, of at most 2⁶¹ elements. */
uint64_t sl_payload_length(enum sl_payload_encoding encoding, uint64_t elements);
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
    enum sl_payload_encoding encoding;             /* of a snapshot f32 */
    uint64_t payload_bytes;                        /* sl_payload_length of the elements of all tensors */
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
    uint64_t from;  /* of a transfer's first one: what is before it is here already and is not sent; a multiple of
                       SL_CHUNK_UNIT, less than `until`. 0 in all others */
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

/* ---- proofs (proto/proof.proto) ---- */

struct sl_witness_entry {
    char origin[SL_NAME_SIZE];
    enum sl_payload_kind kind;
    uint64_t lineage;
    uint8_t manifest[SL_WIRE_DIGEST_SIZE], payload[SL_WIRE_DIGEST_SIZE];
};
struct sl_witness { /* what the sender holds of that round */
    uint64_t epoch, round;
    struct sl_witness_entry *entries;
    size_t count; /* 1 … SL_WITNESS_ENTRIES_MAX */
};
struct sl_evidence { /* a manifest as its origin signed it */
    struct sl_statement *statement;
};
/* Two manifests that contradict each other, the one of the lesser bytes first. The one message that may be longer than
 * a frame: at most SL_PROOF_MAX. */
struct sl_proof {
    struct sl_statement *first, *second;
};

/* ---- the journal (proto/journal.proto): what a restart needs, never sent ---- */

enum sl_saved_phase {
    SL_SAVED_GATHER = 1,
    SL_SAVED_TRAIN = 2,
    SL_SAVED_EXCHANGE = 3,
    SL_SAVED_MIX = 4,
    SL_SAVED_LINGER = 5
};
enum sl_saved_edge_state { SL_SAVED_NONE = 1, SL_SAVED_OPEN = 2, SL_SAVED_BOUND = 3, SL_SAVED_COUNTED = 4 };
/* One end of an edge: of the current round, of a pending one, of a late difference that no update has in it yet. */
struct sl_saved_edge {
    char peer[SL_NAME_SIZE];
    uint64_t round;
    enum sl_saved_edge_state state;
    uint64_t samples; /* of the peer, as planned here */
    bool has_own, has_manifest;
    uint8_t own_digest[SL_WIRE_DIGEST_SIZE]; /* of the own manifest of that round */
    /* the peer's manifest */
    uint8_t peer_digest[SL_WIRE_DIGEST_SIZE], view[SL_WIRE_DIGEST_SIZE];
    uint64_t lineage;
    uint32_t degree;
    uint64_t manifest_samples, total_samples;
    double weight; /* of the difference, 0 … 1 */
};
struct sl_saved_peer {
    char name[SL_NAME_SIZE];
    uint64_t starter_round, lineage, last_counted, last_counted_lineage, from_round;
};
struct sl_round_state {
    uint64_t epoch, lineage;
    char self[SL_NAME_SIZE];
    enum sl_saved_phase phase;
    uint64_t done, current, from_round;
    bool started, carried, carry, below, left_out, had_peers;
    uint64_t averaging_counted;
    uint32_t barren;
    bool full;
    uint64_t total_samples;
    bool has_own, has_view;
    uint8_t own_digest[SL_WIRE_DIGEST_SIZE], own_view[SL_WIRE_DIGEST_SIZE];
    struct sl_saved_edge *edges, *pending, *late; /* each ≤ SL_SAVED_ENTRIES_MAX */
    size_t edge_count, pending_count, late_count;
    struct sl_saved_peer *peers;
    size_t peer_count;
};

/* What a slot of the journal holds: a model, the optimiser's state after a training, an update. */
enum sl_kept_kind { SL_KEPT_MODEL = 1, SL_KEPT_STATE = 2, SL_KEPT_UPDATE = 3, SL_KEPT_TRAINED = 4 };
struct sl_kept {
    enum sl_kept_kind kind;
    char origin[SL_NAME_SIZE]; /* whose it is */
    uint64_t round;
    struct sl_bytes manifest; /* as it was signed: of an update, and of a model that is the bytes of one; else none */
};
/* The body of a record. What it was decoded to owns its bytes. */
struct sl_node_record {
    struct sl_bytes round_state; /* an encoded sl_round_state */
    struct sl_kept *kept;        /* as many as the record has slots, in their order; ≤ SL_KEPT_MAX */
    size_t kept_count;
    uint64_t signed_round; /* the last whose update was signed in this lineage; 0: none */
};

#define SL_MESSAGE_LIST(X)                                                                                             \
    X(hello)                                                                                                           \
    X(hello_ack)                                                                                                       \
    X(goodbye)                                                                                                         \
    X(ping)                                                                                                            \
    X(roster)                                                                                                          \
    X(manifest)                                                                                                        \
    X(manifest_frame)                                                                                                  \
    X(credit)                                                                                                          \
    X(cancel)                                                                                                          \
    X(ready)                                                                                                           \
    X(verdict)                                                                                                         \
    X(pass)                                                                                                            \
    X(progress)                                                                                                        \
    X(model_request)                                                                                                   \
    X(part)                                                                                                            \
    X(member_statement)                                                                                                \
    X(witness) X(evidence) X(proof) X(round_state) X(node_record) X(probe) X(roster_digest) X(neighbour)

#define SL_MESSAGE_DECLARE(message)                                                                                    \
    SL_MUST_USE enum sl_status sl_##message##_encode(struct sl_buffer *out, const struct sl_##message *in);            \
    SL_MUST_USE enum sl_status sl_##message##_decode(struct sl_##message *out, const uint8_t *data, size_t length,     \
                                                     struct sl_error *error);
SL_MESSAGE_LIST(SL_MESSAGE_DECLARE)
#undef SL_MESSAGE_DECLARE

void sl_hello_finish(struct sl_hello *hello);
void sl_roster_finish(struct sl_roster *roster);
void sl_roster_digest_finish(struct sl_roster_digest *digest);
void sl_manifest_finish(struct sl_manifest *manifest);
void sl_member_statement_finish(struct sl_member_statement *statement);
void sl_witness_finish(struct sl_witness *witness);
void sl_evidence_finish(struct sl_evidence *evidence);
void sl_proof_finish(struct sl_proof *proof);
void sl_round_state_finish(struct sl_round_state *state);
void sl_node_record_finish(struct sl_node_record *record);

#endif
