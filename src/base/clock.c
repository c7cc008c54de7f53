#include "base/clock.h"

#include <math.h>
#include <time.h>

static sl_time read_clock(clockid_t clock) {
    struct timespec now = {0};
    clock_gettime(clock, &now); /* cannot fail for these two clocks */
    return (sl_time)now.tv_sec * SL_SECOND + (sl_time)now.tv_nsec;
}

sl_time sl_clock_monotonic(void) {
    return read_clock(CLOCK_MONOTONIC);
}

sl_time sl_clock_wall(void) {
    return read_clock(CLOCK_REALTIME);
}

sl_time sl_time_from_seconds(double seconds) {
    if (!(seconds > 0)) /* NaN too */
        return 0;
    double nanoseconds = seconds * 1e9;
    if (nanoseconds >= 0x1p63) /* the first double above what an sl_time holds */
        return SL_NEVER;
    return (sl_time)llround(nanoseconds);
}

double sl_time_to_seconds(sl_time time) {
    return (double)time / 1e9;
}
