/* Who holds which training examples: a seeded split of a data set, computed alike by every node, each keeping its part.
 */
#ifndef SL_DATA_PARTITION_H
#define SL_DATA_PARTITION_H

#include "data/dataset.h"

enum sl_partition_kind {
    SL_PARTITION_IID,       /* equal parts at random */
    SL_PARTITION_SHARDS,    /* sort by label, cut into parts × shards pieces, each part gets `shards` of them
                               (McMahan et al., AISTATS 2017) */
    SL_PARTITION_DIRICHLET, /* each class split in proportions ~ Dir(alpha) (Hsu, Qi, Brown 2019) */
    SL_PARTITION_SHARE      /* random parts in the given proportions */
};

struct sl_partition {
    enum sl_partition_kind kind;
    uint32_t shards;
    double alpha;
    double *shares; /* one a part, > 0 */
    size_t share_count;
};

/* "iid", "shards:2", "dirichlet:0.5", "share:3,1,1". */
SL_MUST_USE enum sl_status sl_partition_parse(struct sl_partition *out, const char *text, struct sl_error *error);
void sl_partition_finish(struct sl_partition *partition);

/* The indices of part `part` of `parts`, ascending, in an array that the caller frees. Never empty: SL_SETTINGS where
 * it would be. Parts are disjoint and together everything (IID and shards: up to the remainder, which is spread). */
SL_MUST_USE enum sl_status sl_partition_select(uint32_t **out, size_t *count, const struct sl_partition *partition,
                                               const struct sl_dataset *dataset, uint32_t part, uint32_t parts,
                                               uint64_t seed, struct sl_error *error);

#endif
