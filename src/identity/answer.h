/* What an authority sends to a node that has its keys itself: a PEM file with the node's certificates, those that lead
 * to the root, and revocation lists. */
#ifndef SL_IDENTITY_ANSWER_H
#define SL_IDENTITY_ANSWER_H

#include "identity/authority.h"

/* The new certificates of a node for the same keys, after the entries are readied. */
struct sl_node_certificates {
    gnutls_x509_crt_t server, client;
};

struct sl_node_keys {
    gnutls_pubkey_t server, client;
};

/* The keys of certificates that are there: the first one of each file. */
SL_MUST_USE enum sl_status sl_node_keys_read(struct sl_node_keys *keys, const char *server, const char *client,
                                             struct sl_error *error);
void sl_node_keys_finish(struct sl_node_keys *keys);

/* A certificate of the database; the caller's. */
SL_MUST_USE enum sl_status sl_entry_certificate(gnutls_x509_crt_t *out, const struct sl_entry *entry,
                                                struct sl_error *error);

/* Signs both, but no key of a certificate that was revoked for a reason: SL_UNTRUSTED. subject->purpose is not looked
 * at. On failure `out` is for sl_node_certificates_finish, too. */
SL_MUST_USE enum sl_status sl_node_certify(struct sl_authority *authority, struct sl_node_certificates *out,
                                           const struct sl_node_keys *keys, const struct sl_node_subject *subject,
                                           struct sl_error *error);
void sl_node_certificates_finish(struct sl_node_certificates *certificates);

/* Writes the file, mode 0644. */
SL_MUST_USE enum sl_status sl_answer_write(const struct sl_authority *authority,
                                           const struct sl_node_certificates *certificates, const char *path,
                                           struct sl_error *error);

#endif
