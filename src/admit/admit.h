/* The one decision to let a peer in. It reads from top to bottom in admit.c; nothing else in the program admits
 * anybody. */
#ifndef SL_ADMIT_ADMIT_H
#define SL_ADMIT_ADMIT_H

#include <stdbool.h>

#include "identity/identity.h"

enum { SL_EXPORTER_SIZE = 32 };

/* All that is known about a peer when the decision is due: TLS is up and the peer's HELLO has been read. */
struct sl_admit_request {
    bool dialled;                     /* we are the TLS client: the TLS chain is a server chain */
    const char *dialled_host;         /* what was dialled, checked against the server certificate; NULL when accepted */
    const char *expected_node;        /* NULL: any member */
    const struct sl_bytes *tls_chain; /* leaf first */
    size_t tls_count;
    const char *hello_flock, *hello_node; /* what HELLO claims */
    const struct sl_bytes *hello_chain;   /* HELLO's client certificate chain, leaf first */
    size_t hello_count;
    struct sl_bytes hello_proof;        /* signature by the client key over sl_admit_proof_message */
    uint8_t exporter[SL_EXPORTER_SIZE]; /* of this TLS session */
    uint64_t boot;                      /* HELLO's boot nonce */
};

/* SL_OK and the peer's client credential (the caller's reference; its messages are verified with it), or SL_UNTRUSTED
 * or SL_MISMATCH with the reason in one line. */
SL_MUST_USE enum sl_status sl_admit_decide(struct sl_credential **out, const struct sl_identity *self,
                                           const struct sl_admit_request *request, struct sl_error *reason);

/* What HELLO's proof signs: "starling hello 1" 0x00, the exporter, the signer's role (0x01 dialler, 0x02 accepter),
 * boot nonce (8 bytes, big-endian): a chain that is merely sent proves nothing. */
enum { SL_PROOF_MESSAGE_SIZE = 17 + SL_EXPORTER_SIZE + 1 + 8 };
void sl_admit_proof_message(uint8_t out[SL_PROOF_MESSAGE_SIZE], const uint8_t exporter[SL_EXPORTER_SIZE], bool dialler,
                            uint64_t boot);

#endif
