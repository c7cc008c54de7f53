/* Proofs: made, checked, spread, and acted on. */
#include "node/internal.h"

#include <stdlib.h>
#include <string.h>

#include "exchange/proof.h"

enum {
    TOLD_BYTES = 1 << 20, /* of proofs to a new connection: with more, its queue would be over its bound, and it would
                           * end before it began, each time */
    USELESS_MAX = 8       /* proofs of one peer that don't verify here: its certificates may be others than ours */
};

bool node_is_convicted(const struct sl_node *node, const char *name) {
    const struct node_conviction *conviction = node->witness.convictions;
    while (conviction != NULL && strcmp(conviction->node, name) != 0)
        conviction = conviction->next;
    return conviction != NULL;
}

const char *node_why_expelled(const struct sl_node *node, const char *name) {
    if (!node->settings->membership.expel_on_proof || !node_is_convicted(node, name))
        return NULL;
    return "expelled: a proof convicts it of contradictory updates";
}

void node_witness_peer_finish(struct node_witness_peer *peer) {
    node_parts_finish(&peer->proof);
    *peer = (struct node_witness_peer){0};
}

void node_witness_finish(struct node_witness *witness) {
    sl_sightings_finish(&witness->sightings);
    while (witness->convictions != NULL) {
        struct node_conviction *next = witness->convictions->next;
        sl_buffer_finish(&witness->convictions->proof);
        free(witness->convictions);
        witness->convictions = next;
    }
}

/* ---- spreading ---- */

static void send_proof(struct sl_node *node, struct node_peer *peer, const struct sl_buffer *proof) {
    for (size_t at = 0; at < proof->length; at += SL_PART_MAX) {
        size_t left = proof->length - at;
        const struct sl_part part = {.total = (uint32_t)proof->length,
                                     .offset = (uint32_t)at,
                                     .bytes = {proof->data + at, left < SL_PART_MAX ? left : SL_PART_MAX}};
        struct sl_buffer payload = {0};
        if (sl_part_encode(&payload, &part) == SL_OK)
            node_send(node, peer, SL_FRAME_PROOF, &payload);
        sl_buffer_finish(&payload);
    }
}

void node_tell_proofs(struct sl_node *node, struct node_peer *peer) {
    size_t told = 0;
    for (const struct node_conviction *conviction = node->witness.convictions; conviction != NULL;
         conviction = conviction->next) {
        told += conviction->proof.length;
        if (told > TOLD_BYTES)
            return;
        send_proof(node, peer, &conviction->proof);
    }
}

/* ---- a new one ---- */

const struct node_conviction *node_remember_proof(struct sl_node *node, const struct sl_proof *proof,
                                                  const struct sl_manifest *manifest) {
    struct node_witness *witness = &node->witness;
    if (node_is_convicted(node, manifest->origin) || witness->conviction_count >= NODE_CONVICTIONS_MAX)
        return NULL;
    struct node_conviction *conviction = calloc(1, sizeof *conviction);
    if (conviction == NULL || sl_proof_encode(&conviction->proof, proof) != SL_OK) {
        sl_log_line(node->log, SL_LOG_ERROR, "witness", "out of memory: a proof is not kept");
        free(conviction);
        return NULL;
    }
    memcpy(conviction->node, manifest->origin, sizeof conviction->node);
    conviction->epoch = manifest->epoch;
    conviction->round = manifest->round;
    conviction->next = witness->convictions;
    witness->convictions = conviction;
    witness->conviction_count++;
    return conviction;
}

static void expel(struct sl_node *node, const char *name) {
    const char *reason = node_why_expelled(node, name);
    if (reason == NULL || strcmp(name, node->settings->node.name) == 0)
        return;
    sl_transport_recheck(node->transport);
    node_step_membership(node, &(struct sl_membership_event){.type = SL_MEMBERSHIP_EXPEL, .node = name});
}

/* Says so, keeps it and passes it on. */
static void adopt(struct sl_node *node, const struct sl_proof *proof, const struct sl_manifest *manifest) {
    const struct node_conviction *conviction = node_remember_proof(node, proof, manifest);
    if (conviction == NULL)
        return;
    sl_log_line(node->log, SL_LOG_ERROR, "witness", "a node has signed contradictory updates",
                SL_TEXT("member", conviction->node), SL_UNSIGNED("round", conviction->round),
                SL_UNSIGNED("epoch", conviction->epoch));
    sl_record_event(node->record, "proof", SL_TEXT("member", conviction->node), SL_UNSIGNED("round", conviction->round),
                    SL_UNSIGNED("epoch", conviction->epoch));
    node_save_proof(node, conviction);
    for (struct node_peer *peer = node->peers; peer != NULL; peer = peer->next) {
        if (peer->connection != NULL)
            send_proof(node, peer, &conviction->proof);
    }
    expel(node, conviction->node);
}

size_t node_chain_needed(const struct sl_node *node, const struct sl_bytes *chain, size_t count) {
    struct sl_error error;
    for (size_t needed = 1; needed <= count; needed++) {
        struct sl_credential *credential = NULL;
        if (sl_identity_check_chain(node->identity, &credential, SL_PURPOSE_CLIENT, chain, needed, &error) != SL_OK)
            continue;
        sl_credential_unref(credential);
        return needed;
    }
    return 0;
}

/* What else its origin sent along would be bytes of the proof that nothing vouches for. One reference, the caller's;
 * NULL where it does not verify. */
static struct sl_statement *trim(const struct sl_node *node, struct sl_statement *statement) {
    struct sl_statement *trimmed = NULL;
    size_t needed = node_chain_needed(node, statement->chain, statement->chain_count);
    if (needed == statement->chain_count)
        return sl_statement_ref(statement);
    if (needed == 0 ||
        sl_statement_create(&trimmed, statement->body, statement->signature, statement->chain, needed) != SL_OK)
        return NULL;
    return trimmed;
}

void node_convict(struct sl_node *node, struct sl_statement *a, struct sl_statement *b) {
    struct sl_statement *first = trim(node, a), *second = trim(node, b);
    struct sl_proof proof;
    struct sl_manifest manifest;
    struct sl_error error;
    if (first != NULL && second != NULL && sl_proof_make(&proof, first, second) == SL_OK) {
        if (sl_proof_check(&proof, &manifest, &error) == SL_OK) {
            adopt(node, &proof, &manifest);
            sl_manifest_finish(&manifest);
        }
        sl_proof_finish(&proof);
    }
    sl_statement_unref(first);
    sl_statement_unref(second);
}

/* ---- those of others ---- */

enum sl_status node_check_proof(const struct sl_node *node, const struct sl_proof *proof, struct sl_manifest *manifest,
                                struct sl_error *error) {
    enum sl_status status = sl_proof_check(proof, manifest, error);
    if (status != SL_OK)
        return status;
    if (strcmp(manifest->flock, node->settings->flock.name) != 0)
        status = sl_error_set(error, SL_MISMATCH, "a proof of another flock");
    if (status == SL_OK)
        status = node_check_statement(node->identity, proof->first, SL_MANIFEST_CONTEXT, manifest->origin, error);
    if (status == SL_OK)
        status = node_check_statement(node->identity, proof->second, SL_MANIFEST_CONTEXT, manifest->origin, error);
    if (status != SL_OK)
        sl_manifest_finish(manifest);
    return status;
}

/* What costs something is only done for a node of whom nothing is proven yet, while there is room for it. */
static bool is_of_no_use(const struct sl_node *node, const struct sl_proof *proof) {
    struct sl_manifest manifest;
    if (node->witness.conviction_count >= NODE_CONVICTIONS_MAX)
        return true;
    if (sl_manifest_decode(&manifest, proof->first->body.data, proof->first->body.length, NULL) != SL_OK)
        return false;
    bool known = node_is_convicted(node, manifest.origin);
    sl_manifest_finish(&manifest);
    return known;
}

static enum sl_status take_proof(struct sl_node *node, struct node_peer *peer, const struct sl_buffer *bytes,
                                 struct sl_error *error) {
    struct sl_proof proof;
    struct sl_manifest manifest;
    enum sl_status status = sl_proof_decode(&proof, bytes->data, bytes->length, error);
    if (status != SL_OK)
        return status;
    if (!is_of_no_use(node, &proof)) {
        status = node_check_proof(node, &proof, &manifest, error);
        if (status == SL_OK) {
            sl_manifest_finish(&manifest);
            node_convict(node, proof.first, proof.second);
        } else if (status == SL_UNTRUSTED && ++peer->witness.useless <= USELESS_MAX) {
            sl_log_line(node->log, SL_LOG_WARNING, "witness", "proof left out", SL_TEXT("peer", peer->name),
                        SL_TEXT("reason", error->text));
            status = SL_OK;
        }
    }
    sl_proof_finish(&proof);
    return status == SL_OK ? SL_OK : sl_error_wrap(error, status, "no proof");
}

enum sl_status node_on_proof(struct sl_node *node, struct node_peer *peer, const uint8_t *payload, size_t length,
                             struct sl_error *error) {
    struct sl_part part;
    bool whole = false;
    enum sl_status status = sl_part_decode(&part, payload, length, error);
    if (status == SL_OK && part.total > SL_PROOF_MAX)
        status = sl_error_set(error, SL_LIMIT, "a proof of %u bytes, at most %d", part.total, SL_PROOF_MAX);
    if (status == SL_OK)
        status = node_parts_add(&peer->witness.proof, &whole, &part, error);
    if (status != SL_OK || !whole)
        return status;
    status = take_proof(node, peer, &peer->witness.proof.bytes, error);
    node_parts_finish(&peer->witness.proof);
    return status;
}
