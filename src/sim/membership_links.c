/* The network of a flock that watches itself, and who is connected with whom. */
#include <stdlib.h>

#include "sim/membership_internal.h"

/* Bytes of frames: header, and names of 12 bytes; a statement as ECDSA certificates make it. */
enum {
    PING_BYTES = 11,
    DIGEST_BYTES = 17,
    PARTS_BYTES = 8 + 11 + 8 * PARTS,
    ASK_BYTES = 26,
    STATEMENT_BYTES = 1024,
    DIAL_BYTES = 4096
};

/* ---- memory ---- */

static struct message *take(struct sl_sim_flock *flock) {
    struct message *message = flock->unused;
    if (message != NULL)
        flock->unused = message->next;
    else
        message = malloc(sizeof *message);
    if (message == NULL)
        flock->status = SL_NO_MEMORY;
    return message;
}

void sl_flock_give_back(struct sl_sim_flock *flock, struct message *message) {
    free(message->facts);
    message->next = flock->unused;
    flock->unused = message;
}

void sl_flock_push(struct sl_sim_flock *flock, sl_time at, const struct message *what) {
    struct message *message = take(flock);
    if (message == NULL) {
        free(what->facts);
        return;
    }
    *message = *what;
    enum sl_status status = sl_sim_queue_push(&flock->queue, at, message);
    if (status == SL_OK)
        return;
    flock->status = status;
    sl_flock_give_back(flock, message);
}

/* ---- the network ---- */

bool sl_flock_is_mesh(const struct sl_sim_flock *flock) {
    return flock->options.nodes <= MESH_MAX;
}

static size_t bytes_of(const struct message *message) {
    switch ((enum kind)message->kind) {
    case PING:
    case PONG:
        return message->dialled ? DIAL_BYTES : PING_BYTES;
    case ASK:
    case ANSWER:
        return ASK_BYTES;
    case FACTS:
        return 8 + (size_t)STATEMENT_BYTES * message->fact_count;
    case DIGEST:
        return DIGEST_BYTES;
    case PART_DIGESTS:
        return PARTS_BYTES;
    case TIMER:
        break;
    }
    return 0;
}

void sl_flock_send(struct sl_sim_flock *flock, uint32_t from, uint32_t to, const struct message *content) {
    const struct sl_sim_flock_options *options = &flock->options;
    struct message message = *content;
    message.from = from;
    message.to = to;
    message.life = flock->nodes[from].life;
    flock->counts.messages++;
    flock->counts.bytes += bytes_of(&message);
    if (options->loss > 0 && sl_random_unit(&flock->random) < options->loss) {
        free(message.facts);
        return;
    }
    sl_time jitter = options->jitter > 0 ? (sl_time)sl_random_below(&flock->random, (uint64_t)options->jitter) : 0;
    sl_flock_push(flock, flock->now + options->delay + jitter, &message);
}

void sl_flock_send_fact(struct sl_sim_flock *flock, uint32_t from, uint32_t to, const struct fact *fact) {
    sl_flock_send(flock, from, to, &(struct message){.kind = FACTS, .fact_count = 1, .one = *fact});
}

/* ---- who is connected ---- */

uint32_t sl_flock_link_count(const struct sl_sim_flock *flock, uint32_t node) {
    return sl_flock_is_mesh(flock) ? flock->options.nodes : flock->nodes[node].link_count;
}

bool sl_flock_is_linked(const struct sl_sim_flock *flock, uint32_t node, uint32_t peer) {
    if (sl_flock_is_mesh(flock))
        return node != peer && flock->nodes[node].view[peer] != 0 && flock->nodes[node].view[peer] % 4 != DROPPED;
    for (uint32_t i = 0; i < flock->nodes[node].link_count; i++) {
        if (flock->nodes[node].links[i] == peer)
            return true;
    }
    return false;
}

uint32_t sl_flock_link_at(const struct sl_sim_flock *flock, uint32_t node, uint32_t i) {
    if (!sl_flock_is_mesh(flock))
        return flock->nodes[node].links[i];
    return sl_flock_is_linked(flock, node, i) ? i : node;
}

static void watch(struct sl_sim_flock *flock, uint32_t node, uint32_t peer) {
    enum sl_status status = sl_detector_watch(&flock->nodes[node].detector, peer, true, flock->now);
    if (status != SL_OK)
        flock->status = status;
}

void sl_flock_connect(struct sl_sim_flock *flock, uint32_t a, uint32_t b) {
    if (!sl_flock_is_mesh(flock)) {
        flock->nodes[a].links[flock->nodes[a].link_count++] = b;
        flock->nodes[b].links[flock->nodes[b].link_count++] = a;
    }
    watch(flock, a, b);
    watch(flock, b, a);
}

void sl_flock_disconnect(struct sl_sim_flock *flock, uint32_t node, uint32_t peer) {
    struct flock_node *self = &flock->nodes[node];
    for (uint32_t i = 0; i < self->link_count; i++) {
        if (self->links[i] == peer)
            self->links[i--] = self->links[--self->link_count];
    }
    sl_detector_unwatch(&self->detector, peer);
}

void sl_flock_refill(struct sl_sim_flock *flock, uint32_t node, uint32_t least) {
    for (int tries = 0; tries < 1000 && !sl_flock_is_mesh(flock) && flock->nodes[node].link_count < least; tries++) {
        uint32_t peer = (uint32_t)sl_random_below(&flock->random, flock->options.nodes);
        if (peer != node && flock->nodes[peer].up && flock->nodes[peer].link_count < ACTIVE_MAX &&
            !sl_flock_is_linked(flock, node, peer))
            sl_flock_connect(flock, node, peer);
    }
}
