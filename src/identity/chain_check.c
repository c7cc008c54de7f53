#include <stdio.h>

#include "identity/constraints.h"
#include "identity/credential.h"
#include "identity/name.h"
#include "identity/strength.h"
#include "identity/trust_internal.h"

/* All that a chain has to be, from the bottom of this file upwards: it is read, a path to one of our authorities is
 * found, and that path is judged; each refusal says what was wrong, of which certificate. */

/* What a valid path leaves open about its first certificate. GnuTLS takes one without any extended key usage for fit
 * for all purposes. */
static enum sl_status check_leaf(const struct sl_trust *trust, gnutls_x509_crt_t leaf, enum sl_purpose purpose,
                                 struct sl_error *error) {
    if (sl_certificate_is_authority(leaf))
        return sl_error_set(error, SL_UNTRUSTED, "it is an authority's, not a node's");
    if (!sl_certificate_allows_usage(leaf, GNUTLS_KEY_DIGITAL_SIGNATURE))
        return sl_error_set(error, SL_UNTRUSTED, "its key may not sign (key usage)");
    switch (sl_certificate_purpose(leaf, purpose)) {
    case SL_PURPOSE_LISTED:
        return SL_OK;
    case SL_PURPOSE_NOT_LISTED:
        break;
    case SL_PURPOSES_ABSENT:
        if (trust->purpose == SL_IF_PRESENT)
            return SL_OK;
        return sl_error_set(error, SL_UNTRUSTED,
                            "it does not say that it is for a %s: have it made again with the line \"extendedKeyUsage "
                            "= serverAuth, clientAuth\", or set identity.purpose to if-present",
                            sl_purpose_text(purpose));
    }
    return sl_error_set(error, SL_UNTRUSTED, "it is not for a %s (extended key usage)", sl_purpose_text(purpose));
}

/* What the certificate itself says, once it is known who signed it. */
static enum sl_status check_names(const struct sl_trust *trust, const struct sl_path *path, char node[SL_NAME_SIZE],
                                  struct sl_error *error) {
    char uri[2 * SL_NAME_SIZE + sizeof "starling:///"];
    enum sl_status status = sl_certificate_name(node, path->certificates[0], trust->name_from, trust->flock, error);
    if (status != SL_OK)
        return status;
    int length = snprintf(uri, sizeof uri, "starling://%s/%s", trust->flock, node);
    return sl_constraints_check(path->certificates, path->count,
                                (struct sl_bytes){(const uint8_t *)uri, (size_t)length}, error);
}

struct question {
    struct sl_trust *trust;
    const struct sl_revocations *lists;
    enum sl_purpose purpose;
    const struct sl_bytes *der; /* the whole chain as it came */
    size_t count;
    int64_t now;
};

/* Below authorities that a path has shown before, a new first certificate costs one signature. */
static enum sl_status verify(const struct question *question, const struct sl_path *path, gnutls_x509_trust_list_t list,
                             bool *forged, struct sl_error *error) {
    struct sl_trust *trust = question->trust;
    struct sl_digest rest;
    bool may_know = !trust->any_time && sl_path_rest_digest(&rest, path, question->purpose);
    *forged = false;
    if (may_know && sl_issuers_know_rest(&trust->intermediates, &rest, question->now)) {
        if (sl_path_verify_first(path, question->purpose))
            return SL_OK;
        may_know = false; /* it is known; what is wrong is said below */
    }
    enum sl_status status = sl_path_verify(path, list, question->purpose, trust->any_time, forged, error);
    if (status == SL_OK && may_know)
        sl_issuers_learn_rest(&trust->intermediates, &rest, question->now, sl_path_rest_end(path));
    return status;
}

/* One path, from the first certificate to one of our authorities. */
static enum sl_status judge(const struct question *question, struct sl_trusted_chain *trusted,
                            const struct sl_path *path, gnutls_x509_trust_list_t list, bool *forged,
                            struct sl_error *error) {
    struct sl_trust *trust = question->trust;
    gnutls_x509_crt_t leaf = path->certificates[0];
    char node[SL_NAME_SIZE];
    *forged = false;
    int64_t until = sl_path_end(path);
    enum sl_status status = sl_strength_check(path->certificates, path->count, error);
    if (status == SL_OK)
        status = verify(question, path, list, forged, error);
    for (unsigned i = 1; status == SL_OK && i + 1 < path->count; i++)
        sl_issuers_learn(&trust->intermediates, question->der[i]);
    if (status == SL_OK)
        status = check_leaf(trust, leaf, question->purpose, error);
    if (status == SL_OK)
        status = check_names(trust, path, node, error);
    if (status == SL_OK)
        status = sl_revocations_check(question->lists, trust->crl, path->certificates, path->count, question->now,
                                      &until, error);
    if (status == SL_OK)
        status = sl_revocations_check_authority(question->lists, &trust->authorities,
                                                path->certificates[path->count - 1], error);
    if (status == SL_OK)
        status = sl_credential_create(&trusted->credential, leaf, question->der, question->count, node, error);
    if (status == SL_OK) {
        trusted->until = until;
        trusted->authority = path->certificates[path->count - 1];
    }
    return status;
}

/* Tries each of our authorities that may have signed the path's last certificate: several have one name while a flock
 * moves from one key to the next. Keeps the reason of the one that came nearest. */
static bool try_authorities(const struct question *question, struct sl_trusted_chain *trusted, struct sl_path *path,
                            struct sl_error *nearest) {
    struct sl_trust *trust = question->trust;
    for (unsigned i = 0; i < trust->authorities.count; i++) {
        struct sl_error error = {.status = SL_OK};
        bool forged;
        if (gnutls_x509_crt_check_issuer(path->certificates[path->count - 1], trust->authorities.items[i]) == 0)
            continue;
        path->certificates[path->count++] = trust->authorities.items[i];
        enum sl_status status = judge(question, trusted, path, trust->lists[i], &forged, &error);
        path->count--;
        if (status == SL_OK)
            return true;
        if (nearest->status == SL_OK || !forged)
            *nearest = error;
    }
    return false;
}

/* Nobody here has made the last certificate of the path. */
static enum sl_status refuse_stranger(gnutls_x509_crt_t last, struct sl_error *error) {
    char issuer[SL_CERTIFICATE_TEXT_SIZE];
    sl_certificate_issuer_text(issuer, last);
    if (gnutls_x509_crt_check_issuer(last, last) != 0)
        return sl_error_set(error, SL_UNTRUSTED, "it is not from our authority but from %s, self-signed", issuer);
    return sl_error_set(error, SL_UNTRUSTED,
                        "it is not from our authority: %s is neither in identity.ca nor next in the chain", issuer);
}

/* The chain as it came, as far up as is needed: what comes after one of our authorities is of no use. */
static enum sl_status find_path(const struct question *question, struct sl_trusted_chain *trusted,
                                gnutls_x509_crt_t *chain, struct sl_error *error) {
    struct sl_error nearest = {.status = SL_OK};
    struct sl_path path = {.count = 0};
    for (size_t i = 0; i < question->count; i++) {
        if (i > 0 && gnutls_x509_crt_check_issuer(chain[i - 1], chain[i]) == 0)
            break; /* it leads nowhere */
        path.certificates[path.count++] = chain[i];
        if (try_authorities(question, trusted, &path, &nearest))
            return SL_OK;
    }
    if (nearest.status == SL_OK)
        (void)refuse_stranger(path.certificates[path.count - 1], &nearest);
    char text[SL_CERTIFICATE_TEXT_SIZE];
    sl_certificate_text(text, chain[0]);
    return sl_error_set(error, nearest.status, "certificate %s: %s", text, nearest.text);
}

enum sl_status sl_trust_check(struct sl_trust *trust, struct sl_trusted_chain *trusted,
                              const struct sl_revocations *lists, enum sl_purpose purpose, const struct sl_bytes *chain,
                              size_t count, int64_t now, struct sl_error *error) {
    const struct question question = {trust, lists, purpose, chain, count, now};
    *trusted = (struct sl_trusted_chain){0};
    if (count == 0 || count > SL_CHAIN_MAX)
        return sl_error_set(error, SL_UNTRUSTED, "%s", count == 0 ? "no certificate" : "too many certificates");
    gnutls_x509_crt_t certificates[SL_CHAIN_MAX];
    size_t imported = 0;
    enum sl_status status = SL_OK;
    while (status == SL_OK && imported < count) {
        status = sl_certificate_import(&certificates[imported], chain[imported], error);
        imported += status == SL_OK;
    }
    if (status == SL_OK)
        status = find_path(&question, trusted, certificates, error);
    for (size_t i = 0; i < imported; i++)
        gnutls_x509_crt_deinit(certificates[i]);
    return status;
}
