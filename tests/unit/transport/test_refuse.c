/* Who does not get in, and that both sides say why. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "bare.h"
#include "rig.h"

Test(refuse, another_authority) {
    struct rig rig;
    struct sl_test_flock other;
    rig_init(&rig);
    sl_test_flock_init(&other, "demo");
    struct rig_side *alice = rig_add(&rig, "alice", 1);
    struct rig_side *mallory = rig_add_identity(&rig, sl_test_member(&other, "mallory"), 2);
    rig_dial(alice, mallory, "");
    rig_until(&rig, &alice->failures, 1);
    cr_assert_eq(alice->failure, SL_UNTRUSTED);
    cr_assert(rig_logged(alice, "warning peer refused"));
    cr_assert(rig_logged(alice, "a signature in its chain is false"), "both authorities have one name");
    rig_until_empty(mallory);
    cr_assert(rig_logged(mallory, "warning refused by peer"));
    cr_assert(rig_logged(mallory, "TLS alert 42"));
    cr_assert_eq(rig_log_count(alice, "warning "), 1, "one line a refusal");
    cr_assert_eq(rig_log_count(mallory, "warning "), 1, "one line a refusal");
    cr_assert_eq(alice->transport->counters.refused, 1);
    cr_assert_eq(mallory->transport->counters.refused, 0, "it was refused, it did not refuse");
    sl_test_flock_finish(&other);
    rig_finish(&rig);
}

Test(refuse, another_flock_of_the_same_authority) {
    struct rig rig;
    struct sl_test_flock other;
    rig_init(&rig);
    sl_test_flock_init_beside(&other, "other", &rig.flock);
    struct rig_side *alice = rig_add(&rig, "alice", 1);
    struct rig_side *stray = rig_add_identity(&rig, sl_test_member(&other, "stray"), 2);
    rig_dial(stray, alice, "");
    rig_until(&rig, &stray->failures, 1);
    cr_assert_eq(stray->failure, SL_UNTRUSTED);
    rig_until_empty(alice);
    cr_assert(rig_logged(stray, "warning peer refused"));
    cr_assert(rig_logged(alice, "warning refused by peer"));
    sl_test_flock_finish(&other);
    rig_finish(&rig);
}

Test(refuse, another_node_than_the_one_expected) {
    struct rig rig;
    rig_init_pair(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    rig_dial(alice, bob, "carol");
    rig_until(&rig, &alice->failures, 1);
    cr_assert_eq(alice->failure, SL_MISMATCH);
    rig_until_empty(bob);
    cr_assert_eq(bob->ups, 0);
    cr_assert(rig_logged(alice, "wanted was carol"));
    cr_assert(rig_logged(bob, "warning refused by peer"));
    cr_assert(rig_logged(bob, "wanted was carol"));
    rig_finish(&rig);
}

Test(refuse, another_run) {
    struct rig rig;
    rig_init(&rig);
    struct rig_side *alice = rig_add(&rig, "alice", 1), *bob = rig_add(&rig, "bob", 2);
    free(bob->transport->run);
    bob->transport->run = strdup("another");
    rig_dial(alice, bob, "");
    rig_until(&rig, &alice->failures, 1);
    cr_assert_eq(alice->failure, SL_MISMATCH);
    cr_assert(strstr(alice->reason, "in run 'another'") != NULL, "%s", alice->reason);
    rig_until_empty(bob);
    cr_assert_eq(bob->ups, 0);
    rig_finish(&rig);
}

Test(refuse, a_copied_kit) {
    struct rig rig;
    rig_init(&rig);
    struct rig_side *alice = rig_add(&rig, "alice", 1), *copy = rig_add(&rig, "alice", 2);
    rig_dial(copy, alice, "");
    rig_until(&rig, &copy->failures, 1);
    cr_assert_neq(copy->failure, SL_OK);
    rig_until_empty(alice);
    cr_assert_eq(alice->ups + copy->ups, 0);
    rig_finish(&rig);
}

/* ---- certificates that no member has: bare peers show them ---- */

struct certificate_case {
    const char *what;
    void (*spoil)(struct sl_test_order *order);
    const char *reason; /* in our log */
};

static void spoil_purpose(struct sl_test_order *order) {
    bool server = strcmp(order->purposes[0], GNUTLS_KP_TLS_WWW_SERVER) == 0;
    order->purposes[0] = server ? GNUTLS_KP_TLS_WWW_CLIENT : GNUTLS_KP_TLS_WWW_SERVER;
}

static void spoil_no_purpose(struct sl_test_order *order) {
    order->purposes[0] = NULL;
}

static void spoil_expired(struct sl_test_order *order) {
    order->from_day = -10;
    order->until_day = -2;
}

static void spoil_early(struct sl_test_order *order) {
    order->from_day = 2;
    order->until_day = 10;
}

static void spoil_self_signed(struct sl_test_order *order) {
    order->issuer = NULL;
}

static void spoil_name(struct sl_test_order *order) {
    order->names[0].data = "starling://other/eve";
}

static const struct certificate_case CASES[] = {
    {"wrong purpose", spoil_purpose, "extended key usage"},
    {"no purpose", spoil_no_purpose, "it does not say that it is for a"},
    {"expired", spoil_expired, "expired"},
    {"not yet valid", spoil_early, "not valid before"},
    {"self-signed", spoil_self_signed, "not from our authority"},
    {"other flock", spoil_name, "flock"},
};

static void make_pair(struct sl_test_pair *out, const struct rig *rig, const char *node, enum sl_purpose purpose,
                      void (*spoil)(struct sl_test_order *order)) {
    char uri[SL_TEST_URI_SIZE];
    struct sl_test_order order = sl_test_order_node(uri, &rig->flock.authority, "demo", node, purpose);
    if (spoil != NULL)
        spoil(&order);
    sl_test_issue(out, &order);
}

Test(refuse, each_bad_client_certificate_with_an_alert_and_the_reason) {
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct rig rig;
        struct sl_test_pair pair;
        rig_init(&rig);
        struct rig_side *alice = rig_add(&rig, "alice", 1);
        make_pair(&pair, &rig, "eve", SL_PURPOSE_CLIENT, CASES[i].spoil);
        struct bare eve = {.port = alice->port, .pair = &pair};
        bare_start(&eve);
        bare_wait(&eve, &rig);
        rig_until_empty(alice);
        cr_assert_eq(eve.alert, GNUTLS_A_BAD_CERTIFICATE, "%s: alert %d", CASES[i].what, eve.alert);
        cr_assert_eq(eve.received, 0, "%s: nothing is said to a stranger", CASES[i].what);
        cr_assert(rig_logged(alice, "warning peer refused"), "%s", CASES[i].what);
        cr_assert(rig_logged(alice, CASES[i].reason), "%s", CASES[i].what);
        cr_assert_eq(rig_log_count(alice, "warning "), 1, "%s: one line", CASES[i].what);
        sl_test_pair_finish(&pair);
        rig_finish(&rig);
    }
}

Test(refuse, each_bad_server_certificate_with_an_alert_and_the_reason) {
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct rig rig;
        struct sl_test_pair pair;
        char address[32];
        rig_init(&rig);
        struct rig_side *alice = rig_add(&rig, "alice", 1);
        make_pair(&pair, &rig, "eve", SL_PURPOSE_SERVER, CASES[i].spoil);
        struct bare eve = {.listens = true, .pair = &pair};
        bare_start(&eve);
        snprintf(address, sizeof address, "127.0.0.1:%u", (unsigned)eve.port);
        cr_assert_eq(sl_transport_dial(alice->transport, (const char *[]){address}, 1, ""), SL_OK);
        rig_until(&rig, &alice->failures, 1);
        bare_wait(&eve, &rig);
        cr_assert_eq(alice->failure, SL_UNTRUSTED, "%s", CASES[i].what);
        cr_assert(strstr(alice->reason, CASES[i].reason) != NULL, "%s: %s", CASES[i].what, alice->reason);
        cr_assert_eq(eve.alert, GNUTLS_A_BAD_CERTIFICATE, "%s: alert %d", CASES[i].what, eve.alert);
        sl_test_pair_finish(&pair);
        rig_finish(&rig);
    }
}

/* What eve's signature is by another key than her certificate's: the reason that alice logs. */
static void check_other_key(bool listens, void (*spoil)(struct sl_test_order *order), const char *reason) {
    struct rig rig;
    struct sl_test_pair pair, other;
    char address[32];
    rig_init(&rig);
    struct rig_side *alice = rig_add(&rig, "alice", 1);
    make_pair(&pair, &rig, "eve", listens ? SL_PURPOSE_SERVER : SL_PURPOSE_CLIENT, spoil);
    make_pair(&other, &rig, "eve", SL_PURPOSE_CLIENT, NULL);
    const struct sl_test_pair mixed = {other.key, pair.der};
    struct bare eve = {.port = alice->port, .listens = listens, .pair = &mixed};
    bare_start(&eve);
    snprintf(address, sizeof address, "127.0.0.1:%u", (unsigned)eve.port);
    if (listens)
        cr_assert_eq(sl_transport_dial(alice->transport, (const char *[]){address}, 1, ""), SL_OK);
    bare_wait(&eve, &rig);
    rig_until_empty(alice);
    cr_assert(rig_logged(alice, reason), "%s: %s", reason, (const char *)alice->lines.data);
    cr_assert_eq(alice->transport->counters.refused, 1);
    sl_test_pair_finish(&pair);
    sl_test_pair_finish(&other);
    rig_finish(&rig);
}

/* RSA of 16384 bits with an exponent as long takes seconds to use, on the loop. */
Test(refuse, strangers_before_their_key_is_used) {
    check_other_key(false, spoil_self_signed, "not from our authority");
    check_other_key(true, spoil_self_signed, "not from our authority");
}

Test(refuse, a_member_certificate_without_its_key) {
    check_other_key(false, NULL, "signature verification has failed");
    check_other_key(true, NULL, "signature verification has failed");
}

Test(refuse, no_certificate) {
    struct rig rig;
    rig_init(&rig);
    struct rig_side *alice = rig_add(&rig, "alice", 1);
    struct bare nobody = {.port = alice->port};
    bare_start(&nobody);
    bare_wait(&nobody, &rig);
    rig_until_empty(alice);
    cr_assert_eq(nobody.handshake, 0, "in TLS 1.3 the client believes it is connected");
    cr_assert_eq(nobody.alert, GNUTLS_A_CERTIFICATE_REQUIRED, "alert %d", nobody.alert);
    cr_assert(rig_logged(alice, "warning peer refused"));
    cr_assert(rig_logged(alice, "no certificate"));
    rig_finish(&rig);
}

Test(refuse, tls_1_2_whatever_the_priorities_say) {
    struct rig rig;
    struct sl_test_pair pair;
    struct sl_error error;
    rig_init(&rig);
    struct rig_side *alice = rig_add(&rig, "alice", 1);
    char lax[] = "NORMAL:+VERS-TLS1.2";
    gnutls_priority_deinit(alice->transport->priority);
    cr_assert_eq(sl_tls_priority_create(&alice->transport->priority, lax, &error), SL_OK);
    make_pair(&pair, &rig, "eve", SL_PURPOSE_CLIENT, NULL);
    struct bare old = {.port = alice->port, .pair = &pair, .priorities = "NORMAL:-VERS-ALL:+VERS-TLS1.2"};
    bare_start(&old);
    bare_wait(&old, &rig);
    rig_until_empty(alice);
    cr_assert_lt(old.handshake, 0);
    cr_assert_eq(alice->transport->counters.refused, 1);
    sl_test_pair_finish(&pair);
    rig_finish(&rig);
}

Test(refuse, a_member_certificate_alone_gets_our_hello_and_no_further) {
    struct rig rig;
    struct sl_test_pair pair;
    rig_init(&rig);
    struct rig_side *alice = rig_add(&rig, "alice", 1);
    make_pair(&pair, &rig, "eve", SL_PURPOSE_CLIENT, NULL);
    alice->transport->handshake_timeout = (struct timeval){.tv_usec = 300000};
    struct bare eve = {.port = alice->port, .pair = &pair};
    bare_start(&eve);
    bare_wait(&eve, &rig);
    cr_assert_gt(eve.received, SL_FRAME_HEADER_SIZE);
    cr_assert_eq(eve.first[4], SL_FRAME_HELLO);
    cr_assert_eq(alice->ups, 0);
    rig_until_empty(alice);
    cr_assert(rig_logged(alice, "the admission took too long"));
    sl_test_pair_finish(&pair);
    rig_finish(&rig);
}

/* That it is a duplicate says one who was admitted: from anybody else it would end the whole dial, without a line. */
Test(refuse, who_was_not_admitted_cannot_call_the_connection_a_duplicate) {
    struct rig rig;
    struct sl_test_pair pair;
    struct sl_buffer payload = {0};
    uint8_t bytes[256];
    char address[32];
    rig_init_pair(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    make_pair(&pair, &rig, "eve", SL_PURPOSE_SERVER, NULL);
    cr_assert_eq(sl_goodbye_encode(&payload, &(struct sl_goodbye){.reason = "duplicate"}), SL_OK);
    sl_frame_put_header(bytes, &(struct sl_frame_header){.length = (uint32_t)payload.length, .type = SL_FRAME_GOODBYE});
    memcpy(bytes + SL_FRAME_HEADER_SIZE, payload.data, payload.length);
    struct bare eve = {
        .listens = true, .pair = &pair, .bytes = bytes, .length = SL_FRAME_HEADER_SIZE + payload.length, .repeat = 1};
    bare_start(&eve);
    snprintf(address, sizeof address, "127.0.0.1:%u", (unsigned)eve.port);
    cr_assert_eq(sl_transport_dial(alice->transport, (const char *[]){address, bob->address}, 2, "bob"), SL_OK);
    while (alice->ups + alice->failures == 0)
        event_base_loop(rig.base, EVLOOP_ONCE);
    cr_assert_eq(alice->ups, 1, "%s", alice->reason);
    cr_assert(rig_logged(alice, "warning refused by peer peer=bob"));
    bare_wait(&eve, &rig);
    sl_buffer_finish(&payload);
    sl_test_pair_finish(&pair);
    rig_finish(&rig);
}

/* ---- bytes that are no protocol ---- */

/* Says something right after the handshake; the reason that alice logs. */
static void check_said_before_admission(const uint8_t *bytes, size_t length, size_t repeat, const char *reason) {
    struct rig rig;
    struct sl_test_pair pair;
    rig_init(&rig);
    struct rig_side *alice = rig_add(&rig, "alice", 1);
    make_pair(&pair, &rig, "eve", SL_PURPOSE_CLIENT, NULL);
    struct bare eve = {.port = alice->port, .pair = &pair, .bytes = bytes, .length = length, .repeat = repeat};
    bare_start(&eve);
    bare_wait(&eve, &rig);
    rig_until_empty(alice);
    cr_assert(rig_logged(alice, reason));
    cr_assert_eq(alice->ups, 0);
    cr_assert_eq(alice->heard, 0, "a stranger gives no sign of life");
    cr_assert(repeat > 1 || eve.ended_well, "a goodbye ends with close_notify");
    cr_assert_eq(rig_log_count(alice, "warning "), 1, "one line");
    sl_test_pair_finish(&pair);
    rig_finish(&rig);
}

Test(refuse, a_flood_before_admission) {
    /* A HELLO of the largest size that never ends: 8 header bytes in front, the rest is nothing. */
    static uint8_t bytes[16000];
    sl_frame_put_header(bytes, &(struct sl_frame_header){.length = SL_PAYLOAD_MAX, .type = SL_FRAME_HELLO});
    check_said_before_admission(bytes, sizeof bytes, 1000, "it sent too much before it was admitted");
}

Test(refuse, control_before_admission) {
    uint8_t bytes[SL_FRAME_HEADER_SIZE];
    sl_frame_put_header(bytes, &(struct sl_frame_header){.length = 0, .type = SL_FRAME_ROSTER});
    check_said_before_admission(bytes, sizeof bytes, 1, "roster before admission");
}

Test(refuse, data_before_admission) {
    uint8_t bytes[SL_DATA_HEADER_SIZE + 4] = {0};
    sl_frame_put_data_header(bytes, &(struct sl_data_header){.length = 4});
    check_said_before_admission(bytes, sizeof bytes, 1, "data before admission");
}

Test(refuse, acknowledgement_before_hello) {
    uint8_t bytes[SL_FRAME_HEADER_SIZE];
    sl_frame_put_header(bytes, &(struct sl_frame_header){.length = 0, .type = SL_FRAME_HELLO_ACK});
    check_said_before_admission(bytes, sizeof bytes, 1, "hello-ack before hello");
}

Test(refuse, garbage_hello) {
    uint8_t bytes[SL_FRAME_HEADER_SIZE + 100];
    memset(bytes, 0xff, sizeof bytes);
    sl_frame_put_header(bytes, &(struct sl_frame_header){.length = 100, .type = SL_FRAME_HELLO});
    check_said_before_admission(bytes, sizeof bytes, 1, "warning peer refused");
}

static void check_said_hello(const struct sl_hello *hello, const char *reason) {
    uint8_t bytes[SL_FRAME_HEADER_SIZE + 1024];
    struct sl_buffer payload = {0};
    cr_assert_eq(sl_hello_encode(&payload, hello), SL_OK);
    cr_assert_leq(payload.length, sizeof bytes - SL_FRAME_HEADER_SIZE);
    sl_frame_put_header(bytes, &(struct sl_frame_header){.length = (uint32_t)payload.length, .type = SL_FRAME_HELLO});
    memcpy(bytes + SL_FRAME_HEADER_SIZE, payload.data, payload.length);
    check_said_before_admission(bytes, SL_FRAME_HEADER_SIZE + payload.length, 1, reason);
    sl_buffer_finish(&payload);
}

/* A dialler proves in TLS alone who it is. Version 1 had its chain and a proof in HELLO. */
Test(refuse, hellos_of_other_versions_and_with_a_proof) {
    static uint8_t blob[64];
    static struct sl_bytes chain[] = {{blob, sizeof blob}};
    struct sl_hello hello = {.version_min = 1,
                             .version_max = 1,
                             .flock = "demo",
                             .run = "default",
                             .node = "eve",
                             .boot = 3,
                             .chain = chain,
                             .chain_count = 1,
                             .proof = blob,
                             .proof_length = sizeof blob};
    check_said_hello(&hello, "it speaks protocol 1 to 1, this node 3");
    hello.version_min = hello.version_max = SL_PROTOCOL_VERSION + 1;
    check_said_hello(&hello, "it speaks protocol 4 to 4, this node 3");
    hello.version_min = 1;
    check_said_hello(&hello, "a dialler's brings no chain and no proof");
    hello.chain_count = 0;
    check_said_hello(&hello, "a dialler's brings no chain and no proof");
}

Test(refuse, garbage_instead_of_tls) {
    static const char text[] = "GET / HTTP/1.1\r\nHost: nobody\r\n\r\n";
    struct rig rig;
    rig_init(&rig);
    struct rig_side *alice = rig_add(&rig, "alice", 1);
    struct bare web = {
        .port = alice->port, .plain = true, .bytes = (const uint8_t *)text, .length = sizeof text - 1, .repeat = 1};
    bare_start(&web);
    bare_wait(&web, &rig);
    rig_until_empty(alice);
    cr_assert_eq(rig_log_count(alice, "warning peer refused"), 1);
    cr_assert_lt(alice->transport->shared.bytes_received, 4096);
    rig_finish(&rig);
}

Test(refuse, half_a_handshake_ends_by_the_timer) {
    static const uint8_t start[] = {0x16, 3, 1, 2, 0, 1}; /* of a ClientHello of 512 bytes */
    struct rig rig;
    rig_init(&rig);
    struct rig_side *alice = rig_add(&rig, "alice", 1);
    alice->transport->handshake_timeout = (struct timeval){.tv_usec = 50000};
    struct bare slow = {.port = alice->port, .plain = true, .bytes = start, .length = sizeof start, .repeat = 1};
    bare_start(&slow);
    bare_wait(&slow, &rig);
    rig_until_empty(alice);
    cr_assert(rig_logged(alice, "the TLS handshake took too long"));
    rig_finish(&rig);
}
