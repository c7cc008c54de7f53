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

/* `last` 0: no later limit. */
static int set_serial_and_dates(gnutls_x509_crt_t certificate, unsigned days, time_t last) {
    time_t now = time(NULL), end = now + (time_t)days * DAY_SECONDS;
    if (last != 0 && last < end)
        end = last;
    int code = set_serial(certificate);
    if (code >= 0)
        code = gnutls_x509_crt_set_activation_time(certificate, now - BACKDATE_SECONDS);
    if (code >= 0)
        code = gnutls_x509_crt_set_expiration_time(certificate, end);
    return code;
}

/* What every certificate has. */
static int set_basics(gnutls_x509_crt_t certificate, gnutls_pubkey_t key, unsigned days, time_t last) {
    int code = gnutls_x509_crt_set_version(certificate, 3);
    if (code >= 0)
        code = set_serial_and_dates(certificate, days, last);
    if (code >= 0)
        code = gnutls_x509_crt_set_pubkey(certificate, key);
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

/* In place of the one that it has, which gnutls_x509_crt_set_authority_key_id does not do. */
static int replace_authority_key_id(gnutls_x509_crt_t certificate, gnutls_x509_crt_t issuer) {
    uint8_t id[KEY_ID_SIZE_MAX];
    size_t length = sizeof id;
    gnutls_x509_aki_t told = NULL;
    gnutls_datum_t extension = {NULL, 0};
    int code = gnutls_x509_crt_get_subject_key_id(issuer, id, &length, NULL);
    if (code == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
        return 0;
    if (code >= 0)
        code = gnutls_x509_aki_init(&told);
    if (code >= 0)
        code = gnutls_x509_aki_set_id(told, &(gnutls_datum_t){id, (unsigned)length});
    if (code >= 0)
        code = gnutls_x509_ext_export_authority_key_id(told, &extension);
    if (code >= 0)
        code = gnutls_x509_crt_set_extension_by_oid(certificate, "2.5.29.35", extension.data, extension.size, 0);
    gnutls_free(extension.data);
    if (told != NULL)
        gnutls_x509_aki_deinit(told);
    return code;
}

/* Read from the former's bytes, so that whatever it has is kept. */
static int build_again(gnutls_x509_crt_t certificate, gnutls_x509_crt_t former, unsigned days,
                       const struct sl_issuer *issuer) {
    gnutls_datum_t der = {NULL, 0};
    int code = gnutls_x509_crt_export2(former, GNUTLS_X509_FMT_DER, &der);
    if (code >= 0)
        code = gnutls_x509_crt_import(certificate, &der, GNUTLS_X509_FMT_DER);
    gnutls_free(der.data);
    if (code >= 0)
        code = set_serial_and_dates(certificate, days, gnutls_x509_crt_get_expiration_time(issuer->certificate));
    if (code >= 0)
        code = replace_authority_key_id(certificate, issuer->certificate);
    if (code >= 0)
        code = gnutls_x509_crt_privkey_sign(certificate, issuer->certificate, issuer->key, GNUTLS_DIG_UNKNOWN, 0);
    return code;
}

enum sl_status sl_issue_again(gnutls_x509_crt_t *out, gnutls_x509_crt_t former, unsigned days,
                              const struct sl_issuer *issuer, struct sl_error *error) {
    *out = NULL;
    int code = gnutls_x509_crt_init(out);
    if (code >= 0)
        code = build_again(*out, former, days, issuer);
    return deliver(out, code, "renewing the authority's certificate", error);
}
