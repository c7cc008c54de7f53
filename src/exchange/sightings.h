/* The manifests of updates that this node saw in the last rounds, as their origins signed them: what it can bear
 * witness of, and what it holds the witness of others against. Pure. */
#ifndef SL_EXCHANGE_SIGHTINGS_H
#define SL_EXCHANGE_SIGHTINGS_H

#include "exchange/proof.h"

enum {
    SL_SIGHTINGS_A_ROUND = 2,  /* of one origin: it may have been restarted. Further lineages are not remembered. */
    SL_SIGHTINGS_MAX = 1 << 14 /* in all */
};

struct sl_sighting {
    uint64_t round;
    struct sl_witness_entry entry;
    struct sl_statement *statement; /* a reference; its body is the manifest */
    bool told;                      /* the caller's: it was borne witness of */
};
/* All zero is empty. */
struct sl_sightings {
    struct sl_sighting *items;
    size_t count, capacity;
};

/* Takes note of a manifest, which the statement is of and whose signature is good. *contradicted is what it contradicts
 * (borrowed), or NULL. What was seen first is kept; snapshots and what exceeds the limits are not. SL_NO_MEMORY. */
SL_MUST_USE enum sl_status sl_sightings_add(struct sl_sightings *sightings, const struct sl_manifest *manifest,
                                            struct sl_statement *statement, struct sl_statement **contradicted);
/* What we saw of that origin, round and lineage; NULL: nothing. Borrowed until the next change. */
const struct sl_sighting *sl_sightings_find(const struct sl_sightings *sightings, uint64_t round, const char *origin,
                                            uint64_t lineage);
/* What to answer one who saw this: ours, where the payload is another; else NULL. Borrowed. */
struct sl_statement *sl_sightings_answer(const struct sl_sightings *sightings, uint64_t round,
                                         const struct sl_witness_entry *seen);
void sl_sightings_forget(struct sl_sightings *sightings, uint64_t before); /* the rounds before that */
void sl_sightings_finish(struct sl_sightings *sightings);

#endif
