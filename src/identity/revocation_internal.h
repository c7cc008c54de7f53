/* What a revocation list holds, for the files that read it, find out whose it is, and look things up in it. */
#ifndef SL_IDENTITY_REVOCATION_INTERNAL_H
#define SL_IDENTITY_REVOCATION_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "crypto/digest.h"
#include "identity/revocation_list.h"

enum {
    SL_CRL_SERIAL_MAX = 31, /* 20 by RFC 5280, 4.1.2.2; some have more */
    SL_CRL_KEY_ID_MAX = 64,
};

/* A key identifier (RFC 5280, 4.2.1.1); none: length 0. */
struct sl_crl_key_id {
    uint8_t bytes[SL_CRL_KEY_ID_MAX];
    size_t length;
};

/* A serial number, or that of a list, without the zeros in front. */
struct sl_crl_number {
    uint8_t length;
    uint8_t bytes[SL_CRL_SERIAL_MAX];
};

struct sl_revocation_list {
    atomic_size_t references;
    pthread_mutex_t lock; /* of the next three */
    bool verified;
    struct sl_digest key; /* of whoever has made it */
    gnutls_datum_t maker; /* the certificate that showed it, in DER: seen again, it costs no digest */

    gnutls_datum_t name; /* the issuer's, in DER */
    char issuer[SL_CERTIFICATE_TEXT_SIZE];
    struct sl_crl_key_id issuer_key;
    bool numbered;
    struct sl_crl_number number;
    int64_t this_update, next_update;
    struct sl_crl_number *serials; /* sorted */
    size_t count, capacity;
    size_t length;
    uint8_t der[];
};

/* False: it is too long. */
bool sl_crl_number_take(struct sl_crl_number *out, const uint8_t *bytes, size_t length);
/* For qsort and bsearch. */
int sl_crl_number_compare(const void *left, const void *right);

/* GnuTLS's code; *out is the caller's. */
int sl_crl_import(gnutls_x509_crl_t *out, struct sl_bytes der);
/* From the list's own DER to all else. */
SL_MUST_USE enum sl_status sl_revocation_list_parse(struct sl_revocation_list *list, struct sl_error *error);

#endif
