/* Mutual TLS 1.3 with nothing but GnuTLS and sockets: what our handshake stands beside. It shares no code with src. Any
 * failure ends the program. */
#ifndef HANDSHAKE_BARE_H
#define HANDSHAKE_BARE_H

#include <stdint.h>

#include <gnutls/x509.h>

struct bare {
    gnutls_certificate_credentials_t server, client;
    gnutls_priority_t priorities;
    gnutls_datum_t third; /* the server node's client certificate, which our dialler gets in HELLO */
    gnutls_x509_trust_list_t trust;
    int listener;
    uint16_t port;
};

/* FOLDER/server and FOLDER/client (FOLDER/n0000 where that is not there): certificates, keys, and ca.pem. */
void bare_open(struct bare *bare, const char *folder, const char *priorities);
void bare_close(struct bare *bare);
/* Both ends in turn: connected, each chain verified for its purpose, and the third one at the client; close_notify both
 * ways, closed. */
void bare_shake(struct bare *bare);
/* One end, blocking; the session stays open, and with the program, too. */
void bare_dial(struct bare *bare);
void bare_accept(struct bare *bare);

#endif
