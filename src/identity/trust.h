/* The authorities that this flock trusts and what it asks of a chain; and the one check of a chain. */
#ifndef SL_IDENTITY_TRUST_H
#define SL_IDENTITY_TRUST_H

#include "identity/path.h"
#include "identity/revocation.h"

/* Reference-counted, any thread: the generations that differ in revocation lists alone share one. */
struct sl_trust;

/* Reads the authorities' PEM file, and takes what the settings ask for. The error names the file. *out is one
 * reference, the caller's. */
SL_MUST_USE enum sl_status sl_trust_create(struct sl_trust **out, const struct sl_settings *settings,
                                           struct sl_error *error);
struct sl_trust *sl_trust_ref(struct sl_trust *trust);
void sl_trust_unref(struct sl_trust *trust); /* accepts NULL */

/* For what was signed long ago (offline.h); before any check. */
void sl_trust_ignore_dates(struct sl_trust *trust);

const char *sl_trust_flock(const struct sl_trust *trust);
const struct sl_certificates *sl_trust_authorities(const struct sl_trust *trust);
enum sl_requirement sl_trust_crl(const struct sl_trust *trust);
bool sl_trust_allows(const struct sl_trust *trust, const char *node);
bool sl_trust_has_authority(const struct sl_trust *trust, gnutls_x509_crt_t certificate);

/* Whether one of the authorities, or an intermediate that a chain has shown, made this list. */
bool sl_trust_made(struct sl_trust *trust, struct sl_revocation_list *list);
bool sl_trust_made_below(struct sl_trust *trust, struct sl_revocation_list *list); /* an intermediate did */

struct sl_trusted_chain {
    struct sl_credential *credential; /* one reference, the caller's */
    int64_t until;                    /* Unix seconds: what ends first of the path and the lists that spoke for it */
    gnutls_x509_crt_t authority;      /* that the chain leads to; the trust's */
};

/* As sl_identity_check_chain, with these revocation lists, at `now` as far as they go. On failure *trusted is all
 * zero. */
SL_MUST_USE enum sl_status sl_trust_check(struct sl_trust *trust, struct sl_trusted_chain *trusted,
                                          const struct sl_revocations *lists, enum sl_purpose purpose,
                                          const struct sl_bytes *chain, size_t count, int64_t now,
                                          struct sl_error *error);

#endif
