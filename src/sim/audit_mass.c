/* What each node and the flock must hold, beside what they do hold. */
#include <string.h>

#include "sim/audit.h"

double sl_audit_weight(const struct sl_world *world, uint32_t node) {
    return world->options.samples != NULL ? (double)world->nodes[node].samples : 1;
}

void sl_audit_add(double *out, size_t elements, double weight, const struct sim_payload *theirs,
                  const struct sim_payload *mine) {
    for (size_t i = 0; i < elements; i++)
        out[i] += weight * ((double)theirs->values[i] - (double)mine->values[i]);
}

void sl_audit_add_vector(double *out, size_t elements, double factor, const double *values) {
    for (size_t i = 0; i < elements; i++)
        out[i] += factor * values[i];
}

static bool is_unmixed(const struct audit_end *end) {
    return end->counted && !end->mixed && !end->gone;
}

void sl_sim_audit_mass(const struct sl_world *world, uint32_t number, double *out) {
    const struct sim_node *node = &world->nodes[number];
    size_t elements = world->options.elements;
    for (size_t i = 0; i < elements; i++)
        out[i] = (double)node->model[i];
    for (size_t i = 0; i < node->late_count; i++)
        sl_audit_add(out, elements, node->late[i].weight, node->late[i].theirs, node->late[i].mine);
    for (size_t i = 0; world->audit != NULL && i < world->audit->count; i++) {
        const struct audit_line *line = world->audit->lines[i];
        if (line->d == number && is_unmixed(&line->at_d))
            sl_audit_add(out, elements, line->weight_d, line->q_f, line->q_d);
        if (line->f == number && is_unmixed(&line->at_f))
            sl_audit_add(out, elements, line->weight_f, line->q_d, line->q_f);
    }
    for (size_t i = 0; i < elements; i++)
        out[i] *= sl_audit_weight(world, number);
}

/* Its mass is not the flock's any more. */
static void leave(struct sl_world *world, uint32_t number) {
    struct audit_side *side = &world->audit->sides[number];
    size_t elements = world->options.elements;
    if (!side->present)
        return;
    sl_audit_add_vector(world->audit->ledger, elements, -1, side->own);
    sl_audit_add_vector(world->audit->sum, elements, -1, side->own);
    sl_audit_add_vector(side->given, elements, 1, side->own);
    sl_audit_add_vector(side->given, elements, -1, side->start);
    side->present = false;
}

void sl_sim_audit_begin(struct sl_world *world, uint32_t number) {
    if (world->audit == NULL)
        return;
    struct audit_side *side = &world->audit->sides[number];
    size_t elements = world->options.elements;
    leave(world, number);
    for (size_t i = 0; i < elements; i++)
        side->own[i] = side->start[i] = sl_audit_weight(world, number) * (double)world->nodes[number].model[i];
    sl_audit_add_vector(world->audit->ledger, elements, 1, side->own);
    sl_audit_add_vector(world->audit->sum, elements, 1, side->own);
    side->present = true;
}

void sl_sim_audit_enter(struct sl_world *world, uint32_t number) {
    if (world->audit != NULL && !world->audit->sides[number].present)
        sl_sim_audit_begin(world, number);
}

void sl_sim_audit_train(struct sl_world *world, uint32_t number, double sign) {
    if (world->audit == NULL || !world->audit->sides[number].present)
        return;
    struct audit_side *side = &world->audit->sides[number];
    for (size_t i = 0; i < world->options.elements; i++) {
        double mass = sign * sl_audit_weight(world, number) * (double)world->nodes[number].model[i];
        side->own[i] += mass;
        side->start[i] += mass;
        world->audit->ledger[i] += mass;
        world->audit->sum[i] += mass;
    }
}

void sl_audit_own(struct sl_world *world, uint32_t number, double weight, const struct sim_payload *theirs,
                  const struct sim_payload *mine) {
    double factor = weight * sl_audit_weight(world, number);
    sl_audit_add(world->audit->sides[number].own, world->options.elements, factor, theirs, mine);
    if (world->audit->sides[number].present)
        sl_audit_add(world->audit->sum, world->options.elements, factor, theirs, mine);
}

void sl_sim_audit_lost(struct sl_world *world, uint32_t number) {
    if (world->audit == NULL)
        return;
    leave(world, number);
    memset(world->audit->sides[number].given, 0, world->options.elements * sizeof(double));
    sl_audit_end_lines(world, number);
}

void sl_sim_audit_present(const struct sl_world *world, double *out) {
    size_t elements = world->options.elements;
    memset(out, 0, elements * sizeof *out);
    for (uint32_t i = 0; i < world->options.nodes; i++) {
        if (!world->audit->sides[i].present)
            continue;
        sl_sim_audit_mass(world, i, world->audit->mass);
        sl_audit_add_vector(out, elements, 1, world->audit->mass);
    }
    sl_audit_add_pending(world, out);
}

void sl_sim_audit_ledger(const struct sl_world *world, double *out) {
    memcpy(out, world->audit->ledger, world->options.elements * sizeof *out);
}
