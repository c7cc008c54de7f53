/* Authorities, kits, identities, chains. GnuTLS's own allocations are left alone: libtasn1 below it (4.19) does not
 * look whether it got any. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <starling/identity.h>

#include "failing.h"
#include "support/certificates.h"

static const char *const hosts[] = {"127.0.0.1", "host.example"};

struct places {
    char *folder;    /* all of it */
    char *authority; /* in it */
    char *made;      /* what an operation makes; not there between runs */
};

static size_t count_entries(const char *path) {
    size_t count = 0;
    DIR *entries = opendir(path);
    cr_assert_not_null(entries);
    while (readdir(entries) != NULL)
        count++;
    closedir(entries);
    return count - 2;
}

/* All or nothing: after a failure there is what was there before. */
static void check_made(const struct places *places, enum sl_status status, size_t before,
                       const struct sl_error *error) {
    bool armed = failing_disarm();
    cr_assert_eq(count_entries(places->folder), before + (status == SL_OK), "%s", sl_status_text(status));
    cr_assert(status == SL_OK || armed, "%s", error->text);
}

static enum sl_status make_authority(void *context, struct sl_error *error) {
    const struct places *places = context;
    size_t before = count_entries(places->folder);
    struct sl_authority_options options = {.folder = places->made, .flock = "demo", .key = SL_KEY_ED25519, .days = 10};
    enum sl_status status = sl_authority_create(&options, error);
    check_made(places, status, before, error);
    return status;
}

static enum sl_status make_kit(void *context, struct sl_error *error) {
    const struct places *places = context;
    size_t before = count_entries(places->folder);
    struct sl_kit_options options = {.authority = places->authority,
                                     .folder = places->made,
                                     .node = "alice",
                                     .hosts = hosts,
                                     .host_count = 2,
                                     .port = 7400,
                                     .key = SL_KEY_ED25519,
                                     .days = 5,
                                     .data = "no such folder"};
    enum sl_status status = sl_kit_create(&options, error);
    check_made(places, status, before, error);
    return status;
}

Test(allocations, authority_and_kit) {
    struct places places = {.folder = sl_test_folder_make()};
    places.authority = sl_test_path(places.folder, "demo");
    places.made = places.authority;
    cr_assert_geq(failing_run(make_authority, &places, FAILING_NONE), 10);
    places.made = sl_test_path(places.folder, "alice");
    cr_assert_geq(failing_run(make_kit, &places, FAILING_NONE), 30);
    free(places.made);
    free(places.authority);
    sl_test_folder_remove(places.folder);
}

static enum sl_status load(void *context, struct sl_error *error) {
    struct sl_identity *identity = NULL;
    enum sl_status status = sl_identity_load(&identity, context, NULL, error);
    cr_assert_eq(status == SL_OK, identity != NULL);
    sl_identity_unref(identity);
    return status;
}

static enum sl_status answer(void *context, char *out, size_t size, const char *what, struct sl_error *error) {
    (void)context, (void)what, (void)error;
    snprintf(out, size, "secret");
    return SL_OK;
}

static enum sl_status load_encrypted(void *context, struct sl_error *error) {
    static const struct sl_prompt prompt = {NULL, answer};
    struct sl_identity *identity = NULL;
    enum sl_status status = sl_identity_load(&identity, context, &prompt, error);
    cr_assert_eq(status == SL_OK, identity != NULL);
    sl_identity_unref(identity);
    return status;
}

struct newer {
    const struct sl_identity *identity;
    const struct sl_settings *settings;
    gnutls_datum_t list;
    char *file;
};

static enum sl_status take_newer(void *context, struct sl_error *error) {
    const struct newer *newer = context;
    struct sl_identity *next = NULL, *again = NULL;
    enum sl_status status =
        sl_identity_with_crl(newer->identity, &next, (struct sl_bytes){newer->list.data, newer->list.size}, error);
    cr_assert_eq(status == SL_OK, next != NULL);
    if (status == SL_OK)
        status = sl_identity_save_crls(next, newer->file, error);
    if (status == SL_OK) {
        sl_identity_unref(next);
        status = sl_identity_renew(newer->identity, &next, error);
        cr_assert_eq(status == SL_OK, next != NULL);
    }
    if (status == SL_OK)
        status = sl_identity_reload(&again, next, newer->settings, NULL, error);
    cr_assert_eq(status == SL_OK, again != NULL);
    sl_identity_unref(again);
    sl_identity_unref(next);
    return status;
}

static enum sl_status check_and_sign(void *context, struct sl_error *error) {
    const struct sl_identity *identity = context;
    struct sl_bytes chain[SL_CHAIN_MAX];
    uint8_t signature[SL_SIGNATURE_MAX];
    size_t length = 0, count = sl_identity_chain(identity, SL_PURPOSE_CLIENT, chain);
    struct sl_credential *credential = NULL;
    enum sl_status status = sl_identity_check_chain(identity, &credential, SL_PURPOSE_CLIENT, chain, count, error);
    if (status == SL_OK)
        status = sl_identity_sign(identity, signature, &length, chain[0], error);
    if (status == SL_OK)
        status = sl_credential_verify(credential, chain[0], (struct sl_bytes){signature, length}, error);
    const struct sl_delegation delegation = sl_identity_delegation(identity);
    if (status == SL_OK)
        status = sl_identity_check_delegation(identity, credential, &delegation, error);
    if (status == SL_OK)
        status = sl_identity_prove(identity, signature, chain[0], error);
    if (status == SL_OK)
        status = sl_delegation_verify(&delegation, chain[0], (struct sl_bytes){signature, SL_PROOF_SIZE}, error);
    if (status == SL_OK && !sl_credential_serves_host(credential, "localhost"))
        status = SL_UNTRUSTED;
    sl_credential_unref(credential);
    return status;
}

Test(allocations, identity) {
    struct sl_test_flock flock;
    struct sl_settings settings;
    sl_test_flock_init(&flock, "demo");
    sl_test_write_member(&flock, "alice");
    sl_test_settings_init(&settings, &flock, "alice");
    cr_assert_geq(failing_run(load, &settings, FAILING_NONE), 8);
    settings.identity.allow = (struct sl_string_list){(char *[]){"bob", "carol"}, 2};
    cr_assert_geq(failing_run(load, &settings, FAILING_NONE), 11);
    settings.identity.allow = (struct sl_string_list){NULL, 0};

    struct sl_identity *identity = sl_test_member(&flock, "bob");
    cr_assert_geq(failing_run(check_and_sign, identity, FAILING_NONE), 1);
    struct newer newer = {identity, &settings,
                          sl_test_list(&(struct sl_test_list_order){.issuer = &flock.authority, .number = 2}),
                          sl_test_path(flock.folder, "saved.pem")};
    cr_assert_geq(failing_run(take_newer, &newer, FAILING_NONE), 10);
    free(newer.file);
    gnutls_free(newer.list.data);
    sl_identity_unref(identity);
    sl_test_settings_finish(&settings);
    sl_test_flock_finish(&flock);
}

Test(allocations, identity_with_an_encrypted_key) {
    struct sl_test_flock flock;
    struct sl_settings settings;
    struct sl_test_pair pair;
    char uri[SL_TEST_URI_SIZE];
    sl_test_flock_init(&flock, "demo");
    sl_test_write_member(&flock, "alice");
    sl_test_settings_init(&settings, &flock, "alice");
    const struct sl_test_order order = sl_test_order_node(uri, &flock.authority, "demo", "alice", SL_PURPOSE_CLIENT);
    sl_test_issue(&pair, &order);
    sl_test_write_certificates(settings.identity.client_certificate, (const struct sl_test_pair *const[]){&pair}, 1);
    sl_test_write_encrypted_key(settings.identity.client_key, &pair, "secret");
    sl_test_pair_finish(&pair);
    cr_assert_geq(failing_run(load_encrypted, &settings, FAILING_NONE), 9);
    sl_test_settings_finish(&settings);
    sl_test_flock_finish(&flock);
}
