/* What the client of an outer TLS session holds the server's certificate against: the authorities of the way
 * (transport.peers' custom_ca_cert, or identity.ca) and the host that was dialled. Such a certificate may be any
 * proxy's: it needs no node's name. */
#ifndef SL_TRANSPORT_OUTER_H
#define SL_TRANSPORT_OUTER_H

#include "transport/tls.h"

/* `chain` leaf first. SL_UNTRUSTED with the reason in one line. */
SL_MUST_USE enum sl_status sl_outer_check(const struct sl_tls_outer *outer, const struct sl_identity *identity,
                                          const struct sl_bytes *chain, size_t count, struct sl_error *error);
/* Not a literal address: may be said as SNI. */
bool sl_outer_is_dns_name(const char *host);

/* Reads the authorities of a PEM file. *out is the caller's, freed with gnutls_x509_trust_list_deinit(…, 1). The error
 * names the file. */
SL_MUST_USE enum sl_status sl_outer_trust_read(gnutls_x509_trust_list_t *out, const char *path, struct sl_error *error);

#endif
