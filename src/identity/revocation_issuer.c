/* Whose revocation list it is: said by it, and shown by its signature. */
#include <string.h>

#include "identity/revocation_internal.h"

/* While a flock moves from one key to the next, two authorities have one name. */
static bool key_ids_agree(const struct sl_revocation_list *list, gnutls_x509_crt_t issuer) {
    struct sl_crl_key_id id = {.length = SL_CRL_KEY_ID_MAX};
    if (list->issuer_key.length == 0 || gnutls_x509_crt_get_subject_key_id(issuer, id.bytes, &id.length, NULL) < 0)
        return true; /* nothing is said */
    return id.length == list->issuer_key.length && memcmp(id.bytes, list->issuer_key.bytes, id.length) == 0;
}

bool sl_revocation_list_names(const struct sl_revocation_list *list, gnutls_x509_crt_t issuer) {
    gnutls_datum_t name = {NULL, 0};
    bool same = gnutls_x509_crt_get_raw_dn(issuer, &name) >= 0 && name.size == list->name.size &&
                memcmp(name.data, list->name.data, name.size) == 0;
    gnutls_free(name.data);
    return same && key_ids_agree(list, issuer);
}

/* That the list is stale is no fault of its signature, and is looked at where it is used. */
static bool is_signed_by(const struct sl_revocation_list *list, gnutls_x509_crt_t issuer) {
    const unsigned time_faults = GNUTLS_CERT_REVOCATION_DATA_SUPERSEDED | GNUTLS_CERT_REVOCATION_DATA_ISSUED_IN_FUTURE;
    gnutls_x509_crl_t crl;
    unsigned faults = ~0u;
    if (sl_crl_import(&crl, sl_revocation_list_der(list)) < 0)
        return false;
    int code = gnutls_x509_crl_verify(crl, &issuer, 1, SL_VERIFY_FLAGS, &faults);
    gnutls_x509_crl_deinit(crl);
    /* "invalid" goes with every fault */
    return code >= 0 &&
           ((faults & time_faults) != 0 ? (faults & ~(time_faults | GNUTLS_CERT_INVALID)) == 0 : faults == 0);
}

static bool is_maker(struct sl_revocation_list *list, gnutls_x509_crt_t issuer) {
    gnutls_datum_t der = {NULL, 0};
    if (gnutls_x509_crt_export2(issuer, GNUTLS_X509_FMT_DER, &der) < 0)
        return false;
    pthread_mutex_lock(&list->lock);
    bool same = list->verified && list->maker.size == der.size && memcmp(list->maker.data, der.data, der.size) == 0;
    pthread_mutex_unlock(&list->lock);
    gnutls_free(der.data);
    return same;
}

/* Another certificate of the same key may come next; without memory each costs a digest. */
static void note_maker(struct sl_revocation_list *list, const struct sl_digest *key, gnutls_x509_crt_t issuer) {
    gnutls_datum_t der = {NULL, 0};
    if (gnutls_x509_crt_export2(issuer, GNUTLS_X509_FMT_DER, &der) < 0)
        der = (gnutls_datum_t){NULL, 0};
    pthread_mutex_lock(&list->lock);
    gnutls_datum_t former = list->maker;
    list->verified = true;
    list->key = *key;
    list->maker = der;
    pthread_mutex_unlock(&list->lock);
    gnutls_free(former.data);
}

bool sl_revocation_list_is_of(struct sl_revocation_list *list, gnutls_x509_crt_t issuer) {
    struct sl_digest key;
    if (is_maker(list, issuer))
        return true;
    if (!sl_revocation_list_names(list, issuer) || sl_key_digest(key.bytes, issuer, NULL) != SL_OK)
        return false;
    pthread_mutex_lock(&list->lock);
    bool known = list->verified, same = known && sl_digest_equal(&list->key, &key);
    pthread_mutex_unlock(&list->lock);
    if (known)
        return same;
    if (!sl_certificate_is_authority(issuer) || !sl_certificate_allows_usage(issuer, GNUTLS_KEY_CRL_SIGN) ||
        !is_signed_by(list, issuer))
        return false;
    note_maker(list, &key, issuer);
    return true;
}

bool sl_revocation_list_is_verified(struct sl_revocation_list *list) {
    pthread_mutex_lock(&list->lock);
    bool verified = list->verified;
    pthread_mutex_unlock(&list->lock);
    return verified;
}

static bool get_key(struct sl_revocation_list *list, struct sl_digest *key) {
    pthread_mutex_lock(&list->lock);
    bool verified = list->verified;
    *key = list->key;
    pthread_mutex_unlock(&list->lock);
    return verified;
}

static bool same_key_id(const struct sl_crl_key_id *a, const struct sl_crl_key_id *b) {
    return a->length > 0 && a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

static bool same_bytes(const struct sl_revocation_list *a, const struct sl_revocation_list *b) {
    return a->length == b->length && memcmp(a->der, b->der, a->length) == 0;
}

bool sl_revocation_list_same_issuer(struct sl_revocation_list *a, struct sl_revocation_list *b) {
    struct sl_digest of_a, of_b;
    bool verified = get_key(a, &of_a);
    if (verified != get_key(b, &of_b) || a->name.size != b->name.size ||
        memcmp(a->name.data, b->name.data, a->name.size) != 0)
        return false;
    return verified ? sl_digest_equal(&of_a, &of_b) : same_key_id(&a->issuer_key, &b->issuer_key) || same_bytes(a, b);
}
