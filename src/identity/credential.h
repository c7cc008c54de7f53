/* Making credentials: only the check of a chain (trust.c) does. */
#ifndef SL_IDENTITY_CREDENTIAL_H
#define SL_IDENTITY_CREDENTIAL_H

#include "identity/certificate.h"

/* On success *out has one reference and owns the certificate; on failure the caller still does. */
SL_MUST_USE enum sl_status sl_credential_create(struct sl_credential **out, gnutls_x509_crt_t certificate,
                                                const char *node, struct sl_error *error);

#endif
