/* The ledger of a run: whether the flock lost anything of what its nodes learned, counted anything twice, or let one
 * end of an exchange take what the other did not give. From the records of the nodes alone (docs/record.md),
 * afterwards. */
#ifndef STARLING_LEDGER_H
#define STARLING_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <starling/error.h>
#include <starling/name.h>

struct sl_ledger_options {
    const char *const *records; /* files, one a node */
    size_t count;
    const char *run;  /* NULL: the only one that the records know */
    double tolerance; /* relative; 0: 1e-5 */
};

/* So many lines, and what they come to: sum, and sums with two patterns of signs, over all nodes. Where nodes weigh
 * differently (mix.weights "samples", full mesh), each node's times its samples. */
struct sl_ledger_amount {
    uint64_t lines;
    double sums[3];
};

/* now = start + training + both_ends + waiting + written_off + unseen + one_end + rounding, in which both_ends and
 * rounding should be nothing but what f32 and double round off, and one_end should be empty. */
struct sl_ledger_report {
    char run[SL_NAME_SIZE];
    uint64_t nodes, lineages, rounds; /* the last round that one of them mixed */
    bool by_samples;
    struct sl_ledger_amount start;       /* models that lineages began with */
    struct sl_ledger_amount training;    /* what they became by training */
    struct sl_ledger_amount both_ends;   /* exchanges: what one end took, the other gave */
    struct sl_ledger_amount waiting;     /* what one end took, while the other ended before it could, or still waits */
    struct sl_ledger_amount written_off; /* what one end took, while the other wrote it off: a disk was lost */
    struct sl_ledger_amount unseen;      /* with nodes whose record was not given */
    struct sl_ledger_amount one_end;     /* what one end took, and the other never gave: it is lost or counted twice */
    struct sl_ledger_amount rounding;    /* what models are beyond what their exchanges make of them */
    struct sl_ledger_amount now;         /* the last model of each lineage */
    double norm;                         /* of the last models of all nodes together, at most */
    double error;                        /* the largest of both_ends + one_end + rounding, by `norm` */
    uint64_t lost_lines;                 /* that full disks or slow ones cost the records: the rest may be wrong then */
    char problem[256];                   /* the first thing that is wrong; else empty */
};

/* SL_OK: conserved. SL_MISMATCH: not, with report->problem as the error. SL_NOT_FOUND: the records have no ledger;
 * SL_USAGE: they are of several runs; anything else: one could not be read. Lines that a crash cut short are passed
 * over. */
SL_PUBLIC SL_MUST_USE enum sl_status sl_ledger_check(struct sl_ledger_report *out,
                                                     const struct sl_ledger_options *options, struct sl_error *error);

/* A table, or an object of JSON in one line: each amount under its name here, the other members as they are, but
 * `conserved` and `problem` (null: none); a number that is not finite is null. */
SL_PUBLIC SL_MUST_USE enum sl_status sl_ledger_write(const struct sl_ledger_report *report, FILE *out, bool json);

#endif
