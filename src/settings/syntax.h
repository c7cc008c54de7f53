/* The small languages inside some settings, checked as far as text alone allows. Whoever uses them parses them again
 * (overlay/overlay.h, data/partition.h) and checks them against the flock and the data. */
#ifndef SL_SETTINGS_SYNTAX_H
#define SL_SETTINGS_SYNTAX_H

#include <stdbool.h>
#include <stddef.h>

/* "full", "ring", "torus", "hypercube", "star", "regular:S", "static-regular:S", "small-world:K,P", "file:PATH". */
bool sl_topology_syntax_is_valid(const char *text);
/* The path of "file:PATH", inside `text`; NULL for the other kinds. */
const char *sl_topology_syntax_file(const char *text);

/* "iid", "shards:K", "dirichlet:ALPHA", "share:P1,P2,...". `shares` (may be NULL) gets how many proportions there are;
 * 0 for the other kinds. */
bool sl_partition_syntax_is_valid(const char *text, size_t *shares);

#endif
