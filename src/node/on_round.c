/* Steps the round machine and carries out what it asks for. */
#include "node/internal.h"

#include <string.h>

static void send_ready(struct sl_node *node, const struct sl_round_action *action) {
    struct node_peer *peer = node_find_peer(node, action->peer);
    struct sl_buffer payload = {0};
    if (peer != NULL && sl_ready_encode(&payload, &action->message.ready) == SL_OK)
        node_send(node, peer, SL_FRAME_READY, &payload);
    sl_buffer_finish(&payload);
}

static void send_verdict(struct sl_node *node, const struct sl_round_action *action) {
    struct node_peer *peer = node_find_peer(node, action->peer);
    struct sl_buffer payload = {0};
    if (peer != NULL && sl_verdict_encode(&payload, &action->message.verdict) == SL_OK)
        node_send(node, peer, SL_FRAME_VERDICT, &payload);
    sl_buffer_finish(&payload);
}

static void send_pass(struct sl_node *node, const struct sl_round_action *action) {
    struct node_peer *peer = node_find_peer(node, action->peer);
    struct sl_buffer payload = {0};
    if (peer != NULL && sl_pass_encode(&payload, &action->message.pass) == SL_OK)
        node_send(node, peer, SL_FRAME_PASS, &payload);
    sl_buffer_finish(&payload);
}

/* To one peer, or to all. */
static void send_progress(struct sl_node *node, const struct sl_round_action *action) {
    struct sl_buffer payload = {0};
    if (sl_progress_encode(&payload, &action->message.progress) == SL_OK)
        for (struct node_peer *peer = node->peers; peer != NULL; peer = peer->next)
            if (action->peer[0] == '\0' || strcmp(action->peer, peer->name) == 0)
                node_send(node, peer, SL_FRAME_PROGRESS, &payload);
    sl_buffer_finish(&payload);
}

static void release(struct sl_node *node, const struct sl_round_action *action) {
    struct node_peer *peer = node_find_peer(node, action->peer);
    if (peer == NULL)
        return;
    struct node_incoming *incoming = node_find_incoming(peer, SL_PAYLOAD_UPDATE, action->round);
    if (node->settings->mix.stream)
        node_fail_stream(node, peer, action->round);
    if (incoming != NULL)
        node_drop_incoming(node, incoming, true);
    node_drop_update(node, peer, action->round);
}

/* Actions about a peer's payloads; the peer may be gone by now, then there is nothing to do. */
static void with_peer(struct sl_node *node, const struct sl_round_action *action) {
    struct node_peer *peer = node_find_peer(node, action->peer);
    if (peer == NULL)
        return;
    if (action->type == SL_ROUND_OFFER && node->update.round == action->round)
        node_offer(node, peer, &node->update, action->held);
    else if (action->type == SL_ROUND_TURN)
        node_give_turn(peer, action->round);
    else if (action->type == SL_ROUND_FETCH)
        node_fetch(node, peer, SL_PAYLOAD_UPDATE, action->round);
    else if (action->type == SL_ROUND_HOLD)
        node_hold(node, peer, action);
    else if (action->type == SL_ROUND_APPLY_LATE)
        node_apply_late(node, peer, action);
    else if (action->type == SL_ROUND_DROP_LATE)
        node_drop_late(node, peer, action->round);
    else if (action->type == SL_ROUND_REQUEST_MODEL)
        node_request_model(node, peer);
}

static void report_edge(struct sl_node *node, const struct sl_round_action *action) {
    sl_record_event(node->record, "edge", SL_UNSIGNED("round", action->round), SL_TEXT("peer", action->peer),
                    SL_TEXT("outcome", sl_edge_outcome_text(action->outcome)),
                    SL_NUMBER("after", sl_time_to_seconds(action->after)));
    if (action->outcome == SL_EDGE_GONE || action->outcome == SL_EDGE_STALE)
        node_write_off(node, action);
}

/* Told when the model of the round is there: see finish_pass. */
static void note_closed(struct sl_node *node, const struct sl_round_action *action) {
    node->closed = (struct node_closed){
        .counted = action->counted, .planned = action->planned, .clean = action->clean, .waited = action->waited};
}

static void report_phase(struct sl_node *node, const struct sl_round_action *action) {
    const char *phase = sl_round_phase_text(action->phase);
    sl_record_event(node->record, "phase", SL_UNSIGNED("round", action->round), SL_TEXT("phase", phase));
    sl_log_line(node->log, SL_LOG_DEBUG, "round", "phase", SL_TEXT("phase", phase),
                SL_UNSIGNED("round", action->round));
    if (action->phase != SL_PHASE_TRAIN)
        return;
    node->told_round = action->round;
    node->round_entered = sl_clock_monotonic();
}

/* Too many rounds were missed, or promises forgotten: nothing of the former lineage holds any more. */
static void tell_lineage(struct sl_node *node, uint64_t lineage) {
    node->lineage = lineage;
    sl_record_event(node->record, "lineage");
    sl_log_line(node->log, SL_LOG_WARNING, "round", "a new lineage: joining anew with the flock's model");
}

static void report_outdated(struct sl_node *node, const struct sl_round_action *action) {
    sl_record_event(node->record, "outdated", SL_TEXT("peer", action->peer), SL_UNSIGNED("epoch", action->epoch));
    sl_log_line(node->log, SL_LOG_WARNING, "round", "a peer is in a later epoch", SL_TEXT("peer", action->peer),
                SL_UNSIGNED("epoch", action->epoch), SL_UNSIGNED("own", node->settings->flock.epoch));
}

static void schedule(struct sl_node *node, enum sl_membership_event_type type, uint64_t round) {
    node_step_membership(node, &(struct sl_membership_event){.type = type, .from_round = round});
}

/* What has happened, for the record or for others here to know. */
static void report(struct sl_node *node, const struct sl_round_action *action) {
    if (action->type == SL_ROUND_EDGE)
        report_edge(node, action);
    else if (action->type == SL_ROUND_CLOSED)
        note_closed(node, action);
    else if (action->type == SL_ROUND_PHASE)
        report_phase(node, action);
    else if (action->type == SL_ROUND_LINEAGE)
        tell_lineage(node, action->lineage);
    else if (action->type == SL_ROUND_OUTDATED)
        report_outdated(node, action);
}

void node_carry_out(struct sl_node *node, const struct sl_round_action *action) {
    switch (action->type) {
    case SL_ROUND_TRAIN:
        node_train(node, action->round, action->averaging);
        break;
    case SL_ROUND_PUBLISH:
        node_publish(node, action);
        if (node->settings->mix.stream)
            node_open_stream(node, action);
        break;
    case SL_ROUND_OFFER:
    case SL_ROUND_TURN:
    case SL_ROUND_FETCH:
    case SL_ROUND_HOLD:
    case SL_ROUND_APPLY_LATE:
    case SL_ROUND_DROP_LATE:
    case SL_ROUND_REQUEST_MODEL:
        with_peer(node, action);
        break;
    case SL_ROUND_RELEASE:
        release(node, action);
        break;
    case SL_ROUND_SEND_READY:
        send_ready(node, action);
        break;
    case SL_ROUND_SEND_VERDICT:
        send_verdict(node, action);
        break;
    case SL_ROUND_SEND_PASS:
        send_pass(node, action);
        break;
    case SL_ROUND_SEND_PROGRESS:
        send_progress(node, action);
        break;
    case SL_ROUND_MIX:
        node_mix(node, action);
        node_bear_witness(node, action->round);
        break;
    case SL_ROUND_SCHEDULE:
        node->scheduled_round = action->round;
        break;
    case SL_ROUND_EDGE:
    case SL_ROUND_CLOSED:
    case SL_ROUND_PHASE:
    case SL_ROUND_LINEAGE:
    case SL_ROUND_OUTDATED:
        report(node, action);
        break;
    case SL_ROUND_WAKE:
        node_arm(node->round_timer, action->at);
        break;
    case SL_ROUND_FINISHED:
        node_finish(node, action->status);
        break;
    }
}

/* What the round says to the membership changes the roster, which the round must hear of: after its actions, not
 * within. */
static void tell_membership(struct sl_node *node) {
    uint64_t scheduled = node->scheduled_round, round = node->told_round;
    node->scheduled_round = node->told_round = 0;
    if (scheduled != 0)
        schedule(node, SL_MEMBERSHIP_SCHEDULE, scheduled);
    if (round != 0) {
        schedule(node, SL_MEMBERSHIP_ROUND, round);
        node_want_connections(node);
    }
}

void node_step_round(struct sl_node *node, const struct sl_round_event *event) {
    struct sl_round_actions *actions = &node->round_actions;
    if (node->finishing)
        return;
    enum sl_status status = sl_round_step(node->round, event, sl_clock_monotonic(), actions);
    uint64_t record = status == SL_OK ? node_keep(node, actions) : 0;
    for (size_t i = 0; i < actions->count; i++) {
        if (actions->items[i].type == SL_ROUND_LINEAGE)
            node_write_off_late(node); /* differences of a model that is given up: before that lineage trains */
        if (!node_keeper_must_wait(node, &actions->items[i], record))
            node_carry_out(node, &actions->items[i]);
    }
    sl_round_actions_clear(actions);
    node_keeper_flush(node);
    if (status != SL_OK) {
        struct sl_error error;
        sl_error_set(&error, status, "the round machine failed: %s", sl_status_text(status));
        node_fail(node, &error);
        return;
    }
    tell_membership(node);
}

enum sl_status node_prepare_rounds(struct sl_node *node, struct sl_error *error) {
    const struct sl_settings *settings = node->settings;
    enum sl_status status = sl_topology_parse(&node->topology, settings->overlay.topology, error);
    if (status != SL_OK)
        return sl_error_wrap(error, status, "overlay.topology");
    if (settings->mix.stream && node->topology.kind != SL_TOPOLOGY_FULL)
        return sl_error_set(error, SL_SETTINGS, "mix.stream: needs overlay.topology \"full\", not \"%s\"",
                            settings->overlay.topology);
    node->graphs = sl_graph_cache_create(); /* an optimization; NULL will do */
    return SL_OK;
}

enum sl_status node_create_round(struct sl_node *node, const struct node_restored *restored, struct sl_error *error) {
    const struct sl_settings *settings = node->settings;
    static const enum sl_round_below below[] = {[SL_BELOW_WAIT] = SL_ROUND_BELOW_WAIT,
                                                [SL_BELOW_TRAIN] = SL_ROUND_BELOW_TRAIN,
                                                [SL_BELOW_STOP] = SL_ROUND_BELOW_STOP};
    struct sl_round_options options = {.self = settings->node.name,
                                       .tag = node_name_tag(settings->node.name),
                                       .lineage = node->lineage,
                                       .epoch = settings->flock.epoch,
                                       .seed = node_overlay_seed(node),
                                       .done_rounds = node->model_round,
                                       .rounds = settings->round.rounds,
                                       .averaging_rounds = settings->round.averaging_rounds,
                                       .topology = &node->topology,
                                       .graphs = node->graphs,
                                       .by_samples = settings->mix.weights == SL_WEIGHTING_SAMPLES,
                                       .stream = settings->mix.stream,
                                       .deadline_min = sl_time_from_seconds(settings->round.deadline_min),
                                       .deadline_max = sl_time_from_seconds(settings->round.deadline_max),
                                       .linger_max = sl_time_from_seconds(settings->round.linger_max),
                                       .start_nodes = settings->flock.start_nodes,
                                       .min_peers_to_start = settings->round.min_peers_to_start,
                                       .min_peers_per_round = settings->round.min_peers_per_round,
                                       .below = below[settings->round.below_minimum],
                                       .pending_max = settings->round.pending_max,
                                       .stale_rounds = settings->round.stale_rounds,
                                       .stop_outdated = settings->round.outdated == SL_OUTDATED_STOP,
                                       .donors = NODE_DONORS_MAX,
                                       .lineage_seed = node->boot};
    if (restored != NULL) {
        options.restored = restored->state;
        options.held = restored->held;
        options.held_count = restored->held_count;
        options.model_round = restored->model_round;
    }
    return sl_round_create(&node->round, &options, error);
}
