/* Who is in the flock: join, learn the others, suspect, drop, leave. Pure: events and the time go in, actions come out.
 *
 * A connection with every member, in a flock of more than `full_mesh` with the 10 to 12 of the active view (views.c)
 * and those that rounds want; one of them, or of the view, is probed each ping_interval: detector.h has how a silent
 * one becomes suspect and is dropped. One that was never connected is probed through others from twice suspect_after
 * on, counted from the last news of it.
 *
 * Statements. Whatever is said travels as a statement that its origin signed (wire/messages.h). Of itself a member says
 * that it is alive or left, and all else there is to know of it; of another, at that one's incarnation, that it is
 * suspect or dropped: an accusation. This machine signs and verifies nothing: `seal` signs what this node says, and
 * whoever gives a ROSTER has verified its statements. They are kept as opaque bytes, and relayed as those.
 *
 * Of what members say of themselves the higher incarnation holds, at equal ones LEFT over ALIVE. An accusation counts
 * at the incarnation that we hold of the accused, from a member that is itself neither dropped nor left; of two the
 * graver one holds (suspect < dropped), at equal ones the earlier until_round. Of two own words of one incarnation that
 * of the lesser bytes holds. So only a member itself raises its
 * incarnation, and whom we have not heard a word of its own from is nobody. A member that hears itself accused, or
 * finds a word of an earlier life above its own, refutes with an incarnation above that. Everything that a member says
 * of itself raises its incarnation. What says impossible things, or is of another flock, run or epoch, is ignored.
 *
 * Gossip. To a peer that comes up: the whole roster, a long one as fast as the peer verifies it (in a flock of more
 * than 128, to one that was known and alive already, only our own word and the digest). What we say of ourselves: to
 * all connected peers at once. What else changed, and who else accuses a suspect: to 8 of the connected peers but the
 * one who told. With every fourth ping the digest of the roster, so that what was lost is made good: digest.c. A
 * suspect that shows signs of life is told what is said of it.
 *
 * Dialling. A join address is dialled until a dial of it found a member (that one says so proves nothing), so that
 * nodes that found each other before the one that all were told of is up still find that one; without a connection, all
 * of them are. Of two members the lower name dials the higher at once; the higher one does where no connection stands 2
 * × retry_min later (for those whom only one side can reach). A member is dialled at all its addresses at once; the
 * transport finds the one that answers. Retries back off from retry_min to retry_max, doubled each time, drawn evenly
 * between retry_min and the bound. A dropped member is dialled every retry_max … 2 × retry_max, so that a split heals,
 * and four times as often where half of the others are dropped; one that left, never.
 *
 * Rounds. A drop that this node finds and its own leaving take effect two rounds after the one that it is in
 * (until_round), told with the claim. A member that refutes a drop that took effect already, or is about to, is in
 * again from two rounds after its own (from_round), unless half of the flock was connected with it all the time. A drop
 * from a round in our past does not count against one that is connected and that this node itself hears.
 *
 * A TIMER event begins it all: dialling, and the WAKE actions from then on. */
#ifndef SL_MEMBERSHIP_MEMBERSHIP_H
#define SL_MEMBERSHIP_MEMBERSHIP_H

#include "base/address.h"
#include "base/clock.h"
#include "wire/messages.h"

struct sl_membership;

enum {
    SL_MEMBERS_MAX = 20000, /* further ones are ignored */
    SL_MEMBERSHIP_RELAYS = 8,
    SL_MEMBERSHIP_FULL_MESH = 128
};
#define SL_INCARNATION_MAX (UINT64_C(1) << 62) /* of the options */
/* What is above these is impossible. */
#define SL_MEMBER_SAMPLES_MAX (UINT64_C(1) << 40) /* so that the samples of all members add up in 64 bits */
#define SL_MEMBER_ROUND_MAX (UINT64_C(1) << 48)

struct sl_membership_options {
    const char *self;
    const char *flock, *run;
    uint64_t epoch;
    /* Signs what this node says, once a change, when it is first told: one reference, the caller's. Where it fails the
     * statement is not told, and tried again the next time. */
    enum sl_status (*seal)(void *context, struct sl_statement **out, const struct sl_member_statement *said);
    void *seal_context;
    uint64_t incarnation; /* 1 … SL_INCARNATION_MAX, above any earlier one of this name: wall clock in ms will do */
    uint64_t samples;     /* 1 … SL_MEMBER_SAMPLES_MAX */
    uint64_t lineage;     /* of this node's manifests: its own word says it */
    const char *const *addresses; /* own, advertised; one that is also to be joined is not dialled */
    size_t address_count;
    const char *const *join; /* addresses of unknown members, dialled until one connection of any member stands */
    size_t join_count;
    const char *const *remembered; /* addresses of members of an earlier run: dialled while nobody is connected */
    size_t remembered_count;
    /* All > 0, retry_min ≤ retry_max. Of the detector: suspect_after, drop_after, and ping_interval as its period. */
    sl_time suspect_after, drop_after, ping_interval, retry_min, retry_max;
    size_t full_mesh; /* up to so many live members everybody is connected with everybody; 0: SL_MEMBERSHIP_FULL_MESH */
    uint64_t seed;    /* of retries, orders and choices */
};

enum sl_membership_event_type {
    SL_MEMBERSHIP_PEER_UP,     /* node; addresses from its HELLO; address: of the DIAL that led to it, NULL: none did */
    SL_MEMBERSHIP_PEER_DOWN,   /* node; leaving: it said so */
    SL_MEMBERSHIP_HEARD,       /* node: any frame from it, a sign of life */
    SL_MEMBERSHIP_ROSTER,      /* node told `claims` */
    SL_MEMBERSHIP_DIAL_FAILED, /* address, the first of the DIAL; is_self: it reached ourselves, and is not dialled
                                  again; is_connected: it reached a peer that is connected already, `node` if known */
    SL_MEMBERSHIP_SCHEDULE,    /* from_round: this node takes part from that round on (0: not known yet) */
    SL_MEMBERSHIP_ROUND,       /* from_round: the round this node is in; drops take effect two rounds later */
    SL_MEMBERSHIP_LEAVE,       /* this node leaves: it tells so, and neither dials nor refutes from then on */
    SL_MEMBERSHIP_RENEW,       /* what this node says is to be signed anew: its certificate is another */
    SL_MEMBERSHIP_VOID,        /* the statement of `node` of itself, or (accusation) the one against it, does not verify
                                  any more: it is not relayed. An accusation becomes our own. */
    SL_MEMBERSHIP_EXPEL,       /* node is dropped at once and never dialled again; give no statement of its own then */
    SL_MEMBERSHIP_PROBE,       /* node sent `probe` */
    SL_MEMBERSHIP_DIGEST,      /* node sent `digest` */
    SL_MEMBERSHIP_NEIGHBOUR,   /* node sent `neighbour` */
    SL_MEMBERSHIP_WANT,        /* names: with these a connection is wanted, for the rounds, until the next WANT */
    SL_MEMBERSHIP_TIMER
};
/* A statement that was verified, and what it says. */
struct sl_member_claim {
    struct sl_member_statement said;
    struct sl_statement *statement; /* borrowed; the machine takes a reference where it keeps it */
};
struct sl_membership_event {
    enum sl_membership_event_type type;
    const char *node;
    const char *address;
    const char *const *addresses;
    size_t address_count;
    const struct sl_member_claim *claims;
    size_t claim_count;
    const struct sl_probe *probe;
    const struct sl_roster_digest *digest;
    const struct sl_neighbour *neighbour;
    const char *const *names;
    size_t name_count;
    uint64_t from_round;
    uint64_t until_round; /* LEAVE: the first round that it is not in any more; own round + 2 at the least */
    bool leaving;
    bool is_self, is_connected;
    bool accusation;
};

enum sl_membership_action_type {
    SL_MEMBERSHIP_DIAL,           /* addresses, all that the member has; node is "" for a join address */
    SL_MEMBERSHIP_SEND_ROSTER,    /* node, roster (owned by the action) */
    SL_MEMBERSHIP_SEND_PING,      /* node: its next frame, whichever, is to be told as HEARD */
    SL_MEMBERSHIP_SEND_PROBE,     /* node, probe */
    SL_MEMBERSHIP_SEND_DIGEST,    /* node, digest (owned by the action) */
    SL_MEMBERSHIP_SEND_NEIGHBOUR, /* node, neighbour */
    SL_MEMBERSHIP_CLOSE,          /* node; text, static: why */
    SL_MEMBERSHIP_CHANGED,        /* the roster is another than before */
    SL_MEMBERSHIP_REPORT, /* text, static, for the log about `node`: "joined", "suspect", "alive", "dropped", "left",
                             "returned", "refuted"; or, of `address` and without a node, "unreachable": of the join
                             addresses, once until a connection stood again */
    SL_MEMBERSHIP_WAKE    /* at: give a TIMER event then (replaces the former; SL_NEVER disarms) */
};
struct sl_membership_action {
    enum sl_membership_action_type type;
    char node[SL_NAME_SIZE];
    char address[SL_ADDRESS_SIZE];
    char **addresses; /* owned by the action; canonical, ≥ 1 */
    size_t address_count;
    const char *text;
    struct sl_roster roster;
    struct sl_probe probe;
    struct sl_roster_digest digest;
    struct sl_neighbour neighbour;
    sl_time at;
};
struct sl_membership_actions {
    struct sl_membership_action *items;
    size_t count, capacity;
};
void sl_membership_actions_clear(struct sl_membership_actions *actions); /* frees what the actions own */
void sl_membership_actions_finish(struct sl_membership_actions *actions);

/* Copies the options. SL_USAGE where they are none; SL_FORMAT for an address. */
SL_MUST_USE enum sl_status sl_membership_create(struct sl_membership **out, const struct sl_membership_options *options,
                                                struct sl_error *error);
void sl_membership_destroy(struct sl_membership *membership);
/* Appends what is to be done, in order. Statements that are impossible are ignored, never fatal: fails with
 * SL_NO_MEMORY only, what was not told then is told by a later round of gossip. */
SL_MUST_USE enum sl_status sl_membership_step(struct sl_membership *membership, const struct sl_membership_event *event,
                                              sl_time now, struct sl_membership_actions *actions);

/* What is known of a member: its own word, and the state that an accusation may have put it in. */
struct sl_member_entry {
    char node[SL_NAME_SIZE];
    uint64_t incarnation;
    enum sl_member_state state;
    uint64_t samples;     /* weight of its updates, ≥ 1; 0: no word of its own is known */
    uint64_t from_round;  /* first round that it takes part in; 0: not yet known */
    uint64_t until_round; /* first round that it takes no part in; 0: none known */
    char **addresses;
    size_t address_count;
};
/* The roster, self included, sorted by name (memcmp); borrowed until the next step. A member that is connected and has
 * said nothing of itself yet has incarnation 0. */
struct sl_member {
    struct sl_member_entry entry; /* addresses in their canonical form */
    bool connected;               /* self: true */
    bool quiet; /* not in the active view of a flock that is no full mesh: connected, if so, for a round alone */
};
const struct sl_member *sl_membership_members(const struct sl_membership *membership, size_t *count);
size_t sl_membership_count(const struct sl_membership *membership); /* of the roster */
/* How many statements whoever feeds this machine verifies for each peer, knowing so many members: that many at once,
 * and a second. A longer roster is told at three quarters of that rate, by what its hearer must know by then. */
double sl_membership_checks_burst(size_t members);
double sl_membership_checks_rate(size_t members);
/* What we hold of that member, by itself or against it; NULL: nothing that was signed. Borrowed until the next step. */
struct sl_statement *sl_membership_statement(const struct sl_membership *membership, const char *node, bool accusation);

#endif
