/* Steps the membership and carries out what it asks for. */
#include "node/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

static void send_roster(struct sl_node *node, const struct sl_membership_action *action) {
    struct node_peer *peer = node_find_peer(node, action->node);
    struct sl_buffer payload = {0};
    if (peer != NULL && sl_roster_encode(&payload, &action->roster) == SL_OK)
        node_send(node, peer, SL_FRAME_ROSTER, &payload);
    sl_buffer_finish(&payload);
}

static void send_probe(struct sl_node *node, const struct sl_membership_action *action) {
    struct node_peer *peer = node_find_peer(node, action->node);
    struct sl_buffer payload = {0};
    if (peer != NULL && sl_probe_encode(&payload, &action->probe) == SL_OK)
        node_send(node, peer, SL_FRAME_PROBE, &payload);
    sl_buffer_finish(&payload);
}

static void send_digest(struct sl_node *node, const struct sl_membership_action *action) {
    struct node_peer *peer = node_find_peer(node, action->node);
    struct sl_buffer payload = {0};
    if (peer != NULL && sl_roster_digest_encode(&payload, &action->digest) == SL_OK)
        node_send(node, peer, SL_FRAME_ROSTER_DIGEST, &payload);
    sl_buffer_finish(&payload);
}

static void send_neighbour(struct sl_node *node, const struct sl_membership_action *action) {
    struct node_peer *peer = node_find_peer(node, action->node);
    struct sl_buffer payload = {0};
    if (peer != NULL && sl_neighbour_encode(&payload, &action->neighbour) == SL_OK)
        node_send(node, peer, SL_FRAME_NEIGHBOUR, &payload);
    sl_buffer_finish(&payload);
}

static void dial(struct sl_node *node, const struct sl_membership_action *action) {
    enum sl_status status =
        sl_transport_dial(node->transport, (const char *const *)action->addresses, action->address_count, action->node);
    if (status != SL_OK && status != SL_EXISTS)
        sl_log_line(node->log, SL_LOG_WARNING, "membership", "cannot dial", SL_TEXT("address", action->addresses[0]),
                    SL_TEXT("reason", sl_status_text(status)));
}

static void with_connection(struct sl_node *node, const struct sl_membership_action *action) {
    struct node_peer *peer = node_find_peer(node, action->node);
    if (peer == NULL || peer->connection == NULL)
        return;
    if (action->type == SL_MEMBERSHIP_SEND_PING) {
        peer->heard = 0; /* the answer is not to be held back */
        (void)sl_connection_ping(peer->connection);
    } else {
        sl_connection_close(peer->connection, action->text);
    }
}

/* Who signed what a member is suspected or dropped for: this node, or the one that it believed. */
static void find_accuser(const struct sl_node *node, char out[SL_NAME_SIZE], const char *member) {
    const struct sl_statement *held = sl_membership_statement(node->membership, member, true);
    struct sl_member_statement said;
    memcpy(out, node->settings->node.name, strlen(node->settings->node.name) + 1);
    if (held == NULL || sl_member_statement_decode(&said, held->body.data, held->body.length, NULL) != SL_OK)
        return;
    memcpy(out, said.origin, sizeof said.origin);
    sl_member_statement_finish(&said);
}

static void report_accused(struct sl_node *node, const char *member, const char *state) {
    char accuser[SL_NAME_SIZE];
    find_accuser(node, accuser, member);
    sl_log_line(node->log, SL_LOG_INFO, "membership", state, SL_TEXT("member", member), SL_TEXT("by", accuser));
    sl_record_event(node->record, "member", SL_TEXT("member", member), SL_TEXT("state", state), SL_TEXT("by", accuser));
}

/* Of a member; or, without one, of a join address that does not answer. */
static void report(struct sl_node *node, const struct sl_membership_action *action) {
    if (action->node[0] == '\0') {
        char text[SL_ADDRESS_SIZE + 32];
        (void)snprintf(text, sizeof text, "%s %s", action->address, action->text);
        sl_log_line(node->log, SL_LOG_WARNING, "membership", action->text, SL_TEXT("address", action->address));
        sl_record_event(node->record, "warning", SL_TEXT("text", text));
        return;
    }
    if (strcmp(action->text, "suspect") == 0 || strcmp(action->text, "dropped") == 0) {
        report_accused(node, action->node, action->text);
        return;
    }
    sl_log_line(node->log, SL_LOG_INFO, "membership", action->text, SL_TEXT("member", action->node));
    sl_record_event(node->record, "member", SL_TEXT("member", action->node), SL_TEXT("state", action->text));
}

static void carry_out(struct sl_node *node, const struct sl_membership_action *action, bool *changed) {
    switch (action->type) {
    case SL_MEMBERSHIP_DIAL:
        dial(node, action);
        break;
    case SL_MEMBERSHIP_SEND_ROSTER:
        send_roster(node, action);
        break;
    case SL_MEMBERSHIP_SEND_PROBE:
        send_probe(node, action);
        break;
    case SL_MEMBERSHIP_SEND_NEIGHBOUR:
        send_neighbour(node, action);
        break;
    case SL_MEMBERSHIP_SEND_DIGEST:
        send_digest(node, action);
        break;
    case SL_MEMBERSHIP_SEND_PING:
    case SL_MEMBERSHIP_CLOSE:
        with_connection(node, action);
        break;
    case SL_MEMBERSHIP_CHANGED:
        *changed = true;
        break;
    case SL_MEMBERSHIP_REPORT:
        report(node, action);
        break;
    case SL_MEMBERSHIP_WAKE:
        node_arm(node->membership_timer, action->at);
        break;
    }
}

void node_step_membership(struct sl_node *node, const struct sl_membership_event *event) {
    /* Actions never step this machine again (see internal.h), so that its one list of actions is enough. */
    struct sl_membership_actions *actions = &node->membership_actions;
    bool changed = false;
    enum sl_status status = sl_membership_step(node->membership, event, sl_clock_monotonic(), actions);
    for (size_t i = 0; i < actions->count; i++)
        carry_out(node, &actions->items[i], &changed);
    sl_membership_actions_clear(actions);
    if (status != SL_OK)
        sl_log_line(node->log, SL_LOG_ERROR, "membership", "event lost", SL_TEXT("reason", sl_status_text(status)));
    node->peers_file.changed |= changed;
    if (changed)
        node_tell_members(node);
}

static void copy_member(struct sl_round_member *out, const struct sl_member *member) {
    *out = (struct sl_round_member){.tag = node_name_tag(member->entry.node),
                                    .samples = member->entry.samples,
                                    .from_round = member->entry.from_round,
                                    .until_round = member->entry.until_round,
                                    .live = member->entry.state == SL_MEMBER_ALIVE,
                                    .connected = member->connected,
                                    .quiet = member->quiet};
    memcpy(out->name, member->entry.node, sizeof out->name);
}

void node_tell_members(struct sl_node *node) {
    size_t count;
    const struct sl_member *members = sl_membership_members(node->membership, &count);
    if (node->round == NULL || node->finishing)
        return;
    if (sl_array_reserve(&node->members, &node->member_capacity, count, sizeof *node->members) != SL_OK)
        return; /* the next change tells it */
    for (size_t i = 0; i < count; i++)
        copy_member(&node->members[i], &members[i]);
    node->member_count = count;
    node_step_round(
        node, &(struct sl_round_event){.type = SL_ROUND_MEMBERS, .members = node->members, .member_count = count});
}

/* ---- frames ---- */

enum sl_status node_on_probe(struct sl_node *node, struct node_peer *peer, const uint8_t *payload, size_t length,
                             struct sl_error *error) {
    struct sl_probe probe;
    enum sl_status status = sl_probe_decode(&probe, payload, length, error);
    if (status == SL_OK)
        node_step_membership(
            node, &(struct sl_membership_event){.type = SL_MEMBERSHIP_PROBE, .node = peer->name, .probe = &probe});
    return status;
}

enum sl_status node_on_neighbour(struct sl_node *node, struct node_peer *peer, const uint8_t *payload, size_t length,
                                 struct sl_error *error) {
    struct sl_neighbour neighbour;
    enum sl_status status = sl_neighbour_decode(&neighbour, payload, length, error);
    if (status == SL_OK)
        node_step_membership(node, &(struct sl_membership_event){
                                       .type = SL_MEMBERSHIP_NEIGHBOUR, .node = peer->name, .neighbour = &neighbour});
    return status;
}

enum sl_status node_on_roster_digest(struct sl_node *node, struct node_peer *peer, const uint8_t *payload,
                                     size_t length, struct sl_error *error) {
    struct sl_roster_digest digest;
    enum sl_status status = sl_roster_digest_decode(&digest, payload, length, error);
    if (status == SL_OK)
        node_step_membership(
            node, &(struct sl_membership_event){.type = SL_MEMBERSHIP_DIGEST, .node = peer->name, .digest = &digest});
    sl_roster_digest_finish(&digest);
    return status;
}

enum sl_status node_create_membership(struct sl_node *node, struct sl_error *error) {
    const struct sl_settings *settings = node->settings;
    struct node_remembered remembered;
    node_load_peers(node, &remembered);
    const struct sl_membership_options options = {
        .self = settings->node.name,
        .flock = settings->flock.name,
        .run = settings->flock.run,
        .epoch = settings->flock.epoch,
        .seal = node_seal_member,
        .seal_context = node,
        .incarnation = (uint64_t)(sl_clock_wall() / SL_MILLISECOND),
        .samples = node->learner->samples,
        .lineage = node->lineage,
        .full_mesh = (size_t)settings->membership.full_mesh,
        .addresses = (const char *const *)node->addresses,
        .address_count = node->address_count,
        .join = (const char *const *)settings->membership.join.items,
        .join_count = settings->membership.join.count,
        .remembered = (const char *const *)remembered.addresses,
        .remembered_count = remembered.count,
        .suspect_after = sl_time_from_seconds(settings->membership.suspect_after),
        .drop_after = sl_time_from_seconds(settings->membership.drop_after),
        .ping_interval = sl_time_from_seconds(settings->transport.ping_interval),
        .retry_min = sl_time_from_seconds(settings->membership.dial_retry_min),
        .retry_max = sl_time_from_seconds(settings->membership.dial_retry_max),
        .seed = node->boot};
    enum sl_status status = sl_membership_create(&node->membership, &options, error);
    node_finish_remembered(&remembered);
    return status;
}
