/* The plan of a round, frozen when it is entered: who is in it, whom this node exchanges with, and the coefficients of
 * the mixing pass (docs/protocol.md; forms in aggregate/mean.h).
 *
 *   full mesh    n_j / N, N = Σ n of the roster (by samples), or n = 1 and N = the count: FedAvg (McMahan et al. 2017).
 *                Both ends must have the same N, n_i and n_j, else the edge would not conserve Σ n x: no edge.
 *   other graphs 1 / (1 + max(d_i, d_j)), Metropolis-Hastings (Xiao and Boyd 2004), d as planned by each end.
 *
 * The weight of an edge that does not count stays at home, so any set of edges is symmetric and doubly stochastic. */
#include "round/state.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

static uint64_t samples_of(const struct sl_round *round, const struct sl_round_member *member) {
    return round->options.by_samples ? member->samples : 1;
}

static bool holds(uint64_t from, uint64_t until, uint64_t number) {
    return from != 0 && from <= number && (until == 0 || until > number);
}

bool sl_round_is_listed(const struct round_peer *peer, uint64_t number) {
    uint64_t from = sl_round_from(peer);
    if (!peer->named)
        return false;
    if (from != 0 && from <= number)
        return holds(from, peer->member.until_round, number);
    return holds(peer->former_from, peer->former_until, number);
}

/* The whole roster stays the same until something that was said of somebody comes into force. */
static void narrow(struct sl_round *round, const struct round_peer *peer, uint64_t number) {
    const uint64_t changes[] = {sl_round_from(peer), peer->member.until_round, peer->former_until};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
        if (changes[i] > number && changes[i] < round->roster_until)
            round->roster_until = changes[i];
}

static bool reserve_roster(struct sl_round *round) {
    size_t wanted = round->peers.count + 1;
    bool ok = sl_array_reserve(&round->roster, &round->roster_capacity, wanted, sizeof *round->roster) == SL_OK &&
              sl_array_reserve(&round->roster_peers, &round->roster_peers_capacity, wanted,
                               sizeof *round->roster_peers) == SL_OK &&
              sl_array_reserve(&round->roster_neighbours, &round->roster_neighbours_capacity, wanted,
                               sizeof *round->roster_neighbours) == SL_OK;
    if (!ok)
        round->status = SL_NO_MEMORY;
    return ok;
}

static void append_member(struct sl_round *round, struct round_peer *peer) {
    const struct sl_round_member *member = peer != NULL ? &peer->member : &round->own;
    round->roster[round->roster_count] = (struct sl_overlay_member){.name = member->name, .tag = member->tag};
    round->roster_peers[round->roster_count++] = peer;
    round->roster_samples += samples_of(round, member);
}

static void append_self(struct sl_round *round) {
    round->roster_self = round->roster_count;
    append_member(round, NULL);
}

static void list_roster(struct sl_round *round) {
    round->roster_count = 0;
    round->roster_samples = 0;
    round->roster_from = round->current;
    round->roster_until = UINT64_MAX;
    if (!reserve_roster(round))
        return;
    bool placed = false;
    for (size_t i = 0; i < round->peers.count; i++) {
        struct round_peer *peer = round->peers.items[i];
        narrow(round, peer, round->current);
        if (!sl_round_is_listed(peer, round->current))
            continue;
        if (!placed && strcmp(round->self, peer->member.name) < 0) {
            append_self(round);
            placed = true;
        }
        append_member(round, peer);
    }
    if (!placed)
        append_self(round);
}

/* In which order a node takes its turns: the same number at both ends, so that two narrow links never wait for each
 * other in a circle. A tournament (Kirkman 1847): those with 0 pair everybody with one other, with each of them once in
 * n − 1 rounds; of an odd number one is left over, once in n. */
static uint32_t turn_order(const struct sl_round *round, size_t other) {
    size_t self = round->roster_self, last = round->roster_count - 1;
    size_t cycle = last % 2 == 0 ? last + 1 : last; /* odd */
    if (self >= cycle || other >= cycle)            /* the one beyond meets whoever would meet itself */
        self = other = self < other ? self : other;
    return (uint32_t)((self + other + cycle - (size_t)(round->current % cycle)) % cycle);
}

static void list_edges(struct sl_round *round) {
    size_t count = 0;
    round->edge_count = 0;
    enum sl_status status = sl_graph_cache_neighbours(
        round->options.graphs, round->options.topology, round->roster_neighbours, &count, round->roster,
        round->roster_count, round->roster_self, round->options.seed, round->current);
    if (status == SL_OK)
        status = sl_array_reserve(&round->edges, &round->edge_capacity, count, sizeof *round->edges);
    if (status != SL_OK) {
        round->status = status;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        size_t other = round->roster_neighbours[i];
        struct round_peer *peer = round->roster_peers[other];
        round->edges[round->edge_count++] = (struct round_edge){.peer = peer,
                                                                .round = round->current,
                                                                .samples = samples_of(round, &peer->member),
                                                                .state = SL_EDGE_STATE_OPEN,
                                                                .decider = strcmp(round->self, peer->member.name) < 0,
                                                                .turn = turn_order(round, other)};
    }
}

void sl_round_freeze_plan(struct sl_round *round) {
    if (round->roster_count == 0 || round->current < round->roster_from || round->current >= round->roster_until)
        list_roster(round);
    round->edge_count = 0;
    if (round->status != SL_OK)
        return;
    round->full = sl_overlay_is_full(round->options.topology, round->roster_count);
    if (round->roster_count > 1)
        list_edges(round);
    if (round->edge_count > 0)
        round->had_peers = true;
}

bool sl_round_manifest_agrees(const struct sl_round *round, const struct round_edge *edge) {
    const struct round_manifest *manifest = &edge->manifest;
    if (manifest->degree == 0)
        return false;
    if (!round->full)
        return true;
    if (manifest->total_samples != round->roster_samples || manifest->degree != round->edge_count)
        return false;
    if (round->options.by_samples && manifest->samples != edge->samples)
        return false;
    return !round->has_view || memcmp(manifest->view, round->own_view, sizeof manifest->view) == 0;
}

double sl_round_edge_weight(const struct sl_round *round, const struct round_edge *edge) {
    if (round->full)
        return (double)edge->samples / (double)round->roster_samples;
    return sl_overlay_weight((uint32_t)round->edge_count, edge->manifest.degree);
}

/* The coefficient of a planned peer; in other graphs its degree is only known with its manifest, and taken to be the
 * own one until then. */
static double coefficient_of(const struct sl_round *round, const struct round_edge *edge) {
    if (round->full)
        return (double)edge->samples;
    uint32_t own = (uint32_t)round->edge_count;
    return sl_overlay_weight(own, edge->has_manifest ? edge->manifest.degree : own);
}

void sl_round_fill_plan(struct sl_round *round, struct sl_round_action *action, bool all) {
    action->plan = calloc(round->edge_count + 1, sizeof *action->plan);
    if (action->plan == NULL) {
        round->status = SL_NO_MEMORY;
        return;
    }
    action->divisor = round->full || round->edge_count == 0 ? (double)round->roster_samples : 1;
    double home = action->divisor; /* what the counted edges leave */
    size_t self = 0;
    while (self < round->edge_count && !round->edges[self].decider)
        self++;
    action->plan_count = round->edge_count + 1;
    for (size_t i = 0; i < round->edge_count; i++) {
        const struct round_edge *edge = &round->edges[i];
        struct sl_round_source *source = &action->plan[i < self ? i : i + 1];
        memcpy(source->name, edge->peer->member.name, sizeof source->name);
        source->counted = all || edge->counted;
        source->coefficient = source->counted ? coefficient_of(round, edge) : 0;
        home -= source->coefficient;
    }
    memcpy(action->plan[self].name, round->self, sizeof action->plan[self].name);
    action->plan[self].self = action->plan[self].counted = true;
    action->plan[self].coefficient = home;
}
