/* Certificates after the two recipes for openssl that people of this field follow. Neither says what a certificate is
 * for: refused with the line to add, accepted with it, or where the settings let that be. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "support/certificates.h"

static struct sl_test_flock flock; /* for its folder; the authority in it is openssl's */
static struct sl_settings settings;

/* An authority of RSA 4096, a leaf of RSA 2048 with names and CA:FALSE; one certificate for both sides. */
static const char first[] =
    "set -e; umask 077; cd \"$DIR\"\n"
    "openssl genrsa -out ca.key 4096 2>/dev/null\n"
    "openssl req -new -x509 -key ca.key -sha256 -subj '/C=DE/ST=HH/O=CA, Inc.' -days 365 -out ca.pem 2>/dev/null\n"
    "openssl genrsa -out alice-server.key 2048 2>/dev/null\n"
    "printf '[req]\\ndefault_bits=4096\\nprompt=no\\ndefault_md=sha256\\nreq_extensions=req_ext\\n"
    "distinguished_name=dn\\n[dn]\\nC=DE\\nO=Federation\\nCN=localhost\\n[req_ext]\\nbasicConstraints=CA:FALSE\\n%s\\n"
    "subjectAltName=@alt_names\\n[alt_names]\\nDNS.1=localhost\\nIP.1=::1\\nIP.2=127.0.0.1\\n"
    "URI.1=starling://demo/alice\\n' \"$PURPOSES\" > certificate.conf\n"
    "openssl req -new -key alice-server.key -out server.csr -config certificate.conf\n"
    "openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out alice-server.pem -days 365 -sha256 "
    "-extfile certificate.conf -extensions req_ext 2>/dev/null\n"
    "cp alice-server.pem alice-client.pem; cp alice-server.key alice-client.key\n";

/* The authority's key encrypted, one recipe for server and client with v3_req, the node by its first DNS name. */
static const char second[] =
    "set -e; umask 077; cd \"$DIR\"\n"
    "openssl genrsa -aes256 -passout pass:secret -out ca.key 2048 2>/dev/null\n"
    "openssl req -x509 -new -key ca.key -passin pass:secret -sha256 -days 365 -out ca.pem -subj '/CN=Root CA' "
    "2>/dev/null\n"
    "for side in server client; do\n"
    "  printf '[req]\\nprompt=no\\nreq_extensions=v3_req\\ndistinguished_name=dn\\n[dn]\\nCN=%s\\n[v3_req]\\n"
    "keyUsage=nonRepudiation,digitalSignature,keyEncipherment\\n%s\\nsubjectAltName=@names\\n[names]\\nDNS.1=alice\\n"
    "DNS.2=localhost\\nIP.1=127.0.0.1\\n' $side \"$PURPOSES\" > $side.conf\n"
    "  openssl genrsa -out alice-$side.key 2048 2>/dev/null\n"
    "  openssl req -new -key alice-$side.key -out $side.csr -config $side.conf\n"
    "  openssl x509 -req -in $side.csr -CA ca.pem -CAkey ca.key -passin pass:secret -CAcreateserial -days 365 -sha256 "
    "-extensions v3_req -extfile $side.conf -out alice-$side.pem 2>/dev/null\n"
    "done\n";

static void set_up(void) {
    sl_test_flock_init(&flock, "demo");
    sl_test_settings_init(&settings, &flock, "alice");
    settings.identity.crl = SL_IF_PRESENT; /* neither recipe makes a list */
}

static void tear_down(void) {
    sl_test_settings_finish(&settings);
    sl_test_flock_finish(&flock);
}

TestSuite(recipes, .init = set_up, .fini = tear_down, .timeout = 120);

static void make(const char *recipe, const char *purposes) {
    setenv("DIR", flock.folder, 1);
    setenv("PURPOSES", purposes, 1);
    cr_assert_eq(system("cd \"$DIR\" && rm -f crl.pem"), 0);
    cr_assert_eq(system(recipe), 0);
}

static void check(enum sl_status wanted, const char *reason) {
    struct sl_identity *identity;
    struct sl_error error = {0};
    cr_assert_eq(sl_identity_load(&identity, &settings, NULL, &error), wanted, "%s", error.text);
    cr_assert_not_null(strstr(error.text, reason), "%s", error.text);
    for (int purpose = 0; identity != NULL && purpose < 2; purpose++) { /* and as a peer's */
        struct sl_bytes chain[SL_CHAIN_MAX];
        struct sl_credential *credential;
        size_t count = sl_identity_chain(identity, (enum sl_purpose)purpose, chain);
        cr_assert_eq(sl_identity_check_chain(identity, &credential, (enum sl_purpose)purpose, chain, count, &error),
                     SL_OK, "%s", error.text);
        cr_assert_str_eq(sl_credential_node(credential), "alice");
        cr_assert(sl_credential_serves_host(credential, "127.0.0.1"));
        cr_assert(sl_credential_serves_host(credential, "localhost"));
        sl_credential_unref(credential);
    }
    sl_identity_unref(identity);
}

static const char line[] = "\"extendedKeyUsage = serverAuth, clientAuth\"";

static void check_recipe(const char *recipe) {
    make(recipe, "");
    check(SL_UNTRUSTED, line);
    check(SL_UNTRUSTED, "identity.purpose");
    settings.identity.purpose = SL_IF_PRESENT;
    check(SL_OK, "");
    make(recipe, "extendedKeyUsage = serverAuth, clientAuth");
    check(SL_OK, "");
    settings.identity.purpose = SL_REQUIRED;
    check(SL_OK, "");
    make(recipe, "extendedKeyUsage = codeSigning");
    check(SL_UNTRUSTED, "not for a server");
    settings.identity.purpose = SL_IF_PRESENT; /* there is one, and it says otherwise */
    check(SL_UNTRUSTED, "not for a server");
}

Test(recipes, rsa_4096_and_a_leaf_without_purpose) {
    check_recipe(first);
}

Test(recipes, v3_req_with_an_encrypted_authority) {
    settings.identity.name_from = SL_NAME_FROM_DNS;
    check_recipe(second);
}
