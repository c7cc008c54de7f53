/* The chains that were found good: known by every byte and the purpose, as long as everything in them lasts. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "identity/chain_cache.h"
#include "identity/trust.h"
#include "support/certificates.h"

static struct sl_test_flock flock;
static struct sl_identity *alice;
static struct sl_test_pair bob;
static struct sl_credential *credential;
static struct sl_chain_cache *cache;
static char uri[SL_TEST_URI_SIZE];

static void set_up(void) {
    struct sl_error error = {0};
    sl_test_flock_init(&flock, "demo");
    alice = sl_test_member(&flock, "alice");
    struct sl_test_order order = sl_test_order_node(uri, &flock.authority, "demo", "bob", SL_PURPOSE_CLIENT);
    sl_test_issue(&bob, &order);
    struct sl_bytes chain = sl_test_pair_bytes(&bob);
    cr_assert_eq(sl_identity_check_chain(alice, &credential, SL_PURPOSE_CLIENT, &chain, 1, &error), SL_OK, "%s",
                 error.text);
    cache = sl_chain_cache_create();
}

static void tear_down(void) {
    sl_chain_cache_destroy(cache);
    sl_credential_unref(credential);
    sl_test_pair_finish(&bob);
    sl_identity_unref(alice);
    sl_test_flock_finish(&flock);
}

TestSuite(cache, .init = set_up, .fini = tear_down);

static bool knows(struct sl_digest key, int64_t now) {
    struct sl_credential *found = sl_chain_cache_find(cache, &key, now);
    cr_assert(found == NULL || found == credential);
    sl_credential_unref(found);
    return found != NULL;
}

Test(cache, from_the_check_until_the_first_end) {
    struct sl_digest key = {{1}}, other = {{1, [31] = 1}};
    cr_assert_not(knows(key, 100));
    sl_chain_cache_put(cache, &key, credential, 100, 200);
    cr_assert(knows(key, 100));
    cr_assert(knows(key, 200));
    cr_assert_not(knows(key, 201));
    cr_assert_not(knows(key, 99)); /* the clock went back: who knows what is valid then */
    cr_assert_not(knows(other, 100));
    sl_chain_cache_put(cache, &key, credential, 150, 300);
    cr_assert(knows(key, 300));
    cr_assert_not(knows(key, 149));
    sl_chain_cache_destroy(NULL);
}

Test(cache, is_bounded_and_the_longest_unused_goes) {
    struct sl_digest keys[6] = {{{0}}};
    for (uint8_t i = 0; i < 6; i++)
        keys[i].bytes[31] = i; /* all in one set of four */
    for (size_t i = 0; i < 4; i++)
        sl_chain_cache_put(cache, &keys[i], credential, 1, 9);
    cr_assert(knows(keys[0], 1));
    sl_chain_cache_put(cache, &keys[4], credential, 1, 9);
    cr_assert(knows(keys[0], 1));
    cr_assert_not(knows(keys[1], 1));
    for (uint32_t i = 0; i < 100000; i++) { /* freed again, or the leak check says so */
        struct sl_digest key = {{0}};
        sl_put_u32(key.bytes, i);
        sl_chain_cache_put(cache, &key, credential, 1, 9);
    }
}

static struct sl_digest key_of(enum sl_purpose purpose, const struct sl_bytes *chain, size_t count) {
    struct sl_digest key;
    sl_chain_cache_key(&key, purpose, chain, count);
    return key;
}

Test(cache, key_tells_purpose_and_boundaries) {
    static const uint8_t text[] = "abcdef";
    struct sl_bytes chains[][3] = {{{text, 6}}, {{text, 3}, {text + 3, 3}}, {{text, 2}, {text + 2, 4}}, {{text, 5}}};
    size_t counts[] = {1, 2, 2, 1};
    for (size_t i = 0; i < 4; i++) {
        struct sl_digest one = key_of(SL_PURPOSE_CLIENT, chains[i], counts[i]);
        struct sl_digest server = key_of(SL_PURPOSE_SERVER, chains[i], counts[i]);
        cr_assert_not(sl_digest_equal(&one, &server));
        for (size_t j = 0; j < 4; j++) {
            struct sl_digest two = key_of(SL_PURPOSE_CLIENT, chains[j], counts[j]);
            cr_assert_eq(sl_digest_equal(&one, &two), i == j, "%zu %zu", i, j);
        }
    }
}

Test(cache, a_generation_gives_the_same_credential_again) {
    struct sl_bytes chain[SL_CHAIN_MAX] = {sl_test_pair_bytes(&bob)};
    struct sl_credential *again, *longer;
    struct sl_error error = {0};
    cr_assert_eq(sl_identity_check_chain(alice, &again, SL_PURPOSE_CLIENT, chain, 1, &error), SL_OK);
    cr_assert_eq(again, credential);
    sl_credential_unref(again);
    cr_assert_eq(sl_identity_check_chain(alice, &again, SL_PURPOSE_SERVER, chain, 1, &error), SL_UNTRUSTED);
    cr_assert_null(again);
    chain[1] = sl_test_pair_bytes(&flock.authority);
    cr_assert_eq(sl_identity_check_chain(alice, &longer, SL_PURPOSE_CLIENT, chain, 2, &error), SL_OK, "%s", error.text);
    cr_assert_neq(longer, credential);
    cr_assert_str_eq(sl_credential_text(longer), sl_credential_text(credential));
    sl_credential_unref(longer);
}

static void expect_end(struct sl_settings *settings, int leaf_days, int list_days, int wanted) {
    struct sl_trust *trust;
    struct sl_revocations lists = {.count = 0};
    struct sl_trusted_chain trusted;
    struct sl_test_pair pair;
    struct sl_error error = {0};
    struct sl_test_order order = sl_test_order_node(uri, &flock.authority, "demo", "bob", SL_PURPOSE_CLIENT);
    order.from_day = -1;
    order.until_day = leaf_days;
    sl_test_issue(&pair, &order);
    sl_test_write_lists(
        settings->identity.crl_file,
        &(struct sl_test_list_order){.issuer = &flock.authority, .from_day = -1, .until_day = list_days}, 1);
    cr_assert_eq(sl_trust_create(&trust, settings, &error), SL_OK, "%s", error.text);
    cr_assert_eq(sl_revocations_read(&lists, settings->identity.crl_file, sl_trust_authorities(trust), &error), SL_OK);
    struct sl_bytes chain = sl_test_pair_bytes(&pair);
    cr_assert_eq(sl_trust_check(trust, &trusted, &lists, SL_PURPOSE_CLIENT, &chain, 1, time(NULL), &error), SL_OK, "%s",
                 error.text);
    cr_assert_leq(llabs(trusted.until - (time(NULL) + (int64_t)wanted * 86400)), 60);
    sl_credential_unref(trusted.credential);
    sl_revocations_finish(&lists);
    sl_trust_unref(trust);
    sl_test_pair_finish(&pair);
}

Test(cache, a_verdict_ends_with_what_ends_first) {
    struct sl_settings settings;
    sl_test_settings_init(&settings, &flock, "alice");
    expect_end(&settings, 7, 9, 7);
    expect_end(&settings, 9, 7, 7);
    expect_end(&settings, 99, 88, 30); /* the authority's own end */
    sl_test_settings_finish(&settings);
}

static void *look(void *failed) {
    struct sl_bytes chain = sl_test_pair_bytes(&bob);
    for (size_t i = 0; i < 200; i++) {
        struct sl_credential *found;
        struct sl_bytes broken = {bob.der.data, bob.der.size - i % 5};
        if (sl_identity_check_chain(alice, &found, SL_PURPOSE_CLIENT, &broken, 1, NULL) != SL_OK && i % 5 == 0)
            *(bool *)failed = true;
        sl_credential_unref(found);
        if (sl_identity_recheck(alice, credential, SL_PURPOSE_CLIENT, NULL) != SL_OK ||
            sl_identity_check_chain(alice, &found, SL_PURPOSE_CLIENT, &chain, 1, NULL) != SL_OK)
            *(bool *)failed = true;
        sl_credential_unref(found);
    }
    return NULL;
}

Test(cache, from_several_threads) {
    pthread_t threads[4];
    bool failed[4] = {false};
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, look, &failed[i]), 0);
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        cr_assert_not(failed[i]);
    }
}
