/* A TCP relay in the rig's loop, for what a network does: it can go silent without an end. */
#ifndef RELAY_H
#define RELAY_H

#include <event2/event_struct.h>

#include "rig.h"

enum { RELAY_PAIRS_MAX = 8 };

struct relay_end {
    struct relay *relay;
    struct relay_end *other;
    int fd; /* −1: closed */
    struct event readable;
};

struct relay {
    int listener;
    struct event acceptable;
    uint16_t port, to;
    char address[32];
    struct relay_end ends[RELAY_PAIRS_MAX][2];
    size_t count;
    bool silent; /* nothing passes any more, not even an end */
};

void relay_init(struct relay *relay, struct rig *rig, uint16_t to);
void relay_finish(struct relay *relay);

#endif
