/* Chains of what was signed and kept: as strict as at the time, but for time itself. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "identity/offline.h"
#include "support/certificates.h"

static struct sl_test_flock flock;
static char *authorities;
static struct sl_test_pair intermediate;

static void set_up(void) {
    sl_test_flock_init(&flock, "demo");
    authorities = sl_test_path(flock.folder, "ca.pem");
    const struct sl_test_order order = {.issuer = &flock.authority, .common_name = "ward 3", .authority = true};
    sl_test_issue(&intermediate, &order);
}

static void tear_down(void) {
    sl_test_pair_finish(&intermediate);
    free(authorities);
    sl_test_flock_finish(&flock);
}

TestSuite(identity_offline, .init = set_up, .fini = tear_down);

static enum sl_status check(const char *name, const struct sl_bytes *chain, size_t count) {
    struct sl_credential *credential = NULL;
    struct sl_error error = {.status = SL_OK, .text = ""};
    enum sl_status status = sl_offline_check(&credential, authorities, name, SL_NAME_FROM_URI, chain, count, &error);
    cr_assert_eq(status == SL_OK, credential != NULL);
    if (status == SL_OK)
        cr_assert_str_eq(sl_credential_node(credential), "alice");
    sl_credential_unref(credential);
    return status;
}

static struct sl_test_pair issue(const struct sl_test_pair *issuer, enum sl_purpose purpose, int from, int until) {
    char uri[SL_TEST_URI_SIZE];
    struct sl_test_order order = sl_test_order_node(uri, issuer, "demo", "alice", purpose);
    struct sl_test_pair pair;
    order.from_day = from;
    order.until_day = until;
    sl_test_issue(&pair, &order);
    return pair;
}

static enum sl_status check_one(struct sl_test_pair pair, const char *name) {
    const struct sl_bytes chain = sl_test_pair_bytes(&pair);
    enum sl_status status = check(name, &chain, 1);
    sl_test_pair_finish(&pair);
    return status;
}

Test(identity_offline, dates_do_not_matter_all_else_does) {
    struct sl_test_flock stranger;
    cr_assert_eq(check_one(issue(&flock.authority, SL_PURPOSE_CLIENT, 0, 0), "demo"), SL_OK);
    cr_assert_eq(check_one(issue(&flock.authority, SL_PURPOSE_CLIENT, -40, -10), "demo"), SL_OK, "expired");
    cr_assert_eq(check_one(issue(&flock.authority, SL_PURPOSE_CLIENT, 0, 0), "other"), SL_UNTRUSTED);
    cr_assert_eq(check_one(issue(&flock.authority, SL_PURPOSE_SERVER, 0, 0), "demo"), SL_UNTRUSTED);
    sl_test_flock_init(&stranger, "demo");
    cr_assert_eq(check_one(issue(&stranger.authority, SL_PURPOSE_CLIENT, 0, 0), "demo"), SL_UNTRUSTED);
    sl_test_flock_finish(&stranger);
}

Test(identity_offline, no_certificate_is_there_for_nothing) {
    struct sl_test_pair direct = issue(&flock.authority, SL_PURPOSE_CLIENT, 0, 0),
                        below = issue(&intermediate, SL_PURPOSE_CLIENT, 0, 0);
    struct sl_bytes chain[] = {sl_test_pair_bytes(&below), sl_test_pair_bytes(&intermediate),
                               sl_test_pair_bytes(&flock.authority)};
    cr_assert_eq(check("demo", chain, 1), SL_UNTRUSTED);
    cr_assert_eq(check("demo", chain, 2), SL_OK);
    cr_assert_eq(check("demo", chain, 3), SL_OK, "the authority itself, byte for byte");
    chain[2] = sl_test_pair_bytes(&direct);
    cr_assert_eq(check("demo", chain, 3), SL_UNTRUSTED);
    chain[0] = sl_test_pair_bytes(&direct);
    cr_assert_eq(check("demo", chain, 2), SL_UNTRUSTED, "it needs no intermediate");
    cr_assert_eq(check("demo", chain, 0), SL_UNTRUSTED);
    sl_test_pair_finish(&direct);
    sl_test_pair_finish(&below);
}
