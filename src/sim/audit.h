/* The inside of the audit: audit.c has the marks and checks, audit_mass.c the masses, audit_lines.c the edges. */
#ifndef SL_SIM_AUDIT_H
#define SL_SIM_AUDIT_H

#include "sim/internal.h"

/* One end of an edge. */
struct audit_end {
    bool counted; /* at D: COUNTED; at F: COUNTED or LATE */
    bool mixed;   /* in its model, or in its list of late ones */
    bool late;    /* LATE: behind its round's mixing */
    bool off;     /* F wrote it off */
    bool final;   /* no crash takes that back; or the lineage has ended */
    bool gone;    /* the lineage has ended */
};

/* An edge from D's COUNT on. */
struct audit_line {
    uint32_t d, f;
    uint64_t round;
    uint64_t lineage_d, lineage_f;
    uint8_t digest_d[SL_WIRE_DIGEST_SIZE], digest_f[SL_WIRE_DIGEST_SIZE];
    struct sim_payload *q_d, *q_f;
    double weight_d, weight_f; /* of the difference at either end */
    struct audit_end at_d, at_f;
};

enum audit_step { AUDIT_COUNT, AUDIT_LATE, AUDIT_OFF, AUDIT_MIX };
struct audit_entry {
    enum audit_step step;
    struct audit_line *line; /* not of MIX */
    uint64_t round;
};

struct audit_side {
    double *own;   /* what the node must have: start + Σ δ of what counted */
    double *start; /* what it began with, and its training */
    double *given; /* Σ δ of models that it gave up in this lineage */
    bool present;
    struct audit_entry *log; /* since the oldest record that a crash may take it back to */
    size_t count, capacity;
    size_t pruned; /* entries before these */
};

struct audit_mark {
    bool present;
    size_t position;
    double values[]; /* own, start, given */
};

enum { AUDIT_ERROR_SIZE = 256 };

struct sim_audit {
    struct audit_line **lines;
    size_t count, capacity;
    struct audit_side *sides;
    double *ledger; /* start + training − lost − written off */
    double *sum;    /* Σ own of those who are present */
    double *mass;   /* scratch */
    char error[AUDIT_ERROR_SIZE];
};

void sl_audit_fail(struct sl_world *world, const char *what, uint32_t d, uint32_t f, uint64_t round);

/* audit_mass.c */
double sl_audit_weight(const struct sl_world *world, uint32_t node);
void sl_audit_add(double *out, size_t elements, double weight, const struct sim_payload *theirs,
                  const struct sim_payload *mine);
void sl_audit_add_vector(double *out, size_t elements, double factor, const double *values);
/* A difference that counts at the node (weight < 0: is taken back). */
void sl_audit_own(struct sl_world *world, uint32_t number, double weight, const struct sim_payload *theirs,
                  const struct sim_payload *mine);

/* audit_lines.c */
void sl_audit_remove_line(struct sim_audit *audit, size_t at);
void sl_audit_undo(struct sl_world *world, uint32_t number, size_t position);
void sl_audit_check_lines(struct sl_world *world, uint32_t number);
void sl_audit_add_pending(const struct sl_world *world, double *out);

#endif
