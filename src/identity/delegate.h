/* Who speaks for the client key in HELLO: a key of this process (the idea is RFC 9345's). The client key, which may be
 * slow or in a token, signs it once, not every connection. */
#ifndef SL_IDENTITY_DELEGATE_H
#define SL_IDENTITY_DELEGATE_H

#include "crypto/digest.h"
#include "identity/own.h"

/* An Ed25519 key, made in memory, written nowhere, and what the client key said of it. Immutable, reference-counted:
 * generations that differ in revocation lists alone share it. */
struct sl_delegate;

/* *out is one reference, the caller's. */
SL_MUST_USE enum sl_status sl_delegate_create(struct sl_delegate **out, const struct sl_own_certificate *client,
                                              const char *flock, const char *node, int64_t now, struct sl_error *error);
struct sl_delegate *sl_delegate_ref(struct sl_delegate *delegate);
void sl_delegate_unref(struct sl_delegate *delegate); /* wipes the key with the last one; accepts NULL */

struct sl_delegation sl_delegate_delegation(const struct sl_delegate *delegate); /* borrowed */
SL_MUST_USE enum sl_status sl_delegate_sign(const struct sl_delegate *delegate, uint8_t out[SL_PROOF_SIZE],
                                            struct sl_bytes message, struct sl_error *error);
/* Half of its life is over, or the clock went back so far that nobody would take it. */
bool sl_delegate_is_due(const struct sl_delegate *delegate, int64_t now);

/* What a delegation signs: "starling delegation 1" 0x00, flock 0x00, node 0x00, the process's key, the digest of the
 * client certificate's key, not_after (8 bytes, big-endian). */
enum {
    SL_DELEGATION_MESSAGE_MAX = 22 + 2 * SL_NAME_SIZE + SL_DELEGATE_KEY_SIZE + SL_KEY_DIGEST_SIZE + 8,
};
size_t sl_delegation_message(uint8_t out[SL_DELEGATION_MESSAGE_MAX], const char *flock, const char *node,
                             const uint8_t key[SL_DELEGATE_KEY_SIZE], const uint8_t client_key[SL_KEY_DIGEST_SIZE],
                             uint64_t not_after);

/* What a delegation of this credential is known by, once it was found good: all that sl_delegation_check looks at but
 * the time. */
void sl_delegation_digest(struct sl_digest *out, const char *flock, const struct sl_credential *credential,
                          const struct sl_delegation *delegation);
/* The signature alone; SL_UNTRUSTED. */
SL_MUST_USE enum sl_status sl_delegation_check(const char *flock, const struct sl_credential *credential,
                                               const struct sl_delegation *delegation, struct sl_error *error);

#endif
