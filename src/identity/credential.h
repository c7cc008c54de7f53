/* Making credentials: only the check of a chain (trust.c) does. */
#ifndef SL_IDENTITY_CREDENTIAL_H
#define SL_IDENTITY_CREDENTIAL_H

#include "identity/certificate.h"

/* Of a chain that was found good, and its first certificate; both are copied. *out is one reference, the caller's. */
SL_MUST_USE enum sl_status sl_credential_create(struct sl_credential **out, gnutls_x509_crt_t leaf,
                                                const struct sl_bytes *chain, size_t count, const char *node,
                                                struct sl_error *error);

#endif
