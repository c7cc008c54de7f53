#include "identity/crl_issue.h"

#include <time.h>

enum { DAY_SECONDS = 86400, BACKDATE_SECONDS = 3600, NUMBER_SIZE = 9, KEY_ID_SIZE_MAX = 64 };

static int set_authority_key_id(gnutls_x509_crl_t list, gnutls_x509_crt_t issuer) {
    uint8_t id[KEY_ID_SIZE_MAX];
    size_t length = sizeof id;
    int code = gnutls_x509_crt_get_subject_key_id(issuer, id, &length, NULL);
    if (code == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE) { /* an authority made elsewhere */
        length = sizeof id;
        code = gnutls_x509_crt_get_key_id(issuer, 0, id, &length);
    }
    return code < 0 ? code : gnutls_x509_crl_set_authority_key_id(list, id, length);
}

/* DER wants no zero in front but where the next bit would make it negative. */
static int set_number(gnutls_x509_crl_t list, uint64_t number) {
    uint8_t bytes[NUMBER_SIZE] = {0};
    size_t first = 0;
    sl_put_u64(bytes + 1, number);
    while (first < NUMBER_SIZE - 1 && bytes[first] == 0 && bytes[first + 1] < 0x80)
        first++;
    return gnutls_x509_crl_set_number(list, bytes + first, NUMBER_SIZE - first);
}

static int build(gnutls_x509_crl_t list, const struct sl_revoked *revoked, size_t count, uint64_t number, unsigned days,
                 const struct sl_issuer *issuer) {
    time_t now = time(NULL);
    int code = gnutls_x509_crl_set_version(list, 2);
    if (code >= 0) /* clocks of a flock differ */
        code = gnutls_x509_crl_set_this_update(list, now - BACKDATE_SECONDS);
    if (code >= 0)
        code = gnutls_x509_crl_set_next_update(list, now + (time_t)days * DAY_SECONDS);
    for (size_t i = 0; code >= 0 && i < count; i++)
        code = gnutls_x509_crl_set_crt_serial(list, revoked[i].serial, revoked[i].length, (time_t)revoked[i].at);
    if (code >= 0)
        code = set_number(list, number);
    if (code >= 0)
        code = set_authority_key_id(list, issuer->certificate);
    if (code >= 0)
        code = gnutls_x509_crl_privkey_sign(list, issuer->certificate, issuer->key, GNUTLS_DIG_UNKNOWN, 0);
    return code;
}

enum sl_status sl_crl_issue(struct sl_revocation_list **out, const struct sl_revoked *revoked, size_t count,
                            uint64_t number, unsigned days, const struct sl_issuer *issuer, struct sl_error *error) {
    gnutls_datum_t der = {NULL, 0};
    gnutls_x509_crl_t list = NULL;
    *out = NULL;
    if (!sl_certificate_allows_usage(issuer->certificate, GNUTLS_KEY_CRL_SIGN))
        return sl_error_set(error, SL_UNTRUSTED,
                            "the authority may not sign revocation lists: its key usage lacks cRLSign");
    int code = gnutls_x509_crl_init(&list);
    if (code >= 0)
        code = build(list, revoked, count, number, days, issuer);
    if (code >= 0)
        code = gnutls_x509_crl_export2(list, GNUTLS_X509_FMT_DER, &der);
    enum sl_status status = code < 0 ? sl_gnutls_error(error, SL_CRYPTO, code, "making a revocation list")
                                     : sl_revocation_list_create(out, (struct sl_bytes){der.data, der.size}, error);
    gnutls_free(der.data);
    if (list != NULL)
        gnutls_x509_crl_deinit(list);
    return status;
}
