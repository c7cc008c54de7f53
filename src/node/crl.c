/* A list of revoked certificates that is newer than ours goes through the flock: whoever gets it, by a file or from a
 * peer, checks it, closes whom it revokes, and tells each peer that is not known to have it. What was told or heard is
 * kept by digest for each connection, so that a list goes over each connection once and loops end.
 *
 * A list is a statement of the authority, not of the peer that brings it: a false one is dropped and counted, and its
 * bringer, who may have another bundle of authorities than we have, is not punished. But each costs a look at a
 * signature, so a peer has SL_CRLS_MAX false or older ones a minute. */
#include "node/internal.h"

#include <stdlib.h>
#include <string.h>

/* Told a peer at once; beyond it the loop comes round first, so that the queue of a connection stays short. */
enum { SPREAD_BYTES = 256 * 1024 };
#define SPREAD_INTERVAL (50 * SL_MILLISECOND)
#define WINDOW (60 * SL_SECOND)
#define SAY_INTERVAL (10 * SL_SECOND)

void node_crls_finish(struct node_crls *crls) {
    node_parts_finish(&crls->incoming);
    *crls = (struct node_crls){.known_count = 0};
}

static bool knows(const struct node_crls *crls, const struct sl_digest *digest) {
    for (size_t i = 0; i < crls->known_count; i++)
        if (sl_digest_equal(&crls->known[i], digest))
            return true;
    return false;
}

static void remember(struct node_crls *crls, const struct sl_digest *digest) {
    if (knows(crls, digest))
        return;
    if (crls->known_count == SL_CRLS_MAX) {
        crls->known_count--;
        memmove(crls->known, crls->known + 1, crls->known_count * sizeof crls->known[0]);
    }
    crls->known[crls->known_count++] = *digest;
}

/* ---- out ---- */

/* Sends the next part of a list. Returns its length, 0 where it could not be sent: the connection is closing, or this
 * very list has closed it. */
static size_t send_part(const struct node_peer *peer, struct sl_bytes list) {
    const struct node_crls *crls = &peer->crls;
    size_t left = list.length - crls->sent;
    struct sl_buffer payload = {0};
    const struct sl_part part = {.total = (uint32_t)list.length,
                                 .offset = (uint32_t)crls->sent,
                                 .bytes = {list.data + crls->sent, left < SL_PART_MAX ? left : SL_PART_MAX}};
    size_t length = 0;
    if (sl_part_encode(&payload, &part) == SL_OK &&
        sl_connection_send(peer->connection, SL_FRAME_CRL, payload.data, payload.length) == SL_OK)
        length = part.bytes.length;
    sl_buffer_finish(&payload);
    return length;
}

/* As much of a list as the budget has; false: it is at its end. */
static bool send_list(struct node_peer *peer, struct sl_bytes list, const struct sl_digest *digest, size_t *budget) {
    struct node_crls *crls = &peer->crls;
    if (crls->sent == 0 || !sl_digest_equal(&crls->sending, digest)) {
        crls->sending = *digest;
        crls->sent = 0;
    }
    while (crls->sent < list.length) {
        size_t length = *budget > 0 ? send_part(peer, list) : 0;
        if (length == 0)
            return false;
        *budget -= length < *budget ? length : *budget;
        crls->sent += length;
    }
    crls->sent = 0;
    remember(crls, digest);
    return true;
}

/* False: there is more to tell. The list that was begun goes on before any other is. */
static bool tell(struct node_peer *peer, const struct sl_bytes *lists, const struct sl_digest *digests, size_t count) {
    size_t budget = SPREAD_BYTES;
    for (size_t i = 0; i < count && peer->crls.sent > 0; i++)
        if (sl_digest_equal(&digests[i], &peer->crls.sending) && !send_list(peer, lists[i], &digests[i], &budget))
            return false;
    for (size_t i = 0; i < count; i++)
        if (!knows(&peer->crls, &digests[i]) && !send_list(peer, lists[i], &digests[i], &budget))
            return false;
    return true;
}

void node_crl_spread(struct sl_node *node) {
    struct sl_bytes lists[SL_CRLS_MAX];
    struct sl_digest digests[SL_CRLS_MAX];
    size_t count = sl_identity_crls(node->identity, lists, SL_CRLS_MAX);
    bool done = true;
    if (node->finishing)
        return;
    for (size_t i = 0; i < count; i++)
        sl_digest_of(&digests[i], lists[i].data, lists[i].length);
    for (struct node_peer *peer = node->peers; peer != NULL; peer = peer->next)
        if (peer->connection != NULL)
            done = tell(peer, lists, digests, count) && done;
    if (!done)
        node_arm(node->trust.spread_timer, sl_clock_monotonic() + SPREAD_INTERVAL);
}

/* ---- in ---- */

static bool is_ours(const struct sl_node *node, struct sl_bytes list) {
    struct sl_bytes ours[SL_CRLS_MAX];
    size_t count = sl_identity_crls(node->identity, ours, SL_CRLS_MAX);
    for (size_t i = 0; i < count; i++)
        if (ours[i].length == list.length && memcmp(ours[i].data, list.data, list.length) == 0)
            return true;
    return false;
}

static void refuse(struct sl_node *node, const struct node_peer *peer, const char *reason) {
    struct node_trust *trust = &node->trust;
    sl_time now = sl_clock_monotonic();
    trust->crls_refused++;
    if (trust->refusal_said_at != 0 && now - trust->refusal_said_at < SAY_INTERVAL) {
        trust->refusals_unsaid++;
        return;
    }
    sl_log_line(node->log, SL_LOG_WARNING, "identity", "a revocation list is refused", SL_TEXT("peer", peer->name),
                SL_TEXT("reason", reason), SL_UNSIGNED("unsaid", trust->refusals_unsaid));
    trust->refusal_said_at = now;
    trust->refusals_unsaid = 0;
}

static bool may_look(struct node_crls *crls) {
    sl_time now = sl_clock_monotonic();
    if (crls->window == 0 || now - crls->window > WINDOW) {
        crls->window = now;
        crls->vain = 0;
    }
    return crls->vain < SL_CRLS_MAX;
}

static void take(struct sl_node *node, struct node_peer *peer, struct sl_bytes list) {
    struct sl_error error = {.status = SL_OK, .text = ""};
    struct sl_identity *identity;
    struct sl_digest digest;
    sl_digest_of(&digest, list.data, list.length);
    bool again = knows(&peer->crls, &digest);
    remember(&peer->crls, &digest);
    if (again || is_ours(node, list) || !may_look(&peer->crls))
        return;
    enum sl_status status = sl_identity_with_crl(node->identity, &identity, list, &error);
    if (status == SL_OK) {
        sl_log_line(node->log, SL_LOG_INFO, "identity", "a newer revocation list", SL_TEXT("peer", peer->name));
        node->trust.crl_unsaved = true;
        node_trust_adopt(node, identity, peer->name);
    } else {
        peer->crls.vain++;
        if (status != SL_EXISTS) /* an older one is no fault: the peer gets ours */
            refuse(node, peer, error.text);
    }
}

enum sl_status node_on_crl(struct sl_node *node, struct node_peer *peer, const uint8_t *payload, size_t length,
                           struct sl_error *error) {
    struct node_crls *crls = &peer->crls;
    struct sl_part part;
    bool whole = false;
    enum sl_status status = sl_part_decode(&part, payload, length, error);
    if (status == SL_OK)
        status = node_parts_add(&crls->incoming, &whole, &part, error);
    if (status != SL_OK)
        return sl_error_wrap(error, status, "revocation list");
    if (!whole)
        return SL_OK;
    struct node_parts parts = crls->incoming; /* ours: to take the list may end this very connection */
    crls->incoming = (struct node_parts){.total = 0};
    if (!node->finishing)
        take(node, peer, (struct sl_bytes){parts.bytes.data, parts.bytes.length});
    node_parts_finish(&parts);
    return SL_OK;
}

/* ---- to disk ---- */

struct save_job {
    struct sl_job job;
    struct sl_node *node;
    struct sl_identity *identity; /* a reference */
    struct node_stamp former, stamp;
    bool changed; /* somebody else has replaced the file: it is loaded first */
    enum sl_status status;
    struct sl_error error;
};

static void run_save(struct sl_job *submitted) {
    struct save_job *job = (struct save_job *)submitted;
    const char *path = job->node->settings->identity.crl_file;
    struct node_stamp found = node_stamp_of(path);
    job->changed = !node_stamp_equal(&job->former, &found);
    if (job->changed)
        return;
    job->status = sl_identity_save_crls(job->identity, path, &job->error);
    job->stamp = node_stamp_of(path);
}

static void handle_saved(struct sl_job *submitted) {
    struct save_job *job = (struct save_job *)submitted;
    struct sl_node *node = job->node;
    struct node_trust *trust = &node->trust;
    trust->crl_saving = false;
    if (job->changed) {
        trust->crl_unsaved = true; /* the file's change brings a new generation, and that one comes here again */
    } else if (job->status == SL_OK) {
        *node_stamps_crl(&trust->stamps) = job->stamp;
        node_crl_save(node);
    } else {
        sl_error_wrap(&job->error, job->status, "a newer revocation list is not saved");
        sl_log_line(node->log, SL_LOG_WARNING, "identity", job->error.text);
        sl_record_event(node->record, "warning", SL_TEXT("text", job->error.text));
    }
    sl_identity_unref(job->identity);
    free(job);
    node_job_done(node);
}

void node_crl_save(struct sl_node *node) {
    struct node_trust *trust = &node->trust;
    if (!trust->crl_unsaved || trust->crl_saving || node->settings->identity.crl_file[0] == '\0')
        return;
    struct save_job *job = calloc(1, sizeof *job);
    if (job == NULL)
        return; /* with the next list */
    *job = (struct save_job){.job = {.run = run_save, .done = handle_saved},
                             .node = node,
                             .identity = sl_identity_ref(node->identity),
                             .former = *node_stamps_crl(&trust->stamps)};
    trust->crl_saving = true;
    trust->crl_unsaved = false;
    node_submit(node, node->pool, &job->job);
}
