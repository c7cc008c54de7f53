/* One certificate revocation list (RFC 5280, 5): what it says, ready to be looked up, and whose it is. */
#ifndef SL_IDENTITY_REVOCATION_LIST_H
#define SL_IDENTITY_REVOCATION_LIST_H

#include "identity/certificate.h"

/* Immutable but for whose it is, which is found out once and kept; reference-counted; any thread. */
struct sl_revocation_list;

/* Reads DER, which may be anything. Only lists that tell the whole state of their issuer: no delta lists, none of a
 * part of the certificates, none by somebody else than the certificates' issuer; with a next update, not from the
 * future, signed with SHA-256 or better. Whether the signature is true, is not known yet. *out is one reference, the
 * caller's. SL_UNTRUSTED or SL_NO_MEMORY. */
SL_MUST_USE enum sl_status sl_revocation_list_create(struct sl_revocation_list **out, struct sl_bytes der,
                                                     struct sl_error *error);
struct sl_revocation_list *sl_revocation_list_ref(struct sl_revocation_list *list);
void sl_revocation_list_unref(struct sl_revocation_list *list); /* accepts NULL */

/* Whether this authority has made it: by name, and the signature is by its key, which may sign lists. */
bool sl_revocation_list_is_of(struct sl_revocation_list *list, gnutls_x509_crt_t issuer);
/* Whether its name is the one in the list, and its key identifier, too, where both have one. */
bool sl_revocation_list_names(const struct sl_revocation_list *list, gnutls_x509_crt_t issuer);
/* Whether some authority was found to have made it. */
bool sl_revocation_list_is_verified(struct sl_revocation_list *list);
/* Both verified, and by the same authority; or both not, and with the same name and key identifier. */
bool sl_revocation_list_same_issuer(struct sl_revocation_list *a, struct sl_revocation_list *b);
/* Whether `a` was made after `b` of the same issuer: by number where both have one, else and where they are equal by
 * the time of the update. */
bool sl_revocation_list_is_newer(const struct sl_revocation_list *a, const struct sl_revocation_list *b);

bool sl_revocation_list_has(const struct sl_revocation_list *list, gnutls_x509_crt_t certificate);
size_t sl_revocation_list_count(const struct sl_revocation_list *list); /* of serial numbers */
/* The number of the list; 0 where it has none, or one beyond 64 bits. */
uint64_t sl_revocation_list_number(const struct sl_revocation_list *list);
int64_t sl_revocation_list_next_update(const struct sl_revocation_list *list); /* Unix seconds */
struct sl_bytes sl_revocation_list_der(const struct sl_revocation_list *list);
const char *sl_revocation_list_issuer(const struct sl_revocation_list *list); /* sl_issuer_text */

#endif
