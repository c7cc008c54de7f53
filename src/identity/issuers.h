/* Intermediate authorities that chains have shown: a revocation list by one of them can be told from a forged one. */
#ifndef SL_IDENTITY_ISSUERS_H
#define SL_IDENTITY_ISSUERS_H

#include <pthread.h>

#include "identity/certificate.h"
#include "identity/revocation_list.h"

enum { SL_ISSUERS_MAX = 64 };

/* Bounded: those that come when it is full are not remembered. Any thread. */
struct sl_issuers {
    pthread_mutex_t lock;
    struct sl_bytes certificates[SL_ISSUERS_MAX]; /* DER, owned */
    size_t count;
};

SL_MUST_USE enum sl_status sl_issuers_init(struct sl_issuers *issuers, struct sl_error *error);
void sl_issuers_finish(struct sl_issuers *issuers);

/* An authority whose own chain was found signed by one that we trust. Out of memory: not remembered. */
void sl_issuers_learn(struct sl_issuers *issuers, struct sl_bytes certificate);
/* Whether one of them has made the list. */
bool sl_issuers_made(struct sl_issuers *issuers, struct sl_revocation_list *list);

#endif
