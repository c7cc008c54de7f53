/* The inside of the virtual flock.
 *
 *     queue.c      what happens when        world.c      life and death, the loop
 *     network.c    messages on their way    members.c    what each node knows of the others
 *     carry_out.c  the machine's actions    payloads.c   vectors that are held, pending, late
 *     audit.c      invariants               simulate.c   sl_simulate, and its report
 *     disk.c       what survives a crash
 *     faults.c     crashes, cuts, views     membership.c the real membership, where it is asked for */
#ifndef SL_SIM_INTERNAL_H
#define SL_SIM_INTERNAL_H

#include "base/random.h"
#include "membership/membership.h"
#include "sim/queue.h"
#include "sim/world.h"

/* A vector as one node sent it in one round; shared by all who hold it. */
struct sim_payload {
    unsigned references;
    float values[];
};

struct sim_incoming {
    uint32_t peer;
    uint64_t round;
    struct sl_manifest manifest; /* without tensors and chunks */
    uint8_t digest[SL_WIRE_DIGEST_SIZE];
    struct sim_payload *payload;
    bool held;
};

struct sim_pending {
    uint32_t peer;
    uint64_t round;
    struct sim_payload *theirs, *mine;
};

struct sim_late {
    struct sim_payload *theirs, *mine;
    double weight;
};

/* ---- the disk ---- */

struct sim_stored { /* a payload: of a peer, or own, then with what it was made of */
    uint8_t digest[SL_WIRE_DIGEST_SIZE];
    uint32_t peer;
    uint64_t round;
    struct sl_manifest manifest;
    struct sim_payload *payload;
    struct sim_payload *trained; /* NULL: of a peer */
};
struct sim_snapshot { /* a mixed model */
    uint64_t round;
    struct sim_payload *payload;
};
struct audit_mark;
struct sim_record {
    uint64_t number, lineage;
    struct sl_buffer bytes;
    struct sl_round_need *needs;
    size_t need_count;
    struct audit_mark *mark;
};
struct sim_waiting { /* a durable action */
    uint64_t record;
    struct sl_round_action action;
};
struct sim_disk {
    struct sim_record *records; /* the last one that is flushed, if any, and those appended since */
    size_t record_count, record_capacity;
    uint64_t appended, flushed; /* numbers */
    struct sim_stored *stored;
    size_t stored_count, stored_capacity;
    struct sim_snapshot *snapshots;
    size_t snapshot_count, snapshot_capacity;
    struct sim_waiting *waiting;
    size_t waiting_count, waiting_capacity;
    bool broken; /* the next write fails */
};

struct sim_view { /* what one node knows of another */
    bool live, connected;
    uint64_t from_round;
    uint64_t held_round, turn; /* the own update of held_round waits until it is the turn of that round */
};

struct sim_node {
    char name[SL_NAME_SIZE];
    uint64_t tag, samples;
    double slowness;
    uint64_t life; /* counts starts: things of an earlier life do not reach a later one */
    uint64_t lineage;
    struct sl_round *round;           /* NULL: down */
    struct sl_membership *membership; /* NULL: the stand-in */
    uint64_t membership_wake;
    float *model;
    uint64_t done;
    struct sim_view *views;
    uint32_t *contacts;
    size_t contact_count;
    uint64_t wake; /* number of the timer that holds */
    bool begun;    /* it has trained once */
    bool stale;    /* the machine will be told its members soon */
    bool finished;
    bool lost; /* down, and its disk is lost: its lineage has ended */
    sl_time paused_until;
    double clock_rate; /* how fast its own clock runs, since it showed clock_base at clock_since */
    sl_time clock_base, clock_since;
    double uplink;
    uint32_t transfers; /* payloads on its link */
    enum sl_status outcome;
    struct sim_disk disk;

    struct sim_payload *own; /* of own_round */
    uint64_t own_round;
    struct sl_manifest manifest;
    uint8_t digest[SL_WIRE_DIGEST_SIZE];
    struct sim_incoming *incoming;
    size_t incoming_count, incoming_capacity;
    struct sim_pending *pending;
    size_t pending_count, pending_capacity;
    struct sim_late *late;
    size_t late_count, late_capacity;
};

enum sim_message_type {
    /* local: of one life */
    SIM_TIMER,
    SIM_TRAINED,
    SIM_PUBLISHED,
    SIM_MIXED,
    SIM_FLUSHED, /* record number `round` */
    SIM_TELL_MEMBERS,
    /* local, of the real membership */
    SIM_MEMBERSHIP_TIMER, /* of number `round` */
    SIM_DIALLED,          /* `about` */
    SIM_PEER_DOWN,        /* `about`; `round` 1: it left */
    /* of its stand-in */
    SIM_MEMBER_UP,   /* to one or EVERYBODY: `about`, in its life `round`, is live and connected */
    SIM_MEMBER_DOWN, /* … is not */
    SIM_MEMBER_FROM, /* `about` takes part from `round` on */
    /* through the network */
    SIM_ROSTER,
    SIM_MEMBERSHIP_FRAME, /* of type `about`: PROBE, NEIGHBOUR, ROSTER_DIGEST */
    SIM_PING,
    SIM_PONG,
    SIM_MANIFEST,
    SIM_PAYLOAD,
    SIM_READY,
    SIM_VERDICT,
    SIM_PASS,
    SIM_PROGRESS,
    SIM_MODEL_REQUEST,
    SIM_MODEL,
    SIM_MODEL_FAILED
};

#define EVERYBODY UINT32_MAX

struct sim_message {
    enum sim_message_type type;
    uint32_t from, to, about;
    uint64_t life; /* of `to` (local) */
    uint64_t round;
    struct sim_payload *payload; /* a reference */
    sl_time left, since;         /* PAYLOAD on a slow link: time that it takes alone, as of then */
    bool held;                   /* PAYLOAD that waits for its turn */
    struct sl_buffer bytes;      /* owned */
    union {
        struct {
            struct sl_manifest manifest;
            uint8_t digest[SL_WIRE_DIGEST_SIZE];
        } manifest;
        struct sl_ready ready;
        struct sl_verdict verdict;
        struct sl_pass pass;
        struct sl_progress progress;
        uint64_t wake;
    } body;
};

enum { SIM_EPOCH = 1 };

struct sim_audit;

struct sl_world {
    struct sl_world_options options;
    enum sl_status status;
    sl_time now;
    struct sl_sim_queue queue;
    struct sl_random random; /* of the network */
    struct sim_node *nodes;
    bool *cut;   /* nodes × nodes; NULL until the first cut */
    bool *links; /* nodes × nodes, of the real membership; NULL: the stand-in */
    struct sl_membership_actions membership_actions;
    struct sl_round_actions actions;
    struct sl_round_member *members; /* scratch of a MEMBERS event */
    struct sl_world_round *rounds;   /* [rounds + 1] */
    struct sl_graph_cache *graphs;
    struct sl_topology contact_graph;
    struct sim_audit *audit;
    uint32_t founders_begun;
    bool begun;        /* all founders are in round 1 */
    uint64_t messages; /* ever sent: makes digests differ */
    struct sl_world_counts counts;
};

/* world.c */
uint32_t sl_world_index(const char *name); /* of a node's name */
/* A new life: from the disk where it has a record, else a new lineage. */
SL_MUST_USE enum sl_status sl_sim_start_machine(struct sl_world *world, uint32_t node);
SL_MUST_USE enum sl_status sl_sim_create_machine(struct sl_world *world, uint32_t number,
                                                 const struct sl_round_options *saved);
sl_time sl_sim_clock(const struct sl_world *world, uint32_t node); /* the node's own */

/* network.c: copies the message; takes over the reference of its payload. */
void sl_sim_push(struct sl_world *world, sl_time after, const struct sim_message *message);
void sl_sim_later(struct sl_world *world, sl_time after, const struct sim_message *message);
void sl_sim_send(struct sl_world *world, const struct sim_message *message);
void sl_sim_deliver(struct sl_world *world, struct sim_message *message);

bool sl_sim_is_cut(const struct sl_world *world, uint32_t a, uint32_t b);

/* members.c */
void sl_sim_tell_members(struct sl_world *world, uint32_t node);
void sl_sim_deliver_membership(struct sl_world *world, const struct sim_message *message);
void sl_sim_tell_all(struct sl_world *world, enum sim_message_type type, uint32_t about, uint64_t round, sl_time after);
SL_MUST_USE enum sl_status sl_sim_choose_contacts(struct sl_world *world);

/* membership.c */
SL_MUST_USE enum sl_status sl_sim_start_membership(struct sl_world *world, uint32_t node);
void sl_sim_end_membership(struct sl_world *world, uint32_t node, bool leaving);
void sl_sim_feed_membership(struct sl_world *world, uint32_t node, const struct sl_membership_event *event);
void sl_sim_deliver_to_membership(struct sl_world *world, const struct sim_message *message);
bool sl_sim_hear(struct sl_world *world, const struct sim_message *message);
bool sl_sim_is_linked(const struct sl_world *world, uint32_t a, uint32_t b);
void sl_sim_want_connections(struct sl_world *world, uint32_t node); /* its rounds do: tells its membership */
size_t sl_sim_list_members(struct sl_world *world, uint32_t node);   /* into world->members; how many */

/* payloads.c */
struct sim_payload *sl_sim_payload_create(struct sl_world *world, const float *values); /* NULL: no memory, noted */
struct sim_payload *sl_sim_payload_ref(struct sim_payload *payload);
void sl_sim_payload_unref(struct sim_payload *payload);
struct sim_incoming *sl_sim_find_incoming(const struct sim_node *node, uint32_t peer, uint64_t round);
void sl_sim_take_manifest(struct sl_world *world, const struct sim_message *message);
void sl_sim_load_incoming(struct sl_world *world, struct sim_node *node, const struct sim_stored *stored);
void sl_sim_release(struct sim_node *node, uint32_t peer, uint64_t round);
void sl_sim_hold(struct sl_world *world, struct sim_node *node, uint32_t peer, const struct sl_round_action *action);
struct sim_pending *sl_sim_find_pending(const struct sim_node *node, uint32_t peer, uint64_t round);
void sl_sim_drop_pending(struct sim_node *node, uint32_t peer, uint64_t round);
void sl_sim_apply_late(struct sl_world *world, struct sim_node *node, uint32_t peer,
                       const struct sl_round_action *action);
void sl_sim_fold_late(struct sl_world *world, struct sim_node *node);
void sl_sim_forget_payloads(struct sim_node *node);

/* disk.c; all do nothing where the world has none */
/* Appends the state where it differs from the last record. The record that durable actions wait for; 0: none. */
uint64_t sl_sim_append(struct sl_world *world, uint32_t number);
bool sl_sim_must_wait(struct sl_world *world, uint32_t number, const struct sl_round_action *action, uint64_t record);
void sl_sim_flushed(struct sl_world *world, uint32_t number, uint64_t record);
void sl_sim_store_payload(struct sl_world *world, uint32_t number, const struct sim_incoming *incoming);
void sl_sim_store_own(struct sl_world *world, uint32_t number);
void sl_sim_store_model(struct sl_world *world, uint32_t number);
struct sim_payload *sl_sim_find_stored(const struct sim_node *node, const uint8_t digest[SL_WIRE_DIGEST_SIZE]);
/* A machine from the record and the memory that goes with it; false: there is none, or it is refused. */
SL_MUST_USE enum sl_status sl_sim_recover(struct sl_world *world, uint32_t number, bool *done);
void sl_sim_drop_unflushed(struct sl_world *world, uint32_t number);
void sl_sim_format_disk(struct sl_world *world, uint32_t number); /* nothing is on it */

/* audit.c, audit_lines.c; all but mark accept that there is none */
SL_MUST_USE enum sl_status sl_sim_audit_create(struct sl_world *world);
void sl_sim_audit_destroy(struct sl_world *world);
void sl_sim_audit_edge(struct sl_world *world, uint32_t node, const struct sl_round_action *action);
void sl_sim_audit_mixed(struct sl_world *world, uint32_t node, uint64_t round);
void sl_sim_audit_begin(struct sl_world *world, uint32_t node); /* its model is its start: an own or a donor's one */
void sl_sim_audit_enter(struct sl_world *world, uint32_t node); /* … where it has not begun */
void sl_sim_audit_train(struct sl_world *world, uint32_t node, double sign);   /* −1 before, +1 after the steps */
void sl_sim_audit_lost(struct sl_world *world, uint32_t node);                 /* with its ends of all edges */
void sl_audit_end_lines(struct sl_world *world, uint32_t number);              /* its lineage ends */
struct audit_mark *sl_sim_audit_mark(struct sl_world *world, uint32_t number); /* for free(); NULL: no memory, noted */
void sl_sim_audit_restore(struct sl_world *world, uint32_t number, const struct audit_mark *mark);
/* Nothing takes back any more what is before that place: SIZE_MAX, or a mark's. */
void sl_sim_audit_flushed(struct sl_world *world, uint32_t number, size_t position);
size_t sl_sim_audit_position(const struct audit_mark *mark);
void sl_sim_audit_present(const struct sl_world *world, double *out);
void sl_sim_audit_ledger(const struct sl_world *world, double *out);
void sl_sim_audit_check(struct sl_world *world, uint32_t node);
const char *sl_sim_audit_error(const struct sl_world *world);
void sl_sim_audit_mass(const struct sl_world *world, uint32_t node, double *out);

#endif
