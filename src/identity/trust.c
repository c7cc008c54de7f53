#include "identity/trust.h"

#include <string.h>
#include <time.h>

#include "identity/credential.h"
#include "identity/name.h"

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

enum sl_status sl_trust_init(struct sl_trust *trust, const char *file, const char *flock, enum sl_name_from name_from,
                             struct sl_error *error) {
    *trust = (struct sl_trust){.name_from = name_from};
    if (!sl_name_is_valid(flock))
        return sl_error_set(error, SL_SETTINGS, "flock.name: not a flock's name");
    strncpy(trust->flock, flock, SL_NAME_MAX);
    enum sl_status status = sl_certificates_read(&trust->authorities, file, false, error);
    if (status == SL_OK)
        status = check_authorities(&trust->authorities, file, error);
    if (status == SL_OK) {
        int code = gnutls_x509_trust_list_init(&trust->list, 0);
        if (code >= 0)
            code = gnutls_x509_trust_list_add_cas(trust->list, trust->authorities.items, trust->authorities.count, 0);
        if (code < 0)
            status = sl_gnutls_error(error, SL_CRYPTO, code, file);
    }
    if (status != SL_OK)
        sl_trust_finish(trust);
    return status;
}

void sl_trust_finish(struct sl_trust *trust) {
    if (trust->list != NULL)
        gnutls_x509_trust_list_deinit(trust->list, 0);
    sl_certificates_finish(&trust->authorities);
    trust->list = NULL;
}

static void format_day(char out[32], time_t when) {
    struct tm day;
    if (gmtime_r(&when, &day) == NULL || strftime(out, 32, "%Y-%m-%d %H:%M UTC", &day) == 0)
        strncpy(out, "an odd date", 32);
}

/* Says which certificate's dates are wrong; those of an authority in the file when it is none of the chain. */
static enum sl_status explain_dates(const gnutls_x509_crt_t *chain, unsigned count, bool expired,
                                    struct sl_error *error) {
    time_t now = time(NULL);
    for (unsigned i = 0; i < count; i++) {
        time_t when =
            expired ? gnutls_x509_crt_get_expiration_time(chain[i]) : gnutls_x509_crt_get_activation_time(chain[i]);
        char day[32], text[SL_CERTIFICATE_TEXT_SIZE];
        if (expired ? when >= now : when <= now)
            continue;
        format_day(day, when);
        sl_certificate_text(text, chain[i]);
        if (i == 0)
            return sl_error_set(error, SL_UNTRUSTED, expired ? "it expired on %s" : "it is not valid before %s", day);
        return sl_error_set(error, SL_UNTRUSTED,
                            expired ? "its issuer %s expired on %s" : "its issuer %s is not valid before %s", text,
                            day);
    }
    return sl_error_set(error, SL_UNTRUSTED, "the authority's certificate %s",
                        expired ? "has expired" : "is not valid yet");
}

static enum sl_status explain_weakness(gnutls_x509_crt_t leaf, struct sl_error *error) {
    unsigned bits = 0;
    int key = gnutls_x509_crt_get_pk_algorithm(leaf, &bits);
    const char *signature =
        gnutls_sign_get_name((gnutls_sign_algorithm_t)gnutls_x509_crt_get_signature_algorithm(leaf));
    const char *kind = key < 0 ? NULL : gnutls_pk_get_name((gnutls_pk_algorithm_t)key);
    return sl_error_set(error, SL_UNTRUSTED,
                        "a key or a signature in its chain is too weak (its own: %s of %u bits, signed by %s)",
                        kind != NULL ? kind : "unknown key", bits, signature != NULL ? signature : "unknown signature");
}

/* GnuTLS gives every fault it found; the one that explains most comes first. */
static enum sl_status explain(unsigned faults, enum sl_purpose purpose, const gnutls_x509_crt_t *chain, unsigned count,
                              struct sl_error *error) {
    if ((faults & GNUTLS_CERT_REVOKED) != 0)
        return sl_error_set(error, SL_UNTRUSTED, "it is revoked");
    if ((faults & GNUTLS_CERT_INSECURE_ALGORITHM) != 0)
        return explain_weakness(chain[0], error);
    for (unsigned i = 1; i < count; i++)
        if (!sl_certificate_is_authority(chain[i]))
            return sl_error_set(error, SL_UNTRUSTED, "an issuer in its chain is no authority");
    if ((faults & GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE) != 0)
        return sl_error_set(error, SL_UNTRUSTED, "an issuer may not sign it (path length or name constraints)");
    if ((faults & GNUTLS_CERT_SIGNER_NOT_CA) != 0)
        return sl_error_set(error, SL_UNTRUSTED, "an issuer in its chain may not sign certificates");
    if ((faults & GNUTLS_CERT_SIGNER_NOT_FOUND) != 0)
        return sl_error_set(error, SL_UNTRUSTED, "it is not from our authority");
    if ((faults & GNUTLS_CERT_SIGNATURE_FAILURE) != 0)
        return sl_error_set(error, SL_UNTRUSTED, "a signature in its chain is false");
    if ((faults & (GNUTLS_CERT_EXPIRED | GNUTLS_CERT_NOT_ACTIVATED)) != 0)
        return explain_dates(chain, count, (faults & GNUTLS_CERT_EXPIRED) != 0, error);
    if ((faults & GNUTLS_CERT_PURPOSE_MISMATCH) != 0)
        return sl_error_set(error, SL_UNTRUSTED, "it is not for a %s (extended key usage)", sl_purpose_text(purpose));
    return sl_error_set(error, SL_UNTRUSTED, "it is not valid (GnuTLS's faults 0x%x)", faults);
}

static enum sl_status check_signatures(const struct sl_trust *trust, enum sl_purpose purpose, gnutls_x509_crt_t *chain,
                                       unsigned count, struct sl_error *error) {
    const char *oid = sl_purpose_oid(purpose);
    gnutls_typed_vdata_st wanted = {
        .type = GNUTLS_DT_KEY_PURPOSE_OID, .data = (unsigned char *)(uintptr_t)oid, .size = (unsigned)strlen(oid)};
    unsigned faults = 0;
    int code = gnutls_x509_trust_list_verify_crt2(trust->list, chain, count, &wanted, 1, SL_TRUST_FLAGS, &faults, NULL);
    if (code < 0)
        return sl_gnutls_error(error, SL_UNTRUSTED, code, "its chain cannot be checked");
    return faults == 0 ? SL_OK : explain(faults, purpose, chain, count, error);
}

/* What a valid chain leaves open about its first certificate. GnuTLS takes one without any extended key usage for
 * fit for all purposes. */
static enum sl_status check_leaf(gnutls_x509_crt_t leaf, enum sl_purpose purpose, struct sl_error *error) {
    if (sl_certificate_is_authority(leaf))
        return sl_error_set(error, SL_UNTRUSTED, "it is an authority's, not a node's");
    if (!sl_certificate_has_purpose(leaf, purpose))
        return sl_error_set(error, SL_UNTRUSTED, "it is not for a %s (extended key usage)", sl_purpose_text(purpose));
    if (!sl_certificate_allows_usage(leaf, GNUTLS_KEY_DIGITAL_SIGNATURE))
        return sl_error_set(error, SL_UNTRUSTED, "its key may not sign (key usage)");
    return SL_OK;
}

static enum sl_status import_chain(gnutls_x509_crt_t *out, unsigned *imported, const struct sl_bytes *chain,
                                   size_t count, struct sl_error *error) {
    if (count == 0 || count > SL_CHAIN_MAX)
        return sl_error_set(error, SL_UNTRUSTED, "%s", count == 0 ? "no certificate" : "too many certificates");
    for (size_t i = 0; i < count; i++) {
        if (chain[i].length == 0 || chain[i].length > SL_CERTIFICATE_SIZE_MAX)
            return sl_error_set(error, SL_UNTRUSTED, "a certificate of %zu bytes", chain[i].length);
        /* GnuTLS does not write through it. */
        gnutls_datum_t der = {(unsigned char *)(uintptr_t)chain[i].data, (unsigned)chain[i].length};
        int code = gnutls_x509_crt_init(&out[i]);
        if (code < 0)
            return sl_gnutls_error(error, SL_CRYPTO, code, "a certificate");
        ++*imported;
        code = gnutls_x509_crt_import(out[i], &der, GNUTLS_X509_FMT_DER);
        if (code < 0)
            return sl_gnutls_error(error, SL_UNTRUSTED, code, "a certificate that cannot be read");
    }
    return SL_OK;
}

/* The signatures first: what a certificate says counts only once it is known who signed it. */
static enum sl_status judge(const struct sl_trust *trust, struct sl_credential **out, enum sl_purpose purpose,
                            gnutls_x509_crt_t *chain, unsigned count, struct sl_error *error) {
    char node[SL_NAME_SIZE];
    enum sl_status status = check_signatures(trust, purpose, chain, count, error);
    if (status == SL_OK)
        status = check_leaf(chain[0], purpose, error);
    if (status == SL_OK)
        status = sl_certificate_name(node, chain[0], trust->name_from, trust->flock, error);
    if (status == SL_OK)
        status = sl_credential_create(out, chain[0], node, error);
    if (status != SL_OK) {
        char text[SL_CERTIFICATE_TEXT_SIZE];
        sl_certificate_text(text, chain[0]);
        status = sl_error_wrap(error, status, "certificate %s", text);
    }
    return status;
}

enum sl_status sl_trust_check(const struct sl_trust *trust, struct sl_credential **out, enum sl_purpose purpose,
                              const struct sl_bytes *chain, size_t count, struct sl_error *error) {
    *out = NULL;
    gnutls_x509_crt_t certificates[SL_CHAIN_MAX];
    unsigned imported = 0;
    enum sl_status status = import_chain(certificates, &imported, chain, count, error);
    if (status == SL_OK)
        status = judge(trust, out, purpose, certificates, imported, error);
    for (unsigned i = status == SL_OK ? 1 : 0; i < imported; i++) /* the credential has taken the first */
        gnutls_x509_crt_deinit(certificates[i]);
    return status;
}
