/* A peer that is no starling: plain TCP or bare GnuTLS on a thread of its own, with blocking calls. */
#ifndef BARE_H
#define BARE_H

#include <pthread.h>
#include <stdatomic.h>

#include "rig.h"

struct bare {
    /* What to do; zero: a TLS client without a certificate that says nothing and reads to the end. */
    uint16_t port; /* to dial; 0: it listens and gets one */
    bool listens;
    bool plain;                      /* no TLS at all */
    bool cut;                        /* after sending: closes the socket without close_notify */
    const struct sl_test_pair *pair; /* its certificate */
    const char *priorities;          /* NULL: "NORMAL" */
    const uint8_t *bytes;            /* sent after the handshake, `repeat` times or until it fails */
    size_t length, repeat;

    /* What came of it, once `done`. */
    int handshake;   /* GnuTLS's result */
    int alert;       /* received; −1: none */
    size_t received; /* bytes of plaintext */
    bool ended_well; /* close_notify */
    uint8_t first[16];
    size_t done;

    int listener;
    pthread_t thread;
    atomic_int finished;
};

void bare_start(struct bare *bare);
/* Runs the rig's loop until the bare peer is done. */
void bare_wait(struct bare *bare, struct rig *rig);

#endif
