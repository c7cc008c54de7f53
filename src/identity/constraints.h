/* Name constraints on URIs (RFC 5280, 4.2.1.10), which GnuTLS reads and does not apply. Those on DNS names, mail and IP
 * addresses it does apply. */
#ifndef SL_IDENTITY_CONSTRAINTS_H
#define SL_IDENTITY_CONSTRAINTS_H

#include "identity/certificate.h"

/* `path`: a certificate, its issuer, and so on up to the authority that is trusted, which counts as well. Each
 * certificate's URIs must be within what each one above it permits, and in nothing that it excludes; so must `meant`,
 * the URI that the first one stands for, also where it has that name from elsewhere (identity.name_from). Kinds of
 * constraints that nobody applies are a refusal. SL_UNTRUSTED, naming the issuer and the URI. */
SL_MUST_USE enum sl_status sl_constraints_check(const gnutls_x509_crt_t *path, unsigned count, struct sl_bytes meant,
                                                struct sl_error *error);

/* The rule alone: whether a URI's host is within a constraint. "host.example" is that host, ".example" all below it. A
 * URI without a host that is a name is within none. */
bool sl_constraint_holds_uri(struct sl_bytes constraint, struct sl_bytes uri);

#endif
