/* What is read out of one X.509 certificate, on its own: nothing here says whether it can be trusted. */
#ifndef SL_IDENTITY_CERTIFICATE_H
#define SL_IDENTITY_CERTIFICATE_H

#include <gnutls/abstract.h>
#include <gnutls/x509-ext.h>
#include <gnutls/x509.h>

#include "identity/identity.h"

enum { SL_CERTIFICATE_TEXT_SIZE = 256, SL_CERTIFICATE_FILE_MAX = 1 << 20 };

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

/* "O=demo,CN=alice (serial 5a…)": printable ASCII whatever the certificate holds, cut to fit. */
void sl_certificate_text(char out[SL_CERTIFICATE_TEXT_SIZE], gnutls_x509_crt_t certificate);

/* Whether the extended key usage is there and lists this very purpose; "any purpose" does not count. */
bool sl_certificate_has_purpose(gnutls_x509_crt_t certificate, enum sl_purpose purpose);
const char *sl_purpose_oid(enum sl_purpose purpose);
const char *sl_purpose_text(enum sl_purpose purpose); /* "server", "client" */
bool sl_certificate_is_authority(gnutls_x509_crt_t certificate);
/* Key usage is absent or has this bit (GNUTLS_KEY_…). */
bool sl_certificate_allows_usage(gnutls_x509_crt_t certificate, unsigned usage);

/* The subject alternative names, decoded afresh; an empty list where there are none. *out is the caller's, freed with
 * gnutls_subject_alt_names_deinit. GnuTLS's code. */
SL_MUST_USE int sl_certificate_alternative_names(gnutls_subject_alt_names_t *out, gnutls_x509_crt_t certificate);

/* How keys of this kind sign statements; GNUTLS_SIGN_UNKNOWN for kinds that we do not use. The key decides, never the
 * peer. */
gnutls_sign_algorithm_t sl_signature_algorithm(unsigned key_algorithm);

#endif
