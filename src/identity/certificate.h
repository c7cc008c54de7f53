/* What is read out of one X.509 certificate, on its own: nothing here says whether it can be trusted. */
#ifndef SL_IDENTITY_CERTIFICATE_H
#define SL_IDENTITY_CERTIFICATE_H

#include <gnutls/abstract.h>
#include <gnutls/x509-ext.h>
#include <gnutls/x509.h>

#include "identity/identity.h"

enum { SL_CERTIFICATE_TEXT_SIZE = 256, SL_CERTIFICATE_FILE_MAX = 1 << 20, SL_DAY_TEXT_SIZE = 32 };

/* How GnuTLS judges signatures and keys here. */
enum {
    SL_VERIFY_FLAGS = GNUTLS_VERIFY_DO_NOT_ALLOW_SAME | GNUTLS_VERIFY_DO_NOT_ALLOW_X509_V1_CA_CRT |
                      GNUTLS_PROFILE_TO_VFLAGS(GNUTLS_PROFILE_MEDIUM)
};

/* Certificates in memory of GnuTLS; all zero is empty. */
struct sl_certificates {
    gnutls_x509_crt_t *items;
    unsigned count;
};

/* Reads a PEM file of at least one certificate; what else it holds is skipped. Where `ordered`, each must have signed
 * the one before it by name. The error names the file. */
SL_MUST_USE enum sl_status sl_certificates_read(struct sl_certificates *out, const char *path, bool ordered,
                                                struct sl_error *error);
void sl_certificates_finish(struct sl_certificates *certificates);

/* Sets the error for a GnuTLS return code: "what: gnutls's text". SL_NO_MEMORY where that is the cause, else `status`.
 */
enum sl_status sl_gnutls_error(struct sl_error *error, enum sl_status status, int code, const char *what);

/* For arguments of GnuTLS that it does not write through. The length must fit. */
static inline gnutls_datum_t sl_datum(struct sl_bytes bytes) {
    return (gnutls_datum_t){(unsigned char *)(uintptr_t)bytes.data, (unsigned)bytes.length};
}

/* One certificate in DER of any length and content. *out is the caller's, freed with gnutls_x509_crt_deinit; NULL on
 * failure: SL_UNTRUSTED or SL_NO_MEMORY. */
SL_MUST_USE enum sl_status sl_certificate_import(gnutls_x509_crt_t *out, struct sl_bytes der, struct sl_error *error);

/* SHA-256 of the SubjectPublicKeyInfo. */
SL_MUST_USE enum sl_status sl_key_digest(uint8_t out[SL_KEY_DIGEST_SIZE], gnutls_x509_crt_t certificate,
                                         struct sl_error *error);

/* Printable ASCII whatever the bytes are ('?' for the rest), cut to fit. */
void sl_printable(char *out, size_t size, struct sl_bytes text);
/* "2026-11-21 15:06 UTC". */
void sl_day_text(char out[SL_DAY_TEXT_SIZE], int64_t when);
/* "O=demo,CN=alice (serial 5a…)": printable ASCII whatever the certificate holds, cut to fit. */
void sl_certificate_text(char out[SL_CERTIFICATE_TEXT_SIZE], gnutls_x509_crt_t certificate);
/* An authority as those name it that it signed: "CN=demo authority,O=demo (key 5a6b7c8d)", with the first bytes of its
 * key's identifier, since several may have one name; without, where none is told. */
void sl_issuer_text(char out[SL_CERTIFICATE_TEXT_SIZE], struct sl_bytes name, struct sl_bytes key);
/* The issuer of a certificate. */
void sl_certificate_issuer_text(char out[SL_CERTIFICATE_TEXT_SIZE], gnutls_x509_crt_t certificate);

/* SHA-256 of the certificate, in hexadecimal; empty where GnuTLS fails. */
enum { SL_FINGERPRINT_SIZE = 2 * 32 + 1 };
void sl_certificate_fingerprint(char out[SL_FINGERPRINT_SIZE], gnutls_x509_crt_t certificate);

/* What the extended key usage says of a purpose; "any purpose" does not count as one. */
enum sl_purpose_answer { SL_PURPOSE_LISTED, SL_PURPOSE_NOT_LISTED, SL_PURPOSES_ABSENT };
enum sl_purpose_answer sl_certificate_purpose(gnutls_x509_crt_t certificate, enum sl_purpose purpose);
const char *sl_purpose_oid(enum sl_purpose purpose);
const char *sl_purpose_text(enum sl_purpose purpose); /* "server", "client" */
bool sl_certificate_is_authority(gnutls_x509_crt_t certificate);
/* Whether it is valid for the DNS name or IP literal that was dialled: by its SANs alone, IP literals by IP SANs, the
 * common name never. */
bool sl_certificate_serves_host(gnutls_x509_crt_t certificate, const char *host);
/* Key usage is absent or has this bit (GNUTLS_KEY_…). */
bool sl_certificate_allows_usage(gnutls_x509_crt_t certificate, unsigned usage);

/* The subject alternative names, decoded afresh; an empty list where there are none. *out is the caller's, freed with
 * gnutls_subject_alt_names_deinit. GnuTLS's code. */
SL_MUST_USE int sl_certificate_alternative_names(gnutls_subject_alt_names_t *out, gnutls_x509_crt_t certificate);

/* Ed25519, Ed448, or made with SHA-256 or a longer digest: neither MD5 nor SHA-1. */
bool sl_signature_is_strong(gnutls_sign_algorithm_t algorithm);
/* How keys of this kind sign statements; GNUTLS_SIGN_UNKNOWN for kinds that we do not use. The key decides, never the
 * peer. */
gnutls_sign_algorithm_t sl_signature_algorithm(unsigned key_algorithm);

#endif
