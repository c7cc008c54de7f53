/* Random bytes that nobody can guess, equality in constant time, and memory that is really wiped. */
#ifndef SL_CRYPTO_RANDOM_H
#define SL_CRYPTO_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <starling/error.h>

/* Once a process, before any other call of this layer: unsets SSLKEYLOGFILE, sets GnuTLS up, checks what it offers. */
SL_MUST_USE enum sl_status sl_crypto_start(struct sl_error *error);

SL_MUST_USE enum sl_status sl_random_bytes(void *out, size_t length, struct sl_error *error);
SL_MUST_USE enum sl_status sl_random_nonce(uint64_t *out, struct sl_error *error); /* never 0 */
/* Clears in a way that the compiler cannot drop; length 0 is fine with any pointer. */
void sl_wipe(void *data, size_t length);

#endif
