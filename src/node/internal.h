/* The parts of a running node and how they hang together. Every file of this folder does one job on it:
 *
 *     create.c run.c                 life and death
 *     addresses.c                    where it listens, and what it tells others to dial
 *     peers.c                        who is connected; the transport's callbacks
 *     dispatch.c                     control frame → message → the part that it is for
 *     on_membership.c on_round.c     step a pure machine and carry out the actions that it asks for
 *     remember.c                     the peers that are joined after a restart
 *     wants.c                        with whom to be connected, where not with all
 *     statements.c recheck.c         statements about members: signed, verified, verified again
 *     witness.c proofs.c             who tells different things to different peers
 *     forgotten.c                    a peer, or this node, that runs on an older copy of its journal
 *     training.c publish.c           TRAIN and PUBLISH: worker jobs that end in an event
 *     encoding.c                     updates in fewer bytes
 *     incoming.c outgoing.c          payloads in and out
 *     mixing.c late.c                MIX and the differences that come late
 *     ledger.c                       what each difference gave and took, for the record
 *     keeper.c kept.c load.c recover.c
 *                                    the journal: what is promised is kept, and found again after a restart
 *     donor.c                        models given to others
 *     joining.c taking.c             a model from others: by whom, and how it becomes this node's own
 *     saving.c inputs.c status.c     files, data, the record's regular lines
 *     trust.c crl.c                  new generations of the identity: changed files, spreading revocation lists
 *     watch.c folders.c expiry.c     which files change, and what ends soon
 *     preflight*.c                   what would fail, asked before a run
 *     confine.c landlock.c syscalls.c  what the process may still do
 *     outputs.c                      folders and files made for it, and taken back when it does not start
 *
 * What they share is here, and in model.h, payloads.h and keeper.h.
 *
 * All of it runs on the loop's thread but the `run` halves of jobs. Carrying out an action never steps a machine: what
 * an action leads to comes back later as an event from the loop. */
#ifndef SL_NODE_INTERNAL_H
#define SL_NODE_INTERNAL_H

#include <event2/event.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/pool.h"
#include "learner/learner.h"
#include "membership/membership.h"
#include "monitor/record.h"
#include "node/joining.h"
#include "node/keeper.h"
#include "node/model.h"
#include "node/outputs.h"
#include "node/payloads.h"
#include "node/trust.h"
#include "node/witness.h"
#include "round/round.h"
#include "settings/settings.h"
#include "transport/transport.h"
#include <starling/node.h>

struct node_peer {
    char name[SL_NAME_SIZE];
    struct sl_connection *connection; /* NULL: not connected */
    struct sl_credential *credential;
    sl_time heard;          /* when membership was last told so */
    uint32_t next_transfer; /* the lower name counts odd numbers, the higher one even ones */
    uint32_t announced;     /* highest number that the peer announced on this connection */
    struct node_incoming *incoming;
    struct node_incoming *filling; /* where the transport writes a DATA frame just now; NULL: nowhere */
    struct node_outgoing *outgoing;
    uint64_t turn;           /* the last round whose update may flow to it, where they take turns */
    uint64_t snapshot_round; /* of the last snapshot that it was offered */
    uint64_t failed_round;   /* of a stream that ended early, 0: none */
    struct node_pending pending;
    struct node_crls crls;
    struct node_witness_peer witness;
    struct node_promised promised;
    double checks; /* statements of its rosters that may be verified, as of checks_at */
    sl_time checks_at;
    struct node_peer *next;
};

/* Statements about members that others told. */
struct node_statements {
    uint64_t verified, refused; /* looked at; left out */
    uint64_t untold;            /* refused since the last line in the log, which was then: */
    sl_time complained;
};

/* How the round that is being mixed was closed. */
struct node_closed {
    uint32_t counted, planned;
    bool clean;
    sl_time waited;
};

/* Addresses of peers of an earlier run. */
enum { NODE_REMEMBERED_MAX = 32 };
struct node_remembered {
    char *addresses[NODE_REMEMBERED_MAX];
    size_t count;
};

struct sl_node {
    struct sl_node_options options;
    const struct sl_settings *settings;
    const struct sl_log *log;
    uint64_t boot, lineage;
    sl_time started;

    struct event_base *base;
    struct event *stop_event, *status_event, *round_timer, *membership_timer, *finish_timer;
    struct event *pool_event, *trainer_event;
    int stop_fd;
    int memory_fd; /* /proc/self/statm, opened once: a rule on what lies in /proc lasts as long as the kernel likes */
    struct sl_pool *pool;    /* digests, folds, files */
    struct sl_pool *trainer; /* one thread: whatever uses the learner, in order */
    size_t workers;          /* threads of the pool */
    unsigned jobs;           /* submitted and not done, of both */
    atomic_bool cancel;      /* training ends early */

    struct sl_identity *identity; /* the generation in force */
    struct node_trust trust;
    struct sl_transport *transport;
    struct sl_record *record;
    struct node_outputs outputs; /* while it is created */
    struct node_peer *peers;
    uint16_t *ports;  /* that the listeners of the settings have */
    char **addresses; /* advertised */
    size_t address_count;

    struct sl_membership *membership;
    struct sl_membership_actions membership_actions;
    struct node_statements statements;
    struct {
        bool changed, saving, failed;
    } peers_file; /* remember.c */
    struct node_witness witness;
    struct sl_graph_cache *graphs; /* of the rounds and the witnesses */
    struct sl_topology topology;
    struct sl_round *round;
    struct sl_round_actions round_actions;
    struct sl_round_member *members; /* the roster as last told to the round */
    size_t member_count, member_capacity;
    sl_time round_entered;
    struct node_closed closed;
    uint64_t scheduled_round, told_round; /* for the membership, once the round's actions are done; 0: nothing */

    struct node_keeper keeper;
    struct sl_dataset *train, *test;
    struct sl_learner *learner;
    struct sl_chunks chunks, update_chunks; /* of a model, and of an update as it travels */
    struct sl_block *model;                 /* f32; replaced, never written, while anybody else holds it */
    struct sl_block *spare;                 /* the former one, to be used again */
    uint64_t model_round;                   /* rounds that the model has behind it */
    bool model_is_mixed;                    /* it is what the round left: no training has touched it since */
    enum sl_status unsaved;                 /* why the last file could not be written; SL_OK: it was */
    uint64_t saved_round;                   /* of the last file that was asked for; UINT64_MAX: none */
    struct node_publication update, snapshot;
    uint64_t signed_round; /* the last whose update was signed in this lineage; 0: none */
    struct node_late *late;
    struct node_ledger ledger;
    struct node_mix mix;
    struct node_joining joining;
    char **askers; /* who waits for our model, by name */
    size_t asker_count, asker_capacity;
    bool snapshot_wanted;   /* it is being made */
    sl_time snapshot_until; /* it stays */

    bool finishing; /* the rounds are over: save, leave when the last job is done, end when all is said */
    bool save_at_end, leaving, left;
    enum sl_status outcome;
    struct sl_error failure;
};

/* The rounds are over, one way or the other. */
void node_finish(struct sl_node *node, enum sl_status status);
/* A failure that ends the run: recorded once, told by sl_node_run. */
void node_fail(struct sl_node *node, const struct sl_error *error);
/* Submits a job and counts it; its `done` must call node_job_done first. */
void node_submit(struct sl_node *node, struct sl_pool *pool, struct sl_job *job);
void node_submit_urgent(struct sl_node *node, struct sl_pool *pool, struct sl_job *job);
void node_job_done(struct sl_node *node);
void node_leave_when_idle(struct sl_node *node);
SL_MUST_USE enum sl_status node_create_events(struct sl_node *node, struct sl_error *error);

/* addresses.c */
/* Opens all listeners and advertises. */
SL_MUST_USE enum sl_status node_listen(struct sl_node *node, struct sl_error *error);
/* One line for each listener, and one for each advertised address that is somebody else's, a proxy's for instance. */
void node_say_addresses(const struct sl_node *node);
void node_free_addresses(struct sl_node *node);

/* peers.c */
struct node_peer *node_find_peer(const struct sl_node *node, const char *name);  /* NULL when unknown */
struct node_peer *node_find_or_add_peer(struct sl_node *node, const char *name); /* NULL when out of memory */
struct sl_transport_handlers node_transport_handlers(struct sl_node *node);
void node_send(struct sl_node *node, struct node_peer *peer, enum sl_frame_type type, const struct sl_buffer *payload);
void node_free_peers(struct sl_node *node);

/* dispatch.c */
enum sl_status node_dispatch(struct sl_node *node, struct node_peer *peer, enum sl_frame_type type,
                             const uint8_t *payload, size_t length, struct sl_error *error);

/* statements.c, recheck.c */

/* Signs with the context and the present generation; one reference, the caller's. */
SL_MUST_USE enum sl_status node_seal(struct sl_node *node, struct sl_statement **out, const char *context,
                                     struct sl_bytes body, struct sl_error *error);
/* For the membership's options; `context` is the node. */
SL_MUST_USE enum sl_status node_seal_member(void *context, struct sl_statement **out,
                                            const struct sl_member_statement *said);
/* SL_UNTRUSTED: its certificates don't verify here. SL_MISMATCH: they do, but are not of `origin`, or the signature is
 * not theirs: nobody should pass that on. Any thread. */
SL_MUST_USE enum sl_status node_check_statement(const struct sl_identity *identity,
                                                const struct sl_statement *statement, const char *context,
                                                const char *origin, struct sl_error *error);
enum sl_status node_on_roster(struct sl_node *node, struct node_peer *peer, const uint8_t *payload, size_t length,
                              struct sl_error *error);
/* node->identity is another: what we say of ourselves is signed anew if our certificate is, and what does not verify
 * any more is not relayed. */
void node_recheck_statements(struct sl_node *node);

/* on_membership.c, on_round.c */
void node_step_membership(struct sl_node *node, const struct sl_membership_event *event);
void node_step_round(struct sl_node *node, const struct sl_round_event *event);
void node_carry_out(struct sl_node *node, const struct sl_round_action *action);
void node_tell_members(struct sl_node *node);
/* remember.c */
void node_save_peers(struct sl_node *node); /* once a second: where they have changed */
void node_load_peers(struct sl_node *node, struct node_remembered *out);
void node_finish_remembered(struct node_remembered *remembered);
void node_want_connections(struct sl_node *node); /* wants.c: whenever a round was entered */
enum sl_status node_on_probe(struct sl_node *node, struct node_peer *peer, const uint8_t *payload, size_t length,
                             struct sl_error *error);
enum sl_status node_on_neighbour(struct sl_node *node, struct node_peer *peer, const uint8_t *payload, size_t length,
                                 struct sl_error *error);
enum sl_status node_on_roster_digest(struct sl_node *node, struct node_peer *peer, const uint8_t *payload,
                                     size_t length, struct sl_error *error);
SL_MUST_USE enum sl_status node_create_membership(struct sl_node *node, struct sl_error *error);
/* What the settings say of the rounds, checked. */
SL_MUST_USE enum sl_status node_prepare_rounds(struct sl_node *node, struct sl_error *error);
/* `restored` NULL: a new life. */
SL_MUST_USE enum sl_status node_create_round(struct sl_node *node, const struct node_restored *restored,
                                             struct sl_error *error);
void node_arm(struct event *timer, sl_time at);

/* status.c */
void node_record_status(struct sl_node *node);
void node_record_start(struct sl_node *node);
void node_record_finish(struct sl_node *node, enum sl_status status);

#endif
