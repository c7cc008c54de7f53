/* Several authorities at once: a flock that moves from one root to the next, and what it leaves behind. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "support/certificates.h"
#include "verdict.h"

static struct sl_test_flock old, new;
static struct sl_settings settings;
static char uri[SL_TEST_URI_SIZE];

static void set_up(void) {
    sl_test_flock_init(&old, "demo");
    sl_test_flock_init(&new, "demo"); /* authorities of one name and two keys */
    sl_test_write_member(&old, "alice");
    sl_test_settings_init(&settings, &old, "alice");
}

static void tear_down(void) {
    sl_test_settings_finish(&settings);
    sl_test_flock_finish(&new);
    sl_test_flock_finish(&old);
}

TestSuite(bundle, .init = set_up, .fini = tear_down);

static void trust(const struct sl_test_pair *first, const struct sl_test_pair *second) {
    sl_test_write_certificates(settings.identity.ca, (const struct sl_test_pair *const[]){first, second},
                               second == NULL ? 1 : 2);
    sl_test_write_lists(settings.identity.crl_file,
                        (const struct sl_test_list_order[]){{.issuer = first}, {.issuer = second}},
                        second == NULL ? 1 : 2);
}

static void expect(const struct sl_test_pair *const *pairs, size_t count, const char *reason) {
    expect_chain(&settings, pairs, count, reason);
}

static void expect_node_of(const struct sl_test_pair *issuer, const char *reason) {
    struct sl_test_order order = sl_test_order_node(uri, issuer, "demo", "bob", SL_PURPOSE_CLIENT);
    struct sl_test_pair bob;
    sl_test_issue(&bob, &order);
    expect((const struct sl_test_pair *const[]){&bob}, 1, reason);
    sl_test_pair_finish(&bob);
}

Test(bundle, both_roots_while_a_flock_moves) {
    trust(&old.authority, NULL);
    expect_node_of(&new.authority, "not from our authority");
    trust(&old.authority, &new.authority);
    expect_node_of(&old.authority, NULL);
    expect_node_of(&new.authority, NULL);
    trust(&new.authority, &old.authority);
    expect_node_of(&old.authority, NULL);
    expect_node_of(&new.authority, NULL);
    struct sl_test_flock third;
    sl_test_flock_init(&third, "demo");
    expect_node_of(&third.authority, "not from our authority");
    sl_test_flock_finish(&third);
}

Test(bundle, own_chain_to_one_and_the_peers_to_the_other) {
    char *path = sl_test_path(new.folder, "ca.pem");
    sl_test_write_member(&new, "alice");
    free(settings.identity.client_certificate);
    free(settings.identity.client_key);
    settings.identity.client_certificate = sl_test_path(new.folder, "alice-client.pem");
    settings.identity.client_key = sl_test_path(new.folder, "alice-client.key");
    trust(&old.authority, &new.authority); /* the server certificate is of the old one */
    expect_node_of(&old.authority, NULL);
    expect_node_of(&new.authority, NULL);
    free(path);
}

Test(bundle, each_root_has_its_own_list) {
    trust(&old.authority, &new.authority);
    sl_test_write_lists(settings.identity.crl_file, &(struct sl_test_list_order){.issuer = &old.authority}, 1);
    expect_node_of(&old.authority, NULL);
    expect_node_of(&new.authority, "no revocation list of its issuer");
    struct sl_identity *identity;
    cr_assert_eq(sl_identity_load(&identity, &settings, NULL, NULL), SL_OK);
    cr_assert_not_null(strstr(sl_identity_warning(identity), "whom it certified is refused"));
    sl_identity_unref(identity);
    struct sl_test_order order = sl_test_order_node(uri, &new.authority, "demo", "bob", SL_PURPOSE_CLIENT);
    struct sl_test_pair bob;
    sl_test_issue(&bob, &order);
    sl_test_write_lists(
        settings.identity.crl_file,
        (const struct sl_test_list_order[]){{.issuer = &old.authority}, {.issuer = &new.authority, .revoked = {&bob}}},
        2);
    expect((const struct sl_test_pair *const[]){&bob}, 1, "it is revoked");
    sl_test_pair_finish(&bob);
}

Test(bundle, lists_of_a_root_that_is_given_up_go_with_it) {
    trust(&old.authority, &new.authority);
    struct sl_identity *identity, *next;
    struct sl_bytes lists[4];
    struct sl_error error = {0};
    cr_assert_eq(sl_identity_load(&identity, &settings, NULL, &error), SL_OK, "%s", error.text);
    cr_assert_eq(sl_identity_crls(identity, lists, 4), 2);
    trust(&old.authority, NULL);
    cr_assert_eq(sl_identity_reload(&next, identity, &settings, NULL, &error), SL_OK, "%s", error.text);
    cr_assert_eq(sl_identity_crls(next, lists, 4), 1);
    sl_identity_unref(next);
    sl_identity_unref(identity);
}

static void make_authority(struct sl_test_pair *out, int from_day, int until_day) {
    sl_test_issue(
        out, &(struct sl_test_order){
                 .common_name = "test authority", .authority = true, .from_day = from_day, .until_day = until_day});
}

Test(bundle, one_that_expired_does_not_disturb_the_others) {
    struct sl_test_pair expired;
    make_authority(&expired, -20, -10);
    trust(&expired, &old.authority);
    expect_node_of(&old.authority, NULL);
    expect_node_of(&expired, "its issuer CN=test authority");
    expect_node_of(&expired, "expired on ");
    trust(&old.authority, &expired);
    expect_node_of(&old.authority, NULL);
    sl_test_pair_finish(&expired);
}

/* The same name and key once more, with later dates. */
Test(bundle, a_root_that_was_renewed_with_its_key) {
    struct sl_test_pair renewed, expired = {0};
    make_authority(&renewed, -1, 30);
    gnutls_x509_crt_t certificate;
    gnutls_privkey_t key;
    cr_assert_eq(gnutls_x509_crt_init(&certificate), 0);
    cr_assert_eq(gnutls_x509_crt_import(certificate, &renewed.der, GNUTLS_X509_FMT_DER), 0);
    cr_assert_eq(gnutls_x509_crt_set_expiration_time(certificate, 1600000000), 0);
    cr_assert_eq(gnutls_x509_crt_set_activation_time(certificate, 1500000000), 0);
    cr_assert_eq(gnutls_privkey_init(&key), 0);
    cr_assert_eq(gnutls_privkey_import_x509(key, renewed.key, 0), 0);
    cr_assert_eq(gnutls_x509_crt_privkey_sign(certificate, certificate, key, GNUTLS_DIG_SHA256, 0), 0);
    cr_assert_eq(gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_DER, &expired.der), 0);
    gnutls_privkey_deinit(key);
    gnutls_x509_crt_deinit(certificate);
    const struct sl_test_pair *const orders[][3] = {{&expired, &renewed, &old.authority},
                                                    {&renewed, &expired, &old.authority}};
    sl_test_write_lists(settings.identity.crl_file,
                        (const struct sl_test_list_order[]){{.issuer = &old.authority}, {.issuer = &renewed}}, 2);
    for (size_t i = 0; i < 2; i++) {
        sl_test_write_certificates(settings.identity.ca, orders[i], 3);
        expect_node_of(&renewed, NULL);
    }
    gnutls_free(expired.der.data);
    sl_test_pair_finish(&renewed);
}

/* Who trusts the old root alone reaches the new one by a certificate of its key that the old one signed; who trusts the
 * new one needs no further. (GnuTLS takes one whose issuer and subject are alike for self-signed: the names differ.) */
Test(bundle, cross_certificate) {
    struct sl_test_pair cross = {0};
    sl_test_pair_finish(&new.authority);
    sl_test_issue(&new.authority, &(struct sl_test_order){.common_name = "next authority", .authority = true});
    gnutls_x509_crt_t certificate, issuer;
    gnutls_privkey_t key;
    cr_assert_eq(gnutls_x509_crt_init(&issuer), 0);
    cr_assert_eq(gnutls_x509_crt_import(issuer, &old.authority.der, GNUTLS_X509_FMT_DER), 0);
    cr_assert_eq(gnutls_x509_crt_init(&certificate), 0);
    cr_assert_eq(gnutls_x509_crt_import(certificate, &new.authority.der, GNUTLS_X509_FMT_DER), 0);
    cr_assert_eq(gnutls_privkey_init(&key), 0);
    cr_assert_eq(gnutls_privkey_import_x509(key, old.authority.key, 0), 0);
    cr_assert_eq(gnutls_x509_crt_set_serial(certificate, "\x51", 1), 0);
    cr_assert_eq(gnutls_x509_crt_privkey_sign(certificate, issuer, key, GNUTLS_DIG_SHA256, 0), 0);
    cr_assert_eq(gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_DER, &cross.der), 0);
    gnutls_privkey_deinit(key);
    gnutls_x509_crt_deinit(certificate);
    gnutls_x509_crt_deinit(issuer);

    struct sl_test_order order = sl_test_order_node(uri, &new.authority, "demo", "bob", SL_PURPOSE_CLIENT);
    struct sl_test_pair bob;
    sl_test_issue(&bob, &order);
    const struct sl_test_pair *const chain[] = {&bob, &cross};
    trust(&old.authority, NULL);
    expect(chain, 1, "not from our authority");
    expect(chain, 2, "no revocation list of its issuer CN=next authority");
    sl_test_write_lists(settings.identity.crl_file,
                        (const struct sl_test_list_order[]){{.issuer = &old.authority}, {.issuer = &new.authority}},
                        2); /* the list of the new one speaks for its key, however that was reached */
    expect(chain, 2, NULL);
    trust(&old.authority, &new.authority);
    expect(chain, 2, NULL);
    expect(chain, 1, NULL);
    sl_test_pair_finish(&bob);
    gnutls_free(cross.der.data);
}

static void digest_text(char out[65], const uint8_t digest[SL_KEY_DIGEST_SIZE]) {
    for (size_t i = 0; i < SL_KEY_DIGEST_SIZE; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

/* As openssl has it. */
static void key_digest_by_openssl(char out[65], const char *certificate) {
    char command[1024];
    snprintf(command, sizeof command,
             "openssl x509 -in %s -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum", certificate);
    FILE *pipe = popen(command, "r");
    cr_assert_not_null(pipe);
    cr_assert_eq(fread(out, 1, 64, pipe), 64);
    out[64] = '\0';
    cr_assert_eq(pclose(pipe), 0);
}

Test(bundle, key_digests) {
    trust(&old.authority, NULL);
    struct sl_identity *identity;
    struct sl_credential *credential;
    struct sl_bytes chain[SL_CHAIN_MAX], kept[SL_CHAIN_MAX];
    struct sl_error error = {0};
    uint8_t own[SL_KEY_DIGEST_SIZE], found[SL_KEY_DIGEST_SIZE];
    char text[65], wanted[65];
    cr_assert_eq(sl_identity_load(&identity, &settings, NULL, &error), SL_OK, "%s", error.text);
    const char *files[] = {settings.identity.server_certificate, settings.identity.client_certificate};
    for (int purpose = SL_PURPOSE_SERVER; purpose <= SL_PURPOSE_CLIENT; purpose++) {
        size_t count = sl_identity_chain(identity, (enum sl_purpose)purpose, chain);
        sl_identity_key_digest(identity, (enum sl_purpose)purpose, own);
        cr_assert_eq(sl_identity_check_chain(identity, &credential, (enum sl_purpose)purpose, chain, count, &error),
                     SL_OK);
        sl_credential_key_digest(credential, found);
        cr_assert_arr_eq(own, found, sizeof own);
        digest_text(text, found);
        key_digest_by_openssl(wanted, files[purpose]);
        cr_assert_str_eq(text, wanted);
        cr_assert_eq(sl_credential_chain(credential, kept), count);
        cr_assert_eq(kept[0].length, chain[0].length);
        cr_assert_arr_eq(kept[0].data, chain[0].data, kept[0].length);
        sl_credential_unref(credential);
    }
    sl_identity_unref(identity);
}
