/* An authority at work: its key is open, its database locked. */
#ifndef SL_IDENTITY_AUTHORITY_H
#define SL_IDENTITY_AUTHORITY_H

#include "identity/database.h"
#include "identity/revocation.h"

#define SL_AUTHORITY_CERTIFICATE "ca.pem"
#define SL_AUTHORITY_KEY "ca.key"
#define SL_AUTHORITY_LISTS "crl.pem"

struct sl_authority {
    struct sl_certificates certificates; /* of ca.pem, its own first */
    struct sl_issuer issuer;             /* the first of them, and ca.key */
    char flock[SL_NAME_SIZE];            /* its subject's organisation */
    struct sl_database database;
    struct sl_revocations lists; /* of crl.pem: its own and those of the authorities above */
    char *lists_path;
};

/* The part that needs no key: certificates, flock, lists, and the database for reading. On failure nothing is held. */
SL_MUST_USE enum sl_status sl_authority_read(struct sl_authority *authority, const char *folder,
                                             struct sl_error *error);
/* Checks that the key is the certificate's and that the authority is valid now, and waits for other writers. Afterwards
 * the list on the disk is that of the database: one that a crash kept from being written is made now, and an authority
 * older than its database gets both. `crl_days` is of a list that is made now; 0: as the last one. On failure nothing
 * is held. */
SL_MUST_USE enum sl_status sl_authority_open(struct sl_authority *authority, const struct sl_authority_access *access,
                                             unsigned crl_days, struct sl_error *error);
void sl_authority_finish(struct sl_authority *authority);

/* Its own list among them; NULL: none. */
struct sl_revocation_list *sl_authority_own_list(const struct sl_authority *authority);
/* Makes the list anew and writes it: number and entry in the database first. `days` 0: as the last one. Commits what is
 * pending, too. */
SL_MUST_USE enum sl_status sl_authority_relist(struct sl_authority *authority, unsigned days, struct sl_error *error);

/* SL_EXISTS where a good certificate has this name, unless `replace`: then it is revoked with the next commit. */
SL_MUST_USE enum sl_status sl_authority_claim_name(struct sl_authority *authority, const char *name, bool replace,
                                                   struct sl_error *error);
/* Signs, under a serial number that the database does not know, and readies the entry. */
SL_MUST_USE enum sl_status sl_authority_certify(struct sl_authority *authority, gnutls_x509_crt_t *out,
                                                gnutls_pubkey_t key, const struct sl_node_subject *subject,
                                                struct sl_error *error);
SL_MUST_USE enum sl_status sl_authority_certify_authority(struct sl_authority *authority, gnutls_x509_crt_t *out,
                                                          gnutls_pubkey_t key,
                                                          const struct sl_authority_subject *subject,
                                                          struct sl_error *error);
/* The same certificate of an authority anew, for `days`. */
SL_MUST_USE enum sl_status sl_authority_certify_again(struct sl_authority *authority, gnutls_x509_crt_t *out,
                                                      gnutls_x509_crt_t former, const char *name, unsigned days,
                                                      struct sl_error *error);
/* Writes down what was readied, and makes the list anew where something was revoked. Only then may certificates leave.
 */
SL_MUST_USE enum sl_status sl_authority_commit(struct sl_authority *authority, struct sl_error *error);
/* Revokes what was committed since the database had `count` entries: it never left after all. What fails here the next
 * writer cannot know; it is harmless. */
void sl_authority_withdraw(struct sl_authority *authority, size_t count);

/* Appends PEM: a certificate with those that lead to its root, or all that nodes trust. */
SL_MUST_USE enum sl_status sl_authority_append_chain(const struct sl_authority *authority, struct sl_buffer *out,
                                                     gnutls_x509_crt_t certificate, struct sl_error *error);
SL_MUST_USE enum sl_status sl_authority_append_trust(const struct sl_authority *authority, struct sl_buffer *out,
                                                     struct sl_error *error);
/* By name and by signature, whatever the dates are. */
bool sl_certificate_is_signed_by(gnutls_x509_crt_t certificate, gnutls_x509_crt_t issuer);
/* Whether nothing in the file issued this one: what nodes have to trust. */
bool sl_certificates_is_root(const struct sl_certificates *certificates, unsigned index);
SL_MUST_USE enum sl_status sl_certificate_append(struct sl_buffer *out, gnutls_x509_crt_t certificate,
                                                 struct sl_error *error);

#endif
