/* The system calls of a node: an allow-list, found with strace on whole runs (the built-in trainers with oneDNN's
 * compiler, name lookups on worker threads, models saved, reloads, keys in a SoftHSM token) and held by the tests that
 * run confined nodes. What a C library may choose in place of one of them is on it, too.
 *
 * All else is answered with ENOSYS, as by a kernel that does not have the call, so that a C library newer than this
 * list falls back to what is on it. What would only ever be an attack says EPERM. */
#include "node/confine.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

static const char *const allowed[] = {
    /* memory; PROT_EXEC as well: oneDNN compiles its kernels at run time, libraries are loaded by name (NSS, PKCS#11)
     */
    "brk", "madvise", "mlock", "mlock2", "mmap", "mmap2", "mprotect", "mremap", "munlock", "munmap", "membarrier",
    /* files */
    "_llseek", "access", "chdir", "close", "dup", "dup2", "dup3", "faccessat", "faccessat2", "fadvise64", "fallocate",
    "fchmod", "fcntl", "fcntl64", "fdatasync", "flock", "fstat", "fstat64", "fstatat64", "fstatfs", "fsync",
    "ftruncate", "ftruncate64", "getcwd", "getdents", "getdents64", "lseek", "lstat", "lstat64", "mkdir", "mkdirat",
    "newfstatat", "open", "openat", "pipe", "pipe2", "pread64", "preadv", "pwrite64", "pwritev", "read", "readlink",
    "readlinkat", "readv", "rename", "renameat", "renameat2", "stat", "stat64", "statfs", "statx", "umask", "unlink",
    "unlinkat", "write", "writev",
    /* sockets, but for socket itself */
    "accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen", "recv", "recvfrom",
    "recvmmsg", "recvmsg", "send", "sendmmsg", "sendmsg", "sendto", "setsockopt", "shutdown",
    /* events and time */
    "clock_getres", "clock_gettime", "clock_gettime64", "clock_nanosleep", "clock_nanosleep_time64", "epoll_create",
    "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait", "eventfd2", "gettimeofday",
    "inotify_add_watch", "inotify_init1", "inotify_rm_watch", "nanosleep", "poll", "ppoll", "pselect6", "select",
    "signalfd4", "time", "timerfd_create", "timerfd_gettime", "timerfd_settime",
    /* threads and signals; no process but this one can be sent any */
    "exit", "exit_group", "futex", "futex_time64", "get_robust_list", "getcpu", "gettid", "restart_syscall", "rseq",
    "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait", "sched_get_priority_max",
    "sched_get_priority_min", "sched_getaffinity", "sched_getparam", "sched_getscheduler", "sched_setaffinity",
    "sched_yield", "set_robust_list", "set_tid_address", "sigaltstack", "sigreturn",
    /* who and what */
    "getegid", "geteuid", "getgid", "getpgrp", "getpid", "getppid", "getrandom", "getresgid", "getresuid", "getrlimit",
    "getrusage", "getuid", "sysinfo", "times", "ugetrlimit", "uname",
    /* the one child that there may be (outputs.c) */
    "wait4", "waitid"};

/* Attempts to become or to govern another program. */
static const char *const refused[] = {"execve",
                                      "execveat",
                                      "fork",
                                      "vfork",
                                      "ptrace",
                                      "process_vm_readv",
                                      "process_vm_writev",
                                      "kill",
                                      "tkill",
                                      "rt_sigqueueinfo",
                                      "setuid",
                                      "setgid",
                                      "setresuid",
                                      "setresgid",
                                      "capset",
                                      "chmod",
                                      "fchmodat",
                                      "chown",
                                      "fchown",
                                      "fchownat",
                                      "lchown",
                                      "link",
                                      "linkat",
                                      "symlink",
                                      "symlinkat",
                                      "mknod",
                                      "mknodat",
                                      "mount",
                                      "umount2",
                                      "chroot",
                                      "pivot_root",
                                      "unshare",
                                      "setns",
                                      "bpf",
                                      "perf_event_open",
                                      "keyctl",
                                      "add_key",
                                      "request_key",
                                      "personality"};

/* LeakSanitizer looks at the threads from a process of its own, which it clones and lets trace them. */
static const char *const sanitizers[] = {
    "arch_prctl", "capget", "clone",     "gettid",           "kill",   "mincore",   "msync", "personality",
    "pidfd_open", "prctl",  "prlimit64", "process_vm_readv", "ptrace", "setrlimit", "tkill"};

/* An argument of 32 bits that has to be this value; the kernel does not look at the rest of its register, either. */
static struct scmp_arg_cmp is_value(unsigned argument, uint32_t value) {
    return (struct scmp_arg_cmp){.arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = UINT32_MAX, .datum_b = value};
}

static int allow_value(scmp_filter_ctx filter, int call, unsigned argument, uint32_t value) {
    const struct scmp_arg_cmp comparison = is_value(argument, value);
    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, 1, &comparison);
}

static int add_names(scmp_filter_ctx filter, uint32_t action, const char *const *names, size_t count) {
    int code = 0;
    for (size_t i = 0; i < count && code == 0; i++) {
        int number = seccomp_syscall_resolve_name(names[i]);
        /* Another architecture's calls, and those that this library does not know, need no rule. */
        if (number >= 0)
            code = seccomp_rule_add_array(filter, action, number, 0, NULL);
    }
    return code;
}

static int allow_values(scmp_filter_ctx filter, int call, unsigned argument, const unsigned long *values,
                        size_t count) {
    int code = 0;
    for (size_t i = 0; i < count && code == 0; i++)
        code = allow_value(filter, call, argument, (uint32_t)values[i]);
    return code;
}

/* Threads, not processes; signals to itself alone (abort, pthread_kill). */
static int allow_threads(scmp_filter_ctx filter) {
    const scmp_datum_t thread = CLONE_VM | CLONE_THREAD | CLONE_SIGHAND;
#if defined(__s390__) || defined(__s390x__)
    const unsigned flags = 1;
#else
    const unsigned flags = 0;
#endif
    const struct scmp_arg_cmp comparison = {
        .arg = flags, .op = SCMP_CMP_MASKED_EQ, .datum_a = thread, .datum_b = thread};
    int code = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, &comparison);
    if (code == 0)
        code = allow_value(filter, SCMP_SYS(tgkill), 0, (uint32_t)getpid());
    return code;
}

/* TCP and UDP, resolvers' local sockets, and what getaddrinfo asks the kernel's routing for. */
static int allow_sockets(scmp_filter_ctx filter) {
    static const unsigned long families[] = {AF_UNIX, AF_INET, AF_INET6};
    const struct scmp_arg_cmp routing[] = {is_value(0, AF_NETLINK), is_value(2, 0)}; /* NETLINK_ROUTE */
    int code = allow_values(filter, SCMP_SYS(socket), 0, families, sizeof families / sizeof families[0]);
    if (code == 0)
        code = allow_value(filter, SCMP_SYS(socketpair), 0, AF_UNIX);
    if (code == 0)
        code = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2, routing);
    return code;
}

/* A terminal whose echo is off while a passphrase is typed; never input that is put into it (TIOCSTI). */
static int allow_rest(scmp_filter_ctx filter) {
    static const unsigned long requests[] = {TCGETS,    TCSETS,   TCSETSW, TCSETSF, TIOCGWINSZ,
                                             TIOCGPGRP, FIONREAD, FIONBIO, FIOCLEX, FIONCLEX};
    static const unsigned long options[] = {PR_SET_NAME,         PR_GET_NAME,         PR_GET_DUMPABLE,
                                            PR_GET_NO_NEW_PRIVS, PR_SET_NO_NEW_PRIVS, PR_GET_SECCOMP,
                                            PR_CAPBSET_READ,     0x53564d41 /* PR_SET_VMA: names of mappings */};
    const struct scmp_arg_cmp no_pointer = {.arg = 2, .op = SCMP_CMP_EQ, .datum_a = 0, .datum_b = 0};
    const struct scmp_arg_cmp reading[] = {is_value(0, 0), no_pointer}; /* its own limits, no new one */
    int code = allow_values(filter, SCMP_SYS(ioctl), 1, requests, sizeof requests / sizeof requests[0]);
    if (code == 0)
        code = allow_values(filter, SCMP_SYS(prctl), 0, options, sizeof options / sizeof options[0]);
    if (code == 0) /* getrlimit in today's C library */
        code = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2, reading);
    return code;
}

static int set_up(scmp_filter_ctx filter) {
    int code = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    if (code == 0)
        code = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (code == 0)
        (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree, where the library can */
    if (code == 0 && SL_SANITIZED)
        code = add_names(filter, SCMP_ACT_ALLOW, sanitizers, sizeof sanitizers / sizeof sanitizers[0]);
    if (code == 0)
        code = add_names(filter, SCMP_ACT_ALLOW, allowed, sizeof allowed / sizeof allowed[0]);
    if (code == 0)
        code = allow_threads(filter);
    if (code == 0)
        code = allow_sockets(filter);
    if (code == 0)
        code = allow_rest(filter);
    if (code == 0 && !SL_SANITIZED)
        code = add_names(filter, SCMP_ACT_ERRNO(EPERM), refused, sizeof refused / sizeof refused[0]);
    return code;
}

enum sl_status confine_calls(struct sl_error *error) {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    if (filter == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "out of memory");
    int code = set_up(filter);
    if (code == 0)
        code = seccomp_load(filter);
    seccomp_release(filter);
    if (code != 0)
        return sl_error_set(error, SL_UNSUPPORTED, "cannot restrict system calls by seccomp: %s", strerror(-code));
    return SL_OK;
}
