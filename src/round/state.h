/* The inside of the round machine: its state, and what its files offer each other.
 *
 *     round.c              create, step, queries          actions.c   the list of actions
 *     peers.c              everybody ever heard of        half.c      R½
 *     plan.c               roster, graph, coefficients    edge.c      the only place that changes an edge's state
 *     phase.c              the only place that changes the phase: gather, enter, linger, leave
 *     close.c              when a round ends, and how     deadline.c  how long it may take
 *     durable.c            what must be on disk before it is said
 *     save.c               the record                 check.c     whether a record can be gone on from
 *     restore.c            a machine from a record, and what it does again
 *     stale.c              too far behind: another lineage
 *     focus.c              one peer at a time, where the link is slow
 *     on_<event>.c         one a family of events */
#ifndef SL_ROUND_STATE_H
#define SL_ROUND_STATE_H

#include "round/round.h"

/* What is kept of a peer's manifest. */
struct round_manifest {
    uint64_t round, lineage, samples, total_samples;
    uint32_t degree;
    uint8_t digest[SL_WIRE_DIGEST_SIZE], view[SL_WIRE_DIGEST_SIZE];
};

enum round_edge_event {
    EDGE_DECIDE,  /* D: q_F is whole and its READY is here */
    EDGE_PROMISE, /* F: q_D is whole */
    EDGE_COUNT,   /* F: verdicts */
    EDGE_VOID,
    EDGE_GONE,
    EDGE_CLOSE,    /* the round closes at this end */
    EDGE_REFUSE,   /* the manifests do not agree: no edge */
    EDGE_STREAM,   /* the round closes and the payload is folded already (mix.stream) */
    EDGE_WRITE_OFF /* F: nobody will ever say, and the place is needed or the lineage ends */
};

struct round_peer;

/* One edge of the current round, or a pending one. */
struct round_edge {
    struct round_peer *peer;
    uint64_t round;
    uint64_t samples; /* of the peer, as planned; 1 where samples do not weigh */
    enum sl_edge_state state;
    bool decider;
    uint32_t turn; /* where links are narrow, edges have their turns in this order; the same at both ends */
    bool had_turn; /* it began, and is not taken back in this round */
    bool has_manifest, whole;
    bool passed;  /* it, or we, said not to wait */
    bool refused; /* we said PASS(full) */
    bool counted; /* it was in state COUNTED when the round closed */
    bool has_ready;
    struct sl_ready ready;
    struct round_manifest manifest;
    uint8_t own_digest[SL_WIRE_DIGEST_SIZE];
    double weight; /* of the difference; known with the manifest */
    sl_time trained_at;
};

struct round_peer {
    struct sl_round_member member;
    uint64_t starter_round; /* it was in the roster that this node started with: stands for an unknown from_round */
    uint64_t former_from, former_until; /* what held before its present word, for rounds before that one's from_round */
    uint64_t saved_from;                /* its first round, as the record of an earlier process has it; 0: not in it */
    bool named;                         /* the members have it: samples and tag are known */
    uint64_t lineage;                   /* 0: not known */
    uint64_t entered;                   /* highest round it entered in that lineage */
    bool told;                          /* it said in which round it is */
    bool finished;
    uint32_t pending_told;
    uint64_t last_counted, last_counted_lineage; /* as D: the one number that is remembered of it */
    struct round_manifest *held;                 /* newest manifest of a round that this node has not entered */
    struct round_edge *pending;                  /* as F: the one edge that is not decided */
    bool asked;                                  /* as a donor, without success */
    bool outdates;                               /* it is in a later epoch */
    uint32_t missed;                             /* rounds in a row in which its edge with this node did not count */
    uint64_t late;                               /* the last round whose manifest of it came too late; 0: none did */
    uint64_t waited_for;                         /* the last round that was longer for it; 0: none */
};

struct round_peer_list {
    struct round_peer **items;
    size_t count, capacity;
};

/* ROUND_BARREN: after so many rounds without a counted edge the peers get their turn one by one. ROUND_PATIENCE: a
 * round is made longer for the same peer once in so many. ROUND_ABSENCE: who is told to stop is left out of rounds only
 * after so many. */
enum {
    ROUND_ARRIVALS = 128,
    ROUND_HISTORY = 8,
    ROUND_BARREN = 3,
    ROUND_PATIENCE = 5,
    ROUND_ALL_AT_ONCE = 64,
    ROUND_DONORS = 3,
    ROUND_ABSENCE = 3
};

struct sl_round {
    struct sl_round_options options;
    char self[SL_NAME_SIZE];
    struct sl_round_member own; /* as the members tell it */

    /* one step */
    struct sl_round_actions *actions;
    struct sl_round_action scratch; /* where an action goes that there is no memory for */
    enum sl_status status;
    sl_time now;

    struct round_peer_list peers;   /* by name; never shrinks: `last_counted` must outlive an absence */
    struct round_peer_list held;    /* those with `held`, in order of arrival */
    struct round_peer_list pending; /* those with `pending` */
    struct round_peer_list tellers; /* reachable and not quiet */
    uint64_t half;                  /* R½ */
    sl_time half_since;             /* when it came to be that */
    size_t half_total, half_above;  /* members it is taken over; those beyond it */
    uint64_t *half_scratch;
    size_t half_capacity;

    enum sl_round_phase phase;
    bool started;
    bool resuming;      /* restored, and no event yet */
    sl_time returned;   /* W_max after a restart: until then who is away may just not have been found again; 0: none */
    bool returning;     /* from a stop, and has not told yet from which round on it takes part again */
    uint64_t scheduled; /* own from_round as told; 0: not yet */
    uint64_t listed_until; /* before `scheduled` it is in the rounds before this one all the same */
    uint64_t done;         /* rounds behind the model */
    uint64_t current;      /* highest round entered; 0: none */
    bool stopping;
    bool forgot; /* more was said in this lineage than is known: it ends as soon as nothing is under way */

    /* plan of the current round */
    struct sl_overlay_member *roster; /* by name, self included */
    struct round_peer **roster_peers; /* alike; NULL: self */
    uint32_t *roster_neighbours;
    size_t roster_count, roster_capacity, roster_peers_capacity, roster_neighbours_capacity, roster_self;
    uint64_t roster_samples;            /* Σ n, or the count */
    uint64_t roster_from, roster_until; /* rounds it holds for: [from, until) */
    bool full;
    struct round_edge *edges; /* by name */
    size_t edge_count, edge_capacity;

    bool averaging;
    bool fresh;   /* the update was trained in this round, not carried over */
    bool carry;   /* enter the next round without training */
    bool carried; /* this one was: its update is the model that the round before left */
    bool published;
    bool is_signed; /* own_digest is of a manifest that was signed before a crash, and is being made again */
    uint8_t own_digest[SL_WIRE_DIGEST_SIZE], own_view[SL_WIRE_DIGEST_SIZE];
    bool has_view;
    sl_time trained_at, wait, close_at;
    bool second_wait;         /* stream: the first W is over */
    uint32_t counted;         /* edges, at close */
    bool below;               /* too few counted in the last round: wait for peers */
    uint32_t barren;          /* rounds in a row with edges of which none counted */
    uint32_t narrow;          /* which round it is since its link is too slow for all at once; 0: it is not */
    bool wide;                /* it counted edges with all at once, once */
    bool one_by_one;          /* therefore one peer at a time in this round: */
    bool turned;              /* the first turn of the round began */
    bool behind;              /* it was entered long after the others did: no turn can come to its end */
    struct round_edge *focus; /* this one; NULL: nobody just now */
    sl_time turn_since;       /* when its turn began */
    sl_time turn_took;        /* a turn that counted, the last time; 0: not known */
    bool patient;             /* W is over, and the round goes on for a peer that missed many */

    uint64_t averaging_counted; /* edges counted in averaging rounds so far */
    bool left_out, had_peers;

    /* joining */
    uint64_t join_from;
    struct round_peer *donors[ROUND_DONORS]; /* asked and not answered */
    size_t donor_count;
    sl_time donor_until;

    /* late differences that no published update has in it yet, the first `folding` of them in the one being made */
    struct round_edge *late;
    size_t late_count, late_capacity, folding;

    sl_time repeat_at, linger_until;
    sl_time armed; /* what WAKE said last; 0: never */
    struct sl_progress told;

    sl_time arrivals[ROUND_ARRIVALS]; /* ring */
    size_t arrival_count, arrival_next;
    struct {
        uint64_t round;
        sl_time trained_at;
    } history[ROUND_HISTORY];
};

/* actions.c: never NULL; zeroed but for the type. Without memory it is a scratch action and the step fails. */
struct sl_round_action *sl_round_emit(struct sl_round *round, enum sl_round_action_type type);
struct sl_round_action *sl_round_emit_to(struct sl_round *round, enum sl_round_action_type type,
                                         const struct round_peer *peer, uint64_t number);
void sl_round_send_pass(struct sl_round *round, const struct round_peer *peer, uint64_t number,
                        enum sl_pass_reason reason);
void sl_round_send_progress(struct sl_round *round, const struct round_peer *peer); /* NULL: to all */

/* durable.c: the messages that promise or decide. The state has changed already; what is sent here must leave only when
 * that change is on disk. */
void sl_round_offer(struct sl_round *round, const struct round_edge *edge);
void sl_round_send_ready(struct sl_round *round, const struct round_edge *edge);
void sl_round_send_verdict(struct sl_round *round, const struct round_peer *peer, const struct sl_ready *asked,
                           enum sl_verdict_value value);

/* peers.c */
struct round_peer *sl_round_find_peer(const struct sl_round *round, const char *name); /* NULL: unknown */
/* Made where unknown; NULL without memory, or when the name is this node's own. */
struct round_peer *sl_round_get_peer(struct sl_round *round, const char *name);
bool sl_round_is_reachable(const struct round_peer *peer); /* live and connected */
size_t sl_round_count_reachable(const struct sl_round *round);
void sl_round_list_add(struct sl_round *round, struct round_peer_list *list, struct round_peer *peer);
void sl_round_list_remove(struct round_peer_list *list, const struct round_peer *peer);

/* half.c */
void sl_round_half_recount(struct sl_round *round);
/* A sign that the peer is in that round, in that life. */
void sl_round_note_entered(struct sl_round *round, struct round_peer *peer, uint64_t lineage, uint64_t number);
/* First round of the peer as far as this node knows, 0: none. */
uint64_t sl_round_from(const struct round_peer *peer);

/* plan.c */
/* Whether the peer is in that round: by what it says now, or, for a round before that, by what held before. */
bool sl_round_is_listed(const struct round_peer *peer, uint64_t number);
void sl_round_freeze_plan(struct sl_round *round);
bool sl_round_manifest_agrees(const struct sl_round *round, const struct round_edge *edge);
double sl_round_edge_weight(const struct sl_round *round, const struct round_edge *edge);
/* Fills plan and divisor of a PUBLISH (all edges) or a MIX (counted ones). */
void sl_round_fill_plan(struct sl_round *round, struct sl_round_action *action, bool all);

/* edge.c */
struct round_edge *sl_round_find_edge(struct sl_round *round, const struct round_peer *peer); /* of the current round */
bool sl_round_is_open(const struct sl_round *round); /* the current round takes manifests and decides edges */
/* The transition of the table and its line for the record. */
void sl_round_edge_step(struct sl_round *round, struct round_edge *edge, enum round_edge_event event);
/* D decides, F promises, when all that it takes is here. */
void sl_round_edge_evaluate(struct sl_round *round, struct round_edge *edge);
void sl_round_edge_refuse(struct sl_round *round, struct round_edge *edge);
/* A manifest of the current round. */
void sl_round_edge_take_manifest(struct sl_round *round, struct round_peer *peer,
                                 const struct round_manifest *manifest);
void sl_round_settle_pending(struct sl_round *round, struct round_peer *peer, enum sl_verdict_value value);
void sl_round_write_off(struct sl_round *round, struct round_peer *peer); /* its pending edge */
void sl_round_fill_edge(const struct sl_round *round, struct sl_round_action *action, const struct round_edge *edge);
void sl_round_forget_folded(struct sl_round *round); /* late differences: the model or an update has them */
void sl_round_repeat_pending(struct sl_round *round);

/* deadline.c */
void sl_round_note_arrival(struct sl_round *round, sl_time after);
void sl_round_note_late(struct sl_round *round, uint64_t number); /* something of that closed round came now */
void sl_round_remember_training(struct sl_round *round);

/* focus.c */
/* Chooses whose turn it is and, where that changed, offers and fetches. */
void sl_round_focus(struct sl_round *round);
bool sl_round_goes_one_by_one(const struct sl_round *round); /* whether the round that begins does */
/* Before the edges are closed: whether their transfers were in each other's way. */
bool sl_round_is_crowded(const struct sl_round *round);
void sl_round_note_barren(struct sl_round *round, bool crowded); /* the round closed */
/* Whether half of the flock entered that round so long ago that this node is not in time for a turn in it. */
bool sl_round_is_late(const struct sl_round *round, uint64_t number);
/* Whether W is over but a peer has its turn with this node that missed many rounds: the round then lasts until its edge
 * is decided, or a bound is reached. */
bool sl_round_is_patient(struct sl_round *round);
/* Whether that edge is one to be patient for; until when, whatever W is: others that went on wait for this node. */
bool sl_round_deserves_patience(const struct sl_round *round, const struct round_edge *edge);
sl_time sl_round_patient_until(const struct sl_round *round);
bool sl_round_has_turn(const struct sl_round *round, const struct round_edge *edge);

/* check.c */
/* An EXCHANGE whose own update is gone, and which promised nothing, is made a TRAIN again. */
SL_MUST_USE enum sl_status sl_round_check_record(struct sl_round_state *state, const struct sl_round_options *options,
                                                 struct sl_error *error);
bool sl_round_holds(const struct sl_round_options *options, const uint8_t digest[SL_WIRE_DIGEST_SIZE]);

/* restore.c */
SL_MUST_USE enum sl_status sl_round_restore(struct sl_round *round, const struct sl_round_options *options,
                                            struct sl_error *error);
void sl_round_resume(struct sl_round *round);

/* stale.c */
/* Where `next` is too far from the rounds of this lineage, or more was said in it than is known: another one begins,
 * and true. */
bool sl_round_is_stale(struct sl_round *round, uint64_t next);
void sl_round_begin_lineage(struct sl_round *round);

/* close.c */
bool sl_round_has_returned(const struct sl_round *round); /* that long ago, or never was away */
/* Not so soon after a restart that the members have not named everybody who took part before it. */
bool sl_round_knows_roster(const struct sl_round *round);
bool sl_round_is_resolved(const struct sl_round *round, const struct round_edge *edge); /* nobody waits for it */
bool sl_round_should_close(struct sl_round *round);
void sl_round_close(struct sl_round *round);
void sl_round_mix(struct sl_round *round);     /* asks for the mixing of those that counted */
void sl_round_abandon(struct sl_round *round); /* a straggler leaves a round that it never published in */
void sl_round_pass_over(struct sl_round *round);

/* phase.c */
void sl_round_set_phase(struct sl_round *round, enum sl_round_phase phase);
void sl_round_advance(struct sl_round *round); /* whatever the state of things now allows */
void sl_round_enter(struct sl_round *round, uint64_t number, bool carry);
void sl_round_train(struct sl_round *round);
void sl_round_schedule(struct sl_round *round, uint64_t number);
void sl_round_begin_exchange(struct sl_round *round); /* sets its clocks */
void sl_round_publish(struct sl_round *round);        /* own update is ready: PUBLISH, EXCHANGE */
void sl_round_go_on(struct sl_round *round);          /* after a round: linger, gather or the next one */
void sl_round_linger(struct sl_round *round);
void sl_round_finish(struct sl_round *round, enum sl_status status);

/* on_model.c */
void sl_round_join(struct sl_round *round);
void sl_round_seek_model(struct sl_round *round);

#define SL_ROUND_HANDLERS(X)                                                                                           \
    X(members)                                                                                                         \
    X(trained)                                                                                                         \
    X(published)                                                                                                       \
    X(manifest)                                                                                                        \
    X(forgot)                                                                                                          \
    X(held) X(lost) X(ready) X(verdict) X(pass) X(progress) X(mixed) X(model_loaded) X(model_failed) X(stop) X(timer)
#define SL_ROUND_DECLARE(name) void sl_round_on_##name(struct sl_round *round, const struct sl_round_event *event);
SL_ROUND_HANDLERS(SL_ROUND_DECLARE)
#undef SL_ROUND_DECLARE

#endif
