/* A revocation list is read. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "identity/revocation_internal.h"

enum {
    NUMBER_MAX = 20, /* bytes: RFC 5280, 5.2.3 */
    CLOCK_SKEW = 3600,
};

bool sl_crl_number_take(struct sl_crl_number *out, const uint8_t *bytes, size_t length) {
    while (length > 0 && *bytes == 0) {
        bytes++;
        length--;
    }
    if (length > SL_CRL_SERIAL_MAX)
        return false;
    *out = (struct sl_crl_number){.length = (uint8_t)length};
    memcpy(out->bytes, bytes, length);
    return true;
}

int sl_crl_number_compare(const void *left, const void *right) {
    const struct sl_crl_number *a = left, *b = right;
    if (a->length != b->length)
        return a->length < b->length ? -1 : 1;
    return memcmp(a->bytes, b->bytes, a->length);
}

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
    if (code < 0 || !sl_crl_number_take(&list->number, number, length))
        return sl_error_set(error, SL_UNTRUSTED, "its number cannot be read");
    list->numbered = true;
    return SL_OK;
}

static enum sl_status add_serial(struct sl_revocation_list *list, const uint8_t *bytes, size_t length,
                                 struct sl_error *error) {
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 16 : 2 * list->capacity;
        struct sl_crl_number *grown = reallocarray(list->serials, capacity, sizeof *grown);
        if (grown == NULL)
            return sl_error_set(error, SL_NO_MEMORY, "no memory for a revocation list");
        list->serials = grown;
        list->capacity = capacity;
    }
    if (!sl_crl_number_take(&list->serials[list->count], bytes, length))
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
        qsort(list->serials, list->count, sizeof *list->serials, sl_crl_number_compare);
    return status;
}

static enum sl_status read_issuer(struct sl_revocation_list *list, gnutls_x509_crl_t crl, struct sl_error *error) {
    gnutls_datum_t text = {NULL, 0};
    int code = gnutls_x509_crl_get_raw_issuer_dn(crl, &list->name);
    if (code >= 0)
        code = gnutls_x509_crl_get_issuer_dn3(crl, &text, 0);
    list->issuer_key.length = SL_CRL_KEY_ID_MAX;
    if (gnutls_x509_crl_get_authority_key_id(crl, list->issuer_key.bytes, &list->issuer_key.length, NULL) < 0)
        list->issuer_key.length = 0;
    if (code >= 0)
        sl_issuer_text(list->issuer, (struct sl_bytes){text.data, text.size},
                       (struct sl_bytes){list->issuer_key.bytes, list->issuer_key.length});
    gnutls_free(text.data);
    return code >= 0 ? SL_OK : sl_gnutls_error(error, SL_UNTRUSTED, code, "its issuer cannot be read");
}

int sl_crl_import(gnutls_x509_crl_t *out, struct sl_bytes der) {
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

enum sl_status sl_revocation_list_parse(struct sl_revocation_list *list, struct sl_error *error) {
    gnutls_x509_crl_t crl;
    int code = sl_crl_import(&crl, sl_revocation_list_der(list));
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
