/* The one decision to let a peer in. It reads from top to bottom in admit.c; nothing else in the program admits
 * anybody. */
#ifndef SL_ADMIT_ADMIT_H
#define SL_ADMIT_ADMIT_H

#include <stdbool.h>

#include "identity/identity.h"

enum { SL_EXPORTER_SIZE = 32 };

/* What ties a HELLO to one mutual handshake: its exporter, and the public keys of the certificates that both ends
 * showed in it (SHA-256 of the SubjectPublicKeyInfo). */
struct sl_admit_binding {
    uint8_t exporter[SL_EXPORTER_SIZE];
    uint8_t accepter_key[SL_KEY_DIGEST_SIZE]; /* of its server certificate */
    uint8_t dialler_key[SL_KEY_DIGEST_SIZE];  /* of its client certificate */
};

/* All that is known about a peer when the decision is due: the mutual handshake is done and the peer's HELLO has been
 * read. "TLS" is that mutual session, whether it is the connection itself (mtls) or inside one (tls, clear). */
struct sl_admit_request {
    bool dialled;                         /* we are the TLS client: the TLS chain is a server chain */
    enum sl_connection_security security; /* of the connection, by our own settings */
    bool outer_checked;                   /* tls, dialled: the outer session has found the server's certificate good and
                                             serving the host that was dialled (transport/outer.c) */
    const char *dialled_host;             /* what was dialled; NULL when accepted */
    const char *expected_node;            /* NULL: any member */
    const struct sl_bytes *tls_chain;     /* leaf first */
    size_t tls_count;
    const char *hello_flock, *hello_node; /* what HELLO claims */
    /* The next four are an accepter's: who dialled has shown its client certificate in TLS, and its key. */
    const struct sl_bytes *hello_chain; /* HELLO's client certificate chain, leaf first */
    size_t hello_count;
    struct sl_delegation delegation;     /* to a key of its process, by the client key */
    struct sl_bytes hello_proof;         /* signature by the delegated key over sl_admit_proof_message */
    uint8_t exporter[SL_EXPORTER_SIZE];  /* of the mutual session */
    uint8_t own_key[SL_KEY_DIGEST_SIZE]; /* of the certificate that we showed in it */
    uint64_t boot;                       /* HELLO's boot nonce */
    const char *expelled;                /* why the node that HELLO claims is kept out of the flock; NULL: it is not */
};

/* SL_OK and the peer's client credential (the caller's reference; its messages are verified with it), or SL_UNTRUSTED
 * or SL_MISMATCH with the reason in one line. */
SL_MUST_USE enum sl_status sl_admit_decide(struct sl_credential **out, const struct sl_identity *self,
                                           const struct sl_admit_request *request, struct sl_error *reason);

/* What the accepter's proof signs: "starling hello 3" 0x00, the exporter, the digest of the accepter's key, that of the
 * dialler's, the accepter's boot nonce (8 bytes, big-endian). */
enum { SL_PROOF_MESSAGE_SIZE = 17 + SL_EXPORTER_SIZE + 2 * SL_KEY_DIGEST_SIZE + 8 };
void sl_admit_proof_message(uint8_t out[SL_PROOF_MESSAGE_SIZE], const struct sl_admit_binding *binding, uint64_t boot);

#endif
