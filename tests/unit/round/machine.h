/* One round machine under test: its events in, its actions to be looked at. */
#ifndef TESTS_UNIT_ROUND_MACHINE_H
#define TESTS_UNIT_ROUND_MACHINE_H

#include <criterion/criterion.h>
#include <string.h>

#include "round/round.h"

enum { MEMBERS_MAX = 16, LINEAGE = 1000, EPOCH = 3 };

struct machine {
    struct sl_round *round;
    struct sl_round_options options;
    struct sl_round_actions actions;
    struct sl_topology topology;
    struct sl_round_member members[MEMBERS_MAX];
    size_t count;
    sl_time now;
};

/* Members "a", "b" … (count ≤ 16), all live and connected, full mesh, one sample each; nothing fed yet. */
static inline void machine_init(struct machine *machine, const char *self, size_t count) {
    *machine = (struct machine){.count = count, .now = SL_SECOND};
    machine->topology = (struct sl_topology){.kind = SL_TOPOLOGY_FULL};
    for (size_t i = 0; i < count; i++) {
        machine->members[i] = (struct sl_round_member){
            .tag = i + 1, .samples = 1, .live = true, .connected = true, .name = {(char)('a' + i)}};
    }
    machine->options = (struct sl_round_options){.self = self,
                                                 .tag = (uint64_t)(self[0] - 'a' + 1),
                                                 .lineage = LINEAGE + (uint64_t)self[0],
                                                 .epoch = EPOCH,
                                                 .seed = 1,
                                                 .rounds = 10,
                                                 .deadline_min = 10 * SL_SECOND,
                                                 .deadline_max = 60 * SL_SECOND,
                                                 .linger_max = 120 * SL_SECOND,
                                                 .start_nodes = count,
                                                 .min_peers_to_start = count - 1};
}

static inline void machine_finish(struct machine *machine) {
    sl_round_destroy(machine->round);
    sl_round_actions_finish(&machine->actions);
}

static inline void feed(struct machine *machine, struct sl_round_event event) {
    sl_round_actions_clear(&machine->actions);
    cr_assert_eq(sl_round_step(machine->round, &event, machine->now, &machine->actions), SL_OK);
}

static inline void feed_members(struct machine *machine) {
    machine->options.topology = &machine->topology;
    if (machine->round == NULL)
        cr_assert_eq(sl_round_create(&machine->round, &machine->options, NULL), SL_OK);
    feed(machine, (struct sl_round_event){
                      .type = SL_ROUND_MEMBERS, .members = machine->members, .member_count = machine->count});
}

/* The index of the first such action (peer NULL: of any peer), or -1. */
static inline int find(const struct machine *machine, enum sl_round_action_type type, const char *peer) {
    for (size_t i = 0; i < machine->actions.count; i++)
        if (machine->actions.items[i].type == type &&
            (peer == NULL || strcmp(machine->actions.items[i].peer, peer) == 0))
            return (int)i;
    return -1;
}

static inline bool has(const struct machine *machine, enum sl_round_action_type type, const char *peer) {
    return find(machine, type, peer) >= 0;
}

static inline const struct sl_round_action *get(const struct machine *machine, enum sl_round_action_type type,
                                                const char *peer) {
    int at = find(machine, type, peer);
    cr_assert_geq(at, 0, "no action %d for %s", (int)type, peer != NULL ? peer : "anybody");
    return &machine->actions.items[at];
}

static inline uint64_t lineage_of(const char *name) {
    return LINEAGE + (uint64_t)name[0];
}

/* Stands for the digest of a peer's manifest. */
static inline void fill_digest(uint8_t out[SL_WIRE_DIGEST_SIZE], const char *name, uint64_t round) {
    memset(out, 0, SL_WIRE_DIGEST_SIZE);
    out[0] = (uint8_t)name[0];
    out[1] = (uint8_t)round;
}

static inline void feed_progress(struct machine *machine, const char *peer, uint64_t round) {
    const struct sl_progress progress = {.epoch = EPOCH, .round = round, .lineage = lineage_of(peer)};
    feed(machine, (struct sl_round_event){.type = SL_ROUND_PROGRESS, .peer = peer, .progress = &progress});
}

static inline struct sl_manifest manifest_of(const struct machine *machine, const char *peer, uint64_t round) {
    struct sl_manifest manifest = {.epoch = EPOCH,
                                   .round = round,
                                   .lineage = lineage_of(peer),
                                   .kind = SL_PAYLOAD_UPDATE,
                                   .degree = (uint32_t)machine->count - 1,
                                   .samples = 1,
                                   .total_samples = machine->count};
    strcpy(manifest.origin, peer);
    return manifest;
}

static inline void feed_this_manifest(struct machine *machine, const struct sl_manifest *manifest) {
    uint8_t digest[SL_WIRE_DIGEST_SIZE];
    fill_digest(digest, manifest->origin, manifest->round);
    feed(machine, (struct sl_round_event){
                      .type = SL_ROUND_MANIFEST, .peer = manifest->origin, .manifest = manifest, .digest = digest});
}

static inline void feed_manifest(struct machine *machine, const char *peer, uint64_t round) {
    struct sl_manifest manifest = manifest_of(machine, peer, round);
    feed_this_manifest(machine, &manifest);
}

static inline void feed_of(struct machine *machine, enum sl_round_event_type type, const char *peer, uint64_t round) {
    feed(machine, (struct sl_round_event){.type = type, .peer = peer, .round = round});
}

static inline struct sl_ready ready_of(const struct machine *machine, const char *peer, uint64_t round) {
    struct sl_ready ready = {.epoch = EPOCH,
                             .round = round,
                             .lineage_sender = lineage_of(peer),
                             .lineage_receiver = machine->options.lineage};
    fill_digest(ready.manifest_sender, peer, round);
    fill_digest(ready.manifest_receiver, machine->options.self, round);
    return ready;
}

static inline void feed_this_ready(struct machine *machine, const char *peer, const struct sl_ready *ready) {
    feed(machine, (struct sl_round_event){.type = SL_ROUND_READY, .peer = peer, .ready = ready});
}

static inline void feed_ready(struct machine *machine, const char *peer, uint64_t round) {
    struct sl_ready ready = ready_of(machine, peer, round);
    feed_this_ready(machine, peer, &ready);
}

static inline void feed_verdict(struct machine *machine, const char *peer, uint64_t round,
                                enum sl_verdict_value value) {
    const struct sl_verdict verdict = {.epoch = EPOCH,
                                       .round = round,
                                       .lineage_sender = lineage_of(peer),
                                       .lineage_receiver = machine->options.lineage,
                                       .verdict = value};
    feed(machine, (struct sl_round_event){.type = SL_ROUND_VERDICT, .peer = peer, .verdict = &verdict});
}

static inline void feed_pass(struct machine *machine, const char *peer, uint64_t round, enum sl_pass_reason reason) {
    const struct sl_pass pass = {.epoch = EPOCH, .round = round, .reason = reason};
    feed(machine, (struct sl_round_event){.type = SL_ROUND_PASS, .peer = peer, .pass = &pass});
}

static inline void feed_published(struct machine *machine, uint64_t round) {
    uint8_t digest[SL_WIRE_DIGEST_SIZE];
    fill_digest(digest, machine->options.self, round);
    feed(machine, (struct sl_round_event){.type = SL_ROUND_PUBLISHED, .round = round, .digest = digest});
}

static inline void feed_timer(struct machine *machine, sl_time later) {
    machine->now += later;
    feed(machine, (struct sl_round_event){.type = SL_ROUND_TIMER});
}

/* In round 1, training. */
static inline void machine_start(struct machine *machine) {
    feed_members(machine);
    for (size_t i = 0; i < machine->count; i++)
        if (machine->members[i].name[0] != machine->options.self[0])
            feed_progress(machine, machine->members[i].name, 0);
    cr_assert(has(machine, SL_ROUND_TRAIN, NULL));
}

/* From training in `round` to waiting for the others. */
static inline void machine_publish(struct machine *machine, uint64_t round) {
    feed_of(machine, SL_ROUND_TRAINED, NULL, round);
    cr_assert(has(machine, SL_ROUND_PUBLISH, NULL));
    feed_published(machine, round);
}

/* "b" of a, b, c, waiting for the others in round 1: follower of a, decider for c. */
static inline void machine_exchange(struct machine *machine) {
    machine_init(machine, "b", 3);
    machine_start(machine);
    machine_publish(machine, 1);
}

static inline void feed_payload(struct machine *machine, const char *peer, uint64_t round) {
    feed_manifest(machine, peer, round);
    feed_of(machine, SL_ROUND_HELD, peer, round);
}

#endif
