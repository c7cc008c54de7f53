/* The identity of a running node: new generations from changed files and from peers' revocation lists, and what ends
 * soon. A new generation is in force at once: connections whose peers it does not trust any more are closed. */
#ifndef SL_NODE_TRUST_H
#define SL_NODE_TRUST_H

#include <event2/event.h>

#include "base/clock.h"
#include "crypto/digest.h"
#include "node/expiry.h"
#include "node/parts.h"
#include "node/watch.h"

struct node_peer;
struct sl_node;

struct node_trust {
    int reload_fd; /* eventfd: sl_node_reload was called; -1: none */
    int watch_fd;  /* inotify; -1: none */
    struct event *reload_event, *watch_event, *look_timer, *spread_timer, *hourly_timer;
    struct node_stamps stamps;    /* of the files, when they were last loaded or refused */
    bool forced;                  /* the next look loads even if no file has changed */
    bool loading, again;          /* a job is under way; look again after it */
    unsigned tries;               /* that failed since the last change */
    bool crl_unsaved, crl_saving; /* there are lists from peers that identity.crl_file has not */
    uint64_t crls_refused;        /* that peers sent and that were not what they claimed */
    sl_time refusal_said_at;      /* 0: never */
    uint64_t refusals_unsaid;
    struct node_expiries expiries;
};

/* A peer's part in the spreading of revocation lists. All zero for a new connection. */
struct node_crls {
    struct sl_digest known[SL_CRLS_MAX]; /* that it told or was told; the oldest give way */
    size_t known_count;
    struct sl_digest sending; /* the list that is being told */
    size_t sent;              /* bytes of it; 0: none is */
    struct node_parts incoming;
    sl_time window; /* when the following was 0 */
    unsigned vain;  /* lists of it that were looked at and not taken */
};

/* trust.c */

/* Before the first load, so that no later change is missed. */
void node_trust_init(struct sl_node *node);
SL_MUST_USE enum sl_status node_trust_create_events(struct sl_node *node, struct sl_error *error);
/* When all else is there: what is to be said of the first generation. */
void node_trust_start(struct sl_node *node);
void node_trust_finish(struct sl_node *node);
/* `identity` (the reference is taken over) is in force from now on. `source`: a peer's name, "files" … */
void node_trust_adopt(struct sl_node *node, struct sl_identity *identity, const char *source);

/* trust_load.c */

/* A worker looks whether files have changed, and loads them; one at a time. */
void node_trust_look(struct sl_node *node);
/* From now on changes are told by this descriptor of inotify, which is taken over (-1: none), once listened to. */
void node_trust_watch(struct sl_node *node, int fd);
void node_trust_listen(struct sl_node *node);

/* crl.c */

/* Tells each connected peer the lists that it may not have, a part of them at once; the rest follows from the loop. */
void node_crl_spread(struct sl_node *node);
enum sl_status node_on_crl(struct sl_node *node, struct node_peer *peer, const uint8_t *payload, size_t length,
                           struct sl_error *error);
/* Writes identity.crl_file, off the loop, if there are lists that it has not. */
void node_crl_save(struct sl_node *node);
void node_crls_finish(struct node_crls *crls); /* all zero again */

#endif
