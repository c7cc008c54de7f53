/* What the two files of the flock that watches itself share: membership_links.c has the network and who is connected,
 * membership_flock.c what nodes do. */
#ifndef SL_SIM_MEMBERSHIP_INTERNAL_H
#define SL_SIM_MEMBERSHIP_INTERNAL_H

#include "base/random.h"
#include "membership/detector.h"
#include "sim/membership_flock.h"
#include "sim/queue.h"

enum {
    MESH_MAX = 128,
    ACTIVE_OUT = 6, /* connections that each chooses: with those that chose it some 12 */
    ACTIVE_MIN = 6,
    ACTIVE_MAX = 12,
    RELAYS = 8,
    DIGEST_EVERY = 4,
    PARTS = 256
};
enum kind { TIMER, PING, PONG, ASK, ANSWER, FACTS, DIGEST, PART_DIGESTS };

/* What is said of a member: incarnation · 4 + state, so that of two the greater holds (membership.h). */
enum { ALIVE, SUSPECT, DROPPED };
struct fact {
    uint32_t about, said, accuser;
};

struct message {
    sl_time at; /* of a timer */
    uint32_t from, to, about;
    uint32_t life; /* of `to` at a timer, of `from` otherwise */
    uint8_t kind;
    bool yes;
    bool dialled; /* PING, PONG: over a connection that is made for them */
    uint32_t fact_count;
    uint64_t digest;
    struct message *next; /* in the list of unused ones */
    struct fact *facts;   /* owned; NULL: `one` is all */
    struct fact one;
};

struct flock_node {
    bool up;
    uint32_t life;
    struct sl_detector detector;
    uint32_t *view; /* [nodes] 0: unknown */
    uint64_t digest;
    uint32_t known; /* members that are not dropped */
    uint32_t links[2 * ACTIVE_MAX];
    uint32_t link_count;
    sl_time armed;
    uint32_t pings;
};

struct sl_sim_flock {
    struct sl_sim_flock_options options;
    struct sl_sim_queue queue;
    struct sl_random random;
    struct flock_node *nodes;
    uint32_t *views;
    sl_time now;
    enum sl_status status;
    struct message *unused;
    struct sl_sim_flock_counts counts;
    uint32_t watched, wrong; /* how many living nodes don't have `watched` as it is */
};

/* Takes over what the message owns. */
void sl_flock_push(struct sl_sim_flock *flock, sl_time at, const struct message *what);
void sl_flock_send(struct sl_sim_flock *flock, uint32_t from, uint32_t to, const struct message *content);
void sl_flock_send_fact(struct sl_sim_flock *flock, uint32_t from, uint32_t to, const struct fact *fact);
void sl_flock_give_back(struct sl_sim_flock *flock, struct message *message);

bool sl_flock_is_mesh(const struct sl_sim_flock *flock);
bool sl_flock_is_linked(const struct sl_sim_flock *flock, uint32_t node, uint32_t peer);
uint32_t sl_flock_link_count(const struct sl_sim_flock *flock, uint32_t node);
/* The i-th connection, or the node itself for one that is none. */
uint32_t sl_flock_link_at(const struct sl_sim_flock *flock, uint32_t node, uint32_t i);
void sl_flock_connect(struct sl_sim_flock *flock, uint32_t a, uint32_t b);
void sl_flock_disconnect(struct sl_sim_flock *flock, uint32_t node, uint32_t peer);
/* Another active neighbour for who has fewer, of those that have room. */
void sl_flock_refill(struct sl_sim_flock *flock, uint32_t node, uint32_t least);

#endif
