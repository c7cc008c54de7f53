#include "identity/path.h"

#include <string.h>
#include <time.h>

/* Says which certificate's dates are wrong. */
static enum sl_status explain_dates(const struct sl_path *path, struct sl_error *error) {
    time_t now = time(NULL);
    for (unsigned i = 0; i < path->count; i++) {
        gnutls_x509_crt_t certificate = path->certificates[i];
        time_t from = gnutls_x509_crt_get_activation_time(certificate),
               until = gnutls_x509_crt_get_expiration_time(certificate);
        if (now >= from && now <= until)
            continue;
        bool expired = now > until;
        char day[SL_DAY_TEXT_SIZE], text[SL_CERTIFICATE_TEXT_SIZE];
        sl_day_text(day, expired ? until : from);
        sl_certificate_text(text, certificate);
        if (i == 0)
            return sl_error_set(error, SL_UNTRUSTED, expired ? "it expired on %s" : "it is not valid before %s", day);
        return sl_error_set(error, SL_UNTRUSTED,
                            expired ? "its issuer %s expired on %s" : "its issuer %s is not valid before %s", text,
                            day);
    }
    return sl_error_set(error, SL_UNTRUSTED, "its dates, or those of an issuer, are wrong");
}

static enum sl_status blame(gnutls_x509_crt_t issuer, const char *fault, struct sl_error *error) {
    char text[SL_CERTIFICATE_TEXT_SIZE];
    sl_certificate_text(text, issuer);
    return sl_error_set(error, SL_UNTRUSTED, "its issuer %s %s", text, fault);
}

/* An issuer that is none, where there is one. */
static enum sl_status explain_issuers(const struct sl_path *path, struct sl_error *error) {
    for (unsigned i = 1; i < path->count; i++) {
        if (!sl_certificate_is_authority(path->certificates[i]))
            return blame(path->certificates[i], "is no authority (CA:TRUE is missing)", error);
        if (!sl_certificate_allows_usage(path->certificates[i], GNUTLS_KEY_KEY_CERT_SIGN))
            return blame(path->certificates[i], "may not sign certificates (key usage)", error);
    }
    return SL_OK;
}

/* The path length counts the authorities below (RFC 5280, 4.2.1.9). */
static enum sl_status explain_constraints(const struct sl_path *path, struct sl_error *error) {
    for (unsigned i = 1; i < path->count; i++) {
        int length = -1;
        if (gnutls_x509_crt_get_basic_constraints(path->certificates[i], NULL, NULL, &length) >= 0 && length >= 0 &&
            (unsigned)length < i - 1)
            return blame(path->certificates[i], "allows fewer authorities below it (path length)", error);
    }
    return sl_error_set(error, SL_UNTRUSTED, "the name constraints of an issuer do not permit its names");
}

static enum sl_status explain_purpose(const struct sl_path *path, enum sl_purpose purpose, struct sl_error *error) {
    for (unsigned i = 1; i < path->count; i++)
        if (sl_certificate_purpose(path->certificates[i], purpose) == SL_PURPOSE_NOT_LISTED)
            return blame(path->certificates[i], "may not certify for this purpose (extended key usage)", error);
    return sl_error_set(error, SL_UNTRUSTED, "it is not for a %s (extended key usage)", sl_purpose_text(purpose));
}

/* GnuTLS gives every fault it found; the one that explains most comes first. */
static enum sl_status explain(unsigned faults, const struct sl_path *path, enum sl_purpose purpose,
                              struct sl_error *error) {
    enum sl_status status = explain_issuers(path, error);
    if (status != SL_OK)
        return status;
    if ((faults & GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE) != 0)
        return explain_constraints(path, error);
    if ((faults & GNUTLS_CERT_SIGNER_NOT_FOUND) != 0)
        return sl_error_set(error, SL_UNTRUSTED, "it is not from our authority");
    if ((faults & GNUTLS_CERT_SIGNATURE_FAILURE) != 0)
        return sl_error_set(error, SL_UNTRUSTED, "a signature in its chain is false: it is not from our authority");
    if ((faults & (GNUTLS_CERT_EXPIRED | GNUTLS_CERT_NOT_ACTIVATED)) != 0)
        return explain_dates(path, error);
    if ((faults & GNUTLS_CERT_PURPOSE_MISMATCH) != 0)
        return explain_purpose(path, purpose, error);
    if ((faults & GNUTLS_CERT_UNKNOWN_CRIT_EXTENSIONS) != 0)
        return sl_error_set(error, SL_UNTRUSTED, "it, or an issuer, has a critical extension that is not known here");
    if ((faults & GNUTLS_CERT_INSECURE_ALGORITHM) != 0)
        return sl_error_set(error, SL_UNTRUSTED, "a key or a signature in its chain is too weak");
    return sl_error_set(error, SL_UNTRUSTED, "it is not valid (GnuTLS's faults 0x%x)", faults);
}

enum sl_status sl_path_verify(const struct sl_path *path, gnutls_x509_trust_list_t list, enum sl_purpose purpose,
                              bool any_time, bool *forged, struct sl_error *error) {
    gnutls_x509_crt_t chain[SL_CHAIN_MAX]; /* GnuTLS sorts it in place */
    memcpy(chain, path->certificates, (path->count - 1) * sizeof *chain);
    const char *oid = sl_purpose_oid(purpose);
    gnutls_typed_vdata_st wanted = {
        .type = GNUTLS_DT_KEY_PURPOSE_OID, .data = (unsigned char *)(uintptr_t)oid, .size = (unsigned)strlen(oid)};
    unsigned faults = 0;
    *forged = false;
    unsigned flags = SL_VERIFY_FLAGS;
    if (any_time)
        flags |= GNUTLS_VERIFY_DISABLE_TIME_CHECKS | GNUTLS_VERIFY_DISABLE_TRUSTED_TIME_CHECKS;
    int code = gnutls_x509_trust_list_verify_crt2(list, chain, path->count - 1, &wanted, 1, flags, &faults, NULL);
    if (code < 0)
        return sl_gnutls_error(error, SL_UNTRUSTED, code, "its chain cannot be checked");
    *forged = (faults & (GNUTLS_CERT_SIGNATURE_FAILURE | GNUTLS_CERT_SIGNER_NOT_FOUND)) != 0;
    return faults == 0 ? SL_OK : explain(faults, path, purpose, error);
}

bool sl_path_verify_first(const struct sl_path *path, enum sl_purpose purpose) {
    struct sl_path first = {.certificates = {path->certificates[0], path->certificates[1]}, .count = 2};
    gnutls_x509_trust_list_t list = NULL;
    bool forged, good = gnutls_x509_trust_list_init(&list, 1) >= 0 &&
                        gnutls_x509_trust_list_add_cas(list, &first.certificates[1], 1, 0) >= 0 &&
                        sl_path_verify(&first, list, purpose, false, &forged, NULL) == SL_OK;
    if (list != NULL)
        gnutls_x509_trust_list_deinit(list, 0);
    return good;
}

/* Extensions that speak of their own certificate, not of those below. (The path length speaks of how many there are
 * below: the same for each first certificate. It is no authority, or it is refused.) */
static bool binds_itself_alone(gnutls_x509_crt_t certificate) {
    static const char *const own[] = {
        "2.5.29.14",         /* subject key identifier */
        "2.5.29.15",         /* key usage */
        "2.5.29.17",         /* subject alternative name */
        "2.5.29.19",         /* basic constraints */
        "2.5.29.31",         /* CRL distribution points */
        "2.5.29.35",         /* authority key identifier */
        "2.5.29.37",         /* extended key usage; the purpose is in the digest */
        "1.3.6.1.5.5.7.1.1", /* authority information access */
    };
    char oid[64];
    for (unsigned i = 0;; i++) {
        size_t length = sizeof oid;
        unsigned critical;
        int code = gnutls_x509_crt_get_extension_info(certificate, i, oid, &length, &critical);
        if (code == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
            return true;
        bool known = false;
        for (size_t j = 0; code >= 0 && j < sizeof own / sizeof *own; j++)
            known |= strcmp(oid, own[j]) == 0;
        if (!known)
            return false;
    }
}

bool sl_path_rest_digest(struct sl_digest *out, const struct sl_path *path, enum sl_purpose purpose) {
    gnutls_datum_t der[SL_CHAIN_MAX] = {{NULL, 0}};
    const uint8_t kind = (uint8_t)purpose;
    struct sl_bytes parts[1 + SL_CHAIN_MAX] = {{&kind, 1}};
    bool good = path->count > 2;
    for (unsigned i = 2; good && i < path->count; i++)
        good = binds_itself_alone(path->certificates[i]);
    for (unsigned i = 1; good && i < path->count; i++) {
        good = gnutls_x509_crt_export2(path->certificates[i], GNUTLS_X509_FMT_DER, &der[i - 1]) >= 0;
        parts[i] = (struct sl_bytes){der[i - 1].data, der[i - 1].size}; /* DER says where it ends */
    }
    if (good)
        sl_digest_of_parts(out, parts, path->count);
    for (unsigned i = 0; i < SL_CHAIN_MAX; i++)
        gnutls_free(der[i].data);
    return good;
}

static int64_t end_from(const struct sl_path *path, unsigned first) {
    int64_t end = INT64_MAX;
    for (unsigned i = first; i < path->count; i++) {
        time_t until = gnutls_x509_crt_get_expiration_time(path->certificates[i]);
        if ((int64_t)until < end)
            end = until;
    }
    return end;
}

int64_t sl_path_end(const struct sl_path *path) {
    return end_from(path, 0);
}

int64_t sl_path_rest_end(const struct sl_path *path) {
    return end_from(path, 1);
}
