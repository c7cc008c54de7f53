/* The state of a membership and what its files do on it. Private to this layer.
 *
 *     membership.c                       life, death, which event goes where, when to wake
 *     transition.c                       the one place that changes a member's state
 *     claims.c                           ROSTER: what others say
 *     statements.c                       what is signed: sealing, RENEW, VOID, EXPEL
 *     self.c                             SCHEDULE, ROUND, LEAVE, refuting: what we say of ourselves
 *     peers.c                            PEER_UP, PEER_DOWN, HEARD
 *     detector.c                         who does not answer; it knows numbers alone
 *     probing.c                          between the detector and the rest; PROBE
 *     views.c                            NEIGHBOUR, WANT: with whom to be connected, where not with all
 *     digest.c                           DIGEST: two rosters are compared
 *     dialling.c                         DIAL_FAILED; whom to dial, when
 *     timer.c                            TIMER, and what is due when
 *     gossip.c                           what is told to whom at the end of a step
 *     allowance.c                        how much one member may say
 *     members.c actions.c                the lists */
#ifndef SL_MEMBERSHIP_STATE_H
#define SL_MEMBERSHIP_STATE_H

#include "base/random.h"
#include "membership/detector.h"
#include "membership/membership.h"

enum news {
    NEWS_NONE,
    NEWS_RELAY, /* to some */
    NEWS_OWN    /* to all: we are the source */
};

/* What only we know about members[i]. */
struct detail {
    uint32_t number;   /* by which the detector knows it; never changes */
    uint64_t tag;      /* of its name: digest.c */
    uint64_t version;  /* of its own word; 0: none yet */
    sl_time heard;     /* last news of it; while it is connected the detector knows better */
    sl_time up_since;  /* of its connection */
    sl_time told;      /* when it was last told what we hold of it */
    sl_time dial_at;   /* next dial; SL_NEVER: none */
    uint32_t attempts; /* since it was last connected */
    bool was_connected;
    bool watched; /* the detector probes it */
    bool doubted; /* without a connection, and there was one, or none could be made: it is probed through others */
    bool active;  /* in the active view; views.c */
    bool wanted;  /* by the rounds */
    sl_time asked_until, refused_until; /* of the active view */
    sl_time visit_until;                /* it is dialled for somebody who asked whether it answers */
    sl_time used;                       /* when its connection was last of use */
    sl_time tell_at;                    /* when it is told more of the roster; SL_NEVER: it has been told all */
    uint32_t tell_next;                 /* number of the member that comes next */
    bool tell_words;                    /* own words; then accusations */
    uint32_t tell_done;                 /* statements of that */
    double answered; /* what its questions have cost, as of answered_at; of ourselves: what we dialled for others */
    sl_time answered_at;
    bool accused_by_us;
    bool expelled;
    double spent; /* of its allowance of words, as of spent_at */
    sl_time spent_at;
    enum news news;
    struct sl_statement *own;        /* its word of itself; NULL: none, or ours and not sealed */
    struct sl_statement *accusation; /* that its state is of; NULL: none, or ours and not sealed */
};

/* Who else accuses one that is suspect already. */
struct extra {
    uint32_t about;                 /* number */
    struct sl_statement *statement; /* a reference */
};

struct join {
    char address[SL_ADDRESS_SIZE];
    sl_time dial_at;
    uint32_t attempts;
    bool remembered;         /* of an earlier run, nobody's word */
    bool settled;            /* a member is there: its addresses are what is dialled */
    char node[SL_NAME_SIZE]; /* that one, as far as our own dials told; "": nobody yet */
};

struct sl_membership {
    char self[SL_NAME_SIZE], flock[SL_NAME_SIZE], run[SL_NAME_SIZE];
    uint64_t epoch;
    enum sl_status (*seal)(void *context, struct sl_statement **out, const struct sl_member_statement *said);
    void *seal_context;
    uint64_t lineage;
    sl_time suspect_after, ping_interval, retry_min, retry_max;
    struct sl_random random;
    struct sl_detector detector;
    uint32_t pings;

    struct sl_member *members; /* sorted by name */
    struct detail *details;    /* of the same index */
    size_t count, member_capacity, detail_capacity;
    size_t connected; /* members with a connection, self not counted */
    size_t live;      /* members neither dropped nor left, self counted */
    size_t full_mesh;
    bool was_partial;
    sl_time views_at; /* the active view is looked after */
    uint32_t *places; /* of a number: the index */
    size_t place_capacity;
    uint64_t parts[SL_ROSTER_PARTS]; /* terms of the members in each, see digest.c */
    bool has_parts;                  /* they are as the members are */

    struct join *joins;
    size_t join_count;
    bool told_unreachable;

    uint64_t round; /* that this node is in */
    bool left;
    sl_time woken; /* the last WAKE */

    /* of the step that runs now */
    sl_time now;
    struct sl_membership_actions *actions;
    const char *teller; /* NULL: nobody */
    bool changed;
    bool news;          /* some member has some: */
    size_t *news_about; /* those, while they are told */
    size_t news_count, news_capacity;
    struct extra *extras; /* told to some beside the members' news */
    size_t extra_count, extra_capacity;
};

/* members.c */
enum { SL_MEMBERS_SELF = 0 }; /* our number: the first one */
bool sl_members_find(const struct sl_membership *membership, size_t *index, const char *node);
/* A new member with this name and nothing else, not to be dialled yet. SL_LIMIT when there are too many. */
enum sl_status sl_members_add(struct sl_membership *membership, size_t *index, const char *node);
/* Takes those that parse, canonical, each once, at most SL_ADDRESSES_MAX. */
enum sl_status sl_members_set_addresses(struct sl_member_entry *entry, char *const *addresses, size_t count);
void sl_members_finish_entry(struct sl_member_entry *entry);
bool sl_members_is_self(const struct sl_membership *membership, size_t index);
size_t sl_members_self(const struct sl_membership *membership);

/* allowance.c: whether members[index] may say something now; if so, its cost is spent. A word costs 1, a refutation of
 * our own 2: so what we may say is always less than what others take of us. */
bool sl_members_may_speak(struct sl_membership *membership, size_t index, double cost);
/* Whether members[index] may ask something of us now, to compare rosters, to probe, to be a neighbour: 64 at once, 16 a
 * ping_interval. */
bool sl_members_may_ask(struct sl_membership *membership, size_t index, double cost);

/* actions.c: `*out` is a zeroed action of that type at the end of the list. */
enum sl_status sl_actions_add(struct sl_membership *membership, struct sl_membership_action **out,
                              enum sl_membership_action_type type, const char *node);
void sl_actions_drop_last(struct sl_membership *membership); /* with what it owns */
enum sl_status sl_actions_report(struct sl_membership *membership, const char *node, const char *text);

/* transition.c: the claim (all but its addresses) replaces what is held of members[index]; ALIVE and LEFT are its own
 * word, SUSPECT and DROPPED an accusation. It must be newer, see sl_claim_is_newer. `statement` says so, NULL: we say
 * so, or (LEFT of another) a goodbye does, which nobody signed. */
bool sl_claim_is_newer(const struct sl_member_entry *claim, const struct sl_member_entry *held);
enum sl_status sl_member_change(struct sl_membership *membership, size_t index, const struct sl_member_entry *claim,
                                struct sl_statement *statement, enum news news);

/* statements.c: the word that it says of itself is this one now; NULL: none, or ours and not sealed. */
void sl_statements_keep_own(struct sl_membership *membership, size_t index, struct sl_statement *statement);
/* What may be told of members[index], sealed if it is ours; NULL: nothing. Borrowed. */
struct sl_statement *sl_statements_own(struct sl_membership *membership, size_t index);
struct sl_statement *sl_statements_accusation(struct sl_membership *membership, size_t index);
/* Our own accusation as the member's entry has it; a reference for the caller, NULL where it cannot be signed now. */
struct sl_statement *sl_statements_seal_accusation(struct sl_membership *membership, size_t index);
void sl_statements_keep(struct sl_statement **held, struct sl_statement *statement); /* takes a reference; NULL: none */

/* One file an event. */
enum sl_status sl_membership_on_roster(struct sl_membership *membership, const struct sl_membership_event *event);
enum sl_status sl_membership_on_schedule(struct sl_membership *membership, const struct sl_membership_event *event);
enum sl_status sl_membership_on_leave(struct sl_membership *membership, const struct sl_membership_event *event);
enum sl_status sl_membership_on_peer_up(struct sl_membership *membership, const struct sl_membership_event *event);
enum sl_status sl_membership_on_peer_down(struct sl_membership *membership, const struct sl_membership_event *event);
enum sl_status sl_membership_on_heard(struct sl_membership *membership, const struct sl_membership_event *event);
enum sl_status sl_membership_on_dial_failed(struct sl_membership *membership, const struct sl_membership_event *event);
enum sl_status sl_membership_on_timer(struct sl_membership *membership);
enum sl_status sl_membership_on_probe(struct sl_membership *membership, const struct sl_membership_event *event);
enum sl_status sl_membership_on_neighbour(struct sl_membership *membership, const struct sl_membership_event *event);
enum sl_status sl_membership_on_want(struct sl_membership *membership, const struct sl_membership_event *event);
enum sl_status sl_membership_on_digest(struct sl_membership *membership, const struct sl_membership_event *event);
enum sl_status sl_membership_on_renew(struct sl_membership *membership);
enum sl_status sl_membership_on_void(struct sl_membership *membership, const struct sl_membership_event *event);
enum sl_status sl_membership_on_expel(struct sl_membership *membership, const struct sl_membership_event *event);

/* self.c: somebody says this of us; and what we say without a change but in its incarnation. */
enum sl_status sl_membership_say_again(struct sl_membership *membership);
enum sl_status sl_membership_refute(struct sl_membership *membership, const struct sl_member_entry *claim);

/* dialling.c */
void sl_dialling_plan(struct sl_membership *membership,
                      size_t index); /* it is not connected any more, or newly known */
void sl_dialling_plan_joins(struct sl_membership *membership);
/* A dial of that address found this member; members[index] is not to be found at its own addresses. Of addresses that
 * are no join address, and of those who were found at none, nothing is noted. */
void sl_dialling_note_found(struct sl_membership *membership, const char *address, const char *node);
void sl_dialling_note_lost(struct sl_membership *membership, size_t index);
enum sl_status sl_dialling_step(struct sl_membership *membership);
sl_time sl_dialling_next(const struct sl_membership *membership, size_t index);
sl_time sl_dialling_next_join(const struct sl_membership *membership);

/* timer.c: when something is due for this member; SL_NEVER: nothing. */
sl_time sl_timer_next(const struct sl_membership *membership, size_t index);

/* views.c */
bool sl_views_is_partial(const struct sl_membership *membership);          /* the flock is too big for a full mesh */
bool sl_views_has(const struct sl_membership *membership, size_t index);   /* connected, to be probed and told news */
bool sl_views_wants(const struct sl_membership *membership, size_t index); /* a connection */
enum sl_status sl_views_step(struct sl_membership *membership);
sl_time sl_views_next(const struct sl_membership *membership);
enum sl_status sl_views_up(struct sl_membership *membership, size_t index); /* its connection is up */

/* probing.c */
enum sl_status sl_probing_close(struct sl_membership *membership, size_t index, const char *reason);
/* Its connection is gone, or none can be made: is it there? */
enum sl_status sl_probing_doubt(struct sl_membership *membership, size_t index);
/* Whether, and how, members[index] is probed follows from its state and connection: this holds them together. */
enum sl_status sl_probing_review(struct sl_membership *membership, size_t index);
/* When one that was never connected is to be probed through others; SL_NEVER. */
sl_time sl_probing_next(const struct sl_membership *membership, size_t index);
enum sl_status sl_probing_step(struct sl_membership *membership);  /* what is due */
enum sl_status sl_probing_drain(struct sl_membership *membership); /* what the detector asked for in this step */
enum sl_status sl_probing_drop(struct sl_membership *membership, size_t index); /* now, by our own word */
/* Others have dropped it: its connection is closed, now if this node finds it silent itself, or when it does. */
enum sl_status sl_probing_end(struct sl_membership *membership, size_t index, bool doubted);
/* That accuser says so, too, of one that is suspect: told on if it counts. */
enum sl_status sl_probing_join(struct sl_membership *membership, size_t index, size_t accuser,
                               struct sl_statement *statement);

/* digest.c */
enum sl_status sl_digest_send(struct sl_membership *membership, size_t index); /* of the whole roster */
uint64_t sl_digest_number(const void *data, size_t length);                    /* the first 8 bytes of SHA-256 */

/* gossip.c */
/* The whole roster to members[index], not all at once if it is long: its receiver has to verify all that. */
enum sl_status sl_gossip_tell_all(struct sl_membership *membership, size_t index);
enum sl_status sl_gossip_tell_more(struct sl_membership *membership, size_t index); /* what is due of that */
/* What is held of these members, at most SL_GOSSIP_AT_ONCE of them: the others when rosters are compared again. */
enum { SL_GOSSIP_AT_ONCE = 256 };
enum sl_status sl_gossip_tell_those(struct sl_membership *membership, size_t index, const size_t *about, size_t count);
/* Takes a reference. */
enum sl_status sl_gossip_add_extra(struct sl_membership *membership, size_t about, struct sl_statement *statement);
enum sl_status sl_gossip_tell_one(struct sl_membership *membership, const char *node, size_t index);
/* What changed in this step, to those who are to know. */
enum sl_status sl_gossip_flush(struct sl_membership *membership);

/* Saturates. */
static inline sl_time sl_time_after(sl_time now, sl_time duration) {
    return duration > SL_NEVER - now ? SL_NEVER : now + duration;
}

#endif
