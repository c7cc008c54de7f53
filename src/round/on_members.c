#include "round/state.h"

#include <string.h>

/* A new connection to a peer: what the old one may have lost is said again. */
static void handle_connected(struct sl_round *round, struct round_peer *peer) {
    if (!peer->member.quiet)
        sl_round_send_progress(round, peer);
    if (peer->pending != NULL)
        sl_round_send_ready(round, peer->pending);
    if (round->phase != SL_PHASE_EXCHANGE || !round->published)
        return;
    struct round_edge *edge = sl_round_find_edge(round, peer);
    if (edge == NULL || (edge->state != SL_EDGE_STATE_OPEN && edge->state != SL_EDGE_STATE_BOUND))
        return;
    sl_round_offer(round, edge);
    if (edge->state == SL_EDGE_STATE_BOUND)
        sl_round_send_ready(round, edge);
}

/* A new first round, as of one that begins anew or was dropped wrongly, is of rounds to come. Before it there is what
 * held until now, for everybody: or rosters would differ by who heard of it before a round began. What never came into
 * force is not kept. */
static void keep_former(const struct sl_round *round, struct round_peer *peer, const struct sl_round_member *member) {
    uint64_t from = sl_round_from(peer);
    if (member->from_round == peer->member.from_round || from == 0 || from > round->current + 1)
        return;
    peer->former_from = from;
    peer->former_until = peer->member.until_round;
    peer->starter_round = 0;
}

static void take_member(struct sl_round *round, struct round_peer *peer, const struct sl_round_member *member) {
    if (peer == NULL)
        return;
    bool connected = member->connected && !peer->member.connected;
    keep_former(round, peer, member);
    peer->member = *member;
    peer->named |= member->samples != 0 || member->from_round != 0; /* else only its name is known as yet */
    if (connected)
        handle_connected(round, peer);
}

/* Both lists are sorted: one walk. */
static void drop_unnamed(struct sl_round *round, const struct sl_round_event *event) {
    size_t named = 0;
    for (size_t i = 0; i < round->peers.count; i++) {
        struct round_peer *peer = round->peers.items[i];
        int order = -1;
        while (named < event->member_count && (order = strcmp(event->members[named].name, peer->member.name)) < 0)
            named++;
        if (order != 0)
            peer->member.live = peer->member.connected = false;
    }
}

/* Where the peer with that name is expected, given where the last one was: the members come in the peers' order. */
static struct round_peer *next_peer(struct sl_round *round, size_t *hint, const char *name) {
    if (*hint < round->peers.count && strcmp(round->peers.items[*hint]->member.name, name) == 0)
        return round->peers.items[(*hint)++];
    struct round_peer *peer = sl_round_get_peer(round, name);
    (*hint)++;
    return peer;
}

void sl_round_on_members(struct sl_round *round, const struct sl_round_event *event) {
    size_t hint = 0;
    for (size_t i = 0; i < event->member_count; i++)
        if (strcmp(event->members[i].name, round->self) == 0)
            round->own = event->members[i];
        else
            take_member(round, next_peer(round, &hint, event->members[i].name), &event->members[i]);
    drop_unnamed(round, event);
    round->tellers.count = 0;
    for (size_t i = 0; i < round->peers.count; i++) {
        struct round_peer *peer = round->peers.items[i];
        if (sl_round_is_reachable(peer) && !peer->member.quiet)
            sl_round_list_add(round, &round->tellers, peer);
    }
    round->roster_count = 0; /* made anew for the next round; the current one's plan is frozen */
    sl_round_half_recount(round);
}
