/* A flock of memberships on a tiny network of its own: virtual time, seeded delays and losses. */
#ifndef TEST_MEMBERSHIP_CLUSTER_H
#define TEST_MEMBERSHIP_CLUSTER_H

#include "base/random.h"
#include "membership/membership.h"

enum { CLUSTER_MAX = 64 };

struct cluster_node {
    char name[SL_NAME_SIZE], address[SL_ADDRESS_SIZE];
    struct sl_membership *membership; /* NULL: not running */
    sl_time wake;
    bool peers[CLUSTER_MAX];  /* connected with */
    bool silent[CLUSTER_MAX]; /* frames to that one vanish, the connection stays */
    unsigned unreachable;     /* reports of join addresses */
};

struct cluster_event;

struct cluster {
    struct cluster_node nodes[CLUSTER_MAX];
    size_t count;
    sl_time now;
    struct sl_random random;
    double loss;                            /* of ROSTER, PING and PONG frames */
    size_t full_mesh;                       /* of all nodes; 0: the default */
    bool blocked[CLUSTER_MAX][CLUSTER_MAX]; /* [a][b]: a cannot dial b */
    struct cluster_event *events;           /* a heap by time, then sequence */
    size_t event_count, event_capacity;
    uint64_t sequence, dials, frames;
    uint64_t trace; /* digest of all that happened, in order */
};

void cluster_init(struct cluster *cluster, size_t count, uint64_t seed);
void cluster_finish(struct cluster *cluster);
/* Node `index` begins to run, joining `join` (count: nobody). */
void cluster_start(struct cluster *cluster, size_t index, size_t join, uint64_t incarnation);
void cluster_crash(struct cluster *cluster, size_t index); /* connections stay half open: nobody is told */
void cluster_kill(struct cluster *cluster, size_t index);  /* the kernel closes its connections */
void cluster_leave(struct cluster *cluster, size_t index);
void cluster_cut(struct cluster *cluster, size_t a, size_t b); /* their connection, both are told */
void cluster_step(struct cluster *cluster, size_t index, const struct sl_membership_event *event);
void cluster_run(struct cluster *cluster, sl_time duration);

/* What `of` is in the eyes of `in`; NULL: unknown. */
const struct sl_member *cluster_view(const struct cluster *cluster, size_t in, size_t of);
/* Whether every running node has every other one as connected and alive, and none else as alive. */
bool cluster_is_whole(const struct cluster *cluster);

#endif
