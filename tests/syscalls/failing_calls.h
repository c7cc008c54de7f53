/* System calls of the transport, the n-th of which fails as the test says: the linker puts ours before those of the C
 * library in all of our own code. */
#ifndef TEST_FAILING_CALLS_H
#define TEST_FAILING_CALLS_H

#include <stdbool.h>
#include <stddef.h>

enum failing_call {
    CALL_SOCKET,
    CALL_CONNECT,
    CALL_ACCEPT,
    CALL_SEND,
    CALL_RECV,
    CALL_SHUTDOWN,
    CALL_GETSOCKOPT,
    CALL_SETSOCKOPT,
    CALL_GETSOCKNAME,
    CALL_BIND,
    CALL_LISTEN
};

const char *failing_call_text(enum failing_call call);
/* The n-th such call from now on returns −1 with errno `failure` and does nothing; only that one. */
void failing_calls_arm(enum failing_call call, size_t n, int failure);
bool failing_calls_disarm(void); /* whether it came to that */

#endif
