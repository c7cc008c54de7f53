#include "peer.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/quantise.h"
#include "exchange/manifest.h"
#include "learner/learner.h"

/* ---- what alice hears ---- */

static void handle_up(void *context, struct sl_connection *connection, const struct sl_hello *hello,
                      struct sl_credential *credential) {
    struct peer *peer = context;
    (void)hello;
    peer->connection = connection;
    sl_credential_unref(peer->credential);
    peer->credential = sl_credential_ref(credential);
    peer->next_transfer = strcmp(peer->name, peer->host) < 0 ? 1 : 2;
    peer->ups++;
    memset(peer->credit, 0, sizeof peer->credit);
    memset(peer->begin, 0, sizeof peer->begin);
    memset(peer->cancelled, 0, sizeof peer->cancelled);
}

static void handle_down(void *context, struct sl_connection *connection, bool leaving, const char *reason) {
    struct peer *peer = context;
    (void)connection;
    (void)leaving;
    peer->connection = NULL;
    peer->downs++;
    snprintf(peer->reason, sizeof peer->reason, "%s", reason);
}

static void handle_dial_failed(void *context, const char *address, const char *node, enum sl_status status,
                               const char *reason) {
    struct peer *peer = context;
    (void)address;
    (void)node;
    (void)status;
    peer->dial_failures++;
    snprintf(peer->reason, sizeof peer->reason, "%s", reason);
}

static bool is_signed(const struct peer *peer, const struct sl_manifest_frame *frame) {
    struct sl_buffer message = {0};
    cr_assert_eq(sl_manifest_signed_message(&message, frame->manifest), SL_OK);
    enum sl_status status =
        sl_credential_verify(peer->credential, (struct sl_bytes){message.data, message.length}, frame->signature, NULL);
    sl_buffer_finish(&message);
    return status == SL_OK;
}

static enum sl_status take_manifest(struct peer *peer, const uint8_t *payload, size_t length, struct sl_error *error) {
    struct sl_manifest_frame frame;
    enum sl_status status = sl_manifest_frame_decode(&frame, payload, length, error);
    if (status != SL_OK)
        return status;
    peer->bad_signatures += !is_signed(peer, &frame);
    struct sl_manifest manifest;
    status = sl_manifest_decode(&manifest, frame.manifest.data, frame.manifest.length, error);
    if (status != SL_OK)
        return status;
    if (manifest.kind == SL_PAYLOAD_SNAPSHOT) {
        if (peer->snapshots < 2)
            sl_digest_of(&peer->snapshot_digests[peer->snapshots], frame.manifest.data, frame.manifest.length);
        peer->snapshots++;
        peer->snapshot_bytes = manifest.payload_bytes;
        sl_manifest_finish(&manifest);
        return SL_OK;
    }
    struct sl_bytes chain[SL_CHAIN_MAX];
    sl_statement_unref(peer->told);
    cr_assert_eq(sl_statement_create(&peer->told, frame.manifest, frame.signature, chain,
                                     sl_credential_chain(peer->credential, chain)),
                 SL_OK);
    sl_manifest_finish(&peer->manifest);
    peer->manifest = manifest;
    peer->transfer = frame.transfer;
    peer->got = 0;
    sl_digest_of(&peer->digest, frame.manifest.data, frame.manifest.length);
    return SL_OK;
}

static enum sl_status handle_control(void *context, struct sl_connection *connection, enum sl_frame_type type,
                                     const uint8_t *payload, size_t length, struct sl_error *error) {
    struct peer *peer = context;
    struct sl_credit credit;
    struct sl_cancel cancel;
    struct sl_evidence evidence;
    struct sl_probe probe;
    enum sl_status status = SL_OK;
    (void)connection;
    if (type == SL_FRAME_CREDIT) {
        status = sl_credit_decode(&credit, payload, length, error);
        if (status == SL_OK && credit.transfer < PEER_TRANSFERS_MAX) {
            peer->credit[credit.transfer] = credit.until;
            peer->begin[credit.transfer] += credit.from;
        }
    } else if (type == SL_FRAME_CANCEL) {
        status = sl_cancel_decode(&cancel, payload, length, error);
        if (status == SL_OK && cancel.transfer < PEER_TRANSFERS_MAX)
            peer->cancelled[cancel.transfer] = true;
        peer->cancels++;
    } else if (type == SL_FRAME_MANIFEST) {
        status = take_manifest(peer, payload, length, error);
    } else if (type == SL_FRAME_READY) {
        status = sl_ready_decode(&peer->ready, payload, length, error);
    } else if (type == SL_FRAME_PASS) {
        status = sl_pass_decode(&peer->pass, payload, length, error);
    } else if (type == SL_FRAME_EVIDENCE) {
        status = sl_evidence_decode(&evidence, payload, length, error);
        peer->evidence_chain = status == SL_OK ? evidence.statement->chain_count : 0;
        if (status == SL_OK)
            sl_evidence_finish(&evidence);
    } else if (type == SL_FRAME_PROBE) {
        status = sl_probe_decode(&probe, payload, length, error);
        peer->vouched += status == SL_OK && probe.answer == SL_PROBE_YES && strcmp(probe.node, peer->host) == 0;
    } else if (type == SL_FRAME_VERDICT) {
        status = sl_verdict_decode(&peer->verdict, payload, length, error);
    } else if (type == SL_FRAME_PROGRESS) {
        status = sl_progress_decode(&peer->progress, payload, length, error);
    }
    if (status == SL_OK)
        peer->frames[type]++;
    return status;
}

static enum sl_status handle_data(void *context, struct sl_connection *connection, const struct sl_data_header *header,
                                  uint8_t **out, struct sl_error *error) {
    struct peer *peer = context;
    (void)connection;
    if (header->offset != peer->got || header->offset + header->length > PEER_ELEMENTS * sizeof(float))
        return sl_error_set(error, SL_FORMAT, "data out of order");
    *out = peer->into + header->offset;
    return SL_OK;
}

static enum sl_status handle_data_done(void *context, struct sl_connection *connection,
                                       const struct sl_data_header *header, struct sl_error *error) {
    struct peer *peer = context;
    (void)connection;
    (void)error;
    peer->got += header->length;
    if (peer->encoding == SL_ENCODING_INT8)
        sl_quantise_decode(&peer->first, peer->into, PEER_ELEMENTS, 0, 1);
    else
        memcpy(&peer->first, peer->into, sizeof peer->first);
    return SL_OK;
}

/* ---- set up ---- */

static void sink(void *context, enum sl_log_level level, const char *subsystem, const char *message,
                 const struct sl_field *fields) {
    struct peer *peer = context;
    (void)level;
    (void)subsystem;
    if (strcmp(message, "statements left out") == 0)
        atomic_fetch_add(&peer->left_out, 1);
    if (strcmp(message, "listening") == 0)
        snprintf(peer->address, sizeof peer->address, "%s", fields[0].value.text);
}

struct setup {
    const char *round, *more, *journal; /* journal NULL: the default */
    bool stream, int8;
    const char *join; /* NULL: nobody */
};

static void write_settings(const struct peer *peer, const char *path, const struct setup *setup) {
    FILE *file = fopen(path, "w");
    const char *host = peer->host, *join = setup->join != NULL ? setup->join : "";
    const char *quote = setup->join != NULL ? "\"" : "";
    cr_assert_not_null(file);
    fprintf(file,
            "{\"flock\":{\"name\":\"demo\",\"run\":\"r1\",\"start_nodes\":2},\"node\":{\"name\":\"%s\",\"workers\":2,"
            "\"state_folder\":\"%s-state\",\"journal\":\"%s\"},"
            "\"identity\":{\"ca\":\"ca.pem\",\"server_certificate\":\"%s-server.pem\",\"server_key\":\"%s-server.key\","
            "\"client_certificate\":\"%s-client.pem\",\"client_key\":\"%s-client.key\"},"
            "\"membership\":{\"join\":[%s%s%s],\"proof_folder\":\"%s-proofs\"%s%s},"
            "\"transport\":{\"listen\":[\"127.0.0.1:0\"]},\"mix\":{\"stream\":%s,\"codec\":\"%s\"},"
            "\"learner\":{\"trainer\":\"idle\",\"idle_bytes\":%zu},\"model\":{\"folder\":\"\"},"
            "\"record\":{\"file\":\"%s.jsonl\"},\"round\":{%s}}",
            host, host, setup->journal != NULL ? setup->journal : "process", host, host, host, host, quote, join, quote,
            host, setup->more[0] != '\0' ? "," : "", setup->more, setup->stream ? "true" : "false",
            setup->int8 ? "int8" : "f32", PEER_ELEMENTS * sizeof(float), host, setup->round);
    cr_assert_eq(fclose(file), 0);
}

static void create_node(struct peer *peer, const struct setup *setup) {
    struct sl_error error = {.status = SL_OK, .text = ""};
    char name[SL_NAME_SIZE + 8];
    (void)snprintf(name, sizeof name, "%s.json", peer->host);
    char *path = sl_test_path(peer->flock.folder, name);
    write_settings(peer, path, setup);
    cr_assert_eq(sl_settings_load(&peer->settings, path, NULL, 0, &error), SL_OK, "%s", error.text);
    free(path);
    peer->log = (struct sl_log){.sink = sink, .context = peer, .level = SL_LOG_INFO};
    peer_create_again(peer);
}

void peer_create_again(struct peer *peer) {
    struct sl_error error = {.status = SL_OK, .text = ""};
    const struct sl_node_options options = {.settings = peer->settings, .log = &peer->log};
    cr_assert_eq(sl_node_create(&peer->node, &options, &error), SL_OK, "%s", error.text);
    atomic_store(&peer->over, false);
}

void peer_stop_node(struct peer *peer) {
    sl_node_stop(peer->node);
    (void)peer_wait_node(peer);
    sl_node_destroy(peer->node);
    peer->node = NULL;
    PEER_UNTIL(peer, peer->connection == NULL);
}

static void create_alice(struct peer *peer) {
    struct sl_error error = {.status = SL_OK, .text = ""};
    peer->identity = sl_test_member(&peer->flock, peer->name);
    sl_test_settings_init(&peer->own, &peer->flock, peer->name);
    /* Borrowed from bob's: both are in one run. */
    peer->own.flock.run = peer->settings->flock.run;
    peer->own.transport = peer->settings->transport;
    peer->base = event_base_new();
    const struct sl_transport_options options = {.base = peer->base,
                                                 .identity = peer->identity,
                                                 .settings = &peer->own,
                                                 .boot = 11,
                                                 .handlers = {.context = peer,
                                                              .peer_up = handle_up,
                                                              .peer_down = handle_down,
                                                              .dial_failed = handle_dial_failed,
                                                              .control = handle_control,
                                                              .data = handle_data,
                                                              .data_done = handle_data_done}};
    cr_assert_eq(sl_transport_create(&peer->transport, &options, &error), SL_OK, "%s", error.text);
}

static void encode_update(struct peer *peer) {
    struct sl_block *payload = sl_block_create((size_t)sl_quantise_bytes(PEER_ELEMENTS));
    cr_assert_not_null(payload);
    cr_assert(sl_quantise_encode(payload->data, (const float *)(const void *)peer->update->data, PEER_ELEMENTS, 0,
                                 (size_t)sl_quantise_blocks(PEER_ELEMENTS), 5));
    sl_block_unref(peer->update);
    peer->update = payload;
}

static void start_alice(struct peer *peer) {
    create_alice(peer);
    peer->update = sl_block_create(PEER_ELEMENTS * sizeof(float));
    peer->into = calloc(PEER_ELEMENTS, sizeof(float));
    cr_assert(peer->update != NULL && peer->into != NULL);
    float *values = (float *)(void *)peer->update->data;
    for (size_t i = 0; i < PEER_ELEMENTS; i++)
        values[i] = 1;
    if (peer->encoding == SL_ENCODING_INT8)
        encode_update(peer);
}

static void start(struct peer *peer, const struct setup *setup) {
    sl_test_write_member(&peer->flock, peer->host);
    create_node(peer, setup);
    start_alice(peer);
}

static void init(struct peer *peer, const char *name, const char *host) {
    (void)signal(SIGPIPE, SIG_IGN);
    *peer = (struct peer){.name = name, .host = host, .outcome = SL_INTERNAL, .lineage = 7};
}

void peer_init(struct peer *peer, const char *name, const char *round, bool stream) {
    init(peer, name, "bob");
    sl_test_flock_init(&peer->flock, "demo");
    start(peer, &(struct setup){.round = round, .more = "", .stream = stream});
}

void peer_init_journal(struct peer *peer, const char *name, const char *round, const char *journal) {
    init(peer, name, "bob");
    sl_test_flock_init(&peer->flock, "demo");
    start(peer, &(struct setup){.round = round, .more = "", .journal = journal});
}

void peer_init_int8(struct peer *peer, const char *name, const char *round, const char *journal) {
    init(peer, name, "bob");
    peer->encoding = SL_ENCODING_INT8;
    sl_test_flock_init(&peer->flock, "demo");
    start(peer, &(struct setup){.round = round, .more = "", .journal = journal, .int8 = true});
}

void peer_init_more(struct peer *peer, const char *name, const char *round, const char *more) {
    init(peer, name, "bob");
    sl_test_flock_init(&peer->flock, "demo");
    start(peer, &(struct setup){.round = round, .more = more});
}

void peer_init_beside(struct peer *peer, const struct peer *other, const char *host, const char *round,
                      const char *more) {
    init(peer, other->name, host);
    peer->flock = other->flock;
    peer->beside = true;
    start(peer, &(struct setup){.round = round, .more = more, .join = other->address});
}

void peer_init_guest(struct peer *peer, const struct peer *other, const char *name) {
    init(peer, name, other->host);
    peer->flock = other->flock;
    peer->settings = other->settings;
    peer->beside = peer->guest = true;
    memcpy(peer->address, other->address, sizeof peer->address);
    start_alice(peer);
}

void peer_finish(struct peer *peer) {
    if (peer->thread != 0) {
        sl_node_stop(peer->node);
        sl_node_stop(peer->node);
        (void)peer_wait_node(peer);
    }
    sl_node_destroy(peer->node);
    sl_transport_destroy(peer->transport);
    event_base_free(peer->base);
    sl_credential_unref(peer->credential);
    sl_identity_unref(peer->identity);
    peer->own.flock.run = NULL;
    sl_test_settings_finish(&peer->own);
    if (!peer->guest)
        sl_settings_destroy(peer->settings);
    sl_manifest_finish(&peer->manifest);
    sl_statement_unref(peer->told);
    sl_block_unref(peer->update);
    free(peer->into);
    if (!peer->beside)
        sl_test_flock_finish(&peer->flock);
}

/* ---- time passes ---- */

static void *run_node(void *context) {
    struct peer *peer = context;
    peer->outcome = sl_node_run(peer->node, &peer->failure);
    atomic_store(&peer->over, true);
    return NULL;
}

void peer_run_node(struct peer *peer) {
    cr_assert_eq(pthread_create(&peer->thread, NULL, run_node, peer), 0);
}

void peer_turn(struct peer *peer) {
    cr_assert(event_base_loopexit(peer->base, &(struct timeval){.tv_usec = 5000}) == 0);
    cr_assert(event_base_dispatch(peer->base) >= 0);
}

enum sl_status peer_wait_node(struct peer *peer) {
    PEER_UNTIL(peer, atomic_load(&peer->over));
    cr_assert_eq(pthread_join(peer->thread, NULL), 0);
    peer->thread = 0;
    return peer->outcome;
}

void peer_connect(struct peer *peer) {
    PEER_UNTIL(peer, peer->connection == NULL);
    size_t before = peer->ups;
    cr_assert_eq(sl_transport_dial(peer->transport, (const char *[]){peer->address}, 1, peer->host), SL_OK);
    PEER_UNTIL(peer, peer->ups > before);
}

/* ---- what alice says ---- */

void peer_send(struct peer *peer, enum sl_frame_type type, const struct sl_buffer *payload) {
    if (peer->connection != NULL)
        (void)sl_connection_send(peer->connection, type, payload->data, payload->length);
}

#define SEND(peer, frame, message, ...)                                                                                \
    do {                                                                                                               \
        struct sl_buffer payload_ = {0};                                                                               \
        cr_assert_eq(sl_##message##_encode(&payload_, &(struct sl_##message)__VA_ARGS__), SL_OK);                      \
        peer_send(peer, frame, &payload_);                                                                             \
        sl_buffer_finish(&payload_);                                                                                   \
    } while (0)

void peer_tell_progress(struct peer *peer, uint64_t round, bool finished) {
    SEND(peer, SL_FRAME_PROGRESS, progress, {.round = round, .lineage = peer->lineage, .finished = finished});
}

struct sl_statement *peer_seal(const struct sl_identity *identity, const char *context, struct sl_bytes body) {
    struct sl_buffer message = {0};
    struct sl_bytes chain[SL_CHAIN_MAX];
    struct sl_statement *statement;
    uint8_t signature[SL_SIGNATURE_MAX];
    size_t length = sizeof signature, count = sl_identity_chain(identity, SL_PURPOSE_CLIENT, chain);
    cr_assert_eq(sl_statement_message(&message, context, body), SL_OK);
    cr_assert_eq(sl_identity_sign(identity, signature, &length, (struct sl_bytes){message.data, message.length}, NULL),
                 SL_OK);
    cr_assert_eq(sl_statement_create(&statement, body, (struct sl_bytes){signature, length}, chain, count), SL_OK);
    sl_buffer_finish(&message);
    return statement;
}

struct sl_member_statement peer_word(const struct peer *peer, const char *node) {
    struct sl_member_statement said = {
        .flock = "demo", .run = "r1", .incarnation = 1, .state = SL_MEMBER_ALIVE, .samples = 1, .from_round = 1};
    memcpy(said.origin, peer->name, strlen(peer->name) + 1);
    memcpy(said.node, node, strlen(node) + 1);
    return said;
}

void peer_say(struct peer *peer, const struct sl_member_statement *said) {
    struct sl_buffer body = {0};
    cr_assert_eq(sl_member_statement_encode(&body, said), SL_OK);
    struct sl_statement *statement =
        peer_seal(peer->identity, SL_MEMBER_CONTEXT, (struct sl_bytes){body.data, body.length});
    SEND(peer, SL_FRAME_ROSTER, roster, {.statements = &statement, .count = 1});
    sl_statement_unref(statement);
    sl_buffer_finish(&body);
}

void peer_join(struct peer *peer) {
    const struct sl_member_statement said = peer_word(peer, peer->name);
    peer_say(peer, &said);
    peer_tell_progress(peer, 0, false);
}

struct sl_manifest peer_describe(const struct peer *peer, uint64_t round, enum sl_payload_kind kind) {
    struct sl_manifest manifest = {.flock = "demo",
                                   .run = "r1",
                                   .round = round,
                                   .lineage = peer->lineage,
                                   .kind = kind,
                                   .encoding = kind == SL_PAYLOAD_UPDATE ? peer->encoding : SL_ENCODING_F32,
                                   .degree = 1,
                                   .samples = 1,
                                   .total_samples = 2};
    struct sl_layout layout;
    struct sl_chunks chunks;
    struct sl_digest digests[8];
    memcpy(manifest.origin, peer->name, strlen(peer->name) + 1);
    sl_layout_init(&layout);
    cr_assert_eq(sl_layout_add(&layout, "idle", 1, (const uint64_t[]){PEER_ELEMENTS}, NULL), SL_OK);
    cr_assert_eq(sl_chunks_choose(&chunks, peer->update->length, NULL), SL_OK);
    for (uint32_t i = 0; i < chunks.count; i++)
        sl_digest_of(&digests[i], peer->update->data + sl_chunk_first(&chunks, i), sl_chunk_length(&chunks, i));
    cr_assert_eq(sl_manifest_describe(&manifest, &layout, &chunks, digests, NULL), SL_OK);
    sl_layout_finish(&layout);
    return manifest;
}

uint32_t peer_send_manifest(struct peer *peer, const struct sl_manifest *manifest) {
    struct sl_buffer bytes = {0}, message = {0};
    uint8_t signature[SL_SIGNATURE_MAX];
    size_t length = sizeof signature;
    uint32_t transfer = peer->next_transfer;
    cr_assert_eq(sl_manifest_encode(&bytes, manifest), SL_OK);
    sl_digest_of(&peer->own_digest, bytes.data, bytes.length);
    cr_assert_eq(sl_manifest_signed_message(&message, (struct sl_bytes){bytes.data, bytes.length}), SL_OK);
    cr_assert_eq(
        sl_identity_sign(peer->identity, signature, &length, (struct sl_bytes){message.data, message.length}, NULL),
        SL_OK);
    SEND(peer, SL_FRAME_MANIFEST, manifest_frame,
         {.transfer = transfer, .manifest = {bytes.data, bytes.length}, .signature = {signature, length}});
    sl_buffer_finish(&bytes);
    sl_buffer_finish(&message);
    peer->next_transfer += 2;
    return transfer;
}

uint32_t peer_offer(struct peer *peer, uint64_t round) {
    struct sl_manifest manifest = peer_describe(peer, round, SL_PAYLOAD_UPDATE);
    uint32_t transfer = peer_send_manifest(peer, &manifest);
    sl_manifest_finish(&manifest);
    return transfer;
}

void peer_send_data(struct peer *peer, uint32_t transfer, uint64_t offset, uint64_t length) {
    cr_assert_eq(sl_connection_send_data(peer->connection, transfer, peer->update, offset, length), SL_OK);
}

void peer_send_credit(struct peer *peer, uint32_t transfer, uint64_t until) {
    peer_send_credit_from(peer, transfer, 0, until);
}

void peer_send_credit_from(struct peer *peer, uint32_t transfer, uint64_t from, uint64_t until) {
    SEND(peer, SL_FRAME_CREDIT, credit, {.transfer = transfer, .until = until, .from = from});
}

void peer_send_verdict(struct peer *peer, enum sl_verdict_value value) {
    SEND(peer, SL_FRAME_VERDICT, verdict,
         {.round = peer->ready.round,
          .lineage_sender = peer->lineage,
          .lineage_receiver = peer->ready.lineage_sender,
          .verdict = value});
}

void peer_send_evidence(struct peer *peer, struct sl_statement *statement) {
    SEND(peer, SL_FRAME_EVIDENCE, evidence, {.statement = statement});
}

void peer_send_ready(struct peer *peer, uint64_t round) {
    struct sl_ready ready = {
        .round = round, .lineage_sender = peer->lineage, .lineage_receiver = peer->manifest.lineage};
    struct sl_buffer payload = {0};
    memcpy(ready.manifest_sender, peer->own_digest.bytes, sizeof ready.manifest_sender);
    memcpy(ready.manifest_receiver, peer->digest.bytes, sizeof ready.manifest_receiver);
    cr_assert_eq(sl_ready_encode(&payload, &ready), SL_OK);
    peer_send(peer, SL_FRAME_READY, &payload);
    sl_buffer_finish(&payload);
}

void peer_assert_refused(struct peer *peer, const char *text) {
    PEER_UNTIL(peer, peer->connection == NULL);
    cr_assert_not_null(strstr(peer->reason, text), "\"%s\" in \"%s\"", text, peer->reason);
    peer_connect(peer); /* bob is not hurt */
    cr_assert_not(atomic_load(&peer->over));
}

void peer_count(struct peer *peer, uint64_t round) {
    const uint64_t bytes = peer->update->length;
    size_t readies = peer->frames[SL_FRAME_READY];
    PEER_UNTIL(peer, peer->manifest.round == round);
    uint32_t transfer = peer_offer(peer, round);
    peer_send_credit(peer, peer->transfer, bytes);
    PEER_UNTIL(peer, peer->credit[transfer] > 0);
    for (uint64_t sent = peer->begin[transfer]; sent < bytes; sent = peer->credit[transfer]) {
        PEER_UNTIL(peer, peer->credit[transfer] > sent);
        peer_send_data(peer, transfer, sent, peer->credit[transfer] - sent);
        if (peer->credit[transfer] == bytes)
            break;
    }
    PEER_UNTIL(peer, peer->got == bytes && peer->frames[SL_FRAME_READY] > readies);
    peer_send_verdict(peer, SL_VERDICT_COUNT);
}

static float *decode(const uint8_t *payload) {
    float *values = malloc(PEER_ELEMENTS * sizeof *values);
    cr_assert_not_null(values);
    sl_quantise_decode(values, payload, PEER_ELEMENTS, 0, PEER_ELEMENTS);
    return values;
}

void peer_assert_joined(const struct peer *peer, const uint8_t *first) {
    struct sl_learner *learner;
    float *before = decode(first), *after = decode(peer->into), *model = malloc(PEER_ELEMENTS * sizeof *model);
    cr_assert_not_null(model);
    cr_assert_eq(sl_learner_create_idle(&learner, PEER_ELEMENTS, 1, NULL), SL_OK);
    sl_learner_initialize(learner, model, 1);
    for (size_t e = 0; e < PEER_ELEMENTS; e++) {
        float scale, want = model[e] + (1 - before[e]) / 2;
        memcpy(&scale, peer->into + e / SL_QUANTISE_BLOCK * sizeof scale, sizeof scale);
        cr_assert_float_eq(after[e], want, scale * 1.001F, "element %zu: %g instead of %g", e, (double)after[e],
                           (double)want);
    }
    sl_learner_destroy(learner);
    free(before);
    free(after);
    free(model);
}
