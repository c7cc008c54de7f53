/* The decision over a real TLS 1.3 session: the loaded credentials, the verifier called from within the handshake, the
 * session's exporter, on both sides. */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admit/admit.h"
#include "support/certificates.h"

struct side {
    const struct sl_identity *identity;
    gnutls_session_t session;
    bool dialler, done;
    int result;
};

static size_t peer_chain(gnutls_session_t session, struct sl_bytes out[SL_CHAIN_MAX]) {
    unsigned count = 0;
    const gnutls_datum_t *certificates = gnutls_certificate_get_peers(session, &count);
    for (unsigned i = 0; i < count && i < SL_CHAIN_MAX; i++)
        out[i] = (struct sl_bytes){certificates[i].data, certificates[i].size};
    return count;
}

static int handle_verify(gnutls_session_t session) {
    const struct side *side = gnutls_session_get_ptr(session);
    struct sl_bytes chain[SL_CHAIN_MAX];
    struct sl_credential *credential;
    size_t count = peer_chain(session, chain);
    enum sl_status status = sl_identity_check_chain(
        side->identity, &credential, side->dialler ? SL_PURPOSE_SERVER : SL_PURPOSE_CLIENT, chain, count, NULL);
    sl_credential_unref(credential);
    return status == SL_OK ? 0 : GNUTLS_E_CERTIFICATE_ERROR;
}

static void start(struct side *side, const struct sl_identity *identity, bool dialler, int fd) {
    *side = (struct side){.identity = identity, .dialler = dialler};
    gnutls_init(&side->session, (dialler ? GNUTLS_CLIENT : GNUTLS_SERVER) | GNUTLS_NONBLOCK | GNUTLS_NO_TICKETS);
    cr_assert_eq(gnutls_priority_set_direct(side->session, "NORMAL:-VERS-ALL:+VERS-TLS1.3", NULL), 0);
    gnutls_credentials_set(side->session, GNUTLS_CRD_CERTIFICATE,
                           sl_identity_credentials(identity, dialler ? SL_PURPOSE_CLIENT : SL_PURPOSE_SERVER));
    gnutls_session_set_ptr(side->session, side);
    gnutls_session_set_verify_function(side->session, handle_verify);
    if (!dialler)
        gnutls_certificate_server_set_request(side->session, GNUTLS_CERT_REQUIRE);
    gnutls_transport_set_int(side->session, fd);
}

static void advance(struct side *side) {
    if (side->done)
        return;
    side->result = gnutls_handshake(side->session);
    side->done = side->result == 0 || gnutls_error_is_fatal(side->result);
    if (side->done && side->result < 0)
        gnutls_alert_send_appropriate(side->session, side->result);
}

static void shake_hands(struct side *dialler, struct side *accepter, const struct sl_identity *one,
                        const struct sl_identity *two) {
    int fds[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    start(dialler, one, true, fds[0]);
    start(accepter, two, false, fds[1]);
    for (int i = 0; i < 100 && !(dialler->done && accepter->done); i++) {
        advance(dialler);
        advance(accepter);
    }
    cr_assert(dialler->done && accepter->done);
}

static void finish(struct side *side) {
    close(gnutls_transport_get_int(side->session));
    gnutls_deinit(side->session);
}

/* `judge` decides on `peer`, whose HELLO is made as the node of `peer` makes it. */
static void expect_admission(const struct side *judge, const struct side *peer) {
    static const char label[] = "EXPORTER starling test";
    struct sl_admit_request request = {.dialled = judge->dialler,
                                       .dialled_host = judge->dialler ? "127.0.0.1" : NULL,
                                       .hello_flock = sl_identity_flock(peer->identity),
                                       .hello_node = sl_identity_node(peer->identity),
                                       .boot = 7};
    struct sl_bytes tls[SL_CHAIN_MAX], hello[SL_CHAIN_MAX];
    uint8_t exporter[SL_EXPORTER_SIZE], message[SL_PROOF_MESSAGE_SIZE], proof[SL_PROOF_SIZE];
    struct sl_error error = {0};
    struct sl_credential *credential;
    cr_assert_eq(gnutls_prf_rfc5705(peer->session, sizeof label - 1, label, 0, NULL, sizeof exporter, (char *)exporter),
                 0);
    sl_identity_key_digest(judge->identity, judge->dialler ? SL_PURPOSE_CLIENT : SL_PURPOSE_SERVER, request.own_key);
    request.tls_count = peer_chain(judge->session, tls);
    request.tls_chain = tls;
    if (judge->dialler) {
        struct sl_admit_binding binding;
        memcpy(binding.exporter, exporter, sizeof exporter);
        sl_identity_key_digest(peer->identity, SL_PURPOSE_SERVER, binding.accepter_key);
        sl_identity_key_digest(judge->identity, SL_PURPOSE_CLIENT, binding.dialler_key);
        sl_admit_proof_message(message, &binding, request.boot);
        cr_assert_eq(sl_identity_prove(peer->identity, proof, (struct sl_bytes){message, sizeof message}, &error),
                     SL_OK);
        request.hello_proof = (struct sl_bytes){proof, sizeof proof};
        request.delegation = sl_identity_delegation(peer->identity);
        request.hello_count = sl_identity_chain(peer->identity, SL_PURPOSE_CLIENT, hello);
        request.hello_chain = hello;
    }
    cr_assert_eq(gnutls_prf_rfc5705(judge->session, sizeof label - 1, label, 0, NULL, SL_EXPORTER_SIZE,
                                    (char *)request.exporter),
                 0);
    cr_assert_eq(sl_admit_decide(&credential, judge->identity, &request, &error), SL_OK, "%s", error.text);
    cr_assert_str_eq(sl_credential_node(credential), sl_identity_node(peer->identity));
    sl_credential_unref(credential);
}

Test(session, members_admit_each_other) {
    struct sl_test_flock flock;
    struct side dialler, accepter;
    sl_test_flock_init(&flock, "demo");
    struct sl_identity *alice = sl_test_member(&flock, "alice"), *bob = sl_test_member(&flock, "bob");
    shake_hands(&dialler, &accepter, alice, bob);
    cr_assert_eq(dialler.result, 0, "%s", gnutls_strerror(dialler.result));
    cr_assert_eq(accepter.result, 0, "%s", gnutls_strerror(accepter.result));
    expect_admission(&dialler, &accepter);
    expect_admission(&accepter, &dialler);
    finish(&dialler);
    finish(&accepter);
    sl_identity_unref(bob);
    sl_identity_unref(alice);
    sl_test_flock_finish(&flock);
}

Test(session, a_member_of_another_flock_fails_in_the_handshake) {
    struct sl_test_flock flock, other;
    struct side dialler, accepter;
    sl_test_flock_init(&flock, "demo");
    sl_test_flock_init_beside(&other, "other", &flock);
    struct sl_identity *alice = sl_test_member(&flock, "alice"), *bob = sl_test_member(&other, "bob");
    shake_hands(&dialler, &accepter, alice, bob);
    cr_assert_eq(dialler.result, GNUTLS_E_CERTIFICATE_ERROR);
    cr_assert_neq(accepter.result, 0);
    finish(&dialler);
    finish(&accepter);
    sl_identity_unref(bob);
    sl_identity_unref(alice);
    sl_test_flock_finish(&other);
    sl_test_flock_finish(&flock);
}
