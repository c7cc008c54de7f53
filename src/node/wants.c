/* With whom this node wants to be connected for its rounds, in a flock that is no full mesh: round/wants.c says it. */
#include "node/internal.h"

#include <stdlib.h>

void node_want_connections(struct sl_node *node) {
    const char **names = NULL;
    size_t count = 0;
    if (node->member_count <= node->settings->membership.full_mesh)
        return;
    if (sl_round_wanted(node->round, &names, &count) == SL_OK)
        node_step_membership(
            node, &(struct sl_membership_event){.type = SL_MEMBERSHIP_WANT, .names = names, .name_count = count});
    free(names); /* without memory the next round asks again */
}
