/* Private keys: in files, maybe encrypted, and on PKCS#11 tokens. */
#ifndef SL_IDENTITY_KEY_H
#define SL_IDENTITY_KEY_H

#include "crypto/digest.h"
#include "identity/certificate.h"
#include "identity/passphrase.h"

/* Reads a PEM private key, PKCS#8 or traditional. `passphrase` NULL: it must not be encrypted. *encrypted: it is, and
 * not with this passphrase, which is SL_PERMISSION. The bytes of the file are wiped. *out is the caller's. */
SL_MUST_USE enum sl_status sl_key_read(gnutls_privkey_t *out, bool *encrypted, const char *path, const char *passphrase,
                                       struct sl_error *error);

struct sl_pin;

/* A key of this node; all zero is none. */
struct sl_key {
    gnutls_privkey_t key;
    bool given;            /* `key` belongs to somebody else by now */
    struct sl_pin *pin;    /* of a token, which may ask for it again while the key lives; NULL: a file's key */
    struct sl_digest file; /* of the file that it was read from */
};

/* `place` is a file that nobody but its owner may read, or a PKCS#11 URI; the error names it. The source is asked only
 * for a key that needs it. `previous` (may be NULL) is the same key of an older generation: where the file is what it
 * was, it is copied, and nobody is asked. Where `source` has a prompt, that is not used after the call. */
SL_MUST_USE enum sl_status sl_key_load(struct sl_key *key, const char *place, const struct sl_passphrase_source *source,
                                       const struct sl_key *previous, struct sl_error *error);
void sl_key_finish(struct sl_key *key);

bool sl_key_is_uri(const char *place); /* of PKCS#11 */

/* Whether this is the certificate's private key. A token's has to sign to show it: its public half may not be there. */
bool sl_key_is_of(gnutls_privkey_t key, gnutls_x509_crt_t certificate);

#endif
