/* Payloads, models and updates, on their way: from peers (incoming.c), of this node (publish.c), to peers (outgoing.c).
 */
#ifndef SL_NODE_PAYLOADS_H
#define SL_NODE_PAYLOADS_H

#include "base/buffer.h"
#include "crypto/digest.h"
#include "exchange/inbound.h"
#include "exchange/manifest.h"
#include "identity/identity.h"
#include "node/keeper.h"
#include "round/round.h"
#include "transport/transport.h"

struct sl_node;
struct node_peer;

/* A payload that a peer announced. Counted references, all on the loop's thread: the peer's list, a mixing pass, a job.
 */
struct node_incoming {
    unsigned references;
    struct node_peer *peer; /* NULL: the peer or the round has let it go */
    uint32_t transfer;
    struct sl_manifest manifest;
    struct sl_digest digest;        /* of the manifest's bytes */
    struct sl_buffer bytes;         /* those, until `kept` has them; empty where nothing is kept */
    struct sl_statement *statement; /* the manifest as it was signed, until it was taken note of; NULL then */
    struct sl_inbound *inbound;     /* NULL until fetched */
    struct node_kept *kept;         /* NULL until fetched, or where nothing is kept */
    uint64_t begin;                 /* of the transfer: the bytes before came over another one */
    uint64_t credited;              /* what the peer was told */
    bool streamed;
    bool lost; /* its connection is gone, or it was cancelled: more bytes come when the same manifest is told again */
    struct node_incoming *next;
};

/* A payload that this node gives to one peer. */
struct node_outgoing {
    uint32_t transfer;
    enum sl_payload_kind kind;
    uint64_t round;
    uint64_t queued;  /* bytes given to the transport, as far as the peer's credit went, or which the peer had before */
    bool credited;    /* at least once */
    bool held;        /* it waits for its turn: */
    uint64_t granted; /* the peer's credit, from which nothing was queued yet */
    uint64_t length;
    struct sl_block *block; /* NULL: all of it was given to the transport */
    struct node_outgoing *next;
};

/* Both updates of an edge whose verdict is not known yet. */
struct node_pending {
    uint64_t round;
    struct sl_block *theirs, *mine;
    struct node_kept *kept[2]; /* of both */
};

/* A payload of this node, described and signed. */
struct node_publication {
    struct sl_block *block;
    struct node_kept *kept;
    uint64_t round;
    enum sl_payload_kind kind;
    struct sl_buffer manifest;
    uint8_t signature[SL_SIGNATURE_MAX];
    size_t signature_length;
    uint8_t signer[SL_KEY_DIGEST_SIZE]; /* of the client key */
    struct sl_digest digest;
};

/* encoding.c */

/* Of updates, as mix.codec has it. Models, in snapshots and in the journal, are always f32. */
enum sl_payload_encoding node_encoding(const struct sl_node *node);
/* Values first … first + count − 1 of an update in int8. Any thread. */
void node_decode(const struct sl_node *node, float *out, const struct sl_block *payload, size_t first, size_t count);
/* Whether those bytes can be part of such a payload: f32 may be anything. Any thread. */
bool node_is_sound(const struct sl_node *node, enum sl_payload_encoding encoding, const uint8_t *bytes, uint64_t first,
                   size_t length);
/* The payload, a reference for the callee, or an error. */
typedef void node_encoded(struct sl_node *node, void *context, struct sl_block *payload, const struct sl_error *error);
/* Makes the update of a round from the model on workers, in int8, and lets the keeper have the model (`is_mixed`: it is
 * what the round before left). False: out of memory, nothing happens. The model must not be written meanwhile. */
SL_MUST_USE bool node_encode(struct sl_node *node, uint64_t round, bool is_mixed, node_encoded *then, void *context);

/* publish.c */

/* Two updates of one round, epoch and lineage would be a proof against this node: whatever the round machine, a learner
 * or a restart do, only one is signed. SL_INTERNAL: this is a second one, or of a round before the last. */
SL_MUST_USE enum sl_status node_sign_once(uint64_t *signed_round, uint64_t round, struct sl_error *error);
void node_publish(struct sl_node *node, const struct sl_round_action *action);
void node_publish_snapshot(struct sl_node *node);
void node_finish_publication(struct node_publication *publication);
/* The update that was signed before a restart, whose bytes are the model now; signed by the present key. */
SL_MUST_USE enum sl_status node_restore_publication(struct sl_node *node, struct node_publication *publication,
                                                    struct node_kept *kept, struct sl_error *error);

/* incoming.c */
enum sl_status node_on_manifest(struct sl_node *node, struct node_peer *peer, const struct sl_manifest_frame *frame,
                                struct sl_error *error);
enum sl_status node_on_cancel(struct sl_node *node, struct node_peer *peer, uint32_t transfer);
enum sl_status node_on_data(struct node_peer *peer, const struct sl_data_header *header, uint8_t **out,
                            struct sl_error *error);
enum sl_status node_on_data_done(struct sl_node *node, struct node_peer *peer, const struct sl_data_header *header,
                                 struct sl_error *error);
struct node_incoming *node_find_incoming(const struct node_peer *peer, enum sl_payload_kind kind, uint64_t round);
void node_fetch(struct sl_node *node, struct node_peer *peer, enum sl_payload_kind kind, uint64_t round);
void node_grant(struct sl_node *node, struct node_incoming *incoming);
void node_drop_incoming(struct sl_node *node, struct node_incoming *incoming, bool tell);
void node_unref_incoming(struct node_incoming *incoming);
/* A payload that was whole before a restart. False: out of memory. */
SL_MUST_USE bool node_restore_incoming(struct sl_node *node, struct node_peer *peer, struct node_kept *kept);
void node_lose_incoming(struct sl_node *node, struct node_peer *peer); /* its connection is gone */

/* outgoing.c */

/* Signs the publication's manifest with that generation's client key. Not SL_OK: nothing is written. */
SL_MUST_USE enum sl_status node_sign_manifest(const struct node_publication *publication,
                                              const struct sl_identity *identity, uint8_t out[SL_SIGNATURE_MAX],
                                              size_t *length, struct sl_error *error);
/* held: the manifest alone, until it is its turn. */
void node_offer(struct sl_node *node, struct node_peer *peer, const struct node_publication *publication, bool held);
/* An update of that round, offered or still to be, is not held any more. */
void node_give_turn(struct node_peer *peer, uint64_t round);
enum sl_status node_on_credit(struct node_peer *peer, const struct sl_credit *credit, struct sl_error *error);
bool node_cancel_outgoing(struct node_peer *peer, uint32_t transfer);
void node_drop_update(struct sl_node *node, struct node_peer *peer, uint64_t round);
void node_drop_snapshots(struct sl_node *node, struct node_peer *peer);
void node_lose_outgoing(struct node_peer *peer);

#endif
