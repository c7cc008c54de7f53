/* The two invariants of the rounds (docs/protocol.md), watched from above: every edge's life at both ends, and the sum
 * of what the nodes hold.
 *
 *   1. F applied ⇒ D counted; D counted ⇒ F applied, BOUND or PENDING, or wrote it off; nothing twice.
 *   2. Of each node: its model, with what counted and is not mixed yet = its start + its training + Σ δ of its edges.
 *      Of all: Σ n x + PENDING that D counted = start + training − what was lost with a disk − written off.
 *
 * A crash that keeps the disk takes a node back to its last record. So each end's steps are logged, a record marks a
 * place in that log (audit_mark), a restart undoes what came behind it, and a line is forgotten only when both its ends
 * are in records that no crash undoes. */
#include "sim/audit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sl_audit_fail(struct sl_world *world, const char *what, uint32_t d, uint32_t f, uint64_t round) {
    if (world->audit->error[0] == '\0')
        (void)snprintf(world->audit->error, sizeof world->audit->error, "%s: edge %u-%u of round %llu at %.9f s", what,
                       d, f, (unsigned long long)round, sl_time_to_seconds(world->now));
}

static bool create_sides(struct sl_world *world) {
    struct sim_audit *audit = world->audit;
    audit->sides = calloc(world->options.nodes, sizeof *audit->sides);
    for (uint32_t i = 0; audit->sides != NULL && i < world->options.nodes; i++) {
        audit->sides[i].own = calloc(world->options.elements, sizeof(double));
        audit->sides[i].start = calloc(world->options.elements, sizeof(double));
        audit->sides[i].given = calloc(world->options.elements, sizeof(double));
        if (audit->sides[i].own == NULL || audit->sides[i].start == NULL || audit->sides[i].given == NULL)
            return false;
    }
    return audit->sides != NULL;
}

enum sl_status sl_sim_audit_create(struct sl_world *world) {
    struct sim_audit *audit = calloc(1, sizeof *audit);
    if (audit == NULL)
        return SL_NO_MEMORY;
    world->audit = audit;
    audit->ledger = calloc(world->options.elements, sizeof(double));
    audit->sum = calloc(world->options.elements, sizeof(double));
    audit->mass = calloc(world->options.elements, sizeof(double));
    bool ok = audit->ledger && audit->sum && audit->mass && create_sides(world);
    return ok ? SL_OK : SL_NO_MEMORY;
}

void sl_sim_audit_destroy(struct sl_world *world) {
    struct sim_audit *audit = world->audit;
    if (audit == NULL)
        return;
    while (audit->count > 0)
        sl_audit_remove_line(audit, 0);
    for (uint32_t i = 0; audit->sides != NULL && i < world->options.nodes; i++) {
        free(audit->sides[i].own);
        free(audit->sides[i].start);
        free(audit->sides[i].given);
        free(audit->sides[i].log);
    }
    free(audit->sides);
    free(audit->lines);
    free(audit->ledger);
    free(audit->sum);
    free(audit->mass);
    free(audit);
    world->audit = NULL;
}

/* ---- records ---- */

struct audit_mark *sl_sim_audit_mark(struct sl_world *world, uint32_t number) {
    size_t elements = world->options.elements;
    struct audit_mark *mark = malloc(sizeof *mark + 3 * elements * sizeof(double));
    if (mark == NULL) {
        world->status = SL_NO_MEMORY;
        return NULL;
    }
    const struct audit_side *side = &world->audit->sides[number];
    *mark = (struct audit_mark){.present = side->present, .position = side->pruned + side->count};
    memcpy(mark->values, side->own, elements * sizeof(double));
    memcpy(mark->values + elements, side->start, elements * sizeof(double));
    memcpy(mark->values + 2 * elements, side->given, elements * sizeof(double));
    return mark;
}

size_t sl_sim_audit_position(const struct audit_mark *mark) {
    return mark->position;
}

static void add_side(struct sl_world *world, const struct audit_side *side, double sign) {
    size_t elements = world->options.elements;
    sl_audit_add_vector(world->audit->ledger, elements, -sign, side->given);
    if (!side->present)
        return;
    sl_audit_add_vector(world->audit->ledger, elements, sign, side->start);
    sl_audit_add_vector(world->audit->sum, elements, sign, side->own);
}

void sl_sim_audit_restore(struct sl_world *world, uint32_t number, const struct audit_mark *mark) {
    if (world->audit == NULL || mark == NULL)
        return;
    struct audit_side *side = &world->audit->sides[number];
    size_t elements = world->options.elements;
    sl_audit_undo(world, number, mark->position);
    add_side(world, side, -1);
    memcpy(side->own, mark->values, elements * sizeof(double));
    memcpy(side->start, mark->values + elements, elements * sizeof(double));
    memcpy(side->given, mark->values + 2 * elements, elements * sizeof(double));
    side->present = mark->present;
    add_side(world, side, 1);
}

/* ---- after every event ---- */

static void check_own(struct sl_world *world, uint32_t number) {
    struct sim_audit *audit = world->audit;
    const double *own = audit->sides[number].own;
    if (!audit->sides[number].present || world->nodes[number].round == NULL)
        return;
    sl_sim_audit_mass(world, number, audit->mass);
    double scale = sl_audit_weight(world, number);
    for (size_t e = 0; e < world->options.elements; e++)
        if (!(fabs(audit->mass[e] - own[e]) <= 1e-5 * (fabs(own[e]) + scale)))
            sl_audit_fail(world, "a node's model is not what counted", number, number, 0);
}

static void check_sum(struct sl_world *world) {
    struct sim_audit *audit = world->audit;
    size_t elements = world->options.elements;
    memcpy(audit->mass, audit->sum, elements * sizeof(double));
    sl_audit_add_pending(world, audit->mass);
    for (size_t e = 0; e < elements; e++)
        if (!(fabs(audit->mass[e] - audit->ledger[e]) <= 1e-7 * (fabs(audit->ledger[e]) + world->options.nodes)))
            sl_audit_fail(world, "mass is not conserved", 0, 0, 0);
}

void sl_sim_audit_check(struct sl_world *world, uint32_t number) {
    if (world->audit == NULL || world->audit->error[0] != '\0')
        return;
    sl_audit_check_lines(world, number);
    check_own(world, number);
    check_sum(world);
}

const char *sl_sim_audit_error(const struct sl_world *world) {
    return world->audit != NULL && world->audit->error[0] != '\0' ? world->audit->error : NULL;
}
