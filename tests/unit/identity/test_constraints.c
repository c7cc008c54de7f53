/* Name constraints on URIs, which GnuTLS reads and does not apply: an intermediate may name nodes of its flock alone.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "identity/constraints.h"
#include "support/certificates.h"
#include "verdict.h"

static struct sl_bytes bytes_of(const char *text) {
    return (struct sl_bytes){(const uint8_t *)text, strlen(text)};
}

Test(constraint, host_or_all_below_a_domain) {
    static const struct {
        const char *constraint, *uri;
        bool holds;
    } cases[] = {
        {"demo", "starling://demo/alice", true},
        {"DEMO", "starling://demo/alice", true},
        {"demo", "starling://demo", true},
        {"demo", "starling://demo?x", true},
        {"demo", "starling://demo#x", true},
        {"demo", "starling://demo:7400/alice", true},
        {"demo", "starling://me@demo/alice", true},
        {"demo", "starling://demo2/alice", false},
        {"demo", "starling://dem/alice", false},
        {"demo", "starling://xdemo/alice", false},
        {"demo", "starling://other/demo", false},
        {"demo", "starling://other/?@demo/", false},
        {"demo", "starling://other/#@demo", false},
        {"demo", "starling://demo@other/alice", false},
        {"demo", "starling://a@demo@other/alice", false},
        {"demo", "starling:demo/alice", false},
        {"demo", "starling:/demo/alice", false},
        {"demo", "demo", false},
        {"demo", "", false},
        {"demo", "starling://", false},
        {"demo", "starling:///demo", false},
        {"", "starling://demo/alice", false},
        {"", "starling:///alice", false},
        {".example", "https://a.example/", true},
        {".example", "https://a.b.example/", true},
        {".example", "https://example/", false},
        {".example", "https://.example/", false},
        {".example", "https://aexample/", false},
        {"example", "https://a.example/", false},
        {"10.0.0.1", "https://10.0.0.1/", false}, /* RFC 5280: a host that is an address is within none */
        {"[", "https://[::1]/", false},
        {"[::1]", "https://[::1]/", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_assert_eq(sl_constraint_holds_uri(bytes_of(cases[i].constraint), bytes_of(cases[i].uri)), cases[i].holds,
                     "%s in %s", cases[i].uri, cases[i].constraint);
}

static struct sl_test_flock flock;
static struct sl_settings settings;
static char uri[SL_TEST_URI_SIZE];

static void set_up(void) {
    sl_test_flock_init(&flock, "demo");
    sl_test_write_member(&flock, "alice");
    sl_test_settings_init(&settings, &flock, "alice");
    settings.identity.crl = SL_IF_PRESENT;
}

static void tear_down(void) {
    sl_test_settings_finish(&settings);
    sl_test_flock_finish(&flock);
}

TestSuite(constraints, .init = set_up, .fini = tear_down);

/* The chain with its leaf first; NULL: let in. */
static void expect(const struct sl_test_pair *const *pairs, size_t count, const char *reason) {
    expect_chain(&settings, pairs, count, reason);
}

static struct sl_test_order bob(void) {
    return sl_test_order_node(uri, NULL, "demo", "bob", SL_PURPOSE_CLIENT);
}

static void expect_below(const struct sl_test_order *above, struct sl_test_order node, const char *reason) {
    struct sl_test_pair intermediate, leaf;
    sl_test_issue(&intermediate, above);
    node.issuer = &intermediate;
    sl_test_issue(&leaf, &node);
    expect((const struct sl_test_pair *[]){&leaf, &intermediate}, 2, reason);
    sl_test_pair_finish(&leaf);
    sl_test_pair_finish(&intermediate);
}

static struct sl_test_order limited(const char *permitted, const char *excluded) {
    return (struct sl_test_order){.issuer = &flock.authority,
                                  .common_name = "limited",
                                  .authority = true,
                                  .permitted_uri = permitted,
                                  .excluded_uri = excluded};
}

Test(constraints, permitted_flock) {
    struct sl_test_order above = limited("demo", NULL);
    expect_below(&above, bob(), NULL);
    above.permitted_uri = "other";
    expect_below(&above, bob(), "the name constraints of its issuer CN=limited (serial 55");
    expect_below(&above, bob(), "do not permit starling://demo/bob");
    above.permitted_uri = ".demo";
    expect_below(&above, bob(), "do not permit");
}

Test(constraints, excluded_flock) {
    struct sl_test_order above = limited(NULL, "demo");
    expect_below(&above, bob(), "constraints");
    above.excluded_uri = ""; /* all of them */
    expect_below(&above, bob(), "constraints");
    above.excluded_uri = "other"; /* GnuTLS refuses whoever has a URI, where any is excluded */
    expect_below(&above, bob(), "constraints");
}

Test(constraints, each_uri_counts) {
    struct sl_test_order above = limited("demo", NULL), node = bob();
    node.names[4] = (struct sl_test_name){GNUTLS_SAN_URI, "https://elsewhere.example/", 0};
    expect_below(&above, node, "do not permit https://elsewhere.example/");
    node.names[4].data = "https://demo/";
    expect_below(&above, node, NULL);
}

Test(constraints, a_name_from_elsewhere_stands_for_a_uri) {
    struct sl_test_order above = limited("other", NULL), node = bob();
    memset(node.names, 0, sizeof node.names);
    settings.identity.name_from = SL_NAME_FROM_CN;
    expect_below(&above, node, "do not permit starling://demo/bob");
    above.permitted_uri = "demo";
    expect_below(&above, node, NULL);
}

Test(constraints, of_the_one_above_the_issuer_and_of_the_authority) {
    struct sl_test_pair first, second, leaf;
    struct sl_test_order order = limited("other", NULL), node = bob();
    sl_test_issue(&first, &order);
    sl_test_issue(&second, &(struct sl_test_order){.issuer = &first, .common_name = "free", .authority = true});
    node.issuer = &second;
    sl_test_issue(&leaf, &node);
    expect((const struct sl_test_pair *[]){&leaf, &second, &first}, 3, "the name constraints of its issuer CN=limited");
    sl_test_pair_finish(&leaf);
    sl_test_pair_finish(&second);
    sl_test_pair_finish(&first);

    struct sl_test_pair root;
    order = limited("other", NULL);
    order.issuer = NULL;
    sl_test_issue(&root, &order);
    sl_test_write_certificates(settings.identity.ca, (const struct sl_test_pair *const[]){&flock.authority, &root}, 2);
    node.issuer = &root;
    sl_test_issue(&leaf, &node);
    expect((const struct sl_test_pair *[]){&leaf}, 1, "the name constraints of its issuer CN=limited");
    sl_test_pair_finish(&leaf);
    sl_test_pair_finish(&root);
}

Test(constraints, intermediates_are_held_to_them_as_well) {
    struct sl_test_pair first, second, leaf;
    struct sl_test_order order = limited("demo", NULL), node = bob();
    sl_test_issue(&first, &order);
    order = (struct sl_test_order){.issuer = &first, .common_name = "astray", .authority = true};
    order.names[0] = (struct sl_test_name){GNUTLS_SAN_URI, "https://elsewhere.example/", 0};
    sl_test_issue(&second, &order);
    node.issuer = &second;
    sl_test_issue(&leaf, &node);
    expect((const struct sl_test_pair *[]){&leaf, &second, &first}, 3, "do not permit https://elsewhere.example/");
    sl_test_pair_finish(&leaf);
    sl_test_pair_finish(&second);
    sl_test_pair_finish(&first);
}

Test(constraints, dns_names_are_left_to_gnutls) {
    struct sl_test_order above = limited("demo", NULL);
    above.permitted_dns = "localhost";
    expect_below(&above, bob(), NULL);
    above.permitted_dns = "example.org";
    expect_below(&above, bob(), "constraints");
}

/* What openssl can write and GnuTLS cannot: $CONSTRAINT of an authority, and a list of it. */
static const char recipe[] =
    "set -e; umask 077; cd \"$DIR\"\n"
    "printf "
    "'[req]\\ndistinguished_name=d\\n[d]\\n[x]\\nbasicConstraints=critical,CA:TRUE\\nnameConstraints=critical,%s\\n"
    "[dn]\\nO=Hospital\\n' \"$CONSTRAINT\" > x.cnf\n"
    "openssl req -x509 -newkey rsa:2048 -nodes -keyout r.key -out ca.pem -days 9 -subj '/CN=Root' -config x.cnf "
    "-extensions x 2>/dev/null\n"
    "for side in server client; do\n"
    "  openssl req -new -newkey rsa:2048 -nodes -keyout alice-$side.key -out r.csr -subj /O=Hospital/CN=alice "
    "2>/dev/null\n"
    "  printf 'subjectAltName=URI:starling://demo/alice,DNS:localhost,IP:127.0.0.1\\nextendedKeyUsage=%sAuth\\n' $side "
    "> l.ext\n"
    "  openssl x509 -req -in r.csr -CA ca.pem -CAkey r.key -CAcreateserial -days 5 -extfile l.ext "
    "-out alice-$side.pem 2>/dev/null\n"
    "done\n"
    "rm crl.pem\n";

static void expect_start(const char *constraint, const char *reason) {
    struct sl_identity *identity;
    struct sl_error error = {0};
    setenv("DIR", flock.folder, 1);
    setenv("CONSTRAINT", constraint, 1);
    cr_assert_eq(system(recipe), 0);
    enum sl_status status = sl_identity_load(&identity, &settings, NULL, &error);
    cr_assert_eq(status, reason == NULL ? SL_OK : SL_UNTRUSTED, "%s: %s", constraint, error.text);
    cr_assert(reason == NULL || strstr(error.text, reason) != NULL, "%s: %s", constraint, error.text);
    sl_identity_unref(identity);
    sl_test_write(settings.identity.crl_file, "", 0, 0600); /* for the recipe to remove */
}

Test(constraints, as_openssl_writes_them) {
    expect_start("permitted;URI:demo", NULL);
    expect_start("permitted;URI:demo,permitted;DNS:localhost,permitted;IP:127.0.0.0/255.0.0.0", NULL);
    expect_start("permitted;URI:other,permitted;URI:demo", NULL);
    expect_start("permitted;URI:other", "do not permit starling://demo/alice");
    expect_start("permitted;IP:10.0.0.0/255.0.0.0", "constraints");
    expect_start("permitted;dirName:dn", "of a kind that is not checked here");
}
