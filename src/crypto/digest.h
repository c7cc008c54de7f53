/* SHA-256 through GnuTLS and the nettle below it. No call here can fail or allocates. */
#ifndef SL_CRYPTO_DIGEST_H
#define SL_CRYPTO_DIGEST_H

#include <stdbool.h>

#include "base/bytes.h"

enum { SL_DIGEST_SIZE = 32, SL_DIGEST_TEXT_SIZE = 2 * SL_DIGEST_SIZE + 1 };

struct sl_digest {
    uint8_t bytes[SL_DIGEST_SIZE];
};

/* SHA-256 of the bytes; any thread. */
void sl_digest_of(struct sl_digest *out, const void *data, size_t length);
/* SHA-256 of the concatenation of `count` parts. */
void sl_digest_of_parts(struct sl_digest *out, const struct sl_bytes *parts, size_t count);
bool sl_digest_equal(const struct sl_digest *a, const struct sl_digest *b);         /* in constant time */
void sl_digest_text(char out[SL_DIGEST_TEXT_SIZE], const struct sl_digest *digest); /* lower-case hex */

#endif
