/* From a changed file to a new generation in force:
 *
 *     SIGHUP (sl_node_reload), or inotify → a moment's patience, as files change one after the other
 *       → a worker: have the files changed? then load and check them all, like at the start
 *       → the loop: the generation is in force; connections that it does not trust are closed
 *
 * Files that do not fit together (a key without its new certificate) are tried again a few times. What fails then is
 * an error line, and the generation of before stays: a node never runs on half of a change. Newer revocation lists
 * count even so, at once: who is revoked must not stay because another file is at fault.
 *
 * Where no file has changed, a generation is renewed whose delegation needs it. */
#include "node/internal.h"

#include <stdlib.h>
#include <unistd.h>

#include "identity/identity.h"
#include "transport/path.h"

#define PATIENCE (200 * SL_MILLISECOND) /* from the first change to the look at the files */
#define RETRY SL_SECOND
enum { TRIES_MAX = 3 };

struct load_job {
    struct sl_job job;
    struct sl_node *node;
    struct sl_identity *base; /* a reference */
    struct node_stamps former, stamps;
    bool forced, unchanged;
    bool renews; /* only the delegation: no file has changed */
    int watch_fd;
    struct sl_identity *identity; /* where status is not SL_OK: the base with newer lists; NULL: none */
    struct sl_paths paths;        /* for the authorities of transport.peers; later the former ones */
    enum sl_status status;
    struct sl_error error;
};

/* ---- being told of changes ---- */

static void look_later(struct sl_node *node, sl_time after) {
    if (!evtimer_pending(node->trust.look_timer, NULL))
        node_arm(node->trust.look_timer, sl_clock_monotonic() + after);
}

void node_trust_watch(struct sl_node *node, int fd) {
    struct node_trust *trust = &node->trust;
    if (trust->watch_event != NULL)
        event_free(trust->watch_event);
    trust->watch_event = NULL;
    if (trust->watch_fd >= 0)
        (void)close(trust->watch_fd);
    trust->watch_fd = fd;
}

static void handle_changed(evutil_socket_t fd, short what, void *context) {
    struct sl_node *node = context;
    (void)what;
    node_watch_drain(fd);
    node->trust.tries = 0;
    look_later(node, PATIENCE);
}

void node_trust_listen(struct sl_node *node) {
    struct node_trust *trust = &node->trust;
    if (trust->watch_fd >= 0)
        trust->watch_event = event_new(node->base, trust->watch_fd, EV_READ | EV_PERSIST, handle_changed, node);
    if (trust->watch_event == NULL || event_add(trust->watch_event, NULL) != 0)
        sl_log_line(node->log, SL_LOG_WARNING, "identity",
                    "changes of certificates, keys and revocation lists are not seen: SIGHUP reloads them");
}

/* ---- a worker ---- */

/* All or nothing. */
static enum sl_status load(struct load_job *job, const struct sl_settings *settings) {
    enum sl_status status = sl_paths_init(&job->paths, settings, &job->error);
    if (status == SL_OK)
        status = sl_identity_reload(&job->identity, job->base, settings, NULL, &job->error);
    return status;
}

static void run_load(struct sl_job *submitted) {
    struct load_job *job = (struct load_job *)submitted;
    const struct sl_settings *settings = job->node->settings;
    job->watch_fd = node_watch_create(settings); /* first: what changes from now on is told */
    node_stamps_take(&job->stamps, settings);
    job->unchanged = !job->forced && node_stamps_equal(&job->former, &job->stamps);
    job->renews = job->unchanged && sl_identity_needs_renewal(job->base, sl_clock_wall() / SL_SECOND);
    if (job->renews)
        job->status = sl_identity_renew(job->base, &job->identity, &job->error);
    else if (!job->unchanged)
        job->status = load(job, settings);
    if (job->status != SL_OK && settings->identity.crl_file[0] != '\0')
        (void)!sl_identity_with_crl_file(job->base, &job->identity, settings->identity.crl_file, NULL);
}

/* ---- the loop ---- */

/* Lists that came from peers while the files were read stay known. SL_OK: *identity may have been replaced. */
static enum sl_status merge_lists(const struct sl_node *node, struct sl_identity **identity, struct sl_error *error) {
    struct sl_bytes lists[SL_CRLS_MAX];
    size_t count = sl_identity_crls(node->identity, lists, SL_CRLS_MAX);
    for (size_t i = 0; i < count; i++) {
        struct sl_identity *merged;
        enum sl_status status = sl_identity_with_crl(*identity, &merged, lists[i], error);
        if (status == SL_OK) {
            sl_identity_unref(*identity);
            *identity = merged;
        } else if (status == SL_NO_MEMORY) {
            return status;
        } /* else it is known there, or its authority is no longer trusted */
    }
    return SL_OK;
}

static void refuse(struct sl_node *node, struct load_job *job) {
    struct node_trust *trust = &node->trust;
    if (++trust->tries < TRIES_MAX) {
        trust->forced = trust->forced || job->forced;
        look_later(node, RETRY);
        return;
    }
    sl_error_wrap(&job->error, job->status, "not reloaded, the former certificates stay");
    sl_log_line(node->log, SL_LOG_ERROR, "identity", job->error.text);
    sl_record_event(node->record, "warning", SL_TEXT("text", job->error.text));
    trust->stamps = job->stamps; /* until the next change */
    trust->tries = 0;
}

/* The lists alone. What they cannot be merged with for want of memory comes with the next look. */
static void adopt_lists(struct sl_node *node, struct load_job *job) {
    if (job->base != node->identity && merge_lists(node, &job->identity, NULL) != SL_OK)
        return;
    node_trust_adopt(node, job->identity, "revocation lists of the file");
    job->identity = NULL;
}

static void accept_generation(struct sl_node *node, struct load_job *job) {
    if (job->base != node->identity) {
        job->status = merge_lists(node, &job->identity, &job->error);
        if (job->status != SL_OK) {
            refuse(node, job);
            return;
        }
    }
    node->trust.stamps = job->stamps;
    node->trust.tries = 0;
    if (!job->renews)
        sl_transport_swap_trust(node->transport, &job->paths);
    node_trust_adopt(node, job->identity, job->renews ? "a new delegation" : "files");
    job->identity = NULL;
}

static void handle_loaded(struct sl_job *submitted) {
    struct load_job *job = (struct load_job *)submitted;
    struct sl_node *node = job->node;
    struct node_trust *trust = &node->trust;
    node_job_done(node);
    trust->loading = false;
    node_trust_watch(node, job->watch_fd);
    node_trust_listen(node);
    if (node->finishing || (job->unchanged && !job->renews)) {
        /* nothing to do */
    } else if (job->status == SL_OK) {
        accept_generation(node, job);
    } else {
        if (job->identity != NULL)
            adopt_lists(node, job);
        refuse(node, job);
    }
    if (trust->again)
        look_later(node, 0);
    trust->again = false;
    sl_paths_finish(&job->paths);
    sl_identity_unref(job->identity);
    sl_identity_unref(job->base);
    free(job);
}

void node_trust_look(struct sl_node *node) {
    struct node_trust *trust = &node->trust;
    if (node->finishing)
        return;
    struct load_job *job = trust->loading ? NULL : calloc(1, sizeof *job);
    if (job == NULL) { /* one at a time; without memory, a later one */
        trust->again = trust->loading;
        if (!trust->loading)
            look_later(node, RETRY);
        return;
    }
    *job = (struct load_job){.job = {.run = run_load, .done = handle_loaded},
                             .node = node,
                             .base = sl_identity_ref(node->identity),
                             .former = trust->stamps,
                             .forced = trust->forced,
                             .watch_fd = -1};
    trust->loading = true;
    trust->forced = false;
    node->jobs++;
    sl_pool_submit_urgent(node->pool, &job->job); /* before a model's digests: a revocation may wait for it */
}
