#include "identity/issue.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "crypto/random.h"

/* Clocks of a flock differ: a certificate made a moment ago is valid for those that are slow, too. */
enum { BACKDATE_SECONDS = 3600, DAY_SECONDS = 86400, SERIAL_SIZE = 16, KEY_ID_SIZE_MAX = 64 };

static const char authority_name[] = "starling authority"; /* its blank keeps it apart from every node's name */

enum sl_status sl_key_generate(gnutls_x509_privkey_t *out, enum sl_key_kind kind, struct sl_error *error) {
    gnutls_pk_algorithm_t algorithm = GNUTLS_PK_ECDSA;
    unsigned bits = GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1);
    switch (kind) {
    case SL_KEY_ECDSA_P256:
        break;
    case SL_KEY_ED25519:
        algorithm = GNUTLS_PK_EDDSA_ED25519;
        bits = GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_ED25519);
        break;
    case SL_KEY_RSA_3072:
        algorithm = GNUTLS_PK_RSA;
        bits = 3072;
        break;
    }
    *out = NULL;
    int code = gnutls_x509_privkey_init(out);
    if (code >= 0)
        code = gnutls_x509_privkey_generate(*out, algorithm, bits, 0);
    if (code >= 0)
        return SL_OK;
    if (*out != NULL)
        gnutls_x509_privkey_deinit(*out);
    *out = NULL;
    return sl_gnutls_error(error, SL_CRYPTO, code, "making a key");
}

enum sl_status sl_key_signer(gnutls_privkey_t *out, gnutls_x509_privkey_t key, struct sl_error *error) {
    *out = NULL;
    int code = gnutls_privkey_init(out);
    if (code >= 0)
        code = gnutls_privkey_import_x509(*out, key, GNUTLS_PRIVKEY_IMPORT_COPY);
    if (code >= 0)
        return SL_OK;
    if (*out != NULL)
        gnutls_privkey_deinit(*out);
    *out = NULL;
    return sl_gnutls_error(error, SL_CRYPTO, code, "a key");
}

enum sl_status sl_key_public(gnutls_pubkey_t *out, gnutls_privkey_t key, struct sl_error *error) {
    *out = NULL;
    int code = gnutls_pubkey_init(out);
    if (code >= 0)
        code = gnutls_pubkey_import_privkey(*out, key, 0, 0);
    if (code >= 0)
        return SL_OK;
    if (*out != NULL)
        gnutls_pubkey_deinit(*out);
    *out = NULL;
    return sl_gnutls_error(error, SL_CRYPTO, code, "a public key");
}

enum sl_status sl_certificate_key(gnutls_pubkey_t *out, gnutls_x509_crt_t certificate, struct sl_error *error) {
    *out = NULL;
    int code = gnutls_pubkey_init(out);
    if (code >= 0)
        code = gnutls_pubkey_import_x509(*out, certificate, 0);
    if (code >= 0)
        return SL_OK;
    if (*out != NULL)
        gnutls_pubkey_deinit(*out);
    *out = NULL;
    return sl_gnutls_error(error, SL_FORMAT, code, "the key of a certificate");
}

bool sl_public_key_is_of(gnutls_pubkey_t key, gnutls_x509_crt_t certificate) {
    uint8_t own[KEY_ID_SIZE_MAX], wanted[KEY_ID_SIZE_MAX];
    size_t own_length = sizeof own, wanted_length = sizeof wanted;
    return gnutls_pubkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, own, &own_length) >= 0 &&
           gnutls_x509_crt_get_key_id(certificate, GNUTLS_KEYID_USE_SHA256, wanted, &wanted_length) >= 0 &&
           own_length == wanted_length && memcmp(own, wanted, own_length) == 0;
}

enum sl_status sl_key_write(gnutls_x509_privkey_t key, const char *path, const char *passphrase,
                            struct sl_error *error) {
    gnutls_datum_t pem = {NULL, 0};
    int code = gnutls_x509_privkey_export2_pkcs8(
        key, GNUTLS_X509_FMT_PEM, passphrase, passphrase != NULL ? GNUTLS_PKCS_PBES2_AES_256 : GNUTLS_PKCS_PLAIN, &pem);
    if (code < 0)
        return sl_gnutls_error(error, SL_CRYPTO, code, path);
    enum sl_status status = sl_file_replace(path, pem.data, pem.size, 0600, error);
    sl_wipe(pem.data, pem.size);
    gnutls_free(pem.data);
    return status;
}

/* 16 bytes that start with 01: positive, and no zero byte in front that DER would have to drop. */
static int set_serial(gnutls_x509_crt_t certificate) {
    uint8_t serial[SERIAL_SIZE];
    if (sl_random_bytes(serial, sizeof serial, NULL) != SL_OK)
        return GNUTLS_E_RANDOM_FAILED;
    serial[0] = (uint8_t)((serial[0] & 0x3f) | 0x40);
    return gnutls_x509_crt_set_serial(certificate, serial, sizeof serial);
}

static int set_subject(gnutls_x509_crt_t certificate, const char *flock, const char *name) {
    int code = gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_ORGANIZATION_NAME, 0, flock,
                                             (unsigned)strlen(flock));
    if (code < 0)
        return code;
    return gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, name, (unsigned)strlen(name));
}

static int set_key_identifiers(gnutls_x509_crt_t certificate, gnutls_x509_crt_t issuer) {
    uint8_t id[KEY_ID_SIZE_MAX];
    size_t length = sizeof id;
    int code = gnutls_x509_crt_get_key_id(certificate, 0, id, &length);
    if (code >= 0)
        code = gnutls_x509_crt_set_subject_key_id(certificate, id, length);
    if (code < 0)
        return code;
    length = sizeof id;
    code = gnutls_x509_crt_get_subject_key_id(issuer, id, &length, NULL);
    if (code == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE) /* an authority made elsewhere may have none to point to */
        return 0;
    return code < 0 ? code : gnutls_x509_crt_set_authority_key_id(certificate, id, length);
}

/* What every certificate has. `last` 0: no later limit. */
static int set_basics(gnutls_x509_crt_t certificate, gnutls_pubkey_t key, unsigned days, time_t last) {
    time_t now = time(NULL), end = now + (time_t)days * DAY_SECONDS;
    if (last != 0 && last < end)
        end = last;
    int code = gnutls_x509_crt_set_version(certificate, 3);
    if (code >= 0)
        code = set_serial(certificate);
    if (code >= 0)
        code = gnutls_x509_crt_set_pubkey(certificate, key);
    if (code >= 0)
        code = gnutls_x509_crt_set_activation_time(certificate, now - BACKDATE_SECONDS);
    if (code >= 0)
        code = gnutls_x509_crt_set_expiration_time(certificate, end);
    return code;
}

/* A URI's constraint is on its host, which in starling://FLOCK/NODE is the flock. */
static int add_constraint(gnutls_x509_crt_t certificate, const char *flock) {
    gnutls_x509_name_constraints_t constraints;
    gnutls_datum_t name = {NULL, (unsigned)strlen(flock)};
    int code = gnutls_x509_name_constraints_init(&constraints);
    if (code < 0)
        return code;
    /* It keeps the bytes that it is given. */
    name.data = gnutls_malloc(name.size);
    if (name.data == NULL) {
        code = GNUTLS_E_MEMORY_ERROR;
    } else {
        memcpy(name.data, flock, name.size);
        code = gnutls_x509_name_constraints_add_permitted(constraints, GNUTLS_SAN_URI, &name);
    }
    if (code >= 0)
        code = gnutls_x509_crt_set_name_constraints(certificate, constraints, 1);
    gnutls_free(name.data);
    gnutls_x509_name_constraints_deinit(constraints);
    return code;
}

static int build_authority(gnutls_x509_crt_t certificate, gnutls_pubkey_t key,
                           const struct sl_authority_subject *subject, const struct sl_issuer *issuer) {
    char name[sizeof authority_name + 1 + SL_NAME_MAX];
    bool root = issuer->certificate == NULL;
    gnutls_x509_crt_t parent = root ? certificate : issuer->certificate;
    snprintf(name, sizeof name, root ? "%s" : "%s %s", authority_name, subject->name);
    int code = set_basics(certificate, key, subject->days, root ? 0 : gnutls_x509_crt_get_expiration_time(parent));
    if (code >= 0)
        code = set_subject(certificate, subject->flock, name);
    if (code >= 0)
        code = gnutls_x509_crt_set_basic_constraints(certificate, 1, subject->path_length);
    if (code >= 0)
        code = gnutls_x509_crt_set_key_usage(certificate, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN);
    if (code >= 0 && subject->constrained)
        code = add_constraint(certificate, subject->flock);
    if (code >= 0)
        code = set_key_identifiers(certificate, parent);
    if (code >= 0) /* digest 0: the one that suits the key */
        code = gnutls_x509_crt_privkey_sign(certificate, parent, issuer->key, GNUTLS_DIG_UNKNOWN, 0);
    return code;
}

static int add_alternative_names(gnutls_x509_crt_t certificate, const struct sl_node_subject *subject) {
    char uri[sizeof "starling:///" + 2 * SL_NAME_MAX];
    int length = snprintf(uri, sizeof uri, "starling://%s/%s", subject->flock, subject->node);
    int code =
        gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_URI, uri, (unsigned)length, GNUTLS_FSAN_SET);
    for (size_t i = 0; code >= 0 && i < subject->host_count; i++) {
        uint8_t address[16];
        const char *host = subject->hosts[i];
        if (inet_pton(AF_INET, host, address) == 1)
            code =
                gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_IPADDRESS, address, 4, GNUTLS_FSAN_APPEND);
        else if (inet_pton(AF_INET6, host, address) == 1)
            code = gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_IPADDRESS, address, 16,
                                                        GNUTLS_FSAN_APPEND);
        else
            code = gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_DNSNAME, host, (unsigned)strlen(host),
                                                        GNUTLS_FSAN_APPEND);
    }
    return code;
}

static int build_node(gnutls_x509_crt_t certificate, gnutls_pubkey_t key, const struct sl_node_subject *subject,
                      const struct sl_issuer *issuer) {
    int code = set_basics(certificate, key, subject->days, gnutls_x509_crt_get_expiration_time(issuer->certificate));
    if (code >= 0)
        code = set_subject(certificate, subject->flock, subject->node);
    if (code >= 0)
        code = gnutls_x509_crt_set_basic_constraints(certificate, 0, -1);
    if (code >= 0)
        code = gnutls_x509_crt_set_key_usage(certificate, GNUTLS_KEY_DIGITAL_SIGNATURE);
    if (code >= 0)
        code = gnutls_x509_crt_set_key_purpose_oid(certificate, sl_purpose_oid(subject->purpose), 0);
    if (code >= 0)
        code = add_alternative_names(certificate, subject);
    if (code >= 0)
        code = set_key_identifiers(certificate, issuer->certificate);
    if (code >= 0)
        code = gnutls_x509_crt_privkey_sign(certificate, issuer->certificate, issuer->key, GNUTLS_DIG_UNKNOWN, 0);
    return code;
}

static enum sl_status deliver(gnutls_x509_crt_t *certificate, int code, const char *what, struct sl_error *error) {
    if (code >= 0)
        return SL_OK;
    if (*certificate != NULL)
        gnutls_x509_crt_deinit(*certificate);
    *certificate = NULL;
    return sl_gnutls_error(error, SL_CRYPTO, code, what);
}

enum sl_status sl_issue_authority(gnutls_x509_crt_t *out, gnutls_pubkey_t key,
                                  const struct sl_authority_subject *subject, const struct sl_issuer *issuer,
                                  struct sl_error *error) {
    *out = NULL;
    int code = gnutls_x509_crt_init(out);
    if (code >= 0)
        code = build_authority(*out, key, subject, issuer);
    return deliver(out, code, "making the authority's certificate", error);
}

enum sl_status sl_issue_node(gnutls_x509_crt_t *out, gnutls_pubkey_t key, const struct sl_node_subject *subject,
                             const struct sl_issuer *issuer, struct sl_error *error) {
    *out = NULL;
    int code = gnutls_x509_crt_init(out);
    if (code >= 0)
        code = build_node(*out, key, subject, issuer);
    return deliver(out, code, "making a certificate", error);
}
