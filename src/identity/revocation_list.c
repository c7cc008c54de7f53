#include "identity/revocation_list.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/digest.h"

enum {
    NUMBER_MAX = 20, /* bytes: RFC 5280, 5.2.3 */
    SERIAL_MAX = 31, /* 20 by RFC 5280, 4.1.2.2; some have more */
    CLOCK_SKEW = 3600,
    NAME_TEXT_MAX = 160,
    KEY_ID_MAX = 64,
};

/* A key identifier (RFC 5280, 4.2.1.1); none: length 0. */
struct key_id {
    uint8_t bytes[KEY_ID_MAX];
    size_t length;
};

/* Without the zeros in front. */
struct serial {
    uint8_t length;
    uint8_t bytes[SERIAL_MAX];
};

struct sl_revocation_list {
    atomic_size_t references;
    pthread_mutex_t lock; /* of the next two */
    bool verified;
    struct sl_digest key; /* of whoever has made it */

    gnutls_datum_t name; /* the issuer's, in DER */
    char issuer[NAME_TEXT_MAX + 1];
    struct key_id issuer_key;
    bool numbered;
    struct serial number;
    int64_t this_update, next_update;
    struct serial *serials; /* sorted */
    size_t count, capacity;
    size_t length;
    uint8_t der[];
};

static bool take_number(struct serial *out, const uint8_t *bytes, size_t length) {
    while (length > 0 && *bytes == 0) {
        bytes++;
        length--;
    }
    if (length > SERIAL_MAX)
        return false;
    *out = (struct serial){.length = (uint8_t)length};
    memcpy(out->bytes, bytes, length);
    return true;
}

static int compare(const void *left, const void *right) {
    const struct serial *a = left, *b = right;
    if (a->length != b->length)
        return a->length < b->length ? -1 : 1;
    return memcmp(a->bytes, b->bytes, a->length);
}

/* ---- reading ---- */

/* A critical extension that we do not know changes what the list means (RFC 5280, 5.2): delta lists, lists of a part,
 * indirect lists are marked so. */
static enum sl_status check_extensions(gnutls_x509_crl_t crl, struct sl_error *error) {
    for (unsigned i = 0;; i++) {
        char oid[128];
        size_t length = sizeof oid;
        unsigned critical = 0;
        int code = gnutls_x509_crl_get_extension_info(crl, i, oid, &length, &critical);
        if (code == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
            return SL_OK;
        if (code < 0)
            return sl_gnutls_error(error, SL_UNTRUSTED, code, "its extensions cannot be read");
        if (critical != 0 && strcmp(oid, "2.5.29.20") != 0 && strcmp(oid, "2.5.29.35") != 0)
            return sl_error_set(error, SL_UNTRUSTED,
                                "a critical extension %.40s: only lists of all certificates by their own issuer are "
                                "understood",
                                oid);
    }
}

static enum sl_status check_signature_kind(gnutls_x509_crl_t crl, struct sl_error *error) {
    int code = gnutls_x509_crl_get_signature_algorithm(crl);
    if (code >= 0 && sl_signature_is_strong((gnutls_sign_algorithm_t)code))
        return SL_OK;
    const char *name = code >= 0 ? gnutls_sign_get_name((gnutls_sign_algorithm_t)code) : NULL;
    return sl_error_set(error, SL_UNTRUSTED, "its signature (%s) is too weak", name != NULL ? name : "unknown");
}

static enum sl_status read_dates(struct sl_revocation_list *list, gnutls_x509_crl_t crl, struct sl_error *error) {
    time_t this_update = gnutls_x509_crl_get_this_update(crl), next_update = gnutls_x509_crl_get_next_update(crl);
    if (this_update == (time_t)-1)
        return sl_error_set(error, SL_UNTRUSTED, "it does not say when it was made");
    if (next_update == (time_t)-1)
        return sl_error_set(error, SL_UNTRUSTED, "it does not say when the next one comes (nextUpdate)");
    if (this_update > time(NULL) + CLOCK_SKEW)
        return sl_error_set(error, SL_UNTRUSTED, "it is from the future: is the clock right?");
    list->this_update = this_update;
    list->next_update = next_update;

    uint8_t number[NUMBER_MAX];
    size_t length = sizeof number;
    int code = gnutls_x509_crl_get_number(crl, number, &length, NULL);
    if (code == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
        return SL_OK;
    if (code < 0 || !take_number(&list->number, number, length))
        return sl_error_set(error, SL_UNTRUSTED, "its number cannot be read");
    list->numbered = true;
    return SL_OK;
}

static enum sl_status add_serial(struct sl_revocation_list *list, const uint8_t *bytes, size_t length,
                                 struct sl_error *error) {
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 16 : 2 * list->capacity;
        struct serial *grown = reallocarray(list->serials, capacity, sizeof *grown);
        if (grown == NULL)
            return sl_error_set(error, SL_NO_MEMORY, "no memory for a revocation list");
        list->serials = grown;
        list->capacity = capacity;
    }
    if (!take_number(&list->serials[list->count], bytes, length))
        return sl_error_set(error, SL_UNTRUSTED, "it has a serial number of %zu bytes", length);
    list->count++;
    return SL_OK;
}

static enum sl_status read_serials(struct sl_revocation_list *list, gnutls_x509_crl_t crl, struct sl_error *error) {
    gnutls_x509_crl_iter_t at = NULL;
    enum sl_status status = SL_OK;
    while (status == SL_OK) {
        uint8_t serial[128];
        size_t length = sizeof serial;
        int code = gnutls_x509_crl_iter_crt_serial(crl, &at, serial, &length, NULL);
        if (code == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
            break;
        status = code < 0 ? sl_gnutls_error(error, SL_UNTRUSTED, code, "its entries cannot be read")
                          : add_serial(list, serial, length, error);
    }
    if (at != NULL)
        gnutls_x509_crl_iter_deinit(at);
    if (status == SL_OK && list->count > 0)
        qsort(list->serials, list->count, sizeof *list->serials, compare);
    return status;
}

static enum sl_status read_issuer(struct sl_revocation_list *list, gnutls_x509_crl_t crl, struct sl_error *error) {
    gnutls_datum_t text = {NULL, 0};
    int code = gnutls_x509_crl_get_raw_issuer_dn(crl, &list->name);
    if (code >= 0)
        code = gnutls_x509_crl_get_issuer_dn3(crl, &text, 0);
    if (code >= 0)
        sl_printable(list->issuer, sizeof list->issuer, (struct sl_bytes){text.data, text.size});
    gnutls_free(text.data);
    list->issuer_key.length = KEY_ID_MAX;
    if (gnutls_x509_crl_get_authority_key_id(crl, list->issuer_key.bytes, &list->issuer_key.length, NULL) < 0)
        list->issuer_key.length = 0;
    return code >= 0 ? SL_OK : sl_gnutls_error(error, SL_UNTRUSTED, code, "its issuer cannot be read");
}

static int import(gnutls_x509_crl_t *out, struct sl_bytes der) {
    const gnutls_datum_t data = sl_datum(der);
    *out = NULL;
    int code = gnutls_x509_crl_init(out);
    if (code >= 0)
        code = gnutls_x509_crl_import(*out, &data, GNUTLS_X509_FMT_DER);
    if (code < 0 && *out != NULL) {
        gnutls_x509_crl_deinit(*out);
        *out = NULL;
    }
    return code;
}

static enum sl_status fill(struct sl_revocation_list *list, struct sl_error *error) {
    gnutls_x509_crl_t crl;
    int code = import(&crl, sl_revocation_list_der(list));
    if (code < 0)
        return sl_gnutls_error(error, SL_UNTRUSTED, code, "a revocation list that cannot be read");
    enum sl_status status = read_issuer(list, crl, error);
    if (status == SL_OK) {
        status = check_extensions(crl, error);
        if (status == SL_OK)
            status = check_signature_kind(crl, error);
        if (status == SL_OK)
            status = read_dates(list, crl, error);
        if (status == SL_OK)
            status = read_serials(list, crl, error);
        if (status != SL_OK)
            status = sl_error_wrap(error, status, "the revocation list of %s", list->issuer);
    }
    gnutls_x509_crl_deinit(crl); /* some 50 times its DER */
    return status;
}

enum sl_status sl_revocation_list_create(struct sl_revocation_list **out, struct sl_bytes der, struct sl_error *error) {
    *out = NULL;
    if (der.length == 0 || der.length > SL_CRL_SIZE_MAX)
        return sl_error_set(error, SL_UNTRUSTED, "a revocation list of %zu bytes: 1 to %d", der.length,
                            SL_CRL_SIZE_MAX);
    struct sl_revocation_list *list = calloc(1, sizeof *list + der.length);
    if (list != NULL && pthread_mutex_init(&list->lock, NULL) != 0) {
        free(list);
        list = NULL;
    }
    if (list == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "no memory for a revocation list");
    atomic_init(&list->references, 1);
    list->length = der.length;
    memcpy(list->der, der.data, der.length);
    enum sl_status status = fill(list, error);
    if (status == SL_OK)
        *out = list;
    else
        sl_revocation_list_unref(list);
    return status;
}

struct sl_revocation_list *sl_revocation_list_ref(struct sl_revocation_list *list) {
    atomic_fetch_add_explicit(&list->references, 1, memory_order_relaxed);
    return list;
}

void sl_revocation_list_unref(struct sl_revocation_list *list) {
    if (list == NULL || atomic_fetch_sub_explicit(&list->references, 1, memory_order_acq_rel) != 1)
        return;
    pthread_mutex_destroy(&list->lock);
    gnutls_free(list->name.data);
    free(list->serials);
    free(list);
}

/* ---- whose it is ---- */

/* While a flock moves from one key to the next, two authorities have one name. */
static bool key_ids_agree(const struct sl_revocation_list *list, gnutls_x509_crt_t issuer) {
    struct key_id id = {.length = KEY_ID_MAX};
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
    if (import(&crl, sl_revocation_list_der(list)) < 0)
        return false;
    int code = gnutls_x509_crl_verify(crl, &issuer, 1, SL_VERIFY_FLAGS, &faults);
    gnutls_x509_crl_deinit(crl);
    /* "invalid" goes with every fault */
    return code >= 0 &&
           ((faults & time_faults) != 0 ? (faults & ~(time_faults | GNUTLS_CERT_INVALID)) == 0 : faults == 0);
}

bool sl_revocation_list_is_of(struct sl_revocation_list *list, gnutls_x509_crt_t issuer) {
    struct sl_digest key;
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
    pthread_mutex_lock(&list->lock);
    list->verified = true;
    list->key = key;
    pthread_mutex_unlock(&list->lock);
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

static bool same_key_id(const struct key_id *a, const struct key_id *b) {
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

bool sl_revocation_list_is_newer(const struct sl_revocation_list *a, const struct sl_revocation_list *b) {
    int order = a->numbered && b->numbered ? compare(&a->number, &b->number) : 0;
    return order != 0 ? order > 0 : a->this_update > b->this_update;
}

/* ---- what it says ---- */

bool sl_revocation_list_has(const struct sl_revocation_list *list, gnutls_x509_crt_t certificate) {
    uint8_t bytes[128];
    size_t length = sizeof bytes;
    struct serial serial;
    if (gnutls_x509_crt_get_serial(certificate, bytes, &length) < 0 || !take_number(&serial, bytes, length))
        return true; /* such a number could not be told in a list */
    return list->count > 0 && bsearch(&serial, list->serials, list->count, sizeof *list->serials, compare) != NULL;
}

size_t sl_revocation_list_count(const struct sl_revocation_list *list) {
    return list->count;
}

uint64_t sl_revocation_list_number(const struct sl_revocation_list *list) {
    uint64_t number = 0;
    if (!list->numbered || list->number.length > sizeof number)
        return 0;
    for (size_t i = 0; i < list->number.length; i++)
        number = number << 8 | list->number.bytes[i];
    return number;
}

int64_t sl_revocation_list_next_update(const struct sl_revocation_list *list) {
    return list->next_update;
}

struct sl_bytes sl_revocation_list_der(const struct sl_revocation_list *list) {
    return (struct sl_bytes){list->der, list->length};
}

const char *sl_revocation_list_issuer(const struct sl_revocation_list *list) {
    return list->issuer;
}
