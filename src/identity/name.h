/* The one name that a certificate gives its node. */
#ifndef SL_IDENTITY_NAME_H
#define SL_IDENTITY_NAME_H

#include "identity/certificate.h"

/* Bytes of a certificate that are to be a name: they may hold anything, NULs too. False: they are none. */
bool sl_name_take(char out[SL_NAME_SIZE], const uint8_t *data, size_t length);

/* Takes the node's name out of the certificate. A SAN URI whose scheme is starling (in any case, so that no misspelt
 * one passes as absent) must be the only one and be exactly starling://FLOCK/NODE, with our flock. Only where there is
 * none does `from` say what stands in: the only common name, or the first DNS SAN; both must be names as they are.
 * SL_UNTRUSTED with the fault, without naming the certificate. */
SL_MUST_USE enum sl_status sl_certificate_name(char out[SL_NAME_SIZE], gnutls_x509_crt_t certificate,
                                               enum sl_name_from from, const char *flock, struct sl_error *error);

#endif
