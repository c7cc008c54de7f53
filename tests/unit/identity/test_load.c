/* Loading this node's own files: each fault is one line that names the file. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
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
    cr_assert_eq(sl_identity_load(&identity, &settings, NULL, &error), SL_OK, "%s", error.text);
    cr_assert_str_eq(sl_identity_node(identity), settings.node.name);
    cr_assert_str_eq(sl_identity_flock(identity), settings.flock.name);
    cr_assert_not_null(sl_identity_credentials(identity, SL_PURPOSE_SERVER));
    cr_assert_neq(sl_identity_credentials(identity, SL_PURPOSE_SERVER),
                  sl_identity_credentials(identity, SL_PURPOSE_CLIENT));
    sl_identity_unref(identity);
}

static void expect_failure(enum sl_status status, const char *file, const char *fault) {
    struct sl_identity *identity = (struct sl_identity *)&flock; /* must be overwritten */
    struct sl_error error = {0};
    cr_assert_eq(sl_identity_load(&identity, &settings, NULL, &error), status, "%d: %s", (int)error.status, error.text);
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
    sl_identity_unref(NULL);
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
    sl_test_write_lists(settings.identity.crl_file,
                        (const struct sl_test_list_order[]){{.issuer = &flock.authority}, {.issuer = &intermediate}},
                        2);
    struct sl_identity *identity;
    struct sl_error error = {0};
    struct sl_bytes chain[SL_CHAIN_MAX];
    cr_assert_eq(sl_identity_load(&identity, &settings, NULL, &error), SL_OK, "%s", error.text);
    cr_assert_eq(sl_identity_chain(identity, SL_PURPOSE_CLIENT, chain), 2);
    cr_assert_eq(chain[0].length, leaf.der.size);
    cr_assert_arr_eq(chain[0].data, leaf.der.data, leaf.der.size);
    cr_assert_arr_eq(chain[1].data, intermediate.der.data, intermediate.der.size);
    sl_identity_unref(identity);

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

Test(load, keys_that_others_read_are_refused) {
    char command[1024];
    chmod(settings.identity.client_key, 0640);
    snprintf(command, sizeof command, "chmod 600 %s", settings.identity.client_key);
    expect_failure(SL_PERMISSION, settings.identity.client_key, command);
    chmod(settings.identity.client_key, 0600);
    static const mode_t bad[] = {0604, 0602, 0601, 0620, 0610, 0644};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        chmod(settings.identity.server_key, bad[i]);
        expect_failure(SL_PERMISSION, settings.identity.server_key, "chmod 600 ");
    }
    static const mode_t good[] = {0600, 0400, 0700};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        chmod(settings.identity.server_key, good[i]);
        expect_loaded();
    }
}

Test(load, allowed_nodes) {
    struct sl_identity *identity;
    struct sl_error error = {0};
    cr_assert_eq(sl_identity_load(&identity, &settings, NULL, &error), SL_OK, "%s", error.text);
    cr_assert(sl_identity_allows(identity, "anybody"));
    sl_identity_unref(identity);
    settings.identity.allow = (struct sl_string_list){(char *[]){"bob", "carol"}, 2};
    cr_assert_eq(sl_identity_load(&identity, &settings, NULL, &error), SL_OK, "%s", error.text);
    settings.identity.allow = (struct sl_string_list){NULL, 0};
    cr_assert(sl_identity_allows(identity, "bob"));
    cr_assert(sl_identity_allows(identity, "carol"));
    cr_assert_not(sl_identity_allows(identity, "anybody"));
    cr_assert_not(sl_identity_allows(identity, "bo"));
    sl_identity_unref(identity);
}

static void find_expiry(const struct sl_expiry *all, size_t count, const char *what, int days) {
    for (size_t i = 0; i < count; i++)
        if (strstr(all[i].what, what) != NULL) {
            cr_assert_leq(llabs(all[i].at - (time(NULL) + (int64_t)days * 86400)), 60, "%s", what);
            return;
        }
    cr_assert_fail("no expiry of %s", what);
}

Test(load, expiries_soonest_first) {
    struct sl_test_order order = alice(SL_PURPOSE_CLIENT);
    order.from_day = -1;
    order.until_day = 5;
    replace_pair(&order, SL_PURPOSE_CLIENT);
    sl_test_write_lists(settings.identity.crl_file,
                        &(struct sl_test_list_order){.issuer = &flock.authority, .from_day = -1, .until_day = 3}, 1);
    struct sl_identity *identity;
    struct sl_expiry all[8];
    struct sl_error error = {0};
    cr_assert_eq(sl_identity_load(&identity, &settings, NULL, &error), SL_OK, "%s", error.text);
    cr_assert_eq(sl_identity_expiries(identity, all, 8), 4); /* the authority of both counts once */
    find_expiry(all, 1, "revocation list of CN=test authority", 3);
    find_expiry(all + 1, 1, "client certificate CN=alice (serial 55", 5);
    find_expiry(all + 2, 2, "server certificate CN=alice", 30);
    find_expiry(all + 2, 2, "authority's certificate CN=test authority", 30);
    cr_assert_eq(sl_identity_expiries(identity, all, 1), 1);
    find_expiry(all, 1, "revocation list", 3);
    sl_identity_unref(identity);
}
