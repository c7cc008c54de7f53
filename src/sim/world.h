/* A flock on virtual time and a virtual network: nodes that run the round machine of src/round, exchange vectors of f32
 * and mix them with src/aggregate. Nothing here decides anything: it carries out the machine's actions, as src/node
 * does.
 *
 * The roster is fixed: everybody knows everybody from the start; crashes, cuts and late starts reach the others'
 * machines as MEMBERS after `suspect_after`. Node k is called "n00000k", so that the order of numbers is the order of
 * names.
 *
 * The same options and calls give the same bits. */
#ifndef SL_SIM_WORLD_H
#define SL_SIM_WORLD_H

#include "round/round.h"

struct sl_world;

struct sl_world_hooks {
    void *context;
    /* Before a step of a machine: what it is given. */
    void (*before)(void *context, struct sl_world *world, uint32_t node, const struct sl_round_event *event);
    /* Before an action is carried out; true: it is dealt with. For tests that want a wrong protocol. */
    bool (*intercept)(void *context, struct sl_world *world, uint32_t node, const struct sl_round_action *action);
    /* A round of local steps: changes `values` (not called in averaging rounds). */
    void (*train)(void *context, uint32_t node, uint64_t round, float *values);
    /* After each step of a machine and its actions. */
    void (*after)(void *context, struct sl_world *world, uint32_t node);
};

struct sl_world_options {
    uint32_t nodes;
    uint32_t founders; /* the first ones, who start together; the others with sl_world_start; 0: all */
    uint32_t elements;
    uint64_t rounds, averaging_rounds;
    uint64_t seed;
    const struct sl_topology *topology; /* borrowed, outlives the world */
    const uint64_t *samples;            /* a node; NULL: 1, and not by samples. Read at creation */
    const float *initial;               /* nodes × elements; NULL: normal, mean 0, variance 1. Read at creation */
    const double *slowness;             /* factor of training_time a node; NULL: 1. Read at creation */
    uint32_t contacts;                  /* peers that tell each other PROGRESS; 0: all (else a static regular graph) */
    double loss;           /* share of messages, [0, 1); none until all founders are in round 1: who misses the start
                              gives its vector up, and that is not what is to be seen here */
    double duplicates;     /* share of messages, [0, 1) */
    sl_time delay, jitter; /* one way: delay + uniform [0, jitter) */
    sl_time training_time;
    sl_time suspect_after;
    sl_time deadline_min, deadline_max, linger_max;
    uint64_t min_peers_per_round;
    bool disks;           /* nodes have one, and a journal on it */
    sl_time flush_time;   /* from an append until it is flushed; a power cut loses what is not */
    bool forgetful;       /* a wrong protocol: who returns with its disk has its lineage and model, and no promises */
    unsigned eager;       /* a wrong protocol: actions that do not wait for the flush, 1 << type each */
    bool quantised;       /* mix.codec int8 */
    const double *uplink; /* seconds that a payload of a node takes on its link, alone; NULL: none. Read at creation */
    uint64_t pending_max, stale_rounds; /* as the machine's */
    uint32_t donors;
    bool membership;  /* the real one; suspect and drop after suspect_after each, pings four times as often */
    size_t full_mesh; /* of it: above so many nodes not everybody is connected with everybody; 0: its default */
    bool audit;       /* checks the protocol's invariants 1 and 2 after every event: see sl_world_audit_error */
    struct sl_world_hooks hooks;
};

SL_MUST_USE enum sl_status sl_world_create(struct sl_world **out, const struct sl_world_options *options,
                                           struct sl_error *error);
void sl_world_destroy(struct sl_world *world);

/* The next event; false: none is left, or memory is short (sl_world_status). */
bool sl_world_step(struct sl_world *world);
/* Until nothing is left or virtual time passes `until`. */
void sl_world_run(struct sl_world *world, sl_time until);
enum sl_status sl_world_status(const struct sl_world *world);
sl_time sl_world_now(const struct sl_world *world);

/* What is left on the disk of a node that goes down: what was appended (kill -9), what was flushed (power cut), nothing
 * (then, started again, it is a new lineage that joins late). Without disks nothing is. */
enum sl_world_disk { SL_DISK_KEPT, SL_DISK_FLUSHED, SL_DISK_LOST };
struct sl_world_counts {
    uint64_t resumed; /* lives that went on in the lineage before */
    uint64_t refused; /* records that a machine refused */
    uint64_t records; /* appended */
    uint64_t record_bytes;
    uint64_t lineages; /* that ended because the node was too far behind */
    uint64_t stale;    /* edges written off for their place */
    uint64_t payloads; /* sent, models for joiners not counted */
};
/* Faults. */
void sl_world_crash(struct sl_world *world, uint32_t node); /* with its disk */
void sl_world_kill(struct sl_world *world, uint32_t node, enum sl_world_disk left);
void sl_world_break_disk(struct sl_world *world, uint32_t node); /* its next write fails: down, a new lineage */
void sl_world_pause(struct sl_world *world, uint32_t node, sl_time time); /* SIGSTOP; what comes waits */
void sl_world_skew(struct sl_world *world, uint32_t node, double rate);   /* of its clock; 1: right */
const struct sl_world_counts *sl_world_counts(const struct sl_world *world);
/* Start + training − what was lost or written off: what the masses must add to. With an audit. */
void sl_world_ledger(const struct sl_world *world, double *out);
/* The masses of all that began, and what D counted and F does not know yet. */
void sl_world_present_mass(const struct sl_world *world, double *out);
void sl_world_start(struct sl_world *world, uint32_t node); /* one that is down */
void sl_world_cut(struct sl_world *world, uint32_t a, uint32_t b, bool cut);
void sl_world_set_loss(struct sl_world *world, double loss);
void sl_world_stop(struct sl_world *world, uint32_t node); /* gives its machine STOP */

/* Gives the event to the node's machine and carries out what comes of it. */
void sl_world_feed(struct sl_world *world, uint32_t node, const struct sl_round_event *event);
/* Carries an action out past the intercept hook. */
void sl_world_carry_out(struct sl_world *world, uint32_t node, const struct sl_round_action *action);

/* State. */
const struct sl_round *sl_world_machine(const struct sl_world *world, uint32_t node); /* NULL: down */
const float *sl_world_model(const struct sl_world *world, uint32_t node);
uint64_t sl_world_done(const struct sl_world *world, uint32_t node); /* rounds mixed or taken over */
bool sl_world_is_finished(const struct sl_world *world, uint32_t node, enum sl_status *status);
/* What the mean is taken of: the model and the differences that are sure to join it. `out`: elements. */
void sl_world_mass(const struct sl_world *world, uint32_t node, double *out);
/* NULL: no invariant was broken; else the first breach. */
const char *sl_world_audit_error(const struct sl_world *world);

/* What happened in a round, over all nodes. */
struct sl_world_round {
    uint64_t closed, counted, planned; /* ends: an edge that counts at both ends is 2 */
    uint64_t clean, late, voided, gone;
    uint64_t lost;   /* messages of that round */
    sl_time longest; /* wait after own training */
    uint64_t reported;
    float *values; /* nodes × elements: the models as mixed; NULL before the first */
    bool *has;     /* nodes */
    bool wanted;   /* its values: not forgotten */
};
/* number: 1 … rounds */
const struct sl_world_round *sl_world_round(const struct sl_world *world, uint64_t number);
/* Frees the values of a round that nobody wants any more. */
void sl_world_forget_values(struct sl_world *world, uint64_t number);

#endif
