/* The revocation lists that a generation knows. */
#ifndef SL_IDENTITY_REVOCATION_H
#define SL_IDENTITY_REVOCATION_H

#include "base/buffer.h"
#include "identity/revocation_list.h"

/* All zero is empty; filled once, then only read. */
struct sl_revocations {
    struct sl_revocation_list *lists[SL_CRLS_MAX];
    size_t count;
};

/* Adds all lists of a file, PEM or one in DER: at least one. Those whose issuer is among `authorities` (may be NULL)
 * must be signed by it; of others it shows only later whose they are. The error names the file. */
SL_MUST_USE enum sl_status sl_revocations_read(struct sl_revocations *lists, const char *path,
                                               const struct sl_certificates *authorities, struct sl_error *error);
/* The same of a PEM file that may be missing, with any number of lists among whatever else it holds, by whomever. */
SL_MUST_USE enum sl_status sl_revocations_read_some(struct sl_revocations *lists, const char *path,
                                                    struct sl_error *error);
void sl_revocations_finish(struct sl_revocations *lists);

/* Takes a reference of its own, and the place of an older one by the same issuer. SL_EXISTS: there is one that is as
 * new or newer; SL_LIMIT. */
SL_MUST_USE enum sl_status sl_revocations_add(struct sl_revocations *lists, struct sl_revocation_list *list,
                                              struct sl_error *error);
void sl_revocations_copy(struct sl_revocations *to, const struct sl_revocations *from); /* `to` is empty */

/* The newest list by this authority, borrowed; NULL: none. */
struct sl_revocation_list *sl_revocations_find(const struct sl_revocations *lists, gnutls_x509_crt_t issuer);

/* Looks up each certificate of a path but the last (an authority) at its issuer, the next one. SL_UNTRUSTED where one
 * is revoked, or a list is stale at `now`, or is missing and `needed` is SL_REQUIRED. *until becomes less where a list
 * ends earlier. */
SL_MUST_USE enum sl_status sl_revocations_check(const struct sl_revocations *lists, enum sl_requirement needed,
                                                const gnutls_x509_crt_t *path, unsigned count, int64_t now,
                                                int64_t *until, struct sl_error *error);

/* The same of an authority that is trusted, at those of the others that stand above it: a bundle may hold an
 * intermediate one beside its root, and the root may have revoked it since. Only what is revoked is a refusal here. */
SL_MUST_USE enum sl_status sl_revocations_check_authority(const struct sl_revocations *lists,
                                                          const struct sl_certificates *authorities,
                                                          gnutls_x509_crt_t authority, struct sl_error *error);

/* Appends all lists as PEM. */
SL_MUST_USE enum sl_status sl_revocations_append(const struct sl_revocations *lists, struct sl_buffer *out,
                                                 struct sl_error *error);
/* Replaces the file by all lists, in PEM, 0644. */
SL_MUST_USE enum sl_status sl_revocations_write(const struct sl_revocations *lists, const char *path,
                                                struct sl_error *error);

#endif
