/* The node's ledger: lines in its record (docs/record.md, event "ledger") by which anybody can check afterwards that
 * the flock lost nothing, counted nothing twice and let nobody take what another did not give; see monitor/ledger.h.
 *
 * A line is about the model as it is now (it began, was restored, trained, joined by late differences, mixed) or about
 * a difference that joined it, or never will. Sums are aggregate/ledger.h's, by the chunks of the model in their order.
 */
#ifndef SL_NODE_LEDGER_H
#define SL_NODE_LEDGER_H

#include "aggregate/ledger.h"
#include "base/buffer.h"
#include "exchange/mixer.h"
#include "round/round.h"

struct sl_node;
struct node_late;
struct node_mix;

struct node_ledger {
    bool on;
    uint64_t seed;               /* of the signs: the same for all nodes and rounds of a run */
    struct sl_ledger_sums model; /* as it was last measured */
};

/* An edge at this end. */
struct node_ledger_edge {
    char peer[SL_NAME_SIZE];
    uint64_t round;
    uint64_t joins; /* the round whose model it joins, or would have joined */
    enum sl_edge_outcome outcome;
    double weight;
    uint64_t peer_lineage;
    uint8_t own_digest[SL_WIRE_DIGEST_SIZE], peer_digest[SL_WIRE_DIGEST_SIZE]; /* of the manifests */
    struct sl_ledger_sums sums; /* of theirs − mine, without the weight */
};

enum node_ledger_entry {
    NODE_LEDGER_START,    /* the model that this lineage begins with, or takes over from a donor */
    NODE_LEDGER_UPDATE,   /* after a restart: the update that was published before, not yet mixed */
    NODE_LEDGER_RESTORED, /* after a restart: the model of the last round that was mixed */
    NODE_LEDGER_TRAINED,
    NODE_LEDGER_JOINED, /* late differences are in it */
    NODE_LEDGER_MIXED,
    NODE_LEDGER_SETTLED /* late differences joined what the last round had left */
};

/* By the settings; off where there is no record. Before any of the others. */
void node_ledger_open(struct sl_node *node);
/* Begins, once the node has its model and its lineage. */
void node_ledger_begin(struct sl_node *node);

/* Adds a whole model, or the difference of two updates, to *out; nothing where no ledger is kept. Any thread. */
void node_ledger_measure(const struct sl_node *node, struct sl_ledger_sums *out, const void *model);
void node_ledger_compare(const struct sl_node *node, struct sl_ledger_sums *out, const struct sl_block *theirs,
                         const struct sl_block *mine);
/* The model is another one, with these sums. */
void node_ledger_enter(struct sl_node *node, enum node_ledger_entry entry, uint64_t round,
                       const struct sl_ledger_sums *sums);
void node_ledger_write(struct sl_node *node, const struct node_ledger_edge *edge);

/* ---- of a mixing pass ---- */

/* Sums of all chunks of so many sources and of the result; NULL: out of memory. */
struct sl_ledger_sums *node_ledger_of_pass(const struct sl_node *node, uint32_t sources);
/* A chunk was folded, or a part of it that begins with its value `at`, a multiple of SL_LEDGER_TILE; parts in their
 * order, and of values that are still there. On the worker that did it; nothing where no ledger is kept. */
void node_ledger_fold(const struct sl_node *node, const struct sl_mixer_fold *fold, size_t at);
/* The pass is over, its model is the next one; before it is taken apart. */
void node_ledger_mixed(struct sl_node *node);

/* ---- of an exchange that is written off ---- */

/* Measured on a worker, which gets references of its own. */
void node_ledger_write_off(struct sl_node *node, const struct node_ledger_edge *edge, struct sl_block *theirs,
                           struct sl_block *mine);

#endif
