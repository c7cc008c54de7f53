/* Who this node is, and who the certificates of others say they are. */
#ifndef SL_IDENTITY_IDENTITY_H
#define SL_IDENTITY_IDENTITY_H

#include <stdbool.h>

#include <gnutls/gnutls.h>

#include "base/bytes.h"
#include "settings/settings.h"
#include <starling/identity.h>
#include <starling/name.h>

enum sl_purpose { SL_PURPOSE_SERVER, SL_PURPOSE_CLIENT };
enum {
    SL_CHAIN_MAX = 8,
    SL_CERTIFICATE_SIZE_MAX = 16384,
    SL_SIGNATURE_MAX = 1024,
    SL_KEY_DIGEST_SIZE = 32,
    SL_DELEGATE_KEY_SIZE = 32,      /* of Ed25519, raw */
    SL_PROOF_SIZE = 64,             /* a signature by such a key */
    SL_DELEGATION_LIFE = 7 * 86400, /* seconds */
    SL_DELEGATION_SKEW = 86400,     /* by which clocks may differ */
    SL_CRL_SIZE_MAX = 1 << 20,      /* of one revocation list in DER */
    SL_CRLS_MAX = 64,               /* lists that a generation knows */
};

/* One generation of keys, certificates, revocation lists and trust: it never changes (but for a cache that it guards
 * itself), so any thread may use it. What changes on disk or comes from a peer makes a new one. Reference-counted. */
struct sl_identity;

/* Checks while loading: files exist and parse, keys are read by nobody else and belong to their certificates, both
 * certificates chain to the CA, are valid now, not revoked, serve their purpose and name settings' node and flock. The
 * error is one line that names the file and the fault. Certificates, keys and revocation lists are PEM, a chain leaf
 * first; keys PKCS#8 or traditional, also encrypted, or a PKCS#11 URI. Passphrases and PINs come from the settings'
 * file or variable, or else are asked for with `prompt` (NULL: nobody can be asked). `settings` and `prompt` are not
 * used afterwards. On success *out is one reference, the caller's. */
SL_MUST_USE enum sl_status sl_identity_load(struct sl_identity **out, const struct sl_settings *settings,
                                            const struct sl_prompt *prompt, struct sl_error *error);
/* The same for a node that runs: what `current` knows and the files do not is kept. Its newer revocation lists, so that
 * a revoked peer does not come back with an old file; its decrypted keys where the key's file is what it was, so that
 * nobody is asked again. `current` stays as it is. */
SL_MUST_USE enum sl_status sl_identity_reload(struct sl_identity **out, const struct sl_identity *current,
                                              const struct sl_settings *settings, const struct sl_prompt *prompt,
                                              struct sl_error *error);
struct sl_identity *sl_identity_ref(struct sl_identity *identity);
void sl_identity_unref(struct sl_identity *identity); /* accepts NULL */

const char *sl_identity_node(const struct sl_identity *identity);
const char *sl_identity_flock(const struct sl_identity *identity);
/* Whether identity.allow lets this node in: it is empty or lists the name. */
bool sl_identity_allows(const struct sl_identity *identity, const char *node);
/* One line on what is not refused but not right either, for the log, once a generation: an authority without a
 * revocation list, or this node's own certificate has been revoked meanwhile. NULL: nothing. */
const char *sl_identity_warning(const struct sl_identity *identity);

/* For TLS sessions: own certificate for that purpose, the CA as trust. Borrowed from the generation, which must outlive
 * the session. The verdict on the peer's chain is sl_identity_check_chain's: set a verify function on the session that
 * calls it. */
gnutls_certificate_credentials_t sl_identity_credentials(const struct sl_identity *identity, enum sl_purpose purpose);
/* Own chain for that purpose in DER, leaf first, the CA itself left out; borrowed. */
size_t sl_identity_chain(const struct sl_identity *identity, enum sl_purpose purpose,
                         struct sl_bytes out[SL_CHAIN_MAX]);
/* SHA-256 of the SubjectPublicKeyInfo of the own certificate for that purpose. */
void sl_identity_key_digest(const struct sl_identity *identity, enum sl_purpose purpose,
                            uint8_t out[SL_KEY_DIGEST_SIZE]);

/* Signs with the client key (ECDSA with SHA-256, Ed25519 or RSA-PSS, as the key is), wherever it is. Thread-safe. */
SL_MUST_USE enum sl_status sl_identity_sign(const struct sl_identity *identity, uint8_t out[SL_SIGNATURE_MAX],
                                            size_t *length, struct sl_bytes message, struct sl_error *error);

/* What a client key says of a key of its process: that it speaks for the node where that accepts a connection, until
 * then. With it the client key, which may be slow or in a token, signs once, not for each connection. */
struct sl_delegation {
    struct sl_bytes key;       /* SL_DELEGATE_KEY_SIZE bytes */
    uint64_t not_after;        /* Unix seconds */
    struct sl_bytes signature; /* by the client key, over what identity/delegate.h says */
};
/* This generation's; borrowed. Its key was made in memory when the generation was loaded or renewed, and is wiped with
 * the last generation that has it. */
struct sl_delegation sl_identity_delegation(const struct sl_identity *identity);
/* Signs with that key. Thread-safe. */
SL_MUST_USE enum sl_status sl_identity_prove(const struct sl_identity *identity, uint8_t out[SL_PROOF_SIZE],
                                             struct sl_bytes message, struct sl_error *error);
/* Whether it is time for sl_identity_renew: half of the delegation's life is over, or the clock (`now`, Unix seconds)
 * went back so far that no peer would take it. */
bool sl_identity_needs_renewal(const struct sl_identity *identity, int64_t now);
/* The same generation with a new key and delegation. *out is one reference, the caller's; NULL on failure. */
SL_MUST_USE enum sl_status sl_identity_renew(const struct sl_identity *identity, struct sl_identity **out,
                                             struct sl_error *error);

/* What ends: own certificates, the authorities that they chain to, revocation lists. */
struct sl_expiry {
    char what[320]; /* "server certificate O=demo,CN=alice (serial 5a…)", printable ASCII */
    int64_t at;     /* Unix seconds: notAfter, or the list's next update */
    bool is_list;   /* of revoked certificates */
};
/* At most `max`, the soonest first; how many. 2 * (SL_CHAIN_MAX + 1) + SL_CRLS_MAX hold all. */
size_t sl_identity_expiries(const struct sl_identity *identity, struct sl_expiry *out, size_t max);

/* ---- revocation lists ---- */

/* A list from elsewhere, in DER (anything, that is: a peer's bytes). SL_OK: it is signed by one of our authorities or
 * an intermediate of theirs, not stale, and newer than the one we have of that issuer; *out is a new generation that
 * knows it, one reference, the caller's. SL_EXISTS: ours is as new or newer. SL_UNTRUSTED: anything else but lack of
 * memory, with the reason in one printable line. *out is NULL unless SL_OK. */
SL_MUST_USE enum sl_status sl_identity_with_crl(const struct sl_identity *identity, struct sl_identity **out,
                                                struct sl_bytes crl, struct sl_error *error);
/* The same with all lists of a file, for a reload that failed for another reason: who is revoked must not stay because
 * this node's own certificate is at fault. SL_EXISTS: none is newer. Or what reading the file gives. */
SL_MUST_USE enum sl_status sl_identity_with_crl_file(const struct sl_identity *identity, struct sl_identity **out,
                                                     const char *path, struct sl_error *error);
/* Those known, as others can use them: verified and not stale. In DER, borrowed from the generation. How many, at most
 * `max`. */
size_t sl_identity_crls(const struct sl_identity *identity, struct sl_bytes *out, size_t max);
/* Replaces the file by all lists known, in PEM. */
SL_MUST_USE enum sl_status sl_identity_save_crls(const struct sl_identity *identity, const char *path,
                                                 struct sl_error *error);

/* ---- others ---- */

/* A certificate of a peer that was validated: a name under the flock's authority and its public key. Reference-counted,
 * thread-safe; it needs no generation once it is made. */
struct sl_credential;

/* Validates a chain (leaf first): to the CA, at the present time, for `purpose` (the extended key usage must be there
 * and say so, or be absent where identity.purpose is if-present), within the name constraints of its issuers, not
 * revoked and revocation known (identity.crl), strong keys and signatures throughout, with exactly one name by
 * identity.name_from, of this flock. Thread-safe; usable within the TLS handshake. A chain that this generation has
 * checked costs a digest until something in it ends. On success *out is one reference, the caller's. SL_UNTRUSTED with
 * a reason in one line of printable text that tells the certificate by subject and serial; *out is NULL then. */
SL_MUST_USE enum sl_status sl_identity_check_chain(const struct sl_identity *identity, struct sl_credential **out,
                                                   enum sl_purpose purpose, const struct sl_bytes *chain, size_t count,
                                                   struct sl_error *error);
/* The credential's whole chain again, against this generation and the present time; and still of the same node. */
SL_MUST_USE enum sl_status sl_identity_recheck(const struct sl_identity *identity,
                                               const struct sl_credential *credential, enum sl_purpose purpose,
                                               struct sl_error *error);
/* Whether the client key of a credential that this generation has checked says so of that key, for its own node and our
 * flock, and the present time is within SL_DELEGATION_LIFE before not_after, clocks differing by SL_DELEGATION_SKEW.
 * One that was checked costs a digest. SL_UNTRUSTED with a reason in one line. */
SL_MUST_USE enum sl_status sl_identity_check_delegation(const struct sl_identity *identity,
                                                        struct sl_credential *credential,
                                                        const struct sl_delegation *delegation, struct sl_error *error);
/* SL_UNTRUSTED unless the signature is the delegated key's over the message. */
SL_MUST_USE enum sl_status sl_delegation_verify(const struct sl_delegation *delegation, struct sl_bytes message,
                                                struct sl_bytes signature, struct sl_error *error);

struct sl_credential *sl_credential_ref(struct sl_credential *credential);
void sl_credential_unref(struct sl_credential *credential); /* accepts NULL */
const char *sl_credential_node(const struct sl_credential *credential);
/* "O=demo,CN=alice (serial 5a…)", printable ASCII, for log lines. */
const char *sl_credential_text(const struct sl_credential *credential);
/* SHA-256 of its SubjectPublicKeyInfo. */
void sl_credential_key_digest(const struct sl_credential *credential, uint8_t out[SL_KEY_DIGEST_SIZE]);
/* The chain as it was checked, in DER, leaf first; borrowed. How many. */
size_t sl_credential_chain(const struct sl_credential *credential, struct sl_bytes out[SL_CHAIN_MAX]);
/* Whether the certificate is valid for the DNS name or IP literal that was dialled: by its SANs alone, IP literals by
 * IP SANs, the common name never. */
bool sl_credential_serves_host(const struct sl_credential *credential, const char *host);
/* SL_UNTRUSTED unless the signature is the credential's over the message. */
SL_MUST_USE enum sl_status sl_credential_verify(const struct sl_credential *credential, struct sl_bytes message,
                                                struct sl_bytes signature, struct sl_error *error);

#endif
