/* The real membership in place of the fixed roster (sl_world_options.membership): nodes join through the first one,
 * learn each other by gossip, and find out for themselves who is gone. Connections are made by dialling and stand until
 * an end closes them; a crash breaks them after a message's delay, a cut is noticed by silence alone. */
#include "sim/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/frame.h"

static void address_of(char out[SL_ADDRESS_SIZE], const struct sim_node *node) {
    (void)snprintf(out, SL_ADDRESS_SIZE, "%s:7400", node->name);
}

static bool *link_of(struct sl_world *world, uint32_t a, uint32_t b) {
    return &world->links[(size_t)a * world->options.nodes + b];
}

bool sl_sim_is_linked(const struct sl_world *world, uint32_t a, uint32_t b) {
    return world->links[(size_t)a * world->options.nodes + b];
}

/* Nobody lies here: a signature and a certificate of one byte each stand where the real ones would. */
static enum sl_status seal(void *context, struct sl_statement **out, const struct sl_member_statement *said) {
    (void)context;
    static const uint8_t nothing[1] = {0};
    const struct sl_bytes blank = {nothing, sizeof nothing};
    struct sl_buffer body = {0};
    enum sl_status status = sl_member_statement_encode(&body, said);
    if (status == SL_OK)
        status = sl_statement_create(out, (struct sl_bytes){body.data, body.length}, blank, &blank, 1);
    sl_buffer_finish(&body);
    return status;
}

enum sl_status sl_sim_start_membership(struct sl_world *world, uint32_t number) {
    struct sim_node *node = &world->nodes[number];
    char own[SL_ADDRESS_SIZE], first[SL_ADDRESS_SIZE];
    const char *const owns[] = {own}, *const joins[] = {first};
    address_of(own, node);
    address_of(first, &world->nodes[number == 0 ? 1 % world->options.nodes : 0]);
    sl_time unit = world->options.suspect_after;
    const struct sl_membership_options options = {.self = node->name,
                                                  .flock = "simulated",
                                                  .run = "simulated",
                                                  .epoch = SIM_EPOCH,
                                                  .seal = seal,
                                                  .incarnation = 1000 * node->life,
                                                  .samples = node->samples,
                                                  .lineage = node->lineage,
                                                  .addresses = owns,
                                                  .address_count = 1,
                                                  .join = joins,
                                                  .join_count = world->options.nodes > 1 ? 1 : 0,
                                                  .suspect_after = unit,
                                                  .drop_after = unit,
                                                  .ping_interval = unit / 4,
                                                  .retry_min = unit / 8,
                                                  .retry_max = unit,
                                                  .full_mesh = world->options.full_mesh,
                                                  .seed = node->lineage};
    enum sl_status status = sl_membership_create(&node->membership, &options, NULL);
    if (status == SL_OK)
        sl_sim_later(world, 0, &(struct sim_message){.type = SIM_MEMBERSHIP_TIMER, .to = number, .round = 0});
    node->membership_wake = 0;
    return status;
}

/* ---- actions ---- */

static void send_encoded(struct sl_world *world, struct sim_message *message, enum sl_status status) {
    if (status == SL_OK) {
        sl_sim_send(world, message);
        return;
    }
    world->status = status;
    sl_buffer_finish(&message->bytes);
}

static void send_roster(struct sl_world *world, uint32_t from, uint32_t to, const struct sl_roster *roster) {
    struct sim_message message = {.type = SIM_ROSTER, .from = from, .to = to};
    enum sl_status status = sl_roster_encode(&message.bytes, roster);
    send_encoded(world, &message, status);
}

static void send_probe(struct sl_world *world, uint32_t from, uint32_t to, const struct sl_probe *probe) {
    struct sim_message message = {.type = SIM_MEMBERSHIP_FRAME, .from = from, .to = to, .about = SL_FRAME_PROBE};
    enum sl_status status = sl_probe_encode(&message.bytes, probe);
    send_encoded(world, &message, status);
}

static void send_neighbour(struct sl_world *world, uint32_t from, uint32_t to, const struct sl_neighbour *neighbour) {
    struct sim_message message = {.type = SIM_MEMBERSHIP_FRAME, .from = from, .to = to, .about = SL_FRAME_NEIGHBOUR};
    enum sl_status status = sl_neighbour_encode(&message.bytes, neighbour);
    send_encoded(world, &message, status);
}

static void send_digest(struct sl_world *world, uint32_t from, uint32_t to, const struct sl_roster_digest *digest) {
    struct sim_message message = {
        .type = SIM_MEMBERSHIP_FRAME, .from = from, .to = to, .about = SL_FRAME_ROSTER_DIGEST};
    enum sl_status status = sl_roster_digest_encode(&message.bytes, digest);
    send_encoded(world, &message, status);
}

static void unlink_peers(struct sl_world *world, uint32_t a, uint32_t b, bool leaving) {
    if (!*link_of(world, a, b))
        return;
    *link_of(world, a, b) = *link_of(world, b, a) = false;
    sl_sim_later(world, 0, &(struct sim_message){.type = SIM_PEER_DOWN, .to = a, .about = b});
    sl_sim_later(world, world->options.delay,
                 &(struct sim_message){.type = SIM_PEER_DOWN, .to = b, .about = a, .round = leaving});
}

static void wake(struct sl_world *world, uint32_t number, sl_time at) {
    uint64_t wake = ++world->nodes[number].membership_wake;
    if (at != SL_NEVER)
        sl_sim_later(world, at > world->now ? at - world->now : 0,
                     &(struct sim_message){.type = SIM_MEMBERSHIP_TIMER, .to = number, .round = wake});
}

static void carry_out(struct sl_world *world, uint32_t number, const struct sl_membership_action *action,
                      bool *changed) {
    uint32_t peer = sl_world_index(action->type == SL_MEMBERSHIP_DIAL ? action->addresses[0] : action->node);
    switch (action->type) {
    case SL_MEMBERSHIP_DIAL:
        sl_sim_later(world, 2 * world->options.delay,
                     &(struct sim_message){.type = SIM_DIALLED, .to = number, .about = peer});
        break;
    case SL_MEMBERSHIP_SEND_ROSTER:
        send_roster(world, number, peer, &action->roster);
        break;
    case SL_MEMBERSHIP_SEND_PING:
        sl_sim_send(world, &(struct sim_message){.type = SIM_PING, .from = number, .to = peer});
        break;
    case SL_MEMBERSHIP_SEND_PROBE:
        send_probe(world, number, peer, &action->probe);
        break;
    case SL_MEMBERSHIP_SEND_NEIGHBOUR:
        send_neighbour(world, number, peer, &action->neighbour);
        break;
    case SL_MEMBERSHIP_SEND_DIGEST:
        send_digest(world, number, peer, &action->digest);
        break;
    case SL_MEMBERSHIP_CLOSE:
        unlink_peers(world, number, peer, false);
        break;
    case SL_MEMBERSHIP_CHANGED:
        *changed = true;
        break;
    case SL_MEMBERSHIP_REPORT:
        break;
    case SL_MEMBERSHIP_WAKE:
        wake(world, number, action->at);
        break;
    }
}

void sl_sim_feed_membership(struct sl_world *world, uint32_t number, const struct sl_membership_event *event) {
    struct sim_node *node = &world->nodes[number];
    struct sl_membership_actions *actions = &world->membership_actions;
    bool changed = false;
    if (node->membership == NULL)
        return;
    enum sl_status status = sl_membership_step(node->membership, event, world->now, actions);
    if (status != SL_OK)
        world->status = status;
    for (size_t i = 0; i < actions->count; i++)
        carry_out(world, number, &actions->items[i], &changed);
    sl_membership_actions_clear(actions);
    if (changed && !node->stale) { /* the machine may be in the midst of its own actions */
        node->stale = true;
        sl_sim_later(world, 0, &(struct sim_message){.type = SIM_TELL_MEMBERS, .to = number});
    }
}

void sl_sim_want_connections(struct sl_world *world, uint32_t number) {
    const struct sim_node *node = &world->nodes[number];
    const char **names = NULL;
    size_t count = 0;
    if (node->membership == NULL)
        return;
    enum sl_status status = sl_round_wanted(node->round, &names, &count);
    if (status != SL_OK)
        world->status = status;
    else
        sl_sim_feed_membership(
            world, number,
            &(struct sl_membership_event){.type = SL_MEMBERSHIP_WANT, .names = names, .name_count = count});
    free(names);
}

/* ---- events ---- */

static void bring_up(struct sl_world *world, uint32_t number, uint32_t peer, bool dialled) {
    char address[SL_ADDRESS_SIZE];
    const char *const addresses[] = {address};
    address_of(address, &world->nodes[peer]);
    sl_sim_feed_membership(world, number,
                           &(struct sl_membership_event){.type = SL_MEMBERSHIP_PEER_UP,
                                                         .node = world->nodes[peer].name,
                                                         .address = dialled ? address : NULL,
                                                         .addresses = addresses,
                                                         .address_count = 1});
}

static void end_dial(struct sl_world *world, uint32_t number, uint32_t peer) {
    const struct sim_node *other = &world->nodes[peer];
    bool linked = sl_sim_is_linked(world, number, peer);
    if (linked || other->round == NULL || other->finished || sl_sim_is_cut(world, number, peer)) {
        char address[SL_ADDRESS_SIZE];
        address_of(address, other);
        sl_sim_feed_membership(world, number,
                               &(struct sl_membership_event){.type = SL_MEMBERSHIP_DIAL_FAILED,
                                                             .node = linked ? other->name : "",
                                                             .address = address,
                                                             .is_connected = linked});
        return;
    }
    *link_of(world, number, peer) = *link_of(world, peer, number) = true;
    bring_up(world, number, peer, true);
    bring_up(world, peer, number, false);
}

static void finish_claims(struct sl_member_claim *claims, size_t count) {
    for (size_t i = 0; i < count; i++)
        sl_member_statement_finish(&claims[i].said);
    free(claims);
}

static void take_roster(struct sl_world *world, const struct sim_message *message) {
    struct sl_roster roster;
    enum sl_status status = sl_roster_decode(&roster, message->bytes.data, message->bytes.length, NULL);
    struct sl_member_claim *claims = calloc(SL_ROSTER_ENTRIES_MAX, sizeof *claims);
    size_t count = 0;
    if (status == SL_OK && claims == NULL)
        status = SL_NO_MEMORY;
    for (; status == SL_OK && count < roster.count; count += status == SL_OK) {
        const struct sl_bytes body = roster.statements[count]->body;
        claims[count].statement = roster.statements[count];
        status = sl_member_statement_decode(&claims[count].said, body.data, body.length, NULL);
    }
    if (status == SL_OK)
        sl_sim_feed_membership(world, message->to,
                               &(struct sl_membership_event){.type = SL_MEMBERSHIP_ROSTER,
                                                             .node = world->nodes[message->from].name,
                                                             .claims = claims,
                                                             .claim_count = count});
    else
        world->status = status;
    finish_claims(claims, count);
    sl_roster_finish(&roster);
}

static void take_probe(struct sl_world *world, const struct sim_message *message) {
    struct sl_probe probe;
    enum sl_status status = sl_probe_decode(&probe, message->bytes.data, message->bytes.length, NULL);
    if (status != SL_OK)
        world->status = status;
    else
        sl_sim_feed_membership(world, message->to,
                               &(struct sl_membership_event){.type = SL_MEMBERSHIP_PROBE,
                                                             .node = world->nodes[message->from].name,
                                                             .probe = &probe});
}

static void take_neighbour(struct sl_world *world, const struct sim_message *message) {
    struct sl_neighbour neighbour;
    enum sl_status status = sl_neighbour_decode(&neighbour, message->bytes.data, message->bytes.length, NULL);
    if (status != SL_OK)
        world->status = status;
    else
        sl_sim_feed_membership(world, message->to,
                               &(struct sl_membership_event){.type = SL_MEMBERSHIP_NEIGHBOUR,
                                                             .node = world->nodes[message->from].name,
                                                             .neighbour = &neighbour});
}

static void take_digest(struct sl_world *world, const struct sim_message *message) {
    struct sl_roster_digest digest;
    enum sl_status status = sl_roster_digest_decode(&digest, message->bytes.data, message->bytes.length, NULL);
    if (status != SL_OK)
        world->status = status;
    else
        sl_sim_feed_membership(world, message->to,
                               &(struct sl_membership_event){.type = SL_MEMBERSHIP_DIGEST,
                                                             .node = world->nodes[message->from].name,
                                                             .digest = &digest});
    sl_roster_digest_finish(&digest);
}

static void take_frame(struct sl_world *world, const struct sim_message *message) {
    if (message->about == SL_FRAME_PROBE)
        take_probe(world, message);
    else if (message->about == SL_FRAME_NEIGHBOUR)
        take_neighbour(world, message);
    else
        take_digest(world, message);
}

/* Of one life. */
void sl_sim_deliver_to_membership(struct sl_world *world, const struct sim_message *message) {
    struct sim_node *node = &world->nodes[message->to];
    struct sl_membership_event event = {.type = SL_MEMBERSHIP_TIMER, .node = world->nodes[message->about].name};
    if (message->life != node->life)
        return;
    if (message->type == SIM_DIALLED) {
        end_dial(world, message->to, message->about);
        return;
    }
    if (message->type == SIM_MEMBERSHIP_TIMER && message->round != node->membership_wake)
        return;
    if (message->type == SIM_PEER_DOWN) {
        event.type = SL_MEMBERSHIP_PEER_DOWN;
        event.leaving = message->round != 0;
    }
    sl_sim_feed_membership(world, message->to, &event);
}

/* Whatever comes over a connection is a sign of life. False: there is no connection, the message is lost. */
bool sl_sim_hear(struct sl_world *world, const struct sim_message *message) {
    if (!sl_sim_is_linked(world, message->to, message->from))
        return false;
    sl_sim_feed_membership(
        world, message->to,
        &(struct sl_membership_event){.type = SL_MEMBERSHIP_HEARD, .node = world->nodes[message->from].name});
    if (message->type == SIM_ROSTER)
        take_roster(world, message);
    else if (message->type == SIM_MEMBERSHIP_FRAME)
        take_frame(world, message);
    else if (message->type == SIM_PING)
        sl_sim_send(world, &(struct sim_message){.type = SIM_PONG, .from = message->to, .to = message->from});
    return true;
}

/* ---- what the machine is told, and the end ---- */

size_t sl_sim_list_members(struct sl_world *world, uint32_t number) {
    size_t count;
    const struct sl_member *members = sl_membership_members(world->nodes[number].membership, &count);
    for (size_t i = 0; i < count; i++) {
        const struct sl_member_entry *entry = &members[i].entry;
        struct sl_round_member *member = &world->members[i];
        *member = (struct sl_round_member){.tag = world->nodes[sl_world_index(entry->node)].tag,
                                           .samples = entry->samples,
                                           .from_round = entry->from_round,
                                           .until_round = entry->until_round,
                                           .live = entry->state == SL_MEMBER_ALIVE,
                                           .connected = members[i].connected,
                                           .quiet = members[i].quiet};
        memcpy(member->name, entry->node, sizeof member->name);
    }
    return count;
}

void sl_sim_end_membership(struct sl_world *world, uint32_t number, bool leaving) {
    struct sim_node *node = &world->nodes[number];
    if (leaving)
        sl_sim_feed_membership(world, number, &(struct sl_membership_event){.type = SL_MEMBERSHIP_LEAVE});
    for (uint32_t i = 0; world->links != NULL && i < world->options.nodes; i++)
        unlink_peers(world, number, i, leaving);
    sl_membership_destroy(node->membership);
    node->membership = NULL;
}
