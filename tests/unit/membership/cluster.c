#include "cluster.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "spoken.h"

enum kind {
    DIAL_ARRIVES,
    DIAL_FAILS,
    FRAME_ROSTER,
    FRAME_PROBE,
    FRAME_DIGEST,
    FRAME_NEIGHBOUR,
    FRAME_PING,
    FRAME_PONG,
    CLOSED
};

struct cluster_event {
    sl_time at;
    uint64_t sequence;
    enum kind kind;
    size_t from, to;
    char address[SL_ADDRESS_SIZE];
    struct sl_buffer payload;
};

/* ---- the queue ---- */

static bool is_before(const struct cluster_event *a, const struct cluster_event *b) {
    return a->at != b->at ? a->at < b->at : a->sequence < b->sequence;
}

static void swap(struct cluster_event *a, struct cluster_event *b) {
    struct cluster_event other = *a;
    *a = *b;
    *b = other;
}

static void push(struct cluster *cluster, struct cluster_event event) {
    cr_assert_eq(
        sl_array_reserve(&cluster->events, &cluster->event_capacity, cluster->event_count + 1, sizeof *cluster->events),
        SL_OK);
    event.sequence = cluster->sequence++;
    size_t at = cluster->event_count++;
    cluster->events[at] = event;
    for (; at > 0 && is_before(&cluster->events[at], &cluster->events[(at - 1) / 2]); at = (at - 1) / 2)
        swap(&cluster->events[at], &cluster->events[(at - 1) / 2]);
}

static struct cluster_event pop(struct cluster *cluster) {
    struct cluster_event first = cluster->events[0];
    cluster->events[0] = cluster->events[--cluster->event_count];
    for (size_t at = 0;;) {
        size_t least = at, left = 2 * at + 1;
        for (size_t child = left; child < left + 2 && child < cluster->event_count; child++) {
            if (is_before(&cluster->events[child], &cluster->events[least]))
                least = child;
        }
        if (least == at)
            return first;
        swap(&cluster->events[at], &cluster->events[least]);
        at = least;
    }
}

static sl_time delay(struct cluster *cluster) {
    return SL_MILLISECOND * (sl_time)(1 + sl_random_below(&cluster->random, 20));
}

/* ---- the network ---- */

static void send_frame(struct cluster *cluster, enum kind kind, size_t from, size_t to,
                       const struct sl_membership_action *action) {
    cluster->frames++;
    if (to == cluster->count || !cluster->nodes[from].peers[to] || cluster->nodes[from].silent[to] ||
        sl_random_unit(&cluster->random) < cluster->loss)
        return;
    struct cluster_event event = {.at = cluster->now + delay(cluster), .kind = kind, .from = from, .to = to};
    enum sl_status status = SL_OK;
    if (kind == FRAME_ROSTER)
        status = sl_roster_encode(&event.payload, &action->roster);
    else if (kind == FRAME_PROBE)
        status = sl_probe_encode(&event.payload, &action->probe);
    else if (kind == FRAME_DIGEST)
        status = sl_roster_digest_encode(&event.payload, &action->digest);
    else if (kind == FRAME_NEIGHBOUR)
        status = sl_neighbour_encode(&event.payload, &action->neighbour);
    cr_assert_eq(status, SL_OK, "what membership tells fits a frame");
    push(cluster, event);
}

static size_t index_of(const struct cluster *cluster, const char *name) {
    for (size_t i = 0; i < cluster->count; i++) {
        if (strcmp(cluster->nodes[i].name, name) == 0)
            return i;
    }
    return cluster->count;
}

static void dial(struct cluster *cluster, size_t from, const char *address) {
    struct cluster_event event = {.at = cluster->now + delay(cluster), .kind = DIAL_FAILS, .from = from};
    cluster->dials++;
    memcpy(event.address, address, strlen(address) + 1);
    for (size_t i = 0; i < cluster->count; i++) {
        if (strcmp(cluster->nodes[i].address, address) == 0 && i != from && !cluster->blocked[from][i]) {
            event.kind = DIAL_ARRIVES;
            event.to = i;
        }
    }
    push(cluster, event);
}

static void note(struct cluster *cluster, const void *data, size_t length) {
    const uint8_t *bytes = data;
    for (size_t i = 0; i < length; i++)
        cluster->trace = (cluster->trace ^ bytes[i]) * UINT64_C(0x100000001b3);
}

static void carry_out(struct cluster *cluster, size_t index, const struct sl_membership_action *action) {
    struct cluster_node *node = &cluster->nodes[index];
    size_t peer = index_of(cluster, action->node);
    note(cluster, &action->type, sizeof action->type);
    note(cluster, action->node, strlen(action->node));
    note(cluster, &cluster->now, sizeof cluster->now);
    switch (action->type) {
    case SL_MEMBERSHIP_DIAL:
        dial(cluster, index, action->addresses[0]);
        break;
    case SL_MEMBERSHIP_SEND_ROSTER:
        send_frame(cluster, FRAME_ROSTER, index, peer, action);
        break;
    case SL_MEMBERSHIP_SEND_PROBE:
        send_frame(cluster, FRAME_PROBE, index, peer, action);
        break;
    case SL_MEMBERSHIP_SEND_NEIGHBOUR:
        send_frame(cluster, FRAME_NEIGHBOUR, index, peer, action);
        break;
    case SL_MEMBERSHIP_SEND_DIGEST:
        send_frame(cluster, FRAME_DIGEST, index, peer, action);
        break;
    case SL_MEMBERSHIP_SEND_PING:
        send_frame(cluster, FRAME_PING, index, peer, action);
        break;
    case SL_MEMBERSHIP_CLOSE:
        push(cluster, (struct cluster_event){.at = cluster->now, .kind = CLOSED, .from = peer, .to = index});
        push(cluster,
             (struct cluster_event){.at = cluster->now + delay(cluster), .kind = CLOSED, .from = index, .to = peer});
        break;
    case SL_MEMBERSHIP_CHANGED:
        break;
    case SL_MEMBERSHIP_REPORT:
        node->unreachable += strcmp(action->text, "unreachable") == 0;
        break;
    case SL_MEMBERSHIP_WAKE:
        node->wake = action->at;
        break;
    }
}

static void carry_out_all(struct cluster *cluster, size_t index, struct sl_membership_actions *actions) {
    for (size_t i = 0; i < actions->count; i++)
        carry_out(cluster, index, &actions->items[i]);
    sl_membership_actions_finish(actions);
}

void cluster_step(struct cluster *cluster, size_t index, const struct sl_membership_event *event) {
    struct sl_membership_actions actions = {0};
    if (cluster->nodes[index].membership == NULL)
        return;
    cr_assert_eq(sl_membership_step(cluster->nodes[index].membership, event, cluster->now, &actions), SL_OK);
    carry_out_all(cluster, index, &actions);
}

static void peer_up(struct cluster *cluster, size_t index, size_t peer, bool dialled) {
    const char *address = cluster->nodes[peer].address;
    cluster->nodes[index].peers[peer] = true;
    cluster_step(cluster, index,
                 &(struct sl_membership_event){.type = SL_MEMBERSHIP_PEER_UP,
                                               .node = cluster->nodes[peer].name,
                                               .address = dialled ? address : NULL,
                                               .addresses = &address,
                                               .address_count = 1});
}

static void peer_down(struct cluster *cluster, size_t index, size_t peer, bool leaving) {
    if (!cluster->nodes[index].peers[peer])
        return;
    cluster->nodes[index].peers[peer] = false;
    cluster_step(cluster, index,
                 &(struct sl_membership_event){
                     .type = SL_MEMBERSHIP_PEER_DOWN, .node = cluster->nodes[peer].name, .leaving = leaving});
}

static void dial_arrives(struct cluster *cluster, const struct cluster_event *event) {
    struct cluster_node *from = &cluster->nodes[event->from], *to = &cluster->nodes[event->to];
    if (from->membership == NULL)
        return;
    if (to->membership == NULL) {
        cluster_step(cluster, event->from,
                     &(struct sl_membership_event){.type = SL_MEMBERSHIP_DIAL_FAILED, .address = event->address});
        return;
    }
    if (from->peers[event->to] && to->peers[event->from]) { /* a duplicate, closed again */
        cluster_step(
            cluster, event->from,
            &(struct sl_membership_event){
                .type = SL_MEMBERSHIP_DIAL_FAILED, .address = event->address, .node = to->name, .is_connected = true});
        return;
    }
    peer_up(cluster, event->from, event->to, true);
    peer_up(cluster, event->to, event->from, false);
}

static void compare(struct cluster *cluster, const struct cluster_event *event) {
    struct sl_membership_event told = {.type = SL_MEMBERSHIP_PROBE, .node = cluster->nodes[event->from].name};
    const struct sl_buffer *payload = &event->payload;
    struct sl_probe probe;
    struct sl_roster_digest digest = {0};
    struct sl_neighbour neighbour;
    if (event->kind == FRAME_NEIGHBOUR) {
        cr_assert_eq(sl_neighbour_decode(&neighbour, payload->data, payload->length, NULL), SL_OK);
        told.type = SL_MEMBERSHIP_NEIGHBOUR;
        told.neighbour = &neighbour;
    } else if (event->kind == FRAME_PROBE) {
        cr_assert_eq(sl_probe_decode(&probe, payload->data, payload->length, NULL), SL_OK);
        told.probe = &probe;
    } else {
        cr_assert_eq(sl_roster_digest_decode(&digest, payload->data, payload->length, NULL), SL_OK);
        told.type = SL_MEMBERSHIP_DIGEST;
        told.digest = &digest;
    }
    cluster_step(cluster, event->to, &told);
    sl_roster_digest_finish(&digest);
}

static void frame_arrives(struct cluster *cluster, const struct cluster_event *event) {
    struct cluster_node *to = &cluster->nodes[event->to];
    if (to->membership == NULL || !to->peers[event->from])
        return;
    const char *name = cluster->nodes[event->from].name;
    cluster_step(cluster, event->to, &(struct sl_membership_event){.type = SL_MEMBERSHIP_HEARD, .node = name});
    if (event->kind == FRAME_PROBE || event->kind == FRAME_DIGEST || event->kind == FRAME_NEIGHBOUR)
        compare(cluster, event);
    if (event->kind == FRAME_PING)
        send_frame(cluster, FRAME_PONG, event->to, event->from, NULL);
    if (event->kind != FRAME_ROSTER)
        return;
    struct sl_membership_actions actions = {0};
    spoken_hear(to->membership, name, (struct sl_bytes){event->payload.data, event->payload.length}, cluster->now,
                &actions);
    carry_out_all(cluster, event->to, &actions);
}

static void happen(struct cluster *cluster, const struct cluster_event *event) {
    switch (event->kind) {
    case DIAL_ARRIVES:
        dial_arrives(cluster, event);
        break;
    case DIAL_FAILS:
        cluster_step(cluster, event->from,
                     &(struct sl_membership_event){.type = SL_MEMBERSHIP_DIAL_FAILED, .address = event->address});
        break;
    case FRAME_ROSTER:
    case FRAME_PROBE:
    case FRAME_DIGEST:
    case FRAME_NEIGHBOUR:
    case FRAME_PING:
    case FRAME_PONG:
        frame_arrives(cluster, event);
        break;
    case CLOSED:
        peer_down(cluster, event->to, event->from, false);
        break;
    }
}

/* ---- the test's side ---- */

void cluster_init(struct cluster *cluster, size_t count, uint64_t seed) {
    memset(cluster, 0, sizeof *cluster);
    cluster->count = count;
    sl_random_init(&cluster->random, seed, 1);
    for (size_t i = 0; i < count; i++) {
        snprintf(cluster->nodes[i].name, sizeof cluster->nodes[i].name, "n%02zu", i);
        snprintf(cluster->nodes[i].address, sizeof cluster->nodes[i].address, "10.0.0.%zu:7400", i + 1);
        cluster->nodes[i].wake = SL_NEVER;
    }
}

void cluster_finish(struct cluster *cluster) {
    for (size_t i = 0; i < cluster->count; i++)
        sl_membership_destroy(cluster->nodes[i].membership);
    for (size_t i = 0; i < cluster->event_count; i++)
        sl_buffer_finish(&cluster->events[i].payload);
    free(cluster->events);
}

void cluster_start(struct cluster *cluster, size_t index, size_t join, uint64_t incarnation) {
    struct cluster_node *node = &cluster->nodes[index];
    const char *own = node->address, *other = join < cluster->count ? cluster->nodes[join].address : NULL;
    const struct sl_membership_options options = {.self = node->name,
                                                  .flock = SPOKEN_FLOCK,
                                                  .run = SPOKEN_RUN,
                                                  .epoch = SPOKEN_EPOCH,
                                                  .seal = spoken_seal,
                                                  .incarnation = incarnation,
                                                  .samples = 100 + index,
                                                  .addresses = &own,
                                                  .address_count = 1,
                                                  .join = &other,
                                                  .join_count = other != NULL,
                                                  .suspect_after = 5 * SL_SECOND,
                                                  .drop_after = 5 * SL_SECOND,
                                                  .ping_interval = SL_SECOND,
                                                  .retry_min = SL_SECOND / 4,
                                                  .retry_max = 4 * SL_SECOND,
                                                  .full_mesh = cluster->full_mesh,
                                                  .seed = 1000 + index};
    cr_assert_null(node->membership);
    cr_assert_eq(sl_membership_create(&node->membership, &options, NULL), SL_OK);
    node->unreachable = 0;
    cluster_step(cluster, index, &(struct sl_membership_event){.type = SL_MEMBERSHIP_TIMER});
}

void cluster_crash(struct cluster *cluster, size_t index) {
    struct cluster_node *node = &cluster->nodes[index];
    sl_membership_destroy(node->membership);
    node->membership = NULL;
    node->wake = SL_NEVER;
    memset(node->peers, 0, sizeof node->peers);
}

void cluster_kill(struct cluster *cluster, size_t index) {
    cluster_crash(cluster, index);
    for (size_t i = 0; i < cluster->count; i++)
        peer_down(cluster, i, index, false);
}

void cluster_leave(struct cluster *cluster, size_t index) {
    cluster_step(cluster, index, &(struct sl_membership_event){.type = SL_MEMBERSHIP_LEAVE});
    cluster_run(cluster, SL_SECOND / 10);
    cluster_crash(cluster, index);
    for (size_t i = 0; i < cluster->count; i++)
        peer_down(cluster, i, index, true);
}

void cluster_cut(struct cluster *cluster, size_t a, size_t b) {
    peer_down(cluster, a, b, false);
    peer_down(cluster, b, a, false);
}

static size_t next_waking(const struct cluster *cluster) {
    size_t next = 0;
    for (size_t i = 1; i < cluster->count; i++) {
        if (cluster->nodes[i].wake < cluster->nodes[next].wake)
            next = i;
    }
    return next;
}

void cluster_run(struct cluster *cluster, sl_time duration) {
    sl_time end = cluster->now + duration;
    for (;;) {
        size_t waking = next_waking(cluster);
        sl_time wake = cluster->nodes[waking].wake;
        sl_time arrives = cluster->event_count > 0 ? cluster->events[0].at : SL_NEVER;
        if (wake > end && arrives > end)
            break;
        if (wake < arrives) {
            cluster->now = wake > cluster->now ? wake : cluster->now;
            cluster->nodes[waking].wake = SL_NEVER;
            cluster_step(cluster, waking, &(struct sl_membership_event){.type = SL_MEMBERSHIP_TIMER});
            continue;
        }
        struct cluster_event event = pop(cluster);
        cluster->now = event.at > cluster->now ? event.at : cluster->now;
        happen(cluster, &event);
        sl_buffer_finish(&event.payload);
    }
    cluster->now = end;
}

const struct sl_member *cluster_view(const struct cluster *cluster, size_t in, size_t of) {
    size_t count = 0;
    const struct sl_member *members = sl_membership_members(cluster->nodes[in].membership, &count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(members[i].entry.node, cluster->nodes[of].name) == 0)
            return &members[i];
    }
    return NULL;
}

bool cluster_is_whole(const struct cluster *cluster) {
    for (size_t i = 0; i < cluster->count; i++) {
        for (size_t j = 0; j < cluster->count && cluster->nodes[i].membership != NULL; j++) {
            const struct sl_member *member = cluster_view(cluster, i, j);
            bool runs = cluster->nodes[j].membership != NULL;
            if (runs && (member == NULL || !member->connected || member->entry.state != SL_MEMBER_ALIVE ||
                         member->entry.samples != 100 + j))
                return false;
            if (!runs && member != NULL && (member->connected || member->entry.state < SL_MEMBER_DROPPED))
                return false;
        }
    }
    return true;
}
