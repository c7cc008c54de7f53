/* What each node knows of the others: a stand-in for membership, reliable and with a fixed delay. */
#include "sim/internal.h"

#include <stdlib.h>
#include <string.h>

#include "overlay/overlay.h"

static void tell(struct sl_world *world, uint32_t number, size_t count) {
    sl_world_feed(world, number,
                  &(struct sl_round_event){.type = SL_ROUND_MEMBERS, .members = world->members, .member_count = count});
}

void sl_sim_tell_members(struct sl_world *world, uint32_t number) {
    struct sim_node *node = &world->nodes[number];
    uint32_t count = world->options.nodes;
    size_t contact = 0;
    node->stale = false;
    if (node->membership != NULL) {
        tell(world, number, sl_sim_list_members(world, number));
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct sim_node *other = &world->nodes[i];
        const struct sim_view *view = &node->views[i];
        struct sl_round_member *member = &world->members[i];
        bool told = node->contacts == NULL;
        if (!told && contact < node->contact_count && node->contacts[contact] == i) {
            told = true;
            contact++;
        }
        *member = (struct sl_round_member){.tag = other->tag,
                                           .samples = other->samples,
                                           .from_round = view->from_round,
                                           .live = i == number || view->live,
                                           .connected = i == number || view->connected,
                                           .quiet = !told};
        memcpy(member->name, other->name, sizeof member->name);
    }
    tell(world, number, count);
}

/* What changes within a message's delay is told together. */
static void tell_soon(struct sl_world *world, uint32_t number) {
    struct sim_node *node = &world->nodes[number];
    if (node->stale)
        return;
    node->stale = true;
    sl_sim_later(world, world->options.delay, &(struct sim_message){.type = SIM_TELL_MEMBERS, .to = number});
}

static void change_view(struct sl_world *world, const struct sim_message *message, uint32_t number) {
    struct sim_node *node = &world->nodes[number];
    struct sim_view *view = &node->views[message->about];
    if (node->round == NULL || node->finished || number == message->about)
        return;
    if (message->type == SIM_MEMBER_FROM) {
        view->from_round = message->round;
    } else if (message->round != world->nodes[message->about].life) {
        return; /* of an earlier life */
    } else if (message->type == SIM_MEMBER_UP) {
        if (view->connected) { /* the new connection replaces the old one */
            view->connected = false;
            sl_sim_tell_members(world, number);
        }
        view->live = view->connected = true;
    } else {
        view->live = view->connected = false;
    }
    tell_soon(world, number);
}

void sl_sim_deliver_membership(struct sl_world *world, const struct sim_message *message) {
    if (message->to != EVERYBODY)
        change_view(world, message, message->to);
    for (uint32_t i = 0; message->to == EVERYBODY && i < world->options.nodes; i++)
        change_view(world, message, i);
}

void sl_sim_tell_all(struct sl_world *world, enum sim_message_type type, uint32_t about, uint64_t round,
                     sl_time after) {
    if (world->links != NULL)
        return; /* the real membership finds out */
    sl_sim_push(world, after, &(struct sim_message){.type = type, .to = EVERYBODY, .about = about, .round = round});
}

static enum sl_status choose(struct sl_world *world, const struct sl_overlay_member *members, uint32_t number) {
    struct sim_node *node = &world->nodes[number];
    node->contacts = malloc(world->options.nodes * sizeof *node->contacts);
    if (node->contacts == NULL)
        return SL_NO_MEMORY;
    enum sl_status status =
        sl_graph_cache_neighbours(world->graphs, &world->contact_graph, node->contacts, &node->contact_count, members,
                                  world->options.nodes, number, world->options.seed, 0);
    if (status != SL_OK || node->contact_count == 0)
        return status;
    uint32_t *fit = realloc(node->contacts, node->contact_count * sizeof *fit);
    if (fit != NULL)
        node->contacts = fit;
    return SL_OK;
}

enum sl_status sl_sim_choose_contacts(struct sl_world *world) {
    const struct sl_world_options *options = &world->options;
    if (options->contacts == 0 || options->contacts + 1 >= options->nodes)
        return SL_OK;
    world->contact_graph = (struct sl_topology){.kind = SL_TOPOLOGY_STATIC_REGULAR, .degree = options->contacts};
    struct sl_overlay_member *members = malloc(options->nodes * sizeof *members);
    enum sl_status status = members != NULL ? SL_OK : SL_NO_MEMORY;
    for (uint32_t i = 0; status == SL_OK && i < options->nodes; i++)
        members[i] = (struct sl_overlay_member){.name = world->nodes[i].name, .tag = world->nodes[i].tag};
    for (uint32_t i = 0; status == SL_OK && i < options->nodes; i++)
        status = choose(world, members, i);
    free(members);
    return status;
}
