#include "aggregate/median.h"

#include <assert.h>
#include <math.h>

/* Ascending; as few as they are, by insertion. */
static void sort(float *values, size_t count) {
    for (size_t i = 1; i < count; i++) {
        float value = values[i];
        size_t at = i;
        for (; at > 0 && values[at - 1] > value; at--)
            values[at] = values[at - 1];
        values[at] = value;
    }
}

static float median_of(float *values, size_t count) {
    if (count == 0)
        return NAN;
    sort(values, count);
    float high = values[count / 2];
    if (count % 2 == 1)
        return high;
    float low = values[count / 2 - 1];
    return low == high ? low : (float)(((double)low + (double)high) / 2); /* equal infinities, too */
}

void sl_median(float *out, const float *const *sources, size_t count, size_t elements) {
    assert(count >= 1 && count <= SL_MEDIAN_SOURCES_MAX);
    float values[SL_MEDIAN_SOURCES_MAX];
    for (size_t i = 0; i < elements; i++) {
        size_t known = 0;
        for (size_t k = 0; k < count; k++)
            if (!isnan(sources[k][i]))
                values[known++] = sources[k][i];
        out[i] = median_of(values, known);
    }
}
