#include "identity/own.h"

#include <string.h>

#include "base/file.h"
#include "crypto/random.h"

enum { KEY_FILE_MAX = 1 << 16 };

enum sl_status sl_key_read(gnutls_privkey_t *out, const char *path, const char *passphrase, struct sl_error *error) {
    *out = NULL;
    struct sl_buffer file = {0};
    enum sl_status status = sl_file_read(&file, path, KEY_FILE_MAX, error);
    if (status == SL_OK) {
        gnutls_datum_t pem = {file.data, (unsigned)file.length};
        int code = gnutls_privkey_init(out);
        if (code >= 0)
            code = gnutls_privkey_import_x509_raw(*out, &pem, GNUTLS_X509_FMT_PEM, passphrase, 0);
        if (code == GNUTLS_E_DECRYPTION_FAILED)
            status = sl_error_set(error, SL_CRYPTO, "%s: the key is encrypted, and %s", path,
                                  passphrase == NULL ? "no passphrase is given" : "not with this passphrase");
        else if (code < 0)
            status = sl_gnutls_error(error, SL_FORMAT, code, path);
        if (code < 0 && *out != NULL) {
            gnutls_privkey_deinit(*out);
            *out = NULL;
        }
    }
    sl_wipe(file.data, file.capacity);
    sl_buffer_finish(&file);
    return status;
}

bool sl_key_is_of(gnutls_privkey_t key, gnutls_x509_crt_t certificate) {
    uint8_t own[64], wanted[64];
    size_t own_length = sizeof own, wanted_length = sizeof wanted;
    gnutls_pubkey_t public_key = NULL;
    int code = gnutls_pubkey_init(&public_key);
    if (code >= 0)
        code = gnutls_pubkey_import_privkey(public_key, key, 0, 0);
    if (code >= 0)
        code = gnutls_pubkey_get_key_id(public_key, GNUTLS_KEYID_USE_SHA256, own, &own_length);
    if (code >= 0)
        code = gnutls_x509_crt_get_key_id(certificate, GNUTLS_KEYID_USE_SHA256, wanted, &wanted_length);
    if (public_key != NULL)
        gnutls_pubkey_deinit(public_key);
    return code >= 0 && own_length == wanted_length && memcmp(own, wanted, own_length) == 0;
}

static bool is_authority(const struct sl_trust *trust, gnutls_x509_crt_t certificate) {
    for (unsigned i = 0; i < trust->authorities.count; i++)
        if (gnutls_x509_crt_equals(trust->authorities.items[i], certificate))
            return true;
    return false;
}

/* Keeps the certificates that peers need, in DER; the authority's own they have. */
static enum sl_status keep_chain(struct sl_own_certificate *own, const struct sl_trust *trust,
                                 const struct sl_certificates *file, const char *path, struct sl_error *error) {
    for (unsigned i = 0; i < file->count; i++) {
        if (i > 0 && is_authority(trust, file->items[i]))
            break;
        if (own->count == SL_CHAIN_MAX)
            return sl_error_set(error, SL_LIMIT, "%s: more than %d certificates", path, SL_CHAIN_MAX);
        int code = gnutls_x509_crt_export2(file->items[i], GNUTLS_X509_FMT_DER, &own->chain[own->count]);
        if (code < 0)
            return sl_gnutls_error(error, SL_CRYPTO, code, path);
        own->count++;
    }
    return SL_OK;
}

static enum sl_status check_own(const struct sl_own_certificate *own, const struct sl_trust *trust,
                                enum sl_purpose purpose, const char *node, const char *path, struct sl_error *error) {
    struct sl_bytes chain[SL_CHAIN_MAX];
    for (unsigned i = 0; i < own->count; i++)
        chain[i] = (struct sl_bytes){own->chain[i].data, own->chain[i].size};
    struct sl_credential *credential;
    enum sl_status status = sl_trust_check(trust, &credential, purpose, chain, own->count, error);
    if (status != SL_OK)
        return sl_error_wrap(error, status, "%s", path);
    if (strcmp(sl_credential_node(credential), node) != 0)
        status = sl_error_set(error, SL_MISMATCH, "%s: the certificate is of the node %s, but node.name is %s", path,
                              sl_credential_node(credential), node);
    sl_credential_unref(credential);
    return status;
}

/* `key` goes to the credentials on success. */
static int fill_credentials(struct sl_own_certificate *own, const struct sl_trust *trust,
                            const struct sl_certificates *file, gnutls_privkey_t key) {
    gnutls_pcert_st certificates[SL_CHAIN_MAX];
    unsigned imported = 0;
    int code = gnutls_certificate_allocate_credentials(&own->credentials);
    if (code >= 0)
        code = gnutls_certificate_set_x509_trust(own->credentials, trust->authorities.items,
                                                 (int)trust->authorities.count);
    for (; code >= 0 && imported < own->count; imported++)
        if ((code = gnutls_pcert_import_x509(&certificates[imported], file->items[imported], 0)) < 0)
            break;
    if (code >= 0)
        code = gnutls_certificate_set_key(own->credentials, NULL, 0, certificates, (int)imported, key);
    for (unsigned i = 0; code < 0 && i < imported; i++)
        gnutls_pcert_deinit(&certificates[i]);
    if (code >= 0)
        gnutls_certificate_set_verify_flags(own->credentials, SL_TRUST_FLAGS);
    return code;
}

enum sl_status sl_own_load(struct sl_own_certificate *own, const struct sl_trust *trust, enum sl_purpose purpose,
                           const char *node, const char *certificate_file, const char *key_file,
                           struct sl_error *error) {
    *own = (struct sl_own_certificate){0};
    struct sl_certificates file = {0};
    gnutls_privkey_t key = NULL;
    enum sl_status status = sl_certificates_read(&file, certificate_file, true, error);
    if (status == SL_OK)
        status = sl_key_read(&key, key_file, NULL, error);
    if (status == SL_OK && !sl_key_is_of(key, file.items[0]))
        status = sl_error_set(error, SL_MISMATCH, "%s: not the key of the certificate %s", key_file, certificate_file);
    if (status == SL_OK)
        status = keep_chain(own, trust, &file, certificate_file, error);
    if (status == SL_OK)
        status = check_own(own, trust, purpose, node, certificate_file, error);
    if (status == SL_OK) {
        int code = fill_credentials(own, trust, &file, key);
        if (code < 0) {
            status = sl_gnutls_error(error, SL_CRYPTO, code, certificate_file);
        } else {
            own->key = key;
            own->algorithm = sl_signature_algorithm((unsigned)gnutls_privkey_get_pk_algorithm(key, NULL));
            key = NULL;
        }
    }
    if (key != NULL)
        gnutls_privkey_deinit(key);
    sl_certificates_finish(&file);
    if (status != SL_OK)
        sl_own_finish(own);
    return status;
}

void sl_own_finish(struct sl_own_certificate *own) {
    if (own->credentials != NULL)
        gnutls_certificate_free_credentials(own->credentials); /* and the key */
    for (unsigned i = 0; i < own->count; i++)
        gnutls_free(own->chain[i].data);
    *own = (struct sl_own_certificate){0};
}
