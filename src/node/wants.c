/* With whom this node wants to be connected for its rounds: in a flock that is no full mesh, the neighbours of this
 * round and the next, whoever owes it a verdict, and the donor of its model. */
#include "node/internal.h"

#include <stdlib.h>
#include <string.h>

struct wants {
    const char **names;
    size_t count, room;
    struct sl_overlay_member *members;
    uint32_t *neighbours;
};

static void add(struct wants *wants, const char *name) {
    if (wants->count < wants->room)
        wants->names[wants->count++] = name;
}

static void add_round(const struct sl_node *node, struct wants *wants, uint64_t round) {
    size_t count = 0, self = 0, neighbours = 0;
    for (size_t i = 0; i < node->member_count; i++) {
        const struct sl_round_member *member = &node->members[i];
        bool is_self = strcmp(member->name, node->settings->node.name) == 0;
        bool takes_part = member->from_round != 0 && member->from_round <= round &&
                          (member->until_round == 0 || member->until_round > round);
        if (!is_self && !takes_part)
            continue;
        if (is_self)
            self = count;
        wants->members[count++] = (struct sl_overlay_member){.name = member->name, .tag = member->tag};
    }
    if (sl_graph_cache_neighbours(node->graphs, &node->topology, wants->neighbours, &neighbours, wants->members, count,
                                  self, node_overlay_seed(node), round) != SL_OK)
        return;
    for (size_t i = 0; i < neighbours; i++)
        add(wants, wants->members[wants->neighbours[i]].name);
}

void node_want_connections(struct sl_node *node) {
    size_t count = node->member_count;
    uint64_t round = sl_round_current(node->round);
    struct wants wants = {.room = 2 * count + 1};
    if (count <= node->settings->membership.full_mesh)
        return;
    for (const struct node_peer *peer = node->peers; peer != NULL; peer = peer->next)
        wants.room++;
    wants.names = calloc(wants.room, sizeof *wants.names);
    wants.members = calloc(count, sizeof *wants.members);
    wants.neighbours = calloc(count, sizeof *wants.neighbours);
    if (wants.names != NULL && wants.members != NULL && wants.neighbours != NULL) {
        add_round(node, &wants, round == 0 ? 1 : round);
        add_round(node, &wants, round + 1);
        for (const struct node_peer *peer = node->peers; peer != NULL; peer = peer->next) {
            if (peer->pending.round != 0)
                add(&wants, peer->name);
        }
        if (node->donor[0] != '\0')
            add(&wants, node->donor);
        node_step_membership(node, &(struct sl_membership_event){
                                       .type = SL_MEMBERSHIP_WANT, .names = wants.names, .name_count = wants.count});
    } /* without memory the next round asks again */
    free(wants.names);
    free(wants.members);
    free(wants.neighbours);
}
