/* Warnings before something of the identity ends: 30, 7 and 1 days ahead, each once; from the end on, once a day. */
#ifndef SL_NODE_EXPIRY_H
#define SL_NODE_EXPIRY_H

#include "identity/identity.h"

enum { NODE_EXPIRIES_MAX = 2 * (SL_CHAIN_MAX + 1) + SL_CRLS_MAX };

/* What was said of the things that end. All zero: nothing. */
struct node_expiries {
    struct {
        struct sl_expiry item;
        int64_t due; /* Unix seconds: when something is to be said again */
    } known[NODE_EXPIRIES_MAX];
    size_t count;
};

/* `left`: seconds, negative when it has ended. */
typedef void node_expiry_say(void *context, const struct sl_expiry *item, int64_t left);

/* Says what is due at `now` (Unix seconds) of what the identity has; a certificate that was renewed is another one.
 * Revocation lists live for days and are renewed as a matter of course: of them only the last day is told. */
void node_expiries_check(struct node_expiries *expiries, const struct sl_expiry *items, size_t count, int64_t now,
                         node_expiry_say *say, void *context);

#endif
