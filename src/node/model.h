/* What becomes of the node's model: begun or loaded (inputs.c, saving.c), trained (training.c), mixed (mixing.c), with
 * what came late (late.c), given and taken whole (donor.c), saved (saving.c). */
#ifndef SL_NODE_MODEL_H
#define SL_NODE_MODEL_H

#include "exchange/mixer.h"
#include "node/ledger.h"
#include "node/payloads.h"

/* A difference that joins the model after the next training. */
struct node_late {
    struct node_ledger_edge edge;
    struct sl_block *theirs, *mine;
    struct node_kept *kept[2]; /* of both */
    struct node_late *next;
};

struct node_mix_source {
    char name[SL_NAME_SIZE];
    double weight;                  /* of the difference to the own update */
    struct node_incoming *incoming; /* a reference; NULL: self, or not (yet) there */
};

struct node_mix {
    struct sl_mixer *mixer; /* NULL: no pass */
    uint64_t round;
    struct sl_block *out;
    struct node_mix_source *sources; /* by the mixer's number */
    uint32_t count, chunks;
    uint32_t jobs;
    struct node_kept *kept;      /* the next model; NULL: it is not kept */
    struct sl_digest *digests;   /* of its chunks; alike */
    struct sl_ledger_sums *sums; /* for the ledger: node_ledger_of_pass; NULL: none is kept */
    bool closing;                /* MIX was asked for: done means MIXED */
    bool sealing;
};

/* inputs.c: data, learner, initial or resumed model. */
/* Data and learner by node->settings alone; what is there on failure is the node's as well. */
SL_MUST_USE enum sl_status node_create_learner(struct sl_node *node, struct sl_error *error);
SL_MUST_USE enum sl_status node_load_inputs(struct sl_node *node, struct sl_error *error);
/* The model as it was at first again, and an optimiser that has not done anything. */
SL_MUST_USE enum sl_status node_reload_model(struct sl_node *node, struct sl_error *error);
uint64_t node_name_tag(const char *name);
uint64_t node_overlay_seed(const struct sl_node *node);

/* training.c */
void node_train(struct sl_node *node, uint64_t round, bool averaging);
void node_evaluate(struct sl_node *node, uint64_t round);
/* A block for a model that nobody else holds: the spare one or a new one; NULL (and the node fails) without memory. */
struct sl_block *node_take_spare(struct sl_node *node);
/* `block` becomes the model; the reference is taken over, the former one becomes the spare if nobody else holds it. */
void node_replace_model(struct sl_node *node, struct sl_block *block);

/* mixing.c */
void node_open_stream(struct sl_node *node, const struct sl_round_action *action);
void node_mix(struct sl_node *node, const struct sl_round_action *action);
void node_feed_stream(struct sl_node *node, struct node_incoming *incoming);
void node_fail_stream(struct sl_node *node, struct node_peer *peer, uint64_t round);
void node_finish_mix(struct node_mix *mix);

/* late.c */
void node_hold(struct sl_node *node, struct node_peer *peer, const struct sl_round_action *action);
void node_apply_late(struct sl_node *node, struct node_peer *peer, const struct sl_round_action *action);
void node_drop_late(struct sl_node *node, struct node_peer *peer, uint64_t round);
void node_drop_pending(struct node_peer *peer);
/* Adds the list to a model, in its order; *sums is of what that is then. Any thread. */
void node_add_late(const struct sl_node *node, struct node_late *late, float *values, struct sl_ledger_sums *sums);
/* They are in the model, of that round (entry JOINED or SETTLED): in the ledger. */
void node_late_joined(struct sl_node *node, struct node_late *late, enum node_ledger_entry entry, uint64_t round,
                      const struct sl_ledger_sums *sums);
/* What was promised of an edge, or counted and waits, will never join the model: in the ledger, while it is here. */
void node_write_off(struct sl_node *node, const struct sl_round_action *action);
void node_write_off_late(struct sl_node *node);
void node_free_late(struct node_late *late);

/* donor.c */
enum sl_status node_on_model_request(struct sl_node *node, struct node_peer *peer,
                                     const struct sl_model_request *asked);
void node_serve_askers(struct sl_node *node);
void node_snapshot_published(struct sl_node *node);
void node_expire_snapshot(struct sl_node *node); /* once a second */

/* saving.c */
void node_save(struct sl_node *node);
SL_MUST_USE enum sl_status node_load_last_model(struct sl_node *node, struct sl_error *error);

#endif
