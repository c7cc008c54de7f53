#include "identity/issuers.h"

#include <stdlib.h>
#include <string.h>

enum sl_status sl_issuers_init(struct sl_issuers *issuers, struct sl_error *error) {
    *issuers = (struct sl_issuers){.count = 0};
    if (pthread_mutex_init(&issuers->lock, NULL) != 0)
        return sl_error_set(error, SL_NO_MEMORY, "no memory for a lock");
    return SL_OK;
}

void sl_issuers_finish(struct sl_issuers *issuers) {
    for (size_t i = 0; i < issuers->count; i++)
        free((uint8_t *)(uintptr_t)issuers->certificates[i].data);
    pthread_mutex_destroy(&issuers->lock);
}

static bool knows(const struct sl_issuers *issuers, struct sl_bytes certificate) {
    for (size_t i = 0; i < issuers->count; i++)
        if (issuers->certificates[i].length == certificate.length &&
            memcmp(issuers->certificates[i].data, certificate.data, certificate.length) == 0)
            return true;
    return false;
}

void sl_issuers_learn(struct sl_issuers *issuers, struct sl_bytes certificate) {
    pthread_mutex_lock(&issuers->lock);
    if (issuers->count < SL_ISSUERS_MAX && !knows(issuers, certificate)) {
        uint8_t *copy = malloc(certificate.length);
        if (copy != NULL) {
            memcpy(copy, certificate.data, certificate.length);
            issuers->certificates[issuers->count++] = (struct sl_bytes){copy, certificate.length};
        }
    }
    pthread_mutex_unlock(&issuers->lock);
}

bool sl_issuers_made(struct sl_issuers *issuers, struct sl_revocation_list *list) {
    bool made = false;
    pthread_mutex_lock(&issuers->lock);
    for (size_t i = 0; i < issuers->count && !made; i++) {
        gnutls_x509_crt_t certificate;
        if (sl_certificate_import(&certificate, issuers->certificates[i], NULL) != SL_OK)
            continue;
        made = sl_revocation_list_is_of(list, certificate);
        gnutls_x509_crt_deinit(certificate);
    }
    pthread_mutex_unlock(&issuers->lock);
    return made;
}

void sl_issuers_learn_rest(struct sl_issuers *issuers, const struct sl_digest *rest, int64_t now, int64_t until) {
    pthread_mutex_lock(&issuers->lock);
    issuers->rests[issuers->rest_count++ % SL_ISSUERS_MAX] = (struct sl_known_rest){*rest, now, until};
    pthread_mutex_unlock(&issuers->lock);
}

bool sl_issuers_know_rest(struct sl_issuers *issuers, const struct sl_digest *rest, int64_t now) {
    bool known = false;
    pthread_mutex_lock(&issuers->lock);
    for (size_t i = 0; i < issuers->rest_count && i < SL_ISSUERS_MAX && !known; i++) {
        const struct sl_known_rest *each = &issuers->rests[i];
        known = now >= each->from && now <= each->until && sl_digest_equal(&each->digest, rest);
    }
    pthread_mutex_unlock(&issuers->lock);
    return known;
}
