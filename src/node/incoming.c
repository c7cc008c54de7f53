/* Payloads coming in: manifest → fetch → data → digest of each chunk on a worker → held, streamed or taken over. */
#include "node/internal.h"

#include <stdlib.h>
#include <string.h>

struct verify_job {
    struct sl_job job;
    struct sl_node *node;
    struct node_incoming *incoming;
    const uint8_t *bytes;
    uint32_t index;
    const char *wrong; /* NULL: nothing is */
};

void node_unref_incoming(struct node_incoming *incoming) {
    if (incoming == NULL || --incoming->references > 0)
        return;
    sl_manifest_finish(&incoming->manifest);
    sl_statement_unref(incoming->statement);
    sl_inbound_destroy(incoming->inbound);
    sl_buffer_finish(&incoming->bytes);
    node_kept_unref(incoming->kept);
    free(incoming);
}

struct node_incoming *node_find_incoming(const struct node_peer *peer, enum sl_payload_kind kind, uint64_t round) {
    struct node_incoming *incoming = peer->incoming;
    while (incoming != NULL && (incoming->manifest.kind != kind || incoming->manifest.round != round))
        incoming = incoming->next;
    return incoming;
}

static struct node_incoming *find_transfer(const struct node_peer *peer, uint32_t transfer) {
    struct node_incoming *incoming = peer->incoming;
    while (incoming != NULL && (incoming->transfer != transfer || incoming->lost))
        incoming = incoming->next;
    return incoming;
}

/* Ends a transfer. Chunks that a mixing pass or a job still reads stay until it lets them go. */
void node_drop_incoming(struct sl_node *node, struct node_incoming *incoming, bool tell) {
    struct node_peer *peer = incoming->peer;
    struct node_incoming **link = &peer->incoming;
    while (*link != incoming)
        link = &(*link)->next;
    *link = incoming->next;
    bool unfinished = incoming->inbound != NULL && !sl_inbound_is_whole(incoming->inbound);
    if (tell && !incoming->lost && (incoming->inbound == NULL || unfinished)) {
        struct sl_buffer payload = {0};
        if (sl_cancel_encode(&payload, &(struct sl_cancel){.transfer = incoming->transfer}) == SL_OK)
            node_send(node, peer, SL_FRAME_CANCEL, &payload);
        sl_buffer_finish(&payload);
    }
    incoming->peer = NULL;
    incoming->lost = true;
    node_unref_incoming(incoming);
}

static bool has_all(const struct node_incoming *incoming) {
    if (incoming->inbound == NULL)
        return false;
    return incoming->streamed ? sl_inbound_is_whole(incoming->inbound) : sl_inbound_has_all(incoming->inbound);
}

/* It will not be whole any more, or not soon. */
static void fail(struct sl_node *node, struct node_incoming *incoming, bool keep) {
    char peer[SL_NAME_SIZE];
    memcpy(peer, incoming->peer->name, sizeof peer);
    enum sl_payload_kind kind = incoming->manifest.kind;
    uint64_t round = incoming->manifest.round;
    if (kind == SL_PAYLOAD_UPDATE)
        node_fail_stream(node, incoming->peer, round);
    if (keep)
        incoming->lost = true;
    else
        node_drop_incoming(node, incoming, false);
    if (kind == SL_PAYLOAD_UPDATE)
        node_step_round(node, &(struct sl_round_event){.type = SL_ROUND_LOST, .peer = peer, .round = round});
    else
        node_model_failed(node, peer);
}

/* No more bytes of it will come this way. What is whole is held; chunks that are here wait for the others, until the
 * round, or who asked for a model, lets them go. */
static void lose(struct sl_node *node, struct node_incoming *incoming) {
    if (has_all(incoming))
        incoming->lost = true;
    else
        fail(node, incoming, incoming->inbound != NULL && !incoming->streamed);
}

void node_lose_incoming(struct sl_node *node, struct node_peer *peer) {
    node_unref_incoming(peer->filling);
    peer->filling = NULL;
    for (struct node_incoming *incoming = peer->incoming; incoming != NULL;) {
        if (incoming->lost) {
            incoming = incoming->next;
            continue;
        }
        lose(node, incoming); /* may drop others: begin again */
        incoming = peer->incoming;
    }
}

enum sl_status node_on_cancel(struct sl_node *node, struct node_peer *peer, uint32_t transfer) {
    if (transfer == 0) {
        node_model_failed(node, peer->name);
        return SL_OK;
    }
    struct node_incoming *incoming = find_transfer(peer, transfer);
    if (incoming != NULL)
        lose(node, incoming);
    return SL_OK; /* an unknown one crossed our own cancel */
}

/* ---- manifest ---- */

static enum sl_status verify_signature(const struct node_peer *peer, const struct sl_manifest_frame *frame,
                                       struct sl_error *error) {
    struct sl_buffer message = {0};
    enum sl_status status = sl_manifest_signed_message(&message, frame->manifest);
    if (status == SL_OK)
        status = sl_credential_verify(peer->credential, (struct sl_bytes){message.data, message.length},
                                      frame->signature, error);
    sl_buffer_finish(&message);
    return status;
}

/* A transfer's number is new, larger than any before, and of the sender's parity (the lower name's are odd). */
static enum sl_status check_transfer(const struct sl_node *node, const struct node_peer *peer, uint32_t transfer,
                                     struct sl_error *error) {
    bool odd = strcmp(peer->name, node->settings->node.name) < 0;
    if (transfer <= peer->announced || (transfer % 2 == 1) != odd)
        return sl_error_set(error, SL_FORMAT, "transfer number %u is not the peer's next", transfer);
    return SL_OK;
}

/* That comes, or is whole. */
static bool has_snapshot(const struct node_peer *peer) {
    const struct node_incoming *incoming = peer->incoming;
    while (incoming != NULL &&
           (incoming->manifest.kind != SL_PAYLOAD_SNAPSHOT || (incoming->lost && !has_all(incoming))))
        incoming = incoming->next;
    return incoming != NULL;
}

/* A part of one that will not be whole: its donor gives another one now. */
static void drop_former_snapshots(struct sl_node *node, struct node_peer *peer, const struct node_incoming *present) {
    for (struct node_incoming *incoming = peer->incoming; incoming != NULL;) {
        struct node_incoming *next = incoming->next;
        if (incoming->manifest.kind == SL_PAYLOAD_SNAPSHOT && incoming != present)
            node_drop_incoming(node, incoming, false);
        incoming = next;
    }
}

/* Whether anybody here may ever want this payload. What nobody wants is not kept: a peer can announce as much as it
 * likes. */
static bool is_of_use(const struct sl_node *node, const struct node_peer *peer, const struct sl_manifest *manifest) {
    const struct sl_settings *settings = node->settings;
    if (node->finishing || manifest->epoch != settings->flock.epoch || manifest->round > settings->round.rounds)
        return false;
    if (manifest->kind == SL_PAYLOAD_UPDATE)
        return manifest->round > 0;
    return node_is_joining(node, peer->name) && !has_snapshot(peer);
}

/* A part of it came over a transfer that ended: if the manifest is still the same, this one goes on where that ended.
 */
static bool goes_on(struct sl_node *node, struct node_incoming *former, struct node_incoming *incoming) {
    if (former == NULL || !former->lost || has_all(former))
        return false;
    if (memcmp(former->digest.bytes, incoming->digest.bytes, sizeof former->digest.bytes) != 0) {
        node_drop_incoming(node, former, false);
        return false;
    }
    former->transfer = incoming->transfer;
    former->credited = 0;
    former->lost = false;
    return true;
}

/* Takes note of a manifest. One that was announced already, on this connection or on one before, stays as it is: its
 * bytes may be here. */
static void announce(struct sl_node *node, struct node_peer *peer, struct node_incoming *incoming) {
    enum sl_payload_kind kind = incoming->manifest.kind;
    uint64_t round = incoming->manifest.round;
    bool wanted = is_of_use(node, peer, &incoming->manifest);
    struct node_incoming *former = node_find_incoming(peer, kind, round);
    if (wanted && goes_on(node, former, incoming)) {
        node_unref_incoming(incoming);
        incoming = former;
    } else {
        wanted = wanted && node_find_incoming(peer, kind, round) == NULL;
        incoming->next = peer->incoming;
        peer->incoming = incoming;
    }
    if (!wanted) {
        node_drop_incoming(node, incoming, true);
    } else if (kind == SL_PAYLOAD_SNAPSHOT) {
        drop_former_snapshots(node, peer, incoming);
        node_snapshot_announced(node, peer);
    } else {
        node_step_round(node, &(struct sl_round_event){.type = SL_ROUND_MANIFEST,
                                                       .peer = peer->name,
                                                       .round = round,
                                                       .manifest = &incoming->manifest,
                                                       .digest = incoming->digest.bytes});
    }
}

/* A journal names a payload by its manifest. */
static enum sl_status keep_bytes(const struct sl_node *node, struct node_incoming *incoming, struct sl_bytes bytes,
                                 struct sl_error *error) {
    if (!node->keeper.on || sl_buffer_append(&incoming->bytes, bytes.data, bytes.length) == SL_OK)
        return SL_OK;
    return sl_error_set(error, SL_NO_MEMORY, "out of memory for a manifest");
}

enum sl_status node_on_manifest(struct sl_node *node, struct node_peer *peer, const struct sl_manifest_frame *frame,
                                struct sl_error *error) {
    enum sl_status status = check_transfer(node, peer, frame->transfer, error);
    if (status == SL_OK)
        status = verify_signature(peer, frame, error);
    if (status != SL_OK)
        return sl_error_wrap(error, status, "manifest");
    struct node_incoming *incoming = calloc(1, sizeof *incoming);
    if (incoming == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "out of memory for a manifest");
    incoming->references = 1;
    incoming->peer = peer;
    incoming->transfer = frame->transfer;
    status = sl_manifest_decode(&incoming->manifest, frame->manifest.data, frame->manifest.length, error);
    if (status == SL_OK)
        status = sl_manifest_check(&incoming->manifest, node->settings->flock.name, node->settings->flock.run,
                                   peer->name, &node->learner->layout, node_encoding(node), error);
    if (status != SL_OK) {
        node_unref_incoming(incoming);
        return status;
    }
    sl_digest_of(&incoming->digest, frame->manifest.data, frame->manifest.length);
    peer->announced = frame->transfer;
    incoming->statement = node_keep_manifest(node, peer, &incoming->manifest, frame);
    node_note_promise(peer, &incoming->manifest, incoming->statement);
    status = keep_bytes(node, incoming, frame->manifest, error);
    if (status != SL_OK) {
        node_unref_incoming(incoming);
        return status;
    }
    node_note_manifest(node, incoming, false);
    announce(node, peer, incoming);
    return SL_OK;
}

/* ---- fetch and data ---- */

void node_grant(struct sl_node *node, struct node_incoming *incoming) {
    uint64_t until = sl_inbound_credit(incoming->inbound);
    if (incoming->lost || until == incoming->credited)
        return;
    struct sl_buffer payload = {0};
    const struct sl_credit credit = {
        .transfer = incoming->transfer, .until = until, .from = incoming->credited == 0 ? incoming->begin : 0};
    if (sl_credit_encode(&payload, &credit) == SL_OK)
        node_send(node, incoming->peer, SL_FRAME_CREDIT, &payload);
    sl_buffer_finish(&payload);
    incoming->credited = until;
}

static void keep(struct sl_node *node, const struct node_peer *peer, struct node_incoming *incoming) {
    incoming->kept =
        node_kept_take(node, SL_KEPT_UPDATE, peer->name, incoming->manifest.round, incoming->manifest.payload_bytes);
    node_kept_describe(node, incoming->kept, (struct sl_bytes){incoming->bytes.data, incoming->bytes.length},
                       &incoming->digest);
    sl_buffer_finish(&incoming->bytes);
}

bool node_restore_incoming(struct sl_node *node, struct node_peer *peer, struct node_kept *kept) {
    struct sl_error error = {.status = SL_OK, .text = ""};
    struct node_incoming *incoming = calloc(1, sizeof *incoming);
    if (incoming == NULL)
        return false;
    incoming->references = 1;
    incoming->lost = true; /* nothing more of it comes */
    incoming->digest = kept->digest;
    enum sl_status status = sl_manifest_decode(&incoming->manifest, kept->manifest.data, kept->manifest.length, &error);
    if (status == SL_OK)
        status = sl_inbound_create_whole(&incoming->inbound, &node->update_chunks, kept->block, &error);
    if (status != SL_OK) {
        node_unref_incoming(incoming);
        return false;
    }
    incoming->kept = node_kept_ref(kept);
    incoming->peer = peer;
    incoming->next = peer->incoming;
    peer->incoming = incoming;
    return true;
}

void node_fetch(struct sl_node *node, struct node_peer *peer, enum sl_payload_kind kind, uint64_t round) {
    struct node_incoming *incoming = node_find_incoming(peer, kind, round);
    if (incoming == NULL || incoming->lost)
        return;
    if (incoming->inbound != NULL) {
        if (incoming->credited == 0) {
            incoming->begin = sl_inbound_resume(incoming->inbound);
            node_grant(node, incoming);
        }
        return;
    }
    node_note_manifest(node, incoming, true);
    struct sl_chunks chunks = sl_manifest_chunks(&incoming->manifest);
    incoming->streamed = kind == SL_PAYLOAD_UPDATE && node->settings->mix.stream;
    uint32_t window = 0;
    if (incoming->streamed) {
        uint64_t fit = node->settings->transport.window_bytes / chunks.chunk_bytes;
        window = fit < 2 ? 2 : fit > chunks.count ? chunks.count : (uint32_t)fit;
    }
    struct sl_error error = {.status = SL_OK, .text = ""};
    if (sl_inbound_create(&incoming->inbound, &chunks,
                          (const uint8_t(*)[SL_DIGEST_SIZE])incoming->manifest.chunk_digests, window,
                          &error) != SL_OK) {
        sl_log_line(node->log, SL_LOG_ERROR, "exchange", error.text, SL_TEXT("peer", peer->name));
        return; /* the round passes the edge at its deadline */
    }
    if (kind == SL_PAYLOAD_UPDATE)
        keep(node, peer, incoming);
    if (incoming->streamed)
        node_feed_stream(node, incoming);
    node_grant(node, incoming);
}

enum sl_status node_on_data(struct node_peer *peer, const struct sl_data_header *header, uint8_t **out,
                            struct sl_error *error) {
    struct node_incoming *incoming = find_transfer(peer, header->transfer);
    *out = NULL;
    if (incoming == NULL) {
        if (header->transfer > peer->announced)
            return sl_error_set(error, SL_FORMAT, "data of transfer %u that was never announced", header->transfer);
        return SL_OK; /* cancelled while the bytes were on their way */
    }
    if (incoming->inbound == NULL || incoming->credited == 0)
        return sl_error_set(error, SL_FORMAT, "data of transfer %u without credit", header->transfer);
    enum sl_status status = sl_inbound_place(incoming->inbound, out, header->offset, header->length, error);
    if (status == SL_OK) {
        incoming->references++; /* the transport writes there, whatever becomes of the transfer meanwhile */
        peer->filling = incoming;
    }
    return status;
}

/* It is in the journal, or nothing is kept; a reference comes with the context. */
static void handle_kept(struct sl_node *node, void *context) {
    struct node_incoming *incoming = context;
    if (incoming->peer != NULL)
        node_step_round(node, &(struct sl_round_event){.type = SL_ROUND_HELD,
                                                       .peer = incoming->peer->name,
                                                       .round = incoming->manifest.round});
    node_unref_incoming(incoming);
}

static void handle_whole(struct sl_node *node, struct node_incoming *incoming) {
    if (incoming->manifest.kind == SL_PAYLOAD_SNAPSHOT) {
        node_take_model(node, incoming);
        return;
    }
    struct sl_digest digest;
    node_kept_digest(&digest, incoming->manifest.chunk_digests, incoming->manifest.chunk_count);
    incoming->references++;
    node_kept_seal(node, incoming->kept, &digest, handle_kept, incoming);
}

static void refuse_chunk(struct sl_node *node, struct node_incoming *incoming, const struct verify_job *verify) {
    sl_log_line(node->log, SL_LOG_WARNING, "exchange", verify->wrong, SL_TEXT("peer", incoming->peer->name),
                SL_UNSIGNED("round", incoming->manifest.round), SL_UNSIGNED("chunk", verify->index));
    if (incoming->peer->connection != NULL)
        sl_connection_close(incoming->peer->connection, verify->wrong);
    fail(node, incoming, false);
}

static void handle_verified(struct sl_job *job) {
    struct verify_job *verify = (struct verify_job *)job;
    struct sl_node *node = verify->node;
    struct node_incoming *incoming = verify->incoming;
    node_job_done(node);
    if (incoming->peer != NULL) {
        if (verify->wrong != NULL) {
            refuse_chunk(node, incoming, verify);
        } else {
            sl_inbound_verified(incoming->inbound, verify->index);
            if (incoming->streamed)
                node_feed_stream(node, incoming);
            if (incoming->peer != NULL && sl_inbound_is_whole(incoming->inbound))
                handle_whole(node, incoming);
        }
    }
    node_unref_incoming(incoming);
    free(verify);
}

static void run_verify(struct sl_job *job) {
    struct verify_job *verify = (struct verify_job *)job;
    struct node_incoming *incoming = verify->incoming;
    struct sl_chunks chunks = sl_manifest_chunks(&incoming->manifest);
    uint32_t length = sl_chunk_length(&chunks, verify->index);
    uint64_t first = sl_chunk_first(&chunks, verify->index);
    if (!sl_inbound_matches(incoming->inbound, verify->index, verify->bytes))
        verify->wrong = "a chunk is not what its manifest says";
    else if (!node_is_sound(verify->node, incoming->manifest.encoding, verify->bytes, first, length))
        verify->wrong = "a chunk has values that are no numbers";
    else
        node_kept_write(incoming->kept, verify->bytes, length, first);
}

enum sl_status node_on_data_done(struct sl_node *node, struct node_peer *peer, const struct sl_data_header *header,
                                 struct sl_error *error) {
    struct node_incoming *incoming = peer->filling;
    uint32_t index;
    if (incoming == NULL)
        return SL_OK; /* read and thrown away */
    peer->filling = NULL;
    if (incoming->peer == NULL || !sl_inbound_arrived(incoming->inbound, &index, header->length)) {
        node_unref_incoming(incoming);
        return SL_OK;
    }
    struct verify_job *verify = calloc(1, sizeof *verify);
    if (verify == NULL) {
        node_unref_incoming(incoming);
        return sl_error_set(error, SL_NO_MEMORY, "out of memory for a digest");
    }
    verify->job = (struct sl_job){.run = run_verify, .done = handle_verified};
    verify->node = node;
    verify->incoming = incoming;
    verify->index = index;
    verify->bytes = sl_inbound_chunk(incoming->inbound, index);
    node_submit(node, node->pool, &verify->job); /* with the reference that the filling held */
    return SL_OK;
}
