/* Keys are made, written, and told apart. */
#include <string.h>

#include "base/file.h"
#include "crypto/random.h"
#include "identity/issue.h"

enum { KEY_ID_SIZE_MAX = 64 };

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
