/* What becomes of the node's model: begun or loaded (inputs.c, saving.c), trained (training.c), mixed (mixing.c), with
 * what came late (late.c), given and taken whole (donor.c), saved (saving.c). */
#ifndef SL_NODE_MODEL_H
#define SL_NODE_MODEL_H

#include "exchange/mixer.h"
#include "node/payloads.h"

/* A difference that joins the model after the next training. */
struct node_late {
    uint64_t round;
    char origin[SL_NAME_SIZE];
    struct sl_block *theirs, *mine;
    struct node_kept *kept[2]; /* of both */
    double weight;
    struct node_late *next;
};

struct node_mix_source {
    char name[SL_NAME_SIZE];
    struct node_incoming *incoming; /* a reference; NULL: self, or not (yet) there */
};

struct node_mix {
    struct sl_mixer *mixer; /* NULL: no pass */
    uint64_t round;
    struct sl_block *out;
    struct node_mix_source *sources; /* by the mixer's number */
    uint32_t count;
    uint32_t jobs;
    struct node_kept *kept;    /* the next model; NULL: it is not kept */
    struct sl_digest *digests; /* of its chunks; alike */
    bool closing;              /* MIX was asked for: done means MIXED */
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
/* Adds the list to `values`, in its order. Any thread. */
void node_add_late(const struct node_late *late, float *values, size_t elements);
void node_free_late(struct node_late *late);

/* donor.c */
bool node_is_joining(const struct sl_node *node, const char *donor); /* waits for that peer's model */
bool node_has_snapshot(const struct node_peer *donor);               /* one that it announced */
void node_request_model(struct sl_node *node, struct node_peer *peer);
enum sl_status node_on_model_request(struct sl_node *node, struct node_peer *peer,
                                     const struct sl_model_request *asked);
void node_serve_askers(struct sl_node *node);
void node_snapshot_published(struct sl_node *node);
void node_take_model(struct sl_node *node, struct node_incoming *incoming);
void node_model_failed(struct sl_node *node, const char *peer);

/* saving.c */
void node_save(struct sl_node *node);
SL_MUST_USE enum sl_status node_load_last_model(struct sl_node *node, struct sl_error *error);

#endif
