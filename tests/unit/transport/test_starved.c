/* What a machine does to a node: connections that are half open, no descriptors, a process that is stopped. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "rig.h"

/* ---- half-open connections ---- */

static int option_of(const struct rig_side *side, int level, int name) {
    int value = -1;
    socklen_t length = sizeof value;
    cr_assert_eq(getsockopt(side->up->socket.fd, level, name, &value, &length), 0);
    return value;
}

Test(starved, a_vanished_peer_is_noticed_on_every_connection) {
    for (int security = SL_SECURITY_MTLS; security <= SL_SECURITY_CLEAR; security++) {
        struct rig rig;
        rig_init_connected_by(&rig, (enum sl_connection_security)security);
        for (size_t i = 0; i < 2; i++) { /* the one that dialled, the one that accepted */
            struct rig_side *side = &rig.sides[i];
            cr_assert_eq(side->up->dialled, i == 0);
            cr_assert_eq(option_of(side, SOL_SOCKET, SO_KEEPALIVE), 1, "when nothing is under way");
            int idle = option_of(side, IPPROTO_TCP, TCP_KEEPIDLE), every = option_of(side, IPPROTO_TCP, TCP_KEEPINTVL);
            cr_assert_leq(idle + every * option_of(side, IPPROTO_TCP, TCP_KEEPCNT), 20);
            int user_timeout = option_of(side, IPPROTO_TCP, TCP_USER_TIMEOUT);
            cr_assert(user_timeout > 0 && user_timeout <= 20000, "when something is");
            size_t heard = side->heard; /* and by its program: the answer to a ping is a sign of life */
            cr_assert_eq(sl_connection_ping(side->up), SL_OK);
            rig_until(&rig, &side->heard, heard + 1);
        }
        rig_finish(&rig);
    }
}

/* ---- no descriptors ---- */

enum { DESCRIPTORS_MAX = 256 };

struct shortage {
    struct rlimit before;
    int taken[DESCRIPTORS_MAX];
    size_t count;
};

static void take_all(struct shortage *shortage) {
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &shortage->before), 0);
    struct rlimit less = {.rlim_cur = DESCRIPTORS_MAX, .rlim_max = shortage->before.rlim_max};
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &less), 0);
    shortage->count = 0;
    for (int fd; (fd = dup(0)) >= 0;)
        shortage->taken[shortage->count++] = fd;
    cr_assert_eq(errno, EMFILE);
}

static void give_back(struct shortage *shortage, size_t count) {
    for (; count > 0 && shortage->count > 0; count--)
        cr_assert_eq(close(shortage->taken[--shortage->count]), 0);
}

static void pass_frames(struct rig *rig) {
    struct rig_side *alice = &rig->sides[0], *bob = &rig->sides[1];
    size_t before = bob->frame_count;
    cr_assert_eq(sl_connection_send(alice->up, SL_FRAME_CREDIT, "x", 1), SL_OK);
    rig_until(rig, &bob->frame_count, before + 1);
}

Test(starved, without_descriptors_accepting_pauses_is_said_once_and_goes_on) {
    struct rig rig;
    struct shortage shortage;
    rig_init_connected(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    struct rig_side *carol = rig_add(&rig, "carol", 33);
    take_all(&shortage);
    give_back(&shortage, 1); /* for carol's own end */
    rig_dial(carol, bob, "bob");
    for (size_t pauses = 0; pauses < 3; pauses++) {
        while (!bob->transport->accepting_paused)
            event_base_loop(rig.base, EVLOOP_ONCE);
        pass_frames(&rig); /* the rounds go on */
        while (bob->transport->accepting_paused)
            event_base_loop(rig.base, EVLOOP_ONCE);
    }
    cr_assert_eq(rig_log_count(bob, "warning accepting paused reason=Too many open files"), 1);
    give_back(&shortage, DESCRIPTORS_MAX);
    rig_until(&rig, &carol->ups, 1);
    rig_until(&rig, &bob->ups, 2);
    cr_assert_eq(rig_log_count(bob, "accepting"), 1);
    cr_assert_eq(alice->downs + bob->downs + carol->failures, 0);
    /* Long after: it is said that it is over, and another shortage is said again. */
    bob->transport->paused_at -= 11 * SL_SECOND;
    rig_dial(carol, alice, "alice");
    rig_until(&rig, &carol->ups, 2);
    rig_stop(carol);
    rig_until(&rig, &bob->downs, 1);
    rig_restart(carol, 33, NULL);
    rig_dial(carol, bob, "bob");
    rig_until(&rig, &carol->ups, 3);
    cr_assert_eq(rig_log_count(bob, "info accepting again"), 1);
    cr_assert_eq(bob->transport->paused_at, 0);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &shortage.before), 0);
    rig_finish(&rig);
}

Test(starved, without_descriptors_a_dial_fails_and_the_next_one_works) {
    struct rig rig;
    struct shortage shortage;
    rig_init_connected(&rig);
    struct rig_side *bob = &rig.sides[1], *carol = rig_add(&rig, "carol", 33);
    take_all(&shortage);
    for (size_t i = 1; i <= 3; i++) {
        rig_dial(carol, bob, "bob");
        rig_until(&rig, &carol->failures, i);
        cr_assert(strstr(carol->reason, "Too many open files") != NULL, "%s", carol->reason);
        pass_frames(&rig);
    }
    give_back(&shortage, DESCRIPTORS_MAX);
    rig_dial(carol, bob, "bob");
    rig_until(&rig, &carol->ups, 1);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &shortage.before), 0);
    rig_finish(&rig);
}

/* ---- stopped ---- */

/* By a child, which outlives the stop. */
static void be_stopped(int milliseconds) {
    pid_t parent = getpid(), child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        int result = kill(parent, SIGSTOP);
        (void)poll(NULL, 0, milliseconds); /* what the test is about: time that passes */
        _exit(result == 0 && kill(parent, SIGCONT) == 0 ? 0 : 1);
    }
    int status = -1;
    while (waitpid(child, &status, 0) < 0)
        cr_assert_eq(errno, EINTR);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Half a frame has come, bytes wait to go out, a handshake is under way: all their times are over when it wakes. */
Test(starved, a_process_that_was_stopped_blames_nobody_for_its_own_pause) {
    struct rig rig;
    rig_init_pair(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    for (size_t i = 0; i < 2; i++) {
        rig.sides[i].settings.transport.stall_timeout = 2;
        rig.sides[i].settings.transport.handshake_timeout = 2;
        rig_restart(&rig.sides[i], rig.sides[i].boot, NULL);
    }
    rig_dial(alice, bob, "bob");
    rig_until(&rig, &alice->ups, 1);
    rig_until(&rig, &bob->ups, 1);
    uint8_t frame[SL_FRAME_HEADER_SIZE + 100] = {0};
    sl_frame_put_header(frame, &(struct sl_frame_header){.length = 100, .type = SL_FRAME_ROSTER});
    rig_inject(alice, frame, 50);
    while (bob->up->quota.frames_at == 0) /* the watch has seen it */
        event_base_loop(rig.base, EVLOOP_ONCE);
    struct rig_side *carol = rig_add(&rig, "carol", 33);
    rig_dial(carol, bob, "bob");
    while (carol->transport->connections == NULL)
        event_base_loop(rig.base, EVLOOP_ONCE);
    be_stopped(5000);
    for (size_t i = 0; i < 4; i++) {
        sl_time due = bob->transport->watch_due; /* what the watch does with what it finds */
        while (bob->transport->watch_due == due && bob->downs == 0)
            event_base_loop(rig.base, EVLOOP_ONCE);
        if (i == 0)
            rig_inject(alice, frame + 50, sizeof frame - 50);
    }
    rig_until(&rig, &carol->ups, 1);
    cr_assert_eq(bob->frame_count, 1);
    cr_assert_eq(alice->downs + bob->downs + carol->failures, 0, "%s", bob->reason);
    rig_finish(&rig);
}

/* ---- frames that take long to deal with ---- */

enum { SLOW_FRAMES = 3000, SLOW_BYTES = 1000, SLOW_BEFORE_ANOTHER = 250 };

static struct rig_side *carol;
static size_t slow_frames, slow_before_carols;

static enum sl_status work(struct rig_side *side, struct sl_error *error) {
    (void)error;
    if (side->frames[side->frame_count - 1].type == SL_FRAME_PROBE) {
        slow_before_carols = slow_frames;
        return SL_OK;
    }
    for (sl_time end = sl_clock_monotonic() + SL_MILLISECOND; sl_clock_monotonic() < end;)
        ;
    if (slow_frames++ == 0)
        cr_assert_eq(sl_connection_send(carol->up, SL_FRAME_PROBE, (const uint8_t *)"c", 1), SL_OK);
    return SL_OK;
}

/* Statements to verify, say: a mebibyte of them would be half a second. Others have their turn in between. */
Test(starved, a_peer_whose_frames_take_long_keeps_nobody_waiting) {
    static const uint8_t payload[SLOW_BYTES];
    struct rig rig;
    rig_init_connected(&rig);
    struct rig_side *alice = rig_side_of(&rig, 0), *bob = rig_side_of(&rig, 1);
    carol = rig_add(&rig, "carol", 33);
    rig_dial(carol, bob, "bob");
    rig_until(&rig, &carol->ups, 1);
    rig_until(&rig, &bob->ups, 2);
    slow_frames = slow_before_carols = 0;
    bob->on_control = work;
    for (size_t i = 0; i < SLOW_FRAMES; i++)
        cr_assert_eq(sl_connection_send(alice->up, SL_FRAME_ROSTER, payload, sizeof payload), SL_OK);
    rig_until(&rig, &slow_frames, SLOW_FRAMES);
    cr_expect(slow_before_carols > 0 && slow_before_carols <= SLOW_BEFORE_ANOTHER, "%zu", slow_before_carols);
    rig_finish(&rig);
}
