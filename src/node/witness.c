/* WITNESS and EVIDENCE: what was seen of third ones.
 *
 * A node that tells two peers different things can only be found out by these two, or by others that hear from both.
 * Who its peers in a round are, everybody can compute. So each node tells what it saw of an origin to the other
 * neighbours of that origin in that round, to TELL_MAX of them where there are more (in a full mesh: evenly spread from
 * a random one on; one that holds the other manifest answers, and those told by others meet on the way). */
#include "node/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/random.h"
#include "exchange/manifest.h"

enum {
    TELL_MAX = 16,
    EVIDENCE_MAX = 32 /* a peer and round, each way */
};

/* ---- what was seen ---- */

struct sl_statement *node_keep_manifest(const struct sl_node *node, const struct node_peer *peer,
                                        const struct sl_manifest *manifest, const struct sl_manifest_frame *frame) {
    struct sl_bytes chain[SL_CHAIN_MAX];
    struct sl_statement *statement = NULL;
    if (manifest->kind != SL_PAYLOAD_UPDATE || manifest->epoch != node->settings->flock.epoch)
        return NULL;
    size_t count = node_chain_needed(node, chain, sl_credential_chain(peer->credential, chain));
    if (sl_statement_create(&statement, frame->manifest, frame->signature, chain, count) == SL_NO_MEMORY)
        sl_log_line(node->log, SL_LOG_WARNING, "witness", "out of memory: a manifest is not remembered",
                    SL_TEXT("origin", manifest->origin));
    return statement;
}

/* Of rounds that are far ahead only one manifest a peer is held, and noted when its round comes: a peer could announce
 * any number. */
static bool is_near(const struct sl_node *node, uint64_t round) {
    uint64_t current = sl_round_current(node->round);
    return round + 1 >= current && round <= current + 2;
}

void node_note_manifest(struct sl_node *node, struct node_incoming *incoming, bool wanted) {
    const struct sl_manifest *manifest = &incoming->manifest;
    struct sl_statement *statement = incoming->statement, *contradicted = NULL;
    if (statement == NULL || (!wanted && !is_near(node, manifest->round)))
        return;
    incoming->statement = NULL;
    if (sl_sightings_add(&node->witness.sightings, manifest, statement, &contradicted) != SL_OK)
        sl_log_line(node->log, SL_LOG_WARNING, "witness", "out of memory: a manifest is not remembered",
                    SL_TEXT("origin", manifest->origin));
    else if (contradicted != NULL)
        node_convict(node, contradicted, statement);
    else if (manifest->round <= node->witness.told)
        node_bear_witness(node, manifest->round); /* it came late */
    sl_statement_unref(statement);
}

/* ---- telling ---- */

/* One entry for one peer. */
struct telling {
    struct node_peer *peer;
    const struct sl_witness_entry *entry;
};
struct tellings {
    struct telling *items;
    size_t count, capacity;
    struct sl_overlay_member *members; /* of the round, as we know them */
    uint32_t *neighbours;              /* scratch, as many */
    size_t member_count;
    struct sl_random random;
};

static bool list_members(const struct sl_node *node, struct tellings *tellings, uint64_t round) {
    tellings->members = calloc(node->member_count + 1, sizeof *tellings->members);
    tellings->neighbours = calloc(node->member_count + 1, sizeof *tellings->neighbours);
    if (tellings->members == NULL || tellings->neighbours == NULL)
        return false;
    for (size_t i = 0; i < node->member_count; i++) {
        const struct sl_round_member *member = &node->members[i];
        if (member->from_round != 0 && member->from_round <= round &&
            (member->until_round == 0 || member->until_round > round))
            tellings->members[tellings->member_count++] =
                (struct sl_overlay_member){.name = member->name, .tag = member->tag};
    }
    return true;
}

static bool find_member(const struct tellings *tellings, const char *name, size_t *index) {
    for (*index = 0; *index < tellings->member_count; ++*index) {
        if (strcmp(tellings->members[*index].name, name) == 0)
            return true;
    }
    return false;
}

static void add_telling(const struct sl_node *node, struct tellings *tellings, const char *name,
                        const struct sl_witness_entry *entry) {
    struct node_peer *peer = node_find_peer(node, name);
    if (peer == NULL || peer->connection == NULL ||
        sl_array_reserve(&tellings->items, &tellings->capacity, tellings->count + 1, sizeof *tellings->items) != SL_OK)
        return;
    tellings->items[tellings->count++] = (struct telling){.peer = peer, .entry = entry};
}

static void plan_entry(const struct sl_node *node, struct tellings *tellings, uint64_t round,
                       const struct sl_witness_entry *entry) {
    size_t origin, count = 0;
    if (!find_member(tellings, entry->origin, &origin) ||
        sl_graph_cache_neighbours(node->graphs, &node->topology, tellings->neighbours, &count, tellings->members,
                                  tellings->member_count, origin, node_overlay_seed(node), round) != SL_OK ||
        count == 0)
        return;
    size_t told = count < TELL_MAX ? count : TELL_MAX;
    uint64_t first = sl_random_below(&tellings->random, count);
    for (size_t i = 0; i < told; i++) {
        size_t at = (size_t)((first + i * (count / told)) % count);
        add_telling(node, tellings, tellings->members[tellings->neighbours[at]].name, entry);
    }
}

static void send_witness(struct sl_node *node, uint64_t round, const struct telling *items, size_t count) {
    struct sl_witness_entry entries[SL_WITNESS_ENTRIES_MAX];
    struct sl_buffer payload = {0};
    for (size_t i = 0; i < count; i++)
        entries[i] = *items[i].entry;
    const struct sl_witness witness = {
        .epoch = node->settings->flock.epoch, .round = round, .entries = entries, .count = count};
    if (sl_witness_encode(&payload, &witness) == SL_OK)
        node_send(node, items[0].peer, SL_FRAME_WITNESS, &payload);
    sl_buffer_finish(&payload);
}

static int compare_peers(const void *a, const void *b) {
    return strcmp(((const struct telling *)a)->peer->name, ((const struct telling *)b)->peer->name);
}

static void send_tellings(struct sl_node *node, struct tellings *tellings, uint64_t round) {
    if (tellings->count > 0)
        qsort(tellings->items, tellings->count, sizeof *tellings->items, compare_peers);
    for (size_t from = 0, to = 0; from < tellings->count; from = to) {
        const struct telling *first = &tellings->items[from];
        while (to < tellings->count && to - from < SL_WITNESS_ENTRIES_MAX && tellings->items[to].peer == first->peer)
            to++;
        send_witness(node, round, first, to - from);
    }
}

void node_bear_witness(struct sl_node *node, uint64_t round) {
    struct sl_sightings *sightings = &node->witness.sightings;
    struct tellings tellings = {0};
    sl_random_init(&tellings.random, node->boot, round);
    if (list_members(node, &tellings, round)) {
        for (size_t i = 0; i < sightings->count; i++) {
            struct sl_sighting *sighting = &sightings->items[i];
            if (sighting->round != round || sighting->told)
                continue;
            sighting->told = true;
            plan_entry(node, &tellings, round, &sighting->entry);
        }
        send_tellings(node, &tellings, round);
    }
    free(tellings.items);
    free(tellings.members);
    free(tellings.neighbours);
    if (round > node->witness.told) {
        node->witness.told = round;
        sl_sightings_forget(sightings, round - 1);
    }
}

/* ---- being told ---- */

static bool may_spend(const struct sl_node *node, struct node_witness_peer *peer, unsigned *spent) {
    uint64_t current = sl_round_current(node->round);
    if (peer->evidence_round != current) {
        peer->evidence_round = current;
        peer->evidence = peer->evidence_got = 0;
    }
    return ++*spent <= EVIDENCE_MAX;
}

void node_send_evidence(struct sl_node *node, struct node_peer *peer, struct sl_statement *statement) {
    struct sl_buffer payload = {0};
    enum sl_status status = sl_evidence_encode(&payload, &(struct sl_evidence){.statement = statement});
    if (status == SL_OK)
        node_send(node, peer, SL_FRAME_EVIDENCE, &payload);
    else
        sl_log_line(node->log, SL_LOG_WARNING, "witness", "evidence not sent", SL_TEXT("peer", peer->name),
                    SL_TEXT("reason", sl_status_text(status)));
    sl_buffer_finish(&payload);
}

enum sl_status node_on_witness(struct sl_node *node, struct node_peer *peer, const uint8_t *payload, size_t length,
                               struct sl_error *error) {
    struct sl_witness witness;
    enum sl_status status = sl_witness_decode(&witness, payload, length, error);
    if (status != SL_OK)
        return status;
    for (size_t i = 0; i < witness.count && witness.epoch == node->settings->flock.epoch; i++) {
        struct sl_statement *ours = sl_sightings_answer(&node->witness.sightings, witness.round, &witness.entries[i]);
        if (ours != NULL && !node_is_convicted(node, witness.entries[i].origin) &&
            may_spend(node, &peer->witness, &peer->witness.evidence))
            node_send_evidence(node, peer, ours);
    }
    sl_witness_finish(&witness);
    return SL_OK;
}

/* What we hold that the manifest contradicts; NULL: nothing, or it is of another flock or of long ago. */
static struct sl_statement *contradicted_by(const struct sl_node *node, const struct sl_manifest *manifest) {
    const struct sl_sighting *seen =
        sl_sightings_find(&node->witness.sightings, manifest->round, manifest->origin, manifest->lineage);
    struct sl_manifest ours;
    if (seen == NULL ||
        sl_manifest_decode(&ours, seen->statement->body.data, seen->statement->body.length, NULL) != SL_OK)
        return NULL;
    struct sl_statement *found = sl_manifest_contradicts(&ours, manifest) ? seen->statement : NULL;
    sl_manifest_finish(&ours);
    return found;
}

static enum sl_status take_evidence(struct sl_node *node, struct node_peer *peer, struct sl_statement *evidence,
                                    const struct sl_manifest *manifest, struct sl_error *error) {
    bool reminds = node_is_reminder(node, manifest);
    struct sl_statement *ours = reminds ? NULL : contradicted_by(node, manifest);
    struct sl_error reason = {.status = SL_OK, .text = ""};
    if ((!reminds && (ours == NULL || node_is_convicted(node, manifest->origin))) ||
        !may_spend(node, &peer->witness, &peer->witness.evidence_got))
        return SL_OK; /* it proves nothing, or nothing new */
    switch (node_check_statement(node->identity, evidence, SL_MANIFEST_CONTEXT, manifest->origin, &reason)) {
    case SL_OK:
        if (reminds)
            node_be_reminded(node, peer, manifest);
        else
            node_convict(node, ours, evidence);
        return SL_OK;
    case SL_MISMATCH: /* nobody who looked would have sent it */
        return sl_error_set(error, SL_MISMATCH, "false evidence: %s", reason.text);
    default:
        sl_log_line(node->log, SL_LOG_WARNING, "witness", "evidence left out", SL_TEXT("peer", peer->name),
                    SL_TEXT("reason", reason.text));
        return SL_OK;
    }
}

enum sl_status node_on_evidence(struct sl_node *node, struct node_peer *peer, const uint8_t *payload, size_t length,
                                struct sl_error *error) {
    struct sl_evidence evidence;
    struct sl_manifest manifest;
    enum sl_status status = sl_evidence_decode(&evidence, payload, length, error);
    if (status != SL_OK)
        return status;
    const struct sl_bytes body = evidence.statement->body;
    status = sl_manifest_decode(&manifest, body.data, body.length, error);
    if (status == SL_OK) {
        status = take_evidence(node, peer, evidence.statement, &manifest, error);
        sl_manifest_finish(&manifest);
    }
    sl_evidence_finish(&evidence);
    return status;
}
