/* Time as 64-bit nanoseconds. Durations and deadlines are monotonic; only records and certificates see the wall clock.
 */
#ifndef SL_BASE_CLOCK_H
#define SL_BASE_CLOCK_H

#include <stdint.h>

typedef int64_t sl_time;

#define SL_NANOSECOND ((sl_time)1)
#define SL_MILLISECOND ((sl_time)1000000)
#define SL_SECOND ((sl_time)1000000000)
#define SL_NEVER INT64_MAX

sl_time sl_clock_monotonic(void);
sl_time sl_clock_wall(void); /* since 1970-01-01T00:00:00Z */

/* Seconds of a setting as a time, rounded to the nearest nanosecond and clamped to [0, SL_NEVER]. */
sl_time sl_time_from_seconds(double seconds);
double sl_time_to_seconds(sl_time time);

#endif
