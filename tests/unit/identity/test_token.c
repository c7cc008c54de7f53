/* Keys on a PKCS#11 token, SoftHSM's in a temporary folder: they sign and serve TLS, from several threads, and the PIN
 * comes from where passphrases do. Without SoftHSM nothing here can run, which is said. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/certificates.h"
#include <errno.h>
#include <gnutls/pkcs11.h>

static struct sl_test_flock flock;
static struct sl_settings settings;
static char *secret_file;
static size_t asked;

static enum sl_status answer(void *context, char *out, size_t size, const char *what, struct sl_error *error) {
    (void)error;
    asked++;
    cr_assert_not_null(strstr(what, "PIN of the token starling-test"), "%s", what);
    snprintf(out, size, "%s", (const char *)context);
    return SL_OK;
}

static const struct sl_prompt right = {(char[]){"4711"}, answer}, wrong = {(char[]){"0815"}, answer};

static void run(const char *command) {
    cr_assert_eq(system(command), 0, "%s", command);
}

/* Both keys go onto the token, and their files away. */
static void move_to_token(gnutls_pk_algorithm_t kind) {
    static const char *const sides[] = {"server", "client"};
    char uri[SL_TEST_URI_SIZE], command[2048];
    for (int i = 0; i < 2; i++) {
        struct sl_test_order order = sl_test_order_node(uri, &flock.authority, "demo", "alice", (enum sl_purpose)i);
        struct sl_test_pair pair;
        order.key = kind;
        sl_test_issue(&pair, &order);
        snprintf(command, sizeof command, "%s/alice-%s.pem", flock.folder, sides[i]);
        sl_test_write_certificates(command, (const struct sl_test_pair *const[]){&pair}, 1);
        snprintf(command, sizeof command, "%s/key.pem", flock.folder);
        sl_test_write_key(command, &pair);
        snprintf(command, sizeof command,
                 "softhsm2-util --import %s/key.pem --token starling-test --label %s --id 0%d --pin 4711 >/dev/null",
                 flock.folder, sides[i], i + 1);
        run(command);
        sl_test_pair_finish(&pair);
    }
    snprintf(command, sizeof command, "%s/key.pem", flock.folder);
    unlink(command);
    free(settings.identity.server_key);
    free(settings.identity.client_key);
    settings.identity.server_key = strdup("pkcs11:token=starling-test;object=server;type=private");
    settings.identity.client_key = strdup("pkcs11:token=starling-test;object=client;type=private");
}

static bool have_softhsm(void) {
    return system("command -v softhsm2-util >/dev/null") == 0;
}

static void set_up(void) {
    char *configuration, *folder, text[1024];
    sl_test_flock_init(&flock, "demo");
    sl_test_settings_init(&settings, &flock, "alice");
    secret_file = sl_test_path(flock.folder, "pin");
    sl_test_write(secret_file, "4711\n", 5, 0600);
    asked = 0;
    folder = sl_test_path(flock.folder, "tokens");
    configuration = sl_test_path(flock.folder, "softhsm2.conf");
    mkdir(folder, 0700);
    snprintf(text, sizeof text, "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n", folder);
    sl_test_write(configuration, text, strlen(text), 0600);
    setenv("SOFTHSM2_CONF", configuration, 1);
    if (have_softhsm())
        run("softhsm2-util --init-token --free --label starling-test --pin 4711 --so-pin 0000 >/dev/null");
    free(configuration);
    free(folder);
}

static void tear_down(void) {
    settings.identity.passphrase_file = settings.identity.passphrase_variable = NULL;
    free(secret_file);
    sl_test_settings_finish(&settings);
    sl_test_flock_finish(&flock);
}

TestSuite(token, .init = set_up, .fini = tear_down);

static struct sl_identity *load(const struct sl_prompt *prompt) {
    struct sl_identity *identity;
    struct sl_error error = {0};
    cr_assert_eq(sl_identity_load(&identity, &settings, prompt, &error), SL_OK, "%s", error.text);
    return identity;
}

static void expect_failure(const struct sl_prompt *prompt, enum sl_status status, const char *reason) {
    struct sl_identity *identity;
    struct sl_error error = {0};
    cr_assert_eq(sl_identity_load(&identity, &settings, prompt, &error), status, "%d %s", (int)error.status,
                 error.text);
    cr_assert_null(identity);
    cr_assert_not_null(strstr(error.text, reason), "%s", error.text);
    cr_assert_null(strstr(error.text, "4711"), "the PIN is in %s", error.text);
}

static const uint8_t text[] = "said by alice";
static const struct sl_bytes message = {text, sizeof text};

static bool signs(const struct sl_identity *identity, const struct sl_credential *credential) {
    uint8_t signature[SL_SIGNATURE_MAX];
    size_t length = 0;
    struct sl_error error = {0};
    return sl_identity_sign(identity, signature, &length, message, &error) == SL_OK &&
           sl_credential_verify(credential, message, (struct sl_bytes){signature, length}, &error) == SL_OK;
}

static struct sl_credential *own_credential(const struct sl_identity *identity) {
    struct sl_bytes chain[SL_CHAIN_MAX];
    struct sl_credential *credential;
    size_t count = sl_identity_chain(identity, SL_PURPOSE_CLIENT, chain);
    cr_assert_eq(sl_identity_check_chain(identity, &credential, SL_PURPOSE_CLIENT, chain, count, NULL), SL_OK);
    return credential;
}

struct signer {
    const struct sl_identity *identity;
    const struct sl_credential *credential;
    bool failed;
};

static void *sign_often(void *context) {
    struct signer *signer = context;
    for (size_t i = 0; i < 20; i++)
        signer->failed |= !signs(signer->identity, signer->credential);
    return NULL;
}

static void expect_signatures_from_threads(const struct sl_identity *identity) {
    struct sl_credential *credential = own_credential(identity);
    struct signer signers[4];
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) {
        signers[i] = (struct signer){identity, credential, false};
        cr_assert_eq(pthread_create(&threads[i], NULL, sign_often, &signers[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        cr_assert_not(signers[i].failed);
    }
    sl_credential_unref(credential);
}

/* ---- TLS in memory ---- */

struct end {
    gnutls_session_t session;
    uint8_t bytes[1 << 16]; /* for it to read */
    size_t length;
    struct end *other;
};

static ssize_t push(gnutls_transport_ptr_t context, const void *data, size_t length) {
    struct end *to = ((struct end *)context)->other;
    cr_assert_leq(to->length + length, sizeof to->bytes);
    memcpy(to->bytes + to->length, data, length);
    to->length += length;
    return (ssize_t)length;
}

static ssize_t pull(gnutls_transport_ptr_t context, void *out, size_t length) {
    struct end *end = context;
    if (end->length == 0) {
        gnutls_transport_set_errno(end->session, EAGAIN);
        return -1;
    }
    if (length > end->length)
        length = end->length;
    memcpy(out, end->bytes, length);
    memmove(end->bytes, end->bytes + length, end->length -= length);
    return (ssize_t)length;
}

static void open_end(struct end *end, const struct sl_identity *identity, enum sl_purpose purpose) {
    bool server = purpose == SL_PURPOSE_SERVER;
    gnutls_init(&end->session, (server ? GNUTLS_SERVER : GNUTLS_CLIENT) | GNUTLS_NONBLOCK);
    gnutls_priority_set_direct(end->session, "NORMAL:-VERS-ALL:+VERS-TLS1.3", NULL);
    gnutls_credentials_set(end->session, GNUTLS_CRD_CERTIFICATE, sl_identity_credentials(identity, purpose));
    if (server)
        gnutls_certificate_server_set_request(end->session, GNUTLS_CERT_REQUIRE);
    gnutls_transport_set_ptr(end->session, end);
    gnutls_transport_set_push_function(end->session, push);
    gnutls_transport_set_pull_function(end->session, pull);
}

static void expect_handshake(const struct sl_identity *identity) {
    static struct end ends[2];
    memset(ends, 0, sizeof ends);
    int results[2] = {GNUTLS_E_AGAIN, GNUTLS_E_AGAIN};
    for (int i = 0; i < 2; i++) {
        ends[i].other = &ends[1 - i];
        open_end(&ends[i], identity, (enum sl_purpose)i);
    }
    for (int round = 0; round < 10 && (results[0] != 0 || results[1] != 0); round++)
        for (int i = 1; i >= 0; i--)
            if (results[i] != 0) {
                results[i] = gnutls_handshake(ends[i].session);
                cr_assert(results[i] == 0 || gnutls_error_is_fatal(results[i]) == 0, "%s", gnutls_strerror(results[i]));
            }
    cr_assert(results[0] == 0 && results[1] == 0);
    for (int i = 0; i < 2; i++)
        gnutls_deinit(ends[i].session);
}

Test(token, signs_and_serves_tls, .timeout = 60) {
    if (!have_softhsm())
        cr_skip_test("softhsm2-util is not installed");
    static const gnutls_pk_algorithm_t kinds[] = {GNUTLS_PK_ECDSA, GNUTLS_PK_RSA};
    settings.identity.passphrase_file = secret_file;
    for (size_t i = 0; i < 2; i++) {
        run("softhsm2-util --delete-token --token starling-test >/dev/null && softhsm2-util --init-token --free "
            "--label starling-test --pin 4711 --so-pin 0000 >/dev/null");
        move_to_token(kinds[i]);
        struct sl_identity *identity = load(NULL);
        expect_signatures_from_threads(identity);
        expect_handshake(identity);
        sl_identity_unref(identity);
        gnutls_pkcs11_deinit();
    }
}

Test(token, pin_from_each_source) {
    if (!have_softhsm())
        cr_skip_test("softhsm2-util is not installed");
    move_to_token(GNUTLS_PK_ECDSA);
    expect_failure(NULL, SL_PERMISSION, "identity.passphrase_file");
    settings.identity.passphrase_variable = (char[]){"STARLING_TEST_PIN"};
    unsetenv("STARLING_TEST_PIN");
    expect_failure(&right, SL_PERMISSION, "STARLING_TEST_PIN");
    setenv("STARLING_TEST_PIN", "0815", 1);
    for (size_t i = 0; i < 5; i++) /* each a single try; a token that locked itself would say so */
        expect_failure(&right, SL_PERMISSION, "the token does not take this PIN");
    cr_assert_eq(asked, 0);
    settings.identity.passphrase_variable = NULL;
    expect_failure(&wrong, SL_PERMISSION, "the token does not take this PIN");
    cr_assert_eq(asked, 2);
    asked = 0;
    struct sl_identity *identity = load(&right), *again;
    struct sl_error error = {0};
    cr_assert_eq(asked, 1); /* a token asks once for both keys */
    cr_assert_eq(sl_identity_reload(&again, identity, &settings, NULL, &error), SL_OK, "%s", error.text);
    sl_identity_unref(identity);
    struct sl_credential *credential = own_credential(again);
    cr_assert(signs(again, credential));
    sl_credential_unref(credential);
    sl_identity_unref(again);
}

Test(token, keys_that_are_not_there_or_not_these) {
    if (!have_softhsm())
        cr_skip_test("softhsm2-util is not installed");
    move_to_token(GNUTLS_PK_ECDSA);
    settings.identity.passphrase_file = secret_file;
    char *key = settings.identity.server_key;
    settings.identity.server_key = settings.identity.client_key;
    expect_failure(NULL, SL_MISMATCH, "not the key of the certificate");
    settings.identity.server_key = (char[]){"pkcs11:token=starling-test;object=nobody;type=private"};
    expect_failure(NULL, SL_NOT_FOUND, "object=nobody");
    settings.identity.server_key = (char[]){"pkcs11:token=no-such-token;object=server;type=private"};
    expect_failure(NULL, SL_NOT_FOUND, "no-such-token");
    settings.identity.server_key = (char[]){"pkcs11:nonsense"};
    expect_failure(NULL, SL_CRYPTO, "pkcs11:nonsense");
    settings.identity.server_key = (char[]){"pkcs11:token=starling-test;object=server?pin-value=4711"};
    expect_failure(NULL, SL_SETTINGS, "identity.passphrase_file");
    settings.identity.server_key = key;
}
