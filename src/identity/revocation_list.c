#include <stdlib.h>
#include <string.h>

#include "identity/revocation_internal.h"

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
    enum sl_status status = sl_revocation_list_parse(list, error);
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
    gnutls_free(list->maker.data);
    free(list->serials);
    free(list);
}

bool sl_revocation_list_is_newer(const struct sl_revocation_list *a, const struct sl_revocation_list *b) {
    int order = a->numbered && b->numbered ? sl_crl_number_compare(&a->number, &b->number) : 0;
    return order != 0 ? order > 0 : a->this_update > b->this_update;
}

bool sl_revocation_list_has(const struct sl_revocation_list *list, gnutls_x509_crt_t certificate) {
    uint8_t bytes[128];
    size_t length = sizeof bytes;
    struct sl_crl_number serial;
    if (gnutls_x509_crt_get_serial(certificate, bytes, &length) < 0 || !sl_crl_number_take(&serial, bytes, length))
        return true; /* such a number could not be told in a list */
    return list->count > 0 &&
           bsearch(&serial, list->serials, list->count, sizeof *list->serials, sl_crl_number_compare) != NULL;
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
