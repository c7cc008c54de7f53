/* The decision, on its own: a request that is right, and each thing in it made wrong by an enemy who owns the rest. */
#include <criterion/criterion.h>
#include <string.h>

#include "admit/admit.h"
#include "support/certificates.h"

/* Bob asks to be let in; we are alice. Both directions start from `request_of`. */
static struct sl_test_flock flock;
static struct sl_identity *alice;
static struct sl_test_pair bob_server, bob_client, carol_server, carol_client;

static void issue(struct sl_test_pair *out, const char *flock_name, const char *node, enum sl_purpose purpose) {
    char uri[SL_TEST_URI_SIZE];
    struct sl_test_order order = sl_test_order_node(uri, &flock.authority, flock_name, node, purpose);
    sl_test_issue(out, &order);
}

static void set_up(void) {
    sl_test_flock_init(&flock, "demo");
    alice = sl_test_member(&flock, "alice");
    issue(&bob_server, "demo", "bob", SL_PURPOSE_SERVER);
    issue(&bob_client, "demo", "bob", SL_PURPOSE_CLIENT);
    issue(&carol_server, "demo", "carol", SL_PURPOSE_SERVER);
    issue(&carol_client, "demo", "carol", SL_PURPOSE_CLIENT);
}

static void tear_down(void) {
    sl_test_pair_finish(&bob_server);
    sl_test_pair_finish(&bob_client);
    sl_test_pair_finish(&carol_server);
    sl_test_pair_finish(&carol_client);
    sl_identity_unref(alice);
    sl_test_flock_finish(&flock);
}

TestSuite(admit, .init = set_up, .fini = tear_down);

/* What a request points to. */
struct fixture {
    struct sl_admit_request request;
    struct sl_bytes tls, hello;
    uint8_t proof[SL_SIGNATURE_MAX];
};

static void key_digest(uint8_t out[SL_KEY_DIGEST_SIZE], struct sl_bytes der) {
    gnutls_x509_crt_t certificate;
    size_t length = SL_KEY_DIGEST_SIZE;
    const gnutls_datum_t datum = {(unsigned char *)(uintptr_t)der.data, (unsigned)der.length};
    gnutls_x509_crt_init(&certificate);
    cr_assert_eq(gnutls_x509_crt_import(certificate, &datum, GNUTLS_X509_FMT_DER), 0);
    cr_assert_eq(gnutls_x509_crt_get_key_id(certificate, GNUTLS_KEYID_USE_SHA256, out, &length), 0);
    gnutls_x509_crt_deinit(certificate);
}

/* What bob saw of the handshake: his certificate there and ours. */
static struct sl_admit_binding binding_of(const struct fixture *fixture) {
    const struct sl_admit_request *request = &fixture->request;
    struct sl_admit_binding binding;
    memcpy(binding.exporter, request->exporter, sizeof binding.exporter);
    memcpy(request->dialled ? binding.dialler_key : binding.accepter_key, request->own_key, sizeof request->own_key);
    key_digest(request->dialled ? binding.accepter_key : binding.dialler_key, fixture->tls);
    return binding;
}

static void sign(struct fixture *fixture, const struct sl_test_pair *signer, bool as_dialler) {
    uint8_t message[SL_PROOF_MESSAGE_SIZE];
    const struct sl_admit_binding binding = binding_of(fixture);
    sl_admit_proof_message(message, &binding, as_dialler, fixture->request.boot);
    size_t length = sl_test_sign(fixture->proof, signer, (struct sl_bytes){message, sizeof message});
    fixture->request.hello_proof = (struct sl_bytes){fixture->proof, length};
}

static void prepare(struct fixture *fixture, bool dialled, const struct sl_test_pair *tls,
                    const struct sl_test_pair *hello, const char *node) {
    fixture->tls = sl_test_pair_bytes(tls);
    fixture->hello = sl_test_pair_bytes(hello);
    fixture->request = (struct sl_admit_request){.dialled = dialled,
                                                 .dialled_host = dialled ? "127.0.0.1" : NULL,
                                                 .tls_chain = &fixture->tls,
                                                 .tls_count = 1,
                                                 .hello_flock = "demo",
                                                 .hello_node = node,
                                                 .hello_chain = &fixture->hello,
                                                 .hello_count = 1,
                                                 .boot = 0x0123456789abcdef};
    memset(fixture->request.exporter, 0x5a, SL_EXPORTER_SIZE);
    sl_identity_key_digest(alice, dialled ? SL_PURPOSE_CLIENT : SL_PURPOSE_SERVER, fixture->request.own_key);
    sign(fixture, hello, !dialled);
}

static void prepare_bob(struct fixture *fixture, bool dialled) {
    prepare(fixture, dialled, dialled ? &bob_server : &bob_client, &bob_client, "bob");
}

static void expect_in(const struct fixture *fixture) {
    struct sl_credential *credential;
    struct sl_error error = {0};
    cr_assert_eq(sl_admit_decide(&credential, alice, &fixture->request, &error), SL_OK, "%s", error.text);
    cr_assert_str_eq(sl_credential_node(credential), "bob");
    /* The credential is the client one, with which bob signs: a proof verifies with it. */
    uint8_t message[SL_PROOF_MESSAGE_SIZE];
    const struct sl_admit_binding binding = binding_of(fixture);
    sl_admit_proof_message(message, &binding, !fixture->request.dialled, fixture->request.boot);
    cr_assert_eq(sl_credential_verify(credential, (struct sl_bytes){message, sizeof message},
                                      fixture->request.hello_proof, &error),
                 SL_OK);
    sl_credential_unref(credential);
}

static void expect_out(const struct fixture *fixture, enum sl_status status, const char *reason) {
    struct sl_credential *credential = (struct sl_credential *)&flock; /* must be overwritten */
    struct sl_error error = {0};
    cr_assert_eq(sl_admit_decide(&credential, alice, &fixture->request, &error), status, "%s: %s", reason, error.text);
    cr_assert_null(credential);
    cr_assert_not_null(strstr(error.text, reason), "\"%s\" is not in \"%s\"", reason, error.text);
    cr_assert_null(strchr(error.text, '\n'));
}

Test(admit, bob_both_ways) {
    struct fixture fixture;
    prepare_bob(&fixture, true);
    expect_in(&fixture);
    fixture.request.expected_node = "bob";
    expect_in(&fixture);
    prepare_bob(&fixture, false);
    expect_in(&fixture);
}

Test(admit, no_chains) {
    struct fixture fixture;
    for (int dialled = 0; dialled < 2; dialled++) {
        prepare_bob(&fixture, dialled);
        fixture.request.tls_count = 0;
        expect_out(&fixture, SL_UNTRUSTED, "TLS: no certificate");
        prepare_bob(&fixture, dialled);
        fixture.request.hello_count = 0;
        expect_out(&fixture, SL_UNTRUSTED, "HELLO: no certificate");
    }
}

Test(admit, wrong_purpose_on_either_side) {
    struct fixture fixture;
    prepare(&fixture, true, &bob_client, &bob_client, "bob");
    expect_out(&fixture, SL_UNTRUSTED, "TLS: certificate CN=bob");
    prepare(&fixture, false, &bob_server, &bob_client, "bob");
    expect_out(&fixture, SL_UNTRUSTED, "not for a client");
    prepare(&fixture, true, &bob_server, &bob_server, "bob");
    expect_out(&fixture, SL_UNTRUSTED, "HELLO: certificate CN=bob");
    prepare(&fixture, false, &bob_client, &bob_server, "bob");
    expect_out(&fixture, SL_UNTRUSTED, "HELLO: certificate CN=bob");
}

Test(admit, strangers_certificates) {
    struct sl_test_flock other;
    struct sl_test_pair stranger;
    struct fixture fixture;
    char uri[SL_TEST_URI_SIZE];
    sl_test_flock_init(&other, "demo");
    struct sl_test_order order = sl_test_order_node(uri, &other.authority, "demo", "bob", SL_PURPOSE_CLIENT);
    sl_test_issue(&stranger, &order);
    prepare(&fixture, false, &stranger, &stranger, "bob");
    expect_out(&fixture, SL_UNTRUSTED, "TLS: ");
    prepare(&fixture, true, &bob_server, &stranger, "bob");
    expect_out(&fixture, SL_UNTRUSTED, "HELLO: ");
    sl_test_pair_finish(&stranger);
    sl_test_flock_finish(&other);
}

Test(admit, another_host_than_was_dialled) {
    struct fixture fixture;
    prepare_bob(&fixture, true);
    fixture.request.dialled_host = "127.0.0.2";
    expect_out(&fixture, SL_UNTRUSTED, "does not serve the host 127.0.0.2");
    fixture.request.dialled_host = "bob"; /* its common name */
    expect_out(&fixture, SL_UNTRUSTED, "does not serve the host bob");
    fixture.request.dialled_host = NULL;
    expect_out(&fixture, SL_UNTRUSTED, "not known which host");
}

Test(admit, two_nodes_in_one) {
    struct fixture fixture;
    prepare(&fixture, true, &carol_server, &bob_client, "bob"); /* carol relays bob's HELLO */
    expect_out(&fixture, SL_MISMATCH, "HELLO: certificate CN=bob");
    prepare(&fixture, false, &carol_client, &bob_client, "bob");
    expect_out(&fixture, SL_MISMATCH, "of bob, that of TLS");
    prepare(&fixture, true, &bob_server, &carol_client, "carol");
    expect_out(&fixture, SL_MISMATCH, "of carol");
}

Test(admit, another_client_certificate_of_the_same_node) {
    struct fixture fixture;
    struct sl_test_pair renewed;
    issue(&renewed, "demo", "bob", SL_PURPOSE_CLIENT);
    prepare(&fixture, false, &bob_client, &renewed, "bob");
    expect_out(&fixture, SL_MISMATCH, "is another than that of TLS");
    prepare(&fixture, true, &bob_server, &renewed, "bob"); /* the dialler has not seen any */
    expect_in(&fixture);
    sl_test_pair_finish(&renewed);
}

Test(admit, claims) {
    static const char *const nodes[] = {"carol", "", "Bob", "bob\nlevel=info", "bo", "bobb", NULL};
    static const char *const flocks[] = {"other", "", "DEMO", "demo\n", "dem", "demo2", NULL};
    struct fixture fixture;
    for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++) {
        prepare_bob(&fixture, i % 2 == 0);
        fixture.request.hello_node = nodes[i];
        expect_out(&fixture, SL_MISMATCH, "HELLO: ");
        prepare_bob(&fixture, i % 2 == 0);
        fixture.request.hello_flock = flocks[i];
        expect_out(&fixture, SL_MISMATCH, "HELLO: ");
    }
}

Test(admit, another_flock_under_the_same_authority) {
    struct fixture fixture;
    struct sl_test_pair server, client;
    issue(&server, "other", "bob", SL_PURPOSE_SERVER);
    issue(&client, "other", "bob", SL_PURPOSE_CLIENT);
    prepare(&fixture, true, &server, &client, "bob");
    expect_out(&fixture, SL_UNTRUSTED, "of the flock other, not demo");
    prepare(&fixture, false, &client, &client, "bob");
    expect_out(&fixture, SL_UNTRUSTED, "of the flock other, not demo");
    prepare(&fixture, true, &bob_server, &client, "bob");
    expect_out(&fixture, SL_UNTRUSTED, "HELLO: certificate CN=bob");
    sl_test_pair_finish(&client);
    sl_test_pair_finish(&server);
}

Test(admit, another_node_than_was_expected) {
    struct fixture fixture;
    prepare(&fixture, true, &carol_server, &carol_client, "carol");
    fixture.request.expected_node = "bob";
    expect_out(&fixture, SL_MISMATCH, "the peer is carol, wanted was bob");
}

Test(admit, ourselves) {
    struct fixture fixture;
    struct sl_test_pair server, client;
    issue(&server, "demo", "alice", SL_PURPOSE_SERVER);
    issue(&client, "demo", "alice", SL_PURPOSE_CLIENT);
    prepare(&fixture, true, &server, &client, "alice");
    expect_out(&fixture, SL_MISMATCH, "this node itself");
    prepare(&fixture, false, &client, &client, "alice");
    expect_out(&fixture, SL_MISMATCH, "this node itself");
    sl_test_pair_finish(&client);
    sl_test_pair_finish(&server);
}

Test(admit, proofs) {
    struct fixture fixture, good;
    for (int dialled = 0; dialled < 2; dialled++) {
        prepare_bob(&good, dialled);

        prepare_bob(&fixture, dialled); /* none */
        fixture.request.hello_proof = (struct sl_bytes){NULL, 0};
        expect_out(&fixture, SL_UNTRUSTED, "HELLO's proof");

        prepare_bob(&fixture, dialled); /* by somebody else who merely sends bob's chain */
        sign(&fixture, &carol_client, !dialled);
        expect_out(&fixture, SL_UNTRUSTED, "not by the key of CN=bob");

        prepare_bob(&fixture, dialled); /* by bob's other key */
        sign(&fixture, &bob_server, !dialled);
        expect_out(&fixture, SL_UNTRUSTED, "HELLO's proof");

        prepare_bob(&fixture, dialled); /* reflected: made in the other role */
        sign(&fixture, &bob_client, dialled);
        expect_out(&fixture, SL_UNTRUSTED, "HELLO's proof");

        prepare_bob(&fixture, dialled); /* from another session */
        fixture.request.exporter[SL_EXPORTER_SIZE - 1] ^= 1;
        expect_out(&fixture, SL_UNTRUSTED, "HELLO's proof");

        prepare_bob(&fixture, dialled); /* between other certificates: ours */
        fixture.request.own_key[0] ^= 1;
        expect_out(&fixture, SL_UNTRUSTED, "HELLO's proof");

        prepare_bob(&fixture, dialled); /* between other certificates: his */
        struct sl_test_pair renewed;
        issue(&renewed, "demo", "bob", dialled ? SL_PURPOSE_SERVER : SL_PURPOSE_CLIENT);
        fixture.tls = sl_test_pair_bytes(&renewed);
        sign(&fixture, &bob_client, !dialled);
        fixture.tls = sl_test_pair_bytes(dialled ? &bob_server : &bob_client);
        expect_out(&fixture, SL_UNTRUSTED, "HELLO's proof");
        sl_test_pair_finish(&renewed);

        prepare_bob(&fixture, dialled); /* of an earlier process */
        fixture.request.boot++;
        expect_out(&fixture, SL_UNTRUSTED, "HELLO's proof");

        prepare_bob(&fixture, dialled); /* cut short */
        fixture.request.hello_proof.length--;
        expect_out(&fixture, SL_UNTRUSTED, "HELLO's proof");
    }
}

Test(admit, the_host_in_each_mode) {
    struct fixture fixture;
    prepare_bob(&fixture, true);
    fixture.request.dialled_host = "proxy.example"; /* bob's certificate does not serve it */
    expect_out(&fixture, SL_UNTRUSTED, "does not serve the host proxy.example");
    fixture.request.outer_checked = true; /* means nothing in mtls */
    expect_out(&fixture, SL_UNTRUSTED, "does not serve the host proxy.example");
    fixture.request.security = SL_SECURITY_TLS;
    expect_in(&fixture);
    fixture.request.outer_checked = false;
    expect_out(&fixture, SL_UNTRUSTED, "outer TLS");
    fixture.request.security = SL_SECURITY_CLEAR;
    expect_in(&fixture);
}

Test(admit, the_expelled) {
    struct fixture fixture;
    for (int dialled = 0; dialled < 2; dialled++) {
        prepare_bob(&fixture, dialled);
        fixture.request.expelled = "it signed two updates of round 3";
        expect_out(&fixture, SL_UNTRUSTED, "bob is expelled: it signed two updates of round 3");
    }
}

Test(admit, what_a_proof_signs) {
    uint8_t message[SL_PROOF_MESSAGE_SIZE];
    static const uint8_t boot[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08};
    struct sl_admit_binding binding;
    memset(binding.exporter, 0xee, sizeof binding.exporter);
    memset(binding.accepter_key, 0xaa, sizeof binding.accepter_key);
    memset(binding.dialler_key, 0xdd, sizeof binding.dialler_key);
    sl_admit_proof_message(message, &binding, false, 0x0102030405060708);
    cr_assert_eq(sizeof message, 122);
    cr_assert_arr_eq(message, "starling hello 2", 17);
    cr_assert_arr_eq(message + 17, binding.exporter, 32);
    cr_assert_eq(message[49], 0x02);
    cr_assert_arr_eq(message + 50, binding.accepter_key, 32);
    cr_assert_arr_eq(message + 82, binding.dialler_key, 32);
    cr_assert_arr_eq(message + 114, boot, sizeof boot);
    sl_admit_proof_message(message, &binding, true, 0);
    cr_assert_eq(message[49], 0x01);
}
