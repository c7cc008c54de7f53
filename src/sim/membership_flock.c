#include "sim/membership_flock.h"

#include <stdlib.h>
#include <string.h>

#include "sim/membership_internal.h"

/* ---- what is known ---- */

static uint64_t share_of_digest(uint32_t about, uint32_t said) {
    return sl_philox_u64(7, about, said % 4 == SUSPECT ? said - SUSPECT : said);
}

static bool is_right(const struct sl_sim_flock *flock, const struct flock_node *node) {
    uint32_t said = node->view[flock->watched];
    return (said != 0 && said % 4 != DROPPED) == flock->nodes[flock->watched].up;
}

static void set_view(struct sl_sim_flock *flock, uint32_t node, uint32_t about, uint32_t said) {
    struct flock_node *self = &flock->nodes[node];
    uint32_t before = self->view[about];
    bool was_right = is_right(flock, self);
    self->digest ^= (before != 0 ? share_of_digest(about, before) : 0) ^ share_of_digest(about, said);
    self->known += said % 4 != DROPPED ? 1 : 0;
    self->known -= before != 0 && before % 4 != DROPPED ? 1 : 0;
    self->view[about] = said;
    if (about == flock->watched && self->up)
        flock->wrong += (uint32_t)was_right - (uint32_t)is_right(flock, self);
}

/* To all, or to some but who told it. */
static void tell(struct sl_sim_flock *flock, uint32_t node, const struct fact *fact, uint32_t teller) {
    uint32_t count = sl_flock_link_count(flock, node), sent = 0;
    bool is_own = fact->about == node;
    if (count == 0)
        return;
    uint32_t at = (uint32_t)sl_random_below(&flock->random, count);
    for (uint32_t step = 0; step < count && (is_own || sent < RELAYS); step++, at = (at + 1) % count) {
        uint32_t peer = sl_flock_link_at(flock, node, at);
        if (peer == node || (!is_own && peer == teller))
            continue;
        sl_flock_send_fact(flock, node, peer, fact);
        sent++;
    }
}

static void refute(struct sl_sim_flock *flock, uint32_t node, uint32_t said) {
    uint32_t own = (said / 4 + 1) * 4;
    sl_detector_doubted(&flock->nodes[node].detector);
    set_view(flock, node, node, own);
    tell(flock, node, &(struct fact){.about = node, .said = own, .accuser = node}, node);
}

static void count_drop(struct sl_sim_flock *flock, uint32_t about) {
    flock->counts.false_drops += flock->nodes[about].up ? 1 : 0;
}

static bool take_accusation(struct sl_sim_flock *flock, uint32_t node, const struct fact *fact) {
    bool counts;
    enum sl_status status =
        sl_detector_accused(&flock->nodes[node].detector, fact->about, fact->accuser, flock->now, &counts);
    if (status != SL_OK)
        flock->status = status;
    return status == SL_OK && counts;
}

static void hear_of(struct sl_sim_flock *flock, uint32_t node, const struct fact *fact, uint32_t teller) {
    struct flock_node *self = &flock->nodes[node];
    uint32_t held = self->view[fact->about];
    if (fact->about == node) {
        if (fact->said > held)
            refute(flock, node, fact->said);
        return;
    }
    if (fact->said < held || (fact->said == held && fact->said % 4 != SUSPECT))
        return;
    if (fact->said % 4 == SUSPECT && !take_accusation(flock, node, fact))
        return;
    if (fact->said % 4 != SUSPECT)
        sl_detector_clear(&self->detector, fact->about);
    if (fact->said > held)
        set_view(flock, node, fact->about, fact->said);
    if (fact->said % 4 == DROPPED && held % 4 != DROPPED) {
        count_drop(flock, fact->about);
        sl_flock_disconnect(flock, node, fact->about);
        sl_flock_refill(flock, node, ACTIVE_MIN);
    } else if (fact->said % 4 == ALIVE && sl_flock_is_mesh(flock) && (held == 0 || held % 4 == DROPPED)) {
        sl_flock_connect(flock, node, fact->about);
    }
    tell(flock, node, fact, teller);
}

/* ---- the detector's actions ---- */

static void ping(struct sl_sim_flock *flock, uint32_t node, uint32_t member) {
    struct flock_node *self = &flock->nodes[node];
    bool linked = sl_flock_is_linked(flock, node, member);
    sl_flock_send(flock, node, member, &(struct message){.kind = PING, .dialled = !linked});
    if (linked && self->pings++ % DIGEST_EVERY == 0)
        sl_flock_send(flock, node, member, &(struct message){.kind = DIGEST, .digest = self->digest});
}

static void suspect(struct sl_sim_flock *flock, uint32_t node, uint32_t member) {
    struct flock_node *self = &flock->nodes[node];
    const struct fact fact = {.about = member, .said = self->view[member] / 4 * 4 + SUSPECT, .accuser = node};
    flock->counts.suspicions += flock->nodes[member].up ? 1 : 0;
    set_view(flock, node, member, fact.said);
    sl_flock_send_fact(flock, node, member, &fact);
    tell(flock, node, &fact, member);
}

static void drop(struct sl_sim_flock *flock, uint32_t node, uint32_t member) {
    struct flock_node *self = &flock->nodes[node];
    const struct fact fact = {.about = member, .said = self->view[member] / 4 * 4 + DROPPED, .accuser = node};
    count_drop(flock, member);
    set_view(flock, node, member, fact.said);
    sl_flock_disconnect(flock, node, member);
    sl_flock_refill(flock, node, ACTIVE_MIN);
    tell(flock, node, &fact, node);
}

static void carry_out(struct sl_sim_flock *flock, uint32_t node) {
    struct sl_detector *detector = &flock->nodes[node].detector;
    for (size_t i = 0; i < detector->action_count; i++) {
        const struct sl_detector_action action = detector->actions[i];
        switch (action.type) {
        case SL_DETECTOR_PING:
            ping(flock, node, action.member);
            break;
        case SL_DETECTOR_ASK:
            sl_flock_send(flock, node, action.peer, &(struct message){.kind = ASK, .about = action.member});
            break;
        case SL_DETECTOR_ANSWER:
            sl_flock_send(flock, node, action.peer,
                          &(struct message){.kind = ANSWER, .about = action.member, .yes = action.answers});
            break;
        case SL_DETECTOR_SUSPECT:
            suspect(flock, node, action.member);
            break;
        case SL_DETECTOR_DROP:
            drop(flock, node, action.member);
            break;
        case SL_DETECTOR_RELINK:
            break; /* messages are lost one by one here, not connections */
        }
    }
    detector->action_count = 0;
}

static void arm(struct sl_sim_flock *flock, uint32_t node) {
    struct flock_node *self = &flock->nodes[node];
    sl_time next = sl_detector_next(&self->detector, self->known);
    if (next >= self->armed)
        return; /* that one looks again */
    self->armed = next > flock->now ? next : flock->now;
    sl_flock_push(flock, self->armed,
                  &(struct message){.kind = TIMER, .to = node, .life = self->life, .at = self->armed});
}

static void on_timer(struct sl_sim_flock *flock, uint32_t node, sl_time at) {
    struct flock_node *self = &flock->nodes[node];
    if (at != self->armed)
        return;
    self->armed = SL_NEVER;
    enum sl_status status = sl_detector_step(&self->detector, self->known, flock->now);
    if (status != SL_OK)
        flock->status = status;
    carry_out(flock, node);
}

/* ---- messages ---- */

static void on_ask(struct sl_sim_flock *flock, const struct message *message) {
    enum sl_status status =
        sl_detector_asked(&flock->nodes[message->to].detector, message->about, message->from, flock->now);
    if (status != SL_OK)
        flock->status = status;
}

/* What `node` holds of the parts that differ, to `peer`. In a node the tags go first, and then only what differs; the
 * messages are as many. */
static void tell_differences(struct sl_sim_flock *flock, uint32_t node, uint32_t peer) {
    enum { AT_ONCE = 32 };
    const struct flock_node *self = &flock->nodes[node], *other = &flock->nodes[peer];
    struct message message = {.kind = FACTS};
    for (uint32_t i = 0; i < flock->options.nodes; i++) {
        if (self->view[i] <= other->view[i])
            continue;
        if (message.facts == NULL)
            message.facts = malloc(AT_ONCE * sizeof *message.facts);
        if (message.facts == NULL) {
            flock->status = SL_NO_MEMORY;
            return;
        }
        message.facts[message.fact_count++] = (struct fact){.about = i, .said = self->view[i], .accuser = node};
        if (message.fact_count == AT_ONCE) {
            sl_flock_send(flock, node, peer, &message);
            message = (struct message){.kind = FACTS};
        }
    }
    if (message.fact_count > 0)
        sl_flock_send(flock, node, peer, &message);
}

static void on_digest(struct sl_sim_flock *flock, const struct message *message) {
    uint32_t node = message->to;
    if (message->digest != flock->nodes[node].digest)
        sl_flock_send(flock, node, message->from,
                      &(struct message){.kind = PART_DIGESTS, .digest = flock->nodes[node].digest});
}

static void on_facts(struct sl_sim_flock *flock, const struct message *message) {
    if (message->facts == NULL)
        hear_of(flock, message->to, &message->one, message->from);
    for (uint32_t i = 0; message->facts != NULL && i < message->fact_count; i++)
        hear_of(flock, message->to, &message->facts[i], message->from);
}

static void hear(struct sl_sim_flock *flock, uint32_t node, uint32_t peer) {
    struct flock_node *self = &flock->nodes[node];
    uint32_t said = self->view[peer];
    sl_detector_heard(&self->detector, peer, flock->now);
    if (said % 4 == SUSPECT) /* it lives, and has to say so itself */
        sl_flock_send_fact(flock, node, peer, &(struct fact){.about = peer, .said = said, .accuser = node});
}

static void deliver(struct sl_sim_flock *flock, const struct message *message) {
    uint32_t node = message->to;
    if (message->kind != TIMER && message->life == flock->nodes[message->from].life)
        hear(flock, node, message->from);
    switch ((enum kind)message->kind) {
    case TIMER:
        on_timer(flock, node, message->at);
        break;
    case PING:
        sl_flock_send(flock, node, message->from, &(struct message){.kind = PONG, .dialled = message->dialled});
        break;
    case ASK:
        on_ask(flock, message);
        break;
    case ANSWER:
        sl_detector_vouched(&flock->nodes[node].detector, message->about, message->from, message->yes);
        break;
    case FACTS:
        on_facts(flock, message);
        break;
    case DIGEST:
        on_digest(flock, message);
        break;
    case PART_DIGESTS:
        tell_differences(flock, node, message->from);
        break;
    case PONG:
        break;
    }
    carry_out(flock, node);
    arm(flock, node);
}

/* ---- life ---- */

static void begin_life(struct sl_sim_flock *flock, uint32_t number) {
    struct flock_node *node = &flock->nodes[number];
    const struct sl_sim_flock_options *options = &flock->options;
    const struct sl_detector_options detector = {.self = number,
                                                 .probe_period = options->probe_period,
                                                 .suspect_after = 2 * options->probe_period,
                                                 .drop_after = 2 * options->probe_period,
                                                 .seed = options->seed,
                                                 .stream = UINT64_C(1) + number + ((uint64_t)node->life << 32)};
    sl_detector_init(&node->detector, &detector, flock->now);
    node->up = true;
    node->armed = SL_NEVER;
}

static void connect_all(struct sl_sim_flock *flock) {
    uint32_t count = flock->options.nodes;
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = i + 1; sl_flock_is_mesh(flock) && j < count; j++)
            sl_flock_connect(flock, i, j);
    }
    for (uint32_t round = 1; !sl_flock_is_mesh(flock) && round <= ACTIVE_OUT; round++) {
        for (uint32_t i = 0; i < count; i++)
            sl_flock_refill(flock, i, 2 * round - 1 < ACTIVE_MAX ? 2 * round - 1 : ACTIVE_MAX);
    }
}

static enum sl_status fill(struct sl_sim_flock *flock) {
    uint32_t count = flock->options.nodes;
    uint64_t digest = 0;
    for (uint32_t j = 0; j < count; j++)
        digest ^= share_of_digest(j, 4);
    for (uint32_t i = 0; i < count; i++) {
        struct flock_node *node = &flock->nodes[i];
        node->view = flock->views + (size_t)i * count;
        for (uint32_t j = 0; j < count; j++)
            node->view[j] = 4; /* alive at incarnation 1 */
        node->digest = digest;
        node->known = count;
        begin_life(flock, i);
    }
    connect_all(flock);
    for (uint32_t i = 0; i < count; i++)
        arm(flock, i);
    return flock->status;
}

enum sl_status sl_sim_flock_create(struct sl_sim_flock **out, const struct sl_sim_flock_options *options) {
    *out = NULL;
    struct sl_sim_flock *flock = calloc(1, sizeof *flock);
    if (flock == NULL)
        return SL_NO_MEMORY;
    flock->options = *options;
    sl_random_init(&flock->random, options->seed, 0);
    flock->nodes = calloc(options->nodes, sizeof *flock->nodes);
    flock->views = calloc((size_t)options->nodes * options->nodes, sizeof *flock->views);
    enum sl_status status = flock->nodes != NULL && flock->views != NULL ? fill(flock) : SL_NO_MEMORY;
    if (status == SL_OK)
        *out = flock;
    else
        sl_sim_flock_destroy(flock);
    return status;
}

void sl_sim_flock_destroy(struct sl_sim_flock *flock) {
    if (flock == NULL)
        return;
    for (size_t i = 0; i < flock->queue.count; i++) {
        struct message *message = flock->queue.items[i].what;
        free(message->facts);
        free(message);
    }
    sl_sim_queue_finish(&flock->queue);
    while (flock->unused != NULL) {
        struct message *next = flock->unused->next;
        free(flock->unused);
        flock->unused = next;
    }
    for (uint32_t i = 0; flock->nodes != NULL && i < flock->options.nodes; i++)
        sl_detector_finish(&flock->nodes[i].detector);
    free(flock->nodes);
    free(flock->views);
    free(flock);
}

static void step(struct sl_sim_flock *flock) {
    struct sl_sim_item item = sl_sim_queue_pop(&flock->queue);
    struct message *message = item.what;
    const struct flock_node *node = &flock->nodes[message->to];
    flock->now = item.at;
    if (node->up && (message->kind != TIMER || message->life == node->life))
        deliver(flock, message);
    sl_flock_give_back(flock, message);
}

enum sl_status sl_sim_flock_run(struct sl_sim_flock *flock, sl_time until) {
    while (flock->status == SL_OK && flock->queue.count > 0 && flock->queue.items[0].at <= until)
        step(flock);
    flock->now = until;
    return flock->status;
}

enum sl_status sl_sim_flock_run_until_known(struct sl_sim_flock *flock, uint32_t node, sl_time until, bool *known) {
    flock->watched = node;
    flock->wrong = 0;
    for (uint32_t i = 0; i < flock->options.nodes; i++)
        flock->wrong += flock->nodes[i].up && !is_right(flock, &flock->nodes[i]);
    while (flock->status == SL_OK && flock->wrong > 0 && flock->queue.count > 0 && flock->queue.items[0].at <= until)
        step(flock);
    *known = flock->wrong == 0;
    return flock->status;
}

void sl_sim_flock_crash(struct sl_sim_flock *flock, uint32_t number) {
    struct flock_node *node = &flock->nodes[number];
    node->up = false;
    node->life++;
    node->link_count = 0;
    sl_detector_finish(&node->detector);
}

enum sl_status sl_sim_flock_start(struct sl_sim_flock *flock, uint32_t number, uint32_t contact) {
    struct flock_node *node = &flock->nodes[number];
    uint32_t own = (node->view[number] / 4 + 1) * 4;
    begin_life(flock, number);
    memset(node->view, 0, flock->options.nodes * sizeof *node->view);
    node->digest = 0;
    node->known = 0;
    set_view(flock, number, number, own);
    sl_flock_connect(flock, number, contact);
    sl_flock_refill(flock, number, ACTIVE_MIN);
    tell_differences(flock, contact, number);
    sl_flock_send_fact(flock, number, contact, &(struct fact){.about = number, .said = own, .accuser = number});
    arm(flock, number);
    return flock->status;
}

sl_time sl_sim_flock_now(const struct sl_sim_flock *flock) {
    return flock->now;
}

struct sl_sim_flock_counts sl_sim_flock_counts(const struct sl_sim_flock *flock) {
    return flock->counts;
}
