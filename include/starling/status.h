/* The outcome of every call that can fail, from one list with its texts. */
#ifndef STARLING_STATUS_H
#define STARLING_STATUS_H

#include <starling/export.h>

/* X(name, text): the text completes "it failed: ...". */
#define SL_STATUS_LIST(X)                                                                                              \
    X(OK, "success")                                                                                                   \
    X(NO_MEMORY, "out of memory")                                                                                      \
    X(USAGE, "wrong usage")                                                                                            \
    X(SETTINGS, "bad settings")                                                                                        \
    X(NOT_FOUND, "not found")                                                                                          \
    X(EXISTS, "exists already")                                                                                        \
    X(PERMISSION, "permission denied")                                                                                 \
    X(IO, "input or output failed")                                                                                    \
    X(DISK_FULL, "no space left")                                                                                      \
    X(FORMAT, "malformed")                                                                                             \
    X(LIMIT, "over a limit")                                                                                           \
    X(MISMATCH, "does not match")                                                                                      \
    X(UNTRUSTED, "not trusted")                                                                                        \
    X(CRYPTO, "cryptography failed")                                                                                   \
    X(NETWORK, "network failed")                                                                                       \
    X(IN_USE, "in use")                                                                                                \
    X(TIMEOUT, "timed out")                                                                                            \
    X(CLOSED, "closed")                                                                                                \
    X(UNSUPPORTED, "not supported")                                                                                    \
    X(STATE, "not possible in this state")                                                                             \
    X(CANCELLED, "cancelled")                                                                                          \
    X(LEFT_OUT, "left out of the consensus")                                                                           \
    X(INTERNAL, "internal error")

enum sl_status {
#define SL_STATUS_ENUM(name, text) SL_##name,
    SL_STATUS_LIST(SL_STATUS_ENUM)
#undef SL_STATUS_ENUM
};

/* The text of a status; never NULL, static. */
SL_PUBLIC const char *sl_status_text(enum sl_status status);

/* The status that stands for an errno value. */
SL_PUBLIC enum sl_status sl_status_from_errno(int number);

#endif
