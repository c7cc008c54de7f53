/* Authorities and kits: what is in them, who may read it, and that nothing is ever overwritten or left half made. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <starling/identity.h>

#include "base/file.h"
#include "crypto/random.h"
#include "support/certificates.h"

static char *folder, *authority;

static void set_up(void) {
    folder = sl_test_folder_make();
    authority = sl_test_path(folder, "demo");
}

static void tear_down(void) {
    free(authority);
    sl_test_folder_remove(folder);
}

TestSuite(kit, .init = set_up, .fini = tear_down);

static enum sl_status create_authority(enum sl_key_kind key, const char *passphrase, struct sl_error *error) {
    struct sl_authority_options options = {.folder = authority, .key = key, .days = 90, .passphrase = passphrase};
    return sl_authority_create(&options, error);
}

static const char *const usual_hosts[] = {"127.0.0.1"};

static struct sl_kit_options usual(const char *path, const char *node) {
    return (struct sl_kit_options){.authority = authority,
                                   .folder = path,
                                   .node = node,
                                   .hosts = usual_hosts,
                                   .host_count = 1,
                                   .port = 7400,
                                   .days = 30,
                                   .start_nodes = 3,
                                   .parts = 3,
                                   .data = "no such folder"};
}

static size_t count_entries(const char *path) {
    size_t count = 0;
    DIR *entries = opendir(path);
    cr_assert_not_null(entries);
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(entries);
    return count;
}

static unsigned mode_of(const char *path, const char *name) {
    struct stat about;
    char *full = sl_test_path(path, name);
    cr_assert_eq(stat(full, &about), 0, "%s", full);
    free(full);
    return about.st_mode & 07777;
}

static char *text_of(const char *path, const char *name) {
    char *full = sl_test_path(path, name);
    struct sl_buffer file = {0};
    cr_assert_eq(sl_file_read(&file, full, 1 << 20, NULL), SL_OK, "%s", full);
    free(full);
    return (char *)file.data; /* sl_file_read ends it with a NUL */
}

static struct sl_settings *load_settings(const char *kit) {
    char *path = sl_test_path(kit, "settings.json");
    struct sl_settings *settings = NULL;
    struct sl_error error = {0};
    cr_assert_eq(sl_settings_load(&settings, path, NULL, 0, &error), SL_OK, "%s", error.text);
    free(path);
    return settings;
}

static gnutls_x509_crt_t read_certificate(const char *path, const char *name) {
    gnutls_x509_crt_t certificate;
    char *pem = text_of(path, name);
    gnutls_datum_t data = {(unsigned char *)pem, (unsigned)strlen(pem)};
    cr_assert_eq(gnutls_x509_crt_init(&certificate), 0);
    cr_assert_eq(gnutls_x509_crt_import(certificate, &data, GNUTLS_X509_FMT_PEM), 0);
    free(pem);
    return certificate;
}

Test(kit, a_kit_starts_a_node) {
    static const enum sl_key_kind kinds[] = {SL_KEY_ECDSA_P256, SL_KEY_ED25519, SL_KEY_RSA_3072};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char name[8];
        struct sl_error error = {0};
        struct sl_identity *identity;
        snprintf(name, sizeof name, "kit%zu", i);
        char *ca = sl_test_path(folder, name), *kit = sl_test_path(ca, "deep/alice");
        struct sl_authority_options made = {.folder = ca, .flock = "demo", .key = kinds[i], .days = 90};
        cr_assert_eq(sl_authority_create(&made, &error), SL_OK, "%s", error.text);
        struct sl_kit_options options = usual(kit, "alice");
        options.authority = ca;
        options.key = kinds[i];
        cr_assert_eq(sl_kit_create(&options, &error), SL_OK, "%s", error.text);
        struct sl_settings *settings = load_settings(kit);
        cr_assert_eq(sl_identity_load(&identity, settings, NULL, &error), SL_OK, "%s", error.text);
        cr_assert_str_eq(sl_identity_node(identity), "alice");
        cr_assert_str_eq(sl_identity_flock(identity), "demo");
        cr_assert_null(sl_identity_warning(identity));
        sl_identity_unref(identity);
        sl_settings_destroy(settings);
        free(kit);
        free(ca);
    }
}

Test(kit, files_and_their_modes) {
    struct sl_error error = {0};
    char *kit = sl_test_path(folder, "alice");
    umask(0);
    cr_assert_eq(create_authority(SL_KEY_ECDSA_P256, NULL, &error), SL_OK, "%s", error.text);
    struct sl_kit_options options = usual(kit, "alice");
    cr_assert_eq(sl_kit_create(&options, &error), SL_OK, "%s", error.text);
    cr_assert_eq(count_entries(folder), 2);
    cr_assert_eq(count_entries(authority), 4);
    cr_assert_eq(mode_of(authority, "database.jsonl"), 0600);
    cr_assert_eq(mode_of(authority, "crl.pem"), 0644);
    cr_assert_eq(mode_of(authority, "ca.key"), 0600);
    cr_assert_eq(mode_of(authority, "ca.pem"), 0644);
    cr_assert_eq(count_entries(kit), 7);
    cr_assert_eq(mode_of(kit, "crl.pem"), 0644);
    cr_assert_eq(mode_of(kit, "server.key"), 0600);
    cr_assert_eq(mode_of(kit, "client.key"), 0600);
    cr_assert_eq(mode_of(kit, "."), 0700);
    free(kit);
}

Test(kit, holds_no_secret_of_the_authority) {
    struct sl_error error = {0};
    char *kit = sl_test_path(folder, "alice");
    cr_assert_eq(create_authority(SL_KEY_ECDSA_P256, NULL, &error), SL_OK, "%s", error.text);
    char *key = text_of(authority, "ca.key"), *certificate = text_of(authority, "ca.pem");
    char *both = NULL, *path = sl_test_path(authority, "ca.pem");
    cr_assert_gt(asprintf(&both, "%s%s", key, certificate), 0); /* as careless people keep them */
    sl_test_write(path, both, strlen(both), 0644);
    struct sl_kit_options options = usual(kit, "alice");
    cr_assert_eq(sl_kit_create(&options, &error), SL_OK, "%s", error.text);
    char *copy = text_of(kit, "ca.pem");
    cr_assert_null(strstr(copy, "PRIVATE KEY"));
    cr_assert_str_eq(copy, certificate);
    char *server = text_of(kit, "server.key"), *client = text_of(kit, "client.key");
    cr_assert_str_neq(server, client);
    cr_assert_str_neq(server, key);
    free(client);
    free(server);
    free(copy);
    free(both);
    free(path);
    free(certificate);
    free(key);
    free(kit);
}

Test(kit, passphrase_encrypts_the_key) {
    struct sl_error error = {0};
    char *kit = sl_test_path(folder, "alice");
    cr_assert_eq(create_authority(SL_KEY_ECDSA_P256, "", &error), SL_USAGE);
    cr_assert_eq(create_authority(SL_KEY_ECDSA_P256, "correct horse", &error), SL_OK, "%s", error.text);
    char *key = text_of(authority, "ca.key");
    cr_assert_not_null(strstr(key, "BEGIN ENCRYPTED PRIVATE KEY"));
    gnutls_datum_t pem = {(unsigned char *)key, (unsigned)strlen(key)};
    unsigned schema = 0, cipher = 0, salt_length = 0, rounds = 0;
    cr_assert_eq(gnutls_pkcs8_info(&pem, GNUTLS_X509_FMT_PEM, &schema, &cipher, NULL, &salt_length, &rounds, NULL), 0);
    cr_assert_eq(schema, GNUTLS_PKCS_PBES2_AES_256);
    cr_assert_geq(rounds, 100000);
    free(key);

    struct sl_kit_options options = usual(kit, "alice");
    cr_assert_eq(sl_kit_create(&options, &error), SL_PERMISSION);
    cr_assert_not_null(strstr(error.text, "no passphrase is given"), "%s", error.text);
    options.passphrase = "wrong horse";
    cr_assert_eq(sl_kit_create(&options, &error), SL_PERMISSION);
    cr_assert_not_null(strstr(error.text, "not with this passphrase"), "%s", error.text);
    cr_assert_eq(count_entries(folder), 1);
    options.passphrase = "correct horse";
    cr_assert_eq(sl_kit_create(&options, &error), SL_OK, "%s", error.text);
    free(kit);
}

Test(kit, an_existing_one_is_never_touched) {
    struct sl_error error = {0};
    char *kit = sl_test_path(folder, "alice");
    cr_assert_eq(create_authority(SL_KEY_ECDSA_P256, NULL, &error), SL_OK, "%s", error.text);
    char *before = text_of(authority, "ca.key");
    cr_assert_eq(create_authority(SL_KEY_ECDSA_P256, NULL, &error), SL_EXISTS);
    cr_assert_not_null(strstr(error.text, authority), "%s", error.text);
    char *after = text_of(authority, "ca.key");
    cr_assert_str_eq(before, after);
    free(after);
    free(before);

    struct sl_kit_options options = usual(kit, "alice");
    cr_assert_eq(mkdir(kit, 0755), 0); /* an empty folder is filled */
    cr_assert_eq(sl_kit_create(&options, &error), SL_OK, "%s", error.text);
    before = text_of(kit, "server.key");
    cr_assert_eq(sl_kit_create(&options, &error), SL_EXISTS);
    after = text_of(kit, "server.key");
    cr_assert_str_eq(before, after);
    options.folder = authority;
    cr_assert_eq(sl_kit_create(&options, &error), SL_EXISTS);
    char *file = sl_test_path(folder, "file");
    sl_test_write(file, "x", 1, 0644);
    options.folder = file;
    cr_assert_neq(sl_kit_create(&options, &error), SL_OK);
    cr_assert_eq(count_entries(folder), 3);
    free(file);
    free(after);
    free(before);
    free(kit);
}

Test(kit, wrong_options_leave_nothing) {
    static const char *const bad_hosts[] = {
        "",           "a b",   "*.example.org",  "-x",           "x-",          "a..b", ".a",  "a.",
        "10.0.0.300", "[::1]", "127.0.0.1:7400", "fe80::1%eth0", "\xc3\xbc.de", "a\nb", "x/y", "1.2.3.0x7f"};
    struct sl_error error = {0};
    char *kit = sl_test_path(folder, "alice");
    cr_assert_eq(create_authority(SL_KEY_ECDSA_P256, NULL, &error), SL_OK, "%s", error.text);
    struct sl_kit_options bad[8];
    for (size_t i = 0; i < 8; i++)
        bad[i] = usual(kit, "alice");
    bad[0].node = "Alice";
    bad[1].node = "../alice";
    bad[2].port = 0;
    bad[3].port = 65536;
    bad[4].days = 0;
    bad[5].days = SL_VALIDITY_DAYS_MAX + 1;
    bad[6].host_count = 0;
    bad[7].part = 3;
    for (size_t i = 0; i < 8; i++)
        cr_assert_eq(sl_kit_create(&bad[i], &error), SL_USAGE, "%zu", i);
    struct sl_kit_options options = usual(kit, "alice");
    for (size_t i = 0; i < sizeof bad_hosts / sizeof *bad_hosts; i++) {
        const char *hosts[] = {"127.0.0.1", bad_hosts[i]};
        options.hosts = hosts;
        options.host_count = 2;
        cr_assert_eq(sl_kit_create(&options, &error), SL_USAGE, "%s", bad_hosts[i]);
    }
    options = usual(".", "alice");
    cr_assert_eq(sl_kit_create(&options, &error), SL_USAGE);
    options = usual(kit, "alice"); /* more addresses than settings take */
    const char *many[17];
    char names[17][32];
    for (size_t i = 0; i < 17; i++) {
        snprintf(names[i], sizeof names[i], "h%zu.example.org", i);
        many[i] = names[i];
    }
    options.hosts = many;
    options.host_count = 17;
    cr_assert_eq(sl_kit_create(&options, &error), SL_SETTINGS);
    cr_assert(strstr(error.text, "transport.advertise") != NULL, "%s", error.text);
    options = usual(kit, "alice");
    options.authority = kit;
    cr_assert_eq(sl_kit_create(&options, &error), SL_NOT_FOUND);
    cr_assert_eq(count_entries(folder), 1);
    free(kit);
}

Test(kit, flock_is_named_by_the_folder) {
    struct sl_error error = {0};
    char *odd = sl_test_path(folder, "My_Flock"), *slashes = sl_test_path(folder, "flock-2//");
    struct sl_authority_options options = {.folder = odd, .days = 1};
    cr_assert_eq(sl_authority_create(&options, &error), SL_USAGE);
    cr_assert_not_null(strstr(error.text, "My_Flock"));
    options.folder = slashes;
    cr_assert_eq(sl_authority_create(&options, &error), SL_OK, "%s", error.text);
    char *kit = sl_test_path(folder, "alice");
    struct sl_kit_options kit_options = usual(kit, "alice");
    kit_options.authority = slashes;
    cr_assert_eq(sl_kit_create(&kit_options, &error), SL_OK, "%s", error.text);
    struct sl_settings *settings = load_settings(kit);
    cr_assert_str_eq(settings->flock.name, "flock-2");
    cr_assert_eq(count_entries(folder), 2);
    sl_settings_destroy(settings);
    free(kit);
    free(slashes);
    free(odd);
}

static void expect_purpose(gnutls_x509_crt_t certificate, const char *oid) {
    char found[128];
    size_t size = sizeof found;
    cr_assert_eq(gnutls_x509_crt_get_key_purpose_oid(certificate, 0, found, &size, NULL), 0);
    cr_assert_str_eq(found, oid);
    size = sizeof found;
    cr_assert_eq(gnutls_x509_crt_get_key_purpose_oid(certificate, 1, found, &size, NULL),
                 GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE);
}

static void expect_key_id(gnutls_x509_crt_t certificate, gnutls_x509_crt_t issuer) {
    uint8_t own[64], theirs[64];
    size_t own_length = sizeof own, length = sizeof theirs;
    cr_assert_eq(gnutls_x509_crt_get_authority_key_id(certificate, own, &own_length, NULL), 0);
    cr_assert_eq(gnutls_x509_crt_get_subject_key_id(issuer, theirs, &length, NULL), 0);
    cr_assert_eq(own_length, length);
    cr_assert_arr_eq(own, theirs, length);
}

Test(kit, what_the_certificates_say) {
    struct sl_error error = {0};
    char *kit = sl_test_path(folder, "alice");
    cr_assert_eq(create_authority(SL_KEY_ECDSA_P256, NULL, &error), SL_OK, "%s", error.text);
    struct sl_kit_options options = usual(kit, "alice");
    options.days = 3650; /* longer than the authority */
    cr_assert_eq(sl_kit_create(&options, &error), SL_OK, "%s", error.text);
    gnutls_x509_crt_t ca = read_certificate(authority, "ca.pem");
    gnutls_x509_crt_t server = read_certificate(kit, "server.pem"), client = read_certificate(kit, "client.pem");
    unsigned critical = 0, is_ca = 0, usage = 0;
    int path_length = -1;
    cr_assert_eq(gnutls_x509_crt_get_basic_constraints(ca, &critical, &is_ca, &path_length), 1);
    cr_assert(critical && is_ca && path_length == 0);
    cr_assert_eq(gnutls_x509_crt_get_key_usage(ca, &usage, &critical), 0);
    cr_assert(critical && usage == (GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN));
    cr_assert_eq(gnutls_x509_crt_get_key_usage(server, &usage, &critical), 0);
    cr_assert(critical && usage == GNUTLS_KEY_DIGITAL_SIGNATURE);
    expect_purpose(server, GNUTLS_KP_TLS_WWW_SERVER);
    expect_purpose(client, GNUTLS_KP_TLS_WWW_CLIENT);
    expect_key_id(server, ca);
    expect_key_id(client, ca);
    cr_assert_eq(gnutls_x509_crt_get_expiration_time(server), gnutls_x509_crt_get_expiration_time(ca));
    cr_assert_lt(gnutls_x509_crt_get_activation_time(server), time(NULL) - 60);
    uint8_t serial[64], other[64];
    size_t length = sizeof serial, other_length = sizeof other;
    cr_assert_eq(gnutls_x509_crt_get_serial(server, serial, &length), 0);
    cr_assert_eq(gnutls_x509_crt_get_serial(client, other, &other_length), 0);
    cr_assert(length == 16 && other_length == 16 && serial[0] >= 0x40 && serial[0] < 0x80);
    cr_assert_neq(memcmp(serial, other, 16), 0);
    gnutls_x509_crt_deinit(client);
    gnutls_x509_crt_deinit(server);
    gnutls_x509_crt_deinit(ca);
    free(kit);
}

static void expect_addresses(const char *const *hosts, size_t count, const char *listen, const char *advertise) {
    static int number;
    char name[16], joined[2][512] = {"", ""};
    struct sl_error error = {0};
    snprintf(name, sizeof name, "kit%d", number++);
    char *kit = sl_test_path(folder, name);
    struct sl_kit_options options = usual(kit, "alice");
    options.hosts = hosts;
    options.host_count = count;
    options.replace = true;
    cr_assert_eq(sl_kit_create(&options, &error), SL_OK, "%s", error.text);
    struct sl_settings *settings = load_settings(kit);
    size_t used = 0;
    for (size_t i = 0; i < settings->transport.listen.count; i++)
        used += (size_t)snprintf(joined[0] + used, sizeof joined[0] - used, "%s ",
                                 settings->transport.listen.items[i].address);
    used = 0;
    for (size_t i = 0; i < settings->transport.advertise.count; i++)
        used +=
            (size_t)snprintf(joined[1] + used, sizeof joined[1] - used, "%s ", settings->transport.advertise.items[i]);
    cr_assert_str_eq(joined[0], listen);
    cr_assert_str_eq(joined[1], advertise);
    sl_settings_destroy(settings);
    free(kit);
}

Test(kit, addresses) {
    struct sl_error error = {0};
    cr_assert_eq(create_authority(SL_KEY_ECDSA_P256, NULL, &error), SL_OK, "%s", error.text);
    expect_addresses((const char *[]){"127.0.0.1"}, 1, "127.0.0.1:7400 ", "127.0.0.1:7400 ");
    expect_addresses((const char *[]){"10.1.2.3", "fd00::7"}, 2, "10.1.2.3:7400 [fd00::7]:7400 ",
                     "10.1.2.3:7400 [fd00::7]:7400 ");
    expect_addresses((const char *[]){"10.1.2.3", "node.example.org"}, 2, "0.0.0.0:7400 [::]:7400 ",
                     "10.1.2.3:7400 node.example.org:7400 ");
    expect_addresses((const char *[]){"localhost"}, 1, "127.0.0.1:7400 [::1]:7400 ", "localhost:7400 ");
    expect_addresses((const char *[]){"localhost", "127.0.0.1", "127.0.0.1", "localhost"}, 4,
                     "[::1]:7400 127.0.0.1:7400 ", "localhost:7400 127.0.0.1:7400 ");
    char long_name[254]; /* four labels of 62 and 63 */
    memset(long_name, 'a', sizeof long_name);
    long_name[62] = long_name[125] = long_name[188] = '.';
    long_name[251] = '\0';
    char advertised[300];
    snprintf(advertised, sizeof advertised, "%s:7400 ", long_name);
    expect_addresses((const char *[]){long_name}, 1, "0.0.0.0:7400 [::]:7400 ", advertised);
}

Test(kit, data_that_is_there_is_named) {
    static const char *const names[] = {"train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz",
                                        "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte.gz"};
    struct sl_error error = {0};
    cr_assert_eq(create_authority(SL_KEY_ECDSA_P256, NULL, &error), SL_OK, "%s", error.text);
    char *kits[] = {sl_test_path(folder, "idle"), sl_test_path(folder, "learns")};
    char *data = sl_test_path(folder, "data \"set\"");
    cr_assert_eq(mkdir(data, 0755), 0);
    struct sl_kit_options options = usual(kits[0], "alice");
    options.data = data;
    options.part = 2;
    for (size_t i = 0; i < 4; i++) {
        char *file = sl_test_path(data, names[i]);
        if (i == 3) { /* one is missing still */
            cr_assert_eq(sl_kit_create(&options, &error), SL_OK, "%s", error.text);
            struct sl_settings *idle = load_settings(kits[0]);
            cr_assert_eq(idle->learner.trainer, SL_TRAINER_IDLE);
            cr_assert_eq(idle->data.format, SL_SETTING_DATA_NONE);
            cr_assert_eq(idle->flock.start_nodes, 3);
            sl_settings_destroy(idle);
        }
        sl_test_write(file, "", 0, 0644);
        free(file);
    }
    options.folder = kits[1];
    options.replace = true;
    cr_assert_eq(sl_kit_create(&options, &error), SL_OK, "%s", error.text);
    struct sl_settings *learns = load_settings(kits[1]);
    cr_assert_eq(learns->learner.trainer, SL_TRAINER_MLP);
    cr_assert_eq(learns->data.format, SL_SETTING_DATA_IDX);
    cr_assert_eq(learns->data.part, 2);
    cr_assert_eq(learns->data.parts, 3);
    cr_assert_eq(learns->data.train.count, 2);
    cr_assert_not_null(strstr(learns->data.train.items[1], "data \"set\"/train-labels-idx1-ubyte.gz"));
    cr_assert_not_null(strstr(learns->data.test.items[0], "data \"set\"/t10k-images-idx3-ubyte"));
    sl_settings_destroy(learns);
    free(data);
    free(kits[0]);
    free(kits[1]);
}

Test(kit, authority_of_a_wrong_key_is_found_out) {
    struct sl_error error = {0};
    char *kit = sl_test_path(folder, "alice"), *other = sl_test_path(folder, "other");
    cr_assert_eq(create_authority(SL_KEY_ECDSA_P256, NULL, &error), SL_OK, "%s", error.text);
    struct sl_authority_options options = {.folder = other, .days = 1};
    cr_assert_eq(sl_authority_create(&options, &error), SL_OK, "%s", error.text);
    char *from = sl_test_path(other, "ca.key"), *to = sl_test_path(authority, "ca.key");
    cr_assert_eq(rename(from, to), 0);
    struct sl_kit_options kit_options = usual(kit, "alice");
    cr_assert_eq(sl_kit_create(&kit_options, &error), SL_MISMATCH);
    cr_assert_not_null(strstr(error.text, to), "%s", error.text);
    cr_assert_eq(access(kit, F_OK), -1);
    free(to);
    free(from);
    free(other);
    free(kit);
}
