/* The audit's edges. A line is known by both manifests' digests, which are all different. */
#include "sim/audit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

void sl_audit_remove_line(struct sim_audit *audit, size_t at) {
    sl_sim_payload_unref(audit->lines[at]->q_d);
    sl_sim_payload_unref(audit->lines[at]->q_f);
    free(audit->lines[at]);
    audit->lines[at] = audit->lines[--audit->count];
}

static struct audit_line *find_line(const struct sim_audit *audit, const uint8_t *digest_d, const uint8_t *digest_f) {
    for (size_t i = 0; i < audit->count; i++)
        if (memcmp(audit->lines[i]->digest_d, digest_d, SL_WIRE_DIGEST_SIZE) == 0 &&
            memcmp(audit->lines[i]->digest_f, digest_f, SL_WIRE_DIGEST_SIZE) == 0)
            return audit->lines[i];
    return NULL;
}

static void note(struct sl_world *world, uint32_t number, enum audit_step step, struct audit_line *line,
                 uint64_t round) {
    struct audit_side *side = &world->audit->sides[number];
    if (sl_array_reserve(&side->log, &side->capacity, side->count + 1, sizeof *side->log) != SL_OK) {
        world->status = SL_NO_MEMORY;
        return;
    }
    side->log[side->count++] = (struct audit_entry){.step = step, .line = line, .round = round};
}

static bool is_undecided(const struct audit_line *line) {
    return line->at_d.counted && !line->at_f.counted && !line->at_f.off && !line->at_f.gone;
}

void sl_audit_add_pending(const struct sl_world *world, double *out) {
    for (size_t i = 0; i < world->audit->count; i++) {
        const struct audit_line *line = world->audit->lines[i];
        if (is_undecided(line))
            sl_audit_add(out, world->options.elements, line->weight_f * sl_audit_weight(world, line->f), line->q_d,
                         line->q_f);
    }
}

/* ---- D ---- */

static struct audit_line *create_line(struct sl_world *world, uint32_t d, uint32_t f,
                                      const struct sl_round_action *action) {
    struct sim_audit *audit = world->audit;
    const struct sim_incoming *incoming = sl_sim_find_incoming(&world->nodes[d], f, action->round);
    if (incoming == NULL || incoming->payload == NULL || world->nodes[d].own == NULL) {
        sl_audit_fail(world, "counted without a payload", d, f, action->round);
        return NULL;
    }
    struct audit_line *line = malloc(sizeof *line);
    if (line == NULL ||
        sl_array_reserve(&audit->lines, &audit->capacity, audit->count + 1, sizeof *audit->lines) != SL_OK) {
        free(line);
        world->status = SL_NO_MEMORY;
        return NULL;
    }
    *line = (struct audit_line){.d = d,
                                .f = f,
                                .round = action->round,
                                .lineage_d = action->own_lineage,
                                .lineage_f = action->peer_lineage,
                                .q_d = sl_sim_payload_ref(world->nodes[d].own),
                                .q_f = sl_sim_payload_ref(incoming->payload),
                                .weight_d = action->weight,
                                .weight_f = action->weight * sl_audit_weight(world, d) / sl_audit_weight(world, f)};
    memcpy(line->digest_d, action->own_digest, sizeof line->digest_d);
    memcpy(line->digest_f, action->peer_digest, sizeof line->digest_f);
    audit->lines[audit->count++] = line;
    return line;
}

static void decide(struct sl_world *world, uint32_t d, uint32_t f, const struct sl_round_action *action) {
    struct audit_line *line = find_line(world->audit, action->own_digest, action->peer_digest);
    if (line == NULL)
        line = create_line(world, d, f, action);
    if (line == NULL)
        return;
    if (line->at_d.counted)
        sl_audit_fail(world, "counted twice by the decider", d, f, action->round);
    const struct sim_node *follower = &world->nodes[f];
    line->at_d.counted = true;
    sl_audit_own(world, d, line->weight_d, line->q_f, line->q_d);
    if (!line->at_f.gone && (follower->lost || follower->lineage != line->lineage_f))
        line->at_f.gone = line->at_f.final = true;
    if (line->at_f.gone) /* an edge of one side: the other one's end was lost with its disk */
        sl_audit_add(world->audit->ledger, world->options.elements, line->weight_d * sl_audit_weight(world, d),
                     line->q_f, line->q_d);
    note(world, d, AUDIT_COUNT, line, line->round);
}

/* ---- F ---- */

static void apply(struct sl_world *world, uint32_t d, uint32_t f, const struct sl_round_action *action) {
    struct audit_line *line = find_line(world->audit, action->peer_digest, action->own_digest);
    if (line == NULL || (!line->at_d.counted && !line->at_d.gone)) {
        sl_audit_fail(world, "applied by the follower, not counted by the decider", d, f, action->round);
        return;
    }
    if (line->at_f.counted || line->at_f.off)
        sl_audit_fail(world, "applied twice by the follower", d, f, action->round);
    if (fabs(line->weight_f - action->weight) > 1e-12 * fabs(action->weight))
        sl_audit_fail(world, "the two ends weigh it differently", d, f, action->round);
    line->at_f.counted = true;
    line->at_f.mixed = line->at_f.late = action->outcome == SL_EDGE_LATE;
    sl_audit_own(world, f, line->weight_f, line->q_d, line->q_f);
    note(world, f, action->outcome == SL_EDGE_LATE ? AUDIT_LATE : AUDIT_COUNT, line, line->round);
}

static void add_off(struct sl_world *world, const struct audit_line *line, double sign) {
    sl_audit_add(world->audit->ledger, world->options.elements, sign * line->weight_f * sl_audit_weight(world, line->f),
                 line->q_d, line->q_f);
}

/* The follower writes it off: the decider's end was counted and is gone, or stays. */
static void write_off(struct sl_world *world, uint32_t d, uint32_t f, const struct sl_round_action *action) {
    struct audit_line *line = find_line(world->audit, action->peer_digest, action->own_digest);
    if (line == NULL || !is_undecided(line))
        return;
    if (action->outcome == SL_EDGE_VOID)
        sl_audit_fail(world, "void for the follower, counted by the decider", d, f, action->round);
    line->at_f.off = true;
    add_off(world, line, -1);
    note(world, f, AUDIT_OFF, line, line->round);
}

void sl_sim_audit_edge(struct sl_world *world, uint32_t number, const struct sl_round_action *action) {
    if (world->audit == NULL)
        return;
    uint32_t peer = sl_world_index(action->peer);
    bool decider = number < peer;
    switch (action->outcome) {
    case SL_EDGE_COUNTED:
    case SL_EDGE_LATE:
        if (decider)
            decide(world, number, peer, action);
        else
            apply(world, peer, number, action);
        break;
    case SL_EDGE_VOID:
    case SL_EDGE_GONE:
    case SL_EDGE_STALE:
        if (!decider)
            write_off(world, peer, number, action);
        break;
    case SL_EDGE_PENDING:
        break;
    }
}

/* ---- both ---- */

static void set_mixed(struct sl_world *world, uint32_t number, uint64_t round, bool mixed) {
    for (size_t i = 0; i < world->audit->count; i++) {
        struct audit_line *line = world->audit->lines[i];
        if (line->round != round)
            continue;
        if (line->d == number && line->at_d.counted && !line->at_d.gone)
            line->at_d.mixed = mixed;
        if (line->f == number && line->at_f.counted && !line->at_f.gone && !line->at_f.late)
            line->at_f.mixed = mixed;
    }
}

void sl_sim_audit_mixed(struct sl_world *world, uint32_t number, uint64_t round) {
    if (world->audit == NULL)
        return;
    set_mixed(world, number, round, true);
    note(world, number, AUDIT_MIX, NULL, round);
}

static void undo(struct sl_world *world, uint32_t number, const struct audit_entry *entry) {
    struct audit_line *line = entry->line;
    switch (entry->step) {
    case AUDIT_COUNT:
    case AUDIT_LATE:
        if (line->d == number) {
            line->at_d.counted = line->at_d.mixed = false;
            if (line->at_f.gone)
                sl_audit_add(world->audit->ledger, world->options.elements,
                             -line->weight_d * sl_audit_weight(world, number), line->q_f, line->q_d);
        } else {
            line->at_f.counted = line->at_f.mixed = line->at_f.late = false;
        }
        break;
    case AUDIT_OFF:
        line->at_f.off = false;
        add_off(world, line, 1);
        break;
    case AUDIT_MIX:
        set_mixed(world, number, entry->round, false);
        break;
    }
}

/* `own` is put back as a whole by the caller. */
void sl_audit_undo(struct sl_world *world, uint32_t number, size_t position) {
    struct audit_side *side = &world->audit->sides[number];
    while (side->pruned + side->count > position && side->count > 0)
        undo(world, number, &side->log[--side->count]);
}

static void sweep(struct sim_audit *audit) {
    for (size_t i = audit->count; i-- > 0;)
        if (audit->lines[i]->at_d.final && audit->lines[i]->at_f.final)
            sl_audit_remove_line(audit, i);
}

static void finalize(struct sl_world *world, uint32_t number, const struct audit_entry *entry) {
    for (size_t i = 0; i < world->audit->count; i++) {
        struct audit_line *line = world->audit->lines[i];
        bool meant = entry->step == AUDIT_MIX ? line->round == entry->round && !(line->f == number && line->at_f.late)
                                              : line == entry->line;
        if (!meant || entry->step == AUDIT_COUNT)
            continue;
        if (line->d == number && line->at_d.counted)
            line->at_d.final = true;
        if (line->f == number && (line->at_f.counted || line->at_f.off) && line->at_f.mixed != line->at_f.off)
            line->at_f.final = true;
    }
}

void sl_sim_audit_flushed(struct sl_world *world, uint32_t number, size_t position) {
    struct audit_side *side = &world->audit->sides[number];
    size_t done = position > side->pruned ? position - side->pruned : 0;
    if (done > side->count)
        done = side->count;
    if (done == 0)
        return;
    for (size_t i = 0; i < done; i++)
        finalize(world, number, &side->log[i]);
    memmove(side->log, side->log + done, (side->count - done) * sizeof *side->log);
    side->count -= done;
    side->pruned += done;
    sweep(world->audit);
}

/* A node whose lineage ends takes its ends of all edges along. */
void sl_audit_end_lines(struct sl_world *world, uint32_t number) {
    struct sim_audit *audit = world->audit;
    audit->sides[number].pruned += audit->sides[number].count;
    audit->sides[number].count = 0;
    for (size_t i = audit->count; i-- > 0;) {
        struct audit_line *line = audit->lines[i];
        if (line->d != number && line->f != number)
            continue;
        /* What F was still owed goes with it. */
        if (line->f == number && is_undecided(line))
            add_off(world, line, -1);
        struct audit_end *end = line->d == number ? &line->at_d : &line->at_f;
        end->gone = end->final = true;
    }
    sweep(audit);
}

/* Only of the node that has just done something. */
void sl_audit_check_lines(struct sl_world *world, uint32_t number) {
    for (size_t i = 0; i < world->audit->count; i++) {
        const struct audit_line *line = world->audit->lines[i];
        if (line->d != number && line->f != number)
            continue;
        if (line->at_f.counted && !line->at_d.counted && !line->at_d.gone)
            sl_audit_fail(world, "applied by the follower, forgotten by the decider", line->d, line->f, line->round);
        const struct sim_node *follower = &world->nodes[line->f];
        if (!is_undecided(line) || follower->round == NULL)
            continue;
        enum sl_edge_state state = sl_round_edge(follower->round, world->nodes[line->d].name, line->round);
        if (state != SL_EDGE_STATE_BOUND && state != SL_EDGE_STATE_PENDING)
            sl_audit_fail(world, "counted by the decider, forgotten by the follower", line->d, line->f, line->round);
    }
}
