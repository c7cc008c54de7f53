/* Payloads going out: the manifest at once, the bytes as far as the receiver's credit goes. */
#include "node/internal.h"

#include <stdlib.h>
#include <string.h>

static void forget(struct node_peer *peer, struct node_outgoing **link) {
    struct node_outgoing *outgoing = *link;
    if (peer->connection != NULL)
        sl_connection_cancel_data(peer->connection, outgoing->transfer);
    *link = outgoing->next;
    sl_block_unref(outgoing->block);
    free(outgoing);
}

void node_lose_outgoing(struct node_peer *peer) {
    while (peer->outgoing != NULL)
        forget(peer, &peer->outgoing);
}

enum sl_status node_sign_manifest(const struct node_publication *publication, const struct sl_identity *identity,
                                  uint8_t out[SL_SIGNATURE_MAX], size_t *length, struct sl_error *error) {
    struct sl_buffer message = {0};
    *length = SL_SIGNATURE_MAX;
    enum sl_status status = sl_manifest_signed_message(
        &message, (struct sl_bytes){publication->manifest.data, publication->manifest.length});
    if (status == SL_OK)
        status = sl_identity_sign(identity, out, length, (struct sl_bytes){message.data, message.length}, error);
    sl_buffer_finish(&message);
    return status;
}

/* A connection knows this node by the client key of its handshake: where a reload has brought another key since, that
 * former one signs, as long as the connection lasts. False: it cannot, and the connection is closed. */
static bool sign_for(struct sl_node *node, const struct node_peer *peer, const struct node_publication *publication,
                     uint8_t out[SL_SIGNATURE_MAX], struct sl_bytes *signature) {
    const struct sl_identity *known = sl_connection_identity(peer->connection);
    struct sl_error error = {.status = SL_OK, .text = ""};
    uint8_t key[SL_KEY_DIGEST_SIZE];
    *signature = (struct sl_bytes){publication->signature, publication->signature_length};
    sl_identity_key_digest(known, SL_PURPOSE_CLIENT, key);
    if (memcmp(key, publication->signer, sizeof key) == 0)
        return true;
    *signature = (struct sl_bytes){out, 0};
    if (node_sign_manifest(publication, known, out, &signature->length, &error) == SL_OK)
        return true;
    sl_log_line(node->log, SL_LOG_WARNING, "identity", "a former key cannot sign any more: connecting anew",
                SL_TEXT("peer", peer->name), SL_TEXT("reason", error.text));
    sl_connection_close(peer->connection, "this node has another key now");
    return false;
}

void node_offer(struct sl_node *node, struct node_peer *peer, const struct node_publication *publication, bool held) {
    uint8_t made[SL_SIGNATURE_MAX];
    struct sl_bytes signature;
    if (peer->connection == NULL || publication->block == NULL || !sign_for(node, peer, publication, made, &signature))
        return;
    struct node_outgoing *outgoing = calloc(1, sizeof *outgoing);
    struct sl_buffer payload = {0};
    const struct sl_manifest_frame frame = {.transfer = peer->next_transfer,
                                            .manifest = {publication->manifest.data, publication->manifest.length},
                                            .signature = signature};
    if (outgoing == NULL || sl_manifest_frame_encode(&payload, &frame) != SL_OK) {
        free(outgoing);
        sl_log_line(node->log, SL_LOG_ERROR, "exchange", "out of memory for an offer", SL_TEXT("peer", peer->name));
        return;
    }
    *outgoing = (struct node_outgoing){.transfer = peer->next_transfer,
                                       .kind = publication->kind,
                                       .round = publication->round,
                                       .block = sl_block_ref(publication->block),
                                       .length = publication->block->length,
                                       .held = held && peer->turn != publication->round,
                                       .next = peer->outgoing};
    peer->outgoing = outgoing;
    peer->next_transfer += 2;
    node_send(node, peer, SL_FRAME_MANIFEST, &payload);
    sl_buffer_finish(&payload);
}

static enum sl_status send_granted(struct node_peer *peer, struct node_outgoing *outgoing) {
    uint64_t from = outgoing->queued;
    if (outgoing->granted <= from)
        return SL_OK;
    outgoing->queued = outgoing->granted;
    enum sl_status status =
        sl_connection_send_data(peer->connection, outgoing->transfer, outgoing->block, from, outgoing->granted - from);
    if (outgoing->queued == outgoing->length) {
        sl_block_unref(outgoing->block); /* the transport holds it as long as it needs to */
        outgoing->block = NULL;
    }
    return status;
}

enum sl_status node_on_credit(struct node_peer *peer, const struct sl_credit *credit, struct sl_error *error) {
    struct node_outgoing *outgoing = peer->outgoing;
    while (outgoing != NULL && outgoing->transfer != credit->transfer)
        outgoing = outgoing->next;
    if (outgoing == NULL)
        return SL_OK; /* cancelled meanwhile */
    if (credit->from != 0 && outgoing->credited)
        return sl_error_set(error, SL_FORMAT, "credit from %llu of transfer %u, which has begun",
                            (unsigned long long)credit->from, credit->transfer);
    outgoing->credited = true;
    uint64_t from = credit->from != 0 ? credit->from : outgoing->queued;
    if (credit->until < from || credit->until < outgoing->granted || credit->until > outgoing->length)
        return sl_error_set(error, SL_FORMAT, "credit until %llu of transfer %u, which has %llu bytes",
                            (unsigned long long)credit->until, credit->transfer, (unsigned long long)outgoing->length);
    outgoing->queued = from;
    outgoing->granted = credit->until;
    return outgoing->held ? SL_OK : send_granted(peer, outgoing);
}

void node_give_turn(struct node_peer *peer, uint64_t round) {
    peer->turn = round;
    for (struct node_outgoing *outgoing = peer->outgoing; outgoing != NULL; outgoing = outgoing->next)
        if (outgoing->held && outgoing->round == round) {
            outgoing->held = false;
            if (send_granted(peer, outgoing) == SL_NO_MEMORY)
                sl_connection_close(peer->connection, "out of memory");
        }
}

bool node_cancel_outgoing(struct node_peer *peer, uint32_t transfer) {
    for (struct node_outgoing **link = &peer->outgoing; *link != NULL; link = &(*link)->next)
        if ((*link)->transfer == transfer) {
            forget(peer, link);
            return true;
        }
    return false;
}

static void withdraw(struct sl_node *node, struct node_peer *peer, struct node_outgoing **link) {
    const struct node_outgoing *outgoing = *link;
    struct sl_buffer payload = {0};
    if (outgoing->queued < outgoing->length &&
        sl_cancel_encode(&payload, &(struct sl_cancel){.transfer = outgoing->transfer}) == SL_OK)
        node_send(node, peer, SL_FRAME_CANCEL, &payload);
    sl_buffer_finish(&payload);
    forget(peer, link);
}

void node_drop_update(struct sl_node *node, struct node_peer *peer, uint64_t round) {
    for (struct node_outgoing **link = &peer->outgoing; *link != NULL;)
        if ((*link)->kind == SL_PAYLOAD_UPDATE && (*link)->round == round)
            withdraw(node, peer, link);
        else
            link = &(*link)->next;
}

void node_drop_snapshots(struct sl_node *node, struct node_peer *peer) {
    for (struct node_outgoing **link = &peer->outgoing; *link != NULL;)
        if ((*link)->kind == SL_PAYLOAD_SNAPSHOT)
            withdraw(node, peer, link);
        else
            link = &(*link)->next;
}
