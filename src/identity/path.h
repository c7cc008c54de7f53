/* A path from a certificate to one authority that is trusted, as GnuTLS judges it, in words. */
#ifndef SL_IDENTITY_PATH_H
#define SL_IDENTITY_PATH_H

#include "crypto/digest.h"
#include "identity/certificate.h"

/* A certificate, its issuer, and so on; the last is the authority. */
struct sl_path {
    gnutls_x509_crt_t certificates[SL_CHAIN_MAX + 1];
    unsigned count; /* ≥ 2 */
};

/* Signatures, unless `any_time` dates (the authority's, too), basic constraints, path lengths, key usages, the name
 * constraints that GnuTLS knows, and that no issuer's extended key usage leaves `purpose` out. `list` trusts the path's
 * authority alone, so that GnuTLS takes no other way. *forged: a signature is not by the key of the path's next
 * certificate: another authority of that name may have made it. SL_UNTRUSTED or what else GnuTLS meets. */
SL_MUST_USE enum sl_status sl_path_verify(const struct sl_path *path, gnutls_x509_trust_list_t list,
                                          enum sl_purpose purpose, bool any_time, bool *forged, struct sl_error *error);

/* The first certificate alone, the second one being trusted like an authority: for a path whose rest was found good
 * with another first certificate. Whether it is good; a refusal is left to sl_path_verify, which can say why. */
bool sl_path_verify_first(const struct sl_path *path, enum sl_purpose purpose);
/* What that rest is known by: SHA-256 over the purpose and each certificate. False: there is none, or a certificate
 * above the second says something that may bind the first (RFC 5280: name constraints, which add up; whatever else is
 * not known to speak of its own certificate alone). What the second says, sl_path_verify_first looks at. */
bool sl_path_rest_digest(struct sl_digest *out, const struct sl_path *path, enum sl_purpose purpose);
int64_t sl_path_rest_end(const struct sl_path *path); /* as sl_path_end, without the first */

/* The earliest end of its certificates, Unix seconds. */
int64_t sl_path_end(const struct sl_path *path);

#endif
