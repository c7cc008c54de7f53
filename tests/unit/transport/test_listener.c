/* Whoever connects too often or holds too much, before TLS. Strangers come from 127.0.0.2 and up. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rig.h"

/* A TCP connection from 127.0.0.`host` that says nothing. */
static int stranger(const struct rig_side *to, uint8_t host) {
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000000 + host)};
    const struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(to->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(fd, (const struct sockaddr *)&from, sizeof from), 0);
    cr_assert_eq(connect(fd, (const struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

static bool is_reset(int fd) {
    char byte;
    return recv(fd, &byte, 1, MSG_DONTWAIT) < 0 && errno == ECONNRESET;
}

static void limit(struct rig_side *side, double rate, uint64_t burst, uint64_t connections, bool proxy) {
    side->listener.handshake_rate = rate;
    side->listener.handshake_burst = burst;
    side->listener.max_connections = connections;
    side->listener.proxy = proxy;
    rig_restart(side, 11, NULL);
}

static void note_done(void *context) {
    *(size_t *)context += 1;
}

static void until_handled(struct rig_side *side, uint64_t count) {
    const struct sl_transport_counters *counters = &side->transport->counters;
    while (counters->accepted + counters->limited < count)
        event_base_loop(side->rig->base, EVLOOP_ONCE);
}

static size_t count_reset(const int *fds, size_t count) {
    size_t reset = 0;
    for (size_t i = 0; i < count; i++)
        reset += is_reset(fds[i]);
    return reset;
}

static void close_all(const int *fds, size_t count) {
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
}

Test(listener, who_connects_too_often_is_reset_and_others_are_not_held_up) {
    enum { COUNT = 20, BURST = 5 };
    struct rig rig;
    int fds[COUNT];
    rig_init_pair(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    limit(alice, 1e-3, BURST, 1000, false);
    for (size_t i = 0; i < COUNT; i++)
        fds[i] = stranger(alice, 2);
    rig_dial(bob, alice, "alice");
    rig_until(&rig, &alice->ups, 1);
    until_handled(alice, COUNT + 1);
    cr_assert_eq(count_reset(fds, COUNT), COUNT - BURST);
    cr_assert_eq(alice->transport->counters.limited, COUNT - BURST);
    cr_assert_eq(alice->transport->counters.accepted, BURST + 1);
    cr_assert(!alice->transport->accepting_paused);
    cr_assert(rig_logged(alice, "warning connection refused address=127.0.0.2:"));
    cr_assert(rig_logged(alice, "transport.handshake_rate"));
    struct sl_transport_counters counters;
    sl_transport_counters(alice->transport, &counters);
    cr_assert_eq(counters.unauthenticated, BURST);
    close_all(fds, COUNT);
    rig_finish(&rig);
}

Test(listener, an_address_holds_no_more_strangers_than_allowed) {
    enum { COUNT = 6, ALLOWED = 2 };
    struct rig rig;
    int fds[COUNT];
    rig_init(&rig);
    struct rig_side *alice = rig_add(&rig, "alice", 1);
    alice->settings.transport.max_unauthenticated_per_address = ALLOWED;
    limit(alice, 1000, 1000, 1000, false);
    for (size_t i = 0; i < COUNT; i++)
        fds[i] = stranger(alice, 2);
    until_handled(alice, COUNT);
    cr_assert_eq(count_reset(fds, COUNT), COUNT - ALLOWED);
    cr_assert(rig_logged(alice, "max_unauthenticated_per_address"));
    int other = stranger(alice, 3);
    until_handled(alice, COUNT + 1);
    cr_assert(!is_reset(other));
    close_all(fds, COUNT);
    close(other);
    rig_until_empty(alice);
    cr_assert_eq(sl_guard_strangers(alice->transport->guard), 0, "what ends is no longer counted");
    rig_finish(&rig);
}

Test(listener, an_address_holds_no_more_connections_than_allowed_admitted_or_not) {
    struct rig rig;
    rig_init_pair(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    limit(alice, 1000, 1000, 1, false);
    rig_dial(bob, alice, "alice");
    rig_until(&rig, &alice->ups, 1);
    int fd = stranger(alice, 1);
    until_handled(alice, 2);
    cr_assert(is_reset(fd));
    cr_assert(rig_logged(alice, "transport.max_connections_per_address"));
    close(fd);
    rig_finish(&rig);
}

Test(listener, strangers_in_all_give_way_the_busiest_address_first_then_the_oldest) {
    struct rig rig;
    int fds[4];
    rig_init_pair(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    alice->settings.transport.max_unauthenticated = 3;
    limit(alice, 1000, 1000, 1000, false);
    fds[0] = stranger(alice, 2);
    until_handled(alice, 1);
    fds[1] = stranger(alice, 3);
    until_handled(alice, 2);
    fds[2] = stranger(alice, 3);
    until_handled(alice, 3);
    fds[3] = stranger(alice, 4);
    until_handled(alice, 4);
    char byte;
    cr_assert_eq(recv(fds[1], &byte, 1, 0), 0, "the older one of 127.0.0.3, which has two");
    cr_assert_lt(recv(fds[0], &byte, 1, MSG_DONTWAIT), 0);
    cr_assert_eq(errno, EAGAIN);
    rig_dial(bob, alice, "alice"); /* an honest one comes in all the same */
    rig_until(&rig, &alice->ups, 1);
    cr_assert_eq(recv(fds[0], &byte, 1, 0), 0, "the oldest of all");
    cr_assert_eq(sl_guard_strangers(alice->transport->guard), 2);
    cr_assert(rig_logged(alice, "too many connections that are not admitted"));
    close_all(fds, 4);
    rig_finish(&rig);
}

Test(listener, strangers_do_not_use_up_max_connections) {
    enum { COUNT = 4 };
    struct rig rig;
    int fds[COUNT];
    rig_init_pair(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    alice->settings.transport.max_connections = COUNT;
    limit(alice, 1000, 1000, 1000, false);
    for (uint8_t i = 0; i < COUNT; i++)
        fds[i] = stranger(alice, 2);
    until_handled(alice, COUNT);
    rig_dial(bob, alice, "alice");
    rig_until(&rig, &alice->ups, 1);
    cr_assert(!alice->transport->accepting_paused);
    close_all(fds, COUNT);
    rig_finish(&rig);
}

Test(listener, behind_a_proxy_the_limits_are_of_all_together) {
    enum { COUNT = 8, BURST = 5 };
    struct rig rig;
    int fds[COUNT];
    rig_init(&rig);
    struct rig_side *alice = rig_add(&rig, "alice", 1);
    limit(alice, 1e-3, BURST, 1000, true);
    for (uint8_t i = 0; i < COUNT; i++)
        fds[i] = stranger(alice, (uint8_t)(2 + i));
    until_handled(alice, COUNT);
    cr_assert_eq(count_reset(fds, COUNT), COUNT - BURST);
    close_all(fds, COUNT);
    rig_finish(&rig);
}

Test(listener, each_listener_counts_for_itself) {
    struct rig rig;
    int fds[3];
    uint16_t second = 0, first;
    rig_init(&rig);
    struct rig_side *alice = rig_add(&rig, "alice", 1);
    limit(alice, 1e-3, 1, 1000, false);
    cr_assert_eq(sl_transport_listen(alice->transport, &alice->listener, &second, NULL), SL_OK);
    fds[0] = stranger(alice, 2);
    fds[1] = stranger(alice, 2);
    first = alice->port;
    alice->port = second;
    fds[2] = stranger(alice, 2);
    alice->port = first;
    until_handled(alice, 3);
    cr_assert_eq(alice->transport->counters.accepted, 2);
    cr_assert(!is_reset(fds[2]));
    close_all(fds, 3);
    rig_finish(&rig);
}

/* What comes out of a TLS handshake is bounded as what is reset before it. */
Test(listener, bad_handshakes_are_some_lines_and_a_count) {
    enum { COUNT = 200 };
    struct rig rig;
    rig_init(&rig);
    struct rig_side *alice = rig_add(&rig, "alice", 1);
    for (size_t i = 0; i < COUNT; i++) {
        int fd = stranger(alice, 2);
        cr_assert_eq(send(fd, "GET / HTTP/1.1\r\n\r\n", 18, MSG_NOSIGNAL), 18);
        close(fd);
        until_handled(alice, i + 1);
    }
    rig_until_empty(alice);
    size_t lines = rig_log_count(alice, "warning ");
    cr_assert_geq(lines, 1);
    cr_assert_leq(lines, COUNT / 2);
    rig_finish(&rig);
}

/* Each of them comes from an address of its own, and has its own lines to say; that they are too many is one thing. */
Test(listener, strangers_that_give_way_to_others_are_some_lines_whatever_their_addresses) {
    enum { COUNT = 60 };
    struct rig rig;
    int fds[COUNT];
    rig_init(&rig);
    struct rig_side *alice = rig_add(&rig, "alice", 1);
    alice->settings.transport.max_unauthenticated = 1;
    limit(alice, 1000, 1000, 1000, false);
    for (uint8_t i = 0; i < COUNT; i++) {
        fds[i] = stranger(alice, (uint8_t)(2 + i));
        until_handled(alice, i + 1U);
    }
    size_t lines = rig_log_count(alice, "warning connection failed");
    cr_assert_geq(lines, 1);
    cr_assert_leq(lines, COUNT / 2);
    close_all(fds, COUNT);
    rig_finish(&rig);
}

Test(listener, a_storm_from_many_addresses_is_some_lines) {
    enum { COUNT = 2 * SL_GUARD_STRANGERS_AT_ONCE, ADDRESSES = 240 };
    struct rig rig;
    rig_init(&rig);
    struct rig_side *alice = rig_add(&rig, "alice", 1);
    limit(alice, 1000, 1000, 1000, false);
    for (size_t i = 0; i < COUNT; i++) {
        close(stranger(alice, (uint8_t)(2 + i % ADDRESSES)));
        until_handled(alice, i + 1);
    }
    size_t lines = rig_log_count(alice, "too many strangers connect at once");
    cr_assert_geq(alice->transport->counters.limited, 1);
    cr_assert_geq(lines, 1);
    cr_assert_leq(lines, 30);
    rig_finish(&rig);
}

Test(listener, a_thousand_refusals_are_some_lines_and_a_count) {
    enum { COUNT = 1000 };
    struct rig rig;
    rig_init(&rig);
    struct rig_side *alice = rig_add(&rig, "alice", 1);
    limit(alice, 1e-3, 1, 1000, false);
    for (size_t i = 0; i < COUNT; i++) {
        close(stranger(alice, 2));
        until_handled(alice, i + 1);
    }
    size_t lines = rig_log_count(alice, "warning connection refused");
    cr_assert_geq(lines, 1);
    cr_assert_leq(lines, 200);
    cr_assert_eq(alice->transport->counters.limited, COUNT - 1);
    alice->transport->suppressed_said_at = 0;
    while (sl_guard_has_suppressed(alice->transport->guard))
        event_base_loop(rig.base, EVLOOP_ONCE);
    cr_assert_eq(rig_log_count(alice, "warning more connections than the log shows"), 1);
    rig_finish(&rig);
}

Test(listener, who_says_nothing_costs_no_session_and_leaves_nothing) {
    for (int mode = SL_SECURITY_MTLS; mode <= SL_SECURITY_CLEAR; mode++) {
        struct rig rig;
        size_t done = 0;
        rig_init(&rig);
        struct rig_side *alice = rig_add(&rig, "alice", 11);
        rig_set_modes(alice, SL_SECURITY_MTLS, (enum sl_connection_security)mode);
        int fds[2] = {stranger(alice, 2), stranger(alice, 3)};
        until_handled(alice, 2);
        rig_turns(&rig, 5);
        for (const struct sl_connection *at = alice->transport->connections; at != NULL; at = at->next)
            cr_assert(at->tls.session == NULL && at->inner == NULL);
        close(fds[0]);
        while (alice->transport->connection_count > 1)
            event_base_loop(rig.base, EVLOOP_ONCE);
        cr_assert(rig_logged(alice, "debug connection failed peer= address=127.0.0.2:"),
                  "a health check is no warning");
        sl_transport_shutdown(alice->transport, false, 50 * SL_MILLISECOND, note_done, &done);
        rig_until(&rig, &done, 1);
        cr_assert(alice->transport->connections == NULL);
        close(fds[1]);
        rig_finish(&rig);
    }
}
