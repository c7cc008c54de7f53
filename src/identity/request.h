/* Certificate requests of a node, made and read. */
#ifndef SL_IDENTITY_REQUEST_H
#define SL_IDENTITY_REQUEST_H

#include "base/buffer.h"
#include "identity/issue.h"

enum { SL_REQUEST_FILE_MAX = 1 << 16, SL_REQUEST_HOSTS_MAX = 16, SL_REQUEST_HOST_SIZE = 256 };

struct sl_request {
    char flock[SL_NAME_SIZE], node[SL_NAME_SIZE];
    char hosts[SL_REQUEST_HOSTS_MAX][SL_REQUEST_HOST_SIZE];
    size_t host_count;
    gnutls_pubkey_t server, client;
    char fingerprint[2 * 32 + 1];
};

/* Appends one request as PEM. subject->days is not asked for. */
SL_MUST_USE enum sl_status sl_request_append(struct sl_buffer *out, gnutls_x509_privkey_t key, gnutls_privkey_t signer,
                                             const struct sl_node_subject *subject, struct sl_error *error);

/* Reads the text of a file, which may hold anything: exactly two requests, one for a server and one for a client, with
 * good signatures, strong keys and the same names: one URI starling://FLOCK/NODE, hosts, nothing else. *out is the
 * caller's. */
SL_MUST_USE enum sl_status sl_request_parse(struct sl_request **out, const char *text, size_t length,
                                            struct sl_error *error);

/* The hosts as the options of kits take them; they point into the request. */
void sl_request_hosts(const struct sl_request *request, const char *out[SL_REQUEST_HOSTS_MAX]);

/* DNS names and IP literals out of alternative names, and flock and node out of their one URI; anything else is
 * refused, SL_FORMAT. `get` gives name number `index` into at most *size bytes with its type, or a code of GnuTLS. */
struct sl_names {
    char flock[SL_NAME_SIZE], node[SL_NAME_SIZE];
    char hosts[SL_REQUEST_HOSTS_MAX][SL_REQUEST_HOST_SIZE];
    size_t host_count;
    unsigned uris;
};
SL_MUST_USE enum sl_status sl_names_add(struct sl_names *names, unsigned type, const uint8_t *data, size_t length,
                                        struct sl_error *error);
/* All of a certificate. */
SL_MUST_USE enum sl_status sl_names_of_certificate(struct sl_names *names, gnutls_x509_crt_t certificate,
                                                   struct sl_error *error);

void sl_public_key_text(char out[64], gnutls_pubkey_t key); /* "ECDSA, 256 bits" */

#endif
