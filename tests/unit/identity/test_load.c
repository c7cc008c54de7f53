/* Loading this node's own files: each fault is one line that names the file. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/certificates.h"

static struct sl_test_flock flock;
static struct sl_settings settings;
static char uri[SL_TEST_URI_SIZE];

static void set_up(void) {
    sl_test_flock_init(&flock, "demo");
    sl_test_write_member(&flock, "alice");
    sl_test_settings_init(&settings, &flock, "alice");
}

static void tear_down(void) {
    sl_test_settings_finish(&settings);
    sl_test_flock_finish(&flock);
}

TestSuite(load, .init = set_up, .fini = tear_down);

static void expect_loaded(void) {
    struct sl_identity *identity = NULL;
    struct sl_error error = {0};
    cr_assert_eq(sl_identity_load(&identity, &settings, &error), SL_OK, "%s", error.text);
    cr_assert_str_eq(sl_identity_node(identity), settings.node.name);
    cr_assert_str_eq(sl_identity_flock(identity), settings.flock.name);
    cr_assert_not_null(sl_identity_credentials(identity, SL_PURPOSE_SERVER));
    cr_assert_neq(sl_identity_credentials(identity, SL_PURPOSE_SERVER),
                  sl_identity_credentials(identity, SL_PURPOSE_CLIENT));
    sl_identity_destroy(identity);
}

static void expect_failure(enum sl_status status, const char *file, const char *fault) {
    struct sl_identity *identity = (struct sl_identity *)&flock; /* must be overwritten */
    struct sl_error error = {0};
    cr_assert_eq(sl_identity_load(&identity, &settings, &error), status, "%d: %s", (int)error.status, error.text);
    cr_assert_null(identity);
    cr_assert_not_null(strstr(error.text, file), "\"%s\" does not name %s", error.text, file);
    cr_assert_not_null(strstr(error.text, fault), "\"%s\" does not say %s", error.text, fault);
    cr_assert_null(strchr(error.text, '\n'));
}

static void replace_pair(const struct sl_test_order *order, enum sl_purpose purpose) {
    bool server = purpose == SL_PURPOSE_SERVER;
    struct sl_test_pair pair;
    sl_test_issue(&pair, order);
    sl_test_write_certificates(server ? settings.identity.server_certificate : settings.identity.client_certificate,
                               (const struct sl_test_pair *const[]){&pair}, 1);
    sl_test_write_key(server ? settings.identity.server_key : settings.identity.client_key, &pair);
    sl_test_pair_finish(&pair);
}

static struct sl_test_order alice(enum sl_purpose purpose) {
    return sl_test_order_node(uri, &flock.authority, "demo", "alice", purpose);
}

Test(load, good) {
    expect_loaded();
    sl_identity_destroy(NULL);
}

Test(load, each_missing_file) {
    char *files[] = {settings.identity.ca, settings.identity.server_certificate, settings.identity.server_key,
                     settings.identity.client_certificate, settings.identity.client_key};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *away = sl_test_path(flock.folder, "away");
        cr_assert_eq(rename(files[i], away), 0);
        expect_failure(SL_NOT_FOUND, files[i], "");
        cr_assert_eq(rename(away, files[i]), 0);
        free(away);
    }
    expect_loaded();
}

Test(load, each_file_empty_or_rubbish) {
    char *files[] = {settings.identity.ca, settings.identity.server_certificate, settings.identity.server_key,
                     settings.identity.client_certificate, settings.identity.client_key};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *away = sl_test_path(flock.folder, "away");
        cr_assert_eq(rename(files[i], away), 0);
        sl_test_write(files[i], "", 0, 0600);
        expect_failure(SL_FORMAT, files[i], "");
        sl_test_write(files[i], "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", 57, 0600);
        expect_failure(SL_FORMAT, files[i], "");
        cr_assert_eq(rename(away, files[i]), 0);
        free(away);
    }
}

Test(load, key_of_another_certificate) {
    char *key = settings.identity.server_key;
    settings.identity.server_key = settings.identity.client_key;
    expect_failure(SL_MISMATCH, settings.identity.client_key, settings.identity.server_certificate);
    settings.identity.server_key = key;
}

Test(load, certificates_swapped) {
    char *certificate = settings.identity.server_certificate, *key = settings.identity.server_key;
    settings.identity.server_certificate = settings.identity.client_certificate;
    settings.identity.server_key = settings.identity.client_key;
    settings.identity.client_certificate = certificate;
    settings.identity.client_key = key;
    expect_failure(SL_UNTRUSTED, settings.identity.server_certificate, "not for a server");
}

Test(load, expired) {
    struct sl_test_order order = alice(SL_PURPOSE_CLIENT);
    order.from_day = -3;
    order.until_day = -1;
    replace_pair(&order, SL_PURPOSE_CLIENT);
    expect_failure(SL_UNTRUSTED, settings.identity.client_certificate, "expired");
}

Test(load, other_authority) {
    struct sl_test_flock other;
    sl_test_flock_init(&other, "demo");
    struct sl_test_order order = alice(SL_PURPOSE_CLIENT);
    order.issuer = &other.authority;
    replace_pair(&order, SL_PURPOSE_CLIENT);
    expect_failure(SL_UNTRUSTED, settings.identity.client_certificate, "");
    sl_test_flock_finish(&other);
}

Test(load, name_or_flock_of_another) {
    struct sl_test_order order = sl_test_order_node(uri, &flock.authority, "demo", "bob", SL_PURPOSE_SERVER);
    replace_pair(&order, SL_PURPOSE_SERVER);
    expect_failure(SL_MISMATCH, settings.identity.server_certificate, "of the node bob, but node.name is alice");
    order = sl_test_order_node(uri, &flock.authority, "other", "alice", SL_PURPOSE_SERVER);
    replace_pair(&order, SL_PURPOSE_SERVER);
    expect_failure(SL_UNTRUSTED, settings.identity.server_certificate, "of the flock other, not demo");
}

Test(load, names_that_are_none) {
    char *name = settings.node.name;
    settings.node.name = (char[]){"Alice"};
    expect_failure(SL_SETTINGS, "node.name", "");
    settings.node.name = name;
    name = settings.flock.name;
    settings.flock.name = (char[]){""};
    expect_failure(SL_SETTINGS, "flock.name", "");
    settings.flock.name = name;
}

Test(load, authority_file_with_a_node_in_it) {
    char *ca = settings.identity.ca;
    settings.identity.ca = settings.identity.client_certificate;
    expect_failure(SL_UNTRUSTED, settings.identity.client_certificate, "not an authority");
    settings.identity.ca = ca;
}

Test(load, several_authorities) {
    struct sl_test_flock other;
    sl_test_flock_init(&other, "demo");
    sl_test_write_certificates(
        settings.identity.ca,
        (const struct sl_test_pair *const[]){&other.authority, &flock.authority, &flock.authority}, 3);
    expect_loaded();
    sl_test_flock_finish(&other);
}

Test(load, chain_with_intermediate_goes_out_without_the_authority) {
    struct sl_test_pair intermediate, leaf;
    struct sl_test_order order = alice(SL_PURPOSE_CLIENT);
    sl_test_issue(&intermediate, &(struct sl_test_order){
                                     .issuer = &flock.authority, .common_name = "intermediate", .authority = true});
    order.issuer = &intermediate;
    sl_test_issue(&leaf, &order);
    sl_test_write_key(settings.identity.client_key, &leaf);
    sl_test_write_certificates(settings.identity.client_certificate,
                               (const struct sl_test_pair *const[]){&leaf, &intermediate, &flock.authority}, 3);
    struct sl_identity *identity;
    struct sl_error error = {0};
    struct sl_bytes chain[SL_CHAIN_MAX];
    cr_assert_eq(sl_identity_load(&identity, &settings, &error), SL_OK, "%s", error.text);
    cr_assert_eq(sl_identity_chain(identity, SL_PURPOSE_CLIENT, chain), 2);
    cr_assert_eq(chain[0].length, leaf.der.size);
    cr_assert_arr_eq(chain[0].data, leaf.der.data, leaf.der.size);
    cr_assert_arr_eq(chain[1].data, intermediate.der.data, intermediate.der.size);
    sl_identity_destroy(identity);

    sl_test_write_certificates(settings.identity.client_certificate,
                               (const struct sl_test_pair *const[]){&leaf, &flock.authority, &intermediate}, 3);
    expect_failure(SL_FORMAT, settings.identity.client_certificate, "not in order");
    sl_test_pair_finish(&leaf);
    sl_test_pair_finish(&intermediate);
}

Test(load, common_name_and_dns_name_stand_in_only_when_asked) {
    struct sl_test_order order = alice(SL_PURPOSE_SERVER);
    memset(order.names, 0, sizeof order.names);
    order.names[0] = (struct sl_test_name){GNUTLS_SAN_DNSNAME, "alice", 0};
    order.names[1] = (struct sl_test_name){GNUTLS_SAN_DNSNAME, "bob", 0};
    replace_pair(&order, SL_PURPOSE_SERVER);
    expect_failure(SL_UNTRUSTED, settings.identity.server_certificate, "no URI");
    settings.identity.name_from = SL_NAME_FROM_CN;
    expect_loaded();
    settings.identity.name_from = SL_NAME_FROM_DNS;
    expect_loaded();
    order.second_common_name = "bob";
    replace_pair(&order, SL_PURPOSE_SERVER);
    settings.identity.name_from = SL_NAME_FROM_CN;
    expect_failure(SL_UNTRUSTED, settings.identity.server_certificate, "several common names");
    order.second_common_name = NULL;
    order.common_name = "Alice A.";
    replace_pair(&order, SL_PURPOSE_SERVER);
    expect_failure(SL_UNTRUSTED, settings.identity.server_certificate, "common name is no node's name");
    order.common_name = NULL;
    replace_pair(&order, SL_PURPOSE_SERVER);
    expect_failure(SL_UNTRUSTED, settings.identity.server_certificate, "no common name");
}

Test(load, a_uri_is_never_overruled) {
    struct sl_test_order order = alice(SL_PURPOSE_SERVER);
    order.names[0].data = "starling://other/alice";
    replace_pair(&order, SL_PURPOSE_SERVER);
    settings.identity.name_from = SL_NAME_FROM_CN;
    expect_failure(SL_UNTRUSTED, settings.identity.server_certificate, "of the flock other");
}

static const char *load_warning(char out[1024]) {
    struct sl_identity *identity;
    struct sl_error error;
    cr_assert_eq(sl_identity_load(&identity, &settings, &error), SL_OK);
    const char *warning = sl_identity_warning(identity);
    snprintf(out, 1024, "%s", warning != NULL ? warning : "");
    sl_identity_destroy(identity);
    return out;
}

Test(load, keys_that_others_read_are_warned_of) {
    char text[1024];
    cr_assert_str_empty(load_warning(text));
    chmod(settings.identity.client_key, 0640);
    cr_assert_not_null(strstr(load_warning(text), settings.identity.client_key));
    chmod(settings.identity.client_key, 0600);
    chmod(settings.identity.server_key, 0604);
    cr_assert_not_null(strstr(load_warning(text), settings.identity.server_key));
}
