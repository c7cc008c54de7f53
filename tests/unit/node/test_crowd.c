/* A roster of thousands, each statement with a certificate and a signature of its own: bob takes all of it. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "membership/membership.h"
#include "node/internal.h"
#include "peer.h"

enum { MEMBERS = 5000, A_MESSAGE = 64 };

static struct peer peer, guest;
static struct sl_statement *statements[MEMBERS];

static void name_of(char out[SL_NAME_SIZE], unsigned number) {
    (void)snprintf(out, SL_NAME_SIZE, "member-%05u", number);
}

/* One key for all, which nobody looks at: what a check costs is the same. */
static void make_statement(struct sl_statement **out, const struct sl_test_pair *key, unsigned number) {
    static char addresses[1][SL_ADDRESS_SIZE] = {"127.0.0.1:1"};
    char uri[SL_TEST_URI_SIZE], name[SL_NAME_SIZE];
    uint8_t signature[SL_SIGNATURE_MAX];
    struct sl_buffer body = {0}, message = {0};
    struct sl_test_pair pair;
    name_of(name, number);
    struct sl_member_statement said = peer_word(&peer, name);
    memcpy(said.origin, name, sizeof said.origin);
    said.addresses = (char *[]){addresses[0]};
    said.address_count = 1;
    struct sl_test_order order =
        sl_test_order_node(uri, &peer.flock.authority, peer.flock.name, name, SL_PURPOSE_CLIENT);
    order.key_of = key;
    sl_test_issue(&pair, &order);
    cr_assert_eq(sl_member_statement_encode(&body, &said), SL_OK);
    const struct sl_bytes bytes = {body.data, body.length}, chain = sl_test_pair_bytes(&pair);
    cr_assert_eq(sl_statement_message(&message, SL_MEMBER_CONTEXT, bytes), SL_OK);
    size_t length = sl_test_sign(signature, &pair, (struct sl_bytes){message.data, message.length});
    cr_assert_eq(sl_statement_create(out, bytes, (struct sl_bytes){signature, length}, &chain, 1), SL_OK);
    sl_buffer_finish(&body);
    sl_buffer_finish(&message);
    sl_test_pair_finish(&pair);
}

static void make_statements(void) {
    struct sl_test_pair key;
    sl_test_issue(&key, &(struct sl_test_order){.common_name = "any", .issuer = &peer.flock.authority});
    for (unsigned i = 0; i < MEMBERS; i++)
        make_statement(&statements[i], &key, i);
    sl_test_pair_finish(&key);
}

static void set_up(void) {
    peer_init(&peer, "alice",
              "\"rounds\":1000,\"deadline_min\":20,\"deadline_max\":20,\"linger_max\":0},"
              "\"overlay\":{\"topology\":\"regular:8\"",
              false);
    make_statements();
    peer_run_node(&peer);
    peer_connect(&peer);
    peer_init_guest(&guest, &peer, "carol");
    peer_connect(&guest);
}

static void tear_down(void) {
    peer_finish(&guest);
    peer_finish(&peer);
    for (unsigned i = 0; i < MEMBERS; i++)
        sl_statement_unref(statements[i]);
}

TestSuite(node_crowd, .init = set_up, .fini = tear_down, .timeout = 300);

static void turn(void) {
    cr_assert_geq(event_base_loop(peer.base, EVLOOP_NONBLOCK), 0);
    peer_turn(&guest);
}

static void send_statements(unsigned from, unsigned count) {
    struct sl_buffer payload = {0};
    cr_assert_eq(sl_roster_encode(&payload, &(struct sl_roster){.statements = statements + from, .count = count}),
                 SL_OK);
    peer_send(&peer, SL_FRAME_ROSTER, &payload);
    sl_buffer_finish(&payload);
}

/* bob answers this as soon as he gets to it. */
static void ask(struct peer *asker) {
    struct sl_buffer payload = {0};
    const struct sl_probe probe = {.node = "bob", .answer = SL_PROBE_ASKED};
    cr_assert_eq(sl_probe_encode(&payload, &probe), SL_OK);
    peer_send(asker, SL_FRAME_PROBE, &payload);
    sl_buffer_finish(&payload);
}

/* Or its connection would be of no use to him, once the flock is no full mesh any more, and closed. */
static void be_a_neighbour(struct peer *neighbour) {
    struct sl_buffer payload = {0};
    cr_assert_eq(sl_neighbour_encode(&payload, &(struct sl_neighbour){.word = SL_NEIGHBOUR_REQUEST}), SL_OK);
    peer_send(neighbour, SL_FRAME_NEIGHBOUR, &payload);
    sl_buffer_finish(&payload);
}

/* How long bob takes to answer carol meanwhile: what the log tells, and no more than that, since it is as much a matter
 * of what else this machine does. */
struct watch {
    sl_time asked, next, longest;
    size_t before, count;
};

static void look(struct watch *watch) {
    sl_time now = sl_clock_monotonic();
    if (watch->asked != 0) {
        watch->longest = now - watch->asked > watch->longest ? now - watch->asked : watch->longest;
        if (guest.vouched > watch->before) {
            watch->asked = 0;
            watch->count++;
        }
    } else if (now >= watch->next) { /* she may ask 64 times at once, and then 16 times a ping_interval */
        watch->next = now + 250 * SL_MILLISECOND;
        watch->before = guest.vouched;
        watch->asked = now;
        ask(&guest);
    }
}

/* At the pace at which a member tells another one a long roster (membership/gossip.c). */
static void tell_all(struct watch *watch) {
    double due = 0;
    sl_time then = sl_clock_monotonic();
    for (unsigned told = 0; told < MEMBERS;) {
        turn();
        look(watch);
        double rate = 0.75 * sl_membership_checks_rate(told);
        sl_time now = sl_clock_monotonic();
        due = fmin(due + rate * sl_time_to_seconds(now - then), fmax(A_MESSAGE, 0.3 * rate));
        then = now;
        for (; told < MEMBERS && (told < 512 || due >= A_MESSAGE); told += A_MESSAGE) {
            send_statements(told, MEMBERS - told < A_MESSAGE ? MEMBERS - told : A_MESSAGE);
            due = told < 512 ? 0 : due - A_MESSAGE;
        }
    }
}

static double time_of_bob(void) {
    clockid_t clock;
    struct timespec spent;
    cr_assert_eq(pthread_getcpuclockid(peer.thread, &clock), 0);
    cr_assert_eq(clock_gettime(clock, &spent), 0);
    return (double)spent.tv_sec + 1e-9 * (double)spent.tv_nsec;
}

Test(node_crowd, five_thousand_signed_members_are_taken) {
    struct watch watch = {0};
    struct rusage usage;
    peer_join(&peer);
    peer_join(&guest);
    be_a_neighbour(&peer);
    be_a_neighbour(&guest);
    sl_time began = sl_clock_monotonic();
    tell_all(&watch);
    for (ask(&peer); peer.vouched == 0; turn()) { /* behind all of them */
        cr_assert_lt(sl_clock_monotonic() - began, 200 * SL_SECOND);
        look(&watch);
    }
    double took = sl_time_to_seconds(sl_clock_monotonic() - began), busy = time_of_bob();
    cr_expect(peer.downs == 0 && guest.downs == 0, "\"%s\" \"%s\"", peer.reason, guest.reason);
    sl_node_stop(peer.node);
    sl_node_stop(peer.node);
    (void)peer_wait_node(&peer);
    getrusage(RUSAGE_SELF, &usage);
    cr_log_info("%.1f s, of which bob works %.2f s; %zu answers, after %.3f s at most; %ld MB\n", took, busy,
                watch.count, sl_time_to_seconds(watch.longest), usage.ru_maxrss / 1024);
    cr_expect_eq(atomic_load(&peer.left_out), 0);
    cr_expect_eq(peer.node->statements.verified, MEMBERS + 2, "each once: %d", (int)peer.node->statements.verified);
    cr_expect_eq(sl_membership_count(peer.node->membership), MEMBERS + 3);
}
