/* The coordinate-wise median of models: what one liar among three says counts nowhere. */
#ifndef SL_AGGREGATE_MEDIAN_H
#define SL_AGGREGATE_MEDIAN_H

#include <stddef.h>

enum { SL_MEDIAN_SOURCES_MAX = 8 };

/* out[i] = the median of sources[0][i] … sources[count − 1][i], exact; of an even number the mean of the two in the
 * middle, in double, rounded once. What is not a number is left out; nothing but that: NaN. 1 ≤ count ≤
 * SL_MEDIAN_SOURCES_MAX; `out` may be one of the sources. */
void sl_median(float *out, const float *const *sources, size_t count, size_t elements);

#endif
