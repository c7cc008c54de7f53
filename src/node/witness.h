/* Who tells different peers different things is found out: peers tell each other what they saw of a third one, and two
 * manifests that contradict each other become a proof, which is kept and spread. */
#ifndef SL_NODE_WITNESS_H
#define SL_NODE_WITNESS_H

#include "exchange/sightings.h"
#include "node/parts.h"

struct node_incoming;
struct node_peer;
struct sl_node;
struct sl_proof;

enum { NODE_CONVICTIONS_MAX = 256 };

/* A proof that is held, one a node at most. */
struct node_conviction {
    char node[SL_NAME_SIZE];
    uint64_t epoch, round;
    struct sl_buffer proof; /* as in its file */
    struct node_conviction *next;
};
struct node_witness {
    struct sl_sightings sightings;
    uint64_t told;     /* the last round whose sightings were told */
    uint64_t reminded; /* the lineage of this node that was found to go on from an older copy; 0: none */
    struct node_conviction *convictions;
    size_t conviction_count;
};
/* The newest update that a peer has signed, of its newest lineage; all zero: none. Outlives its connection. */
struct node_promised {
    struct sl_statement *statement; /* a reference */
    uint64_t lineage, round;
};
/* Of one peer's connection; all zero at first. */
struct node_witness_peer {
    struct node_parts proof;         /* that it sends just now */
    unsigned useless;                /* proofs that don't verify here */
    uint64_t evidence_round;         /* when the following was 0 */
    unsigned evidence, evidence_got; /* sent to it, verified for it */
    bool reminded;                   /* of what it has forgotten */
};
void node_witness_peer_finish(struct node_witness_peer *peer); /* all zero again */

/* witness.c */

/* A manifest of the peer, whose signature is good: as its origin signed it, with no more certificates than are needed,
 * for others would make evidence of it too long for a frame. One reference; NULL: there is nothing to remember. */
struct sl_statement *node_keep_manifest(const struct sl_node *node, const struct node_peer *peer,
                                        const struct sl_manifest *manifest, const struct sl_manifest_frame *frame);
/* Takes note of it, when it came (`wanted` false: not if its round is far away) and before its bytes are fetched: so
 * nothing is averaged that was not seen. */
void node_note_manifest(struct sl_node *node, struct node_incoming *incoming, bool wanted);
/* The round's manifests are in: tells the other peers of each origin what was seen of it. */
void node_bear_witness(struct sl_node *node, uint64_t round);
enum sl_status node_on_witness(struct sl_node *node, struct node_peer *peer, const uint8_t *payload, size_t length,
                               struct sl_error *error);
enum sl_status node_on_evidence(struct sl_node *node, struct node_peer *peer, const uint8_t *payload, size_t length,
                                struct sl_error *error);

void node_send_evidence(struct sl_node *node, struct node_peer *peer, struct sl_statement *statement);

/* forgotten.c */

void node_promised_finish(struct node_promised *promised);
/* A manifest of the peer, whose signature is good; a snapshot's has no statement (NULL). */
void node_note_promise(struct node_peer *peer, const struct sl_manifest *manifest, struct sl_statement *statement);
/* Sends its own manifest to a peer that has forgotten it: once a connection. */
void node_remind(struct sl_node *node, struct node_peer *peer, const struct sl_progress *progress);
/* Whether a manifest, if its signature is good, tells this node that it has forgotten one. */
bool node_is_reminder(const struct sl_node *node, const struct sl_manifest *manifest);
/* It is good. */
void node_be_reminded(struct sl_node *node, const struct node_peer *peer, const struct sl_manifest *manifest);

/* proofs.c */

/* Both were verified and contradict each other: a proof, unless there is one of this origin. */
void node_convict(struct sl_node *node, struct sl_statement *a, struct sl_statement *b);
/* How many of a client's certificates, leaf first, it takes to verify it here; 0: it does not. */
size_t node_chain_needed(const struct sl_node *node, const struct sl_bytes *chain, size_t count);
bool node_is_convicted(const struct sl_node *node, const char *name);
/* Why this node is kept out of the flock (membership.expel_on_proof); NULL: it is not. */
const char *node_why_expelled(const struct sl_node *node, const char *name);
/* Those that are held, the last first, a MiB at most; it has just connected. */
void node_tell_proofs(struct sl_node *node, struct node_peer *peer);
enum sl_status node_on_proof(struct sl_node *node, struct node_peer *peer, const uint8_t *payload, size_t length,
                             struct sl_error *error);
/* As it verifies here, and of what: *manifest, the caller's on success (sl_manifest_finish). SL_UNTRUSTED: its
 * certificates don't verify here; any other failure: it is none, for anybody. */
enum sl_status node_check_proof(const struct sl_node *node, const struct sl_proof *proof, struct sl_manifest *manifest,
                                struct sl_error *error);
/* Keeps one that was checked. NULL: there is one of this origin, or no room. */
const struct node_conviction *node_remember_proof(struct sl_node *node, const struct sl_proof *proof,
                                                  const struct sl_manifest *manifest);
void node_witness_finish(struct node_witness *witness);

/* proof_files.c */

/* Off the loop; a failure is logged. */
void node_save_proof(struct sl_node *node, const struct node_conviction *conviction);
/* Those in membership.proof_folder that still verify. What cannot be read is logged and left. */
void node_load_proofs(struct sl_node *node);

#endif
