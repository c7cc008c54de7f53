#include "support/certificates.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <gnutls/crypto.h>

#include "identity/generation.h"

enum { DAY_SECONDS = 86400, RSA_BITS = 2048 };

static void fail(const char *what, const char *why) {
    fprintf(stderr, "test support: %s: %s\n", what, why);
    abort();
}

static void must(int code, const char *what) {
    if (code < 0)
        fail(what, gnutls_strerror(code));
}

char *sl_test_folder_make(void) {
    const char *base = getenv("TMPDIR");
    char *folder = NULL;
    if (asprintf(&folder, "%s/starling-test-XXXXXX", base != NULL ? base : "/tmp") < 0 || mkdtemp(folder) == NULL)
        fail("temporary folder", "cannot be made");
    return folder;
}

static int remove_entry(const char *path, const struct stat *about, int kind, struct FTW *place) {
    (void)about, (void)kind, (void)place;
    return remove(path);
}

void sl_test_folder_remove(char *folder) {
    if (folder != NULL)
        nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(folder);
}

char *sl_test_path(const char *folder, const char *name) {
    char *path = NULL;
    if (asprintf(&path, "%s/%s", folder, name) < 0)
        fail("memory", "none left");
    return path;
}

void sl_test_write(const char *path, const void *data, size_t length, unsigned mode) {
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(data, 1, length, file) != length || fclose(file) != 0 || chmod(path, mode) != 0)
        fail(path, "cannot be written");
}

static void make_key(struct sl_test_pair *out, const struct sl_test_order *order) {
    gnutls_pk_algorithm_t algorithm = order->key != GNUTLS_PK_UNKNOWN ? order->key : GNUTLS_PK_ECDSA;
    unsigned bits = order->bits;
    if (bits == 0 && (algorithm == GNUTLS_PK_RSA || algorithm == GNUTLS_PK_RSA_PSS))
        bits = RSA_BITS;
    if (bits == 0)
        bits =
            GNUTLS_CURVE_TO_BITS(algorithm == GNUTLS_PK_ECDSA ? GNUTLS_ECC_CURVE_SECP256R1 : GNUTLS_ECC_CURVE_ED25519);
    must(gnutls_x509_privkey_init(&out->key), "key");
    if (order->key_of != NULL)
        must(gnutls_x509_privkey_cpy(out->key, order->key_of->key), "key");
    else
        must(gnutls_x509_privkey_generate(out->key, algorithm, bits, 0), "key");
}

/* GeneralNames ::= SEQUENCE OF { [6] IA5String }, in DER with lengths of one byte (RFC 5280, 4.2.1.6). */
static void set_raw_uri(gnutls_x509_crt_t certificate, struct sl_bytes uri) {
    uint8_t extension[128] = {0x30, (uint8_t)(uri.length + 2), 0x86, (uint8_t)uri.length};
    if (uri.length > 120)
        fail("raw URI", "too long");
    memcpy(extension + 4, uri.data, uri.length);
    must(gnutls_x509_crt_set_extension_by_oid(certificate, "2.5.29.17", extension, uri.length + 4, 0), "raw URI");
}

static void set_names(gnutls_x509_crt_t certificate, const struct sl_test_order *order) {
    const char *common_names[] = {order->common_name, order->second_common_name};
    for (size_t i = 0; i < 2; i++)
        if (common_names[i] != NULL)
            must(gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, common_names[i],
                                               (unsigned)strlen(common_names[i])),
                 "common name");
    if (order->raw_uri.data != NULL) {
        set_raw_uri(certificate, order->raw_uri);
        return;
    }
    for (size_t i = 0; i < SL_TEST_NAMES_MAX && order->names[i].data != NULL && !order->version_1; i++) {
        const struct sl_test_name *name = &order->names[i];
        unsigned length = name->length != 0 ? name->length : (unsigned)strlen(name->data);
        must(gnutls_x509_crt_set_subject_alt_name(certificate, name->type, name->data, length, GNUTLS_FSAN_APPEND),
             "alternative name");
    }
}

static gnutls_datum_t datum(const char *text) {
    return (gnutls_datum_t){(unsigned char *)(uintptr_t)text, (unsigned)strlen(text)};
}

static void set_name_constraints(gnutls_x509_crt_t certificate, const struct sl_test_order *order) {
    gnutls_x509_name_constraints_t constraints;
    must(gnutls_x509_name_constraints_init(&constraints), "name constraints");
    if (order->permitted_dns != NULL) {
        gnutls_datum_t name = datum(order->permitted_dns);
        must(gnutls_x509_name_constraints_add_permitted(constraints, GNUTLS_SAN_DNSNAME, &name), "name constraints");
    }
    if (order->permitted_uri != NULL) {
        gnutls_datum_t name = datum(order->permitted_uri);
        must(gnutls_x509_name_constraints_add_permitted(constraints, GNUTLS_SAN_URI, &name), "name constraints");
    }
    if (order->excluded_uri != NULL) {
        gnutls_datum_t name = datum(order->excluded_uri);
        must(gnutls_x509_name_constraints_add_excluded(constraints, GNUTLS_SAN_URI, &name), "name constraints");
    }
    must(gnutls_x509_crt_set_name_constraints(certificate, constraints, 1), "name constraints");
    gnutls_x509_name_constraints_deinit(constraints);
}

static void set_key_id(gnutls_x509_crt_t certificate) {
    uint8_t id[20];
    size_t length = sizeof id;
    must(gnutls_x509_crt_get_key_id(certificate, 0, id, &length), "key identifier");
    must(gnutls_x509_crt_set_subject_key_id(certificate, id, length), "key identifier");
}

static void set_extensions(gnutls_x509_crt_t certificate, const struct sl_test_order *order) {
    unsigned usage = order->key_usage;
    if (usage == 0 && order->authority)
        usage = GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN;
    if (!order->no_constraints)
        must(gnutls_x509_crt_set_basic_constraints(certificate, order->authority,
                                                   order->path_limited ? (int)order->path_length : -1),
             "basic constraints");
    if (usage != 0)
        must(gnutls_x509_crt_set_key_usage(certificate, usage), "key usage");
    if (order->tells_key)
        set_key_id(certificate);
    for (size_t i = 0; i < SL_TEST_PURPOSES_MAX && order->purposes[i] != NULL; i++)
        must(gnutls_x509_crt_set_key_purpose_oid(certificate, order->purposes[i], 0), "purpose");
    if (order->permitted_dns != NULL || order->permitted_uri != NULL || order->excluded_uri != NULL)
        set_name_constraints(certificate, order);
}

static void sign(gnutls_x509_crt_t certificate, const struct sl_test_pair *own, const struct sl_test_order *order) {
    const struct sl_test_pair *signer = order->issuer != NULL ? order->issuer : own;
    gnutls_privkey_t key;
    gnutls_x509_crt_t issuer = certificate;
    must(gnutls_privkey_init(&key), "signer");
    must(gnutls_privkey_import_x509(key, signer->key, 0), "signer");
    if (order->issuer != NULL) {
        must(gnutls_x509_crt_init(&issuer), "issuer");
        must(gnutls_x509_crt_import(issuer, &signer->der, GNUTLS_X509_FMT_DER), "issuer");
    }
    must(gnutls_x509_crt_privkey_sign(certificate, issuer, key, order->digest, 0), "signing");
    if (issuer != certificate)
        gnutls_x509_crt_deinit(issuer);
    gnutls_privkey_deinit(key);
}

void sl_test_issue(struct sl_test_pair *out, const struct sl_test_order *order) {
    bool usual = order->from_day == 0 && order->until_day == 0;
    time_t now = time(NULL);
    uint8_t serial[16];
    gnutls_x509_crt_t certificate;
    make_key(out, order);
    must(gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof serial), "serial number");
    serial[0] = 0x55;
    must(gnutls_x509_crt_init(&certificate), "certificate");
    must(gnutls_x509_crt_set_version(certificate, order->version_1 ? 1 : 3), "version");
    must(gnutls_x509_crt_set_serial(certificate, serial, sizeof serial), "serial number");
    must(gnutls_x509_crt_set_key(certificate, out->key), "key");
    must(gnutls_x509_crt_set_activation_time(certificate, now + (usual ? -1 : order->from_day) * DAY_SECONDS), "dates");
    must(gnutls_x509_crt_set_expiration_time(certificate, now + (usual ? 30 : order->until_day) * DAY_SECONDS),
         "dates");
    set_names(certificate, order);
    if (!order->version_1)
        set_extensions(certificate, order);
    sign(certificate, out, order);
    must(gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_DER, &out->der), "certificate");
    gnutls_x509_crt_deinit(certificate);
}

void sl_test_pair_finish(struct sl_test_pair *pair) {
    gnutls_x509_privkey_deinit(pair->key);
    gnutls_free(pair->der.data);
    *pair = (struct sl_test_pair){0};
}

struct sl_bytes sl_test_pair_bytes(const struct sl_test_pair *pair) {
    return (struct sl_bytes){pair->der.data, pair->der.size};
}

struct sl_test_order sl_test_order_node(char uri[SL_TEST_URI_SIZE], const struct sl_test_pair *issuer,
                                        const char *flock, const char *node, enum sl_purpose purpose) {
    static const uint8_t loopback_4[4] = {127, 0, 0, 1};
    static const uint8_t loopback_6[16] = {[15] = 1};
    snprintf(uri, SL_TEST_URI_SIZE, "starling://%s/%s", flock, node);
    return (struct sl_test_order){
        .issuer = issuer,
        .common_name = node,
        .names = {{GNUTLS_SAN_URI, uri, 0},
                  {GNUTLS_SAN_DNSNAME, "localhost", 0},
                  {GNUTLS_SAN_IPADDRESS, loopback_4, sizeof loopback_4},
                  {GNUTLS_SAN_IPADDRESS, loopback_6, sizeof loopback_6}},
        .purposes = {purpose == SL_PURPOSE_SERVER ? GNUTLS_KP_TLS_WWW_SERVER : GNUTLS_KP_TLS_WWW_CLIENT},
        .key_usage = GNUTLS_KEY_DIGITAL_SIGNATURE,
    };
}

void sl_test_write_certificates(const char *path, const struct sl_test_pair *const *pairs, size_t count) {
    FILE *file = fopen(path, "wb");
    if (file == NULL)
        fail(path, "cannot be written");
    for (size_t i = 0; i < count; i++) {
        gnutls_datum_t pem;
        must(gnutls_pem_base64_encode2("CERTIFICATE", &pairs[i]->der, &pem), "PEM");
        fwrite(pem.data, 1, pem.size, file);
        gnutls_free(pem.data);
    }
    if (fclose(file) != 0)
        fail(path, "cannot be written");
}

void sl_test_write_key(const char *path, const struct sl_test_pair *pair) {
    sl_test_write_encrypted_key(path, pair, NULL);
}

void sl_test_write_encrypted_key(const char *path, const struct sl_test_pair *pair, const char *passphrase) {
    gnutls_datum_t pem;
    must(gnutls_x509_privkey_export2_pkcs8(pair->key, GNUTLS_X509_FMT_PEM, passphrase,
                                           passphrase != NULL ? GNUTLS_PKCS_PBES2_AES_256 : GNUTLS_PKCS_PLAIN, &pem),
         "PEM");
    sl_test_write(path, pem.data, pem.size, 0600);
    gnutls_free(pem.data);
}

static gnutls_sign_algorithm_t algorithm_of(const struct sl_test_pair *pair) {
    int algorithm = gnutls_x509_privkey_get_pk_algorithm(pair->key);
    if (algorithm == GNUTLS_PK_EDDSA_ED25519)
        return GNUTLS_SIGN_EDDSA_ED25519;
    return algorithm == GNUTLS_PK_RSA ? GNUTLS_SIGN_RSA_PSS_RSAE_SHA256 : GNUTLS_SIGN_ECDSA_SHA256;
}

size_t sl_test_sign(uint8_t out[SL_SIGNATURE_MAX], const struct sl_test_pair *pair, struct sl_bytes message) {
    gnutls_datum_t data = {(unsigned char *)(uintptr_t)message.data, (unsigned)message.length}, signature;
    gnutls_privkey_t key;
    must(gnutls_privkey_init(&key), "signing");
    must(gnutls_privkey_import_x509(key, pair->key, 0), "signing");
    must(gnutls_privkey_sign_data2(key, algorithm_of(pair), 0, &data, &signature), "signing");
    if (signature.size > SL_SIGNATURE_MAX)
        fail("signing", "too long");
    size_t length = signature.size;
    memcpy(out, signature.data, length);
    gnutls_free(signature.data);
    gnutls_privkey_deinit(key);
    return length;
}

void sl_test_age_delegation(struct sl_identity *identity, int days) {
    struct sl_delegate *old;
    const int64_t then = (int64_t)time(NULL) - (int64_t)days * DAY_SECONDS;
    if (sl_delegate_create(&old, identity->client, sl_identity_flock(identity), identity->node, then, NULL) != SL_OK)
        fail("a delegation", "signing");
    sl_delegate_unref(identity->delegate);
    identity->delegate = old;
}
