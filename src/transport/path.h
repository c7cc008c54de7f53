/* The ways to and from other nodes: what secures the outermost connection of each address that is listened on or
 * dialled. A way comes from our own settings alone; nothing that a peer says or advertises changes it.
 *
 *     mtls   socket → TLS, both certificates → frames
 *     tls    socket → TLS, the server's certificate → frames that carry the mutual handshake → frames with tags
 *     clear  socket → frames that carry the mutual handshake → frames with tags */
#ifndef SL_TRANSPORT_PATH_H
#define SL_TRANSPORT_PATH_H

#include <gnutls/x509.h>

#include "base/address.h"
#include "settings/settings.h"
#include <starling/name.h>

/* Of one connection. The listener has one for all that it accepts; a dial makes one for each address that it tries. */
struct sl_path {
    enum sl_connection_security security;
    /* tls, dialled: where that is which the outer server's certificate must chain to (transport.peers' custom_ca_cert),
     * borrowed from struct sl_paths, which may renew it; NULL, or of NULL: identity.ca. */
    const gnutls_x509_trust_list_t *trust;
    /* Dialled: the host as it was dialled, a DNS name or a literal, that the outermost certificate must serve (copied
     * by the connection); NULL: accepted. */
    const char *host;
};

/* A rule of transport.peers, its address in canonical form, its trust read. */
struct sl_path_rule {
    char address[SL_ADDRESS_SIZE];
    char node[SL_NAME_SIZE]; /* "": whoever is there; else this node is dialled there and nowhere else */
    enum sl_connection_security security;
    gnutls_x509_trust_list_t trust; /* NULL: identity.ca */
};

struct sl_paths {
    enum sl_connection_security security; /* of all that no rule names: transport.connection_security */
    struct sl_path_rule *rules;
    size_t count;
};

/* Reads every custom_ca_cert: SL_SETTINGS, SL_NOT_FOUND or SL_FORMAT names the rule and the file. On failure *paths is
 * as sl_paths_finish leaves it. */
SL_MUST_USE enum sl_status sl_paths_init(struct sl_paths *paths, const struct sl_settings *settings,
                                         struct sl_error *error);
void sl_paths_finish(struct sl_paths *paths);
/* Takes the authorities that `fresh`, of the same settings, has read; gets those of before. */
void sl_paths_swap_trust(struct sl_paths *paths, struct sl_paths *fresh);

/* The way to `target`, whose host it borrows. */
struct sl_path sl_path_to(const struct sl_paths *paths, const struct sl_address *target);
/* The node that must be at `target`; "": whoever is there. */
const char *sl_path_node(const struct sl_paths *paths, const struct sl_address *target);
/* Where `node` is dialled whatever it advertises: the canonical address of the rule that pins it; NULL: none does. */
const char *sl_path_pinned(const struct sl_paths *paths, const char *node);

/* "mtls", "tls", "clear", as in the settings and the log. */
const char *sl_security_text(enum sl_connection_security security);

#endif
