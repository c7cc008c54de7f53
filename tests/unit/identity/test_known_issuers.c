/* Below authorities that were shown before, a new certificate costs one signature, and nothing else is let through. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "identity/generation.h"
#include "identity/trust_internal.h"
#include "support/certificates.h"

static struct sl_test_flock flock;
static struct sl_identity *alice;
static struct sl_test_pair root;
static char uri[SL_TEST_URI_SIZE];

/* Alice trusts the flock's authority, and one of her own choice beside it; lists of revoked certificates are not the
 * matter here. */
static void trust_root(const struct sl_test_order *order) {
    struct sl_settings settings;
    struct sl_error error = {0};
    sl_test_issue(&root, order);
    sl_test_settings_init(&settings, &flock, "alice");
    settings.identity.crl = SL_IF_PRESENT;
    sl_test_write_certificates(settings.identity.ca, (const struct sl_test_pair *[]){&flock.authority, &root}, 2);
    cr_assert_eq(sl_identity_load(&alice, &settings, NULL, &error), SL_OK, "%s", error.text);
    sl_test_settings_finish(&settings);
}

static const struct sl_test_order plain_root = {.common_name = "root", .authority = true};

static void set_up(void) {
    sl_test_flock_init(&flock, "demo");
    sl_test_write_member(&flock, "alice");
}

static void tear_down(void) {
    sl_identity_unref(alice);
    sl_test_pair_finish(&root);
    sl_test_flock_finish(&flock);
}

TestSuite(known_issuers, .init = set_up, .fini = tear_down);

static enum sl_status judge(const struct sl_test_pair *leaf, const struct sl_test_pair *issuer, enum sl_purpose purpose,
                            struct sl_error *error) {
    const struct sl_bytes chain[] = {sl_test_pair_bytes(leaf), sl_test_pair_bytes(issuer)};
    struct sl_credential *credential;
    enum sl_status status = sl_identity_check_chain(alice, &credential, purpose, chain, 2, error);
    sl_credential_unref(credential);
    return status;
}

static struct sl_test_order node_below(const struct sl_test_pair *issuer, enum sl_purpose purpose) {
    return sl_test_order_node(uri, issuer, "demo", "bob", purpose);
}

static void expect_good(const struct sl_test_pair *issuer, enum sl_purpose purpose) {
    struct sl_test_pair leaf;
    struct sl_error error = {0};
    const struct sl_test_order order = node_below(issuer, purpose);
    sl_test_issue(&leaf, &order);
    cr_assert_eq(judge(&leaf, issuer, purpose, &error), SL_OK, "%s", error.text);
    sl_test_pair_finish(&leaf);
}

/* Below `shown`, whoever signed it. */
static void expect_refusal(const struct sl_test_order *order, const struct sl_test_pair *shown, const char *reason) {
    struct sl_test_pair leaf;
    struct sl_error error = {0};
    sl_test_issue(&leaf, order);
    cr_assert_eq(judge(&leaf, shown, SL_PURPOSE_CLIENT, &error), SL_UNTRUSTED, "let in: %s", reason);
    cr_assert_not_null(strstr(error.text, reason), "\"%s\" is not in \"%s\"", reason, error.text);
    sl_test_pair_finish(&leaf);
}

static size_t learnt(void) {
    return alice->trust->intermediates.rest_count;
}

/* From now on no signature leads to the root any more, so that only what is known is let in. */
static void forget_root(void) {
    struct sl_trust *trust = alice->trust;
    gnutls_x509_trust_list_deinit(trust->lists[1], 0);
    cr_assert_eq(gnutls_x509_trust_list_init(&trust->lists[1], 1), 0);
}

static void issue_below_root(struct sl_test_pair *out, struct sl_test_order order) {
    order.issuer = &root;
    order.authority = true;
    order.common_name = "intermediate";
    sl_test_issue(out, &order);
}

Test(known_issuers, are_verified_once) {
    struct sl_test_pair intermediate, other;
    struct sl_error error = {0};
    trust_root(&plain_root);
    issue_below_root(&intermediate, (struct sl_test_order){0});
    issue_below_root(&other, (struct sl_test_order){0});
    cr_assert_eq(learnt(), 0, "what is right below an authority is not one of them");
    expect_good(&intermediate, SL_PURPOSE_CLIENT);
    cr_assert_eq(learnt(), 1);
    forget_root();
    expect_good(&intermediate, SL_PURPOSE_CLIENT);
    expect_good(&intermediate, SL_PURPOSE_CLIENT);
    cr_assert_eq(learnt(), 1);

    struct sl_test_pair leaf; /* of the same name and another key: nobody has seen it */
    const struct sl_test_order order = node_below(&other, SL_PURPOSE_CLIENT);
    sl_test_issue(&leaf, &order);
    cr_assert_eq(judge(&leaf, &other, SL_PURPOSE_CLIENT, &error), SL_UNTRUSTED);
    sl_test_pair_finish(&leaf);
    const struct sl_test_order server = node_below(&intermediate, SL_PURPOSE_SERVER);
    sl_test_issue(&leaf, &server); /* nor was it asked for this purpose */
    cr_assert_eq(judge(&leaf, &intermediate, SL_PURPOSE_SERVER, &error), SL_UNTRUSTED);
    sl_test_pair_finish(&leaf);
    sl_test_pair_finish(&other);
    sl_test_pair_finish(&intermediate);
}

Test(known_issuers, let_through_nothing_else) {
    struct sl_test_pair intermediate, impostor;
    trust_root(&plain_root);
    issue_below_root(&intermediate, (struct sl_test_order){0});
    issue_below_root(&impostor, (struct sl_test_order){0});
    expect_good(&intermediate, SL_PURPOSE_CLIENT);
    cr_assert_eq(learnt(), 1);

    struct sl_test_order order = node_below(&impostor, SL_PURPOSE_CLIENT);
    expect_refusal(&order, &intermediate, "false");
    order = node_below(&intermediate, SL_PURPOSE_CLIENT);
    order.from_day = -3;
    order.until_day = -1;
    expect_refusal(&order, &intermediate, "it expired on");
    order = node_below(&intermediate, SL_PURPOSE_CLIENT);
    order.purposes[0] = GNUTLS_KP_TLS_WWW_SERVER;
    expect_refusal(&order, &intermediate, "it is not for a client");
    order = node_below(&intermediate, SL_PURPOSE_CLIENT);
    order.digest = GNUTLS_DIG_SHA1;
    expect_refusal(&order, &intermediate, "its signature is too weak");
    order = node_below(&intermediate, SL_PURPOSE_CLIENT);
    order.authority = true;
    expect_refusal(&order, &intermediate, "authority's, not a node's");
    sl_test_pair_finish(&impostor);
    sl_test_pair_finish(&intermediate);
}

/* The names of a node's certificate are "localhost" and addresses. */
Test(known_issuers, own_constraints_hold) {
    struct sl_test_pair intermediate;
    trust_root(&plain_root);
    issue_below_root(&intermediate, (struct sl_test_order){.permitted_dns = "localhost"});
    expect_good(&intermediate, SL_PURPOSE_CLIENT);
    cr_assert_eq(learnt(), 1);
    struct sl_test_order order = node_below(&intermediate, SL_PURPOSE_CLIENT);
    order.names[1] = (struct sl_test_name){.type = GNUTLS_SAN_DNSNAME, .data = "elsewhere.example"};
    expect_refusal(&order, &intermediate, "name constraints");
    sl_test_pair_finish(&intermediate);
}

Test(known_issuers, constraints_from_above_are_looked_at_each_time) {
    struct sl_test_pair intermediate;
    struct sl_test_order constrained = plain_root;
    constrained.permitted_dns = "localhost";
    trust_root(&constrained);
    issue_below_root(&intermediate, (struct sl_test_order){0});
    expect_good(&intermediate, SL_PURPOSE_CLIENT);
    cr_assert_eq(learnt(), 0);
    struct sl_test_order order = node_below(&intermediate, SL_PURPOSE_CLIENT);
    order.names[1] = (struct sl_test_name){.type = GNUTLS_SAN_DNSNAME, .data = "elsewhere.example"};
    expect_refusal(&order, &intermediate, "name constraints");
    sl_test_pair_finish(&intermediate);
}

Test(known_issuers, until_the_first_of_them_ends) {
    struct sl_test_pair intermediate;
    trust_root(&plain_root);
    issue_below_root(&intermediate, (struct sl_test_order){.from_day = -1, .until_day = 2});
    const int64_t now = time(NULL), day = 86400;
    expect_good(&intermediate, SL_PURPOSE_CLIENT);
    struct sl_issuers *issuers = &alice->trust->intermediates;
    const struct sl_digest known = issuers->rests[0].digest;
    cr_assert(sl_issuers_know_rest(issuers, &known, now));
    cr_assert(sl_issuers_know_rest(issuers, &known, now + 2 * day - 60));
    cr_assert_not(sl_issuers_know_rest(issuers, &known, now + 2 * day + 60));
    cr_assert_not(sl_issuers_know_rest(issuers, &known, now - 60)); /* the clock went back */
    struct sl_digest other = known;
    other.bytes[31] ^= 1;
    cr_assert_not(sl_issuers_know_rest(issuers, &other, now));
    for (uint8_t i = 0; i < SL_ISSUERS_MAX - 1; i++) {
        other.bytes[0] = i;
        sl_issuers_learn_rest(issuers, &other, now, now);
    }
    cr_assert(sl_issuers_know_rest(issuers, &known, now));
    other.bytes[0] = SL_ISSUERS_MAX;
    sl_issuers_learn_rest(issuers, &other, now, now); /* bounded: the first gives way */
    cr_assert_not(sl_issuers_know_rest(issuers, &known, now));
    cr_assert(sl_issuers_know_rest(issuers, &other, now));
    sl_test_pair_finish(&intermediate);
}
