/* What a node takes from its own process, so that who gets control of it gets little:
 *
 *     no core dump, no tracer            PR_SET_DUMPABLE, RLIMIT_CORE
 *     no privilege by a program run      PR_SET_NO_NEW_PRIVS
 *     few capabilities                   where the process has any
 *     only the files of its job          Landlock, as far as the kernel has it (landlock.c)
 *     only the system calls of its job   seccomp (syscalls.c)
 *
 * All of it before the first thread is made: Landlock and capabilities are a thread's, and threads inherit them. Under
 * a sanitizer a little more is open, which sanitizers need (SL_SANITIZED). */
#ifndef SL_NODE_CONFINE_H
#define SL_NODE_CONFINE_H

#include "settings/settings.h"
#include <starling/node.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SL_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SL_SANITIZED 1
#endif
#endif
#ifndef SL_SANITIZED
#define SL_SANITIZED 0
#endif

enum { CONFINE_STATE_SIZE = sizeof((struct sl_confinement){.on = false}.landlock) };

/* Files: what a node with these settings reads and writes, now and after a reload; all else is refused with EACCES, for
 * this thread and those that it makes. `state` says in a few words what is on. A kernel without Landlock is no failure.
 */
SL_MUST_USE enum sl_status confine_files(const struct sl_settings *settings, char state[CONFINE_STATE_SIZE],
                                         struct sl_error *error);

/* System calls, for all threads: what is not on the list is answered with EPERM or ENOSYS. */
SL_MUST_USE enum sl_status confine_calls(struct sl_error *error);

/* What is on, in one line. */
void confine_log(const struct sl_confinement *confinement, const struct sl_log *log);

#endif
