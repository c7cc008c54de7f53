/* What ends, and when. */
#ifndef SL_IDENTITY_EXPIRY_H
#define SL_IDENTITY_EXPIRY_H

#include "identity/own.h"

/* At most `max`; an authority of both chains counts once. The soonest first; how many. */
size_t sl_expiries_collect(struct sl_expiry *out, size_t max, const struct sl_own_certificate *server,
                           const struct sl_own_certificate *client, const struct sl_revocations *lists);

#endif
