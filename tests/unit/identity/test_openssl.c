/* Certificates and keys that people make with openssl's usual commands load as well. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "support/certificates.h"

static struct sl_test_flock flock; /* for its folder; the authority in it is openssl's */
static struct sl_settings settings;

/* Makes ca.pem and ca.key, then for server and client a key by $KEY, a request and a certificate with $NAMES. */
static const char recipe[] =
    "set -e; umask 077; cd \"$DIR\"\n"
    "openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 30 -subj '/CN=Some Hospital CA' "
    "2>/dev/null\n"
    "for side in server client; do\n"
    "  eval \"$KEY\" > alice-$side.key 2>/dev/null\n"
    "  openssl req -new -key alice-$side.key -out $side.csr -subj /O=Hospital/CN=alice 2>/dev/null\n"
    "  printf '%s\\nextendedKeyUsage=%sAuth\\n' \"$NAMES\" $side > $side.ext\n"
    "  openssl x509 -req -in $side.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 10 $DIGEST "
    "-extfile $side.ext -out alice-$side.pem 2>/dev/null\n"
    "done\n"
    "touch index; echo 01 > number\n"
    "printf '[ca]\\ndefault_ca=d\\n[d]\\ndatabase=index\\ncrlnumber=number\\ndefault_md=sha256\\n' > ca.cnf\n"
    "openssl ca -config ca.cnf -gencrl -keyfile ca.key -cert ca.pem -crldays 5 -out crl.pem 2>/dev/null\n";

static void set_up(void) {
    sl_test_flock_init(&flock, "hospital");
    sl_test_settings_init(&settings, &flock, "alice");
}

static void tear_down(void) {
    sl_test_settings_finish(&settings);
    sl_test_flock_finish(&flock);
}

TestSuite(openssl, .init = set_up, .fini = tear_down);

static void make(const char *key, const char *names, const char *digest) {
    setenv("DIR", flock.folder, 1);
    setenv("KEY", key, 1);
    setenv("NAMES", names, 1);
    setenv("DIGEST", digest, 1);
    cr_assert_eq(system(recipe), 0, "openssl failed for: %s", key);
}

static void check(enum sl_status wanted, const char *fault) {
    struct sl_identity *identity;
    struct sl_error error = {0};
    cr_assert_eq(sl_identity_load(&identity, &settings, NULL, &error), wanted, "%s", error.text);
    cr_assert_not_null(strstr(error.text, fault), "%s", error.text);
    sl_identity_unref(identity);
}

static const char p256[] = "openssl ecparam -name prime256v1 -genkey -noout"; /* traditional: EC PRIVATE KEY */
static const char with_uri[] = "subjectAltName=URI:starling://hospital/alice,DNS:localhost,IP:127.0.0.1";

Test(openssl, each_kind_of_key) {
    static const char *const keys[] = {p256,
                                       "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256",
                                       "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384",
                                       "openssl ecparam -name prime256v1 -genkey", /* with EC PARAMETERS in front */
                                       "openssl genpkey -algorithm ED25519",
                                       "openssl genrsa 2048",
                                       "openssl genrsa -traditional 2048"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        static const uint8_t text[] = "signed";
        struct sl_bytes message = {text, sizeof text}, chain[SL_CHAIN_MAX];
        uint8_t signature[SL_SIGNATURE_MAX];
        size_t length = 0;
        struct sl_identity *identity;
        struct sl_credential *credential;
        struct sl_error error = {0};
        make(keys[i], with_uri, "-sha256");
        cr_assert_eq(sl_identity_load(&identity, &settings, NULL, &error), SL_OK, "%s: %s", keys[i], error.text);
        cr_assert_eq(sl_identity_sign(identity, signature, &length, message, &error), SL_OK, "%s", error.text);
        size_t count = sl_identity_chain(identity, SL_PURPOSE_CLIENT, chain);
        cr_assert_eq(sl_identity_check_chain(identity, &credential, SL_PURPOSE_CLIENT, chain, count, &error), SL_OK);
        cr_assert_eq(sl_credential_verify(credential, message, (struct sl_bytes){signature, length}, &error), SL_OK);
        cr_assert(sl_credential_serves_host(credential, "127.0.0.1"));
        sl_credential_unref(credential);
        sl_identity_unref(identity);
    }
}

Test(openssl, common_name_by_setting) {
    make(p256, "subjectAltName=DNS:localhost,IP:127.0.0.1", "-sha256");
    check(SL_UNTRUSTED, "no URI starling://hospital/NODE");
    settings.identity.name_from = SL_NAME_FROM_CN;
    check(SL_OK, "");
}

Test(openssl, weak_digests) {
    make(p256, with_uri, "-sha1");
    check(SL_UNTRUSTED, "too weak");
    make("openssl genrsa 2048", with_uri, "-md5");
    check(SL_UNTRUSTED, "too weak");
}

Test(openssl, purposes_left_out) {
    make(p256, with_uri, "-sha256");
    cr_assert_eq(system("set -e; cd \"$DIR\"; printf '%s\\n' \"$NAMES\" > server.ext; openssl x509 -req -in server.csr "
                        "-CA ca.pem -CAkey ca.key -days 10 -extfile server.ext -out alice-server.pem 2>/dev/null"),
                 0);
    check(SL_UNTRUSTED, "does not say that it is for a server");
    settings.identity.purpose = SL_IF_PRESENT;
    check(SL_OK, "");
}

Test(openssl, critical_extension_that_nobody_knows) {
    make(p256, "subjectAltName=URI:starling://hospital/alice,DNS:localhost\n1.2.3.4=critical,ASN1:NULL", "-sha256");
    check(SL_UNTRUSTED, "a critical extension that is not known");
    make(p256, "subjectAltName=URI:starling://hospital/alice,DNS:localhost\n1.2.3.4=ASN1:NULL", "-sha256");
    check(SL_OK, "");
}

Test(openssl, encrypted_key_is_named_as_such) {
    make(p256, with_uri, "-sha256");
    cr_assert_eq(
        system(
            "umask 077; cd \"$DIR\" && openssl pkcs8 -topk8 -v2 aes-256-cbc -passout pass:secret -in alice-client.key "
            "-out x.key && mv x.key alice-client.key"),
        0);
    check(SL_PERMISSION, "the key is encrypted");
    cr_assert_eq(
        system("umask 077; cd \"$DIR\" && openssl ec -aes256 -passout pass:secret -in alice-server.key -out x.key "
               "2>/dev/null && mv x.key alice-server.key"),
        0);
    check(SL_PERMISSION, "the key is encrypted");
}
