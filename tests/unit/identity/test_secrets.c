/* Encrypted keys: the passphrase from a file, a variable or a person; and nobody asked twice. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "identity/passphrase.h"
#include "support/certificates.h"

static struct sl_test_flock flock;
static struct sl_settings settings;
static char *secret_file;

static const char secret[] = "correct horse battery staple";

/* A person who answers from a list, and what was asked. */
static struct person {
    const char *answers[8];
    size_t asked;
    char what[8][512];
} person;

static enum sl_status answer(void *context, char *out, size_t size, const char *what, struct sl_error *error) {
    struct person *self = context;
    cr_assert_lt(self->asked, 8);
    snprintf(self->what[self->asked], sizeof self->what[0], "%s", what);
    const char *text = self->answers[self->asked++];
    if (text == NULL)
        return sl_error_set(error, SL_CANCELLED, "nobody answers");
    cr_assert_lt(strlen(text), size);
    memcpy(out, text, strlen(text) + 1);
    return SL_OK;
}

static const struct sl_prompt prompt = {&person, answer};

static void write_encrypted(enum sl_purpose purpose) {
    bool server = purpose == SL_PURPOSE_SERVER;
    char uri[SL_TEST_URI_SIZE];
    struct sl_test_order order = sl_test_order_node(uri, &flock.authority, "demo", "alice", purpose);
    struct sl_test_pair pair;
    sl_test_issue(&pair, &order);
    sl_test_write_certificates(server ? settings.identity.server_certificate : settings.identity.client_certificate,
                               (const struct sl_test_pair *const[]){&pair}, 1);
    sl_test_write_encrypted_key(server ? settings.identity.server_key : settings.identity.client_key, &pair, secret);
    sl_test_pair_finish(&pair);
}

static void set_up(void) {
    sl_test_flock_init(&flock, "demo");
    sl_test_settings_init(&settings, &flock, "alice");
    write_encrypted(SL_PURPOSE_SERVER);
    write_encrypted(SL_PURPOSE_CLIENT);
    secret_file = sl_test_path(flock.folder, "secret");
    person = (struct person){.asked = 0};
}

static void tear_down(void) {
    free(secret_file);
    settings.identity.passphrase_file = settings.identity.passphrase_variable = NULL;
    sl_test_settings_finish(&settings);
    sl_test_flock_finish(&flock);
}

TestSuite(secrets, .init = set_up, .fini = tear_down);

static void write_secret(const char *text) {
    sl_test_write(secret_file, text, strlen(text), 0600);
    settings.identity.passphrase_file = secret_file;
}

static struct sl_identity *load(const struct sl_prompt *asked) {
    struct sl_identity *identity;
    struct sl_error error = {0};
    cr_assert_eq(sl_identity_load(&identity, &settings, asked, &error), SL_OK, "%s", error.text);
    uint8_t signature[SL_SIGNATURE_MAX];
    size_t length;
    cr_assert_eq(sl_identity_sign(identity, signature, &length, (struct sl_bytes){signature, 9}, &error), SL_OK);
    return identity;
}

static void expect_failure(const struct sl_prompt *asked, enum sl_status status, const char *first,
                           const char *second) {
    struct sl_identity *identity;
    struct sl_error error = {0};
    cr_assert_eq(sl_identity_load(&identity, &settings, asked, &error), status, "%d %s", (int)error.status, error.text);
    cr_assert_null(identity);
    cr_assert_not_null(strstr(error.text, first), "%s", error.text);
    cr_assert_not_null(strstr(error.text, second), "%s", error.text);
    cr_assert_null(strstr(error.text, "wrong one"), "a secret is in %s", error.text);
    cr_assert_null(strchr(error.text, '\n'));
}

Test(secrets, from_a_file) {
    char text[128];
    static const char *const endings[] = {"", "\n", "\r\n", "\nand more lines\nof no meaning"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        snprintf(text, sizeof text, "%s%s", secret, endings[i]);
        write_secret(text);
        sl_identity_unref(load(&prompt));
    }
    cr_assert_eq(person.asked, 0);
    write_secret("wrong one\n");
    expect_failure(&prompt, SL_PERMISSION, settings.identity.server_key, "not with this passphrase");
    write_secret("\n");
    expect_failure(&prompt, SL_FORMAT, secret_file, "it is empty");
    write_secret(secret);
    chmod(secret_file, 0640);
    expect_failure(&prompt, SL_PERMISSION, secret_file, "chmod 600 ");
    settings.identity.passphrase_file = (char[]){"/no/such/file"};
    expect_failure(&prompt, SL_NOT_FOUND, settings.identity.server_key, "/no/such/file");
    cr_assert_eq(person.asked, 0);
}

Test(secrets, from_a_variable) {
    settings.identity.passphrase_variable = (char[]){"STARLING_TEST_SECRET"};
    setenv("STARLING_TEST_SECRET", secret, 1);
    sl_identity_unref(load(&prompt));
    setenv("STARLING_TEST_SECRET", "wrong one", 1);
    expect_failure(&prompt, SL_PERMISSION, settings.identity.server_key, "not with this passphrase");
    setenv("STARLING_TEST_SECRET", "", 1);
    expect_failure(&prompt, SL_FORMAT, "STARLING_TEST_SECRET", "empty");
    unsetenv("STARLING_TEST_SECRET");
    expect_failure(&prompt, SL_PERMISSION, "STARLING_TEST_SECRET", "is not set");
    cr_assert_eq(person.asked, 0);
}

Test(secrets, from_a_person) {
    person = (struct person){.answers = {secret, secret}};
    sl_identity_unref(load(&prompt));
    cr_assert_eq(person.asked, 2);
    cr_assert_not_null(strstr(person.what[0], settings.identity.server_key), "%s", person.what[0]);
    cr_assert_not_null(strstr(person.what[1], settings.identity.client_key), "%s", person.what[1]);
    person = (struct person){.answers = {"wrong one", secret, "wrong one", "wrong one", secret}};
    sl_identity_unref(load(&prompt));
    cr_assert_eq(person.asked, 5);
    person = (struct person){.answers = {"wrong one", "wrong one", "wrong one", secret}};
    expect_failure(&prompt, SL_PERMISSION, settings.identity.server_key, "not with this passphrase");
    cr_assert_eq(person.asked, 3);
    person = (struct person){.answers = {NULL}};
    expect_failure(&prompt, SL_CANCELLED, settings.identity.server_key, "nobody answers");
    person = (struct person){.answers = {""}};
    expect_failure(&prompt, SL_PERMISSION, settings.identity.server_key, "is empty");
    expect_failure(NULL, SL_PERMISSION, settings.identity.server_key, "identity.passphrase_file");
}

Test(secrets, a_plain_key_needs_none) {
    sl_test_write_member(&flock, "alice");
    settings.identity.passphrase_file = (char[]){"/no/such/file"};
    sl_identity_unref(load(&prompt));
    cr_assert_eq(person.asked, 0);
}

Test(secrets, a_reload_asks_only_for_a_key_that_is_another) {
    person = (struct person){.answers = {secret, secret}};
    struct sl_identity *identity = load(&prompt), *again;
    struct sl_error error = {0};
    cr_assert_eq(sl_identity_reload(&again, identity, &settings, NULL, &error), SL_OK, "%s", error.text);
    sl_identity_unref(identity); /* the copy stands alone */
    uint8_t signature[SL_SIGNATURE_MAX];
    size_t length;
    cr_assert_eq(sl_identity_sign(again, signature, &length, (struct sl_bytes){signature, 9}, &error), SL_OK);
    cr_assert_not_null(sl_identity_credentials(again, SL_PURPOSE_SERVER));
    cr_assert_eq(person.asked, 2);

    write_encrypted(SL_PURPOSE_CLIENT);
    cr_assert_eq(sl_identity_reload(&identity, again, &settings, NULL, &error), SL_PERMISSION);
    cr_assert_not_null(strstr(error.text, settings.identity.client_key));
    person = (struct person){.answers = {secret}};
    cr_assert_eq(sl_identity_reload(&identity, again, &settings, &prompt, &error), SL_OK, "%s", error.text);
    cr_assert_eq(person.asked, 1);
    sl_identity_unref(again);
    sl_identity_unref(identity);
}

Test(secrets, what_a_source_may_hold) {
    char out[SL_PASSPHRASE_SIZE], longest[SL_PASSPHRASE_SIZE + 1];
    struct sl_passphrase_source source = {.file = secret_file, .variable = "", .prompt = NULL};
    struct sl_error error = {0};
    memset(longest, 'x', sizeof longest);
    longest[SL_PASSPHRASE_SIZE] = '\0';
    sl_test_write(secret_file, longest, SL_PASSPHRASE_SIZE - 1, 0600);
    cr_assert_eq(sl_passphrase_get(&source, out, "it", &error), SL_OK, "%s", error.text);
    cr_assert_eq(strlen(out), SL_PASSPHRASE_SIZE - 1);
    sl_test_write(secret_file, longest, SL_PASSPHRASE_SIZE, 0600);
    cr_assert_eq(sl_passphrase_get(&source, out, "it", &error), SL_FORMAT);
    sl_test_write(secret_file, "a\0b", 3, 0600);
    cr_assert_eq(sl_passphrase_get(&source, out, "it", &error), SL_FORMAT);
    cr_assert_not(sl_passphrase_is_asked(&source));
    source = (struct sl_passphrase_source){.prompt = &prompt};
    cr_assert(sl_passphrase_is_asked(&source));
    source.variable = "X";
    cr_assert_not(sl_passphrase_is_asked(&source));
}
