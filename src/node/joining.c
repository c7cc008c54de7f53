/* Who gives this node its model. */
#include "node/internal.h"

#include <stdlib.h>
#include <string.h>

static struct node_donor *find_donor(struct node_joining *joining, const char *name) {
    for (size_t i = 0; i < joining->count; i++)
        if (strcmp(joining->donors[i].name, name) == 0)
            return &joining->donors[i];
    return NULL;
}

bool node_is_joining(const struct sl_node *node, const char *donor) {
    for (size_t i = 0; i < node->joining.count; i++)
        if (strcmp(node->joining.donors[i].name, donor) == 0)
            return sl_round_phase(node->round) == SL_PHASE_JOIN;
    return false;
}

/* What it has announced, whatever has come of it. */
static struct node_incoming *snapshot_of(const struct node_peer *peer) {
    struct node_incoming *incoming = peer != NULL ? peer->incoming : NULL;
    while (incoming != NULL && incoming->manifest.kind != SL_PAYLOAD_SNAPSHOT)
        incoming = incoming->next;
    return incoming;
}

static struct node_incoming *snapshot_by(const struct sl_node *node, const struct node_donor *donor) {
    return snapshot_of(node_find_peer(node, donor->name));
}

static bool is_whole(const struct node_incoming *snapshot) {
    return snapshot != NULL && snapshot->inbound != NULL && sl_inbound_is_whole(snapshot->inbound);
}

static size_t count_in(const struct node_joining *joining, enum node_donor_state state) {
    size_t count = 0;
    for (size_t i = 0; i < joining->count; i++)
        count += joining->donors[i].state == state;
    return count;
}

static void drop_snapshots(struct sl_node *node, const char *name) {
    struct node_peer *peer = node_find_peer(node, name);
    for (struct node_incoming *snapshot = snapshot_of(peer); snapshot != NULL; snapshot = snapshot_of(peer))
        node_drop_incoming(node, snapshot, true);
}

static void wait_until(struct sl_node *node, sl_time at) {
    node_arm(node->joining.timer, at);
}

static void forget_looks(struct node_joining *joining) {
    joining->chunks = 0;
    joining->looked_at = 0;
}

void node_end_joining(struct sl_node *node) {
    struct node_joining *joining = &node->joining;
    for (size_t i = 0; i < joining->count; i++)
        drop_snapshots(node, joining->donors[i].name);
    joining->count = 0;
    joining->chosen = joining->taking = false;
    forget_looks(joining);
    wait_until(node, SL_NEVER);
}

/* ---- asking ---- */

static void ask(struct sl_node *node, struct node_donor *donor, struct node_peer *peer) {
    struct sl_buffer payload = {0};
    const struct sl_model_request request = {.epoch = node->settings->flock.epoch};
    donor->state = NODE_DONOR_ASKED;
    if (sl_model_request_encode(&payload, &request) == SL_OK)
        node_send(node, peer, SL_FRAME_MODEL_REQUEST, &payload);
    sl_buffer_finish(&payload);
    sl_log_line(node->log, SL_LOG_INFO, "node", "asked for the model", SL_TEXT("peer", peer->name));
}

/* Whether more of it came since we last looked: once, however many the round names at a time. */
static bool is_giving(struct sl_node *node, sl_time now, sl_time between) {
    struct node_joining *joining = &node->joining;
    uint64_t before = joining->chunks;
    if (joining->looked_at != 0 && now - joining->looked_at < between)
        return true;
    joining->chunks = 0;
    for (size_t i = 0; i < joining->count; i++) {
        const struct node_incoming *snapshot = snapshot_by(node, &joining->donors[i]);
        if (snapshot != NULL && snapshot->inbound != NULL)
            joining->chunks += sl_inbound_prefix(snapshot->inbound);
    }
    joining->looked_at = now;
    return joining->chunks > before;
}

/* The round asks others where those before took too long. Who is slow is still the sooner to be done. */
void node_request_model(struct sl_node *node, struct node_peer *peer) {
    struct node_joining *joining = &node->joining;
    sl_time now = sl_clock_monotonic();
    sl_time longest = sl_time_from_seconds(node->settings->round.deadline_max);
    bool waits = count_in(joining, NODE_DONOR_CUT) > 0;
    if (joining->taking || peer->connection == NULL)
        return;
    if (!waits && joining->count > 0 && now - joining->asked_at >= longest / 2) {
        if (is_giving(node, now, longest / 2))
            return;
        node_end_joining(node);
    }
    if (find_donor(joining, peer->name) != NULL || joining->count == NODE_DONORS_MAX)
        return;
    if (joining->count == 0)
        joining->asked_at = now;
    struct node_donor *donor = &joining->donors[joining->count++];
    memcpy(donor->name, peer->name, sizeof donor->name);
    donor->state = NODE_DONOR_WAITING;
    if (!waits)
        ask(node, donor, peer);
}

void node_donor_is_back(struct sl_node *node, struct node_peer *peer) {
    struct node_donor *donor = find_donor(&node->joining, peer->name);
    if (donor == NULL || donor->state != NODE_DONOR_CUT || sl_round_phase(node->round) != SL_PHASE_JOIN)
        return;
    ask(node, donor, peer);
    donor->state = NODE_DONOR_CUT; /* until it has announced a model again */
    wait_until(node, sl_clock_monotonic() + sl_time_from_seconds(node->settings->round.deadline_min));
}

/* ---- choosing ---- */

static bool is_same_payload(const struct node_incoming *a, const struct node_incoming *b) {
    struct sl_digest digests[2];
    sl_manifest_payload_digest(&digests[0], &a->manifest);
    sl_manifest_payload_digest(&digests[1], &b->manifest);
    return memcmp(digests[0].bytes, digests[1].bytes, sizeof digests[0].bytes) == 0;
}

/* Of the rounds that were announced the one in the middle, of two the earlier: so one liar of three names none. False:
 * who had announced is gone. */
static bool find_round(const struct sl_node *node, uint64_t *out) {
    uint64_t rounds[NODE_DONORS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < node->joining.count; i++) {
        const struct node_incoming *snapshot = snapshot_by(node, &node->joining.donors[i]);
        if (snapshot == NULL)
            continue;
        size_t at = count++;
        for (; at > 0 && rounds[at - 1] > snapshot->manifest.round; at--)
            rounds[at] = rounds[at - 1];
        rounds[at] = snapshot->manifest.round;
    }
    if (count > 0)
        *out = rounds[(count - 1) / 2];
    return count > 0;
}

/* All that announce a model of that round give it, or the first of them where all are the same. */
static void choose(struct sl_node *node) {
    struct node_joining *joining = &node->joining;
    uint64_t round = 0;
    const struct node_incoming *first = NULL;
    bool same = true;
    if (!find_round(node, &round))
        return;
    joining->chosen = true;
    for (size_t i = 0; i < joining->count; i++) {
        const struct node_incoming *snapshot = snapshot_by(node, &joining->donors[i]);
        if (snapshot == NULL || snapshot->manifest.round != round)
            continue;
        same = same && (first == NULL || is_same_payload(first, snapshot));
        if (first == NULL)
            first = snapshot;
    }
    for (size_t i = 0; i < joining->count; i++) {
        struct node_donor *donor = &joining->donors[i];
        struct node_incoming *snapshot = snapshot_by(node, donor);
        if (snapshot != NULL && snapshot->manifest.round == round && (!same || snapshot == first)) {
            donor->state = NODE_DONOR_CHOSEN;
            node_fetch(node, snapshot->peer, SL_PAYLOAD_SNAPSHOT, round);
        } else {
            donor->state = NODE_DONOR_SPARE;
            drop_snapshots(node, donor->name);
        }
    }
    if (!same)
        sl_log_line(node->log, SL_LOG_WARNING, "node", "the donors' models differ: taking their median",
                    SL_UNSIGNED("round", round), SL_UNSIGNED("donors", count_in(joining, NODE_DONOR_CHOSEN)));
}

static bool all_announced(const struct sl_node *node) {
    for (size_t i = 0; i < node->joining.count; i++)
        if (node->joining.donors[i].state == NODE_DONOR_ASKED && snapshot_by(node, &node->joining.donors[i]) == NULL)
            return false;
    return true;
}

void node_snapshot_announced(struct sl_node *node, struct node_peer *peer) {
    struct node_joining *joining = &node->joining;
    struct node_donor *donor = find_donor(joining, peer->name);
    struct node_incoming *snapshot = snapshot_of(peer);
    if (donor->state == NODE_DONOR_CUT) {
        donor->state = NODE_DONOR_CHOSEN;
        wait_until(node, SL_NEVER);
        node_fetch(node, peer, SL_PAYLOAD_SNAPSHOT, snapshot->manifest.round);
    } else if (joining->chosen) {
        donor->state = NODE_DONOR_SPARE; /* too late */
        drop_snapshots(node, peer->name);
    } else if (all_announced(node)) {
        wait_until(node, SL_NEVER);
        choose(node);
    } else if (!event_pending(joining->timer, EV_TIMEOUT, NULL)) {
        wait_until(node, sl_clock_monotonic() + sl_time_from_seconds(node->settings->round.deadline_min / 4));
    }
}

/* ---- taking ---- */

/* Those that are whole, of the donors that were chosen. */
static void take_whole(struct sl_node *node) {
    struct node_joining *joining = &node->joining;
    struct node_incoming *snapshots[NODE_DONORS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < joining->count; i++) {
        struct node_incoming *snapshot = snapshot_by(node, &joining->donors[i]);
        if (joining->donors[i].state == NODE_DONOR_CHOSEN && is_whole(snapshot))
            snapshots[count++] = snapshot;
    }
    wait_until(node, SL_NEVER);
    if (count == 0 || joining->taking)
        return;
    joining->taking = true;
    node_take_over(node, snapshots, count);
}

static bool all_whole(const struct sl_node *node) {
    for (size_t i = 0; i < node->joining.count; i++)
        if (node->joining.donors[i].state == NODE_DONOR_CHOSEN &&
            !is_whole(snapshot_by(node, &node->joining.donors[i])))
            return false;
    return true;
}

void node_take_model(struct sl_node *node, const struct node_incoming *incoming) {
    struct node_joining *joining = &node->joining;
    if (incoming->peer == NULL || !node_is_joining(node, incoming->peer->name))
        node_end_joining(node); /* the round went on without it */
    else if (all_whole(node))
        take_whole(node);
    else if (!event_pending(joining->timer, EV_TIMEOUT, NULL))
        wait_until(node, sl_clock_monotonic() + sl_time_from_seconds(node->settings->round.deadline_min));
}

/* ---- failing ---- */

/* Nobody is left who gives anything: the round asks again. */
static void fail_all(struct sl_node *node) {
    struct node_joining former = node->joining;
    node_end_joining(node);
    for (size_t i = 0; i < former.count; i++)
        node_step_round(node, &(struct sl_round_event){.type = SL_ROUND_MODEL_FAILED, .peer = former.donors[i].name});
}

/* Who was cut stays away: the others are asked, those who had the same to give too. */
static void ask_others(struct sl_node *node) {
    struct node_joining *joining = &node->joining;
    size_t kept = 0;
    for (size_t i = 0; i < joining->count; i++)
        if (joining->donors[i].state == NODE_DONOR_WAITING || joining->donors[i].state == NODE_DONOR_SPARE)
            joining->donors[kept++] = joining->donors[i];
        else
            drop_snapshots(node, joining->donors[i].name);
    joining->count = kept;
    joining->chosen = false;
    forget_looks(joining);
    joining->asked_at = sl_clock_monotonic();
    for (size_t i = 0; i < kept; i++) {
        struct node_peer *peer = node_find_peer(node, joining->donors[i].name);
        if (peer != NULL && peer->connection != NULL)
            ask(node, &joining->donors[i], peer);
    }
    if (count_in(joining, NODE_DONOR_ASKED) == 0)
        fail_all(node);
}

/* One is gone: what is left may be enough. */
static void go_on_without(struct sl_node *node) {
    const struct node_joining *joining = &node->joining;
    if (count_in(joining, NODE_DONOR_ASKED) + count_in(joining, NODE_DONOR_CHOSEN) == 0) {
        if (count_in(joining, NODE_DONOR_CUT) == 0)
            fail_all(node);
        else
            wait_until(node, sl_clock_monotonic() + sl_time_from_seconds(node->settings->round.deadline_min));
    } else if (!joining->chosen && all_announced(node)) {
        choose(node);
    } else if (joining->chosen && all_whole(node)) {
        take_whole(node);
    }
}

/* What came is worth as long a wait as it took to come; and a connection is soon there again. */
static void wait_for_cut(struct sl_node *node, struct node_donor *donor) {
    struct node_joining *joining = &node->joining;
    sl_time now = sl_clock_monotonic(), longest = sl_time_from_seconds(node->settings->round.deadline_max);
    sl_time took = now - joining->asked_at, least = sl_time_from_seconds(node->settings->round.deadline_min / 4);
    if (took < least)
        took = least;
    donor->state = NODE_DONOR_CUT;
    if (!event_pending(joining->timer, EV_TIMEOUT, NULL))
        wait_until(node, now + (took < longest ? took : longest));
}

void node_model_failed(struct sl_node *node, const char *peer) {
    struct node_joining *joining = &node->joining;
    struct node_donor *donor = find_donor(joining, peer);
    if (donor == NULL || joining->taking)
        return;
    const struct node_peer *giver = node_find_peer(node, peer);
    const struct node_incoming *snapshot = snapshot_of(giver);
    if (donor->state == NODE_DONOR_CHOSEN && snapshot != NULL && snapshot->lost && snapshot->inbound != NULL) {
        if (!sl_inbound_has_all(snapshot->inbound)) /* else the end of it is being verified */
            wait_for_cut(node, donor);
        return;
    }
    if (donor->state == NODE_DONOR_CUT && giver->connection == NULL)
        return;
    char name[SL_NAME_SIZE];
    memcpy(name, donor->name, sizeof name);
    drop_snapshots(node, name);
    *donor = joining->donors[--joining->count];
    go_on_without(node);
    node_step_round(node, &(struct sl_round_event){.type = SL_ROUND_MODEL_FAILED, .peer = name});
}

/* Others still give: whether one was waited for that is away. */
static bool give_cut_up(struct sl_node *node) {
    bool any = false;
    for (size_t i = 0; i < node->joining.count; i++) {
        struct node_donor *donor = &node->joining.donors[i];
        if (donor->state != NODE_DONOR_CUT)
            continue;
        donor->state = NODE_DONOR_SPARE;
        drop_snapshots(node, donor->name);
        any = true;
    }
    return any;
}

void node_joining_is_due(struct sl_node *node) {
    struct node_joining *joining = &node->joining;
    if (joining->taking || joining->count == 0)
        return;
    if (sl_round_phase(node->round) != SL_PHASE_JOIN)
        node_end_joining(node);
    else if (!joining->chosen)
        choose(node);
    else if (count_in(joining, NODE_DONOR_CHOSEN) == 0)
        ask_others(node);
    else if (!give_cut_up(node) || all_whole(node))
        take_whole(node);
    else
        wait_until(node, sl_clock_monotonic() + sl_time_from_seconds(node->settings->round.deadline_min));
}
