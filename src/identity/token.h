/* Keys on PKCS#11 tokens, which never leave them. */
#ifndef SL_IDENTITY_TOKEN_H
#define SL_IDENTITY_TOKEN_H

#include <gnutls/abstract.h>

#include "identity/passphrase.h"

/* What answers the token when it asks for its PIN: at once, and later where the key wants it for each signature or the
 * session was lost. It holds no PIN. */
struct sl_pin;

/* Opens the key and asks `source` for the PIN where the token wants one. A PIN from a file or a variable is tried once:
 * tokens lock themselves after a few wrong ones. *out and *pin are the caller's, *pin to be destroyed after *out. */
SL_MUST_USE enum sl_status sl_token_key_load(gnutls_privkey_t *out, struct sl_pin **pin, const char *uri,
                                             const struct sl_passphrase_source *source, struct sl_error *error);
void sl_pin_destroy(struct sl_pin *pin); /* accepts NULL */

#endif
