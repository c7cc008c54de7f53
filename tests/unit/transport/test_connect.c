/* Up: dialling, listening, one connection a pair. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <dirent.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bare.h"
#include "rig.h"

Test(connect, both_ends_come_up_once_and_name_each_other) {
    struct rig rig;
    rig_init_connected(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    cr_assert_str_eq(alice->peer, "bob");
    cr_assert_str_eq(bob->peer, "alice");
    cr_assert_neq(alice->up->boot, 0);
    cr_assert_neq(alice->up->boot, bob->up->boot);
    cr_assert_eq(alice->peer_addresses, 1);
    cr_assert_eq(alice->ups, 1);
    cr_assert_eq(bob->ups, 1);
    cr_assert_eq(alice->failures, 0);
    cr_assert_eq(rig_log_count(alice, "info peer up peer=bob"), 1);
    cr_assert_eq(rig_log_count(bob, "info peer up peer=alice"), 1);
    cr_assert_eq(gnutls_protocol_get_version(alice->up->tls.session), GNUTLS_TLS1_3);
    rig_finish(&rig);
}

Test(connect, host_names_are_resolved_off_the_loop) {
    struct rig rig;
    char address[64];
    rig_init_pair(&rig);
    struct rig_side *alice = &rig.sides[0];
    /* localhost is ::1 as well in most places, where nobody listens: the next address is tried. */
    snprintf(address, sizeof address, "localhost:%u", (unsigned)rig.sides[1].port);
    cr_assert_eq(sl_transport_dial(alice->transport, (const char *[]){address}, 1, "bob"), SL_OK);
    rig_until(&rig, &alice->ups, 1);
    rig_finish(&rig);
}

Test(connect, a_second_dial_of_an_address_is_refused_while_the_first_is_under_way) {
    struct rig rig;
    rig_init_pair(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    rig_dial(alice, bob, "bob");
    cr_assert_eq(sl_transport_dial(alice->transport, (const char *[]){bob->address}, 1, "bob"), SL_EXISTS);
    rig_until(&rig, &alice->ups, 1);
    rig_finish(&rig);
}

Test(connect, a_second_dial_of_a_connected_process_ends_as_duplicate_and_disturbs_nothing) {
    struct rig rig;
    rig_init_connected(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    const struct sl_connection *first = alice->up;
    rig_dial(alice, bob, "");
    rig_until(&rig, &alice->failures, 1);
    cr_assert_eq(alice->failure, SL_EXISTS);
    cr_assert(alice->up == first);
    cr_assert_eq(alice->downs + bob->downs, 0);
    rig_dial(bob, alice, "alice"); /* from the other end: bob is the higher, so the new one goes, too */
    rig_until(&rig, &bob->failures, 1);
    cr_assert_eq(bob->failure, SL_EXISTS);
    cr_assert_eq(alice->downs + bob->downs, 0);
    cr_assert_eq(rig_log_count(alice, "warning "), 0, "a duplicate is no warning");
    cr_assert_eq(rig_log_count(bob, "warning "), 0, "a duplicate is no warning");
    rig_finish(&rig);
}

/* ups − downs is 1 on both sides, on the connection that the lower name dialled, and it works. */
static void check_one_stays(struct rig *rig) {
    struct rig_side *alice = &rig->sides[0], *bob = &rig->sides[1];
    cr_assert_eq(alice->ups - alice->downs, 1);
    cr_assert_eq(bob->ups - bob->downs, 1);
    cr_assert(alice->up != NULL && alice->up->dialled);
    cr_assert(bob->up != NULL && !bob->up->dialled);
    cr_assert_eq(sl_connection_send(alice->up, SL_FRAME_CREDIT, "x", 1), SL_OK);
    rig_until(rig, &bob->frame_count, 1);
}

Test(connect, mutual_dial_keeps_the_one_of_the_lower_name) {
    for (int order = 0; order < 4; order++) {
        struct rig rig;
        rig_init_pair(&rig);
        struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
        struct rig_side *first = order % 2 == 0 ? alice : bob, *second = order % 2 == 0 ? bob : alice;
        rig_dial(first, second, "");
        rig_turns(&rig, order < 2 ? 0 : 6); /* at once, and in the middle of the other's handshake */
        rig_dial(second, first, "");
        sl_time begin = sl_clock_monotonic();
        while (alice->up == NULL || bob->up == NULL || !alice->up->dialled || bob->up->dialled ||
               alice->transport->connection_count != 1 || bob->transport->connection_count != 1) {
            event_base_loop(rig.base, EVLOOP_NONBLOCK);
            cr_assert_lt(sl_clock_monotonic() - begin, 60 * SL_SECOND);
        }
        check_one_stays(&rig);
        rig_finish(&rig);
    }
}

static bool is_settled(const struct rig *rig) {
    for (size_t i = 0; i < rig->count; i++) {
        const struct rig_side *side = &rig->sides[i];
        if (side->ups - side->downs != rig->count - 1 || side->transport->connection_count != rig->count - 1 ||
            side->transport->dials != NULL)
            return false;
    }
    return true;
}

Test(connect, a_mesh_dialled_from_both_ends_at_once_has_one_connection_a_pair) {
    struct rig rig;
    rig_init_pair(&rig);
    (void)rig_add(&rig, "carol", 33);
    (void)rig_add(&rig, "dave", 44);
    for (size_t i = 0; i < rig.count; i++)
        for (size_t k = 0; k < rig.count; k++)
            if (i != k)
                rig_dial(&rig.sides[i], &rig.sides[k], "");
    sl_time begin = sl_clock_monotonic();
    while (!is_settled(&rig)) {
        event_base_loop(rig.base, EVLOOP_ONCE);
        cr_assert_lt(sl_clock_monotonic() - begin, 60 * SL_SECOND);
    }
    for (size_t i = 0; i < rig.count; i++)
        cr_assert_eq(rig_log_count(&rig.sides[i], "warning "), 0, "duplicates are no warnings");
    rig_finish(&rig);
}

Test(connect, the_higher_names_connection_gives_way_to_a_later_one_of_the_lower) {
    struct rig rig;
    rig_init_pair(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    rig_dial(bob, alice, "alice");
    rig_until(&rig, &alice->ups, 1);
    rig_until(&rig, &bob->ups, 1);
    rig_dial(alice, bob, "bob");
    rig_until(&rig, &alice->ups, 2);
    rig_until(&rig, &bob->ups, 2);
    check_one_stays(&rig);
    rig_finish(&rig);
}

Test(connect, a_connection_lost_on_one_side_only_is_replaced_by_the_next_dial) {
    struct rig rig;
    rig_init_connected(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    /* Bob's read event is off, as if the network had swallowed the end of alice's first connection. */
    event_del(&bob->up->read);
    sl_connection_drop(alice->up);
    alice->up = NULL;
    rig_dial(alice, bob, "bob");
    rig_until(&rig, &bob->ups, 2);
    cr_assert_eq(bob->downs, 1);
    rig_until(&rig, &alice->ups, 2);
    rig_finish(&rig);
}

Test(connect, dialling_oneself_is_noticed) {
    struct rig rig;
    rig_init_pair(&rig);
    struct rig_side *alice = &rig.sides[0];
    rig_dial(alice, alice, "");
    rig_until(&rig, &alice->failures, 1);
    cr_assert_eq(alice->failure, SL_IN_USE);
    cr_assert_eq(alice->ups, 0);
    rig_until_empty(alice);
    rig_finish(&rig);
}

Test(connect, an_unreachable_address_ends_in_dial_failed) {
    struct rig rig;
    char address[32];
    rig_init_pair(&rig);
    struct rig_side *alice = &rig.sides[0];
    snprintf(address, sizeof address, "%s", rig.sides[1].address);
    rig_stop(&rig.sides[1]); /* its port is free now */
    cr_assert_eq(sl_transport_dial(alice->transport, (const char *[]){address}, 1, "bob"), SL_OK);
    cr_assert_eq(alice->failures, 0, "never from within the call");
    rig_until(&rig, &alice->failures, 1);
    cr_assert_eq(alice->failure, SL_NETWORK);
    cr_assert(strstr(alice->reason, "refused") != NULL, "%s", alice->reason);
    cr_assert_eq(rig_log_count(alice, "warning "), 0, "who retries says it once, so the transport is quiet");
    cr_assert_eq(sl_transport_dial(alice->transport, (const char *[]){address}, 1, "bob"), SL_OK,
                 "it may be dialled again");
    rig_until(&rig, &alice->failures, 2);
    rig_finish(&rig);
}

Test(connect, a_listener_that_never_answers_ends_by_the_timer) {
    struct rig rig;
    rig_init(&rig);
    struct rig_side *alice = rig_add(&rig, "alice", 1);
    struct bare silent = {.listens = true, .plain = true};
    char address[32];
    alice->transport->handshake_timeout = (struct timeval){.tv_usec = 50000};
    bare_start(&silent);
    snprintf(address, sizeof address, "127.0.0.1:%u", (unsigned)silent.port);
    cr_assert_eq(sl_transport_dial(alice->transport, (const char *[]){address}, 1, ""), SL_OK);
    rig_until(&rig, &alice->failures, 1);
    cr_assert_eq(alice->failure, SL_TIMEOUT);
    bare_wait(&silent, &rig);
    rig_finish(&rig);
}

Test(connect, who_answers_late_gains_no_time) {
    struct rig rig;
    rig_init_pair(&rig);
    struct rig_side *alice = &rig.sides[0];
    rig_dial(alice, &rig.sides[1], "");
    while (alice->transport->connections == NULL)
        event_base_loop(rig.base, EVLOOP_ONCE);
    struct sl_connection *connection = alice->transport->connections;
    const struct timeval deadline = connection->timer.ev_timeout;
    while (connection->state != SL_CONNECTION_HELLO)
        event_base_loop(rig.base, EVLOOP_ONCE);
    cr_assert(event_pending(&connection->timer, EV_TIMEOUT, NULL));
    cr_assert(evutil_timercmp(&connection->timer.ev_timeout, &deadline, ==));
    rig_until(&rig, &alice->ups, 1);
    cr_assert(!event_pending(&connection->timer, EV_TIMEOUT, NULL));
    rig_finish(&rig);
}

Test(connect, addresses_that_cannot_be_dialled_are_refused_at_once) {
    struct rig rig;
    rig_init(&rig);
    struct sl_transport *alice = rig_add(&rig, "alice", 1)->transport;
    cr_assert_neq(sl_transport_dial(alice, (const char *[]){"nonsense"}, 1, ""), SL_OK);
    cr_assert_neq(sl_transport_dial(alice, (const char *[]){"127.0.0.1:0"}, 1, ""), SL_OK);
    cr_assert_neq(sl_transport_dial(alice, (const char *[]){"127.0.0.1:70000"}, 1, ""), SL_OK);
    cr_assert_neq(sl_transport_dial(alice, (const char *[]){"127.0.0.1:7400"}, 1, "Not A Name"), SL_OK);
    cr_assert(alice->dials == NULL);
    rig_finish(&rig);
}

Test(connect, a_port_in_use_is_named) {
    struct rig rig;
    struct sl_error error;
    rig_init(&rig);
    struct rig_side *alice = rig_add(&rig, "alice", 1);
    const struct sl_listener_setting same = {.address = alice->address};
    cr_assert_eq(sl_transport_listen(alice->transport, &same, NULL, &error), SL_IN_USE);
    cr_assert(strstr(error.text, alice->address) != NULL, "%s", error.text);
    rig_finish(&rig);
}

Test(connect, bad_settings_are_named) {
    struct rig rig;
    struct sl_error error;
    rig_init(&rig);
    struct rig_side *alice = rig_add(&rig, "alice", 1);
    struct sl_transport *never = NULL;
    char wrong[] = "no-such-thing", priorities[] = "NORMAL:+NO-SUCH-CIPHER";
    struct sl_settings settings = alice->settings;
    struct sl_transport_options options = {
        .base = rig.base, .identity = alice->identity, .settings = &settings, .log = &alice->log, .boot = 1};
    settings.transport.congestion = wrong;
    cr_assert_eq(sl_transport_create(&never, &options, &error), SL_SETTINGS);
    cr_assert(strstr(error.text, "transport.congestion") != NULL, "%s", error.text);
    settings = alice->settings;
    settings.transport.priorities = priorities;
    cr_assert_eq(sl_transport_create(&never, &options, &error), SL_SETTINGS);
    cr_assert(strstr(error.text, "NO-SUCH-CIPHER") != NULL, "%s", error.text);
    rig_finish(&rig);
}

Test(connect, accepting_pauses_at_the_limit_and_goes_on_when_there_is_room) {
    struct rig rig;
    rig_init(&rig);
    struct rig_side *alice = rig_add(&rig, "alice", 1), *bob = rig_add(&rig, "bob", 2);
    struct rig_side *carol = rig_add(&rig, "carol", 3);
    alice->transport->max_connections = 1;
    rig_dial(bob, alice, "");
    rig_until(&rig, &alice->ups, 1);
    rig_dial(carol, alice, "");
    while (!rig.sides[0].transport->accepting_paused)
        event_base_loop(rig.base, EVLOOP_ONCE);
    cr_assert(rig_logged(alice, "warning accepting paused reason=transport.max_connections is reached"));
    cr_assert_eq(carol->ups, 0);
    sl_connection_close(alice->up, "room for carol");
    rig_until(&rig, &carol->ups, 1);
    rig_finish(&rig);
}

/* What is open in this process. */
static size_t count_descriptors(void) {
    size_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    cr_assert(folder != NULL);
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

Test(connect, without_descriptors_accepting_pauses_and_goes_on_later) {
    enum { CLIENTS = 3 };
    struct rig rig;
    struct rlimit before;
    int clients[CLIENTS];
    rig_init(&rig);
    struct rig_side *alice = rig_add(&rig, "alice", 1);
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(alice->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        cr_assert_eq(connect(clients[i], (const struct sockaddr *)&to, sizeof to), 0);
    }
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    const struct rlimit none = {.rlim_cur = (rlim_t)clients[CLIENTS - 1], .rlim_max = before.rlim_max};
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    while (!alice->transport->accepting_paused)
        event_base_loop(rig.base, EVLOOP_ONCE);
    cr_assert_eq(alice->transport->counters.accepted, 0);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    cr_assert(rig_logged(alice, "warning accepting paused reason=Too many open files"));
    rig_until_bytes(&rig, &alice->transport->counters.accepted, CLIENTS);
    for (int i = 0; i < CLIENTS; i++)
        close(clients[i]);
    rig_until_empty(alice);
    rig_finish(&rig);
}

Test(connect, no_descriptor_stays_behind_whatever_the_end) {
    struct rig rig;
    struct sl_test_flock other;
    rig_init_pair(&rig);
    sl_test_flock_init(&other, "demo");
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    struct rig_side *stray = rig_add_identity(&rig, sl_test_member(&other, "mallory"), 3);
    size_t before = count_descriptors();
    for (size_t i = 1; i <= 10; i++) {
        rig_dial(alice, bob, "bob"); /* good, then closed */
        rig_until(&rig, &bob->ups, i);
        rig_until(&rig, &alice->ups, i);
        sl_connection_close((i % 2 == 0 ? alice : bob)->up, "enough");
        rig_dial(stray, alice, ""); /* another authority */
        rig_until(&rig, &stray->failures, i);
        rig_dial(bob, alice, "carol"); /* not who was wanted */
        rig_until(&rig, &bob->failures, i);
        cr_assert_eq(sl_transport_dial(alice->transport, (const char *[]){"127.0.0.1:1"}, 1, ""),
                     SL_OK); /* nobody there */
        rig_until(&rig, &alice->failures, i);
    }
    for (size_t i = 0; i < rig.count; i++)
        rig_until_empty(&rig.sides[i]);
    cr_assert_eq(count_descriptors(), before);
    sl_test_flock_finish(&other);
    rig_finish(&rig);
}

Test(connect, destroying_with_everything_under_way_leaves_nothing) {
    struct rig rig;
    rig_init_pair(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    cr_assert_eq(sl_transport_dial(alice->transport, (const char *[]){"localhost:9"}, 1, ""), SL_OK);
    rig_dial(alice, bob, "");
    rig_turns(&rig, 3);
    size_t told = alice->ups + alice->failures; /* a fast resolver may have been refused already */
    rig_stop(alice);
    rig_turns(&rig, 3);
    cr_assert_eq(alice->ups + alice->failures, told, "no handler after destroy");
    rig_finish(&rig);
}
