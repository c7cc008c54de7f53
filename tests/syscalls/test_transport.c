/* Two nodes connect, talk and part, while one system call of theirs fails, for each call and each error that it may
 * have: the connection stands all the same, or it ends, is told as ended, and the next one works; nothing hangs, no
 * descriptor and no memory is left behind. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "failing_calls.h"
#include "transport/rig.h"

enum { LENGTH = 512 << 10 };
static const sl_time PATIENCE = 30 * SL_SECOND;

struct fault {
    enum failing_call call;
    int failure;
    bool is_overcome; /* the connection stands, as if nothing had been */
};

static size_t open_descriptors(void) {
    size_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    cr_assert(folder != NULL);
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

static uint8_t room[LENGTH];

static bool has_ended(const struct rig *rig) {
    const struct rig_side *alice = &rig->sides[0], *bob = &rig->sides[1];
    return alice->failures > 0 || alice->downs > 0 || bob->downs > 0;
}

static bool has_all(const struct rig_side *side) {
    return side->data_bytes >= LENGTH;
}

static void say(struct rig_side *side) {
    struct sl_block *block = sl_block_create(LENGTH);
    cr_assert(block != NULL);
    memset(block->data, 1, block->length);
    side->into[1] = room;
    side->data_bytes = 0;
    (void)sl_connection_send_data(side->up, 1, block, 0, block->length);
    sl_block_unref(block);
}

static void run(struct rig *rig, bool (*is_over)(const struct rig *rig), const struct fault *fault, size_t n) {
    sl_time begin = sl_clock_monotonic();
    while (!is_over(rig)) {
        event_base_loop(rig->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
        cr_assert_lt(sl_clock_monotonic() - begin, PATIENCE, "call %zu of %s, %s: it hangs", n,
                     failing_call_text(fault->call), strerror(fault->failure));
    }
}

static bool is_over(const struct rig *rig) {
    return has_ended(rig) || (has_all(&rig->sides[0]) && has_all(&rig->sides[1]));
}

static bool is_gone(const struct rig *rig) {
    const struct sl_transport *alice = rig->sides[0].transport, *bob = rig->sides[1].transport;
    return alice->connections == NULL && bob->connections == NULL && alice->dials == NULL && bob->dials == NULL &&
           alice->closed == NULL && bob->closed == NULL;
}

static void forget(struct rig_side *side) {
    side->ups = side->downs = side->failures = 0;
    side->data_bytes = 0;
}

/* Once more, with nothing in the way. */
static void check_healed(struct rig *rig, const struct fault *fault, size_t n) {
    struct rig_side *alice = &rig->sides[0];
    if (alice->up != NULL)
        sl_connection_close(alice->up, "enough");
    run(rig, is_gone, fault, n);
    forget(alice);
    forget(&rig->sides[1]);
    rig_dial(alice, &rig->sides[1], "bob");
    run(rig, is_over, fault, n);
    cr_assert(!has_ended(rig), "after call %zu of %s, %s: the next connection fails", n, failing_call_text(fault->call),
              strerror(fault->failure));
}

/* False: there are fewer than n such calls. */
static bool meet(const struct fault *fault, size_t n, enum sl_connection_security security) {
    struct rig rig;
    rig_init_pair(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    for (size_t i = 0; i < rig.count; i++) {
        rig_set_modes(&rig.sides[i], security, security);
        rig.sides[i].on_up = say;
    }
    failing_calls_arm(fault->call, n, fault->failure);
    rig_dial(alice, bob, "bob");
    run(&rig, is_over, fault, n);
    bool failed = failing_calls_disarm();
    bool stands = !has_ended(&rig) && alice->ups == 1 && bob->ups == 1;
    cr_assert(stands || (failed && !fault->is_overcome), "call %zu of %s, %s: alice %s, bob %s", n,
              failing_call_text(fault->call), strerror(fault->failure), alice->reason, bob->reason);
    check_healed(&rig, fault, n);
    rig_finish(&rig);
    return failed;
}

/* The first calls one by one, then fewer and fewer of them: they are much alike. */
static void check(const struct fault *faults, size_t count, size_t least) {
    static const enum sl_connection_security MODES[] = {SL_SECURITY_MTLS, SL_SECURITY_TLS, SL_SECURITY_CLEAR};
    for (size_t i = 0; i < count; i++) {
        size_t n = 1, hits = 0;
        for (; meet(&faults[i], n, MODES[i % 3]); n += 1 + n / 4)
            hits++;
        cr_assert_geq(hits, least, "%s, %s: only %zu were made to fail", failing_call_text(faults[i].call),
                      strerror(faults[i].failure), hits);
    }
}

static size_t before;

static void count_before(void) {
    before = open_descriptors();
}

static void count_after(void) {
    cr_assert_eq(open_descriptors(), before, "descriptors were left open");
}

TestSuite(syscalls, .init = count_before, .fini = count_after);

Test(syscalls, to_begin_a_connection) {
    static const struct fault FAULTS[] = {
        {CALL_SOCKET, EMFILE, false},       {CALL_SOCKET, ENFILE, false},         {CALL_SOCKET, ENOBUFS, false},
        {CALL_SOCKET, ENOMEM, false},       {CALL_SOCKET, EACCES, false},         {CALL_CONNECT, ECONNREFUSED, false},
        {CALL_CONNECT, ENETUNREACH, false}, {CALL_CONNECT, EADDRNOTAVAIL, false}, {CALL_CONNECT, EAGAIN, false},
        {CALL_CONNECT, ENOBUFS, false},     {CALL_GETSOCKOPT, ENOBUFS, false},
    };
    check(FAULTS, sizeof FAULTS / sizeof *FAULTS, 1);
}

Test(syscalls, to_accept_one) {
    static const int FAILURES[] = {ECONNABORTED, EINTR,  EAGAIN,  EPROTO, EPERM, ENETDOWN,
                                   EMFILE,       ENFILE, ENOBUFS, ENOMEM, EINVAL};
    for (size_t i = 0; i < sizeof FAILURES / sizeof *FAILURES; i++)
        check(&(struct fault){CALL_ACCEPT, FAILURES[i], true}, 1, 1);
}

Test(syscalls, to_send) {
    static const struct fault FAULTS[] = {
        {CALL_SEND, EINTR, true},      {CALL_SEND, EAGAIN, true},   {CALL_SEND, ECONNRESET, false},
        {CALL_SEND, EPIPE, false},     {CALL_SEND, ENOBUFS, false}, {CALL_SEND, ENOMEM, false},
        {CALL_SEND, ETIMEDOUT, false},
    };
    check(FAULTS, sizeof FAULTS / sizeof *FAULTS, 6);
}

Test(syscalls, to_receive) {
    static const struct fault FAULTS[] = {
        {CALL_RECV, EINTR, true},   {CALL_RECV, EAGAIN, true},   {CALL_RECV, ECONNRESET, false},
        {CALL_RECV, ENOMEM, false}, {CALL_RECV, ENOBUFS, false}, {CALL_RECV, ETIMEDOUT, false},
    };
    check(FAULTS, sizeof FAULTS / sizeof *FAULTS, 6);
}

/* What makes a connection better, and is done without where the kernel refuses. */
Test(syscalls, to_set_options) {
    static const struct fault FAULTS[] = {{CALL_SETSOCKOPT, ENOPROTOOPT, true}, {CALL_SETSOCKOPT, ENOBUFS, true}};
    check(FAULTS, sizeof FAULTS / sizeof *FAULTS, 4);
}

Test(syscalls, to_listen) {
    static const struct fault FAULTS[] = {{CALL_SOCKET, EMFILE, false},     {CALL_SOCKET, ENOBUFS, false},
                                          {CALL_BIND, EADDRINUSE, false},   {CALL_BIND, EACCES, false},
                                          {CALL_LISTEN, EADDRINUSE, false}, {CALL_LISTEN, ENOMEM, false}};
    struct rig rig;
    rig_init_pair(&rig);
    struct rig_side *alice = &rig.sides[0];
    for (size_t i = 0; i < sizeof FAULTS / sizeof *FAULTS; i++) {
        struct sl_error error = {.status = SL_OK};
        failing_calls_arm(FAULTS[i].call, 1, FAULTS[i].failure);
        cr_assert_neq(sl_transport_listen(alice->transport, &alice->listener, NULL, &error), SL_OK);
        cr_assert(failing_calls_disarm());
        cr_assert(strstr(error.text, strerror(FAULTS[i].failure)) != NULL, "%s", error.text);
    }
    rig_dial(&rig.sides[1], alice, "alice");
    rig_until(&rig, &rig.sides[1].ups, 1);
    rig_finish(&rig);
}
