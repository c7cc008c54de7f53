/* The chains that a generation has found good: the second look at one, in admission after the handshake, or when the
 * peer comes back, costs a digest. Bounded; any thread. */
#ifndef SL_IDENTITY_CHAIN_CACHE_H
#define SL_IDENTITY_CHAIN_CACHE_H

#include "crypto/digest.h"
#include "identity/identity.h"

struct sl_chain_cache;

struct sl_chain_cache *sl_chain_cache_create(void);        /* NULL: out of memory */
void sl_chain_cache_destroy(struct sl_chain_cache *cache); /* accepts NULL */

/* What a chain is known by: SHA-256 over the purpose and each certificate behind its length. */
void sl_chain_cache_key(struct sl_digest *out, enum sl_purpose purpose, const struct sl_bytes *chain, size_t count);

/* A new reference, the caller's; NULL where the chain is not known, or not good any more at `now` (Unix seconds; a
 * clock that went back behind the time of the check makes it unknown, too). */
struct sl_credential *sl_chain_cache_find(struct sl_chain_cache *cache, const struct sl_digest *key, int64_t now);
/* Checked at `now`, good up to and including `until`. Takes a reference of its own; the longest unused chain makes
 * room. */
void sl_chain_cache_put(struct sl_chain_cache *cache, const struct sl_digest *key, struct sl_credential *credential,
                        int64_t now, int64_t until);

#endif
