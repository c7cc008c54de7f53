/* From TCP to frames in each mode, who is refused there and with which words, and what a hostile peer says on the way.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bare.h"
#include "rig.h"

static const enum sl_connection_security MODES[] = {SL_SECURITY_MTLS, SL_SECURITY_TLS, SL_SECURITY_CLEAR};
enum { MODE_COUNT = 3 };

/* ---- the three modes ---- */

static void check_talk(struct rig *rig, struct rig_side *from, struct rig_side *to) {
    enum { LENGTH = 300000 };
    struct sl_block *block = sl_block_create(LENGTH);
    for (size_t i = 0; i < LENGTH; i++)
        block->data[i] = (uint8_t)(i * 7 + i / 256);
    to->into[1] = malloc(LENGTH);
    size_t frames = to->frame_count;
    uint64_t bytes = to->data_bytes;
    cr_assert_eq(sl_connection_send(from->up, SL_FRAME_CREDIT, "payload", 7), SL_OK);
    cr_assert_eq(sl_connection_send(from->up, SL_FRAME_MODEL_REQUEST, NULL, 0), SL_OK);
    cr_assert_eq(sl_connection_send_data(from->up, 1, block, 0, LENGTH), SL_OK);
    cr_assert_eq(sl_connection_send_data(from->up, 2, block, 0, 70000), SL_OK); /* which nobody wants */
    rig_until_bytes(rig, &to->data_bytes, bytes + LENGTH);
    cr_assert_eq(memcmp(to->into[1], block->data, LENGTH), 0);
    cr_assert_geq(to->frame_count, frames + 2);
    cr_assert_eq(to->frames[frames].type, SL_FRAME_CREDIT);
    cr_assert_eq(to->frames[frames].length, 7);
    cr_assert_eq(to->frames[frames + 1].type, SL_FRAME_MODEL_REQUEST);
    free(to->into[1]);
    to->into[1] = NULL;
    sl_block_unref(block);
}

Test(channel, peers_meet_and_talk_in_each_mode) {
    for (size_t i = 0; i < MODE_COUNT; i++) {
        struct rig rig;
        rig_init_connected_by(&rig, MODES[i]);
        struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
        check_talk(&rig, alice, bob);
        check_talk(&rig, bob, alice);
        cr_assert_eq(sl_connection_ping(alice->up), SL_OK);
        cr_assert(rig_logged(alice, "info peer admitted peer=bob"));
        cr_assert(rig_logged(bob, "info peer admitted peer=alice"));
        cr_assert(rig_logged(bob, sl_security_text(MODES[i])));
        cr_assert(rig_logged(bob, "certificate=CN=alice"));
        sl_connection_close(alice->up, "enough");
        rig_until(&rig, &bob->downs, 1);
        cr_assert_str_eq(bob->reason, "enough", "a goodbye in each mode");
        rig_until_empty(alice);
        rig_until_empty(bob);
        cr_assert_eq(bob->transport->counters.incomplete + alice->transport->counters.incomplete, 0);
        cr_assert_eq(bob->transport->counters.bad_tags + alice->transport->counters.bad_tags, 0);
        cr_assert_eq(bob->transport->counters.handshakes, 1);
        rig_finish(&rig);
    }
}

Test(channel, an_end_without_a_goodbye_is_incomplete_in_each_mode) {
    for (size_t i = 0; i < MODE_COUNT; i++) {
        struct rig rig;
        rig_init_connected_by(&rig, MODES[i]);
        struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
        sl_socket_end_writing(&alice->up->socket);
        rig_until(&rig, &bob->downs, 1);
        cr_assert_eq(bob->transport->counters.incomplete, 1);
        cr_assert(strstr(bob->reason, "without") != NULL, "%s", bob->reason);
        rig_finish(&rig);
    }
}

/* ---- two that were not set up alike ---- */

Test(channel, each_pair_of_unlike_modes_fails_at_once_and_says_so_on_both_sides) {
    for (size_t dials = 0; dials < MODE_COUNT; dials++) {
        for (size_t listens = 0; listens < MODE_COUNT; listens++) {
            if (dials == listens)
                continue;
            struct rig rig;
            rig_init_pair(&rig);
            struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
            rig_set_modes(alice, MODES[dials], MODES[dials]);
            rig_set_modes(bob, MODES[listens], MODES[listens]);
            sl_time begin = sl_clock_monotonic();
            rig_dial(alice, bob, "bob");
            rig_until(&rig, &alice->failures, 1);
            rig_until_empty(bob);
            cr_assert_lt(sl_clock_monotonic() - begin, 10 * SL_SECOND, "not by a deadline");
            cr_assert(strstr(alice->reason, "connection_security") != NULL, "%s to %s: %s",
                      sl_security_text(MODES[dials]), sl_security_text(MODES[listens]), alice->reason);
            cr_assert_geq(rig_log_count(bob, "warning "), 1);
            cr_assert_eq(alice->ups + bob->ups, 0);
            rig_finish(&rig);
        }
    }
}

/* ---- who is refused inside ---- */

Test(channel, a_client_of_another_authority_is_refused_inside_and_hears_the_alert) {
    for (size_t i = 1; i < MODE_COUNT; i++) {
        struct rig rig;
        struct sl_test_flock other;
        rig_init(&rig);
        sl_test_flock_init_beside(&other, "other",
                                  &rig.flock); /* whose client trusts our servers, so it gets that far */
        struct rig_side *alice = rig_add(&rig, "alice", 1);
        struct rig_side *stray = rig_add_identity(&rig, sl_test_member(&other, "stray"), 2);
        rig_set_modes(alice, MODES[i], MODES[i]);
        rig_set_modes(stray, MODES[i], MODES[i]);
        rig_dial(alice, stray, "");
        rig_until(&rig, &alice->failures, 1);
        cr_assert_eq(alice->failure, SL_UNTRUSTED);
        rig_until_empty(stray);
        cr_assert(rig_logged(alice, "warning peer refused"));
        cr_assert(rig_logged(alice, "of the flock other"));
        cr_assert(rig_logged(stray, "warning refused by peer"));
        cr_assert(rig_logged(stray, "TLS alert 42"));
        cr_assert_eq(rig_log_count(alice, "warning "), 1);
        cr_assert_eq(rig_log_count(stray, "warning "), 1);
        sl_test_flock_finish(&other);
        rig_finish(&rig);
    }
}

/* The server judges when the client is done: only an alert without a tag can tell it. */
Test(channel, a_server_that_refuses_us_after_we_are_done_is_heard) {
    for (size_t i = 0; i < MODE_COUNT; i++) {
        struct rig rig;
        rig_init_pair(&rig);
        struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
        struct sl_identity *revoking = rig_identity_that_revoked(&rig, "bob", "alice");
        rig_set_modes(alice, MODES[i], MODES[i]);
        rig_set_modes(bob, MODES[i], MODES[i]);
        sl_transport_set_identity(bob->transport, revoking);
        sl_identity_unref(revoking);
        rig_dial(alice, bob, "bob");
        rig_until(&rig, &alice->failures, 1);
        cr_assert_eq(alice->failure, SL_UNTRUSTED);
        cr_assert(strstr(alice->reason, "TLS alert 42") != NULL, "%s", alice->reason);
        rig_until_empty(bob);
        cr_assert(rig_logged(bob, "warning peer refused"));
        cr_assert(rig_logged(bob, "revoked"));
        cr_assert_eq(bob->transport->counters.refused, 1);
        cr_assert_eq(bob->ups + alice->ups, 0);
        rig_finish(&rig);
    }
}

Test(channel, the_outer_server_must_be_of_the_authority_that_the_rule_names_and_serve_the_host) {
    static char tls_to[64], none[] = "";
    struct rig rig;
    struct sl_test_flock other;
    rig_init_pair(&rig);
    sl_test_flock_init(&other, "proxies");
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    rig_set_modes(bob, SL_SECURITY_MTLS, SL_SECURITY_TLS);
    snprintf(tls_to, sizeof tls_to, "%s", bob->address);
    char path[512];
    struct sl_peer_setting rule = {
        .connect_to = tls_to, .node = none, .security = SL_SECURITY_TLS, .custom_ca_cert = path};
    alice->settings.transport.peers.items = &rule;
    alice->settings.transport.peers.count = 1;
    for (int good = 0; good < 2; good++) {
        snprintf(path, sizeof path, "%s/ca.pem", good ? rig.flock.folder : other.folder);
        rig_set_modes(alice, SL_SECURITY_MTLS, SL_SECURITY_MTLS);
        rig_dial(alice, bob, "");
        rig_until(&rig, good ? &alice->ups : &alice->failures, 1);
        cr_assert(good || strstr(alice->reason, "outer TLS: certificate ") != NULL, "%s", alice->reason);
    }
    cr_assert(rig_logged(alice, "security=tls"));
    alice->settings.transport.peers.count = 0;
    sl_test_flock_finish(&other);
    rig_finish(&rig);
}

/* What stands is held against what the files say now, as the peers' own certificates are. */
Test(channel, an_outer_server_that_is_not_trusted_any_more_loses_what_stands_too) {
    static char to[64], none[] = "";
    struct rig rig;
    struct sl_test_flock other;
    struct sl_paths fresh;
    char path[512];
    rig_init_pair(&rig);
    sl_test_flock_init(&other, "proxies");
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    rig_set_modes(bob, SL_SECURITY_MTLS, SL_SECURITY_TLS);
    snprintf(to, sizeof to, "%s", bob->address);
    struct sl_peer_setting rule = {.connect_to = to, .node = none, .security = SL_SECURITY_TLS, .custom_ca_cert = path};
    alice->settings.transport.peers.items = &rule;
    alice->settings.transport.peers.count = 1;
    snprintf(path, sizeof path, "%s/ca.pem", rig.flock.folder);
    rig_set_modes(alice, SL_SECURITY_MTLS, SL_SECURITY_MTLS);
    rig_dial(alice, bob, "");
    rig_until(&rig, &alice->ups, 1);
    for (int same = 1; same >= 0; same--) {
        snprintf(path, sizeof path, "%s/ca.pem", same ? rig.flock.folder : other.folder);
        cr_assert_eq(sl_paths_init(&fresh, &alice->settings, NULL), SL_OK);
        sl_transport_swap_trust(alice->transport, &fresh);
        sl_paths_finish(&fresh); /* the former ones: nothing may use them any more */
        sl_transport_set_identity(alice->transport, alice->identity);
        rig_turns(&rig, 5);
        cr_assert_eq(alice->downs, same ? 0 : 1);
    }
    cr_assert(strstr(alice->reason, "outer TLS: certificate ") != NULL, "%s", alice->reason);
    rig_dial(alice, bob, "");
    rig_until(&rig, &alice->failures, 1);
    cr_assert(strstr(alice->reason, "outer TLS: certificate ") != NULL, "%s", alice->reason);
    alice->settings.transport.peers.count = 0;
    sl_test_flock_finish(&other);
    rig_finish(&rig);
}

Test(channel, an_outer_server_that_our_authority_revokes_meanwhile_is_cut_off) {
    struct rig rig;
    rig_init_connected_by(&rig, SL_SECURITY_TLS);
    struct rig_side *alice = &rig.sides[0];
    sl_transport_recheck(alice->transport);
    rig_turns(&rig, 5);
    cr_assert_eq(alice->downs, 0, "its host is still known");
    struct sl_identity *revoking = rig_identity_that_revoked(&rig, "alice", "bob");
    sl_transport_set_identity(alice->transport, revoking);
    sl_identity_unref(revoking);
    rig_until(&rig, &alice->downs, 1);
    cr_assert(strstr(alice->reason, "outer TLS: certificate ") != NULL, "%s", alice->reason);
    cr_assert(strstr(alice->reason, "it is revoked") != NULL, "%s", alice->reason);
    rig_finish(&rig);
}

/* Or whoever has bob's old kit could end the outer session in bob's place, pass the inner one on to him, and read. */
Test(channel, an_outer_server_that_our_authority_has_revoked_is_refused_before_anything_is_said) {
    struct rig rig;
    rig_init_pair(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    rig_set_modes(alice, SL_SECURITY_TLS, SL_SECURITY_MTLS);
    rig_set_modes(bob, SL_SECURITY_MTLS, SL_SECURITY_TLS);
    struct sl_identity *revoking = rig_identity_that_revoked(&rig, "alice", "bob");
    sl_transport_set_identity(alice->transport, revoking);
    sl_identity_unref(revoking);
    rig_dial(alice, bob, "bob");
    rig_until(&rig, &alice->failures, 1);
    cr_assert(strstr(alice->reason, "outer TLS: certificate ") != NULL, "%s", alice->reason);
    cr_assert(strstr(alice->reason, "it is revoked") != NULL, "%s", alice->reason);
    rig_finish(&rig);
}

Test(channel, a_rule_whose_authority_cannot_be_read_is_no_start) {
    static char to[] = "127.0.0.1:7400", none[] = "", missing[] = "/nonexistent/proxy.pem";
    struct rig rig;
    struct sl_error error;
    struct sl_transport *transport = NULL;
    rig_init_pair(&rig);
    struct rig_side *alice = &rig.sides[0];
    struct sl_peer_setting rule = {
        .connect_to = to, .node = none, .security = SL_SECURITY_TLS, .custom_ca_cert = missing};
    alice->settings.transport.peers.items = &rule;
    alice->settings.transport.peers.count = 1;
    const struct sl_transport_options options = {
        .base = rig.base, .identity = alice->identity, .settings = &alice->settings, .log = &alice->log, .boot = 1};
    cr_assert_neq(sl_transport_create(&transport, &options, &error), SL_OK);
    cr_assert(strstr(error.text, missing) != NULL, "%s", error.text);
    rig_finish(&rig);
}

/* ---- what must not be said ---- */

static void check_said_by(size_t sayer, enum sl_connection_security mode, bool raw, enum sl_frame_type type,
                          const char *reason) {
    struct rig rig;
    uint8_t bytes[SL_FRAME_HEADER_SIZE + 3] = {0};
    rig_init_connected_by(&rig, mode);
    struct rig_side *teller = &rig.sides[sayer], *hearer = &rig.sides[1 - sayer];
    sl_frame_put_header(bytes, &(struct sl_frame_header){.length = 3, .type = type});
    if (raw)
        rig_inject(teller, bytes, sizeof bytes);
    else
        cr_assert_eq(sl_connection_send(teller->up, type, bytes, 3), SL_OK);
    /* In clear the end of a frame without its tag is in the next one. */
    cr_assert_eq(sl_connection_send(teller->up, SL_FRAME_CREDIT, bytes, 3), SL_OK);
    cr_assert_eq(sl_connection_send(teller->up, SL_FRAME_CREDIT, bytes, 3), SL_OK);
    rig_until(&rig, &hearer->downs, 1);
    cr_assert(strstr(hearer->reason, reason) != NULL, "%s", hearer->reason);
    cr_assert_eq(hearer->frame_count, 0);
    cr_assert_eq(hearer->transport->counters.bad_tags, raw ? 1 : 0);
    rig_until(&rig, &teller->downs, 1);
    cr_assert(strstr(teller->reason, reason) != NULL, "it hears why: %s", teller->reason);
    rig_finish(&rig);
}

/* By the one who dialled and by the one who accepted. */
static void check_said(enum sl_connection_security mode, bool raw, enum sl_frame_type type, const char *reason) {
    check_said_by(0, mode, raw, type, reason);
    check_said_by(1, mode, raw, type, reason);
}

Test(channel, a_handshake_frame_after_the_handshake) {
    check_said(SL_SECURITY_MTLS, false, SL_FRAME_HANDSHAKE, "unexpected handshake");
    check_said(SL_SECURITY_CLEAR, false, SL_FRAME_HANDSHAKE, "unexpected handshake");
    check_said(SL_SECURITY_TLS, false, SL_FRAME_HANDSHAKE, "unexpected handshake");
}

Test(channel, a_second_hello) {
    check_said(SL_SECURITY_CLEAR, false, SL_FRAME_HELLO, "unexpected hello");
}

Test(channel, a_frame_without_a_tag) {
    check_said(SL_SECURITY_CLEAR, true, SL_FRAME_ROSTER, "false tag");
    check_said(SL_SECURITY_TLS, true, SL_FRAME_ROSTER, "false tag");
    check_said(SL_SECURITY_CLEAR, true, SL_FRAME_HANDSHAKE, "false tag");
}

/* Says something in place of the first frames of a clear connection; the reason that alice logs. */
static void check_first(const uint8_t *bytes, size_t length, size_t repeat, const char *reason) {
    struct rig rig;
    rig_init(&rig);
    struct rig_side *alice = rig_add(&rig, "alice", 1);
    rig_set_modes(alice, SL_SECURITY_CLEAR, SL_SECURITY_CLEAR);
    alice->transport->handshake_timeout = (struct timeval){.tv_usec = 200000};
    struct bare eve = {.port = alice->port, .plain = true, .bytes = bytes, .length = length, .repeat = repeat};
    bare_start(&eve);
    bare_wait(&eve, &rig);
    rig_until_empty(alice);
    cr_assert(rig_logged(alice, reason));
    cr_assert_eq(rig_log_count(alice, "warning "), 1, "one line");
    cr_assert_eq(alice->ups + alice->heard, 0);
    rig_finish(&rig);
}

Test(channel, anything_but_a_handshake_at_the_beginning) {
    uint8_t bytes[SL_DATA_HEADER_SIZE] = {0};
    for (int type = SL_FRAME_HELLO; type < SL_FRAME_HANDSHAKE; type++) {
        sl_frame_put_header(bytes, &(struct sl_frame_header){.length = type == SL_FRAME_DATA ? 100 : 0,
                                                             .type = (enum sl_frame_type)type});
        check_first(bytes, SL_FRAME_HEADER_SIZE, 1, "before the inner handshake");
    }
}

Test(channel, half_an_inner_handshake_ends_by_the_timer) {
    static const uint8_t start[] = {0, 0, 0, 6, SL_FRAME_HANDSHAKE, 0, 0, 0, 0x16, 3, 1, 2, 0, 1};
    check_first(start, 3, 1, "took too long");
    check_first(start, SL_FRAME_HEADER_SIZE, 1, "took too long");
    check_first(start, sizeof start, 1, "took too long");
}

Test(channel, garbage_in_handshake_frames) {
    uint8_t bytes[SL_FRAME_HEADER_SIZE + 100];
    memset(bytes, 0x55, sizeof bytes);
    sl_frame_put_header(bytes, &(struct sl_frame_header){.length = 100, .type = SL_FRAME_HANDSHAKE});
    check_first(bytes, sizeof bytes, 1, "warning peer refused");
    sl_frame_put_header(bytes, &(struct sl_frame_header){.length = 0, .type = SL_FRAME_HANDSHAKE});
    check_first(bytes, SL_FRAME_HEADER_SIZE, 1, "without a byte");
    bytes[0] = 0xff; /* says 4 GB */
    check_first(bytes, SL_FRAME_HEADER_SIZE, 1, "warning peer refused");
}

Test(channel, a_client_hello_that_never_ends) {
    /* A handshake message of 16 MB, a record of 16 KiB after the other, a frame each. */
    static uint8_t bytes[SL_FRAME_HEADER_SIZE + 16384];
    static const uint8_t start[] = {0x16, 3, 1, 0x3f, 0xfb, 1, 0xff, 0xff, 0xff};
    sl_frame_put_header(bytes, &(struct sl_frame_header){.length = 16384, .type = SL_FRAME_HANDSHAKE});
    memcpy(bytes + SL_FRAME_HEADER_SIZE, start, sizeof start);
    check_first(bytes, sizeof bytes, 1000, "warning peer refused");
}

/* ---- after the handshake ---- */

Test(channel, a_flood_of_key_updates_ends_the_connection) {
    for (size_t i = 0; i < 2; i++) {
        struct rig rig;
        rig_init_connected_by(&rig, MODES[i]);
        struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
        for (size_t update = 0; update <= SL_TLS_MESSAGES_A_SECOND; update++) {
            cr_assert_eq(gnutls_session_key_update(alice->up->tls.session, 0), 0);
            cr_assert(sl_socket_flush(&alice->up->socket));
        }
        rig_until(&rig, &bob->downs, 1);
        cr_assert(strstr(bob->reason, "TLS: ") != NULL, "%s", bob->reason);
        rig_finish(&rig);
    }
}

/* They pass below the quota of control frames. */
Test(channel, a_flood_of_records_with_nothing_in_them_ends_the_connection) {
    for (size_t mode = 0; mode < 2; mode++) {
        struct rig rig;
        rig_init_connected_by(&rig, MODES[mode]);
        struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
        for (size_t i = 0; i <= 4 * SL_TLS_MESSAGES_A_SECOND; i++)
            cr_assert_geq(gnutls_record_send2(alice->up->tls.session, "", 0, 1, 0), 0);
        cr_assert(sl_socket_flush(&alice->up->socket));
        rig_until(&rig, &bob->downs, 1);
        cr_assert(strstr(bob->reason, "TLS: ") != NULL, "%s", bob->reason);
        rig_finish(&rig);
    }
}

/* ---- who may not stay ---- */

static const char *expel_alice(void *context, const char *node) {
    (void)context;
    return strcmp(node, "alice") == 0 ? "it signed two updates" : NULL;
}

Test(channel, a_revoked_peer_is_cut_and_the_others_stay) {
    for (size_t i = 0; i < MODE_COUNT; i++) {
        struct rig rig;
        rig_init(&rig);
        struct rig_side *alice = rig_add(&rig, "alice", 1), *bob = rig_add(&rig, "bob", 2);
        struct rig_side *carol = rig_add(&rig, "carol", 3);
        for (size_t side = 0; side < rig.count; side++)
            rig_set_modes(&rig.sides[side], MODES[i], MODES[i]);
        rig_dial(alice, bob, "bob"); /* bob sees her client certificate */
        rig_dial(bob, carol, "carol");
        rig_until(&rig, &bob->ups, 2);
        rig_until(&rig, &carol->ups, 1);
        rig_until(&rig, &alice->ups, 1);
        struct sl_identity *same = bob->identity;
        sl_transport_set_identity(bob->transport, same);
        rig_turns(&rig, 10);
        cr_assert_eq(bob->downs, 0, "the same generation cuts nobody");
        struct sl_identity *revoking = rig_identity_that_revoked(&rig, "bob", "alice");
        bob->in_call = true;
        sl_transport_set_identity(bob->transport, revoking);
        bob->in_call = false;
        sl_identity_unref(revoking);
        rig_until(&rig, &bob->downs, 1);
        rig_until(&rig, &alice->downs, 1);
        cr_assert_not(bob->down_inside_call);
        cr_assert(strstr(bob->reason, "revoked") != NULL, "%s", bob->reason);
        cr_assert(strstr(alice->reason, "revoked") != NULL, "she hears why: %s", alice->reason);
        rig_turns(&rig, 10);
        cr_assert_eq(carol->downs, 0);
        /* Neither does she come back, nor does bob go to her. */
        rig_dial(alice, bob, "bob");
        rig_until(&rig, &alice->failures, 1);
        rig_dial(bob, alice, "alice");
        rig_until(&rig, &bob->failures, 1);
        cr_assert_eq(bob->failure, SL_UNTRUSTED);
        rig_finish(&rig);
    }
}

Test(channel, a_peer_that_we_dialled_is_cut_by_its_server_certificate) {
    struct rig rig;
    rig_init_connected(&rig);
    struct rig_side *alice = &rig.sides[0];
    struct sl_identity *revoking = rig_identity_that_revoked(&rig, "alice", "bob");
    sl_transport_set_identity(alice->transport, revoking);
    sl_identity_unref(revoking);
    rig_until(&rig, &alice->downs, 1);
    cr_assert(strstr(alice->reason, "revoked") != NULL, "%s", alice->reason);
    rig_finish(&rig);
}

Test(channel, a_generation_that_comes_between_handshake_and_admission_decides) {
    struct rig rig;
    rig_init_pair(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    struct sl_identity *revoking = rig_identity_that_revoked(&rig, "bob", "alice");
    rig_dial(alice, bob, "bob");
    while (bob->transport->connections == NULL) /* its session has the old generation */
        event_base_loop(rig.base, EVLOOP_ONCE);
    sl_transport_set_identity(bob->transport, revoking);
    sl_identity_unref(revoking);
    rig_until(&rig, &alice->failures, 1);
    rig_until_empty(bob);
    cr_assert_eq(bob->ups + alice->ups, 0);
    cr_assert(rig_logged(bob, "revoked"));
    rig_finish(&rig);
}

Test(channel, the_expelled_are_cut_and_do_not_come_back) {
    struct rig rig;
    rig_init_connected(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    sl_transport_recheck(bob->transport);
    rig_turns(&rig, 10);
    cr_assert_eq(bob->downs, 0);
    bob->transport->handlers.expelled = expel_alice;
    sl_transport_recheck(bob->transport);
    rig_until(&rig, &bob->downs, 1);
    cr_assert(strstr(bob->reason, "alice is expelled: it signed two updates") != NULL, "%s", bob->reason);
    rig_until(&rig, &alice->downs, 1);
    rig_dial(alice, bob, "bob");
    rig_until(&rig, &alice->failures, 1);
    cr_assert(strstr(alice->reason, "expelled") != NULL, "%s", alice->reason);
    rig_finish(&rig);
}
