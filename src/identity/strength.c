#include "identity/strength.h"

#include <stdio.h>

enum { WHOSE_SIZE = SL_CERTIFICATE_TEXT_SIZE + 32 };

/* "its" for the first certificate, "its issuer CN=…'s" for those above. */
static void say_whose(char out[WHOSE_SIZE], gnutls_x509_crt_t certificate, bool first) {
    char text[SL_CERTIFICATE_TEXT_SIZE];
    sl_certificate_text(text, certificate);
    if (first)
        (void)snprintf(out, WHOSE_SIZE, "its");
    else
        (void)snprintf(out, WHOSE_SIZE, "its issuer %s's", text);
}

static bool is_rsa(int kind) {
    return kind == GNUTLS_PK_RSA || kind == GNUTLS_PK_RSA_PSS;
}

static bool is_good(int kind, unsigned bits, char why[SL_KEY_FAULT_SIZE]) {
    unsigned least = is_rsa(kind) ? SL_RSA_BITS_MIN : SL_CURVE_BITS_MIN;
    const char *name = kind >= 0 ? gnutls_pk_get_name((gnutls_pk_algorithm_t)kind) : NULL;
    if (kind == GNUTLS_PK_EDDSA_ED25519 || kind == GNUTLS_PK_EDDSA_ED448)
        return true;
    if (!is_rsa(kind) && kind != GNUTLS_PK_ECDSA)
        (void)snprintf(why, SL_KEY_FAULT_SIZE, "is neither ECDSA, Ed25519, Ed448 nor RSA");
    else if (bits < least)
        (void)snprintf(why, SL_KEY_FAULT_SIZE, "is too weak: %s of %u bits, not at least %u",
                       name != NULL ? name : "a key", bits, least);
    else if (is_rsa(kind) && bits > SL_RSA_BITS_MAX)
        (void)snprintf(why, SL_KEY_FAULT_SIZE, "is too long: RSA of %u bits, not at most %d", bits, SL_RSA_BITS_MAX);
    else
        return true;
    return false;
}

/* Takes the parts of an RSA key; `code` is of GnuTLS, which wrote them. */
static bool is_short_exponent(int code, gnutls_datum_t *modulus, gnutls_datum_t *exponent,
                              char why[SL_KEY_FAULT_SIZE]) {
    unsigned zeros = 0;
    while (code >= 0 && zeros < exponent->size && exponent->data[zeros] == 0)
        zeros++;
    bool is = code >= 0 && exponent->size - zeros <= SL_RSA_EXPONENT_MAX;
    if (!is)
        (void)snprintf(why, SL_KEY_FAULT_SIZE, "has a public exponent of more than %d bits", 8 * SL_RSA_EXPONENT_MAX);
    if (code >= 0) {
        gnutls_free(modulus->data);
        gnutls_free(exponent->data);
    }
    return is;
}

bool sl_public_key_is_good(gnutls_pubkey_t key, char why[SL_KEY_FAULT_SIZE]) {
    gnutls_datum_t modulus, exponent;
    unsigned bits = 0;
    int kind = gnutls_pubkey_get_pk_algorithm(key, &bits);
    return is_good(kind, bits, why) &&
           (!is_rsa(kind) ||
            is_short_exponent(gnutls_pubkey_export_rsa_raw2(key, &modulus, &exponent, 0), &modulus, &exponent, why));
}

static enum sl_status check_key(gnutls_x509_crt_t certificate, bool first, struct sl_error *error) {
    char whose[WHOSE_SIZE], why[SL_KEY_FAULT_SIZE];
    gnutls_datum_t modulus, exponent;
    unsigned bits = 0;
    int kind = gnutls_x509_crt_get_pk_algorithm(certificate, &bits);
    if (is_good(kind, bits, why) &&
        (!is_rsa(kind) ||
         is_short_exponent(gnutls_x509_crt_get_pk_rsa_raw(certificate, &modulus, &exponent), &modulus, &exponent, why)))
        return SL_OK;
    say_whose(whose, certificate, first);
    return sl_error_set(error, SL_UNTRUSTED, "%s key %s", whose, why);
}

static enum sl_status check_signature(gnutls_x509_crt_t certificate, bool first, struct sl_error *error) {
    int algorithm = gnutls_x509_crt_get_signature_algorithm(certificate);
    if (algorithm >= 0 && sl_signature_is_strong((gnutls_sign_algorithm_t)algorithm))
        return SL_OK;
    char whose[WHOSE_SIZE];
    say_whose(whose, certificate, first);
    const char *name = algorithm >= 0 ? gnutls_sign_get_name((gnutls_sign_algorithm_t)algorithm) : NULL;
    return sl_error_set(error, SL_UNTRUSTED, "%s signature is too weak: %s", whose, name != NULL ? name : "unknown");
}

enum sl_status sl_strength_check(const gnutls_x509_crt_t *path, unsigned count, struct sl_error *error) {
    enum sl_status status = SL_OK;
    for (unsigned i = 0; i < count && status == SL_OK; i++) {
        status = check_key(path[i], i == 0, error);
        if (status == SL_OK && i + 1 < count)
            status = check_signature(path[i], i == 0, error);
    }
    return status;
}
