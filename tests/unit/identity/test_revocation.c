/* Revocation lists: each certificate of a chain is looked up at its issuer, in a list that is that issuer's, whole,
 * true and not stale; and a newer one makes a new generation. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "support/certificates.h"

static struct sl_test_flock flock;
static struct sl_settings settings;
static struct sl_test_pair bob;
static char uri[SL_TEST_URI_SIZE];

static void issue_bob(struct sl_test_pair *out, const struct sl_test_pair *issuer) {
    struct sl_test_order order = sl_test_order_node(uri, issuer, "demo", "bob", SL_PURPOSE_CLIENT);
    sl_test_issue(out, &order);
}

static void set_up(void) {
    sl_test_flock_init(&flock, "demo");
    sl_test_write_member(&flock, "alice");
    sl_test_settings_init(&settings, &flock, "alice");
    issue_bob(&bob, &flock.authority);
}

static void tear_down(void) {
    sl_test_pair_finish(&bob);
    sl_test_settings_finish(&settings);
    sl_test_flock_finish(&flock);
}

TestSuite(revocation, .init = set_up, .fini = tear_down);

static void write_list(struct sl_test_list_order order) {
    if (order.issuer == NULL)
        order.issuer = &flock.authority;
    sl_test_write_lists(settings.identity.crl_file, &order, 1);
}

static struct sl_identity *load(void) {
    struct sl_identity *identity;
    struct sl_error error = {0};
    cr_assert_eq(sl_identity_load(&identity, &settings, NULL, &error), SL_OK, "%s", error.text);
    return identity;
}

static void expect_no_start(enum sl_status status, const char *reason) {
    struct sl_identity *identity;
    struct sl_error error = {0};
    cr_assert_eq(sl_identity_load(&identity, &settings, NULL, &error), status, "%s", error.text);
    cr_assert_null(identity);
    cr_assert_not_null(strstr(error.text, reason), "\"%s\" is not in \"%s\"", reason, error.text);
    cr_assert_null(strchr(error.text, '\n'));
}

/* NULL: let in. */
static void expect(const struct sl_identity *identity, const struct sl_test_pair *const *pairs, size_t count,
                   const char *reason) {
    struct sl_bytes chain[SL_CHAIN_MAX];
    struct sl_credential *credential;
    struct sl_error error = {0};
    for (size_t i = 0; i < count; i++)
        chain[i] = sl_test_pair_bytes(pairs[i]);
    enum sl_status status = sl_identity_check_chain(identity, &credential, SL_PURPOSE_CLIENT, chain, count, &error);
    cr_assert_eq(status, reason == NULL ? SL_OK : SL_UNTRUSTED, "%s", error.text);
    cr_assert(reason == NULL || strstr(error.text, reason) != NULL, "\"%s\" is not in \"%s\"", reason, error.text);
    sl_credential_unref(credential);
}

static void expect_bob(const struct sl_identity *identity, const char *reason) {
    expect(identity, (const struct sl_test_pair *const[]){&bob}, 1, reason);
}

Test(revocation, revoked) {
    struct sl_test_pair other;
    issue_bob(&other, &flock.authority);
    write_list((struct sl_test_list_order){.revoked = {&other, &bob}});
    struct sl_identity *identity = load();
    expect_bob(identity, "certificate CN=bob (serial 55");
    expect_bob(identity, "): it is revoked");
    expect(identity, (const struct sl_test_pair *const[]){&other}, 1, "it is revoked");
    sl_identity_unref(identity);
    write_list((struct sl_test_list_order){.revoked = {&other}});
    identity = load();
    expect_bob(identity, NULL);
    sl_identity_unref(identity);
    sl_test_pair_finish(&other);
}

Test(revocation, stale_is_a_refusal_of_its_own) {
    write_list((struct sl_test_list_order){.from_day = -3, .until_day = -1});
    expect_no_start(SL_UNTRUSTED, "the revocation list of CN=test authority is stale: the next one was due on ");
    expect_no_start(SL_UNTRUSTED, "starling ca crl");
    settings.identity.crl = SL_IF_PRESENT;
    expect_no_start(SL_UNTRUSTED, "is stale");
}

Test(revocation, no_list) {
    struct sl_test_flock other;
    sl_test_flock_init(&other, "demo");
    cr_assert_eq(unlink(settings.identity.crl_file), 0);
    expect_no_start(SL_NOT_FOUND, settings.identity.crl_file);
    expect_no_start(SL_NOT_FOUND, "starling ca crl");
    write_list((struct sl_test_list_order){.issuer = &other.authority}); /* of the same name, by another key */
    expect_no_start(SL_UNTRUSTED, "not signed by that authority");
    struct sl_test_pair stranger;
    sl_test_issue(&stranger, &(struct sl_test_order){.common_name = "stranger", .authority = true});
    write_list((struct sl_test_list_order){.issuer = &stranger});
    expect_no_start(SL_UNTRUSTED, "no revocation list of its issuer CN=test authority");
    expect_no_start(SL_UNTRUSTED, "set identity.crl to if-present");
    settings.identity.crl = SL_IF_PRESENT;
    struct sl_identity *identity = load();
    expect_bob(identity, NULL);
    sl_identity_unref(identity);
    sl_test_pair_finish(&stranger);
    sl_test_flock_finish(&other);
}

Test(revocation, if_present_goes_without_and_says_so) {
    settings.identity.crl = SL_IF_PRESENT;
    struct sl_identity *identity = load();
    cr_assert_null(sl_identity_warning(identity));
    sl_identity_unref(identity);
    cr_assert_eq(unlink(settings.identity.crl_file), 0);
    identity = load();
    expect_bob(identity, NULL);
    cr_assert_not_null(strstr(sl_identity_warning(identity), "no revocation list of the authority CN=test authority"));
    cr_assert_not_null(strstr(sl_identity_warning(identity), "whom it revoked is let in"));
    sl_identity_unref(identity);
    char *file = settings.identity.crl_file;
    settings.identity.crl_file = NULL;
    sl_identity_unref(load());
    settings.identity.crl_file = (char[]){""};
    sl_identity_unref(load());
    settings.identity.crl = SL_REQUIRED;
    expect_no_start(SL_SETTINGS, "identity.crl_file");
    settings.identity.crl_file = file;
}

Test(revocation, a_file_that_is_no_list) {
    const char *file = settings.identity.crl_file;
    settings.identity.crl = SL_IF_PRESENT; /* which does not mean: if it can be read */
    sl_test_write(file, "", 0, 0644);
    expect_no_start(SL_FORMAT, file);
    sl_test_write(file, "0", 1, 0644);
    expect_no_start(SL_UNTRUSTED, file);
    static const char broken[] = "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n";
    sl_test_write(file, broken, sizeof broken - 1, 0644);
    expect_no_start(SL_UNTRUSTED, file);
    static const char open[] = "-----BEGIN X509 CRL-----\nAAAA";
    sl_test_write(file, open, sizeof open - 1, 0644);
    expect_no_start(SL_FORMAT, file);
}

Test(revocation, one_in_der_loads_as_well) {
    gnutls_datum_t der = sl_test_list(&(struct sl_test_list_order){.issuer = &flock.authority, .revoked = {&bob}});
    sl_test_write(settings.identity.crl_file, der.data, der.size, 0644);
    struct sl_identity *identity = load();
    expect_bob(identity, "it is revoked");
    sl_identity_unref(identity);
    gnutls_free(der.data);
}

Test(revocation, lists_that_say_too_little) {
    write_list((struct sl_test_list_order){.no_next_update = true});
    expect_no_start(SL_UNTRUSTED, "when the next one comes");
    write_list((struct sl_test_list_order){.from_day = 2, .until_day = 4});
    expect_no_start(SL_UNTRUSTED, "from the future");
    write_list((struct sl_test_list_order){.digest = GNUTLS_DIG_SHA1});
    expect_no_start(SL_UNTRUSTED, "its signature (ECDSA-SHA1) is too weak");
}

Test(revocation, altered_signature) {
    gnutls_datum_t der = sl_test_list(&(struct sl_test_list_order){.issuer = &flock.authority});
    der.data[der.size - 1] ^= 1;
    sl_test_write(settings.identity.crl_file, der.data, der.size, 0644);
    expect_no_start(SL_UNTRUSTED, "not signed by that authority");
    gnutls_free(der.data);
}

Test(revocation, an_authority_that_may_not_sign_lists) {
    sl_test_pair_finish(&flock.authority);
    sl_test_issue(&flock.authority, &(struct sl_test_order){.common_name = "test authority",
                                                            .authority = true,
                                                            .key_usage = GNUTLS_KEY_KEY_CERT_SIGN});
    sl_test_write_certificates(settings.identity.ca, (const struct sl_test_pair *const[]){&flock.authority}, 1);
    sl_test_write_member(&flock, "alice");
    write_list((struct sl_test_list_order){0});
    expect_no_start(SL_UNTRUSTED, "not signed by that authority");
}

Test(revocation, of_two_of_one_issuer_the_newer_counts) {
    struct sl_test_list_order old = {.issuer = &flock.authority, .number = 0x1ff, .revoked = {&bob}},
                              new = {.issuer = &flock.authority, .number = 0x200};
    const struct sl_test_list_order orders[2][2] = {{old, new}, {new, old}};
    for (size_t i = 0; i < 2; i++) {
        sl_test_write_lists(settings.identity.crl_file, orders[i], 2);
        struct sl_identity *identity = load();
        struct sl_bytes lists[4];
        expect_bob(identity, NULL);
        cr_assert_eq(sl_identity_crls(identity, lists, 4), 1);
        sl_identity_unref(identity);
    }
}

/* ---- intermediates ---- */

struct below {
    struct sl_test_pair intermediate, bob;
};

static void make_below(struct below *below) {
    sl_test_issue(&below->intermediate,
                  &(struct sl_test_order){.issuer = &flock.authority, .common_name = "between", .authority = true});
    issue_bob(&below->bob, &below->intermediate);
}

static void finish_below(struct below *below) {
    sl_test_pair_finish(&below->bob);
    sl_test_pair_finish(&below->intermediate);
}

static void expect_below(const struct sl_identity *identity, const struct below *below, const char *reason) {
    expect(identity, (const struct sl_test_pair *const[]){&below->bob, &below->intermediate}, 2, reason);
}

static void write_two(struct sl_test_list_order first, struct sl_test_list_order second) {
    first.issuer = &flock.authority;
    sl_test_write_lists(settings.identity.crl_file, (const struct sl_test_list_order[]){first, second}, 2);
}

Test(revocation, each_issuer_has_its_own_list) {
    struct below below;
    make_below(&below);
    struct sl_identity *identity = load();
    expect_below(identity, &below, "no revocation list of its issuer CN=between");
    sl_identity_unref(identity);

    write_two((struct sl_test_list_order){0}, (struct sl_test_list_order){.issuer = &below.intermediate});
    identity = load();
    expect_below(identity, &below, NULL);
    sl_identity_unref(identity);

    write_two((struct sl_test_list_order){0},
              (struct sl_test_list_order){.issuer = &below.intermediate, .revoked = {&below.bob}});
    identity = load();
    expect_below(identity, &below, "it is revoked");
    sl_identity_unref(identity);

    write_two((struct sl_test_list_order){.revoked = {&below.intermediate}},
              (struct sl_test_list_order){.issuer = &below.intermediate});
    identity = load();
    expect_below(identity, &below, "its issuer CN=between");
    expect_below(identity, &below, ") is revoked");
    sl_identity_unref(identity);

    /* a serial number counts for its own issuer alone */
    write_two((struct sl_test_list_order){.revoked = {&below.bob}},
              (struct sl_test_list_order){.issuer = &below.intermediate, .revoked = {&bob}});
    identity = load();
    expect_below(identity, &below, NULL);
    expect_bob(identity, NULL);
    sl_identity_unref(identity);

    write_two((struct sl_test_list_order){0},
              (struct sl_test_list_order){.issuer = &below.intermediate, .from_day = -3, .until_day = -1});
    identity = load();
    expect_bob(identity, NULL);
    expect_below(identity, &below, "the revocation list of CN=between is stale");
    sl_identity_unref(identity);
    finish_below(&below);
}

Test(revocation, a_forged_list_of_an_intermediate_is_none) {
    struct below below, forger;
    make_below(&below);
    make_below(&forger); /* of the same name */
    write_two((struct sl_test_list_order){0}, (struct sl_test_list_order){.issuer = &forger.intermediate});
    struct sl_identity *identity = load();
    expect_below(identity, &below, "no revocation list of its issuer CN=between");
    expect_below(identity, &forger, NULL);
    expect_below(identity, &below, "no revocation list of its issuer CN=between");
    sl_identity_unref(identity);
    finish_below(&forger);
    finish_below(&below);
}

/* ---- newer ones from elsewhere ---- */

static enum sl_status offer(const struct sl_identity *identity, struct sl_identity **out,
                            struct sl_test_list_order order, struct sl_error *error) {
    if (order.issuer == NULL)
        order.issuer = &flock.authority;
    gnutls_datum_t der = sl_test_list(&order);
    enum sl_status status = sl_identity_with_crl(identity, out, (struct sl_bytes){der.data, der.size}, error);
    cr_assert_eq(status == SL_OK, *out != NULL);
    gnutls_free(der.data);
    return status;
}

static void expect_offer(const struct sl_identity *identity, struct sl_test_list_order order, enum sl_status wanted,
                         const char *reason) {
    struct sl_identity *next;
    struct sl_error error = {0};
    cr_assert_eq(offer(identity, &next, order, &error), wanted, "%s", error.text);
    cr_assert_not_null(strstr(error.text, reason), "%s", error.text);
    sl_identity_unref(next);
}

Test(revocation, a_newer_list_makes_a_new_generation) {
    write_list((struct sl_test_list_order){.number = 7});
    struct sl_identity *identity = load(), *next;
    struct sl_error error = {0};
    struct sl_bytes chain = sl_test_pair_bytes(&bob), lists[2];
    struct sl_credential *credential;
    cr_assert_eq(sl_identity_check_chain(identity, &credential, SL_PURPOSE_CLIENT, &chain, 1, &error), SL_OK);
    cr_assert_eq(offer(identity, &next, (struct sl_test_list_order){.number = 8, .revoked = {&bob}}, &error), SL_OK,
                 "%s", error.text);
    cr_assert_neq(identity, next);
    cr_assert_eq(sl_identity_crls(next, lists, 2), 1);
    expect_bob(identity, NULL); /* the old one is as it was */
    expect_bob(next, "it is revoked");
    cr_assert_eq(sl_identity_recheck(identity, credential, SL_PURPOSE_CLIENT, &error), SL_OK);
    cr_assert_eq(sl_identity_recheck(next, credential, SL_PURPOSE_CLIENT, &error), SL_UNTRUSTED);
    cr_assert_not_null(strstr(error.text, "it is revoked"), "%s", error.text);
    cr_assert_eq(sl_identity_recheck(identity, credential, SL_PURPOSE_SERVER, &error), SL_UNTRUSTED);
    sl_credential_unref(credential);
    sl_identity_unref(identity); /* what they share stays */
    uint8_t signature[SL_SIGNATURE_MAX];
    size_t length;
    cr_assert_eq(sl_identity_sign(next, signature, &length, chain, &error), SL_OK);
    cr_assert_str_eq(sl_identity_node(next), "alice");
    cr_assert_null(sl_identity_warning(next));
    sl_identity_unref(next);
}

Test(revocation, what_is_not_newer) {
    write_list((struct sl_test_list_order){.number = 7, .from_day = -2, .until_day = 20});
    struct sl_identity *identity = load();
    expect_offer(identity, (struct sl_test_list_order){.number = 7, .from_day = -2, .until_day = 20}, SL_EXISTS, "");
    expect_offer(identity, (struct sl_test_list_order){.number = 6}, SL_EXISTS, "not newer");
    expect_offer(identity, (struct sl_test_list_order){.number = 7, .from_day = -3, .until_day = 20}, SL_EXISTS, "");
    expect_offer(identity, (struct sl_test_list_order){.from_day = -3, .until_day = 20}, SL_EXISTS, "");
    expect_offer(identity, (struct sl_test_list_order){.number = 7, .from_day = -1, .until_day = 20}, SL_OK, "");
    expect_offer(identity, (struct sl_test_list_order){.from_day = -1, .until_day = 20}, SL_OK, "");
    expect_offer(identity, (struct sl_test_list_order){.number = 256, .from_day = -5, .until_day = 20}, SL_OK, "");
    sl_identity_unref(identity);
}

Test(revocation, what_is_not_believed) {
    struct sl_test_flock other;
    sl_test_flock_init(&other, "demo");
    struct sl_identity *identity = load(), *next;
    struct sl_error error = {0};
    expect_offer(identity, (struct sl_test_list_order){.issuer = &other.authority, .number = 9}, SL_UNTRUSTED,
                 "not by an authority of ours");
    expect_offer(identity, (struct sl_test_list_order){.number = 9, .from_day = -3, .until_day = -1}, SL_UNTRUSTED,
                 "stale");
    expect_offer(identity, (struct sl_test_list_order){.number = 9, .issuer = &bob}, SL_UNTRUSTED, "");
    gnutls_datum_t der = sl_test_list(&(struct sl_test_list_order){.issuer = &flock.authority, .number = 9});
    for (size_t length = 0; length < der.size; length++)
        cr_assert_eq(sl_identity_with_crl(identity, &next, (struct sl_bytes){der.data, length}, &error), SL_UNTRUSTED,
                     "%zu", length);
    for (size_t i = 0; i < der.size; i++) {
        der.data[i] ^= 0x04;
        cr_assert_neq(sl_identity_with_crl(identity, &next, (struct sl_bytes){der.data, der.size}, &error), SL_OK,
                      "byte %zu", i);
        cr_assert_null(next);
        der.data[i] ^= 0x04;
    }
    uint8_t *large = calloc(1, SL_CRL_SIZE_MAX + 1);
    cr_assert_eq(sl_identity_with_crl(identity, &next, (struct sl_bytes){large, SL_CRL_SIZE_MAX + 1}, &error),
                 SL_UNTRUSTED);
    free(large);
    gnutls_free(der.data);
    sl_identity_unref(identity);
    sl_test_flock_finish(&other);
}

Test(revocation, an_intermediate_is_known_once_it_was_seen) {
    struct below below;
    make_below(&below);
    struct sl_identity *identity = load(), *next;
    struct sl_error error = {0};
    struct sl_test_list_order order = {.issuer = &below.intermediate, .number = 1};
    cr_assert_eq(offer(identity, &next, order, &error), SL_UNTRUSTED);
    expect_below(identity, &below, "no revocation list of its issuer CN=between");
    cr_assert_eq(offer(identity, &next, order, &error), SL_OK, "%s", error.text);
    expect_below(next, &below, NULL);
    expect_bob(next, NULL);
    sl_identity_unref(identity);
    order.number = 2;
    order.revoked[0] = &below.bob;
    cr_assert_eq(offer(next, &identity, order, &error), SL_OK, "%s", error.text);
    expect_below(identity, &below, "it is revoked");

    /* and a load from the old file does not bring bob back */
    struct sl_identity *again;
    cr_assert_eq(sl_identity_reload(&again, identity, &settings, NULL, &error), SL_OK, "%s", error.text);
    expect_below(again, &below, "it is revoked");
    sl_identity_unref(again);
    sl_identity_unref(identity);
    sl_identity_unref(next);
    finish_below(&below);
}

Test(revocation, a_reload_keeps_what_is_newer_than_the_file) {
    struct sl_identity *identity = load(), *next, *again;
    struct sl_error error = {0};
    cr_assert_eq(offer(identity, &next, (struct sl_test_list_order){.number = 2, .revoked = {&bob}}, &error), SL_OK);
    cr_assert_eq(sl_identity_reload(&again, next, &settings, NULL, &error), SL_OK, "%s", error.text);
    expect_bob(again, "it is revoked");
    sl_identity_unref(again);
    write_list((struct sl_test_list_order){.number = 3}); /* the file is newer: bob is back */
    cr_assert_eq(sl_identity_reload(&again, next, &settings, NULL, &error), SL_OK, "%s", error.text);
    expect_bob(again, NULL);
    sl_identity_unref(again);
    sl_identity_unref(next);
    sl_identity_unref(identity);
}

/* It is trusted by itself, but its root is there, too. */
Test(revocation, an_intermediate_that_is_in_the_bundle) {
    struct below below;
    make_below(&below);
    sl_test_write_certificates(settings.identity.ca,
                               (const struct sl_test_pair *const[]){&below.intermediate, &flock.authority}, 2);
    for (int revoked = 0; revoked < 2; revoked++) {
        const char *reason = revoked == 0 ? NULL : ") is revoked";
        write_two((struct sl_test_list_order){.revoked = {revoked == 0 ? NULL : &below.intermediate}},
                  (struct sl_test_list_order){.issuer = &below.intermediate});
        struct sl_identity *identity = load();
        expect_below(identity, &below, reason);
        expect(identity, (const struct sl_test_pair *const[]){&below.bob}, 1, reason);
        expect_bob(identity, NULL);
        sl_identity_unref(identity);
    }
    finish_below(&below);
}

/* Its certificates may be gone from identity.ca before its list is from the file. */
Test(revocation, a_former_authority_of_the_same_name) {
    struct sl_test_pair former;
    const struct sl_test_order order = {.common_name = "test authority", .authority = true, .tells_key = true};
    sl_test_issue(&former, &order);
    const struct sl_test_list_order lists[] = {
        {.issuer = &former, .number = 99, .tells_key = true},
        {.issuer = &flock.authority, .number = 1, .tells_key = true, .revoked = {&bob}}};
    sl_test_write_lists(settings.identity.crl_file, lists, 2);
    struct sl_identity *identity = load();
    expect_bob(identity, "it is revoked");
    sl_identity_unref(identity);
    sl_test_write_lists(settings.identity.crl_file, lists, 1);
    expect_no_start(SL_UNTRUSTED, "no revocation list of its issuer CN=test authority");
    sl_test_pair_finish(&former);
}

Test(revocation, lists_of_a_file_alone) {
    struct sl_identity *identity = load(), *next;
    struct sl_error error = {0};
    const char *file = settings.identity.crl_file;
    cr_assert_eq(sl_identity_with_crl_file(identity, &next, file, &error), SL_EXISTS);
    cr_assert_null(next);
    write_list((struct sl_test_list_order){.number = 9, .revoked = {&bob}});
    cr_assert_eq(sl_identity_with_crl_file(identity, &next, file, &error), SL_OK, "%s", error.text);
    expect_bob(next, "it is revoked");
    expect_bob(identity, NULL);
    sl_identity_unref(next);
    sl_test_write(file, "", 0, 0600);
    cr_assert_eq(sl_identity_with_crl_file(identity, &next, file, &error), SL_FORMAT);
    cr_assert_not_null(strstr(error.text, file));
    cr_assert_null(next);
    sl_identity_unref(identity);
}

Test(revocation, saved_lists_load_again) {
    struct below below;
    make_below(&below);
    write_two((struct sl_test_list_order){.number = 1},
              (struct sl_test_list_order){.issuer = &below.intermediate, .revoked = {&below.bob}});
    struct sl_identity *identity = load(), *next;
    struct sl_bytes lists[4];
    struct sl_error error = {0};
    cr_assert_eq(sl_identity_crls(identity, lists, 4), 1); /* whose the other is, is not known yet */
    cr_assert_eq(offer(identity, &next, (struct sl_test_list_order){.number = 2, .revoked = {&bob}}, &error), SL_OK);
    cr_assert_eq(sl_identity_save_crls(next, settings.identity.crl_file, &error), SL_OK, "%s", error.text);
    sl_identity_unref(next);
    sl_identity_unref(identity);
    identity = load();
    expect_bob(identity, "it is revoked");
    expect_below(identity, &below, "it is revoked");
    cr_assert_eq(sl_identity_crls(identity, lists, 4), 2);
    cr_assert_eq(sl_identity_crls(identity, lists, 1), 1);
    cr_assert_eq(sl_identity_save_crls(identity, "/no/such/folder/crl.pem", &error), SL_NOT_FOUND);
    sl_identity_unref(identity);
    finish_below(&below);
}

Test(revocation, own_revocation_is_told_and_no_reason_to_ignore_the_list) {
    struct sl_identity *identity = load(), *next;
    struct sl_error error = {0};
    struct sl_bytes own[SL_CHAIN_MAX];
    sl_identity_chain(identity, SL_PURPOSE_CLIENT, own);
    struct sl_test_pair self = {.der = {(unsigned char *)(uintptr_t)own[0].data, (unsigned)own[0].length}};
    cr_assert_eq(offer(identity, &next, (struct sl_test_list_order){.number = 5, .revoked = {&self, &bob}}, &error),
                 SL_OK, "%s", error.text);
    cr_assert_not_null(strstr(sl_identity_warning(next), "own client certificate"), "%s", sl_identity_warning(next));
    cr_assert_not_null(strstr(sl_identity_warning(next), "it is revoked"));
    expect_bob(next, "it is revoked");
    cr_assert_eq(sl_identity_save_crls(next, settings.identity.crl_file, &error), SL_OK);
    expect_no_start(SL_UNTRUSTED, "it is revoked"); /* from the start it is refused */
    sl_identity_unref(next);
    sl_identity_unref(identity);
}

/* ---- lists that openssl makes ---- */

static const char ca_recipe[] = "set -e; umask 077; cd \"$DIR\"\n"
                                "openssl req -x509 -newkey rsa:2048 -nodes -keyout root.key -out root.pem -days 9 "
                                "-subj '/CN=Root' 2>/dev/null\n"
                                "touch index; echo 0100 > number\n"
                                "printf '[ca]\\ndefault_ca=d\\n[d]\\ndatabase=index\\ncrlnumber=number\\n"
                                "default_md=sha256\\n[x]\\n%b\\n' \"$EXTENSION\" > ca.cnf\n"
                                "openssl ca -config ca.cnf -gencrl -keyfile root.key -cert root.pem -crldays 5 "
                                "-crlexts x -out root.crl 2>/dev/null\n"
                                "cat root.pem >> ca.pem; cat root.crl >> crl.pem\n";

static void openssl_list(const char *extension) {
    setenv("DIR", flock.folder, 1);
    setenv("EXTENSION", extension, 1);
    cr_assert_eq(system(ca_recipe), 0);
}

Test(revocation, a_list_by_openssl) {
    openssl_list("authorityKeyIdentifier=keyid");
    struct sl_bytes lists[4];
    struct sl_identity *identity = load();
    cr_assert_eq(sl_identity_crls(identity, lists, 4), 2);
    sl_identity_unref(identity);
}

Test(revocation, lists_of_a_part_are_not_understood) {
    openssl_list("issuingDistributionPoint=critical,@idp\\n[idp]\\nonlyuser=TRUE");
    expect_no_start(SL_UNTRUSTED, "a critical extension 2.5.29.28");
}

Test(revocation, delta_lists_are_not_understood) {
    openssl_list("2.5.29.27=critical,ASN1:INTEGER:1");
    expect_no_start(SL_UNTRUSTED, "a critical extension 2.5.29.27");
}
