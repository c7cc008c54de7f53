/* Intermediate authorities that chains have shown: a revocation list by one of them can be told from a forged one, and
 * their own certificates need not be verified again below each new one of a node. */
#ifndef SL_IDENTITY_ISSUERS_H
#define SL_IDENTITY_ISSUERS_H

#include <pthread.h>

#include "crypto/digest.h"
#include "identity/certificate.h"
#include "identity/revocation_list.h"

enum { SL_ISSUERS_MAX = 64 };

/* Of a path that was found good all but its first certificate. */
struct sl_known_rest {
    struct sl_digest digest;
    int64_t from, until; /* Unix seconds; when it was verified, what ends first in it */
};

/* Bounded: those that come when it is full are not remembered. Any thread. */
struct sl_issuers {
    pthread_mutex_t lock;
    struct sl_bytes certificates[SL_ISSUERS_MAX]; /* DER, owned */
    size_t count;
    struct sl_known_rest rests[SL_ISSUERS_MAX]; /* the one that was learnt first gives way */
    size_t rest_count;                          /* that were ever learnt */
};

SL_MUST_USE enum sl_status sl_issuers_init(struct sl_issuers *issuers, struct sl_error *error);
void sl_issuers_finish(struct sl_issuers *issuers);

/* An authority whose own chain was found signed by one that we trust. Out of memory: not remembered. */
void sl_issuers_learn(struct sl_issuers *issuers, struct sl_bytes certificate);
/* The same of a whole rest of a path (sl_path_rest_digest), good from `now` until then. */
void sl_issuers_learn_rest(struct sl_issuers *issuers, const struct sl_digest *rest, int64_t now, int64_t until);
bool sl_issuers_know_rest(struct sl_issuers *issuers, const struct sl_digest *rest, int64_t now);
/* Whether one of them has made the list. */
bool sl_issuers_made(struct sl_issuers *issuers, struct sl_revocation_list *list);

#endif
