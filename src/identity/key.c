#include "identity/key.h"

#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "crypto/random.h"
#include "identity/token.h"

enum { KEY_FILE_MAX = 1 << 16, ASKED_MAX = 3 };

static int import(gnutls_privkey_t *out, const struct sl_buffer *file, const char *passphrase) {
    const gnutls_datum_t pem = {file->data, (unsigned)file->length};
    int code = gnutls_privkey_init(out);
    if (code >= 0)
        code = gnutls_privkey_import_x509_raw(*out, &pem, GNUTLS_X509_FMT_PEM, passphrase, 0);
    if (code < 0 && *out != NULL) {
        gnutls_privkey_deinit(*out);
        *out = NULL;
    }
    return code;
}

enum sl_status sl_key_read(gnutls_privkey_t *out, bool *encrypted, const char *path, const char *passphrase,
                           struct sl_error *error) {
    *out = NULL;
    *encrypted = false;
    struct sl_buffer file = {0};
    enum sl_status status = sl_file_read(&file, path, KEY_FILE_MAX, error);
    if (status == SL_OK) {
        int code = import(out, &file, passphrase);
        *encrypted = code == GNUTLS_E_DECRYPTION_FAILED;
        if (*encrypted)
            status = sl_error_set(error, SL_PERMISSION, "%s: the key is encrypted, and %s", path,
                                  passphrase == NULL ? "no passphrase is given" : "not with this passphrase");
        else if (code < 0)
            status = sl_gnutls_error(error, SL_FORMAT, code, path);
    }
    sl_wipe(file.data, file.capacity);
    sl_buffer_finish(&file);
    return status;
}

/* An encrypted one. With a wrong passphrase the padding may look right by chance and what comes out be no key, so any
 * fault of GnuTLS is taken for that. */
static enum sl_status decrypt(gnutls_privkey_t *out, const struct sl_buffer *file, const char *path,
                              const struct sl_passphrase_source *source, struct sl_error *error) {
    char passphrase[SL_PASSPHRASE_SIZE];
    struct sl_buffer what = {0};
    enum sl_status status = sl_buffer_printf(&what, "passphrase of %s", path);
    if (status != SL_OK)
        status = sl_error_set(error, status, "%s: no memory", path);
    int tries = sl_passphrase_is_asked(source) ? ASKED_MAX : 1, code = GNUTLS_E_DECRYPTION_FAILED;
    for (int i = 0; i < tries && status == SL_OK && code < 0 && code != GNUTLS_E_MEMORY_ERROR; i++) {
        status = sl_passphrase_get(source, passphrase, (const char *)what.data, error);
        if (status == SL_OK)
            code = import(out, file, passphrase);
    }
    if (status != SL_OK)
        status = sl_error_wrap(error, status, "%s: the key is encrypted", path);
    else if (code == GNUTLS_E_MEMORY_ERROR)
        status = sl_gnutls_error(error, SL_CRYPTO, code, path);
    else if (code < 0)
        status = sl_error_set(error, SL_PERMISSION, "%s: the key is encrypted, and not with this passphrase", path);
    sl_wipe(passphrase, sizeof passphrase);
    sl_buffer_finish(&what);
    return status;
}

static enum sl_status copy(gnutls_privkey_t *out, gnutls_privkey_t from, const char *path, struct sl_error *error) {
    gnutls_x509_privkey_t plain = NULL;
    int code = gnutls_privkey_export_x509(from, &plain);
    if (code >= 0)
        code = gnutls_privkey_init(out);
    if (code >= 0)
        code = gnutls_privkey_import_x509(*out, plain, GNUTLS_PRIVKEY_IMPORT_COPY);
    if (plain != NULL)
        gnutls_x509_privkey_deinit(plain);
    if (code >= 0)
        return SL_OK;
    if (*out != NULL)
        gnutls_privkey_deinit(*out);
    *out = NULL;
    return sl_gnutls_error(error, SL_CRYPTO, code, path);
}

static enum sl_status load_file(struct sl_key *key, const char *path, const struct sl_passphrase_source *source,
                                const struct sl_key *previous, struct sl_error *error) {
    struct sl_buffer file = {0};
    enum sl_status status = sl_secret_check_mode(path, error);
    if (status == SL_OK)
        status = sl_file_read(&file, path, KEY_FILE_MAX, error);
    if (status == SL_OK) {
        sl_digest_of(&key->file, file.data, file.length);
        int code = import(&key->key, &file, NULL);
        if (code != GNUTLS_E_DECRYPTION_FAILED && code < 0)
            status = sl_gnutls_error(error, SL_FORMAT, code, path);
        else if (code < 0 && previous != NULL && previous->pin == NULL && previous->key != NULL &&
                 sl_digest_equal(&previous->file, &key->file))
            status = copy(&key->key, previous->key, path, error);
        else if (code < 0)
            status = decrypt(&key->key, &file, path, source, error);
    }
    sl_wipe(file.data, file.capacity);
    sl_buffer_finish(&file);
    return status;
}

bool sl_key_is_uri(const char *place) {
    static const char scheme[] = "pkcs11:";
    return strncasecmp(place, scheme, sizeof scheme - 1) == 0;
}

enum sl_status sl_key_load(struct sl_key *key, const char *place, const struct sl_passphrase_source *source,
                           const struct sl_key *previous, struct sl_error *error) {
    *key = (struct sl_key){0};
    enum sl_status status = sl_key_is_uri(place) ? sl_token_key_load(&key->key, &key->pin, place, source, error)
                                                 : load_file(key, place, source, previous, error);
    if (status != SL_OK)
        sl_key_finish(key);
    return status;
}

void sl_key_finish(struct sl_key *key) {
    if (key->key != NULL && !key->given)
        gnutls_privkey_deinit(key->key);
    sl_pin_destroy(key->pin);
    *key = (struct sl_key){0};
}

/* A token's key signs something of no meaning. */
static bool signs_for(gnutls_privkey_t key, gnutls_pubkey_t public_key) {
    static const char text[] = "starling: is this the key of this certificate?";
    const gnutls_datum_t data = {(unsigned char *)(uintptr_t)text, sizeof text};
    gnutls_sign_algorithm_t algorithm =
        sl_signature_algorithm((unsigned)gnutls_pubkey_get_pk_algorithm(public_key, NULL));
    gnutls_datum_t signature = {NULL, 0};
    bool verified = gnutls_privkey_sign_data2(key, algorithm, 0, &data, &signature) >= 0 &&
                    gnutls_pubkey_verify_data2(public_key, algorithm, 0, &data, &signature) >= 0;
    gnutls_free(signature.data);
    return verified;
}

static bool same_public_half(gnutls_privkey_t key, gnutls_pubkey_t public_key) {
    uint8_t own[SL_DIGEST_SIZE], wanted[SL_DIGEST_SIZE];
    size_t own_length = sizeof own, wanted_length = sizeof wanted;
    gnutls_pubkey_t half = NULL;
    int code = gnutls_pubkey_init(&half);
    if (code >= 0)
        code = gnutls_pubkey_import_privkey(half, key, 0, 0);
    if (code >= 0)
        code = gnutls_pubkey_get_key_id(half, GNUTLS_KEYID_USE_SHA256, own, &own_length);
    if (code >= 0)
        code = gnutls_pubkey_get_key_id(public_key, GNUTLS_KEYID_USE_SHA256, wanted, &wanted_length);
    if (half != NULL)
        gnutls_pubkey_deinit(half);
    return code >= 0 && own_length == wanted_length && memcmp(own, wanted, own_length) == 0;
}

bool sl_key_is_of(gnutls_privkey_t key, gnutls_x509_crt_t certificate) {
    gnutls_pubkey_t public_key = NULL;
    bool is = gnutls_pubkey_init(&public_key) >= 0 && gnutls_pubkey_import_x509(public_key, certificate, 0) >= 0;
    if (is && gnutls_privkey_get_type(key) == GNUTLS_PRIVKEY_PKCS11)
        is = signs_for(key, public_key);
    else if (is)
        is = same_public_half(key, public_key);
    if (public_key != NULL)
        gnutls_pubkey_deinit(public_key);
    return is;
}
