#include "identity/generation.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct sl_identity *sl_generation_create(const char *node, struct sl_error *error) {
    struct sl_identity *identity = calloc(1, sizeof *identity);
    if (identity != NULL && (identity->cache = sl_chain_cache_create()) == NULL) {
        free(identity);
        identity = NULL;
    }
    if (identity == NULL) {
        (void)sl_error_set(error, SL_NO_MEMORY, "no memory for the identity");
        return NULL;
    }
    atomic_init(&identity->references, 1);
    (void)snprintf(identity->node, sizeof identity->node, "%s", node);
    return identity;
}

struct sl_identity *sl_identity_ref(struct sl_identity *identity) {
    atomic_fetch_add_explicit(&identity->references, 1, memory_order_relaxed);
    return identity;
}

void sl_identity_unref(struct sl_identity *identity) {
    if (identity == NULL || atomic_fetch_sub_explicit(&identity->references, 1, memory_order_acq_rel) != 1)
        return;
    sl_chain_cache_destroy(identity->cache);
    sl_own_unref(identity->server);
    sl_own_unref(identity->client);
    sl_delegate_unref(identity->delegate);
    sl_revocations_finish(&identity->lists);
    sl_trust_unref(identity->trust);
    free(identity);
}

enum sl_status sl_generation_delegate(struct sl_identity *identity, struct sl_error *error) {
    struct sl_delegate *made;
    enum sl_status status =
        sl_delegate_create(&made, identity->client, sl_trust_flock(identity->trust), identity->node, time(NULL), error);
    if (status != SL_OK)
        return sl_error_wrap(error, status, "the key of this process");
    sl_delegate_unref(identity->delegate);
    identity->delegate = made;
    return SL_OK;
}

struct sl_identity *sl_generation_derive(const struct sl_identity *identity, struct sl_error *error) {
    struct sl_identity *next = sl_generation_create(identity->node, error);
    if (next == NULL)
        return NULL;
    next->trust = sl_trust_ref(identity->trust);
    next->server = sl_own_ref(identity->server);
    next->client = sl_own_ref(identity->client);
    next->delegate = sl_delegate_ref(identity->delegate);
    sl_revocations_copy(&next->lists, &identity->lists);
    return next;
}

/* A list that revokes this very node is as true as any other, but its owner should know. */
static enum sl_status check_own(struct sl_identity *identity, struct sl_error *error) {
    static const enum sl_purpose purposes[] = {SL_PURPOSE_SERVER, SL_PURPOSE_CLIENT};
    for (size_t i = 0; i < sizeof purposes / sizeof *purposes; i++) {
        struct sl_error reason = {.status = SL_OK};
        struct sl_trusted_chain trusted;
        const struct sl_own_certificate *own = sl_generation_own(identity, purposes[i]);
        enum sl_status status = sl_trust_check(identity->trust, &trusted, &identity->lists, purposes[i], own->chain,
                                               own->count, time(NULL), &reason);
        sl_credential_unref(trusted.credential);
        if (status == SL_NO_MEMORY)
            return sl_error_set(error, status, "%s", reason.text);
        if (status != SL_OK)
            (void)snprintf(identity->warning, sizeof identity->warning,
                           "this node's own %s certificate is refused from now on: %.800s",
                           sl_purpose_text(purposes[i]), reason.text);
    }
    return SL_OK;
}

enum sl_status sl_generation_conclude(struct sl_identity *next, struct sl_identity **out, enum sl_status status,
                                      struct sl_error *error) {
    if (status == SL_OK)
        status = check_own(next, error);
    if (status == SL_OK)
        *out = next;
    else
        sl_identity_unref(next);
    return status;
}

enum sl_status sl_identity_renew(const struct sl_identity *identity, struct sl_identity **out, struct sl_error *error) {
    *out = NULL;
    struct sl_identity *next = sl_generation_derive(identity, error);
    if (next == NULL)
        return SL_NO_MEMORY;
    enum sl_status status = sl_generation_delegate(next, error);
    return sl_generation_conclude(next, out, status, error);
}
