/* A model from others, for a node that joins or comes back.
 *
 * The round asks one donor, in a full mesh up to three of one round (round/on_model.c). Their manifests come first:
 * where all say the same bytes, one of them gives these, the others are not troubled. Where they differ all give
 * theirs, and the coordinate-wise median is taken (aggregate/median.h): of three that come in time one liar has no say.
 * What takes too long is not waited for:
 *
 *     all that were asked have announced, or deadline_min / 4 after the first one   → choose, of the middle round
 *     all that were chosen are whole, or deadline_min after the first one           → take over
 *     one was cut: as long as it took so far, deadline_min / 4 … deadline_max; when it is back it goes on where it was
 *
 * Loop's thread. */
#ifndef SL_NODE_JOINING_H
#define SL_NODE_JOINING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include <starling/name.h>

struct event;
struct sl_node;
struct node_peer;
struct node_incoming;

enum { NODE_DONORS_MAX = 3 };

enum node_donor_state {
    NODE_DONOR_ASKED,   /* it has not given anything; perhaps it has announced its snapshot */
    NODE_DONOR_CHOSEN,  /* it gives, or has given */
    NODE_DONOR_SPARE,   /* another one gives the same; asked again if that one goes away */
    NODE_DONOR_CUT,     /* its connection ended while it gave */
    NODE_DONOR_WAITING, /* it is asked if one that was cut stays away */
};

struct node_donor {
    char name[SL_NAME_SIZE];
    enum node_donor_state state;
};

/* All zero: nobody was asked. */
struct node_joining {
    struct node_donor donors[NODE_DONORS_MAX];
    size_t count;
    bool chosen, taking; /* from whom; the model is on its way to the journal */
    sl_time asked_at;    /* the first of them */
    uint64_t chunks;     /* of those chosen, when we last looked: */
    sl_time looked_at;   /* 0: not yet */
    struct event *timer;
};

/* joining.c */
bool node_is_joining(const struct sl_node *node, const char *donor); /* waits for that peer's model */
void node_request_model(struct sl_node *node, struct node_peer *peer);
/* Its snapshot stands in its list: new, or one that goes on. */
void node_snapshot_announced(struct sl_node *node, struct node_peer *peer);
void node_take_model(struct sl_node *node, const struct node_incoming *incoming); /* which is whole */
/* It cannot give its model, or it is gone. */
void node_model_failed(struct sl_node *node, const char *peer);
void node_donor_is_back(struct sl_node *node, struct node_peer *peer); /* it is connected again */
void node_end_joining(struct sl_node *node);                           /* forgets all donors and what they gave */
void node_joining_is_due(struct sl_node *node);                        /* the timer */

/* taking.c */
/* Takes over the model that these are: their median. `count` ≥ 1, all whole and of one round. */
void node_take_over(struct sl_node *node, struct node_incoming *const *snapshots, size_t count);

#endif
