/* Operations run with their first, second, third … allocation failing, until one run needs no more of them. Nothing may
 * crash, leak, or be told as anything but lack of memory. */
#ifndef TEST_FAILING_H
#define TEST_FAILING_H

#include <stdbool.h>
#include <stddef.h>

#include <starling/error.h>

/* Whose allocations fail besides those of our own code. */
enum failing_others {
    FAILING_NONE,
    FAILING_CJSON, /* it does not tell lack of memory from bad text: any status */
    FAILING_LIBEVENT,
};

/* Runs once; frees what it made, whatever the outcome. `context` is the test's. */
typedef enum sl_status failing_operation(void *context, struct sl_error *error);

/* Runs the operation for n = 1, 2, …; fails the test when a run with a failed allocation does not say SL_NO_MEMORY,
 * when the last run, with all of them, does not say SL_OK, and when something leaked. Returns how many allocations
 * there were. */
size_t failing_run(failing_operation *operation, void *context, enum failing_others others);

/* The parts of the above, for operations that are not one call. */
void failing_arm(size_t n, enum failing_others others); /* the n-th allocation from now on fails; only that one */
bool failing_disarm(void);                              /* whether it came to that */
void failing_check_leaks(void);

#endif
