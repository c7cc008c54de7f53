/* Keys and signatures that are long enough. GnuTLS's levels are of its own making; these are ours. */
#ifndef SL_IDENTITY_STRENGTH_H
#define SL_IDENTITY_STRENGTH_H

#include "identity/certificate.h"

/* An RSA key costs its user the more the longer it and its exponent are: one of 16384 bits with an exponent as long
 * takes seconds. */
enum { SL_RSA_BITS_MIN = 2048, SL_RSA_BITS_MAX = 16384, SL_RSA_EXPONENT_MAX = 4 /* bytes */, SL_CURVE_BITS_MIN = 256 };

/* Whether a node or an authority may have this key: RSA within these limits, ECDSA of 256 bits and up, Ed25519, Ed448.
 * If not, `why` says so: "is too weak: RSA of 1024 bits, not at least 2048". */
enum { SL_KEY_FAULT_SIZE = 96 };
bool sl_public_key_is_good(gnutls_pubkey_t key, char why[SL_KEY_FAULT_SIZE]);

/* The keys of a path from a certificate to a trusted authority, and the signatures of all but that: what a trusted one
 * says of itself is not what it is trusted for. SL_UNTRUSTED tells which is weak, and how. */
SL_MUST_USE enum sl_status sl_strength_check(const gnutls_x509_crt_t *path, unsigned count, struct sl_error *error);

#endif
