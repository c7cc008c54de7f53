#include "identity/own.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Keeps the certificates that peers need, in DER; the authority's own they have. */
static enum sl_status keep_chain(struct sl_own_certificate *own, const struct sl_trust *trust,
                                 const struct sl_certificates *file, const char *path, struct sl_error *error) {
    for (unsigned i = 0; i < file->count; i++) {
        gnutls_datum_t der = {NULL, 0};
        if (i > 0 && sl_trust_has_authority(trust, file->items[i]))
            break;
        if (own->count == SL_CHAIN_MAX)
            return sl_error_set(error, SL_LIMIT, "%s: more than %d certificates", path, SL_CHAIN_MAX);
        int code = gnutls_x509_crt_export2(file->items[i], GNUTLS_X509_FMT_DER, &der);
        if (code < 0)
            return sl_gnutls_error(error, SL_CRYPTO, code, path);
        own->chain[own->count++] = (struct sl_bytes){der.data, der.size};
    }
    return SL_OK;
}

static enum sl_status check(struct sl_own_certificate *own, struct sl_trust *trust, const struct sl_revocations *lists,
                            enum sl_purpose purpose, const struct sl_own_places *places, struct sl_error *error) {
    struct sl_trusted_chain trusted;
    const char *path = places->certificate;
    enum sl_status status = sl_trust_check(trust, &trusted, lists, purpose, own->chain, own->count, time(NULL), error);
    if (status != SL_OK)
        return sl_error_wrap(error, status, "%s", path);
    if (strcmp(sl_credential_node(trusted.credential), places->node) != 0)
        status = sl_error_set(error, SL_MISMATCH, "%s: the certificate is of the node %s, but node.name is %s", path,
                              sl_credential_node(trusted.credential), places->node);
    sl_credential_key_digest(trusted.credential, own->key_digest);
    own->authority = trusted.authority;
    sl_credential_unref(trusted.credential);
    return status;
}

/* The key goes to the credentials on success. */
static int fill_credentials(struct sl_own_certificate *own, const struct sl_certificates *authorities,
                            const struct sl_certificates *file) {
    gnutls_pcert_st certificates[SL_CHAIN_MAX];
    unsigned imported = 0;
    int code = gnutls_certificate_allocate_credentials(&own->credentials);
    if (code >= 0)
        code = gnutls_certificate_set_x509_trust(own->credentials, authorities->items, (int)authorities->count);
    for (; code >= 0 && imported < own->count; imported++)
        if ((code = gnutls_pcert_import_x509(&certificates[imported], file->items[imported], 0)) < 0)
            break;
    if (code >= 0)
        code = gnutls_certificate_set_key(own->credentials, NULL, 0, certificates, (int)imported, own->key.key);
    for (unsigned i = 0; code < 0 && i < imported; i++)
        gnutls_pcert_deinit(&certificates[i]);
    if (code >= 0) {
        own->key.given = true;
        gnutls_certificate_set_verify_flags(own->credentials, SL_VERIFY_FLAGS);
    }
    return code;
}

static enum sl_status load(struct sl_own_certificate *own, struct sl_trust *trust, const struct sl_revocations *lists,
                           enum sl_purpose purpose, const struct sl_own_places *places,
                           const struct sl_own_certificate *previous, struct sl_error *error) {
    struct sl_certificates file = {0};
    enum sl_status status = sl_certificates_read(&file, places->certificate, true, error);
    if (status == SL_OK)
        status = keep_chain(own, trust, &file, places->certificate, error);
    if (status == SL_OK)
        status =
            sl_key_load(&own->key, places->key, &places->passphrase, previous != NULL ? &previous->key : NULL, error);
    if (status == SL_OK && !sl_key_is_of(own->key.key, file.items[0]))
        status =
            sl_error_set(error, SL_MISMATCH, "%s: not the key of the certificate %s", places->key, places->certificate);
    if (status == SL_OK)
        status = check(own, trust, lists, purpose, places, error);
    if (status == SL_OK) {
        int code = fill_credentials(own, sl_trust_authorities(trust), &file);
        if (code < 0)
            status = sl_gnutls_error(error, SL_CRYPTO, code, places->certificate);
        own->algorithm = sl_signature_algorithm((unsigned)gnutls_privkey_get_pk_algorithm(own->key.key, NULL));
    }
    sl_certificates_finish(&file);
    return status;
}

enum sl_status sl_own_load(struct sl_own_certificate **out, struct sl_trust *trust, const struct sl_revocations *lists,
                           enum sl_purpose purpose, const struct sl_own_places *places,
                           const struct sl_own_certificate *previous, struct sl_error *error) {
    *out = NULL;
    struct sl_own_certificate *own = calloc(1, sizeof *own);
    if (own == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "%s: no memory", places->certificate);
    atomic_init(&own->references, 1);
    enum sl_status status = load(own, trust, lists, purpose, places, previous, error);
    if (status == SL_OK)
        *out = own;
    else
        sl_own_unref(own);
    return status;
}

struct sl_own_certificate *sl_own_ref(struct sl_own_certificate *own) {
    atomic_fetch_add_explicit(&own->references, 1, memory_order_relaxed);
    return own;
}

void sl_own_unref(struct sl_own_certificate *own) {
    if (own == NULL || atomic_fetch_sub_explicit(&own->references, 1, memory_order_acq_rel) != 1)
        return;
    if (own->credentials != NULL)
        gnutls_certificate_free_credentials(own->credentials); /* and the key, where it was given to them */
    sl_key_finish(&own->key);
    for (size_t i = 0; i < own->count; i++)
        gnutls_free((void *)(uintptr_t)own->chain[i].data);
    free(own);
}
