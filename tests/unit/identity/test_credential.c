/* What a validated certificate is good for: hosts, signatures, and being shared. */
#include <criterion/criterion.h>
#include <string.h>

#include "support/certificates.h"

static struct sl_test_flock flock;
static struct sl_identity *alice;
static char uri[SL_TEST_URI_SIZE];

static void set_up(void) {
    sl_test_flock_init(&flock, "demo");
    alice = sl_test_member(&flock, "alice");
}

static void tear_down(void) {
    sl_identity_unref(alice);
    sl_test_flock_finish(&flock);
}

TestSuite(credential, .init = set_up, .fini = tear_down);

static struct sl_credential *accept(const struct sl_test_order *order, struct sl_test_pair *pair) {
    struct sl_credential *credential;
    struct sl_error error = {0};
    sl_test_issue(pair, order);
    struct sl_bytes chain = sl_test_pair_bytes(pair);
    cr_assert_eq(sl_identity_check_chain(alice, &credential, SL_PURPOSE_CLIENT, &chain, 1, &error), SL_OK, "%s",
                 error.text);
    return credential;
}

static void expect_hosts(const struct sl_test_order *order, const char *const *served, const char *const *refused) {
    struct sl_test_pair pair;
    struct sl_credential *credential = accept(order, &pair);
    for (; *served != NULL; served++)
        cr_assert(sl_credential_serves_host(credential, *served), "%s", *served);
    for (; *refused != NULL; refused++)
        cr_assert_not(sl_credential_serves_host(credential, *refused), "%s", *refused);
    sl_credential_unref(credential);
    sl_test_pair_finish(&pair);
}

Test(credential, hosts) {
    struct sl_test_order order = sl_test_order_node(uri, &flock.authority, "demo", "bob", SL_PURPOSE_CLIENT);
    order.names[4] = (struct sl_test_name){GNUTLS_SAN_DNSNAME, "node.example.org", 0};
    expect_hosts(&order,
                 (const char *[]){"localhost", "LOCALHOST", "127.0.0.1", "::1", "0:0:0:0:0:0:0:1", "::1%lo",
                                  "node.example.org", "Node.Example.org", "node.example.org.", NULL},
                 (const char *[]){"bob", "127.0.0.2", "::2", "", "%", ".", "example.org", "x.node.example.org",
                                  "node.example.org..", "localhost%lo", "demo", "127.0.0.1.", "127.1", NULL});
}

Test(credential, common_name_is_no_host) {
    struct sl_test_order order = sl_test_order_node(uri, &flock.authority, "demo", "bob", SL_PURPOSE_CLIENT);
    order.purposes[1] = GNUTLS_KP_TLS_WWW_SERVER; /* with which GnuTLS would take the common name */
    memset(order.names + 1, 0, sizeof order.names - sizeof *order.names);
    expect_hosts(&order, (const char *[]){NULL}, (const char *[]){"bob", "localhost", "127.0.0.1", NULL});
}

Test(credential, common_name_is_no_host_where_it_is_the_node) {
    struct sl_test_order order = sl_test_order_node(uri, &flock.authority, "demo", "bob", SL_PURPOSE_CLIENT);
    struct sl_settings settings;
    struct sl_error error = {0};
    order.purposes[1] = GNUTLS_KP_TLS_WWW_SERVER;
    memset(order.names, 0, sizeof order.names); /* without any name GnuTLS does take the common name */
    sl_identity_unref(alice);
    sl_test_settings_init(&settings, &flock, "alice");
    settings.identity.name_from = SL_NAME_FROM_CN;
    cr_assert_eq(sl_identity_load(&alice, &settings, NULL, &error), SL_OK, "%s", error.text);
    sl_test_settings_finish(&settings);
    expect_hosts(&order, (const char *[]){NULL}, (const char *[]){"bob", NULL});
}

Test(credential, address_as_a_dns_name_is_no_address) {
    struct sl_test_order order = sl_test_order_node(uri, &flock.authority, "demo", "bob", SL_PURPOSE_CLIENT);
    memset(order.names + 1, 0, sizeof order.names - sizeof *order.names);
    order.names[1] = (struct sl_test_name){GNUTLS_SAN_DNSNAME, "127.0.0.1", 0};
    order.names[2] = (struct sl_test_name){GNUTLS_SAN_DNSNAME, "::1", 0};
    expect_hosts(&order, (const char *[]){NULL}, (const char *[]){"127.0.0.1", "::1", NULL});
}

static void check_signatures(const struct sl_test_order *order) {
    static const uint8_t text[] = "what bob says";
    struct sl_bytes message = {text, sizeof text};
    struct sl_test_pair pair;
    struct sl_credential *credential = accept(order, &pair);
    uint8_t signature[SL_SIGNATURE_MAX + 1] = {0};
    struct sl_error error;
    size_t length = sl_test_sign(signature, &pair, message);
    cr_assert_eq(sl_credential_verify(credential, message, (struct sl_bytes){signature, length}, &error), SL_OK, "%s",
                 error.text);

    struct sl_bytes shorter = {text, sizeof text - 1};
    cr_assert_eq(sl_credential_verify(credential, shorter, (struct sl_bytes){signature, length}, &error), SL_UNTRUSTED);
    size_t odd_lengths[] = {0, 1, length - 1, SL_SIGNATURE_MAX, SL_SIGNATURE_MAX + 1};
    for (size_t i = 0; i < sizeof odd_lengths / sizeof *odd_lengths; i++)
        cr_assert_eq(sl_credential_verify(credential, message, (struct sl_bytes){signature, odd_lengths[i]}, &error),
                     SL_UNTRUSTED, "%zu bytes", odd_lengths[i]);
    for (size_t i = 0; i < length; i += 5) {
        signature[i] ^= 0x10;
        cr_assert_eq(sl_credential_verify(credential, message, (struct sl_bytes){signature, length}, &error),
                     SL_UNTRUSTED, "byte %zu", i);
        signature[i] ^= 0x10;
    }
    sl_credential_unref(credential);
    sl_test_pair_finish(&pair);
}

Test(credential, signatures_of_each_kind_of_key) {
    struct sl_test_order order = sl_test_order_node(uri, &flock.authority, "demo", "bob", SL_PURPOSE_CLIENT);
    check_signatures(&order);
    order.key = GNUTLS_PK_EDDSA_ED25519;
    check_signatures(&order);
    order.key = GNUTLS_PK_RSA;
    check_signatures(&order);
}

Test(credential, own_signature_verifies_with_own_client_certificate_only) {
    static const uint8_t text[] = "alice was here";
    struct sl_bytes message = {text, sizeof text}, chain[SL_CHAIN_MAX];
    uint8_t signature[SL_SIGNATURE_MAX];
    size_t length = 0;
    struct sl_credential *client, *server;
    struct sl_error error;
    cr_assert_eq(sl_identity_sign(alice, signature, &length, message, &error), SL_OK);
    size_t count = sl_identity_chain(alice, SL_PURPOSE_CLIENT, chain);
    cr_assert_eq(count, 1);
    cr_assert_eq(sl_identity_check_chain(alice, &client, SL_PURPOSE_CLIENT, chain, count, &error), SL_OK);
    count = sl_identity_chain(alice, SL_PURPOSE_SERVER, chain);
    cr_assert_eq(sl_identity_check_chain(alice, &server, SL_PURPOSE_SERVER, chain, count, &error), SL_OK);
    cr_assert_eq(sl_credential_verify(client, message, (struct sl_bytes){signature, length}, &error), SL_OK);
    cr_assert_eq(sl_credential_verify(server, message, (struct sl_bytes){signature, length}, &error), SL_UNTRUSTED);
    sl_credential_unref(server);
    sl_credential_unref(client);
}

Test(credential, lives_until_the_last_reference_and_without_the_identity) {
    struct sl_test_order order = sl_test_order_node(uri, &flock.authority, "demo", "bob", SL_PURPOSE_CLIENT);
    struct sl_test_pair pair;
    struct sl_credential *first = accept(&order, &pair);
    struct sl_credential *second = sl_credential_ref(first);
    sl_identity_unref(alice);
    alice = NULL;
    sl_credential_unref(first);
    cr_assert_str_eq(sl_credential_node(second), "bob");
    cr_assert(sl_credential_serves_host(second, "localhost"));
    cr_assert_not_null(strstr(sl_credential_text(second), "CN=bob"));
    sl_credential_unref(second);
    sl_credential_unref(NULL);
    sl_test_pair_finish(&pair);
}
