/* What this node does in round t: the protocol of `docs/protocol.md`, "Rounds",
 * whose model was checked by spin. Pure: an event and the time go in, actions come out; no socket, clock, thread or
 * random source.
 *
 *     GATHER → TRAIN → EXCHANGE → MIX → (TRAIN …) → LINGER → LEFT           JOIN: a late joiner, before its first TRAIN
 *
 * Happy path of a round:  TRAIN → TRAINED → PUBLISH → PUBLISHED → OFFER to each planned peer; MANIFEST from each →
 * FETCH → HELD; READY (follower → decider), VERDICT COUNT (decider → follower); all edges counted → MIX → MIXED → next
 * round.
 *
 * The roster of a round is frozen when the round is entered: members with from_round ≤ t (and ≠ 0) and until_round 0 or
 * > t, this node always. One edge is one pair of planned peers; the lower name decides (D), the other follows (F).
 *
 * Decisions that the design page leaves open:
 *  - Start. Members announce from_round 0 until they start. When start_nodes members, this one included, are live,
 *    connected and have told their PROGRESS (or half of them have, and R½ says that the first round has begun), and
 *    min_peers_to_start of them are peers, round done_rounds + 1 begins (SCHEDULE says so) with all live connected
 *    members whose from_round is 0 or reached. If R½ is beyond that round, the node is a late joiner instead:
 *    SCHEDULE{R½ + 2}, and at that round it asks a donor for its model.
 *  - R½, the highest round that at least half of them entered, is taken over the live members that tell this node where
 *    they are: connected, not quiet, and taking part.
 *  - Straggler. When training ends at R½ ≥ t + 2 (or at t + 1 with every live neighbour beyond t) the update enters R½
 *    without another training; so does, once, an update that no edge counted while half of the flock went on.
 *  - Stream. At the first W the edges without a manifest are passed over (RELEASE), the close comes a second W later,
 * an edge whose payload is whole by then counts here whatever the other end says, and nothing is PENDING.
 *  - Close. Who may wait for this end is told when it closes (PASS, or VOID where its READY is here): else it would
 * wait for its whole deadline, come too late in the next round by as much, and so for ever.
 *  - Messages get lost: while this node waits for others it repeats PROGRESS and its pending READYs every deadline_min.
 *  - Left out (SL_LEFT_OUT): there were averaging rounds and no edge counted here in any of them; or `below` is STOP
 * and too few edges counted in a round. */
#ifndef SL_ROUND_ROUND_H
#define SL_ROUND_ROUND_H

#include "base/clock.h"
#include "overlay/overlay.h"
#include "wire/messages.h"

struct sl_round;

enum sl_round_below { SL_ROUND_BELOW_WAIT, SL_ROUND_BELOW_TRAIN, SL_ROUND_BELOW_STOP };

struct sl_round_options {
    const char *self;
    uint64_t tag; /* of self, as in the members */
    uint64_t lineage;
    uint64_t epoch;
    uint64_t seed;        /* of the overlay, run and epoch mixed in */
    uint64_t done_rounds; /* 0; after --resume: the rounds that the loaded model has behind it */
    uint64_t rounds, averaging_rounds;
    const struct sl_topology *topology; /* borrowed, outlives the round machine */
    struct sl_graph_cache *graphs;      /* alike; NULL: none. For many machines in one process */
    bool by_samples;                    /* weights of the full mesh by samples, or all 1 */
    bool stream;                        /* mix.stream: no PENDING; see W below */
    sl_time deadline_min, deadline_max, linger_max;
    uint64_t start_nodes, min_peers_to_start, min_peers_per_round;
    enum sl_round_below below;
    uint64_t pending_max;  /* edges that may wait for a verdict, BOUND ones of the round included; 0: 2 × the edges */
    uint64_t stale_rounds; /* so far behind R½ a node begins again as a new lineage, and so old a pending edge may be
                              written off where its place is needed; 0: never */
    uint32_t donors;       /* asked for a model at once, in a full mesh; 0: 1 */
    bool stop_outdated;    /* most of the flock is in a later epoch: stop, rather than go on with those of one's own */
    uint64_t lineage_seed; /* random: the lineage that follows a stale one is drawn from it */
    struct sl_bytes restored; /* what sl_round_save wrote in this lineage; empty: a new life. Read at creation */
    /* with `restored`: what the journal still has. Manifest digests of payloads (of an own one: with the trained model
     * that it was made of). Read at creation. */
    const uint8_t (*held)[SL_WIRE_DIGEST_SIZE];
    size_t held_count;
    uint64_t model_round; /* behind the mixed model that the journal has beside that record */
};

/* A member as the round sees it; in an event sorted by name (memcmp), self included. */
struct sl_round_member {
    char name[SL_NAME_SIZE];
    uint64_t tag;                     /* 64 bits of a digest of the name */
    uint64_t samples;                 /* 0: it has not said yet; it is in no roster before */
    uint64_t from_round, until_round; /* 0: unknown / none */
    bool live;                        /* alive, neither suspect nor dropped nor left */
    bool connected;                   /* self: true */
    bool quiet; /* reachable when a round's graph wants it, but tells no PROGRESS (partial meshes): not part of R½ */
};

enum sl_round_event_type {
    SL_ROUND_MEMBERS,      /* members: at each change of roster, liveness or connection */
    SL_ROUND_TRAINED,      /* round: own update is ready */
    SL_ROUND_PUBLISHED,    /* round, digest: own manifest is signed; view: as in it, or NULL: views are not compared */
    SL_ROUND_MANIFEST,     /* peer, manifest, digest: verified to be peer's own, of this flock and run; borrowed. Told
                              again (after a reconnection, or by a new lineage of the peer) it takes the place of the
                              former one of that round only while that one's payload is not whole: for the caller too */
    SL_ROUND_HELD,         /* peer, round: its payload is whole and its digests agree */
    SL_ROUND_LOST,         /* peer, round: its payload will not come (cut, cancelled, wrong digest) */
    SL_ROUND_READY,        /* peer, ready */
    SL_ROUND_VERDICT,      /* peer, verdict */
    SL_ROUND_PASS,         /* peer, pass */
    SL_ROUND_PROGRESS,     /* peer, progress */
    SL_ROUND_MIXED,        /* round: the model is the mixed one */
    SL_ROUND_MODEL_LOADED, /* round: a donor's model after that round was taken over */
    SL_ROUND_MODEL_FAILED, /* peer could not give its model */
    SL_ROUND_FORGOT,       /* this node signed an update in this lineage that it knows nothing of: its journal is an
                              older copy of what it was. It ends the lineage, as soon as nothing is under way */
    SL_ROUND_STOP,         /* end after what cannot be undone; FINISHED follows */
    SL_ROUND_TIMER
};
struct sl_round_event {
    enum sl_round_event_type type;
    const char *peer;
    uint64_t round;
    const struct sl_round_member *members;
    size_t member_count;
    const struct sl_manifest *manifest;
    const uint8_t *digest; /* SL_WIRE_DIGEST_SIZE bytes */
    const uint8_t *view;   /* SL_WIRE_DIGEST_SIZE bytes */
    const struct sl_ready *ready;
    const struct sl_verdict *verdict;
    const struct sl_pass *pass;
    const struct sl_progress *progress;
};

enum sl_round_phase {
    SL_PHASE_GATHER,
    SL_PHASE_JOIN,
    SL_PHASE_TRAIN,
    SL_PHASE_EXCHANGE,
    SL_PHASE_MIX,
    SL_PHASE_LINGER,
    SL_PHASE_LEFT
};
const char *sl_round_phase_text(enum sl_round_phase phase);

/* What the record says of an edge. GONE and STALE are written off: the decider's lineage ended; or the place was
 * needed, or this node's own lineage ends, and the decider, which may have counted it, was never heard again. */
enum sl_edge_outcome { SL_EDGE_COUNTED, SL_EDGE_VOID, SL_EDGE_PENDING, SL_EDGE_LATE, SL_EDGE_GONE, SL_EDGE_STALE };
const char *sl_edge_outcome_text(enum sl_edge_outcome outcome);

enum sl_round_action_type {
    SL_ROUND_TRAIN,      /* round; averaging: no local steps, TRAINED at once */
    SL_ROUND_PUBLISH,    /* round, degree, total_samples, plan: apply late differences, form and sign the manifest */
    SL_ROUND_OFFER,      /* peer, round: send it the manifest and, by its credit, the payload. held: the manifest alone,
                            until TURN */
    SL_ROUND_TURN,       /* peer, round: an offer that is held, made already or to be made, goes on: by its credit */
    SL_ROUND_FETCH,      /* peer, round: take its payload of that round: give credit */
    SL_ROUND_RELEASE,    /* peer, round: forget its payload and stop both transfers of that round */
    SL_ROUND_HOLD,       /* peer, round, weight: keep its payload and the own one of that round: the edge is pending */
    SL_ROUND_APPLY_LATE, /* peer, round, weight: x += weight · (q_peer − q_own) after the next training (at once when
                            there is none to come), then forget both */
    SL_ROUND_DROP_LATE,  /* peer, round: forget both */
    SL_ROUND_SEND_READY, /* peer, ready */
    SL_ROUND_SEND_VERDICT,  /* peer, verdict */
    SL_ROUND_SEND_PASS,     /* peer, pass */
    SL_ROUND_SEND_PROGRESS, /* progress: to peer, just connected; "": to all connected */
    SL_ROUND_MIX,      /* round, plan with coefficients, divisor, clean: close; only peers with counted set enter */
    SL_ROUND_SCHEDULE, /* round: tell the flock that this node takes part from that round on */
    SL_ROUND_REQUEST_MODEL, /* peer: ask it for its model */
    SL_ROUND_EDGE,          /* peer, round, outcome, weight of the difference, both digests and lineages (what is known
                               of them), after (own training's end): for the record and the ledger */
    SL_ROUND_CLOSED,        /* round, counted, planned, clean, waited (own training's end to now): for the record */
    SL_ROUND_PHASE,         /* phase, round: for the record */
    SL_ROUND_LINEAGE,  /* lineage: too far behind, or FORGOT; this node goes on as that one, without promises, and joins
                        */
    SL_ROUND_OUTDATED, /* peer, epoch: it is in that later one; told once a peer */
    SL_ROUND_WAKE,     /* at: give a TIMER event then (replaces the former; SL_NEVER disarms) */
    SL_ROUND_FINISHED  /* status: SL_OK, SL_LEFT_OUT, SL_CANCELLED */
};

/* One member of a mixing pass, in name order, self included. See aggregate/mean.h for coefficient and divisor. */
struct sl_round_source {
    char name[SL_NAME_SIZE];
    double coefficient;
    bool self;
    bool counted; /* self: true */
};

struct sl_round_action {
    enum sl_round_action_type type;
    bool durable; /* must wait until the record of this step is flushed: see sl_round_save */
    char peer[SL_NAME_SIZE];
    uint64_t round;
    bool averaging, clean;
    bool held;      /* OFFER */
    bool is_signed; /* PUBLISH: a manifest of this round with own_digest was signed before a crash: sign no other */
    uint8_t own_digest[SL_WIRE_DIGEST_SIZE], peer_digest[SL_WIRE_DIGEST_SIZE]; /* EDGE, HOLD, APPLY_LATE, DROP_LATE */
    uint64_t own_lineage, peer_lineage;
    uint64_t lineage, epoch;
    uint32_t degree;
    uint64_t total_samples;
    struct sl_round_source *plan; /* PUBLISH: as if all will count; MIX: as they counted; owned by the action */
    size_t plan_count;
    double divisor;
    double weight;
    union {
        struct sl_ready ready;
        struct sl_verdict verdict;
        struct sl_pass pass;
        struct sl_progress progress;
    } message;
    enum sl_edge_outcome outcome;
    enum sl_round_phase phase;
    uint32_t counted, planned;
    sl_time at, after, waited;
    enum sl_status status;
};
struct sl_round_actions {
    struct sl_round_action *items;
    size_t count, capacity;
    bool save; /* the state is to be appended to the log now: always when an action is durable */
};
void sl_round_actions_clear(struct sl_round_actions *actions);
void sl_round_actions_finish(struct sl_round_actions *actions);

/* SL_FORMAT: `restored` is no such record. SL_MISMATCH: it is of another node, epoch or lineage, or something that it
 * needs is gone: the caller begins a new lineage. SL_NO_MEMORY. */
SL_MUST_USE enum sl_status sl_round_create(struct sl_round **out, const struct sl_round_options *options,
                                           struct sl_error *error);
void sl_round_destroy(struct sl_round *round);

/* Appends what is to be done, in order. An event that makes no sense now (of another epoch, an unlisted peer, an old
 * round) changes nothing and is answered as the protocol says; it is never an error. SL_NO_MEMORY (the only failure)
 * leaves the machine as a crash in the midst of the event would: destroy it. */
SL_MUST_USE enum sl_status sl_round_step(struct sl_round *round, const struct sl_round_event *event, sl_time now,
                                         struct sl_round_actions *actions);

/* ---- what survives a crash ----
 *
 * Payloads before events, the log after. The caller gives HELD only when that payload is in its journal, PUBLISHED only
 * when the own payload and the trained model are, MIXED and MODEL_LOADED only when the new model is. After a step whose
 * actions have `save` set it appends what sl_round_save writes to its log (where it differs from the last record), and
 * carries `durable` actions out when that is flushed; all others at once. One step is atomic: a record has it whole.
 *
 * sl_round_needs tells which payloads and models the state cannot do without. What a record needs stays in the journal
 * until a later record is flushed that does not need it.
 *
 * Manifests bear sl_round_lineage; LINEAGE, which is durable, tells the journal of another one.
 *
 * sl_round_create with `restored` goes on in the same lineage where that record ends. Its first event, whatever it is,
 * makes the machine emit what is to be done again: SCHEDULE; HOLD and APPLY_LATE of what waits; then TRAIN, or PUBLISH
 * of an update that goes in again, or MIX of what was counted. OFFER (the manifest that was signed) and READY follow
 * when peers connect. For W_max from that event nobody is taken for dead: who is not connected may just not have been
 * found again. An update that is lost, of a manifest that was signed and nobody was promised anything for, is trained
 * anew; if its digest is another one then, this node sits the round out. */

/* Appends the record; SL_NO_MEMORY, SL_LIMIT. Not with `stream`, which promises nothing. */
SL_MUST_USE enum sl_status sl_round_save(const struct sl_round *round, struct sl_buffer *out);

enum sl_round_need_type {
    SL_ROUND_NEED_MODEL, /* round: the mixed model after that round */
    SL_ROUND_NEED_OWN,   /* round, digest: own update; of the current round the trained model, too */
    SL_ROUND_NEED_PEER   /* peer, round, digest */
};
struct sl_round_need {
    enum sl_round_need_type type;
    char peer[SL_NAME_SIZE];
    uint64_t round;
    uint8_t digest[SL_WIRE_DIGEST_SIZE]; /* of the manifest */
};
/* All that the present state needs, some of it perhaps twice; *out is freed with free(). SL_NO_MEMORY. */
SL_MUST_USE enum sl_status sl_round_needs(const struct sl_round *round, struct sl_round_need **out, size_t *out_count);

/* The names of those with whom a connection is of use: the neighbours in this round and the next, who owes a verdict,
 * who was asked for a model. Some perhaps twice; borrowed until the next step; *out is freed with free(). SL_NO_MEMORY.
 */
SL_MUST_USE enum sl_status sl_round_wanted(const struct sl_round *round, const char ***out, size_t *out_count);

/* Whether it was told to stop in the midst of its run, so that a later start can go on from its last record. */
bool sl_round_goes_on(const struct sl_round *round);
/* The round from which on it is in no roster, when it leaves now. */
uint64_t sl_round_until(const struct sl_round *round);
uint64_t sl_round_lineage(const struct sl_round *round);
uint64_t sl_round_done(const struct sl_round *round); /* rounds behind the model */
uint64_t sl_round_current(const struct sl_round *round);
enum sl_round_phase sl_round_phase(const struct sl_round *round);
/* How long a round waits at most after own training: clamp(median + 4·MAD of arrivals, deadline_min, deadline_max). */
sl_time sl_round_deadline(const struct sl_round *round);

/* Where the edge with `peer` of that round stands at this end, for tests and displays. PENDING only while the verdict
 * is not known; an edge that the machine has no state of any more (or never had) is NONE. */
enum sl_edge_state {
    SL_EDGE_STATE_NONE,
    SL_EDGE_STATE_OPEN,
    SL_EDGE_STATE_BOUND,
    SL_EDGE_STATE_COUNTED,
    SL_EDGE_STATE_PENDING
};
enum sl_edge_state sl_round_edge(const struct sl_round *round, const char *peer, uint64_t number);

#endif
