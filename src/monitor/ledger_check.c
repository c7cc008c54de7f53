/* Whether the ledgers of all nodes hold together.
 *
 *     1. chains     each model is what the one before, its training and its exchanges make of it
 *     2. pairs      what one end of an exchange took, the other gave: m_i δ_i + m_j δ_j = 0, with m = 1, or, in a full
 *                   mesh by samples, m = n, since there δ_i = (n_j / N) (q_j − q_i)
 *     3. the rest   an end without the other: is there a reason, or is it lost?
 *
 * What is left over in 1 and 2 and has no reason in 3 is what the sum over the flock is off by. */
#include "monitor/ledger.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

static const double standard_tolerance = 1e-5;
static const double rounding = 1e-9; /* relative, of what double rounds off in a difference's sums */

/* A lineage. */
struct chain {
    uint32_t node;
    uint64_t lineage;
    double samples, sums[LEDGER_SUMS], norm;
    const struct ledger_state *last;
};

struct check {
    struct ledger ledger;
    struct chain *chains; /* a node's beside each other, the last is the one that lives */
    size_t chain_count, chain_capacity;
    const struct ledger_edge **ends; /* that are not dropped, the ends of an exchange beside each other */
    size_t end_count;
    double tolerance;
    struct sl_ledger_report *report;
    uint64_t problem_round; /* of report->problem */
};

/* The first one of the run is kept. */
static void blame(struct check *check, uint64_t round, const char *format, ...) SL_PRINTF(3, 4);
static void blame(struct check *check, uint64_t round, const char *format, ...) {
    va_list arguments;
    if (check->report->problem[0] != '\0' && check->problem_round <= round)
        return;
    check->problem_round = round;
    va_start(arguments, format);
    (void)vsnprintf(check->report->problem, sizeof check->report->problem, format, arguments);
    va_end(arguments);
}

static void add(struct sl_ledger_amount *amount, double mass, const double sums[LEDGER_SUMS]) {
    amount->lines++;
    for (size_t i = 0; i < LEDGER_SUMS; i++)
        amount->sums[i] += mass * sums[i];
}

/* Infinite where one is no number. */
static double largest(const double sums[LEDGER_SUMS]) {
    double most = 0;
    for (size_t i = 0; i < LEDGER_SUMS; i++)
        most = isnan(sums[i]) ? INFINITY : fmax(most, fabs(sums[i]));
    return most;
}

static double mass_of(const struct check *check, double samples) {
    return check->report->by_samples ? samples : 1;
}

static const char *name_of(const struct check *check, uint32_t node) {
    return check->ledger.nodes[node].name;
}

/* ---- 1. chains ---- */

static struct chain *find_chain(const struct check *check, uint32_t node, uint64_t lineage) {
    for (size_t i = check->chain_count; i > 0; i--)
        if (check->chains[i - 1].node == node && check->chains[i - 1].lineage == lineage)
            return &check->chains[i - 1];
    return NULL;
}

static void take_exchanges(struct check *check, const struct ledger_state *state, double left[LEDGER_SUMS],
                           double mass) {
    for (size_t i = 0; i < state->edge_count; i++)
        for (size_t k = 0; k < LEDGER_SUMS; k++)
            left[k] -= check->ledger.edges[state->first_edge + i].sums[k];
    add(&check->report->rounding, mass, left);
    if (!(largest(left) <= check->tolerance * state->norm))
        blame(check, state->round, "round %llu: the model of %s is not what its exchanges make of it (off by %.3g)",
              (unsigned long long)state->round, name_of(check, state->node), largest(left));
}

static void follow(struct check *check, struct chain *chain, const struct ledger_state *state) {
    double change[LEDGER_SUMS], mass = mass_of(check, state->samples);
    for (size_t i = 0; i < LEDGER_SUMS; i++)
        change[i] = state->sums[i] - chain->sums[i];
    switch (state->entry) {
    case LEDGER_START:
        add(&check->report->start, mass, change);
        break;
    case LEDGER_TRAINED:
        add(&check->report->training, mass, change);
        break;
    case LEDGER_JOINED:
    case LEDGER_UPDATE:
    case LEDGER_MIXED:
    case LEDGER_RESTORED:
    case LEDGER_SETTLED:
        take_exchanges(check, state, change, mass);
        break;
    }
    memcpy(chain->sums, state->sums, sizeof chain->sums);
    chain->samples = state->samples;
    chain->norm = state->norm;
    chain->last = state;
    if (state->entry == LEDGER_MIXED && state->round > check->report->rounds)
        check->report->rounds = state->round;
}

static enum sl_status follow_all(struct check *check, struct sl_error *error) {
    struct ledger *ledger = &check->ledger;
    for (size_t i = 0; i < ledger->state_count; i++) {
        const struct ledger_state *state = &ledger->states[i];
        struct chain *chain = find_chain(check, state->node, state->lineage);
        if (state->dropped)
            continue;
        if (chain == NULL) {
            if (sl_array_reserve(&check->chains, &check->chain_capacity, check->chain_count + 1,
                                 sizeof *check->chains) != SL_OK)
                return sl_error_set(error, SL_NO_MEMORY, "out of memory");
            chain = &check->chains[check->chain_count++];
            *chain = (struct chain){.node = state->node, .lineage = state->lineage};
            struct ledger_state first = *state;
            if (first.entry != LEDGER_START) /* the record begins in the midst of it */
                first.entry = LEDGER_START;
            follow(check, chain, &first);
            chain->last = state;
            continue;
        }
        follow(check, chain, state);
    }
    return SL_OK;
}

static void sum_up(struct check *check) {
    struct sl_ledger_report *report = check->report;
    for (size_t i = 0; i < check->chain_count; i++) {
        const struct chain *chain = &check->chains[i];
        double mass = mass_of(check, chain->samples);
        bool lives = true;
        add(&report->now, mass, chain->sums);
        for (size_t k = i + 1; k < check->chain_count; k++)
            lives = lives && check->chains[k].node != chain->node;
        if (lives)
            report->norm += mass * chain->norm;
        report->nodes += lives;
    }
    report->lineages = check->chain_count;
}

/* ---- 2. pairs ---- */

static int compare_numbers(uint64_t a, uint64_t b) {
    return (a > b) - (a < b);
}

/* By round and nodes, then by the lineages of the nodes in that order: both ends of an exchange are alike. */
static int compare_exchanges(const struct ledger_edge *a, const struct ledger_edge *b) {
    bool turn_a = a->node > a->peer, turn_b = b->node > b->peer;
    int order = compare_numbers(a->round, b->round);
    order = order != 0 ? order : compare_numbers(turn_a ? a->peer : a->node, turn_b ? b->peer : b->node);
    order = order != 0 ? order : compare_numbers(turn_a ? a->node : a->peer, turn_b ? b->node : b->peer);
    order = order != 0 ? order
                       : compare_numbers(turn_a ? a->peer_lineage : a->lineage, turn_b ? b->peer_lineage : b->lineage);
    return order != 0 ? order
                      : compare_numbers(turn_a ? a->lineage : a->peer_lineage, turn_b ? b->lineage : b->peer_lineage);
}

static int compare_ends(const void *a, const void *b) {
    const struct ledger_edge *const *x = a, *const *y = b;
    int order = compare_exchanges(*x, *y);
    return order != 0 ? order : compare_numbers((*x)->node, (*y)->node);
}

static enum sl_status sort_ends(struct check *check, struct sl_error *error) {
    const struct ledger *ledger = &check->ledger;
    check->ends = calloc(ledger->edge_count + 1, sizeof *check->ends);
    if (check->ends == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < ledger->edge_count; i++)
        if (!ledger->edges[i].dropped)
            check->ends[check->end_count++] = &ledger->edges[i];
    qsort(check->ends, check->end_count, sizeof *check->ends, compare_ends);
    return SL_OK;
}

static bool is_pair(const struct check *check, size_t first) {
    return first + 1 < check->end_count && check->ends[first]->node != check->ends[first + 1]->node &&
           compare_exchanges(check->ends[first], check->ends[first + 1]) == 0;
}

/* Where one pair's weights differ, nodes weigh as their samples do. */
static void find_weighting(struct check *check) {
    for (size_t i = 0; i < check->end_count; i++)
        if (is_pair(check, i) &&
            fabs(check->ends[i]->weight - check->ends[i + 1]->weight) > rounding * fabs(check->ends[i]->weight))
            check->report->by_samples = true;
}

static double mass_at(const struct check *check, const struct ledger_edge *edge) {
    const struct chain *chain = find_chain(check, edge->node, edge->lineage);
    return mass_of(check, chain != NULL ? chain->samples : 0);
}

static void hold_together(struct check *check, const struct ledger_edge *a, const struct ledger_edge *b) {
    double left[LEDGER_SUMS], mass_a = mass_at(check, a), mass_b = mass_at(check, b);
    for (size_t i = 0; i < LEDGER_SUMS; i++)
        left[i] = mass_a * a->sums[i] + mass_b * b->sums[i];
    add(&check->report->both_ends, 1, left);
    bool same = memcmp(a->digest, b->peer_digest, sizeof a->digest) == 0 &&
                memcmp(a->peer_digest, b->digest, sizeof a->digest) == 0;
    if (!same)
        blame(check, a->round, "round %llu: %s and %s exchanged other updates than they say",
              (unsigned long long)a->round, name_of(check, a->node), name_of(check, b->node));
    else if (!(largest(left) <= rounding * (mass_a * (a->norm + largest(a->sums)))))
        blame(check, a->round, "round %llu: %s took from %s what %s did not give (off by %.3g)",
              (unsigned long long)a->round, name_of(check, a->node), name_of(check, b->node), name_of(check, b->node),
              largest(left));
}

/* ---- 3. ends without the other ---- */

static const struct ledger_word *last_word(const struct check *check, const struct ledger_edge *of) {
    const struct ledger *ledger = &check->ledger;
    for (size_t i = ledger->word_count; i > 0; i--) {
        const struct ledger_word *word = &ledger->words[i - 1];
        if (word->node == of->peer && word->peer == of->node && word->round == of->round)
            return word;
    }
    return NULL;
}

/* Rounds that a lineage mixed since it said so. */
static size_t mixed_since(const struct check *check, const struct ledger_word *word, uint64_t lineage) {
    const struct ledger *ledger = &check->ledger;
    size_t count = 0;
    for (size_t i = word->states; i < ledger->state_count && ledger->states[i].node == word->node; i++)
        count += ledger->states[i].lineage == lineage && ledger->states[i].entry == LEDGER_MIXED &&
                 !ledger->states[i].dropped;
    return count;
}

/* The other end has not come to it: its last model is of before, or it still asks, or what came late waits for the next
 * update. */
static bool is_waiting(const struct check *check, const struct ledger_edge *end, const struct ledger_word *word) {
    const struct chain *other = find_chain(check, end->peer, end->peer_lineage);
    if (other == NULL || other->last->round < end->round ||
        (other->last->round == end->round && other->last->entry < LEDGER_MIXED))
        return true;
    if (word == NULL)
        return false;
    return word->fate == LEDGER_PENDING ||
           (word->fate == LEDGER_LATE && mixed_since(check, word, end->peer_lineage) < 2);
}

static void judge_single(struct check *check, const struct ledger_edge *end) {
    struct sl_ledger_report *report = check->report;
    double mass = mass_at(check, end);
    if (!check->ledger.nodes[end->peer].has_record) { /* of all rounds, perhaps: no search for each */
        add(&report->unseen, mass, end->sums);
        return;
    }
    const struct ledger_word *word = last_word(check, end);
    if (word != NULL && word->fate == LEDGER_WRITTEN_OFF) {
        add(&report->written_off, mass, end->sums);
    } else if (is_waiting(check, end, word)) {
        add(&report->waiting, mass, end->sums);
    } else {
        add(&report->one_end, mass, end->sums);
        blame(check, end->round, "round %llu: %s counted the exchange with %s, and %s did not",
              (unsigned long long)end->round, name_of(check, end->node), name_of(check, end->peer),
              name_of(check, end->peer));
    }
}

static void judge_all(struct check *check) {
    for (size_t i = 0; i < check->end_count; i++) {
        const struct ledger_edge *end = check->ends[i];
        if (i > 0 && check->ends[i - 1]->node == end->node && compare_exchanges(check->ends[i - 1], end) == 0) {
            add(&check->report->one_end, mass_at(check, end), end->sums);
            blame(check, end->round, "round %llu: %s counted the exchange with %s twice",
                  (unsigned long long)end->round, name_of(check, end->node), name_of(check, end->peer));
        } else if (is_pair(check, i)) {
            hold_together(check, end, check->ends[i + 1]);
            i++;
        } else {
            judge_single(check, end);
        }
    }
}

/* ---- all of it ---- */

static enum sl_status judge(struct check *check, struct sl_error *error) {
    struct sl_ledger_report *report = check->report;
    enum sl_status status = sort_ends(check, error);
    if (status != SL_OK)
        return status;
    find_weighting(check);
    status = follow_all(check, error);
    if (status != SL_OK)
        return status;
    if (check->chain_count == 0)
        return sl_error_set(error, SL_NOT_FOUND, "no ledger of the run%s%s is in these records (record.ledger)",
                            report->run[0] != '\0' ? " " : "", report->run);
    sum_up(check);
    judge_all(check);
    double off[LEDGER_SUMS];
    for (size_t i = 0; i < LEDGER_SUMS; i++)
        off[i] = report->both_ends.sums[i] + report->one_end.sums[i] + report->rounding.sums[i];
    report->error = report->norm > 0 ? largest(off) / report->norm : largest(off);
    if (report->problem[0] == '\0' && !(report->error <= check->tolerance))
        (void)snprintf(report->problem, sizeof report->problem, "the sum is off by %.3g of its norm, %.3g is allowed",
                       report->error, check->tolerance);
    return report->problem[0] == '\0' ? SL_OK : sl_error_set(error, SL_MISMATCH, "%s", report->problem);
}

enum sl_status sl_ledger_check(struct sl_ledger_report *out, const struct sl_ledger_options *options,
                               struct sl_error *error) {
    *out = (struct sl_ledger_report){.norm = 0};
    struct check check = {.report = out, .tolerance = options->tolerance > 0 ? options->tolerance : standard_tolerance};
    enum sl_status status = SL_OK;
    if (options->run != NULL)
        (void)snprintf(check.ledger.run, sizeof check.ledger.run, "%s", options->run);
    for (size_t i = 0; i < options->count && status == SL_OK; i++)
        status = sl_ledger_read(&check.ledger, options->records[i], options->run == NULL, error);
    memcpy(out->run, check.ledger.run, sizeof out->run);
    out->lost_lines = check.ledger.lost_lines;
    if (status == SL_OK)
        status = judge(&check, error);
    free(check.chains);
    free(check.ends);
    sl_ledger_finish(&check.ledger);
    return status;
}
