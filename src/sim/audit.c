/* The two invariants of the rounds (docs/protocol.md), watched from above: every edge's life at both ends, and the sum
 * of what the nodes hold.
 *
 *   1. F applied ⇒ D counted; D counted ⇒ F applied, BOUND or PENDING; nothing twice.
 *   2. Σ n x + late + PENDING that D counted = start + training − what was lost with a disk.
 *
 * A line an edge lives from D's COUNT until both ends have it in their models, or one end is gone. */
#include "sim/internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

enum { ERROR_SIZE = 256 };

struct line {
    uint32_t d, f;
    uint64_t round;
    uint64_t lineage_d, lineage_f;
    struct sim_payload *q_d, *q_f;
    double weight_d, weight_f; /* of the difference at either end */
    bool mixed_d;              /* in D's model (or D is gone) */
    bool applied_f;            /* COUNTED or LATE at F (or F is gone, or wrote it off) */
    bool mixed_f;              /* in F's model or its list of late ones */
};

struct sim_audit {
    struct line *lines;
    size_t count, capacity;
    double *expected, *sum, *scale, *mass; /* elements each */
    bool *present;                         /* whose mass is in `expected` */
    char error[ERROR_SIZE];
};

static void fail(struct sl_world *world, const char *what, uint32_t d, uint32_t f, uint64_t round) {
    if (world->audit->error[0] == '\0')
        (void)snprintf(world->audit->error, ERROR_SIZE, "%s: edge %u-%u of round %llu at %.9f s", what, d, f,
                       (unsigned long long)round, sl_time_to_seconds(world->now));
}

enum sl_status sl_sim_audit_create(struct sl_world *world) {
    struct sim_audit *audit = calloc(1, sizeof *audit);
    if (audit == NULL)
        return SL_NO_MEMORY;
    world->audit = audit;
    size_t elements = world->options.elements;
    audit->expected = calloc(elements, sizeof(double));
    audit->sum = calloc(elements, sizeof(double));
    audit->scale = calloc(elements, sizeof(double));
    audit->mass = calloc(elements, sizeof(double));
    audit->present = calloc(world->options.nodes, sizeof(bool));
    bool ok = audit->expected && audit->sum && audit->scale && audit->mass && audit->present;
    return ok ? SL_OK : SL_NO_MEMORY;
}

static void remove_line(struct sim_audit *audit, size_t at) {
    sl_sim_payload_unref(audit->lines[at].q_d);
    sl_sim_payload_unref(audit->lines[at].q_f);
    audit->lines[at] = audit->lines[--audit->count];
}

void sl_sim_audit_destroy(struct sl_world *world) {
    struct sim_audit *audit = world->audit;
    if (audit == NULL)
        return;
    while (audit->count > 0)
        remove_line(audit, 0);
    free(audit->lines);
    free(audit->expected);
    free(audit->sum);
    free(audit->scale);
    free(audit->mass);
    free(audit->present);
    free(audit);
    world->audit = NULL;
}

/* The line that the follower's present life has; the decider may have begun another one since. */
static struct line *find_line(const struct sl_world *world, uint32_t d, uint32_t f, uint64_t round) {
    struct line *found = NULL;
    for (size_t i = 0; i < world->audit->count; i++) {
        struct line *line = &world->audit->lines[i];
        bool same = line->d == d && line->f == f && line->round == round && line->lineage_f == world->nodes[f].lineage;
        if (same && (found == NULL || !line->applied_f))
            found = line;
    }
    return found;
}

static bool is_counted(const struct sim_audit *audit, const struct line *edge) {
    for (size_t i = 0; i < audit->count; i++) {
        const struct line *line = &audit->lines[i];
        if (line->d == edge->d && line->f == edge->f && line->round == edge->round &&
            line->lineage_d == edge->lineage_d && line->lineage_f == edge->lineage_f)
            return true;
    }
    return false;
}

/* ---- mass ---- */

static double weight_of(const struct sl_world *world, const struct sim_node *node) {
    return world->options.samples != NULL ? (double)node->samples : 1;
}

static void add_difference(double *out, size_t elements, double weight, const struct sim_payload *theirs,
                           const struct sim_payload *mine) {
    for (size_t i = 0; i < elements; i++)
        out[i] += weight * ((double)theirs->values[i] - (double)mine->values[i]);
}

void sl_sim_audit_mass(const struct sl_world *world, uint32_t number, double *out) {
    const struct sim_node *node = &world->nodes[number];
    size_t elements = world->options.elements;
    for (size_t i = 0; i < elements; i++)
        out[i] = (double)node->model[i];
    for (size_t i = 0; i < node->late_count; i++)
        add_difference(out, elements, node->late[i].weight, node->late[i].theirs, node->late[i].mine);
    for (size_t i = 0; world->audit != NULL && i < world->audit->count; i++) {
        const struct line *line = &world->audit->lines[i];
        if (line->d == number && !line->mixed_d)
            add_difference(out, elements, line->weight_d, line->q_f, line->q_d);
        if (line->f == number && !line->mixed_f)
            add_difference(out, elements, line->weight_f, line->q_d, line->q_f);
    }
    for (size_t i = 0; i < elements; i++)
        out[i] *= weight_of(world, node);
}

/* A node that leaves takes its ends of all edges along. */
static void end_lines(struct sim_audit *audit, uint32_t number) {
    for (size_t i = audit->count; i-- > 0;) {
        struct line *line = &audit->lines[i];
        if (line->d == number)
            line->mixed_d = true;
        if (line->f == number)
            line->applied_f = line->mixed_f = true;
        if (line->mixed_d && line->mixed_f)
            remove_line(audit, i);
    }
}

void sl_sim_audit_add(struct sl_world *world, uint32_t number, double sign) {
    struct sim_audit *audit = world->audit;
    if (audit == NULL || (sign < 0 && !audit->present[number]))
        return;
    sl_sim_audit_mass(world, number, audit->mass);
    for (size_t i = 0; i < world->options.elements; i++)
        audit->expected[i] += sign * audit->mass[i];
    audit->present[number] = sign > 0;
}

void sl_sim_audit_enter(struct sl_world *world, uint32_t number) {
    if (world->audit != NULL && !world->audit->present[number])
        sl_sim_audit_add(world, number, 1);
}

void sl_sim_audit_gone(struct sl_world *world, uint32_t number) {
    if (world->audit != NULL)
        end_lines(world->audit, number);
}

/* ---- edges ---- */

static void decide(struct sl_world *world, uint32_t d, uint32_t f, const struct sl_round_action *action) {
    struct sim_audit *audit = world->audit;
    const struct sim_incoming *incoming = sl_sim_find_incoming(&world->nodes[d], f, action->round);
    if (incoming == NULL || incoming->payload == NULL) {
        fail(world, "counted without a payload", d, f, action->round);
        return;
    }
    if (sl_array_reserve(&audit->lines, &audit->capacity, audit->count + 1, sizeof *audit->lines) != SL_OK) {
        world->status = SL_NO_MEMORY;
        return;
    }
    double scale = weight_of(world, &world->nodes[d]) / weight_of(world, &world->nodes[f]);
    bool gone = world->nodes[f].round == NULL || world->nodes[f].lineage != incoming->manifest.lineage;
    const struct line line = {.d = d,
                              .f = f,
                              .round = action->round,
                              .lineage_d = world->nodes[d].lineage,
                              .lineage_f = incoming->manifest.lineage,
                              .q_d = sl_sim_payload_ref(world->nodes[d].own),
                              .q_f = sl_sim_payload_ref(incoming->payload),
                              .weight_d = action->weight,
                              .weight_f = action->weight * scale,
                              .applied_f = gone,
                              .mixed_f = gone};
    if (is_counted(audit, &line))
        fail(world, "counted twice by the decider", d, f, action->round);
    audit->lines[audit->count++] = line;
    if (gone) /* its end was lost with its disk: the other end is an edge of one side */
        add_difference(audit->expected, world->options.elements, action->weight * weight_of(world, &world->nodes[d]),
                       incoming->payload, world->nodes[d].own);
}

static void apply(struct sl_world *world, uint32_t d, uint32_t f, const struct sl_round_action *action) {
    struct line *line = find_line(world, d, f, action->round);
    if (line == NULL)
        fail(world, "applied by the follower, not counted by the decider", d, f, action->round);
    else if (line->applied_f)
        fail(world, "applied twice by the follower", d, f, action->round);
    else if (fabs(line->weight_f - action->weight) > 1e-12 * fabs(action->weight))
        fail(world, "the two ends weigh it differently", d, f, action->round);
    if (line == NULL)
        return;
    line->applied_f = true;
    line->mixed_f = action->outcome == SL_EDGE_LATE;
}

/* The follower writes it off because the decider's lineage ended: the decider's end was counted and is gone or stays.
 */
static void write_off(struct sl_world *world, uint32_t d, uint32_t f, const struct sl_round_action *action) {
    struct line *line = find_line(world, d, f, action->round);
    if (line == NULL)
        return;
    if (action->outcome != SL_EDGE_GONE)
        fail(world, "void for the follower, counted by the decider", d, f, action->round);
    double weight = -line->weight_f * weight_of(world, &world->nodes[f]);
    add_difference(world->audit->expected, world->options.elements, weight, line->q_d, line->q_f);
    line->applied_f = line->mixed_f = true;
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
        if (!decider)
            write_off(world, peer, number, action);
        break;
    case SL_EDGE_PENDING:
        break;
    }
}

void sl_sim_audit_mixed(struct sl_world *world, uint32_t number, uint64_t round) {
    struct sim_audit *audit = world->audit;
    for (size_t i = audit != NULL ? audit->count : 0; i-- > 0;) {
        struct line *line = &audit->lines[i];
        if (line->round == round && line->d == number)
            line->mixed_d = true;
        if (line->round == round && line->f == number && line->applied_f)
            line->mixed_f = true;
        if (line->mixed_d && line->mixed_f)
            remove_line(audit, i);
    }
}

/* ---- after every event ---- */

static void check_lines(struct sl_world *world) {
    for (size_t i = 0; i < world->audit->count; i++) {
        const struct line *line = &world->audit->lines[i];
        if (line->applied_f)
            continue;
        enum sl_edge_state state = sl_round_edge(world->nodes[line->f].round, world->nodes[line->d].name, line->round);
        if (state != SL_EDGE_STATE_BOUND && state != SL_EDGE_STATE_PENDING)
            fail(world, "counted by the decider, forgotten by the follower", line->d, line->f, line->round);
    }
}

static void check_mass(struct sl_world *world) {
    struct sim_audit *audit = world->audit;
    size_t elements = world->options.elements;
    memset(audit->sum, 0, elements * sizeof *audit->sum);
    memset(audit->scale, 0, elements * sizeof *audit->scale);
    for (uint32_t i = 0; i < world->options.nodes; i++) {
        if (!audit->present[i])
            continue;
        sl_sim_audit_mass(world, i, audit->mass);
        for (size_t e = 0; e < elements; e++) {
            audit->sum[e] += audit->mass[e];
            audit->scale[e] += fabs(audit->mass[e]);
        }
    }
    for (size_t e = 0; e < elements; e++)
        if (!(fabs(audit->sum[e] - audit->expected[e]) <= 1e-5 * (audit->scale[e] + 1)))
            fail(world, "mass is not conserved", 0, 0, 0);
}

void sl_sim_audit_check(struct sl_world *world, uint32_t number) {
    (void)number;
    if (world->audit == NULL || world->audit->error[0] != '\0')
        return;
    check_lines(world);
    check_mass(world);
}

const char *sl_sim_audit_error(const struct sl_world *world) {
    return world->audit != NULL && world->audit->error[0] != '\0' ? world->audit->error : NULL;
}
