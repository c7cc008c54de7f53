/* Requests, answers and their way into a kit; what a request must not get past an authority. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <starling/identity.h>

#include "base/file.h"
#include "crypto/random.h"
#include "identity/authority.h"
#include "identity/kit.h"
#include "identity/request.h"
#include "support/certificates.h"

static char *folder, *authority, *kit, *request_path, *answer;
static const char *const hosts[] = {"node.example", "10.1.2.3", "fd00::7"};

static void set_up(void) {
    struct sl_error error = {0};
    folder = sl_test_folder_make();
    authority = sl_test_path(folder, "demo");
    kit = sl_test_path(folder, "alice");
    request_path = sl_test_path(kit, "request.pem");
    answer = sl_test_path(folder, "answer.pem");
    struct sl_authority_options options = {.folder = authority, .days = 90};
    cr_assert_eq(sl_authority_create(&options, &error), SL_OK, "%s", error.text);
}

static void tear_down(void) {
    free(answer);
    free(request_path);
    free(kit);
    free(authority);
    sl_test_folder_remove(folder);
}

TestSuite(request, .init = set_up, .fini = tear_down);

static struct sl_kit_options usual(const char *path, const char *node) {
    return (struct sl_kit_options){.folder = path,
                                   .flock = "demo",
                                   .node = node,
                                   .hosts = hosts,
                                   .host_count = 3,
                                   .port = 7400,
                                   .data = "no such folder"};
}

static void make_request(const char *path, const char *node) {
    struct sl_error error = {0};
    struct sl_kit_options options = usual(path, node);
    cr_assert_eq(sl_kit_request(&options, &error), SL_OK, "%s", error.text);
}

static enum sl_status approve(const char *path, bool replace, struct sl_error *error) {
    const struct sl_authority_access access = {.folder = authority};
    struct sl_request *request = NULL;
    enum sl_status status = sl_request_read(&request, path, error);
    if (status == SL_OK)
        status = sl_request_approve(request, &access, 30, replace, answer, error);
    sl_request_destroy(request);
    return status;
}

static enum sl_status install(const char *path, struct sl_error *error) {
    struct sl_install_options options = {.folder = path, .answer = answer};
    return sl_kit_install(&options, error);
}

static char *text_of(const char *path) {
    struct sl_buffer file = {0};
    cr_assert_eq(sl_file_read(&file, path, 1 << 20, NULL), SL_OK, "%s", path);
    return (char *)file.data;
}

Test(request, from_asking_to_a_kit_that_starts) {
    struct sl_error error = {0};
    make_request(kit, "alice");
    struct stat about;
    char *key = sl_test_path(kit, "server.key");
    cr_assert_eq(stat(key, &about), 0);
    cr_assert_eq(about.st_mode & 0777, 0600);
    char *text = text_of(request_path);
    cr_assert_null(strstr(text, "PRIVATE"));
    free(text);
    cr_assert_eq(approve(request_path, false, &error), SL_OK, "%s", error.text);
    text = text_of(answer);
    cr_assert_null(strstr(text, "PRIVATE"));
    free(text);
    cr_assert_eq(install(kit, &error), SL_OK, "%s", error.text);
    cr_assert_eq(sl_kit_check(kit, kit, NULL, NULL, &error), SL_OK, "%s", error.text);
    cr_assert_eq(install(kit, &error), SL_OK, "again: %s", error.text);

    struct sl_certificates chain;
    char *path = sl_test_path(kit, "server.pem");
    cr_assert_eq(sl_certificates_read(&chain, path, true, NULL), SL_OK);
    struct sl_names names;
    cr_assert_eq(sl_names_of_certificate(&names, chain.items[0], &error), SL_OK);
    cr_assert_eq(names.host_count, 3);
    for (size_t i = 0; i < 3; i++)
        cr_assert_str_eq(names.hosts[i], hosts[i]);
    sl_certificates_finish(&chain);
    free(path);
    free(key);
}

Test(request, its_fingerprint_is_of_every_byte_of_both) {
    struct sl_request *first, *second;
    make_request(kit, "alice");
    char *other = sl_test_path(folder, "other"), *path = sl_test_path(other, "request.pem");
    make_request(other, "alice");
    cr_assert_eq(sl_request_read(&first, request_path, NULL), SL_OK);
    cr_assert_eq(sl_request_read(&second, path, NULL), SL_OK);
    cr_assert_eq(strlen(sl_request_fingerprint(first)), 64);
    cr_assert_str_neq(sl_request_fingerprint(first), sl_request_fingerprint(second));
    sl_request_destroy(second);
    sl_request_destroy(first);
    free(path);
    free(other);
}

/* Each byte flipped, in DER: refused, or it never was part of what is signed (there is no such byte). */
Test(request, any_change_is_found) {
    make_request(kit, "alice");
    char *text = text_of(request_path);
    static const char begin[] = "-----BEGIN NEW CERTIFICATE REQUEST-----";
    char *second = strstr(text + 1, begin);
    cr_assert_not_null(second);
    gnutls_datum_t pem = {(unsigned char *)text, (unsigned)(second - text)}, der;
    cr_assert_eq(gnutls_pem_base64_decode2("NEW CERTIFICATE REQUEST", &pem, &der), 0);
    for (unsigned i = 0; i < der.size; i++) {
        gnutls_datum_t changed;
        struct sl_request *request = NULL;
        struct sl_buffer all = {0};
        struct sl_error error = {0};
        der.data[i] ^= 1;
        cr_assert_eq(gnutls_pem_base64_encode2("NEW CERTIFICATE REQUEST", &der, &changed), 0);
        der.data[i] ^= 1;
        cr_assert_eq(sl_buffer_append(&all, changed.data, changed.size), SL_OK);
        cr_assert_eq(sl_buffer_append(&all, second, strlen(second)), SL_OK);
        cr_assert_neq(sl_request_parse(&request, (const char *)all.data, all.length, &error), SL_OK, "byte %u", i);
        cr_assert_null(request);
        cr_assert_null(strpbrk(error.text, "\n\r\033"), "%s", error.text);
        sl_buffer_finish(&all);
        gnutls_free(changed.data);
    }
    gnutls_free(der.data);
    free(text);
}

/* A request with these names, signed well. */
static void append_request(struct sl_buffer *out, gnutls_x509_privkey_t key, const char *uri, const char *host,
                           const char *purpose) {
    gnutls_x509_crq_t request;
    gnutls_datum_t pem;
    gnutls_privkey_t signer;
    cr_assert_eq(sl_key_signer(&signer, key, NULL), SL_OK);
    cr_assert_eq(gnutls_x509_crq_init(&request), 0);
    cr_assert_eq(gnutls_x509_crq_set_version(request, 1), 0);
    cr_assert_eq(gnutls_x509_crq_set_key(request, key), 0);
    if (uri != NULL)
        cr_assert_eq(
            gnutls_x509_crq_set_subject_alt_name(request, GNUTLS_SAN_URI, uri, (unsigned)strlen(uri), GNUTLS_FSAN_SET),
            0);
    if (host != NULL)
        cr_assert_eq(gnutls_x509_crq_set_subject_alt_name(request, GNUTLS_SAN_DNSNAME, host, (unsigned)strlen(host),
                                                          uri != NULL ? GNUTLS_FSAN_APPEND : GNUTLS_FSAN_SET),
                     0);
    if (purpose != NULL)
        cr_assert_eq(gnutls_x509_crq_set_key_purpose_oid(request, purpose, 0), 0);
    cr_assert_eq(gnutls_x509_crq_privkey_sign(request, signer, GNUTLS_DIG_SHA256, 0), 0);
    cr_assert_eq(gnutls_x509_crq_export2(request, GNUTLS_X509_FMT_PEM, &pem), 0);
    cr_assert_eq(sl_buffer_append(out, pem.data, pem.size), SL_OK);
    gnutls_free(pem.data);
    gnutls_x509_crq_deinit(request);
    gnutls_privkey_deinit(signer);
}

static const char good_uri[] = "starling://demo/alice";

static enum sl_status parse_pair(gnutls_x509_privkey_t key, const char *uri, const char *host, const char *second_uri,
                                 const char *second_purpose, struct sl_error *error) {
    struct sl_buffer text = {0};
    struct sl_request *request = NULL;
    append_request(&text, key, uri, host, GNUTLS_KP_TLS_WWW_SERVER);
    append_request(&text, key, second_uri, host, second_purpose);
    enum sl_status status = sl_request_parse(&request, (const char *)text.data, text.length, error);
    sl_request_destroy(request);
    sl_buffer_finish(&text);
    return status;
}

Test(request, names_that_are_none_are_refused) {
    static const char *const uris[] = {"starling://demo/../bob", "starling://demo/Alice", "starling://demo/",
                                       "starling:///alice",      "http://demo/alice",     "starling://demo/a%20b",
                                       "starling://demo/alice/", "starling://de mo/a",    "STARLING://demo/alice"};
    static const char *const bad_hosts[] = {"a b", "*.example", "-x", "x:1"};
    gnutls_x509_privkey_t key;
    struct sl_error error = {0};
    cr_assert_eq(sl_key_generate(&key, SL_KEY_ECDSA_P256, NULL), SL_OK);
    cr_assert_eq(parse_pair(key, good_uri, "a.example", good_uri, GNUTLS_KP_TLS_WWW_CLIENT, &error), SL_OK, "%s",
                 error.text);
    for (size_t i = 0; i < sizeof uris / sizeof *uris; i++) {
        cr_assert_neq(parse_pair(key, uris[i], "a.example", uris[i], GNUTLS_KP_TLS_WWW_CLIENT, &error), SL_OK, "%s",
                      uris[i]);
        cr_assert_null(strpbrk(error.text, "\n\r\033"));
    }
    for (size_t i = 0; i < sizeof bad_hosts / sizeof *bad_hosts; i++)
        cr_assert_neq(parse_pair(key, good_uri, bad_hosts[i], good_uri, GNUTLS_KP_TLS_WWW_CLIENT, &error), SL_OK, "%s",
                      bad_hosts[i]);
    cr_assert_neq(parse_pair(key, NULL, "a.example", NULL, GNUTLS_KP_TLS_WWW_CLIENT, &error), SL_OK);
    cr_assert_neq(parse_pair(key, good_uri, NULL, good_uri, GNUTLS_KP_TLS_WWW_CLIENT, &error), SL_OK);
    cr_assert_eq(parse_pair(key, good_uri, "a.example", "starling://demo/bob", GNUTLS_KP_TLS_WWW_CLIENT, &error),
                 SL_MISMATCH);
    cr_assert_eq(parse_pair(key, good_uri, "a.example", good_uri, GNUTLS_KP_TLS_WWW_SERVER, &error), SL_FORMAT);
    cr_assert_eq(parse_pair(key, good_uri, "a.example", good_uri, GNUTLS_KP_CODE_SIGNING, &error), SL_FORMAT);
    cr_assert_eq(parse_pair(key, good_uri, "a.example", good_uri, NULL, &error), SL_FORMAT);
    gnutls_x509_privkey_deinit(key);
}

/* What GnuTLS would not write, but reads. */
Test(request, bytes_that_no_name_has) {
    static const struct {
        unsigned type;
        const char *bytes;
        size_t length;
    } bad[] = {{GNUTLS_SAN_URI, "starling://demo/a\nb", 19},
               {GNUTLS_SAN_URI, "starling://demo/alice\0.", 23},
               {GNUTLS_SAN_URI, "starling://demo/\033[2J", 20},
               {GNUTLS_SAN_URI, "starling://demo/\xff\xfe", 18},
               {GNUTLS_SAN_URI, "starling://d\0mo/alice", 21},
               {GNUTLS_SAN_URI, "", 0},
               {GNUTLS_SAN_DNSNAME, "a.example\0", 10},
               {GNUTLS_SAN_DNSNAME, "a\n.example", 10},
               {GNUTLS_SAN_DNSNAME, "\033[31m", 5},
               {GNUTLS_SAN_DNSNAME, "\xc3\xbc.example", 10},
               {GNUTLS_SAN_DNSNAME, "", 0},
               {GNUTLS_SAN_IPADDRESS, "12345", 5},
               {GNUTLS_SAN_IPADDRESS, "", 0},
               {GNUTLS_SAN_RFC822NAME, "a@example", 9},
               {GNUTLS_SAN_DN, "x", 1}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct sl_names names = {0};
        struct sl_error error = {0};
        cr_assert_neq(sl_names_add(&names, bad[i].type, (const uint8_t *)bad[i].bytes, bad[i].length, &error), SL_OK,
                      "%zu", i);
        cr_assert_eq(names.host_count, 0);
        cr_assert_null(strpbrk(error.text, "\n\r\033\xff"));
    }
    struct sl_names names = {0};
    for (int i = 0; i < SL_REQUEST_HOSTS_MAX; i++)
        cr_assert_eq(sl_names_add(&names, GNUTLS_SAN_DNSNAME, (const uint8_t *)"a", 1, NULL), SL_OK);
    cr_assert_eq(sl_names_add(&names, GNUTLS_SAN_DNSNAME, (const uint8_t *)"a", 1, NULL), SL_LIMIT);
    cr_assert_eq(sl_names_add(&names, GNUTLS_SAN_URI, (const uint8_t *)good_uri, strlen(good_uri), NULL), SL_OK);
    cr_assert_eq(sl_names_add(&names, GNUTLS_SAN_URI, (const uint8_t *)good_uri, strlen(good_uri), NULL), SL_FORMAT);
}

Test(request, weak_keys_are_refused) {
    static const struct {
        gnutls_pk_algorithm_t algorithm;
        unsigned bits;
    } weak[] = {{GNUTLS_PK_RSA, 1024}, {GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP192R1)}};
    for (size_t i = 0; i < sizeof weak / sizeof *weak; i++) {
        gnutls_x509_privkey_t key;
        struct sl_error error = {0};
        cr_assert_eq(gnutls_x509_privkey_init(&key), 0);
        if (gnutls_x509_privkey_generate(key, weak[i].algorithm, weak[i].bits, 0) >= 0) {
            cr_assert_eq(parse_pair(key, good_uri, "a.example", good_uri, GNUTLS_KP_TLS_WWW_CLIENT, &error),
                         SL_UNTRUSTED);
            cr_assert_not_null(strstr(error.text, "too weak"), "%s", error.text);
        } else {
            cr_assert_neq(i, 0, "no RSA of 1024 bits to test with");
        }
        gnutls_x509_privkey_deinit(key);
    }
}

Test(request, files_that_are_none) {
    static const char begun[] = "-----BEGIN NEW CERTIFICATE REQUEST-----\n";
    static const char empty[] = "-----BEGIN NEW CERTIFICATE REQUEST-----\nAAAA\n"
                                "-----END NEW CERTIFICATE REQUEST-----\n";
    static const char *const texts[] = {"", "x", begun, empty};
    struct sl_request *request = NULL;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        cr_assert_neq(sl_request_parse(&request, texts[i], strlen(texts[i]), NULL), SL_OK, "%zu", i);
    make_request(kit, "alice");
    char *text = text_of(request_path), *thrice = NULL;
    cr_assert_gt(asprintf(&thrice, "%s%s", text, text), 0);
    cr_assert_neq(sl_request_parse(&request, thrice, strlen(thrice), NULL), SL_OK);
    cr_assert_neq(sl_request_parse(&request, text, strlen(text) / 2, NULL), SL_OK);
    cr_assert_neq(sl_request_parse(&request, text, strlen(text) + 1, NULL), SL_OK, "a NUL behind it");
    char *huge = calloc(1, SL_REQUEST_FILE_MAX + 1);
    memset(huge, 'x', SL_REQUEST_FILE_MAX + 1);
    cr_assert_eq(sl_request_parse(&request, huge, SL_REQUEST_FILE_MAX + 1, NULL), SL_LIMIT);
    char *ca = sl_test_path(authority, "ca.pem");
    cr_assert_neq(sl_request_read(&request, ca, NULL), SL_OK);
    free(ca);
    free(huge);
    free(thrice);
    free(text);
}

Test(request, what_the_authority_refuses) {
    struct sl_error error = {0};
    char *other = sl_test_path(folder, "other"), *path = sl_test_path(other, "request.pem");
    struct sl_kit_options options = usual(other, "alice");
    options.flock = "demo2";
    cr_assert_eq(sl_kit_request(&options, &error), SL_OK);
    cr_assert_eq(approve(path, false, &error), SL_MISMATCH);
    cr_assert_not_null(strstr(error.text, "demo2"), "%s", error.text);
    cr_assert_neq(access(answer, F_OK), 0);
    make_request(kit, "alice");
    cr_assert_eq(approve(request_path, false, &error), SL_OK);
    cr_assert_eq(approve(request_path, false, &error), SL_EXISTS);
    cr_assert_eq(approve(request_path, true, &error), SL_OK, "%s", error.text);
    cr_assert_eq(install(kit, &error), SL_OK, "%s", error.text);
    free(path);
    free(other);
}

/* Who was revoked for a reason does not come back with the same key; who was only replaced may. */
Test(request, a_key_that_was_revoked_stays_out) {
    struct sl_error error = {0};
    const struct sl_authority_access open = {.folder = authority};
    size_t count = 0;
    make_request(kit, "alice");
    cr_assert_eq(approve(request_path, false, &error), SL_OK);
    cr_assert_eq(sl_authority_revoke(&open, "alice", SL_REVOKED_SUPERSEDED, &count, &error), SL_OK);
    cr_assert_eq(approve(request_path, false, &error), SL_OK, "%s", error.text);
    cr_assert_eq(sl_authority_revoke(&open, "alice", SL_REVOKED_KEY_COMPROMISE, &count, &error), SL_OK);
    cr_assert_eq(count, 2);
    cr_assert_eq(approve(request_path, true, &error), SL_UNTRUSTED);
    cr_assert_not_null(strstr(error.text, "revoked"), "%s", error.text);
}

/* That its key is known to others may come out after it was replaced; what was worse is never made better. */
Test(request, a_superseded_key_may_turn_out_to_be_compromised) {
    struct sl_error error = {0};
    const struct sl_authority_access open = {.folder = authority};
    struct sl_authority read;
    size_t count = 0;
    make_request(kit, "alice");
    cr_assert_eq(approve(request_path, false, &error), SL_OK);
    cr_assert_eq(sl_authority_revoke(&open, "alice", SL_REVOKED_SUPERSEDED, &count, &error), SL_OK);
    cr_assert_eq(sl_authority_read(&read, authority, &error), SL_OK);
    int64_t when = read.database.entries[0].revoked;
    sl_authority_finish(&read);
    cr_assert_eq(sl_authority_revoke(&open, "alice", SL_REVOKED_KEY_COMPROMISE, &count, &error), SL_OK);
    cr_assert_eq(count, 2);
    const enum sl_revocation_reason later[] = {SL_REVOKED_SUPERSEDED, SL_REVOKED_UNSPECIFIED,
                                               SL_REVOKED_KEY_COMPROMISE};
    for (size_t i = 0; i < sizeof later / sizeof later[0]; i++) {
        cr_assert_eq(sl_authority_revoke(&open, "alice", later[i], &count, &error), SL_OK);
        cr_assert_eq(count, 0);
    }
    cr_assert_eq(sl_authority_read(&read, authority, &error), SL_OK, "%s", error.text);
    for (size_t i = 0; i < 2; i++) {
        cr_assert_eq(read.database.entries[i].reason, SL_REVOKED_KEY_COMPROMISE);
        cr_assert_eq(read.database.entries[i].revoked, when);
    }
    cr_assert_eq(sl_revocation_list_count(sl_authority_own_list(&read)), 2);
    sl_authority_finish(&read);
    cr_assert_eq(approve(request_path, true, &error), SL_UNTRUSTED);
}

/* Of a name with good certificates only those are meant: the former ones may have had another key. */
Test(request, former_certificates_keep_their_reason) {
    struct sl_error error = {0};
    const struct sl_authority_access open = {.folder = authority};
    struct sl_authority read;
    char serial[2 * SL_SERIAL_MAX + 1];
    size_t count = 0;
    make_request(kit, "alice");
    cr_assert_eq(approve(request_path, false, &error), SL_OK);
    cr_assert_eq(approve(request_path, true, &error), SL_OK);
    cr_assert_eq(sl_authority_revoke(&open, "alice", SL_REVOKED_KEY_COMPROMISE, &count, &error), SL_OK);
    cr_assert_eq(count, 2);
    cr_assert_eq(sl_authority_read(&read, authority, &error), SL_OK, "%s", error.text);
    cr_assert_eq(read.database.entries[0].reason, SL_REVOKED_SUPERSEDED);
    cr_assert_eq(read.database.entries[2].reason, SL_REVOKED_KEY_COMPROMISE);
    strcpy(serial, read.database.entries[0].serial);
    sl_authority_finish(&read);
    cr_assert_eq(sl_authority_revoke(&open, serial, SL_REVOKED_KEY_COMPROMISE, &count, &error), SL_OK);
    cr_assert_eq(count, 1);
}

Test(request, an_answer_for_somebody_else_changes_nothing) {
    struct sl_error error = {0};
    char *other = sl_test_path(folder, "bob"), *path = sl_test_path(other, "request.pem");
    make_request(kit, "alice");
    make_request(other, "bob");
    cr_assert_eq(approve(path, false, &error), SL_OK);
    cr_assert_eq(install(kit, &error), SL_MISMATCH);
    char *certificate = sl_test_path(kit, "server.pem"), *ca = sl_test_path(kit, "ca.pem");
    cr_assert_neq(access(certificate, F_OK), 0);
    cr_assert_neq(access(ca, F_OK), 0);
    cr_assert_eq(install(other, &error), SL_OK, "%s", error.text);
    free(ca);
    free(certificate);
    free(path);
    free(other);
}

/* An answer from another authority of the same name: only where its owner says so, and then besides the old one. */
Test(request, a_new_authority_is_not_trusted_by_surprise) {
    struct sl_error error = {0};
    make_request(kit, "alice");
    cr_assert_eq(approve(request_path, false, &error), SL_OK);
    cr_assert_eq(install(kit, &error), SL_OK, "%s", error.text);
    char *next = sl_test_path(folder, "next"), *ca = sl_test_path(kit, "ca.pem");
    struct sl_authority_options made = {.folder = next, .flock = "demo", .days = 90};
    cr_assert_eq(sl_authority_create(&made, &error), SL_OK, "%s", error.text);
    char *keep = authority, *before = text_of(ca);
    authority = next;
    cr_assert_eq(approve(request_path, false, &error), SL_OK, "%s", error.text);
    authority = keep;
    cr_assert_eq(install(kit, &error), SL_UNTRUSTED);
    cr_assert_not_null(strstr(error.text, "--new-authority"), "%s", error.text);
    char *after = text_of(ca);
    cr_assert_str_eq(before, after);
    struct sl_install_options options = {.folder = kit, .answer = answer, .new_authority = true};
    cr_assert_eq(sl_kit_install(&options, &error), SL_OK, "%s", error.text);
    struct sl_certificates trust;
    cr_assert_eq(sl_certificates_read(&trust, ca, false, NULL), SL_OK);
    cr_assert_eq(trust.count, 2);
    sl_certificates_finish(&trust);
    free(after);
    free(before);
    free(ca);
    free(next);
}

Test(request, encrypted_keys) {
    struct sl_error error = {0};
    struct sl_kit_options options = usual(kit, "alice");
    options.key_passphrase = "correct horse";
    cr_assert_eq(sl_kit_request(&options, &error), SL_OK, "%s", error.text);
    char *path = sl_test_path(kit, "client.key"), *text = text_of(path);
    cr_assert_not_null(strstr(text, "ENCRYPTED"));
    cr_assert_eq(approve(request_path, false, &error), SL_OK, "%s", error.text);
    cr_assert_neq(install(kit, &error), SL_OK);
    struct sl_install_options with = {.folder = kit, .answer = answer, .key_passphrase = "wrong horse"};
    cr_assert_neq(sl_kit_install(&with, &error), SL_OK);
    with.key_passphrase = "correct horse";
    cr_assert_eq(sl_kit_install(&with, &error), SL_OK, "%s", error.text);
    free(text);
    free(path);
}
