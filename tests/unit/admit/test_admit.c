/* The decision, on its own: a request that is right, and each thing in it made wrong by an enemy who owns the rest. */
#include <criterion/criterion.h>
#include <string.h>
#include <time.h>

#include "admit/admit.h"
#include "identity/delegate.h"
#include "support/certificates.h"

/* Bob asks to be let in; we are alice. Both directions start from `request_of`. */
static struct sl_test_flock flock;
static struct sl_identity *alice;
static struct sl_test_pair bob_server, bob_client, carol_server, carol_client;

/* A key of a process, of whoever's. */
struct delegate {
    gnutls_privkey_t key;
    uint8_t half[SL_DELEGATE_KEY_SIZE];
};
static struct delegate process, other_process;

static void make_delegate(struct delegate *out) {
    gnutls_pubkey_t half;
    gnutls_datum_t x;
    cr_assert_eq(gnutls_privkey_init(&out->key), 0);
    cr_assert_eq(gnutls_privkey_generate(out->key, GNUTLS_PK_EDDSA_ED25519, 0, 0), 0);
    cr_assert_eq(gnutls_pubkey_init(&half), 0);
    cr_assert_eq(gnutls_pubkey_import_privkey(half, out->key, 0, 0), 0);
    cr_assert_eq(gnutls_pubkey_export_ecc_raw(half, NULL, &x, NULL), 0);
    cr_assert_eq(x.size, sizeof out->half);
    memcpy(out->half, x.data, sizeof out->half);
    gnutls_free(x.data);
    gnutls_pubkey_deinit(half);
}

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
    make_delegate(&process);
    make_delegate(&other_process);
}

static void tear_down(void) {
    gnutls_privkey_deinit(process.key);
    gnutls_privkey_deinit(other_process.key);
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
    uint8_t proof[SL_PROOF_SIZE + 1], signature[SL_SIGNATURE_MAX];
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

static void prove(struct fixture *fixture, const struct delegate *delegate) {
    uint8_t message[SL_PROOF_MESSAGE_SIZE];
    gnutls_datum_t data = {message, sizeof message}, signature;
    const struct sl_admit_binding binding = binding_of(fixture);
    sl_admit_proof_message(message, &binding, fixture->request.boot);
    cr_assert_eq(gnutls_privkey_sign_data2(delegate->key, GNUTLS_SIGN_EDDSA_ED25519, 0, &data, &signature), 0);
    cr_assert_eq(signature.size, SL_PROOF_SIZE);
    memcpy(fixture->proof, signature.data, signature.size);
    gnutls_free(signature.data);
    fixture->request.hello_proof = (struct sl_bytes){fixture->proof, SL_PROOF_SIZE};
}

/* What a client key says of a process. */
struct promise {
    const char *flock, *node;
    const struct sl_test_pair *signer, *certificate;
    const struct delegate *delegate;
    uint64_t not_after;
};

static void promise_to(struct fixture *fixture, const struct promise *promise) {
    uint8_t message[SL_DELEGATION_MESSAGE_MAX], client_key[SL_KEY_DIGEST_SIZE];
    key_digest(client_key, sl_test_pair_bytes(promise->certificate));
    size_t length = sl_delegation_message(message, promise->flock, promise->node, promise->delegate->half, client_key,
                                          promise->not_after);
    length = sl_test_sign(fixture->signature, promise->signer, (struct sl_bytes){message, length});
    fixture->request.delegation =
        (struct sl_delegation){.key = {promise->delegate->half, sizeof promise->delegate->half},
                               .not_after = promise->not_after,
                               .signature = {fixture->signature, length}};
}

static void prepare(struct fixture *fixture, bool dialled, const struct sl_test_pair *tls,
                    const struct sl_test_pair *hello, const char *node) {
    fixture->tls = sl_test_pair_bytes(tls);
    if (hello != NULL)
        fixture->hello = sl_test_pair_bytes(hello);
    fixture->request = (struct sl_admit_request){.dialled = dialled,
                                                 .dialled_host = dialled ? "127.0.0.1" : NULL,
                                                 .tls_chain = &fixture->tls,
                                                 .tls_count = 1,
                                                 .hello_flock = "demo",
                                                 .hello_node = node,
                                                 .boot = 0x0123456789abcdef};
    memset(fixture->request.exporter, 0x5a, SL_EXPORTER_SIZE);
    sl_identity_key_digest(alice, dialled ? SL_PURPOSE_CLIENT : SL_PURPOSE_SERVER, fixture->request.own_key);
    if (!dialled)
        return;
    const struct promise promise = {"demo", node, hello, hello, &process, (uint64_t)time(NULL) + SL_DELEGATION_LIFE};
    fixture->request.hello_chain = &fixture->hello;
    fixture->request.hello_count = 1;
    promise_to(fixture, &promise);
    prove(fixture, &process);
}

static void prepare_bob(struct fixture *fixture, bool dialled) {
    prepare(fixture, dialled, dialled ? &bob_server : &bob_client, &bob_client, "bob");
}

static struct promise promise_of_bob(void) {
    return (struct promise){"demo",      "bob",    &bob_client,
                            &bob_client, &process, (uint64_t)time(NULL) + SL_DELEGATION_LIFE};
}

/* Bob, whom we dialled, and who has this to show; all else is right. */
static void prepare_promised(struct fixture *fixture, const struct promise *promise) {
    prepare_bob(fixture, true);
    promise_to(fixture, promise);
    prove(fixture, promise->delegate);
}

static void expect_in(const struct fixture *fixture) {
    struct sl_credential *credential;
    struct sl_error error = {0};
    cr_assert_eq(sl_admit_decide(&credential, alice, &fixture->request, &error), SL_OK, "%s", error.text);
    cr_assert_str_eq(sl_credential_node(credential), "bob");
    /* The credential is the client one, with which bob signs. */
    static const uint8_t message[] = "what he says";
    uint8_t signature[SL_SIGNATURE_MAX];
    size_t length = sl_test_sign(signature, &bob_client, (struct sl_bytes){message, sizeof message});
    cr_assert_eq(sl_credential_verify(credential, (struct sl_bytes){message, sizeof message},
                                      (struct sl_bytes){signature, length}, &error),
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
    }
    prepare_bob(&fixture, true);
    fixture.request.hello_count = 0;
    expect_out(&fixture, SL_UNTRUSTED, "HELLO: no certificate");
}

Test(admit, wrong_purpose_on_either_side) {
    struct fixture fixture;
    prepare(&fixture, true, &bob_client, &bob_client, "bob");
    expect_out(&fixture, SL_UNTRUSTED, "TLS: certificate CN=bob");
    prepare(&fixture, false, &bob_server, NULL, "bob");
    expect_out(&fixture, SL_UNTRUSTED, "not for a client");
    prepare(&fixture, true, &bob_server, &bob_server, "bob");
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
    prepare(&fixture, false, &stranger, NULL, "bob");
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
    prepare(&fixture, false, &carol_client, NULL, "bob"); /* carol claims to be bob */
    expect_out(&fixture, SL_MISMATCH, "it claims to be bob, its certificate CN=carol");
    prepare(&fixture, true, &bob_server, &carol_client, "carol");
    expect_out(&fixture, SL_MISMATCH, "of carol");
}

Test(admit, a_renewed_client_certificate) {
    struct fixture fixture;
    struct sl_test_pair renewed;
    issue(&renewed, "demo", "bob", SL_PURPOSE_CLIENT);
    prepare(&fixture, true, &bob_server, &renewed, "bob");
    struct sl_credential *credential;
    struct sl_error error = {0};
    cr_assert_eq(sl_admit_decide(&credential, alice, &fixture.request, &error), SL_OK, "%s", error.text);
    sl_credential_unref(credential);
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
    prepare(&fixture, false, &client, NULL, "bob");
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
    prepare(&fixture, false, &client, NULL, "alice");
    expect_out(&fixture, SL_MISMATCH, "this node itself");
    sl_test_pair_finish(&client);
    sl_test_pair_finish(&server);
}

Test(admit, a_dialler_brings_neither_chain_nor_proof) {
    struct fixture fixture, accepter;
    static const char wanted[] = "a dialler's brings no chain and no proof";
    prepare_bob(&accepter, true);
    prepare_bob(&fixture, false);
    fixture.request.hello_chain = &fixture.tls;
    fixture.request.hello_count = 1;
    expect_out(&fixture, SL_MISMATCH, wanted);
    prepare_bob(&fixture, false);
    fixture.request.hello_proof = accepter.request.hello_proof;
    expect_out(&fixture, SL_MISMATCH, wanted);
    prepare_bob(&fixture, false);
    fixture.request.delegation.key = accepter.request.delegation.key;
    expect_out(&fixture, SL_MISMATCH, wanted);
    prepare_bob(&fixture, false);
    fixture.request.delegation.signature = accepter.request.delegation.signature;
    expect_out(&fixture, SL_MISMATCH, wanted);
    prepare_bob(&fixture, false);
    fixture.request.delegation.not_after = 1;
    expect_out(&fixture, SL_MISMATCH, wanted);
}

/* What a delegation says is signed: each thing of it that is another one makes it void. */
Test(admit, delegations) {
    struct fixture fixture;
    struct sl_test_pair renewed;
    const struct promise good = promise_of_bob();
    struct promise promise;
    issue(&renewed, "demo", "bob", SL_PURPOSE_CLIENT);

    prepare_bob(&fixture, true); /* none */
    fixture.request.delegation = (struct sl_delegation){.not_after = good.not_after};
    expect_out(&fixture, SL_UNTRUSTED, "HELLO's delegation: a key of 0 bytes");
    prepare_bob(&fixture, true);
    fixture.request.delegation.signature.length = 0;
    expect_out(&fixture, SL_UNTRUSTED, "HELLO's delegation");
    prepare_bob(&fixture, true); /* cut short */
    fixture.request.delegation.key.length--;
    expect_out(&fixture, SL_UNTRUSTED, "HELLO's delegation: a key of 31 bytes");
    prepare_bob(&fixture, true);
    fixture.request.delegation.signature.length--;
    expect_out(&fixture, SL_UNTRUSTED, "HELLO's delegation");

    const struct sl_test_pair *const others[] = {&carol_client, &bob_server, &renewed, &flock.authority};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) { /* by somebody else who merely sends bob's chain */
        promise = good;
        promise.signer = others[i];
        prepare_promised(&fixture, &promise);
        expect_out(&fixture, SL_UNTRUSTED, "HELLO's delegation: the signature is not by the key of CN=bob");
        promise = good; /* said of another certificate's key, although by this one */
        promise.certificate = others[i];
        prepare_promised(&fixture, &promise);
        expect_out(&fixture, SL_UNTRUSTED, "HELLO's delegation");
    }
    promise = good; /* for another node, whose certificate may well have the same key */
    promise.node = "carol";
    prepare_promised(&fixture, &promise);
    expect_out(&fixture, SL_UNTRUSTED, "HELLO's delegation");
    promise = good;
    promise.flock = "another";
    prepare_promised(&fixture, &promise);
    expect_out(&fixture, SL_UNTRUSTED, "HELLO's delegation");
    promise = good; /* to another process */
    promise.delegate = &other_process;
    prepare_promised(&fixture, &promise);
    fixture.request.delegation.key = (struct sl_bytes){process.half, sizeof process.half};
    expect_out(&fixture, SL_UNTRUSTED, "HELLO's delegation");
    prepare_bob(&fixture, true); /* made to last longer */
    fixture.request.delegation.not_after++;
    expect_out(&fixture, SL_UNTRUSTED, "HELLO's delegation");
    sl_test_pair_finish(&renewed);
}

Test(admit, the_life_of_a_delegation) {
    enum { MINUTE = 60, MOST = SL_DELEGATION_LIFE + SL_DELEGATION_SKEW };
    struct fixture fixture;
    struct promise promise = promise_of_bob();
    const uint64_t now = (uint64_t)time(NULL);
    const struct {
        uint64_t not_after;
        const char *reason; /* NULL: it is good */
    } lives[] = {
        {now + MINUTE, NULL},
        {now + MOST - MINUTE, NULL},
        {now - 1, "HELLO's delegation: it ended"},
        {0, "HELLO's delegation: it ended"},
        {now + MOST + MINUTE, "at most 691200 are allowed"},
        {INT64_MAX, "at most 691200 are allowed"},
        {UINT64_MAX, "at most 691200 are allowed"},
    };
    for (size_t i = 0; i < sizeof lives / sizeof *lives; i++) {
        promise.not_after = lives[i].not_after;
        for (int again = 0; again < 2; again++) { /* what was good is remembered, what was not is not */
            prepare_promised(&fixture, &promise);
            if (lives[i].reason == NULL)
                expect_in(&fixture);
            else
                expect_out(&fixture, SL_UNTRUSTED, lives[i].reason);
        }
    }
}

/* A delegation that was found good once: what is remembered is this one, not its key, its node or its certificate. */
Test(admit, what_is_remembered_of_a_delegation) {
    struct fixture fixture;
    struct promise promise = promise_of_bob();
    prepare_promised(&fixture, &promise);
    expect_in(&fixture);
    promise.signer = &carol_client;
    prepare_promised(&fixture, &promise);
    expect_out(&fixture, SL_UNTRUSTED, "HELLO's delegation");
    promise = promise_of_bob();
    promise.delegate = &other_process;
    prepare_promised(&fixture, &promise);
    fixture.request.delegation.signature = (struct sl_bytes){fixture.signature, 0};
    expect_out(&fixture, SL_UNTRUSTED, "HELLO's delegation");
    prepare_bob(&fixture, true);
    fixture.request.delegation.not_after--;
    expect_out(&fixture, SL_UNTRUSTED, "HELLO's delegation");
    struct fixture carols; /* bob's, sent by carol with a chain of hers */
    prepare_bob(&fixture, true);
    prepare(&carols, true, &carol_server, &carol_client, "carol");
    carols.request.delegation = fixture.request.delegation;
    expect_out(&carols, SL_UNTRUSTED, "HELLO's delegation: the signature is not by the key of CN=carol");
}

Test(admit, proofs) {
    struct fixture fixture;
    prepare_bob(&fixture, true); /* none */
    fixture.request.hello_proof = (struct sl_bytes){NULL, 0};
    expect_out(&fixture, SL_UNTRUSTED, "HELLO's proof: a signature of 0 bytes");

    prepare_bob(&fixture, true); /* by another process, of whom the delegation says nothing */
    prove(&fixture, &other_process);
    expect_out(&fixture, SL_UNTRUSTED, "HELLO's proof: the signature is not by the delegated key");

    uint8_t message[SL_PROOF_MESSAGE_SIZE], signature[SL_SIGNATURE_MAX];
    prepare_bob(&fixture, true); /* by the client key itself */
    const struct sl_admit_binding binding = binding_of(&fixture);
    sl_admit_proof_message(message, &binding, fixture.request.boot);
    size_t length = sl_test_sign(signature, &bob_client, (struct sl_bytes){message, sizeof message});
    fixture.request.hello_proof = (struct sl_bytes){signature, length};
    expect_out(&fixture, SL_UNTRUSTED, "HELLO's proof");

    prepare_bob(&fixture, true); /* from another session */
    fixture.request.exporter[SL_EXPORTER_SIZE - 1] ^= 1;
    expect_out(&fixture, SL_UNTRUSTED, "HELLO's proof");

    prepare_bob(&fixture, true); /* between other certificates: ours */
    fixture.request.own_key[0] ^= 1;
    expect_out(&fixture, SL_UNTRUSTED, "HELLO's proof");

    struct sl_test_pair renewed;
    prepare_bob(&fixture, true); /* between other certificates: his */
    issue(&renewed, "demo", "bob", SL_PURPOSE_SERVER);
    fixture.tls = sl_test_pair_bytes(&renewed);
    prove(&fixture, &process);
    fixture.tls = sl_test_pair_bytes(&bob_server);
    expect_out(&fixture, SL_UNTRUSTED, "HELLO's proof");
    sl_test_pair_finish(&renewed);

    prepare_bob(&fixture, true); /* of an earlier process */
    fixture.request.boot++;
    expect_out(&fixture, SL_UNTRUSTED, "HELLO's proof");

    prepare_bob(&fixture, true); /* cut short, and too long */
    fixture.request.hello_proof.length--;
    expect_out(&fixture, SL_UNTRUSTED, "HELLO's proof: a signature of 63 bytes");
    fixture.request.hello_proof.length += 2;
    expect_out(&fixture, SL_UNTRUSTED, "HELLO's proof: a signature of 65 bytes");
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
    sl_admit_proof_message(message, &binding, 0x0102030405060708);
    cr_assert_eq(sizeof message, 121);
    cr_assert_arr_eq(message, "starling hello 3", 17);
    cr_assert_arr_eq(message + 17, binding.exporter, 32);
    cr_assert_arr_eq(message + 49, binding.accepter_key, 32);
    cr_assert_arr_eq(message + 81, binding.dialler_key, 32);
    cr_assert_arr_eq(message + 113, boot, sizeof boot);
}

Test(admit, what_a_delegation_signs) {
    static const uint8_t until[] = {0, 0, 0, 0, 0x6b, 0x01, 0x88, 0x70};
    uint8_t message[SL_DELEGATION_MESSAGE_MAX], key[SL_DELEGATE_KEY_SIZE], client_key[SL_KEY_DIGEST_SIZE];
    memset(key, 0x5e, sizeof key);
    memset(client_key, 0xc1, sizeof client_key);
    cr_assert_eq(sl_delegation_message(message, "demo", "alice", key, client_key, 0x6b018870), 105);
    cr_assert_arr_eq(message, "starling delegation 1\0demo\0alice", 33);
    cr_assert_arr_eq(message + 33, key, 32);
    cr_assert_arr_eq(message + 65, client_key, 32);
    cr_assert_arr_eq(message + 97, until, sizeof until);
    struct sl_digest digest;
    char text[SL_DIGEST_TEXT_SIZE];
    sl_digest_of(&digest, message, 105);
    sl_digest_text(text, &digest);
    cr_assert_str_eq(text, "94dccef51aab067661a61de9176708e8fe5e0af2f7728b004d0074af91569e9b"); /* docs/protocol.md */
}
