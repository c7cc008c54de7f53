/* Who talks to whom in round t, and with which weight: a pure function of the roster, the seed and the round, so that
 * every node computes the same graph for itself.
 *
 * The random graphs are exact, so that another implementation computes the same (docs/protocol.md, "Overlay"):
 *
 *   regular:s (s even), n ≥ s + 2 members; P(seed, a, b) is sl_philox_u64:
 *     Ring c of s/2, draw r (0 at first): the members in order of P(P(seed, round, c·2³² + r), tag, 0), ties by name.
 *     Walk: begin with the first in that order; go on, each time, to the first in the order that was not visited yet
 * and is no neighbour, by an earlier ring, of where the walk stands; close it from the last to the first. Where no
 * member is left to go to, or the closing edge is there already, the ring is drawn again, r + 1. After 16 draws of one
 * ring the whole graph becomes: in the order of ring 0, draw 0, everybody is a neighbour of the s/2 before and the s/2
 * behind, around. So the graph is s-regular, connected and without double edges, always; a node more or less moves few
 * edges (no other ring changes, and a walk falls back into its order). static-regular:s: the same with round 0.
 *   small-world:k,p, n ≥ k + 2 members: everybody is joined to the k/2 next by index, around. Then for j = 1 … k/2, for
 *     i = 0 … n−1: with u = sl_random_unit of the stream (seed, attempt), if u < p and i has less than n−1 neighbours,
 * the edge from i to i + j becomes one from i to the sl_random_below(n − 1 − degree of i)-th member, ascending, that is
 *     neither i nor its neighbour. Where the outcome is not connected: attempt + 1; after 16 attempts the plain ring of
 * k. */
#ifndef SL_OVERLAY_OVERLAY_H
#define SL_OVERLAY_OVERLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <starling/error.h>

enum sl_topology_kind {
    SL_TOPOLOGY_FULL,
    SL_TOPOLOGY_RING,
    SL_TOPOLOGY_TORUS,     /* the most square a × b = n, at least 3 × 3, else refused; row by row in order of name */
    SL_TOPOLOGY_HYPERCUBE, /* n a power of two; all dimensions each round */
    SL_TOPOLOGY_STAR,      /* the first name is the hub */
    SL_TOPOLOGY_REGULAR,   /* seeded random s-regular, another graph each round */
    SL_TOPOLOGY_STATIC_REGULAR, /* the same graph each round */
    SL_TOPOLOGY_SMALL_WORLD, /* Watts and Strogatz 1998: ring of k neighbours, each edge rewired with probability p */
    SL_TOPOLOGY_FILE         /* edges "name name" a line, "#" begins a comment */
};

struct sl_topology_edge {
    char *a, *b; /* a < b */
};

struct sl_topology {
    enum sl_topology_kind kind;
    uint32_t degree;                /* s or k, even, 2 … SL_TOPOLOGY_DEGREE_MAX */
    double probability;             /* of rewiring, 0 … 1 */
    struct sl_topology_edge *edges; /* of the file, sorted */
    size_t edge_count;
};

enum { SL_TOPOLOGY_DEGREE_MAX = 1024, SL_TOPOLOGY_FILE_MAX = 16 << 20 /* bytes */ };

/* "full", "ring", "torus", "hypercube", "star", "regular:4", "static-regular:4", "small-world:4,0.1", "file:PATH" (read
 * here: each line checked, doubled edges and loops refused). SL_FORMAT, or what reading the file gave; the caller
 * finishes `out` on success, and it is empty on failure. */
SL_MUST_USE enum sl_status sl_topology_parse(struct sl_topology *out, const char *text, struct sl_error *error);
void sl_topology_finish(struct sl_topology *topology);
/* Whether such a graph exists on `count` nodes and is connected; the error (SL_UNSUPPORTED) says what would do. */
SL_MUST_USE enum sl_status sl_topology_check(const struct sl_topology *topology, size_t count, struct sl_error *error);

/* A member as the overlay sees it; `tag` is 64 bits of a digest of the name, made by the caller once. */
struct sl_overlay_member {
    const char *name;
    uint64_t tag;
};

/* The neighbours of `self` in round `round`, ascending by index, without self: at most `count` − 1 written to `out`.
 * `members` are sorted by name (memcmp). `seed` is the same on all nodes (run and epoch are mixed in by the caller).
 * A random regular graph on count ≤ s + 1 nodes is the full mesh; any graph that does not exist on this count falls
 * back to the ring of all, so that a roster that changed never stops a run (a file's graph: when some member is not in
 * it or its members are not connected); symmetric always. Fails with SL_NO_MEMORY only. */
SL_MUST_USE enum sl_status sl_overlay_neighbours(const struct sl_topology *topology, uint32_t *out, size_t *out_count,
                                                 const struct sl_overlay_member *members, size_t count, size_t self,
                                                 uint64_t seed, uint64_t round);

/* Metropolis-Hastings: 1 / (1 + max(d_i, d_j)) (Xiao and Boyd 2004). */
double sl_overlay_weight(uint32_t degree_i, uint32_t degree_j);
/* Whether in this topology and count every node has every other as its neighbour. */
bool sl_overlay_is_full(const struct sl_topology *topology, size_t count);

/* Graphs that were computed already, for one who asks on behalf of many members: the simulator shares one among all its
 * nodes, so that a random graph is computed once a round, not once a node. Topologies outlive the cache that knows
 * them. Not for several threads at once. */
struct sl_graph_cache;
SL_MUST_USE struct sl_graph_cache *sl_graph_cache_create(void); /* NULL when out of memory */
void sl_graph_cache_destroy(struct sl_graph_cache *cache);      /* accepts NULL */
/* sl_overlay_neighbours, and the same outcome. `cache` may be NULL. */
SL_MUST_USE enum sl_status sl_graph_cache_neighbours(struct sl_graph_cache *cache, const struct sl_topology *topology,
                                                     uint32_t *out, size_t *out_count,
                                                     const struct sl_overlay_member *members, size_t count, size_t self,
                                                     uint64_t seed, uint64_t round);

#endif
