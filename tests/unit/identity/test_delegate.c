/* The key of a process, and what the client key says of it. What is wrong with a peer's is tried in admit. */
#include <criterion/criterion.h>
#include <string.h>
#include <time.h>

#include "identity/delegate.h"
#include "support/certificates.h"

static struct sl_test_flock flock;
static struct sl_identity *alice, *bob;
static const uint8_t text[] = "this session, and no other";
static const struct sl_bytes message = {text, sizeof text};

static void set_up(void) {
    sl_test_flock_init(&flock, "demo");
    alice = sl_test_member(&flock, "alice");
    bob = sl_test_member(&flock, "bob");
}

static void tear_down(void) {
    sl_identity_unref(bob);
    sl_identity_unref(alice);
    sl_test_flock_finish(&flock);
}

TestSuite(delegate, .init = set_up, .fini = tear_down);

static enum sl_status judge(const struct sl_identity *of, const struct sl_delegation *delegation) {
    struct sl_bytes chain[SL_CHAIN_MAX];
    struct sl_credential *credential;
    struct sl_error error = {0};
    size_t count = sl_identity_chain(of, SL_PURPOSE_CLIENT, chain);
    cr_assert_eq(sl_identity_check_chain(bob, &credential, SL_PURPOSE_CLIENT, chain, count, &error), SL_OK, "%s",
                 error.text);
    enum sl_status status = sl_identity_check_delegation(bob, credential, delegation, &error);
    sl_credential_unref(credential);
    return status;
}

static enum sl_status verify(const struct sl_delegation *delegation, const uint8_t proof[SL_PROOF_SIZE]) {
    return sl_delegation_verify(delegation, message, (struct sl_bytes){proof, SL_PROOF_SIZE}, NULL);
}

static void expect_good(const struct sl_identity *of) {
    const struct sl_delegation delegation = sl_identity_delegation(of);
    uint8_t proof[SL_PROOF_SIZE];
    cr_assert_eq(judge(of, &delegation), SL_OK);
    cr_assert_eq(sl_identity_prove(of, proof, message, NULL), SL_OK);
    cr_assert_eq(verify(&delegation, proof), SL_OK);
}

static bool same_key(const struct sl_identity *one, const struct sl_identity *two) {
    return memcmp(sl_identity_delegation(one).key.data, sl_identity_delegation(two).key.data, SL_DELEGATE_KEY_SIZE) ==
           0;
}

Test(delegate, speaks_for_its_node_alone) {
    expect_good(alice);
    expect_good(bob);
    const struct sl_delegation alices = sl_identity_delegation(alice), bobs = sl_identity_delegation(bob);
    cr_assert_eq(alices.key.length, SL_DELEGATE_KEY_SIZE);
    cr_assert_leq(alices.not_after, (uint64_t)time(NULL) + SL_DELEGATION_LIFE);
    cr_assert_geq(alices.not_after, (uint64_t)time(NULL) + SL_DELEGATION_LIFE - 60);
    cr_assert_eq(judge(alice, &bobs), SL_UNTRUSTED);
    cr_assert_eq(judge(bob, &alices), SL_UNTRUSTED);
}

Test(delegate, signs_what_it_signs) {
    const struct sl_delegation delegation = sl_identity_delegation(alice), bobs = sl_identity_delegation(bob);
    uint8_t proof[SL_PROOF_SIZE];
    cr_assert_eq(sl_identity_prove(alice, proof, message, NULL), SL_OK);
    cr_assert_eq(verify(&bobs, proof), SL_UNTRUSTED);
    const struct sl_bytes shorter = {text, sizeof text - 1}, whole = {proof, sizeof proof};
    cr_assert_eq(sl_delegation_verify(&delegation, shorter, whole, NULL), SL_UNTRUSTED);
    for (size_t i = 0; i < sizeof proof; i += 3) {
        proof[i] ^= 0x10;
        cr_assert_eq(verify(&delegation, proof), SL_UNTRUSTED, "byte %zu", i);
        proof[i] ^= 0x10;
    }
    cr_assert_eq(sl_delegation_verify(&delegation, message, (struct sl_bytes){proof, sizeof proof - 1}, NULL),
                 SL_UNTRUSTED);
    cr_assert_eq(sl_delegation_verify(&delegation, message, (struct sl_bytes){NULL, 0}, NULL), SL_UNTRUSTED);
}

Test(delegate, the_client_key_signs_the_documented_bytes) {
    const struct sl_delegation delegation = sl_identity_delegation(alice);
    uint8_t signed_bytes[SL_DELEGATION_MESSAGE_MAX], client_key[SL_KEY_DIGEST_SIZE];
    struct sl_bytes chain[SL_CHAIN_MAX];
    struct sl_credential *credential;
    sl_identity_key_digest(alice, SL_PURPOSE_CLIENT, client_key);
    size_t length =
        sl_delegation_message(signed_bytes, "demo", "alice", delegation.key.data, client_key, delegation.not_after);
    size_t count = sl_identity_chain(alice, SL_PURPOSE_CLIENT, chain);
    cr_assert_eq(sl_identity_check_chain(bob, &credential, SL_PURPOSE_CLIENT, chain, count, NULL), SL_OK);
    cr_assert_eq(sl_credential_verify(credential, (struct sl_bytes){signed_bytes, length}, delegation.signature, NULL),
                 SL_OK);
    sl_credential_unref(credential);
}

Test(delegate, longest_names_fit) {
    char name[SL_NAME_SIZE];
    uint8_t out[SL_DELEGATION_MESSAGE_MAX + 1], key[SL_DELEGATE_KEY_SIZE] = {0}, client_key[SL_KEY_DIGEST_SIZE] = {0};
    memset(name, 'n', SL_NAME_MAX);
    name[SL_NAME_MAX] = '\0';
    out[SL_DELEGATION_MESSAGE_MAX] = 0x77;
    cr_assert_eq(sl_delegation_message(out, name, name, key, client_key, UINT64_MAX), SL_DELEGATION_MESSAGE_MAX);
    cr_assert_eq(out[SL_DELEGATION_MESSAGE_MAX], 0x77);
}

Test(delegate, is_renewed_at_half_of_its_life) {
    const int64_t end = (int64_t)sl_identity_delegation(alice).not_after, begin = end - SL_DELEGATION_LIFE;
    cr_assert_not(sl_identity_needs_renewal(alice, begin));
    cr_assert_not(sl_identity_needs_renewal(alice, end - SL_DELEGATION_LIFE / 2 - 1));
    cr_assert(sl_identity_needs_renewal(alice, end - SL_DELEGATION_LIFE / 2));
    cr_assert(sl_identity_needs_renewal(alice, end + 1));
    cr_assert(sl_identity_needs_renewal(alice, begin - 1)); /* the clock went back */

    struct sl_identity *renewed;
    cr_assert_eq(sl_identity_renew(alice, &renewed, NULL), SL_OK);
    cr_assert_not(same_key(alice, renewed));
    expect_good(renewed);
    expect_good(alice); /* connections that began with it end with it */
    cr_assert_str_eq(sl_identity_node(renewed), "alice");
    cr_assert_null(sl_identity_warning(renewed));
    sl_identity_unref(renewed);
}

Test(delegate, a_newer_list_costs_the_client_key_nothing) {
    gnutls_datum_t list = sl_test_list(&(struct sl_test_list_order){.issuer = &flock.authority, .number = 2});
    struct sl_identity *newer;
    cr_assert_eq(sl_identity_with_crl(alice, &newer, (struct sl_bytes){list.data, list.size}, NULL), SL_OK);
    cr_assert(same_key(alice, newer));
    sl_identity_unref(alice); /* the key lives as long as any generation that has it */
    alice = newer;
    expect_good(alice);
    gnutls_free(list.data);
}

Test(delegate, each_process_has_its_own) {
    struct sl_settings settings;
    struct sl_identity *again;
    sl_test_settings_init(&settings, &flock, "alice");
    cr_assert_eq(sl_identity_load(&again, &settings, NULL, NULL), SL_OK);
    cr_assert_not(same_key(alice, again));
    expect_good(again);
    sl_identity_unref(again);
    sl_test_settings_finish(&settings);
}
