/* Lines of the ledgers of many nodes, as they are read (ledger_read.c) and as they are held together (ledger_check.c).
 *
 * A node's lines tell a chain of models for each of its lineages: it begins, it is trained, exchanges join it, it is
 * mixed … A restart goes on from an earlier model of the chain, which its first line names: whatever the record has of
 * later ones was lost with the process, and is dropped here. */
#ifndef SL_MONITOR_LEDGER_H
#define SL_MONITOR_LEDGER_H

#include <starling/ledger.h>

enum { LEDGER_SUMS = 3, LEDGER_DIGEST_SIZE = 64 /* hexadecimal, no NUL */ };

/* In the order in which a model passes through them in a round; docs/record.md has what they are. */
enum ledger_entry {
    LEDGER_START,
    LEDGER_TRAINED,
    LEDGER_JOINED,
    LEDGER_UPDATE, /* a restart: trained, joined, not mixed */
    LEDGER_MIXED,
    LEDGER_RESTORED, /* a restart: mixed */
    LEDGER_SETTLED
};

/* A model, and the differences that made it of the one before. */
struct ledger_state {
    enum ledger_entry entry;
    uint32_t node;
    uint64_t lineage, round;
    double samples, sums[LEDGER_SUMS], norm;
    size_t first_edge, edge_count;
    bool dropped;
};

struct ledger_edge {
    uint32_t node, peer;
    uint64_t lineage, peer_lineage, round;
    double weight, sums[LEDGER_SUMS], norm;
    char digest[LEDGER_DIGEST_SIZE], peer_digest[LEDGER_DIGEST_SIZE];
    bool dropped;
};

/* What became of an exchange at one end, where it is not (yet) in a model. */
enum ledger_fate { LEDGER_PENDING, LEDGER_LATE, LEDGER_WRITTEN_OFF, LEDGER_OTHER };
struct ledger_word {
    uint32_t node, peer;
    uint64_t round;
    enum ledger_fate fate;
    size_t states; /* lines about models before it, of all nodes */
};

struct ledger_node {
    char name[SL_NAME_SIZE];
    bool has_record;
};

struct ledger {
    char run[SL_NAME_SIZE]; /* "": none was seen */
    struct ledger_node *nodes;
    size_t node_count, node_capacity;
    struct ledger_state *states; /* a node's in its order */
    size_t state_count, state_capacity;
    struct ledger_edge *edges;
    size_t edge_count, edge_capacity;
    struct ledger_word *words;
    size_t word_count, word_capacity;
    uint64_t lost_lines;
};

/* Appends what a record has of the run ledger->run, or, where that is empty, of its own, which becomes it. */
SL_MUST_USE enum sl_status sl_ledger_read(struct ledger *ledger, const char *file, bool any_run,
                                          struct sl_error *error);
void sl_ledger_finish(struct ledger *ledger);

#endif
