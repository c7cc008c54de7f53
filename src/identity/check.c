/* What a generation thinks of others' chains, and of whom they let speak for them. */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "identity/generation.h"

enum sl_status sl_identity_check_chain(const struct sl_identity *identity, struct sl_credential **out,
                                       enum sl_purpose purpose, const struct sl_bytes *chain, size_t count,
                                       struct sl_error *error) {
    struct sl_digest key;
    struct sl_trusted_chain trusted;
    int64_t now = time(NULL);
    if (count <= SL_CHAIN_MAX) {
        sl_chain_cache_key(&key, purpose, chain, count);
        if ((*out = sl_chain_cache_find(identity->cache, &key, now)) != NULL)
            return SL_OK;
    }
    enum sl_status status =
        sl_trust_check(identity->trust, &trusted, &identity->lists, purpose, chain, count, now, error);
    *out = trusted.credential;
    if (status == SL_OK)
        sl_chain_cache_put(identity->cache, &key, trusted.credential, now, trusted.until);
    return status;
}

/* The present time is within its life, which is not longer than it may be. */
static enum sl_status check_life(const struct sl_delegation *delegation, int64_t now, struct sl_error *error) {
    if (delegation->not_after < (uint64_t)now)
        return sl_error_set(error, SL_UNTRUSTED, "it ended %" PRIu64 " s ago", (uint64_t)now - delegation->not_after);
    if (delegation->not_after - (uint64_t)now > SL_DELEGATION_LIFE + SL_DELEGATION_SKEW)
        return sl_error_set(error, SL_UNTRUSTED, "it would end in %" PRIu64 " s, at most %d are allowed",
                            delegation->not_after - (uint64_t)now, SL_DELEGATION_LIFE + SL_DELEGATION_SKEW);
    return SL_OK;
}

enum sl_status sl_identity_check_delegation(const struct sl_identity *identity, struct sl_credential *credential,
                                            const struct sl_delegation *delegation, struct sl_error *error) {
    struct sl_digest key;
    int64_t now = time(NULL);
    if (delegation->key.length != SL_DELEGATE_KEY_SIZE)
        return sl_error_set(error, SL_UNTRUSTED, "a key of %zu bytes", delegation->key.length);
    enum sl_status status = check_life(delegation, now, error);
    if (status != SL_OK)
        return status;
    const char *flock = sl_identity_flock(identity);
    sl_delegation_digest(&key, flock, credential, delegation);
    struct sl_credential *known = sl_chain_cache_find(identity->cache, &key, now);
    sl_credential_unref(known);
    if (known != NULL)
        return SL_OK;
    status = sl_delegation_check(flock, credential, delegation, error);
    if (status == SL_OK)
        sl_chain_cache_put(identity->cache, &key, credential, now, (int64_t)delegation->not_after);
    return status;
}

enum sl_status sl_identity_recheck(const struct sl_identity *identity, const struct sl_credential *credential,
                                   enum sl_purpose purpose, struct sl_error *error) {
    struct sl_bytes chain[SL_CHAIN_MAX];
    struct sl_credential *again = NULL;
    size_t count = sl_credential_chain(credential, chain);
    enum sl_status status = sl_identity_check_chain(identity, &again, purpose, chain, count, error);
    if (status == SL_OK && strcmp(sl_credential_node(again), sl_credential_node(credential)) != 0)
        status =
            sl_error_set(error, SL_UNTRUSTED, "certificate %s: it is of %s now, not of %s",
                         sl_credential_text(credential), sl_credential_node(again), sl_credential_node(credential));
    sl_credential_unref(again);
    return status;
}
