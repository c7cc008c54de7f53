#include "identity/trust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "identity/trust_internal.h"

/* ---- life ---- */

static enum sl_status check_authorities(const struct sl_certificates *authorities, const char *file,
                                        struct sl_error *error) {
    for (unsigned i = 0; i < authorities->count; i++) {
        char text[SL_CERTIFICATE_TEXT_SIZE];
        sl_certificate_text(text, authorities->items[i]);
        if (!sl_certificate_is_authority(authorities->items[i]))
            return sl_error_set(error, SL_UNTRUSTED, "%s: %s is not an authority's certificate", file, text);
        if (!sl_certificate_allows_usage(authorities->items[i], GNUTLS_KEY_KEY_CERT_SIGN))
            return sl_error_set(error, SL_UNTRUSTED, "%s: %s may not sign certificates", file, text);
    }
    return SL_OK;
}

static enum sl_status fill_lists(struct sl_trust *trust, const char *file, struct sl_error *error) {
    trust->lists = calloc(trust->authorities.count, sizeof *trust->lists);
    if (trust->lists == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "%s: no memory", file);
    for (unsigned i = 0; i < trust->authorities.count; i++) {
        int code = gnutls_x509_trust_list_init(&trust->lists[i], 1);
        if (code >= 0)
            code = gnutls_x509_trust_list_add_cas(trust->lists[i], &trust->authorities.items[i], 1, 0);
        if (code < 0)
            return sl_gnutls_error(error, SL_CRYPTO, code, file);
    }
    return SL_OK;
}

static enum sl_status copy_allowed(struct sl_trust *trust, const struct sl_string_list *names, struct sl_error *error) {
    if (names->count == 0)
        return SL_OK;
    trust->allowed = calloc(names->count, sizeof *trust->allowed);
    for (size_t i = 0; trust->allowed != NULL && i < names->count; i++) {
        if ((trust->allowed[i] = strdup(names->items[i])) == NULL)
            return sl_error_set(error, SL_NO_MEMORY, "identity.allow: no memory");
        trust->allowed_count++;
    }
    return trust->allowed != NULL ? SL_OK : sl_error_set(error, SL_NO_MEMORY, "identity.allow: no memory");
}

static enum sl_status fill(struct sl_trust *trust, const struct sl_settings *settings, struct sl_error *error) {
    const char *file = settings->identity.ca;
    enum sl_status status = sl_issuers_init(&trust->intermediates, error);
    trust->with_intermediates = status == SL_OK;
    if (status == SL_OK)
        status = sl_certificates_read(&trust->authorities, file, false, error);
    if (status == SL_OK)
        status = check_authorities(&trust->authorities, file, error);
    if (status == SL_OK)
        status = fill_lists(trust, file, error);
    if (status == SL_OK)
        status = copy_allowed(trust, &settings->identity.allow, error);
    return status;
}

enum sl_status sl_trust_create(struct sl_trust **out, const struct sl_settings *settings, struct sl_error *error) {
    *out = NULL;
    if (!sl_name_is_valid(settings->flock.name))
        return sl_error_set(error, SL_SETTINGS, "flock.name: not a flock's name");
    struct sl_trust *trust = calloc(1, sizeof *trust);
    if (trust == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "no memory for the authorities");
    atomic_init(&trust->references, 1);
    trust->name_from = settings->identity.name_from;
    trust->crl = settings->identity.crl;
    trust->purpose = settings->identity.purpose;
    (void)snprintf(trust->flock, sizeof trust->flock, "%s", settings->flock.name);
    enum sl_status status = fill(trust, settings, error);
    if (status == SL_OK)
        *out = trust;
    else
        sl_trust_unref(trust);
    return status;
}

struct sl_trust *sl_trust_ref(struct sl_trust *trust) {
    atomic_fetch_add_explicit(&trust->references, 1, memory_order_relaxed);
    return trust;
}

void sl_trust_unref(struct sl_trust *trust) {
    if (trust == NULL || atomic_fetch_sub_explicit(&trust->references, 1, memory_order_acq_rel) != 1)
        return;
    for (unsigned i = 0; trust->lists != NULL && i < trust->authorities.count; i++)
        if (trust->lists[i] != NULL)
            gnutls_x509_trust_list_deinit(trust->lists[i], 0);
    free(trust->lists);
    sl_certificates_finish(&trust->authorities);
    if (trust->with_intermediates)
        sl_issuers_finish(&trust->intermediates);
    for (size_t i = 0; i < trust->allowed_count; i++)
        free(trust->allowed[i]);
    free(trust->allowed);
    free(trust);
}

/* ---- what it holds ---- */

void sl_trust_ignore_dates(struct sl_trust *trust) {
    trust->any_time = true;
}

const char *sl_trust_flock(const struct sl_trust *trust) {
    return trust->flock;
}

const struct sl_certificates *sl_trust_authorities(const struct sl_trust *trust) {
    return &trust->authorities;
}

enum sl_requirement sl_trust_crl(const struct sl_trust *trust) {
    return trust->crl;
}

bool sl_trust_allows(const struct sl_trust *trust, const char *node) {
    for (size_t i = 0; i < trust->allowed_count; i++)
        if (strcmp(trust->allowed[i], node) == 0)
            return true;
    return trust->allowed_count == 0;
}

bool sl_trust_has_authority(const struct sl_trust *trust, gnutls_x509_crt_t certificate) {
    for (unsigned i = 0; i < trust->authorities.count; i++)
        if (gnutls_x509_crt_equals(trust->authorities.items[i], certificate))
            return true;
    return false;
}

bool sl_trust_made(struct sl_trust *trust, struct sl_revocation_list *list) {
    for (unsigned i = 0; i < trust->authorities.count; i++)
        if (sl_revocation_list_is_of(list, trust->authorities.items[i]))
            return true;
    return sl_trust_made_below(trust, list);
}

bool sl_trust_made_below(struct sl_trust *trust, struct sl_revocation_list *list) {
    return sl_issuers_made(&trust->intermediates, list);
}
