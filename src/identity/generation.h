/* A generation from inside, for the files that make one, read it and judge by it. */
#ifndef SL_IDENTITY_GENERATION_H
#define SL_IDENTITY_GENERATION_H

#include <stdatomic.h>

#include "identity/chain_cache.h"
#include "identity/delegate.h"

struct sl_identity {
    atomic_size_t references;
    struct sl_trust *trust; /* this and the next three are shared with generations that differ in `lists` alone */
    struct sl_own_certificate *server, *client;
    struct sl_delegate *delegate;
    struct sl_revocations lists;
    struct sl_chain_cache *cache;
    char node[SL_NAME_SIZE];
    char warning[1024];
};

static inline struct sl_own_certificate *sl_generation_own(const struct sl_identity *identity,
                                                           enum sl_purpose purpose) {
    return purpose == SL_PURPOSE_SERVER ? identity->server : identity->client;
}

/* Empty: to be filled, or given back by sl_identity_unref. NULL: out of memory. */
struct sl_identity *sl_generation_create(const char *node, struct sl_error *error);
/* One that differs from this one in what it will be given. NULL: out of memory. */
struct sl_identity *sl_generation_derive(const struct sl_identity *identity, struct sl_error *error);
/* Takes a derived one and hands it out, with a warning where it does not trust this very node any more; unless `status`
 * is a failure, which is returned. */
enum sl_status sl_generation_conclude(struct sl_identity *next, struct sl_identity **out, enum sl_status status,
                                      struct sl_error *error);
/* A new key for the process and what the client key says of it; instead of those that there are. */
SL_MUST_USE enum sl_status sl_generation_delegate(struct sl_identity *identity, struct sl_error *error);

#endif
