/* Authorities over time: lists, names, revoking, renewing, and what a crash between two files leaves. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <starling/identity.h>

#include "base/file.h"
#include "crypto/random.h"
#include "identity/authority.h"
#include "identity/kit.h"
#include "support/certificates.h"

static char *folder, *authority;

static void make_authority(const char *path, const struct sl_authority_access *parent, unsigned path_length) {
    struct sl_error error = {0};
    struct sl_authority_options options = {.folder = path,
                                           .flock = parent == NULL ? "demo" : NULL,
                                           .key = SL_KEY_ECDSA_P256,
                                           .days = 90,
                                           .parent = parent,
                                           .path_length = path_length};
    cr_assert_eq(sl_authority_create(&options, &error), SL_OK, "%s", error.text);
}

static void set_up(void) {
    folder = sl_test_folder_make();
    authority = sl_test_path(folder, "demo");
    make_authority(authority, NULL, 1);
}

static void tear_down(void) {
    free(authority);
    sl_test_folder_remove(folder);
}

TestSuite(authority, .init = set_up, .fini = tear_down);

static const char *const hosts[] = {"127.0.0.1", "node.example"};

static struct sl_kit_options kit_of(const char *ca, const char *path, const char *node) {
    return (struct sl_kit_options){.authority = ca,
                                   .folder = path,
                                   .node = node,
                                   .hosts = hosts,
                                   .host_count = 2,
                                   .port = 7400,
                                   .days = 30,
                                   .data = "no such folder"};
}

static char *make_kit(const char *ca, const char *node) {
    struct sl_error error = {0};
    char *kit = sl_test_path(folder, node);
    struct sl_kit_options options = kit_of(ca, kit, node);
    cr_assert_eq(sl_kit_create(&options, &error), SL_OK, "%s", error.text);
    return kit;
}

static enum sl_status check_kit(const char *kit, struct sl_error *error) {
    return sl_kit_check(kit, kit, NULL, NULL, error);
}

static struct sl_authority read_authority(const char *path) {
    struct sl_authority read;
    struct sl_error error = {0};
    cr_assert_eq(sl_authority_read(&read, path, &error), SL_OK, "%s", error.text);
    return read;
}

static struct sl_authority_access access_to(const char *path) {
    return (struct sl_authority_access){.folder = path};
}

/* The number of the list on the disk, and how many it has. */
static uint64_t list_of(const char *path, int *count) {
    struct sl_authority read = read_authority(path);
    const struct sl_revocation_list *list = sl_authority_own_list(&read);
    cr_assert_not_null(list);
    uint64_t number = sl_revocation_list_number(list);
    if (count != NULL)
        *count = (int)sl_revocation_list_count(list);
    cr_assert_eq(number, read.database.crl_number);
    sl_authority_finish(&read);
    return number;
}

Test(authority, its_list_is_what_a_reader_expects) {
    struct sl_authority read = read_authority(authority);
    gnutls_x509_crl_t list;
    uint8_t own[64], wanted[64];
    size_t own_length = sizeof own, wanted_length = sizeof wanted;
    cr_assert_not_null(sl_authority_own_list(&read));
    const gnutls_datum_t der = sl_datum(sl_revocation_list_der(sl_authority_own_list(&read)));
    cr_assert_eq(gnutls_x509_crl_init(&list), 0);
    cr_assert_eq(gnutls_x509_crl_import(list, &der, GNUTLS_X509_FMT_DER), 0);
    cr_assert_eq(gnutls_x509_crl_get_version(list), 2);
    cr_assert_eq(sl_revocation_list_number(sl_authority_own_list(&read)), 1);
    cr_assert_eq(gnutls_x509_crl_get_authority_key_id(list, own, &own_length, NULL), 0);
    cr_assert_eq(gnutls_x509_crt_get_subject_key_id(read.issuer.certificate, wanted, &wanted_length, NULL), 0);
    cr_assert_eq(own_length, wanted_length);
    cr_assert_arr_eq(own, wanted, own_length);
    int64_t left = gnutls_x509_crl_get_next_update(list) - time(NULL);
    cr_assert(left > (SL_CRL_DAYS - 1) * 86400 && left <= SL_CRL_DAYS * 86400);
    cr_assert_leq(gnutls_x509_crl_get_this_update(list), time(NULL));
    gnutls_x509_crl_deinit(list);
    sl_authority_finish(&read);
}

Test(authority, revoking_by_name_serial_file_and_kit) {
    struct sl_error error = {0};
    size_t count = 0;
    int listed = 0;
    char *kits[] = {make_kit(authority, "alice"), make_kit(authority, "bob"), make_kit(authority, "carol")};
    struct sl_authority_access open = access_to(authority);
    cr_assert_eq(sl_authority_revoke(&open, "alice", SL_REVOKED_CESSATION, &count, &error), SL_OK, "%s", error.text);
    cr_assert_eq(count, 2);
    cr_assert_eq(list_of(authority, &listed), 2);
    cr_assert_eq(listed, 2);
    cr_assert_eq(check_kit(kits[0], &error), SL_OK, "its own list is the old one: %s", error.text);

    struct sl_authority read = read_authority(authority);
    char serial[64], shouted[128] = "";
    strcpy(serial, read.database.entries[2].serial); /* bob's server */
    for (size_t i = 0; i < strlen(serial); i += 2)
        snprintf(shouted + strlen(shouted), 4, "%s%c%c", i > 0 ? ":" : "",
                 serial[i] >= 'a' ? serial[i] - 32 : serial[i],
                 serial[i + 1] >= 'a' ? serial[i + 1] - 32 : serial[i + 1]);
    sl_authority_finish(&read);
    cr_assert_eq(sl_authority_revoke(&open, shouted, SL_REVOKED_UNSPECIFIED, &count, &error), SL_OK, "%s: %s", shouted,
                 error.text);
    cr_assert_eq(count, 1);
    char *file = sl_test_path(kits[1], "client.pem");
    cr_assert_eq(sl_authority_revoke(&open, file, SL_REVOKED_UNSPECIFIED, &count, &error), SL_OK, "%s", error.text);
    cr_assert_eq(count, 1);
    cr_assert_eq(sl_authority_revoke(&open, kits[2], SL_REVOKED_UNSPECIFIED, &count, &error), SL_OK, "%s", error.text);
    cr_assert_eq(count, 2);
    cr_assert_eq(sl_authority_revoke(&open, kits[2], SL_REVOKED_UNSPECIFIED, &count, &error), SL_OK);
    cr_assert_eq(count, 0);
    cr_assert_eq(list_of(authority, &listed), 6);
    cr_assert_eq(listed, 6);
    cr_assert_eq(sl_authority_revoke(&open, "dave", SL_REVOKED_UNSPECIFIED, &count, &error), SL_NOT_FOUND);
    cr_assert_eq(sl_authority_revoke(&open, "00ff", SL_REVOKED_UNSPECIFIED, &count, &error), SL_NOT_FOUND);

    /* With the new list the node itself sees it. */
    char *from = sl_test_path(authority, "crl.pem"), *to = sl_test_path(kits[0], "crl.pem");
    cr_assert_eq(rename(from, to), 0);
    cr_assert_eq(check_kit(kits[0], &error), SL_UNTRUSTED);
    cr_assert_not_null(strstr(error.text, "revoked"), "%s", error.text);
    free(to);
    free(from);
    free(file);
    for (size_t i = 0; i < 3; i++)
        free(kits[i]);
}

/* Somebody else's certificate is never revoked. */
Test(authority, a_certificate_of_another_authority_is_not_ours) {
    struct sl_error error = {0};
    size_t count = 0;
    char *other = sl_test_path(folder, "other");
    make_authority(other, NULL, 1); /* of the same flock, with the same name */
    char *kit = make_kit(other, "alice");
    struct sl_authority_access open = access_to(authority);
    cr_assert_eq(sl_authority_revoke(&open, kit, SL_REVOKED_UNSPECIFIED, &count, &error), SL_NOT_FOUND);
    cr_assert_eq(list_of(authority, NULL), 1);
    free(kit);
    free(other);
}

/* A crash after the database and before the list: whoever comes next makes the list. */
Test(authority, a_list_that_was_not_written_is_made_by_the_next) {
    struct sl_error error = {0};
    size_t count = 0;
    int listed = 0;
    free(make_kit(authority, "alice"));
    char *file = sl_test_path(authority, "crl.pem");
    struct sl_buffer old = {0};
    cr_assert_eq(sl_file_read(&old, file, 1 << 20, NULL), SL_OK);
    struct sl_authority_access open = access_to(authority);
    cr_assert_eq(sl_authority_revoke(&open, "alice", SL_REVOKED_UNSPECIFIED, &count, &error), SL_OK);
    cr_assert_eq(sl_file_replace(file, old.data, old.length, 0644, NULL), SL_OK);
    char *kit = make_kit(authority, "bob");
    uint64_t number = list_of(authority, &listed);
    cr_assert_eq(number, 3); /* 2 may have been seen */
    cr_assert_eq(listed, 2);
    cr_assert_eq(unlink(file), 0);
    cr_assert_eq(sl_authority_make_list(&open, 0, NULL, &error), SL_OK, "%s", error.text);
    cr_assert_geq(list_of(authority, &listed), 4);
    cr_assert_eq(listed, 2);
    sl_buffer_finish(&old);
    free(kit);
    free(file);
}

/* One that was made before there were databases. */
Test(authority, an_old_one_is_taken_up) {
    struct sl_error error = {0};
    size_t count = 0;
    int listed = 0;
    char *kit = make_kit(authority, "alice");
    char *list = sl_test_path(authority, "crl.pem"), *database = sl_test_path(authority, "database.jsonl");
    cr_assert_eq(unlink(list), 0);
    cr_assert_eq(unlink(database), 0);
    struct sl_authority read = read_authority(authority);
    cr_assert(read.database.fresh);
    sl_authority_finish(&read);
    cr_assert_neq(access(database, F_OK), 0);
    struct sl_authority_access open = access_to(authority);
    cr_assert_eq(sl_authority_revoke(&open, kit, SL_REVOKED_UNSPECIFIED, &count, &error), SL_OK, "%s", error.text);
    cr_assert_eq(count, 2);
    (void)list_of(authority, &listed);
    cr_assert_eq(listed, 2);
    read = read_authority(authority);
    cr_assert_str_eq(read.database.entries[0].name, "alice");
    sl_authority_finish(&read);

    /* The same with a list that has numbers already: they rise, and what it says stays said. */
    uint64_t before = list_of(authority, NULL);
    cr_assert_eq(unlink(database), 0);
    cr_assert_eq(sl_authority_make_list(&open, 0, NULL, &error), SL_OK, "%s", error.text);
    cr_assert_gt(list_of(authority, &listed), before);
    cr_assert_eq(listed, 2);
    free(database);
    free(list);
    free(kit);
}

Test(authority, a_name_is_given_once) {
    struct sl_error error = {0};
    char *kit = make_kit(authority, "alice"), *second = sl_test_path(folder, "second");
    struct sl_kit_options options = kit_of(authority, second, "alice");
    cr_assert_eq(sl_kit_create(&options, &error), SL_EXISTS);
    cr_assert_not_null(strstr(error.text, "--replace"), "%s", error.text);
    cr_assert_neq(access(second, F_OK), 0);
    options.replace = true;
    cr_assert_eq(sl_kit_create(&options, &error), SL_OK, "%s", error.text);
    struct sl_authority read = read_authority(authority);
    cr_assert_eq(read.database.count, 4);
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(read.database.entries[i].revoked != 0, i < 2);
    cr_assert_eq(read.database.entries[0].reason, SL_REVOKED_SUPERSEDED);
    sl_authority_finish(&read);
    /* The new kit comes with the list that revokes the old one. */
    char *list = sl_test_path(second, "crl.pem"), *old_list = sl_test_path(kit, "crl.pem");
    cr_assert_eq(check_kit(second, &error), SL_OK, "%s", error.text);
    cr_assert_eq(rename(list, old_list), 0);
    cr_assert_eq(check_kit(kit, &error), SL_UNTRUSTED);
    free(old_list);
    free(list);
    free(second);
    free(kit);
}

/* The kit below an intermediate: its own and that one's certificate, the root to trust, both lists. */
static void check_files(const char *kit) {
    struct sl_certificates chain, trust;
    struct sl_revocations lists = {0};
    char *paths[] = {sl_test_path(kit, "server.pem"), sl_test_path(kit, "ca.pem"), sl_test_path(kit, "crl.pem")};
    cr_assert_eq(sl_certificates_read(&chain, paths[0], true, NULL), SL_OK);
    cr_assert_eq(sl_certificates_read(&trust, paths[1], false, NULL), SL_OK);
    cr_assert_eq(sl_revocations_read_some(&lists, paths[2], NULL), SL_OK);
    cr_assert_eq(chain.count, 2);
    cr_assert_eq(trust.count, 1);
    cr_assert_neq(gnutls_x509_crt_check_issuer(trust.items[0], trust.items[0]), 0);
    cr_assert_eq(lists.count, 2);
    sl_revocations_finish(&lists);
    sl_certificates_finish(&trust);
    sl_certificates_finish(&chain);
    for (size_t i = 0; i < 3; i++)
        free(paths[i]);
}

Test(authority, intermediate_names_its_own_flock_alone) {
    struct sl_error error = {0};
    struct sl_authority_access open = access_to(authority);
    char *ward = sl_test_path(folder, "ward"), *deeper = sl_test_path(folder, "deeper");
    make_authority(ward, &open, 0);
    char *kit = make_kit(ward, "alice");
    cr_assert_eq(check_kit(kit, &error), SL_OK, "%s", error.text);
    struct sl_authority read = read_authority(ward);
    cr_assert_str_eq(read.flock, "demo");
    cr_assert_eq(read.certificates.count, 2);
    cr_assert_eq(read.lists.count, 2);
    gnutls_x509_name_constraints_t constraints;
    gnutls_datum_t name;
    unsigned critical = 0, type = 0;
    int length = -1;
    cr_assert_eq(gnutls_x509_name_constraints_init(&constraints), 0);
    cr_assert_eq(gnutls_x509_crt_get_name_constraints(read.issuer.certificate, constraints, 0, &critical), 0);
    cr_assert(critical);
    cr_assert_eq(gnutls_x509_name_constraints_get_permitted(constraints, 0, &type, &name), 0);
    cr_assert_eq(type, GNUTLS_SAN_URI);
    cr_assert(name.size == 4 && memcmp(name.data, "demo", 4) == 0);
    gnutls_x509_name_constraints_deinit(constraints);
    cr_assert_eq(gnutls_x509_crt_get_basic_constraints(read.issuer.certificate, NULL, NULL, &length), 1);
    cr_assert_eq(length, 0);
    sl_authority_finish(&read);

    check_files(kit);

    /* Below it nothing may be; its parent knows it, and revokes it. */
    struct sl_authority_access below = access_to(ward);
    struct sl_authority_options options = {.folder = deeper, .days = 1, .parent = &below};
    cr_assert_eq(sl_authority_create(&options, &error), SL_UNTRUSTED);
    cr_assert_neq(access(deeper, F_OK), 0);
    options = (struct sl_authority_options){.folder = deeper, .days = 1, .parent = &open, .path_length = 1};
    cr_assert_eq(sl_authority_create(&options, &error), SL_UNTRUSTED);
    size_t count = 0;
    cr_assert_eq(sl_authority_revoke(&open, "ward", SL_REVOKED_UNSPECIFIED, &count, &error), SL_OK);
    cr_assert_eq(count, 1);
    char *from = sl_test_path(authority, "crl.pem");
    cr_assert_eq(sl_authority_make_list(&below, 0, from, &error), SL_OK, "%s", error.text);
    options.folder = sl_test_path(folder, "bob");
    struct sl_kit_options late = kit_of(ward, options.folder, "bob");
    cr_assert_eq(sl_kit_create(&late, &error), SL_UNTRUSTED);
    cr_assert_not_null(strstr(error.text, "revoked"), "%s", error.text);
    free((char *)(uintptr_t)options.folder);
    free(from);
    free(kit);
    free(deeper);
    free(ward);
}

Test(authority, renewing_keeps_keys_and_names) {
    struct sl_error error = {0};
    char *kit = make_kit(authority, "alice"), *path = sl_test_path(kit, "server.pem");
    struct sl_certificates before, after;
    struct sl_renew_options options = {.access = access_to(authority), .kit = kit, .days = 60};
    cr_assert_eq(sl_certificates_read(&before, path, true, NULL), SL_OK);
    cr_assert_eq(sl_authority_renew(&options, &error), SL_OK, "%s", error.text);
    cr_assert_eq(sl_certificates_read(&after, path, true, NULL), SL_OK);
    cr_assert_eq(check_kit(kit, &error), SL_OK, "%s", error.text);
    cr_assert_gt(gnutls_x509_crt_get_expiration_time(after.items[0]),
                 gnutls_x509_crt_get_expiration_time(before.items[0]) + 29 * 86400);
    gnutls_pubkey_t key;
    cr_assert_eq(sl_certificate_key(&key, before.items[0], NULL), SL_OK);
    cr_assert(sl_public_key_is_of(key, after.items[0]));
    cr_assert_neq(gnutls_x509_crt_check_hostname(after.items[0], "node.example"), 0);
    gnutls_pubkey_deinit(key);
    sl_certificates_finish(&after);

    const char *const other[] = {"moved.example"};
    options.hosts = other;
    options.host_count = 1;
    cr_assert_eq(sl_authority_renew(&options, &error), SL_OK, "%s", error.text);
    cr_assert_eq(sl_certificates_read(&after, path, true, NULL), SL_OK);
    cr_assert_neq(gnutls_x509_crt_check_hostname(after.items[0], "moved.example"), 0);
    cr_assert_eq(gnutls_x509_crt_check_hostname(after.items[0], "node.example"), 0);
    sl_certificates_finish(&after);
    sl_certificates_finish(&before);

    /* Not for one that was revoked. */
    size_t count = 0;
    cr_assert_eq(sl_authority_revoke(&options.access, "alice", SL_REVOKED_UNSPECIFIED, &count, &error), SL_OK);
    cr_assert_eq(count, 6);
    cr_assert_eq(sl_authority_renew(&options, &error), SL_UNTRUSTED);
    options.kit = NULL;
    options.node = "alice";
    options.answer = path;
    cr_assert_eq(sl_authority_renew(&options, &error), SL_NOT_FOUND);
    free(path);
    free(kit);
}

static gnutls_x509_crt_t first_of(struct sl_certificates *out, const char *ca) {
    char *path = sl_test_path(ca, "ca.pem");
    cr_assert_eq(sl_certificates_read(out, path, false, NULL), SL_OK);
    free(path);
    return out->items[0];
}

/* What it signed before stays good, beside the former certificate and the new one. */
Test(authority, renewing_one_below_keeps_what_it_signed) {
    struct sl_error error = {0};
    struct sl_authority_access open = access_to(authority);
    char *ward = sl_test_path(folder, "ward"), *path = sl_test_path(ward, "ca.pem"), serials[2][64];
    struct sl_certificates before, after;
    make_authority(ward, &open, 0);
    char *kit = make_kit(ward, "alice");
    struct sl_renew_options options = {.access = open, .kit = ward, .days = 60};
    gnutls_x509_crt_t former = first_of(&before, ward);
    cr_assert_eq(sl_authority_renew(&options, &error), SL_OK, "%s", error.text);
    gnutls_x509_crt_t renewed = first_of(&after, ward);
    cr_assert_eq(after.count, 2);
    sl_serial_text(serials[0], former);
    sl_serial_text(serials[1], renewed);
    cr_assert_str_neq(serials[0], serials[1]);
    cr_assert_lt(gnutls_x509_crt_get_expiration_time(renewed),
                 gnutls_x509_crt_get_expiration_time(former) - 29 * 86400);
    cr_assert(sl_certificate_is_signed_by(renewed, after.items[1]));
    int length = -1;
    cr_assert_eq(gnutls_x509_crt_get_basic_constraints(renewed, NULL, NULL, &length), 1);
    cr_assert_eq(length, 0);
    gnutls_x509_name_constraints_t constraints;
    unsigned critical = 0, type = 0;
    gnutls_datum_t name;
    cr_assert_eq(gnutls_x509_name_constraints_init(&constraints), 0);
    cr_assert_eq(gnutls_x509_crt_get_name_constraints(renewed, constraints, 0, &critical), 0);
    cr_assert_eq(gnutls_x509_name_constraints_get_permitted(constraints, 0, &type, &name), 0);
    cr_assert(critical && name.size == 4 && memcmp(name.data, "demo", 4) == 0);
    gnutls_x509_name_constraints_deinit(constraints);
    cr_assert_eq(check_kit(kit, &error), SL_OK, "its chain has the former one: %s", error.text);
    char *other = make_kit(ward, "bob");
    cr_assert_eq(check_kit(other, &error), SL_OK, "%s", error.text);
    struct sl_authority read = read_authority(authority);
    cr_assert_eq(read.database.count, 2);
    cr_assert_str_eq(read.database.entries[1].serial, serials[1]);
    cr_assert_str_eq(read.database.entries[1].name, "ward");
    sl_authority_finish(&read);
    sl_certificates_finish(&before);
    sl_certificates_finish(&after);
    free(other);
    free(kit);
    free(path);
    free(ward);
}

/* Elsewhere: by name, with an answer that becomes its ca.pem; other roots that were in that file are in it still. */
Test(authority, renewing_one_below_elsewhere_or_by_the_next_root) {
    struct sl_error error = {0};
    char *ward = sl_test_path(folder, "ward"), *path = sl_test_path(ward, "ca.pem"),
         *next = sl_test_path(folder, "next"), *next_file = sl_test_path(next, "ca.pem"),
         *root_file = sl_test_path(authority, "ca.pem");
    struct sl_authority_access open = access_to(authority);
    make_authority(ward, &open, 0);
    struct sl_renew_options options = {.access = open, .node = "ward", .answer = path};
    cr_assert_eq(sl_authority_renew(&options, &error), SL_OK, "%s", error.text);
    struct sl_authority read = read_authority(ward);
    cr_assert_eq(read.certificates.count, 2);
    sl_authority_finish(&read);
    char *kit = make_kit(ward, "alice");
    cr_assert_eq(check_kit(kit, &error), SL_OK, "%s", error.text);

    make_authority(next, NULL, 1);
    options = (struct sl_renew_options){.access = access_to(next), .kit = ward};
    cr_assert_eq(sl_authority_renew(&options, &error), SL_UNTRUSTED);
    struct sl_buffer text = {0}, both = {0};
    cr_assert_eq(sl_file_read(&both, next_file, 1 << 20, NULL), SL_OK);
    cr_assert_eq(sl_file_read(&text, root_file, 1 << 20, NULL), SL_OK);
    cr_assert_eq(sl_buffer_append(&both, text.data, text.length), SL_OK);
    cr_assert_eq(sl_file_replace(next_file, both.data, both.length, 0644, NULL), SL_OK);
    cr_assert_eq(sl_authority_renew(&options, &error), SL_OK, "%s", error.text);
    read = read_authority(ward);
    cr_assert_eq(read.certificates.count, 3);
    sl_authority_finish(&read);
    sl_buffer_finish(&text);
    sl_buffer_finish(&both);
    free(kit);
    free(root_file);
    free(next_file);
    free(next);
    free(path);
    free(ward);
}

Test(authority, who_below_is_not_renewed) {
    struct sl_error error = {0};
    struct sl_authority_access open = access_to(authority);
    char *ward = sl_test_path(folder, "ward"), *other = sl_test_path(folder, "other"),
         *theirs = sl_test_path(folder, "theirs");
    size_t count = 0;
    make_authority(ward, &open, 0);
    make_authority(other, NULL, 1);
    struct sl_authority_access foreign = access_to(other);
    make_authority(theirs, &foreign, 0);
    const char *const refused[] = {authority, theirs};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct sl_renew_options options = {.access = open, .kit = refused[i]};
        cr_assert_neq(sl_authority_renew(&options, &error), SL_OK, "%s", refused[i]);
    }
    struct sl_renew_options options = {.access = open, .kit = ward, .hosts = hosts, .host_count = 1};
    cr_assert_eq(sl_authority_renew(&options, &error), SL_USAGE);
    options.host_count = 0;
    cr_assert_eq(sl_authority_revoke(&open, "ward", SL_REVOKED_CESSATION, &count, &error), SL_OK);
    cr_assert_eq(sl_authority_renew(&options, &error), SL_UNTRUSTED);
    cr_assert_not_null(strstr(error.text, "revoked"), "%s", error.text);
    options = (struct sl_renew_options){.access = open, .node = "ward", .answer = theirs};
    cr_assert_eq(sl_authority_renew(&options, &error), SL_NOT_FOUND);
    struct sl_authority read = read_authority(authority);
    cr_assert_eq(read.database.count, 1, "nothing was signed");
    sl_authority_finish(&read);
    free(theirs);
    free(other);
    free(ward);
}

/* Issuers in processes: all that each one gave away is in the database, once. */
Test(authority, issuers_at_once) {
    enum { ISSUERS = 4, KITS = 3 };
    pid_t children[ISSUERS];
    for (int i = 0; i < ISSUERS; i++) {
        children[i] = fork();
        cr_assert_geq(children[i], 0);
        if (children[i] == 0) {
            for (int k = 0; k < KITS; k++) {
                char name[16];
                snprintf(name, sizeof name, "node-%d-%d", i, k);
                free(make_kit(authority, name));
            }
            _exit(0);
        }
    }
    for (int i = 0; i < ISSUERS; i++) {
        int status = 1;
        cr_assert_eq(waitpid(children[i], &status, 0), children[i]);
        cr_assert_eq(status, 0);
    }
    struct sl_authority read = read_authority(authority);
    cr_assert_eq(read.database.count, 2 * ISSUERS * KITS);
    for (size_t i = 0; i < read.database.count; i++)
        cr_assert_eq(sl_database_find(&read.database, read.database.entries[i].serial), &read.database.entries[i]);
    sl_authority_finish(&read);
}

Test(authority, a_key_that_others_can_read_is_refused) {
    struct sl_error error = {0};
    char *key = sl_test_path(authority, "ca.key");
    struct sl_authority_access open = access_to(authority);
    cr_assert_eq(chmod(key, 0640), 0);
    cr_assert_eq(sl_authority_make_list(&open, 0, NULL, &error), SL_PERMISSION);
    cr_assert_not_null(strstr(error.text, "chmod 600"), "%s", error.text);
    free(key);
}
