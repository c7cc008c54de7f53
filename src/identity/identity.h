/* Who this node is, and who the certificates of others say they are. */
#ifndef SL_IDENTITY_IDENTITY_H
#define SL_IDENTITY_IDENTITY_H

#include <stdbool.h>

#include <gnutls/gnutls.h>

#include "base/bytes.h"
#include "settings/settings.h"
#include <starling/name.h>

enum sl_purpose { SL_PURPOSE_SERVER, SL_PURPOSE_CLIENT };
enum { SL_CHAIN_MAX = 8, SL_CERTIFICATE_SIZE_MAX = 16384, SL_SIGNATURE_MAX = 1024 };

/* Keys, certificates and trust of this node: loaded once, read-only afterwards. */
struct sl_identity;

/* Checks while loading: files exist and parse, keys belong to their certificates, both certificates chain to the CA,
 * are valid now, serve their purpose and name settings' node and flock. The error is one line that names the file and
 * the fault. Certificates and keys are PEM, a chain leaf first; keys PKCS#8 or traditional, not encrypted. `settings`
 * is not used afterwards. */
SL_MUST_USE enum sl_status sl_identity_load(struct sl_identity **out, const struct sl_settings *settings,
                                            struct sl_error *error);
void sl_identity_destroy(struct sl_identity *identity);

const char *sl_identity_node(const struct sl_identity *identity);
const char *sl_identity_flock(const struct sl_identity *identity);
/* One line on what is not refused but not right either, for the log, once: a key that others can read. NULL: nothing.
 */
const char *sl_identity_warning(const struct sl_identity *identity);
/* For TLS sessions: own certificate for that purpose, the CA as trust. Borrowed. The verdict on the peer's chain is
 * sl_identity_check_chain's: set a verify function on the session that calls it. */
gnutls_certificate_credentials_t sl_identity_credentials(const struct sl_identity *identity, enum sl_purpose purpose);
/* Own chain for that purpose in DER, leaf first, the CA itself left out; borrowed. */
size_t sl_identity_chain(const struct sl_identity *identity, enum sl_purpose purpose,
                         struct sl_bytes out[SL_CHAIN_MAX]);

/* Signs with the client key (ECDSA with SHA-256, Ed25519 or RSA-PSS, as the key is). Thread-safe. */
SL_MUST_USE enum sl_status sl_identity_sign(const struct sl_identity *identity, uint8_t out[SL_SIGNATURE_MAX],
                                            size_t *length, struct sl_bytes message, struct sl_error *error);

/* A certificate of a peer that was validated: a name under the flock's authority and its public key. Reference-counted,
 * thread-safe. */
struct sl_credential;

/* Validates a chain (leaf first): to the CA, at the present time, for `purpose` (the extended key usage must be there
 * and say so), strong keys and signatures throughout, with exactly one name by identity.name_from, of this flock.
 * Thread-safe; usable within the TLS handshake. On success *out is one reference, the caller's. SL_UNTRUSTED with a
 * reason in one line of printable text that tells the certificate by subject and serial; *out is NULL then. */
SL_MUST_USE enum sl_status sl_identity_check_chain(const struct sl_identity *identity, struct sl_credential **out,
                                                   enum sl_purpose purpose, const struct sl_bytes *chain, size_t count,
                                                   struct sl_error *error);
struct sl_credential *sl_credential_ref(struct sl_credential *credential);
void sl_credential_unref(struct sl_credential *credential); /* accepts NULL */
const char *sl_credential_node(const struct sl_credential *credential);
/* "O=demo,CN=alice (serial 5a…)", printable ASCII, for log lines. */
const char *sl_credential_text(const struct sl_credential *credential);
/* Whether both are the very same certificate. */
bool sl_credential_is_same(const struct sl_credential *a, const struct sl_credential *b);
/* Whether the certificate is valid for the DNS name or IP literal that was dialled: by its SANs alone, IP literals by
 * IP SANs, the common name never. */
bool sl_credential_serves_host(const struct sl_credential *credential, const char *host);
/* SL_UNTRUSTED unless the signature is the credential's over the message. */
SL_MUST_USE enum sl_status sl_credential_verify(const struct sl_credential *credential, struct sl_bytes message,
                                                struct sl_bytes signature, struct sl_error *error);

#endif
