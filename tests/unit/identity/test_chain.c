/* The verifier against certificates that must not pass: each test changes one thing of a good one. */
#include <criterion/criterion.h>
#include <string.h>

#include "support/certificates.h"

static struct sl_test_flock flock;
static struct sl_identity *alice;
static char uri[SL_TEST_URI_SIZE];

static void set_up(void) {
    sl_test_flock_init(&flock, "demo");
    alice = sl_test_member(&flock, "alice");
}

static void tear_down(void) {
    sl_identity_unref(alice);
    sl_test_flock_finish(&flock);
}

TestSuite(chain, .init = set_up, .fini = tear_down);

static struct sl_test_order bob(enum sl_purpose purpose) {
    return sl_test_order_node(uri, &flock.authority, "demo", "bob", purpose);
}

/* Alice knows a list of each of these authorities, and of the flock's own. */
static void know_lists_of(const struct sl_test_pair *authorities, size_t count) {
    struct sl_test_list_order orders[SL_CHAIN_MAX + 2] = {{.issuer = &flock.authority}};
    struct sl_settings settings;
    struct sl_error error = {0};
    sl_test_settings_init(&settings, &flock, "alice");
    for (size_t i = 0; i < count; i++)
        orders[1 + i].issuer = &authorities[i];
    sl_test_write_lists(settings.identity.crl_file, orders, 1 + count);
    sl_identity_unref(alice);
    cr_assert_eq(sl_identity_load(&alice, &settings, NULL, &error), SL_OK, "%s", error.text);
    sl_test_settings_finish(&settings);
}

static enum sl_status check(const struct sl_test_pair *const *pairs, size_t count, enum sl_purpose purpose,
                            char node[SL_NAME_SIZE], struct sl_error *error) {
    struct sl_bytes chain[2 * SL_CHAIN_MAX];
    struct sl_credential *credential = (struct sl_credential *)&flock; /* must be overwritten */
    for (size_t i = 0; i < count; i++)
        chain[i] = sl_test_pair_bytes(pairs[i]);
    enum sl_status status = sl_identity_check_chain(alice, &credential, purpose, chain, count, error);
    cr_assert_eq(status == SL_OK, credential != NULL);
    if (credential != NULL)
        strcpy(node, sl_credential_node(credential));
    sl_credential_unref(credential);
    return status;
}

static void expect_node(const struct sl_test_order *order, enum sl_purpose purpose, const char *node) {
    struct sl_test_pair pair;
    struct sl_error error = {0};
    char found[SL_NAME_SIZE];
    sl_test_issue(&pair, order);
    cr_assert_eq(check((const struct sl_test_pair *[]){&pair}, 1, purpose, found, &error), SL_OK, "%s", error.text);
    cr_assert_str_eq(found, node);
    sl_test_pair_finish(&pair);
}

static void expect_refusal_of(const struct sl_test_pair *const *pairs, size_t count, enum sl_purpose purpose,
                              const char *reason) {
    struct sl_error error = {0};
    char node[SL_NAME_SIZE];
    cr_assert_eq(check(pairs, count, purpose, node, &error), SL_UNTRUSTED, "let in: %s", reason);
    cr_assert_not_null(strstr(error.text, reason), "\"%s\" is not in \"%s\"", reason, error.text);
    for (const char *c = error.text; *c != '\0'; c++)
        cr_assert(*c >= ' ' && *c <= '~', "a byte %d in the reason", *c);
}

static void expect_refusal(const struct sl_test_order *order, enum sl_purpose purpose, const char *reason) {
    struct sl_test_pair pair;
    sl_test_issue(&pair, order);
    expect_refusal_of((const struct sl_test_pair *[]){&pair}, 1, purpose, reason);
    sl_test_pair_finish(&pair);
}

static void expect_refusal_of_name(gnutls_x509_subject_alt_name_t type, const char *text, unsigned length,
                                   const char *reason) {
    struct sl_test_order order = bob(SL_PURPOSE_CLIENT);
    order.names[0] = (struct sl_test_name){type, text, length};
    expect_refusal(&order, SL_PURPOSE_CLIENT, reason);
}

Test(chain, good_ones_of_each_kind_pass) {
    struct sl_test_order order = bob(SL_PURPOSE_SERVER);
    expect_node(&order, SL_PURPOSE_SERVER, "bob");
    order = bob(SL_PURPOSE_CLIENT);
    expect_node(&order, SL_PURPOSE_CLIENT, "bob");
    order.key = GNUTLS_PK_EDDSA_ED25519;
    expect_node(&order, SL_PURPOSE_CLIENT, "bob");
    order.key = GNUTLS_PK_RSA;
    expect_node(&order, SL_PURPOSE_CLIENT, "bob");
    order.key = GNUTLS_PK_RSA_PSS;
    expect_node(&order, SL_PURPOSE_CLIENT, "bob");
    order.purposes[1] = GNUTLS_KP_TLS_WWW_SERVER;
    order.key = GNUTLS_PK_ECDSA;
    expect_node(&order, SL_PURPOSE_SERVER, "bob");
    order.names[4] = (struct sl_test_name){GNUTLS_SAN_URI, "spiffe://elsewhere/bob", 0};
    order.key_usage = 0;
    expect_node(&order, SL_PURPOSE_SERVER, "bob");
}

Test(chain, other_authority) {
    struct sl_test_flock other;
    sl_test_flock_init(&other, "demo"); /* the same names everywhere, another key */
    struct sl_test_order order = bob(SL_PURPOSE_CLIENT);
    order.issuer = &other.authority;
    expect_refusal(&order, SL_PURPOSE_CLIENT, "");
    sl_test_flock_finish(&other);
}

Test(chain, self_signed) {
    struct sl_test_order order = bob(SL_PURPOSE_CLIENT);
    order.issuer = NULL;
    expect_refusal(&order, SL_PURPOSE_CLIENT, "not from our authority but from CN=bob, self-signed");
}

Test(chain, other_authority_sent_along_is_not_believed) {
    struct sl_test_flock other;
    sl_test_flock_init(&other, "demo");
    struct sl_test_order order = bob(SL_PURPOSE_CLIENT);
    struct sl_test_pair pair;
    order.issuer = &other.authority;
    sl_test_issue(&pair, &order);
    expect_refusal_of((const struct sl_test_pair *[]){&pair, &other.authority}, 2, SL_PURPOSE_CLIENT, "");
    sl_test_pair_finish(&pair);
    sl_test_flock_finish(&other);
}

Test(chain, altered_signature) {
    struct sl_test_order order = bob(SL_PURPOSE_CLIENT);
    struct sl_test_pair pair;
    sl_test_issue(&pair, &order);
    pair.der.data[pair.der.size - 1] ^= 1;
    expect_refusal_of((const struct sl_test_pair *[]){&pair}, 1, SL_PURPOSE_CLIENT, "");
    sl_test_pair_finish(&pair);
}

Test(chain, dates) {
    struct sl_test_order order = bob(SL_PURPOSE_CLIENT);
    order.from_day = -20;
    order.until_day = -10;
    expect_refusal(&order, SL_PURPOSE_CLIENT, "it expired on ");
    order.from_day = 10;
    order.until_day = 20;
    expect_refusal(&order, SL_PURPOSE_CLIENT, "it is not valid before ");
}

Test(chain, expired_intermediate_is_named) {
    struct sl_test_pair intermediate, leaf;
    struct sl_test_order order = {.issuer = &flock.authority,
                                  .common_name = "old intermediate",
                                  .authority = true,
                                  .from_day = -20,
                                  .until_day = -10};
    sl_test_issue(&intermediate, &order);
    order = bob(SL_PURPOSE_CLIENT);
    order.issuer = &intermediate;
    sl_test_issue(&leaf, &order);
    expect_refusal_of((const struct sl_test_pair *[]){&leaf, &intermediate}, 2, SL_PURPOSE_CLIENT,
                      "its issuer CN=old intermediate");
    sl_test_pair_finish(&leaf);
    sl_test_pair_finish(&intermediate);
}

Test(chain, purpose) {
    struct sl_test_order order = bob(SL_PURPOSE_CLIENT);
    expect_refusal(&order, SL_PURPOSE_SERVER, "not for a server");
    order = bob(SL_PURPOSE_SERVER);
    expect_refusal(&order, SL_PURPOSE_CLIENT, "not for a client");
    order.purposes[0] = NULL;
    expect_refusal(&order, SL_PURPOSE_CLIENT, "\"extendedKeyUsage = serverAuth, clientAuth\"");
    expect_refusal(&order, SL_PURPOSE_SERVER, "does not say that it is for a server");
    order.purposes[0] = GNUTLS_KP_ANY;
    expect_refusal(&order, SL_PURPOSE_SERVER, "not for a server");
    order.purposes[0] = GNUTLS_KP_CODE_SIGNING;
    order.purposes[1] = GNUTLS_KP_EMAIL_PROTECTION;
    expect_refusal(&order, SL_PURPOSE_CLIENT, "not for a client");
}

Test(chain, key_usage_without_signing) {
    struct sl_test_order order = bob(SL_PURPOSE_CLIENT);
    order.key_usage = GNUTLS_KEY_KEY_ENCIPHERMENT;
    expect_refusal(&order, SL_PURPOSE_CLIENT, "key usage");
}

Test(chain, authority_as_a_node) {
    expect_refusal_of((const struct sl_test_pair *[]){&flock.authority}, 1, SL_PURPOSE_SERVER, "");
    struct sl_test_order order = bob(SL_PURPOSE_CLIENT);
    order.authority = true;
    order.key_usage = GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_DIGITAL_SIGNATURE;
    expect_refusal(&order, SL_PURPOSE_CLIENT, "it is an authority's");
}

Test(chain, version_1) {
    struct sl_test_order order = bob(SL_PURPOSE_CLIENT);
    order.version_1 = true;
    expect_refusal(&order, SL_PURPOSE_CLIENT, "");
}

Test(chain, weak_keys) {
    struct sl_test_order order = bob(SL_PURPOSE_CLIENT);
    order.key = GNUTLS_PK_RSA;
    order.bits = 1024;
    expect_refusal(&order, SL_PURPOSE_CLIENT, "its key is too weak: RSA of 1024 bits");
    order.bits = 2040;
    expect_refusal(&order, SL_PURPOSE_CLIENT, "too weak");
    order.key = GNUTLS_PK_ECDSA; /* GnuTLS's medium profile takes curves of 224 bits */
    order.bits = GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP192R1);
    expect_refusal(&order, SL_PURPOSE_CLIENT, "its key is too weak: EC/ECDSA of 192 bits");
    order.bits = GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP224R1);
    expect_refusal(&order, SL_PURPOSE_CLIENT, "its key is too weak: EC/ECDSA of 224 bits");
}

/* The authority's signature, but a key whose exponent is as long as itself. */
static void issue_with_exponent(struct sl_test_pair *out, size_t exponent_size) {
    struct sl_test_order order = bob(SL_PURPOSE_CLIENT);
    uint8_t modulus[256], exponent[256];
    const gnutls_datum_t m = {modulus, sizeof modulus}, e = {exponent, (unsigned)exponent_size};
    gnutls_x509_crt_t certificate, issuer;
    gnutls_pubkey_t key;
    gnutls_privkey_t signer;
    sl_test_issue(out, &order);
    memset(modulus, 0xc5, sizeof modulus);
    memset(exponent, 0x65, sizeof exponent);
    gnutls_pubkey_init(&key);
    gnutls_x509_crt_init(&certificate);
    gnutls_x509_crt_init(&issuer);
    gnutls_privkey_init(&signer);
    cr_assert_eq(gnutls_pubkey_import_rsa_raw(key, &m, &e), 0);
    cr_assert_eq(gnutls_x509_crt_import(certificate, &out->der, GNUTLS_X509_FMT_DER), 0);
    cr_assert_eq(gnutls_x509_crt_import(issuer, &flock.authority.der, GNUTLS_X509_FMT_DER), 0);
    cr_assert_eq(gnutls_privkey_import_x509(signer, flock.authority.key, 0), 0);
    cr_assert_eq(gnutls_x509_crt_set_pubkey(certificate, key), 0);
    cr_assert_eq(gnutls_x509_crt_privkey_sign(certificate, issuer, signer, GNUTLS_DIG_SHA256, 0), 0);
    gnutls_free(out->der.data);
    cr_assert_eq(gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_DER, &out->der), 0);
    gnutls_privkey_deinit(signer);
    gnutls_x509_crt_deinit(issuer);
    gnutls_x509_crt_deinit(certificate);
    gnutls_pubkey_deinit(key);
}

/* A signature by such a key takes long to check. */
Test(chain, long_exponents) {
    struct sl_test_pair pair;
    struct sl_bytes chain;
    struct sl_error error = {0};
    struct sl_credential *credential;
    issue_with_exponent(&pair, 4);
    chain = sl_test_pair_bytes(&pair);
    cr_assert_eq(sl_identity_check_chain(alice, &credential, SL_PURPOSE_CLIENT, &chain, 1, &error), SL_OK, "%s",
                 error.text);
    sl_credential_unref(credential);
    sl_test_pair_finish(&pair);
    issue_with_exponent(&pair, 5);
    expect_refusal_of((const struct sl_test_pair *[]){&pair}, 1, SL_PURPOSE_CLIENT,
                      "its key has a public exponent of more than 32 bits");
    sl_test_pair_finish(&pair);
}

Test(chain, weak_signatures) {
    struct sl_test_order order = bob(SL_PURPOSE_CLIENT);
    order.digest = GNUTLS_DIG_SHA1;
    expect_refusal(&order, SL_PURPOSE_CLIENT, "its signature is too weak: ECDSA-SHA1");
    order.issuer = NULL; /* to show that the digest is the fault above */
    order.digest = GNUTLS_DIG_SHA256;
    expect_refusal(&order, SL_PURPOSE_CLIENT, "not from our authority");
}

Test(chain, weak_intermediate) {
    struct sl_test_pair intermediate, leaf;
    struct sl_test_order order = {
        .issuer = &flock.authority, .common_name = "weak", .authority = true, .key = GNUTLS_PK_RSA, .bits = 1024};
    sl_test_issue(&intermediate, &order);
    order = bob(SL_PURPOSE_CLIENT);
    order.issuer = &intermediate;
    sl_test_issue(&leaf, &order);
    expect_refusal_of((const struct sl_test_pair *[]){&leaf, &intermediate}, 2, SL_PURPOSE_CLIENT,
                      "its issuer CN=weak (serial 55");
    sl_test_pair_finish(&leaf);
    sl_test_pair_finish(&intermediate);
}

Test(chain, no_uri_is_no_name) {
    struct sl_test_order order = bob(SL_PURPOSE_CLIENT);
    memset(order.names, 0, sizeof order.names);
    expect_refusal(&order, SL_PURPOSE_CLIENT, "no URI starling://demo/NODE"); /* its CN does not count */
    order.names[0] = (struct sl_test_name){GNUTLS_SAN_URI, "https://demo/bob", 0};
    expect_refusal(&order, SL_PURPOSE_CLIENT, "no URI starling://demo/NODE");
}

Test(chain, several_uris) {
    struct sl_test_order order = bob(SL_PURPOSE_CLIENT);
    order.names[4] = (struct sl_test_name){GNUTLS_SAN_URI, "starling://demo/carol", 0};
    expect_refusal(&order, SL_PURPOSE_CLIENT, "2 starling:// URIs");
    order.names[4].data = uri; /* the same twice is two */
    expect_refusal(&order, SL_PURPOSE_CLIENT, "2 starling:// URIs");
    order.names[4].data = "STARLING://demo/bob";
    expect_refusal(&order, SL_PURPOSE_CLIENT, "2 starling:// URIs");
    order.names[4].data = "starling:demo";
    expect_refusal(&order, SL_PURPOSE_CLIENT, "2 starling:// URIs");
}

Test(chain, malformed_uris) {
    static const char *const bad[] = {
        "STARLING://demo/bob",      "starling://Demo/bob",   "starling://demo/Bob",      "starling://demo/bob/",
        "starling://demo//bob",     "starling:///bob",       "starling://demo/",         "starling://demo",
        "starling:demo/bob",        "starling://demo/%62ob", "starling://demo/bob?x=1",  "starling://demo/bob#x",
        "starling://demo:7400/bob", "starling://x@demo/bob", "starling://demo/-bob",     "starling://demo/../bob",
        "starling:/demo/bob",       "starling://demo/bob ",  "starling://demo/bob,carol"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect_refusal_of_name(GNUTLS_SAN_URI, bad[i], 0, "not of the form starling://FLOCK/NODE");
    expect_refusal_of_name(GNUTLS_SAN_URI,
                           "starling://demo/0123456789012345678901234567890123456789012345678901234567890123", 0,
                           "not of the form");
}

static void expect_refusal_of_bytes(const char *text, size_t length) {
    struct sl_test_order order = bob(SL_PURPOSE_CLIENT);
    order.raw_uri = (struct sl_bytes){(const uint8_t *)text, length};
    expect_refusal(&order, SL_PURPOSE_CLIENT, "");
}

Test(chain, bytes_in_uri_that_are_no_text) {
    static const char good[] = "starling://demo/bob", nul_middle[] = "starling://demo/bob\0carol",
                      nul_flock[] = "starling://demo\0/bob", line[] = "starling://demo/bob\n",
                      latin[] = "starling://demo/b\xf6"
                                "b";
    struct sl_test_order order = bob(SL_PURPOSE_CLIENT);
    order.raw_uri = (struct sl_bytes){(const uint8_t *)good, sizeof good - 1};
    expect_node(&order, SL_PURPOSE_CLIENT, "bob"); /* the way of making them works */
    expect_refusal_of_bytes(good, sizeof good);    /* a NUL at the end */
    expect_refusal_of_bytes(nul_middle, sizeof nul_middle - 1);
    expect_refusal_of_bytes(nul_flock, sizeof nul_flock - 1);
    expect_refusal_of_bytes(line, sizeof line - 1);
    expect_refusal_of_bytes(latin, sizeof latin - 1);
    expect_refusal_of_bytes(good, 0);
}

Test(chain, other_flock_of_the_same_authority) {
    expect_refusal_of_name(GNUTLS_SAN_URI, "starling://other/bob", 0, "of the flock other, not demo");
    expect_refusal_of_name(GNUTLS_SAN_URI, "starling://demo2/bob", 0, "of the flock demo2, not demo");
    expect_refusal_of_name(GNUTLS_SAN_URI, "starling://dem/bob", 0, "of the flock dem, not demo");
}

Test(chain, name_of_another_type) {
    expect_refusal_of_name(GNUTLS_SAN_DNSNAME, "starling://demo/bob", 0, "no URI");
    expect_refusal_of_name(GNUTLS_SAN_RFC822NAME, "starling://demo/bob", 0, "no URI");
}

/* `count` intermediates between the authority and bob, then the chain is checked. */
static void check_intermediates(size_t count, bool with_root, bool accepted) {
    struct sl_test_pair intermediates[SL_CHAIN_MAX + 1], leaf;
    const struct sl_test_pair *pairs[2 * SL_CHAIN_MAX], *issuer = &flock.authority;
    size_t length = count + 1;
    for (size_t i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof name, "intermediate %zu", i);
        sl_test_issue(&intermediates[i],
                      &(struct sl_test_order){.issuer = issuer, .common_name = name, .authority = true});
        issuer = &intermediates[i];
        pairs[count - i] = issuer;
    }
    struct sl_test_order order = bob(SL_PURPOSE_CLIENT);
    order.issuer = issuer;
    sl_test_issue(&leaf, &order);
    pairs[0] = &leaf;
    if (with_root)
        pairs[length++] = &flock.authority;

    struct sl_error error = {0};
    char node[SL_NAME_SIZE] = "";
    if (count > 0) /* none of the last one's */
        expect_refusal_of(pairs, length, SL_PURPOSE_CLIENT, accepted ? "no revocation list of its issuer" : "");
    know_lists_of(intermediates, count);
    enum sl_status status = check(pairs, length, SL_PURPOSE_CLIENT, node, &error);
    cr_assert_eq(status, accepted ? SL_OK : SL_UNTRUSTED, "%zu intermediates: %s", count, error.text);
    cr_assert_str_eq(node, accepted ? "bob" : "");
    if (count > 0 && accepted) /* without them nothing leads to the authority */
        expect_refusal_of(pairs, 1, SL_PURPOSE_CLIENT, "not from our authority");
    sl_test_pair_finish(&leaf);
    for (size_t i = 0; i < count; i++)
        sl_test_pair_finish(&intermediates[i]);
}

Test(chain, intermediates_up_to_the_limit) {
    check_intermediates(0, true, true);
    check_intermediates(1, false, true);
    check_intermediates(1, true, true);
    check_intermediates(SL_CHAIN_MAX - 1, false, true);
    check_intermediates(SL_CHAIN_MAX, false, false);
}

static void expect_refusal_under(const struct sl_test_order *above, const char *reason) {
    struct sl_test_pair intermediate, leaf;
    struct sl_test_order order = bob(SL_PURPOSE_CLIENT);
    sl_test_issue(&intermediate, above);
    order.issuer = &intermediate;
    sl_test_issue(&leaf, &order);
    expect_refusal_of((const struct sl_test_pair *[]){&leaf, &intermediate}, 2, SL_PURPOSE_CLIENT, reason);
    sl_test_pair_finish(&leaf);
    sl_test_pair_finish(&intermediate);
}

Test(chain, a_node_is_no_authority) {
    struct sl_test_order mallory = sl_test_order_node(uri, &flock.authority, "demo", "mallory", SL_PURPOSE_CLIENT);
    expect_refusal_under(&mallory, "no authority");
    mallory.no_constraints = true;
    expect_refusal_under(&mallory, "no authority");
}

Test(chain, authority_that_may_not_sign) {
    struct sl_test_order above = {.issuer = &flock.authority,
                                  .common_name = "revocation lists only",
                                  .authority = true,
                                  .key_usage = GNUTLS_KEY_CRL_SIGN};
    expect_refusal_under(&above, "may not sign certificates (key usage)");
}

Test(chain, authority_for_another_purpose) {
    struct sl_test_order above = {.issuer = &flock.authority,
                                  .common_name = "servers only",
                                  .authority = true,
                                  .purposes = {GNUTLS_KP_TLS_WWW_SERVER}};
    expect_refusal_under(&above, "may not certify for this purpose");
}

Test(chain, name_constraints) {
    struct sl_test_order above = {.issuer = &flock.authority,
                                  .common_name = "one domain only",
                                  .authority = true,
                                  .permitted_dns = "example.org"};
    expect_refusal_under(&above, "constraints"); /* bob serves localhost */
}

Test(chain, path_length) {
    struct sl_test_pair first, second, leaf;
    struct sl_test_order order = {.issuer = &flock.authority,
                                  .common_name = "last but one",
                                  .authority = true,
                                  .path_limited = true,
                                  .path_length = 0};
    sl_test_issue(&first, &order);
    sl_test_issue(&second, &(struct sl_test_order){.issuer = &first, .common_name = "one more", .authority = true});
    order = bob(SL_PURPOSE_CLIENT);
    order.issuer = &second;
    sl_test_issue(&leaf, &order);
    expect_refusal_of((const struct sl_test_pair *[]){&leaf, &second, &first}, 3, SL_PURPOSE_CLIENT, "path length");
    sl_test_pair_finish(&leaf);
    sl_test_pair_finish(&second);
    sl_test_pair_finish(&first);
}

Test(chain, bytes_that_are_no_certificate) {
    static const uint8_t zeros[64];
    uint8_t *large = calloc(1, SL_CERTIFICATE_SIZE_MAX + 1);
    struct sl_test_order order = bob(SL_PURPOSE_CLIENT);
    struct sl_test_pair pair;
    struct sl_credential *credential;
    struct sl_error error;
    sl_test_issue(&pair, &order);
    struct sl_bytes bad[] = {{NULL, 0}, {zeros, sizeof zeros}, {large, SL_CERTIFICATE_SIZE_MAX + 1}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct sl_bytes chain[] = {sl_test_pair_bytes(&pair), bad[i]};
        cr_assert_eq(sl_identity_check_chain(alice, &credential, SL_PURPOSE_CLIENT, &bad[i], 1, &error), SL_UNTRUSTED);
        cr_assert_eq(sl_identity_check_chain(alice, &credential, SL_PURPOSE_CLIENT, chain, 2, &error), SL_UNTRUSTED);
    }
    for (size_t length = 0; length < pair.der.size; length += 7) { /* cut short anywhere */
        struct sl_bytes cut = {pair.der.data, length};
        cr_assert_eq(sl_identity_check_chain(alice, &credential, SL_PURPOSE_CLIENT, &cut, 1, &error), SL_UNTRUSTED);
    }
    cr_assert_eq(sl_identity_check_chain(alice, &credential, SL_PURPOSE_CLIENT, NULL, 0, NULL), SL_UNTRUSTED);
    sl_test_pair_finish(&pair);
    free(large);
}

Test(chain, a_hostile_subject_stays_on_one_line) {
    struct sl_test_order order = bob(SL_PURPOSE_CLIENT);
    order.issuer = NULL;
    order.common_name = "bob\nlevel=info msg=\"peer up\" \x1b[31m \xc3\xbc";
    expect_refusal(&order, SL_PURPOSE_CLIENT, "(serial 55");
}
